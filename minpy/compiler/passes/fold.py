"""Fold constants: ``2 * 3 -> 6``; what depends on no input, or holds no element, is computed now."""

from __future__ import annotations

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, evaluate


def fold_constants(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no equation has only constants as inputs or an empty result.

    An array without elements holds no data, so its content is always known; MXNet's operators are
    not reliable on such arrays and never see one.
    """
    known: dict[Atom, Literal] = {}
    for var in graph.inputs:
        if not var.aval.size:
            known[var] = Literal(numpy.empty(var.aval.shape, var.aval.dtype))
    eqns = []
    for eqn in graph.eqns:
        inputs = tuple(known.get(atom, atom) for atom in eqn.inputs)
        if all(isinstance(atom, Literal) for atom in inputs):
            values = evaluate(eqn.op, [atom.value for atom in inputs], eqn.params)  # type: ignore[union-attr]
            for var, value in zip(eqn.outputs, values):
                known[var] = Literal(value.astype(var.aval.dtype, copy=False))
            continue
        empty = [not var.aval.size for var in eqn.outputs]
        if all(empty) and not eqn.can_fail:
            for var in eqn.outputs:
                known[var] = Literal(numpy.empty(var.aval.shape, var.aval.dtype))
            continue
        eqns.append(Eqn(eqn.op, inputs, eqn.params, eqn.outputs, eqn.loc))
    return Graph(graph.inputs, tuple(eqns), tuple(known.get(atom, atom) for atom in graph.outputs))
