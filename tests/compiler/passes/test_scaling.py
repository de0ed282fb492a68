"""Scaling: a number goes into the smaller factor of a product of matrices."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.ir import check_graph
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.scaling import scale_factors
from minpy.ops import FUNCTIONS, OPS
from tests.compiler.passes.test_passes import names, run, traced

X, G = numpy.arange(40.0).reshape(2, 20), numpy.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])
dot, matmul = FUNCTIONS["dot"], FUNCTIONS["matmul"]


def gemm(x, g):
    return OPS["gemm"](x, g, transpose_x=True, transpose_y=False)


def narrow(x, g):
    return OPS["narrow_gradient"](x, g, numpy.ones((20, 3)))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, g, rate: rate * gemm(x, g),
        lambda x, g, rate: gemm(x, g) * rate - 1.0,
        lambda x, g, rate: 0.5 * gemm(x, g) + rate,
        lambda x, g, rate: narrow(x, g) * rate,
        lambda x, g, rate: FUNCTIONS["transpose"](dot(FUNCTIONS["transpose"](g), x) * rate),
    ],
)
def test_the_smaller_factor_is_scaled(function):
    graph = traced(function, X.shape, G.shape, ())
    scaled = eliminate_dead_code(scale_factors(graph))
    check_graph(scaled)
    assert sorted(names(scaled)) == sorted(names(graph))
    (multiplication,) = (eqn for eqn in scaled.eqns if eqn.op.name == "multiply")
    assert multiplication.outputs[0].aval.size == G.size
    given = X, G, numpy.array(0.1)
    numpy.testing.assert_allclose(run(scaled, *given)[0], run(graph, *given)[0], rtol=1e-14)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, g, rate: (rate * gemm(x, g), gemm(x, g) + 1.0),  # two products: cse has not run
        lambda x, g, rate: dot(x, FUNCTIONS["transpose"](x)) * rate,  # smaller than its factors
        lambda x, g, rate: gemm(x, g) * FUNCTIONS["sum"](g, axis=0),
        lambda x, g, rate: gemm(x, g) * FUNCTIONS["reshape"](rate, (1, 1, 1)),
    ],
)
def test_what_would_not_be_cheaper_or_the_same_stays(function):
    graph = traced(function, X.shape, G.shape, ())
    if len(graph.outputs) > 1:  # the product is needed as it is
        product = graph.eqns[0].outputs[0]
        graph = graph._replace(outputs=(graph.outputs[0], product))
    assert str(scale_factors(graph)) == str(graph)
