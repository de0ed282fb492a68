"""Error functions and the normal distribution (DLMF 7.2, 7.10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, function_dtype
from minpy.ops.elementwise import exp, square
from minpy.ops.lowering import Builder, Operand, require, unary
from minpy.ops.op import Op, register
from minpy.ops.reduction import cast
from minpy.ops.special.table import scipy_ufunc
from minpy.ops.transcendental import from_parts, imag_op, real

ROOT_2PI = math.sqrt(2 * math.pi)
_ROOT_PI = math.sqrt(math.pi)


def density(x: Any) -> Any:
    """The density of the normal distribution."""
    return exp(-0.5 * x * x) / ROOT_2PI


erf = scipy_ufunc("erf", lambda g, ans, x: g * (2 / _ROOT_PI * exp(-x * x)), mx=unary("_npx_erf"))
erfc = scipy_ufunc("erfc", lambda g, ans, x: g * (-2 / _ROOT_PI * exp(-x * x)))
erfcx = scipy_ufunc("erfcx", lambda g, ans, x: g * (2 * x * ans - 2 / _ROOT_PI))
erfi = scipy_ufunc("erfi", lambda g, ans, x: g * (2 / _ROOT_PI * exp(x * x)))
dawsn = scipy_ufunc("dawsn", lambda g, ans, x: g * (1 - 2 * x * ans))


def _erfinv_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    found = unary("_npx_erfinv")(b, out, x)
    return b.op("_npi_add_scalar", out, found, scalar=0.0, is_int=False)  # SciPy's erfinv(-0.0) is 0.0


erfinv = scipy_ufunc("erfinv", lambda g, ans, x: g * (_ROOT_PI / 2 * exp(ans * ans)), mx=_erfinv_mx)
erfcinv = scipy_ufunc("erfcinv", lambda g, ans, x: g * (-_ROOT_PI / 2 * exp(ans * ans)))
ndtr = scipy_ufunc("ndtr", lambda g, ans, x: g * density(x))
log_ndtr = scipy_ufunc("log_ndtr", lambda g, ans, x: g * (exp(-0.5 * x * x - ans) / ROOT_2PI))
ndtri = scipy_ufunc("ndtri", lambda g, ans, x: g * (ROOT_2PI * exp(0.5 * ans * ans)))

ndtri_exp = scipy_ufunc("ndtri_exp", lambda g, ans, y: g * (ROOT_2PI * exp(y + 0.5 * ans * ans)))
wofz = scipy_ufunc("wofz", lambda g, ans, z: g * _wofz_slope(ans, z))
owens_t = scipy_ufunc(  # DLMF has none; Owen (1956), "Tables for computing bivariate normal probabilities"
    "owens_t",
    lambda g, ans, h, a: g * (-0.5 * density(h) * erf(a * h / math.sqrt(2))),
    lambda g, ans, h, a: g * (exp(-0.5 * square(h) * (1 + square(a))) / (2 * math.pi * (1 + square(a)))),
)


def _wofz_slope(w: Any, z: Any) -> Any:
    """DLMF 7.10.3."""
    return 2j / _ROOT_PI - 2 * z * w


def _voigt(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any, Any]:
    """z = (x + i gamma) / (sqrt(2) sigma), the derivative of w(z), and what Re w(z) is divided by."""
    z = from_parts(x, gamma) / (math.sqrt(2) * sigma)
    return z, _wofz_slope(wofz(z), z), ROOT_2PI * sigma


def _voigt_by_x(g: Any, ans: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, total = _voigt(x, sigma, gamma)
    return g * real(slope) / (total * sigma * math.sqrt(2))


def _voigt_by_sigma(g: Any, ans: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    z, slope, total = _voigt(x, sigma, gamma)
    return -g * (ans + real(z * slope) / total) / sigma


def _voigt_by_gamma(g: Any, ans: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, total = _voigt(x, sigma, gamma)
    return g * -imag_op(slope) / (total * sigma * math.sqrt(2))


# The real part of Faddeeva's function (DLMF 7.19.1).
voigt_profile = scipy_ufunc("voigt_profile", _voigt_by_x, _voigt_by_sigma, _voigt_by_gamma)


# x times the probability that a normal number is less (Hendrycks and Gimpel, "Gaussian error linear units",
# 2016): what the compiler makes of it where it is written out.


def _as_float32(rule: Callable) -> Callable:
    def mx(b: Builder, out: Aval, *operands: Operand) -> Operand:
        require(out.dtype, frozenset([numpy.dtype("float32")]), "gelu")
        return rule(b, out, *[b.cast(x, out.dtype) for x in operands])

    return mx


def _gelu_infer(*operands: Any) -> Aval:
    return Aval(
        broadcast_shapes(*[aval_of(x).shape for x in operands]), function_dtype(special.ndtr, *operands[-1:])
    )


def _gelu_parts(x: Any) -> Any:
    return x * ndtr(x)


def _gelu_gradient_parts(g: Any, x: Any) -> Any:
    return cast(g * (ndtr(x) + x * density(x)), _gelu_infer(g, x).dtype)


gelu: Op = register(
    Op(
        "special.gelu",
        numpy=lambda x: x * special.ndtr(x),
        infer=_gelu_infer,
        mx=_as_float32(lambda b, out, x: b.op("LeakyReLU", out, x, act_type="gelu")),
        parts=_gelu_parts,
        vjp=(lambda g, ans, x: gelu_gradient(g, x),),
        family="special",
        elementwise=True,
        source="{0} * scipy.special.ndtr({0})",
        doc="x times the probability that a normal number is less.",
    )
)
gelu_gradient: Op = register(
    Op(
        "special.gelu_gradient",
        numpy=lambda g, x: g * (special.ndtr(x) + x * numpy.exp(-0.5 * x * x) / ROOT_2PI),
        infer=_gelu_infer,
        mx=_as_float32(
            lambda b, out, g, x: b.vjp("LeakyReLU", out, g, x, takes="g x0 y0", of=0, act_type="gelu")
        ),
        parts=_gelu_gradient_parts,
        vjp=(
            lambda ct, ans, g, x: gelu_gradient(ct, x),
            lambda ct, ans, g, x: ct * g * (density(x) * (2 - square(x))),
        ),
        family="special",
        elementwise=True,
        source="{0} * (scipy.special.ndtr({1}) + {1} * np.exp(-0.5 * {1} * {1}) / np.sqrt(2 * np.pi))",
        doc="A cotangent times the derivative of gelu.",
    )
)
