"""Distribution functions and their inverses.

By the argument a derivative is the density, and that of an inverse F(x(p), c) = p is one by the density f:
x' = 1/f by p, and -F'/f by a parameter c whose derivative F' is known. By the other parameters there is no
closed derivative. Densities: DLMF 8.8.13, 8.17.1, and Johnson, Kotz, Balakrishnan, "Continuous Univariate
Distributions", volume 2, chapters 28 to 31.
"""

from __future__ import annotations

import math
from typing import Any

import numpy
from scipy import special

from minpy.ops.aval import aval_of
from minpy.ops.data import content
from minpy.ops.elementwise import exp, floor, log, log1p, power, sqrt, square
from minpy.ops.logic import equal, greater, less, where_op
from minpy.ops.op import NOT_DIFFERENTIABLE, UNDEFINED
from minpy.ops.reduction import sum_op
from minpy.ops.shape import reshape_op
from minpy.ops.special.elementary import boxcox_slope, xlogy
from minpy.ops.special.gamma import beta_density, betaln, gamma_density, gammaln
from minpy.ops.special.hypergeometric import hyp0f1, hyp1f1
from minpy.ops.special.normal import density, ndtri
from minpy.ops.special.table import scipy_ufunc

# Discrete distributions, by the probability or the mean ----------------------------------------


def _binomial(k: Any, n: Any, p: Any) -> Any:
    return beta_density(n - floor(k), floor(k) + 1, 1 - p)


def _negative_binomial(k: Any, n: Any, p: Any) -> Any:
    return beta_density(n, k + 1, p)


def _poisson(k: Any, m: Any) -> Any:
    return gamma_density(floor(k) + 1, m)


_LAST = (UNDEFINED, UNDEFINED)
bdtr = scipy_ufunc("bdtr", *_LAST, lambda g, ans, k, n, p: -g * _binomial(k, n, p))
bdtrc = scipy_ufunc("bdtrc", *_LAST, lambda g, ans, k, n, p: g * _binomial(k, n, p))
bdtri = scipy_ufunc("bdtri", *_LAST, lambda g, ans, k, n, y: -g / _binomial(k, n, ans))
nbdtr = scipy_ufunc("nbdtr", *_LAST, lambda g, ans, k, n, p: g * _negative_binomial(k, n, p))
nbdtrc = scipy_ufunc("nbdtrc", *_LAST, lambda g, ans, k, n, p: -g * _negative_binomial(k, n, p))
nbdtri = scipy_ufunc("nbdtri", *_LAST, lambda g, ans, k, n, y: g / _negative_binomial(k, n, ans))
pdtr = scipy_ufunc("pdtr", UNDEFINED, lambda g, ans, k, m: -g * _poisson(k, m))
pdtrc = scipy_ufunc("pdtrc", UNDEFINED, lambda g, ans, k, m: g * _poisson(k, m))
pdtri = scipy_ufunc("pdtri", UNDEFINED, lambda g, ans, k, y: -g / _poisson(k, ans))


# Gamma, chi square, F, Student's t -------------------------------------------------------------


def _chi_square(v: Any, x: Any) -> Any:
    return 0.5 * gamma_density(0.5 * v, 0.5 * x)


def _f(n: Any, d: Any, x: Any) -> Any:
    total = d + n * x
    return beta_density(0.5 * n, 0.5 * d, n * x / total) * (n * d / square(total))


def _student(v: Any, t: Any) -> Any:
    return exp(-0.5 * (v + 1) * log1p(t * t / v) - betaln(0.5 * v, 0.5)) / sqrt(1.0 * v)


gdtr = scipy_ufunc(
    "gdtr",
    lambda g, ans, a, b, x: g * (x * gamma_density(b, a * x)),
    UNDEFINED,
    lambda g, ans, a, b, x: g * (a * gamma_density(b, a * x)),
)
gdtrc = scipy_ufunc(
    "gdtrc",
    lambda g, ans, a, b, x: -g * (x * gamma_density(b, a * x)),
    UNDEFINED,
    lambda g, ans, a, b, x: -g * (a * gamma_density(b, a * x)),
)
gdtrix = scipy_ufunc(
    "gdtrix",
    lambda g, ans, a, b, p: -g * ans / a,
    UNDEFINED,
    lambda g, ans, a, b, p: g / (a * gamma_density(b, a * ans)),
)
gdtria = scipy_ufunc(
    "gdtria",
    lambda g, ans, p, b, x: g / (x * gamma_density(b, ans * x)),
    UNDEFINED,
    lambda g, ans, p, b, x: -g * ans / x,
)
chdtr = scipy_ufunc("chdtr", UNDEFINED, lambda g, ans, v, x: g * _chi_square(v, x))
chdtrc = scipy_ufunc("chdtrc", UNDEFINED, lambda g, ans, v, x: -g * _chi_square(v, x))
chdtri = scipy_ufunc("chdtri", UNDEFINED, lambda g, ans, v, p: -g / _chi_square(v, ans))
fdtr = scipy_ufunc("fdtr", *_LAST, lambda g, ans, n, d, x: g * _f(n, d, x))
fdtrc = scipy_ufunc("fdtrc", *_LAST, lambda g, ans, n, d, x: -g * _f(n, d, x))
fdtri = scipy_ufunc("fdtri", *_LAST, lambda g, ans, n, d, p: g / _f(n, d, ans))
stdtr = scipy_ufunc("stdtr", UNDEFINED, lambda g, ans, v, t: g * _student(v, t))
stdtrit = scipy_ufunc("stdtrit", UNDEFINED, lambda g, ans, v, p: g / _student(v, ans))


