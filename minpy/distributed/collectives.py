"""What all workers of a job do together: every worker has to call these, in the same order."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy

from minpy.errors import DistributedError, DTypeError
from minpy.runtime.array import Array
from minpy.runtime.kvstore import DTYPES, Store
from minpy.runtime.liveness import Member
from minpy.runtime.native import MXNetError, short_message
from minpy.runtime.roles import role
from minpy.runtime.tree import leaves, rebuild

#: KVStores whose workers stay in step. The asynchronous one would give other results in each run.
KINDS = ("dist_sync", "dist_device_sync")
OPERATIONS = ("mean", "sum")
#: the exit status after Ctrl-C
_INTERRUPTED = 128 + signal.SIGINT
#: of what is sent; a key larger than a million elements is shared out among all servers
_BUCKET = 1 << 20


class Group:
    """The workers of this job. There is one object in a process; see ``init``.

    Attributes:
        rank: the number of this worker, from 0.
        size: how many there are.
        threshold: of the compression of gradients; None without.
        sent: bytes of the numbers that were pushed so far.
    """

    def __init__(self, kind: str):
        self._store: Store | None = None
        self.rank, self.size, self.kind = 0, 1, kind
        self.threshold: float | None = None
        self.sent = 0
        self._keys: dict[tuple[int, Any, int], int] = {}
        if role() is not None:
            self._join()

    def _join(self) -> None:
        given = os.environ.get("MINPY_RANK")
        where = f"process {os.getpid()} on {socket.gethostname()}"
        self._member = Member(f"a worker ({where})" if given is None else f"rank {given}", "worker")
        with self.waiting():
            self._store = Store(self.kind)
        self.size = self._store.size
        self.rank = self._store.rank if given is None else int(given)
        self._member.rename(f"rank {self.rank}")
        atexit.register(self._leave)
        sys.excepthook = self._failed
        self._require_float64()

    def _require_float64(self) -> None:
        number = 1 + 2.0**-40
        (found,) = self.sums([numpy.array([number])])
        if found[0] != number * self.size:
            raise DistributedError(
                "the servers add up float64 in float32; start them by python -m minpy launch, or as "
                "DMLC_ROLE=server python -c 'import minpy'"
            )

    def _leave(self) -> None:
        """At the end of the program: wait for the others, then end scheduler and servers."""
        assert self._store is not None
        self._store.close(waits=self._member.leave())
        self._store = None

    def _failed(self, kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        """What nobody has caught ends all workers; MXNet would wait for them at the end of the program."""
        sys.__excepthook__(kind, error, traceback)
        text = short_message(error) if isinstance(error, MXNetError) else str(error)
        self._member.fail(f"rank {self.rank} has ended with {kind.__name__}: {text}".splitlines()[0])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1)

    def reduce(self, buckets: Sequence[Array]) -> None:
        """Replace flat arrays by their sums over all workers; those of float32 may be compressed."""
        if self._store is None:
            return
        keys = [self._key(i, bucket) for i, bucket in enumerate(buckets)]
        with self.waiting():
            self._store.reduce(keys, [bucket.asmxnet() for bucket in buckets])
        self.sent += sum(_sent_bytes(bucket, self.threshold) for bucket in buckets)

    def _key(self, position: int, bucket: Any) -> int:
        """Arrays of the same size and dtype have the same key, where they are not under way together."""
        return self._keys.setdefault((position, bucket.dtype, bucket.size), len(self._keys))

    def sums(self, arrays: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
        """Sums of flat arrays of one of ``DTYPES`` over all workers, which are never compressed."""
        if self._store is None:
            return list(arrays)
        if self.threshold is not None:
            return [self._bits(x, self.rank, self.size).sum(0, dtype=x.dtype) for x in arrays]
        found = [Array(x.copy()) for x in arrays]
        self.reduce(found)
        return [numpy.asarray(x) for x in found]

    def _bits(self, x: numpy.ndarray, place: int, places: int) -> numpy.ndarray:
        """The arrays of all workers, one in each place, where only 0 and the threshold come through.

        Each bit is an element of its own. Nothing is left over of these two, so nothing is added later.
        """
        assert self.threshold is not None
        bits = numpy.zeros((places, x.nbytes * 8), "float32")
        bits[place] = numpy.unpackbits(numpy.ascontiguousarray(x).view("uint8")) * self.threshold
        flat = Array(bits.reshape(-1))
        self.reduce([flat])
        whole = numpy.packbits(numpy.asarray(flat).reshape(bits.shape) > self.threshold / 2, axis=1)
        return whole.view(x.dtype)

    def first(self, data: numpy.ndarray) -> numpy.ndarray:
        """The bytes that worker 0 has, a flat array of uint8, of the same length on all workers."""
        if self._store is None or not data.size:
            return data
        own = data if self.rank == 0 else numpy.zeros_like(data)
        parts = []
        for start in range(0, len(own), 2 * _BUCKET):
            part = own[start : start + 2 * _BUCKET]
            if self.threshold is not None:
                parts.append(self._bits(part, 0, 1)[0])
            else:  # two bytes in a number, since a server adds, and a sum of other bits could be changed
                words = numpy.zeros(-(-len(part) // 2), "uint16")
                words.view("uint8")[: len(part)] = part
                (words,) = self.sums([words.astype("float32")])
                parts.append(words.astype("uint16").view("uint8")[: len(part)])
        return numpy.concatenate(parts)

    def compress(self, threshold: float) -> None:
        """Compress what ``reduce`` sends of float32 to 2 bits a number."""
        if not threshold > 0:
            raise ValueError(f"the threshold of compression is a positive number, not {threshold!r}")
        if self.threshold not in (None, threshold):
            raise ValueError(f"gradients are compressed with the threshold {self.threshold} already")
        if self._store is not None and self.threshold is None:
            self._store.compress(threshold)
            self.threshold = threshold

    def barrier(self) -> None:
        """Wait for all workers."""
        if self._store is not None:
            with self.waiting():
                self._store.barrier()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """``with group.waiting():`` this worker waits for the others."""
        self._member.wait()
        yield
        self._member.go_on()


def _sent_bytes(bucket: Array, threshold: float | None) -> int:
    """The bytes of a push: 16 numbers are 4 bytes where they are compressed."""
    return bucket.size * bucket.dtype.itemsize if threshold is None else -(-bucket.size // 16) * 4


_group: Group | None = None


def init(kvstore: str = "dist_sync") -> Group:
    """Join the job that the variables ``DMLC_*`` of the environment describe; called by itself when needed.

    Without them there is no job, and this process is the only worker.

    Args:
        kvstore: 'dist_sync', or 'dist_device_sync', which adds up the arrays of several GPUs on them.

    Raises:
        ValueError: for another kind, or where the process has joined with another one.
        DistributedError: a variable is missing.
    """
    global _group
    if kvstore not in KINDS:
        raise ValueError(f"kvstore is one of {KINDS}, not {kvstore!r}")
    if _group is None:
        _group = Group(kvstore)
    if _group.kind != kvstore:
        raise ValueError(f"this process has joined its job with {_group.kind!r} already, not {kvstore!r}")
    return _group


def group() -> Group:
    """The workers of this job, which it joins now if it has not before."""
    return _group or init()


def rank() -> int:
    """The number of this worker, from 0."""
    return group().rank


def num_workers() -> int:
    """How many workers the job has."""
    return group().size


def barrier() -> None:
    """Wait until all workers have called this."""
    group().barrier()


def all_reduce(arrays: Any, op: str = "mean") -> Any:
    """The mean or the sum over all workers, which all workers get.

    Args:
        arrays: nested tuples, lists and dicts of arrays of MinPy or NumPy, and of numbers, with the same
            nesting, shapes and dtypes on all workers. Sums of integers are exact up to 2**53; their mean is
            float64.
        op: 'mean' or 'sum'.

    Returns:
        The same nesting.

    Raises:
        ValueError: for another operation, or integers beyond 2**53.
        DTypeError: for complex numbers, and other arrays that are none of real numbers.
    """
    if op not in OPERATIONS:
        raise ValueError(f"op is one of {OPERATIONS}, not {op!r}")
    workers = group()
    given = [(f"arrays{''.join(f'[{s!r}]' for s in steps)}", x) for steps, x in leaves(arrays)]
    flat = [_as_floats(name, x) for name, x in given]
    by_dtype: dict[numpy.dtype, list[int]] = {}
    for i, x in enumerate(flat):
        by_dtype.setdefault(x.dtype, []).append(i)
    sums = workers.sums([numpy.concatenate([flat[i] for i in members]) for members in by_dtype.values()])
    for members, total in zip(by_dtype.values(), sums):
        for i, part in zip(members, numpy.split(total, numpy.cumsum([flat[i].size for i in members])[:-1])):
            flat[i] = part
    found = iter([_like(x, total, op, workers.size) for (_, x), total in zip(given, flat)])
    return rebuild(lambda _: next(found), arrays)


def _as_floats(name: str, x: Any) -> numpy.ndarray:
    """A flat array that servers can add up."""
    array = numpy.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"{name} is an array of {array.dtype}; workers add up real numbers")
    if array.dtype in DTYPES:
        return array.reshape(-1)
    if array.dtype.kind in "iu" and array.size and max(abs(int(array.max())), abs(int(array.min()))) > 2**53:
        raise ValueError(f"{name} has integers beyond 2**53, whose sum over workers would not be exact")
    return array.reshape(-1).astype("float64")


def _like(x: Any, total: numpy.ndarray, op: str, size: int) -> Any:
    """A sum over workers, in the shape and as the kind of array that ``x`` has."""
    array = numpy.asarray(x)
    if op == "mean":
        found = (total / size).astype(array.dtype if array.dtype.kind == "f" else "float64")
    else:
        found = total.astype("int64" if array.dtype.kind == "b" else array.dtype)
    if isinstance(x, (bool, int, float)):
        return found.reshape(()).item()
    found = found.reshape(array.shape)
    return Array(found).as_in_context(x.context) if isinstance(x, Array) else found


def broadcast(arrays: Any) -> Any:
    """What worker 0 gives, which all workers get, bit by bit.

    Args:
        arrays: nested tuples, lists and dicts of arrays of MinPy or NumPy, and of numbers, with the same
            nesting, shapes and dtypes on all workers.

    Returns:
        The same nesting.
    """
    given = [x for _, x in leaves(arrays)]
    if not given:
        return arrays
    flat = [numpy.ascontiguousarray(x).reshape(-1) for x in given]
    if any(x.dtype.hasobject for x in flat):
        raise DTypeError("workers send each other arrays and numbers, not Python objects")
    data = group().first(numpy.concatenate([x.view("uint8") for x in flat]))
    parts = numpy.split(data, numpy.cumsum([x.nbytes for x in flat])[:-1])
    found = iter([_received(x, part) for x, part in zip(given, parts)])
    return rebuild(lambda _: next(found), arrays)


def _received(x: Any, data: numpy.ndarray) -> Any:
    array = numpy.asarray(x)
    found = data.copy().view(array.dtype).reshape(array.shape)
    if isinstance(x, Array):
        return Array(found).as_in_context(x.context)
    return found.item() if isinstance(x, (bool, int, float)) else found


def broadcast_bytes(data: bytes | None) -> bytes | None:
    """The bytes that worker 0 gives, or None, whatever the others give."""
    length = broadcast(-1 if data is None else len(data))
    if length < 0:
        return None
    own = numpy.frombuffer(data, "uint8") if rank() == 0 and data else numpy.zeros(length, "uint8")
    return group().first(own).tobytes()


def require_same(what: str, text: str) -> None:
    """Raise DistributedError where a text, which describes something, is not the same on all workers."""
    if broadcast_bytes(text.encode()) != text.encode():
        different = 1.0
    else:
        different = 0.0
    places = numpy.zeros(num_workers())
    places[rank()] = different
    ranks = numpy.flatnonzero(group().sums([places])[0])
    if len(ranks):
        raise DistributedError(f"{what} is not that of rank 0 on rank {', '.join(map(str, ranks))}")
