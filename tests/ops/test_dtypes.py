"""NumPy's promotion of types: operands of different dtypes, rare dtypes, Python numbers of any size."""

from __future__ import annotations

import itertools

import numpy
import pytest

import minpy
from minpy.ops import OPS, Aval, Op
from minpy.ops.op import Ufunc
from minpy.ops.promotion import fits, limits
from tests.ops.checks import Compiled, boxed, call, compiled
from tests.ops.samples import DTYPES, Draw, Sample, domain, samples_of
from tests.ops.test_table import TABLE, reference
from tests.ops.tolerances import assert_same

RARE = ("int8", "uint8", "int16", "uint32", "float16", "complex64")
NUMBERS = (3, 300, -1, 2**40, 1e30, 1e300, 0.1, 1e-300, True, 2j)

BINARY = [
    op for op in OPS.values() if op.family == "elementwise" and isinstance(op, Ufunc) and op.numpy.nin == 2
]
JOINING = [*BINARY, *(OPS[name] for name in ("where", "concatenate", "matmul", "index_put"))]


def check(op: Op, args: tuple, params: dict, what: str) -> None:
    """Eager, inferred and compiled against NumPy; where it raises, so do they."""
    expected = reference(op, args, params)
    with numpy.errstate(all="ignore"):
        if isinstance(expected, type):
            with pytest.raises(expected):
                op(*map(boxed, args), **params)
            return
        assert_same(op(*map(boxed, args), **params), expected, what)
        assert op.infer(*args, **params) == Aval(expected.shape, expected.dtype), what
        graph = compiled(call(op, params), args)
        if graph is not None:
            assert_same(graph(*args), expected, f"{what}, compiled")


def redrawn(sample: Sample, dtypes: tuple[str, ...]) -> Sample:
    """The sample with these dtypes for its operands, in turn."""
    following = itertools.cycle(dtypes)
    args = [x._replace(dtype=x.dtype or next(following)) if isinstance(x, Draw) else x for x in sample.args]
    return sample._replace(args=tuple(args))


@pytest.mark.parametrize("op", JOINING, ids=lambda op: op.name)
def test_operands_of_two_dtypes(op):
    first = samples_of(op)[0]
    for dtypes in itertools.permutations((*DTYPES, "int8", "float16"), 2):
        args = redrawn(first, dtypes).draw("float32")
        check(op, args, first.params, f"{op.name} of {dtypes}: {args}")


@pytest.mark.filterwarnings("ignore::numpy.ComplexWarning")  # NumPy's for a cast to real numbers
@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE.keys())
def test_rare_dtypes(op):
    first = samples_of(op)[0]
    for dtype in RARE:
        args = first.draw(dtype)
        check(op, args, first.params, f"{op.name} of {dtype}: {args}")


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.name)
def test_zero_dimensional_operands_promote_weakly(op):
    left, right = domain(op)
    for shapes in (((2,), ()), ((), (2,)), ((), ())):
        for dtypes in itertools.permutations(DTYPES, 2):
            drawn = Sample((Draw(shapes[0], *left[:2], dtypes[0]), Draw(shapes[1], *right[:2], dtypes[1])))
            args = drawn.draw("float32")
            check(op, args, {}, f"{op.name} of {dtypes} {shapes}: {args}")


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.name)
def test_python_numbers(op):
    left, right = domain(op)
    for dtype in DTYPES:
        for number in NUMBERS:
            for shape in ((3,), ()):
                for args in ((Draw(shape, *left), number), (number, Draw(shape, *right))):
                    args = Sample(args).draw(dtype)
                    check(op, args, {}, f"{op.name} of {dtype} and {number!r}: {args}")


#: what decides dtypes by its value: an argument, or what is computed from one
MEETINGS = {
    "argument": lambda np, x, y: x + y,
    "element": lambda np, x, y: x == y[None][0],
    "reduced": lambda np, x, y: x * np.sum(y),
    "chosen": lambda np, x, y: np.where(x > 1, np.max(y), x),
    "converted": lambda np, x, y: x - float(np.min(y)),
    "constant": lambda np, x, y: np.maximum(x, np.int64(2**40)) * y,
}


@pytest.mark.parametrize("name", MEETINGS)
def test_the_value_of_what_has_no_axes_may_decide_the_dtype(name):
    function = MEETINGS[name]
    jitted = minpy.jit(lambda x, y: function(minpy.numpy, x, y))
    for dtype in ("int32", "float32", "uint8", "float16"):
        x = numpy.array([1, 2, 200], dtype)
        for number in (3, -3, 300, 70_000, 2**40, 0.5, 7e4, 1e300, -1e300, numpy.inf, -numpy.inf, numpy.nan):
            y = numpy.array(number)
            with numpy.errstate(all="ignore"):
                expected = function(numpy, x, y)
            for policy in (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()):
                for run in (lambda x, y: function(minpy.numpy, x, y), jitted):
                    with policy, numpy.errstate(all="ignore"):
                        assert_same(run(boxed(x), boxed(y)), expected, f"{name}: {dtype} and {number}")