# Non-central distributions: by the argument and by the non-centrality ---------------------------


def _chndtr_slopes(x: Any, v: Any, c: Any) -> tuple[Any, Any]:
    """The density has a Bessel function, here as a hypergeometric one (DLMF 10.39.9)."""
    slope = 0.5 * gamma_density(0.5 * v, 0.5 * x) * exp(-0.5 * c) * hyp0f1(0.5 * v, 0.25 * c * x)
    return slope, 0.5 * (chndtr(x, v + 2, c) - chndtr(x, v, c))


chndtr: Any = scipy_ufunc(
    "chndtr",
    lambda g, ans, x, v, c: g * _chndtr_slopes(x, v, c)[0],
    UNDEFINED,
    lambda g, ans, x, v, c: g * _chndtr_slopes(x, v, c)[1],
)


def _quotient(pair: tuple[Any, Any]) -> Any:
    return pair[1] / pair[0]


chndtrix = scipy_ufunc(
    "chndtrix",
    lambda g, ans, p, v, c: g / _chndtr_slopes(ans, v, c)[0],
    UNDEFINED,
    lambda g, ans, p, v, c: -g * _quotient(_chndtr_slopes(ans, v, c)),
)
chndtrinc = scipy_ufunc(
    "chndtrinc",
    lambda g, ans, x, v, p: -g / _quotient(_chndtr_slopes(x, v, ans)),
    UNDEFINED,
    lambda g, ans, x, v, p: g / _chndtr_slopes(x, v, ans)[1],
)


def _ncfdtr_slopes(n: Any, d: Any, c: Any, x: Any) -> tuple[Any, Any]:
    part = n * x / (d + n * x)
    slope = _f(n, d, x) * exp(-0.5 * c) * hyp1f1(0.5 * (n + d), 0.5 * n, 0.5 * c * part)
    return slope, 0.5 * (ncfdtr(n + 2, d, c, n * x / (n + 2)) - ncfdtr(n, d, c, x))


ncfdtr: Any = scipy_ufunc(
    "ncfdtr",
    *_LAST,
    lambda g, ans, n, d, c, x: g * _ncfdtr_slopes(n, d, c, x)[1],
    lambda g, ans, n, d, c, x: g * _ncfdtr_slopes(n, d, c, x)[0],
)
ncfdtri = scipy_ufunc(
    "ncfdtri",
    *_LAST,
    lambda g, ans, n, d, c, p: -g * _quotient(_ncfdtr_slopes(n, d, c, ans)),
    lambda g, ans, n, d, c, p: g / _ncfdtr_slopes(n, d, c, ans)[0],
)
ncfdtrinc = scipy_ufunc(
    "ncfdtrinc",
    *_LAST,
    lambda g, ans, n, d, p, x: g / _ncfdtr_slopes(n, d, ans, x)[1],
    lambda g, ans, n, d, p, x: -g / _quotient(_ncfdtr_slopes(n, d, ans, x)),
)


def _mean_density(v: Any, s: Any, c: Any) -> Any:
    """The mean of the normal distribution's density at s sqrt(V) - c, where V has v degrees of chi square.

    It is the integral of DLMF 13.4.4 with odd powers, too: two of Kummer's functions.
    """
    y = s * c / sqrt(1.0 + s * s)
    ratio = math.sqrt(2) * exp(gammaln(0.5 * (v + 1)) - gammaln(0.5 * v))
    even = hyp1f1(0.5 * v, 0.5, 0.5 * y * y)
    odd = y * ratio * hyp1f1(0.5 * (v + 1), 1.5, 0.5 * y * y)
    return density(c) * exp(-0.5 * v * log1p(s * s)) * (even + odd)


def _nctdtr_slopes(v: Any, c: Any, t: Any) -> tuple[Any, Any]:
    s = t / sqrt(1.0 * v)
    ratio = math.sqrt(2) * exp(gammaln(0.5 * (v + 1)) - gammaln(0.5 * v))
    return ratio / sqrt(1.0 * v) * _mean_density(v + 1, s, c), -_mean_density(v, s, c)


