"""Polynomials by their coefficients, the highest power first: ``polyval``, ``polyfit``, ``roots``, ..."""

from __future__ import annotations

import warnings
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import aval_of
from minpy.ops.data import content
from minpy.ops.elementwise import add, multiply, real, sqrt, square, subtract, true_divide
from minpy.ops.indexing import basic_slice, index, index_add
from minpy.ops.keys import BACKWARD
from minpy.ops.linalg import dot, outer
from minpy.ops.matrix import inv_op
from minpy.ops.matrix_functions import eigvals, lstsq
from minpy.ops.op import Op, as_operand, numpy_function, refuse, register
from minpy.ops.rearrange import atleast_1d
from minpy.ops.reduction import cast, sum_op
from minpy.ops.scan import cumprod_op
from minpy.ops.shape import broadcast_to_op, concatenate_op, expand_dims, reshape_op, transpose_op
from minpy.ops.signals import convolve_op


def _size(x: Any) -> int:
    shape = aval_of(x).shape
    if not shape:
        raise TypeError("len() of unsized object")
    return shape[0]


def _coefficient(p: Any, i: int) -> Any:
    return index(p, template=(i,))


def _no_objects(*polynomials: Any) -> None:
    """Objects of type ``poly1d`` are left to NumPy."""
    refuse(p="an object" if any(isinstance(p, numpy.poly1d) for p in polynomials) else None)


# Arithmetic ------------------------------------------------------------------------------------


@numpy_function(numpy.polyval, arrays=2)
def polyval(p, x):
    """The value at ``x``, by Horner's scheme."""
    _no_objects(p, x)
    y: Any = numpy.zeros(*aval_of(x))
    for i in range(_size(p)):
        y = add(multiply(y, x), _coefficient(p, i))
    return y


def _sum(combine: Op, a1: Any, a2: Any) -> Any:
    """The sum or the difference; the shorter polynomial gets zeros in front."""
    _no_objects(a1, a2)
    a1, a2 = atleast_1d.implementation(a1, a2)
    missing = _size(a2) - _size(a1)
    if missing > 0:
        a1 = concatenate_op(numpy.zeros(missing, aval_of(a1).dtype), a1, axis=0)
    elif missing < 0:
        a2 = concatenate_op(numpy.zeros(-missing, aval_of(a2).dtype), a2, axis=0)
    return combine(a1, a2)


@numpy_function(numpy.polyadd, arrays=2)
def polyadd(a1, a2):
    """The sum of two polynomials."""
    return _sum(add, a1, a2)


@numpy_function(numpy.polysub, arrays=2)
def polysub(a1, a2):
    """The difference of two polynomials."""
    return _sum(subtract, a1, a2)


def _without_leading_zeros(p: Any) -> Any:
    p = atleast_1d.implementation(p)
    refuse(p="with several axes" if aval_of(p).ndim > 1 else None)
    places = numpy.flatnonzero(content(p, "the polynomial"))
    if not places.size:
        return numpy.zeros(1, aval_of(p).dtype)
    return basic_slice(p, 0, int(places[0]), _size(p)) if places[0] else p


@numpy_function(numpy.polymul, arrays=2, mxnet=False)
def polymul(a1, a2):
    """The product of two polynomials."""
    _no_objects(a1, a2)
    return convolve_op(_without_leading_zeros(a1), _without_leading_zeros(a2), mode="full")


@numpy_function(numpy.polydiv, arrays=2, mxnet=False)
def polydiv(u, v):
    """Quotient and remainder of two polynomials."""
    _no_objects(u, v)
    u, v = (add(x, 0.0) for x in atleast_1d.implementation(u, v))
    m, n = _size(u) - 1, _size(v) - 1
    dtype = aval_of(add(_coefficient(u, 0), _coefficient(v, 0))).dtype
    scale, rest = true_divide(1.0, _coefficient(v, 0)), cast(u, dtype)
    quotient = []
    for k in range(m - n + 1):
        factor = multiply(scale, _coefficient(rest, k))
        quotient.append(cast(reshape_op(factor, shape=(1,)), dtype))
        taken = index_add(multiply(factor, v), template=(("slice", k, k + n + 1, None),), shape=(m + 1,))
        rest = cast(subtract(rest, taken), dtype)
    while numpy.allclose(content(rest, "the rest")[0], 0, rtol=1e-14) and _size(rest) > 1:
        rest = basic_slice(rest, 0, 1, _size(rest))
    return concatenate_op(*quotient, axis=0) if quotient else numpy.zeros(1, dtype), rest


@numpy_function(numpy.polyder)
def polyder(p, m=1):
    """The ``m``-th derivative."""
    _no_objects(p)
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    n = _size(p) - 1
    for power in range(n, n - m, -1):
        p = multiply(basic_slice(p, 0, 0, max(power, 0)), numpy.arange(power, 0, -1))
    return p


