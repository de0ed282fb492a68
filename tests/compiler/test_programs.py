"""Each program gives the same compiled as plain: values, types, dtypes, exceptions, again and again."""

from __future__ import annotations

import copy
import warnings

import numpy
import pytest

import minpy
from minpy.runtime.array import Array
from tests.compiler import programs_control, programs_functions  # noqa: F401
from tests.compiler.programs import LEFTOVERS, PROGRAMS

NAMES = [f"{i}-{function.__name__.strip('<>')}" for i, (function, _) in enumerate(PROGRAMS)]


def run(function, args):
    """The result, or the type of the exception."""
    args = copy.deepcopy(args)
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args), args
        except Exception as error:
            return type(error), args


def assert_same(plain, compiled, path="result"):
    assert type(plain) is type(compiled), f"{path}: {type(plain)} became {type(compiled)}"
    if isinstance(plain, (list, tuple)):
        assert len(plain) == len(compiled), path
        for i, (a, b) in enumerate(zip(plain, compiled)):
            assert_same(a, b, f"{path}[{i}]")
    elif isinstance(plain, dict):
        assert list(plain) == list(compiled), path
        for key in plain:
            assert_same(plain[key], compiled[key], f"{path}[{key!r}]")
    elif isinstance(plain, (Array, numpy.ndarray, numpy.generic)):
        assert plain.dtype == compiled.dtype, f"{path}: {plain.dtype} became {compiled.dtype}"
        assert plain.shape == compiled.shape, f"{path}: {plain.shape} became {compiled.shape}"
        tolerance = 1e-6 if plain.dtype == numpy.float32 else 1e-12
        a, b = numpy.asarray(plain), numpy.asarray(compiled)
        numpy.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance, err_msg=path)
    elif hasattr(plain, "__dict__"):
        assert_same(vars(plain), vars(compiled), path)
    else:
        assert plain == compiled or plain != plain, f"{path}: {plain!r} became {compiled!r}"


@pytest.mark.parametrize("number", range(len(PROGRAMS)), ids=NAMES)
def test_compiled_equals_plain(number, monkeypatch):
    monkeypatch.setenv("MINPY_CHECK", "1")
    function, inputs = PROGRAMS[number]
    compiled = minpy.jit(function)
    for _ in range(2):
        for args in inputs:
            expected, expected_args = run(function, args)
            result, result_args = run(compiled, args)
            assert_same(expected, result)
            assert_same(expected_args, result_args, "arguments")


#: see ``LEFTOVERS``
LEFTOVERS |= {
    "straight_line": [],
    "matrix_product": [],
    "plain_numpy": [],
    "static_if": [],
    "static_loop": [],
    "loop_with_break": [],
    "calls_helper": [],
    "closure": [],
    "globals_and_tables": [],
    "inner_functions": [],
    "containers": [],
    "modes": [],
    "float_argument": [],
    "float_decides": [],
    "data_decides": ["if np.sum(y) > 1:"],
    "data_loop": ["while np.max(x) > 0.3:"],
    "comparisons": [],
    "indexing": [],
    "fancy_indexing": [],
    "reductions": [],
    "shapes": [],
    "in_place_on_own": [],
    "in_place_on_argument": [],
    "writes_elements": [],
    "methods": [],
    "object_argument": [],
    "conditional_expressions": [],
    "empty_arrays": [],
    "callable_object": [],
    "float_arithmetic": [],
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_leftovers(name):
    function, inputs = next(entry for entry in PROGRAMS if entry[0].__name__ == name)
    compiled = minpy.jit(function)
    for args in inputs:
        run(compiled, args)
    found = minpy.explain(compiled)
    lines = [compiled.program.source.text(leftover.line).strip() for leftover in found.leftovers]
    assert lines == LEFTOVERS[name], [(item.line, item.reason) for item in found.leftovers]
