"""Random numbers in compiled code: those of plain Python, in its order, whatever happens."""

from __future__ import annotations

import random
import sys

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.runtime import objects
from minpy.testing import assert_compiled

X = numpy.linspace(-1, 1, 6).reshape(2, 3)


def noisy(x, scale=0.5):
    noise = np.random.normal(0, scale, size=x.shape)
    keep = numpy.random.rand(2, 3) < 0.5
    return np.sum(np.where(keep, x + noise, 0) * random.gauss(0.0, 1.0))


def from_generators(x, one, two, other):
    total = np.zeros(3)
    for _ in range(3):
        total = total + one.standard_normal(3) * x[0] + two.uniform(-1, 1, 3)
    return total * other.random(), one.random(2, dtype="float32")


def seed_all():
    numpy.random.seed(5)
    random.seed(5)
    np.random.seed(5)


def generators(ours=True):
    of = np.random if ours else numpy.random
    return of.default_rng(3), of.RandomState(4), random.Random(6)


def next_numbers(*generators):
    return [
        *(numpy.random.random(), random.random(), float(np.random.rand())),
        *(float(generator.random()) for generator in generators),
    ]


def raw(x):
    return [raw(item) for item in x] if isinstance(x, tuple) else numpy.asarray(x)


@pytest.mark.parametrize("x", (X, np.array(X)), ids=("numpy", "minpy"))
def test_numbers_of_the_same_seed(x):
    found = []
    for function in (noisy, minpy.jit(noisy)):
        seed_all()
        found.append([float(function(x, scale)) for scale in (0.5, 0.25, 0.5)] + next_numbers())
    numpy.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert_compiled(noisy, (x,))


@pytest.mark.parametrize("ours", (True, False), ids=("minpy", "numpy"))
def test_generators_that_are_given(ours):
    compiled = minpy.jit(from_generators)
    for _ in range(2):
        plain, same = generators(ours), generators(ours)
        for _ in range(2):
            expected, found = raw(from_generators(X, *plain)), raw(compiled(X, *same))
            for a, b in zip(expected, found):
                assert a.dtype == b.dtype
                numpy.testing.assert_allclose(a, b, rtol=1e-6)
        assert next_numbers(*plain)[3:] == next_numbers(*same)[3:]
    assert compiled.cache_info().misses == 1  # also with other generators


def test_gradients_take_the_same_numbers():
    found = []
    for function in (noisy, minpy.jit(noisy)):
        gradient = minpy.grad_and_loss(function)
        seed_all()
        found.append([raw(gradient(X)) for _ in range(3)])
    for (a, value), (b, same) in zip(*found):
        numpy.testing.assert_allclose(a, b, rtol=1e-6)
        numpy.testing.assert_allclose(value, same, rtol=1e-6)


def bits_and_more(x):
    noise = np.random.normal(size=3) + np.random.uniform(-1, 1, size=(2, 3)) + np.random.normal()
    return np.sum((x * noise) ** 2 + random.random())


@pytest.mark.parametrize("maker", (lambda f: f, minpy.grad_and_loss), ids=("value", "gradient"))
def test_later_calls_draw_on_the_short_way(maker):
    found = []
    compiled = maker(minpy.jit(bits_and_more))
    for function in (maker(bits_and_more), compiled):
        seed_all()
        found.append(([raw(function(np.array(X))) for _ in range(4)], next_numbers()))
    assert str(found[0]) == str(found[1])
    files = set()
    sys.setprofile(lambda frame, event, arg: files.add(frame.f_code.co_filename.rpartition("minpy/")[2]))
    compiled(np.array(X))
    sys.setprofile(None)
    passed = not files & {"compiler/regions.py", "core/gradient.py"}
    assert "compiler/draws.py" in files and passed is objects.is_fast  # else every call goes through Python


def element(x, i):
    return np.sum(x[i] * random.random() + np.random.rand(2))


@pytest.mark.parametrize("maker", (lambda f: f, minpy.grad), ids=("value", "gradient"))
def test_a_graph_that_fails_draws_nothing(maker):
    compiled = maker(minpy.jit(element))
    for _ in range(3):
        compiled(X[0], numpy.array([0, 1]))
    for i in (numpy.array([0, 7]), numpy.array([2, 1])):
        states = []
        for function in (maker(element), compiled):
            seed_all()
            try:
                result = function(X[0], i).asnumpy().tolist()
            except IndexError:
                result = None
            states.append((result, next_numbers()))
        assert states[0] == states[1]


def test_what_draws_stays_in_order_with_what_python_runs():
    def shuffled(x):
        before = np.random.rand(3)
        order = [0, 1, 2]
        random.shuffle(order)
        numpy.random.seed(int(order[0]))
        return x[0] * before + np.random.rand(3), order

    found = []
    for function in (shuffled, minpy.jit(shuffled)):
        seed_all()
        found.append([*function(X), next_numbers()])
    numpy.testing.assert_allclose(numpy.asarray(found[0][0]), numpy.asarray(found[1][0]), rtol=1e-6)
    assert found[0][1:] == found[1][1:]


def after_others(x, scale):
    return np.random.rand(3) * random.random() + np.random.normal(0, scale, 3)


def test_parameters_that_numpy_refuses():
    compiled = minpy.jit(after_others)
    for _ in range(3):
        compiled(X, 0.5)
    found = []
    for function in (after_others, compiled):
        seed_all()
        with pytest.raises(ValueError, match="scale < 0"):
            function(X, -0.5)
        found.append((next_numbers(), str(function(X, 0.5)), next_numbers()))
    assert found[0] == found[1]


def test_numbers_that_were_drawn_may_be_written():
    def masked(x):
        noise = np.random.rand(*x.shape)
        noise[0] = 0
        noise *= 2
        return noise, x + noise

    found = []
    for function in (masked, minpy.jit(masked)):
        np.random.seed(2)
        found.append(raw(function(X)))
    for a, b in zip(*found):
        numpy.testing.assert_allclose(a, b, rtol=1e-6)


def test_checked_code_draws_once():
    checked = minpy.jit(from_generators, check=True)
    plain, same = generators(), generators()
    for _ in range(2):
        for a, b in zip(raw(from_generators(X, *plain)), raw(checked(X, *same))):
            numpy.testing.assert_allclose(a, b, rtol=1e-6)


def test_explain_draws_nothing():
    seed_all()
    before = next_numbers()
    seed_all()
    assert "drawn by Python" in str(minpy.explain(minpy.jit(noisy), X))
    assert next_numbers() == before


class Steady(numpy.random.RandomState):
    def normal(self, size):
        return numpy.full((*size, 1), 2.0)


class SteadyOfPython(random.Random):
    def uniform(self, a, b):
        return [a, b]


NORMAL, UNIFORM = Steady(1).normal, SteadyOfPython(1).uniform


def test_methods_of_classes_of_ones_own_are_no_draws():
    def f(x):
        return x[0] * NORMAL(size=(3,)), UNIFORM(1.0, 2.0)

    expected, found = f(X), minpy.jit(f)(X)
    assert found[0].shape == expected[0].shape == (3, 3)
    assert found[0].tolist() == expected[0].tolist() and found[1] == expected[1]
