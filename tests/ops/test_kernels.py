"""The scalar rules of the table, run element by element as machine code, against NumPy."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import pytest

from minpy.compiler.trace import ARRAY, Trace
from minpy.errors import UnsupportedError
from minpy.ops import OPS, Op, aval_of
from minpy.ops.kernels import COMPUTED
from minpy.ops.labels import checked
from minpy.ops.op import Ufunc
from tests.ops.checks import boxed
from tests.ops.elements import run
from tests.ops.samples import samples_of
from tests.ops.test_special_values import FREE_SIGN_OF_ZERO, VALUES, WIDE
from tests.ops.test_table import accepted_calls, reference
from tests.ops.tolerances import VALUE, assert_same

DTYPES = sorted(COMPUTED, key=str)
#: What elementary functions give may be so many units in the last place away; all else is exact.
MOST_UNITS = 4
APPROXIMATE = {
    *("power", "float_power", "cbrt", "hypot", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("logaddexp", "logaddexp2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sigmoid", "sinc"),
}
CANCELS = ("logaddexp2", "sinc", "special.kl_div")
SCALARS = [op for op in OPS.values() if op.scalar is not None]
NEAR = [op for op in SCALARS if op.name in APPROXIMATE or op.name.startswith("special.")]
EXACT = [op for op in SCALARS if op not in NEAR]
#: Dtypes that meet in one of their own.
MIXED = [
    *(("float32", "float64"), ("float64", "int64"), ("float32", "bool"), ("int32", "float32")),
    *(("int8", "int64"), ("uint8", "int8"), ("uint32", "int32"), ("bool", "int64"), ("int16", "uint16")),
    *(("uint64", "float32"), ("int64", "uint64")),
]
NUMBERS = (numpy.nan, -0.0, 0.1, 1e-310, 0, 2, -1, True)


def specials(dtype: numpy.dtype) -> numpy.ndarray:
    """Zeros of both signs, nan, the infinities, what is least and greatest, numbers between."""
    if dtype.kind == "b":
        return numpy.array([False, True])
    if dtype.kind == "f":
        limits = numpy.finfo(dtype)
        edges = (
            limits.max,
            limits.min,
            limits.tiny,
            limits.smallest_subnormal,
            1 / limits.eps,
            0.3 / limits.eps,
        )
        return numpy.array([*VALUES, *(WIDE if dtype.itemsize == 8 else ()), *edges, 7.25, -1e5], dtype)
    info = numpy.iinfo(dtype)
    values = {0, 1, 2, 3, 7, 100, info.min, info.min + 1, info.max, info.max - 1, -1, -2, -3, -7}
    return numpy.array(sorted(n for n in values if info.min <= n <= info.max), dtype)


def calls(op: Op) -> Iterator[tuple[tuple, dict]]:
    """Operands and params: of a ufunc in all dtypes, of another op those that the table is tested with."""
    if not isinstance(op, Ufunc):
        for sample in samples_of(op):
            for dtype in sample.dtypes:
                yield sample.draw(dtype), sample.params
        if op.name in ("astype", "round"):
            yield from ((args, params) for args in of_all_dtypes(1) for params in _params(op, *args))
        return
    for args in of_all_dtypes(op.nin):
        yield args, {}


def _params(op: Op, x: numpy.ndarray) -> list[dict]:
    if op.name == "astype":
        return [{"dtype": dtype} for dtype in DTYPES]
    return [{"decimals": decimals} for decimals in (-2, 0, 1, 3) if decimals >= 0 or x.dtype != numpy.uint32]


def of_all_dtypes(count: int) -> Iterator[tuple]:
    if count == 1:
        yield from ((specials(dtype),) for dtype in DTYPES)
        return
    for one, other in [*((dtype, dtype) for dtype in DTYPES), *MIXED]:
        yield specials(numpy.dtype(one))[:, None], specials(numpy.dtype(other))
    for dtype, number in (
        ("float32", numpy.array(0.1)),
        ("float32", numpy.array(3)),
        ("int16", numpy.array(-2)),
    ):
        yield specials(numpy.dtype(dtype)), number
    for number in NUMBERS:
        yield specials(numpy.dtype("float32")), number
        yield number, specials(numpy.dtype("int32"))


def _apart(x: Any) -> Any:
    """The same elements with gaps in memory, which NumPy takes one by one."""
    return numpy.repeat(x, 2, axis=-1)[..., ::2] if isinstance(x, numpy.ndarray) and x.ndim else x


def check(op: Op, args: Sequence[Any], params: dict) -> bool:
    """Compare with NumPy; gives whether there is something to compare."""
    expected = reference(op, args, params)
    if isinstance(expected, type):
        return False
    try:
        if op.infer(*args, **params).dtype != expected.dtype:
            return False  # NumPy looks at values, which kernels do not know
        got = run(op, args, params)
    except UnsupportedError:
        return False
    what = f"{op.name} {[getattr(x, 'dtype', x) for x in args]} {params}"
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape), what
    same = (got == expected) | ((got != got) & (expected != expected))
    if expected.dtype.kind == "f" and op.name not in FREE_SIGN_OF_ZERO:
        same &= (expected != 0) | (numpy.signbit(got) == numpy.signbit(expected))
    if expected.dtype == numpy.uint32:  # of floats out of range NumPy makes one number or another
        same |= expected != reference(op, [_apart(x) for x in args], params)
    if not same.all():
        operands = [numpy.broadcast_to(x, same.shape)[~same][:5] for x in args]
        raise AssertionError(f"{what}: {operands}: {got[~same][:5]}, should be {expected[~same][:5]}")
    return True


@pytest.mark.parametrize("op", EXACT, ids=lambda op: op.name)
def test_rule_is_exact(op):
    done = [check(op, args, params) for args, params in calls(op)]
    assert any(done)


@pytest.mark.parametrize("dtype, least, exponent", [("float32", -149, -110), ("float64", -1074, -977)])
def test_ldexp_rounds_once(dtype, least, exponent):
    """Also where it takes several steps to the result, which has few bits."""
    just_above_half = numpy.array([numpy.ldexp(513.0, least - 10 - exponent)], dtype)
    assert check(OPS["ldexp"], (just_above_half, numpy.array([exponent], "int32")), {})
    generator = numpy.random.default_rng(0)
    x = numpy.ldexp(generator.integers(1, 2**20, 20_000), generator.integers(least, 100, 20_000)).astype(
        dtype
    )
    n = generator.integers(2 * least, -2 * least, 20_000).astype("int32")
    assert check(OPS["ldexp"], (x, n), {})


def wide(dtype: numpy.dtype) -> numpy.dtype:
    """A dtype so much more precise that its rounding does not count."""
    return numpy.dtype("float64" if dtype == numpy.float32 else "longdouble")


def units(op: Op, got: numpy.ndarray, args: Sequence[Any], params: dict) -> numpy.ndarray:
    """By how many units in the last place the result is wrong, or the greatest operand where they cancel."""
    operands = [numpy.asarray(x).astype(got.dtype).astype(wide(got.dtype)) for x in args]
    try:
        exact = op.numpy(*operands, **params)
    except TypeError:  # SciPy has it for no more than float64, with errors of its own
        exact = op.numpy(*[x.astype(got.dtype) for x in operands], **params)
        near = numpy.fmax(VALUE[got.dtype].relative * abs(exact), numpy.spacing(abs(exact)))
        return abs(got - exact) / near * MOST_UNITS
    largest = (
        functools.reduce(numpy.fmax, map(abs, operands), abs(exact)) if op.name in CANCELS else abs(exact)
    )
    return abs(got - exact) / numpy.spacing(largest.astype(got.dtype))


@pytest.mark.parametrize("op", NEAR, ids=lambda op: op.name)
def test_rule_is_near(op):
    done = 0
    for args, params in calls(op):
        expected = reference(op, args, params)
        try:
            if isinstance(expected, type) or op.infer(*args, **params).dtype != expected.dtype:
                continue
            got = run(op, args, params)
        except UnsupportedError:
            continue
        what = f"{op.name} {[getattr(x, 'dtype', x) for x in args]} {params}"
        same = (got == expected) & ((expected != 0) | (numpy.signbit(got) == numpy.signbit(expected)))
        same |= numpy.isnan(got) & numpy.isnan(expected)
        if got.dtype.kind == "f":
            with numpy.errstate(all="ignore"):
                same |= units(op, got, args, params) <= MOST_UNITS
        if not same.all():
            operands = [numpy.broadcast_to(x, same.shape)[~same][:5] for x in args]
            raise AssertionError(f"{what}: {operands}: {got[~same][:5]}, should be {expected[~same][:5]}")
        done += 1
    assert done


#: What kernels have beside elementwise ops.
REDUCTIONS_AND_VIEWS = {"sum", "prod", "max", "min", "any", "all", "reshape", "broadcast_to", "transpose"}
COMPOSITE = [op for op in OPS.values() if op.parts is not None]


@pytest.mark.parametrize("op", COMPOSITE, ids=lambda op: op.name)
def test_parts(op):
    """They give what the op gives, and are ops that kernels can have."""
    done = 0
    for what, args, params, expected in accepted_calls(op):
        if not expected.size or expected.dtype not in COMPUTED:
            continue
        try:
            with numpy.errstate(all="ignore"):
                found = op.parts(*map(boxed, args), **params)
        except UnsupportedError:
            continue
        assert_same(found, expected, what)
        recorded(op, args, params)
        if op.elementwise:
            apart = [specials(expected.dtype).reshape(-1, *[1] * i) for i in range(len(args))]
            special = [x.copy() for x in numpy.broadcast_arrays(*apart)]
            assert_same(op.parts(*map(boxed, special), **params), reference(op, special, params), what)
            recorded(op, [numpy.ravel(x)[0].reshape(()) for x in args], params)
        done += 1
    assert done


def recorded(op: Op, args: Sequence[Any], params: dict) -> None:
    """The parts as the compiler records them: of the inferred dtype, and of ops that kernels can have."""
    trace = Trace()
    trace.runs = False
    with trace.interpreting():
        operands = [trace.input(aval_of(x), ARRAY) if isinstance(x, numpy.ndarray) else x for x in args]
        found = op.parts(*operands, **params)
        assert aval_of(found) == op.infer(*operands, **params), f"{op.name} {args}"
    for part in {eqn.op for eqn in trace.eqns} - {OPS["within"], checked}:
        assert part.scalar or part.parts or part.name in REDUCTIONS_AND_VIEWS, f"{op.name}: {part.name}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
def test_remainders_are_exact(name, dtype):
    """Near whole multiples, and where the quotient is large, or larger than integers are exact."""
    rng = numpy.random.default_rng(0)
    size = 20_000
    y = (rng.choice([-1, 1], size) * 10.0 ** rng.uniform(-8, 8, size)).astype(dtype)
    bits = numpy.finfo(dtype).nmant
    whole = rng.integers(0, 2.0 ** rng.uniform(1, bits + 3, size)).astype(dtype)
    near = whole * y
    x = numpy.where(rng.random(size) < 0.5, near, numpy.nextafter(near, rng.choice([-1e30, 1e30], size)))
    assert check(OPS[name], (x.astype(dtype), y), {})
    assert check(OPS[name], ((y * rng.normal(size=size)).astype(dtype), y), {})
