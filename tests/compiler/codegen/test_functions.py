"""The elementary functions of kernels against NumPy's of 80-bit floats."""

from __future__ import annotations

import numpy
import pytest

from tests.compiler.codegen.machine import compiled
from tests.compiler.codegen.references import UNARY, points, ulps

DTYPES = ("float32", "float64")
LIMIT = 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary(name, dtype):
    x = points(dtype, 3000, numpy.random.default_rng(0))
    got = compiled(name, dtype)(x)
    want = UNARY[name](x.astype(numpy.longdouble))
    errors = ulps(got, want)
    worst = int(errors.argmax())
    assert errors[worst] <= LIMIT, f"{name}({x[worst]!r}) is {got[worst]!r}, not {want[worst]!r}"
    zeros = want == 0
    assert (numpy.signbit(got[zeros]) == numpy.signbit(want[zeros])).all()


@pytest.mark.parametrize("name", ["exp", "log"])
def test_one_lane(name):
    x = numpy.asarray([0.5, 1, 3, numpy.inf, numpy.nan], "float32")
    numpy.testing.assert_array_equal(compiled(name, "float32", lanes=1)(x), compiled(name, "float32")(x))
