"""Compiled equals plain for every function of the corpus; only the marked lines stay with Python."""

from __future__ import annotations

import re

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.runtime.array import Array
from minpy.runtime.tree import leaves, rebuild
from tests.corpus.outcome import Outcome, assert_same, run
from tests.corpus.registry import Program, ids, programs
from tests.ops.tolerances import DIFFERENCE
from tests.ops.tolerances import assert_same as assert_near

PAIRS = list(zip(programs(), programs()))
_MARK = re.compile(r"# (leftover|flow)(?:, (leftover|flow))?\b")
_CALLS = 3
_STEP = 1e-5


every_pair = pytest.mark.parametrize("plain, compiled", PAIRS, ids=ids([pair[0] for pair in PAIRS]))


@pytest.fixture(autouse=True)
def check_graphs(monkeypatch):
    monkeypatch.setenv("MINPY_CHECK", "1")


def history(program: Program, function, change=lambda args: args, inputs=None) -> list[Outcome]:
    """What each of the inputs gives, several times, one call after the other."""
    numpy.random.seed(0)
    outcomes = []
    for _ in range(_CALLS):
        for number in range(len(program.inputs)) if inputs is None else inputs:
            if program.between is not None:
                program.between(len(outcomes))
            outcomes.append(run(function, change(program.arguments(number))))
    return outcomes


def longer(args: tuple) -> tuple:
    """The arguments with each array twice as long."""

    def twice(x):
        is_array = isinstance(x, (Array, numpy.ndarray)) and x.ndim
        return (
            type(x)(numpy.concatenate([numpy.asarray(x)] * 2))
            if type(x) is Array and is_array
            else (numpy.concatenate([x] * 2) if is_array else x)
        )

    return tuple(rebuild(twice, x) if type(x) in (list, tuple, dict) else twice(x) for x in args)


def state(program: Program) -> dict:
    """What a program can have changed besides its arguments: globals, variables around it, its object."""
    names = [name for name in program.module if not name.startswith("__")]
    function = program.function
    inner = getattr(function, "__func__", function)
    around = [cell.cell_contents for cell in getattr(inner, "__closure__", None) or ()]
    return {
        "globals": {name: program.module[name] for name in names},
        "around": around,
        "object": getattr(function, "__self__", None),
    }


def marked(function) -> set[tuple[int, str]]:
    """The lines of a jitted function that are marked."""
    if function.program is None:
        return set()
    source = function.program.source
    found = ((number, _MARK.search(text)) for number, text in enumerate(source.lines, source.first_line))
    return {(number, kind) for number, mark in found if mark is not None for kind in mark.groups() if kind}


@every_pair
def test_compiled_equals_plain(plain, compiled):
    function = minpy.jit(compiled.function)
    compare(history(plain, plain.function), history(compiled, function), plain, compiled)
    found = minpy.explain(function).leftovers
    kinds = {True: "flow", False: "leftover"}
    left = {(item.line, kinds[item.is_control_flow]) for item in found}
    assert left == marked(function), [(item.line, item.reason) for item in found]
    assert all(item.reason and item.cause.line for item in found)
    outcomes = (history(*pair, longer, [0]) for pair in ((plain, plain.function), (compiled, function)))
    compare(*outcomes, plain, compiled)


def compare(expected, found, plain, compiled) -> None:
    for number, (one, other) in enumerate(zip(expected, found)):
        assert_same(one._asdict(), other._asdict(), f"call {number}")
    assert_same(state(plain), state(compiled), "afterwards")


SMOOTH = [pair for pair in zip(programs(), programs()) if not pair[0].no_gradient]


@pytest.mark.parametrize("plain, compiled", SMOOTH, ids=ids([pair[0] for pair in SMOOTH]))
@pytest.mark.filterwarnings("ignore")
def test_gradient_equals_differences(plain, compiled):
    minpy.set_default_dtype("float64")
    number, arrays = differentiable(plain)
    directions = [numpy.random.uniform(-1, 1, x.shape) for x in arrays]
    results = floats_in(plain.function(*filled(plain.arguments(number), arrays)))
    weights = [numpy.random.uniform(0.5, 1.5, x.shape) for x in results]

    def loss_of(program, function):
        def loss(*arrays):
            given = program.arguments(number)
            result = function(*filled(given, arrays))
            return sum(np.sum(x * w) for x, w in zip(floats_in(result), weights))

        return loss

    loss = loss_of(plain, plain.function)
    high, low = (float(loss(*[x + step * d for x, d in zip(arrays, directions)])) for step in (_STEP, -_STEP))
    expected = numpy.float64((high - low) / (2 * _STEP))
    inside = loss_of(compiled, minpy.jit(compiled.function))
    around = minpy.jit(loss_of(compiled, compiled.function))
    for loss in (inside, inside, around):
        gradients = minpy.grad(loss, list(range(len(arrays))))(*map(np.array, arrays))
        slope = sum((numpy.asarray(g) * d).sum() for g, d in zip(gradients, directions))
        assert_near(numpy.float64(slope), expected, "the slope", DIFFERENCE)


def differentiable(program: Program) -> tuple[int, list[numpy.ndarray]]:
    """The first input for which there are arrays of floats in the result, and the arrays of floats in it.

    The latter are a little beside what they are, since where a value is exactly 0 there may be a kink.
    """
    for number in range(len(program.inputs)):
        found = floats_in(program.arguments(number))
        arrays = [numpy.array(x, "float64") + numpy.random.uniform(0.01, 0.02, x.shape) for x in found]
        if arrays and floats_in(run(program.function, filled(program.arguments(number), arrays)).result):
            return number, arrays
    raise AssertionError("no result has a gradient, which the program does not say")


def floats_in(x) -> list:
    """The arrays of floats in nested values."""
    return [
        leaf for _, leaf in leaves(x) if isinstance(leaf, (Array, numpy.ndarray)) and leaf.dtype.kind == "f"
    ]


def filled(args, arrays):
    """The arguments with other arrays of floats, as copies of MinPy's kind."""
    rest = map(np.array, arrays)
    return tuple(rebuild(lambda x: next(rest) if floats_in(x) else x, arg) for arg in args)
