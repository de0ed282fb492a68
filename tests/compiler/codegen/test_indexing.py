"""Gathers and scatters in kernels: NumPy's elements, sums in NumPy's order, and indices that are checked."""

from __future__ import annotations

import numpy
import pytest

import minpy.numpy as np
from minpy.compiler.codegen.program import Check, planned_work
from minpy.compiler.driver import PASSES, optimize
from minpy.compiler.kernel import constants_of
from minpy.compiler.passes.fuse import fuse
from minpy.compiler.trace import ARRAY, Trace
from minpy.ops import OPS, Aval
from minpy.ops.keys import split_key
from minpy.runtime.native import MXNetError
from tests.compiler.codegen.evaluate import evaluate
from tests.compiler.codegen.running import run_fused
from tests.compiler.passes.graphs import outputs

random = numpy.random.RandomState(5)
X = random.randn(6, 5).astype("float32")
Y = random.randn(3, 4, 5)
AT, J = random.randint(-6, 6, 7), random.randint(-5, 5, 6).astype("int32")
FEW, NUMBER = random.randint(-3, 3, (2, 1)), numpy.array(-2)
ROWS = numpy.arange(6)
#: few places, which are written again and again
WIDE, AGAIN = (
    random.randn(300, 600).astype("float32") * 10.0 ** random.randint(-6, 6, (300, 1)),
    random.randint(-3, 3, 300),
)


def add_at(g, key, shape):
    arrays, template = split_key(key)
    return OPS["index_add"](g, *arrays, template=template, shape=shape)


def put_at(x, key, v):
    arrays, template = split_key(key)
    return OPS["index_put"](x, v, *arrays, template=template)


def log_softmax(x):
    z = x - x.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


BEFORE = [name for name in PASSES if name != "fuse"]


#: a function, its arguments, and how many nests it takes
CASES = {
    "rows": (lambda x, i: x[i], (X, AT), 2),
    "rows and what is done with them": (lambda x, i: np.tanh(x[i] * 2).sum(1), (X, AT), 2),
    "rows of what is computed": (lambda x, i: np.tanh(x)[i], (X, AT), None),
    "few rows of what is computed": (lambda x, i: (x * 2 + x.max(1, keepdims=True))[i], (X, AT[:2]), None),
    "elements": (lambda x, i, j: x[i[:6], j], (X, AT, J), None),
    "a grid": (lambda x, i, j: x[i[:, None], j], (X, AT, J), None),
    "columns": (lambda x, j: x[:, j] + 1, (X, J), None),
    "columns of columns": (lambda x, j: x[:, j][:, j], (X, J), None),
    "with slices": (lambda y, i, f: y[::-1, 1:, f][0] + y[f, None, 1], (Y, AT[:2, None] % 5, FEW), None),
    "apart": (lambda y, f: y[f, :, f].sum() - y[f, 1:3, [[0, 1]]], (Y, FEW), None),
    "one": (lambda x, n: x[n] + x[0, n] + x[n, n] + x[n, :1], (X, NUMBER), None),
    "known ones": (lambda x: x[[0, -1, 3]] + x[[2, 2, 2]] + x[numpy.arange(-3, 0)], (X,), 1),
    "known ones around the end": (lambda x: x[numpy.arange(-2, 3)], (X,), None),
    "of what counts": (lambda i: np.arange(12)[::-2][i] + np.arange(6)[i], (AT,), None),
    "of each row": (lambda x, j: x[ROWS, j] * 2, (X, J), 1),
    "a loss": (lambda x, j: -log_softmax(x)[ROWS, j].mean(), (X, J), None),
    "one-hot": (lambda j: (j[:, None] == np.arange(5)) * 2.0, (J,), 1),
    "sums of rows": (lambda g, i: add_at(g, i, (3, 600)), (WIDE, AGAIN), None),
    "sums of elements": (lambda g, i: add_at(g[:, 0], i, (3,)), (WIDE, AGAIN), None),
    "sums of columns": (lambda g, i: add_at(g.T, (slice(None), i), (600, 3)), (WIDE, AGAIN), None),
    "sums within": (lambda y, f: add_at(y[:, :2, 0] * 2, (slice(1, 4), f[:, 0] * 2), (5, 7)), (Y, FEW), None),
    "sums at pairs": (lambda g, i: add_at(g[:, :9], (i, abs(i)), (3, 4, 9)), (WIDE, AGAIN), None),
    "sums of ones": (lambda i: add_at(np.ones(300, "int32"), i, (3,)), (AGAIN,), None),
    "sums of ones in one place": (lambda x: add_at(np.ones(3), [1, 1, 1], (6,)) + x[:, 0], (X,), None),
    "sums in the only place": (
        lambda x, i: add_at(np.broadcast_to(x[0, 0], (7,)), i, (1,)) * x,
        (X, AT * 0),
        None,
    ),
    "one of each row": (lambda x, j: np.exp(x) - add_at(x[:, 0], (ROWS, j), (6, 5)), (X, J), 1),
    "one of each column": (
        lambda y, j: add_at(y[0], (ROWS[:4, None], j[:4, None], np.arange(5)), (4, 5, 5)),
        (Y, J % 5),
        None,
    ),
    "one of a column": (lambda x, n: x[:, :1] - add_at(x[1, 1], (n, 0), (6, 1)), (X, NUMBER), 1),
    "a diagonal": (lambda x: add_at(x[0], (np.arange(5), np.arange(5)), (5, 5)), (X,), 1),
    "one of few rows": (lambda x, j: add_at(x[:4, 0], (np.arange(4), j[:4]), (6, 5)), (X, J), None),
    "written rows": (lambda x, i: put_at(np.exp(x), i, x[:1] * 2) + np.exp(x), (X, AT), None),
    "written again": (lambda g, i: put_at(g[:3], i, g * 2), (WIDE, AGAIN), None),
    "written elements": (lambda x, j: put_at(x, (ROWS, j), 0.0) + x, (X, J), 2),
    "written by a mask": (lambda x, j: put_at(np.exp(x), (j > 0, slice(None)), x[0]), (X, J), None),
    "written where it is small": (lambda y: put_at(y, (y < 0,), 0.0) * 2, (Y,), 1),
    "a written number of a column": (lambda x, n: put_at(x[:, :1], (n, 0), x[1, 1]) * x, (X, NUMBER), None),
    "a written number": (lambda x, n: put_at(x, (slice(None), n), x[:, 0]), (X, NUMBER), None),
    "written nowhere": (lambda x, i: put_at(np.exp(x), (i, slice(0, 0)), 2.0) * x, (X, AT), None),
    "written to one place": (lambda x, i: put_at(x[0], [2, 2, 2], x[:3, 1]), (X, AT), None),
}  # fmt: skip


