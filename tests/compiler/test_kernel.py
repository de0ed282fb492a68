"""Equations that hold a graph: printed, checked, counted and run like any other."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.cost import cost
from minpy.compiler.explain.drawing import drawing
from minpy.compiler.ir import Graph, check_graph
from minpy.compiler.kernel import kernel
from minpy.ops import FUNCTIONS
from minpy.runtime import kernels
from tests.compiler.passes.graphs import assert_equivalent, traced

exp, sum_, mean = FUNCTIONS["exp"], FUNCTIONS["sum"], FUNCTIONS["mean"]
X, Y = numpy.array([0.5, -1.0, 2.0]), numpy.array([3.0, 0.25, -0.5])


def program(x, y):
    c = x * y + numpy.array([1.0, 2.0, 3.0])
    return c, sum_(exp(c)), mean(x)


def fused():
    """The program's graph, and the same with all but the last equation in a kernel."""
    graph = traced(program, (3,), (3,))
    one = kernel(graph.eqns[:-1], graph.outputs[:2])
    return graph, Graph(graph.inputs, (one, graph.eqns[-1]), graph.outputs)


def test_it_prints_its_body_below():
    assert str(fused()[1]) == (
        "graph(x: float64[3], y: float64[3]):\n"
        "  a: float64[3], b: float64[] = kernel x y const float64[3]\n"
        "    d: float64[3] = multiply x y\n"
        "    a: float64[3] = add d const float64[3]\n"
        "    e: float64[3] = exp a\n"
        "    b: float64[] = sum axes=(0,) keepdims=False e\n"
        "    return a, b\n"
        "  c: float64[] = mean axes=(0,) keepdims=False x\n"
        "  return a, b, c"
    )


def test_it_computes_what_its_body_does():
    graph, after = fused()
    assert_equivalent(graph, after, (X, Y))


def test_it_costs_what_its_body_does_and_reads_and_writes_less():
    (flops, traffic), (fused_flops, fused_traffic) = map(cost, fused())
    assert fused_flops == flops == 5 * 3
    assert fused_traffic == 8 * (3 * 3 + 3 + 1 + 3 + 1) < traffic


def test_the_checker_looks_inside():
    _, after = fused()
    one = after.eqns[0]
    body = one.body._replace(eqns=one.body.eqns[1:])
    with pytest.raises(AssertionError, match="not bound yet"):
        check_graph(after._replace(eqns=(one._replace(params={"body": body}),)))
    with pytest.raises(AssertionError, match="should take"):
        check_graph(after._replace(eqns=(one._replace(inputs=one.inputs[:2]), after.eqns[1])))


def test_its_drawing_names_the_ops():
    assert "kernel(x, y, const float64[3], of multiply, add" in drawing(fused()[1])


def test_a_uniform_array_is_made_inside():
    graph = traced(
        lambda x: x * numpy.full((2, 3), 0.5, "float32") + numpy.array([[2.0]]), (3,), dtype="float32"
    )
    one = kernel(graph.eqns, graph.outputs)
    assert one.inputs == graph.inputs
    assert [eqn.op.name for eqn in one.body.eqns] == ["broadcast_to", "broadcast_to", "multiply", "add"]
    after = Graph(graph.inputs, (one,), graph.outputs)
    assert_equivalent(graph, after, (X.astype("float32"),))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_ops_that_mxnet_lacks_compile_where_there_are_kernels(dtype):
    def program(x):
        x = x.copy()
        x //= 2
        x %= 3
        return x, np.fmod(x, 2)

    x = numpy.arange(-7, 8).astype(dtype)
    compiled = minpy.jit(program)
    for found, expected in zip(compiled(x), program(x)):
        assert found.dtype == expected.dtype
        numpy.testing.assert_array_equal(found, expected)
    assert bool(minpy.explain(compiled).leftovers) == bool(kernels.state())
