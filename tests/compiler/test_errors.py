"""Bad input raises what plain code raises, in the user's line, and the next good call works."""

from __future__ import annotations

import inspect
import traceback

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss
from minpy.errors import GradientError, MinPyError, ShapeError


def affine(x, w):
    y = np.dot(x, w)
    return y + np.ones((2, 3))


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def last_line_in_this_file(error):
    return [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == __file__][-1]


@pytest.mark.parametrize("differentiate", [lambda f: f, grad_and_loss], ids=["value", "gradient"])
def test_mismatched_shapes(differentiate):
    f = minpy.jit(lambda x, w: np.sum(affine(x, w)))
    call = differentiate(f)
    call(np.ones((2, 4)), np.ones((4, 3)))
    with pytest.raises(ShapeError, match="inner sizes differ") as caught:
        call(np.ones((2, 4)), np.ones((5, 3)))
    assert isinstance(caught.value, ValueError)
    text = str(caught.value)
    assert "(2, 4)" in text and "(5, 3)" in text
    assert f"{__file__}:{line_of(affine, 'np.dot')}" in text
    assert last_line_in_this_file(caught.value) == line_of(affine, "np.dot")
    assert call(np.ones((2, 4)), np.ones((4, 3))) is not None


def test_line_of_a_leftover_is_the_users_line():
    @minpy.jit
    def f(x):
        y = x * 2
        print(end="")
        z = y + np.ones((7, 7))
        return z

    with pytest.raises(ValueError, match="broadcast") as caught:
        f(np.ones((2, 3)))
    assert last_line_in_this_file(caught.value) == line_of(f.function, "z = y + np.ones")


BAD_CALLS = {
    "missing argument": (lambda x, y: x + y, (np.ones(2),)),
    "too many arguments": (lambda x: x, (1, 2)),
    "text for an array": (lambda x: np.exp(x), ("abc",)),
    "None for an array": (lambda x: np.sum(x * 2), (None,)),
    "list and text": (lambda x: np.ones(2) + x, ("abc",)),
    "object": (lambda x: np.tanh(x), (object(),)),
    "bad axis": (lambda x: np.sum(x, axis=3), (np.ones((2, 2)),)),
    "bad reshape": (lambda x: x.reshape(4, 4), (np.ones((2, 2)),)),
    "index out of bounds": (lambda x: x[5], (np.ones((2, 2)),)),
    "index array out of bounds": (lambda x, i: x[i], (np.ones((2, 2)), numpy.array([0, 7]))),
    "index array below": (lambda x, i: x[i], (np.ones((2, 2)), numpy.array([0, -3]))),
    "two index arrays out of bounds": (
        lambda x, i: x[i, i] * 2,
        (np.ones((2, 2)), numpy.array([0, 2])),
    ),
    "float index": (lambda x, i: x[i], (np.ones((2, 2)), numpy.array([0.0, 1.0]))),
    "too many indices": (lambda x: x[0, 0, 0], (np.ones((2, 2)),)),
    "unknown name": (lambda x: x + not_defined_anywhere, (np.ones(2),)),  # noqa: F821
    "unknown attribute": (lambda x: x.no_such_attribute, (np.ones(2),)),
    "unknown function": (lambda x: np.no_such_function(x), (np.ones(2),)),
    "missing key": (lambda x, d: x * d["b"], (np.ones(2), {"a": 1})),
    "division of numbers": (lambda x, n: x * (1 / n), (np.ones(2), 0)),
    "division of floats": (lambda x, n: x * (1.0 / n), (np.ones(2), 0.0)),
    "wrong unpacking": (lambda x: [a for a, b in [(x, x, x)]], (np.ones(2),)),
    "maximum of nothing": (lambda x: np.max(x), (np.zeros((0,)),)),
    "concatenation": (lambda x: np.concatenate([x, np.ones((3, 3))]), (np.ones((2, 2)),)),
    "matrix product": (lambda x: x @ x, (np.ones((2, 3)),)),
    "truth of an array": (lambda x: 1 if x else 2, (np.ones(2),)),
    "float of an array": (lambda x: float(x), (np.ones(2),)),
    "iteration over a number": (lambda x: [v for v in x], (np.array(1.0),)),
    "raises itself": (lambda x: (_ for _ in ()).throw(KeyError("mine")), (np.ones(2),)),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_same_exception_as_plain(name):
    function, args = BAD_CALLS[name]
    with pytest.raises(Exception) as plain:
        function(*args)
    compiled = minpy.jit(function)
    for _ in range(2):
        with pytest.raises(type(plain.value)) as found:
            compiled(*args)
        assert type(found.value) is type(plain.value)


def test_good_call_after_index_error():
    f = minpy.jit(lambda x, i: x[i] * 2)
    x = np.array([1.0, 2.0, 3.0])
    for _ in range(3):
        with pytest.raises(IndexError, match="out of bounds"):
            f(x, numpy.array([0, 3]))
        numpy.testing.assert_array_equal(f(x, numpy.array([0, -1])).asnumpy(), [2, 6])
    assert minpy.explain(f).regions[0].versions[0].failures == 3


def test_index_error_in_a_gradient_whose_value_is_not_needed():
    f = minpy.jit(lambda x, i: np.sum(x[i]))
    with pytest.raises(IndexError):
        grad(f)(np.ones(3), numpy.array([0, 3]))
    numpy.testing.assert_array_equal(grad(f)(np.ones(3), numpy.array([0, 0])).asnumpy(), [2, 0, 0])


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])
def test_gradient_errors(wrap):
    f = wrap(lambda x, y: np.sum(x * y))
    with pytest.raises(TypeError, match="argument 2"):
        grad(f, 2)(np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="no argument 'z'"):
        grad(f, "z")(np.ones(2), np.ones(2))
    with pytest.raises(GradientError, match="argument 0"):
        grad(f)("text", np.ones(2))
    with pytest.raises(GradientError, match="needs floats"):
        grad(f)(numpy.array([True, False]), np.ones(2))
    with pytest.raises(GradientError, match="returned a tuple"):
        grad(wrap(lambda x: (x, x)))(np.ones(2))
    with pytest.raises(GradientError, match="nanquantile"):
        grad(wrap(lambda x: np.nanquantile(x, [[0.5]]) * 2))(np.ones(3))
    with pytest.raises(TypeError, match="function"):
        grad(3)
    with pytest.raises(TypeError, match="argnum"):
        grad(f, 1.5)


def test_gradient_that_does_not_exist_leaves_no_open_tape():
    from minpy.runtime.tape import is_recording

    with pytest.raises(GradientError):
        grad(lambda x: np.nanquantile(x, [[0.5]]))(np.ones(3))
    assert not is_recording()
    assert grad(lambda x: x * x)(3.0) == 6.0


def test_jit_needs_a_function():
    with pytest.raises(TypeError, match="function"):
        minpy.jit(5)
    with pytest.raises(TypeError, match=r"minpy\.jit"):
        minpy.explain(lambda x: x)


def test_every_error_is_also_a_builtin():
    from minpy import errors

    found = [e for e in vars(errors).values() if isinstance(e, type) and e is not MinPyError]
    found = [error for error in found if not issubclass(error, Warning)]
    assert found
    for error in found:
        assert issubclass(error, MinPyError)
        builtin = [base for base in error.__mro__ if base.__module__ == "builtins"]
        assert builtin[0] not in (Exception, BaseException, object)


def test_a_function_without_return_gives_none():
    def double(x):
        x *= 2

    x = np.ones(2)
    assert minpy.jit(double)(x) is None
    assert x.tolist() == [2, 2]
