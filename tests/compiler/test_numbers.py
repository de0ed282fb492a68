"""Numbers that change from call to call: the result is Python's, and nothing is compiled again and again."""

from __future__ import annotations

import sys

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.trace import Trace
from minpy.core import grad_and_loss
from tests.corpus.outcome import assert_same, run

X = np.array(numpy.arange(12, dtype="float32").reshape(4, 3) / 7)
N = numpy.arange(4)


def check(function, *calls, compilations=None, leftovers=None):
    """Compiled equals plain for all calls, twice; how often is compiled, and what stays with Python."""
    compiled = minpy.jit(function)
    for args in (*calls, *calls):
        assert_same(run(function, args), run(compiled, args))
    found = minpy.explain(compiled)
    if compilations is not None:
        assert found.compilations == compilations, found.recompilations
    if leftovers is not None:
        assert [compiled.program.source.text(item.line).strip() for item in found.leftovers] == leftovers
    return compiled


def numbers(*values):
    return [(X, n) for n in values]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, n: x * n + n,
        lambda x, n: (x + n, n + 1, n * n - 3, -n, +n, abs(n), n),
        lambda x, n: (x * (n * 2 - 1), 0.5 * n, n / 4, float(n), int(n), type(n), isinstance(n, int)),
        lambda x, n: (numpy.arange(4) + n, numpy.float32(2) * n, numpy.add(n, 1), np.add(x, n)),
        lambda x, n: sum([n, 1, n]) + [n, 2][0],
        lambda x, n: (x / (n + 1), (n, {"n": n})),
    ],
)
def test_arithmetic_compiles_once_more(function):
    check(function, *numbers(2, 3, 5, 7, 2, 1, 100, 16_000), compilations=2)


def test_arrays_made_of_numbers_have_the_dtype_that_they_have_in_python():
    def of_minpy(x, n):
        return (
            np.full(2, n),
            np.array([n, 1.5]),
            np.asarray(n),
            np.array([n, x[0, 0]]),
            np.linspace(n, 9.0, 3),
        )

    def of_numpy(x, n):
        return numpy.full(2, n), numpy.array([n, 1.5]), numpy.linspace(0.0, n, 3), numpy.logspace(0.0, n, 3)

    for function in (of_minpy, of_numpy):
        check(function, *numbers(2.5, 3.5, 4.5, 7.5))
        check(function, *numbers(2, 3, 5, 7))


def test_index():
    def f(x, i):
        return x[i], x[:, i - 1], x[i, 0] * 2, x[..., i], x[None, i, 1:]

    check(f, *numbers(1, 2, 1), compilations=2)
    check(f, *numbers(1, 2, 3, 1, 0, -1, -3), (X[:3], 2), (X[:3], 3), leftovers=None)


def test_index_is_checked_and_gives_a_view():
    compiled = minpy.jit(lambda x, i: x[i])
    x = numpy.arange(6.0).reshape(3, 2)
    for i in (1, 2, 0, -1):
        assert numpy.shares_memory(compiled(x, i), x)
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(x, 3)
    assert compiled(x, 2).tolist() == [4, 5]


def test_index_that_is_written():
    def fill(x, i):
        y = x * 1
        y[i] = i
        y[i, 1] += 2
        return y

    check(fill, *numbers(1, 2, 3, 0, -1, 5), leftovers=[])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, n: [x] * n,
        lambda x, n: x.reshape(-1, n) if 12 % n == 0 else x,
        lambda x, n: x + 1 if n > 3 else x - 1,
        lambda x, n: sum(x * i for i in range(n)),
        lambda x, n: ("abc"[n % 3], f"{n}", {1: "a"}.get(n), x),
        lambda x, n: (x[:n], n // 2, 2**n, n == 2, n in (1, 2)),
        lambda x, n: np.zeros((n, 3)),
        lambda x, n: numpy.arange(3, dtype="int8") * n,
        lambda x, n: numpy.arange(3) ** n,
    ],
)
def test_values_that_decide(function):
    check(function, *numbers(2, 3, 1, 4, 2, 6, 200))


