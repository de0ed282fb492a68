"""``debug_nans`` names the line that makes a nan: eager and compiled, forward and backward."""

from __future__ import annotations

import inspect

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss
from minpy.errors import NanError
from minpy.runtime import watch

X = numpy.array([1.0, 2.0, 4.0])
ZERO = numpy.array([0.0, 2.0, 4.0])
NEGATIVE = numpy.array([1.0, -2.0, 4.0])
LARGE = numpy.array([1.0, 2.0, 800.0])


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


@pytest.fixture(autouse=True)
def off_again():
    yield
    minpy.debug_nans(False)


def helper(x):
    y = x - 1
    z = np.sqrt(y)
    return z * 2


# Seeded faults: (function, what makes a nan of it, text of the line, the function that holds the line)


def log_of_negative(x):
    y = x * 2
    z = np.log(y)
    return np.sum(z + 1)


def root_in_a_helper(x):
    y = x * 1
    return np.sum(helper(y))


def zero_by_zero(x):
    y = x - x[0]
    z = y / x
    return np.sum(z * 0.5)


def infinity_minus_infinity(x):
    y = np.exp(x)
    total = np.sum(y) * 2
    return total - np.exp(np.max(x)) * 2


def softmax_overflow(x):
    e = np.exp(x)
    p = e / np.sum(e)
    return np.sum(p * p)


def matrix_of_infinities(x):
    y = np.exp(x)
    m = np.dot(np.reshape(y, (3, 1)), np.reshape(np.zeros(3) * x, (1, 3)))
    return np.sum(m)


def in_a_loop(x):
    for k in range(3):
        x = x - 1.5
        x = np.log(x) + k
    return np.sum(x)


def after_a_leftover(x):
    y = x * 2
    print(end="")
    z = np.arcsin(y / 100)
    return np.sum(z)


def power_of_negative(x):
    y = x + 0
    return np.sum(y**0.5)


def in_place(x):
    y = x * 1.0
    y -= 1
    y /= x - 1
    return np.sum(y)


FORWARD = {
    log_of_negative: (
        NEGATIVE,
        "z = np.log(y)",
        log_of_negative,
        r"log makes nan: 1 of 3 .* at \(1,\), of -4.0",
    ),
    root_in_a_helper: (ZERO, "z = np.sqrt(y)", helper, r"sqrt makes nan: .* of -1.0"),
    zero_by_zero: (ZERO, "z = y / x", zero_by_zero, r"true_divide makes nan: .* \(0,\), of 0.0; 0.0"),
    infinity_minus_infinity: (
        LARGE,
        "return total",
        infinity_minus_infinity,
        "subtract makes nan: the result",
    ),
    softmax_overflow: (LARGE, "p = e /", softmax_overflow, r"true_divide makes nan: .* \(2,\), of inf; inf"),
    matrix_of_infinities: (LARGE, "m = np.dot", matrix_of_infinities, r"\[3, 1\] that holds inf; .* finite"),
    in_a_loop: (X, "x = np.log(x)", in_a_loop, "log makes nan"),
    after_a_leftover: (X * 100, "z = np.arcsin", after_a_leftover, "arcsin makes nan"),
    power_of_negative: (NEGATIVE, "y**0.5", power_of_negative, "makes nan: .* of -2.0"),
    in_place: (X, "y /= x - 1", in_place, r"true_divide makes nan: .* \(0,\), of 0.0; 0.0"),
}


def root_at_zero(x):
    y = x * 2
    z = np.sqrt(y)
    return np.sum(z * y)


def norm_at_zero(x):
    d = x - x
    return np.sqrt(np.sum(d * d)) + np.sum(x)


def distance(x):
    d = x - 2
    n = np.abs(d) ** 0.5
    return np.sum(n * d)


def exponent(x):
    y = np.exp(x)
    z = 1 / y
    return np.sum(z * 3)


def division(x):
    y = x * 0
    z = 1 / (1 / y)
    return np.sum(z)


def root_in_a_helper_backward(x):
    y = x * 1
    return np.sum(helper(y + 1) * y)


def after_a_leftover_backward(x):
    y = x * 2
    print(end="")
    z = np.sqrt(y)
    return np.sum(z * y)


def logarithm(x):
    y = x * x
    z = np.log1p(y - 1)
    return np.sum(np.exp(z) * x)


def loop_backward(x):
    total = 0.0
    for k in range(3):
        y = x * k
        total = total + np.sum(np.sqrt(y) * y)
    return total


def two_ways(x):
    r = np.sqrt(x)
    a = r * x
    return np.sum(a) + np.sum(x)


BACKWARD = {
    root_at_zero: (ZERO, "z = np.sqrt(y)", root_at_zero),
    norm_at_zero: (X, "np.sqrt(np.sum", norm_at_zero),
    distance: (X, "n = np.abs(d)", distance),
    exponent: (LARGE, "y = np.exp(x)", exponent),
    division: (X, "z = 1 / (1 / y)", division),
    root_in_a_helper_backward: (ZERO, "z = np.sqrt(y)", helper),
    after_a_leftover_backward: (ZERO, "z = np.sqrt(y)", after_a_leftover_backward),
    logarithm: (ZERO, "z = np.log1p", logarithm),
    loop_backward: (ZERO, "np.sqrt(y) * y", loop_backward),
    two_ways: (ZERO, "r = np.sqrt(x)", two_ways),
}

