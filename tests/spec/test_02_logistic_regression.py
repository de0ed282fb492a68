"""Logistic regression tutorial."""

from __future__ import annotations

import re

import numpy
import pytest

import minpy
import minpy.numpy as np
import minpy.numpy.random as random
from examples.utils.data_utils import gaussian_cluster_generator as make_data
from minpy.context import cpu, set_context
from minpy.core import grad_and_loss

NUM_SAMPLES, NUM_FEATURES, NUM_CLASSES, LOOPS = 200, 50, 5, 31


def gaussian_clusters(num_samples, num_features, num_classes, np=numpy):
    """The generator as the page prints it; ``np`` is NumPy or MinPy."""
    mu = np.random.rand(num_classes, num_features)
    sigma = np.ones((num_classes, num_features)) * 0.1
    num_cls_samples = num_samples // num_classes
    x = np.zeros((num_samples, num_features))
    y = np.zeros((num_samples, num_classes))
    for i in range(num_classes):
        cls_samples = np.random.normal(mu[i, :], sigma[i, :], (num_cls_samples, num_features))
        x[i * num_cls_samples : (i + 1) * num_cls_samples] = cls_samples
        y[i * num_cls_samples : (i + 1) * num_cls_samples, i] = 1
    return x, y


@pytest.mark.parametrize("library", [numpy, np], ids=["numpy", "minpy"])
def test_generator(library):
    x, y = gaussian_clusters(NUM_SAMPLES, NUM_FEATURES, NUM_CLASSES, library)
    numpy.random.seed(0)
    made_x, made_y = make_data(NUM_SAMPLES, NUM_FEATURES, NUM_CLASSES)
    numpy.testing.assert_allclose(numpy.asarray(x), made_x, atol=1e-6)  # MinPy's are float32
    numpy.testing.assert_array_equal(numpy.asarray(y), made_y)


def trained_by_numpy(data, label, w):
    """The losses of the page's program in plain NumPy, with the gradient that a person derived."""
    losses = []
    for _ in range(LOOPS):
        a = numpy.exp(numpy.dot(data, w))
        prob = a / numpy.sum(a, axis=1, keepdims=True)
        losses.append(-numpy.sum(label * numpy.log(prob)) / NUM_SAMPLES)
        w -= 0.1 * (numpy.dot(data.T, prob - label) / NUM_SAMPLES)
    return losses


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
def test_numpy_and_minpy_version_print_the_same_losses(jit, capsys):
    set_context(cpu())  # the page has gpu(0) here
    data, label = make_data(NUM_SAMPLES, NUM_FEATURES, NUM_CLASSES)
    weight = random.randn(NUM_FEATURES, NUM_CLASSES)
    expected = trained_by_numpy(data, label, weight.asnumpy().copy())

    def predict(w, x):
        a = np.exp(np.dot(x, w))
        a_sum = np.sum(a, axis=1, keepdims=True)
        prob = a / a_sum
        return prob

    def train_loss(w, x):
        prob = predict(w, x)
        loss = -np.sum(label * np.log(prob)) / NUM_SAMPLES
        return loss

    grad_function = grad_and_loss(minpy.jit(train_loss) if jit else train_loss)

    def train(w, x, loops):
        for i in range(loops):
            dw, loss = grad_function(w, x)
            if i % 10 == 0:
                print(f"Iter {i}, training loss {loss}")
            w -= 0.1 * dw

    train(weight, data, LOOPS)
    lines = re.findall(r"Iter (\d+), training loss (\S+)\n", capsys.readouterr().out)
    assert [int(i) for i, _ in lines] == [0, 10, 20, 30]
    numpy.testing.assert_allclose([float(loss) for _, loss in lines], expected[::10], rtol=1e-5)
    assert expected[-1] < 0.5 * expected[0]
