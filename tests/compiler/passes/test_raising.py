"""What is raised, what is not, and that values and gradients stay."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.raising import raise_idioms
from minpy.ops import FUNCTIONS
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

exp, log, sum_, max_ = (FUNCTIONS[name] for name in ("exp", "log", "sum", "max"))
reciprocal, reshape, mean = FUNCTIONS["reciprocal"], FUNCTIONS["reshape"], FUNCTIONS["mean"]
sqrt, square = FUNCTIONS["sqrt"], FUNCTIONS["square"]


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softmax(x):
    powers = exp(x - max_(x, axis=1, keepdims=True))
    return powers / sum_(powers, axis=1, keepdims=True)


def softmax_without_keepdims(x):
    powers = exp(x - max_(x, axis=-1)[:, None])
    return powers / reshape(sum_(powers, axis=-1), (-1, 1))


def softmax_without_shift(x):
    return exp(x) / sum_(exp(x), axis=1, keepdims=True)


def log_softmax(x):
    shifted = x - max_(x, axis=1, keepdims=True)
    return shifted - log(sum_(exp(shifted), axis=1, keepdims=True))


RAISED = {
    "sigmoid": [sigmoid, lambda x: reciprocal(exp(-x) + 1)],
    "softmax": [softmax, softmax_without_keepdims, softmax_without_shift],
    "log_softmax": [log_softmax, lambda x: log(softmax(x)), lambda x: log(softmax_without_shift(x))],
}
CASES = [(name, function) for name, functions in RAISED.items() for function in functions]


def random(*shape):
    return numpy.random.RandomState(0).randn(*shape)


def simplified(graph):
    return eliminate_dead_code(raise_idioms(graph))


def test_the_examples_of_the_module():
    x = "x: float64[2,3]"
    before = traced(lambda x: 1 / (1 + exp(-x)), (2, 3))
    assert [line.split(" = ")[1] for line in lines(before)] == [
        "negative x",
        "exp a",
        "add 1 b",
        "true_divide 1 c",
    ]
    assert str(simplified(before)) == f"graph({x}):\n  a: float64[2,3] = sigmoid x\n  return a"
    before = traced(softmax, (2, 3))
    assert [line.split(" = ")[1] for line in lines(before)] == [
        "max axes=(1,) keepdims=True x",
        "subtract x a",
        "exp b",
        "sum axes=(1,) keepdims=True c",
        "true_divide c d",
    ]
    assert str(simplified(before)) == f"graph({x}):\n  a: float64[2,3] = softmax axis=1 x\n  return a"
    text = f"graph({x}):\n  a: float64[2,3] = log_softmax axis=1 x\n  return a"
    assert str(simplified(traced(log_softmax, (2, 3)))) == text


@pytest.mark.parametrize("name, function", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_raised_with_the_same_values(name, function, dtype):
    graph = traced(function, (4, 5), dtype=dtype)
    found = simplified(graph)
    assert names(found) == [name]
    assert_equivalent(graph, found, [random(4, 5).astype(dtype)])


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (2, 3, 2, 4)])
def test_softmax_along_the_last_of_any_axes(shape):
    def softmax_of_rows(x):
        e = exp(x - max_(x, axis=-1, keepdims=True))
        return e / sum_(e, axis=-1, keepdims=True)

    assert names(simplified(traced(softmax_of_rows, shape))) == ["softmax"]


@pytest.mark.parametrize("name, function", CASES)
def test_gradients_of_what_is_raised_are_the_same(name, function, monkeypatch):
    def loss(x, y):
        return mean(function(x) * y)

    short = differentiated(loss, (4, 5), (4, 5))
    monkeypatch.setenv("MINPY_PASSES", "-raising")
    written = differentiated(loss, (4, 5), (4, 5))
    assert len(simplified(short).eqns) < len(eliminate_dead_code(written).eqns)
    assert_equivalent(written, short, [random(4, 5), random(4, 5) + 1])


def standardize(x):
    centered = x - mean(x, axis=-1, keepdims=True)
    return centered / sqrt(mean(centered**2, axis=-1, keepdims=True) + 1e-3)


STANDARDIZED = [
    standardize,
    lambda x: (x - mean(x, axis=1, keepdims=True)) / sqrt(0.25 + FUNCTIONS["var"](x, axis=1, keepdims=True)),
    lambda x: (x - mean(x, axis=1)[:, None]) / sqrt(mean(square(x - mean(x, 1)[:, None]), 1)[:, None] + 2),
]


@pytest.mark.parametrize("function", STANDARDIZED)
def test_rows_of_float32_are_standardized(function):
    graph = traced(function, (4, 5), dtype="float32")
    found = simplified(graph)
    assert names(found) == ["standardize"]
    assert_equivalent(graph, found, [random(4, 5).astype("float32")])
    precise = traced(function, (4, 5))
    assert raise_idioms(precise) == precise


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x - mean(x, 1, keepdims=True)) / sqrt(mean(square(x), 1, keepdims=True) + 1e-3),
        lambda x: (x - mean(x, 0, keepdims=True)) / sqrt(FUNCTIONS["var"](x, axis=0, keepdims=True) + 1e-3),
        lambda x: (
            (2 * x - mean(x, 1, keepdims=True)) / sqrt(FUNCTIONS["var"](x, axis=1, keepdims=True) + 1.0)
        ),
        lambda x: (
            (x - mean(x, 1, keepdims=True)) / sqrt(FUNCTIONS["var"](x, axis=1, keepdims=True) + x[:, :1])
        ),
        lambda x: (x - mean(x)) / sqrt(FUNCTIONS["var"](x) + 1e-3),
        lambda x: (x - mean(x, 1, keepdims=True)) / sqrt(FUNCTIONS["var"](x, 1, keepdims=True)),
        lambda x: (x - mean(x, 1, keepdims=True)) / exp(FUNCTIONS["var"](x, 1, keepdims=True)),
        lambda x: (x + mean(x, 1, keepdims=True)) / sqrt(FUNCTIONS["var"](x, 1, keepdims=True) + 1e-3),
        lambda x: (x - mean(x, 1, keepdims=True)) / sqrt(FUNCTIONS["var"](x, 1, ddof=1, keepdims=True) + 1.0),
    ],
)
def test_other_divisions_by_roots_stay(function):
    graph = traced(function, (4, 4), dtype="float32")
    assert raise_idioms(graph) == graph


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 1 / (2 + exp(-x)),
        lambda x: 1 / (1 + exp(x)),
        lambda x: exp(x) / sum_(exp(x), axis=0, keepdims=True),  # the operator is slow there
        lambda x: exp(x[None]) / sum_(exp(x[None]), axis=1, keepdims=True),
        lambda x: exp(x) / sum_(exp(2 * x), axis=1, keepdims=True),
        lambda x: exp(x) / sum_(exp(x), axis=1, keepdims=True)[::-1],
        lambda x: exp(x) / max_(exp(x), axis=1, keepdims=True),
        lambda x: x - log(sum_(exp(2 * x), axis=1, keepdims=True)),
    ],
)
def test_what_only_looks_alike_stays(function):
    graph = traced(function, (4, 4))
    assert raise_idioms(graph) == graph


def test_what_others_use_stays():
    graph = traced(lambda x: (softmax(x), exp(x - max_(x, axis=1, keepdims=True))), (4, 5))
    found = raise_idioms(graph)
    assert "softmax" in names(found) and "exp" in names(eliminate_dead_code(found))
    assert_equivalent(graph, found, [random(4, 5)])


def test_another_shift_is_no_softmax_of_the_array():
    graph = traced(lambda x, y: exp(x - y) / sum_(exp(x - y), axis=1, keepdims=True), (4, 5), (4, 1))
    assert names(simplified(graph)) == ["subtract", "softmax"]