nctdtr = scipy_ufunc(
    "nctdtr",
    UNDEFINED,
    lambda g, ans, v, c, t: g * _nctdtr_slopes(v, c, t)[1],
    lambda g, ans, v, c, t: g * _nctdtr_slopes(v, c, t)[0],
)
nctdtrit = scipy_ufunc(
    "nctdtrit",
    UNDEFINED,
    lambda g, ans, v, c, p: -g * _quotient(_nctdtr_slopes(v, c, ans)),
    lambda g, ans, v, c, p: g / _nctdtr_slopes(v, c, ans)[0],
)
nctdtrinc = scipy_ufunc(
    "nctdtrinc",
    UNDEFINED,
    lambda g, ans, v, p, t: g / _nctdtr_slopes(v, ans, t)[1],
    lambda g, ans, v, p, t: -g / _quotient(_nctdtr_slopes(v, ans, t)),
)


# Parameters of the normal distribution, Tukey's lambda -----------------------------------------

nrdtrimn = scipy_ufunc(  # x - std ndtri(p)
    "nrdtrimn",
    lambda g, ans, p, std, x: -g * std / density((x - ans) / std),
    lambda g, ans, p, std, x: -g * ((x - ans) / std),
    lambda g, ans, p, std, x: g,
)
nrdtrisd = scipy_ufunc(  # (x - mean) / ndtri(p)
    "nrdtrisd",
    lambda g, ans, mean, p, x: -g / ndtri(p),
    lambda g, ans, mean, p, x: -g * ans / (ndtri(p) * density(ndtri(p))),
    lambda g, ans, mean, p, x: g / ndtri(p),
)


def _tukey_slope(p: Any, shape: Any) -> Any:
    """p is the inverse of x = (p**shape - (1 - p)**shape) / shape, and 0 or 1 behind its ends."""
    slope = 1 / (exp(xlogy(shape - 1, p)) + exp(xlogy(shape - 1, 1 - p)))
    return where_op(equal(p * (1 - p), 0), 0, slope)


def _tukey_by_shape(p: Any, shape: Any) -> Any:
    p = where_op(equal(p * (1 - p), 0), 0.5, p)
    return boxcox_slope(log(p), shape) - boxcox_slope(log1p(-p), shape)


tklmbda = scipy_ufunc(
    "tklmbda",
    lambda g, ans, x, shape: g * _tukey_slope(ans, shape),
    lambda g, ans, x, shape: -g * _tukey_slope(ans, shape) * _tukey_by_shape(ans, shape),
)


# Kolmogorov and Smirnov ------------------------------------------------------------------------
# Feller (1948), "On the Kolmogorov-Smirnov limit theorems"; Birnbaum and Tingey (1951), "One-sided confidence
# contours for probability distribution functions".


def _with_terms(x: Any, count: int) -> tuple[Any, numpy.ndarray]:
    """The array with one axis more at its end, for terms of a sum, and their numbers."""
    return reshape_op(x, shape=(*aval_of(x).shape, 1)), numpy.arange(count, dtype=float)


def _total(terms: Any) -> Any:
    return sum_op(terms, axes=(aval_of(terms).ndim - 1,), keepdims=False)


def _kolmogorov(y: Any) -> Any:
    """2 - 2 theta_4: a series for each side of 1, of which six terms are all that counts."""
    y, k = _with_terms(y, 6)
    is_small = less(y, 1)
    large, small = where_op(is_small, 1, y), where_op(is_small, where_op(less(y, 0.02), 0.02, y), 1)
    far = (-1) ** k * -8 * (k + 1) ** 2 * large * exp(-2 * (k + 1) ** 2 * square(large))
    rate = (2 * k + 1) ** 2 * (math.pi**2 / 8) / square(small)
    near = -math.sqrt(2 * math.pi) * (2 * rate - 1) / square(small) * exp(-rate)
    return _total(where_op(is_small, near, far))


def _smirnov(n: Any, d: Any) -> Any:
    """The sum over j of binom(n, j) d (d + j/n)**(j - 1) (1 - d - j/n)**(n - j) has only positive bases."""
    n = content(n, "the number of observations")[..., None]
    d, j = _with_terms(d, int(n.max(initial=0)) + 1)
    base, rest = d + j / n, 1 - d - j / n
    counts = greater(rest, 0)
    rest = where_op(counts, rest, 1)
    term = special.binom(n, j) * power(base, j - 1) * power(rest, n - j)
    return _total(where_op(counts, term * (1 + d * ((j - 1) / base - (n - j) / rest)), 0))


kolmogorov = scipy_ufunc("kolmogorov", lambda g, ans, y: g * _kolmogorov(y))
kolmogi = scipy_ufunc("kolmogi", lambda g, ans, p: g / _kolmogorov(ans))
smirnov = scipy_ufunc("smirnov", NOT_DIFFERENTIABLE, lambda g, ans, n, d: g * _smirnov(n, d))
smirnovi = scipy_ufunc("smirnovi", NOT_DIFFERENTIABLE, lambda g, ans, n, p: g / _smirnov(n, ans))
