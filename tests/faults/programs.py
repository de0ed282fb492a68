"""Programs into which faults are injected: each makes a function anew, with its arguments."""

from __future__ import annotations

from typing import Any, Callable

import numpy

import minpy
import minpy.numpy as np
from minpy.dispatch.policy import OnlyNumPyPolicy

PROGRAMS: dict[str, Callable[[], tuple[Callable, tuple]]] = {}


def _program(make: Callable[[], tuple[Callable, tuple]]) -> Callable[[], tuple[Callable, tuple]]:
    PROGRAMS[make.__name__] = make
    return make


def _array(*shape: int) -> Any:
    return np.array(numpy.linspace(-1, 1, int(numpy.prod(shape))).reshape(shape))


def _loss(w: Any, x: Any) -> Any:
    return np.sum((np.tanh(np.dot(x, w)) - x[:, :2]) ** 2)


@_program
def step():
    """Forward and backward as one graph."""
    return minpy.jit(minpy.grad_and_loss(_loss)), (_array(3, 2), _array(4, 3))


@_program
def in_parts():
    """Lines that stay with Python, in the middle and in a loop, and a gradient by the tape through them."""

    @minpy.jit
    def function(w: Any, x: Any) -> Any:
        y = np.dot(x, w)
        for i in range(2):
            y = np.tanh(y) * 2
            print(i, end="")
        z = [y, y * 3]
        return np.sum(z[0] * z[1])

    return minpy.grad(function), (_array(3, 2), _array(4, 3))


@_program
def eager():
    """A gradient of a gradient, op by op, with a policy and a device inside."""

    def inner(x: Any) -> Any:
        with OnlyNumPyPolicy(), minpy.cpu():
            return np.sum(np.tanh(x) ** 3)

    return minpy.grad(lambda x: np.sum(minpy.grad(inner)(x) * x)), (_array(2, 3),)


@_program
def writing():
    """What a function writes to: an argument, a local array, objects."""

    class Log:
        calls = 0
        rows: list = []

    @minpy.jit
    def function(x: Any, log: Any) -> Any:
        y = x * 2
        y[0] = 1
        x[1] = np.sum(y)
        log.calls += 1
        log.rows = [*log.rows, y]
        return np.exp(-y) + log.calls

    log = Log()
    return lambda x: function(x, log) - log.calls, (_array(3, 2),)


@_program
def layers():
    """MXNet's operators."""
    from minpy.nn import functional as F

    @minpy.jit
    def function(x: Any, w: Any) -> Any:
        y = np.maximum(F.conv2d(x, w), 0)
        return np.sum(F.max_pool2d(y, 2) * 1.5)

    return minpy.grad(function), (_array(1, 2, 6, 6), _array(2, 2, 3, 3))
