"""``minpy.numpy.random``: NumPy's generators, with arrays of MinPy.

The numbers are those of ``numpy.random`` with the same seed, in any mode; float arrays get the
default dtype.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as _numpy

from minpy.ops.creation import created as _created
from minpy.runtime.array import to_raw as _to_raw
from minpy.runtime.policy import count_by_numpy as _count_by_numpy


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        found = getattr(_numpy.random, name)
    except AttributeError:
        raise AttributeError(f"numpy.random has no {name!r}") from None
    if isinstance(found, type) or not callable(found):
        return found
    return _wrapped(name)


@functools.cache
def _wrapped(name: str) -> Any:
    function = getattr(_numpy.random, name)

    @functools.wraps(function)
    def draw(*args: Any, **kwargs: Any) -> Any:
        result = function(*_to_raw(args), **_to_raw(kwargs))
        if isinstance(result, _numpy.ndarray):
            return _created(result, by=name)
        _count_by_numpy(name)
        return result

    draw.__minpy_opaque__ = f"random.{name} draws new numbers on every call"  # type: ignore[attr-defined]
    return draw


def __dir__() -> list[str]:
    return dir(_numpy.random)
