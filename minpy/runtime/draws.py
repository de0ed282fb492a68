"""Random numbers, drawn by NumPy's generators, as MinPy's arrays.

The numbers of a seed are fixed, so they depend smoothly on the parameters of a distribution that is only
moved, stretched or raised to a power: that is their gradient. Elements that are drawn from an array keep
theirs.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops import Op
from minpy.ops.creation import created
from minpy.ops.elementwise import log
from minpy.ops.shape import ravel
from minpy.runtime.array import Array, arrays_in, is_traced, to_raw
from minpy.runtime.dispatch import run_op
from minpy.runtime.policy import count_by_numpy
from minpy.runtime.writing import shuffle, written

#: methods that give elements of an array, by the name of their first parameter
_FROM_AN_ARRAY = {"choice": "a", "permutation": "x", "permuted": "x"}
_TWO = (("loc", 0.0), ("scale", 1.0))
_ONE = (("scale", 1.0),)
_EXPONENT = (("a", 1.0),)
#: name -> parameters with their defaults, and (numbers drawn, *parameters) -> derivatives by each of these
_SLOPES: dict[str, tuple[tuple, Callable[..., tuple]]] = {
    **dict.fromkeys(
        ("normal", "laplace", "logistic", "gumbel"), (_TWO, lambda r, loc, scale: (1.0, (r - loc) / scale))
    ),
    **dict.fromkeys(("exponential", "rayleigh"), (_ONE, lambda r, scale: (r / scale,))),
    **dict.fromkeys(("power", "weibull"), (_EXPONENT, lambda r, a: (-r * log(r) / a,))),
    "pareto": (_EXPONENT, lambda r, a: (-(1 + r) * log(1 + r) / a,)),
    "lognormal": (
        (("mean", 0.0), ("sigma", 1.0)),
        lambda r, mean, sigma: (r, r * (log(r) - mean) / sigma),
    ),
    "uniform": (
        (("low", 0.0), ("high", 1.0)),
        lambda r, low, high: ((high - r) / (high - low), (r - low) / (high - low)),
    ),
}


class _Drawn(Op):
    """Numbers that were drawn from a distribution with these parameters."""

    def __init__(self, name: str, numbers: Array, slopes: Callable | None):
        super().__init__(f"random.{name}", numpy=numpy.array, infer=lambda *args: numbers.aval)
        self.execute = lambda values: (numbers._current(),)
        if slopes is not None:
            self.vjp = lambda position: lambda g, r, *args: g * slopes(r, *args)[position]


def has_gradient(name: str) -> bool:
    """Whether a gradient flows through the method ``name`` of a generator."""
    return name in _SLOPES or name in _FROM_AN_ARRAY or name == "shuffle"


def draw(method: Callable, args: tuple, kwargs: dict) -> Any:
    """Call a method of a generator of NumPy's.

    Float arrays of new numbers get the default dtype, unless the call names one; elements of an array keep
    its dtype.
    """
    name = method.__name__
    source = args[0] if args else kwargs.get(_FROM_AN_ARRAY.get(name, "x"))
    if isinstance(source, Array) and name == "shuffle":
        return shuffle(method, args, kwargs)
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
