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

import functools
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.compiler.codegen.builder import Value
from minpy.compiler.codegen.components import narrow_product
from minpy.compiler.codegen.functions import Kernel
from minpy.compiler.codegen.translation import INDEXING, takes
from minpy.compiler.cost import flops
from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, evaluate
from minpy.errors import UnsupportedError
from minpy.ops import Aval, Op
from minpy.ops.lowering import STORABLE
from minpy.ops.shape import broadcast_to_op
from minpy.runtime.artefacts import is_uniform
from minpy.runtime.kernels.library import has_gemm


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


#: ``start`` and ``strides`` for each step along the axes
COUNTED = Op(
    "counted",
    numpy=lambda shape, start, strides: (
        start + sum(stride * places for stride, places in zip(strides, numpy.indices(shape, sparse=True)))
    ),
    infer=lambda shape, start, strides: Aval(shape, numpy.dtype("int64")),
    family="kernel",
    doc="Integers that count.",
)


def constants_of(eqn: Eqn) -> dict[int, numpy.ndarray]:
    """The inputs of a kernel that are constant arrays, by number."""
    return {i: numpy.asarray(x.value) for i, x in enumerate(eqn.inputs) if isinstance(x, Literal)}


def in_kernels(eqn: Eqn) -> bool:
    """Whether an equation can stand in a body: loops can do it, and its op computes with these dtypes.

    Of those that may fail kernels check indices and numbers only. What has ``parts`` has to be taken apart
    first.
    """
    atoms = (*eqn.inputs, *eqn.outputs)
    if (
        (eqn.can_fail and eqn.op.name not in _CHECKED)
        or eqn.op.parts is not None
        or any(atom.aval.dtype not in STORABLE for atom in atoms)
    ):
        return False
    inputs = tuple([atom if is_number(atom) else Var(atom.aval) for atom in eqn.inputs])
    if not takes(eqn._replace(inputs=inputs)) or _is_large_product(eqn):
        return False
    return not eqn.op.elementwise or _computes(
        eqn.op, tuple(map(_operand, inputs)), tuple(eqn.params.items()), eqn.outputs[0].aval.dtype
    )


def is_number(atom: Atom) -> bool:
    """Whether an atom is a constant without axes."""
    return isinstance(atom, Literal) and atom.aval.shape == ()


def _operand(atom: Atom) -> tuple[numpy.dtype, Any]:
    """What a scalar rule sees of an operand."""
    return atom.aval.dtype, numpy.asarray(atom.value).item() if isinstance(atom, Literal) else None


@functools.lru_cache(maxsize=4096, typed=True)
def _computes(op: Op, operands: tuple, params: tuple, dtype: numpy.dtype) -> bool:
    """Whether the scalar rule of an op does these dtypes and numbers."""
    if op.scalar is None:
        return False
    k = Kernel()
    values = [Value("%x", x) if number is None else k.constant(number, x) for x, number in operands]
    try:
        op.scalar(k, dtype, *values, **dict(params))
    except UnsupportedError:
        return False
    return True


_CHECKED = ("within", "checked", *INDEXING)

#: Multiplications of a product: of more MXNet's operators, which may be oneDNN's, are as fast where the
#: processor has no wider vectors than BLAS uses.
_MOST_OF_PRODUCT = 1 << 27


def _is_large_product(eqn: Eqn) -> bool:
    is_large = eqn.op.cost == "compute" and flops(eqn) > 2 * _MOST_OF_PRODUCT and not has_gemm()
    return is_large and narrow_product(eqn) is None  # which takes as long as to read the large factor


#: what a kernel takes that takes nothing: MXNet refuses operators from outside without inputs
_NOTHING = Literal(numpy.zeros(1, bool))


def kernel(eqns: Sequence[Eqn], outputs: Sequence[Var]) -> Eqn:
    """Equations as one, which gives these of their variables. It has the line of the first of them."""
    made = {var for eqn in eqns for var in eqn.outputs}
    inputs: dict[int, Atom] = {}  # by the ``id`` of the variable, or of the constant array
    filled: dict[int, Eqn] = {}
    stand_ins: dict[int, Var] = {}

    def inside(atom: Atom) -> Atom:
        if isinstance(atom, Literal):
            return atom if is_number(atom) else stand_in(atom)
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
            elif counted := _counted(array.value):
                filled[key] = Eqn(COUNTED, (), counted, (stand_ins[key],), None)
            else:
                inputs[key] = array
        return stand_ins[key]

    within = [eqn._replace(inputs=tuple(map(inside, eqn.inputs))) for eqn in eqns]
    if not inputs:
        inputs, stand_ins = {0: _NOTHING}, {0: Var(_NOTHING.aval)}
    taken = [stand_ins.get(key, atom) for key, atom in inputs.items()]
    body = Graph(tuple(taken), (*filled.values(), *within), tuple(outputs))  # type: ignore[arg-type]
    return Eqn(KERNEL, tuple(inputs.values()), {"body": body}, tuple(outputs), eqns[0].loc)


def _counted(array: numpy.ndarray) -> dict[str, Any] | None:
    """The params of ``counted`` that give an array; None where nothing counts in it."""
    if array.dtype != numpy.dtype("int64"):
        return None
    first = int(array.reshape(-1)[0])
    rows = [array[(0,) * axis + (slice(2),) + (0,) * (array.ndim - axis - 1)] for axis in range(array.ndim)]
    strides = tuple(int(row[-1]) - first for row in rows)
    params = {"shape": array.shape, "start": first, "strides": strides}
    return params if numpy.array_equal(COUNTED.numpy(**params), array) else None
