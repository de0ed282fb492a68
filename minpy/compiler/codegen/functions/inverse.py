"""arcsin, arccos, arctan and arctan2.

The arguments are reduced as in Moshier's Cephes library.
"""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.terms import (
    Term,
    copysign,
    fma,
    maximum,
    minimum,
    polynomial,
    sqrt,
    where,
)

#: (arctan(z)/z - 1) / z^2 as a polynomial in z^2, for |z| <= tan(pi/8); relative error 2.1e-8, 1.5e-18
_ARCTAN_32 = (-0.333329489, 0.19977698, -0.138775375, 0.0805323323)
_ARCTAN_64 = (
    -0.3333333333333329, 0.19999999999974058, -0.1428571428186874, 0.11111110854397131, -0.09090899540107054,
    0.07692088493797129, -0.06663395146496993, 0.05849829914329155, -0.050473905061719254,
    0.038255965676218334, -0.01810372462370832,
)  # fmt: skip

#: (arcsin(s)/s - 1) / s^2 as a polynomial in s^2, for |s| <= 1/2; relative error 4.8e-9, 1.1e-18
_ARCSIN_32 = (0.166667525, 0.0749529766, 0.0454703734, 0.0241795274, 0.042166286)
_ARCSIN_64 = (
    0.16666666666666688, 0.07499999999985509, 0.04464285716308896, 0.030381943182720788, 0.02237220315742944,
    0.01735180364808767, 0.013978718565490909, 0.011414824958125487, 0.010696996505075341,
    0.004002093218978548, 0.021026947242793477, -0.02008354670362472, 0.03208198104017671,
)  # fmt: skip

# pi/2 and pi/4 in two parts.
_HALF_PI_32 = (1.5707963705062866, -4.371138828673793e-08)
_HALF_PI_64 = (1.5707963267948966, 6.123233995736766e-17)


def _arctan_of_quotient(y: Term, x: Term) -> Term:
    """arctan(y / x) for y, x >= 0.

    It is that of the quotient of the less and the greater; where this is above tan(pi/8), pi/4 and that of
    (less - greater) / (less + greater). For y > x it is what this leaves to pi/2.
    """
    less, greater = minimum(y, x), maximum(x, y)
    is_middle = less > greater * math.tan(math.pi / 8)
    z = where(is_middle, less - greater, less) / where(is_middle, less + greater, greater)
    square = z * z
    angle = fma(z * square, polynomial(square, x.choose(_ARCTAN_32, _ARCTAN_64)), z)
    is_steep = y > x
    angle = where(is_steep, -angle, angle)
    high, low = [
        where(is_middle, x.like(part / 2), where(is_steep, x.like(part), 0))
        for part in x.choose(_HALF_PI_32, _HALF_PI_64)
    ]
    return high + (angle + low)


def arctan(x: Term) -> Term:
    """The inverse tangent."""
    return copysign(_arctan_of_quotient(abs(x), x.like(1)), x)


def arctan2(y: Term, x: Term) -> Term:
    """The angle of the point (x, y), within [-pi, pi], in the signs of zeros as C's ``atan2``."""
    across, up = abs(x), abs(y)
    # Infinities stand to each other as 1 and 1; a zero to a zero as to 1.
    both = minimum(across, up)
    is_endless = both.equals(math.inf)
    up = where(is_endless, 1, up)
    across = where(is_endless | (maximum(across, up)).equals(0), 1, across)
    # Their sum shall not overflow.
    scale = where(maximum(across, up) > x.choose(2.0**126, 2.0**1022), x.like(0.25), 1)
    angle = _arctan_of_quotient(up * scale, across * scale)
    pi = x.choose(*[2 * high for high, _ in (_HALF_PI_32, _HALF_PI_64)])
    low = x.choose(*[2 * low for _, low in (_HALF_PI_32, _HALF_PI_64)])
    is_left = (x.bits() >> x.choose(31, 63)).equals(1)
    angle = where(is_left, pi - (angle - low), angle)
    return copysign(where(x.isnan() | y.isnan(), math.nan, angle), y)


def arcsin(x: Term) -> Term:
    """The inverse sine; above 1/2 it is pi/2 - 2 arcsin(sqrt((1 - x) / 2))."""
    size = abs(x)
    is_steep, angle = _arcsin_parts(size)
    high, low = x.choose(_HALF_PI_32, _HALF_PI_64)
    return copysign(where(is_steep, high - (angle * 2 - low), angle), x)


def arccos(x: Term) -> Term:
    """The inverse cosine, of the same parts."""
    is_steep, angle = _arcsin_parts(abs(x))
    high, low = x.choose(_HALF_PI_32, _HALF_PI_64)
    is_left = x < 0
    middle = high - (where(is_left, -angle, angle) - low)
    ends = where(is_left, 2 * high - (angle * 2 - 2 * low), angle * 2)
    return where(is_steep, ends, middle)


def _arcsin_parts(size: Term) -> tuple[Term, Term]:
    """Whether |x| > 1/2, and arcsin(s) of s = sqrt((1 - |x|) / 2) there, else of |x|."""
    is_steep = size > 0.5
    half = fma(size, -0.5, 0.5)
    s = where(is_steep, sqrt(half), size)
    z = where(is_steep, half, size * size)
    return is_steep, fma(s * z, polynomial(z, size.choose(_ARCSIN_32, _ARCSIN_64)), s)
