"""For the tests of your own programs: what is compiled stays compiled, and gives the same."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from minpy.compiler.explain import explain
from minpy.compiler.jit import JitFunction, jit

__all__ = ["assert_compiled", "assert_same"]


def assert_compiled(
    fn: Callable,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    min_fraction: float = 1.0,
) -> Any:
    """Call a function, and assert that at least ``min_fraction`` of its lines ran compiled.

    Counted are the lines of the function's own statements that the call came to. A line counts as compiled
    if it is part of a compiled region; a line that Python runs, be it only to decide where to go on, does
    not. Lines that the call did not reach, and branches that were decided while compiling, do not count.
    Run time does not count either: it differs from machine to machine.

    Args:
        fn: a plain or jitted function or method, or a gradient of one. It is compiled afresh.
        args, kwargs: the arguments to call it with.
        min_fraction: from 0 to 1.

    Returns:
        What the function returned.

    Raises:
        AssertionError: where less was compiled; its text is that of ``minpy.explain``.
        ValueError: for another ``min_fraction``.
        TypeError: where ``args`` is no tuple or list, or ``kwargs`` no dict.

    Example::

        def test_step_is_compiled():
            minpy.testing.assert_compiled(train_step, (weights, batch))
    """
    if not isinstance(min_fraction, (int, float)):
        raise TypeError(f"min_fraction is a number from 0 to 1, not {min_fraction!r}")
    if not 0 <= min_fraction <= 1:
        raise ValueError(f"min_fraction is a number from 0 to 1, not {min_fraction!r}")
    _check_arguments(args, kwargs)
    fresh = _afresh(fn)
    result = fresh(*args, **(kwargs or {}))
    found = explain(fresh)
    kinds = [line.kind for line in found.lines if line.kind not in ("", "skipped")]
    fraction = kinds.count("compiled") / len(kinds) if kinds else 0.0
    if fraction < min_fraction:
        raise AssertionError(
            f"{kinds.count('compiled')} of {len(kinds)} lines ran compiled, that is {fraction:.0%}; "
            f"{min_fraction:.0%} were to be\n{found}"
        )
    return result


def assert_same(fn: Callable, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call a function compiled, and assert that plain Python gives the same, but for rounding.

    Args:
        fn, args, kwargs: as for ``assert_compiled``.

    Returns:
        What the function returned.

    Raises:
        CheckError: where something differs; it is an AssertionError and names the first line that does.
    """
    _check_arguments(args, kwargs)
    return _afresh(fn, check=True)(*args, **(kwargs or {}))


def _check_arguments(args: Any, kwargs: Any) -> None:
    if not isinstance(args, (tuple, list)):
        raise TypeError(f"args is a tuple of the arguments, such as (x,), not a {type(args).__name__}")
    if not (kwargs is None or isinstance(kwargs, Mapping)):
        raise TypeError(f"kwargs is a dict of arguments by name, not {kwargs!r}")


def _afresh(fn: Any, check: bool = False) -> Any:
    """The jitted function, with nothing compiled yet."""
    if isinstance(fn, types.MethodType) and isinstance(fn.__func__, JitFunction):
        return types.MethodType(_afresh(fn.__func__, check), fn.__self__)
    static: frozenset[str] = frozenset()
    if isinstance(fn, JitFunction):
        fn, static = fn.function, fn.options.static_argnames
        if hasattr(type(getattr(fn, "__wrapped__", None)), "__minpy_jit__"):  # a jitted gradient was given
            fn = fn.__wrapped__
    if hasattr(type(fn), "__minpy_jit__"):
        return fn.__minpy_jit__(lambda inner: _afresh(inner, check))
    return jit(fn, static_argnames=static, check=check)
