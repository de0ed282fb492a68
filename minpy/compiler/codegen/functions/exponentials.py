"""exp, expm1, exp2 and the logistic function.

x = n log(2) + r with |r| <= log(2)/2, then e^x = 2^n e^r; log(2) is taken in two parts, so that r is as
good as exact (Cody & Waite, "Software Manual for the Elementary Functions", 1980).
"""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.terms import Term, fma, maximum, minimum, polynomial, where

#: (e^r - 1 - r) / r^2 for |r| <= log(2)/2; error 1.3e-8 and 1.8e-17, relative to e^r - 1
_EXP_32 = (0.499999981, 0.166665432, 0.0416672018, 0.00836658029, 0.00138825095)
_EXP_64 = (
    0.5000000000000006, 0.16666666666666588, 0.041666666666576105, 0.008333333333389944,
    0.0013888888931795115, 0.0001984126971837416, 2.4801504978820914e-05, 2.7557407836233484e-06,
    2.762616142552938e-07, 2.5053785491042203e-08,
)  # fmt: skip

#: (2^r - 1) / r for |r| <= 1/2; error 2.0e-9 and 3.4e-18, relative to 2^r
_EXP2_32 = (0.693147203, 0.240226479, 0.0555033247, 0.00961843737, 0.00133988744, 0.000153533588)
_EXP2_64 = (
    0.6931471805599453, 0.2402265069591013, 0.055504108664820084, 0.00961812910759412, 0.001333355814677468,
    0.00015403530457110283, 1.5252733493059618e-05, 1.3215435283195081e-06, 1.0178199601923026e-07,
    7.073783100324249e-09, 4.434766638504461e-10,
)  # fmt: skip

_SHIFTS = (1.5 * 2.0**23, 1.5 * 2.0**52)

#: log(2) in two parts
LOG2_32 = (0.6931471824645996, -1.9046542121259336e-09)
LOG2_64 = (0.6931471805599453, 2.3190468138462996e-17)


def nearest(x: Term, factor: float = 1.0) -> tuple[Term, Term]:
    """The integer n nearest to ``factor`` x, |n| < 2^21 or 2^50: as a float, and in an integer's low bits.

    1.5 * 2^23, or 2^52, is added: that leaves no bits for a fraction, and the lowest ones count.
    """
    shift = x.choose(*_SHIFTS)
    shifted = fma(x, factor, shift)
    return shifted - shift, shifted.bits()


def low_bits(n: Term) -> Term:
    """An integer that is held by a float, in the low bits of an integer."""
    return (n + n.choose(*_SHIFTS)).bits()


def power_of_2(n: Term, like: Term, offset: int = 0) -> Term:
    """2^(n + offset) for n in the low bits of an integer, where that is a normal number."""
    mantissa, bias = like.choose((23, 127), (52, 1023))
    return ((n << mantissa) + ((bias + offset) << mantissa)).float()


def scaled(y: Term, n: Term) -> Term:
    """y 2^n in two factors, so that it may overflow or be denormal; of a y about 1 it is rounded once."""
    half = n >> 1
    return y * power_of_2(half, y) * power_of_2(n - half, y)


def reduced(x: Term, low: Term | None = None) -> tuple[Term, Term, Term]:
    """r, e^r - 1 - r and n of x + low = n log(2) + r."""
    n, bits = nearest(x, 1 / math.log(2))
    high_part, low_part = x.choose(LOG2_32, LOG2_64)
    r = fma(n, -low_part, fma(n, -high_part, x))
    if low is not None:
        r = r + low
    return r, r * r * polynomial(r, x.choose(_EXP_32, _EXP_64)), bits


def exp(x: Term) -> Term:
    """e^x."""
    r, rest, n = reduced(minimum(maximum(x, x.choose(-104, -746)), x.choose(89, 710)))
    return scaled(r + rest + 1, n)


def exp_negative(x: Term) -> Term:
    """e^x for x <= 0."""
    r, rest, n = reduced(maximum(x, x.choose(-104, -746)))
    return scaled(r + rest + 1, n)


def half_exp(x: Term) -> Term:
    """e^x / 2 for x >= 0, which is finite a bit further than e^x."""
    r, rest, n = reduced(minimum(x, x.choose(90, 711)))
    return scaled(r + rest + 1, n - 1)


def exp2_of_sum(x: Term, low: Term | None = None) -> Term:
    """2^(x + low), where x is limited."""
    n, bits = nearest(x)
    r = x - n
    if low is not None:
        r = r + low
    return scaled(fma(r, polynomial(r, x.choose(_EXP2_32, _EXP2_64)), 1), bits)


def exp2(x: Term) -> Term:
    """2^x."""
    return exp2_of_sum(minimum(maximum(x, x.choose(-151, -1076)), x.choose(128, 1024)))


def expm1_of_limited(x: Term) -> Term:
    """e^x - 1 where x is neither below -25 (float64: -45) nor so great that this is infinite by far."""
    r, rest, n = reduced(x)
    half = power_of_2(n, x, offset=-1)  # 2^n would overflow too early
    return fma(half, r + rest, half - 0.5) * 2


def expm1(x: Term) -> Term:
    """e^x - 1."""
    result = expm1_of_limited(minimum(maximum(x, x.choose(-25, -45)), x.choose(89, 710)))
    return where(abs(x) < x.choose(2.0**-25, 2.0**-54), x, result)


def sigmoid(x: Term) -> Term:
    """1 / (1 + e^-x), of the exponential that cannot overflow: e^x / (1 + e^x) where x is negative."""
    e = exp_negative(-abs(x))
    return where(x < 0, e, 1) / (e + 1)
