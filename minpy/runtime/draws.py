"""Random numbers, drawn by NumPy's generators, as MinPy's arrays.

The numbers of a seed are fixed, so they depend smoothly on the parameters of a distribution that is only
moved, stretched or raised to a power: that is their gradient. Elements that are drawn from an array keep
theirs.
"""

from __future__ import annotations

import random
from typing import Any, Callable

import numpy

from minpy.ops import Op
from minpy.ops.creation import created
from minpy.ops.elementwise import log
from minpy.ops.logic import less, where_op
from minpy.ops.op import UNDEFINED
from minpy.ops.shape import ravel
from minpy.runtime.array import Array, arrays_in, is_traced, to_raw
from minpy.runtime.dispatch import run_op
from minpy.runtime.policy import count_by_numpy
from minpy.runtime.writing import shuffle, written

#: classes of generators
GENERATORS = (numpy.random.Generator, numpy.random.RandomState, random.Random)
#: methods that give elements of an array, by the name of their first parameter
_FROM_AN_ARRAY = {"choice": "a", "permutation": "x", "permuted": "x"}
_LOC = (("loc", 0.0), ("scale", 1.0))
_SCALE = (("scale", 1.0),)
_EXPONENT = (("a", 1.0),)
_BOUNDS = (("left", 0.0), ("mode", 0.5), ("right", 1.0))


def _triangular(by: str) -> Callable:
    """The square of the distance to the end on its side of the mode has a fixed part of the triangle."""

    def slope(r: Any, left: Any, mode: Any, right: Any) -> Any:
        width, low, high = right - left, 0.5 * (r - left), 0.5 * (right - r)
        below, above = {
            "left": (1 - low / width - low / (mode - left), high / width),
            "mode": (low / (mode - left), high / (right - mode)),
            "right": (low / width, 1 - high / width - high / (right - mode)),
        }[by]
        return where_op(less(r, mode), below, above)

    return slope


#: name -> parameters with their defaults, and for each of these the derivative by it, a function of the
#: numbers drawn and all parameters; numbers that NumPy draws by rejection jump where such a parameter moves
_SLOPES: dict[str, tuple[tuple, tuple]] = {
    **dict.fromkeys(
        ("normal", "laplace", "logistic", "gumbel"),
        (_LOC, (lambda r, loc, scale: 1.0, lambda r, loc, scale: (r - loc) / scale)),
    ),
    **dict.fromkeys(("exponential", "rayleigh"), (_SCALE, (lambda r, scale: r / scale,))),
    **dict.fromkeys(("power", "weibull"), (_EXPONENT, (lambda r, a: -r * log(r) / a,))),
    "pareto": (_EXPONENT, (lambda r, a: -(1 + r) * log(1 + r) / a,)),
    "lognormal": (
        (("mean", 0.0), ("sigma", 1.0)),
        (lambda r, mean, sigma: r, lambda r, mean, sigma: r * (log(r) - mean) / sigma),
    ),
    "uniform": (
        (("low", 0.0), ("high", 1.0)),
        (
            lambda r, low, high: (high - r) / (high - low),
            lambda r, low, high: (r - low) / (high - low),
        ),
    ),
    "triangular": (_BOUNDS, tuple(map(_triangular, ("left", "mode", "right")))),
    "gamma": ((("shape", 1.0), ("scale", 1.0)), (UNDEFINED, lambda r, shape, scale: r / scale)),
    # below that concentration the angles do not depend on the mean
    "vonmises": (
        (("mu", 0.0), ("kappa", 1.0)),
        (lambda r, mu, kappa: where_op(less(kappa, 1e-8), 0.0, 1.0), UNDEFINED),
    ),
    "multivariate_normal": ((("mean", 0.0), ("cov", 1.0)), (lambda r, mean, cov: 1.0, UNDEFINED)),
}

#: methods of generators that give new numbers and do nothing else
FRESH = frozenset(
    (
        *_SLOPES,
        *(
            "beta",
            "binomial",
            "chisquare",
            "dirichlet",
            "f",
            "geometric",
            "hypergeometric",
            "integers",
            "logseries",
        ),
        *("multinomial", "multivariate_hypergeometric", "negative_binomial", "noncentral_chisquare"),
        *("noncentral_f", "poisson", "rand", "randint", "randn", "random", "random_sample"),
        *(
            "standard_cauchy",
            "standard_exponential",
            "standard_gamma",
            "standard_normal",
            "standard_t",
            "wald",
        ),
        *("zipf", "permutation", "choice"),
    )
)


class _Drawn(Op):
    """Numbers that were drawn from a distribution with these parameters."""

    def __init__(self, name: str, numbers: Array, slopes: tuple | None):
        super().__init__(f"random.{name}", numpy=numpy.array, infer=lambda *args: numbers.aval)
        self.execute = lambda values: (numbers._current(),)
        if slopes is not None:
            self.vjp = tuple(_rule(slope) if callable(slope) else slope for slope in slopes)


def _rule(slope: Callable) -> Callable:
    return lambda g, r, *args: g * slope(r, *args)


def differentiable_by(name: str) -> tuple[bool, bool]:
    """Whether a gradient flows through the method ``name`` of a generator by some, and by all parameters."""
    if name in _FROM_AN_ARRAY or name == "shuffle":
        return True, True
    slopes = _SLOPES.get(name, ((), ()))[1]
    return bool(slopes), all(map(callable, slopes))


def draw(method: Callable, args: tuple, kwargs: dict) -> Any:
    """Call a method of a generator of NumPy's.

    Float arrays of new numbers get the default dtype, unless the call names one; elements of an array keep
    its dtype.
    """
    name = method.__name__
    source = args[0] if args else kwargs.get(_FROM_AN_ARRAY.get(name, "x"))
    if name == "shuffle":
        if isinstance(source, Array):
            return shuffle(method, args, kwargs)
        return method(*args, **kwargs)  # which changes a list itself
    if kwargs.get("out") is not None:
        return written(method, args, kwargs)
    if isinstance(source, Array) and source.ndim and name in _FROM_AN_ARRAY:
        return _elements(method, source, args, kwargs)
    result = method(*to_raw(args), **to_raw(kwargs))
    if not isinstance(result, numpy.ndarray):
        count_by_numpy(name)
        return result
    keeps = name in _FROM_AN_ARRAY and isinstance(source, numpy.ndarray)
    dtype = result.dtype if keeps or _names_dtype(args, kwargs) else None
    numbers = created(result, dtype, by=name)
    if numbers.dtype.kind in "iu" or not any(is_traced(x._current()) for x in arrays_in((args, kwargs))):
        return numbers
    parameters, slopes = _SLOPES.get(name, ((), None))
    if slopes is None:
        return run_op(_Drawn(name, numbers, None), tuple(arrays_in((args, kwargs))), {})
    given = [*args[: len(parameters)], *[kwargs.get(*parameter) for parameter in parameters[len(args) :]]]
    return run_op(_Drawn(name, numbers, slopes), tuple(given), {})


def _elements(method: Callable, source: Array, args: tuple, kwargs: dict) -> Any:
    """Draw by the numbers of the elements, then take the elements."""
    numbers = numpy.arange(source.size).reshape(source.shape)
    known = {id(source): numbers}
    found = method(*to_raw(args, known), **to_raw(kwargs, known))
    count_by_numpy(method.__name__)
    return ravel(source)[found]


def _names_dtype(args: tuple, kwargs: dict) -> bool:
    return "dtype" in kwargs or any(isinstance(x, (type, numpy.dtype, str)) for x in args)
