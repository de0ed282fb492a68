"""Gradients of a program against numeric derivatives, to the second order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy
from tests.fuzz.program import Program, compiled, indented
from tests.fuzz.values import Side, as_numpy_creates

_STEP = 1e-4
#: How far a derivative may be from the numeric one, as a part of the sizes that are added up in it.
_NEAR = 1e-6
#: Where the numeric derivative is more uncertain than that, the program says nothing.
_UNCERTAIN = 1e-4


def check_gradients(
    program: Program, policy: minpy.Policy, second_order: bool = False, jitted: bool = False
) -> bool:
    """Compare the gradient of a random projection of all results with a central difference.

    The inputs have to be arrays of float64. Gives whether there was a derivative to compare with:
    a program may be at a kink, where it has none.

    Args:
        jitted: the gradient is that of a jitted function.

    Raises:
        AssertionError: where they differ; the text has both numbers.
    """
    with as_numpy_creates(), policy:
        start = Side(numpy)
        if not program.inputs:
            return False
        names = program.names
        for statement in program.inputs:
            exec(statement, start.namespace)
        inputs = [start.namespace[name] for name in names]
        weights = _weights(program, names, inputs)
        source = _projection(program, weights)
        plain = _function(source, numpy, weights)
        function = _function(source, minpy.numpy, weights)
        if jitted:
            function = minpy.jit(function)
        smooth = _check(plain, function, inputs, "the gradient")
        if second_order and smooth:
            slope = _projected_gradient(function, inputs)
            smooth = _check(slope, slope, inputs, "the gradient of the gradient")
        return smooth


def _weights(program: Program, names: Sequence[str], inputs: Sequence[numpy.ndarray]) -> dict[str, Any]:
    """A weight for each element of each float or complex array that the program ends with; none for those of
    float16, in whose rounding numeric derivatives are lost."""
    side = Side(numpy)
    side.namespace.update(zip(names, map(numpy.copy, inputs)))
    exec("\n".join(program.body), side.namespace)
    rng = numpy.random.RandomState(1)
    return {
        name: rng.uniform(0.5, 1.5, value.shape)
        for name, value in side.variables.items()
        if isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.kind in "fc"
        if value.dtype != numpy.float16 and numpy.isfinite(value).all()
    }


def _projection(program: Program, weights: dict[str, Any]) -> str:
    """The program as a function that gives one number."""
    parts = [
        f"np.sum(np.{part}({name}) * weights['{name}'])" for name in weights for part in ("real", "imag")
    ]
    body = [*program.body, f"return {' + '.join(parts) or 'np.zeros(())'}"]
    return f"def function({', '.join(program.names)}):\n{indented(chr(10).join(body))}\n"


def _function(source: str, module: Any, weights: dict[str, Any]) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"np": module, "numpy": numpy, "weights": weights}
    exec(compiled(source, "<gradient>"), namespace)
    return namespace["function"]


def _projected_gradient(function: Callable, inputs: Sequence[numpy.ndarray]) -> Callable[..., Any]:
    rng = numpy.random.RandomState(2)
    weights = [rng.uniform(0.5, 1.5, x.shape) for x in inputs]
    gradient = minpy.grad(function, list(range(len(inputs))))

    def slope(*inputs: Any) -> Any:
        return sum(minpy.numpy.sum(g * w) for g, w in zip(gradient(*inputs), weights))

    return slope


def _check(plain: Callable, function: Callable, inputs: list, what: str) -> bool:
    """Compare the gradient of ``function`` with the numeric one of ``plain``, along a direction."""
    rng = numpy.random.RandomState(3)
    direction = [rng.uniform(-1, 1, x.shape) for x in inputs]
    kept = [x.copy() for x in inputs]
    found = minpy.grad(function, list(range(len(inputs))))(*inputs)
    products = []
    for x, before, gradient, d in zip(inputs, kept, found, direction):
        assert numpy.array_equal(x, before), "taking a gradient changed an input"
        assert (gradient.shape, gradient.dtype) == (x.shape, x.dtype), f"{what} is a {gradient!r}"
        products.append((numpy.asarray(gradient) * d).ravel())
    products = numpy.concatenate(products)
    scale = 1 + numpy.abs(products).sum()

    values = {
        t: float(plain(*[numpy.asarray(x + t * _STEP * d) for x, d in zip(inputs, direction)]))
        for t in (-1, -0.5, 0, 0.5, 1)
    }
    if not numpy.isfinite(list(values.values())).all():
        return False
    wide, narrow = ((values[t] - values[-t]) / (2 * t * _STEP) for t in (1, 0.5))
    bend, nearer_bend = ((values[t] - 2 * values[0] + values[-t]) / (t * _STEP) for t in (1, 0.5))
    noise = 1e-15 * max(map(abs, values.values())) / _STEP
    uncertain = abs(wide - narrow) + 10 * noise
    at_kink = abs(nearer_bend) > max(_UNCERTAIN * abs(narrow), 0.75 * abs(bend), 100 * noise)
    if at_kink or uncertain > _UNCERTAIN * (1 + abs(narrow)):
        return False
    numeric = (4 * narrow - wide) / 3
    analytic = products.sum()
    if not abs(analytic - numeric) <= _NEAR * scale + uncertain:
        raise AssertionError(f"{what} along a direction is {analytic}, the numeric derivative {numeric}")
    return True
