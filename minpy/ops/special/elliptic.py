"""Elliptic integrals of Legendre and Carlson, Jacobi's elliptic functions (DLMF 19, 22).

Derivatives by the parameter m are symmetric integrals R_D and hypergeometric functions, which have no hole at
m = 0 as the forms of DLMF 19.4 have.
"""

from __future__ import annotations

import math
from typing import Any, Callable

from scipy import special

from minpy.ops.aval import aval_of
from minpy.ops.elementwise import absolute, cos, rint, sin, sqrt, square
from minpy.ops.logic import equal, less, where_op
from minpy.ops.special.hypergeometric import hyp2f1
from minpy.ops.special.table import scipy_ufunc, several

# Carlson's integrals (DLMF 19.16, 19.18) -------------------------------------------------------
# Derivatives come from those of the integrands, in partial fractions. By the last argument they follow from
# the others, since the integrals are homogeneous.


def _quotient(numerator: Callable, x: Any, z: Any) -> Any:
    """``numerator(x) / (z - x)``; where both are nearly 0, the mean of two places beside them."""
    is_near = less(absolute(z - x), 1e-4 * absolute(z))
    above, below = (where_op(is_near, x + sign * 2e-4 * z, x) for sign in (1, -1))
    return 0.5 * (numerator(above) / (z - above) + numerator(below) / (z - below))


def _rd_slope(x: Any, y: Any, z: Any) -> Any:
    """Of R_D by x."""
    return -0.5 * _quotient(lambda x: elliprd(y, z, x) - elliprd(x, y, z), x, z)


def _rd_by_z(g: Any, ans: Any, x: Any, y: Any, z: Any) -> Any:
    return -g * ((1.5 * ans + x * _rd_slope(x, y, z) + y * _rd_slope(y, x, z)) / z)


def _rf_slope(x: Any, y: Any, z: Any) -> Any:
    """Of R_F by x."""
    return elliprd(y, z, x) * (-1 / 6)


def _rc_slope(ans: Any, x: Any, y: Any) -> Any:
    """Of R_C by x; for y < 0, where R_D has no value, without it (DLMF 19.18)."""
    if "c" in (aval_of(x).dtype.kind, aval_of(y).dtype.kind):
        return _rf_slope(x, y, y)
    is_principal = less(y, 0)
    below, above = where_op(is_principal, y, -1), where_op(is_principal, 1, y)
    return where_op(is_principal, 0.5 * (ans - 1 / sqrt(1.0 * x)) / (below - x), _rf_slope(x, above, above))


def _rg_slope(x: Any, y: Any, z: Any) -> Any:
    """Of R_G by x; x R_D is 0 at x = 0."""
    is_zero = equal(x, 0)
    return 0.25 * (elliprf(x, y, z) - where_op(is_zero, 0, x / 3 * elliprd(y, z, where_op(is_zero, 1, x))))


def _rj_slope(x: Any, y: Any, z: Any, p: Any) -> Any:
    """Of R_J by x."""
    return -0.5 * _quotient(lambda x: elliprd(y, z, x) - elliprj(x, y, z, p), x, p)


def _rj_by_p(g: Any, ans: Any, x: Any, y: Any, z: Any, p: Any) -> Any:
    total = x * _rj_slope(x, y, z, p) + y * _rj_slope(y, z, x, p) + z * _rj_slope(z, x, y, p)
    return -g * ((1.5 * ans + total) / p)


