"""Where numbers go wrong: at the edges of the floats, where large numbers cancel, where a pass rewrites."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import numpy


class Case(NamedTuple):
    """A function of arrays.

    Attributes:
        function: takes the library (NumPy or MinPy) and the arrays.
        arrays: of float64, which is rounded where the case is tried for float32.
        dtypes: those that it is tried for.
    """

    name: str
    function: Callable[..., Any]
    arrays: tuple
    dtypes: tuple[str, ...] = ("float32", "float64")


_DRAWS = numpy.random.default_rng(0)


def _normal(*shape: int) -> numpy.ndarray:
    return _DRAWS.standard_normal(shape)


def _softmax(n: Any, x: Any) -> Any:
    e = n.exp(x - n.max(x, axis=-1, keepdims=True))
    return e / n.sum(e, axis=-1, keepdims=True)


def _logsumexp(n: Any, x: Any) -> Any:
    most = n.max(x)
    return most + n.log(n.sum(n.exp(x - most)))


def _variance(n: Any, x: Any) -> Any:
    return n.mean((x - n.mean(x)) ** 2)


_SINGLE, _DOUBLE = ("float32",), ("float64",)
_TINY = numpy.linspace(0, 1, 9)

CASES = [
    Case("softmax of ±1e4", _softmax, (numpy.array([[1e4, -1e4, 9999.5, 0.0], [1e4] * 4, [-1e4] * 4]),)),
    Case("log-sum-exp of equals, 1000", _logsumexp, (numpy.full(8, 1000.0),)),
    Case("log-sum-exp of equals, -1e4", _logsumexp, (numpy.full(8, -1e4),)),
    Case("sum of squares of differences, 1e8 + 0 ... 1", _variance, (1e8 + _TINY,), _DOUBLE),
    Case("sum of squares of differences, 4096 + 0 ... 1", _variance, (4096 + _TINY,), _SINGLE),
    Case("`var` of 1e8 + 0 ... 1", lambda n, x: n.var(x), (1e8 + _TINY,), _DOUBLE),
    Case("sum of a million times 0.1", lambda n, x: n.sum(x), (numpy.full(1_000_000, 0.1),)),
    Case("sum of a large number and small ones", lambda n, x: n.sum(x), (numpy.array([1e8, *[0.5] * 2000]),)),
    Case("sum that cancels", lambda n, x: n.sum(x), (numpy.array([1e7, 1.5, -1e7, 0.25] * 50),)),
    Case("mean of 1e38", lambda n, x: n.mean(x), (numpy.full(3, 1e38),), _SINGLE),
    Case(
        "`tanh` at ±1e-8, ±1, ±9, ±20, ±1e4",
        lambda n, x: n.tanh(x),
        (_DRAWS.permutation([1e-8, 1, 9, 20, 1e4]),),
    ),
    Case(
        "`exp` at -103 ... 88",
        lambda n, x: n.exp(x),
        (numpy.array([-103.0, -95, -87.5, -1, 0, 1e-9, 88]),),
        _SINGLE,
    ),
    Case(
        "`exp` at -745 ... 709",
        lambda n, x: n.exp(x),
        (numpy.array([-745.0, -720, -708, 1e-17, 709]),),
        _DOUBLE,
    ),
    Case(
        "`expm1` and `log1p` at 1e-10",
        lambda n, x: n.expm1(x) + n.log1p(x),
        (numpy.array([1e-10, -1e-10, 1e-5]),),
    ),
    Case(
        "sigmoid written out, at ±30, ±80",
        lambda n, x: 1 / (1 + n.exp(-x)),
        (numpy.array([-80.0, -30, 0, 30, 80]),),
    ),
    Case(
        "denormal numbers: products",
        lambda n, x: x * 0.5 + x * 0.25,
        (numpy.array([3e-45, 1e-40, 2e-39]),),
        _SINGLE,
    ),
    Case("denormal numbers: sum", lambda n, x: n.sum(x * 0.5), (numpy.full(64, 1e-310),), _DOUBLE),
    Case(
        "square root of a denormal number", lambda n, x: n.sqrt(x), (numpy.array([1e-310, 5e-324]),), _DOUBLE
    ),
    Case("1 - cos(x) of 1e-3", lambda n, x: 1 - n.cos(x), (numpy.array([1e-3, 2e-3]),)),
    Case(
        "product of matrices that cancels",
        lambda n, x, y: n.dot(x, y),
        (numpy.array([[1e4, 1, -1e4]]), numpy.ones((3, 2))),
    ),
]


def _recurrent(n: Any, x: Any, w: Any, u: Any, b: Any) -> Any:
    h = n.dot(x[0], w) * 0
    for t in range(3):
        h = n.tanh(n.dot(x[t], w) + n.dot(h, u) + b)
    return h


def _turns(n: Any, x: Any, w: Any) -> Any:
    h = n.dot(x[0], w)
    for t in range(1, 4):
        h = h * 0.5 + n.tanh(n.dot(x[t], w))
    return h


def _normalized(n: Any, x: Any, gamma: Any, beta: Any) -> Any:
    mean = n.mean(x, axis=(0, 2, 3), keepdims=True)
    var = n.mean((x - mean) ** 2, axis=(0, 2, 3), keepdims=True)
    return (x - mean) / n.sqrt(var + 1e-5) * gamma + beta


def _windows(n: Any, x: Any, w: Any) -> Any:
    out = n.zeros((2, 2, 4, 4), x.dtype)
    for i in range(4):
        for j in range(4):
            out[:, :, i, j] = n.sum(x[:, None, :, i : i + 3, j : j + 3] * w, axis=(2, 3, 4))
    return out


def _entropy(n: Any, z: Any) -> Any:
    z = z - n.max(z, axis=1, keepdims=True)
    return n.log(n.sum(n.exp(z), axis=1)) - z[numpy.arange(4), numpy.array([0, 2, 1, 2])]


_SQUARE = _normal(370, 370) / 20

#: pass -> a program that it rewrites
REWRITTEN = {
    "fold": Case("constants", lambda n, x: x * n.exp(numpy.full(3, 0.5)), (_normal(4, 3),), _DOUBLE),
    "raising": Case("softmax", _softmax, (_normal(4, 3),)),
    "activations": Case("x * sigmoid(x)", lambda n, x: x / (1 + n.exp(-x)), (_normal(4, 3),)),
    "losses": Case("cross entropy", _entropy, (_normal(4, 3),)),
    "norms": Case(
        "batch normalization", _normalized, (_normal(4, 3, 5, 5), _normal(3, 1, 1), _normal(3, 1, 1)), _SINGLE
    ),
    "windows": Case("convolution", _windows, (_normal(2, 3, 6, 6), _normal(2, 3, 3, 3))),
    "cse": Case("a sum of equals", lambda n, x: n.tanh(x) + n.tanh(x) * x, (_normal(4, 3),)),
    "loops": Case(
        "recurrent network", _recurrent, (_normal(3, 1, 3), _normal(3, 370), _SQUARE, _normal(370)), _SINGLE
    ),
    "hoisting": Case("products in a loop", _turns, (_normal(4, 2, 3), _normal(3, 3))),
    "algebra": Case("x * 1 + 0", lambda n, x: (x * 1 + 0) / 3, (_normal(4, 3),)),
    "sums": Case(
        "products with transposes",
        lambda n, x, g: n.dot(x[0].T, g[0]) + n.dot(x[1].T, g[1]) + n.dot(x[2].T, g[2]),
        (_normal(3, 5, 3), _normal(3, 5, 2)),
    ),
    "scaling": Case("a scaled product", lambda n, x, g: n.dot(x.T, g) * 0.3, (_normal(2, 40), _normal(2, 5))),
    "dense": Case(
        "a product and a bias",
        lambda n, x, w, b: n.dot(x, w) + b,
        (_normal(2200, 64), _normal(64, 2), _normal(2)),
        _SINGLE,
    ),
    "accumulation": Case(
        "a product and a matrix",
        lambda n, x, w, a: n.dot(x, w) + a,
        (_normal(4, 5), _normal(5, 3), _normal(4, 3)),
    ),
    "dce": Case("what nobody reads", lambda n, x: (n.exp(x), x * 2)[1], (_normal(4, 3),)),
    "fuse": Case(
        "elementwise and a sum", lambda n, x: n.sum(n.tanh(x) * n.exp(-x * x), axis=0), (_normal(40, 3),)
    ),
}

SPECIAL = numpy.array([numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.0, -2.0, 5e-324, 1e308])

#: What has to pass nan, infinities and signed zeros on as NumPy does: of two arrays, each pair of SPECIAL.
PASSED_ON = {
    "arithmetic": [
        lambda n, x, y: x + y,
        lambda n, x, y: x - y,
        lambda n, x, y: x * y,
        lambda n, x, y: x / y,
        lambda n, x, y: n.power(x, y),
        lambda n, x, y: n.mod(x, y),
        lambda n, x, y: n.floor_divide(x, y),
        lambda n, x, y: n.hypot(x, y),
        lambda n, x, y: n.arctan2(x, y),
        lambda n, x, y: n.logaddexp(x, y),
    ],
    "choices": [
        lambda n, x, y: n.maximum(x, y),
        lambda n, x, y: n.minimum(x, y),
        lambda n, x, y: n.fmax(x, y),
        lambda n, x, y: n.fmin(x, y),
        lambda n, x, y: n.where(x > y, x, y),
        lambda n, x, y: n.clip(x, y, 3),
        lambda n, x, y: x > y,
        lambda n, x, y: x <= y,
        lambda n, x, y: x == y,
        lambda n, x, y: n.sign(x) * y,
        lambda n, x, y: n.copysign(x, y),
        lambda n, x, y: n.isnan(x) | n.isinf(y),
        lambda n, x, y: n.abs(x) + y,
    ],
    "functions": [
        *[
            lambda n, x, y, name=name: getattr(n, name)(x) * 1 + y
            for name in (
                "exp",
                "exp2",
                "expm1",
                "log",
                "log2",
                "log10",
                "log1p",
                "sqrt",
                "cbrt",
                "square",
                "reciprocal",
                "sin",
                "cos",
                "tan",
                "arcsin",
                "arccos",
                "arctan",
                "sinh",
                "cosh",
                "tanh",
                "arcsinh",
                "arccosh",
                "arctanh",
                "floor",
                "ceil",
                "rint",
                "trunc",
                "nan_to_num",
            )
        ],
        lambda n, x, y: 1 / (1 + n.exp(-x)) + y,
        lambda n, x, y: n.log(1 + n.exp(x)) - y,
    ],
    "reductions": [
        *[
            lambda n, x, y, name=name: getattr(n, name)(n.stack([x, y]), axis=0)
            for name in (
                "sum",
                "mean",
                "prod",
                "max",
                "min",
                "var",
                "argmax",
                "argmin",
                "any",
                "all",
                "nansum",
                "nanmax",
                "cumsum",
            )
        ],
        lambda n, x, y: n.exp(n.stack([x, y])) / n.sum(n.exp(n.stack([x, y])), axis=0),
        lambda n, x, y: n.dot(n.stack([x, y], axis=1), numpy.array([1.0, 0.0])),
    ],
}