@pytest.mark.parametrize(
    "values", [(3, 0, 5, 0), (-1, 2, -3, 0), (2**40, 3, 4, 2**63, -(2**70)), (1, True, 2)]
)
def test_signs_sizes_and_truth_values(values):
    check(lambda x, n: (x * n if abs(n) < 2**20 else x, n * n, n * n * n, n + 1, 1 - n), *numbers(*values))


def test_products_never_overflow():
    check(lambda x, n: (n * n * n * n, x), *numbers(2, 3, 50_000, 100_000, 2**20))


def test_division_by_zero_raises():
    check(lambda x, n: x * (1 / n), *numbers(2, 4, 0, 5, -2, 3, 7), compilations=3)
    check(lambda x, n: (1 - n) / (n - 3), *numbers(2, 4, 3, 5))


def test_attributes_globals_and_items_that_count():
    class Model:
        steps = 0
        seen = [0]

        def step(self, x):
            y = x * self.steps + self.seen[0]
            return y

    model = Model()
    step = minpy.jit(Model.step)
    for count in range(20):
        model.steps, model.seen[0] = count, 2 * count
        numpy.testing.assert_allclose(step(model, X).asnumpy(), X.asnumpy() * count + 2 * count, rtol=1e-6)
    assert minpy.explain(step).compilations <= 3


def test_what_a_changing_number_decides_is_left_to_python():
    """There are versions for a few values; after those the statement is Python's, and the rest compiles."""

    def f(x, step):
        y = np.tanh(x)
        z = [y] * (step % 20)
        return y + len(z)

    compiled = check(f, *numbers(*range(40)), leftovers=["z = [y] * (step % 20)"])
    assert minpy.explain(compiled).compilations <= 16


def test_a_test_of_a_number_has_a_version_for_each_way_it_can_end():
    def steps(x, step):
        y = np.tanh(x)
        if step % 10 == 0 and step not in (10, 20):
            y = y * 2
        return y + 1 if 5 < step < 30 else y

    def rates(x, rate):
        y = x * rate
        if not rate > 0.5:
            y = -y
        return y

    check(steps, *numbers(*range(40)), compilations=6, leftovers=[])
    check(rates, *[(X, k / 30) for k in range(30)], compilations=2, leftovers=[])


def test_many_tests_of_a_number_make_it_a_constant():
    def f(x, n):
        return x + sum(1 for i in range(30) if n > i)

    check(f, *numbers(*range(40)), leftovers=["return x + sum(1 for i in range(30) if n > i)"])


def scan(x, w):
    h = x[0] * 0
    parts = []
    for t in range(x.shape[0]):
        h = np.tanh(x[t] + h * w + t / 8)
        if t % 3 == 0:
            parts.append(np.sum(h))
    return h, parts


def test_a_long_loop_is_one_compiled_body(monkeypatch):
    monkeypatch.setattr("minpy.compiler.lowering.control.MAX_EQUATIONS", 40)
    x, w = np.array(numpy.linspace(-1, 1, 60).reshape(30, 2)), np.array([0.5, -0.5])
    compiled = minpy.jit(scan)
    for _ in range(2):
        assert_same(scan(x, w), compiled(x, w))
    found = minpy.explain(compiled)
    reasons = {compiled.program.source.text(item.line).strip(): item.reason for item in found.leftovers}
    assert (
        "30 turns" in reasons["for t in range(x.shape[0]):"]
        and "40" in reasons["for t in range(x.shape[0]):"]
    )
    body = [region for region in found.regions if "tanh" in compiled.program.source.text(region.first_line)]
    assert sum(version.calls for version in body[0].versions) > 40
    assert found.compilations < 30


