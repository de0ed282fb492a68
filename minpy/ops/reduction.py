"""Reductions: sums, products, extrema, means, logical reductions, positions of extrema.

The ops take ``axes``, a sorted tuple of non-negative axes; the public functions take NumPy's
``axis``. Where several elements share the maximum or minimum, they share its gradient equally.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, normalize_axes, normalize_axis, product
from minpy.ops.elementwise import astype, multiply, sqrt, square, subtract, true_divide
from minpy.ops.indexing import basic_slice
from minpy.ops.logic import equal
from minpy.ops.lowering import FLOATS, INTEGERS, NUMBERS, Builder, Operand, require
from minpy.ops.op import ZERO, Op, numpy_function, publish, refuse, register
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


def _reduction(
    name: str,
    function: Callable,
    reduce: Callable,
    mx: Callable,
    vjp: Any,
    needs_elements: bool = False,
) -> Op:
    """An op for ``function`` of NumPy, which does its work by ``reduce(x, axes, dtype, out, keepdims)``."""

    def infer(x: Any, axes: tuple[int, ...], keepdims: bool) -> Aval:
        aval = aval_of(x)
        if needs_elements and 0 in [aval.shape[axis] for axis in axes]:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        return Aval(reduced_shape(aval.shape, axes, keepdims), _reduced_dtype(function, aval.dtype))

    def run(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        return reduce(x, axes, None, None, keepdims)

    return register(Op(name, numpy=run, infer=infer, mx=mx, vjp=vjp, family="reduction"))


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
        before, size, after = product(shape[:start]), product(shape[start:stop]), product(shape[stop:])
        if before > 1 and after > 1:
            x = b.op("sum", Aval((before, after), out.dtype), b.reshape(x, (before, size, after)), axis=1)
        else:
            ones = b.op("_npi_ones", Aval((size,), out.dtype), shape=(size,), dtype=out.dtype.name)
            if after > 1:
                factors = ones, b.reshape(x, (size, after))
            else:
                factors = b.reshape(x, (before, size) if before > 1 else (size,)), ones
            x = b.op("dot", Aval((before * after,), out.dtype), *factors)
        shape = shape[:start] + shape[stop:]
    return b.reshape(x, out.shape)


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


mean_op = _reduction("mean", numpy.mean, _mean, _mean_mx, (_mean_vjp,))


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


def _extremum_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Elements that attain the extremum share the cotangent equally."""
    hit = astype(equal(x, spread(ans, x, axes, keepdims)), dtype=aval_of(g).dtype)
    return spread(g, x, axes, keepdims) * hit / sum_op(hit, axes=axes, keepdims=True)


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


