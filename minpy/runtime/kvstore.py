"""MXNet's KVStore: sums arrays over the workers of a job, by its parameter servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from minpy.runtime.engine import mx
from minpy.runtime.native import empty, wait

#: What a server can add up; others end its process.
DTYPES = frozenset(map(numpy.dtype, ("float32", "float64", "float16")))


class Store:
    """A KVStore without an optimizer: of what all workers push under a key they pull the sum.

    Args:
        kind: 'dist_sync' and 'dist_device_sync' are of a job, 'local' and 'device' of this process alone.

    Attributes:
        rank: the number of this worker, as the scheduler gives it.
        size: how many workers there are.
    """

    def __init__(self, kind: str):
        self._kv = mx.kv.create(kind)
        self.rank, self.size = self._kv.rank, self._kv.num_workers
        self._known: set[int] = set()
        self._is_compressed = False

    def declare(self, key: int, array: Any) -> None:
        """Let the servers know a key, before it is first used, by an array of its shape and dtype."""
        if key not in self._known:
            zeros = empty(array.shape, numpy.dtype(array.dtype))
            zeros[:] = 0
            self._kv.init(key, zeros)
            self._known.add(key)

    def reduce(self, keys: Sequence[int], arrays: Sequence[Any]) -> None:
        """Replace MXNet's arrays by their sums over all workers, the first with the highest priority.

        A key must not be used again before its sum is there, since servers count pushes, not workers.
        """
        for priority, (key, array) in enumerate(zip(keys, arrays)):
            self.declare(key, array)
            if self._is_compressed:
                self._kv.push(key, array, priority=-priority)
                self._kv.pull(key, out=array, priority=-priority)
            else:
                self._kv.pushpull(key, array, out=array, priority=-priority)
        wait(arrays)

    def add(self, keys: Sequence[int], arrays: Sequence[Sequence[Any]]) -> None:
        """Replace the arrays of each key, which are on several devices of this process, by their sum."""
        for key, copies in zip(keys, arrays):
            self.declare(key, copies[0])
            self._kv.pushpull(key, list(copies), out=list(copies))
        wait([array for copies in arrays for array in copies])

    def compress(self, threshold: float) -> None:
        """From now on push 2 bits for each number of float32: -threshold, 0 or threshold.

        What is left of a number is added to the next one under its key.
        """
        self._kv.set_gradient_compression({"type": "2bit", "threshold": threshold})
        self._is_compressed = True
        self.barrier()  # the servers know

    def barrier(self) -> None:
        """Wait for all workers."""
        self._kv._barrier()

    def close(self, waits: bool = True) -> None:
        """Wait until all workers are here, unless said otherwise, then end the servers and the scheduler."""
        mx.base.check_call(mx.base._LIB.MXKVStoreSetBarrierBeforeExit(self._kv.handle, int(waits)))
        del self._kv
