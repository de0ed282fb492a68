"""Means and spreads: ``mean``, ``average``, ``var``, ``std``, ``cov``, ``corrcoef``."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy
from numpy import _NoValue  # type: ignore[attr-defined]

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axes, normalize_axis, product
from minpy.ops.data import content
from minpy.ops.elementwise import (
    clip,
    maximum,
    minimum,
    multiply,
    real,
    root,
    sqrt,
    square,
    subtract,
    true_divide,
)
from minpy.ops.indexing import basic_slice
from minpy.ops.linalg import dot
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import Box, Op, as_operand, holds_box, numpy_function, refuse, register
from minpy.ops.rearrange import diag
from minpy.ops.reduction import (
    _mean_mx,
    cast,
    chosen,
    flag,
    mean_op,
    over_axes,
    reduced_axes,
    reduced_shape,
    spread,
    sum_op,
)
from minpy.ops.shape import broadcast_to_op, concatenate_op, expand_dims, reshape_op, squeeze, transpose_op
from minpy.ops.transcendental import conjugate, from_parts, imag_op

# The op ----------------------------------------------------------------------------------------


def _degrees(x: Any, axes: tuple[int, ...], ddof: float) -> float:
    """By how much the sum of squares is divided."""
    return product(aval_of(x).shape[axis] for axis in axes) - ddof


def _var_mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...], ddof: float, keepdims: bool) -> Operand:
    require(out.dtype, FLOATS, "variance")
    left = _degrees(x.aval, axes, ddof)
    refuse(ddof="as large as the count" if left <= 0 else None)
    x = b.cast(x, out.dtype)
    mean = _mean_mx(b, Aval(reduced_shape(x.aval.shape, axes, True), out.dtype), x, axes, True)
    squares = b.op("_npi_square", x.aval, b.op("_npi_subtract", x.aval, x, mean))
    found = _mean_mx(b, out, squares, axes, keepdims)
    factor = (left + ddof) / left
    return b.op("_npi_multiply_scalar", out, found, scalar=factor, is_int=False) if ddof else found


def _var_parts(x: Any, axes: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    refuse(dtype="of complex numbers" if aval_of(x).dtype.kind == "c" else None)
    dtype, left = _var_dtype(aval_of(x).dtype), max(_degrees(x, axes, ddof), 0)
    x = cast(x, dtype)
    squares = square(subtract(x, mean_op(x, axes=axes, keepdims=True)))
    return true_divide(sum_op(squares, axes=axes, keepdims=keepdims), numpy.asarray(left, dtype))


def _times_parts(g: Any, y: Any) -> Any:
    largest = numpy.asarray(numpy.finfo(aval_of(g).dtype).max)
    return multiply(minimum(maximum(g, -largest), largest), y)


def _times(g: Any, y: Any) -> Any:
    if not numpy.isfinite(g).all():
        largest = numpy.finfo(g.dtype).max
        g = numpy.clip(g, -largest, largest)
    return numpy.multiply(g, y)


def _times_mx(b: Builder, out: Aval, g: Operand, y: Operand) -> Operand:
    require(out.dtype, FLOATS, "product")
    g = b.reshape(b.cast(g, out.dtype), g.aval.shape or (1,))  # of a number MXNet would make float64
    largest = float(numpy.finfo(out.dtype).max)
    for name, limit in (("_npi_minimum_scalar", largest), ("_npi_maximum_scalar", -largest)):
        g = b.op(name, g.aval, g, scalar=limit, is_int=False)
    shape = broadcast_shapes(g.aval.shape, y.aval.shape)
    return b.reshape(b.op("_npi_multiply", Aval(shape, out.dtype), g, b.cast(y, out.dtype)), out.shape)


times_op = register(
    Op(
        "times",
        numpy=_times,
        infer=multiply.infer,
        mx=_times_mx,
        parts=_times_parts,
        vjp=(lambda h, ans, g, y: h * y, lambda h, ans, g, y: h * g),
        family="reduction",
        source="{0} * {1}",
        elementwise=True,
        doc="The product, and 0 where ``y`` is, also for an infinite ``g``.",
    )
)


def _var_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    """2 / n times the distance from the mean, conjugated for complex numbers.

    Where no element is away from the mean it is 0, also after a root, whose derivative there is infinite.
    """
    apart = subtract(x, mean_op(x, axes=axes, keepdims=True))
    left = _degrees(x, axes, ddof)
    factor = 2.0 / left if left > 0 else math.inf
    return times_op(
        spread(g, x, axes, keepdims) * factor, conjugate(apart) if aval_of(x).dtype.kind == "c" else apart
    )


@functools.lru_cache(maxsize=256)
def _var_dtype(dtype: numpy.dtype) -> numpy.dtype:
    return numpy.result_type(numpy.var(numpy.ones(1, dtype)))


def _var_source(avals: Sequence[Aval], params: dict) -> str:
    ddof = f", ddof={params['ddof']}" if params["ddof"] else ""
    return f"np.var({{0}}{over_axes(avals, params['axes'], params['keepdims'])}{ddof})"


var_op = register(
    Op(
        "var",
        numpy=lambda x, axes, ddof, keepdims: numpy.var(x, axis=axes, ddof=ddof, keepdims=keepdims),
        infer=lambda x, axes, ddof, keepdims: Aval(
            reduced_shape(aval_of(x).shape, axes, keepdims), _var_dtype(aval_of(x).dtype)
        ),
        mx=_var_mx,
        parts=_var_parts,
        vjp=(_var_vjp,),
        family="reduction",
        source=_var_source,
    )
)

# Public functions ------------------------------------------------------------------------------


def _floats(a: Any, dtype: Any) -> Any:
    """The array in the dtype in which its mean is computed, ``dtype`` if it is given."""
    own = aval_of(a).dtype
    if dtype is None:
        return cast(a, numpy.float64) if own.kind in "iub" else a
    refuse(dtype="of integers" if numpy.dtype(dtype).kind not in "fc" else None)
    return cast(a, dtype)


def _count(a: Any, where: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """How many elements ``where`` chooses."""
    shape = aval_of(a).shape
    mask = chosen(numpy.ones(shape, bool), where, False)
    return sum_op(broadcast_to_op(mask, shape=shape), axes=axes, keepdims=keepdims)


def _chosen_mean(a: Any, where: Any, axes: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    refuse(dtype="float16" if aval_of(a).dtype == numpy.float16 else None)  # summed as float32
    total = sum_op(chosen(a, where, 0), axes=axes, keepdims=keepdims)
    count = subtract(_count(a, where, axes, keepdims), ddof)
    return true_divide(total, cast(maximum(count, 0), aval_of(total).dtype))


@numpy_function(numpy.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=_NoValue, *, where=True):
    """The arithmetic mean."""
    refuse(out=out)
    keepdims = flag(keepdims)
    if where is not True:
        return _chosen_mean(_floats(a, dtype), where, reduced_axes(a, axis), 0, keepdims)
    axes = normalize_axes(axis, aval_of(a).ndim)
    if dtype is None:
        return mean_op(a, axes=axes, keepdims=keepdims)
    return cast(mean_op(_floats(a, dtype), axes=axes, keepdims=keepdims), dtype)


@numpy_function(numpy.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=_NoValue, *, where=True):
    """Variance: the mean of squared distances from the mean, ``ddof`` taken off the count."""
    refuse(out=out)
    if dtype is not None:
        refuse(dtype="that is narrower" if not numpy.can_cast(aval_of(a).dtype, dtype) else None)
        a = _floats(a, dtype)
    keepdims = flag(keepdims)
    if where is True:
        return var_op(a, axes=normalize_axes(axis, aval_of(a).ndim), ddof=ddof, keepdims=keepdims)
    a, axes = _floats(a, None), reduced_axes(a, axis)
    apart = subtract(a, _chosen_mean(a, where, axes, 0, True))
    squares = real(multiply(apart, conjugate(apart))) if aval_of(a).dtype.kind == "c" else square(apart)
    return _chosen_mean(squares, where, axes, ddof, keepdims)


@numpy_function(numpy.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=_NoValue, *, where=True):
    """Standard deviation, the square root of ``var``; the gradient is 0 where it is 0."""
    return root(var.implementation(a, axis, dtype, out, ddof, keepdims, where=where))


@numpy_function(numpy.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=_NoValue):
    """The mean, each element counted by its weight; with ``returned`` also the sum of the weights."""
    shape = aval_of(a).shape
    if weights is None:
        found = mean.implementation(a, axis, keepdims=keepdims)
        total = aval_of(found).dtype.type(aval_of(a).size / aval_of(found).size)
        return (found, broadcast_to_op(total, shape=aval_of(found).shape)) if returned else found
    weights = as_operand(weights)
    dtype = numpy.result_type(aval_of(a).dtype, aval_of(weights).dtype)
    dtype = numpy.result_type(dtype, "f8") if aval_of(a).dtype.kind in "iub" else dtype
    if aval_of(weights).shape != shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if aval_of(weights).ndim != 1:
            raise TypeError("1D weights expected when shapes of a and weights differ.")
        axis = normalize_axis(axis, len(shape))
        if aval_of(weights).shape[0] != shape[axis]:
            raise ValueError("Length of weights not compatible with specified axis.")
        weights = weights.reshape(tuple(n if i == axis else 1 for i, n in enumerate(shape)))
    a, weights = cast(a, dtype), weights.astype(dtype)
    axes, keepdims = reduced_axes(a, axis), flag(keepdims)
    if isinstance(weights, Box):
        total = sum_op(weights, axes=axes, keepdims=keepdims)
    else:
        total = weights.sum(axes, keepdims=keepdims)
    if (total == 0).any():  # known when compiling for plain weights only
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    found = true_divide(sum_op(multiply(a, weights), axes=axes, keepdims=keepdims), total)
    return (found, broadcast_to_op(total, shape=aval_of(found).shape)) if returned else found


def _variables(m: Any, rowvar: bool, dtype: Any) -> Any:
    """Variables as the rows of a matrix."""
    m = cast(m, dtype)
    shape = aval_of(m).shape
    if len(shape) > 2:
        raise ValueError("array has more than 2 dimensions")
    m = reshape_op(m, shape=(1,) * (2 - len(shape)) + shape)
    return m if rowvar or aval_of(m).shape[0] == 1 else transpose_op(m, axes=(1, 0))


def _weights(weights: Any, count: int, name: str) -> Any:
    known = content(weights, "the weight")
    if known.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if known.shape[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    if (known < 0).any():
        raise ValueError(f"{name} cannot be negative")
    return cast(as_operand(weights), numpy.float64) if holds_box(weights) else known.astype(float)


@numpy_function(numpy.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """The covariances of variables, which are the rows of ``m`` (and of ``y``), observed in its columns."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    given = [m] if y is None else [m, as_operand(y)]
    kinds = [aval_of(x).dtype for x in given]
    dtype = numpy.result_type(*kinds, numpy.float64) if dtype is None else numpy.dtype(dtype)
    rows = [_variables(x, bool(rowvar), dtype) for x in given]
    if not aval_of(rows[0]).shape[0]:
        return basic_slice(rows[0], 1, 0, 0)
    x = rows[0] if y is None else concatenate_op(*rows, axis=0)
    count = aval_of(x).shape[1]
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = None
    if fweights is not None:
        weights = _weights(content(fweights, "the weight"), count, "fweights")  # counts have no gradient
        if (weights != numpy.around(weights)).any():
            raise TypeError("fweights must be integer")
    if aweights is not None:
        aweights = _weights(aweights, count, "aweights")
        weights = aweights if weights is None else weights * aweights
    total = count if weights is None else weights.sum()
    if weights is None or aweights is None or not ddof:
        left = total - ddof
    else:
        left = total - ddof * (weights * aweights).sum() / total
    if left <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
    x = subtract(x, expand_dims.implementation(average.implementation(x, 1, weights), 1))
    other = conjugate(x) if dtype.kind == "c" else x
    other = other if weights is None else multiply(other, weights)
    found = dot.implementation(x, transpose_op(other, axes=(1, 0)))
    return squeeze.implementation(multiply(found, numpy.true_divide(1, max(left, 0))))


@numpy_function(numpy.corrcoef)
def corrcoef(x, y=None, rowvar=True, bias=_NoValue, ddof=_NoValue, *, dtype=None):
    """The correlation coefficients of variables, given as for ``cov``."""
    refuse(bias=bias, ddof=ddof)
    found = cov.implementation(x, y, rowvar, dtype=dtype)
    if not aval_of(found).ndim:
        return true_divide(found, found)
    scale = sqrt(real(diag.implementation(found)))
    found = true_divide(found, expand_dims.implementation(scale, 1))
    found = true_divide(found, expand_dims.implementation(scale, 0))
    if aval_of(found).dtype.kind != "c":
        return clip.implementation(found, -1, 1)
    return from_parts(*(clip.implementation(part, -1, 1) for part in (real(found), imag_op(found))))
