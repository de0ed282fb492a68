"""Custom operators and gradients, as documented and beyond."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import checkpoint, custom_gradient, customop, grad, stop_gradient
from minpy.errors import GradientError, GradientWarning, ShapeError
from minpy.runtime.engine import mx

X = numpy.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]])
LABELS = numpy.array([2, 0])


@customop("numpy")
def my_softmax(x, y):
    probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
    probs /= numpy.sum(probs, axis=1, keepdims=True)
    n = x.shape[0]
    return -numpy.sum(numpy.log(probs[numpy.arange(n), y])) / n


def my_softmax_grad(ans, x, y):
    def gradient(g):
        n = x.shape[0]
        probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
        probs /= numpy.sum(probs, axis=1, keepdims=True)
        probs[numpy.arange(n), y] -= 1
        probs /= n
        return probs

    return gradient


my_softmax.def_grad(my_softmax_grad)


def plain_softmax(x, y):
    shifted = x - np.max(x, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[np.arange(2), y])


def test_documented_softmax():
    numpy.testing.assert_allclose(float(my_softmax(X, LABELS)), float(plain_softmax(X, LABELS)))
    expected = grad(lambda x: plain_softmax(x * 2, LABELS))(X).asnumpy()
    for wrap in (lambda f: f, minpy.jit):
        found = grad(wrap(lambda x: my_softmax(x * 2, LABELS)))(X)
        numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-10)


def test_it_stays_python_inside_jit_and_explain_says_so():
    f = minpy.jit(lambda x: my_softmax(x * 2, LABELS) + 1)
    numpy.testing.assert_allclose(float(f(X)), float(my_softmax(X * 2, LABELS)) + 1)
    assert "custom operator" in minpy.explain(f).leftovers[0].reason


def test_mxnet_arrays():
    @customop("mxnet")
    def double(x):
        assert isinstance(x, mx.nd.NDArray)
        return x * 2

    double.def_grad(lambda ans, x: lambda g: g * 2)
    numpy.testing.assert_array_equal(double(np.array(X)).asnumpy(), X * 2)
    numpy.testing.assert_array_equal(grad(lambda x: np.sum(double(x) * x))(X).asnumpy(), 4 * X)


def test_gradient_of_one_argument_of_two():
    @customop("numpy")
    def scale(x, k):
        return x * k

    scale.def_grad(lambda ans, x, k: lambda g: numpy.sum(g * x), argnum=1)
    assert grad(lambda k: np.sum(scale(X, k)))(3.0) == X.sum()
    with pytest.raises(GradientError, match="scale"):
        grad(lambda x: np.sum(scale(x, 2.0)))(X)


def test_bad_definitions():
    with pytest.raises(ValueError, match="numpy"):
        customop("torch")
    with pytest.raises(TypeError, match="function"):
        my_softmax.def_grad(3)
    with pytest.raises(TypeError, match="argnum"):
        my_softmax.def_grad(my_softmax_grad, argnum="x")

    @customop("numpy")
    def wrong(x):
        return x * 2

    wrong.def_grad(lambda ans, x: lambda g: numpy.ones(7))
    with pytest.raises(GradientError, match=r"\(7,\)"):
        grad(lambda x: np.sum(wrong(x)))(X)


def test_custom_gradient_to_any_order():
    @custom_gradient
    def log1pexp(x):
        e = np.exp(x)
        return np.log(1 + e), lambda g: g * (1 - 1 / (1 + e))

    numpy.testing.assert_allclose(float(log1pexp(0.0)), numpy.log(2))
    assert grad(log1pexp)(0.0) == 0.5
    assert grad(lambda x: log1pexp(x * 2))(100.0) == 2.0  # nan without the rule
    p = 1 / (1 + numpy.exp(-0.7))
    for function in (log1pexp, minpy.jit(lambda x: log1pexp(x) * 1)):
        numpy.testing.assert_allclose(grad(grad(function))(0.7), p * (1 - p))
        numpy.testing.assert_allclose(grad(grad(grad(function)))(0.7), p * (1 - p) * (1 - 2 * p))


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
def test_custom_gradient_of_several_results(wrap):
    @custom_gradient
    def split(x):
        return {
            "square": x * x,
            "sums": (np.sum(x), np.sum(x, axis=0)),
        }, lambda g: 2 * x * g["square"] + g["sums"][0] + g["sums"][1]

    def loss(x):
        parts = split(x)
        return np.sum(parts["square"] * X) + parts["sums"][0] ** 2

    numpy.testing.assert_allclose(grad(wrap(loss))(X), 2 * X * X + 2 * X.sum())


def test_custom_gradients_that_do_not_fit():
    for function, error in (
        (lambda x: x * 2, "gives \\(value, backward\\)"),
        (lambda x: (x * 2, lambda g: (g, g)), "1 arguments, but 2 cotangents"),
        (lambda x: (x * 2, lambda g: np.sum(g)), "shape \\(\\), the array that it is of has \\(2, 3\\)"),
    ):
        with pytest.raises((GradientError, ShapeError), match=error):
            grad(lambda x: np.sum(custom_gradient(function)(x)))(X)  # noqa: B023


def test_a_gradient_past_ones_own_is_warned_of():
    def loss(x, from_elsewhere):
        given = from_elsewhere * 2

        @custom_gradient
        def times(v):
            return v * given + grad(lambda u: np.sum(u * u))(v), lambda g: g * (given + 2)

        return np.sum(times(x)) + np.sum(from_elsewhere)

    with pytest.warns(GradientWarning, match=r"times.*float64\[2,3\]"):
        found = grad(loss, [0, 1])(X, X)[0]
    numpy.testing.assert_array_equal(found, 2 * X + 2)
    numpy.testing.assert_array_equal(grad(loss)(X, X), 2 * X + 2)


def test_stop_gradient():
    for wrap in (lambda f: f, minpy.jit):
        found = grad(wrap(lambda x: np.sum(x * stop_gradient(x))))(X)
        numpy.testing.assert_array_equal(found.asnumpy(), X)


def test_checkpoint_runs_again_and_gives_the_same():
    calls = []

    def block(x, w):
        calls.append(1)
        return np.tanh(x * w) * w

    for _ in range(2):
        kept = checkpoint(block)
        assert len(calls) == 0
        found = grad(lambda x, w, kept=kept: np.sum(kept(x, w) * x), [0, 1])(X, 2.0)
        assert len(calls) == 2  # forward, and once more going back
        expected = grad(lambda x, w: np.sum(np.tanh(x * w) * w * x), [0, 1])(X, 2.0)
        numpy.testing.assert_allclose(found[0].asnumpy(), expected[0].asnumpy(), rtol=1e-12)
        numpy.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
        calls.clear()
    second = grad(grad(lambda x: checkpoint(lambda v: v**3)(x)))(2.0)
    assert second == pytest.approx(12.0)


def test_a_gradient_may_write_into_its_cotangent():
    def doubled(ans, x):
        def gradient(g):
            g *= 2
            return g

        return gradient

    @customop("numpy")
    def copied(x):
        return x + 0

    @custom_gradient
    def also_copied(x):
        return x + 0, doubled(None, x)

    copied.def_grad(doubled)
    for function in (copied, also_copied):
        gradient = grad(lambda x: np.sum(function(x) + x))(X)  # noqa: B023
        assert gradient.tolist() == numpy.full(X.shape, 3.0).tolist()
