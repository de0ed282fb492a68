"""Gradients through complex numbers, for every op and function that NumPy gives them to.

The operands are real, and turned in the complex plane before the call, so that a difference can be taken.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pytest

import minpy.numpy as np
from minpy.core import grad
from minpy.ops import Op
from tests.ops.calls import CALLS
from tests.ops.checks import boxed, check_gradient, float_places, projected, projected_gradient
from tests.ops.samples import Sample, samples_of
from tests.ops.test_functions import results_of
from tests.ops.test_table import TABLE
from tests.ops.tolerances import assert_same

TURN = 1 + 0.3j
#: The derivative of digamma is a function that SciPy has for real numbers only.
OF_TRIGAMMA = ("special.gamma", "special.rgamma", "special.loggamma")
#: SciPy's values for complex numbers are not those of a differentiable function.
WRONG_IN_SCIPY = ("special.pbdn_seq",)


def turned(args: Any) -> list:
    """The arrays of floats among the operands as complex numbers."""
    return [x * TURN if getattr(x, "dtype", None) == "float64" else x for x in args]


def accepted(function: Any, args: Any) -> Any:
    """What NumPy gives for complex operands; None where it has no such function, or drops a part."""
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("error", numpy.ComplexWarning)
        try:
            return function(*turned(args))
        except (TypeError, ValueError, numpy.ComplexWarning):
            return None


def check_gradients(function: Any, args: Any, places: list[int], what: str, twice: bool) -> None:
    for place in places:
        project = projected(function, args, place)
        check_gradient(project, args[place], f"{what}, operand {place}")
        if twice:
            check_gradient(projected_gradient(project, args[place]), args[place], f"{what}, {place}, order 2")


def applied(op: Op, params: dict) -> Any:
    return lambda *args: op(*turned(map(boxed, args)), **params)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE.keys())
def test_ops(op):
    for number, sample in enumerate(samples_of(op)[:6]):
        if "float64" not in sample.dtypes or op.name == "special.digamma":
            continue
        args = sample.draw("float64")
        result = accepted(lambda *x, s=sample: op.numpy(*x, **s.params), args)
        if result is None or numpy.asarray(result).dtype.itemsize < 8:
            continue  # or a cast, too coarse for differences
        places = [i for i in float_places(args) if callable(op.rule(i))]
        twice = number == 0 and op.name not in OF_TRIGAMMA
        check_gradients(applied(op, sample.params), args, places, f"{op.name}, sample {number}", twice)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in WRONG_IN_SCIPY])
def test_functions(name):
    for number, call in enumerate(CALLS[name]):
        args = Sample(call.operands).draw("float64")
        expected = accepted(lambda *x, c=call: c.function(numpy, *x), args)
        if expected is None or not (call.compiles or call.differentiable):
            continue
        what = f"{name}, call {number}"
        assert_same(call.function(np, *turned(map(boxed, args))), expected, what)
        joined = results_of(call.function)
        function = lambda *x, f=joined: f(*turned(map(boxed, x)))  # noqa: E731
        check_gradients(function, args, float_places(args), what, number == 0)


def test_gradient_of_the_modulus():
    x, k = numpy.array([0.5, -2.0, 0.0]), 3 + 4j
    for z, expected in (
        (lambda x: x * k, 5 * numpy.sign(x)),  # |k x| = 5 |x|
        (lambda x: x + 1j, x / numpy.sqrt(x * x + 1)),  # |x + i| = sqrt(x^2 + 1)
    ):
        found = grad(lambda x, z=z: np.sum(np.abs(z(x))))(x)
        numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-12)