MODES = {"eager": lambda f: f, "compiled": minpy.jit}
POLICIES = [minpy.PreferMXNetPolicy, minpy.OnlyNumPyPolicy]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", FORWARD, ids=lambda f: f.__name__)
def test_forward(function, mode, policy):
    bad, text, holder, told = FORWARD[function]
    call = MODES[mode](function)
    with policy(), numpy.errstate(all="ignore"):
        assert numpy.isnan(float(call(np.array(bad))))
        with minpy.debug_nans(), pytest.raises(NanError, match=told) as caught:
            call(np.array(bad))
        assert f"{__file__}:{line_of(holder, text)} in {holder.__name__}\n    " in str(caught.value)
        assert isinstance(caught.value, FloatingPointError)
        with minpy.debug_nans(), pytest.raises(NanError) as again:
            grad_and_loss(call)(np.array(bad))
        assert str(again.value) == str(caught.value)
        assert numpy.isnan(float(call(np.array(bad))))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", [*MODES, "gradient compiled"])
@pytest.mark.parametrize("function", BACKWARD, ids=lambda f: f.__name__)
def test_backward(function, mode, policy):
    bad, text, holder = BACKWARD[function]
    call = minpy.jit(grad(function)) if mode == "gradient compiled" else grad(MODES[mode](function))
    with policy(), numpy.errstate(all="ignore"):
        assert numpy.isnan(call(np.array(bad)).asnumpy()).any()
        with minpy.debug_nans():
            assert not numpy.isnan(float(MODES.get(mode, minpy.jit)(function)(np.array(bad))))
            with pytest.raises(NanError, match=r"in the gradient, \w+ makes nan") as caught:
                call(np.array(bad))
        assert f"{__file__}:{line_of(holder, text)} in {holder.__name__}\n    " in str(caught.value)
        assert numpy.isnan(call(np.array(bad)).asnumpy()).any()


@pytest.mark.parametrize("mode", MODES)
def test_programs_without_nan_give_the_same(mode):
    def loss(x):
        y = np.where(x > 0, np.log(np.abs(x)), 0)
        return np.sum(y / np.max(x) + x[::-1] * np.isnan(x))

    call = MODES[mode](loss)
    expected = grad_and_loss(call)(np.array(X))
    with minpy.debug_nans():
        for a, b in zip(grad_and_loss(call)(np.array(X)), expected):
            numpy.testing.assert_array_equal(numpy.asarray(a), numpy.asarray(b))


@pytest.mark.parametrize("mode", MODES)
def test_a_gradient_that_where_leaves_out_is_no_nan(mode):
    """The derivative of the logarithm at 0 is infinite, and 0 times infinity is left out again."""
    call = grad(MODES[mode](lambda x: np.sum(np.where(x > 0, np.log(x), 0))))
    with minpy.debug_nans(), numpy.errstate(all="ignore"):
        numpy.testing.assert_array_equal(call(np.array(ZERO)).asnumpy(), [0, 0.5, 0.25])


@pytest.mark.parametrize("mode", MODES)
def test_a_nan_that_is_given(mode):
    def f(x):
        y = x[::-1].reshape(3, 1)
        return np.sum(y * 2)

    given = np.array([1.0, numpy.nan, 3.0])
    with (
        minpy.debug_nans(),
        pytest.raises(NanError, match="multiply computes with a nan that it is given") as caught,
    ):
        MODES[mode](f)(given)
    assert f":{line_of(f, 'y * 2')} in f" in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
def test_a_nan_that_is_only_moved_or_tested(mode):
    def f(x):
        y = np.concatenate([x[::-1], x]).reshape(2, 3).T
        return np.where(np.isnan(y), 0, 1) + np.sum(np.nan_to_num(y))

    given = np.array([1.0, numpy.nan, 3.0])
    expected = f(given)
    with minpy.debug_nans():
        numpy.testing.assert_array_equal(MODES[mode](f)(given).asnumpy(), expected.asnumpy())


def test_functions_that_numpy_itself_runs():
    with minpy.debug_nans(), numpy.errstate(all="ignore"):
        with pytest.raises(NanError, match="unwrap"):
            np.unwrap(np.array([1.0, numpy.inf, 3.0]))
        with pytest.raises(NanError, match="log makes nan"):
            numpy.log(np.array([-1.0]))


@pytest.mark.parametrize("mode", MODES)
def test_second_order(mode):
    def f(x):
        y = x * 1
        return np.sum(y**1.5)

    def slope(x):
        return np.sum(grad(MODES[mode](f))(x) * x)

    zero = np.array([0.0, 1.0])
    with numpy.errstate(all="ignore"), minpy.debug_nans():
        assert float(slope(zero)) == 1.5
        with pytest.raises(NanError, match="in the gradient, ") as caught:
            grad(slope)(zero)
    assert f":{line_of(f, 'y**1.5')} in f" in str(caught.value)


def test_switch_and_nesting():
    def makes_nan():
        with numpy.errstate(all="ignore"):
            return np.log(np.array([-1.0]))

    assert watch.current is None
    makes_nan()
    minpy.debug_nans()
    with pytest.raises(NanError):
        makes_nan()
    with minpy.debug_nans(False):
        makes_nan()
    with pytest.raises(NanError):
        makes_nan()
    minpy.debug_nans(False)
    makes_nan()
    with pytest.raises(NanError), minpy.debug_nans():
        makes_nan()
    assert watch.current is None
    makes_nan()


def test_other_errors_are_those_of_the_program():
    f = minpy.jit(lambda x, i: np.sum(x[i] * 2))
    with minpy.debug_nans():
        with pytest.raises(IndexError) as caught:
            f(np.array(X), numpy.array([0, 7]))
        assert __file__ in str(caught.value)
        assert float(f(np.array(X), numpy.array([0, 1]))) == 6
