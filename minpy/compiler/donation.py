"""``jit(donate_argnames=)``: results that take the memory of arguments which the caller gives up.

At compile time ``pairs`` in ``reuse.py`` finds for each of these arrays a result that can take its memory.
In a call it is taken where nobody else sees it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from minpy.compiler.graph_op import GraphOp, run_compiled
from minpy.compiler.program import Program
from minpy.runtime.array import Array
from minpy.runtime.bound import MOST_BYTES
from minpy.runtime.memory import is_private
from minpy.runtime.tape import live_tape

#: Bytes of an array up to which it makes no difference where a result lies.
_WORTH_A_WORD = 1 << 16


class Donation:
    """The inputs of a compiled function that the caller gives up.

    Args:
        names: what the caller calls them, by their position.
    """

    def __init__(self, program: Program, op: GraphOp, names: dict[int, str]):
        self.program, self.op, self.names = program, op, names
        assert op.compiled is not None
        self.compiled = op.compiled
        self.taken = frozenset(op.compiled.reused.values())
        sizes = [x.aval.size * x.aval.dtype.itemsize for x in op.graph.inputs]
        unused = [name for at, name in names.items() if at not in self.taken and sizes[at] > _WORTH_A_WORD]
        if unused and sum(sizes) > MOST_BYTES:
            self._warn(
                "unpaired",
                unused,
                "no result of its shape and dtype can come after all that reads it",
            )

    def call(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Run the graph; afterwards the arrays whose memory was taken have none."""
        values = [array._current() for array in arrays]
        if live_tape(values) is not None:
            return self.op.call(*arrays)
        times = Counter(map(id, values))
        del values
        seen = [at for at in self.taken if times[id(arrays[at]._value)] > 1 or not _is_alone(arrays[at])]
        if seen:
            self._warn("seen", [self.names[at] for at in sorted(seen)], "another array or view still sees it")
        free = self.taken.difference(seen)
        results = run_compiled(self.compiled, [array._current() for array in arrays], free)
        for at in free:
            arrays[at]._value.give_up()
        return tuple(map(Array, results))

    def _warn(self, kind: str, names: list[str], why: str) -> None:
        text = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        self.program.warn_once(kind, f"donate_argnames: the memory of {text} is not used again: {why}")


def _is_alone(array: Array) -> bool:
    """Whether nobody but this handle sees the memory, and MXNet can write to it."""
    value = array._value
    if array._base is not None or value.recorded or sys.getrefcount(value) > _OURS or not value.is_writeable:
        return False
    value.mxnet()
    return value._mxnet is not None and is_private(value)


#: references to a value from its handle, from a local variable, and as an argument
_OURS = 3
