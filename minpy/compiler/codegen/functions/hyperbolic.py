"""The hyperbolic functions and their inverses, of exponentials and logarithms.

The formulas are those of FDLIBM, chosen so that nothing cancels.
"""

from __future__ import annotations

import math
from typing import Callable

from minpy.compiler.codegen.functions.exponentials import expm1_of_limited, half_exp
from minpy.compiler.codegen.functions.logarithms import log1p
from minpy.compiler.codegen.functions.terms import Term, copysign, fma, minimum, polynomial, sqrt, where

#: (sinh(x)/x - 1) / x^2 as a polynomial in x^2, for |x| <= 1; relative error of the whole 5.2e-11, 9.3e-20
_SINH_32 = (0.166666665, 0.00833335006, 0.000198361598, 2.81695123e-06)
_SINH_64 = (
    0.16666666666666669, 0.008333333333333174, 0.00019841269841417615, 2.755731916085753e-06,
    2.505212261376721e-08, 1.605729598352548e-10, 7.75775520932403e-13,
)  # fmt: skip


def tanh(x: Term) -> Term:
    """The hyperbolic tangent: t / (t + 2) of t = e^2|x| - 1."""
    t = expm1_of_limited(minimum(abs(x), x.choose(10, 22)) * 2)
    return copysign(t / (t + 2), x)


def cosh(x: Term) -> Term:
    """The hyperbolic cosine."""
    half = half_exp(abs(x))
    return half + 0.25 / half


def sinh(x: Term) -> Term:
    """The hyperbolic sine."""
    size = abs(x)
    half = half_exp(size)
    z = x * x
    near = fma(x * z, polynomial(z, x.choose(_SINH_32, _SINH_64)), x)
    return where(size < 1, near, copysign(half - 0.25 / half, x))


def _log1p_or_double(x: Term, formula: Callable[[Term], Term]) -> Term:
    """log(1 + formula(x)); log(2 x) where x is so great that its square may overflow."""
    limit = x.choose(2.0**60, 2.0**500)
    is_great = x > limit
    return log1p(where(is_great, x, formula(minimum(x, limit)))) + where(is_great, x.like(math.log(2)), 0)


def arcsinh(x: Term) -> Term:
    """The inverse hyperbolic sine: log(1 + x + x^2 / (1 + sqrt(1 + x^2))) of |x|."""

    def formula(y: Term) -> Term:
        return y + y * y / (sqrt(fma(y, y, 1)) + 1)

    return copysign(_log1p_or_double(abs(x), formula), x)


def arccosh(x: Term) -> Term:
    """The inverse hyperbolic cosine: log(1 + t + sqrt(2 t + t^2)) of t = x - 1."""

    def formula(y: Term) -> Term:
        t = y - 1
        return t + sqrt(t * (t + 2))

    return where(x < 1, math.nan, _log1p_or_double(x, formula))


def arctanh(x: Term) -> Term:
    """The inverse hyperbolic tangent: log(1 + 2 x / (1 - x)) / 2 of |x|."""
    size = abs(x)
    return copysign(log1p(2 * size / (1 - size)) * 0.5, x)
