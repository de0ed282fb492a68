"""Gradients of functions that write to memory which the tape relies on, by another name for it."""

from __future__ import annotations

import gc

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import checkpoint, custom_gradient, customop, grad, vjp
from minpy.errors import GradientWarning
from minpy.runtime.tape import recording

X = numpy.array([1.0, 2.0, 3.0])


def buffer_of_numpy():
    buffer = numpy.zeros(3)

    def f(x):
        total = 0
        for i in range(3):
            buffer[:] = i + 1
            total = total + (x * x * buffer).sum()
        return total

    return f


def large_buffer():  # copied once, and again where it was written
    buffer, parts = numpy.ones(3000), numpy.ones(3000, complex)[::2]

    def f(x):
        total = 0
        for i in range(4):
            total = total + (x[0] ** 2 * buffer).sum() + (x[1] * x * buffer[:3]).sum()
            total = total + (x[2] ** 2 * parts).sum().real
            if i % 2:
                buffer[:2] += 1
                parts[0] += 1
        return total

    return f


def index_and_mask():
    index, mask = numpy.array([0, 1]), numpy.array([True, False, True])

    def f(x):
        total = (x[index] ** 2).sum() + (x[mask] ** 3).sum()
        index[:], mask[0] = 2, False
        return total + (x[index] ** 2).sum() + np.where(mask, x**3, x).sum()

    return f


def wrapped_twice():
    n = numpy.ones(3)
    a, b = np.asarray(n), np.asarray(n)

    def f(x):
        total = (x * x * a).sum()
        b[0] = 7
        return total + (x * a).sum()

    return f


def shown_by(show):
    def made():
        a = np.array(X)
        other = show(a)

        def f(x):
            total = (x * x * a).sum() + (x[1:] ** 2 * a[1:]).sum()
            other[:] = 7 * numpy.ones(other.shape)
            return total + (x * a).sum()

        return f

    return made


def slice_of_wrapped():
    n = numpy.array([1.0, 2, 3])
    a = np.asarray(n)[1:]

    def f(x):
        total = (x[1:] ** 2 * a).sum()
        n[1] = 7
        return total + (x[1:] * a).sum()

    return f


def memory_of_bytes():
    memory = bytearray(X.tobytes())
    n = numpy.frombuffer(memory)
    a = np.asarray(n)

    def f(x):
        total = (x * x * a).sum() + (x**3 * n).sum()
        memory[:8] = bytes(8)
        return total + (x * a).sum()

    return f


def inside_a_gradient():
    n = numpy.ones(3)
    a = np.asarray(n)

    def f(x):
        inner = grad(lambda y: (y * y * a).sum())(x)
        _, pull = vjp(lambda y: (y**2 * a).sum(), x)
        n[0] = 5.0
        return (inner * a * x + pull(2.0)[0]).sum()

    return f


def custom_gradient_that_writes():
    @custom_gradient
    def square(x):
        y, before = x * x, x.copy()
        x[0] = 77
        return y, lambda g: g * 2 * before

    def f(x):
        y = x * 1.0
        squared = y * y
        return square(y).sum() + squared.sum()

    return f


def custom_gradient_of_something_global():
    c = np.array([1.0, 2, 3])
    constant = custom_gradient(lambda x: (c, lambda g: 0 * g))

    def f(x):
        total = (constant(x) * x).sum()
        c[0] = 7.0
        return total + (c * x).sum()

    return f


def customop_with_a_buffer():
    buffer = numpy.zeros(3)

    @customop("numpy")
    def square(x):
        buffer[:] = x * x
        return buffer

    square.def_grad(lambda ans, x: lambda g: g * 2 * x)

    def f(x):
        first = square(x)
        total = (first * first).sum()
        return total + square(2 * x).sum()

    return f


def checkpoint_of_numpys():
    n = numpy.array([1.0, 2, 3])
    times = checkpoint(lambda x, n: x * x * n)

    def f(x):
        total = times(x, n).sum()
        n[0] = 9
        return total + (x * n).sum()

    return f


