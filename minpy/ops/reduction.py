"""Reductions: sums, products, extrema, logical reductions, positions of extrema; the mean as an op.

The ops take ``axes``, a sorted tuple of non-negative axes; the public functions take NumPy's
``axis``. Where several elements share the maximum or minimum, they share its gradient equally.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Callable

import numpy
from numpy import _NoValue  # type: ignore[attr-defined]

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axes, normalize_axis, product
from minpy.ops.elementwise import add, astype, maximum, minimum, multiply, true_divide
from minpy.ops.indexing import basic_slice
from minpy.ops.logic import equal, not_equal, where_op
from minpy.ops.lowering import FLOATS, INTEGERS, NUMBERS, Builder, Operand, require
from minpy.ops.op import ZERO, Box, Op, as_operand, numpy_function, publish, refuse, register
from minpy.ops.shape import broadcast_to_op, concatenate_op, reshape_op, transpose_op


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape that is left after reducing over ``axes``."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def spread(g: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A cotangent of a reduction with the reduced axes put back, of size 1, so that it broadcasts."""
    if keepdims or not aval_of(g).shape:
        return g
    return reshape_op(g, shape=reduced_shape(aval_of(x).shape, axes, True))


def _spread_to(g: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return broadcast_to_op(spread(g, x, axes, keepdims), shape=aval_of(x).shape)


@functools.lru_cache(maxsize=1024)
def _reduced_dtype(function: Callable, dtype: numpy.dtype) -> numpy.dtype:
    return numpy.result_type(function(numpy.ones(1, dtype)))


def _by_operator(mx_name: str, allowed: frozenset) -> Callable:
    """Rule for a reduction that MXNet does as NumPy does."""

    def mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], keepdims: bool) -> Operand:
        require(out.dtype, allowed, mx_name)
        x = b.cast(x, out.dtype)
        return b.op(mx_name, out, x, axis=axes, keepdims=keepdims) if axes else b.reshape(x, out.shape)

    return mx


def over_axes(avals: Sequence[Aval], axes: tuple[int, ...], keepdims: bool) -> str:
    """The options of a reduction as NumPy's programs write them; what goes without saying is left out."""
    text = "" if len(axes) == avals[0].ndim and axes else f", axis={axes[0] if len(axes) == 1 else axes}"
    return text + (", keepdims=True" if keepdims else "")


def _source(name: str) -> Callable:
    return lambda avals, params: f"np.{name}({{0}}{over_axes(avals, **params)})"


def _reduction(
    name: str,
    function: Callable,
    reduce: Callable,
    mx: Callable,
    vjp: Any,
    needs_elements: bool = False,
    parts: Callable | None = None,
) -> Op:
    """An op for ``function`` of NumPy, which does its work by ``reduce(x, axes, dtype, out, keepdims)``."""

    def infer(x: Any, axes: tuple[int, ...], keepdims: bool) -> Aval:
        aval = aval_of(x)
        if needs_elements and 0 in [aval.shape[axis] for axis in axes]:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        return Aval(reduced_shape(aval.shape, axes, keepdims), _reduced_dtype(function, aval.dtype))

    def run(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        return reduce(x, axes, None, None, keepdims)

    columns: dict[str, Any] = {"family": "reduction", "source": _source(name), "parts": parts}
    op = Op(name, numpy=run, infer=infer, mx=mx, vjp=vjp, **columns)
    op.reducer = reduce
    return register(op)


_integer_sum_mx = _by_operator("_np_sum", INTEGERS)


def _sum_mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], keepdims: bool) -> Operand:
    """Floats are summed by BLAS, as products with ones: MXNet's own sum is slow and makes nan of inf."""
    if out.dtype not in FLOATS:
        return _integer_sum_mx(b, out, x, axes, keepdims)
    x = b.cast(x, out.dtype)
    shape = x.aval.shape
    starts = [axis for axis in axes if axis - 1 not in axes]
    stops = [axis + 1 for axis in axes if axis + 1 not in axes]
    for start, stop in reversed(list(zip(starts, stops))):  # runs of adjacent axes
        x = _sum_of(b, x, (product(shape[:start]), product(shape[start:stop]), product(shape[stop:])))
        shape = shape[:start] + shape[stop:]
    return b.reshape(x, out.shape)


