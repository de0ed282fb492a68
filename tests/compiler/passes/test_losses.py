"""The cross entropy as people write it: what is raised, what is not, and that values and gradients stay."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.driver import optimize
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.raising import raise_idioms
from minpy.ops import FUNCTIONS
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

exp, log, sum_, max_, mean = (FUNCTIONS[name] for name in ("exp", "log", "sum", "max", "mean"))
ROWS = numpy.arange(4)
SCORES = numpy.random.RandomState(0).randn(4, 3)
LABELS = numpy.array([2.0, 0.0, 1.0, 1.0])  # the graphs of these tests take floats


def logs(z):
    return log(sum_(exp(z), axis=1))


def chosen(z, y, rows=ROWS):
    return z[rows, y.astype("int64")]


def shifted(x):
    return x - max_(x, axis=1, keepdims=True)


RAISED = [
    lambda x, y: mean(logs(x) - chosen(x, y)),
    lambda x, y: mean(-(chosen(x, y) - logs(x))),
    lambda x, y: mean(-chosen(x, y) + logs(x)),
    lambda x, y: mean(logs(shifted(x)) - chosen(shifted(x), y)),
]


def simplified(graph):
    return eliminate_dead_code(raise_idioms(graph))


def test_the_example_of_the_module():
    found = simplified(traced(lambda x, y: logs(x) - chosen(x, y), (4, 3), (4,)))
    assert [line.split(" = ")[1] for line in lines(found)] == [
        "astype dtype=int64 y",
        "log_softmax axis=1 x",
        "index template=(ARRAY, ARRAY) b const int64[4] a",
        "negative c",
    ]


@pytest.mark.parametrize("function", RAISED)
def test_raised_with_the_same_values(function):
    graph = traced(function, (4, 3), (4,))
    found = simplified(graph)
    assert "log_softmax" in names(found) and "exp" not in names(found)
    assert_equivalent(graph, found, [SCORES, LABELS])


@pytest.mark.parametrize("function", RAISED)
def test_gradients_are_the_same(function, monkeypatch):
    short = differentiated(function, (4, 3), (4,))
    monkeypatch.setenv("MINPY_PASSES", "-losses,-raising")
    written = differentiated(function, (4, 3), (4,))
    assert "log_softmax_gradient" in names(short)
    assert_equivalent(written, short, [SCORES, LABELS])
    assert_equivalent(written, optimize(short)[0], [SCORES, LABELS])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: logs(x) - chosen(2 * x, y),
        lambda x, y: logs(x) - chosen(x, y, ROWS[::-1].copy()),
        lambda x, y: log(sum_(x, axis=1)) - chosen(x, y),
        lambda x, y: logs(x) + chosen(x, y),
    ],
)
def test_other_differences_stay(function):
    graph = traced(function, (4, 3), (4,))
    assert raise_idioms(graph) == graph


def test_a_label_out_of_bounds_is_still_looked_at():
    found = simplified(traced(lambda x, y: logs(x) - chosen(x, y), (4, 3), (4,)))
    assert [eqn.can_fail for eqn in found.eqns] == [False, False, True, False]
    unused = traced(lambda x, y: (chosen(x, y), x)[1], (4, 3), (4,))
    assert names(eliminate_dead_code(unused)) == ["astype", "index"]


def test_large_scores_do_not_overflow():
    found = simplified(traced(lambda x, y: logs(x) - chosen(x, y), (4, 3), (4,)))
    scores = numpy.array([[1000.0, 0.0, 0.0]] * 4)
    text = traced(lambda x, y: logs(shifted(x)) - chosen(shifted(x), y), (4, 3), (4,))
    assert_equivalent(text, found, [scores, LABELS])
