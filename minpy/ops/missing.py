"""Functions that do without nan: ``nansum`` and its kin, ``nan_to_num``. A nan gets no gradient.

NumPy warns where nothing is left but nan; here the result is nan without a warning.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from minpy.ops.aval import aval_of, normalize_axes
from minpy.ops.choosing import number
from minpy.ops.elementwise import astype, positive, sqrt, square, subtract, true_divide
from minpy.ops.logic import equal, isnan, less_equal, logical_not, where_op
from minpy.ops.op import Op, numpy_function, refuse
from minpy.ops.reduction import all_op, max_op, mean_op, min_op, prod_op, sum_op
from minpy.ops.reduction import std as std_function
from minpy.ops.reduction import var as var_function


def _arguments(a: Any, axis: Any, keepdims: Any) -> tuple[tuple[int, ...], bool, bool]:
    """The axes, keepdims, and whether ``a`` can hold a nan."""
    kind = aval_of(a).dtype.kind
    refuse(dtype="of the array" if kind not in "biuf" else None)
    keepdims = False if keepdims is numpy._NoValue else bool(keepdims)  # type: ignore[attr-defined]
    return normalize_axes(axis, aval_of(a).ndim), keepdims, kind == "f"


def _where(condition: Any, value: float, a: Any) -> Any:
    """``value`` where the condition holds, else ``a``, in the dtype of ``a``."""
    return where_op(condition, numpy.asarray(value, aval_of(a).dtype), a)


def _filled(op: Op, a: Any, axis: Any, keepdims: Any, value: float) -> Any:
    axes, keepdims, may_miss = _arguments(a, axis, keepdims)
    return op(_where(isnan(a), value, a) if may_miss else a, axes=axes, keepdims=keepdims)


@numpy_function(numpy.nansum)
def nansum(a, axis=None, dtype=None, out=None, keepdims=False, **options):
    """``sum`` in which nan counts as 0."""
    refuse(dtype=dtype, out=out, **options)
    return _filled(sum_op, a, axis, keepdims, 0)


@numpy_function(numpy.nanprod)
def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, **options):
    """``prod`` in which nan counts as 1."""
    refuse(dtype=dtype, out=out, **options)
    return _filled(prod_op, a, axis, keepdims, 1)


def _nan_extremum(op: Op, a: Any, axis: Any, keepdims: Any, value: float) -> Any:
    axes, keepdims, may_miss = _arguments(a, axis, keepdims)
    if not may_miss:
        return op(a, axes=axes, keepdims=keepdims)
    found = op(_where(isnan(a), value, a), axes=axes, keepdims=keepdims)
    return number(_where(all_op(isnan(a), axes=axes, keepdims=keepdims), math.nan, found))


@numpy_function(numpy.nanmax)
def nanmax(a, axis=None, out=None, keepdims=False, **options):
    """``max`` of what is not nan."""
    refuse(out=out, **options)
    return _nan_extremum(max_op, a, axis, keepdims, -math.inf)


@numpy_function(numpy.nanmin)
def nanmin(a, axis=None, out=None, keepdims=False, **options):
    """``min`` of what is not nan."""
    refuse(out=out, **options)
    return _nan_extremum(min_op, a, axis, keepdims, math.inf)


def _present(a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """How many elements are not nan, in the dtype of the array."""
    return astype(sum_op(logical_not(isnan(a)), axes=axes, keepdims=keepdims), dtype=aval_of(a).dtype)


@numpy_function(numpy.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, **options):
    """``mean`` of what is not nan."""
    refuse(dtype=dtype, out=out, **options)
    axes, keepdims, may_miss = _arguments(a, axis, keepdims)
    if not may_miss:
        return mean_op(a, axes=axes, keepdims=keepdims)
    total = sum_op(_where(isnan(a), 0, a), axes=axes, keepdims=keepdims)
    return true_divide(total, _present(a, axes, keepdims))


@numpy_function(numpy.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    """``var`` of what is not nan."""
    refuse(dtype=dtype, out=out, **options)
    axes, keepdims, may_miss = _arguments(a, axis, keepdims)
    if not may_miss:
        return var_function.implementation(a, axis, ddof=ddof, keepdims=keepdims)
    mean = true_divide(sum_op(_where(isnan(a), 0, a), axes=axes, keepdims=True), _present(a, axes, True))
    apart = _where(isnan(a), 0, subtract(_where(isnan(a), 0, a), mean))
    count = subtract(_present(a, axes, keepdims), numpy.asarray(ddof, aval_of(a).dtype))
    found = true_divide(sum_op(square(apart), axes=axes, keepdims=keepdims), count)
    return number(_where(less_equal(count, 0), math.nan, found))


@numpy_function(numpy.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
    """The square root of ``nanvar``."""
    if aval_of(a).dtype.kind in "iub":
        return std_function.implementation(a, axis, dtype, out, ddof, keepdims, **options)
    return sqrt(nanvar.implementation(a, axis, dtype, out, ddof, keepdims, **options))


@numpy_function(numpy.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """``x`` with numbers in place of nan and the infinities, which get no gradient."""
    refuse(copy=None if copy else copy)
    dtype = aval_of(x).dtype
    if dtype.kind in "iu":
        return positive(x)
    refuse(dtype="of the array" if dtype.kind != "f" else None)
    limits = numpy.finfo(dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    result = _where(isnan(x), nan, x)
    result = _where(equal(x, math.inf), high, result)
    return number(_where(equal(x, -math.inf), low, result))
