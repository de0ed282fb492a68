"""Where a gradient does not flow, or is not finite at first sight, MinPy says so or gets it right."""

from __future__ import annotations

import inspect
import warnings
from fractions import Fraction

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import GradientError, GradientWarning

X = numpy.array([0.0, 0.5, 2.0])


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def through_float(x):
    scale = float(x[0] + 1)
    return np.sum(x * scale)


def through_item(x):
    scale = x[0].item() + 1
    return np.sum(x * scale)


def through_list(x):
    scale = x.tolist()[0] + 1
    return np.sum(x * scale)


def through_numpy(x):
    scale = x.asnumpy()[0] + 1
    return np.sum(x * scale)


def through_mxnet(x):
    scale = minpy.Array(x.asmxnet())[0] + 1
    return np.sum(x * scale)


def through_complex(x):
    scale = complex(x[0]).real + 1
    return np.sum(x * scale)


def through_bytes(x):
    scale = numpy.frombuffer(x.tobytes())[0] + 1
    return np.sum(x * scale)


def through_memory(x):
    scale = numpy.frombuffer(x.data)[0] + 1
    return np.sum(x * scale)


def through_objects(x):
    scale = np.frompyfunc(abs, 1, 1)(x)[0] + 1
    return np.sum(x * scale)


def through_an_array_of_objects(x):
    scale = np.array([x[0] + 1, None], dtype=object)[0]
    return np.sum(x * float(scale))


def through_a_fraction(x):
    scale = Fraction(*(x[0] + 1).as_integer_ratio())
    return np.sum(x * float(scale))


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
@pytest.mark.parametrize(
    "function",
    [
        *(through_float, through_item, through_list, through_numpy, through_mxnet, through_complex),
        *(through_bytes, through_memory, through_objects, through_an_array_of_objects, through_a_fraction),
    ],
)
def test_a_value_that_leaves_the_gradient_warns_with_its_line(function, wrap):
    with pytest.warns(GradientWarning, match="no gradient flows through the result") as caught:
        gradient = minpy.grad(wrap(function))(X)
    assert gradient.tolist() == [1, 1, 1]  # the scale is a constant
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, line_of(function, "scale = "))


def through_a_method_of_data(w, data):
    data[0] = data[0] + 1  # which is the caller's
    return np.sum(data.dot(w) ** 2)


@pytest.mark.parametrize(
    "gradient_of",
    [
        minpy.grad,
        lambda f: minpy.grad(minpy.jit(f)),
        lambda f: minpy.jit(lambda w, data: minpy.grad(f)(w, data)),
        lambda f: lambda w, data: minpy.grad(f)(w, data=data),
    ],
    ids=["eager", "jit", "inside jit", "by name"],
)
def test_a_method_of_a_numpy_array_that_is_an_argument_has_its_gradient(gradient_of):
    gradient = gradient_of(through_a_method_of_data)
    for _ in range(3):  # at first it compiles
        data = numpy.arange(6.0).reshape(2, 3)
        found = gradient(X, data)
        changed = numpy.array([[1.0, 2, 3], [3, 4, 5]])
        assert (data == changed).all()
        assert found.tolist() == (2 * changed.T @ changed @ X).tolist()


def into_out(x):
    scale = numpy.zeros(3)
    np.add(x, 1, out=scale)
    return np.sum(x * scale)


def into_copy(x):
    scale = numpy.ones(3)
    numpy.copyto(scale, x)
    return np.sum(x * scale)


def into_places(x):
    scale = numpy.zeros(3)
    np.add.at(scale, [0, 1, 2], x)
    return np.sum(x * scale)


def into_elements(x):
    scale = numpy.zeros(3)
    scale[:] = x
    return np.sum(x * scale)


def into_sum(x):
    scale = numpy.zeros(3)
    scale += x
    return np.sum(x * scale)


def into_numpy(x):
    scale = numpy.asarray(x)
    return np.sum(x * scale)


WRITES = {
    into_out: "np.add",
    into_copy: "copyto",
    into_places: "add.at",
    into_elements: "[:]",
    into_sum: "+=",
}


@pytest.mark.parametrize("function", [*WRITES, into_numpy])
def test_what_is_put_into_numpys_memory_warns_with_its_line(function):
    with pytest.warns(GradientWarning, match="no gradient flows through the result") as caught:
        gradient = minpy.grad(function)(X)
    assert gradient.tolist() == (X + 1 if function is into_out else X).tolist()  # the scale is a constant
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (
        __file__,
        line_of(function, WRITES.get(function, "asarray")),
    )


def test_it_warns_once_for_a_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            minpy.grad(through_float)(X)
    assert len(caught) == 1


def test_stop_gradient_says_that_it_is_meant():
    assert minpy.grad(lambda x: np.sum(x * float(minpy.stop_gradient(x)[1])))(X).tolist() == [0.5] * 3


