"""Terms of a sum that become one, and the same values."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.sums import collect_terms
from minpy.ops import FUNCTIONS, OPS
from minpy.ops.keys import WHOLE
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

gemm, index_add, sum_ = OPS["gemm"], OPS["index_add"], OPS["sum"]
tanh, dot = FUNCTIONS["tanh"], FUNCTIONS["dot"]


def shorter(graph):
    return eliminate_dead_code(collect_terms(graph))


def random(*shapes):
    draw = numpy.random.RandomState(0).randn
    return [draw(*shape) for shape in shapes]


def spelled(graph):
    return [line.split(" = ")[1] for line in lines(graph)]


def test_elements_added_side_by_side_are_a_concatenation():
    before = traced(
        lambda x, y: index_add(x, template=(0,), shape=(2, 3)) + index_add(y, template=(1,), shape=(2, 3)),
        *[(3,)] * 2,
    )
    after = shorter(before)
    assert names(before) == ["index_add", "index_add", "add"]
    assert spelled(after) == ["reshape shape=(1, 3) x", "reshape shape=(1, 3) y", "concatenate axis=0 a b"]
    assert_equivalent(before, after, random((3,), (3,)))


@pytest.mark.parametrize(
    "templates",
    [
        [(WHOLE, ("slice", 0, 2, None)), (WHOLE, ("slice", 4, None, None))],  # a gap, filled with zeros
        [(WHOLE, ("slice", 3, 5, None)), (WHOLE, ("slice", 1, 3, None))],
        [(Ellipsis, ("slice", -2, None, None)), (Ellipsis, ("slice", 2, 4, None))],
    ],
)
def test_gaps_are_zeros(templates):
    before = traced(
        lambda x, y: sum_(
            index_add(x, template=templates[0], shape=(3, 6))
            + index_add(y, template=templates[1], shape=(3, 6)),
            axes=(0,),
            keepdims=False,
        ),
        *[(3, 2)] * 2,
    )
    after = shorter(before)
    assert names(after) == ["concatenate", "sum"]
    assert_equivalent(before, after, random((3, 2), (3, 2)))


def test_products_of_placed_terms_stay():
    before = traced(
        lambda x, y: index_add(x, template=(0,), shape=(2, 3)) * index_add(y, template=(1,), shape=(2, 3)),
        *[(3,)] * 2,
    )
    assert collect_terms(before) == before


@pytest.mark.parametrize(
    "templates",
    [
        [(("slice", 0, 2, None),), (("slice", 1, 3, None),)],  # they overlap
        [(("slice", 0, 4, 2),), (("slice", 1, 5, 2),)],  # steps
        [(0,), (WHOLE, 0)],  # not along one axis
    ],
)
def test_other_places_stay(templates):
    shapes = [
        numpy.zeros((4, 4))[tuple(slice(*p[1:]) if type(p) is tuple else p for p in t)].shape
        for t in templates
    ]
    before = traced(
        lambda x, y: (
            index_add(x, template=templates[0], shape=(4, 4))
            + index_add(y, template=templates[1], shape=(4, 4))
        ),
        *shapes,
    )
    after = shorter(before)
    assert "index_add" in names(after)
    assert_equivalent(before, after, random(*shapes))


def products(count, with_bias):
    def function(*operands):
        left, right = operands[: len(operands) // 2], operands[len(operands) // 2 :]
        total = bias = None
        for x, u in zip(left, right):
            part = gemm(x, u, transpose_x=True, transpose_y=False)
            total = part if total is None else total + part
            row = sum_(u, axes=(0,), keepdims=False)
            bias = row if bias is None else bias + row
        return (total, bias) if with_bias else total

    return function, [(4, 2)] * count + [(4, 3)] * count


def test_products_of_all_steps_are_one():
    function, shapes = products(3, True)
    before = traced(function, *shapes)
    after = shorter(before)
    assert spelled(after) == [
        "concatenate axis=0 x y z",
        "concatenate axis=0 u v w",
        "gemm transpose_x=True transpose_y=False a b",
        "sum axes=(0,) keepdims=False b",
    ]
    assert_equivalent(before, after, random(*shapes))


def test_two_products_stay():
    function, shapes = products(2, False)
    assert names(shorter(traced(function, *shapes))) == ["gemm", "gemm", "add"]


def test_products_that_others_use_stay():
    def function(x, y, z, u):
        parts = [gemm(a, u, transpose_x=True, transpose_y=False) for a in (x, y, z)]
        return parts[0] + parts[1] + parts[2], parts[0], parts[1]

    graph = traced(function, *[(4, 2)] * 4)
    assert shorter(graph) == graph


def test_a_sum_of_other_terms_too():
    function, shapes = products(3, False)
    before = traced(lambda *xs: tanh(function(*xs)) + function(*xs) + 1.0, *shapes)
    assert_equivalent(before, shorter(before), random(*shapes))
    before = traced(lambda *xs: xs[0][:2, :2].T @ xs[3][:2] + function(*xs), *shapes)
    after = shorter(before)
    assert names(after).count("gemm") == 1
    assert_equivalent(before, after, random(*shapes))


def test_the_gradient_of_a_loop():
    def loop(x, w, u, b):
        h = numpy.ones((3, 4))
        for t in range(5):
            h = FUNCTIONS["cos"](dot(x[t], w) + dot(h, u) + b)
        return sum_(h, axes=(0, 1), keepdims=False)

    shapes = (5, 3, 2), (2, 4), (4, 4), (4,)
    before = differentiated(loop, *shapes)
    after = shorter(before)
    assert names(before).count("gemm") > 3 * 4
    assert (
        names(after).count("concatenate") == 3
    )  # of the steps of h, of what comes back, and of x's gradient
    assert_equivalent(before, after, random(*shapes))
