"""Equations that hold a graph, their *body*: what one kernel computes.

    c: float32[3], e: float32[] = kernel x y
      c: float32[3] = multiply x y
      d: float32[3] = exp c
      e: float32[] = sum axes=(0,) keepdims=False d
      return c, e

Inputs and outputs belong to those of the body one by one. Constant arrays are inputs; those of which all
elements are the same are made in the body, from a number. ``passes/fuse.py`` makes such equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, evaluate
from minpy.ops import Aval, Op
from minpy.ops.shape import broadcast_to_op
from minpy.runtime.artefacts import is_uniform


def _run(*values: Any, body: Graph) -> tuple[numpy.ndarray, ...]:
    """A body by NumPy, one equation after the other."""
    known: dict[Any, Any] = dict(zip(body.inputs, values))

    def value(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else known[atom]

    for eqn in body.eqns:
        results = evaluate(eqn.op, list(map(value, eqn.inputs)), eqn.params)
        known.update((v, x.astype(v.aval.dtype, copy=False)) for v, x in zip(eqn.outputs, results))
    return tuple(numpy.asarray(value(atom)) for atom in body.outputs)


def _infer(*operands: Any, body: Graph) -> tuple[Aval, ...]:
    return tuple(atom.aval for atom in body.outputs)


#: made for each graph anew, so it is not in the table
KERNEL = Op(
    "kernel", numpy=_run, infer=_infer, family="kernel", doc="What one kernel of machine code computes."
)


def kernel(eqns: Sequence[Eqn], outputs: Sequence[Var]) -> Eqn:
    """Equations as one, which gives these of their variables. It has the line of the first of them."""
    made = {var for eqn in eqns for var in eqn.outputs}
    inputs: dict[int, Atom] = {}  # by the ``id`` of the variable, or of the constant array
    filled: dict[int, Eqn] = {}
    stand_ins: dict[int, Var] = {}

    def inside(atom: Atom) -> Atom:
        if isinstance(atom, Literal):
            return atom if atom.aval.shape == () else stand_in(atom)
        if atom not in made:
            inputs.setdefault(id(atom), atom)
        return atom

    def stand_in(array: Literal) -> Var:
        key = id(array.value)
        if key not in stand_ins:
            stand_ins[key] = Var(array.aval)
            if is_uniform(array.value):
                number, shape = Literal(array.value.reshape(-1)[:1].reshape(())), {"shape": array.aval.shape}
                filled[key] = Eqn(broadcast_to_op, (number,), shape, (stand_ins[key],), None)
            else:
                inputs[key] = array
        return stand_ins[key]

    within = [eqn._replace(inputs=tuple(map(inside, eqn.inputs))) for eqn in eqns]
    taken = [stand_ins.get(key, atom) for key, atom in inputs.items()]
    body = Graph(tuple(taken), (*filled.values(), *within), tuple(outputs))  # type: ignore[arg-type]
    return Eqn(KERNEL, tuple(inputs.values()), {"body": body}, tuple(outputs), eqns[0].loc)
