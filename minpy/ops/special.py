"""Functions of ``scipy.special``: of the normal distribution, gamma and beta functions, entropies.

This file needs SciPy, which MinPy does not, so nothing imports it before a program uses ``scipy.special``
(see ``of_numpy`` in ``op.py``) or ``minpy.scipy.special``. Derivatives and recurrences are those of the
NIST Digital Library of Mathematical Functions (DLMF), whose numbers stand beside them. By the first
parameters of ``gammainc`` and ``betainc`` there is no closed derivative.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Callable

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, function_dtype, normalize_axes
from minpy.ops.elementwise import clip, exp, log, log1p, sin, sqrt, square
from minpy.ops.logic import equal, greater, where_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require, unary
from minpy.ops.neural import log_softmax_op, softmax_op
from minpy.ops.op import (
    NOT_DIFFERENTIABLE,
    UNDEFINED,
    ZERO,
    Op,
    as_operand,
    numpy_function,
    refuse,
    register,
    ufunc,
)
from minpy.ops.reduction import flag, reduced_shape, spread, sum_op

_ROOT_PI = math.sqrt(math.pi)
_ROOT_2PI = math.sqrt(2 * math.pi)


def scipy_ufunc(name: str, *vjp: Any, mx: Callable | None = None) -> Any:
    """A ufunc of SciPy in the table; None where this SciPy is too old to have it."""
    function = getattr(special, name, None)
    source = f"scipy.special.{name}({{operands}})"
    columns: dict[str, Any] = {"family": "special", "singular": True, "source": source}
    return function and ufunc(f"special.{name}", function, mx, *vjp, **columns)


# Error functions and the normal distribution (DLMF 7.2, 7.10) ----------------------------------

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
ndtr = scipy_ufunc("ndtr", lambda g, ans, x: g * (exp(-0.5 * x * x) / _ROOT_2PI))
log_ndtr = scipy_ufunc("log_ndtr", lambda g, ans, x: g * (exp(-0.5 * x * x - ans) / _ROOT_2PI))
ndtri = scipy_ufunc("ndtri", lambda g, ans, x: g * (_ROOT_2PI * exp(0.5 * ans * ans)))

# Gamma and beta functions (DLMF 5.2, 5.12, 5.15, 8.8, 8.17) ------------------------------------


def by_argument(name: str, first: str, vjp: Callable) -> Op:
    """An elementwise function of two parameters, the ``first`` of which has no gradient."""
    function = getattr(special, name)
    return register(
        Op(
            f"special.{name}",
            numpy=lambda n, x: function(n, x),
            infer=lambda n, x: Aval(
                broadcast_shapes(aval_of(n).shape, aval_of(x).shape), function_dtype(function, n, x)
            ),
            vjp=(first, vjp),
            family="special",
            elementwise=True,
            singular=True,
        )
    )


polygamma_op: Op = by_argument(
    "polygamma", NOT_DIFFERENTIABLE, lambda g, ans, n, x: g * polygamma_op(n + 1, x)
)
zeta_op: Op = by_argument("zeta", UNDEFINED, lambda g, ans, x, q: g * (-x * zeta_op(x + 1, q)))
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


def _gammainc_slope(a: Any, x: Any) -> Any:
    return exp((a - 1) * log(x) - x - gammaln(a))


gammainc = scipy_ufunc("gammainc", UNDEFINED, lambda g, ans, a, x: g * _gammainc_slope(a, x))
gammaincc = scipy_ufunc("gammaincc", UNDEFINED, lambda g, ans, a, x: g * -_gammainc_slope(a, x))
betainc = scipy_ufunc(
    "betainc",
    UNDEFINED,
    UNDEFINED,
    lambda g, ans, a, b, x: g * exp((a - 1) * log(x) + (b - 1) * log1p(-x) - betaln(a, b)),
)


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


# Logarithms, exponentials, entropies -----------------------------------------------------------

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
_expm1 = scipy_ufunc("expm1", lambda g, ans, x: g * (ans + 1))
_log1p = scipy_ufunc("log1p", lambda g, ans, x: g / (x + 1))
_exp2 = scipy_ufunc("exp2", lambda g, ans, x: g * (ans * math.log(2)))
exp10 = scipy_ufunc("exp10", lambda g, ans, x: g * (ans * math.log(10)))
_cbrt = scipy_ufunc("cbrt", lambda g, ans, x: g / (3 * ans * ans))
cosm1 = scipy_ufunc("cosm1", lambda g, ans, x: g * -sin(x))


# Sums of exponentials --------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def _float_dtype(function: Callable, dtype: numpy.dtype) -> numpy.dtype:
    return numpy.asarray(function(numpy.ones(1, dtype))).dtype


def _axis(x: Any, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes as SciPy takes them, also for a number."""
    return None if len(axes) == aval_of(x).ndim else axes


