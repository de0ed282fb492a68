"""Every pass keeps the values of random graphs, forward and backward, and is linear in their size."""

from __future__ import annotations

import sys

import numpy
import pytest

from minpy.compiler.driver import PASSES, optimize
from minpy.compiler.reference import Reference
from minpy.ops import FUNCTIONS
from tests.compiler.passes.graphs import assert_gives, differentiated, traced

exp, log, tanh, sqrt, power = (FUNCTIONS[name] for name in ("exp", "log", "tanh", "sqrt", "power"))
dot, sum_, mean, max_ = (FUNCTIONS[name] for name in ("dot", "sum", "mean", "max"))
reshape, transpose, concatenate = (FUNCTIONS[name] for name in ("reshape", "transpose", "concatenate"))
broadcast_to, where, maximum = (FUNCTIONS[name] for name in ("broadcast_to", "where", "maximum"))

SIZE = 4
SHAPES = (SIZE, SIZE), (SIZE, SIZE), (SIZE,)


def softmax(x):
    powers = exp(x - max_(x, axis=1, keepdims=True))
    return powers / sum_(powers, axis=1, keepdims=True)


def loop(x, w, b):
    h = numpy.zeros((1, SIZE), "float32")
    for t in range(SIZE):
        h = tanh(dot(x[t : t + 1], w) + dot(h, w) + b)
    return h


def sum_of_rows(x, w, b):
    return sum([dot(x[t : t + 1], w) for t in range(SIZE)]) + b


#: steps from matrices x, w and a vector b to a matrix; each has something that a pass looks for
STEPS = (
    lambda x, w, b: x * 1,
    lambda x, w, b: x + 0,
    lambda x, w, b: x - 0.0,
    lambda x, w, b: x / 1,
    lambda x, w, b: -(x - b),
    lambda x, w, b: w - -x,
    lambda x, w, b: (-x) * w,
    lambda x, w, b: x / -(2 + w * w),
    lambda x, w, b: power(x, 2),
    lambda x, w, b: log(exp(tanh(x))),
    lambda x, w, b: 1 / (1 + exp(-x)),
    lambda x, w, b: softmax(x),
    lambda x, w, b: log(softmax(w)) + x,
    lambda x, w, b: x - log(sum_(exp(x), axis=-1, keepdims=True)),
    lambda x, w, b: dot(x.T, w),
    lambda x, w, b: dot(x, transpose(w)),
    lambda x, w, b: transpose(transpose(x) + b),
    lambda x, w, b: reshape(reshape(x, (2, -1)), (SIZE, SIZE)),
    lambda x, w, b: x * numpy.full((SIZE, SIZE), 0.5, "float32"),
    lambda x, w, b: broadcast_to(b, (SIZE, SIZE)) * x,
    lambda x, w, b: x * sum_(-w, axis=0),
    lambda x, w, b: x + sum_(sum_(w, axis=1)),
    lambda x, w, b: x + mean((x - w) ** 2),
    lambda x, w, b: concatenate([x[:, 2:], x[:, :2]], axis=1),
    lambda x, w, b: where(x > 0, sqrt(maximum(x, 0.1)), w),
    lambda x, w, b: x + loop(w, x, b),
    lambda x, w, b: x * tanh(sum_of_rows(w, x, b)),
    lambda x, w, b: exp(x) + exp(x),
)


def program(seed, length=8):
    """A function that takes random steps; each result is kept small."""
    chosen = numpy.random.RandomState(seed).randint(0, len(STEPS), length)
    order = numpy.random.RandomState(seed + 1).randint(0, 3, (length, 2))

    def function(x, w, b):
        values = [x, w, x]
        for step, (i, j) in zip(chosen, order):
            values[i] = tanh(STEPS[step](values[i], values[j], b))
        return sum_(values[0] + values[1] * values[2])

    return function


def arrays(seed, dtype="float32"):
    draw = numpy.random.RandomState(seed).uniform
    return [draw(-1, 1, shape).astype(dtype) for shape in SHAPES]


@pytest.mark.parametrize("seed", range(8))
def test_each_pass_keeps_values_and_gradients(seed, monkeypatch):
    graph, given = differentiated(program(seed), *SHAPES, dtype="float32"), arrays(seed)
    expected = Reference(graph, given).outputs()
    for run_pass in (*PASSES.values(), lambda graph: optimize(graph)[0]):
        assert_gives(expected, graph, run_pass(graph), given)
    monkeypatch.setenv("MINPY_PASSES", "-raising,-loops")
    assert_gives(expected, graph, differentiated(program(seed), *SHAPES, dtype="float32"), given)


@pytest.mark.parametrize("name", PASSES)
def test_each_pass_takes_steps_in_proportion_to_the_graph(name):
    """Counted are calls of Python functions, which do not depend on the machine."""

    def calls(length):
        graph = differentiated(program(0, length), *SHAPES, dtype="float32")
        count = 0

        def note(frame, event, arg):
            nonlocal count
            count += event == "call"

        sys.setprofile(note)
        try:
            PASSES[name](graph)
        finally:
            sys.setprofile(None)
        return count / len(graph.eqns)

    calls(20)  # fills caches
    assert calls(120) < 1.5 * calls(30) + 1


def test_the_steps_have_what_passes_look_for():
    graph = traced(program(3, 60), *SHAPES, dtype="float32")
    sizes = {stage.name: stage.size for stage in optimize(graph)[1]}
    assert sizes["cse"] < sizes["lowered"] and sizes["dce"] < 0.9 * sizes["cse"]
