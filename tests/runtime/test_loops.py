"""NumPy's loops without NumPy around them give what NumPy gives, to the last bit, and warn as it does."""

from __future__ import annotations

import functools
import itertools
import warnings

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.ops import OPS
from minpy.ops.op import Ufunc

UFUNCS = sorted(
    name for name, op in OPS.items() if isinstance(op, Ufunc) and op.nout == 1 and "." not in name
)
SPECIAL = [0.0, -0.0, 1.0, -2.5, 1e-30, 1e30, numpy.inf, -numpy.inf, numpy.nan, 3e38, 1e-42, -7]
REDUCTIONS = ("sum", "prod", "max", "min", "any", "all", "mean", "var", "std", "argmax", "argmin")


@pytest.fixture(autouse=True)
def only_numpy():
    minpy.set_global_policy("only_numpy")


def outcome(call):
    """What a call gives, to the last bit, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = numpy.asarray(call())
        except Exception as error:
            return next(
                kind for kind in (ValueError, TypeError, ZeroDivisionError) if isinstance(error, kind)
            )
    layout = found.flags.c_contiguous, found.flags.f_contiguous, found.flags.writeable
    return (
        found.dtype,
        found.shape,
        found.tobytes(),
        layout,
        sorted({str(w.message).split(" in ")[0] for w in caught}),
    )


def same(call, *arrays):
    """Compare a call on MinPy's arrays with the call on NumPy's, twice: the second time it is known."""
    boxed = [minpy.Array(x) for x in arrays]
    expected = outcome(lambda: call(*arrays))
    for _ in range(2):
        assert outcome(lambda: call(*boxed)) == expected, arrays


def samples(dtype):
    random = numpy.random.RandomState(0)
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        special = numpy.array(SPECIAL).astype(dtype)
        return special, (random.randn(3, 5) * 3).astype(dtype), special[:0], special[2]


@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs(name):
    ufunc, function = getattr(numpy, name), OPS[name]
    for dtype in "?bHilqefdFD":
        for x in samples(dtype):
            others = [x, numpy.roll(x, 1), x.ravel()[:1].reshape(()) if x.size else x, 3, 0.5][
                : 5 if ufunc.nin > 1 else 1
            ]
            for other in others:
                plain = (x, other, other)[: ufunc.nin]
                boxed = [minpy.Array(numpy.array(y)) if isinstance(y, numpy.ndarray) else y for y in plain]
                expected = outcome(lambda plain=plain: ufunc(*plain))
                assert outcome(lambda boxed=boxed: function(*boxed)) == expected, (dtype, plain)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    def method(x):
        return getattr(x, name)()

    random = numpy.random.RandomState(0)
    for dtype in "?bHlefdFD":
        for x in samples(dtype)[:3]:
            same(method, x)
    for dtype, size in itertools.product(
        "lfd", (*range(1, 40), 127, 128, 129, 1000, 8191, 8193, 16384, 20000)
    ):
        x = (random.randn(size) * 100).astype(dtype)
        same(method, x)
        if size % 4 == 0:
            same(method, x.reshape(4, -1))
            same(method, x.reshape(2, 2, -1))
    for x in (
        numpy.full(3, -0.0),
        numpy.array([1.0, numpy.nan, 2.0]),
        numpy.full((2, 3), 3e38, "f"),
        numpy.ones((3, 4)).T,
    ):
        same(method, x)


def test_reductions_depend_on_the_size_of_numpys_buffer():
    x = numpy.random.RandomState(0).randn(1000).astype("f")
    before = numpy.setbufsize(160)
    try:
        same(lambda x: x.sum(), x)
    finally:
        numpy.setbufsize(before)
    same(lambda x: x.sum(), x)


@pytest.mark.parametrize("name", ("sum", "prod", "max", "min", "any", "all", "mean", "var", "std"))
def test_reductions_by_functions(name):
    x = numpy.random.RandomState(0).randn(4, 6).astype("f")
    for y in (x, x.T, x[:, ::2], x.astype("f8"), x.astype("i8"), x > 0):
        for options in (
            {},
            {"axis": 0},
            {"axis": (0, 1)},
            {"axis": -1, "keepdims": True},
            {"axis": None, "keepdims": True},
        ):
            found = outcome(functools.partial(getattr(np, name), minpy.Array(y), **options))
            assert found == outcome(functools.partial(getattr(numpy, name), y, **options))


def test_spreads_with_degrees_of_freedom():
    x = numpy.random.RandomState(0).randn(7).astype("f")
    for ddof in (0, 1, 2, 6, 7, 8, 0.5):
        same(lambda y: y.var(ddof=ddof), x)  # noqa: B023
        same(lambda y: y.std(ddof=ddof), x)  # noqa: B023


@pytest.mark.parametrize("state", ["warn", "ignore", "raise"])
def test_floating_point_errors_are_those_of_errstate(state):
    x = numpy.array(SPECIAL)
    operations = (
        numpy.exp,
        numpy.log,
        lambda x: x / x,
        lambda x: x * x,
        lambda x: (x + x).sum(),
        lambda x: x[3] / x[0],
    )
    for operation, dtype in itertools.product(operations, "fd"):
        with numpy.errstate(all="ignore"):
            y = x.astype(dtype)

        def call(z, operation=operation):
            with numpy.errstate(all=state):
                try:
                    return operation(z)
                except FloatingPointError as error:
                    return str(error).split(" in ")[0] == "overflow encountered"

        same(call, y)


def test_casts():
    for source, target in itertools.product("?bHlefdgFD", "?bHlefdgFD"):
        if source in "efdgFD" and target in "bHl":
            with numpy.errstate(all="ignore"):
                x = numpy.array([0.0, 1.5, -2.5, 100.0]).astype(source)
        else:
            x = samples(source)[0]
        for y in (x, x.reshape(2, -1), x.reshape(2, -1).T, x[:0], x[1:2].reshape(())):
            same(lambda z: z.astype(target), y)  # noqa: B023


ROWS = (
    0,
    -1,
    slice(None),
    slice(1, 4),
    slice(4, 1, -1),
    slice(None, None, 2),
    slice(5, 5),
    ...,
    (1, 2),
    (0, slice(2, 5)),
)
ROWS += ((slice(None), 1), (slice(1, None), 0), (slice(None), slice(1)), (slice(None), 7), 9, slice(0, 3, -1))


@pytest.mark.parametrize("dtype", "?bHlefdD")
def test_written_rows(dtype):
    data = numpy.arange(24).reshape(4, 6).astype(dtype)

    def written(array, key, source, other):
        try:
            array[key] = array[other] if source == "itself" else numpy_or_minpy(array, source)[other]
        except (ValueError, IndexError, TypeError) as error:
            return next(kind for kind in (ValueError, IndexError, TypeError) if isinstance(error, kind))
        return array.tolist()

    def numpy_or_minpy(array, source):
        return minpy.Array(source.copy()) if isinstance(array, minpy.Array) else source

    sources = ("itself", data * 2, numpy.linspace(0, 9, 24, dtype="f").reshape(4, 6), data[:, ::-1])
    for key, other in itertools.product(ROWS, ROWS):
        for source in sources:
            expected = written(data.copy(), key, source, other)
            assert written(minpy.Array(data.copy()), key, source, other) == expected, (key, other, source)
        row, place = (x[0] if isinstance(x, tuple) else x for x in (key, other))
        expected = written(data[1].copy(), row, "itself", place)
        assert written(minpy.Array(data[1].copy()), row, "itself", place) == expected, (row, place)


def test_a_write_to_what_is_read_only_raises():
    data = numpy.arange(4.0)
    data.flags.writeable = False
    a = minpy.Array(data)
    for key, value in ((0, 1.0), (slice(2), 0.0), (slice(2), minpy.Array(numpy.ones(2))), (..., 1.0)):
        with pytest.raises(ValueError, match="read-only"):
            a[key] = value
    with pytest.raises(ValueError, match="read-only"):
        a += 1.0
    assert data.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_flat_view_follows_its_base():
    def change(x):
        flat = x.ravel()
        x[0] = x[1] * 2.0  # a recorded x gets a new value
        flat[3] = flat[0] * 3.0
        return (x * x).sum() + flat.sum()

    data = numpy.arange(1.0, 5.0).reshape(2, 2)
    assert change(minpy.Array(data.copy())) == change(data.copy())
    found, step = minpy.grad(change)(data), 1e-6
    for place in numpy.ndindex(2, 2):
        shift = numpy.zeros_like(data)
        shift[place] = step
        difference = (change(data + shift) - change(data - shift)) / (2 * step)
        assert abs(found[place] - difference) < 1e-6 * max(1, abs(difference))
    a = minpy.Array(data)
    flat = a.ravel()
    assert flat.base is a and numpy.shares_memory(numpy.asarray(flat), data)
    a.shape = (4,)
    flat[1] = 9.0
    assert a.tolist() == [1.0, 9.0, 3.0, 4.0]
    assert a.ravel()[1:][0] == 9.0 and a.ravel().reshape(2, 2).ravel().T.tolist() == a.tolist()


def test_attributes():
    a = minpy.Array(numpy.ones((2, 3), "f"))
    assert (a.dtype, a.size, a.T.dtype, a[0].size, a[0, 0].dtype, a[0, 0].size) == (
        numpy.float32,
        6,
        numpy.float32,
        3,
        "f",
        1,
    )
    for number in (a, a[0, 0]):
        with pytest.raises(AttributeError, match="astype"):
            number.dtype = "f8"
        with pytest.raises(AttributeError):
            del number.dtype
        with pytest.raises(AttributeError):
            number.size = 3


def test_a_number_is_broadcast_as_in_numpy():
    number, data = minpy.Array(numpy.arange(3.0))[1], numpy.arange(3.0)[1]
    for x, plain in ((number, data), (minpy.Array(numpy.array(2.0)), numpy.array(2.0))):
        for shape in ((), (3,), (2, 0), (2, 3)):
            for _ in range(2):
                found, expected = np.broadcast_to(x, shape), numpy.broadcast_to(plain, shape)
                assert (found.tolist(), found.strides) == (expected.tolist(), expected.strides)
                assert type(found) is minpy.Array and not found.flags.writeable
    base = minpy.Array(numpy.array(2.0))
    view = np.broadcast_to(base, (2,))
    base[...] = 5.0
    assert view.tolist() == [5.0, 5.0]
