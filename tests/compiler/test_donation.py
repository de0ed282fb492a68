"""``jit(donate_argnames=)``: results take the memory of arguments that the caller gives up."""

from __future__ import annotations

import pickle
import warnings

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.array import Array
from minpy.errors import DonatedError, PerformanceWarning, StaticArgumentError
from minpy.runtime import kernels

SIZE = 300  # a matrix of this size is too large to be copied


def loss(params, x):
    return np.mean((np.dot(np.tanh(np.dot(x, params["in"]) + params["shift"]), params["out"]) - 1.0) ** 2)


def step(params, x, rate):
    gradients, value = minpy.grad_and_loss(loss)(params, x)
    return value, {name: params[name] - rate * gradients[name] for name in params}


def problem():
    draw = numpy.random.RandomState(0).standard_normal
    params = {"in": draw((SIZE, SIZE)) / 20, "shift": draw(SIZE), "out": draw((SIZE, 1)) / 20}
    return params, draw((50, SIZE))


def boxed(params):
    return {name: np.array(p) for name, p in params.items()}


def place(array):
    return numpy.asarray(array).ctypes.data


def test_a_training_step_keeps_its_memory_and_gives_what_it_gives_without():
    params, x = problem()
    plain, given_up = minpy.jit(step), minpy.jit(step, donate_argnames="params")
    expected, found = boxed(params), boxed(params)
    x = np.array(x)
    places = {name: place(p) for name, p in found.items()}
    for turn in range(5):
        value, expected = plain(expected, x, 0.1)
        same, found = given_up(found, x, 0.1)
        assert same.item() == value.item()
        for name in params:
            numpy.testing.assert_array_equal(found[name].asnumpy(), expected[name].asnumpy())
        assert {name: place(p) for name, p in found.items()} == places, turn
    numpy.testing.assert_array_equal(x.asnumpy(), problem()[1])


@pytest.mark.filterwarnings("ignore:donate_argnames")  # of MXNet's operators
def test_rows_that_are_learned_keep_their_memory_and_are_whole_after_an_index_out_of_bounds():
    def step(table, words, rate):
        gradient = minpy.grad(lambda table: np.sum(table[words] ** 2))(table)
        return table - rate * gradient

    learn, start = minpy.jit(step, donate_argnames="table"), numpy.random.RandomState(1).randn(2000, 40)
    words = numpy.array([3, -1, 3, 1999, 0])
    expected = start.copy()
    numpy.add.at(expected, words, -0.2 * start[words])
    table = np.array(start)
    here = place(table)
    for _ in range(3):
        with pytest.raises(IndexError, match="out of bounds"):
            learn(table, numpy.array([3, -1, 3, 2000, 0]), 0.1)
        numpy.testing.assert_array_equal(table.asnumpy(), start)
    found = learn(table, words, 0.1)
    numpy.testing.assert_allclose(found.asnumpy(), expected)
    assert (place(found) == here) is (not kernels.state())  # by themselves they look before they write


def test_what_was_given_up_says_so_where_it_is_used():
    params, x = problem()
    old = boxed(params)
    _, new = minpy.jit(step, donate_argnames=["params"])(old, np.array(x), 0.1)
    before = new["in"].asnumpy().copy()
    for use in (
        lambda a: a + 1,
        lambda a: np.sum(a),
        lambda a: a[0],
        lambda a: a.__setitem__(0, 1.0),
        numpy.asarray,
        repr,
        pickle.dumps,
        minpy.jit(lambda a: a * 2),
        minpy.grad(lambda a: np.sum(a * a)),
    ):
        with pytest.raises(DonatedError, match=r"donate_argnames.*\.copy\(\)"):
            use(old["in"])
    assert old["in"].shape == (SIZE, SIZE) and old["in"].dtype == numpy.float64
    numpy.testing.assert_array_equal(new["in"].asnumpy(), before)


@pytest.mark.parametrize(
    "look",
    [
        lambda a: a[1:],
        lambda a: a.T,
        lambda a: numpy.asarray(a)[3],
        lambda a: memoryview(numpy.asarray(a)),
        lambda a: a._current().mxnet(),
    ],
)
def test_memory_that_others_see_stays_theirs(look):
    params, x = problem()
    jitted = minpy.jit(step, donate_argnames="params")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, old = jitted(boxed(params), np.array(x), 0.1)  # on memory of MXNet's, and then of NumPy's
    for given in (old, boxed(params)):
        seen = look(given["in"])
        before = numpy.array(seen.asnumpy() if hasattr(seen, "asnumpy") else seen)
        with (
            pytest.warns(PerformanceWarning, match=r"params\['in'\].*still sees it")
            if given is old
            else (warnings.catch_warnings())
        ):
            jitted(given, np.array(x), 0.1)
        numpy.testing.assert_array_equal(seen.asnumpy() if hasattr(seen, "asnumpy") else seen, before)
        numpy.testing.assert_array_equal(given["in"].asnumpy().shape, (SIZE, SIZE))  # it is still there
        with pytest.raises(DonatedError):
            given["out"] + given["shift"]


def test_memory_that_the_caller_shares_with_numpy_stays_his():
    data = numpy.ones((SIZE, SIZE))
    jitted = minpy.jit(lambda a: a * 2 + 1, donate_argnames="a")
    array = Array(data)
    with pytest.warns(PerformanceWarning, match="still sees it"):
        result = jitted(array)
    assert data.max() == array.asnumpy().max() == 1 and result.asnumpy().min() == 3


