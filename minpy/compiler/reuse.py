"""Which results of a graph may take the memory of which inputs.

That is for each input that is given up a result of its shape and dtype that can be computed after everything
else has read it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from minpy.compiler.codegen.program import overwritable
from minpy.compiler.ir import Eqn, Graph
from minpy.compiler.kernel import constants_of
from minpy.ops.aval import product
from minpy.runtime.bound import MOST_BYTES


def pairs(graph: Graph, donated: Collection[int]) -> dict[int, int]:
    """Outputs of a graph by position, and the position of the input whose memory each of them may take.

    None of a graph of small arrays, which are copied anyway, or of one that may have to be run again: only a
    kernel by itself looks whether it fails before it writes there.
    """
    size = sum(product(x.aval.shape) * x.aval.dtype.itemsize for x in (*graph.inputs, *graph.outputs))
    may_fail = any(eqn.can_fail for eqn in graph.eqns)
    if size <= MOST_BYTES or (may_fail and (graph.size > 1 or graph.eqns[0].body is None)):
        return {}
    makers: dict[Any, Eqn] = {var: eqn for eqn in graph.eqns for var in eqn.outputs}
    found: dict[int, int] = {}
    over: dict[int, set[tuple[int, int]]] = {}  # kernels by ``id``, and what each may write over
    later: dict[int, list[int]] = {}  # an equation, by ``id``, and those that have to come before it
    for at in sorted(donated):
        var = graph.inputs[at]
        readers = [eqn for eqn in graph.eqns if var in eqn.inputs]
        if var in graph.outputs or not readers:
            continue
        fitting = [i for i, x in enumerate(graph.outputs) if i not in found and x.aval == var.aval]
        for i in sorted(fitting, key=lambda i: var not in makers[graph.outputs[i]].inputs):
            maker = makers[graph.outputs[i]]
            if not (
                maker.op.elementwise
                or _adds_to(maker, var)
                or _writes_over(maker, graph.outputs[i], var, over)
            ):
                continue
            others = [id(eqn) for eqn in readers if eqn is not maker]
            before = {**later, id(maker): [*later.get(id(maker), ()), *others]}
            if _has_order(graph.eqns, makers, before):
                found[i], later = at, before
                break
    return found


def _adds_to(eqn: Eqn, var: Any) -> bool:
    """Whether an equation adds a product to this matrix, which is no factor of it."""
    return eqn.op.name == "add_gemm" and eqn.inputs[0] is var and var not in eqn.inputs[1:]


def _writes_over(eqn: Eqn, result: Any, var: Any, known: dict[int, set[tuple[int, int]]]) -> bool:
    """Whether a kernel may put a result where an input is."""
    if eqn.body is None or sum(atom is var for atom in eqn.inputs) > 1:
        return False
    at = next((i for i, atom in enumerate(eqn.inputs) if atom is var), None)
    if at is None:
        return True
    if id(eqn) not in known:
        known[id(eqn)] = overwritable(eqn.body, constants_of(eqn))
    return (eqn.outputs.index(result), at) in known[id(eqn)]


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
