"""NumPy under MinPy, with GPU."""

from __future__ import annotations

import numpy
import pytest

import minpy.numpy as np
import minpy.numpy.random as random
from minpy.context import cpu, gpu, num_gpus
from minpy.core import grad
from minpy.errors import ContextError


def test_array_creation():
    a = np.array([1, 2, 3])
    b = np.array([[1, 2, 3], [2, 3, 4]])
    assert (a.shape, b.shape, b.tolist()) == ((3,), (2, 3), [[1, 2, 3], [2, 3, 4]])
    made = np.zeros((2, 3)), np.ones((2, 3)), np.full((2, 3), 7)
    assert [x.tolist() for x in made] == [[[number] * 3] * 2 for number in (0, 1, 7)]
    assert np.empty((2, 3)).shape == (2, 3)


def test_basic_operations(capsys):
    a = np.ones((2, 3))
    b = np.ones((2, 3))
    c = a + b
    d = -c
    print(d)
    e = np.sin(c**2).T
    print(e)
    f = np.maximum(a, c)
    print(f)
    printed = capsys.readouterr().out.replace("[[ ", "[[").split("\n")
    assert printed[:2] == ["[[-2. -2. -2.]", " [-2. -2. -2.]]"]
    # The page has the digits of float32.
    assert [line.strip(" []") for line in printed[2:5]] == ["-0.7568025 -0.7568025"] * 3
    assert printed[5:] == ["[[2. 2. 2.]", " [2. 2. 2.]]", ""]


def test_slices_and_slice_axis():
    numbers = numpy.arange(6).reshape(2, 3)
    a = np.array(numbers)
    assert a[0].tolist() == [0, 1, 2] and a[0:1].tolist() == [[0, 1, 2]]
    for axis, begin, end in ((0, 1, 2), (1, 0, 2)):
        kept = numbers.take(range(begin, end), axis)
        assert np.slice_axis(a, axis=axis, begin=begin, end=end).tolist() == kept.tolist()


def test_derivative_of_a_polynomial(capsys):
    def foo(x):
        return 5 * (x**2) + 3 * x - 2

    print(foo(4))
    d_foo = grad(foo)
    print(d_foo(4))
    assert capsys.readouterr().out == "90\n43.0\n"


def test_products_on_each_device():
    def product():
        x = random.rand(64, 64) - 0.5
        y = random.rand(64, 64) - 0.5
        z = np.dot(x, y)
        return z, x.asnumpy() @ y.asnumpy()

    with cpu():
        z_cpu, expected = product()
    assert z_cpu.context == cpu()
    numpy.testing.assert_allclose(z_cpu.asnumpy(), expected, rtol=1e-4, atol=1e-5)

    if num_gpus():
        with gpu(0):
            z_gpu0, expected = product()
        assert z_gpu0.context == gpu(0)
        numpy.testing.assert_allclose(z_gpu0.asnumpy(), expected, rtol=1e-4, atol=1e-5)
    else:
        with pytest.raises(ContextError, match="gpu"), gpu(0):
            product()
