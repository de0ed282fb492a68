"""Later calls of a compiled function take a short way: they give, and notice, what the first ones did."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.plans import Plan
from minpy.core import grad, grad_and_loss, value_and_grad
from minpy.runtime import objects

X = numpy.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
scale = 2.0
offset = numpy.ones(3, "float32")


def energy(x, y):
    return np.sum(np.arctan(x * scale + y) * offset)


def warm(call, *args):
    """Calls until there is a route to every version that is found for these arguments."""
    for _ in range(3):
        result = call(*args)
    return result


def same(found, expected):
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    assert found.dtype == expected.dtype
    numpy.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::minpy.errors.PerformanceWarning")
@pytest.mark.parametrize("maker", [lambda f: f, grad, grad_and_loss, value_and_grad])
def test_globals_and_arguments_that_change_are_noticed(maker, monkeypatch):
    plain, jitted = maker(energy), maker(minpy.jit(energy))
    changes = [
        lambda: None,
        lambda: monkeypatch.setitem(globals(), "scale", 3.0),
        lambda: monkeypatch.setitem(globals(), "offset", offset * 2),
        lambda: monkeypatch.setitem(globals(), "offset", numpy.ones(3, "float64")),
        lambda: monkeypatch.setitem(globals(), "offset", 2.5),
        lambda: monkeypatch.setitem(globals(), "scale", 4),
    ]
    for change in changes:
        change()
        for x in (np.array(X), np.array(X).astype("float64"), np.array(X[:1]), np.array(X.T.copy()).T):
            for y in (1, 1.5, True, numpy.float32(2), X, X[0], np.array(X), [1.0, 2.0, 3.0], 1e100):
                for _ in range(3):
                    found, expected = jitted(x, y), plain(x, y)
                    assert type(found) is type(expected)
                    if not isinstance(found, tuple):
                        found, expected = (found,), (expected,)
                    for one, other in zip(found, expected):
                        assert type(one) is type(other)
                        same(one, other)


def test_the_first_call_makes_a_route_and_later_ones_count_as_they_should():
    jitted = minpy.jit(energy)
    gradient = grad(jitted)
    for _ in range(5):
        jitted(np.array(X), 1.0)
        gradient(np.array(X), 1.0)
    assert all(len(plan.routes) == objects.is_fast for plan in jitted.root.plans)
    assert jitted.calls == 10 and jitted.cache_info()[:3] == (8, 2, 2)
    for plan in jitted.root.plans:
        assert plan.meter.calls == plan.compiled.meter.calls == 5
        assert 0 < plan.compiled.meter.seconds < jitted.root.meter.seconds
    assert [v.calls for region in minpy.explain(jitted).regions for v in region.versions] == [5, 5]


def test_what_stops_compiled_code_stops_it_later_too():
    jitted = minpy.jit(lambda x: np.sum(x / (x - 1)))
    x = np.array(X[:, :2])
    expected = warm(jitted, x).item()
    (plan,) = jitted.root.plans
    count = plan.compiled.meter.calls
    with minpy.eager():
        same(jitted(x), numpy.float32(expected))
    with minpy.OnlyNumPyPolicy():
        same(jitted(x), numpy.float32(expected))
    with numpy.errstate(all="raise"):
        same(jitted(x), numpy.float32(expected))
    assert plan.compiled.meter.calls == count
    with minpy.debug_nans(), pytest.raises(minpy.errors.NanError):
        jitted(np.array([1.0, numpy.nan], dtype="float32").reshape(1, 2) * np.ones((2, 2), "float32"))
    with minpy.debug_nans():
        same(jitted(x), numpy.float32(expected))
    assert plan.compiled.meter.calls > count


def test_a_gradient_that_is_open_sees_the_call():
    jitted = minpy.jit(lambda x: np.tanh(x) * 2)
    x = np.array(X)
    warm(jitted, x)
    for _ in range(3):
        same(grad(lambda x: np.sum(jitted(x) ** 2))(x), 8 * numpy.tanh(X) * (1 - numpy.tanh(X) ** 2))
    inner = grad(minpy.jit(lambda x: np.sum(x**3)))
    warm(inner, x)
    same(grad(lambda x: np.sum(inner(x) * x))(x), 9 * X**2)


def test_the_default_dtype_is_part_of_a_call():
    jitted = minpy.jit(lambda x: x + np.ones(3))
    try:
        for dtype in ("float32", "float64", "float32"):
            minpy.set_default_dtype(dtype)
            same(warm(jitted, np.array(X)), X + numpy.ones(3, dtype))
    finally:
        minpy.set_default_dtype("float32")


class Model:
    def __init__(self):
        self.params = {"w": np.array(X), "b": np.array(X[0])}
        self.rate = 0.5

    @minpy.jit
    def loss(self, params, x):
        return np.sum((x * params["w"] + params["b"]) ** 2) * self.rate

    @minpy.jit
    def __call__(self, x):
        return x * self.params["w"] + self.params["b"]


def test_nested_parameters_of_a_method_in_any_order():
    model = Model()
    gradient = grad_and_loss(model.loss)
    plain = grad_and_loss(lambda params, x: Model.loss.function(model, params, x))
    w, b = model.params.values()
    lists = [
        {"w": w, "b": b},
        {"b": b, "w": w},
        {"w": X, "b": X[0]},
        {"w": w, "b": b, "c": b},
        {"w": w, "b": w},
    ]
    for _ in range(4):
        for params in lists:
            (found, value), (expected, other) = gradient(params, X), plain(params, X)
            assert list(found) == list(expected) and type(found) is dict
            same(value, other)
            for name in expected:
                assert type(found[name]) is type(expected[name])
                same(found[name], expected[name])
        model.rate += 1.0
    for _ in range(3):
        same(model(X), X * w.asnumpy() + b.asnumpy())
    model.params["w"] = w * 2
    same(model(X), X * 2 * w.asnumpy() + b.asnumpy())
    model.params = {"w": b, "b": b}
    same(model(X), X * b.asnumpy() + b.asnumpy())


def test_views_and_results_of_large_graphs_are_read_as_they_are_now():
    base = np.array(numpy.arange(12.0).reshape(3, 4))
    jitted = minpy.jit(lambda x: np.sum(x * 2, axis=0))
    large = minpy.jit(lambda x: x * 2)
    for view in (base, base[1:], base.T, base[:, 1]):
        for _ in range(4):
            base[1, 1] += 1
            same(jitted(view), numpy.sum(view.asnumpy() * 2, axis=0))
    made = warm(large, np.ones((300, 400), "float64"))
    for _ in range(3):
        same(jitted(made[:3]), numpy.full(400, 12.0))


def test_what_is_given_is_built_anew_each_time():
    jitted = minpy.jit(lambda x: {"both": [x + 1, (x + 1, None)], "n": 3})
    x = np.array(X)
    first, second = warm(jitted, x), jitted(x)
    assert first is not second and first["both"] is not second["both"] and second["n"] == 3
    first["both"][0][0, 0] = 7
    same(second["both"][0], X + 1)
    same(first["both"][1][0], X + 1)
    assert second["both"][1][1] is None


def test_an_error_later_ends_at_the_users_line():
    def function(x, n):
        y = x + 1
        if np.sum(y) > n:
            raise ValueError("too large")
        return y

    jitted = minpy.jit(function)
    warm(jitted, np.array(X), 100)
    for _ in range(3):
        with pytest.raises(ValueError, match="too large") as caught:
            jitted(np.array(X), 1)
        frames = caught.traceback
        assert str(frames[-1].path) == __file__ and frames[-1].name == "function"


def test_gradients_are_copied_and_pickled_without_their_routes():
    gradient = grad(energy_jitted)
    expected = warm(gradient, np.array(X), 1.0)
    for twin in (copy.copy(gradient), copy.deepcopy(gradient), pickle.loads(pickle.dumps(gradient))):
        same(warm(twin, np.array(X), 1.0), expected)


energy_jitted = minpy.jit(energy)


@pytest.mark.filterwarnings("ignore::minpy.errors.PerformanceWarning")
def test_versions_that_are_given_up_are_let_go():
    def live_plans():
        gc.collect()
        return sum(type(x) is Plan for x in gc.get_objects())

    before = live_plans()
    jitted = minpy.jit(lambda x: np.sum(x * 2), cache_size=1)
    gradient = grad(jitted)
    for size in range(1, 5):
        same(warm(gradient, np.ones(size, "float32")), numpy.full(size, 2, "float32"))
        assert live_plans() - before == 1
    jitted.cache_clear()
    assert live_plans() == before
    same(warm(gradient, np.ones(3, "float32")), numpy.full(3, 2, "float32"))


def test_threads_take_the_same_route():
    jitted = minpy.jit(lambda x, y: np.tanh(x * y) + 1)
    gradient = grad(minpy.jit(lambda x, y: np.sum(x * x * y)))
    wrong = []

    def work(number):
        x, y = np.ones(50) * number, np.ones(50)
        for _ in range(200):
            wrong.extend([number] * (not (gradient(x, y).asnumpy() == 2 * number).all()))
            wrong.extend([number] * (not numpy.allclose(jitted(x, y).asnumpy(), numpy.tanh(number) + 1)))

    work(1)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_arguments_by_name_and_by_default():
    def function(x, y=2.0, *, z=3.0):
        return np.sum(x * y - z)

    def usual(x, y=2.0, z=3):
        return np.sum(x * y - z)

    x, y = np.array(X), np.array(X[0])
    for plain in (function, usual):
        jitted = minpy.jit(plain)
        partial = minpy.jit(functools.partial(plain, y=y))
        for _ in range(4):
            for args, named in [((x,), {}), ((x, y), {}), ((x,), {"y": y}), ((), {"z": 1.0, "x": x})]:
                same(jitted(*args, **named), plain(*args, **named))
                same(grad(jitted, "x")(*args, **named), grad(plain, "x")(*args, **named))
            same(partial(x, z=2.0), plain(x, y=y, z=2.0))
            for args, named in [((), {}), ((x, y, 1.0, 2), {}), ((x,), {"x": x}), ((x,), {"w": 1})]:
                with pytest.raises(TypeError):
                    jitted(*args, **named)
            if plain is function:
                with pytest.raises(TypeError):
                    jitted(x, y, 3.0)
        plain.__defaults__ = (4.0, 5)[: len(plain.__defaults__)]
        same(warm(jitted, x), plain(x))


def test_what_passes_its_arguments_on():
    def passing(*args, **kwargs):
        return energy(*args, **kwargs)

    whole = minpy.jit(value_and_grad(energy))
    jitted = minpy.jit(passing)
    for _ in range(4):
        for x in (np.array(X), np.array(X[:1])):
            for args, named in [((x, 1.0), {}), ((x,), {"y": 2.0})]:
                same(jitted(*args, **named), energy(*args, **named))
            for found, expected in zip(whole(x, 1.0), value_and_grad(energy)(x, 1.0)):
                same(found, expected)
        with pytest.raises(TypeError):
            jitted(x, 1.0, 2.0)


def test_the_gradient_of_a_method_takes_what_the_method_takes():
    model = Model()
    gradient = grad(model.loss)
    warm(gradient, model.params, X)
    with pytest.raises(TypeError):
        gradient(model, model.params, X)
