"""Values with an axis of a few elements, over which something is reduced, become as many values without it.

    d: float64[200,200,3] = multiply c c           d0 = multiply c0 c0   ...   d2 = multiply c2 c2
    e: float64[200,200] = sum axes=(2,) d    ->    e = add (add d0 d1) d2

So nests go along the long axes, in full vectors, and need no loop for each few elements. A value that
something else takes as a whole is put together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, infer
from minpy.ops import Aval
from minpy.ops.aval import product
from minpy.ops.op import OPS

#: the elements of such an axis, and how many of them there are to each
_MOST, _FEWEST_EACH = 4, 64
#: reductions, and what combines two elements
FOLDS = {
    "sum": "add",
    "mean": "add",
    "prod": "multiply",
    "max": "maximum",
    "min": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}


#: columns of a product with a large matrix that are sums of their own; the least elements of the large one
_MOST_COLUMNS, _LARGE, _FEWEST_ROWS = 8, 1 << 15, 64


class Narrow(NamedTuple):
    """A product of a large matrix and a narrow one, each row or column of which gives a vector of its own.

    Attributes:
        axis: of the result, that of the narrow matrix, counted from the end.
        large, narrow: the factors.
        of: the axis of the narrow factor that becomes ``axis``, counted from the end.
        is_turned: the large factor is to be transposed.
    """

    axis: int
    large: Atom
    narrow: Atom
    of: int
    is_turned: bool


def narrow_product(eqn: Eqn) -> Narrow | None:
    """How an equation is such a product; None where it is none."""
    if eqn.op.name not in ("matmul", "gemm", "narrow_gradient") or eqn.outputs[0].aval.ndim != 2:
        return None
    x, y = eqn.inputs[:2]
    if x.aval.ndim != 2 or y.aval.ndim != 2 or eqn.outputs[0].aval.dtype.kind != "f":
        return None
    flip_x, flip_y = eqn.params.get("transpose_x", False), eqn.params.get("transpose_y", False)
    flip_x = flip_x or eqn.op.name == "narrow_gradient"
    rows, columns = eqn.outputs[0].aval.shape
    inner = x.aval.shape[0 if flip_x else 1]
    if 1 < columns <= _MOST_COLUMNS and min(rows, inner) >= _FEWEST_ROWS and rows * inner >= _LARGE:
        return Narrow(-1, x, y, -2 if flip_y else -1, flip_x)
    is_sum_of_rows = flip_x and not flip_y
    if (
        is_sum_of_rows
        and 1 < rows <= _MOST_COLUMNS
        and min(columns, inner) >= _FEWEST_ROWS
        and columns * inner >= _LARGE
    ):
        return Narrow(-2, y, x, -1, True)
    return None


def taken_apart(body: Graph) -> Graph:
    """The same body, where it pays with components instead of short axes."""
    found = _Wanted(body)
    return _Rewriting(body, found).graph() if found.axes else body


class _Wanted:
    """What is to be taken apart.

    Attributes:
        axes: for computed values the axis, counted from the end.
        shapes: those whose axis is one of a narrow product.
    """

    def __init__(self, body: Graph):
        makers = {var: eqn for eqn in body.eqns for var in eqn.outputs}
        products = {eqn.outputs[0]: found for eqn in body.eqns if (found := narrow_product(eqn))}
        self.axes: dict[Atom, int] = {}
        self.shapes: set[tuple[tuple[int, ...], int]] = set()
        for out, found in products.items():
            self.axes[out] = found.axis
            self.shapes |= {(out.aval.shape, found.axis), (found.narrow.aval.shape, found.of)}
        for eqn in reversed(body.eqns):
            taken: Sequence[Atom] = eqn.inputs
            if eqn.outputs[0] in products:
                taken, axis = [products[eqn.outputs[0]].narrow], products[eqn.outputs[0]].of
            elif eqn.op.name in FOLDS and len(eqn.params["axes"]) == 1:
                axis = eqn.params["axes"][0] - eqn.inputs[0].aval.ndim
            elif eqn.op.elementwise and eqn.outputs[0] in self.axes:
                axis = self.axes[eqn.outputs[0]]
            else:
                continue
            for x in taken:
                maker = makers.get(x) if isinstance(x, Var) else None
                if maker is not None and maker.op.elementwise and self.is_short(x.aval.shape, axis):
                    self.axes.setdefault(x, axis)

    def is_short(self, shape: tuple[int, ...], axis: int) -> bool:
        """Whether an axis, counted from the end, is one to be taken apart."""
        if (shape, axis) in self.shapes:
            return True
        return (
            len(shape) >= -axis and 1 < shape[axis] <= _MOST and product(shape) >= _FEWEST_EACH * shape[axis]
        )


class _Rewriting:
    """
    Attributes:
        parts: for values that were taken apart the axis, counted from the end, and the components.
        is_whole: those of them that were put together again.
    """

    def __init__(self, body: Graph, wanted: _Wanted):
        self.body = body
        self.wanted = wanted
        self.eqns: list[Eqn] = []
        self.parts: dict[Atom, tuple[int, list[Atom]]] = {}
        self.is_whole: set[Atom] = set()
        self._components: dict[tuple[Atom, int, int], Atom] = {}

    def graph(self) -> Graph:
        for eqn in self.body.eqns:
            known = len(self.eqns)
            if not (self._mapped(eqn) or self._folded(eqn) or self._multiplied(eqn)):
                self._join(eqn.inputs)
                self.eqns.append(eqn)
            self.eqns[known:] = [made._replace(loc=made.loc or eqn.loc) for made in self.eqns[known:]]
        self._join(self.body.outputs)
        return self.body._replace(eqns=tuple(self.eqns))

    def _emit(self, name: str, *inputs: Atom, **params: Any) -> Var:
        (aval,) = infer(OPS[name], inputs, params)
        self.eqns.append(Eqn(OPS[name], inputs, params, (Var(aval),), None))
        return self.eqns[-1].outputs[0]

    def _mapped(self, eqn: Eqn) -> bool:
        """An elementwise op on components; false where it stays as it is."""
        if not eqn.op.elementwise or len(eqn.outputs) > 1:
            return False
        out = eqn.outputs[0]
        axes = {self.parts[x][0] for x in eqn.inputs if x in self.parts}
        axes |= {self.wanted.axes[out]} if out in self.wanted.axes else set()
        if len(axes) != 1 or not self.wanted.is_short(out.aval.shape, axis := axes.pop()):
            return False
        count = out.aval.shape[axis]
        operands = [[self._component(x, axis, k, count) for x in eqn.inputs] for k in range(count)]
        want = Aval(_without(out.aval.shape, axis), out.aval.dtype)
        if any(infer(eqn.op, tuple(told), eqn.params) != (want,) for told in operands):
            return False  # a number, where an array was, gives way
        self.parts[out] = axis, []
        for told in operands:
            self.eqns.append(eqn._replace(inputs=tuple(told), outputs=(Var(want),)))
            self.parts[out][1].extend(self.eqns[-1].outputs)
        return True

    def _component(self, x: Atom, axis: int, k: int, count: int) -> Atom:
        """What an op that makes component ``k`` takes of an operand."""
        if x in self.parts and self.parts[x][0] == axis:
            return self.parts[x][1][k]
        shape = x.aval.shape
        if len(shape) < -axis:
            return x
        at = k if shape[axis] == count else 0
        if isinstance(x, Literal):
            return Literal(numpy.take(numpy.asarray(x.value), at, axis))
        if (x, axis, at) not in self._components:
            self._join([x])
            template = (Ellipsis, at, *[("slice", None, None, None)] * (-axis - 1))
            self._components[x, axis, at] = self._emit("index", x, template=template)
        return self._components[x, axis, at]

    def _folded(self, eqn: Eqn) -> bool:
        """A reduction of components; false where there are none."""
        if eqn.op.name not in FOLDS or eqn.inputs[0] not in self.parts:
            return False
        x, out = eqn.inputs[0], eqn.outputs[0]
        axis, components = self.parts[x]
        place = axis + x.aval.ndim
        axes = eqn.params["axes"]
        others = tuple(a - (a > place) for a in axes if a != place)
        if place not in axes:
            params = {"axes": others, "keepdims": eqn.params["keepdims"]}
            found: list[Atom] = [self._emit(eqn.op.name, part, **params) for part in components]
            axis += 0 if params["keepdims"] else sum(a > place for a in axes)
            self.parts[out] = axis, found
            return True
        total = self._cast(components[0], out.aval.dtype)
        for part in components[1:]:
            total = self._emit(FOLDS[eqn.op.name], total, self._cast(part, out.aval.dtype))
        if others:
            name = "sum" if eqn.op.name == "mean" else eqn.op.name
            total = self._emit(name, total, axes=others, keepdims=False)
        if eqn.op.name == "mean":
            count = product(x.aval.shape[a] for a in axes)
            total = self._emit("true_divide", total, Literal(float(count)))
        self.eqns.append(Eqn(OPS["reshape"], (total,), {"shape": out.aval.shape}, (out,), eqn.loc))
        return True

    def _multiplied(self, eqn: Eqn) -> bool:
        """A narrow product, as products with vectors."""
        found = narrow_product(eqn)
        if found is None:
            return False
        self._join([found.large])
        large = found.large
        if found.is_turned:
            large = self._emit("transpose", large, axes=(1, 0))
        parts: list[Atom] = []
        count = found.narrow.aval.shape[found.of]
        for k in range(count):
            vector = self._component(found.narrow, found.of, k, count)
            parts.append(self._emit("matmul", large, vector))
        self.parts[eqn.outputs[0]] = found.axis, parts
        return True

    def _cast(self, x: Atom, dtype: numpy.dtype) -> Atom:
        return x if x.aval.dtype == dtype else self._emit("astype", x, dtype=dtype)

    def _join(self, atoms: Sequence[Atom]) -> None:
        """Put values together that are taken as wholes."""
        for x in atoms:
            if x in self.parts and x not in self.is_whole:
                self.is_whole.add(x)
                axis, components = self.parts[x]
                place = axis + x.aval.ndim
                shape = x.aval.shape
                one = (*shape[:place], 1, *shape[place + 1 :])
                parts = tuple(self._emit("reshape", part, shape=one) for part in components)
                assert isinstance(x, Var)
                self.eqns.append(Eqn(OPS["concatenate"], parts, {"axis": place}, (x,), None))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape) if i != axis + len(shape))
