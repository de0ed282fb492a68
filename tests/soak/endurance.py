"""The same again and again, for a long time: nothing may grow, and no answer may change."""

from __future__ import annotations

import math
import warnings

import numpy

import minpy
import minpy.numpy as np
from minpy.errors import PerformanceWarning
from tests.soak.watch import watched

_DRAWS = numpy.random.default_rng(0)
_X, _Y = _DRAWS.standard_normal((5, 4)), _DRAWS.standard_normal((5, 3))
_W = _DRAWS.standard_normal((4, 3))


def _loss(w, x, y):
    return np.sum((np.tanh(np.dot(x, w)) - y) ** 2)


def _expected(w, x, y):
    """The gradient of the loss, by hand, and its value."""
    found = numpy.tanh(x @ w)
    return 2 * x.T @ ((found - y) * (1 - found**2)), ((found - y) ** 2).sum()


def _problems(got, want) -> list[str]:
    is_same = all(numpy.allclose(g, w, rtol=1e-9, atol=1e-12) for g, w in zip(got, want))
    return [] if is_same else [f"{got} is not {want}"]


def calls(count: int) -> tuple[str, list[str]]:
    """Calls of a compiled step, with new parameters each time; every hundredth answer is compared."""
    step = minpy.jit(minpy.grad_and_loss(_loss))
    wrong: list[str] = []
    x, y = np.array(_X), np.array(_Y)

    def work(number: int) -> None:
        w = _W * (1 + number % 1000 / 1000)
        got = step(np.array(w), x, y)
        if number % 100 == 0:
            wrong.extend(_problems(got, _expected(w, _X, _Y)))

    told, grown = watched(work, count)
    return f"{count:,} calls of a compiled step, {told}", wrong + grown


def gradients(count: int) -> tuple[str, list[str]]:
    """Gradients in eager mode, of first and second order; every hundredth answer is compared."""
    gradient = minpy.grad_and_loss(_loss)
    second = minpy.grad(lambda x: np.sum(minpy.grad(lambda z: np.sum(z**3))(x)))
    wrong: list[str] = []
    x, y = np.array(_X), np.array(_Y)

    def work(number: int) -> None:
        w = _W * (1 + number % 1000 / 1000)
        got = gradient(np.array(w), x, y)
        if number % 100 == 0:
            wrong.extend(_problems(got, _expected(w, _X, _Y)))
            wrong.extend(_problems([second(x)], [6 * _X]))

    told, grown = watched(work, count)
    return f"{count:,} gradients in eager mode, {told}", wrong + grown


def signatures(count: int, different: int | None = None) -> tuple[str, list[str]]:
    """A function that keeps 16 versions, called with another shape each time; every answer is compared.

    After ``different`` shapes the first one comes again, if that is given, and is compiled again. Else all
    are different, and what remembers the last few thousand shapes has to be full before the warm-up ends.
    """
    function = minpy.jit(lambda x: np.sum(np.tanh(x * 0.5), axis=-1), cache_size=16)
    wrong: list[str] = []
    least = 1
    while least**4 < (different or count):
        least += 1

    def work(number: int) -> None:
        number %= different or count
        shape = tuple(1 + number // least**axis % least for axis in range(4))
        x = numpy.linspace(-1, 1, math.prod(shape)).reshape(shape)
        wrong.extend(_problems([function(np.array(x))], [numpy.tanh(x * 0.5).sum(-1)]))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerformanceWarning)
        told, grown = watched(work, count)
    info = function.cache_info()
    if (info.size, info.misses) != (16, count):
        wrong.append(f"{info} after {count} signatures")
    return f"{count:,} signatures, {told}", wrong + grown
