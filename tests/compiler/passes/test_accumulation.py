"""Accumulation: a product of matrices is added to a matrix while it is computed."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.ir import check_graph
from minpy.compiler.passes.accumulation import accumulate_products
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.ops import FUNCTIONS, OPS
from tests.compiler.passes.test_passes import names, run, traced

X, G = numpy.arange(40.0).reshape(2, 20), numpy.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])
P = numpy.cos(numpy.arange(60.0)).reshape(20, 3)
dot = FUNCTIONS["dot"]


def gemm(x, g):
    return OPS["gemm"](x, g, transpose_x=True, transpose_y=False)


@pytest.mark.parametrize(
    "function",
    [
        lambda p, x, g: p - gemm(x, g),
        lambda p, x, g: p + gemm(x, g),
        lambda p, x, g: gemm(x, g) + p,
        lambda p, x, g: dot(FUNCTIONS["transpose"](x), g) + 2.0 * p,
        lambda p, x, g: p - OPS["gemm"](FUNCTIONS["transpose"](x), g.T, transpose_x=False, transpose_y=True),
    ],
)
def test_a_product_is_added_on_the_way(function):
    graph = traced(function, P.shape, X.shape, G.shape)
    found = eliminate_dead_code(accumulate_products(graph))
    check_graph(found)
    assert len(found.eqns) == len(graph.eqns) - 1 and "add_gemm" in names(found)
    numpy.testing.assert_allclose(run(found, P, X, G)[0], run(graph, P, X, G)[0], rtol=1e-13)


@pytest.mark.parametrize(
    "function",
    [
        lambda p, x, g: gemm(x, g) - p,
        lambda p, x, g: p[0] + gemm(x, g),  # which broadcasts
        lambda p, x, g: FUNCTIONS["reshape"](p, (1, 20, 3)) - gemm(x, g),
        lambda p, x, g: 1.0 + gemm(x, g),
        lambda p, x, g: p * gemm(x, g),
    ],
)
def test_other_sums_stay(function):
    graph = traced(function, P.shape, X.shape, G.shape)
    assert str(accumulate_products(graph)) == str(graph)


def test_a_product_that_is_needed_for_more_stays():
    graph = traced(lambda p, x, g: p - gemm(x, g), P.shape, X.shape, G.shape)
    product = next(eqn for eqn in graph.eqns if eqn.op.name == "gemm").outputs[0]
    graph = graph._replace(outputs=(*graph.outputs, product))
    assert str(accumulate_products(graph)) == str(graph)