#: So many ones are kept with a graph, where an operator takes as long to make them as to add numbers up.
_FEW = 256
#: From how many elements on oneDNN is worth its start, and how many a sum within takes for one place before.
_MANY, _MANY_WITHIN = 1 << 15, 16


@functools.lru_cache(maxsize=1024)
def _ones(shape: tuple[int, ...], dtype: numpy.dtype) -> numpy.ndarray:
    """Always the same array, of which a graph takes one."""
    return numpy.ones(shape, dtype)


def _sum_of(b: Builder, x: Operand, sizes: tuple[int, int, int]) -> Operand:
    """The sum over the middle of x, taken as (before, size, after): before * after elements."""
    before, size, after = sizes
    dtype = x.aval.dtype

    def ones(*shape: int) -> Operand:
        if not b.runs_at_once and product(shape) <= _FEW:
            return Operand(Aval(shape, dtype), b.constant(_ones(shape, dtype)))
        return b.op("_npi_ones", Aval(shape, dtype), shape=shape, dtype=dtype.name)

    if not b.runs_at_once and dtype == numpy.float32 and x.aval.size >= _MANY:
        options: dict[str, Any] = {"no_bias": True, "num_hidden": 1, "flatten": False}
        if after == 1:
            rows = b.reshape(x, (before, size))
            return b.op("FullyConnected", Aval((before, 1), dtype), rows, ones(1, size), **options)
        options = {"no_bias": True, "num_filter": 1, "kernel": (1, 1)}
        if size * after >= _MANY_WITHIN:  # a convolution of one filter with a kernel of one place
            places = b.reshape(x, (before, size, 1, after))
            aval = Aval((before, 1, 1, after), dtype)
            return b.op("Convolution", aval, places, ones(1, size, 1, 1), **options)
    if before > 1 and after > 1:
        return b.op("sum", Aval((before, after), dtype), b.reshape(x, sizes), axis=1)
    if after > 1:
        columns = b.reshape(x, (size, after))
        return b.op("dot", Aval((after, 1), dtype), columns, ones(size, 1), transpose_a=True)
    rows = b.reshape(x, (before, size) if before > 1 else (size,))
    return b.op("dot", Aval((before,), dtype), rows, ones(size))  # MXNet's has an axis in any case


sum_op = _reduction(
    "sum",
    numpy.sum,
    numpy.add.reduce,
    _sum_mx,
    (lambda g, ans, x, axes, keepdims: _spread_to(g, x, axes, keepdims),),
)


def _mean_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    count = product(aval_of(x).shape[axis] for axis in axes)
    return _spread_to(true_divide(g, float(count or 1)), x, axes, keepdims)


def _mean_mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], keepdims: bool) -> Operand:
    require(out.dtype, FLOATS, "mean")
    total = _sum_mx(b, out, x, axes, keepdims)
    count = float(product(x.aval.shape[axis] for axis in axes))
    return b.op("_npi_true_divide_scalar", out, total, scalar=count, is_int=False)


def _mean(x: Any, axes: tuple[int, ...], dtype: Any, out: Any, keepdims: bool) -> Any:
    """``numpy.mean``; for the usual floats the same in fewer steps."""
    x = numpy.asarray(x)
    count = product(x.shape[axis] for axis in axes)
    if x.dtype not in FLOATS or not count:
        return numpy.mean(x, axes, dtype, out, keepdims)
    return numpy.true_divide(numpy.add.reduce(x, axes, None, None, keepdims), count, dtype=x.dtype)


