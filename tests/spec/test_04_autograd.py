"""Autograd in MinPy."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from minpy.core import grad, grad_and_loss
from minpy.utils.gradient_checker import check_gradients


def foo(x):
    return x**2


d_foo = grad(foo)
d_2_foo = grad(d_foo)
d_3_foo = grad(d_2_foo)


def test_derivatives_of_any_order(capsys):
    assert foo(4) == 16 and type(foo(4)) is int
    print(d_foo(4))
    assert capsys.readouterr().out == "8.0\n"
    assert (d_2_foo(4.0), d_3_foo(4.0)) == (2.0, 0.0)


def test_vector_inputs():
    """Element by element, as for the curves of the page."""
    assert d_foo(np.array([1, 2, 3, 4])).tolist() == [2, 4, 6, 8]
    x = np.linspace(-10, 10, 41)
    for derivative, expected in ((d_foo, 2 * x.asnumpy()), (d_2_foo, 2), (d_3_foo, 0)):
        numpy.testing.assert_allclose(derivative(x).asnumpy(), numpy.full(41, expected), rtol=1e-6)


def bar(a, b, c):
    return 3 * a + b**2 - c


def test_multivariate_functions(capsys):
    gradient = grad(bar, [0, 1, 2])
    grad_array = gradient(2, 3, 4)
    print(grad_array)
    assert capsys.readouterr().out == "[3.0, 6.0, -1.0]\n"


def test_gradient_and_value_at_once():
    forward_backward = grad_and_loss(bar, [0, 1, 2])
    grad_array, result = forward_backward(2, 3, 4)
    assert (grad_array, result) == ([3.0, 6.0, -1.0], 11)


def affine(x, w, b):
    out = np.dot(x, w) + b
    return out


def relu(x):
    out = np.maximum(0, x)
    return out


def softmax_loss(x, y):
    N = x.shape[0]
    probs = np.exp(x - np.max(x, axis=1, keepdims=True))
    probs = probs / np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(np.log(probs) * y) / N
    return loss


class SimpleNet:
    def __init__(self, input_size=100, num_class=3):
        self.params = {}
        self.params["w"] = np.random.randn(input_size, num_class) * 0.01
        self.params["b"] = np.zeros((1, 1))

    def forward(self, X):
        y1 = affine(X, self.params["w"], self.params["b"])
        y2 = relu(y1)
        return y2

    def loss(self, X, y):
        return softmax_loss(self.forward(X), y)


def test_gradients_of_a_network():
    batch_size, input_size, num_class = 20, 10, 3
    net = SimpleNet(input_size, num_class)
    x = np.random.randn(batch_size, input_size)
    idx = np.random.randint(0, 3, size=batch_size)
    y = np.zeros((batch_size, num_class))
    y[np.arange(batch_size), idx] = 1

    gradient = grad(net.loss)
    d_x = gradient(x, y)
    assert d_x.shape == (batch_size, input_size)
    check_gradients(net.loss, x, y, argnum=0)

    def loss_func(w, b, X, y):
        net.params["w"] = w
        net.params["b"] = b
        return net.loss(X, y)

    gradient = grad(loss_func, [0, 1])
    w, b = net.params["w"], net.params["b"]
    check_gradients(loss_func, w, b, x, y, argnum=[0, 1])
    d_w, d_b = gradient(w, b, x, y)
    assert (d_w.shape, d_b.shape) == (w.shape, b.shape)
    before = float(loss_func(w, b, x, y))
    assert loss_func(w - 0.1 * d_w, b - 0.1 * d_b, x, y) < before  # a step downhill
