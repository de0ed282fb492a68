"""Activations that are written out: what is raised, what is not, and that values and gradients stay."""

from __future__ import annotations

import numpy
import pytest
from scipy import special

from minpy.compiler.driver import optimize
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.fold import fold_constants
from minpy.compiler.passes.raising import raise_idioms
from minpy.ops import FUNCTIONS
from minpy.ops.op import of_numpy
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

exp, tanh, sqrt, sum_ = (FUNCTIONS[name] for name in ("exp", "tanh", "sqrt", "sum"))
erf = of_numpy(special.erf)
X = numpy.array([[0.5, -1.5, 2.0], [-0.25, 3.0, 0.0]], "float32")
Y = numpy.array([[1.5, 2.0, -0.5], [4.0, 1.0, 2.5]], "float32")


def tanh_of(x):
    powers = exp(-2.0 * x)
    return (1.0 - powers) / (1.0 + powers)


def cubic(x):
    return 0.7978845608 * (x + 0.044715 * x**3)


RAISED = [
    (lambda x, y: y / (1 + exp(-x)), ["sigmoid", "multiply"]),
    (lambda x, y: 2 / (exp(-x) + 1), ["sigmoid", "multiply"]),
    (lambda x, y: 0.5 * x * (1 + erf(x / 2**0.5)), ["special.gelu"]),
    (lambda x, y: x * 0.5 * (1.0 + erf(x * 0.7071067811865476)), ["special.gelu"]),
    (lambda x, y: x * (0.5 * (erf(x / sqrt(2.0)) + 1.0)), ["special.gelu"]),
    (lambda x, y: x / 2 * (1 + erf(x / numpy.sqrt(2))), ["special.gelu"]),
    (lambda x, y: 0.5 * x * (1 + tanh(y)), ["multiply", "sigmoid", "multiply"]),
    (lambda x, y: tanh_of(x), ["multiply", "multiply", "tanh"]),
    (lambda x, y: (exp(x) - 1) / (exp(x) + 1), ["multiply", "tanh"]),
    (lambda x, y: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), ["tanh"]),
    (lambda x, y: y * (1 - x * x), ["tanh_gradient"]),
    (lambda x, y: x * (1 - x) * y, ["sigmoid_gradient"]),
]


def simplified(graph):
    return eliminate_dead_code(raise_idioms(graph))


@pytest.mark.parametrize("function, expected", RAISED)
def test_raised_with_the_same_values(function, expected):
    graph = fold_constants(traced(function, (2, 3), (2, 3), dtype="float32"))
    found = simplified(graph)
    assert names(found) == expected
    assert_equivalent(graph, found, [X, Y])


@pytest.mark.parametrize("function", [function for function, _ in RAISED] + [lambda x, y: x * cubic(y)])
def test_gradients_are_the_same(function, monkeypatch):
    def total(x, y):
        return sum_(function(x, y) * y)

    short = differentiated(total, (2, 3), (2, 3), dtype="float32")
    monkeypatch.setenv("MINPY_PASSES", "-activations")
    written = differentiated(total, (2, 3), (2, 3), dtype="float32")
    assert_equivalent(written, short, [X, Y])
    monkeypatch.delenv("MINPY_PASSES")
    assert_equivalent(written, optimize(written)[0], [X, Y])


def test_the_examples_of_the_module():
    found = simplified(traced(lambda x, y: y / (1 + exp(-x)), (2, 3), (2, 3)))
    assert [line.split(" = ")[1] for line in lines(found)] == ["sigmoid x", "multiply a y"]
    found = simplified(traced(tanh_of, (2, 3)))
    spelled = [line.split(" = ")[1] for line in lines(found)]
    assert spelled == ["multiply -2.0 x", "multiply -0.5 a", "tanh b"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: y / (2 + exp(-x)),
        lambda x, y: y / (1 + exp(x)),
        lambda x, y: 0.5 * x * (1 + erf(x)),
        lambda x, y: 0.5 * y * (1 + erf(x / 2**0.5)),
        lambda x, y: 0.5 * x * (1 + erf(x * y / 2**0.5)),
        lambda x, y: x * (1 + erf(x / 2**0.5)),
        lambda x, y: x * (1 + tanh(y)),
        lambda x, y: (exp(x) + 1) / (exp(x) - 1),
        lambda x, y: (exp(x) - 2) / (exp(x) + 2),
        lambda x, y: (exp(x) - 1) / (2 + exp(x)),
        lambda x, y: (exp(x) - 1) / (exp(x) + 2),
        lambda x, y: (exp(x) - exp(-y)) / (exp(x) + exp(-y)),
        lambda x, y: (exp(x) - exp(-x)) / (exp(y) + exp(-x)),
        lambda x, y: y * (1 - x * y),
        lambda x, y: y * (1 - x * x)[:1],
        lambda x, y: x * (1 - y) * x,
    ],
)
def test_what_only_looks_alike_stays(function):
    graph = traced(function, (2, 3), (2, 3), dtype="float32")
    assert raise_idioms(graph) == graph


def test_gelu_of_float64_stays():
    graph = traced(lambda x: 0.5 * x * (1 + erf(x / 2**0.5)), (2, 3))
    assert raise_idioms(graph) == graph
