"""Customized Operator."""

from __future__ import annotations

import mxnet
import numpy
import pytest

import minpy
import minpy.core
import minpy.numpy as np
import minpy.primitive
from minpy.core import grad, grad_and_loss
from minpy.nn import layers
from minpy.primitive import customop


@customop("numpy")
def my_softmax(x, y):
    assert type(x) is type(y) is numpy.ndarray
    probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
    probs /= numpy.sum(probs, axis=1, keepdims=True)
    N = x.shape[0]
    loss = -numpy.sum(numpy.log(probs[numpy.arange(N), y])) / N
    return loss


def my_softmax_grad(ans, x, y):
    def grad(g):
        N = x.shape[0]
        probs = numpy.exp(x - numpy.max(x, axis=1, keepdims=True))
        probs /= numpy.sum(probs, axis=1, keepdims=True)
        probs[numpy.arange(N), y] -= 1
        probs /= N
        return probs

    return grad


my_softmax.def_grad(my_softmax_grad)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
def test_softmax(jit):
    scores = np.random.standard_normal((6, 4))
    labels = np.array([0, 1, 2, 3, 0, 1])
    function = minpy.jit(lambda x: my_softmax(x, labels)) if jit else (lambda x: my_softmax(x, labels))
    d_scores, loss = grad_and_loss(function)(scores)
    expected, expected_loss = grad_and_loss(layers.softmax_loss)(scores, labels)
    numpy.testing.assert_allclose(float(loss), float(expected_loss), rtol=1e-5)
    numpy.testing.assert_allclose(d_scores.asnumpy(), expected.asnumpy(), rtol=1e-5, atol=1e-7)


def test_arrays_of_mxnet():
    @customop("mxnet")
    def square(x):
        assert isinstance(x, (mxnet.nd.NDArray, mxnet.np.ndarray))
        return x * x

    square.def_grad(lambda ans, x: lambda g: g * 2 * x)
    x = np.array([1.0, 2.0, 3.0])
    assert square(x).tolist() == square(x.asnumpy()).tolist() == [1, 4, 9]
    assert grad(lambda x: np.sum(square(x)))(x).tolist() == [2, 4, 6]


def test_gradients_for_each_argument():
    @customop()
    def scaled(x, factor):
        return x * factor

    scaled.def_grad(lambda ans, x, factor: lambda g: g * factor, argnum=0)
    scaled.def_grad(lambda ans, x, factor: lambda g: numpy.sum(g * x), argnum=1)
    gradients = grad(lambda x, factor: np.sum(scaled(x, factor)), [0, 1])(np.array([1.0, 2.0]), 3.0)
    assert (gradients[0].tolist(), gradients[1]) == ([3, 3], 3.0)


def test_where_it_is_found():
    assert minpy.customop is minpy.core.customop is minpy.primitive.customop
