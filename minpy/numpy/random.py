"""``minpy.numpy.random``: NumPy's generators, with arrays of MinPy.

The numbers are those of ``numpy.random`` with the same seed, in any mode; float arrays get the
default dtype.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import numpy as _numpy

from minpy.numpy._fallback import member as _member
from minpy.runtime.draws import draw as _draw


@functools.cache
def _drawing(function: Callable) -> Callable:
    """A function of NumPy's that draws, or one beside these."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _draw(function, args, kwargs)

    return _opaque(wrapper)


def _opaque(function: Any) -> Any:
    function.__minpy_opaque__ = f"random.{function.__name__} draws new numbers on every call"
    return function


def _method(name: str, kind: type) -> Callable:
    @functools.wraps(getattr(kind, name))
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _draw(getattr(self._plain, name), args, kwargs)

    return _opaque(method)


def _methods_of(kind: type) -> Callable[[type], type]:
    """Decorator: the methods of a generator of NumPy's, which ``_plain`` does.

    Inherited as they are they would meet MinPy's arrays, since they call each other.
    """

    def decorate(ours: type) -> type:
        for name in dir(kind):
            if not name.startswith("_") and name not in vars(ours) and callable(getattr(kind, name)):
                setattr(ours, name, _method(name, kind))
        return ours

    return decorate


@_methods_of(_numpy.random.Generator)
class Generator(_numpy.random.Generator):
    """``numpy.random.Generator`` whose methods take and give MinPy's arrays."""

    def __init__(self, bit_generator: Any):
        super().__init__(bit_generator)
        self._plain = _numpy.random.Generator(bit_generator)

    def spawn(self, n_children: int) -> list[Any]:
        """New generators, independent of this one and of each other."""
        return [Generator(plain.bit_generator) for plain in self._plain.spawn(n_children)]

    def __reduce__(self) -> tuple:
        return Generator, (self.bit_generator,)


@_methods_of(_numpy.random.RandomState)
class RandomState(_numpy.random.RandomState):
    """``numpy.random.RandomState`` whose methods take and give MinPy's arrays."""

    def __init__(self, seed: Any = None):
        super().__init__(seed)
        self._plain = _numpy.random.RandomState(self._bit_generator)

    def __reduce__(self) -> tuple:
        return RandomState, (self._bit_generator,), self.get_state(legacy=False)


@_opaque
def default_rng(seed: Any = None) -> Generator:
    """A ``Generator`` with NumPy's default bit generator; a generator gives itself, or one on its bits."""
    if isinstance(seed, Generator):
        return seed
    return Generator(_numpy.random.default_rng(seed).bit_generator)


def __getattr__(name: str) -> Any:
    return _member(_numpy.random, name, _drawing)


def __dir__() -> list[str]:
    return dir(_numpy.random)
