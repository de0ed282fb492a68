"""Gamma and beta functions (DLMF 5.2, 5.12, 5.15, 8.8, 8.17, 25.11.17)."""

from __future__ import annotations

import math
from typing import Any

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of, function_dtype
from minpy.ops.elementwise import exp, log, log1p
from minpy.ops.logic import equal, where_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require, unary
from minpy.ops.op import NOT_DIFFERENTIABLE, UNDEFINED, ZERO, Op, numpy_function, refuse, register
from minpy.ops.special.table import elementwise, scipy_ufunc

polygamma_op: Op = elementwise(
    "polygamma", special.polygamma, NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * polygamma_op(n + 1, x)
)
zeta_op: Op = elementwise("zeta", special.zeta, UNDEFINED, lambda g, ans, x, q: g * (-x * zeta_op(x + 1, q)))
digamma = scipy_ufunc("digamma", lambda g, ans, x: g * polygamma_op(1, x))


def _gammaln_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    require(out.dtype, FLOATS, "gammaln")
    x = b.cast(x, out.dtype)
    is_lowest = b.op("_npi_isneginf", Aval(out.shape, numpy.dtype(bool)), x)
    return b.op(
        "_npi_where", out, is_lowest, x, b.op("_npx_gammaln", out, x)
    )  # SciPy's gammaln(-inf) is -inf


# At negative integers MXNet's gamma is nan. SciPy's was infinite before its release 1.15.
_gamma_mx = unary("_npx_gamma") if math.isnan(special.gamma(-1.0)) else None
gamma = scipy_ufunc("gamma", lambda g, ans, x: g * (ans * digamma(x)), mx=_gamma_mx)
gammaln = scipy_ufunc("gammaln", lambda g, ans, x: g * digamma(x), mx=_gammaln_mx)
loggamma = scipy_ufunc("loggamma", lambda g, ans, x: g * digamma(x))
rgamma = scipy_ufunc("rgamma", lambda g, ans, x: g * (-ans * digamma(x)))
gammasgn = scipy_ufunc("gammasgn", ZERO)
beta = scipy_ufunc(
    "beta",
    lambda g, ans, a, b: g * (ans * (digamma(a) - digamma(a + b))),
    lambda g, ans, a, b: g * (ans * (digamma(b) - digamma(a + b))),
)
betaln = scipy_ufunc(
    "betaln",
    lambda g, ans, a, b: g * (digamma(a) - digamma(a + b)),
    lambda g, ans, a, b: g * (digamma(b) - digamma(a + b)),
)


poch = scipy_ufunc(  # DLMF 5.2.5
    "poch",
    lambda g, ans, z, m: g * (ans * (digamma(z + m) - digamma(z))),
    lambda g, ans, z, m: g * (ans * digamma(z + m)),
)
binom = scipy_ufunc(  # DLMF 1.2.6
    "binom",
    lambda g, ans, n, k: g * (ans * (digamma(n + 1) - digamma(n - k + 1))),
    lambda g, ans, n, k: g * (ans * (digamma(n - k + 1) - digamma(k + 1))),
)


def gamma_density(a: Any, x: Any) -> Any:
    """The derivative of ``gammainc(a, x)`` by x (DLMF 8.8.13)."""
    return exp((a - 1) * log(x) - x - gammaln(a))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """The derivative of ``betainc(a, b, x)`` by x (DLMF 8.17.1)."""
    return exp((a - 1) * log(x) + (b - 1) * log1p(-x) - betaln(a, b))


gammainc = scipy_ufunc("gammainc", UNDEFINED, lambda g, ans, a, x: g * gamma_density(a, x))
gammaincc = scipy_ufunc("gammaincc", UNDEFINED, lambda g, ans, a, x: -g * gamma_density(a, x))
gammaincinv = scipy_ufunc("gammaincinv", UNDEFINED, lambda g, ans, a, y: g / gamma_density(a, ans))
gammainccinv = scipy_ufunc("gammainccinv", UNDEFINED, lambda g, ans, a, y: -g / gamma_density(a, ans))
_BY_X = (UNDEFINED, UNDEFINED)
betainc = scipy_ufunc("betainc", *_BY_X, lambda g, ans, a, b, x: g * beta_density(a, b, x))
betaincc = scipy_ufunc("betaincc", *_BY_X, lambda g, ans, a, b, x: -g * beta_density(a, b, x))
# Their older names
btdtr = scipy_ufunc("btdtr", *_BY_X, lambda g, ans, a, b, x: g * beta_density(a, b, x))
btdtri = scipy_ufunc("btdtri", *_BY_X, lambda g, ans, a, b, y: g / beta_density(a, b, ans))
betaincinv = scipy_ufunc("betaincinv", *_BY_X, lambda g, ans, a, b, y: g / beta_density(a, b, ans))
betainccinv = scipy_ufunc("betainccinv", *_BY_X, lambda g, ans, a, b, y: -g / beta_density(a, b, ans))


