"""``minpy.eager``: code that is kept out of compilation."""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable

from minpy.errors import UnsupportedError
from minpy.runtime.policy import current_policy, heeds_float_errors
from minpy.runtime.routes import keep_out


class _Current(threading.local):
    depth = 0


_current = _Current()


def compiles_now() -> bool:
    """Whether compiled graphs run in this thread now.

    They do not under ``eager``, under NumPy's policy, and where NumPy is told to do more about errors of
    floats than to warn (``numpy.errstate(all="raise")``): a graph knows of no such errors.
    """
    return not _current.depth and current_policy().compiles and not heeds_float_errors()


def depth() -> int:
    """How deep in code that is kept out this thread is."""
    return _current.depth


def go_back_to(depth: int) -> None:
    """Let this thread be so deep in code that is kept out."""
    _current.depth = depth
    keep_out(depth)


class KeptOut(UnsupportedError):
    """The statement is under ``minpy.eager``: all of it stays with Python."""


class _KeptOut:
    """``with eager():``; also for a thread that runs a function under ``@eager``."""

    def __enter__(self) -> None:
        go_back_to(_current.depth + 1)

    def __exit__(self, *exc_info: Any) -> None:
        go_back_to(_current.depth - 1)


class _Eager:
    """``eager``; a class, so that it can say how it is compiled: not at all."""

    __name__ = "eager"

    def __call__(self, function: Any = None) -> Any:
        """Keep code out of compilation: ``@minpy.eager`` on a function, or ``with minpy.eager():``.

        The code runs as plain Python, op by op, and so do jitted functions that it calls. Inside a jitted
        function, a call of such a function, or the ``with`` statement, stays with Python; what stands
        before and after it is compiled as ever.

        Args:
            function: a function, method, classmethod, staticmethod or property; none for ``with``.

        Raises:
            TypeError: where ``function`` cannot be called.
        """
        if function is None:
            return _KeptOut()
        return decorate(_kept_out, function, "eager")

    def __minpy_lower__(self, lowering: Any, args: list, kwargs: dict[str, Any]) -> Any:
        raise KeptOut("it is under minpy.eager()")


eager = _Eager()
eager.__doc__ = _Eager.__call__.__doc__


def _kept_out(function: Callable) -> Callable:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _KeptOut():
            return function(*args, **kwargs)

    name = getattr(function, "__qualname__", repr(function))
    wrapper.__minpy_opaque__ = f"{name} is under minpy.eager"  # type: ignore[attr-defined]
    return wrapper


def decorate(decorator: Callable[[Callable], Any], function: Any, name: str) -> Any:
    """Apply a decorator of functions to a function, or to the functions in a method object of a class.

    Raises:
        TypeError: where ``function`` cannot be called. ``name`` is that of the decorator, for the text.
    """
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(decorate(decorator, function.__func__, name))
    if isinstance(function, property):
        parts = (function.fget, function.fset, function.fdel)
        get, put, delete = [part and decorate(decorator, part, name) for part in parts]
        return property(get, put, delete, function.__doc__)
    if isinstance(function, type):
        raise TypeError(
            f"{name} takes a function, and {function.__name__} is a class; "
            f"decorate its methods, for example {function.__name__}.__call__, one by one"
        )
    if not callable(function):
        raise TypeError(f"{name} takes a function, not {function!r}")
    return decorator(function)
