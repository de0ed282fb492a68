"""Writing into arrays, compiled: the same values, arrays and views as NumPy, and the right gradients."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.ops.checks import boxed, check_gradient, projected
from tests.ops.test_writing import PROGRAMS, operands
from tests.ops.tolerances import assert_same

every_program = pytest.mark.parametrize("function", PROGRAMS, ids=lambda function: function.__name__)


@pytest.fixture(autouse=True)
def check_graphs(monkeypatch):
    monkeypatch.setenv("MINPY_CHECK", "1")


@every_program
@pytest.mark.parametrize("make", [np.array, numpy.array], ids=["minpy", "numpy"])
def test_program_of_eager_mode(function, make):
    compiled = minpy.jit(function)
    for _ in range(2):
        ours, theirs = [make(x) for x in operands()], operands()
        expected = function(*theirs)
        result = compiled(*ours)
        assert type(result) is type(ours[0])
        assert_same(result, expected, "the result")
        for name, array, changed in zip("xv", ours, theirs):
            assert_same(array, changed, f"{name} afterwards")


@every_program
@pytest.mark.filterwarnings("ignore:the gradient of")  # an argument that is overwritten has none
def test_gradient_by_one_graph_and_by_regions_on_a_tape(function):
    compiled = minpy.jit(lambda x, v: function(np.array(x), np.array(v)))
    inner = minpy.jit(function)

    def on_the_tape(x, v):
        return inner(*(a.copy() for a in map(boxed, (x, v))))

    args = operands()
    for place, name in enumerate(("x", "v")):
        check_gradient(projected(compiled, args, place), args[place], f"by {name}, one graph")
        check_gradient(projected(on_the_tape, args, place), args[place], f"by {name}, on the tape")


@every_program
@pytest.mark.filterwarnings("ignore:the gradient of")  # an argument that is overwritten has none
def test_a_gradient_leaves_its_argument_alone(function):
    for place in (0, 1):
        arrays = [np.array(a) for a in operands()]
        compiled = minpy.jit(lambda x, v: np.sum(function(x, v)))
        minpy.grad(compiled, place)(*arrays)
        assert_same(arrays[place], operands()[place], "the argument afterwards")


def fills_a_table(x):
    table = np.zeros((len(x) + 1, 2), dtype=x.dtype)
    for i in range(len(x)):
        table[i + 1, 0] = table[i, 0] * x[i] + x[i]
        table[i + 1, 1] = np.maximum(table[i, 1], table[i + 1, 0])
    return np.sum(table[-1] * table[2])


def builds_an_output_from_slices(x):
    out = np.zeros((2, len(x)), dtype=x.dtype)
    out[0, :2] = x[1:3] ** 2
    out[0, 2:] = np.sum(x)
    out[1] = out[0] * x
    out *= out
    return np.sum(out)


def adds_at_places_in_data(x):
    total = np.zeros(3, dtype=x.dtype)
    for place in numpy.argsort(-numpy.asarray(x.shape * 4)):
        total[place % 3] += x[place]
    total[numpy.array([0, 0, 1])] = x[:3] * total
    return np.sum(total**2)


def masks_what_has_no_root(x):
    y = x - 1.0
    y[y > 0] **= 0.5
    y[y < 0] = np.sum(x)
    return np.sum(y * x)


def writes_through_views(x):
    y = x * x
    flat, last = y.reshape(2, -1).T, y[-1:]
    flat[0] += x[1:3]
    last *= flat[0, 0]
    return np.sum(y * flat[1, 1])


LOSSES = [
    fills_a_table,
    builds_an_output_from_slices,
    adds_at_places_in_data,
    masks_what_has_no_root,
    writes_through_views,
]


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_of_writes(loss):
    x = numpy.array([0.5, 1.5, 0.75, 2.0])
    compiled = minpy.jit(loss)
    compiled(np.array(x))
    assert [leftover.reason for leftover in minpy.explain(compiled).leftovers] == []
    check_gradient(compiled, x, "by one graph")
    check_gradient(lambda x: compiled(x * 1.0), x, "on a tape")
    gradient = minpy.jit(minpy.grad(loss))
    assert_same(gradient(np.array(x)), minpy.grad(loss)(x), "a gradient inside")


@pytest.mark.parametrize("make", [np.array, numpy.array], ids=["minpy", "numpy"])
def test_an_infinite_number_is_not_written_to_integers(make):
    """NumPy refuses a number, and takes an array of the same content for the least integer."""

    def divided(x, by):
        x[0] /= by
        return x

    def filled(x, by):
        x.fill(x[0] / by)
        return x

    for function, expected in ((divided, [3, 4]), (filled, [3, 3])):
        compiled = minpy.jit(function)
        assert compiled(make([6, 4]), numpy.int64(2)).tolist() == expected
        with pytest.raises(OverflowError, match="infinity"), numpy.errstate(divide="ignore"):
            compiled(make([6, 4]), numpy.int64(0))
