"""How a call is compiled by hand, and how its gradient is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy

import minpy
from minpy.compiler.graph_op import GraphOp
from minpy.compiler.trace import ARRAY, Trace, Tracer
from minpy.errors import UnsupportedError
from minpy.ops import aval_of
from tests.ops.tolerances import DIFFERENCE, assert_same

_STEP = 1e-5


def boxed(x: Any) -> Any:
    """An array as MinPy's, sharing its memory; anything else as it is."""
    return minpy.Array(x) if isinstance(x, numpy.ndarray) else x


def call(op: Callable, params: dict) -> Callable:
    """``op`` with its params, as a function of eager arrays."""
    return lambda *args: op(*map(boxed, args), **params)


class Compiled:
    """``function(*args)`` as one graph, whose inputs are the arrays among ``args``.

    Raises:
        UnsupportedError: where the compiler would leave the call to eager mode.
    """

    def __init__(self, function: Callable, args: Sequence[Any]):
        self.places = [i for i, x in enumerate(args) if isinstance(x, numpy.ndarray)]
        trace = Trace()
        trace.namespace = ARRAY
        with trace.interpreting():
            inputs = list(args)
            for i in self.places:
                inputs[i] = trace.input(aval_of(args[i]), ARRAY)
            self.result = function(*inputs)
        self.tracers: list[Tracer] = []
        self._collect(self.result)
        self.op = GraphOp(trace.graph([tracer.atom for tracer in self.tracers]))

    def _collect(self, x: Any) -> None:
        if isinstance(x, Tracer):
            self.tracers.append(x)
        elif isinstance(x, (list, tuple)):
            for item in x:
                self._collect(item)

    def __call__(self, *args: Any) -> Any:
        """The result for other values of the same shapes, in the structure that ``function`` gave it."""
        results = iter(self.op.call(*[boxed(args[i]) for i in self.places]))

        def filled(x: Any) -> Any:
            if isinstance(x, Tracer):
                return next(results)
            return [filled(item) for item in x] if isinstance(x, (list, tuple)) else x

        return filled(self.result)


def compiled(function: Callable, args: Sequence[Any]) -> Compiled | None:
    """``function(*args)`` compiled, or None where it stays eager."""
    try:
        return Compiled(function, args)
    except UnsupportedError:
        return None


def float_places(args: Sequence[Any]) -> list[int]:
    """The operands that a gradient can be taken to."""
    return [i for i, x in enumerate(args) if isinstance(x, numpy.ndarray) and x.dtype.kind == "f"]


def projected(function: Callable, args: Sequence[Any], place: int) -> Callable:
    """``x -> number``: a random projection of ``function(*args)`` with ``x`` at ``place``."""
    result = numpy.asarray(function(*args))
    weights = numpy.random.default_rng(1).uniform(0.5, 1.5, result.shape).astype(args[place].dtype)
    return lambda x: minpy.numpy.sum(real_parts(function(*args[:place], x, *args[place + 1 :])) * weights)


def real_parts(z: Any) -> Any:
    """Real numbers as they are; a combination of both parts of complex ones."""
    return (z * (1 - 2j)).real if aval_of(z).dtype.kind == "c" else z


def projected_gradient(function: Callable, x: numpy.ndarray) -> Callable:
    """``x -> number``: a random projection of the gradient of a scalar function."""
    weights = numpy.random.default_rng(2).uniform(0.5, 1.5, x.shape)
    gradient = minpy.grad(function)
    return lambda x: minpy.numpy.sum(gradient(x) * weights)


def check_gradient(function: Callable, x: numpy.ndarray, what: str) -> numpy.ndarray:
    """The gradient of a scalar function, compared with a central difference along a random direction."""
    gradient = numpy.asarray(minpy.grad(function)(x))
    assert (gradient.dtype, gradient.shape) == (x.dtype, x.shape), what
    if not numpy.isfinite(float(function(x))):
        return gradient  # of nothing, such as the mean of an empty array
    direction = numpy.random.default_rng(3).uniform(-1, 1, x.shape)
    high, low = (float(function(numpy.asarray(x + step * direction))) for step in (_STEP, -_STEP))
    assert_same((gradient * direction).sum(), numpy.float64((high - low) / (2 * _STEP)), what, DIFFERENCE)
    return gradient
