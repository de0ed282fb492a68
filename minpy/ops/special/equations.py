"""Functions that SciPy gives together with their derivative, whose second one a differential equation has.

Airy and Kelvin functions, parabolic cylinder functions, those of Mathieu and of spheroidal waves, and the
sequences of Legendre functions of the second kind, Riccati's and more.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of
from minpy.ops.data import static
from minpy.ops.elementwise import cos, cosh, real, sign, sqrt, square
from minpy.ops.logic import equal, where_op
from minpy.ops.op import UNDEFINED, Op, as_operand, numpy_function, refuse, register
from minpy.ops.scalars import is_scalar
from minpy.ops.special.table import scipy_ufunc, several

# Airy functions (DLMF 9.2.1) -------------------------------------------------------------------

airy: Any = several("airy", lambda ans, z: (ans[1], z * ans[0], ans[3], z * ans[2]))


def _airye_vjp(g: Any, ans: Any, z: Any) -> Any:
    """The factors are exp(w) for Ai and exp(-abs(Re w)) for Bi, where w = 2/3 z sqrt(z)."""
    ai, ai_slope, bi, bi_slope = ans
    root = sqrt(z * (1 + 0j))
    parts: list[Any] = [None if g[i] is None else real(g[i] * ans[i]) for i in (2, 3)]
    shrinking = sum(part for part in parts if part is not None)
    factors = ai_slope + root * ai, z * ai + root * ai_slope, bi_slope, z * bi
    found = sum(part * factor for part, factor in zip(g, factors) if part is not None)
    return found - sign(real(z * root)) * shrinking * root


airye = several("airye", vjp=(_airye_vjp,))


# Kelvin functions (DLMF 10.61.3): w'' = iw - w'/x ----------------------------------------------


def _without_pole(y: Any, slope: Any, x: Any) -> Any:
    """y - slope/x, which is y/2 at 0 for a function that is regular there."""
    is_zero = equal(x, 0)
    return where_op(is_zero, 0.5 * y, y - slope / where_op(is_zero, 1, x))


ber: Any = scipy_ufunc("ber", lambda g, ans, x: g * berp(x))
bei: Any = scipy_ufunc("bei", lambda g, ans, x: g * beip(x))
ker: Any = scipy_ufunc("ker", lambda g, ans, x: g * kerp(x))
kei: Any = scipy_ufunc("kei", lambda g, ans, x: g * keip(x))
berp: Any = scipy_ufunc("berp", lambda g, ans, x: g * _without_pole(-bei(x), ans, x))
beip: Any = scipy_ufunc("beip", lambda g, ans, x: g * _without_pole(ber(x), ans, x))
kerp: Any = scipy_ufunc("kerp", lambda g, ans, x: g * (-kei(x) - ans / x))
keip: Any = scipy_ufunc("keip", lambda g, ans, x: g * (ker(x) - ans / x))
kelvin = several(
    "kelvin",
    lambda ans, x: (ans[2], ans[3], _without_pole(1j * ans[0], ans[2], x), 1j * ans[1] - ans[3] / x),
)

# Pairs of a function and its derivative by the last argument -----------------------------------


def _pair(name: str, parameters: int, second: Callable, scale: float = 1.0) -> Any:
    """``second(y, y', *args)`` gives y''; the argument is measured in ``scale`` of what y' belongs to."""

    def slopes(ans: Any, *args: Any) -> tuple[Any, Any]:
        return scale * ans[1], scale * second(*ans, *args)

    return several(name, *[UNDEFINED] * parameters, slopes)


# DLMF 12.2.2 and 12.14.2
pbdv = _pair("pbdv", 1, lambda y, slope, v, x: (0.25 * x * x - v - 0.5) * y)
pbvv = _pair("pbvv", 1, lambda y, slope, v, x: (0.25 * x * x - v - 0.5) * y)
pbwa = _pair("pbwa", 1, lambda y, slope, a, x: (a - 0.25 * x * x) * y)


def _mathieu(name: str, characteristic: Any) -> Any:
    """DLMF 28.2.1; the argument is in degrees."""

    def second(y: Any, slope: Any, m: Any, q: Any, x: Any) -> Any:
        return (2 * q * cos(2 * _DEGREE * x) - characteristic(m, q)) * y

    return _pair(name, 2, second, _DEGREE)


def _modified_mathieu(name: str, characteristic: Any) -> Any:
    """DLMF 28.20.1."""

    def second(y: Any, slope: Any, m: Any, q: Any, x: Any) -> Any:
        return (characteristic(m, q) - 2 * q * cosh(2 * x)) * y

    return _pair(name, 2, second)


_DEGREE = math.pi / 180
mathieu_cem, mathieu_sem = (
    _mathieu("mathieu_cem", special.mathieu_a),
    _mathieu("mathieu_sem", special.mathieu_b),
)
mathieu_modcem1, mathieu_modcem2, mathieu_modsem1, mathieu_modsem2 = (
    _modified_mathieu(f"mathieu_mod{kind}em{number}", characteristic)
    for kind, characteristic in (("c", special.mathieu_a), ("s", special.mathieu_b))
    for number in (1, 2)
)


def _spheroidal(name: str) -> Any:
    """DLMF 30.2.1, for oblate ones with -c**2, and of those the radial ones also with ix for x."""
    is_oblate, is_radial = name.startswith("obl"), "rad" in name
    has_value = name.endswith("cv")
    value_of = special.obl_cv if is_oblate else special.pro_cv

    def second(y: Any, slope: Any, m: Any, n: Any, c: Any, *rest: Any) -> Any:
        x = rest[-1]
        value = rest[0] if has_value else value_of(m, n, c)
        sign = -1 if is_oblate and is_radial else 1
        down = 1 - sign * x * x
        bend = square(c) * square(x) * (-1 if is_oblate and not is_radial else 1)
        return (sign * 2 * x * slope - sign * (value - bend - square(m) / down) * y) / down

    return _pair(name, 4 if has_value else 3, second)


for _name in ("pro_ang1", "pro_rad1", "pro_rad2", "obl_ang1", "obl_rad1", "obl_rad2"):
    _spheroidal(_name)
    _spheroidal(f"{_name}_cv")


# Sequences of functions with their derivatives -------------------------------------------------


def _sequence(name: str, second: Callable, only_numbers: bool = True) -> None:
    """SciPy's function of params and an argument, which has to be a number for most of them.

    ``second(orders, y, y', x)`` gives y'', where ``orders`` are arrays that broadcast against y.
    """
    function = getattr(special, name, None)
    if function is None:
        return

    def run(x: Any, given: tuple) -> Any:
        return function(*given, numpy.asarray(x)[()])

    def infer(x: Any, given: tuple) -> tuple[Aval, ...]:
        found = run(numpy.full(aval_of(x).shape, 0.5, aval_of(x).dtype), given)
        return tuple(map(aval_of, found))

    def vjp(g: Any, ans: Any, x: Any, given: tuple) -> Any:
        shape = aval_of(ans[0]).shape
        count = len(shape) - aval_of(x).ndim
        orders = numpy.indices(shape[:count]).reshape((count, *shape[:count]) + (1,) * aval_of(x).ndim)
        slopes = ans[1], second(given, orders, *ans, x)
        return sum(part * slope for part, slope in zip(g, slopes) if part is not None)

    op = register(Op(f"special.{name}", numpy=run, infer=infer, vjp=(vjp,), family="special", singular=True))

    def call(*args):
        *given, x = args
        given = [static(n, "the order") for n in given]
        refuse(x="an array" if only_numbers and not is_scalar(x) else None)
        refuse(order="an array" if any(n.ndim for n in given) else None)
        return op(as_operand(x), given=tuple(n.item() for n in given))

    call.__doc__ = function.__doc__
    numpy_function(function, name=f"special.{name}", arrays=0, mxnet=False)(call)


def _of_order(n: Any, y: Any, slope: Any, x: Any) -> Any:
    return (0.25 * x * x - n - 0.5) * y


def _fraction(given: tuple) -> Any:
    return given[0] - int(given[0])


# DLMF 14.2.2, 10.13.4 with y = (x/2)**v Lambda, 10.51, 12.2.2
for _name in ("lqn", "lpn"):
    _sequence(
        _name,
        lambda given, k, y, slope, x: (2 * x * slope - k[0] * (k[0] + 1) * y) / (1 - x * x),
        only_numbers=_name == "lpn",
    )
for _name in ("lqmn", "lpmn", "clpmn"):
    _sequence(
        _name,
        lambda given, k, y, slope, x: (
            (2 * x * slope - (k[1] * (k[1] + 1) - k[0] * k[0] / (1 - x * x)) * y) / (1 - x * x)
        ),
        only_numbers=_name != "lqmn",
    )
_sequence("lmbda", lambda given, k, y, slope, x: -y - (2 * (_fraction(given) + k[0]) + 1) / x * slope)
for _name in ("riccati_jn", "riccati_yn"):
    _sequence(_name, lambda given, k, y, slope, x: (k[0] * (k[0] + 1) / (x * x) - 1) * y)
for _name in ("pbdv_seq", "pbvv_seq"):
    _sequence(_name, lambda given, k, y, slope, x: _of_order(_fraction(given) + k[0], y, slope, x))
_sequence("pbdn_seq", lambda given, k, y, slope, x: _of_order(-k[0] if given[0] < 0 else k[0], y, slope, x))
