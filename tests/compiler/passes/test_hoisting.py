"""Hoisting: what a loop multiplies with one matrix step by step is multiplied with it ahead of the loop."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy
from minpy.compiler.ir import check_graph
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.hoisting import hoist_products
from minpy.ops import FUNCTIONS, OPS
from tests.compiler.passes.test_passes import names, run, traced

random = numpy.random.RandomState(5)
tanh, dot = FUNCTIONS["tanh"], FUNCTIONS["dot"]


def loop(steps, part):
    def function(x, w, u, h):
        for t in steps:
            h = tanh(dot(part(x, t), w) + dot(h, u))
        return h

    return function


@pytest.mark.parametrize(
    ("shape", "state", "part", "steps"),
    [
        ((5, 2, 3), (2, 4), lambda x, t: x[t], range(5)),
        ((5, 2, 3), (2, 4), lambda x, t: x[t - 5, :, :], range(5)),
        ((5, 2, 3), (2, 4), lambda x, t: x[t], (4, 0, 2)),
        ((2, 5, 3), (2, 4), lambda x, t: x[:, t], range(5)),
        ((2, 5, 3), (2, 4), lambda x, t: x[:, -t - 1, :], range(4)),
        ((5, 3), (4,), lambda x, t: x[t], range(5)),
    ],
)
def test_one_product_ahead_of_the_loop(shape, state, part, steps):
    graph = traced(loop(steps, part), shape, (3, 4), (4, 4), state)
    hoisted = eliminate_dead_code(hoist_products(graph))
    check_graph(hoisted)
    count = sum(name in ("matmul", "gemm", "dot") for name in names(graph))
    assert count == 2 * len(steps)
    assert sum(name in ("matmul", "gemm", "dot") for name in names(hoisted)) == len(steps) + 1
    given = random.randn(*shape), random.randn(3, 4), random.randn(4, 4), random.randn(*state)
    numpy.testing.assert_allclose(run(hoisted, *given)[0], run(graph, *given)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "part", "steps"),
    [
        ((5, 2, 3), lambda x, t: x[t], (0, 1)),  # too few
        ((20, 2, 3), lambda x, t: x[t], range(5)),  # most of the product would be for nothing
        ((5, 2, 3), lambda x, t: x[0], range(5)),  # one part only, which cse takes care of
        ((5, 2, 6), lambda x, t: x[t, :, ::2], range(5)),
        ((5, 4, 3), lambda x, t: x[t, 1:3], range(5)),
        ((2, 3, 5), lambda x, t: x[:, :, t], range(5)),
    ],
)
def test_others_stay(shape, part, steps):
    graph = traced(loop(steps, part), shape, (3, 4), (4, 4), (2, 4))
    assert hoist_products(graph) == graph


def test_products_with_several_matrices_stay():
    graph = traced(lambda x, w: tuple(OPS["matmul"](x[t], w) for t in range(5)), (5, 2, 3), (4, 3, 2))
    assert hoist_products(graph) == graph


def test_each_matrix_has_its_own():
    def function(x, w, u, h):
        for t in range(4):
            h = tanh(dot(x[t], w) + dot(x[t], u) + h)
        return h

    graph = traced(function, (4, 2, 3), (3, 4), (3, 4), (2, 4))
    hoisted = eliminate_dead_code(hoist_products(graph))
    check_graph(hoisted)
    assert names(hoisted).count("matmul") == 2
    given = random.randn(4, 2, 3), random.randn(3, 4), random.randn(3, 4), random.randn(2, 4)
    numpy.testing.assert_allclose(run(hoisted, *given)[0], run(graph, *given)[0], rtol=1e-12)


def test_products_with_columns_of_a_matrix_are_not_products_with_its_rows():
    """All axes are of one size, so only the numbers tell."""

    def steps(x, w):
        h = minpy.numpy.zeros(3)
        for t in range(3):
            h = minpy.numpy.tanh(minpy.numpy.dot(x[:, t], w) + h)
        return h

    x, w = numpy.random.RandomState(0).uniform(-1, 1, (2, 3, 3))
    expected = numpy.zeros(3)
    for t in range(3):
        expected = numpy.tanh(numpy.dot(x[:, t], w) + expected)
    numpy.testing.assert_allclose(minpy.jit(steps)(*map(minpy.numpy.array, (x, w))), expected, rtol=1e-5)
