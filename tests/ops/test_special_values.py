"""Infinities, nan, zeros of both signs, halves, and numbers at the edge of what a float can hold."""

from __future__ import annotations

import mpmath
import numpy
import pytest

import minpy
from minpy.ops import OPS
from minpy.ops.op import Ufunc
from tests.ops.checks import boxed, call, compiled
from tests.ops.test_table import reference
from tests.ops.tolerances import VALUE

INF, NAN = numpy.inf, numpy.nan
VALUES = (
    *(NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, 0.1, 1e5, 700.0, -700.0),
    *(0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, 1e-40),
)
WIDE = (1e300, -1e300, 1e-310)  # for float64 only
INTEGERS = (0, 1, -1, 2, -2, 7, 2**31 - 1, 1 - 2**31, -(2**31))
NUMBERS = (*VALUES[:11], 0, 1, 2, True, 1e-310)
#: Of two zeros NumPy takes one or the other, as the processor likes it.
FREE_SIGN_OF_ZERO = ("maximum", "minimum")

UFUNCS = [op for op in OPS.values() if isinstance(op, Ufunc) and (op.family == "elementwise" or op.on_mxnet)]


def assert_special(got, expected, signs, what):
    """Equal dtypes, nans, infinities and signs of zeros; other values relatively near."""
    got = numpy.asarray(got)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape), what
    if expected.dtype.kind != "f":
        assert (got == expected).all(), f"{what}: {got}, should be {expected}"
        return
    with numpy.errstate(all="ignore"):
        same = numpy.isclose(got, expected, VALUE[expected.dtype].relative, 1e-44, equal_nan=True)
    if signs:
        same &= (expected != 0) | (got != 0) | (numpy.signbit(got) == numpy.signbit(expected))
    assert same.all(), f"{what}: {got[~same]}, should be {expected[~same]}"


def check(op, args, params=None, signs=True):
    """Eager and compiled against NumPy."""
    params = params or {}
    expected = reference(op, args, params)
    if isinstance(expected, type):
        return
    what = f"{op.name} {args} {params}"
    with numpy.errstate(all="ignore"):
        assert_special(op(*map(boxed, args), **params), expected, signs, what)
        graph = compiled(call(op, params), args)
        if graph is not None:
            assert_special(graph(*args), expected, signs, f"{what}, compiled")


def specials(dtype):
    values = INTEGERS if dtype.startswith("int") else VALUES + (WIDE if dtype == "float64" else ())
    return numpy.array(values, dtype)


@pytest.mark.parametrize("op", UFUNCS, ids=lambda op: op.name)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_ufunc(op, dtype):
    signs = op.name not in FREE_SIGN_OF_ZERO
    x = specials(dtype)
    if op.name == "special.gammaln":
        x = x[x != 1e-310]  # of which SciPy makes an infinity
    if op.numpy.nin == 1:
        check(op, (x,))
        return
    check(op, (x[:, None], x[None]), signs=signs)
    for number in NUMBERS:
        check(op, (x, number), signs=signs)
        check(op, (number, x), signs=signs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_and_casts(dtype):
    x = specials(dtype)
    check(OPS["where"], (x > 0, x, x[::-1].copy()))
    check(OPS["where"], (x, x, 0.0))
    check(OPS["where"], (numpy.isnan(x), -0.0, x))
    for target in ("bool", "float32", "float64"):
        check(OPS["astype"], (x,), {"dtype": numpy.dtype(target)})


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "min", "any", "all"])
def test_reductions(name):
    rows = [[1, NAN, 2], [INF, 1, 2], [INF, -INF, 0], [-INF, 3, -1], [0, -2, INF], [3, 1, 2], [0, 0, 0]]
    for dtype in ("float32", "float64"):
        for axes in ((0,), (1,), (0, 1)):
            check(OPS[name], (numpy.array(rows, dtype),), {"axes": axes, "keepdims": False}, signs=False)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(name):
    rows = [[1, NAN, NAN], [INF, INF, 2], [2, -INF, -INF], [0, -0.0, 0], [5, 5, 1]]
    for dtype in ("float32", "float64"):
        for axis in (None, 0, 1):
            check(OPS[name], (numpy.array(rows, dtype),), {"axis": axis})


def test_products_with_nan_and_infinity():
    x = numpy.array([[1, INF, 0], [NAN, 1, 2]])
    check(OPS["matmul"], (x, numpy.array([[0.0, 1], [1, 0], [2, 3]])))
    check(OPS["matmul"], (x, numpy.array([1.0, 2, 3])))