@pytest.mark.parametrize(
    "made",
    [
        buffer_of_numpy,
        large_buffer,
        index_and_mask,
        wrapped_twice,
        slice_of_wrapped,
        pytest.param(shown_by(numpy.asarray), id="numpys_view"),
        pytest.param(shown_by(lambda a: numpy.asarray(memoryview(a))), id="memoryview"),
        pytest.param(shown_by(lambda a: a.asmxnet()), id="mxnets_view"),
        pytest.param(shown_by(lambda a: numpy.asarray(a[1:])), id="numpys_view_of_a_slice"),
        memory_of_bytes,
        inside_a_gradient,
        custom_gradient_that_writes,
        custom_gradient_of_something_global,
        customop_with_a_buffer,
        checkpoint_of_numpys,
    ],
)
@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
def test_gradient(made, wrap):
    step = 1e-6
    expected = [
        (float(made()(np.array(X + d))) - float(made()(np.array(X - d)))) / (2 * step)
        for d in step * numpy.eye(3)
    ]
    numpy.testing.assert_allclose(grad(wrap(made()))(np.array(X)).asnumpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [numpy.array, np.array, lambda x: np.asarray(numpy.array(x))])
def test_one_array_for_two_arguments(kind):
    def f(x, y):
        total = (x**2).sum()
        y[0] = 100.0
        return total + (x * y).sum()

    x = kind([1.0, 2.0, 3.0])
    numpy.testing.assert_array_equal(grad(f)(x, x).asnumpy(), [102.0, 6.0, 9.0])
    numpy.testing.assert_array_equal(x, [100.0, 2.0, 3.0])


def test_mxnets_view_of_a_result():
    def f(x):
        y = x * x
        total = (y * y).sum()
        with pytest.warns(GradientWarning, match="asmxnet"):
            y.asmxnet()[:] = 0
        return total

    numpy.testing.assert_allclose(grad(f)(X).asnumpy(), 4 * X**3)


def test_memory_of_minpys_alone_is_not_copied():
    x, c = np.ones(3), np.ones(3)
    with recording() as tape:
        leaf = tape.leaf(x)
        leaf * c * c[:]
        assert leaf._value._numpy is x._value._numpy
        assert any(value is c._value for record in tape.tape.records for value in record[1])


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
def test_what_a_gradient_writes_reaches_numpys_array(wrap):
    def f(x, memory):
        shown = np.asarray(memory)
        part = shown[1:]
        total = (shown * x).sum()
        part[0] = x[0] * 2
        shown *= x
        part += 1.0
        return total + (shown * part[1]).sum()

    plain, ours = numpy.ones(3), numpy.ones(3)
    step = 1e-6 * numpy.array([1.0, -2.0, 0.5])
    high, low = (float(f(X + d, numpy.ones(3))) for d in (step, -step))
    f(X, plain)
    found = grad(wrap(f))(X, ours)
    numpy.testing.assert_array_equal(ours, plain)
    numpy.testing.assert_allclose(numpy.sum(found * step), (high - low) / 2, rtol=1e-6)


def test_views_stay_writable_when_their_base_becomes_read_only():
    def f(x):
        y = x * 1.0
        first, second = y[:2], y[1:]
        y.flags.writeable = False
        first[0], second[0], first[1] = 5.0, x[0], x[2]
        with pytest.raises(ValueError, match="read-only"):
            y[2] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            y[1:][0] = 1.0
        return (y * y).sum()

    assert f(X) == 25 + 9 + 9
    assert grad(f)(X).tolist() == [0, 0, 12]


def test_nothing_of_a_gradient_waits_for_the_garbage_collector():
    minpy.set_global_policy("only_numpy")
    y = np.array(numpy.linspace(1, 2, 4))
    for call in (
        minpy.grad(lambda x: np.sum(np.tanh(x[1:]) * y[1:]) + np.mean(x)),
        minpy.grad(lambda x: np.sum(minpy.grad(lambda z: np.sum(z**3))(x) * y)),
        minpy.jacobian(lambda x: x * y),
        minpy.hessian(lambda x: np.sum(x * x * y)),
    ):
        x = np.array(numpy.linspace(0.5, 1, 4))
        call(x)
        gc.collect()
        gc.disable()
        try:
            call(x)
            assert gc.collect() == 0
        finally:
            gc.enable()
