"""The elementary functions of kernels against NumPy's of 80-bit floats."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.codegen.functions import exponentials, inverse, trigonometric
from tests.compiler.codegen import minimax
from tests.compiler.codegen.exact import EXACT, exactly
from tests.compiler.codegen.machine import compiled
from tests.compiler.codegen.references import BINARY, UNARY, pairs, points, ulps

DTYPES = ("float32", "float64")
LIMIT = 4


def check(name, want, *operands):
    """The function is near to the exact result, and where that is 0, of the same sign.

    ``logaddexp`` is a sum, so that its error is that of the terms.
    """
    got = compiled(name, operands[0].dtype.name, len(operands))(*operands)
    errors = ulps(got, want, *(operands if name.startswith("logaddexp") else ()))
    worst = int(errors.argmax())
    shown = f"{name}({', '.join(repr(x[worst]) for x in operands)}) is {got[worst]!r}, not {want[worst]!r}"
    assert errors[worst] <= LIMIT, shown
    zeros = want == 0
    assert (numpy.signbit(got[zeros]) == numpy.signbit(want[zeros])).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary(name, dtype):
    x = points(dtype, 3000, numpy.random.default_rng(0))
    check(name, UNARY[name](x.astype(numpy.longdouble)), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(BINARY))
def test_binary(name, dtype):
    x, y = pairs(dtype, 10000, numpy.random.default_rng(0))
    check(name, BINARY[name](x.astype(numpy.longdouble), y.astype(numpy.longdouble)), x, y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(EXACT))
def test_against_mpmath(name, dtype):
    rng = numpy.random.default_rng(1)
    operands = pairs(dtype, 100, rng) if name in BINARY else (points(dtype, 300, rng),)
    got = compiled(name, dtype, len(operands))(*operands)
    usual = numpy.isfinite(got) & (got != 0)
    for x in operands:
        usual &= x != 0
    operands = [x[usual][-500:] for x in operands]
    check(name, exactly(name, *operands), *operands)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "limit"), [("erf", (-1, 1)), ("erfc", (2, 0))])
def test_limits_of_erf(name, limit, dtype):
    x = numpy.asarray([-numpy.inf, -30, 30, numpy.inf, numpy.nan], dtype)
    numpy.testing.assert_array_equal(compiled(name, dtype)(x), [limit[0], *limit, limit[1], numpy.nan])


@pytest.mark.parametrize(("dtype", "greatest"), [("float32", 2**24), ("float64", 2**53)])
def test_results_that_are_floats(dtype, greatest):
    """What a person expects to be exact, is: whole powers and roots of whole numbers, logarithms of
    powers."""
    powers = [(x, y, x**y) for x in range(2, 500) for y in range(54) if x**y <= greatest]
    x, y, whole = numpy.asarray(powers, dtype).T.copy()
    numpy.testing.assert_array_equal(compiled("power", dtype, 2)(x, y), whole)
    roots = numpy.arange(1, round(greatest ** (1 / 3)), 1 + greatest // 2**38, dtype=dtype)
    numpy.testing.assert_array_equal(compiled("cbrt", dtype)(roots**3), roots)
    for name, base in (("log10", 10), ("log2", 2)):
        chosen = x == base
        assert chosen.any()
        numpy.testing.assert_array_equal(compiled(name, dtype)(whole[chosen]), y[chosen])


def test_coefficients():
    """Those in the source are those that the tool computes."""
    known = {**vars(exponentials), **vars(trigonometric), **vars(inverse)}
    for task in minimax.tasks():
        if task.name in ("EXP_32", "SIN_32", "ARCTAN_32"):
            numbers = [float(c) for c in minimax.remez(task, 200).over]
            numpy.testing.assert_allclose(numbers, known[f"_{task.name}"], rtol=1e-3, err_msg=task.name)


def test_argument_next_to_a_multiple_of_pi():
    """No other float64 is so near to one (Muller, "Elementary Functions", on range reduction)."""
    x = numpy.asarray([6381956970095103.0 * 2.0**797])
    check("cos", numpy.asarray([-4.68716592425462761112e-19], numpy.longdouble), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "x"), [("cos", 0), ("exp", 0), ("tanh", 40), ("sigmoid", 800), ("cosh", 0), ("erf", 9)]
)
def test_exactly_one(name, x, dtype):
    assert compiled(name, dtype)(numpy.asarray([x], dtype))[0] == 1


@pytest.mark.parametrize("name", ["exp", "log"])
def test_one_lane(name):
    x = numpy.asarray([0.5, 1, 3, numpy.inf, numpy.nan], "float32")
    numpy.testing.assert_array_equal(compiled(name, "float32", lanes=1)(x), compiled(name, "float32")(x))
