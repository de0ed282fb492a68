"""Exponential, trigonometric and Fresnel integrals, and integrals of Bessel, Airy and Struve functions.

The derivative is what stands under the integral (DLMF 6.2, 7.2, 8.19.13, 10.22, 9.10).
"""

from __future__ import annotations

import cmath
import math
from typing import Any

from minpy.ops.elementwise import cos, cosh, exp, negative, sin, square
from minpy.ops.logic import equal, where_op
from minpy.ops.op import UNDEFINED
from minpy.ops.special.bessel import i0, j0, k0, modstruve, struve, y0
from minpy.ops.special.equations import airy
from minpy.ops.special.hypergeometric import hyp0f1
from minpy.ops.special.table import scipy_ufunc, several


def _quotient(y: Any, x: Any) -> Any:
    """``y / x`` where y is 0, of second order, for x = 0."""
    return y / where_op(equal(x, 0), 1, x)


exp1 = scipy_ufunc("exp1", lambda g, ans, z: -g * (exp(-z) / z))
expi = scipy_ufunc("expi", lambda g, ans, z: g * (exp(z) / z))


def _expn_slope(n: Any, x: Any) -> Any:
    """Minus the function of order n - 1; SciPy has none of order -1."""
    is_zero = equal(n, 0)
    lowest = exp(-x) * (1 + x) / square(x)
    return where_op(is_zero, lowest, expn(where_op(is_zero, 0, n - 1), x))


expn: Any = scipy_ufunc("expn", UNDEFINED, lambda g, ans, n, x: -g * _expn_slope(n, x))
# sin(z) / z and sinh(z) / z have no hole at 0 as hypergeometric functions (DLMF 10.39.9).
sici = several("sici", lambda ans, z: (hyp0f1(1.5, -0.25 * z * z), cos(z) / z))
shichi = several("shichi", lambda ans, z: (hyp0f1(1.5, 0.25 * z * z), cosh(z) / z))
fresnel = several("fresnel", lambda ans, z: (sin(math.pi / 2 * z * z), cos(math.pi / 2 * z * z)))


def _modfresnel(name: str, sign: int) -> Any:
    """F, the integral of exp(sign i t**2) from x on, and K, exp(-sign i (x**2 + pi / 4)) F / sqrt(pi)."""
    turn = sign * 1j
    factor = cmath.exp(-turn * math.pi / 4) / math.sqrt(math.pi)
    return several(name, lambda ans, x: (negative(exp(turn * x * x)), -2 * turn * x * ans[1] - factor))


modfresnelp, modfresnelm = _modfresnel("modfresnelp", 1), _modfresnel("modfresnelm", -1)

itj0y0 = several("itj0y0", lambda ans, x: (j0(x), y0(x)))
iti0k0 = several("iti0k0", lambda ans, x: (i0(x), k0(x)))
it2j0y0 = several("it2j0y0", lambda ans, x: (_quotient(1 - j0(x), x), -y0(x) / x))
it2i0k0 = several("it2i0k0", lambda ans, x: (_quotient(i0(x) - 1, x), -k0(x) / x))
itstruve0 = scipy_ufunc("itstruve0", lambda g, ans, x: g * struve(0.0, x))
it2struve0 = scipy_ufunc("it2struve0", lambda g, ans, x: -g * struve(0.0, x) / x)
itmodstruve0 = scipy_ufunc("itmodstruve0", lambda g, ans, x: g * modstruve(0.0, x))


def _itairy_slopes(ans: Any, x: Any) -> tuple[Any, ...]:
    (ai, _, bi, _), (ai_below, _, bi_below, _) = airy(x), airy(-x)
    return ai, bi, ai_below, bi_below


itairy = several("itairy", _itairy_slopes)
