"""Limitation and Pitfalls: most are none any more."""

from __future__ import annotations

import mxnet as mx
import numpy as npp
import pytest

import minpy.numpy as np
from minpy.array import Array
from minpy.core import Function, grad
from minpy.utils.gradient_checker import check_gradients


@pytest.mark.parametrize("transpose", [np.transpose, lambda a: a.transpose()], ids=["function", "method"])
def test_transpose(transpose):
    a = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert transpose(a).tolist() == [[1, 4], [2, 5], [3, 6]]
    w = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert grad(lambda a: np.sum(transpose(a) * w))(a).tolist() == w.T.tolist()


def test_assignment_to_an_element():
    a = np.zeros((2, 3))
    a[0, 1] = 12
    assert a.tolist() == [[0, 12, 0], [0, 0, 0]]

    def loss(a, x):
        a = np.array(a) * 2
        a[0, 1] = x
        return np.sum(a**2)

    check_gradients(loss, np.array([[1.0, 2.0, 3.0]]), np.array(1.5))


def test_numpys_arrays_in_a_function():
    """Arithmetic of NumPy's arrays is NumPy's; a function of MinPy's gives an array of MinPy's."""

    def simple_add(a, b):
        return a + b

    a = npp.ones((10, 10))
    b = npp.zeros((10, 10))
    assert type(simple_add(a, b)) is npp.ndarray
    for found in (np.add(a, b), simple_add(np.array(a), b), simple_add(a, np.array(b))):
        assert type(found) is Array
    d_a = grad(lambda a: np.sum(simple_add(a, b)))(a)
    npp.testing.assert_array_equal(d_a, npp.ones((10, 10)))


def test_types(capsys):
    a = np.zeros((2, 3))
    print(type(a))
    print(type(a.asnumpy()))
    assert capsys.readouterr().out == "<class 'minpy.array.Array'>\n<class 'numpy.ndarray'>\n"


@pytest.mark.parametrize("name", ["random", "linalg", "fft", "polynomial", "testing"])
def test_submodules(name):
    assert hasattr(np, name)


def test_one_symbol_for_different_data():
    net = mx.sym.FullyConnected(mx.sym.Variable("X"), name="fc", num_hidden=2)
    twice = Function(net, input_shapes={"X": (4, 3)}, name="fc")
    bias = np.zeros(2)

    def loss(w, x1, x2):
        first = twice(X=x1, fc_weight=w, fc_bias=bias)
        second = twice(X=x2, fc_weight=w, fc_bias=bias)
        return np.sum(first * np.tanh(second))

    check_gradients(loss, *(npp.random.standard_normal(shape) for shape in ((2, 3), (4, 3), (4, 3))))
