"""Algebra: equations that can be left out, or are cheaper in another form.

Only what is as exact as before: NumPy's answer stays, bit by bit, or is rounded otherwise where sums are
added up in another order. ``x + 0`` stays, since ``-0.0 + 0`` is ``0.0``, and so does ``x * 0``, nan for nan.

    b = multiply x 1                                ->  b is x; so for x / 1, x - 0, x ** 1
    b = negative (negative x)                       ->  b is x
    b = log (exp x)                                 ->  b is x, also where exp overflows
    b = power x 2                                   ->  b = square x
    b = power x 3                                   ->  b = multiply (square x) x
    b = add x (negative y)                          ->  b = subtract x y; and x - -y
    b = sum axes=(1,) keepdims=False (negative x)   ->  b = negative (sum axes=(1,) keepdims=False x)
    b = multiply (negative x) y                     ->  b = negative (multiply x y); so for division
    b = multiply (const float32[2,3]) x             ->  b = multiply 0.5 x, if all elements are 0.5
    b = multiply (broadcast_to shape=(2, 3) x) y    ->  b = multiply x y, if that has the shape too
    b = sum axes=(0,) (broadcast_to shape=(2, 3) x) ->  b = multiply x 2.0
    b = sum axes=(0,) (sum axes=(1,) x)             ->  b = sum axes=(0, 1) x
    b = mean axes=(0,) (sum axes=(1,) x)            ->  b = true_divide (sum axes=(0, 1) x) 2.0
    b = sum axes=(0, 1) (multiply x y)              ->  b = matmul x y, of both as vectors; so for square x
    b = max axes=(3, 5) of windows of images        ->  b = maximum of slices x[:, :, ::2, ::2] and so on
    b = reshape shape=(6,) (reshape shape=(3, 2) x) ->  b = reshape shape=(6,) x, or x itself
    b = transpose axes=(1, 0) (transpose ... x)     ->  one transpose, or x itself
    b = transpose axes=(0, 2, 1) (matmul (transpose axes=(0, 2, 1) x) y)
                                                    ->  b = matmul (transpose axes=(0, 2, 1) y) x
    b = matmul (transpose axes=(1, 0) x) y          ->  b = gemm transpose_x=True transpose_y=False x y
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, Optional, Union

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Loc, Var, infer
from minpy.compiler.passes.patterns import is_number, made
from minpy.compiler.passes.windows import blocks
from minpy.ops import OPS
from minpy.ops.aval import PYTHON_SCALARS, product
from minpy.ops.keys import WHOLE
from minpy.runtime.artefacts import unrepeated

#: Gives what stands for the result: an atom, or an equation that makes it; None where nothing is better.
Rule = Callable[["_Rewriting", Eqn], Optional[Union[Atom, Eqn]]]
#: So often an equation is changed at most; every rule makes it simpler, so that this is plenty.
_MOST_CHANGES = 8


def simplify(graph: Graph) -> Graph:
    """Accepts any graph; afterwards no equation is one of the left sides of the module's docstring."""
    return _Rewriting(graph).run()


