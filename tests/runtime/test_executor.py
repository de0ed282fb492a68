"""How a compiled graph gets its inputs and gives its outputs: large arrays are never copied."""

from __future__ import annotations

import ctypes
import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.runtime import executor, native
from minpy.runtime.bound import MOST_BYTES


def address_of(array):
    """Where an array of MXNet's has its data."""
    pointer = ctypes.c_void_p()
    assert native._LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)) == 0
    return pointer.value


@pytest.fixture
def by_mxnet(monkeypatch):
    """Graphs run without kernels."""
    monkeypatch.setenv("MINPY_PASSES", "-fuse")


def test_large_arrays_are_handed_over_and_small_ones_are_not_mixed_up_with_them(by_mxnet):
    jitted = minpy.jit(lambda x, y: np.tanh(x * y + 1))
    for size in (1, 10, MOST_BYTES // 12, MOST_BYTES // 12 + 1, MOST_BYTES):
        data = [numpy.linspace(-1, i, size, dtype="float32") for i in (1, 2)]
        arrays = [np.array(x) for x in data]
        minpy_data = [x._current().numpy() for x in arrays]
        (result,) = jitted.root.run(tuple(arrays))[1:]
        numpy.testing.assert_allclose(result.asnumpy(), numpy.tanh(data[0] * data[1] + 1), rtol=1e-5)
        if 3 * size * 4 > MOST_BYTES:
            for x, raw in zip(arrays, minpy_data):
                assert address_of(x._current()._mxnet) == raw.ctypes.data  # MXNet read it where it is
                assert x._current().numpy() is raw
            value = result._current()
            assert value.numpy().ctypes.data == address_of(value._mxnet)  # and this is where it wrote


def test_a_result_is_not_changed_by_the_next_call_nor_by_a_write_to_another_result():
    jitted = minpy.jit(lambda x: (x * 2, x * 2, x + 1))
    for size in (3, MOST_BYTES):
        x = np.ones(size)
        first = jitted(x)
        second = jitted(x + 1)
        first[0][0] = 100
        assert [r[0].item() for r in first] == [100, 2, 2] and [r[0].item() for r in second] == [4, 4, 3]
        assert x[0].item() == 1


def test_inputs_of_every_layout_and_kind():
    base = numpy.arange(24.0).reshape(4, 6)
    jitted = minpy.jit(lambda x, factor: np.sum(x * factor, axis=0))
    for x in (base, base.T, base[::2, 1::3], base[:, 0], numpy.broadcast_to(base[0], (3, 6)), base[0, 0]):
        for factor in (2, 2.5, numpy.float32(3), numpy.array(0.5)):
            for given in (x, np.array(x)):
                if numpy.ndim(x):
                    found = numpy.asarray(jitted(given, factor))
                    numpy.testing.assert_allclose(found, numpy.sum(x * factor, axis=0))


def test_threads_that_run_the_same_graph_get_their_own_results():
    def function(x):
        for _ in range(100):
            x = x * 0.5 + x * 0.5
        return x

    jitted = minpy.jit(function)
    jitted(np.zeros(500))
    wrong = []

    def work(number):
        for _ in range(100):
            found = jitted(np.ones(500) * number).asnumpy()
            if not (found == number).all():
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_graph_of_many_nodes_gets_memory_of_its_own_when_it_is_called_again_and_again(
    by_mxnet, monkeypatch
):
    bound = []

    def bind(*args):
        bound.append(args)
        return real(*args)

    real = executor.bind
    monkeypatch.setattr(executor, "bind", bind)

    def function(x, y):
        for _ in range(300):
            x = np.tanh(x * y)
        return x

    jitted = minpy.jit(function)
    x, y = np.array([0.5, -2.0]), np.array([1.0, 0.9])
    expected = function(x, y)
    for number in range(8):
        assert len(bound) == (number > 2)  # two calls each time
        numpy.testing.assert_allclose(jitted(x, y), expected, rtol=1e-5)
        numpy.testing.assert_allclose(jitted(y, x), function(y, x), rtol=1e-5)
