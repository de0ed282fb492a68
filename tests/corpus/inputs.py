"""Arrays that programs are given."""

from __future__ import annotations

import copy
import types
from typing import Any, Callable

import numpy

import minpy.numpy as np


def vec(*values: Any, dtype: str = "float32") -> numpy.ndarray:
    """An array of NumPy with one axis."""
    return numpy.array(values, dtype)


#: NumPy's arrays, and the same as MinPy's
A = numpy.arange(6, dtype="float32").reshape(2, 3) / 4 - 0.5
B = numpy.arange(12, dtype="float64").reshape(3, 4) / 5 - 1
X = np.array(A)
Y = np.array(B)
V = np.array(vec(0.5, -1.5, 2.0))
U = np.array(vec(1.0, -2.0, dtype="float64"))


def grid(dtype: str = "float64") -> numpy.ndarray:
    """A table of NumPy."""
    return numpy.arange(12).reshape(3, 4).astype(dtype)


def ours(dtype: str = "float64") -> Any:
    """The same as an array of MinPy."""
    return np.array(grid(dtype))


def each_kind(*shapes: tuple[int, ...]) -> tuple[Callable, Callable]:
    """Makers of the same arguments as MinPy's and as NumPy's arrays."""
    arrays = [numpy.arange(1.0, 1 + numpy.prod(shape)).reshape(shape) for shape in shapes]
    return lambda: tuple(map(np.array, arrays)), lambda: tuple(map(numpy.array, arrays))


class Model:
    """An object with arrays in its attributes, of which programs change some."""

    calls = 0

    def __init__(self, **more: Any):
        self.w = np.array(vec(1.0, 2.0, dtype="float64"))
        self.params = {"w": np.array(vec(3.0, 4.0, dtype="float64")), "b": 0.5}
        self.history: list = []
        self.count = 0
        self.inner = types.SimpleNamespace(w=np.array(vec(5.0, 6.0, dtype="float64")), count=7)
        self.__dict__.update(more)

    def forward(self, x: Any) -> Any:
        """Keeps what it needs."""
        self.last = x * self.w
        return self.last + self.params["w"]


def model(**more: Any) -> Callable[[], tuple]:
    """A maker of an array and a model."""
    return lambda: (U.copy(), Model(**copy.deepcopy(more)))
