"""Logarithms, exponentials, powers, entropies, losses, angles in degrees, roots of equations."""

from __future__ import annotations

import math
from typing import Any

import numpy
from scipy import special

from minpy.ops.aval import aval_of
from minpy.ops.data import static
from minpy.ops.elementwise import clip, exp, log, log1p, logaddexp, power, sin, sqrt, square
from minpy.ops.logic import equal, greater, where_op
from minpy.ops.lowering import unary
from minpy.ops.op import numpy_function, refuse
from minpy.ops.reduction import sum_op
from minpy.ops.shape import reshape_op
from minpy.ops.special.hypergeometric import hyp1f1, hyp2f1
from minpy.ops.special.table import elementwise, scipy_ufunc

expit = scipy_ufunc("expit", lambda g, ans, x: g * (ans * (1 - ans)), mx=unary("_npx_sigmoid"))
logit = scipy_ufunc("logit", lambda g, ans, x: g / (x * (1 - x)))
log_expit = scipy_ufunc("log_expit", lambda g, ans, x: g * expit(-x))


def _unless_both_zero(x: Any, quotient: Any) -> Any:
    """``x * log(y)`` is 0 for x = 0 whatever y is, so its derivative by y is too."""
    return where_op(equal(x, 0), 0, quotient)


xlogy: Any = scipy_ufunc(
    "xlogy",
    lambda g, ans, x, y: g * xlogy(1.0, y),
    lambda g, ans, x, y: g * _unless_both_zero(x, x / y),
)
xlog1py: Any = scipy_ufunc(
    "xlog1py",
    lambda g, ans, x, y: g * xlog1py(1.0, y),
    lambda g, ans, x, y: g * _unless_both_zero(x, x / (1 + y)),
)
entr = scipy_ufunc("entr", lambda g, ans, x: g * (-1 - log(x)))
rel_entr = scipy_ufunc(
    "rel_entr",
    lambda g, ans, x, y: g * (log(x / y) + 1),
    lambda g, ans, x, y: g * -(x / y),
)
kl_div = scipy_ufunc(
    "kl_div",
    lambda g, ans, x, y: g * log(x / y),
    lambda g, ans, x, y: g * (1 - x / y),
)


# Losses ----------------------------------------------------------------------------------------

huber = scipy_ufunc(
    "huber",
    lambda g, ans, delta, r: where_op(greater(abs(r), delta), g * (abs(r) - delta), 0),
    lambda g, ans, delta, r: g * clip.implementation(r, -delta, delta),
)
pseudo_huber = scipy_ufunc(
    "pseudo_huber",
    lambda g, ans, delta, r: g * (2 * ans / delta - square(r / delta) * delta / sqrt(1 + square(r / delta))),
    lambda g, ans, delta, r: g * r / sqrt(1 + square(r / delta)),
)


# Logarithms, exponentials ----------------------------------------------------------------------

_expm1 = scipy_ufunc("expm1", lambda g, ans, x: g * (ans + 1))
_log1p = scipy_ufunc("log1p", lambda g, ans, x: g / (x + 1))
_exp2 = scipy_ufunc("exp2", lambda g, ans, x: g * (ans * math.log(2)))
exp10 = scipy_ufunc("exp10", lambda g, ans, x: g * (ans * math.log(10)))
_cbrt = scipy_ufunc("cbrt", lambda g, ans, x: g / (3 * ans * ans))
cosm1 = scipy_ufunc("cosm1", lambda g, ans, x: g * -sin(x))
if hasattr(special, "softplus"):

    @numpy_function(special.softplus, name="special.softplus", mxnet=False)
    def softplus(x, **options):
        """log(1 + exp(x))."""
        return logaddexp(0, x, **options)


# Powers ----------------------------------------------------------------------------------------


def _exprel_slope(x: Any) -> Any:
    """(exp(x) - 1) / x is M(1, 2, x)."""
    return 0.5 * hyp1f1(2.0, 3.0, x)


exprel = scipy_ufunc("exprel", lambda g, ans, x: g * _exprel_slope(x))
powm1 = scipy_ufunc(
    "powm1",
    lambda g, ans, x, y: g * (y * power(x, y - 1)),
    lambda g, ans, x, y: g * xlogy(ans + 1, x),
)


def boxcox_slope(log_x: Any, power: Any) -> Any:
    """By the power: the function is log(x) exprel(power log(x))."""
    return square(log_x) * _exprel_slope(power * log_x)