elliprc: Any = scipy_ufunc(
    "elliprc",
    lambda g, ans, x, y: g * _rc_slope(ans, x, y),
    lambda g, ans, x, y: g * (-0.5 * (ans + 2 * x * _rc_slope(ans, x, y)) / y),
)
elliprd: Any = scipy_ufunc(
    "elliprd",
    lambda g, ans, x, y, z: g * _rd_slope(x, y, z),
    lambda g, ans, x, y, z: g * _rd_slope(y, x, z),
    _rd_by_z,
)
elliprf: Any = scipy_ufunc(
    "elliprf",
    lambda g, ans, x, y, z: g * _rf_slope(x, y, z),
    lambda g, ans, x, y, z: g * _rf_slope(y, z, x),
    lambda g, ans, x, y, z: g * _rf_slope(z, x, y),
)
elliprg = scipy_ufunc(
    "elliprg",
    lambda g, ans, x, y, z: g * _rg_slope(x, y, z),
    lambda g, ans, x, y, z: g * _rg_slope(y, z, x),
    lambda g, ans, x, y, z: g * _rg_slope(z, x, y),
)
elliprj: Any = scipy_ufunc(
    "elliprj",
    lambda g, ans, x, y, z, p: g * _rj_slope(x, y, z, p),
    lambda g, ans, x, y, z, p: g * _rj_slope(y, z, x, p),
    lambda g, ans, x, y, z, p: g * _rj_slope(z, x, y, p),
    _rj_by_p,
)

# Complete integrals (DLMF 19.5.1, 19.5.2 with 15.5.1, 15.8.1) ----------------------------------


def _k_slope(m: Any) -> Any:
    return math.pi / 8 * hyp2f1(0.5, 0.5, 2.0, m) / (1 - m)


def _e_slope(m: Any) -> Any:
    return -math.pi / 8 * hyp2f1(0.5, 1.5, 2.0, m)


ellipk = scipy_ufunc("ellipk", lambda g, ans, m: g * _k_slope(m))
ellipe = scipy_ufunc("ellipe", lambda g, ans, m: g * _e_slope(m))
ellipkm1 = scipy_ufunc("ellipkm1", lambda g, ans, p: -g * (math.pi / 8 * hyp2f1(0.5, 0.5, 2.0, 1 - p) / p))


# Incomplete integrals (DLMF 19.25.9, 19.2.10) and Jacobi's functions ---------------------------


def _reduced(phi: Any, m: Any) -> tuple[Any, Any, Any, Any]:
    """How often pi is in ``phi``; of the rest sin**3 / 6, cos**2, and 1 - m sin**2."""
    turns = rint(phi / math.pi)
    rest = phi - turns * math.pi
    sine = sin(rest)
    return turns, sine * sine * sine / 6, square(cos(rest)), 1 - m * square(sine)


def _f_by_m(phi: Any, m: Any) -> Any:
    turns, cube, cosine, delta = _reduced(phi, m)
    return cube * elliprd(cosine, 1.0, delta) + 2 * turns * _k_slope(m)


def _e_by_m(phi: Any, m: Any) -> Any:
    turns, cube, cosine, delta = _reduced(phi, m)
    return -cube * elliprd(cosine, delta, 1.0) + 2 * turns * _e_slope(m)


def _delta(phi: Any, m: Any) -> Any:
    return sqrt(1 - m * square(sin(phi)))


def _by_m(ans: Any, u: Any, m: Any) -> tuple[Any, ...]:
    """Where the integral F(phi, m) stays u, phi changes by -dF/dm / dF/dphi."""
    sn, cn, dn, phi = ans
    change = -dn * _f_by_m(phi, m)
    return cn * change, -sn * change, -(0.5 * sn * sn + m * sn * cn * change) / dn, change


if hasattr(special, "elliprd"):
    ellipkinc = scipy_ufunc(
        "ellipkinc",
        lambda g, ans, phi, m: g / _delta(phi, m),
        lambda g, ans, phi, m: g * _f_by_m(phi, m),
    )
    ellipeinc = scipy_ufunc(
        "ellipeinc",
        lambda g, ans, phi, m: g * _delta(phi, m),
        lambda g, ans, phi, m: g * _e_by_m(phi, m),
    )
    ellipj = several(
        "ellipj",
        lambda ans, u, m: (ans[1] * ans[2], -ans[0] * ans[2], -m * ans[0] * ans[1], ans[2]),
        _by_m,
    )
