"""Batch normalization that is written out: what is raised and what is not; values and gradients stay."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.raising import raise_idioms
from minpy.core import grad_and_loss
from minpy.ops import FUNCTIONS
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

mean, var, sqrt, sum_ = (FUNCTIONS[name] for name in ("mean", "var", "sqrt", "sum"))
reshape, transpose = FUNCTIONS["reshape"], FUNCTIONS["transpose"]
SHAPES = (4, 3, 2, 5), (3,), (3,)
OVER = {"axis": (0, 2, 3), "keepdims": True}
EPS = 1e-3
RANDOM = numpy.random.RandomState(0)
ARRAYS = [(RANDOM.randn(*shape) + 1).astype("float32") for shape in SHAPES]


def column(a):
    return reshape(a, (1, -1, 1, 1))


def written(x, gamma, beta):
    centered = x - mean(x, **OVER)
    deviation = sqrt(mean(centered**2, **OVER) + EPS)
    return centered / deviation * column(gamma) + column(beta)


def by_sums(x, gamma, beta):
    centered = x - 1.0 / 40 * sum_(x, **OVER)
    variance = sum_(centered * centered, **OVER) / 40
    return column(gamma) * (centered * (1.0 / sqrt(variance + EPS))) + column(beta)


def gamma_first(x, gamma, beta):
    return column(gamma) * (x - mean(x, **OVER)) / sqrt(var(x, **OVER) + EPS) + column(beta)


def scaled(x, gamma, beta):
    scale = gamma[:, None, None] / sqrt(var(x, **OVER) + EPS)
    return (x - mean(x, **OVER)) * scale + beta[:, None, None]


def without_keepdims(x, gamma, beta):
    centre, variance = mean(x, axis=(0, 2, 3)), var(x, axis=(0, 2, 3))
    normalized = (x - column(centre)) / column(sqrt(EPS + variance))
    return column(beta) + normalized * column(gamma)


def as_columns(x, gamma, beta):
    rows = reshape(transpose(x, (0, 2, 3, 1)), (-1, 3))
    normalized = (rows - mean(rows, axis=0)) / sqrt(var(rows, axis=0) + EPS)
    return transpose(reshape(gamma * normalized + beta, (4, 2, 5, 3)), (0, 3, 1, 2))


RAISED = [written, by_sums, gamma_first, scaled, without_keepdims, as_columns]


def simplified(graph):
    return eliminate_dead_code(raise_idioms(graph))


def test_the_example_of_the_module():
    spelled = [line.split(" = ")[1] for line in lines(simplified(traced(written, *SHAPES, dtype="float32")))]
    assert "batch_norm eps=0.001 x b d" in spelled and not any("sqrt" in line for line in spelled)


@pytest.mark.parametrize("function", RAISED)
def test_raised_with_the_same_values(function):
    graph = traced(function, *SHAPES, dtype="float32")
    found = simplified(graph)
    assert set(names(found)) <= {"reshape", "index", "batch_norm"} and names(found).count("batch_norm") == 1
    assert_equivalent(graph, found, ARRAYS)


@pytest.mark.parametrize("function", RAISED)
def test_gradients_are_the_same(function, monkeypatch):
    def total(x, gamma, beta):
        return sum_(function(x, gamma, beta) * (x + 1))

    short = differentiated(total, *SHAPES, dtype="float32")
    monkeypatch.setenv("MINPY_PASSES", "-norms")
    long = differentiated(total, *SHAPES, dtype="float32")
    assert {"batch_norm_data_gradient", "batch_norm_gain_gradient"} <= set(names(short))
    assert_equivalent(long, short, ARRAYS)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, g, b: (x - mean(x, axis=(0, 2), keepdims=True)) / sqrt(var(x, **OVER) + EPS),
        lambda x, g, b: (x - mean(x, **OVER)) / sqrt(var(x, axis=(0, 2), keepdims=True) + EPS),
        lambda x, g, b: (x - mean(x, **OVER)) / sqrt(var(x, ddof=1, **OVER) + EPS),
        lambda x, g, b: (x - mean(2 * x, **OVER)) / sqrt(var(x, **OVER) + EPS),
        lambda x, g, b: (x - mean(x, **OVER)) / sqrt(var(x, **OVER) + column(b)),
        lambda x, g, b: (x - mean(x, **OVER)) / sqrt(var(x, **OVER)),
        lambda x, g, b: (x - mean(x, **OVER)) / sqrt(mean(x * x, **OVER) + EPS),
        lambda x, g, b: (x - sum_(x, **OVER) / 39) / sqrt(var(x, **OVER) + EPS),
        lambda x, g, b: x * column(g) + column(b),
    ],
)
def test_other_quotients_stay(function):
    graph = traced(function, *SHAPES, dtype="float32")
    assert "batch_norm" not in names(raise_idioms(graph))


def test_columns_of_an_image_with_channels_last_stay():
    def from_last(x):
        rows = reshape(x, (-1, 3))
        normalized = (rows - mean(rows, axis=0)) / sqrt(var(rows, axis=0) + EPS)
        return transpose(reshape(normalized, (4, 2, 5, 3)), (0, 3, 1, 2))

    graph = traced(from_last, (4, 2, 5, 3), dtype="float32")
    assert_equivalent(graph, simplified(graph), [RANDOM.randn(4, 2, 5, 3).astype("float32")])


@pytest.mark.parametrize(
    "turned",
    [
        lambda x, g, b: scaled(x, g[::-1], b),
        lambda x, g, b: scaled(x, g, b[[2, 0, 1]]),
        lambda x, g, b: transpose(as_columns(x, g, b), (0, 1, 3, 2)),
    ],
)
def test_channels_that_are_turned_stay_so(turned):
    graph = traced(turned, *SHAPES, dtype="float32")
    assert_equivalent(graph, simplified(graph), ARRAYS)


@pytest.mark.parametrize("axes", [(0, 3, 2, 1), (3, 0, 1, 2)])
def test_columns_that_are_moved_elsewhere_stay(axes):
    def moved(x):
        rows = reshape(transpose(x, (0, 2, 3, 1)), (-1, 3))
        normalized = (rows - mean(rows, axis=0)) / sqrt(var(rows, axis=0) + EPS)
        return transpose(reshape(normalized, (3, 3, 3, 3)), axes)

    graph = traced(moved, (3, 3, 3, 3), dtype="float32")
    assert_equivalent(graph, simplified(graph), [RANDOM.randn(3, 3, 3, 3).astype("float32")])


@pytest.mark.parametrize("columns", [2, 20])
def test_columns_of_some_channels_stay(columns):
    def by_pairs(x):
        rows = reshape(transpose(x, (0, 2, 3, 1)), (-1, columns))
        normalized = (rows - mean(rows, axis=0)) / sqrt(var(rows, axis=0) + EPS)
        return transpose(reshape(normalized, (3, 2, 5, 4)), (0, 3, 1, 2))

    graph = traced(by_pairs, (3, 4, 2, 5), dtype="float32")
    assert_equivalent(graph, simplified(graph), [RANDOM.randn(3, 4, 2, 5).astype("float32")])


@pytest.mark.parametrize("shape, dtype", [((4, 3, 2, 5), "float64"), ((4, 3), "float32")])
def test_where_the_operator_is_not_faster_it_stays(shape, dtype):
    over = {"axis": (0, *range(2, len(shape))), "keepdims": True}
    graph = traced(lambda x: (x - mean(x, **over)) / sqrt(var(x, **over) + EPS), shape, dtype=dtype)
    assert raise_idioms(graph) == graph


def test_training_with_running_averages():
    def step(x, gamma, beta, running_mean, running_var, momentum=0.9, eps=1e-5):
        centre, variance = np.mean(x, axis=(0, 2, 3)), np.var(x, axis=(0, 2, 3))
        running_mean = momentum * running_mean + (1 - momentum) * centre
        running_var = momentum * running_var + (1 - momentum) * variance
        out = (x - centre.reshape(1, -1, 1, 1)) / np.sqrt(variance.reshape(1, -1, 1, 1) + eps)
        out = gamma.reshape(1, -1, 1, 1) * out + beta.reshape(1, -1, 1, 1)
        return np.sum(out**2 * x), running_mean, running_var

    given = [np.array(a) for a in (*ARRAYS, numpy.zeros(3, "float32"), numpy.ones(3, "float32"))]
    compiled = minpy.jit(step)
    for found, expected in zip(compiled(*given), step(*given)):
        numpy.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=2e-5)
    assert "BatchNorm" in minpy.explain(compiled).regions[0].versions[0].operators
    loss = lambda *args: step(*args)[0]  # noqa: E731
    found, expected = (grad_and_loss(f, [0, 1, 2])(*given)[0] for f in (minpy.jit(loss), loss))
    for one, other in zip(found, expected):
        numpy.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=2e-4, atol=2e-4)