def test_outside_of_a_gradient_nothing_warns():
    x = np.array(X)
    assert (float(x[1]), x.tolist(), x[2].item()) == (0.5, [0, 0.5, 2], 2.0)


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
@pytest.mark.parametrize(
    "function",
    [lambda x: np.sum(x.astype("int64")) * 1.0, lambda x: np.sum(x > 1) * 1.0, lambda x: np.sum(np.floor(x))],
    ids=["integers", "comparison", "floor"],
)
def test_a_gradient_that_is_zero_everywhere_warns(function, wrap):
    with pytest.warns(GradientWarning, match="for argument 0 is zero"):
        assert minpy.grad(wrap(function))(X).tolist() == [0, 0, 0]


def test_an_inner_gradient_with_respect_to_a_number_flows():
    def outer(y):
        return minpy.grad(lambda z: z * z * y)(3.0) * y  # 6 y**2

    assert minpy.grad(outer)(np.array(2.0)).item() == 24.0
    assert minpy.grad(outer)(2.0) == 24.0


def by_numpy_alone(x):
    return np.sum(np.nanquantile(x, [[0.5]]) * x)


def test_a_missing_gradient_names_op_argument_and_line():
    with pytest.raises(GradientError) as caught:
        minpy.grad(by_numpy_alone)(X)
    text = str(caught.value)
    assert "nanquantile: no gradient is defined for argument 0" in text
    assert f"{__file__}:{line_of(by_numpy_alone, 'nanquantile')} in by_numpy_alone" in text
    assert "minpy.customop" in text


@minpy.customop("numpy")
def without_rule(x, y):
    return x * y


def uses_custom(x):
    return np.sum(without_rule(2.0, x))


def test_a_custom_operator_without_the_rule_does_too():
    without_rule.def_grad(lambda ans, x, y: lambda g: g * y, argnum=0)
    with pytest.raises(GradientError) as caught:
        minpy.grad(uses_custom)(X)
    text = str(caught.value)
    assert "without_rule: no gradient is defined for argument 1" in text
    assert f"{__file__}:{line_of(uses_custom, 'without_rule(')} in uses_custom" in text


@minpy.eager
def _seen(x):
    return x


def _filled(x, number):
    x.flat = number
    return x


SELECTIONS = {
    "log": (lambda np, x: np.where(x > 0, np.log(x), 0), lambda x: numpy.where(x > 0, 1 / x, 0)),
    "root": (lambda np, x: np.where(x > 0, np.sqrt(x), 0), lambda x: numpy.where(x > 0, 0.5 / x**0.5, 0)),
    "quotient": (lambda np, x: np.where(x != 0, 1 / x, 0), lambda x: numpy.where(x != 0, -(x**-2), 0)),
    "power": (lambda np, x: np.where(x > 0, x**-1.5, 0), lambda x: numpy.where(x > 0, -1.5 * x**-2.5, 0)),
    "overflow": (lambda np, x: np.where(x < 0.1, np.exp(x * 1e3), x), lambda x: numpy.array([1e3, 1, 1])),
    "behind a sum": (
        lambda np, x: np.where(x > 0, np.sum(np.log(np.stack([x, x])), axis=0), 0),
        lambda x: numpy.where(x > 0, 2 / x, 0),
    ),
    "before a checkpoint": (
        lambda np, x: minpy.checkpoint(lambda y: np.where(x > 0, y, 0))(np.log(x)),
        lambda x: numpy.where(x > 0, 1 / x, 0),
    ),
    "in a checkpoint": (
        lambda np, x: np.where(x > 0, minpy.checkpoint(np.log)(x), 0),
        lambda x: numpy.where(x > 0, 1 / x, 0),
    ),
    "around what stays with Python": (
        lambda np, x: np.where(x > 0, _seen(np.log(x)), 0),
        lambda x: numpy.where(x > 0, 1 / x, 0),
    ),
    "what is overwritten": (lambda np, x: _filled(np.log(x), 2) * x, lambda x: numpy.full(3, 2.0)),
}


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("name", SELECTIONS)
def test_what_where_does_not_select_has_the_gradient_zero(name, wrap):
    function, derivative = SELECTIONS[name]
    with numpy.errstate(all="ignore"):
        found = minpy.grad(wrap(lambda x: np.sum(function(np, x))))(X)
        expected = derivative(X)
    numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-12)


def test_at_second_order_too():
    with numpy.errstate(all="ignore"):
        slope = minpy.grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0)))
        assert minpy.grad(lambda x: np.sum(slope(x)))(X).tolist() == [0, -4, -0.25]


def test_what_is_written_over_has_the_gradient_zero():
    def function(x):
        y = np.log(x)
        y[x <= 0] = 0
        return np.sum(y)

    with numpy.errstate(all="ignore"):
        assert minpy.grad(function)(X).tolist() == [0, 2, 0.5]


def test_a_result_with_names_is_no_silent_zero():
    symmetric = numpy.array([[2.0, 1.0], [1.0, 3.0]])

    def function(x):
        return np.sum(np.linalg.svd(x, hermitian=True)[1])

    assert function(np.array(symmetric)).item() == pytest.approx(5.0)
    found = minpy.grad(function)(symmetric)  # of the trace, since the matrix is positive definite
    numpy.testing.assert_allclose(found.asnumpy(), numpy.eye(2), atol=1e-12)
