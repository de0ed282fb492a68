"""Functions that do without nan: ``nansum`` and its kin, ``nan_to_num``. A nan gets no gradient.

NumPy warns where nothing is left but nan; here the result is nan without a warning.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy
from numpy import _NoValue  # type: ignore[attr-defined]

from minpy.ops.aval import aval_of
from minpy.ops.choosing import number
from minpy.ops.elementwise import astype, multiply, positive, real, root, square, subtract, true_divide
from minpy.ops.logic import equal, isnan, less_equal, logical_not, where_op
from minpy.ops.moments import mean as mean_function
from minpy.ops.moments import var as var_function
from minpy.ops.op import Op, numpy_function, refuse
from minpy.ops.reduction import all_op, flag, max_op, min_op, reduced_axes, sum_op
from minpy.ops.reduction import prod as prod_function
from minpy.ops.reduction import sum as sum_function
from minpy.ops.scan import cumprod, cumsum
from minpy.ops.transcendental import conjugate, from_parts, imag_op


def _may_miss(a: Any) -> bool:
    """Whether ``a`` can hold a nan."""
    return aval_of(a).dtype.kind in "fc"


def _where(condition: Any, value: float, a: Any) -> Any:
    """``value`` where the condition holds, else ``a``, in the dtype of ``a``."""
    return where_op(condition, numpy.asarray(value, aval_of(a).dtype), a)


def _filled(a: Any, value: float) -> Any:
    return _where(isnan(a), value, a) if _may_miss(a) else a


# Sums and extrema ------------------------------------------------------------------------------


def _ignoring_nan(function: Callable, name: str, base: Any, neutral: float) -> Any:
    """A function that takes a nan for a neutral number; all options are those of ``base``."""

    def without_nan(a, *args, **options):
        return base.implementation(_filled(a, neutral), *args, **options)

    without_nan.__doc__ = f"``{name[3:]}`` in which nan counts as {neutral}."
    return numpy_function(function, name=name, mxnet=base.on_mxnet)(without_nan)


nansum = _ignoring_nan(numpy.nansum, "nansum", sum_function, 0)
nanprod = _ignoring_nan(numpy.nanprod, "nanprod", prod_function, 1)
nancumsum = _ignoring_nan(numpy.nancumsum, "nancumsum", cumsum, 0)
nancumprod = _ignoring_nan(numpy.nancumprod, "nancumprod", cumprod, 1)


def _nan_extremum(op: Op, function: Callable, name: str, farthest: float) -> Any:
    def extremum(a, axis=None, out=None, keepdims=_NoValue, **options):
        refuse(out=out, **options)
        axes, keepdims = reduced_axes(a, axis), flag(keepdims)
        found = op(_filled(a, farthest), axes=axes, keepdims=keepdims)
        if not _may_miss(a):
            return found
        return number(_where(all_op(isnan(a), axes=axes, keepdims=keepdims), math.nan, found))

    extremum.__doc__ = f"``{name[3:]}`` of what is not nan."
    return numpy_function(function, name=name)(extremum)


nanmax = _nan_extremum(max_op, numpy.nanmax, "nanmax", -math.inf)
nanmin = _nan_extremum(min_op, numpy.nanmin, "nanmin", math.inf)


# Means and spreads -----------------------------------------------------------------------------


def _present(a: Any, axes: tuple[int, ...], keepdims: bool, dtype: Any) -> Any:
    """How many elements are not nan."""
    return astype(sum_op(logical_not(isnan(a)), axes=axes, keepdims=keepdims), dtype=dtype)


def _nan_mean(a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return true_divide(
        sum_op(_filled(a, 0), axes=axes, keepdims=keepdims), _present(a, axes, keepdims, aval_of(a).dtype)
    )


@numpy_function(numpy.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=_NoValue, **options):
    """``mean`` of what is not nan."""
    if not _may_miss(a):
        return mean_function.implementation(a, axis, dtype, out, keepdims, **options)
    refuse(dtype=dtype, out=out, **options)
    return _nan_mean(a, reduced_axes(a, axis), flag(keepdims))


@numpy_function(numpy.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=_NoValue, **options):
    """``var`` of what is not nan."""
    refuse(dtype=dtype, out=out, **options)
    if not _may_miss(a):
        return var_function.implementation(a, axis, ddof=ddof, keepdims=keepdims)
    axes, keepdims = reduced_axes(a, axis), flag(keepdims)
    apart = _where(isnan(a), 0, subtract(a, _nan_mean(a, axes, True)))
    squares = real(multiply(apart, conjugate(apart))) if aval_of(a).dtype.kind == "c" else square(apart)
    dtype = aval_of(squares).dtype
    count = subtract(_present(a, axes, keepdims, dtype), numpy.asarray(ddof, dtype))
    found = true_divide(sum_op(squares, axes=axes, keepdims=keepdims), count)
    return number(_where(less_equal(count, 0), math.nan, found))


@numpy_function(numpy.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=_NoValue, **options):
    """The square root of ``nanvar``; the gradient is 0 where it is 0."""
    return root(nanvar.implementation(a, axis, dtype, out, ddof, keepdims, **options))


# Replacement -----------------------------------------------------------------------------------


@numpy_function(numpy.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """``x`` with numbers in place of nan and the infinities, which get no gradient."""
    refuse(copy=None if copy else copy)
    dtype = aval_of(x).dtype
    if dtype.kind in "iu":
        return positive(x)
    if dtype.kind == "c":
        options = {"nan": nan, "posinf": posinf, "neginf": neginf}
        parts = (nan_to_num.implementation(part, **options) for part in (real(x), imag_op(x)))
        return number(from_parts(*parts))
    refuse(dtype="of the array" if dtype.kind != "f" else None)
    limits = numpy.finfo(dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    result = _where(isnan(x), nan, x)
    result = _where(equal(x, math.inf), high, result)
    return number(_where(equal(x, -math.inf), low, result))
