"""The differentiation API over nested arguments, by position and by name."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import (
    checkpoint,
    custom_gradient,
    customop,
    elementwise_grad,
    grad,
    grad_and_loss,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from minpy.errors import GradientError, ShapeError

X = numpy.array([0.5, -1.0, 2.0])
Y = numpy.array([3.0, 1.0, -2.0])
Pair = collections.namedtuple("Pair", ["x", "y"])
WRAPS = pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])


@dataclasses.dataclass
class Layer:
    x: Any
    y: Any
    size: int = 3
    name: str = "layer"


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any
    size: int = 3
    name: str = "layer"


def parts(p):
    """The two arrays in any of the containers."""
    if isinstance(p, dict):
        return p["x"], p["y"]
    return (p[0], p[1]) if isinstance(p, (tuple, list)) else (p.x, p.y)


CONTAINERS = {
    "tuple": (X, Y),
    "list": [X, Y],
    "dict": {"x": X, "y": Y},
    "OrderedDict": collections.OrderedDict(y=Y, x=X),
    "defaultdict": collections.defaultdict(list, x=X, y=Y),
    "namedtuple": Pair(X, Y),
    "dataclass": Layer(X, Y),
    "frozen dataclass": Frozen(X, Y, 4),
}


@WRAPS
@pytest.mark.parametrize("name", CONTAINERS)
def test_gradients_have_the_form_of_the_argument(name, wrap):
    def loss(p, factor):
        x, y = parts(p)
        return np.sum(x * x * y) * factor

    given = CONTAINERS[name]
    loss = wrap(loss)
    for found in (
        grad(loss)(given, 2.0),
        grad(loss, "p")(factor=2.0, p=given),
        value_and_grad(loss)(given, 2.0)[1],
    ):
        assert type(found) is type(given)
        by_x, by_y = parts(found)
        numpy.testing.assert_allclose(by_x, 4 * X * Y, rtol=1e-12)
        numpy.testing.assert_allclose(by_y, 2 * X * X, rtol=1e-12)
    if dataclasses.is_dataclass(given):
        assert (found.size, found.name) == (given.size, "layer")


@WRAPS
def test_products_with_jacobians(wrap):
    def function(p):
        x, y = parts(p)
        return {"product": x * y, "sums": (np.sum(x), np.sum(y * y))}

    given, along = {"x": X, "y": Y}, {"x": Y, "y": X}
    value, tangent = jvp(wrap(function), (given,), (along,))
    numpy.testing.assert_allclose(value["product"], X * Y)
    numpy.testing.assert_allclose(tangent["product"], X * X + Y * Y)
    numpy.testing.assert_allclose(tangent["sums"], [Y.sum(), 2 * (X * Y).sum()])
    _, pull = vjp(wrap(function), given)
    (cotangent,) = pull({"product": Y, "sums": (1.0, 0.5)})
    numpy.testing.assert_allclose(cotangent["x"], Y * Y + 1)
    numpy.testing.assert_allclose(cotangent["y"], X * Y + Y)


@WRAPS
def test_jacobians(wrap):
    def function(p, scale=1.0):
        x, y = parts(p)
        return x * y * scale

    found = jacobian(wrap(function))({"x": X, "y": [Y][0]}, scale=2.0)
    numpy.testing.assert_allclose(found["x"], numpy.diag(2 * Y))
    numpy.testing.assert_allclose(found["y"], numpy.diag(2 * X))


@WRAPS
def test_the_argument_is_named_or_counted(wrap):
    def function(x, y=Y):
        return x**2 * y

    function = wrap(function)
    for which, given in (("y", (X, Y)), (-1, (X, Y)), (1, (X, Y))):
        numpy.testing.assert_allclose(jacobian(function, which)(*given), numpy.diag(X * X))
        numpy.testing.assert_allclose(elementwise_grad(function, which)(*given), X * X)
    numpy.testing.assert_allclose(jacobian(function, "y")(X, y=Y), numpy.diag(X * X))
    numpy.testing.assert_allclose(jacobian(function)(X, y=Y), numpy.diag(2 * X * Y))
    by_both = jacobian(function, ["y", "x"])(X, Y)
    numpy.testing.assert_allclose(by_both[0], numpy.diag(X * X))
    numpy.testing.assert_allclose(by_both[1], numpy.diag(2 * X * Y))

    def loss(x, y):
        return np.sum(x**2 * y**3)

    loss = wrap(loss)
    numpy.testing.assert_allclose(hessian(loss, "y")(X, Y), numpy.diag(6 * X * X * Y))
    numpy.testing.assert_allclose(hvp(loss, "y")(X, Y, X), 6 * X**3 * Y)
    numpy.testing.assert_allclose(hvp(loss)(X, X, y=Y), 2 * X * Y**3)


def test_defaults_are_arguments():
    def loss(x, rate=3.0):
        return np.sum(x) * rate

    assert grad(loss, "rate")(X) == X.sum()
    numpy.testing.assert_allclose(grad_and_loss(loss, ["rate", 0])(X)[0][1], [3, 3, 3])
    with pytest.raises(TypeError, match="no argument 'other'"):
        jacobian(lambda x: x, "other")(X)


def test_jacobians_of_numbers():
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert hessian(lambda x: x**3)(2.0) == 12.0
    numpy.testing.assert_allclose(jacobian(lambda x: np.stack([x, x * x]))(3.0), [1, 6])
    assert jvp(lambda x: {"square": x * x}, (3.0,), (1.0,))[1] == {"square": 6.0}
    assert minpy.jit(lambda x: hessian(lambda y: y**3)(x))(2.0) == 12.0


@WRAPS
def test_jacobians_of_nested_values(wrap):
    def function(p):
        x, y = parts(p)
        return {"product": x * y, "sums": (np.sum(x), np.sum(y * y)), "none": x[:0]}

    for given in (Pair(X, Y), {"x": X, "y": Y}, Layer(X, Y)):
        found = jacobian(wrap(function))(given)
        assert type(found["product"]) is type(given)
        for part, expected in (
            (found["product"], (numpy.diag(Y), numpy.diag(X))),
            (found["sums"][0], (numpy.ones(3), numpy.zeros(3))),
            (found["sums"][1], (numpy.zeros(3), 2 * Y)),
            (found["none"], numpy.zeros((2, 0, 3))),
        ):
            numpy.testing.assert_allclose(parts(part), expected, rtol=1e-12)


@WRAPS
def test_hessians_of_several_arguments(wrap):
    def loss(p, z):
        x, y = parts(p)
        return np.sum(x**2 * y**3) * z

    of_p = hessian(wrap(loss))({"x": X, "y": Y}, 2.0)
    blocks = {
        "x": {"x": 4 * Y**3, "y": 12 * X * Y**2},
        "y": {"x": 12 * X * Y**2, "y": 12 * X**2 * Y},
    }
    for one, row in blocks.items():
        for other, expected in row.items():
            numpy.testing.assert_allclose(of_p[one][other], numpy.diag(expected), rtol=1e-12)
    of_both = hessian(wrap(loss), ["z", 0])({"x": X, "y": Y}, 2.0)
    numpy.testing.assert_allclose(of_both[0][1]["y"], 3 * X**2 * Y**2, rtol=1e-12)
    numpy.testing.assert_allclose(of_both[1]["y"][0], 3 * X**2 * Y**2, rtol=1e-12)
    assert of_both[0][0] == 0


def test_directions_have_to_fit():
    for tangents, error in (
        ((numpy.ones(1),), r"\(1,\)"),
        ((1.0,), r"\(\)"),
        ((X, X), "nested"),
        (([X],), "nested"),
    ):
        with pytest.raises(ShapeError, match=error):
            jvp(lambda x: x * x, (X,), tangents)
    with pytest.raises(ShapeError, match=r"the vector has shape \(1,\), the argument has \(3,\)"):
        hvp(lambda x: np.sum(x**3))(X, numpy.ones(1))


@WRAPS
def test_jacobians_of_complex_values(wrap):
    matrix = numpy.fft.fft(numpy.eye(3))
    numpy.testing.assert_allclose(jacobian(wrap(np.fft.fft))(X), matrix, rtol=1e-12, atol=1e-12)
    of_square = jacobian(wrap(lambda z: z * z))(X + 1j * Y)
    numpy.testing.assert_allclose(of_square, numpy.diag(2 * (X + 1j * Y)), rtol=1e-12)
    _, tangent = jvp(wrap(np.fft.fft), (X,), (Y,))
    numpy.testing.assert_allclose(tangent, matrix @ Y, rtol=1e-12)


def test_hessian_times_a_nested_vector():
    def loss(p):
        return np.sum(p["x"] ** 3 * p["y"])

    found = hvp(loss)({"x": X, "y": Y}, {"x": Y, "y": X})
    numpy.testing.assert_allclose(found["x"], 6 * X * Y * Y + 3 * X**2 * X)
    numpy.testing.assert_allclose(found["y"], 3 * X**2 * Y)


@WRAPS
def test_stop_gradient_of_everything(wrap):
    def loss(p):
        fixed = stop_gradient({"all": p, "rate": 2.0})
        return np.sum(p["x"] * fixed["all"]["y"]) * fixed["rate"] + np.sum(p["y"])

    found = grad(wrap(loss))({"x": X, "y": Y})
    numpy.testing.assert_allclose(found["x"], 2 * Y)
    numpy.testing.assert_allclose(found["y"], numpy.ones(3))
    assert stop_gradient((1.5, "text", None)) == (1.5, "text", None)


@WRAPS
def test_checkpoint_of_what_has_arrays_from_elsewhere(wrap):
    def loss(x, y, within=checkpoint):
        def block(v):
            return within(lambda u: np.sin(u * y) * x + v)(v * x), y

        first, second = within(block)(np.ones(3))
        return np.sum(first * second)

    def plain(x, y):
        return loss(x, y, lambda function: function)

    for which in (0, 1, [0, 1]):
        numpy.testing.assert_allclose(grad(wrap(loss), which)(X, Y), grad(plain, which)(X, Y), rtol=1e-12)
        numpy.testing.assert_allclose(
            hessian(wrap(loss), which)(X, Y), hessian(plain, which)(X, Y), rtol=1e-12
        )


def test_checkpoint_of_what_changes():
    def loss(x):
        scale = 2 * x
        found = checkpoint(lambda v: v * scale)(x)
        scale += 1
        return np.sum(found)

    with pytest.raises(GradientError, match="elsewhere"):
        grad(loss)(X)


@WRAPS
def test_checkpoint_of_everything(wrap):
    def block(p, *, power):
        return {"a": p["x"] ** power, "b": [np.sum(p["y"]) * p["x"]]}

    def loss(p):
        found = checkpoint(block)(p, power=3)
        return np.sum(found["a"] * found["b"][0])

    found = grad(wrap(loss))({"x": X, "y": Y})
    numpy.testing.assert_allclose(found["x"], 4 * X**3 * Y.sum())
    numpy.testing.assert_allclose(found["y"], numpy.full(3, (X**4).sum()))
    first, second = checkpoint(lambda x: (x, x * 2))(np.array(X))
    numpy.testing.assert_allclose([first, second], [X, 2 * X])


@WRAPS
def test_custom_gradient_of_everything(wrap):
    @custom_gradient
    def product(p, z, *, factor):
        value = p["x"] * p["y"] * z * factor
        return value, lambda g: ({"x": g * 10, "y": None}, g * 20)

    def loss(p, z):
        return np.sum(product(p, z, factor=3.0))

    value, (of_p, of_z) = value_and_grad(wrap(loss), [0, 1])({"x": X, "y": Y}, X)
    numpy.testing.assert_allclose(value, (X * Y * X * 3).sum())
    numpy.testing.assert_allclose(of_p["x"], numpy.full(3, 10.0))
    numpy.testing.assert_allclose(of_p["y"], numpy.zeros(3))
    numpy.testing.assert_allclose(of_z, numpy.full(3, 20.0))


def test_a_second_derivative_of_a_custom_operator_is_an_error():
    @customop("numpy")
    def square(x, power=2):
        return x**power

    square.def_grad(lambda ans, x, power=2: lambda g: g * power * x ** (power - 1))
    numpy.testing.assert_allclose(square(np.array(X), power=3), X**3)
    numpy.testing.assert_allclose(grad(lambda x: np.sum(square(x=x)))(X), 2 * X)
    with pytest.raises(GradientError, match="the gradient of square"):
        grad(lambda x: np.sum(grad(lambda v: np.sum(square(v)))(x)))(X)
