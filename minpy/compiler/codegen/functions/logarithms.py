"""log, log1p, log2, log10, softplus, logaddexp and logaddexp2.

x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), then log(x) = k log(2) + log(1 + f). float32: log(1 + f)
is f - f^2/2 + f^3 P(f), as in Moshier's Cephes library. float64: with s = f / (2 + f) it is 2 atanh(s),
arranged as in K.C. Ng's algorithm of FDLIBM, so that no rounding error is of the size of f.
"""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.exponentials import LOG2_32, LOG2_64, exp2, exp_negative
from minpy.compiler.codegen.functions.terms import Term, fma, maximum, polynomial, where

#: (log(1 + f) - f + f^2/2) / f^3; error 5.8e-9, relative to log(1 + f)
_LOG_32 = (
    0.333333317, -0.25000821, 0.200012269, -0.166233574, 0.142017582, -0.131601819, 0.127615752, -0.0763449588
)  # fmt: skip
#: (2 atanh(s)/s - 2) / s^2 as a polynomial in s^2; error 1.4e-18, relative to atanh(s)
_LOG_64 = (
    0.6666666666666713, 0.3999999999952474, 0.285714287218737, 0.22222200416049265, 0.18183478158517385,
    0.15316071105450244, 0.14777171394622488,
)  # fmt: skip

# 1/log(2), 1/log(10) and log10(2) in two parts.
_LOG2_E_32, _LOG2_E_64 = (
    (1.4426950216293335, 1.925963033500011e-08),
    (1.4426950408889634, 2.0355273740931033e-17),
)
_LOG10_E_32, _LOG10_E_64 = (
    (0.4342944920063019, -1.0103049952192578e-08),
    (0.4342944819032518, 1.098319650216765e-17),
)
_LOG10_2_32, _LOG10_2_64 = (
    (0.3010300099849701, -1.432098883924482e-08),
    (0.3010299956639812, -2.8037281277851704e-18),
)


def split(x: Term) -> tuple[Term, Term, Term]:
    """Of a positive x: k plus the bias as an integer, k as a float, and f = x / 2^k - 1."""
    mantissa, bias, tiny = x.choose((23, 127, 2.0**-126), (52, 1023, 2.0**-1022))
    root = x.choose(0x3F3504F3, 0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2), rounded up
    is_denormal = x < tiny
    x = where(is_denormal, x * 2.0**mantissa, x)
    bits = x.bits() - root
    exponent = (bits + (bias << mantissa)) >> mantissa
    one = x.choose(0x4B000000, 0x4330000000000000)  # the bits of 2^23 and 2^52: the integer is their fraction
    zero = 2.0**mantissa + bias
    k = (exponent | one).float() - where(is_denormal, x.like(zero + mantissa), zero)
    f = ((bits & ((1 << mantissa) - 1)) + root).float() - 1
    return exponent, k, f


def log_rest(f: Term) -> Term:
    """log(1 + f) - f."""
    if f.choose(True, False):
        square = f * f
        return fma(square, -0.5, square * f * polynomial(f, _LOG_32))
    s = f / (f + 2)
    z = s * s
    half = f * f * 0.5
    return fma(s, fma(z, polynomial(z, _LOG_64), half), -half)


def defined(x: Term, result: Term) -> Term:
    """A logarithm where x is positive and finite; -inf at 0, nan below."""
    return where((x > 0) & (x < math.inf), result, where(x.equals(0), -math.inf, where(x < 0, math.nan, x)))


def log(x: Term) -> Term:
    """The natural logarithm."""
    _, k, f = split(x)
    high, low = x.choose(LOG2_32, LOG2_64)
    return defined(x, fma(k, high, f + fma(k, low, log_rest(f))))


def _of_base(x: Term, one: tuple[float, float], two: tuple[float, float]) -> Term:
    """log(x) times ``one``, which makes log(2) ``two``; both are in two parts."""
    _, k, f = split(x)
    rest = fma(log_rest(f), one[0], f * one[1])
    return defined(x, fma(k, two[0], fma(f, one[0], fma(k, two[1], rest))))


def log2(x: Term) -> Term:
    """The logarithm to base 2, exact for powers of 2."""
    return _of_base(x, x.choose(_LOG2_E_32, _LOG2_E_64), (1.0, 0.0))


def log10(x: Term) -> Term:
    """The logarithm to base 10."""
    return _of_base(x, x.choose(_LOG10_E_32, _LOG10_E_64), x.choose(_LOG10_2_32, _LOG10_2_64))


def log1p(x: Term) -> Term:
    """log(1 + x): of u = 1 + x, rounded, and of what that leaves, which is added to f."""
    u = x + 1
    exponent, k, f = split(u)
    mantissa, bias = x.choose((23, 127), (52, 1023))
    twice = (((2 * bias + 1) << mantissa) - (exponent << mantissa)).float()  # 2^(1-k); 0 for the largest k
    f = fma((x - (u - 1)) * 0.5, twice, f)
    high, low = x.choose(LOG2_32, LOG2_64)
    result = defined(u, fma(k, high, f + fma(k, low, log_rest(f))))
    return where(abs(x) < x.choose(2.0**-25, 2.0**-54), x, result)


def _log1p_of_unit(x: Term) -> Term:
    """log(1 + x) for 0 <= x <= 1."""
    u = x + 1
    is_great = u > math.sqrt(2)
    scale = where(is_great, x.like(0.5), 1)
    f = fma(x - (u - 1), scale, fma(u, scale, -1))
    high, low = x.choose(LOG2_32, LOG2_64)
    k = where(is_great, x.like(1), 0)
    return fma(k, high, f + fma(k, low, log_rest(f)))


def softplus(x: Term) -> Term:
    """log(1 + e^x)."""
    return maximum(x, 0) + _log1p_of_unit(exp_negative(-abs(x)))


def _greater_and_distance(x: Term, y: Term) -> tuple[Term, Term]:
    """The greater one and -|x - y|, which is 0 of equal infinities."""
    return where(x > y, x, y), where(x.equals(y), 0, -abs(x - y))


def logaddexp(x: Term, y: Term) -> Term:
    """log(e^x + e^y), as NumPy computes it: the greater one and log1p(e^-|x - y|)."""
    greater, distance = _greater_and_distance(x, y)
    return greater + _log1p_of_unit(exp_negative(distance))


def logaddexp2(x: Term, y: Term) -> Term:
    """log2(2^x + 2^y), in the same way; x + 1 of equal numbers, exactly."""
    greater, distance = _greater_and_distance(x, y)
    return greater + where(distance.equals(0), 1, _log1p_of_unit(exp2(distance)) * (1 / math.log(2)))