def _mean_parts(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    shape, dtype = aval_of(x)
    x = cast(x, _reduced_dtype(numpy.mean, dtype))
    count = product(shape[axis] for axis in axes)
    return true_divide(sum_op(x, axes=axes, keepdims=keepdims), numpy.asarray(count, aval_of(x).dtype))


mean_op = _reduction("mean", numpy.mean, _mean, _mean_mx, (_mean_vjp,), parts=_mean_parts)
mean_op.reducer = numpy.add.reduce


def _exclusive_products(x: Any) -> Any:
    """For ``x`` of shape (rest, n): at each place the product of the *other* elements of its row.

    An up-sweep makes the products of blocks of 2, 4, 8, ... elements; a down-sweep multiplies each
    block's outside by its neighbor. No division, so zeros are no special case (Blelloch 1990,
    "Prefix sums and their applications").
    """
    (rest, n), dtype = aval_of(x)
    if n <= 1:
        return numpy.ones((rest, n), dtype)
    if n % 2:
        ones = numpy.ones((rest, 1), dtype)
        return basic_slice(_exclusive_products(concatenate_op(x, ones, axis=1)), 1, 0, n)
    pairs = reshape_op(x, shape=(rest, n // 2, 2))
    left, right = basic_slice(pairs, 2, 0, 1), basic_slice(pairs, 2, 1, 2)
    blocks = reshape_op(left * right, shape=(rest, n // 2))
    outside = reshape_op(_exclusive_products(blocks), shape=(rest, n // 2, 1))
    return reshape_op(concatenate_op(outside * right, outside * left, axis=2), shape=(rest, n))


def _prod_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Each element's cotangent is g times the product of the others."""
    shape = aval_of(x).shape
    kept = tuple(axis for axis in range(len(shape)) if axis not in axes)
    order = kept + axes
    count = product(shape[axis] for axis in axes)
    rows = reshape_op(transpose_op(x, axes=order), shape=(product(shape[axis] for axis in kept), count))
    others = reshape_op(_exclusive_products(rows), shape=tuple(shape[axis] for axis in order))
    others = transpose_op(others, axes=tuple(int(axis) for axis in numpy.argsort(order)))
    return spread(g, x, axes, keepdims) * others


prod_op = _reduction(
    "prod", numpy.prod, numpy.multiply.reduce, _by_operator("_np_prod", FLOATS), (_prod_vjp,)
)


def _shares(x: Any, ans: Any, axes: tuple[int, ...]) -> Any:
    hits = numpy.equal(x, ans).astype(x.dtype)
    return hits / hits.sum(axes, dtype=x.dtype, keepdims=True)


def _shares_parts(x: Any, ans: Any, axes: tuple[int, ...]) -> Any:
    refuse(dtype="of no floats" if aval_of(x).dtype.kind != "f" else None)
    hits = astype(equal(x, ans), dtype=aval_of(x).dtype)
    return hits / sum_op(hits, axes=axes, keepdims=True)


def _shares_source(avals: Sequence[Aval], params: dict) -> str:
    total = over_axes(avals, params["axes"], True)
    return f"{{out}} = np.asarray({{0}} == {{1}}, {{0}}.dtype)\n{{out}} = {{out}} / np.sum({{out}}{total})"


def _shares_mx(b: Builder, out: Aval, x: Operand, ans: Operand, axes: tuple[int, ...]) -> Operand:
    require(x.aval.dtype, FLOATS, "comparison")
    hits = b.cast(b.op("_npi_equal", Aval(out.shape, numpy.dtype(bool)), x, ans), out.dtype)
    total = _sum_mx(b, Aval(reduced_shape(out.shape, axes, True), out.dtype), hits, axes, True)
    return b.op("_npi_true_divide", out, hits, total)


@functools.lru_cache(maxsize=256)
def _quotient_dtype(dtype: numpy.dtype) -> numpy.dtype:
    return numpy.true_divide(*[numpy.ones(1, dtype)] * 2).dtype


_shares_op = register(
    Op(
        "shares",
        numpy=_shares,
        infer=lambda x, ans, axes: Aval(aval_of(x).shape, _quotient_dtype(aval_of(x).dtype)),
        mx=_shares_mx,
        parts=_shares_parts,
        vjp=(ZERO, ZERO),
        family="reduction",
        source=_shares_source,
        doc="For each element its part among those that equal the extremum ``ans`` of their row.",
    )
)


def _extremum_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Elements that attain the extremum share the cotangent equally."""
    return spread(g, x, axes, keepdims) * _shares_op(x, spread(ans, x, axes, keepdims), axes=axes)


max_op = _reduction(
    "max",
    numpy.max,
    numpy.maximum.reduce,
    _by_operator("_np_max", NUMBERS),
    (_extremum_vjp,),
    needs_elements=True,
)
min_op = _reduction(
    "min",
    numpy.min,
    numpy.minimum.reduce,
    _by_operator("_np_min", NUMBERS),
    (_extremum_vjp,),
    needs_elements=True,
)


def _logical_reduction(name: str, function: Callable, reducer: Callable, mx_name: str) -> Op:
    def infer(x: Any, axes: tuple[int, ...], keepdims: bool) -> Aval:
        return Aval(reduced_shape(aval_of(x).shape, axes, keepdims), numpy.dtype(bool))

    def mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], keepdims: bool) -> Operand:
        x = b.cast(x, numpy.bool_)
        return b.op(mx_name, out, x, axis=axes, keepdims=keepdims) if axes else b.reshape(x, out.shape)

    def run(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        return function(x, axis=axes, keepdims=keepdims)

    op = Op(name, numpy=run, infer=infer, mx=mx, vjp=(ZERO,), family="reduction", source=_source(name))
    op.reducer = reducer
    return register(op)


any_op = _logical_reduction("any", numpy.any, numpy.logical_or.reduce, "_np_any")
all_op = _logical_reduction("all", numpy.all, numpy.logical_and.reduce, "_np_all")


def _position(name: str, mx_name: str) -> Op:
    """``argmax`` and ``argmin``: ``axis`` is one axis, or None for the flattened array."""
    method = getattr(numpy.ndarray, name)

    def run(x: Any, axis: Any) -> Any:
        return method(numpy.asarray(x), axis)

    def infer(x: Any, axis: Any) -> Aval:
        shape = aval_of(x).shape
        axes = normalize_axes(axis, len(shape))
        if 0 in [shape[a] for a in axes]:
            raise ValueError(f"attempt to get {name} of an empty sequence")
        return Aval(reduced_shape(shape, axes, False), numpy.dtype(numpy.intp))

    def mx(b: Builder, out: Aval, x: Operand, axis: Any) -> Operand:
        require(x.aval.dtype, NUMBERS, name)
        if axis is None:
            x, axis = b.reshape(x, (x.aval.size,)), 0
        return b.op(mx_name, out, x, axis=axis, keepdims=False)

    source = f"np.{name}({{0}}, axis={{axis}})"
    return register(Op(name, numpy=run, infer=infer, mx=mx, vjp=(ZERO,), family="reduction", source=source))


argmax_op = _position("argmax", "_npi_argmax")
argmin_op = _position("argmin", "_npi_argmin")


# Public functions ------------------------------------------------------------------------------


def flag(keepdims: Any) -> bool:
    """``keepdims=`` as a bool; false where it is not given."""
    return keepdims is not _NoValue and bool(keepdims)


def reduced_axes(a: Any, axis: Any) -> tuple[int, ...]:
    """The axes that a reduction by a ufunc takes; a number may be given the axis 0 or -1 for none."""
    ndim = len(aval_of(a).shape)
    return normalize_axes(axis, ndim) if ndim or axis not in (0, -1) else ()


def cast(x: Any, dtype: Any) -> Any:
    """``x`` as ``dtype``, as it is where it has that dtype."""
    return x if aval_of(x).dtype == dtype else astype(x, dtype=numpy.dtype(dtype))


def chosen(a: Any, where: Any, neutral: Any) -> Any:
    """``a`` with ``neutral`` where the mask ``where`` is false."""
    if where is True:
        return a
    shape, dtype = aval_of(a)
    where = as_operand(where)
    refuse(where="of another shape" if broadcast_shapes(aval_of(where).shape, shape) != shape else None)
    return where_op(where, a, numpy.asarray(neutral, dtype))


def _with_initial(combine: Op, result: Any, initial: Any) -> Any:
    """A reduction to which one more element belongs."""
    if initial is None or initial is _NoValue:
        return result
    dtype = aval_of(result).dtype
    refuse(initial="that is an array" if isinstance(initial, Box) else None)
    initial = numpy.asarray(initial)
    refuse(initial="of another kind" if not numpy.can_cast(initial.dtype, dtype, "same_kind") else None)
    return combine(result, initial.astype(dtype))


def _public_reduction(op: Op, function: Callable, name: str, combine: Op, neutral: Any) -> Any:
    def reduction(a, axis=None, dtype=None, out=None, keepdims=_NoValue, initial=_NoValue, where=True):
        axes = reduced_axes(a, axis)
        if dtype is None is out and where is True and initial is _NoValue:
            return op(a, axes=axes, keepdims=flag(keepdims))
        refuse(out=out)
        a = chosen(a, where, neutral)
        result = op(a if dtype is None else cast(a, dtype), axes=axes, keepdims=flag(keepdims))
        return _with_initial(combine, result if dtype is None else cast(result, dtype), initial)

    reduction.__doc__ = f"``numpy.{name}``, differentiable."
    return numpy_function(function, name=name)(reduction)


sum = _public_reduction(sum_op, numpy.sum, "sum", add, 0)
prod = _public_reduction(prod_op, numpy.prod, "prod", multiply, 1)


def _public_extremum(op: Op, functions: tuple, name: str, combine: Op) -> Any:
    def extremum(a, axis=None, out=None, keepdims=_NoValue, initial=_NoValue, where=True):
        axes, keepdims = reduced_axes(a, axis), flag(keepdims)
        if out is None and where is True and initial is _NoValue:
            return op(a, axes=axes, keepdims=keepdims)
        refuse(out=out)
        shape = aval_of(a).shape
        if where is not True:
            refuse(initial="missing" if initial is _NoValue else None)
            a = chosen(a, where, initial)
        if initial is not _NoValue and 0 in [shape[axis] for axis in axes]:
            kept = reduced_shape(shape, axes, keepdims)
            a, axes = broadcast_to_op(numpy.asarray(initial, aval_of(a).dtype), shape=kept), ()
        return _with_initial(combine, op(a, axes=axes, keepdims=keepdims), initial)

    extremum.__doc__ = f"``numpy.{name}``; elements that are equal share the gradient."
    return numpy_function(*functions, name=name)(extremum)


max = _public_extremum(max_op, (numpy.max, numpy.amax), "max", maximum)
min = _public_extremum(min_op, (numpy.min, numpy.amin), "min", minimum)
publish("amax", max)
publish("amin", min)


def _public_test(op: Op, function: Callable, name: str, neutral: bool) -> Any:
    def test(a, axis=None, out=None, keepdims=_NoValue, *, where=True):
        refuse(out=out)
        axes = reduced_axes(a, axis)
        if where is not True:
            a = chosen(not_equal(a, 0), where, neutral)
        return op(a, axes=axes, keepdims=flag(keepdims))

    test.__doc__ = f"``numpy.{name}``."
    return numpy_function(function, name=name, gradient=False)(test)


any = _public_test(any_op, numpy.any, "any", False)
all = _public_test(all_op, numpy.all, "all", True)


def _public_position(op: Op, function: Callable, name: str, what: str) -> Any:
    def position(a, axis=None, out=None, keepdims=_NoValue):
        refuse(out=out)
        aval = aval_of(a)
        if axis is not None:
            axis = normalize_axis(axis, aval.ndim or 1)  # a number counts as a vector
        found = op(a, axis=axis if aval.ndim else None)
        if not flag(keepdims):
            return found
        axes = tuple(range(aval.ndim)) if axis is None else (axis,)
        return reshape_op(found, shape=reduced_shape(aval.shape, axes, True))

    position.__doc__ = f"Index of the first {what} along ``axis``, or in the flattened array; int64."
    return numpy_function(function, name=name, gradient=False)(position)


argmax = _public_position(argmax_op, numpy.argmax, "argmax", "maximum")
argmin = _public_position(argmin_op, numpy.argmin, "argmin", "minimum")
