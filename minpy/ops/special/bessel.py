"""Bessel functions and their kin: modified, spherical, scaled by exponentials, Hankel's, Struve's.

A derivative is half the difference, or the sum, of the two neighboring orders (DLMF 10.6.1, 10.29.1), which
unlike other forms divides by nothing.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from minpy.ops.data import static
from minpy.ops.elementwise import power, real, sign
from minpy.ops.logic import equal, where_op
from minpy.ops.op import NOT_DIFFERENTIABLE, UNDEFINED, numpy_function, publish, refuse
from minpy.ops.special.gamma import rgamma
from minpy.ops.special.table import elementwise, scipy_ufunc
from minpy.ops.transcendental import imag_op


def _by_order(name: str, vjp: Any) -> Any:
    """A function of order and argument."""
    return scipy_ufunc(name, UNDEFINED, vjp)


def _by_real(g: Any, ans: Any, x: Any) -> Any:
    """What a factor exp(abs(Re x)) adds to the cotangent."""
    return sign(real(x)) * real(g * ans)


def _by_imaginary(g: Any, ans: Any, x: Any) -> Any:
    """What a factor exp(abs(Im x)) adds to the cotangent: a real number has none."""
    return -1j * sign(imag_op(x)) * real(g * ans)


jv: Any = _by_order("jv", lambda g, ans, v, x: g * 0.5 * (jv(v - 1, x) - jv(v + 1, x)))
yv: Any = _by_order("yv", lambda g, ans, v, x: g * 0.5 * (yv(v - 1, x) - yv(v + 1, x)))
iv: Any = _by_order("iv", lambda g, ans, v, x: g * 0.5 * (iv(v - 1, x) + iv(v + 1, x)))
kv: Any = _by_order("kv", lambda g, ans, v, x: g * -0.5 * (kv(v - 1, x) + kv(v + 1, x)))
hankel1: Any = _by_order("hankel1", lambda g, ans, v, x: g * 0.5 * (hankel1(v - 1, x) - hankel1(v + 1, x)))
hankel2: Any = _by_order("hankel2", lambda g, ans, v, x: g * 0.5 * (hankel2(v - 1, x) - hankel2(v + 1, x)))

# With factors exp(-abs(Im x)), exp(-abs(Re x)), exp(x), exp(-ix) and exp(ix)
jve: Any = _by_order(
    "jve", lambda g, ans, v, x: g * 0.5 * (jve(v - 1, x) - jve(v + 1, x)) - _by_imaginary(g, ans, x)
)
yve: Any = _by_order(
    "yve", lambda g, ans, v, x: g * 0.5 * (yve(v - 1, x) - yve(v + 1, x)) - _by_imaginary(g, ans, x)
)
ive: Any = _by_order(
    "ive", lambda g, ans, v, x: g * 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - _by_real(g, ans, x)
)
kve: Any = _by_order("kve", lambda g, ans, v, x: g * (ans - 0.5 * (kve(v - 1, x) + kve(v + 1, x))))
hankel1e: Any = _by_order(
    "hankel1e", lambda g, ans, v, x: g * (0.5 * (hankel1e(v - 1, x) - hankel1e(v + 1, x)) - 1j * ans)
)
hankel2e: Any = _by_order(
    "hankel2e", lambda g, ans, v, x: g * (0.5 * (hankel2e(v - 1, x) - hankel2e(v + 1, x)) + 1j * ans)
)

# Their orders are integers.
yn: Any = elementwise(
    "yn", special.yn, NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * 0.5 * (yn(n - 1, x) - yn(n + 1, x))
)
kn: Any = elementwise(
    "kn", special.kn, NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * -0.5 * (kn(n - 1, x) + kn(n + 1, x))
)
publish("special.yn", yn, special.yn)
publish("special.kn", kn, special.kn)

j1: Any = scipy_ufunc("j1", lambda g, ans, x: g * 0.5 * (j0(x) - jv(2, x)))
j0: Any = scipy_ufunc("j0", lambda g, ans, x: -g * j1(x))
y1: Any = scipy_ufunc("y1", lambda g, ans, x: g * 0.5 * (y0(x) - yv(2, x)))
y0: Any = scipy_ufunc("y0", lambda g, ans, x: -g * y1(x))
i1: Any = scipy_ufunc("i1", lambda g, ans, x: g * 0.5 * (i0(x) + iv(2, x)))
i0: Any = scipy_ufunc("i0", lambda g, ans, x: g * i1(x))
k1: Any = scipy_ufunc("k1", lambda g, ans, x: g * -0.5 * (k0(x) + kv(2, x)))
k0: Any = scipy_ufunc("k0", lambda g, ans, x: -g * k1(x))
i1e: Any = scipy_ufunc("i1e", lambda g, ans, x: g * (0.5 * (i0e(x) + ive(2, x)) - sign(x) * ans))
i0e: Any = scipy_ufunc("i0e", lambda g, ans, x: g * (i1e(x) - sign(x) * ans))
k1e: Any = scipy_ufunc("k1e", lambda g, ans, x: g * (ans - 0.5 * (k0e(x) + kve(2, x))))
k0e: Any = scipy_ufunc("k0e", lambda g, ans, x: g * (ans - k1e(x)))

# Integrals of Bessel functions -----------------------------------------------------------------

besselpoly: Any = scipy_ufunc(
    "besselpoly",
    lambda g, ans, a, p, v: g * (besselpoly(a, p + 1, v - 1) - besselpoly(a, p + 1, v + 1)),
    UNDEFINED,
    UNDEFINED,
)


# Struve functions (DLMF 11.4.25, 11.4.30) ------------------------------------------------------


def _struve_term(v: Any, x: Any) -> Any:
    return power(0.5 * x, v) * rgamma(v + 1.5) / math.sqrt(math.pi)


struve: Any = _by_order(
    "struve",
    lambda g, ans, v, x: g * 0.5 * (struve(v - 1, x) - struve(v + 1, x) + _struve_term(v, x)),
)
modstruve: Any = _by_order(
    "modstruve",
    lambda g, ans, v, x: g * 0.5 * (modstruve(v - 1, x) + modstruve(v + 1, x) + _struve_term(v, x)),
)


# Derivatives of Bessel functions ---------------------------------------------------------------


def _derivative(name: str) -> Any:
    function = getattr(special, name)
    op: Any = elementwise(name, function, UNDEFINED, lambda g, ans, v, z, n: g * op(v, z, n=n + 1))

    def derivative(v, z, n=1):
        n = static(n, "the order of the derivative")
        refuse(n="no whole number" if n.ndim or n.dtype.kind not in "iu" else None)
        return op(v, z, n=int(n))

    derivative.__doc__ = f"The ``n``-th derivative by ``z`` of the Bessel function that ``{name}`` names."
    return numpy_function(function, name=f"special.{name}", arrays=2, mxnet=False)(derivative)


jvp, yvp, ivp, kvp, h1vp, h2vp = map(_derivative, ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp"))


# Spherical Bessel functions (DLMF 10.51.1, 10.51.4) --------------------------------------------


def _spherical(name: str, lower: int, upper: int) -> Any:
    """(2n + 1) f' is ``lower`` n f of order n - 1, and ``upper`` (n + 1) f of order n + 1; likewise f''."""
    function = getattr(special, name)

    def vjp(g: Any, ans: Any, n: Any, z: Any, derivative: bool) -> Any:
        is_first = equal(n, 0)
        below = op(where_op(is_first, 0, n - 1), z, derivative=derivative)
        above = op(n + 1, z, derivative=derivative)
        below = where_op(is_first, 0, lower * n * below)
        return g * ((below + upper * (n + 1) * above) / (2 * n + 1))

    op: Any = elementwise(name, function, NOT_DIFFERENTIABLE, vjp)

    def spherical(n, z, derivative=False):
        return op(n, z, derivative=bool(derivative))

    spherical.__doc__ = f"``scipy.special.{name}``, differentiable by ``z``."
    return numpy_function(function, name=f"special.{name}", arrays=2, mxnet=False)(spherical)


spherical_jn = _spherical("spherical_jn", 1, -1)
spherical_yn = _spherical("spherical_yn", 1, -1)
spherical_in = _spherical("spherical_in", 1, 1)
spherical_kn = _spherical("spherical_kn", -1, -1)
