"""An error inside a jitted function ends at the user's line and names what did not fit."""

from __future__ import annotations

import functools
import inspect
import os
import subprocess
import sys
import traceback

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def matrix_product(x, w):
    h = np.tanh(x)
    return np.sum(np.dot(h, w) + np.dot(h.T, h).sum())


def operator(x, w):
    h = x * 2
    return np.sum((h + h) @ w + 1)


def broadcast(x, w):
    h = x * 2
    return np.sum(
        np.tanh(h)
        + h * w[:1]
    )  # fmt: skip


def method(x, w):
    h = x * 2
    return np.sum(h.dot(w))


def inlined(x, w):
    h = x * 2
    return matrix_product(h, w) * 2


def after_a_leftover(x, w):
    h = x * 2
    print(end="")
    return np.sum(np.dot(h, w))


def in_a_loop(x, w):
    h = x * 2
    for _ in range(3):
        if np.sum(h) > 0:
            h = np.tanh(h)
            h = np.dot(h, w)
    return np.sum(h)


def of_numpy(x, w):
    h = numpy.tanh(numpy.asarray(x))
    return np.sum(numpy.dot(h, numpy.asarray(w)))


def index_array(x, w):
    h = x * 2
    return np.sum(h[:, numpy.array([0, 7])] * np.sum(w))


def raises_itself(x, w):
    h = x * 2
    raise KeyError(h.shape)


CASES = {
    matrix_product: ("np.dot(h, w)", matrix_product, "h is float32[2,3], w is float32[4,5]"),
    operator: ("@ w", operator, "h + h is float32[2,3], w is float32[4,5]"),
    broadcast: ("+ h * w", broadcast, "h is float32[2,3], w[:1] is float32[1,5]"),
    method: ("h.dot(w)", method, "h is float32[2,3], w is float32[4,5]"),
    inlined: ("np.dot(h, w)", matrix_product, "h is float32[2,3], w is float32[4,5]"),
    after_a_leftover: ("np.dot", after_a_leftover, "h is float32[2,3], w is float32[4,5]"),
    in_a_loop: ("np.dot", in_a_loop, "h is float32[2,3], w is float32[4,5]"),
    of_numpy: ("numpy.dot", of_numpy, "shapes (2,3) and (4,5) not aligned"),
    index_array: ("h[:", index_array, "index 7 is out of bounds for axis 1 with size 3"),
    raises_itself: ("raise KeyError", raises_itself, "(2, 3)"),
}
#: before Python 3.11 the columns of what runs are unknown, and these lines hold two such operations
AMBIGUOUS = {matrix_product, inlined}


@pytest.mark.filterwarnings("ignore::minpy.errors.GradientWarning")
@pytest.mark.parametrize("differentiate", [lambda f: f, grad], ids=["value", "gradient"])
@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore:making a NumPy array")
def test_last_frame_is_the_users_line(function, differentiate):
    text, holder, message = CASES[function]
    compiled = minpy.jit(function)
    call = differentiate(compiled)
    w = np.ones((4, 5))
    with pytest.raises(Exception) as plain:
        differentiate(function)(X, w)
    for _ in range(2):
        with pytest.raises(type(plain.value)) as caught:
            call(X, w)
        frames = traceback.extract_tb(caught.value.__traceback__)
        assert (frames[-1].filename, frames[-1].lineno) == (__file__, line_of(holder, text))
        ours = [i for i, frame in enumerate(frames) if frame.name in ("__call__", "call_slowly")]
        inside = frames[max(ours, default=-1) + 1 :]
        assert inside and {frame.filename for frame in inside} == {__file__}
        if sys.version_info >= (3, 11) or function not in AMBIGUOUS:
            assert message in str(caught.value)
        if isinstance(caught.value, minpy.errors.ShapeError):
            assert f"{__file__}:{line_of(holder, text)} in {holder.__name__}\n    " in str(caught.value)
        assert len(str(caught.value).splitlines()) < 15


def test_the_message_is_that_of_eager_mode():
    with pytest.raises(ValueError, match="inner sizes differ") as eager:
        matrix_product(X, np.ones((4, 5)))
    with pytest.raises(ValueError, match="inner sizes differ") as compiled:
        minpy.jit(matrix_product)(X, np.ones((4, 5)))
    assert str(eager.value) == str(compiled.value)


def test_good_calls_after_errors():
    compiled = minpy.jit(in_a_loop)
    for _ in range(2):
        with pytest.raises(ValueError, match="inner sizes differ"):
            compiled(X, np.ones((4, 5)))
        compiled(X, np.ones((3, 3)))
    assert float(compiled(X, np.ones((3, 3)))) == pytest.approx(
        float(in_a_loop(X, np.ones((3, 3)))), rel=1e-6
    )


