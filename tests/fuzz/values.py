"""A program with NumPy and with MinPy, statement by statement: the same values, shapes, dtypes, errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy

import minpy
import minpy.numpy
from minpy.ops.scalars import is_scalar
from tests.fuzz.program import Program
from tests.ops.tolerances import VALUE, Tolerance, assert_same

#: Larger numbers are compared, but they do not decide how far other ones may be apart.
LARGE = 1e3
_NUMPY = (numpy.ndarray, numpy.generic)
_PYTHON = (bool, int, float, complex, str, type(None))


@contextmanager
def as_numpy_creates() -> Iterator[None]:
    """New arrays of float64, as NumPy's, and no warnings about what programs do with their numbers."""
    before = minpy.default_dtype()
    minpy.set_default_dtype("float64")
    try:
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        minpy.set_default_dtype(before)


class Side:
    """The variables of a program that runs with one library."""

    def __init__(self, module: Any, policy: minpy.Policy | None = None):
        self.policy = policy or minpy.OnlyNumPyPolicy()
        self.namespace: dict[str, Any] = {"np": module, "numpy": numpy}
        self._outside = set(self.namespace)

    @property
    def variables(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.namespace.items()
            if name not in self._outside and not name.startswith("__")
        }

    def run(self, code: Any) -> Exception | None:
        """Execute code; gives the exception that it raised."""
        try:
            with self.policy:
                exec(code, self.namespace)
        except Exception as error:
            return error
        return None


def check_values(program: Program) -> None:
    """Run a program with NumPy, and with MinPy under two policies.

    After each statement every variable has to be what it is with NumPy. Then MinPy's arrays get
    NumPy's numbers, so that the rounding of one statement is not taken for an error of a later one.

    Raises:
        AssertionError: at the first difference, naming the statement.
        NameError: where a variable is missing, as when a program is made shorter.
    """
    reference = Side(numpy)
    sides = [Side(minpy.numpy, minpy.PreferMXNetPolicy()), Side(minpy.numpy, minpy.OnlyNumPyPolicy())]
    with as_numpy_creates():
        for statement in program.statements:
            code = compile(statement, "<program>", "exec")
            used = [value for name, value in reference.variables.items() if name in code.co_names]
            expected_error = reference.run(code)
            if isinstance(expected_error, NameError):
                raise expected_error  # no program that anybody wrote
            expected = reference.variables
            used.extend(numpy.zeros(1, dtype) for dtype in ("float32", "float16") if dtype in statement)
            near = _tolerance([*used, *[expected[name] for name in code.co_names if name in expected]])
            for side in sides:
                what = f"{statement}\nunder {side.policy}"
                _compare_errors(side.run(code), expected_error, what)
                found = side.variables
                assert list(found) == list(expected), f"{what}: variables {list(found)}"
                for name, value in expected.items():
                    _compare(found[name], value, f"{what}: {name}", near)


def _tolerance(values: Iterable[Any]) -> Tolerance:
    """How far results of a statement with these values may be apart: by dtypes and magnitude."""
    relative, absolute = VALUE[numpy.dtype("float64")]
    largest = 1.0
    for x in values:
        if isinstance(x, _NUMPY) and x.dtype in VALUE:
            relative, absolute = map(max, zip((relative, absolute), VALUE[x.dtype]))
            magnitude = float(numpy.max(numpy.abs(x))) if x.size else 0.0
            largest = max(largest, magnitude if magnitude < LARGE else 0.0)
    return Tolerance(relative, absolute * largest)


def _compare_errors(found: Exception | None, expected: Exception | None, what: str) -> None:
    if expected is None:
        assert found is None, f"{what}: raises {found!r}"
    else:
        kind = next(cls for cls in type(expected).__mro__ if _is_public(cls))
        assert isinstance(found, kind), f"{what}: {found!r}, should raise {expected!r}"


def _is_public(error: type) -> bool:
    return error.__module__ == "builtins" or error in (numpy.linalg.LinAlgError, numpy.AxisError)


def _compare(found: Any, expected: Any, what: str, near: Tolerance) -> None:
    """Compare a variable, and give it NumPy's numbers."""
    if isinstance(expected, (tuple, list)):
        same_kind = isinstance(found, list) if isinstance(expected, list) else isinstance(found, tuple)
        assert same_kind and len(found) == len(expected), f"{what} is {found!r}, should be {expected!r}"
        for i, (one, other) in enumerate(zip(found, expected)):
            _compare(one, other, f"{what}[{i}]", near)
        return
    if isinstance(expected, _NUMPY):
        same_kind = isinstance(found, (minpy.Array, *_NUMPY)) and is_scalar(found) == is_scalar(expected)
    else:
        same_kind = isinstance(expected, _PYTHON) and type(found) is type(expected)
    assert same_kind, f"{what} is the {type(found)} {found!r}, should be {expected!r}"
    theirs = numpy.asarray(expected)
    is_ours = isinstance(found, minpy.Array)  # also of a number the memory, and no copy
    mine = minpy.Array.__array__(found) if is_ours else numpy.asarray(found)
    if (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape) and mine.tobytes() == theirs.tobytes():
        return
    assert_same(mine, theirs, what, near if theirs.dtype in VALUE else None)
    if isinstance(found, (minpy.Array, numpy.ndarray)) and mine.flags.writeable:
        mine[...] = theirs
