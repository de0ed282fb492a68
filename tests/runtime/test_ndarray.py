"""Arrays have what ``numpy.ndarray`` has."""

from __future__ import annotations

import array
import copy
import fractions
import gc
import io
import itertools
import math
import operator
import pickle
import sys
import warnings

import numpy
import pytest

import minpy.numpy as np
from minpy.core import grad
from minpy.errors import GradientError, GradientWarning
from minpy.runtime.buffer import export_buffers
from minpy.runtime.scalar import Scalar

DATA = numpy.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.5]])


#: What an array cannot promise: an address that stays, since a write may give it other memory; and what only
#: NumPy's own subclasses need.
LEFT_OUT = {
    *("__array_interface__", "__array_struct__"),
    *("__array_finalize__", "__array_prepare__", "__array_wrap__", "__setstate__"),
}


def test_every_attribute_is_there():
    array, number = np.array(DATA), np.sum(np.array(DATA))
    assert {name for name in dir(numpy.ndarray) if not hasattr(array, name)} <= LEFT_OUT
    missing = {name for name in dir(numpy.float64) if not name.startswith("_") and not hasattr(number, name)}
    assert missing == set()


CALLS = {
    "cumsum": lambda a: a.cumsum(axis=1),
    "cumprod": lambda a: a.cumprod(),
    "argsort": lambda a: a.argsort(axis=0),
    "trace": lambda a: a.trace(),
    "diagonal": lambda a: a.diagonal(),
    "repeat": lambda a: a.repeat(2, axis=0),
    "nonzero": lambda a: a.nonzero()[1],
    "searchsorted": lambda a: a[0].searchsorted([0.0, 5.0]),
    "real": lambda a: a.real,
    "strides": lambda a: a.strides,
    "nbytes": lambda a: a.nbytes,
    "tobytes": lambda a: a.tobytes(),
    "tolist": lambda a: a.tolist(),
    "item": lambda a: a.item(1, 2),
    "divmod": lambda a: divmod(a, 2)[1],
    "rdivmod": lambda a: divmod(7, a)[0],
    "shift": lambda a: (a.astype("int64") << 2) >> 1,
    "round": lambda a: a.round(),
    "view": lambda a: a.view("int64"),
    "ptp": lambda a: numpy.ptp(a, axis=0),
    "flat": lambda a: [float(x) for x in a.flat],
    "conj": lambda a: a.conj(),
    "conj of real numbers": lambda a: (a.conj() is a, (a > 0).conj().dtype, a.conjugate() is a),
    "conj into": lambda a: a.conj(a[::-1]),
    "compared with an object": lambda a: ((a == object()).any(), (a != object()).all()),
    "compared with a range": lambda a: a[0] > range(3),
    "compress": lambda a: a.compress([False, True], axis=0),
    "choose": lambda a: (a > 0).astype("int64").choose([a, -a]),
    "dot": lambda a: a.dot(a.T),
    "contains": lambda a: 4.0 in a,
    "format": lambda a: f"{a[0, 0]:.3f} {a[0]}",
    "with None": lambda a: numpy.asarray(a == None).any() or not numpy.asarray(a != None).all(),  # noqa: E711
    "chain": lambda a: ((a > 0) & (a < 4)).sum(),
    "power": lambda a: pow(a, 2),
    "rpower": lambda a: 2**a,
    "matmul": lambda a: a @ [1.0, 2.0, 0.5],
    "rmatmul": lambda a: [1.0, 2.0] @ a,
    "list times integer": lambda a: ([0] * a.argmax(), a.argmax() * (1, 2), "ab" * a.astype("int64")[0, 0]),
    "base": lambda a: (a.base is None, a[1:].base is a, a.T[0].base is a, (a + 1).base is None),
    "number": lambda a: (a.sum().is_integer(), round(a.sum(), 1), round(a.sum()), hash(a[0, 0]) == hash(3.0)),
    "other bytes": lambda a: a.newbyteorder().dtype if hasattr(a, "newbyteorder") else None,
    "flat part": lambda a: a.flat[1:4],
    "flat at": lambda a: a.flat[[0, -1]],
    "flat facts": lambda a: (len(a.flat), a.flat.index, a.flat.coords, next(a.flat) == 3, a.flat.base is a),
    "flat compared": lambda a: (a.flat > 0).sum(),
    "flat as array": lambda a: numpy.asarray(a.flat),
    "text": lambda a: a.astype("U4") == "4.0",
    "dates": lambda a: a.astype("int64").astype("datetime64[D]") > numpy.datetime64("1970-01-02"),
    "compare": lambda a: (a == a.copy()).all() and (a != 3).any(),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_as_numpy(name):
    expected, found = CALLS[name](DATA.copy()), CALLS[name](np.array(DATA))
    if isinstance(expected, (numpy.ndarray, numpy.generic)):
        assert found.dtype == expected.dtype
        numpy.testing.assert_array_equal(numpy.asarray(found), expected)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.fill(2.5),
        lambda a: a.sort(),
        lambda a: a.sort(axis=0),
        lambda a: a.partition(1),
        lambda a: a.put([0, 5], [9.0, 8.0]),
    ],
)
def test_methods_that_change_the_array(change):
    expected, found = DATA.copy(), np.array(DATA)
    view = found[1]
    change(expected)
    assert change(found) is None
    numpy.testing.assert_array_equal(found.asnumpy(), expected)
    numpy.testing.assert_array_equal(view.asnumpy(), expected[1])