def test_full_traceback_on_demand(monkeypatch):
    monkeypatch.setenv("MINPY_TRACEBACK", "full")
    with pytest.raises(ValueError, match="inner sizes differ") as caught:
        minpy.jit(matrix_product)(X, np.ones((4, 5)))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename != __file__


def test_chain_of_an_error_stays():
    @minpy.jit
    def f(x):
        try:
            x[7]
        except IndexError as error:
            raise KeyError("mine") from error

    @minpy.jit
    def g(x):
        try:
            x[7]
        except IndexError:
            raise KeyError("mine")  # noqa: B904

    with pytest.raises(KeyError) as caught:
        f(X)
    assert isinstance(caught.value.__cause__, IndexError)
    with pytest.raises(KeyError) as caught:
        g(X)
    assert isinstance(caught.value.__context__, IndexError) and not caught.value.__suppress_context__


def test_error_of_a_jitted_function_in_another():
    inner = minpy.jit(matrix_product)
    outer = minpy.jit(lambda x, w: inner(x, w) + 1)
    with pytest.raises(ValueError, match="inner sizes") as caught:
        outer(X, np.ones((4, 5)))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames if frame.filename == __file__][-2:] == [
        "<lambda>",
        "matrix_product",
    ]


# Indices out of bounds: never clamped ----------------------------------------------------------

HALF = numpy.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]])


def put(x, i):
    y = np.array(x)
    np.put(y, i, 9.0)  # here
    return y


def put_along_axis(x, i):
    y = numpy.array(x)
    numpy.put_along_axis(y, i[:, None], 9.0, 1)  # here
    return y


def write(x, i):
    y = x * 1
    y[i] = 9.0  # here
    return y


def add_in_place(x, i):
    y = x * 1
    y[:, i] += 1  # here
    return y


def write_slice(x, i):
    y = x * 1
    y[1:, i] = 9.0  # here
    return y


def line_of_index(function):
    lines, first = inspect.getsourcelines(function)
    return first + next((i for i, line in enumerate(lines) if "# here" in line), 0)


#: function, good indices, bad indices
INDEXING = {
    "rows": (lambda x, i: x[i], [0, -2], [[2, 0], [0, -3]]),
    "columns": (lambda x, i: x[:, i], [2, -3], [[3, 0], [0, -4]]),
    "pairs": (lambda x, i: x[i, i], [0, -1], [[2, 0], [0, -3]]),
    "pairs of the last axis only": (lambda x, i: x[numpy.array([0, 1]), i], [2, -3], [[3, 0], [0, -4]]),
    "with a slice": (lambda x, i: x[1:, i], [2, -3], [[3, 0], [0, -4]]),
    "with an integer": (lambda x, i: x[1, i], [2, -3], [[3, 0], [0, -4]]),
    "with a new axis": (lambda x, i: x[None, i], [0, -2], [[2, 0], [0, -3]]),
    "of a result": (lambda x, i: np.tanh(x)[i] * 2, [0, -2], [[2, 0], [0, -3]]),
    "twice": (lambda x, i: x[i][:, i], [0, 1], [[0, 2], [-3, 0]]),
    "take": (lambda x, i: np.take(x, i), [5, -6], [[6, 0], [0, -7]]),
    "take along an axis": (lambda x, i: np.take(x, i, axis=1), [2, -3], [[3, 0], [0, -4]]),
    "numpy.take": (lambda x, i: numpy.take(x, i, axis=0), [1, -2], [[2, 0], [0, -3]]),
    "method take": (lambda x, i: x.take(i, 1), [2, -3], [[3, 0], [0, -4]]),
    "take_along_axis": (lambda x, i: np.take_along_axis(x, i[:, None], 1), [2, -3], [[3, 0], [0, -4]]),
    "gather of rows": (lambda x, i: np.array(x)[np.array(i)], [0, -2], [[2, 0], [0, -3]]),
    "unused": (lambda x, i: (x[i], x * 2)[1], [0, -2], [[2, 0], [0, -3]]),
    "index of an index": (lambda x, i: x[numpy.array([1, 0])[i]], [1, -2], [[2, 0], [0, -3]]),
    "put": (put, [5, -6], [[6, 0], [0, -7]]),
    "put_along_axis": (put_along_axis, [2, -3], [[3, 0], [0, -4]]),
    "write": (write, [1, -2], [[2, 0], [0, -3]]),
    "write with a slice": (write_slice, [2, -3], [[3, 0], [0, -4]]),
    "add in place": (add_in_place, [2, -3], [[3, 0], [0, -4]]),
}


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])
@pytest.mark.parametrize("kind", [np.array, numpy.array], ids=["minpy", "numpy"])
@pytest.mark.parametrize("name", INDEXING)
def test_indices_out_of_bounds_raise(name, kind, wrap):
    function, good, bads = INDEXING[name]
    f, x = wrap(function), kind(HALF)
    expected = function(HALF, numpy.array(good))
    for bad in bads:
        numpy.testing.assert_array_equal(numpy.asarray(f(x, numpy.array(good))), expected)
        for indices in (numpy.array(bad), numpy.array(bad, "int32")):
            with pytest.raises(IndexError, match="out of bounds") as caught:
                f(x, indices)
        if wrap is minpy.jit:
            frames = traceback.extract_tb(caught.value.__traceback__)
            last = [frame for frame in frames if frame.filename == __file__][-1]
            assert last.lineno == line_of_index(function)
            assert last is frames[-1] or frames[-1].name in ("take", "put_along_axis", "_wrapfunc")
    numpy.testing.assert_array_equal(x if kind is numpy.array else x.asnumpy(), HALF)


