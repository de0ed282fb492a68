"""Products of the parts of one array with one matrix become a single product ahead of them.

A recurrent loop multiplies the input of each step with the same weights, which takes none of its results:

    a = index template=(0,) x                           r = reshape shape=(steps * batch, inputs) x
    b = matmul a w            ... the same with         p = matmul r w
                                  x[1], x[2]      ->    q = reshape shape=(steps, batch, hidden) p
                                                        b = index template=(0,) q
                                                        ... the same with q[1], q[2]

The parts may be taken along the first or the second axis.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Optional

from minpy.compiler.ir import Atom, Eqn, Graph, Var
from minpy.compiler.passes.patterns import Makers, applied, identity, made
from minpy.ops.keys import WHOLE

#: Fewer products are as fast one by one.
_LEAST_PARTS = 3
#: A step of the loop, as the key of an index has it: its place, and how many axes come before it.
_Place = Optional["tuple[int, int]"]


def hoist_products(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no matrix is multiplied with most parts of an array one by one."""
    makers = {var: eqn for eqn in graph.eqns for var in eqn.outputs}
    groups: dict[Any, list[tuple[Eqn, int]]] = defaultdict(list)
    for eqn in graph.eqns:
        found = _part(eqn, makers)
        if found is not None:
            whole, axis, place = found
            groups[identity(whole), axis, identity(eqn.inputs[1])].append((eqn, place))
    first: dict[Var, list[tuple[Eqn, int]]] = {}
    for (_, axis, _), members in groups.items():
        whole = makers[members[0][0].inputs[0]].inputs[0]  # type: ignore[index]
        places = {place for _, place in members}
        if len(places) >= _LEAST_PARTS and 2 * len(places) >= whole.aval.shape[axis]:
            first[members[0][0].outputs[0]] = members
    if not first:
        return graph
    replaced: dict[Var, Eqn] = {}
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        members = first.get(eqn.outputs[0], [])
        if members:
            eqns.extend(_together(members, makers, replaced))
        eqns.append(replaced.get(eqn.outputs[0], eqn))
    return graph._replace(eqns=tuple(eqns))


def _part(eqn: Eqn, makers: Makers) -> tuple[Atom, int, int] | None:
    """The array whose part an equation multiplies with a matrix, the axis, and the place along it."""
    if eqn.op.name != "matmul" or eqn.inputs[1].aval.ndim != 2:
        return None
    index = made(eqn.inputs[0], "index", makers)
    if index is None or len(index.inputs) > 1:
        return None
    whole, found = index.inputs[0], _place(index.params["template"])
    if found is None or whole.aval.ndim not in (2, 3) or found[1] >= whole.aval.ndim - 1:
        return None
    place, axis = found
    return whole, axis, place % whole.aval.shape[axis]


def _place(template: tuple) -> _Place:
    """The place and the axis of a key that takes one place along the first or the second axis."""
    rest = [entry for entry in template if entry is not Ellipsis]
    while rest and rest[-1] == WHOLE:
        rest.pop()
    is_first = len(rest) == 1 and template[0] is not Ellipsis
    is_second = len(rest) == 2 and rest[0] == WHOLE and Ellipsis not in template[:2]
    if (is_first or is_second) and type(rest[-1]) is int:
        return rest[-1], len(rest) - 1
    return None


def _together(members: list[tuple[Eqn, int]], makers: Makers, replaced: dict[Var, Eqn]) -> list[Eqn]:
    """The one product; ``replaced`` gets the equations that take their parts of it."""
    like, _ = members[0]
    matrix = like.inputs[1]
    whole, axis, _ = _part(like, makers)  # type: ignore[misc]
    *kept, size = whole.aval.shape
    rows: Atom = whole
    made_here: list[Eqn] = []
    if len(kept) > 1:
        made_here.append(applied("reshape", whole, like=like, shape=(kept[0] * kept[1], size)))
        rows = made_here[-1].outputs[0]
    made_here.append(applied("matmul", rows, matrix, like=like))
    if len(kept) > 1:
        shape = (*kept, matrix.aval.shape[1])
        made_here.append(applied("reshape", made_here[-1].outputs[0], like=like, shape=shape))
    result = made_here[-1].outputs[0]
    for eqn, place in members:
        template = (WHOLE,) * axis + (place,)
        index = applied("index", result, like=eqn, template=template)
        replaced[eqn.outputs[0]] = index._replace(outputs=eqn.outputs)
    return made_here
