"""Common subexpressions: ``exp(x) + exp(x)`` computes ``exp(x)`` once."""

from __future__ import annotations

from typing import Any

from minpy.compiler.ir import Atom, Eqn, Graph, Literal


def merge_common_subexpressions(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no two equations apply the same op to the same operands.

    Every op of the table is a pure function of its operands, so the first result serves for all.
    """
    known: dict[Atom, Atom] = {}
    seen: dict[Any, Eqn] = {}
    eqns = []
    for eqn in graph.eqns:
        inputs = tuple([known.get(atom, atom) for atom in eqn.inputs])
        key = (eqn.op, tuple(map(identity, inputs)), hashable(eqn.params))
        first = seen.get(key)
        if first is not None:
            known.update(zip(eqn.outputs, first.outputs))
            continue
        seen[key] = eqn
        eqns.append(Eqn(eqn.op, inputs, eqn.params, eqn.outputs, eqn.loc))
    return Graph(graph.inputs, tuple(eqns), tuple(known.get(atom, atom) for atom in graph.outputs))


def identity(atom: Atom) -> Any:
    """A variable stands for itself; equal constants are the same, 0.0 and -0.0 are not."""
    if not isinstance(atom, Literal):
        return atom
    if atom.aval.size == 1:
        return type(atom.value), atom.aval, repr(atom.value)
    return id(atom.value)


def hashable(params: dict) -> Any:
    """Parameters as a key; what cannot be one stands for itself."""
    return tuple([(name, value if _is_hashable(value) else id(value)) for name, value in params.items()])


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