def numbers_of(dtype):
    """Numbers of a dtype without axes: at the ends of all dtypes, and not finite ones."""
    if dtype.kind == "b":
        return numpy.array([False, True])
    if dtype.kind in "iu":
        ends = {sign * 2**power + more for power in range(65) for sign in (1, -1) for more in (-1, 0, 1)}
        kept = numpy.iinfo(dtype)
        return numpy.array([n for n in sorted(ends) if kept.min <= n <= kept.max], dtype)
    with numpy.errstate(all="ignore"):
        ends = numpy.array([0, 65000, 65504, 3.4e38, 3.5e38, 1e300, numpy.inf, numpy.nan]).astype(dtype)
        parts = ends.view(ends.real.dtype)
        parts = numpy.concatenate([numpy.nextafter(parts, parts.dtype.type(end)) for end in (0, numpy.inf)])
        reals = numpy.concatenate([ends.real, parts, -ends.real, -parts])
    if dtype.kind == "f":
        return reals
    zeros = numpy.zeros_like(reals)
    return numpy.stack([reals, zeros, zeros, reals, reals, reals], 1).ravel().view(dtype)


@pytest.mark.parametrize("number", "?bBhHiIlLefdFD")
def test_which_numbers_decide_a_dtype(number):
    """Against what NumPy makes of each number, for all pairs of dtypes."""
    for array in map(numpy.dtype, "?bBhHiIlLefdFD"):
        bounds = limits(numpy.dtype(number), array)
        met = numpy.ones(1, array)
        usual = numpy.result_type(numpy.zeros((), number), met)
        for n in numbers_of(numpy.dtype(number)):
            keeps = numpy.result_type(n, met) == usual
            assert keeps == (bounds is None or fits(n, *bounds)), f"{n!r} meets {array}"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("passes", ["", "-fuse"])
def test_a_number_beyond_its_limits_fails(monkeypatch, passes, dtype):
    monkeypatch.setenv("MINPY_PASSES", passes)
    run = Compiled(lambda x: OPS["within"](x, low=-3, high=5), [numpy.zeros((), dtype)])
    infinities = [] if dtype == "int64" else [numpy.inf, -numpy.inf, numpy.nan]
    for number in (-3, 0, 1, 5, *infinities):
        assert_same(run(numpy.array(number, dtype)), numpy.array(number, dtype), number)
    for number in (-4, 6, -2_000_000_000, 2_000_000_000):
        with pytest.raises(Exception, match=r"fails on the data|out of range|index"):
            run(numpy.array(number, dtype)).asnumpy()


def test_reductions_in_a_dtype_that_is_asked_for():
    x = numpy.array([[1.25, -2.5, 3.0], [4.0, 0.0, 60.0]])
    for name in ("sum", "prod", "mean"):
        for source in (*DTYPES, "int8", "float16"):
            for dtype in (*DTYPES, "int8", "float16"):
                expected = getattr(numpy, name)(x.astype(source), 1, dtype=dtype)
                got = getattr(minpy.numpy, name)(minpy.Array(x.astype(source)), 1, dtype=dtype)
                assert_same(got, expected, f"{name} of {source} in {dtype}")


def test_a_gradient_has_the_dtype_of_its_argument():
    x, y = numpy.ones(3, "float32"), numpy.ones((2, 3), "float64")
    by_x, by_y = minpy.grad(lambda x, y: minpy.numpy.sum(x * y), [0, 1])(x, y)
    assert (by_x.dtype, by_x.shape) == (x.dtype, x.shape)
    assert (by_y.dtype, by_y.shape) == (y.dtype, y.shape)


def test_the_options_of_astype():
    x = minpy.numpy.ones(3)
    assert x.astype("float32", copy=False) is x
    assert x.astype("float32") is not x
    assert x.astype("float64", casting="safe").dtype == "float64"
    with pytest.raises(TypeError):
        x.astype("int32", casting="safe")


def test_a_gradient_passes_through_a_cast():
    for dtype in ("float16", "float32", "float64"):
        gradient = minpy.grad(lambda x, dtype=dtype: minpy.numpy.sum(x.astype(dtype) * 2))(numpy.ones(3))
        assert_same(gradient, numpy.full(3, 2.0), dtype)
    assert_same(
        minpy.grad(lambda x: minpy.numpy.sum(x.astype(int) * 2.0))(numpy.ones(3)), numpy.zeros(3), "int"
    )


@pytest.mark.parametrize("base", ["int8", "int32", "float32", "float64"])
def test_of_which_dtype_a_power_is_depends_on_the_exponent(base):
    """NumPy has shortcuts for -1, 0, 0.5, 1 and 2, which give another dtype than the general way."""
    power = minpy.jit(lambda x, y: x**y)
    for shape, kind, number in itertools.product(
        ((), (2,)), ("int64", "float64", "complex128"), (0, 2, 3, 0.5)
    ):
        x, y = numpy.full(shape, 2, base), numpy.array(number, kind)
        for function in (power, power.__wrapped__):
            found = function(minpy.numpy.array(x), minpy.numpy.array(y))
            assert_same(found, numpy.asarray(x**y), f"{x!r} ** {y!r}")


def test_gradients_of_a_power_whose_dtype_depends_on_the_exponent():
    x, y = minpy.numpy.array(1.5, dtype="float32"), minpy.numpy.array(2.0, dtype="float64")
    for function in (lambda x, y: x**y, minpy.jit(lambda x, y: x**y)):
        by_x, by_y = minpy.grad(function, (0, 1))(x, y)
        assert by_x == 3 and by_x.dtype == "float32"
        assert abs(by_y - 2.25 * numpy.log(1.5)) < 1e-6
