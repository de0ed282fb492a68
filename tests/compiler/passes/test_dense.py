"""Where a product and a bias become a layer, with the same values, and where they stay."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.driver import compile_graph, optimize
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.dense import add_biases
from minpy.ops import FUNCTIONS, OPS
from minpy.runtime.array import Value
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

dot, maximum, sum_ = FUNCTIONS["dot"], FUNCTIONS["maximum"], FUNCTIONS["sum"]
gemm = OPS["gemm"]
ROWS = (8000, 20), (32, 20), (32,)
COLUMNS = (8000, 20), (20, 32), (32,)


def rows(x, w, b):
    return gemm(x, w, transpose_x=False, transpose_y=True) + b


def columns(x, w, b):
    return b + dot(x, w)


def one_row(x, w, b):
    return dot(x, w) + b[None]


def one_row_of_rows(x, w, b):
    return rows(x, w, b[None])


def random(shapes):
    return [numpy.random.RandomState(0).randn(*shape).astype("float32") for shape in shapes]


def layered(graph):
    return eliminate_dead_code(add_biases(graph))


def test_the_examples_of_the_module():
    spelled = [line.split(" = ")[1] for line in lines(layered(traced(rows, *ROWS, dtype="float32")))]
    assert spelled == ["dense x y z"]
    spelled = [line.split(" = ")[1] for line in lines(layered(traced(columns, *COLUMNS, dtype="float32")))]
    assert spelled == ["transpose axes=(1, 0) y", "dense x a z"]


@pytest.mark.parametrize(
    "function, shapes", [(rows, ROWS), (one_row_of_rows, ROWS), (columns, COLUMNS), (one_row, COLUMNS)]
)
def test_the_values_are_the_same(function, shapes):
    graph, arrays = traced(function, *shapes, dtype="float32"), random(shapes)
    found = layered(graph)
    assert "dense" in names(found) and "add" not in names(found)
    assert_equivalent(graph, found, arrays)
    by_mxnet = run_compiled(compile_graph(found), [Value(x) for x in arrays])[0].numpy()
    x, w, b = (a.astype("float64") for a in arrays)
    expected = x @ (w.T if shapes is ROWS else w) + b
    numpy.testing.assert_allclose(by_mxnet, expected, rtol=1e-5, atol=1e-5)


def test_values_and_gradients_of_a_network(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")  # kernels take small products

    def loss(x, w, b):
        return sum_(maximum(columns(x, w, b), 0) ** 2)

    graph = differentiated(loss, *COLUMNS, dtype="float32")
    found = optimize(graph)[0]
    assert "dense" in names(found)
    assert_equivalent(graph, found, random(COLUMNS))


@pytest.mark.parametrize(
    "function, shapes, dtype",
    [
        (rows, ((64, 20), (32, 20), (32,)), "float32"),  # a small graph
        (columns, ((640, 400), (400, 320), (320,)), "float32"),  # turning w takes too long
        (rows, ROWS, "float64"),
        (lambda x, w, b: (dot(x, w), dot(x, w) + b)[1] * dot(x, w), COLUMNS, "float64"),
        (lambda x, w, b: dot(x, w) + b, ((8000, 20), (20, 32), (8000, 1)), "float32"),
        (lambda x, w, b: dot(x, w) + b, ((8000, 20), (20, 32), (8000, 32)), "float32"),
        (lambda x, w, b: dot(x, w) + b, ((2, 8000, 20), (20, 32), (32,)), "float32"),
    ],
)
def test_other_sums_stay(function, shapes, dtype):
    graph = traced(function, *shapes, dtype=dtype)
    assert add_biases(graph) == graph


def test_a_product_that_others_need_stays():
    def both(x, w, b):
        product = dot(x, w)
        return product + b, product

    graph = traced(both, *COLUMNS, dtype="float32")
    assert add_biases(graph) == graph