def _logical_reduction(name: str, function: Callable, mx_name: str) -> Op:
    def infer(x: Any, axes: tuple[int, ...], keepdims: bool) -> Aval:
        return Aval(reduced_shape(aval_of(x).shape, axes, keepdims), numpy.dtype(bool))

    def mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], keepdims: bool) -> Operand:
        x = b.cast(x, numpy.bool_)
        return b.op(mx_name, out, x, axis=axes, keepdims=keepdims) if axes else b.reshape(x, out.shape)

    def run(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
        return function(x, axis=axes, keepdims=keepdims)

    return register(Op(name, numpy=run, infer=infer, mx=mx, vjp=(ZERO,), family="reduction"))


any_op = _logical_reduction("any", numpy.any, "_np_any")
all_op = _logical_reduction("all", numpy.all, "_np_all")


def _position(name: str, function: Callable, mx_name: str) -> Op:
    """``argmax`` and ``argmin``: ``axis`` is one axis, or None for the flattened array."""

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

    return register(Op(name, numpy=function, infer=infer, mx=mx, vjp=(ZERO,), family="reduction"))


argmax_op = _position("argmax", lambda x, axis: numpy.argmax(x, axis), "_npi_argmax")
argmin_op = _position("argmin", lambda x, axis: numpy.argmin(x, axis), "_npi_argmin")


# Public functions ------------------------------------------------------------------------------


def _public_reduction(op: Op, *numpy_functions: Callable, name: str) -> Any:
    def function(a, axis=None, dtype=None, out=None, keepdims=False, **options):
        refuse(out=out, **options)
        keepdims = False if keepdims is numpy._NoValue else bool(keepdims)  # type: ignore[attr-defined]
        axes = normalize_axes(axis, aval_of(a).ndim)
        if dtype is None:
            return op(a, axes=axes, keepdims=keepdims)
        dtype = numpy.dtype(dtype)
        refuse(dtype="of integers" if op is mean_op and dtype.kind != "f" else None)
        result = op(astype(a, dtype=dtype), axes=axes, keepdims=keepdims)
        return result if aval_of(result).dtype == dtype else astype(result, dtype=dtype)

    function.__name__ = name
    function.__doc__ = f"``numpy.{name}``, differentiable."
    return numpy_function(*numpy_functions, name=name)(function)


sum = _public_reduction(sum_op, numpy.sum, name="sum")
prod = _public_reduction(prod_op, numpy.prod, name="prod")
mean = _public_reduction(mean_op, numpy.mean, name="mean")


def _public_extremum(op: Op, *numpy_functions: Callable, name: str) -> Any:
    def function(a, axis=None, out=None, keepdims=False, **options):
        refuse(out=out, **options)
        keepdims = False if keepdims is numpy._NoValue else bool(keepdims)  # type: ignore[attr-defined]
        return op(a, axes=normalize_axes(axis, aval_of(a).ndim), keepdims=keepdims)

    function.__name__ = name
    function.__doc__ = f"``numpy.{name}``."
    return numpy_function(*numpy_functions, name=name)(function)


max = _public_extremum(max_op, numpy.max, numpy.amax, name="max")
min = _public_extremum(min_op, numpy.min, numpy.amin, name="min")
any = _public_extremum(any_op, numpy.any, name="any")
all = _public_extremum(all_op, numpy.all, name="all")
publish("amax", max)
publish("amin", min)


@numpy_function(numpy.argmax)
def argmax(a, axis=None, out=None, **options):
    """Index of the first maximum along ``axis``, or in the flattened array; int64."""
    refuse(out=out, **options)
    return argmax_op(a, axis=None if axis is None else normalize_axis(axis, aval_of(a).ndim))


@numpy_function(numpy.argmin)
def argmin(a, axis=None, out=None, **options):
    """Index of the first minimum along ``axis``, or in the flattened array; int64."""
    refuse(out=out, **options)
    return argmin_op(a, axis=None if axis is None else normalize_axis(axis, aval_of(a).ndim))


@numpy_function(numpy.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    """Variance: the mean of squared distances from the mean, ``ddof`` taken off the count."""
    refuse(out=out, dtype=dtype, **options)
    keepdims = False if keepdims is numpy._NoValue else keepdims  # type: ignore[attr-defined]
    axes = normalize_axes(axis, aval_of(a).ndim)
    count = product(aval_of(a).shape[axis] for axis in axes)
    refuse(ddof="as large as the count" if count - ddof <= 0 else None)
    if aval_of(a).dtype.kind in "iub":
        a = astype(a, dtype=numpy.dtype("float64"))
    refuse(dtype="of the array" if aval_of(a).dtype not in FLOATS else None)
    centered = subtract(a, mean_op(a, axes=axes, keepdims=True))
    scattered = mean_op(square(centered), axes=axes, keepdims=bool(keepdims))
    if not ddof:
        return scattered
    return astype(multiply(scattered, count / (count - ddof)), dtype=aval_of(a).dtype)


@numpy_function(numpy.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    """Standard deviation, the square root of ``var``."""
    return sqrt(var.implementation(a, axis, dtype, out, ddof, keepdims, **options))
