"""A value that was read at compile time is watched: when it changes, so does the result."""

from __future__ import annotations

import threading
import types

import numpy
import pytest

import minpy
import minpy.numpy as np

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))
offset = 2
weights = numpy.ones(3, dtype="float32")
rate = 0.5
config = {"power": 2, "scales": [1, 2]}


def helper(x):
    return x * 2


class Model:
    bias = 1

    def __init__(self):
        self.depth = 1
        self.params = {"w": np.ones(3)}

    def forward(self, x):
        return x * self.params["w"] + self.depth + self.bias


@pytest.fixture
def module_globals(monkeypatch):
    def change(name, value):
        monkeypatch.setitem(globals(), name, value)

    return change


def compiled_once(function, *args):
    """The jitted function after one call; nothing of it may be left to Python."""
    function(*args)
    assert minpy.explain(function).leftovers == []
    return function


def why(function):
    return "\n".join(item.reason for item in minpy.explain(function).recompilations)


def test_same_shapes_compile_once_and_another_batch_once_more():
    f = minpy.jit(lambda x: np.sum(np.tanh(x), axis=1))
    for size in (4, 4, 4, 7, 4, 7):
        x = np.ones((size, 3))
        numpy.testing.assert_allclose(f(x).asnumpy(), numpy.tanh(numpy.ones((size, 3))).sum(1), rtol=1e-6)
    found = minpy.explain(f)
    assert (found.calls, found.hits, found.compilations) == (6, 4, 2)
    assert "float32[4,3]" in why(f) and "float32[7,3]" in why(f)


def test_global_number(module_globals):
    f = compiled_once(minpy.jit(lambda x: x + offset), X)
    module_globals("offset", 5)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() + 5)
    assert "offset changed from 2 to 5" in why(f)


def test_global_array_is_an_input(module_globals):
    f = compiled_once(minpy.jit(lambda x: x * weights), X)
    module_globals("weights", numpy.full(3, 4, dtype="float32"))
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 4)
    assert minpy.explain(f).compilations == 1
    module_globals("weights", numpy.ones((2, 1), dtype="float64"))
    assert f(X).dtype == numpy.float64
    assert "weights changed from ndarray float32[3] to ndarray float64[2,1]" in why(f)


def test_global_float_is_an_input(module_globals):
    f = compiled_once(minpy.jit(lambda x: x * rate), X)
    module_globals("rate", 0.75)
    numpy.testing.assert_allclose(f(X).asnumpy(), X.asnumpy() * 0.75)
    assert minpy.explain(f).compilations == 1


def test_float_argument_is_an_input():
    f = minpy.jit(lambda x, lr: x - lr * x)
    for lr in (0.1, 0.2, 0.3):
        numpy.testing.assert_allclose(f(X, lr).asnumpy(), X.asnumpy() * numpy.float32(1 - lr), rtol=1e-6)
    assert minpy.explain(f).compilations == 1


def test_helper_replaced(module_globals):
    f = compiled_once(minpy.jit(lambda x: helper(x)), X)
    module_globals("helper", lambda x: x - 1)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() - 1)
    assert "helper changed" in why(f)


def test_code_of_helper_replaced():
    def other(x):
        return x * 10

    inner = types.FunctionType(helper.__code__, globals(), "inner")
    f = compiled_once(minpy.jit(lambda x: inner(x)), X)
    inner.__code__ = other.__code__
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 10)


def test_closure_cell():
    k = 3

    @minpy.jit
    def f(x):
        return x * k

    compiled_once(f, X)
    k = 4
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 4)
    assert "k changed from 3 to 4" in why(f)


def test_dict_entry_and_list_length():
    f = compiled_once(minpy.jit(lambda x: sum(x ** config["power"] * s for s in config["scales"])), X)
    config["power"] = 3
    config["scales"].append(5)
    try:
        numpy.testing.assert_allclose(f(X).asnumpy(), X.asnumpy() ** 3 * 8)
    finally:
        config.update(power=2, scales=[1, 2])


def test_attributes_and_items_of_an_object():
    model = Model()
    f = compiled_once(minpy.jit(lambda x: model.forward(x)), X)
    model.depth = 7
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() + 8)
    assert "model.depth changed from 1 to 7" in why(f)
    model.params["w"] = np.full(3, 2.0)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 2 + 8)
    model.params["w"][0] = 100  # in place: the array is read at each call
    assert float(f(X)[1, 0]) == 3 * 100 + 8
    model.bias = 0
    assert float(f(X)[1, 0]) == 3 * 100 + 7


