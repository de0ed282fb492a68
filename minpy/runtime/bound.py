"""A graph that is bound to memory of its own: the quick way through MXNet for small arrays.

A cached graph (``native.CachedGraph``) takes inputs where they are and gives fresh outputs, which costs MXNet
7 us a call, and more for each array. An MXNet executor runs on memory that was fixed when it was bound, which
costs it 1 us. So small inputs are copied into that memory, and small outputs out of it. A graph that is one
program of kernels runs without MXNet, and without copies.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy

from minpy.ops import Aval
from minpy.ops.aval import product
from minpy.runtime import native
from minpy.runtime.objects import is_fast

if not TYPE_CHECKING and is_fast:
    from minpy.runtime import _fast

#: Bytes of inputs and outputs together that are cheaper to copy than to hand over.
MOST_BYTES = 1 << 19

#: Nodes of a graph. An executor of many takes twice as long to make as a cached graph, and a fifth to run.
MOST_NODES = 500
_CALLS, _NEVER = 5, -1


def calls_until_worth(symbol_json: str, arrays: Iterable[Aval]) -> int:
    """After how many calls a graph is worth an executor of its own; -1 for never.

    It has to have small inputs and outputs, and to read nothing but its memory each time.
    """
    if not native.SYNCHRONOUS or sum(product(a.shape) * a.dtype.itemsize for a in arrays) > MOST_BYTES:
        return _NEVER
    if native.is_in_training(symbol_json) or '"control_deps"' in symbol_json:  # MXNet's backward operators
        return _NEVER
    return 0 if symbol_json.count('"op"') <= MOST_NODES else _CALLS


if TYPE_CHECKING:
    from minpy.runtime.kernels.library import Loaded

if TYPE_CHECKING or not is_fast:

    class Bound:
        """An executor, and the memory on the CPU that it reads and writes.

        Args:
            executor: MXNet's.
            inputs: position among the arrays of a call, and the memory that such an array is copied to.
            outputs: the memory that results are copied from.
            one_thread: MXNet's operators run on one thread.
            program, run: the addresses of a program and of what runs it, which ``executor`` stands for then.
                Inputs and outputs say how arrays have to be, and the position of a constant is -1.

        Attributes:
            has_failed: an operator failed, after which MXNet does not run the executor any more.
        """

        def __init__(
            self,
            executor: Any,
            inputs: Sequence[tuple[int, numpy.ndarray]],
            outputs: Sequence[numpy.ndarray],
            one_thread: bool,
            program: int = 0,
            run: int | None = 0,
        ):
            self.has_failed = False
            self._executor = executor
            self._inputs = inputs
            self._outputs = outputs
            self._one_thread = one_thread
            self._lock = threading.Lock()

        def run_into(
            self, arrays: Sequence[numpy.ndarray], memory: Sequence[numpy.ndarray | None]
        ) -> list[numpy.ndarray] | None:
            """Of a program: the results, which take the memory of these arrays where that fits; None where it
            fails."""
            raise NotImplementedError

        def run(self, arrays: Sequence[numpy.ndarray]) -> list[numpy.ndarray] | None:
            """The results, as new arrays; None where another thread is running it, or it fails."""
            if self.has_failed or not self._lock.acquire(blocking=False):
                return None
            try:
                for position, memory in self._inputs:
                    memory[...] = arrays[position]
                self.has_failed = not native.forward(self._executor, self._one_thread)
                return None if self.has_failed else [memory.copy() for memory in self._outputs]
            finally:
                self._lock.release()

else:
    Bound = _fast.Bound
    _fast.set_forward(native.FORWARD, native.SET_THREADS, native.THREADS)


class _OfProgram:
    """A program of kernels as the one thing that a graph does."""

    has_failed = False

    def __init__(self, loaded: Loaded, inputs: Sequence[tuple[int, numpy.ndarray]]):
        self._loaded = loaded
        self._inputs = inputs

    def run(self, arrays: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
        """The results, as new arrays."""
        return self.run_into(arrays, [None] * len(self._loaded.program.outputs))

    def run_into(
        self, arrays: Sequence[numpy.ndarray], memory: Sequence[numpy.ndarray | None]
    ) -> list[numpy.ndarray]:
        """The results, which take the memory of these arrays where that fits."""
        return self._loaded([held if at < 0 else arrays[at] for at, held in self._inputs], memory)


def bind_program(
    loaded: Loaded,
    names: Iterable[str],
    inputs: Mapping[str, tuple[int, Aval]],
    constants: Mapping[str, numpy.ndarray],
) -> Bound:
    """What runs a program of kernels on arrays where they are, any number of calls at a time.

    Args:
        names: of the variables that the program takes.
        inputs, constants: as of ``bind``.
    """
    known = {name: (position, _like(aval)) for name, (position, aval) in inputs.items()}
    given = [known.get(name) or (-1, constants[name]) for name in names]
    if not is_fast:
        return _OfProgram(loaded, given)  # type: ignore[return-value]
    outputs = [_like(aval) for aval in loaded.program.outputs]
    return Bound(loaded, given, outputs, False, loaded.address, loaded.run_address)


def _like(aval: Aval) -> numpy.ndarray:
    """An array of this shape and dtype, of one element in memory."""
    return numpy.broadcast_to(numpy.empty((), aval.dtype), aval.shape)


def bind(
    symbol_json: str,
    inputs: Mapping[str, tuple[int, Aval]],
    constants: Mapping[str, numpy.ndarray],
    outputs: Sequence[Aval],
    one_thread: bool = False,
) -> Bound:
    """Bind a symbol to memory.

    Args:
        inputs: name of a variable of the symbol -> position among the arrays of a call, and what it holds.
        constants: name of a variable of the symbol -> what it always holds.
        outputs: of the symbol; it may have more behind these, which are dropped.
        one_thread: its operators are too small to be shared out among threads.
    """
    symbol = native.symbol_of(symbol_json)
    arrays = {}
    memory: list[tuple[int, numpy.ndarray]] = []
    for name in symbol.list_arguments():
        if name in constants:
            arrays[name] = native.from_numpy(constants[name])
        else:
            position, aval = inputs[name]
            arrays[name] = native.empty(*aval)
            memory.append((position, native.to_numpy(arrays[name], *aval)))
    executor = native.bind(symbol, arrays)
    made = [native.to_numpy(array, *aval) for array, aval in zip(executor.outputs, outputs)]
    return Bound(executor, memory, made, one_thread)
