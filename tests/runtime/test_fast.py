"""The short way through eager mode, in C, and the long way, in Python, are the same to the user."""

from __future__ import annotations

import gc
import operator
import os
import re
import runpy
import subprocess
import sys
import threading
import types
import warnings
import weakref

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.ops import Function
from minpy.runtime import objects

PROGRAM = """
import numpy
import minpy
import minpy.numpy as np

minpy.set_global_policy("only_numpy")
a = np.array(numpy.arange(12.0).reshape(3, 4))
b = np.array(numpy.linspace(1, 2, 4, dtype="float32"))
view = a[1:, ::2]
a[1] = 7
view[0, 0] = -1
row = a[2]
b += 1
for _ in range(2):  # the second time, what a call comes down to is known
    results = [
    a + b, 2 - a, a / b, a // 2, a % 3, b**2, a @ b, a > b, 3 == b, -a, +b, abs(view), ~(a > 1),
    view, row, row[1], a[..., None][0], a.T, a.T.reshape(4, 3)[1:], np.sum(a), np.sum(a, 1, keepdims=True),
    np.mean(b), np.max(a, 0), np.where(a > 1, a, b), np.concatenate([a, a]), [1, 2, 3, 4] * b,
    b * numpy.float32(2), numpy.ones(4) + a, True + b, 1j * b, np.tanh(b), a.mean(axis=(0, 1)),
    a.sum(), a.T.sum(0), np.dot(a, b), np.where(a > 1, a, a), np.trim_zeros(b - b[0]), np.reshape(a, (2, -1)),
    ]
    b = b * 1.5
for key in ("a[5]", "a + np.ones(3)", "a @ a", "a < np.ones((2, 2))", "b & b"):
    try:
        eval(key)
    except Exception as error:
        results.append(np.array(0))
        print(type(error).__name__, str(error).splitlines()[0])
print(bytes(a.T), memoryview(a).readonly, memoryview(view).strides, numpy.frombuffer(b).tolist())
gradient = minpy.grad(lambda x: np.sum(np.tanh(x[1:] * b) ** 2 / (1 + abs(x[:-1]))))
results += [gradient(a), minpy.grad(lambda x: np.sum(gradient(x) * a))(a)]
for r in results:
    print(type(r).__name__, r.dtype, r.shape, numpy.asarray(r).tolist())
print(sorted(np.policy.op_stat()["numpy"].items()))
"""


def run(fast):
    environment = {**os.environ, "MINPY_FAST": fast}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_same_results_errors_and_counts_with_and_without_it():
    with_it, without_it = run("1"), run("0")
    assert with_it == without_it
    assert "ShapeError" in with_it and "IndexError" in with_it and "DTypeError" in with_it


@pytest.fixture
def only_numpy():
    minpy.set_global_policy("only_numpy")
    return np.array(numpy.linspace(-1, 1, 5))


def use(a):
    """Run through the short way, and through its exits."""
    other = np.ones(3)
    for _ in range(300):
        a + a, a * 2.0, a[1:3], np.tanh(a), a > 0, -a, a[1:][1:] + 1, np.sum(a, axis=0), a.reshape(5, 1)
        for fails in (lambda: a @ other, lambda: a + other, lambda: a[9]):
            with pytest.raises((ValueError, IndexError)):
                fails()
    gc.collect()


def test_nothing_is_kept_alive(only_numpy):
    a = only_numpy
    counts = []
    for _ in range(3):
        use(a)
        counts.append((sys.getrefcount(a), sys.getrefcount(a._value), sys.getrefcount(a._value._numpy)))
    assert counts[1] == counts[2]
    result = a + 1
    references = weakref.ref(result), weakref.ref(result._value._numpy)
    del result
    assert [reference() for reference in references] == [None, None]


NUMBERS = [0.0, -0.0, 1.0, -2.5, 1e-30, 1e30, numpy.inf, -numpy.inf, numpy.nan, 3e38, 2**24 + 1, -7]
OPERATORS = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.le, operator.eq),
    *(operator.ne, operator.gt, operator.ge, operator.pow),
)