def gradient(function, *x):
    with numpy.errstate(all="ignore"):
        return numpy.asarray(minpy.grad(function)(numpy.array(x)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_numpys_short_ways_to_powers(dtype, exponent):
    """``x ** 0.5`` is the square root, also of -0.0 and -inf; however the exponent is spelled."""
    x = specials(dtype)
    ways = [float, numpy.float32, numpy.float64, numpy.array, lambda y: numpy.array(y, "float32")]
    if exponent in (0.0, 1.0, 2.0):
        ways += [int, numpy.int64, lambda y: numpy.array(y, "int64")]
    for way in ways:
        y = way(exponent)
        with numpy.errstate(all="ignore"):
            expected = x**y
            for policy in (minpy.OnlyNumPyPolicy(), minpy.PreferMXNetPolicy()):
                with policy:
                    assert_special(boxed(x) ** y, expected, True, f"{x} ** {y!r}")


def test_conventions_where_there_is_no_derivative():
    np = minpy.numpy
    assert gradient(lambda x: np.sum(np.abs(x)), -1.0, 0.0, 2.0).tolist() == [-1, 0, 1]
    assert gradient(lambda x: np.sum(np.sign(x) + np.floor(x)), -1.0, 0.0, 2.0).tolist() == [0, 0, 0]
    assert gradient(lambda x: np.sum(np.clip(x, 0, 1)), -1.0, 0.0, 0.5, 1.0, 2.0).tolist() == [
        0,
        0.5,
        1,
        0.5,
        0,
    ]
    assert gradient(lambda x: np.sum(x**0), 0.0, 2.0).tolist() == [0, 0]
    assert gradient(lambda x: np.sum(x ** numpy.array([0.0, 1.0, 2.0])), 0.0, 0.0, 0.0).tolist() == [0, 1, 0]
    for power in (np.power, np.float_power):
        slopes = gradient(lambda y, f=power: np.sum(f(numpy.array([0.0, 2.0]), y)), 2.0, 1.0)
        assert slopes.tolist() == [0, 2 * numpy.log(2.0)]


def test_conventions_of_angles_spreads_and_broken_lines():
    np = minpy.numpy
    origin = numpy.array([0.0, 3.0, 1e-200])
    by_y, by_x = minpy.grad(lambda y, x: np.sum(np.arctan2(y, x)), [0, 1])(
        origin, numpy.array([0.0, 4.0, 1e-200])
    )
    assert numpy.allclose(by_y.asnumpy(), [0, 4 / 25, 0.5e200])
    assert numpy.allclose(by_x.asnumpy(), [0, -3 / 25, -0.5e200])
    for root in (np.sqrt, np.cbrt):
        assert gradient(lambda x, f=root: f(np.var(x)), 2.0, 2.0, 2.0).tolist() == [0, 0, 0]
        assert gradient(lambda x, f=root: f(np.var(x)), 5.0).tolist() == [0]
    curvature = minpy.hessian(lambda x: np.var(x))(numpy.array([2.0, 2.0]))
    assert curvature.asnumpy().tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    slopes = gradient(
        lambda x: np.sum(np.interp(x, [0.0, 1.0, 3.0], [0.0, 5.0, 6.0])), -1.0, 0.0, 1.0, 3.0, 4.0
    )
    assert slopes.tolist() == [0, 5, 0.5, 0, 0]
    assert gradient(lambda x: np.sum(np.unique(x) * numpy.array([1.0, 10.0])), 3.0, 1.0, 3.0).tolist() == [
        10,
        1,
        0,
    ]


def test_ties_share_the_gradient_equally():
    np = minpy.numpy
    same = numpy.array([1.0, 2.0, 3.0])
    for function in (np.maximum, np.minimum):
        by_x, by_y = minpy.grad(lambda x, y, f=function: np.sum(f(x, y)), [0, 1])(same, same.copy())
        assert by_x.tolist() == by_y.tolist() == [0.5, 0.5, 0.5]
    assert gradient(lambda x: np.max(x), 1.0, 3.0, 3.0, 3.0).tolist() == [0, 1 / 3, 1 / 3, 1 / 3]
    assert gradient(lambda x: np.min(x), 1.0, 3.0, 1.0).tolist() == [0.5, 0, 0.5]
    rows = numpy.array([[2.0, 2.0], [1.0, 5.0]])
    by_rows = minpy.grad(lambda x: np.sum(np.max(x, axis=1) * numpy.array([1.0, 10.0])))(rows)
    assert by_rows.tolist() == [[0.5, 0.5], [0, 10]]
    weights = numpy.array([1.0, 10.0, 100.0, 1000.0])
    for function in (np.sort, lambda x: np.partition(x, 2)):
        found = gradient(lambda x, f=function: np.sum(f(x) * weights), 2.0, 1.0, 2.0, 3.0)
        assert found.tolist() == [55, 1, 55, 1000]
    assert gradient(np.median, 2.0, 1.0, 2.0, 3.0).tolist() == [0.5, 0, 0.5, 0]


def test_the_product_of_zeros_has_a_gradient():
    np = minpy.numpy
    assert gradient(lambda x: np.prod(x), 0.0, 2.0, 3.0).tolist() == [6, 0, 0]
    assert gradient(lambda x: np.prod(x), 0.0, 2.0, 0.0).tolist() == [0, 0, 0]
    assert gradient(lambda x: np.prod(x), INF).tolist() == [1]


def test_the_dtype_of_a_quantile_that_is_nan():
    np = minpy.numpy
    for x in (numpy.float32([1, NAN, 3]), numpy.float32([[1, NAN, 3]]), numpy.float32([1, 2, 3])):
        for q in (0.3, [0.3]):
            expected, found = numpy.quantile(x, q), np.quantile(boxed(x), q)
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            numpy.testing.assert_array_equal(numpy.asarray(found), expected)


def test_the_gradient_of_what_is_broadcast_to_nothing():
    by_x, by_y = minpy.grad(lambda x, y: minpy.numpy.sum(x * y), [0, 1])(
        numpy.ones((1, 3)), numpy.ones((0, 3))
    )
    assert by_x.tolist() == [[0, 0, 0]] and by_y.shape == (0, 3)


def test_the_slope_of_sinc_near_0():
    for x in (1e-9, 1e-3, 0.0099, 0.0101, 0.3):
        with mpmath.workdps(50):
            expected = float(mpmath.diff(mpmath.sincpi, x))
        assert abs(gradient(lambda x: minpy.numpy.sum(minpy.numpy.sinc(x)), x)[0] - expected) < 1e-11 * abs(
            expected
        )
