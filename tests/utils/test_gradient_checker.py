"""The gradient checker accepts right gradients and finds wrong ones."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import customop
from minpy.errors import GradientError
from minpy.utils.gradient_checker import check_gradients, quick_grad_check

X = numpy.array([[0.5, -1.0], [2.0, 0.25]])


@customop("numpy")
def wrong_at_one_element(x):
    return x**2


def _wrong(ans, x):
    def gradient(g):
        result = 2 * g * x
        result[1, 0] += 0.125
        return result

    return gradient


wrong_at_one_element.def_grad(_wrong)


def test_right_gradients(capsys):
    assert quick_grad_check(lambda x, k: np.sum(np.tanh(x) * k), X, (3.0,))
    assert "OK" in capsys.readouterr().out
    assert quick_grad_check(minpy.jit(lambda x: np.sum(np.exp(x))), X, verbose=False)
    assert quick_grad_check(lambda x: x**3, 2.0, verbose=False)
    check_gradients(lambda x, n, y: np.sin(x) * y + n, X, 3, numpy.array([2.0, -1.0]))
    assert capsys.readouterr().out == ""


def test_wrong_gradients_are_named():
    def function(y, x):
        return np.sum(wrong_at_one_element(x)) * y

    with pytest.raises(GradientError, match="numeric derivative"):
        quick_grad_check(lambda x: np.sum(wrong_at_one_element(x)), X)
    with pytest.raises(GradientError, match=r"argument 1: 1 of 4 .* \[1, 0\]: the gradient says 4\.125"):
        check_gradients(function, 1.0, X)
    check_gradients(function, 1.0, X, argnum=0)
    with pytest.raises(GradientError, match="nothing to check"):
        check_gradients(function, (1.0, X))
