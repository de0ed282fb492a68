"""power, cbrt, rsqrt and hypot.

A power needs more digits of the logarithm than a float has: these are sums of two (see ``doubled.py``), as in
FDLIBM.
"""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.doubled import Doubled, product, quick_sum, two_product
from minpy.compiler.codegen.functions.exponentials import exp2, exp2_of_sum, low_bits, power_of_2
from minpy.compiler.codegen.functions.logarithms import split
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

# log2((1 + s) / (1 - s)) = s (A + s^2 (B + s^2 P(s^2))) for |s| <= 3 - sqrt(8): A and B in two parts, and
# P, of which the error is 1.1e-11, 1.4e-22, relative to the logarithm.
_A_32, _B_32 = (2.885390043258667, 3.851925982253235e-08), (0.9617967009544373, -7.028461650952758e-09)
_A_64, _B_64 = (2.8853900817779268, 4.0710547481862066e-17), (0.9617966939259756, 5.0577616648125907e-17)
_P_32 = (0.577079805, 0.411882808, 0.337139866)
_P_64 = (
    0.5770780163555853, 0.4121985831111939, 0.32059889794674706, 0.26230819483322304, 0.22195251044102762,
    0.1923927884759566, 0.16861228733790348, 0.1715691100632,
)  # fmt: skip


def _log2(x: Term) -> Doubled:
    """The logarithm of a positive number to base 2, to 1.3 times as many digits as a float has."""
    a, b = [Doubled(*map(x.like, pair)) for pair in x.choose((_A_32, _B_32), (_A_64, _B_64))]
    _, k, f = split(x)
    under = quick_sum(2, f)
    inverse = 1 / under.high
    first = f * inverse
    s = quick_sum(first, fma(-first, under.low, fma(-first, under.high, f)) * inverse)
    z = product(s, s)
    rest = quick_sum(b.high, z.high * polynomial(z.high, x.choose(_P_32, _P_64)))
    rest = product(z, Doubled(rest.high, rest.low + b.low))
    whole = quick_sum(a.high, rest.high)
    whole = product(s, Doubled(whole.high, whole.low + (a.low + rest.low)))
    total = quick_sum(k, whole.high)  # also where k is 0
    return Doubled(total.high, total.low + whole.low)


def _simple_power(x: Term, y: Term) -> Term | None:
    """Where one of them is a constant that makes it a matter of one instruction or of another function."""
    if y.value.number == 2:
        return x * x
    if y.value.number == -1:
        return 1 / x
    if y.value.number == 0.5:
        return where(x.equals(-math.inf), math.inf, sqrt(x) + 0)  # that of -0.0 is 0.0
    if x.value.number == 2:
        return exp2(y)
    return None


def power(x: Term, y: Term) -> Term:
    """x^y = 2^(y log2(x)), with the special cases of C's ``pow`` (C99, F.9.4.4), which are NumPy's."""
    simple = _simple_power(x, y)
    if simple is not None:
        return simple
    size = abs(x)
    logarithm = _log2(size)
    # Of no number, infinite.
    high = where(size.equals(0), -math.inf, where(size < math.inf, logarithm.high, size))
    exponent = y * high
    limit = x.choose(200, 1200)
    low = fma(y, high, -exponent) + y * logarithm.low
    low = where(abs(exponent) < limit, low, 0)
    result = exp2_of_sum(minimum(maximum(exponent, -limit), limit), low)
    result = where(size.equals(1) | y.equals(0), 1, result)
    # The sign: of odd integers that of x.
    half = y * 0.5
    is_whole = y.rounded().equals(y)
    is_odd = is_whole & ~half.rounded().equals(half)
    result = where(is_odd, copysign(result, x), result)
    return where((x < 0) & (x > -math.inf) & ~is_whole, math.nan, result)


#: the cube root for [sqrt(1/2), sqrt(2)); relative error 7.3e-5, 1.2e-6
_CBRT_32 = (0.492509709, 0.739717573, -0.290378882, 0.0582208474)
_CBRT_64 = (
    0.4216896991352289, 1.0560154732718492, -0.8360705832270513, 0.5109666959530115, -0.17955727901024493,
    0.026955007085927327,
)  # fmt: skip


def cbrt(x: Term) -> Term:
    """The cube root: of x = 2^(3q) a it is 2^q r, where r comes of a polynomial and one of Halley's steps."""
    size = abs(x)
    _, k, f = split(size)
    q = (k * (1 / 3)).rounded()
    rest = k - 3 * q  # -1, 0, or 1
    m = f + 1
    root = polynomial(m, x.choose(_CBRT_32, _CBRT_64))
    a = m * where(rest.equals(0), x.like(1), where(rest > 0, x.like(2), 0.5))
    root = root * where(rest.equals(0), x.like(1), where(rest > 0, x.like(2 ** (1 / 3)), 0.5 ** (1 / 3)))
    square = two_product(root, root)
    # Of the cube, so exact that cubes have whole roots.
    excess = fma(square.high, root, -a) + square.low * root
    root = root - root * (excess / (3 * a + 2 * excess))
    result = copysign(root * power_of_2(low_bits(q), x), x)
    return where((size > 0) & (size < math.inf), result, x)


def rsqrt(x: Term) -> Term:
    """1 / sqrt(x)."""
    return 1 / sqrt(x)


def hypot(x: Term, y: Term) -> Term:
    """sqrt(x^2 + y^2), scaled so that no square over- or underflows that counts."""
    x, y = abs(x), abs(y)
    greater, less = maximum(x, y), minimum(x, y)
    large, down, small, up = x.choose(
        (2.0**60, 2.0**-70, 2.0**-60, 2.0**90), (2.0**500, 2.0**-600, 2.0**-500, 2.0**600)
    )
    scale = where(greater > large, x.like(down), where(greater < small, x.like(up), 1))
    greater, less = greater * scale, less * scale
    result = sqrt(fma(greater, greater, less * less)) / scale
    result = where(x.isnan() | y.isnan(), math.nan, result)
    return where(x.equals(math.inf) | y.equals(math.inf), math.inf, result)