@pytest.mark.parametrize("name", [n for n in INDEXING if not n.startswith(("numpy", "put_along", "unused"))])
def test_indices_out_of_bounds_raise_in_gradients(name):
    function, good, bads = INDEXING[name]
    gradient = grad(minpy.jit(lambda x, i: np.sum(function(x, i) ** 2)))
    gradient(np.array(HALF), numpy.array(good))
    for bad in bads:
        with pytest.raises(IndexError, match="out of bounds"):
            gradient(np.array(HALF), numpy.array(bad))


CONSTANT_KEYS = [
    (2,),
    (-3,),
    (0, 3),
    (slice(None), -4),
    (0, 0, 0),
    ([0, 2],),
    ([True, False, True],),
    (slice(None), [True, False]),
    ([[True, False]],),
    (numpy.array([[True, True, False]]),),
]


@pytest.mark.parametrize("number", range(len(CONSTANT_KEYS)))
@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])
def test_keys_that_do_not_fit_raise(wrap, number):
    key = CONSTANT_KEYS[number]
    f = wrap(lambda x: x[key])
    for x in (np.array(HALF), HALF):
        with pytest.raises(IndexError):
            HALF[key]
        for _ in range(2):
            with pytest.raises(IndexError):
                f(x)


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])
def test_masks_that_do_not_fit_raise(wrap):
    f = wrap(lambda x, mask: x[mask] * 2)
    for x in (np.array(HALF), HALF):
        mask = HALF > 1
        numpy.testing.assert_array_equal(numpy.asarray(f(x, mask)), HALF[mask] * 2)
        for bad in (mask[:, :2], mask.T, mask[:1], numpy.ones(3, bool)):
            with pytest.raises(IndexError, match=r"boolean index did not match|too many"):
                f(x, bad)
    with pytest.raises(IndexError, match="boolean index did not match"):
        f(np.array(HALF), np.array(HALF[:, :2] > 1))


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit], ids=["eager", "compiled"])
def test_slices_stop_at_the_end_as_in_numpy(wrap):
    for function in (
        lambda x: x[1:99],
        lambda x: x[-99:1],
        lambda x: x[5:],
        lambda x: x[:, 2:-9],
        lambda x: x[::-5],
        lambda x: np.split(x, [1, 99])[1],
    ):
        result = wrap(function)(np.array(HALF))
        numpy.testing.assert_array_equal(result.asnumpy(), function(HALF))


def test_clipping_is_done_where_it_is_asked_for():
    for mode in ("clip", "wrap"):
        f = minpy.jit(functools.partial(lambda x, i, mode: numpy.take(x, i, axis=0, mode=mode), mode=mode))
        for indices in ([0, 5], [-9, 1]):
            numpy.testing.assert_array_equal(
                f(HALF, numpy.array(indices)), numpy.take(HALF, indices, axis=0, mode=mode)
            )


@pytest.mark.parametrize("engine", ["NaiveEngine", "ThreadedEngine"])
def test_every_engine_raises_where_the_call_is(engine, tmp_path):
    """The threaded engine runs a graph after the call has returned, unless the graph can fail."""
    program = tmp_path / "program.py"
    program.write_text("""
import numpy, minpy, minpy.numpy as np
f = minpy.jit(lambda x, i: x[i] * 2, strict=True)
x = np.ones(3)
f(x, numpy.array([0, 1]))
for _ in range(3):
    try:
        f(x, numpy.array([0, 5]))
    except IndexError as error:
        print(str(error).splitlines()[0])
    print(f(x, numpy.array([0, 2])).tolist())
""")
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "MXNET_ENGINE_TYPE": engine, "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.stdout == "index 5 is out of bounds for axis 0 with size 3\n[2.0, 2.0]\n" * 3, result.stderr