class _Rewriting:
    """One walk over a graph."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.makers: dict[Var, Eqn] = {}
        self.known: dict[Atom, Atom] = {}  # variables that are another atom
        self.eqns: list[Eqn] = []
        self.loc: Loc | None = None
        self.uses = Counter(atom for eqn in graph.eqns for atom in eqn.inputs if isinstance(atom, Var))
        self.uses.update(atom for atom in graph.outputs if isinstance(atom, Var))

    def run(self) -> Graph:
        for eqn in self.graph.eqns:
            self.loc = eqn.loc
            eqn = eqn._replace(inputs=tuple(self.known.get(atom, atom) for atom in eqn.inputs))
            found = self._simplest(eqn)
            if isinstance(found, Eqn):
                self.add(found)
            else:
                self.known[eqn.outputs[0]] = found
                if isinstance(found, Var):
                    self.uses[found] += self.uses[eqn.outputs[0]] - 1
        outputs = tuple(self.known.get(atom, atom) for atom in self.graph.outputs)
        return Graph(self.graph.inputs, tuple(self.eqns), outputs)

    def _simplest(self, eqn: Eqn) -> Atom | Eqn:
        for _ in range(_MOST_CHANGES):
            found = self._simpler(eqn)
            if found is None:
                break
            if not isinstance(found, Eqn):
                return found
            eqn = found._replace(outputs=eqn.outputs, loc=eqn.loc)
        return eqn

    def _simpler(self, eqn: Eqn) -> Atom | Eqn | None:
        """What one of the rules makes of an equation, if shape and dtype stay."""
        for rule in _RULES.get(eqn.op.name, ()):
            found = rule(self, eqn)
            if isinstance(found, Eqn):
                if infer(found.op, found.inputs, found.params) == (eqn.outputs[0].aval,):
                    return found
            elif isinstance(found, Var) and found.aval == eqn.outputs[0].aval:
                return found
        return None

    def made(self, atom: Atom, name: str) -> Eqn | None:
        return made(atom, name, self.makers)

    def only(self, atom: Atom, name: str) -> Eqn | None:
        """The same, if nothing else needs the atom."""
        return self.made(atom, name) if isinstance(atom, Var) and self.uses[atom] <= 1 else None

    def add(self, eqn: Eqn) -> Var:
        self.makers.update(dict.fromkeys(eqn.outputs, eqn))
        self.eqns.append(eqn)
        return eqn.outputs[0]

    def new(self, name: str, *inputs: Atom, **params: Any) -> Var:
        """The result of a new equation before the one that is looked at."""
        op = OPS[name]
        return self.add(Eqn(op, inputs, params, tuple(map(Var, infer(op, inputs, params))), self.loc))


def _becomes(name: str, *inputs: Atom, **params: Any) -> Eqn:
    return Eqn(OPS[name], inputs, params, (), None)


def _is_float(atom: Atom) -> bool:
    return atom.aval.dtype.kind == "f"


# Neutral elements and signs -----------------------------------------------------------------------


def _times_one(_: _Rewriting, eqn: Eqn) -> Atom | None:
    x, y = eqn.inputs
    if eqn.outputs[0].aval.dtype.kind == "c":
        return None  # the product of inf and 0j is nan
    if is_number(y, 1):
        return x
    return y if eqn.op.name == "multiply" and is_number(x, 1) else None


def _minus_zero(_: _Rewriting, eqn: Eqn) -> Atom | None:
    x, y = eqn.inputs
    is_zero = isinstance(y, Literal) and y.aval.dtype.kind in "biuf" and is_number(y, 0)
    return x if is_zero and not numpy.signbit(y.value) else None  # type: ignore[union-attr]


def _power(graph: _Rewriting, eqn: Eqn) -> Atom | Eqn | None:
    x, y = eqn.inputs
    if not _is_float(x):
        return None
    if is_number(y, 1):
        return x
    if is_number(y, 3) and x.aval == eqn.outputs[0].aval:
        return _becomes("multiply", graph.new("square", x), x)
    return _becomes("square", x) if is_number(y, 2) else None


def _inverse(inner: str) -> Rule:
    """An op that undoes what made its operand."""

    def rule(graph: _Rewriting, eqn: Eqn) -> Atom | None:
        found = graph.made(eqn.inputs[0], inner)
        return found.inputs[0] if found is not None and _is_float(found.inputs[0]) else None

    return rule


def _add_negative(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    x, y = eqn.inputs
    for kept, other in ((x, y), (y, x)):
        negated = graph.made(other, "negative")
        if negated is not None and _is_float(other):
            return _becomes("subtract", kept, negated.inputs[0])
    return None


def _subtract_negative(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    negated = graph.made(eqn.inputs[1], "negative")
    return _becomes("add", eqn.inputs[0], negated.inputs[0]) if negated and _is_float(eqn.inputs[1]) else None


def _of_negative(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """The sign behind a product, a quotient or a sum, where it is cheaper or meets another."""
    for position, x in enumerate(eqn.inputs):
        negated = graph.only(x, "negative")
        is_as_large = x.aval.size >= eqn.outputs[0].aval.size
        if negated is not None and is_as_large and _is_float(x):
            inputs = (*eqn.inputs[:position], negated.inputs[0], *eqn.inputs[position + 1 :])
            return _becomes("negative", graph.new(eqn.op.name, *inputs, **eqn.params))
    return None


# Broadcasting -------------------------------------------------------------------------------------


def _of_uniform(_: _Rewriting, eqn: Eqn) -> Eqn | None:
    """A constant array of one number: the number, which MXNet's operators take as an attribute."""
    for position, x in enumerate(eqn.inputs):
        if not isinstance(x, Literal) or isinstance(x.value, PYTHON_SCALARS):
            continue
        if not x.aval.size or not _is_float(x):
            continue
        others = [atom.aval.shape for i, atom in enumerate(eqn.inputs) if i != position]
        first, array = float(x.value.flat[0]), unrepeated(x.value)
        if eqn.outputs[0].aval.shape in others and numpy.isfinite(first) and (array == first).all():
            if first == 0 and numpy.signbit(array).any():
                continue  # perhaps zeros of both signs
            inputs = (*eqn.inputs[:position], Literal(first), *eqn.inputs[position + 1 :])
            return eqn._replace(inputs=inputs)
    return None


