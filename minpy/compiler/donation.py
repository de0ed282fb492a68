"""``jit(donate_argnames=)``: results that take the memory of arguments which the caller gives up.

At compile time ``pairs`` finds for each of these arrays a result of its shape and dtype that can be computed
after everything else has read it. In a call the memory is taken where nobody else sees it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from minpy.compiler.graph_op import GraphOp, run_compiled
from minpy.compiler.ir import Eqn, Graph
from minpy.compiler.program import Program
from minpy.ops.aval import product
from minpy.runtime.array import Array
from minpy.runtime.bound import MOST_BYTES
from minpy.runtime.memory import is_private
from minpy.runtime.tape import live_tape


def pairs(graph: Graph, donated: Collection[int]) -> dict[int, int]:
    """Outputs of a graph by position, and the position of the input whose memory each of them may take.

    None of a graph of small arrays, which are copied anyway, or of one that may have to be run again.
    """
    size = sum(product(x.aval.shape) * x.aval.dtype.itemsize for x in (*graph.inputs, *graph.outputs))
    if size <= MOST_BYTES or any(eqn.can_fail for eqn in graph.eqns):
        return {}
    makers: dict[Any, Eqn] = {var: eqn for eqn in graph.eqns for var in eqn.outputs}
    found: dict[int, int] = {}
    later: dict[int, list[int]] = {}  # an equation, by ``id``, and those that have to come before it
    for at in sorted(donated):
        var = graph.inputs[at]
        readers = [eqn for eqn in graph.eqns if var in eqn.inputs]
        if var in graph.outputs or not readers:
            continue
        fitting = [i for i, x in enumerate(graph.outputs) if i not in found and x.aval == var.aval]
        for i in sorted(fitting, key=lambda i: var not in makers[graph.outputs[i]].inputs):
            maker = makers[graph.outputs[i]]
            if not (maker.op.elementwise or _adds_to(maker, var)):
                continue
            before = {**later, id(maker): [id(eqn) for eqn in readers if eqn is not maker]}
            if _has_order(graph.eqns, makers, before):
                found[i], later = at, before
                break
    return found


def _adds_to(eqn: Eqn, var: Any) -> bool:
    """Whether an equation adds a product to this matrix, which is no factor of it."""
    return eqn.op.name == "add_gemm" and eqn.inputs[0] is var and var not in eqn.inputs[1:]


def _has_order(eqns: Sequence[Eqn], makers: dict[Any, Eqn], before: dict[int, list[int]]) -> bool:
    """Whether the equations can be put in an order in which some come after others besides."""
    waits = {
        id(eqn): {id(makers[x]) for x in eqn.inputs if x in makers}.union(before.get(id(eqn), ()))
        for eqn in eqns
    }
    needed_by: dict[int, list[int]] = {}
    for eqn, others in waits.items():
        for other in others:
            needed_by.setdefault(other, []).append(eqn)
    missing = {eqn: len(others) for eqn, others in waits.items()}
    ready = [eqn for eqn, count in missing.items() if not count]
    done = 0
    while ready:
        done += 1
        for eqn in needed_by.get(ready.pop(), ()):
            missing[eqn] -= 1
            if not missing[eqn]:
                ready.append(eqn)
    return done == len(waits)


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
        size = sum(x.aval.size * x.aval.dtype.itemsize for x in op.graph.inputs)
        unused = [name for at, name in names.items() if at not in self.taken]
        if unused and size > MOST_BYTES:
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