def test_in_a_gradient_they_follow_or_refuse():
    def filled(x):
        y = x * 2
        y.fill(np.sum(x))
        return np.sum(y * x)

    expected = numpy.full((2, 3), 2 * DATA.sum())
    numpy.testing.assert_allclose(grad(filled)(DATA).asnumpy(), expected)

    def in_bytes(x):
        y = x * 2
        y.setfield(1, "int8")
        return np.sum(y)

    with pytest.raises(GradientError, match="setfield in place"):
        grad(in_bytes)(DATA)


def test_unknown_and_refused_names():
    with pytest.raises(AttributeError, match="no_such"):
        np.array(DATA).no_such  # noqa: B018
    with pytest.raises(ValueError, match="resize"):
        np.array(DATA).resize((3, 2))
    for name, value in (("dtype", "int64"), ("strides", (8, 8))):
        with pytest.raises(AttributeError, match=f"{name} of an array is not set"):
            setattr(np.array(DATA), name, value)
    with pytest.raises(TypeError, match="unhashable"):
        hash(np.array(DATA))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    for dtype in DTYPES:
        whole = np.asarray(numpy.array([[0, 1, 2], [1, 0, 3]]).astype(dtype))
        for a in (whole, whole[:, 1:], whole.T, whole[0, 0], whole[:0]):
            found = pickle.loads(pickle.dumps(a, protocol))
            assert (type(found), found.dtype, found.shape) == (type(a), a.dtype, a.shape)
            numpy.testing.assert_array_equal(numpy.asarray(found), numpy.asarray(a))


def test_copies():
    a = np.array(DATA)
    twice = copy.deepcopy([a, a, a[1]])
    assert twice[0] is twice[1]
    for made in (pickle.loads(pickle.dumps(a)), copy.copy(a), copy.deepcopy(a), a.copy(), twice[0]):
        made[0, 0] = 100
        assert float(a[0, 0]) == 3
        numpy.testing.assert_array_equal(made.asnumpy()[1], DATA[1])
    assert all(made(a.T).flags.f_contiguous for made in (copy.copy, copy.deepcopy))
    for order, dtype, source in itertools.product("CFAK", ("float32", "float64"), (DATA, DATA.T)):
        found, expected = (x.astype(dtype, order, copy=False) for x in (np.asarray(source), source))
        assert (found.strides, found.dtype) == (expected.strides, expected.dtype)
        assert numpy.shares_memory(found, source) == numpy.shares_memory(expected, source)
    lists = np.array([[1], None], dtype=object)
    assert copy.copy(lists)[0] is lists[0] is not copy.deepcopy(lists)[0]