boxcox = scipy_ufunc(
    "boxcox",
    lambda g, ans, x, p: g * power(x, p - 1),
    lambda g, ans, x, p: g * boxcox_slope(log(1.0 * x), p),
)
boxcox1p = scipy_ufunc(
    "boxcox1p",
    lambda g, ans, x, p: g * power(1 + x, p - 1),
    lambda g, ans, x, p: g * boxcox_slope(log1p(1.0 * x), p),
)
inv_boxcox = scipy_ufunc(
    "inv_boxcox",
    lambda g, ans, y, p: g * power(ans, 1 - p),
    lambda g, ans, y, p: -g * boxcox_slope(log(ans), p) * power(ans, 1 - p),
)
inv_boxcox1p = scipy_ufunc(
    "inv_boxcox1p",
    lambda g, ans, y, p: g * power(1 + ans, 1 - p),
    lambda g, ans, y, p: -g * boxcox_slope(log1p(ans), p) * power(1 + ans, 1 - p),
)


# Angles in degrees -----------------------------------------------------------------------------

_DEGREE = math.pi / 180
sindg: Any = scipy_ufunc("sindg", lambda g, ans, x: g * (_DEGREE * cosdg(x)))
cosdg: Any = scipy_ufunc("cosdg", lambda g, ans, x: -g * (_DEGREE * sindg(x)))
tandg = scipy_ufunc("tandg", lambda g, ans, x: g * (_DEGREE * (1 + ans * ans)))
cotdg = scipy_ufunc("cotdg", lambda g, ans, x: -g * (_DEGREE * (1 + ans * ans)))
radian = scipy_ufunc(
    "radian",
    lambda g, ans, d, m, s: g * _DEGREE,
    lambda g, ans, d, m, s: g * (_DEGREE / 60),
    lambda g, ans, d, m, s: g * (_DEGREE / 3600),
)


def _diric_vjp(g: Any, ans: Any, x: Any, n: int) -> Any:
    """For a whole n it is the mean of cos(k x), k from -(n - 1) / 2 to (n - 1) / 2 (DLMF 1.15.3)."""
    k = numpy.asarray(numpy.arange(n) - (n - 1) / 2, aval_of(ans).dtype)
    rows = reshape_op(x, shape=(*aval_of(x).shape, 1))
    return g * sum_op(sin(rows * k) * (-k / n), axes=(aval_of(x).ndim,), keepdims=False)


_diric_op = elementwise("diric", special.diric, _diric_vjp)


@numpy_function(special.diric, name="special.diric", mxnet=False)
def diric(x, n):
    """sin(n x / 2) / (n sin(x / 2))."""
    n = static(n, "the number n")
    refuse(n="no number" if n.ndim or n != numpy.floor(n) or n < 1 else None)
    return _diric_op(x, n=int(n))


# What solves an equation -----------------------------------------------------------------------


def _agm_slope(a: Any, b: Any, sign: int) -> Any:
    """By the first argument for ``sign`` 1, and by the second for -1.

    With t = (a - b) / (a + b) the mean is (a + b) / 2 divided by F(1/2, 1/2; 1; t**2) (DLMF 19.8.5, 19.5.1).
    """
    t = (a - b) / (a + b)
    total = hyp2f1(0.5, 0.5, 1.0, t * t)
    slope = 0.25 * t * hyp2f1(1.5, 1.5, 2.0, t * t)
    return (0.5 - sign * slope / total * (1 - sign * t)) / total


agm = scipy_ufunc(
    "agm",
    lambda g, ans, a, b: g * _agm_slope(a, b, 1),
    lambda g, ans, a, b: g * _agm_slope(a, b, -1),
)
wrightomega = scipy_ufunc("wrightomega", lambda g, ans, z: g * (ans / (1 + ans)))
# The dilogarithm of 1 - z (DLMF 25.12.2); log(z) / (z - 1) without a hole at 1.
spence = scipy_ufunc("spence", lambda g, ans, z: -g * hyp2f1(1.0, 1.0, 2.0, 1 - z))
lambertw_op = elementwise("lambertw", special.lambertw, lambda g, ans, z, **_: g / (exp(ans) * (1 + ans)))


@numpy_function(special.lambertw, name="special.lambertw", mxnet=False)
def lambertw(z, k=0, tol=1e-8):
    """W with W exp(W) = z, the branch ``k`` of it (DLMF 4.13.4)."""
    k = static(k, "the branch")
    refuse(k="an array" if k.ndim else None)
    return lambertw_op(z, k=int(k), tol=tol)