def _of_scaled(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """Two numbers one after the other, where their product is exact: one is a power of two."""
    for number, x in (eqn.inputs, eqn.inputs[::-1]):
        inner = graph.made(x, "multiply")
        for other, y in (inner.inputs, inner.inputs[::-1]) if inner is not None else ():
            factors = [
                a.value for a in (number, other) if isinstance(a, Literal) and type(a.value) in (int, float)
            ]
            if len(factors) == 2 and _is_float(y) and any(abs(math.frexp(f)[0]) == 0.5 for f in factors):
                total, limits = float(factors[0]) * factors[1], numpy.finfo(y.aval.dtype)
                if limits.tiny <= abs(total) <= limits.max:
                    return eqn._replace(inputs=(Literal(total), y))
    return None


def _of_broadcast(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """What the op broadcasts by itself."""
    shape = eqn.outputs[0].aval.shape
    for position, x in enumerate(eqn.inputs):
        stretched = graph.made(x, "broadcast_to")
        others = [atom.aval.shape for i, atom in enumerate(eqn.inputs) if i != position]
        if stretched is not None and stretched.inputs[0].aval.ndim and shape in others:
            return eqn._replace(
                inputs=(*eqn.inputs[:position], stretched.inputs[0], *eqn.inputs[position + 1 :])
            )
    return None


def _sum_of_broadcast(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    stretched = graph.made(eqn.inputs[0], "broadcast_to")
    if stretched is None or not _is_float(eqn.inputs[0]):
        return None
    x, shape, axes = stretched.inputs[0], stretched.params["shape"], eqn.params["axes"]
    own = (1,) * (len(shape) - x.aval.ndim) + x.aval.shape
    if any(own[axis] != 1 for axis in axes):
        return None
    count = float(product(shape[axis] for axis in axes))
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    if any(size != own[i] for i, size in enumerate(kept)):
        x = graph.new("broadcast_to", x, shape=kept)
    if x.aval.shape != eqn.outputs[0].aval.shape:
        x = graph.new("reshape", x, shape=eqn.outputs[0].aval.shape)
    return _becomes("multiply", x, Literal(count))


# Sums, products, shapes ---------------------------------------------------------------------------


def _sum_of_sum(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    inner = graph.only(eqn.inputs[0], "sum")
    if inner is None or not _is_float(inner.inputs[0]):
        return None
    x, axes, outer = inner.inputs[0], inner.params["axes"], eqn.params
    if inner.params["keepdims"] != outer["keepdims"] and axes:
        return None
    left = [axis for axis in range(x.aval.ndim) if outer["keepdims"] or axis not in axes]
    together = tuple(sorted({*axes, *(left[axis] for axis in outer["axes"])}))
    return _becomes("sum", x, axes=together, keepdims=outer["keepdims"])


def _sum_of_product(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """The sum of all products of two arrays is a product of vectors."""
    x = eqn.inputs[0]
    if (
        len(eqn.params["axes"]) != x.aval.ndim
        or not x.aval.ndim
        or eqn.params["keepdims"]
        or not _is_float(x)
    ):
        return None
    square, times = graph.only(x, "square"), graph.only(x, "multiply")
    if square is None and times is None:
        return None
    factors = (square.inputs[0],) * 2 if square is not None else times.inputs  # type: ignore[union-attr]
    if any(factor.aval != x.aval for factor in factors):
        return None
    vectors = [graph.new("reshape", factor, shape=(factor.aval.size,)) for factor in dict.fromkeys(factors)]
    return _becomes("matmul", vectors[0], vectors[-1])


def _mean(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """The mean of products, or of sums, as one sum and a division."""
    total = None if eqn.outputs[0].aval.ndim else _sum_of_sum(graph, eqn)
    total = _sum_of_product(graph, total or eqn) or total
    if total is None:
        return None
    count = float(eqn.inputs[0].aval.size)
    return _becomes("true_divide", graph.new(total.op.name, *total.inputs, **total.params), Literal(count))


#: From how many elements on the largest of windows is cheaper as a maximum of slices, and of how large ones.
_MANY, _SMALL = 1 << 10, 16


def _of_blocks(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """The largest elements of windows, in ten times less than MXNet takes to reduce two axes of six."""
    found = blocks(eqn.inputs[0], eqn.params["axes"], graph.makers)
    if found is None or eqn.params["keepdims"] or eqn.outputs[0].aval.size < _MANY:
        return None
    x, (height, width) = found
    if not 1 < height * width <= _SMALL or not _is_float(x):
        return None
    steps = [
        (("slice", i, None, height), ("slice", j, None, width)) for i in range(height) for j in range(width)
    ]
    first, *middle, last = (graph.new("index", x, template=(WHOLE, WHOLE, *step)) for step in steps)
    name = {"max": "maximum", "min": "minimum"}[eqn.op.name]
    for other in middle:
        first = graph.new(name, first, other)
    return _becomes(name, first, last)


def _reshape(graph: _Rewriting, eqn: Eqn) -> Atom | Eqn | None:
    x = eqn.inputs[0]
    if x.aval.shape == eqn.outputs[0].aval.shape:
        return x
    inner = graph.made(x, "reshape")
    return eqn._replace(inputs=inner.inputs) if inner is not None else None


def _transpose(graph: _Rewriting, eqn: Eqn) -> Atom | Eqn | None:
    x, axes = eqn.inputs[0], eqn.params["axes"]
    if axes == tuple(range(len(axes))):
        return x
    inner = graph.made(x, "transpose")
    if inner is None:
        return None
    return _becomes("transpose", inner.inputs[0], axes=tuple(inner.params["axes"][axis] for axis in axes))


def _turned_product(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    """(x.T @ y).T is y.T @ x: rows of the result stay rows in memory, as those of x do."""
    axes, product = eqn.params["axes"], graph.only(eqn.inputs[0], "matmul")
    last = len(axes) - 1
    if product is None or last < 2 or axes[last] != last - 1:
        return None
    x, y = product.inputs
    left = graph.made(x, "transpose")
    if left is None or left.params["axes"][-2:-1] != (last,) or y.aval.ndim != len(axes):
        return None
    swapped = (*range(last - 1), last, last - 1)
    result = graph.new("matmul", _transposed(graph, y, swapped), _transposed(graph, x, swapped))
    return _becomes("transpose", result, axes=tuple(swapped[axis] for axis in axes))


def _transposed(graph: _Rewriting, x: Atom, axes: tuple[int, ...]) -> Atom:
    found = _transpose(graph, _becomes("transpose", x, axes=axes))
    if isinstance(found, Eqn):
        return _transposed(graph, found.inputs[0], found.params["axes"])
    return graph.new("transpose", x, axes=axes) if found is None else found


def _product_of_transposed(graph: _Rewriting, eqn: Eqn) -> Eqn | None:
    if any(x.aval.ndim != 2 for x in eqn.inputs):
        return None
    turned = [graph.made(x, "transpose") for x in eqn.inputs]
    if not any(turned):
        return None
    flags = [eqn.params.get(name, False) for name in ("transpose_x", "transpose_y")]
    # axes=(1, 0), since those of no effect are gone
    flags = [flag != (inner is not None) for flag, inner in zip(flags, turned)]
    inputs = [x if inner is None else inner.inputs[0] for x, inner in zip(eqn.inputs, turned)]
    if not any(flags):
        return _becomes("matmul", *inputs)
    return _becomes("gemm", *inputs, transpose_x=flags[0], transpose_y=flags[1])


_ELEMENTWISE: tuple[Rule, ...] = (_of_uniform, _of_broadcast)
_RULES: dict[str, tuple[Rule, ...]] = {
    "multiply": (_times_one, _of_negative, *_ELEMENTWISE, _of_scaled),
    "true_divide": (_times_one, _of_negative, *_ELEMENTWISE),
    "add": (_add_negative, *_ELEMENTWISE),
    "subtract": (_minus_zero, _subtract_negative, *_ELEMENTWISE),
    "maximum": _ELEMENTWISE,
    "minimum": _ELEMENTWISE,
    "power": (_power,),
    "negative": (_inverse("negative"),),
    "log": (_inverse("exp"),),
    "sum": (_sum_of_broadcast, _of_negative, _sum_of_sum, _sum_of_product),
    "mean": (_mean,),
    "max": (_of_blocks,),
    "min": (_of_blocks,),
    "reshape": (_reshape,),
    "transpose": (_turned_product, _transpose),
    "matmul": (_product_of_transposed,),
    "gemm": (_product_of_transposed,),
}
