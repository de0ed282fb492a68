"""What a call gives and leaves behind, and whether two calls did the same."""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import types
import warnings
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

import numpy

from minpy.compiler.jit import JitFunction
from minpy.runtime.array import Array
from tests.ops.tolerances import VALUE, Tolerance

_ATOMS = (type(None), bool, int, float, complex, str, bytes, range, slice, types.ModuleType)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, JitFunction)
_ARRAYS = (Array, numpy.ndarray)


class Outcome(NamedTuple):
    """Of a call: the result or the exception, the arguments afterwards, and what was printed."""

    result: Any
    args: tuple
    printed: str


def run(function: Callable, args: tuple) -> Outcome:
    """Call a function."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = function(*args)
        except Exception as error:
            result = error
    return Outcome(result, args, printed.getvalue())


def assert_same(
    plain: Any, compiled: Any, path: str = "result", memory: bool = True, near: Tolerance | None = None
) -> None:
    """Equal types, values and dtypes; the same objects in the same places, and the same memory shared.

    Args:
        memory: whether arrays have to share it in the same way.
        near: how near float64 has to be, if not as near as float64 is as a rule.
    """
    Comparison(near).compare(plain, compiled, path, memory)


class Comparison:
    """Walks over two nested values at the same time."""

    def __init__(self, near: Tolerance | None = None) -> None:
        self._near = near
        self._met: tuple[dict[int, str], dict[int, str]] = ({}, {})
        self._arrays: list[tuple[Any, Any, str]] = []
        self._kept: list[Any] = []  # so that no identity is taken twice

    def compare(self, plain: Any, compiled: Any, path: str, memory: bool = True) -> None:
        """Compare all of two values, and the memory that their arrays share."""
        self._walk(plain, compiled, path)
        for (a, b, one), (c, d, other) in itertools.combinations(self._arrays if memory else (), 2):
            shared = [numpy.shares_memory(a, c), numpy.shares_memory(b, d)]
            assert shared[0] == shared[1], f"{one} and {other} share memory: plain, compiled: {shared}"

    def _walk(self, plain: Any, compiled: Any, path: str) -> None:
        assert _name(type(plain)) == _name(type(compiled)), f"{path}: {plain!r} became {compiled!r}"
        if isinstance(plain, (float, complex)):
            _assert_same_array(*map(numpy.asarray, (plain, compiled)), path, self._near)
            return
        if isinstance(plain, _ATOMS):
            assert plain == compiled and str(plain) == str(compiled), f"{path}: {plain!r} became {compiled!r}"
            return
        if isinstance(plain, _FUNCTIONS):
            assert _name(plain) == _name(compiled), f"{path}: {plain!r} became {compiled!r}"
            return
        if isinstance(plain, (*_ARRAYS, numpy.generic)):
            _assert_same_array(plain, compiled, path, self._near)
        if not isinstance(plain, (tuple, numpy.generic)):
            before = [met.setdefault(id(x), path) for met, x in zip(self._met, (plain, compiled))]
            self._kept.extend((plain, compiled))
            assert before[0] == before[1], f"{path} is {before[0]}, and compiled {before[1]}"
            if before[0] != path:
                return
        if isinstance(plain, _ARRAYS):
            self._arrays.append((numpy.asarray(plain), numpy.asarray(compiled), path))
            return
        if isinstance(plain, BaseException):
            assert _message(plain) == _message(compiled), f"{path}: {plain!r} became {compiled!r}"
        parts = [list(_parts(x)) for x in (plain, compiled)]
        keys = [[key for key, _ in each] for each in parts]
        assert keys[0] == keys[1], f"{path} has {keys[0]}, and compiled {keys[1]}"
        for (key, one), (_, other) in zip(*parts):
            self._walk(one, other, f"{path}.{key}")


def _parts(x: Any) -> Iterator[tuple[Any, Any]]:
    """What is in a container or an object, each with a name."""
    if isinstance(x, (list, tuple, collections.deque)):
        yield from enumerate(x)
    elif isinstance(x, dict):
        yield from x.items()
    elif isinstance(x, (set, frozenset)):
        yield from enumerate(sorted(x, key=repr))
    elif not isinstance(x, (numpy.generic, BaseException)):
        for kind in type(x).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                if hasattr(x, name):
                    yield name, getattr(x, name)
        yield from getattr(x, "__dict__", {}).items()


def _assert_same_array(plain: Any, compiled: Any, path: str, near: Tolerance | None) -> None:
    assert plain.dtype == compiled.dtype, f"{path}: {plain.dtype} became {compiled.dtype}"
    assert plain.shape == compiled.shape, f"{path}: {plain.shape} became {compiled.shape}"
    dtype = plain.dtype.newbyteorder("=")
    near = (dtype == numpy.float64 and near) or VALUE.get(dtype) or Tolerance(0, 0)
    a, b = numpy.asarray(plain), numpy.asarray(compiled)
    same = numpy.array_equal(a, b) or (
        plain.dtype.kind in "fc" and numpy.allclose(a, b, *near, equal_nan=True)
    )
    assert same, f"{path}:\n{a}\nbecame\n{b}"


def _name(x: Any) -> str:
    return f"{getattr(x, '__module__', '')}.{getattr(x, '__qualname__', x)}"


def _message(error: BaseException) -> str:
    """The first line of an exception's text; those after it may show where it was."""
    return (str(error).splitlines() or [""])[0]
