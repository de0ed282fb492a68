"""Functions of MXNet that NumPy lacks: values, gradients, compiled."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.nn.functional
import minpy.numpy as np
from tests.ops.checks import boxed, check_gradient, compiled, projected, projected_gradient
from tests.ops.samples import Draw, Sample
from tests.ops.tolerances import GRADIENT, assert_same


def softmax(x, axis=-1):
    powers = numpy.exp(x)
    return powers / powers.sum(axis, keepdims=True)


CALLS = (
    (lambda x: np.sigmoid(x), lambda x: 1 / (1 + numpy.exp(-x)), ((3, 4),)),
    (lambda x: np.relu(x), lambda x: numpy.where(x > 0, x, 0), ((3, 4),)),
    (lambda x: np.softmax(x), softmax, ((3, 4),)),
    (lambda x: np.softmax(x, axis=0), lambda x: softmax(x, 0), ((3, 4),)),
    (lambda x: np.log_softmax(x), lambda x: numpy.log(softmax(x)), ((2, 3, 4),)),
    (lambda x, y: np.batch_dot(x, y), lambda x, y: x @ y, ((2, 3, 4), (2, 4, 5))),
    (
        lambda x, y: np.batch_dot(x, y, transpose_a=True, transpose_b=True),
        lambda x, y: x.swapaxes(1, 2) @ y.swapaxes(1, 2),
        ((2, 4, 3), (2, 5, 4)),
    ),
)


@pytest.mark.parametrize("function, expected, shapes", CALLS)
def test_values_and_gradients(function, expected, shapes):
    args = Sample(tuple(map(Draw, shapes))).draw("float64")
    assert_same(function(*map(boxed, args)), expected(*args), "eager")
    graph = compiled(function, args)
    assert_same(graph(*args), expected(*args), "compiled")
    for place, x in enumerate(args):
        project = projected(lambda *args: function(*map(boxed, args)), args, place)
        check_gradient(project, x, "gradient")
        check_gradient(projected_gradient(project, x), x, "order 2")
        by_graph = minpy.grad(projected(graph, args, place))(x)
        assert_same(by_graph, minpy.grad(project)(x), "compiled gradient", GRADIENT[x.dtype])


def test_log_softmax_near_zero_keeps_its_digits():
    x = (8 * numpy.random.standard_normal((128, 10))).astype("float32")
    wanted = numpy.log(softmax(x.astype("float64")))
    for found in (np.log_softmax(x), minpy.jit(lambda x: np.log_softmax(x))(x)):
        assert abs(found - wanted)[wanted > -0.1].max() < 5e-7


def test_relu_has_no_slope_at_zero():
    assert minpy.grad(lambda x: np.sum(np.relu(x)))(numpy.array([-1.0, 0.0, 2.0])).tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(13,), (2, 16, 13, 40), (13 * 5_000,)])
def test_relu_of_what_is_no_number_and_its_gradient(shape, dtype):
    inf, nan, tiny = numpy.inf, numpy.nan, numpy.nextafter(numpy.zeros((), dtype), 1, dtype=dtype)
    x = numpy.resize(numpy.array([-1, -tiny, -0.0, 0, tiny, 2, nan, -2, 3, -inf, inf, -1, 4], dtype), shape)
    g = numpy.resize(numpy.array([3, 3, 3, 3, 3, 3, 3, -inf, inf, 3, 3, nan, nan], dtype), shape)
    with numpy.errstate(invalid="ignore"):
        expected = g * ~(x <= 0)
    for wrap in (lambda f: f, minpy.jit):
        assert_same(wrap(np.relu)(x), numpy.maximum(x, 0), "value")
        assert_same(wrap(minpy.grad(lambda x, g: np.sum(np.relu(x) * g)))(x, g), expected, "gradient")


def test_a_network_of_relus_has_numpys_gradient_at_zero_too():
    draw = numpy.random.RandomState(0).standard_normal
    x, w, b = (
        draw((2, 3, 20, 20)).astype("float32"),
        draw((16, 3, 3, 3)).astype("float32"),
        numpy.zeros(16, "f"),
    )
    x[:, :, 4:16, 4:16] = 0  # where the convolution gives 0
    conv, pool = minpy.nn.functional.conv2d, minpy.nn.functional.max_pool2d

    def loss(w, b, x):
        return np.sum(pool(np.relu(conv(x, w, b)), 2) ** 2) + np.sum(np.relu(conv(x, w, b)))

    gradient = minpy.grad(loss, [0, 1])
    for found, expected in zip(minpy.jit(gradient)(w, b, x), gradient(w, b, x)):
        assert_same(found, expected, "compiled", GRADIENT[w.dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 10_000])  # small and large graphs run by different ways of MXNet
def test_equal_elements_share_the_gradient_of_a_maximum(dtype, size):
    inf, nan, tiny = numpy.inf, numpy.nan, numpy.nextafter(numpy.zeros((), dtype), 1, dtype=dtype)
    x = numpy.tile(numpy.array([-1, -tiny, -0.0, 0, tiny, 2, 2, 3, -inf, inf, -1, 4], dtype), size)
    g = numpy.tile(numpy.array([3, 3, 3, 3, 3, 3, -inf, inf, 3, 3, nan, nan], dtype), size)
    for limit in (0, 0.0, 2, numpy.full(x.shape, 2, dtype)):
        pairs = ((x > limit, x >= limit), (x < limit, x <= limit))
        with numpy.errstate(invalid="ignore"):
            above, below = (g * numpy.mean(pair, axis=0, dtype=dtype) for pair in pairs)
        for function, expected in ((np.maximum, above), (np.minimum, below)):
            for wanted in (minpy.grad, lambda f: minpy.jit(minpy.grad(f))):
                found = wanted(lambda x, g: np.sum(function(x, limit) * g))(x, g)  # noqa: B023  # called at once
                assert_same(found, expected, f"{function} {limit}")


@pytest.mark.parametrize("shape", [(3, 5), (2, 16, 40, 40), (40_000,)])
def test_maximum_of_zero_keeps_nan_and_inf(shape):
    x = numpy.random.standard_normal(shape).astype("float32")
    special = [numpy.nan, numpy.inf, -numpy.inf, 0, -0.0, 1e-40, -1e-40, 100, -100]
    x.flat[: len(special)] = special
    x.flat[-len(special) :] = special
    for function in (lambda x: np.maximum(x, 0), lambda x: np.maximum(0.0, x)):
        found = minpy.jit(function)(x)
        numpy.testing.assert_array_equal(found, numpy.maximum(x, 0))


def test_one_hot():
    labels = numpy.array([2, 0, 5])
    expected = numpy.array([[0, 0, 1], [1, 0, 0], [0, 0, 0]], "float32")
    assert_same(np.one_hot(boxed(labels), 3), expected, "one_hot")
    assert_same(np.one_hot(labels, 3, dtype="int64"), expected.astype("int64"), "one_hot of int64")
    assert_same(np.onehot_encode(boxed(labels), np.zeros((3, 3))), expected, "onehot_encode")
    graph = compiled(lambda x: np.one_hot(x, 3), (labels,))
    assert_same(graph(labels), expected, "compiled")