DTYPES = (
    *("bool", "int8", "uint8", "int16", "uint32", "int64", "float16", "float32", "float64"),
    *("complex64", "complex128", "S3", "U2", "datetime64[s]"),
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_sees_the_memory(dtype):
    a = np.asarray(numpy.array([[0, 1, 2], [1, 0, 3]]).astype(dtype))
    seen = numpy.asarray(a)
    assert (seen.dtype, seen.shape) == (a.dtype, a.shape)
    seen[1, 1] = seen[0, 1]
    assert a[1, 1] == a[0, 1]
    numpy.testing.assert_array_equal(numpy.array(a[:, ::2].T), a.raw()[:, ::2].T)


class TestBuffer:
    def test_of_an_array(self):
        a = np.asarray(DATA.copy())
        view = memoryview(a)
        assert (view.format, view.shape, view.strides, view.readonly) == ("d", (2, 3), (24, 8), False)
        view[1, 2] = 7.0
        assert a[1, 2] == 7
        assert bytes(a) == a.tobytes() == bytearray(a)
        assert bytes(a.T) == a.T.tobytes()
        assert memoryview(a.T).strides == (8, 24)
        numpy.testing.assert_array_equal(numpy.frombuffer(a), a.asnumpy().ravel())
        numpy.testing.assert_array_equal(np.frombuffer(a[1], dtype="float64"), a[1].asnumpy())
        file = io.BytesIO(bytes(range(48)))
        assert file.readinto(a) == 48
        assert a.tobytes() == bytes(range(48))
        assert memoryview(a.sum()).shape == ()

    def test_memory_that_a_gradient_relies_on_is_not_written(self):
        def loss(x):
            y = x * 2
            with pytest.warns(GradientWarning, match="no gradient flows"):
                assert memoryview(x).readonly and memoryview((y * y)[1:]).readonly
            with pytest.warns(GradientWarning), pytest.raises(TypeError):
                io.BytesIO(b"12345678").readinto(y)
            return np.sum(y)

        numpy.testing.assert_array_equal(grad(loss)(DATA).asnumpy(), numpy.full((2, 3), 2.0))
        fixed = DATA.copy()
        fixed.flags.writeable = False
        assert memoryview(np.asarray(fixed)).readonly

    def test_the_memory_stays_as_long_as_its_buffer(self):
        a = np.ones(1000) * 3
        view = memoryview(a)
        del a
        gc.collect()
        np.zeros(1000) + 1
        assert set(view) == {3}

    def test_of_a_class_written_in_python(self):
        class Exporter:
            def __init__(self, array):
                self.array = array

        export_buffers(Exporter, lambda exporter: exporter.array)
        exporter = Exporter(DATA.copy())
        view = memoryview(exporter)
        view[0, 0] = 9.0
        assert (view.shape, view.format, exporter.array[0, 0]) == ((2, 3), "d", 9)
        numpy.testing.assert_array_equal(numpy.asarray(exporter), exporter.array)
        counts = []
        for _ in range(3):
            bytes(exporter)
            counts.append(sys.getrefcount(exporter.array))
        assert counts[0] == counts[2]
        with pytest.raises((SystemError, ValueError)):
            memoryview(Exporter(numpy.zeros(2, "datetime64[s]")))
        with pytest.raises(TypeError):
            io.BytesIO(b"1").readinto(Exporter(numpy.frombuffer(b"1", "int8")))


CONVERSIONS = (float, int, complex, bool, operator.index, len, list, "{:.3f}".format, str, round, hash)


@pytest.mark.parametrize("convert", CONVERSIONS, ids=lambda convert: convert.__name__)
def test_conversions_raise_what_numpys_do(convert):
    for data in (DATA, DATA[:0], DATA[:1, :1], numpy.array(2.5), numpy.array(3), numpy.array([1 + 2j])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = convert(data)
            except (TypeError, ValueError) as error:
                with pytest.raises(type(error)):
                    convert(np.asarray(data))
            else:
                found = convert(np.asarray(data))
                assert numpy.array_equal(found, expected) and isinstance(found, type(expected))


@pytest.mark.parametrize(
    "convert", (*CONVERSIONS, math.trunc, math.floor, math.ceil), ids=lambda f: f.__name__
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "complex64"])
def test_conversions_of_numbers(convert, dtype):
    data = numpy.array([2.5, 3.25]).astype(dtype)

    def outcome(x):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                return convert(x), [warning.category for warning in caught]
            except (TypeError, ValueError) as error:
                return type(error)

    if not (convert is round and dtype == "complex64"):  # NumPy's warns of an error to come
        assert outcome(np.asarray(data)[1]) == outcome(data[1])
        assert outcome(np.asarray(data).sum()) == outcome(data.sum())


def test_methods_of_numbers():
    for dtype in ("float64", "int64"):
        data = numpy.array([2, 3]).astype(dtype)
        for call in (
            lambda x: x.tobytes(),
            lambda x: x.view("int64"),
            lambda x: x.view(),
            lambda x: x.byteswap(),
            lambda x: x.getfield("int32"),
            lambda x: pickle.loads(x.dumps()),
        ):
            found, expected = call(np.asarray(data)[1]), call(data[1])
            assert repr(found) == repr(expected)
            assert isinstance(found, (Scalar, numpy.generic)) == isinstance(expected, numpy.generic)


def test_repr_is_numpys():
    for data in (DATA, DATA.astype("float32"), numpy.arange(3), numpy.array(2.5), numpy.zeros((0, 2))):
        assert repr(np.asarray(data)) == repr(data)
        assert str(np.asarray(data)) == str(data)


def test_numpy_takes_arrays():
    a = np.array(DATA)
    assert numpy.shares_memory(numpy.asarray(a), a.asmxnet().asnumpy()) is False
    assert numpy.shares_memory(numpy.asarray(a), numpy.asarray(a))
    assert type(numpy.add(a, DATA)) is type(a)
    out = numpy.zeros((2, 3))
    numpy.multiply(a, 2, out=out)
    numpy.testing.assert_array_equal(out, DATA * 2)
    numpy.testing.assert_array_equal(numpy.from_dlpack(a), DATA)


class Times:
    """Something that NumPy knows nothing of."""

    def __init__(self, factor):
        self.factor = factor

    def __mul__(self, other):
        return ("times", float(numpy.sum(numpy.asarray(other) * self.factor)))

    __rmul__ = __mul__


class First(Times):
    __array_priority__ = 1.0


class Silent(Times):
    __array_ufunc__ = None


class Ufuncs:
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc.__name__


OTHERS = (
    *(Times(2), First(2), Silent(2), Ufuncs(), None, "ab", b"ab", bytearray(b"ab"), array.array("d", [1, 2])),
    *({1}, [1, 2], (1, 2), ["a", "b"], range(2), memoryview(b"ab"), numpy.array([1, None])),
)
OPERATORS = (operator.mul, operator.add, operator.mod, divmod, operator.eq, operator.ne, operator.lt)


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: type(other).__name__)
def test_operators_with_others(other):
    for operation, data, is_reflected in itertools.product(OPERATORS, ([1, 2], 2, [1.5, 2.5]), (False, True)):
        for pick in (lambda a: a, lambda a: a[-1] if a.ndim else a[()]):

            def outcome(module):
                x = pick(module.array(data, dtype=numpy.array(data).dtype))  # noqa: B023
                try:
                    result = operation(other, x) if is_reflected else operation(x, other)  # noqa: B023
                except TypeError:
                    return TypeError
                is_scalar = isinstance(result, (numpy.generic, Scalar))
                return is_scalar, str(getattr(result, "dtype", None)), repr(numpy.asarray(result).tolist())

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert outcome(np) == outcome(numpy), (operation, data, is_reflected)


