"""Calls that hardly anybody makes: eager and jitted they give what NumPy gives, or raise what it raises."""

from __future__ import annotations

import operator
import warnings

import numpy
import pytest
import scipy.special

import minpy
import minpy.numpy as np
from minpy.errors import GradientError
from minpy.nn import functional
from tests.corpus.outcome import assert_same
from tests.ops.checks import boxed

X = numpy.array([1.0, 2.0, 3.0, 4.0])
N = numpy.array([1, 2, 3], "int8")
SQUARE = numpy.array([[2.0, 1.0], [1.0, 3.0]])
#: (function of a namespace and arrays, arrays)
CALLS = (
    (lambda np, x: np.linspace(0.0, 1.0, 3, retstep=True)[1] * x, (X,)),
    (lambda np, x: np.linspace(x[0], 2.0, 0, retstep=True)[1] * x, (X,)),
    (lambda np, x: np.linspace(x[0], 2.0, 1, retstep=True)[1] * x, (X,)),
    (lambda np, x: np.argpartition(x, 1), (numpy.array([[3.0, 1.0], [5.0, 4.0]]),)),
    (lambda np, x: np.linalg.svd(x, hermitian=True)[0] ** 2, (numpy.stack([SQUARE, -SQUARE, SQUARE - 2]),)),
    (lambda np, x: np.logspace(0.0, 1.0, 4) * np.geomspace(1.0, 8.0, 4) * x, (X,)),
    (lambda np, x: np.geomspace(x[0], 8.0, 0), (X,)),
    (lambda np, x: np.geomspace(x[0] * 1j, 8j, 3), (X,)),
    (lambda np, x: np.geomspace(-x[0], -8.0, 3), (X,)),
    (lambda np, x: np.histogram2d(x, x, [0.0, 2.0, 3.0, 5.0])[0], (X,)),
    (lambda np, x: np.piecewise(x, numpy.array([True, False, True, False]), [1.0, 2.0]), (X,)),
    (lambda np, x: np.linalg.matrix_power(x, 0), (numpy.stack([SQUARE, SQUARE]),)),
    (lambda np, x: np.einsum("i,i->i", x[:1], x), (X,)),
    (lambda np, x: np.cov(x, x[::-1], dtype="float64"), (X,)),
    (lambda np, x: np.roots(x), (numpy.array([1.0, 0.0, 1.0]),)),
    (lambda np, x: np.roots(x), (numpy.array([1.0, 2.0, 3.0, 0.5]),)),
    (lambda np, x: np.argmax(x, keepdims=True), (SQUARE,)),
    (lambda np, x: np.argmin(x, axis=1, keepdims=True), (SQUARE,)),
    (lambda np, x: np.round(x), (N,)),
    (lambda np, x: np.round(x[0]) + np.around(7), (N,)),
    (lambda np, x: x == None, (X,)),  # noqa: E711
    (lambda np, x: x != None, (X,)),  # noqa: E711
    (lambda np, x: np.matmul(x[None, None], SQUARE[None, :1].repeat(4, 1)), (X,)),
    (lambda np, x: x < 300, (N,)),
    (lambda np, x: x.nbytes * x, (X,)),
    (lambda np, x: np.cumsum(x, out=np.zeros(4)) + np.cumprod(x), (X,)),
    (lambda np, x: np.nancumsum(x), (numpy.array([1.0, numpy.nan, 2.0]),)),
    (lambda np, x: scipy.special.exprel(x), (X,)),
    (lambda np, x: np.vectorize(lambda a, b=2.0: a * b, otypes=["d"])(x), (X,)),
    (lambda np, x: np.vectorize(lambda a: a.sum(), signature="(n)->()")(x), (SQUARE,)),
    (lambda np, x: np.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")(x), (SQUARE,)),
    (lambda np, x: np.vectorize(lambda a: a[:1], signature="(n)->(n)")(x), (SQUARE,)),
    (lambda np, x: np.r_["0,2", x, 1:5] * np.c_[x, x].T[:1], (X,)),
    (lambda np, x: np.r_[1:3:4j] + np.mgrid[0:4], (X,)),
    (lambda np, x: np.ndarray((2,), "float64") * 0, (X,)),
    (lambda np, x: np.ndarray((2,), "float64", x, 8), (X,)),
    (lambda np, x: np.polyfit(x, x, 2, full=True)[0], (X,)),
    (lambda np, x: operator.setitem(x, slice(1, None), x[:-1]) or x, (X,)),
    (lambda np, x: operator.setitem(x, [0, 1, 2], x[1:]) or x, (X,)),
    (lambda np, x: numpy.asarray(x.flat, "float32"), (X,)),
    (lambda np, x: x.reshape((2, 2), order="F").ravel("K"), (X,)),
)


def outcome(function, *args):
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args)
        except Exception as error:
            return type(error)


def plain(x):
    return numpy.asarray(x) if isinstance(x, minpy.Array) else x


@pytest.mark.parametrize("policy", [minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()], ids=repr)
def test_as_numpy(policy):
    minpy.set_default_dtype("float64")
    for number, (function, args) in enumerate(CALLS):
        expected = outcome(function, numpy, *[x.copy() for x in args])
        with policy:
            found = [
                outcome(run, *[boxed(x.copy()) for x in args])
                for eager in [lambda *args, f=function: f(np, *args)]
                for run in (eager, minpy.jit(eager))
            ]
        for x in map(plain, found):
            if isinstance(expected, (numpy.ndarray, numpy.generic)):
                assert_same(numpy.asarray(expected), numpy.asarray(x), f"call {number}")
            else:
                assert isinstance(x, type) and issubclass(x, expected), f"call {number}: {x}"


@minpy.jit
def written(x, v):
    x[:] = v
    return x


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda x: functional.batch_norm(x, x, x, x, x), ValueError, r"an array \(batch, channels"),
        (lambda x: functional.max_pool1d(x[None, None], 2, 1, 2), ValueError, "more than half of the window"),
        (lambda x: functional.max_pool1d(x.astype("int64")[None, None], 2), TypeError, "takes floats"),
        (
            lambda x: functional.conv1d(x[None, None], np.ones((1, 1, 9))),
            ValueError,
            "larger than the padded",
        ),
        (lambda x: written(x, np.ones((2, 4))), ValueError, "could not broadcast input array"),
        (lambda x: np.einsum("i", x, x), ValueError, "2 operands for the subscripts 'i'"),
        (lambda x: np.einsum("i,i", x), ValueError, "1 operands for the subscripts 'i,i'"),
        (lambda x: np.cov(x, fweights=np.ones((2, 2))), RuntimeError, "multidimensional fweights"),
    ],
)
def test_mistakes_are_named(call, kind, text):
    with pytest.raises(kind, match=text):
        call(np.array(X))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: np.sum(numpy.asarray(x.flat)),
        lambda x: np.sum(np.vectorize(lambda a: a)(x[:0])) + x[0],
        lambda x: np.add.reduceat(x, [0, 2], dtype="float32", axis=0)[0],
    ],
)
def test_what_has_no_gradient_says_so(loss):
    with pytest.raises(GradientError):
        minpy.grad(loss)(np.array(X))


def test_the_gradient_of_a_function_that_is_called_for_no_element():
    first, both = np.vectorize(lambda a: a, otypes=["d"]), np.vectorize(lambda a: (a, a), otypes=["d", "d"])
    gradient = minpy.grad(lambda x: np.sum(first(x[:0])) + sum(map(np.sum, both(x[4:]))) + x[0] * 2)
    assert gradient(np.array(X)).tolist() == [2, 0, 0, 0]