@numpy_function(numpy.polyint)
def polyint(p, m=1, k=None):
    """The ``m``-th integral, with the constants ``k``."""
    _no_objects(p)
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = numpy.zeros(m) if k is None else atleast_1d.implementation(as_operand(k))
    if _size(constants) == 1 and m > 1:
        constants = multiply(_coefficient(constants, 0), numpy.ones(m))
    if _size(constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = true_divide(p, numpy.arange(_size(p), 0, -1))
        p = concatenate_op(p, basic_slice(constants, 0, i, i + 1), axis=0)
    return p


# Points and roots ------------------------------------------------------------------------------


@numpy_function(numpy.vander, mxnet=False)
def vander(x, N=None, increasing=False):
    """The matrix of the powers of each element, the highest first unless ``increasing``."""
    if aval_of(x).ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    rows, dtype = _size(x), numpy.promote_types(aval_of(x).dtype, int)
    count = rows if N is None else N
    powers: Any = numpy.ones((rows, min(count, 1)), dtype)
    if count > 1:
        column = expand_dims.implementation(cast(x, dtype), 1)
        higher = cumprod_op(broadcast_to_op(column, shape=(rows, count - 1)), axis=1)
        powers = concatenate_op(powers, higher, axis=1)
    return powers if increasing else index(powers, template=(("slice", None, None, None), BACKWARD))


def _roots_infer(p: Any) -> Any:
    raise UnsupportedError("how many roots there are, and whether they are real, depends on the data")


def _roots_vjp(g: Any, ans: Any, p: Any) -> Any:
    """A simple root r moves by -r**i / p'(r) for a change of the coefficient of r**i."""
    slopes = polyval.implementation(polyder.implementation(p), ans)
    powers = vander.implementation(ans, _size(p))
    return -sum_op(expand_dims.implementation(g / slopes, 1) * powers, axes=(0,), keepdims=False)


roots_op = register(
    Op(
        "roots",
        numpy=lambda p: numpy.roots(p),
        infer=_roots_infer,
        vjp=(_roots_vjp,),
        family="polynomials",
        may_raise=True,
        cost="compute",
    )
)


@numpy_function(numpy.roots, mxnet=False)
def roots(p):
    """The roots; simple ones have a gradient."""
    _no_objects(p)
    return roots_op(atleast_1d.implementation(p))


@numpy_function(numpy.poly, mxnet=False)
def poly(seq_of_zeros):
    """The polynomial with these roots, or the characteristic one of a matrix."""
    refuse(seq_of_zeros=None if aval_of(seq_of_zeros).ndim else "a number")
    zeros = atleast_1d.implementation(seq_of_zeros)
    shape, dtype = aval_of(zeros)
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        zeros = eigvals.implementation(zeros)
    elif len(shape) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    else:
        refuse(seq_of_zeros="empty" if not shape[0] else None)
        zeros = cast(zeros, numpy.mintypecode(dtype.char))
    dtype = aval_of(zeros).dtype
    found: Any = numpy.ones(1, dtype)
    for i in range(_size(zeros)):
        factor = concatenate_op(numpy.ones(1, dtype), -basic_slice(zeros, 0, i, i + 1), axis=0)
        found = convolve_op(found, factor, mode="full")
    if dtype.kind == "c":
        known = content(zeros, "the roots").astype(complex)
        if (numpy.sort(known) == numpy.sort(known.conjugate())).all():
            return real(found)
    return found


@numpy_function(numpy.polyfit, arrays=2, mxnet=False)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """The polynomial of degree ``deg`` with the least squares of distances from the points."""
    order = int(deg) + 1
    x, y = add(x, 0.0), add(y, 0.0)
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if aval_of(x).ndim != 1:
        raise TypeError("expected 1D vector for x")
    if not aval_of(x).size:
        raise TypeError("expected non-empty vector for x")
    if aval_of(y).ndim not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    count = _size(x)
    if count != _size(y):
        raise TypeError("expected x and y to have same length")
    rcond = count * numpy.finfo(aval_of(x).dtype).eps if rcond is None else rcond
    left, right = vander.implementation(x, order), y
    if w is not None:
        w = add(as_operand(w), 0.0)
        if aval_of(w).ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if _size(w) != count:
            raise TypeError("expected w and y to have the same length")
        column = expand_dims.implementation(w, 1)
        left = cast(multiply(left, column), aval_of(left).dtype)
        right = cast(multiply(right, column if aval_of(y).ndim == 2 else w), aval_of(y).dtype)
    scale = sqrt(sum_op(square(left), axes=(0,), keepdims=False))
    left = true_divide(left, scale)
    found, residuals, rank, values = lstsq.implementation(left, right, rcond)
    found = true_divide(found, scale if aval_of(y).ndim == 1 else expand_dims.implementation(scale, 1))
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", numpy.RankWarning, stacklevel=3)
    if full:
        return found, residuals, rank, values, rcond
    if not cov:
        return found
    base = inv_op(dot.implementation(transpose_op(left, axes=(1, 0)), left))
    base = true_divide(base, outer.implementation(scale, scale))
    factor: Any = 1
    if cov != "unscaled":
        if count <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = true_divide(residuals, count - order)
    return found, multiply(base if aval_of(y).ndim == 1 else expand_dims.implementation(base, 2), factor)