def _source(name: str) -> Callable:
    def source(avals: Sequence[Aval], params: dict) -> str:
        axis = _axis(avals[0], params["axes"])
        options = f", axis={axis[0] if len(axis) == 1 else axis}" if axis else ""
        options += ", b={1}" if len(avals) > 1 else ""
        options += ", keepdims=True" if params.get("keepdims") else ""
        return f"scipy.special.{name}({{0}}{options})"

    return source


def _logsumexp_mx(
    b: Builder, out: Aval, x: Operand, *weights: Operand, axes: tuple[int, ...], keepdims: bool
) -> Operand:
    require(out.dtype, FLOATS, "logsumexp")
    refuse(axis="none" if not axes else None, b="an array" if weights else None)
    x = b.cast(x, out.dtype)
    row = Aval(reduced_shape(x.aval.shape, axes, True), out.dtype)
    highest = b.op("_np_max", row, x, axis=axes, keepdims=True)
    is_finite = b.op("_npi_isfinite", Aval(row.shape, numpy.dtype(bool)), highest)
    highest = b.op("_npi_where", row, is_finite, highest, b.literal(0, out.dtype))
    powers = b.op("_npi_exp", x.aval, b.op("_npi_subtract", x.aval, x, highest))
    total = sum_op.mx(b, row, powers, axes, True)  # type: ignore[misc]
    return b.reshape(b.op("_npi_add", row, b.op("_npi_log", row, total), highest), out.shape)


def _logsumexp_by_a(g: Any, ans: Any, a: Any, *b: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    part = _logsumexp_by_b(g, ans, a, *b, axes=axes, keepdims=keepdims)
    return part * b[0] if b else part


def _logsumexp_by_b(g: Any, ans: Any, a: Any, *b: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return spread(g, a, axes, keepdims) * exp(a - spread(ans, a, axes, keepdims))


_logsumexp_op = register(
    Op(
        "special.logsumexp",
        numpy=lambda a, *b, axes, keepdims: special.logsumexp(a, _axis(a, axes), *b, keepdims=keepdims),
        infer=lambda a, *b, axes, keepdims: Aval(
            reduced_shape(aval_of(a).shape, axes, keepdims),
            _float_dtype(special.logsumexp, aval_of(a).dtype),
        ),
        mx=_logsumexp_mx,
        vjp=(_logsumexp_by_a, _logsumexp_by_b),
        family="special",
        source=_source("logsumexp"),
    )
)


@numpy_function(special.logsumexp, name="special.logsumexp")
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """The logarithm of the sum of exponentials, each ``b`` times, without overflow."""
    refuse(return_sign=return_sign or None)
    refuse(keepdims=keepdims or None if not aval_of(a).ndim else None)  # SciPy gives an axis to a number
    options = {"axes": normalize_axes(axis, aval_of(a).ndim), "keepdims": flag(keepdims)}
    if b is None:
        return _logsumexp_op(a, **options)
    b = as_operand(b)
    shapes = aval_of(a).shape, aval_of(b).shape
    refuse(b="of another shape" if broadcast_shapes(*shapes) != shapes[0] else None)
    return _logsumexp_op(a, b, **options)


def _on_one_axis(op: Op) -> Callable:
    """MXNet's operator, which takes one axis."""

    def mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...]) -> Operand:
        refuse(axis="several" if len(axes) != 1 else None)
        return op.mx(b, out, x, axis=axes[0])  # type: ignore[misc]

    return mx


def _softmax_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...]) -> Any:
    weighted = g * ans
    return weighted - ans * sum_op(weighted, axes=axes, keepdims=True)


def _log_softmax_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...]) -> Any:
    return g - exp(ans) * sum_op(g, axes=axes, keepdims=True)


def _softmax(name: str, like: Op, vjp: Callable) -> Any:
    function = getattr(special, name)
    op = register(
        Op(
            f"special.{name}",
            numpy=lambda x, axes: function(x, _axis(x, axes)),
            infer=lambda x, axes: Aval(aval_of(x).shape, _float_dtype(function, aval_of(x).dtype)),
            mx=_on_one_axis(like),
            vjp=(vjp,),
            family="special",
            source=_source(name),
        )
    )

    def softmax(x, axis=None):
        return op(x, axes=normalize_axes(axis, aval_of(x).ndim))

    softmax.__doc__ = f"``scipy.special.{name}``, over all elements unless ``axis`` is given."
    return numpy_function(function, name=f"special.{name}")(softmax)


softmax = _softmax("softmax", softmax_op, _softmax_vjp)
log_softmax = _softmax("log_softmax", log_softmax_op, _log_softmax_vjp)