@numpy_function(special.polygamma, name="special.polygamma", arrays=2, mxnet=False)
def polygamma(n, x):
    """The n-th derivative of ``digamma``."""
    return polygamma_op(n, x)


@numpy_function(special.zeta, name="special.zeta", arrays=2, mxnet=False)
def zeta(x, q=None, out=None):
    """The zeta function of Hurwitz, differentiable by ``q``."""
    refuse(q="missing" if q is None else None, out=out)
    return zeta_op(x, q)


def _multigammaln_vjp(g: Any, ans: Any, a: Any, d: int) -> Any:
    """The sum of the digamma functions of a, a - 1/2, ... (DLMF 35.3.4)."""
    return g * sum(digamma(a - 0.5 * j) for j in range(d))


def _far_multigammaln(a: Any) -> Any:
    return special.multigammaln(a * 100, 1)  # the argument has to be large


_multigammaln_op = register(
    Op(
        "special.multigammaln",
        numpy=lambda a, d: special.multigammaln(a, d),
        infer=lambda a, d: Aval(aval_of(a).shape, function_dtype(_far_multigammaln, a)),
        vjp=(_multigammaln_vjp,),
        family="special",
        elementwise=True,
        may_raise=True,
        singular=True,
    )
)


@numpy_function(special.multigammaln, name="special.multigammaln", mxnet=False)
def multigammaln(a, d):
    """The logarithm of the gamma function of matrices of ``d`` rows."""
    return _multigammaln_op(a, d=d)


# Factorials and numbers of choices -------------------------------------------------------------


def _unless_none(ans: Any, slope: Any) -> Any:
    """There is no choice of more than there are, and of less than nothing."""
    return where_op(equal(ans, 0), 0, ans * where_op(equal(ans, 0), 0, slope))


def _comb_by_n(g: Any, ans: Any, n: Any, k: Any, repetition: bool) -> Any:
    n = n + k - 1 if repetition else n
    return g * _unless_none(ans, digamma(n + 1) - digamma(n - k + 1))


def _comb_by_k(g: Any, ans: Any, n: Any, k: Any, repetition: bool) -> Any:
    high, low = (n + k, k + 1) if repetition else (n - k + 1, k + 1)
    return g * _unless_none(ans, digamma(high) - digamma(low))


_comb_op = elementwise("comb", special.comb, _comb_by_n, _comb_by_k)  # DLMF 1.2.6
_perm_op = elementwise(
    "perm",
    special.perm,
    lambda g, ans, n, k: g * _unless_none(ans, digamma(n + 1) - digamma(n - k + 1)),
    lambda g, ans, n, k: g * _unless_none(ans, digamma(n - k + 1)),
)
_factorial_op = elementwise(
    "factorial", special.factorial, lambda g, ans, n: g * _unless_none(ans, digamma(n + 1))
)


@numpy_function(special.comb, name="special.comb", arrays=2, mxnet=False)
def comb(N, k, *, exact=False, repetition=False, **options):
    """The number of ways to choose ``k`` of ``N``; with ``repetition`` each may be chosen again."""
    refuse(exact=exact or None, **options)
    return _comb_op(N, k, repetition=bool(repetition))


@numpy_function(special.perm, name="special.perm", arrays=2, mxnet=False)
def perm(N, k, exact=False):
    """The number of ways to choose ``k`` of ``N`` in an order."""
    refuse(exact=exact or None)
    return _perm_op(N, k)


@numpy_function(special.factorial, name="special.factorial", mxnet=False)
def factorial(n, exact=False, **options):
    """The gamma function of ``n + 1``, and 0 for negative numbers."""
    refuse(exact=exact or None, **options)
    return _factorial_op(n)