def outcome(operation, *operands):
    """The bytes of the result and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = operation(*operands)
    found = numpy.asarray(result)
    return found.dtype, found.shape, found.tobytes(), [str(w.message).split(" in ")[0] for w in caught]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 2), ()])
def test_arithmetic_is_numpys_to_the_last_bit(only_numpy, dtype, shape):
    with numpy.errstate(all="ignore"):
        data = numpy.array(NUMBERS).astype(dtype)
    pairs = [(data, numpy.roll(data, shift)) for shift in range(len(NUMBERS))]
    if not shape:
        pairs = [(x[i], y[i]) for x, y in pairs for i in (0, 3, 6)]
    for x, y in pairs:
        x, y = numpy.array(x).reshape(shape), numpy.array(y).reshape(shape)
        a, b = np.array(x, dtype), np.array(y, dtype)
        for operation in OPERATORS:
            assert outcome(operation, a, b) == outcome(operation, x, y), (operation, x, y)
        assert outcome(operator.neg, a) == outcome(operator.neg, x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_arithmetic_with_numbers_is_numpys_to_the_last_bit(only_numpy, dtype):
    x = numpy.array([0, 1, 3, 7]).astype(dtype)
    a = np.array(x, dtype)
    for number in (*NUMBERS, 0, 1, 2, -3, 2**24 + 1, 2**40, 1e300, 0.1):
        for operation in OPERATORS:
            if operation is operator.pow and number not in (1, 2, 2.0):
                continue
            assert outcome(operation, a, number) == outcome(operation, x, number), (operation, number)
            if operation is not operator.pow:
                assert outcome(operation, number, a) == outcome(operation, number, x), (number, operation)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "bool"])
def test_numbers_read_from_an_array_are_numpys_to_the_last_bit(only_numpy, dtype):
    with numpy.errstate(all="ignore"):
        data = numpy.array(NUMBERS).astype(dtype)
    a, others = minpy.Array(data), [3, -0.5, 2**53 + 1, 1e300, numpy.inf, 0.0, 0]
    others += [numpy.float32(0.1), numpy.float64(0.1), *data[[-1, -3, 3]]]
    # of integers NumPy warns where its numbers overflow
    compared = slice(3 if data.dtype.kind in "iu" else None)
    for i, x in enumerate(data):
        assert outcome(operator.getitem, a, i) == outcome(operator.getitem, data, i)
        for y in others:
            boxed = minpy.Array(numpy.array([y]))[0] if isinstance(y, numpy.generic) else y
            for operation in OPERATORS[:-1]:
                if operation is operator.sub and numpy.result_type(x, y).kind == "b":
                    continue  # an error
                for here, there in (((a[i], boxed), (x, y)), ((boxed, a[i]), (y, x))):
                    expected = outcome(operation, *there)[compared]
                    assert outcome(operation, *here)[compared] == expected, (operation, *there)
        for operation in (operator.pos, operator.neg, abs) if dtype != "bool" else (operator.invert, abs):
            assert outcome(operation, a[i])[compared] == outcome(operation, x)[compared]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "bool", "complex64"])
def test_numbers_read_from_an_array_are_those_of_python(only_numpy, dtype):
    data = numpy.array([[0.0, 1.0], [2.5, 200.0], [3e4, 0.1]]).astype(dtype)
    if data.dtype.kind == "f":
        data[0] = [numpy.nan, -numpy.inf]
    a = np.array(data, dtype)
    for i, j in numpy.ndindex(data.shape):
        for convert in (float, int, bool, operator.index, complex, hash, str, repr):
            here, there = [], []
            for array, found in ((a, here), (data, there)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        found.append(convert(array[i, j]))
                    except Exception as error:
                        found += [type(error), str(error)]
            if convert is not hash or data[i, j] == data[i, j]:
                assert repr(here) == repr(there), convert
    for key in ((0, 2), (-4, 0), 3, (0, 0, 0), (0, 2**70)):
        with pytest.raises(IndexError) as expected:
            data[key]
        with pytest.raises(IndexError, match=re.escape(str(expected.value))):
            a[key]


def test_numbers_read_from_an_array_are_indices(only_numpy):
    data = numpy.arange(12.0).reshape(3, 4)
    a, places = np.array(data), np.array([2, -1, 0])
    assert a[places[0], places[1]] == 11.0 and a[places[1]].tolist() == data[-1].tolist()
    assert a[1:, places[2]].tolist() == [4.0, 8.0]
    row = a[places[0]]
    row[places[2]] = a[places[2], 1] = 20.0
    assert a.tolist() == [[0, 20, 2, 3], [4, 5, 6, 7], [20, 9, 10, 11]]
    with pytest.raises(IndexError):
        a[places[0], places[0] * 2]

    def change(x):
        row = x[places[0]]
        x[2] = x[0] * 3.0  # the handle gets a new value
        return np.sum(row * row)

    assert minpy.grad(change)(a).tolist() == [[0, 360, 36, 54], [0] * 4, [0] * 4]


def test_a_number_read_from_an_array_stays_what_it_was(only_numpy):
    data = numpy.arange(6.0).reshape(2, 3)
    a, b = np.array(data), np.array(data.T)
    number, other, swapped = a[1, -1], b.T[np.array([1])[0], 2], minpy.Array(data.astype(">f8"))[1, 2]
    a[...], b[...] = -1.0, -1.0
    assert (number, other, swapped) == (5.0, 5.0, 5.0)
    assert type(number) is type(np.sum(a)) and number.shape == () and number.dtype == numpy.float64
    data[1, 2] = float(number) + number
    assert data[1, 2] == 10.0
    with pytest.raises(TypeError):
        number[()] = 1.0


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "complex128", object])
@pytest.mark.parametrize("value", [7, 2.5, True, 3e300, 1j, None, "2", [1, 2], numpy.float64(1.5), 2**70])
def test_what_is_assigned_is_what_numpy_makes_of_it(only_numpy, dtype, value):
    def assigned(array, key, value):
        try:
            array[key] = value
        except Exception as error:
            kind = ValueError if type(error) is ShapeError else type(error)
            return kind, str(error).split("\n")[0]  # below it the line
        return str(array.tolist())

    def same(key, one, other):
        data = numpy.zeros((2, 2), dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert assigned(minpy.Array(data.copy()), key, one) == assigned(data, key, other)

    keys = (
        0,
        (1, -1),
        slice(None),
        (0, 2),
        [0, 1],
        [True, False],
        (None, 1),
        ...,
        "name",
        0.5,
        (slice(1), 0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = numpy.array([value])
    for key in keys:
        same(key, value, value)
        if plain.dtype.kind in "bifc":
            boxed = minpy.Array(plain)
            same(key, boxed, plain)
            if plain.ndim == 1:
                same(key, boxed[0], plain[0])


IN_PLACE = (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_changes_in_place_are_numpys(only_numpy, dtype):
    data = numpy.array([[4, 5, 6], [7, 8, 9]], dtype)
    others = [2, 0.5, data[:, 1:], data[0, 1:] * 0.5, data[:, :1], data[0, 1], data, "text", None]

    def changed(array, operation, other):
        view = array[:, 1:]
        try:
            return operation(view, other) is view, array.tolist(), str(array.dtype)
        except Exception as error:
            return isinstance(error, (TypeError, ValueError)), array.tolist(), str(array.dtype)

    for operation in (*IN_PLACE, operator.ipow):
        for other in others:
            expected = changed(data.copy(), operation, other)
            assert changed(minpy.Array(data.copy()), operation, other) == expected, (operation, other)
            if isinstance(other, numpy.ndarray):
                assert changed(minpy.Array(data.copy()), operation, minpy.Array(other)) == expected


def test_a_number_is_not_changed_in_place(only_numpy):
    a = minpy.Array(numpy.array([1.5, 2.5]))
    for operation, forward in zip(IN_PLACE, (*OPERATORS[:4], operator.floordiv, operator.mod)):
        number = kept = a[1]
        assert operation(number, 2.0) == forward(2.5, 2.0)
        assert kept == 2.5 and operation(number, a).tolist() == [forward(2.5, 1.5), forward(2.5, 2.5)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_numpys_to_the_last_bit(only_numpy, dtype):
    random = numpy.random.RandomState(0)
    for _ in range(300):
        m, k, n = random.randint((1, 0, 1), 9)
        x, y = random.randn(m, k).astype(dtype), random.randn(n, k).astype(dtype).T
        pairs = [(x, y), (x, x.T), (x.T, x), (x[:, ::2], y[::2]), (x[0], y), (x, y[:, 0]), (x[0], x[0])]
        for one, other in pairs:
            assert outcome(operator.matmul, np.array(one), np.array(other)) == outcome(
                operator.matmul, numpy.array(one), numpy.array(other)
            )
            assert outcome(np.dot, minpy.Array(one), minpy.Array(other)) == outcome(numpy.matmul, one, other)


def test_what_is_remembered_does_not_depend_on_the_data(only_numpy):
    for data in ([0, 1, 2, 0], [0, 0, 3, 0], [5, 6, 7, 8]):
        assert np.trim_zeros(np.array(data)).tolist() == numpy.trim_zeros(data)
        assert np.repeat(np.array([1, 2, 3, 4]), np.array(data)).tolist() == [
            x for x, count in zip([1, 2, 3, 4], data) for _ in range(count)
        ]


def test_empty_arrays_have_zeros(only_numpy):
    for _ in range(50):
        used = np.ones((7, 3)) * 5
        assert np.empty_like(used).tolist() == numpy.zeros((7, 3)).tolist()
        del used


def test_an_interrupt_is_passed_on(only_numpy):
    def interrupted(x):
        raise KeyboardInterrupt

    function = Function(lambda x: np.tanh(x) + np.exp(x), interrupted)
    if objects.is_fast:  # it sees that several ops run, and calls what NumPy has
        with pytest.raises(KeyboardInterrupt):
            function(only_numpy)
    else:
        assert function(only_numpy).tolist() == (np.tanh(only_numpy) + np.exp(only_numpy)).tolist()


@pytest.mark.parametrize(
    "call",
    [
        lambda np, x: np.einsum("ij,kj->ik", x, x),
        lambda np, x: np.stack([x, x], axis=1),
        lambda np, x: np.repeat(x, 2, axis=0),
        lambda np, x: np.split(x, 2),
        lambda np, x: np.linalg.slogdet(np.dot(x, x.T) + np.eye(4, dtype=x.dtype)),
        lambda np, x: np.ravel(x),
        lambda np, x: np.atleast_2d(x),
    ],
)
def test_what_numpy_does_at_once_is_the_same_under_a_gradient(only_numpy, call):
    data = numpy.linspace(-1, 2, 12).reshape(4, 3)

    def total(x):
        found = call(np, x)
        return sum(np.sum(part**2) for part in (found if isinstance(found, (list, tuple)) else [found]))

    x = minpy.Array(data)
    first = minpy.grad(total)(x)
    for _ in range(3):  # and learn it
        found, expected = call(np, x), call(numpy, data)
        assert type(found) is type(expected) or isinstance(found, minpy.Array)
        for one, other in zip(found, expected):
            numpy.testing.assert_allclose(one, other, rtol=0 if objects.is_fast else 1e-12, atol=0)
    assert minpy.grad(total)(x).tolist() == first.tolist()
    view = call(np, x)
    if isinstance(view, minpy.Array) and numpy.shares_memory(call(numpy, data), data):
        view[...] = 0.0
        assert not x.any()


def test_the_same_array_twice_is_not_two_arrays(only_numpy):
    a, b = np.array([1.0, 5.0]), np.array([3.0, 4.0])
    mask = np.array([True, False])
    assert np.where(mask, a, a).tolist() == [1.0, 5.0]
    assert np.where(mask, a, b).tolist() == [1.0, 4.0]
    assert np.dot(a, a).item() == 26.0
    assert np.dot(a, b).item() == 23.0


@pytest.mark.parametrize("policy", ["only_numpy", "prefer_mxnet"])
def test_chains_of_views_longer_than_the_stack(policy):
    minpy.set_global_policy(policy)
    start = view = np.array(numpy.arange(3.0))
    for _ in range(3000):
        view = view[:]
    assert (view + 1).tolist() == [1.0, 2.0, 3.0]
    start[0] = 7.0
    assert (view + 1).tolist() == [8.0, 2.0, 3.0]
    del view


def test_slices_show_the_memory_that_they_were_taken_from(only_numpy):
    x = np.array(numpy.arange(6.0))
    first, whole, backward, empty = x[1:3], x[:], x[::-2], x[4:2]
    del x
    whole[1] = 10.0
    assert first.tolist() == [10.0, 2.0]
    assert backward.tolist() == [5.0, 3.0, 10.0]
    assert (empty.shape, empty.dtype) == ((0,), numpy.float64)
    table = np.array(numpy.arange(6.0).reshape(2, 3))
    part, row = table[1:, :2], table[1:][0]
    table.shape = (3, 2)
    table[2, 1] = 7.0
    assert (part.tolist(), row.tolist()) == ([[3.0, 4.0]], [3.0, 4.0, 7.0])
    for key in ((slice(None),) * 3, slice(0, 2, 0), slice(0.5, None)):
        for raises in (lambda key=key: table[key], lambda key=key: numpy.asarray(table)[key]):
            with pytest.raises((IndexError, ValueError, TypeError)):
                raises()


def test_every_run_is_counted(only_numpy):
    np.policy.reset_op_stat()
    for _ in range(5):
        only_numpy + 1, only_numpy[1:], only_numpy[2], np.sum(only_numpy)
    with minpy.OnlyNumPyPolicy() as inner:
        only_numpy * 2
    assert np.policy.op_stat()["numpy"] == {"index": 10, "add": 5, "sum": 5}
    assert inner.op_stat()["numpy"] == {"multiply": 1}


def test_classes_of_ones_own(only_numpy):
    class Named(minpy.Array):
        pass

    for _ in range(200):
        named = Named(numpy.arange(3.0))
        named.name = "x"
        reference = weakref.ref(named)
        assert (named + 1).tolist() == [1.0, 2.0, 3.0]
        del named
        assert reference() is None
    assert sys.getrefcount(Named) < 50


def test_cycles_are_collected(only_numpy):
    class Holder:
        pass

    holder = Holder()
    holder.array = only_numpy + 1
    holder.array._value.tape = holder
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None


def test_policies_of_threads_are_their_own(only_numpy):
    a, counts = only_numpy, {}

    def work(number):
        with minpy.OnlyNumPyPolicy() as policy:
            for _ in range(number):
                a + a
            counts[number] = policy.op_stat()["numpy"]

    threads = [threading.Thread(target=work, args=(n,)) for n in (10, 100, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {n: {"add": n} for n in (10, 100, 1000)}


def test_a_stale_view_is_brought_up_to_date(only_numpy):
    def change(x):
        view = x[1:3]
        x[2] = x[0] * 10  # x is recorded, so the handle gets a new value
        return np.sum(view * view)

    x = numpy.array([1.0, 2.0, 3.0])
    assert change(np.array(x)) == 2.0**2 + 10.0**2
    assert numpy.asarray(minpy.grad(change)(x)).tolist() == [200.0, 4.0, 0.0]


def test_built_where_there_is_a_compiler():
    found = os.environ.get("MINPY_FAST") != "0" and any(
        name.startswith("_fast.") for name in os.listdir(os.path.dirname(objects.__file__))
    )
    assert objects.is_fast == found


@pytest.mark.parametrize("built_from", [None, 1])  # before it told, from others
def test_built_from_other_sources_it_is_not_used(monkeypatch, built_from):
    old = types.ModuleType("minpy.runtime._fast")
    old.__file__ = "_fast.so"
    if built_from is not None:
        old.fingerprint = built_from
    monkeypatch.setattr(minpy.runtime, "_fast", old, raising=False)
    monkeypatch.setenv("MINPY_FAST", "1")
    with pytest.warns(minpy.errors.PerformanceWarning, match=r"_fast.so was built from other .*build_ext"):
        loaded = runpy.run_path(objects.__file__)
    assert not loaded["is_fast"]


@pytest.mark.parametrize("number", [2**15, 2**16 - 1, 2**16, -(2**15) - 1, 2**24, 5955050, 3e38])
def test_a_number_chooses_the_dtype_as_in_numpy(number):
    x = numpy.ones((2, 3), "float32")
    with minpy.OnlyNumPyPolicy():
        for result, expected in ((np.array(x) * number, x * number), (number - np.array(x), number - x)):
            assert result.dtype == expected.dtype
            numpy.testing.assert_array_equal(result.asnumpy(), expected)


METHODS = {
    "T": lambda x: x.T,
    "transpose": lambda x: x.transpose(),
    "transpose(0, 1)": lambda x: x.transpose(0, 1),
    "reshape(2, -1)": lambda x: x.reshape(2, -1),
    "reshape((2, -1))": lambda x: x.reshape((2, -1)),
    "reshape([-1])": lambda x: x.reshape([-1]),
    "reshape(order)": lambda x: x.reshape(-1, 1, order="F"),
    "reshape to what does not fit": lambda x: x.reshape(5, 7),
    "reshape(-1, -1)": lambda x: x.reshape(-1, -1),
    "reshape(2**70)": lambda x: x.reshape(2**70),
    "reshape()": lambda x: x.reshape(()),
    "ravel": lambda x: x.ravel(),
    "ravel(F)": lambda x: x.ravel("F"),
    "flatten": lambda x: x.flatten(),
    "flatten(F)": lambda x: x.flatten("F"),
    "copy": lambda x: x.copy(),
    "copy(F)": lambda x: x.copy(order="F"),
    "astype(float32)": lambda x: x.astype("float32"),
    "astype(int)": lambda x: x.astype(int),
    "astype(bool)": lambda x: x.astype(numpy.dtype(bool)),
    "astype(None)": lambda x: x.astype(None),
    "astype(object)": lambda x: x.astype(object),
    "astype of no dtype": lambda x: x.astype("nothing"),
    "astype(copy=False)": lambda x: x.astype(x.dtype, copy=False),
    "dot": lambda x: x.dot(x),
    "dot(T)": lambda x: x.dot(x.T),
    "T.dot": lambda x: x.T.dot(x),
    "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(),
    "argmax(0)": lambda x: x.argmax(0),
    "argmin(axis)": lambda x: x.argmin(axis=-1),
    "any": lambda x: x.any(),
    "all(0)": lambda x: x.all(0),
    "item": lambda x: x.item(),
    "item(0)": lambda x: x.item(0),
    "tolist": lambda x: x.tolist(),
    "dtype": lambda x: x.dtype,
    "size": lambda x: x.size,
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_methods_give_what_numpys_give(only_numpy, method):
    def found(x):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the imaginary part is dropped
                result = method(x)
        except Exception as error:
            return next(kind for kind in (ValueError, IndexError, TypeError) if isinstance(error, kind))
        if isinstance(result, (numpy.ndarray, numpy.generic, minpy.Array)):
            plain = numpy.asarray(result)
            layout = plain.flags.c_contiguous, plain.flags.f_contiguous, plain.flags.writeable
            shows = numpy.shares_memory(plain, numpy.asarray(x))
            return plain.dtype, plain.shape, plain.tolist(), layout, shows, numpy.isscalar(result)
        return type(result), result

    for dtype in ("float32", "float64", "int64", "complex64", "bool", ">f8"):
        whole = numpy.arange(12).reshape(3, 4).astype(dtype)
        for data in (
            whole,
            whole.T,
            whole[:, ::2],
            whole[0],
            whole[:1, :1],
            whole[0, 0, None][0:],
            whole[:0],
        ):
            for x in (data, data.copy()):
                array = minpy.Array(x)
                assert found(array) == found(array) == found(x), (dtype, x)


def test_loops_over_arrays(only_numpy):
    data = numpy.arange(6.0).reshape(2, 3)
    a = np.array(data)
    first, second = a
    first[...] = second
    assert [[float(x) for x in row] for row in a] == [[3.0, 4.0, 5.0]] * 2
    assert [row.tolist() for row in iter(a.T)] == [[3.0, 3.0], [4.0, 4.0], [5.0, 5.0]]
    assert list(np.zeros((0, 2))) == [] and max(a[0]) == 5.0 and 4.0 in list(a[1])
    for one in (np.array(1.0), np.sum(a)):
        with pytest.raises(TypeError):
            iter(one)
    total = minpy.grad(lambda x: sum(row[1] * row[2] for row in x))
    assert total(a).tolist() == [[0.0, 5.0, 4.0]] * 2


def test_rows_that_do_not_exist(only_numpy):
    data = numpy.zeros((2, 3, 4))
    a = np.array(data)
    for key in (2, -3, 2**70, -(2**70), (0, 3), (1, 2, 4), (slice(None), 3), (slice(None), slice(None), -5)):
        with pytest.raises(IndexError) as expected:
            data[key]
        with pytest.raises(IndexError, match=re.escape(str(expected.value))):
            a[key]


@pytest.mark.parametrize("name", ["T", "transpose", "reshape(2, -1)", "ravel", "T.reshape"])
def test_views_by_methods_and_their_bases_write_to_each_other(only_numpy, name):
    method = METHODS.get(name, lambda x: x.T.reshape(6))

    def change(x):
        view = method(x)
        x[0] = x[1] * x[0]
        view[0] = view[-1] * 2.0
        x[-1, -1] = 3.0
        return (x * x).sum() + (view * view * view).sum()

    data = numpy.linspace(0.5, 1.5, 6).reshape(3, 2)
    assert change(minpy.Array(data.copy())) == change(data.copy())
    gradient = numpy.asarray(minpy.grad(change)(data))
    for place in numpy.ndindex(data.shape):
        step = numpy.zeros_like(data)
        step[place] = 1e-6
        difference = (change(data + step) - change(data - step)) / 2e-6
        numpy.testing.assert_allclose(gradient[place], difference, rtol=1e-6, atol=1e-8)
