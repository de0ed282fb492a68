"""The peers that run one and the same NumPy program, op by op or compiled by MinPy, and NumPy by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy

from benchmarks.peers.task import Task
from benchmarks.work import Work, as_list


def read(results: Any) -> list[numpy.ndarray]:
    """Results in any nesting as a flat list of NumPy's arrays."""
    if isinstance(results, (list, tuple)):
        return [array for result in results for array in read(result)]
    return [numpy.asarray(results)]


def with_state(step: Callable, params: Any, data: list) -> Callable[[], Any]:
    """A step that hands its new parameters to the next one."""

    def run() -> Any:
        nonlocal params
        value, params = step(params, *data)
        return value, params

    return run


def full_step(value_and_grad: Callable, rate: float) -> Callable:
    """Gradient and update in one function, as a user writes it."""

    def step(params, *data):
        value, gradients = value_and_grad(params, *data)
        return value, [p - rate * g for p, g in zip(params, gradients)]

    return step


def minpy_compiled(work: Work) -> Task | None:
    """``minpy.jit`` of the NumPy program; a step gives its parameters up, so that their memory is reused."""
    import minpy

    return _minpy(work, functools.partial(minpy.jit, donate_argnames="params" if work.kind == "step" else ()))


def minpy_eager(work: Work) -> Task | None:
    """MinPy without ``jit``."""
    return _minpy(work, lambda function: function)


def _minpy(work: Work, jit: Callable) -> Task | None:
    import minpy
    import minpy.numpy as np

    write = work.program("minpy")
    if write is None:
        return None
    data = [np.array(a) for a in work.data]
    params = work.grouped([np.array(a) for a in work.flat_params()])
    function = write(np)
    if work.kind == "step":
        step = jit(full_step(minpy.value_and_grad(function), work.rate))
        return Task(with_state(step, params, data), read)
    compiled = jit(function if work.kind == "value" else minpy.value_and_grad(function))
    return Task(lambda: compiled(params, *data), read)


def autograd(work: Work) -> Task | None:
    """HIPS autograd; it has nothing to add to a value alone."""
    write = work.program("autograd")
    if write is None or work.kind == "value":
        return None
    import autograd.numpy as np
    from autograd import value_and_grad

    gradient = value_and_grad(write(np))
    params, data = work.grouped(work.flat_params()), list(work.data)
    if work.kind == "step":
        return Task(with_state(full_step(gradient, work.rate), params, data), read)
    return Task(lambda: gradient(params, *data), read)


def by_hand(work: Work) -> Task | None:
    """Plain NumPy: the same program for a value, a gradient that a person derived otherwise."""
    params, data = work.grouped(work.flat_params()), list(work.data)
    if work.kind == "value" and (work.by_hand or work.numpy):
        function = work.by_hand or work.numpy(numpy)
        return Task(lambda: function(params, *data), read)
    function = work.by_hand
    if function is None:
        return None
    if work.kind == "gradient":
        return Task(lambda: function(params, *data), read)

    def step() -> list:
        value, *gradients = function(params, *data)
        for p, g in zip(as_list(params), gradients):
            p -= work.rate * g
        return [value, params]

    return Task(step, read)