def test_numbers_and_texts_are_not_equal():
    for other in (numpy.array(["a", "b"]), numpy.str_("a"), numpy.datetime64("2020-01-01"), ["a", "b"]):
        assert (np.array([1, 2]) == other).tolist() == [False, False]
        assert (np.array([1, 2]) != other).tolist() == [True, True]


class TestArraysOfNoNumbers:
    """Their elements are NumPy's own, or the objects."""

    def test_texts(self):
        labels = np.array(["cat", "dog", "cat"])
        assert isinstance(labels[1], str) and labels[1].upper() == "DOG" and len(labels[0]) == 3
        assert "-".join(labels) == "cat-dog-cat" and {"cat": 1}[labels[0]] == 1
        assert (labels == "cat").tolist() == [True, False, True] and labels.flat[2] == "cat"
        assert [kind.__name__ for kind in map(type, np.array([b"a", b"b"]))] == ["bytes_"] * 2
        kinds, counts = np.unique(labels, return_counts=True)
        assert {str(kind): int(count) for kind, count in zip(kinds, counts)} == {"cat": 2, "dog": 1}

    def test_objects(self):
        things = np.array([{"x": 1}, [1, 2], None], dtype=object)
        assert (
            things[0]["x"] == 1
            and things[2] is None
            and [type(x) for x in things] == [dict, list, type(None)]
        )
        things[1].append(3)
        assert things[1] == [1, 2, 3]
        assert (np.arange(3) * fractions.Fraction(1, 2)).tolist() == [0, fractions.Fraction(1, 2), 1]

    def test_dates(self):
        days = np.array(["2020-01-01", "2020-02-01"], dtype="datetime64[D]")
        assert days[1] - days[0] == numpy.timedelta64(31, "D") and days[0].item().year == 2020
        assert (days - days[0]).max() / numpy.timedelta64(1, "D") == 31
        assert (days > numpy.datetime64("2020-01-15")).tolist() == [False, True]

    def test_records(self):
        raw = numpy.array([(1, 2.0), (3, 4.0)], dtype=[("n", "i4"), ("x", "f8")])
        table = np.array(raw)
        x = table["x"]
        assert (type(x), x.dtype, x.tolist()) == (type(table), "float64", [2.0, 4.0])
        x[0] = 7.0  # views in both directions
        table["n"] = [5, 6]
        table[1]["x"] = 8.0
        assert table.tolist() == [(5, 7.0), (6, 8.0)] and x.tolist() == [7.0, 8.0]
        assert table[["n", "x"]].dtype.names == ("n", "x") and table[0]["n"] == 5
        assert numpy.sin(table["x"])[0] == numpy.sin(7.0)