def test_an_array_that_is_handed_over_twice_stays():
    jitted = minpy.jit(lambda a, b: (a * 2, b + a), donate_argnames=("a", "b"))
    array = np.ones((SIZE, SIZE))
    with pytest.warns(PerformanceWarning, match="a and b|a, b"):
        doubled, added = jitted(array, array)
    assert (array.asnumpy().max(), doubled.asnumpy().min(), added.asnumpy().min()) == (1, 2, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (np.dot(a, b), b),  # the result is not written element by element
        lambda a, b: a[1:] * 2,  # another shape
        lambda a, b: (a * 2, np.sum(np.dot(a * 2, a))),  # read after the result
        lambda a, b: (a[None], np.dot(b, a)),  # read at the end
    ],
)
def test_what_has_no_result_to_go_to_stays(function):
    a, b = (numpy.random.standard_normal((SIZE, SIZE)) for _ in range(2))
    given = [np.array(a), np.array(b)]
    with pytest.warns(PerformanceWarning, match="the memory of a is not used again"):
        found = minpy.jit(function, donate_argnames="a")(*given)
    expected = function(a, b)
    for one, other in zip(*[x if isinstance(x, tuple) else (x,) for x in (found, expected)]):
        numpy.testing.assert_allclose(numpy.asarray(one), numpy.asarray(other), rtol=1e-12, atol=1e-12)
    numpy.testing.assert_array_equal(given[0].asnumpy(), a)


@pytest.mark.parametrize("show", [lambda a: a, lambda a: a.T, lambda a: a[1:], lambda a: {"x": [a[0]]}])
def test_what_is_given_back_itself_stays(show):
    a = numpy.random.standard_normal((SIZE, SIZE))
    given = np.array(a)
    with pytest.warns(PerformanceWarning, match="the memory of a is not used again"):
        found, result = minpy.jit(lambda a: (show(a), np.tanh(a)), donate_argnames="a")(given)
    part, expected = (x["x"][0] if isinstance(x, dict) else x for x in (found, show(a)))
    numpy.testing.assert_array_equal(part.asnumpy(), expected)
    numpy.testing.assert_array_equal(given.asnumpy(), a)
    numpy.testing.assert_allclose(result.asnumpy(), numpy.tanh(a), rtol=1e-12)


def test_results_that_wait_for_each_other_do_not_both_take_memory():
    def crossed(a, b):
        return a * np.tanh(b), b * np.tanh(a)

    a, b = (numpy.random.standard_normal((SIZE, SIZE)) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerformanceWarning)
        found = minpy.jit(crossed, donate_argnames=("a", "b"))(np.array(a), np.array(b))
    for one, other in zip(found, crossed(a, b)):
        numpy.testing.assert_allclose(one.asnumpy(), other, rtol=1e-12)


def test_gradients_see_what_they_need():
    jitted = minpy.jit(lambda a: np.sin(a) * a, donate_argnames="a")
    a = np.array(numpy.random.standard_normal((SIZE, SIZE)))
    gradient = minpy.grad(lambda a: np.sum(jitted(a * 2)))(a)
    x = 2 * a.asnumpy()
    numpy.testing.assert_allclose(gradient.asnumpy(), 2 * (numpy.sin(x) + x * numpy.cos(x)), rtol=1e-10)


def test_a_function_that_compiles_in_parts_keeps_its_arguments():
    lines = []

    def chatty(a):
        b = a * 2
        lines.append(str(b[0, 0]))
        return b + a

    given = np.ones((SIZE, SIZE))
    with pytest.warns(PerformanceWarning, match="not all of the function compiles"):
        result = minpy.jit(chatty, donate_argnames="a")(given)
    assert (given.asnumpy().max(), result.asnumpy().min(), len(lines)) == (1, 3, 1)


def test_a_name_that_is_no_parameter_is_refused():
    with pytest.raises(StaticArgumentError, match="donate_argnames: step has no parameter 'weights'"):
        minpy.jit(step, donate_argnames="weights")


LARGE = numpy.random.RandomState(2).standard_normal((SIZE, SIZE))


@pytest.mark.filterwarnings("ignore:donate_argnames")
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: (a, a + b),
        lambda a, b: (np.tanh(a) + np.dot(a, b), a * 2),
        lambda a, b: (a * b + a[::-1], b * 3),
        lambda a, b: (np.dot(b, b) + a, np.dot(a, b) + a),
        lambda a, b: (np.sum(a, axis=0) + a, np.dot(np.tanh(a), b) + np.exp(b)),
        lambda a, b: (np.dot(b, a + 1.0), np.dot(a, b) * 2, np.dot(b, b) + np.sum(a)),
        lambda a, b: np.dot(np.dot(a, b), a) - 0.1 * a,
    ],
)
def test_what_is_given_up_is_read_before_it_is_written(function):
    expected = function(numpy.array(LARGE), LARGE.T)
    jitted = minpy.jit(function, donate_argnames="a")
    for _ in range(2):
        found = jitted(np.array(LARGE), np.array(LARGE.T))
        for x, y in zip(*[z if isinstance(z, tuple) else (z,) for z in (found, expected)]):
            numpy.testing.assert_allclose(x.asnumpy(), y, rtol=1e-9, atol=1e-9)
