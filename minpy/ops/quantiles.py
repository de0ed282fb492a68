"""``median``, ``quantile``, ``percentile`` in all their methods, and the same of what is not nan.

All are one or two elements of each sorted row, or a mixture of these. Where they stand NumPy says: the
quantile of the numbers 0 to n - 1 is the place of that of any n elements in order.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy
from numpy import _NoValue  # type: ignore[attr-defined]

from minpy.ops.aval import aval_of, normalize_axes, product
from minpy.ops.choosing import number, take_along_axis
from minpy.ops.data import content, flows
from minpy.ops.elementwise import add, multiply, subtract
from minpy.ops.elementwise import copy as copy_op
from minpy.ops.indexing import basic_slice, index
from minpy.ops.keys import ARRAY
from minpy.ops.logic import isnan, where_op
from minpy.ops.missing import nanmean
from minpy.ops.op import numpy_function, refuse
from minpy.ops.reduction import cast, flag, mean_op
from minpy.ops.shape import concatenate_op, moveaxis, ravel, reshape_op, transpose_op
from minpy.ops.sorting import sort_op

# Sorted rows -----------------------------------------------------------------------------------


def _many(a: Any, axis: Any) -> tuple[tuple[int, ...], int]:
    """The axes, and how many elements stand over them."""
    shape = aval_of(a).shape
    axes = normalize_axes(axis, len(shape))
    nothing = 0 in [n for i, n in enumerate(shape) if i not in axes]
    refuse(axis=axis if nothing and len(axes) > 1 else None)  # NumPy cannot reshape it
    return axes, product(shape[i] for i in axes)


def _sorted_rows(a: Any, axis: Any, keepdims: Any) -> tuple[Any, tuple[int, ...]]:
    """The elements over ``axis`` sorted as the last axis, and the shape of a reduction over them."""
    shape, dtype = aval_of(a)
    axes, count = _many(a, axis)
    refuse(dtype="of the array" if dtype.kind not in "iufc" else None, a="empty" if not count else None)
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    left = tuple(shape[i] for i in kept)
    rows = transpose_op(a, axes=(*kept, *axes))
    rows = reshape_op(rows, shape=(*left, count))
    result = tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else left
    return sort_op(rows, axis=len(left), kind=None), result


def _nan_where_any(result: Any, rows: Any) -> Any:
    """nan where a row has one: they are sorted to the end."""
    if aval_of(rows).dtype.kind not in "fc":
        return result
    axis = aval_of(rows).ndim - 1
    last = basic_slice(rows, axis, aval_of(rows).shape[axis] - 1, aval_of(rows).shape[axis])
    return where_op(isnan(last), last, result)


def _counts(rows: Any) -> numpy.ndarray:
    """How many elements of each row are not nan."""
    return (~numpy.isnan(content(rows, "what is sorted"))).sum(-1)


def _at(rows: Any, places: numpy.ndarray) -> Any:
    """The elements at these places of all rows, or of each row at its own."""
    if places.ndim == 1:
        return index(rows, places, template=(Ellipsis, ARRAY))
    return take_along_axis.implementation(rows, places, -1)


# Medians ---------------------------------------------------------------------------------------


@numpy_function(numpy.median, mxnet=False)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The middle element, or the mean of the two in the middle."""
    refuse(out=out)
    axes, count = _many(a, axis)
    if not count:
        return mean_op(a, axes=axes, keepdims=bool(keepdims))  # of nothing: nan
    rows, shape = _sorted_rows(a, axis, keepdims)
    last = aval_of(rows).ndim - 1
    n = aval_of(rows).shape[last]
    middle = basic_slice(rows, last, (n - 1) // 2, n // 2 + 1)
    result = _nan_where_any(mean_op(middle, axes=(last,), keepdims=True), rows)
    result = reshape_op(result, shape=shape)
    return result if keepdims else number(result)


@numpy_function(numpy.nanmedian, mxnet=False)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=_NoValue):
    """``median`` of what is not nan."""
    refuse(out=out)
    if not aval_of(a).size:
        return nanmean.implementation(a, axis, keepdims=keepdims)
    if aval_of(a).dtype.kind not in "fc":
        return median.implementation(a, axis, keepdims=flag(keepdims))
    rows, shape = _sorted_rows(a, axis, flag(keepdims))
    counts, last = _counts(rows)[..., None], aval_of(rows).ndim - 1
    middle = [_at(rows, numpy.maximum(places, 0)) for places in ((counts - 1) // 2, counts // 2)]
    result = mean_op(concatenate_op(*middle, axis=last), axes=(last,), keepdims=True)
    result = reshape_op(where_op(counts > 0, result, numpy.asarray(numpy.nan, aval_of(a).dtype)), shape=shape)
    return result if flag(keepdims) else number(result)


# Quantiles -------------------------------------------------------------------------------------


def _neighbors(places: numpy.ndarray, counts: Any, method: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The elements that NumPy mixes for places in rows of so many: where one is inf, both of them count."""
    low = numpy.floor(places).astype(numpy.intp)
    if method == "averaged_inverted_cdf":
        low = numpy.maximum(numpy.ceil(places).astype(numpy.intp) - 1, 0)
    high = numpy.maximum(numpy.minimum(low + 1, counts - 1), 0)
    if method not in ("linear", "midpoint"):  # others may want what is in front of the first element
        high = numpy.where(places == 0, 0, high)
    return low, high


#: 1 - alpha - beta of the methods whose place alpha + q (n + 1 - alpha - beta) - 1 moves with q (Hyndman and
#: Fan 1996, "Sample quantiles in statistical packages"); those of the others jump
_SPANS = {
    **{"linear": -1.0, "interpolated_inverted_cdf": 0.0, "hazen": 0.0, "weibull": 1.0},
    **{"median_unbiased": 1 / 3, "normal_unbiased": 1 / 4},
}


def _moved(q: Any, places: numpy.ndarray, counts: Any, method: str, unit: float) -> Any:
    """0, whose derivative by ``q`` is that of the places: at the ends of a row they do not move."""
    slope = (counts + _SPANS[method]) * unit if method in _SPANS else 0.0
    slope = numpy.where((places <= 0) | (places >= counts - 1), 0.0, slope)
    return multiply(subtract(ravel.implementation(q), numpy.ravel(content(q, "the quantile"))), slope)


def _quantile(
    function: Callable, a: Any, q: Any, axis: Any, keepdims: bool, ignores_nan: bool, method: str
) -> Any:
    """The quantiles that ``function`` of NumPy gives."""
    refuse(dtype="of the array" if aval_of(a).dtype.kind not in "iuf" else None)
    given, q = q, content(q, "the quantile")
    refuse(
        q="with several axes" if ignores_nan and q.ndim > 1 else None
    )  # NumPy orders the axes in its own way
    dtype = function(numpy.ones(2, aval_of(a).dtype), q).dtype
    rows, shape = _sorted_rows(a, axis, keepdims)
    ignores_nan = ignores_nan and aval_of(a).dtype.kind == "f"
    if ignores_nan:
        counts = _counts(rows)[..., None]
        dtype = (
            dtype if counts.size and counts.flat[0] else aval_of(a).dtype
        )  # NumPy takes it from the first row
        known = {n: numpy.ravel(function(numpy.arange(max(n, 1)), q)) for n in set(counts.flat)}
        places = numpy.array([known[n] for n in counts.flat]).reshape((*counts.shape[:-1], q.size))
    else:
        counts = numpy.array([aval_of(rows).shape[-1]])
        places = numpy.ravel(function(numpy.arange(counts[0]), q))
        if not q.ndim and aval_of(rows).ndim == 1 and _counts(rows) < counts[0]:
            dtype = aval_of(a).dtype  # the result is the nan itself
    if places.dtype.kind == "i":  # the method takes elements as they are
        found = _at(rows, places)
    else:
        low, high = _neighbors(places, counts, method)
        weight = (places - low).astype(dtype)
        is_near = weight >= 0.5
        if flows(given):
            unit = 0.01 if "percentile" in function.__name__ else 1.0
            weight = add(weight, cast(_moved(given, places, counts, method, unit), dtype))
        below, above = _at(rows, low), _at(rows, high)
        apart = subtract(above, below)
        below, above, apart = (cast(x, dtype) for x in (below, above, apart))
        # from the nearer side, as NumPy does
        from_above = subtract(above, multiply(apart, subtract(1, weight)))
        found = where_op(is_near, from_above, add(below, multiply(apart, weight)))
    found = found if ignores_nan else _nan_where_any(found, rows)
    found = moveaxis.implementation(found, -1, 0)
    if q.ndim:  # NumPy's result is in C order too, of which depends what a view of it is
        found = copy_op(found)
    result = cast(reshape_op(found, shape=(*q.shape, *shape)), dtype)
    return result if keepdims else number(result)


def _public(function: Callable, ignores_nan: bool, text: str) -> Any:
    def quantile(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=_NoValue, **options
    ):
        refuse(out=out)
        if ignores_nan and not aval_of(a).size:
            return nanmean.implementation(a, axis, keepdims=keepdims)

        @functools.wraps(function)
        def by_numpy(x: Any, q: Any) -> Any:
            return numpy.asarray(function(x, q, None, None, False, method, **options))

        return _quantile(
            by_numpy, a, q, axis, flag(keepdims), ignores_nan, options.get("interpolation", method)
        )

    quantile.__doc__ = text
    return numpy_function(function, name=function.__name__, mxnet=False)(quantile)


quantile = _public(numpy.quantile, False, "The element below which the part ``q`` of all lies.")
percentile = _public(numpy.percentile, False, "``quantile`` with ``q`` in percent.")
nanquantile = _public(numpy.nanquantile, True, "``quantile`` of what is not nan.")
nanpercentile = _public(numpy.nanpercentile, True, "``percentile`` of what is not nan.")
