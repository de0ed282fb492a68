"""Gradients of compiled functions equal those of the plain ones, and numeric derivatives."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss, value_and_grad
from minpy.errors import GradientWarning

RNG = numpy.random.RandomState(3)
W = RNG.randn(4, 3)
X = RNG.randn(5, 4)
LABELS = RNG.randint(0, 3, 5)


def numeric_gradient(function, x, step=1e-6):
    """Central differences of a function of one float64 array."""
    result = numpy.zeros_like(x)
    for index in numpy.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        result[index] = (float(function(up)) - float(function(down))) / (2 * step)
    return result


def softmax_loss(w, x, labels):
    scores = np.dot(x, w)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_sum - shifted[np.arange(len(labels)), labels])


def relu_network(w, x, labels):
    hidden = np.maximum(np.dot(x, w), 0)
    return np.sum((hidden - 1) ** 2) / labels.shape[0] + 0.1 * np.sum(w**2)


def with_leftover(w, x, labels):
    hidden = np.tanh(np.dot(x, w))
    total = np.sum(hidden * np.cos(hidden))
    if total > 0:
        hidden = hidden * total
    else:
        hidden = hidden - total
    for _ in range(2):
        hidden = hidden * 0.5 + hidden**2
    return np.sum(hidden)


def with_indexing(w, x, labels):
    return np.sum(w[1:, ::2] ** 2) + np.sum(x[labels, 0] * np.take(w, labels, axis=0)[:, 1])


LOSSES = [softmax_loss, relu_network, with_leftover, with_indexing]


@pytest.mark.parametrize("loss", LOSSES)
def test_equals_numeric_and_eager(loss):
    expected = numeric_gradient(lambda w: loss(w, X, LABELS), W)
    eager, eager_value = grad_and_loss(loss)(W, X, LABELS)
    compiled, value = grad_and_loss(minpy.jit(loss))(W, X, LABELS)
    numpy.testing.assert_allclose(eager.asnumpy(), expected, rtol=1e-5, atol=1e-7)
    numpy.testing.assert_allclose(compiled.asnumpy(), eager.asnumpy(), rtol=1e-10, atol=1e-12)
    numpy.testing.assert_allclose(float(value), float(eager_value), rtol=1e-12)
    assert compiled.dtype == eager.dtype == numpy.float64


@pytest.mark.parametrize("loss", LOSSES)
def test_several_arguments_and_float32(loss):
    w, x = W.astype("float32"), X.astype("float32")
    eager = grad(loss, [0, 1])(w, x, LABELS)
    compiled = grad(minpy.jit(loss), ["w", "x"])(w, x, LABELS)
    for a, b in zip(eager, compiled):
        assert a.dtype == b.dtype == numpy.float32
        numpy.testing.assert_allclose(b.asnumpy(), a.asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [softmax_loss, relu_network, with_leftover])
def test_second_order(loss):
    direction = RNG.randn(*W.shape)

    def slope(f):
        return lambda w: np.sum(grad(f)(w, X, LABELS) * direction)

    expected = numeric_gradient(slope(loss), W, 1e-5)
    for f in (loss, minpy.jit(loss)):
        numpy.testing.assert_allclose(grad(slope(f))(W).asnumpy(), expected, rtol=1e-4, atol=1e-6)
    compiled = minpy.jit(slope(loss))
    numpy.testing.assert_allclose(grad(compiled)(W).asnumpy(), expected, rtol=1e-4, atol=1e-6)


def test_forward_and_backward_are_one_graph():
    loss = minpy.jit(softmax_loss)
    gradient = grad_and_loss(loss)
    for _ in range(3):
        gradient(W, X, LABELS)
    found = minpy.explain(gradient)
    versions = [version for region in found.regions for version in region.versions]
    assert [(v.purpose, v.calls) for v in versions] == [("value and gradient", 3)]
    assert found.leftovers == []
    gradient(W, X[:3], LABELS[:3])
    assert minpy.explain(loss).compilations == 2


def test_training_step_inside_jit():
    @minpy.jit
    def step(w, x, labels, rate):
        gradient, value = grad_and_loss(softmax_loss)(w, x, labels)
        return w - rate * gradient, value

    w = np.array(W)
    plain = W.copy()
    for _ in range(3):
        w, value = step(w, X, LABELS, 0.5)
        gradient, expected = grad_and_loss(softmax_loss)(plain, X, LABELS)
        plain = plain - 0.5 * gradient.asnumpy()
        numpy.testing.assert_allclose(float(value), float(expected), rtol=1e-12)
    numpy.testing.assert_allclose(w.asnumpy(), plain, rtol=1e-10)
    assert minpy.explain(step).leftovers == []
    assert minpy.explain(step).compilations == 1


def test_nested_parameters():
    def loss(params, x):
        return np.sum((np.dot(x, params["w"]) + params["layers"][0]) ** 2)

    params = {"w": W, "layers": [RNG.randn(3), RNG.randn(2)]}
    eager = grad(loss)(params, X)
    compiled = grad(minpy.jit(loss))(params, X)
    inside = minpy.jit(lambda p, x: grad(loss)(p, x))(params, X)
    for found in (eager, compiled, inside):
        numpy.testing.assert_allclose(
            found["w"].asnumpy(),
            numeric_gradient(lambda w: loss({**params, "w": w}, X), W),
            rtol=1e-5,
            atol=1e-6,
        )
        numpy.testing.assert_array_equal(found["layers"][1].asnumpy(), numpy.zeros(2))


def test_documented_numbers():
    def foo(x):
        return x**2

    def bar(a, b, c):
        return 3 * a + b**2 - c

    assert foo(4) == 16
    for wrap in (lambda f: f, minpy.jit):
        assert grad(wrap(foo))(4) == 8.0
        assert type(grad(wrap(foo))(4)) is float
        assert grad(grad(wrap(foo)))(4) == 2.0
        assert grad(wrap(bar), [0, 1, 2])(2, 3, 4) == [3.0, 6.0, -1.0]
        assert grad_and_loss(wrap(bar), [0, 1, 2])(2, 3, 4) == ([3.0, 6.0, -1.0], 11.0)
        assert value_and_grad(wrap(foo))(3.0) == (9.0, 6.0)
        numpy.testing.assert_array_equal(grad(wrap(foo))(numpy.array([1.0, 2.0])).asnumpy(), [2, 4])


def test_argument_that_is_not_used():
    for f in (lambda x, y: np.sum(x), minpy.jit(lambda x, y: np.sum(x))):
        with pytest.warns(GradientWarning, match="for argument 1 is zero"):
            first, second = grad(f, [0, 1])(numpy.ones(2), numpy.ones(3))
        numpy.testing.assert_array_equal(first.asnumpy(), [1, 1])
        numpy.testing.assert_array_equal(second.asnumpy(), [0, 0, 0])


def test_gradients_do_not_share_memory():
    for f in (lambda x, y: np.sum(x + y), minpy.jit(lambda x, y: np.sum(x + y))):
        first, second = grad(f, [0, 1])(numpy.ones(2), numpy.ones(2))
        first += 5
        numpy.testing.assert_array_equal(second.asnumpy(), [1, 1])
    y = np.array([3.0, 4.0])
    gradient = grad(minpy.jit(lambda x: np.sum(x * y)))(np.ones(2))
    gradient += 1
    numpy.testing.assert_array_equal(y.asnumpy(), [3, 4])


def test_model_as_documented():
    class SimpleNet:
        def __init__(self):
            self.params = {"w": np.array(W), "b": np.zeros((1, 1))}

        def forward(self, x):
            return np.maximum(0, np.dot(x, self.params["w"]) + self.params["b"])

        def loss(self, x, y):
            probs = np.exp(self.forward(x))
            probs = probs / np.sum(probs, axis=1, keepdims=True)
            return -np.sum(np.log(probs) * y) / x.shape[0]

    net = SimpleNet()
    y = numpy.eye(3)[LABELS]

    def loss_func(w, b, x, y):
        net.params["w"] = w
        net.params["b"] = b
        return net.loss(x, y)

    eager = grad(loss_func, [0, 1])(net.params["w"], net.params["b"], X, y)
    compiled = grad(minpy.jit(loss_func), [0, 1])(np.array(W), np.zeros((1, 1)), X, y)
    for a, b in zip(eager, compiled):
        numpy.testing.assert_allclose(b.asnumpy(), a.asnumpy(), rtol=1e-6)
    compiled_x = grad(minpy.jit(net.loss))(X, y)
    numpy.testing.assert_allclose(compiled_x.asnumpy(), grad(net.loss)(X, y).asnumpy(), rtol=1e-6)


def test_gradient_of_a_function_defined_inside():
    def newton(x, steps):
        def f(v):
            return np.sum(v**3 - 2 * v)

        for _ in range(steps):
            x = x - grad(f)(x) / grad(lambda v: np.sum(grad(f)(v)))(x)
        return x

    start = numpy.array([1.0, 2.0])
    compiled = minpy.jit(newton)
    numpy.testing.assert_allclose(compiled(start, 8).asnumpy(), numpy.sqrt([2 / 3, 2 / 3]), rtol=1e-10)
    assert minpy.explain(compiled).leftovers == []


def test_gradient_through_star_arguments_and_decorators():
    def wrapped(function):
        import functools

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs) * 2

        return wrapper

    def f(x, y, *, k):
        return np.sum(x * y * k)

    x, y, k = numpy.array([1.0, 2.0]), numpy.array([3.0, 5.0]), numpy.array([7.0, 11.0])
    compiled = minpy.jit(wrapped(f))
    of_y, of_k = grad(compiled, [1, "k"])(x, y, k=k)
    numpy.testing.assert_array_equal(of_y.asnumpy(), 2 * x * k)
    numpy.testing.assert_array_equal(of_k.asnumpy(), 2 * x * y)
    versions = [v for region in minpy.explain(compiled).regions for v in region.versions]
    assert [v.purpose for v in versions] == ["value and gradient"]
    numpy.testing.assert_array_equal(grad(minpy.jit(f), "k")(x, y, k=k).asnumpy(), x * y)


@pytest.mark.parametrize("shape", [(400, 3), (400,)], ids=str)
def test_products_of_a_large_and_a_narrow_array(shape):
    """They take ways of their own; the large one, which oneDNN reads, stays as it is."""
    x, w = (numpy.random.standard_normal(s).astype("float32") for s in ((1500, 400), shape))
    arrays = [np.array(w), np.array(x)]
    value, gradient = minpy.value_and_grad(minpy.jit(lambda w, x: np.sum(np.tanh(np.dot(x, w)))))(*arrays)
    wide = x.astype("float64")
    product = numpy.tanh(wide @ w)
    numpy.testing.assert_allclose(value, product.sum(), rtol=1e-4, atol=1e-2)
    numpy.testing.assert_allclose(gradient, wide.T @ (1 - product**2), rtol=1e-3, atol=1e-3)
    assert (arrays[0].asnumpy() == w).all() and (arrays[1].asnumpy() == x).all()


@pytest.mark.parametrize("function", (lambda x: np.sum(x), lambda x: np.dot(np.reshape(x, (1,)), np.ones(1))))
def test_sums_and_products_that_give_a_number_have_no_axes(function):
    def total(x):
        return np.sum(W * np.broadcast_to(function(x), ()))

    x = numpy.array(0.5)
    assert_close = numpy.testing.assert_allclose
    assert_close(grad(minpy.jit(total))(x), numeric_gradient(total, x), rtol=1e-6)
    assert_close(minpy.jit(grad(total))(x), numeric_gradient(total, x), rtol=1e-6)
