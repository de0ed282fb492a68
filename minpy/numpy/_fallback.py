"""What the op table lacks: NumPy's own functions, run on the memory of MinPy's arrays."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.op import UfuncFunction
from minpy.runtime import dispatch


@functools.cache
def wrapped(function: Any) -> Any:
    """NumPy's function on MinPy arrays; it has no gradient."""
    reason = f"{function.__name__} is run by NumPy, the op table lacks it"
    if isinstance(function, numpy.ufunc):

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise UnsupportedError(reason)

        refuse.__name__, refuse.__doc__ = function.__name__, function.__doc__
        return UfuncFunction(refuse, function, arrays=0)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return dispatch.call_numpy(function, args, kwargs)

    wrapper.__minpy_opaque__ = reason  # type: ignore[attr-defined]
    return wrapper


def member(module: ModuleType, name: str, wrap: Callable = wrapped) -> Any:
    """A public name of NumPy or of a part of it; functions wrapped, constants and types as they are.

    Raises:
        AttributeError: where NumPy has no such name.
    """
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        found = getattr(module, name)
    except AttributeError:
        raise AttributeError(f"neither MinPy nor {module.__name__} has a function {name!r}") from None
    if isinstance(found, type) or not callable(found):
        return found
    return wrap(found)
