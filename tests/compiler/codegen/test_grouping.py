"""Nests of bodies give what NumPy gives, and are as few as they should be."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given, settings

import minpy.numpy as np
from minpy.compiler.codegen.program import located, planned_work, program_of
from minpy.ops import OPS
from minpy.ops.keys import ARRAY
from minpy.runtime.kernels.library import Loaded
from tests.compiler.codegen.evaluate import evaluate
from tests.compiler.codegen.random_bodies import LARGE, bodies
from tests.compiler.passes.graphs import differentiated, outputs, traced


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def standardized(x):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5)


def rotation(x):
    return np.stack([np.stack([np.cos(x), -np.sin(x)]), np.stack([np.sin(x), np.cos(x)])])


def narrow(w, x):
    a = np.exp(x @ w)
    return np.sum(x[:, :5] * np.tanh(a / (1 + a.sum(1, keepdims=True))))


def forces(x, y):
    d = x[None] - x[:, None]
    return ((np.sum(d * d, -1) + 0.1) ** -1.5 * y)[..., None].sum(1) + np.sum(d * np.tanh(d), 1)


#: a function, shapes of its arguments, and how many nests it takes
CASES = {
    "elementwise": (lambda x, y: x + 2 * np.tanh(x * y), [(30, 40), (30, 40)], 1),
    "broadcast": (lambda x, y, z: x * y + z, [(3, 1, 5), (4, 1), ()], 1),
    "number": (lambda x: np.exp(x) * 2 - 1, [()], 1),
    "several results": (lambda x, y: (x + y, x - y, x), [(7, 3), (3,)], None),
    "same result twice": (lambda x: (np.exp(x),) * 2, [(9,)], 1),
    "large": (lambda x, y: np.sin(x) * y, [(70, 101), (101,)], 1),
    "softmax": (softmax, [(300, 40)], 1),
    "softmax of a stack": (softmax, [(3, 4, 50)], 1),
    "softmax of a vector": (softmax, [(50,)], 1),
    "softmax of a long vector": (softmax, [(20_000,)], None),
    "standardized": (standardized, [(64, 33)], 1),
    "sum": (lambda x: x.sum(), [(500_000,)], 2),
    "sum of squares": (lambda x: (x * x).sum(), [(300, 211)], 2),
    "small sum": (lambda x: np.sqrt((x * x).sum()), [(30, 21)], 1),
    "sum of a softmax": (lambda x: (softmax(x) ** 2).sum(), [(300, 40)], 1),
    "columns": (lambda x: np.exp(x).sum(0), [(3000, 20)], 2),
    "columns of a softmax": (lambda x: softmax(x).sum(0), [(3000, 20)], 2),
    "few long rows": (lambda x: x.sum(0), [(4, 9000)], 1),
    "middle": (lambda x: x.sum(1), [(4, 50, 6)], 1),
    "outer axes": (lambda x: (x.mean((0, 2)), x.max(1)), [(4, 50, 6)], None),
    "extrema": (lambda x: (x.max(-1) - x.min(-1), x.prod(0)), [(20, 30)], None),
    "tests": (lambda x: ((x > 0.7).all(0), (x > 1.4).any(1)), [(20, 30)], None),
    "transposed": (lambda x, y: x.T * y + y, [(30, 4), (4, 30)], 1),
    "transposed within": (lambda x, y: np.exp(x).T * y, [(30, 4), (4, 30)], 1),
    "with its transpose": (lambda x: np.exp(x) + np.exp(x).T, [(6, 6)], None),
    "flattened": (lambda x: np.exp(x).reshape(-1) * 3, [(6, 7)], 1),
    "folded": (lambda x: np.exp(x).reshape(6, 4, 5).sum(-1), [(120,)], 1),
    "reshaped across": (lambda x: (x.reshape(6, 4) * 2).reshape(3, 8).T + x.reshape(8, 3), [(24,)], None),
    "transposed and flattened": (lambda x: x.T.reshape(-1) + 1, [(6, 7)], None),
    "differences": (lambda x: np.exp(x)[1:] - np.exp(x)[:-1], [(50,)], None),
    "cheap differences": (lambda x: (x * 2)[1:] - (x * 2)[:-1], [(50,)], 1),
    "steps": (lambda x: x[::-2, 1::3] * np.exp(x[1::2, ::3]), [(10, 9)], 1),
    "joined": (lambda x: np.concatenate([np.exp(x), x * 2, x[::-1]]), [(100,)], 1),
    "stacked": (lambda x, y: np.stack([x, y, x * y], axis=1), [(6, 5), (6, 5)], None),
    "padded": (lambda x: np.pad(np.exp(x), ((1, 2), (2, 3))), [(4, 5)], None),
    "rotation": (rotation, [()], None),
    "product": (lambda x, y: x @ y, [(5, 6), (6, 7)], 1),
    "layer": (lambda x, y, z: np.tanh(x @ y + z), [(5, 6), (6, 7), (7,)], 1),
    "with a vector": (lambda x, y: np.tanh(x @ y + 1), [(5, 6), (6,)], 1),
    "of a vector": (lambda x, y: np.tanh(x @ y + 1), [(6,), (6, 7)], 1),
    "of vectors": (lambda x, y: np.sin(x) @ y, [(60,), (60,)], 1),
    "stacks of products": (lambda x, y: np.exp(x) @ y, [(4, 5, 6), (3, 1, 6, 2)], 2),
    "chain": (lambda x, y, z: (x @ y) @ (np.sin(z) @ x), [(3, 3)] * 3, None),
    "large product": (lambda x, y: np.tanh(x @ y), [(5, 5000), (5000, 300)], 2),
    "stack by a large matrix": (lambda x, y: np.tanh(x @ y), [(2, 3, 5000), (5000, 300)], 2),
    "large product of transposes": (lambda x, y: x.T @ y.T, [(5000, 3), (400, 5000)], 1),
    "long product of few": (lambda x, y: np.exp(x).T @ y, [(6000, 3), (6000, 4)], 3),
    "transposed product": (lambda x, y: x @ y.T + 1, [(30, 20), (40, 20)], 2),
    "vector and transposed": (lambda x, y: y.T @ x, [(200,), (200, 30)], None),
    "forces": (forces, [(30, 3), (30,)], None),
    "narrow product": (narrow, [(300, 5), (200, 300)], None),
    "narrow product of transposes": (lambda x, y: x.T @ y.T + y[0] @ x[:, :1], [(300, 5), (200, 300)], None),
    "short rows": (softmax, [(80, 3)], 1),
    "short columns": (
        lambda x, y: ((x * y).max(0) - (x + y).mean((0, 2)).sum(), x / y),
        [(3, 9, 11), (3, 1, 1)],
        None,
    ),
    "written": (lambda x, y: np.concatenate([x[:2], y[None], x[3:]]) * x, [(5, 4), (4,)], None),
    "diagonal": (lambda x: np.diagonal(np.exp(x), 1) + x[:, 0], [(4, 5)], None),
    "maximum and choice": (lambda x, y: np.where(x > y, x, np.maximum(x, 1.0)), [(8, 3), (3,)], 1),
}


#: those with several results, and those whose gradients have ops that kernels are not given
NO_GRADIENT = {"tests", "several results", "outer axes", "same result twice", "extrema", "diagonal"}
NO_GRADIENT |= {"short rows", "short columns"}
NO_GRADIENT |= {name for name in CASES if "softmax" in name}


def arrays_for(shapes, dtype="float64"):
    rng = numpy.random.default_rng(3)
    return [rng.uniform(0.5, 1.5, shape).astype(dtype) for shape in shapes]


def assert_same(graph, arrays) -> None:
    is_single = any(x.dtype == "float32" for x in arrays)  # float64 may be made of rounded sums, too
    for found, want in zip(evaluate(graph, arrays), outputs(graph, arrays)):
        assert (found.shape, found.dtype) == (want.shape, want.dtype)
        exact = 2e-5 if is_single or want.dtype != "float64" else 1e-12
        largest = numpy.abs(want).max() if want.dtype.kind == "f" else 1  # what sums of it are as exact as
        numpy.testing.assert_allclose(found, want, rtol=exact, atol=exact * max(1, largest))


@pytest.mark.parametrize("name", CASES)
def test_gives_what_numpy_gives(name):
    function, shapes, count = CASES[name]
    graph = traced(function, *shapes)
    assert_same(graph, arrays_for(shapes))
    if count is not None:
        assert len(planned_work(graph)) == count


@pytest.mark.parametrize("name", [name for name in CASES if name not in NO_GRADIENT])
def test_gradients_give_what_numpy_gives(name):
    function, shapes, _ = CASES[name]
    assert_same(differentiated(lambda *args: np.sum(function(*args) ** 2), *shapes), arrays_for(shapes))


def test_dtypes():
    def several(x, y):
        return (x > y[0]).sum(0), x.astype("int32").mean(1), x * y, -x, x > 0.9

    graph = traced(several, (40, 30), (30,), dtype="float32")
    assert_same(graph, arrays_for([(40, 30), (30,)], "float32"))


def test_equal_computations_are_equal_nests():
    def steps(x, y):
        for _ in range(6):
            x = np.tanh(x @ y)
        return x

    work = planned_work(traced(steps, (3, 3), (3, 3)))
    assert len(work) == 6
    assert len({step.nest for step in work}) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_chunks_added_up_needs_no_code_of_its_own(dtype):
    graph = traced(lambda x: np.sum(np.tanh(x)), (200_000,), dtype=dtype)
    program = program_of(graph)
    assert len(program.steps) == 2 and len(program.modules) == 1
    x = numpy.random.RandomState(0).randn(200_000).astype(dtype)
    expected = math.fsum(numpy.tanh(x.astype("float64")))
    assert abs(Loaded(program)([x])[0] - expected) < 2000 * numpy.finfo(dtype).eps


@pytest.mark.parametrize("is_alike", [True, False])
def test_what_is_alike_ahead_of_functions_that_stand_often_is_written_once(is_alike):
    def steps(x):
        for i in range(10):
            x = np.tanh((1.1 if is_alike else 1 + i / 9) * x + 0.1)
        return x

    program = program_of(traced(steps, (3, 700)))
    nest, *functions = program.texts[0].split("define internal")
    assert ("fmul" not in nest and "fadd" not in nest) == is_alike and "fmul" in functions[0]
    x = numpy.random.RandomState(0).randn(3, 700)
    with numpy.errstate(all="ignore"):
        assert numpy.allclose(Loaded(program)([x])[0], steps(x), 1e-12)


def test_long_chains():
    def steps(x):
        for i in range(1200):
            x = x * 0.5 + i
        return x

    assert_same(traced(steps, (5,)), arrays_for([(5,)]))


def test_values_that_are_taken_often():
    def steps(x):
        for _ in range(24):
            x = np.sin(x) * x + x * 0.1
        return x

    assert len(planned_work(traced(steps, (50,)))) == 1


def test_a_transposition_is_shared_out():
    """It takes many times as long as to copy the same bytes, which one thread does alone."""
    (copied,) = planned_work(traced(lambda x: x + 1, (128, 128)))
    (transposed,) = planned_work(traced(lambda x: x.T + 1, (128, 128)))
    assert copied.chunk == copied.size and transposed.chunk < transposed.size


def test_scratch_is_shared_by_values_of_different_times():
    def steps(x, y):
        for _ in range(10):
            x = x @ y
        return x

    graph = traced(steps, (8, 8), (8, 8))
    assert located(planned_work(graph), 2, 1)[1] == 2 * 8 * 8 * 8


@settings(max_examples=150, deadline=None)
@given(bodies())
def test_random_bodies_give_what_numpy_gives(body):
    assert_same(*body)


@settings(max_examples=40, deadline=None)
@given(bodies(LARGE))
def test_random_bodies_that_are_shared_out_give_what_numpy_gives(body):
    assert_same(*body)


def test_what_is_independent_waits_for_what_it_meets():
    def several(x, y, z):
        product = x @ y
        return np.tanh(product + np.exp(z).sum(0)) + np.sin(x[:, :1])

    assert_same(traced(several, (40, 30), (30, 6), (9, 6)), arrays_for([(40, 30), (30, 6), (9, 6)]))
    # the sum, the sines, and the product with all that follows
    assert len(planned_work(traced(several, (40, 30), (30, 6), (9, 6)))) == 3


def test_functions_of_different_arrays_meet_in_one_nest():
    graph = traced(lambda x, y, z: np.exp(x) + np.exp(y) * np.sin(z), (300,), (300,), (300,))
    assert len(planned_work(graph)) == 1


def test_what_a_group_reads_in_the_end_says_whether_it_can_wait_for_it():
    def f(x):
        a = x * 1.0
        skipped = a[::2] * 1.0
        at = (x[:1] > 0).astype("int64") * 2
        at_once = OPS["index_add"](x[at] * 1.0, at, template=(ARRAY,), shape=(3,))
        return a, skipped, at_once

    assert_same(traced(f, (3,)), arrays_for([(3,)]))
    graph = traced(f, (3,))
    assert_same(graph._replace(outputs=graph.outputs[:1]), arrays_for([(3,)]))