def test_gradient_of_a_long_loop(monkeypatch):
    def loss(w, x):
        return np.sum(scan(x, w)[0])

    x, w = np.array(numpy.linspace(-1, 1, 60).reshape(30, 2)), np.array([0.5, -0.5])
    expected = grad_and_loss(loss)(w, x)
    monkeypatch.setattr("minpy.compiler.lowering.control.MAX_EQUATIONS", 40)
    for _ in range(2):
        assert_same(expected, grad_and_loss(minpy.jit(loss))(w, x))


def test_a_loop_is_judged_after_a_few_turns(monkeypatch):
    monkeypatch.setattr("minpy.compiler.lowering.control.MAX_EQUATIONS", 1000)
    recorded = []
    true = Trace.bind
    monkeypatch.setattr(Trace, "bind", lambda self, *args: recorded.append(1) or true(self, *args))

    def f(x):
        for t in range(100_000):
            x = np.tanh(x) * 2
            if t == 20:
                return [v * 2 for v in [x] * 50_000 if v.ndim == 7]

    assert minpy.jit(f)(X) == []
    assert len(recorded) < 100


@pytest.mark.parametrize("turns", [10, 11])
def test_a_loop_of_as_many_operations_as_the_limit_is_unrolled(monkeypatch, turns):
    monkeypatch.setattr("minpy.compiler.lowering.control.MAX_EQUATIONS", 20)

    def f(x, y):
        for _ in range(turns):
            x = np.tanh(x * y)
        return x

    compiled = minpy.jit(f)
    compiled(X, X)
    reasons = [item.reason for item in minpy.explain(compiled).leftovers]
    assert not reasons if turns == 10 else "11 turns to about 22 operations" in reasons[0]


@pytest.mark.parametrize("library", [np, numpy], ids=["minpy", "numpy"])
def test_what_shapes_say_is_known_while_compiling(library):
    def function(x):
        rows, columns = library.shape(x)
        return (
            x * rows
            + columns
            + library.ndim(x)
            - library.size(x) / library.size(x, 1)
            + library.size(x, axis=0)
        )

    minpy.testing.assert_compiled(function, (X,))
    check(function, (X,), (X[:2],), leftovers=[])


EPSILON = 1e-5


class Norm:
    def __init__(self):
        self.eps = 1e-5

    def __call__(self, x):
        return standardized(x, self.eps)


def standardized(x, eps=1e-5):
    centered = x - np.mean(x, axis=-1, keepdims=True)
    return centered / np.sqrt(np.mean(centered**2, axis=-1, keepdims=True) + eps)


@pytest.mark.parametrize("function", [lambda x: standardized(x), lambda x: standardized(x, EPSILON), Norm()])
def test_floats_that_nobody_changes_are_constants(function):
    f = minpy.jit(function)
    x = np.random.randn(4, 5).astype("float32")
    expected = standardized(x.asnumpy())
    numpy.testing.assert_allclose(f(x).asnumpy(), expected, rtol=1e-5, atol=1e-6)
    assert minpy.explain(f).regions[0].versions[0].graph_sizes["dce"] == 1  # a normalization of MXNet's


def test_a_constant_that_changes_becomes_an_input(monkeypatch):
    f = minpy.jit(lambda x: x * EPSILON)
    x = np.array([1.0, 2.0])
    for value in (1e-5, 0.25, 0.5, 4.0, 1e-5):
        monkeypatch.setattr(sys.modules[__name__], "EPSILON", value)
        numpy.testing.assert_array_equal(f(x).asnumpy(), x.asnumpy() * value)
    assert len(minpy.explain(f).regions[0].versions) == 2


def test_an_epsilon_that_changes_becomes_an_input():
    calls = [(X, eps) for eps in (1e-5, 0.5, 0.25, 0.0, 1e-5)]
    check(lambda x, eps: x / (x + eps + 1), *calls, compilations=2, leftovers=[])
