"""Numbers of 50 digits that NumPy computes with, as elements of object arrays."""

from __future__ import annotations

import functools
from typing import Any, Callable

import mpmath
import numpy

MP = mpmath.mp.clone()
MP.dps = 50


@functools.total_ordering
class Exact:
    """A number of 50 digits. NumPy's functions on object arrays call the method of their name."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value.value if isinstance(value, Exact) else MP.mpf(float(value))

    @classmethod
    def of(cls, value: Any) -> Exact:
        """One that has this value of mpmath's."""
        made = cls(0.0)
        made.value = value
        return made

    def __lt__(self, other: Any) -> bool:
        return self.value < Exact(other).value

    def __eq__(self, other: Any) -> bool:
        return self.value == Exact(other).value

    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Exact:
        return Exact.of(-self.value)

    def conjugate(self) -> Exact:
        """The number itself: NumPy's ``var`` asks."""
        return self

    def __float__(self) -> float:
        return float(self.value)


def _operator(name: str) -> None:
    def forward(self: Exact, other: Any) -> Exact:
        return Exact.of(getattr(self.value, f"__{name}__")(Exact(other).value))

    def backward(self: Exact, other: Any) -> Exact:
        return Exact.of(getattr(Exact(other).value, f"__{name}__")(self.value))

    setattr(Exact, f"__{name}__", forward)
    setattr(Exact, f"__r{name}__", backward)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _operator(_name)


def _method(name: str, function: Callable[[Any], Any]) -> None:
    setattr(Exact, name, lambda self: Exact.of(function(self.value)))


for _name in ("exp", "log", "tanh", "sin", "cos", "sqrt", "expm1", "log1p", "cosh"):
    _method(_name, getattr(MP, _name))


def exact(array: numpy.ndarray) -> numpy.ndarray:
    """An array of numbers as one of exact numbers."""
    if array.dtype.kind != "f":
        return array
    made = numpy.empty(array.shape, object)
    made[...] = numpy.frompyfunc(Exact, 1, 1)(array)
    return made


def error(got: Any, want: Any) -> float:
    """The greatest error of an array, in units in the last place of the exact number, in its own dtype."""
    got, want = numpy.asarray(got), numpy.asarray(want, dtype=object)
    assert got.shape == want.shape, (got.shape, want.shape)
    info, worst = numpy.finfo(got.dtype), 0.0
    for x, y in zip(got.reshape(-1).tolist(), want.reshape(-1).tolist()):
        least, exponent = MP.mpf(float(info.smallest_subnormal)), MP.frexp(y.value)[1]
        ulp = max(least, MP.ldexp(1, int(exponent) - info.nmant - 1))
        if y.value and MP.ldexp(1, int(exponent)) > MP.ldexp(1, info.maxexp):
            return float("inf") if numpy.isfinite(x) else 0.0
        if not numpy.isfinite(x):
            return float("inf")
        worst = max(worst, float(abs(MP.mpf(x) - y.value) / ulp))
    return worst