def test_method_replaced(monkeypatch):
    model = Model()
    f = compiled_once(minpy.jit(lambda x: model.forward(x)), X)
    monkeypatch.setattr(Model, "forward", lambda self, x: x - self.depth)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() - 1)


def test_module_attribute_replaced(monkeypatch):
    f = compiled_once(minpy.jit(lambda x: np.tanh(x)), X)
    monkeypatch.setattr(np, "tanh", lambda x: x * 0)
    numpy.testing.assert_array_equal(f(X).asnumpy(), numpy.zeros((2, 3)))


def test_builtin_shadowed(module_globals):
    f = compiled_once(minpy.jit(lambda x: x * len(x)), X)
    module_globals("len", lambda x: 50)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 50)


def test_default_argument():
    def with_default(x, k=2):
        return x * k

    f = compiled_once(minpy.jit(lambda x: with_default(x)), X)
    with_default.__defaults__ = (6,)
    numpy.testing.assert_array_equal(f(X).asnumpy(), X.asnumpy() * 6)


def test_default_dtype_is_watched():
    f = compiled_once(minpy.jit(lambda: np.zeros(2) + 1))
    assert f().dtype == numpy.float32
    minpy.set_default_dtype("float64")
    try:
        assert f().dtype == numpy.float64
    finally:
        minpy.set_default_dtype("float32")
    assert f().dtype == numpy.float32


def test_policy_decides_each_call():
    f = minpy.jit(lambda x: np.tanh(x))
    with minpy.OnlyNumPyPolicy():
        f(X)
    assert minpy.explain(f).compilations == 0
    f(X)
    assert minpy.explain(f).compilations == 1


def test_cache_is_bounded_and_the_least_used_goes():
    f = minpy.jit(cache_size=3)(lambda x: x * 2)
    for size in (1, 2, 3, 1):
        f(np.ones(size))
    with pytest.warns(minpy.errors.PerformanceWarning):
        f(np.ones(4))
    f(np.ones(1))
    found = minpy.explain(f)
    assert found.evictions == 1
    kept = [version.signature[0] for region in found.regions for version in region.versions]
    assert sorted(kept) == [f"x: float32[{n}] on cpu(0)" for n in (1, 3, 4)]


@pytest.mark.parametrize("size", [0, -1, 2.5, "many"])
def test_bad_cache_size(size):
    with pytest.raises(ValueError, match="cache_size"):
        minpy.jit(cache_size=size)


def test_threads_compile_once_and_agree():
    f = minpy.jit(lambda x: np.sum(np.exp(x) * 2, axis=1))
    x = np.array(numpy.linspace(-1, 1, 12, dtype="float32").reshape(3, 4))
    expected = numpy.exp(x.asnumpy()).sum(1) * 2
    results: list = []
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        results.extend(f(x).asnumpy() for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    for result in results:
        numpy.testing.assert_allclose(result, expected, rtol=1e-5)
    assert minpy.explain(f).compilations == 1


changing = types.ModuleType("changing")
changing.__getattr__ = lambda name: lambda x: x + 1  # another function each time it is read


def test_what_is_another_one_at_each_reading_is_left_to_python():
    @minpy.jit
    def f(x):
        y = np.tanh(x)
        for _ in range(2):
            y = changing.helper(y) * 2
        return np.sum(y)

    with pytest.warns(minpy.errors.PerformanceWarning, match="another one each time") as caught:
        results = [float(f(X)) for _ in range(4)]
    assert len(caught) == 1
    numpy.testing.assert_allclose(results, [float(f.function(X))] * 4, rtol=1e-6)
    found = minpy.explain(f)
    assert f.cache_info().size == 1 and found.compilations <= 6
    lines = {f.program.source.text(item.line).strip() for item in found.leftovers}
    assert lines == {"for _ in range(2):", "y = changing.helper(y) * 2"}
    for _ in range(3):
        gradient = minpy.grad(f)(X)
    numpy.testing.assert_allclose(gradient.asnumpy(), minpy.grad(f.function)(X).asnumpy(), rtol=1e-6)
    assert f.cache_info().size == 2


@pytest.mark.filterwarnings("ignore:.*another one each time")
def test_strict_refuses_what_is_another_one_at_each_reading():
    g = minpy.jit(lambda x: changing.helper(x), strict=True)
    for _ in range(3):
        with pytest.raises(minpy.errors.NotCompiledError, match="another one each time"):
            g(X)
    assert g.cache_info().size == 1
