"""Objects that are made and changed, compiled: the same objects hold the same afterwards, on every call."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.corpus.inputs import Model
from tests.corpus.inputs import U as X


@pytest.fixture(autouse=True)
def check_graphs(monkeypatch):
    monkeypatch.setenv("MINPY_CHECK", "1")


def test_an_object_that_changes_between_calls_does_not_compile_again():
    @minpy.jit
    def step(x, m):
        m.count += 1
        m.last = x * m.params["b"]
        m.history.append(np.sum(x))
        m.params["seen"] = x
        return m.last

    m = Model()
    for n in range(4):
        numpy.testing.assert_allclose(step(X + n, m).asnumpy(), (X.asnumpy() + n) * 0.5)
        m.count += 10
    assert (m.count, len(m.history)) == (44, 4)
    assert minpy.explain(step).compilations == 1


def test_a_step_number_that_is_read_becomes_an_input():
    @minpy.jit
    def step(x, m):
        m.count += 1
        m.w = m.w - x / (m.count + 2)
        return m.count * 2

    def plain(x, m):
        m.count += 1
        m.w = m.w - x / (m.count + 2)
        return m.count * 2

    ours, theirs = Model(), Model()
    for _ in range(6):
        assert step(X, ours) == plain(X, theirs)
        assert type(ours.count) is int and ours.count == theirs.count
        numpy.testing.assert_allclose(ours.w.asnumpy(), theirs.w.asnumpy())
    assert minpy.explain(step).compilations <= 3 and minpy.explain(step).leftovers == []


def test_effects_with_a_gradient():
    def loss(w, m):
        m.w = w * 2
        m.history.append(np.sum(m.w))
        m.params["w"] = w
        m.params["w"] += 1
        m.count += 1
        return np.sum(m.w * m.params["w"])

    compiled = minpy.jit(loss)
    for f in (loss, compiled, minpy.jit(lambda w, m: loss(w, m) + compiled(w, m))):
        w, m = X.copy(), Model()
        twice = 1 if f in (loss, compiled) else 2
        gradient = minpy.grad(f)(w, m)
        numpy.testing.assert_allclose(gradient.asnumpy(), twice * (4 * X.asnumpy() + 2 * twice))
        numpy.testing.assert_allclose(w.asnumpy(), X.asnumpy())
        assert (m.count, len(m.history)) == (twice, twice)
        numpy.testing.assert_allclose(m.w.asnumpy(), 2 * (X.asnumpy() + twice - 1))
        assert minpy.explain(f).leftovers == [] if f is not loss else True
    versions = [v.purpose for region in minpy.explain(compiled).regions for v in region.versions]
    assert versions == ["value and gradient"]


def test_effects_in_a_region_on_a_tape():
    @minpy.jit
    def layer(x, m):
        m.cache = np.tanh(x)
        m.w[0] = m.cache[1]
        return m.cache * m.w

    def loss(x):
        m = Model()
        y = layer(x, m)
        return np.sum(y * m.cache + m.w)

    x = numpy.array([0.5, -0.25])
    step = 1e-6
    for k in range(2):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        expected = (float(loss(np.array(up))) - float(loss(np.array(down)))) / (2 * step)
        numpy.testing.assert_allclose(float(minpy.grad(loss)(x)[k]), expected, rtol=1e-6)
    assert minpy.explain(layer).leftovers == []


def test_a_graph_that_fails_has_changed_nothing_and_python_changes_it_once():
    @minpy.jit
    def f(x, places, m):
        m.count += 1
        m.history.append(x)
        m.w[0] = 9
        y = x[places]
        m.history.append(y)
        return y

    for places, error in ((numpy.array([0, 1]), None), (numpy.array([0, 7]), IndexError)):
        m = Model()
        if error is None:
            f(X, places, m)
        else:
            with pytest.raises(error):
                f(X, places, m)
        assert (m.count, len(m.history), float(m.w[0])) == (1, 1 if error else 2, 9)


def test_a_plan_keeps_no_object_alive():
    import gc
    import weakref

    @minpy.jit
    def f(x, m):
        m.cache = x * m.w
        m.w += 1
        return m.cache

    m = Model()
    f(X, m)
    seen = weakref.ref(m), weakref.ref(m.w)
    del m
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_compiling_runs_no_code_of_a_class_that_computes_attributes():
    asked = []

    class Recorder:
        def __getattr__(self, name):
            asked.append(name)
            raise AttributeError(name)

        def __call__(self, x):
            return x * 2

    recorder, rows = Recorder(), [Recorder()]
    compiled = minpy.jit(lambda x, r: (recorder(x), r, rows[0](x), rows))
    assert compiled(np.ones(3), recorder)[0].tolist() == [2, 2, 2]
    assert asked == []


class Held:
    def __init__(self, data):
        self.data = data


class Other(Held):
    """Of another class."""


def by_attribute(x, held, other):
    held.data = x * 2
    return other["data"]


def by_item(x, held, other):
    other["data"] = x * 2
    return held.data


def by_another_object(x, held, other):
    held.data = x * 2
    return other.data


@pytest.mark.parametrize("order", [(False, True, False), (True, False, True)])
@pytest.mark.parametrize(
    "function, kind",
    [(by_attribute, dict), (by_item, dict), (by_another_object, Held), (by_another_object, Other)],
)
def test_attributes_that_are_those_of_another_argument_at_some_calls(function, kind, order):
    compiled = minpy.jit(function)
    for is_shared in order:
        results = []
        for call in (function, compiled):
            held, other = Held(1.0), dict(data=5.0) if kind is dict else kind(5.0)
            if is_shared and kind is dict:
                other = vars(held)
            elif is_shared:
                other.__dict__ = vars(held)
            seen = call(X, held, other), held.data, other["data"] if kind is dict else other.data
            results.append([numpy.asarray(value).tolist() for value in seen])
        assert results[0] == results[1]


def test_attributes_that_were_read_in_another_way_before():
    @minpy.jit
    def step(x, held, variables):
        y = variables["data"] * 2
        held.data = x * 2
        return x * y

    for _ in range(3):
        held = Held(3.0)
        numpy.testing.assert_allclose(step(X, held, vars(held)).asnumpy(), X.asnumpy() * 6)
        numpy.testing.assert_allclose(held.data.asnumpy(), X.asnumpy() * 2)
    assert minpy.explain(step).compilations == 1 and minpy.explain(step).leftovers == []