def graph_of(function, *arrays, differentiated=False):
    """The graph of a function of such arrays, or of its sum and the gradient for the first of them."""
    trace = Trace()
    with trace.interpreting(), trace.in_namespace(ARRAY):
        tracers = [trace.input(Aval(x.shape, x.dtype), ARRAY, name) for x, name in zip(arrays, "xyzuvw")]
        results = [function(*tracers)]
        if differentiated:
            results = [np.sum(results[0])]
            seed = trace.constant(numpy.ones((), results[0].dtype))
            results += trace.gradients([(results[0], seed)], tracers[:1])
    return optimize(trace.graph([x.atom for x in results]), BEFORE)[0]


def assert_gives(found, want, exact):
    for one, other in zip(found, want):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        if exact:
            numpy.testing.assert_array_equal(one, other)
        else:
            numpy.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def steps(graph):
    (eqn,) = fuse(graph).eqns
    return [step for step in planned_work(eqn.body, constants_of(eqn)) if not isinstance(step, Check)]


@pytest.mark.parametrize("name", CASES)
def test_gives_what_numpy_gives(name):
    """Sums at indices to the bit, on one thread and on two."""
    function, arrays, count = CASES[name]
    graph = graph_of(function, *arrays)
    assert_gives(run_fused(graph, arrays), outputs(graph, arrays), exact="sum" in name)
    if count is not None:
        assert len(steps(graph)) == count


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1][0].dtype.kind == "f"])
def test_gradients_give_what_numpy_gives(name):
    function, arrays, _ = CASES[name]
    graph = graph_of(lambda *args: function(*args) ** 2, *arrays, differentiated=True)
    assert all(eqn.body is not None for eqn in fuse(graph).eqns)
    assert_gives(run_fused(graph, arrays), outputs(graph, arrays), exact=False)


def test_the_gradient_of_a_loss_is_one_pass_over_the_scores():
    function, arrays, _ = CASES["a loss"]
    nests = steps(graph_of(function, *arrays, differentiated=True))
    assert [len(step.nest.extents) for step in nests].count(2) == 1


OUT = {
    "rows": (lambda x, i: x[i], 6),
    "columns": (lambda x, i: np.exp(x)[:, i] * 2, 5),
    "of each row": (lambda x, i: x[np.arange(3), i], 5),
    "one": (lambda x, i: x[i[1]] + x[0], 6),
    "written": (lambda x, i: put_at(x, i, 0.0), 6),
    "nobody's": (lambda x, i: (x[i], x + 1)[1], 6),
}


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8"])
@pytest.mark.parametrize("name", OUT)
def test_indices_out_of_range_fail(name, dtype):
    function, size = OUT[name]
    for index in (-size, size - 1):
        indices = numpy.array([0, index, 1], dtype)
        graph = graph_of(function, X, indices)
        assert_gives(run_fused(graph, [X, indices]), outputs(graph, [X, indices]), exact=False)
    for index in (-size - 1, size, 100, -128):
        indices = numpy.array([0, index, 1], dtype)
        with pytest.raises(MXNetError):
            run_fused(graph, [X, indices])
        (eqn,), known = fuse(graph).eqns, dict(zip(graph.inputs, (X, indices)))
        assert eqn.can_fail
        with pytest.raises(IndexError):
            evaluate(eqn.body, [known[x] for x in eqn.inputs])


def test_what_cannot_be_out_of_range_is_not_checked():
    def checks(function, *arrays):
        (eqn,) = fuse(graph_of(function, *arrays)).eqns
        return any(isinstance(step, Check) for step in planned_work(eqn.body, constants_of(eqn)))

    known, table = numpy.array([3, 0, 5]), numpy.zeros((300, 2))
    assert checks(lambda x, i: x[i], X, AT)
    assert checks(lambda x, i: x[abs(i)], X, AT)
    assert not checks(lambda x: x[known] * x[numpy.arange(3)], X)
    assert not checks(lambda x, i: x[i] * 2, table, AT.astype("uint8"))
