"""Products with Jacobians against Jacobians worked out by hand."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import elementwise_grad, grad, hessian, hvp, jacobian, jvp, vjp
from minpy.errors import GradientError, ShapeError

A = numpy.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
X = numpy.array([0.3, -1.2, 2.0])
WRAPS = pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])


def linear(x):
    return np.dot(A, x)


def cubic(x):
    return np.sum(x**3) + x[0] * x[1] * x[2]


def cubic_hessian(x):
    return numpy.diag(6 * x) + numpy.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]])


@WRAPS
def test_jacobian(wrap):
    numpy.testing.assert_allclose(jacobian(wrap(linear))(X).asnumpy(), A)
    found = jacobian(wrap(lambda x: np.tanh(x) * 2))(X).asnumpy()
    numpy.testing.assert_allclose(found, numpy.diag(2 * (1 - numpy.tanh(X) ** 2)), rtol=1e-12)
    by_second = jacobian(wrap(lambda y, x: np.dot(A, x) * y), 1)(numpy.array([1.0, 10.0]), X)
    numpy.testing.assert_allclose(by_second.asnumpy(), A * [[1], [10]])


@WRAPS
def test_jacobian_of_a_matrix_has_all_axes(wrap):
    x = numpy.arange(6.0).reshape(2, 3)
    found = jacobian(wrap(lambda x: x.T * 2))(x).asnumpy()
    assert found.shape == (3, 2, 2, 3)
    expected = numpy.zeros((3, 2, 2, 3))
    for i in range(3):
        for j in range(2):
            expected[i, j, j, i] = 2
    numpy.testing.assert_array_equal(found, expected)


@WRAPS
def test_hessian_and_hvp(wrap):
    numpy.testing.assert_allclose(hessian(wrap(cubic))(X).asnumpy(), cubic_hessian(X), rtol=1e-12)
    v = numpy.array([1.0, -2.0, 0.5])
    numpy.testing.assert_allclose(hvp(wrap(cubic))(X, v).asnumpy(), cubic_hessian(X) @ v, rtol=1e-12)


def test_inside_jit_everything_compiles():
    v = numpy.array([1.0, -2.0, 0.5])
    cases = [
        (lambda x: jacobian(linear)(x), A),
        (lambda x: hessian(cubic)(x), cubic_hessian(X)),
        (lambda x: hvp(cubic)(x, v), cubic_hessian(X) @ v),
        (lambda x: jvp(linear, (x,), (v,))[1], A @ v),
        (lambda x: jvp(cubic, (x,), (v,))[1], (3 * X**2 + X.prod() / X) @ v),
        (lambda x: grad(lambda u: np.sum(u * u * x))(np.ones(1)), [2 * X.sum()]),
        (lambda x: vjp(linear, x)[1](np.array([1.0, 2.0]))[0], A.T @ [1.0, 2.0]),
        (lambda x: elementwise_grad(np.sin)(x), numpy.cos(X)),
    ]
    for function, expected in cases:
        compiled = minpy.jit(function)
        numpy.testing.assert_allclose(compiled(X), expected, rtol=1e-6)
        assert minpy.explain(compiled).leftovers == []


@WRAPS
def test_vjp_can_be_pulled_many_times(wrap):
    value, pull = vjp(wrap(linear), X)
    numpy.testing.assert_allclose(value.asnumpy(), A @ X)
    for g in ([1.0, 0.0], [0.0, 1.0], [2.0, -3.0]):
        (cotangent,) = pull(numpy.array(g))
        numpy.testing.assert_allclose(cotangent.asnumpy(), A.T @ g)


def test_vjp_of_nested_arguments_and_results():
    def function(params, x):
        return {"y": x * params["a"], "z": (np.sum(params["b"][0] ** 2),)}

    params = {"a": X, "b": [numpy.array([1.0, 2.0])]}
    value, pull = vjp(function, params, X)
    numpy.testing.assert_allclose(value["y"].asnumpy(), X * X)
    of_params, of_x = pull({"y": numpy.ones(3), "z": (10.0,)})
    numpy.testing.assert_allclose(of_params["a"].asnumpy(), X)
    numpy.testing.assert_allclose(of_params["b"][0].asnumpy(), [20, 40])
    numpy.testing.assert_allclose(of_x.asnumpy(), X)


@WRAPS
def test_jvp(wrap):
    value, tangent = jvp(wrap(np.sin), (X,), (numpy.ones(3),))
    numpy.testing.assert_allclose(value.asnumpy(), numpy.sin(X), rtol=1e-12)
    numpy.testing.assert_allclose(tangent.asnumpy(), numpy.cos(X), rtol=1e-12)
    _, tangent = jvp(lambda x, y: x * y, (X, 2 * X), (numpy.ones(3), numpy.full(3, 5.0)))
    numpy.testing.assert_allclose(tangent.asnumpy(), 2 * X + 5 * X)


def test_vjp_is_differentiable():
    def slope(x):
        _, pull = vjp(lambda v: v**3, x)
        return np.sum(pull(np.ones_like(x))[0])

    numpy.testing.assert_allclose(grad(slope)(X).asnumpy(), 6 * X)


def test_errors():
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        vjp(linear, X)[1](numpy.ones(3))
    with pytest.raises(ShapeError, match="nested"):
        vjp(lambda x: (x, x), X)[1](numpy.ones(3))
    with pytest.raises(GradientError, match="floats"):
        vjp(lambda x: x > 0, X)
    with pytest.raises(GradientError, match="argument 1"):
        vjp(lambda x, y: x, X, "text")
