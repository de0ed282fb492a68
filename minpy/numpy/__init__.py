"""``import minpy.numpy as np``: NumPy's namespace, differentiable and on MXNet.

Functions of the op table come from ``minpy.ops``. Every other public name of NumPy is here too: a
function runs NumPy's own on the same memory and has no gradient; a constant or a type is NumPy's.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as _numpy

from minpy.numpy import random
from minpy.ops import FUNCTIONS as _FUNCTIONS
from minpy.runtime import dispatch as _dispatch
from minpy.runtime import policy as _policy

globals().update(_FUNCTIONS)


def __getattr__(name: str) -> Any:
    if name == "policy":
        return _policy.get_global_policy()
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        found = getattr(_numpy, name)
    except AttributeError:
        raise AttributeError(f"neither MinPy nor NumPy has a function {name!r}") from None
    if isinstance(found, type) or not callable(found):
        return found
    return _wrapped(found)


@functools.cache
def _wrapped(function: Any) -> Any:
    """NumPy's function on MinPy arrays; new float arrays get the default dtype."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _dispatch.call_numpy(function, args, kwargs)

    wrapper.__minpy_opaque__ = f"{function.__name__} is run by NumPy, the op table lacks it"  # type: ignore[attr-defined]
    return wrapper


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy)})


__all__ = [*_FUNCTIONS, "random"]
