"""What the op table lacks: NumPy's own functions, run on the memory of MinPy's arrays."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.creation import created
from minpy.ops.op import UfuncFunction, of_numpy
from minpy.runtime import dispatch
from minpy.runtime.array import Array, to_raw

#: functions that make arrays of numbers: their floats have the default dtype, as those of ``linspace``
_CREATORS = frozenset(("tri", "bartlett", "blackman", "hamming", "hanning"))


@functools.cache
def wrapped(function: Any) -> Any:
    """NumPy's function on MinPy arrays; it has no gradient."""
    name = getattr(function, "__name__", type(function).__name__)  # `numpy.test` is an object
    reason = f"{name} is run by NumPy, the op table lacks it"
    if isinstance(function, numpy.ufunc):

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise UnsupportedError(reason)

        refuse.__name__, refuse.__doc__ = function.__name__, function.__doc__
        return UfuncFunction(refuse, function, arrays=0)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if name in _CREATORS and not any(map(_names_dtype, (*args, *kwargs.values()))):
            return created(function(*to_raw(args), **to_raw(kwargs)), by=name)
        return dispatch.call_numpy(function, args, kwargs)

    wrapper.__minpy_opaque__ = reason  # type: ignore[attr-defined]
    return wrapper


def _names_dtype(x: Any) -> bool:
    """Whether an argument is an array of floats, or says which dtype is wanted."""
    if isinstance(x, (Array, numpy.ndarray, numpy.generic)):
        return x.dtype.kind not in "biu"
    return isinstance(x, (numpy.dtype, type, str))


def member(module: ModuleType, name: str, wrap: Callable = wrapped) -> Any:
    """A public name of NumPy or of a part of it; constants and types as they are.

    A function is that of the table, where it is another name for one there, or NumPy's own, wrapped.

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
    return of_numpy(found) or wrap(found)
