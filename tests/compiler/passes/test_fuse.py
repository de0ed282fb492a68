"""Fusion: what is put into kernels, and what is not worth it."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.cost import cost
from minpy.compiler.driver import PASSES, optimize
from minpy.compiler.ir import Eqn, Graph, Literal, Var, check_graph
from minpy.compiler.passes import fuse as module
from minpy.compiler.passes.cse import merge_common_subexpressions
from minpy.compiler.passes.fuse import fuse
from minpy.compiler.reference import Reference
from minpy.ops import FUNCTIONS, OPS, Aval
from tests.compiler.passes.graphs import (
    assert_equivalent,
    assert_gives,
    differentiated,
    lines,
    names,
    outputs,
    traced,
)
from tests.compiler.passes.test_properties import SHAPES, arrays, program

exp, tanh, where, sum_ = (FUNCTIONS[name] for name in ("exp", "tanh", "where", "sum"))
reshape, transpose, concatenate = (FUNCTIONS[name] for name in ("reshape", "transpose", "concatenate"))
inv, cumsum = FUNCTIONS["linalg.inv"], FUNCTIONS["cumsum"]  # which stay MXNet's
X, Y = numpy.array([[0.5, -1.0], [2.0, 3.0]]), numpy.array([[0.25, 1.5], [-0.5, 1.0]])
#: the passes before
BEFORE = [name for name in PASSES if name != "fuse"]


def conv(x, w):
    return OPS["convolution"](x, w, stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1)


def bodies(graph):
    """The ops of each kernel, and the names of the other equations."""
    return [[inner.op.name for inner in eqn.body.eqns] if eqn.body else eqn.op.name for eqn in graph.eqns]


def test_what_hangs_together_is_one_kernel():
    def function(x, y):
        b = x * y + 1
        return exp(b), sum_(b, axis=1)

    graph = traced(function, (2, 2), (2, 2))
    found = fuse(graph)
    assert_equivalent(graph, found, (X, Y))
    assert lines(found) == [
        "a: float64[2,2], b: float64[2] = kernel x y",
        "c: float64[2,2] = multiply x y",
        "d: float64[2,2] = add c 1",
        "a: float64[2,2] = exp d",
        "b: float64[2] = sum axes=(1,) keepdims=False d",
        "return a, b",
    ]


def test_kernels_and_operators_alternate():
    graph = traced(lambda x, y: (inv(x + y) * 2 + tanh(y), exp(y)), (2, 2), (2, 2))
    found = fuse(graph)
    assert_equivalent(graph, found, (X, Y))
    assert bodies(found) == [["add", "tanh", "exp"], "linalg.inv", ["multiply", "add"]]


def test_what_does_not_hang_together_is_one_kernel_too():
    graph = traced(lambda x, y: (x + 1, tanh(y)), (2, 2), (3,))
    assert bodies(fuse(graph)) == [["add", "tanh"]]


def test_cheap_values_are_computed_again_where_nothing_more_is_read():
    def function(x, y):
        z = 2 * (x - y)
        return inv(z + 1) * z * x * y

    graph = traced(function, (2, 2), (2, 2))
    found = fuse(graph)
    assert_equivalent(graph, found, (X, Y))
    first, inverse, last = found.eqns
    assert bodies(found)[2] == ["subtract", "multiply", "multiply", "multiply", "multiply"]
    assert set(last.inputs) == {*inverse.outputs, *graph.inputs} and len(first.outputs) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: inv(exp(x) + 1) * exp(x) * x,  # slow
        lambda x, y: inv(x - y) * (x > y),  # a bool is shorter than what it is made of
    ],
)
def test_other_values_are_stored(function):
    graph = merge_common_subexpressions(traced(function, (2, 2), (2, 2)))
    found = fuse(graph)
    assert_equivalent(graph, found, (X, Y))
    assert len(found.eqns[0].outputs) == 2


def test_what_is_alike_but_for_its_operands_is_made_of_other_parts():
    gradient = OPS["tanh_gradient"]
    graph = traced(lambda x, y: (gradient(x, x), gradient(x, y), gradient(y, x)), (2, 2), (2, 2))
    found = fuse(graph)
    check_graph(found)
    for result, (g, y) in zip(outputs(found, (X, Y)), ((X, X), (X, Y), (Y, X))):
        assert numpy.allclose(result, g * (1 - y * y), 1e-12)


def test_each_kernel_has_its_own_views():
    graph = traced(lambda x, y: (inv(x.T), x.T * y, tanh(inv(y)[:, 0])), (2, 2), (2, 2))
    found = fuse(graph)
    assert_equivalent(graph, found, (X, Y))
    assert bodies(found) == [
        "transpose",
        "linalg.inv",
        "linalg.inv",
        ["transpose", "multiply", "index", "tanh"],
    ]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x.T,
        lambda x, y: reshape(inv(x), (4,))[1:],
        lambda x, y: inv(concatenate([x, y], axis=1)[:, 1:3]),
    ],
)
def test_views_and_copies_alone_are_no_kernel(function):
    graph = traced(function, (2, 2), (2, 2))
    assert fuse(graph) == graph


def test_copies_stand_in_the_kernels_that_need_them():
    graph = traced(lambda x, y: tanh(concatenate([x, y], axis=1)), (2, 2), (2, 2))
    assert bodies(fuse(graph)) == [["concatenate", "tanh"]]


def test_an_equation_that_may_fail_stands_with_the_others():
    graph = traced(lambda x, y: (x + 1)[y.astype("int64")] * 2, (4,), (3,))
    assert bodies(fuse(graph)) == [["add", "astype", "index", "multiply"]]
    assert fuse(graph).eqns[0].can_fail


def test_what_only_looks_at_numbers_gives_nothing():
    """A graph that is one kernel runs by itself, if both give the same."""
    graph = fuse(traced(lambda x: tanh(x).astype("float32") / sum_(x), (3,)))
    (eqn,) = graph.eqns
    assert [inner.op.name for inner in eqn.body.eqns].count("within") == 1 and eqn.outputs == graph.outputs
    (eqn,) = fuse(traced(lambda x, i: (x[i.astype("int64")], x)[1], (3,), (2,))).eqns
    assert eqn.can_fail and len(eqn.outputs) == 1


def test_dtypes_that_kernels_do_not_have_stay():
    x, y = (Var(Aval((3,), numpy.dtype("float16"))) for _ in range(2))
    graph = Graph((x,), (Eqn(OPS["multiply"], (x, Literal(2)), {}, (y,), None),), (y,))
    assert fuse(graph) == graph


def test_what_is_empty_stays():
    """Its parts may not be defined, such as the greatest of no elements."""
    graph = traced(lambda x: (np.log_softmax(x), np.exp(x)), (3, 0))
    assert names(fuse(graph)) == names(graph)


def test_what_onednn_does_between_its_layers_stays():
    def function(x, w):
        y = conv(x, w)
        z = conv(OPS["relu"](y + x), w)
        return sum_(OPS["relu"](z) * 2)

    graph = differentiated(function, (2, 3, 5, 5), (3, 3, 3, 3), dtype="float32")
    found = fuse(optimize(graph, BEFORE)[0])
    between = [name for name in bodies(found) if isinstance(name, str)]
    assert between.count("relu") == 2 and between.count("relu_gradient") == 2 and "add" in between


def test_operators_do_not_wait_for_ever(monkeypatch):
    """All products at once, and all sums afterwards, would need memory for all of them."""

    def function(x):
        total = x
        for _ in range(6):
            total = total + inv(x)
        return total

    graph = traced(function, (64, 64))
    assert names(fuse(graph)) == [*["linalg.inv"] * 6, "kernel"]
    monkeypatch.setattr(module, "_MOST_WAITING", 3 * 64 * 64 * 8 - 1)
    found = fuse(graph)
    check_graph(found)
    assert names(found) == [*["linalg.inv"] * 3, "kernel"] * 2


STEPS = (
    lambda x, y: x * y,
    lambda x, y: tanh(x + 1),
    lambda x, y: where(x > y, x, -y),
    lambda x, y: sum_(x, axis=0) + y,
    lambda x, y: transpose(x),
    lambda x, y: concatenate([x[:2], y[2:]], axis=0),
    lambda x, y: cumsum(x, axis=1) * 0.5,
    lambda x, y: cumsum(transpose(y), axis=0),
    lambda x, y: reshape(cumsum(reshape(x, (2, 8)), axis=1), (4, 4)),
)


def random_graph(seed):
    random = numpy.random.RandomState(seed)

    def function(x, y):
        values = [x, y]
        for _ in range(random.randint(5, 40)):
            i, j = random.randint(max(0, len(values) - 8), len(values), 2)
            values.append(STEPS[random.randint(len(STEPS))](values[i], values[j]))
        return tuple(values[i] for i in random.randint(2, len(values), 3))

    return traced(function, (4, 4), (4, 4))


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_keep_their_order_and_values_and_move_no_more_bytes(seed):
    graph = optimize(random_graph(seed), ["cse", "dce"])[0]
    found = fuse(graph)
    check_graph(found)  # also that nothing is used before it is made
    levels: dict = {}
    for eqn in found.eqns:
        before = max((levels.get(x, -1) for x in eqn.inputs), default=-1)
        assert not (eqn.body and before % 2 == 0), "a kernel that reads a kernel could be a part of it"
        levels.update(dict.fromkeys(eqn.outputs, before + 1 if eqn.body or before % 2 == 0 else before))
    assert cost(found)[1] <= cost(graph)[1]
    given = [numpy.random.RandomState(seed).uniform(-1, 1, (4, 4)) for _ in range(2)]
    for one, other in zip(outputs(graph, given), outputs(found, given)):
        numpy.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_gradients_of_random_programs(seed):
    graph, given = differentiated(program(seed), *SHAPES, dtype="float32"), arrays(seed)
    before = optimize(graph, BEFORE)[0]
    found = fuse(before)
    assert_gives(Reference(graph, given).outputs(), graph, found, given)
    assert cost(found)[1] <= cost(before)[1]


@pytest.mark.parametrize(
    "key", [slice(1, 1), slice(1, 1, 3), slice(4, -1), slice(2, 0), (None, slice(-2, -2))]
)
def test_a_write_to_no_element_changes_nothing(key):
    def function(x):
        y = x * 1.5
        y[key] = 2.0
        return np.sum(y * y)

    x = numpy.array([1.0, 2.0, 3.0])
    found, value = minpy.grad_and_loss(minpy.jit(function))(np.array(x))
    assert value.item() == 2.25 * 14
    numpy.testing.assert_array_equal(found.asnumpy(), 4.5 * x)


def test_a_kernel_may_take_nothing(monkeypatch):
    """In one graph with another operator, where MXNet runs it."""
    monkeypatch.setenv("MINPY_PASSES", "-fold")
    loss = lambda x, y: np.sum(x) + np.sum(y * 1) + np.sum(y)  # noqa: E731
    found = minpy.jit(minpy.grad(loss, [0, 1]))(np.array(0.5), np.array(numpy.ones((2, 3))))
    assert found[0].item() == 1 and (found[1].asnumpy() == 2).all()
