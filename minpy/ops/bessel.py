"""The Bessel functions of ``scipy.special``; it is imported as ``special.py`` is.

A derivative is half the difference, or the sum, of the two neighboring orders (DLMF 10.6.1, 10.29.1), which
unlike other forms divides by nothing. By the order there is no closed derivative.
"""

from __future__ import annotations

from typing import Any

from scipy import special

from minpy.ops.elementwise import sign
from minpy.ops.op import NOT_DIFFERENTIABLE, UNDEFINED, publish
from minpy.ops.special import by_argument, scipy_ufunc


def _by_order(name: str, vjp: Any) -> Any:
    """A function of order and argument."""
    return scipy_ufunc(name, UNDEFINED, vjp)


jv: Any = _by_order("jv", lambda g, ans, v, x: g * 0.5 * (jv(v - 1, x) - jv(v + 1, x)))
yv: Any = _by_order("yv", lambda g, ans, v, x: g * 0.5 * (yv(v - 1, x) - yv(v + 1, x)))
iv: Any = _by_order("iv", lambda g, ans, v, x: g * 0.5 * (iv(v - 1, x) + iv(v + 1, x)))
kv: Any = _by_order("kv", lambda g, ans, v, x: g * -0.5 * (kv(v - 1, x) + kv(v + 1, x)))
ive: Any = _by_order("ive", lambda g, ans, v, x: g * (0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(x) * ans))
kve: Any = _by_order("kve", lambda g, ans, v, x: g * (ans - 0.5 * (kve(v - 1, x) + kve(v + 1, x))))

# Their orders are integers.
yn: Any = by_argument("yn", NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * 0.5 * (yn(n - 1, x) - yn(n + 1, x)))
kn: Any = by_argument("kn", NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * -0.5 * (kn(n - 1, x) + kn(n + 1, x)))
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
