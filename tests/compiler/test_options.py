"""The options of ``jit``: ``static_argnames``, ``strict``, ``cache_size``; and ``eager``."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import inspect
import warnings
import weakref

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.plans import Plan
from minpy.errors import NotCompiledError, PerformanceWarning, StaticArgumentError

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def compilations(function):
    return minpy.explain(function).compilations


# static_argnames -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config:
    rate: float
    depth: int


def inputs_of(function):
    """What the graphs of a jitted function take, without shapes."""
    versions = [v for region in minpy.explain(function).regions for v in region.versions]
    return [[variable.name for variable in version.inputs] for version in versions]


@pytest.mark.parametrize(
    ("function", "values", "versions"),
    [
        (lambda x, a: x * a, [0.5, 0.25, 0.5, 0.25], 2),
        (lambda x, a: x * a, [numpy.float32(0.5), numpy.float32(0.25), numpy.float32(0.5)], 2),
        (lambda x, a: x * a[0] + a[1], [(0.5, 2), (0.5, 3), (0.5, 2)], 2),
        (lambda x, a: x * a["scale"][0], [{"scale": [0.5]}, {"scale": [1.5]}, {"scale": [0.5]}], 2),
        (lambda x, a: x * a.rate + a.depth, [Config(0.5, 1), Config(0.5, 1), Config(0.25, 1)], 2),
        (lambda x, a: x if a is None else x * a, [None, 1.5, None, 1.5], 2),
        (lambda x, a: x if a == "id" else x * 2, ["id", "twice", "id"], 2),
        (lambda x, a: x * a, [-0.0, 0.0, -0.0, 0.0], 2),
        (lambda x, a: x * a, [float("nan"), float("nan"), 1.0], 2),
    ],
)
def test_static_arguments_are_constants(function, values, versions):
    compiled = minpy.jit(function, static_argnames="a")
    for value in values:
        expected, result = function(X, value).asnumpy(), compiled(X, a=value).asnumpy()
        numpy.testing.assert_array_equal(result, expected)
        numpy.testing.assert_array_equal(numpy.signbit(result), numpy.signbit(expected))
    assert minpy.explain(compiled).leftovers == []
    assert compilations(compiled) == versions
    assert all(inputs == ["x"] for inputs in inputs_of(compiled))


def test_without_static_argnames_a_float_is_an_input():
    compiled = minpy.jit(lambda x, a: x * a)
    for value in (0.5, 0.25):
        compiled(X, value)
    assert compilations(compiled) == 1 and inputs_of(compiled) == [["x", "a"]]


def test_static_float_decides_a_branch_and_a_shape():
    @minpy.jit(static_argnames=["keep", "mode"], strict=True)
    def f(x, keep=0.5, *, mode="scale"):
        if keep > 0.4 and mode == "scale":
            return x[:, : int(keep * 3)] / keep
        return x

    for keep in (0.5, 0.9, 0.1, 0.5):
        numpy.testing.assert_allclose(f(X, keep).asnumpy(), f.function(X, keep).asnumpy(), rtol=1e-6)
    assert compilations(f) == 3


def test_static_name_that_the_function_changes():
    @minpy.jit(static_argnames="rate")
    def f(x, rate):
        for _ in range(20):
            print(end="")
            x = x - rate * x
            rate = rate * 0.5
        return x

    numpy.testing.assert_allclose(f(X, 0.5).asnumpy(), f.function(X, 0.5).asnumpy(), rtol=1e-5)
    assert compilations(f) < 8


def test_arrays_inside_a_static_argument_stay_inputs():
    compiled = minpy.jit(lambda x, options: x * options["w"] * options["rate"], static_argnames="options")
    for w in (numpy.ones(3, "float32"), numpy.full(3, 2, "float32")):
        result = compiled(X, {"w": w, "rate": 0.5})
        numpy.testing.assert_allclose(result.asnumpy(), X.asnumpy() * w * 0.5)
    assert compilations(compiled) == 1


@pytest.mark.parametrize("array", [X, X.asnumpy()], ids=["minpy", "numpy"])
def test_static_array_is_refused_at_the_door(array):
    compiled = minpy.jit(lambda x, y: x + y, static_argnames="y")
    with pytest.raises(StaticArgumentError, match="argument y"):
        compiled(X, array)
    with pytest.raises(ValueError, match="argument y"):
        minpy.grad(lambda y: np.sum(compiled(X, y)))(array)


def test_unknown_static_names():
    def f(x, n, **more):
        return x

    with pytest.raises(StaticArgumentError, match="f has no parameter 'm'; it has x, n, more"):
        minpy.jit(f, static_argnames=["n", "m"])
    with pytest.raises(ValueError, match="no parameter 'a'"):
        minpy.jit(static_argnames="a")(numpy.tanh)
    with pytest.raises(TypeError):
        minpy.jit(f, static_argnames=3)
    assert minpy.jit(f, static_argnames=("n", "more"))(X, 1) is X


def test_static_argument_of_an_inlined_function():
    inner = minpy.jit(lambda x, rate: x * rate, static_argnames="rate")
    outer = minpy.jit(lambda x, rate: inner(x + 1, rate=rate))
    for rate in (0.5, 0.25, 0.5):
        numpy.testing.assert_allclose(outer(X, rate).asnumpy(), (X.asnumpy() + 1) * rate)
    assert inputs_of(outer) == [["x"]] and compilations(outer) == 2
    computed = minpy.jit(lambda x, rate: inner(x, rate=rate * 2))
    numpy.testing.assert_allclose(computed(X, 0.5).asnumpy(), X.asnumpy())
    assert inputs_of(computed) == [["x"]]
    of_data = minpy.jit(lambda x: inner(x, rate=float(np.max(x))))
    numpy.testing.assert_allclose(of_data(X).asnumpy(), X.asnumpy() * X.asnumpy().max())
    assert "static argument" in minpy.explain(of_data).leftovers[0].reason


# strict ----------------------------------------------------------------------------------------


def test_strict_says_what_is_left_over_before_anything_happens(capsys):
    seen = []

    @minpy.jit(strict=True)
    def f(x, verbose):
        seen.append(1)
        y = np.tanh(x)
        if verbose:
            print("here")
        return y * 2

    for _ in range(2):
        with pytest.raises(NotCompiledError) as caught:
            f(X, True)
        text = str(caught.value)
        assert str(minpy.explain(f)) in text
        assert [x.line for x in minpy.explain(f).leftovers] == [line_of(f.function, "if verbose")]
    assert isinstance(caught.value, RuntimeError)
    assert not seen and not capsys.readouterr().out


def test_strict_accepts_what_compiles_and_raises_for_the_call_that_does_not():
    @minpy.jit(strict=True)
    def f(x, verbose):
        if verbose:
            print("here")
        return np.sum(x * 2)

    assert float(f(X, False)) == 30
    numpy.testing.assert_array_equal(minpy.grad(f)(X, False).asnumpy(), numpy.full((2, 3), 2))
    with pytest.raises(NotCompiledError, match="print"):
        f(X, True)
    with pytest.raises(NotCompiledError, match="print"):
        minpy.grad(f)(X, True)
    assert float(f(X, False)) == 30


def test_strict_and_the_errors_of_the_program():
    f = minpy.jit(lambda x, i: x[i], strict=True)
    with pytest.raises(IndexError):
        f(X, numpy.array([5]))
    with pytest.raises(TypeError):
        f(X)
    with pytest.raises(minpy.errors.GradientError, match="tuple"):
        minpy.grad(minpy.jit(lambda x: (x, x), strict=True))(X)


def test_strict_without_source_and_where_nothing_is_to_compile():
    f = minpy.jit(numpy.tanh, strict=True)
    with pytest.raises(NotCompiledError, match="no source"):
        f(X.asnumpy())
    with minpy.eager():
        numpy.testing.assert_array_equal(f(X.asnumpy()), numpy.tanh(X.asnumpy()))
    g = minpy.jit(lambda x: print(end=""), strict=True)
    with minpy.OnlyNumPyPolicy():
        g(X)
    with pytest.raises(NotCompiledError):
        g(X)


# The cache -------------------------------------------------------------------------------------


def test_cache_info_and_clear():
    f = minpy.jit(lambda x: x * 2, cache_size=4)
    assert f.cache_info() == (0, 0, 0, 4, 0)
    for size in (1, 2, 1, 2, 3):
        f(np.ones(size))
    assert f.cache_info() == (2, 3, 3, 4, 0)
    assert f.cache_info().size == 3
    f.cache_clear()
    assert f.cache_info() == (0, 0, 0, 4, 0)
    assert "not called yet" in str(minpy.explain(f))
    numpy.testing.assert_array_equal(f(np.ones(2)).asnumpy(), [2, 2])
    assert f.cache_info() == (0, 1, 1, 4, 0)


def live_plans():
    gc.collect()
    return sum(type(x) is Plan for x in gc.get_objects())


def with_leftover(x, scale=1.0):
    y = x * scale
    print(end="")
    return y + 1


@pytest.mark.filterwarnings("ignore::minpy.errors.PerformanceWarning")
@pytest.mark.parametrize(("function", "each"), [(lambda x: x + 1, 1), (with_leftover, 3)])
def test_many_shapes_keep_few_plans(function, each):
    before = live_plans()
    f = minpy.jit(function, cache_size=8)
    for size in range(1, 41):
        f(numpy.ones(size))
    assert f.cache_info() == (0, 40, 8, 8, 32)
    assert live_plans() - before == 8 * each
    f.cache_clear()
    assert live_plans() == before


@pytest.mark.filterwarnings("ignore::minpy.errors.PerformanceWarning")
def test_two_thousand_shapes():
    before = live_plans()
    f = minpy.jit(lambda x: x)
    for size in range(2000):
        f(numpy.empty(size))
    assert f.cache_info().size == 64
    assert live_plans() - before == 64
    assert len(minpy.explain(f).recompilations) == 200


@pytest.mark.parametrize(
    ("function", "calls", "words"),
    [
        (lambda x, n: x * n, [(np.ones(n), 2) for n in range(1, 8)], ["x changes", "float32[4]", "Pad x"]),
        (lambda x, n: [x] * n, [(X, n) for n in range(7)], ["n changes", "decides what"]),
        (lambda x, kind: [kind.split(), x], [(X, f"key{n}") for n in range(7)], ["kind changes", "'key3'"]),
        (
            lambda x, o: [x] * o["depth"],
            [(X, {"depth": n}) for n in range(7)],
            ["o['depth'] changes", "constant"],
        ),
    ],
)
def test_one_warning_names_what_varies(function, calls, words):
    f = minpy.jit(function, cache_size=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for args in calls:
            f(*args)
    (warning,) = caught
    assert warning.category is PerformanceWarning
    assert warning.filename == __file__ and "cache_size" in str(warning.message)
    for word in words:
        assert word in str(warning.message)


def test_least_recently_used_goes():
    f = minpy.jit(lambda x: x * 2, cache_size=2)
    f(np.ones(1))
    f(np.ones(2))
    f(np.ones(1))
    with pytest.warns(PerformanceWarning):
        f(np.ones(3))
    misses = f.cache_info().misses
    f(np.ones(1))
    f(np.ones(3))
    assert f.cache_info().misses == misses
    f(np.ones(2))
    assert f.cache_info().misses == misses + 1


def test_loop_bodies_do_not_push_each_other_out():
    """More leftovers than versions are kept: each of the blocks has its own plans."""

    @minpy.jit(cache_size=2)
    def f(x):
        x = x + 1
        print(end="")
        x = x * 2
        print(end="")
        x = x - 3
        print(end="")
        return x * x

    for _ in range(3):
        f(X)
    found = minpy.explain(f)
    assert found.evictions == 0
    assert [v.calls for region in found.regions for v in region.versions] == [3, 3, 3, 3]


class Weighted:
    def __init__(self):
        self.w = np.ones(3)
        self.scale = 2

    @minpy.jit
    def forward(self, x):
        y = self.half(x) * self.w
        print(end="")
        return y * self.scale

    def half(self, x):
        return x / 2


def test_dropping_a_function_frees_its_plans():
    before = live_plans()
    table = {"w": np.ones(3)}

    def make(scale):
        def f(x):
            y = x * table["w"] * scale
            print(end="")
            return np.sum(y)

        return minpy.jit(f)

    f = make(2)
    f(X)
    minpy.grad(f)(X)
    minpy.hessian(f)(X)
    with pytest.raises(ValueError):
        f(np.ones((2, 7)))
    plain = weakref.ref(f.function)
    assert live_plans() > before
    del f
    assert live_plans() == before
    assert plain() is None


def test_a_jitted_method_does_not_keep_its_objects():
    model = Weighted()
    model.forward(X)
    minpy.grad(model.forward)(X)
    minpy.jit(model.half)(X)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# eager -----------------------------------------------------------------------------------------


inner = minpy.jit(lambda x: np.tanh(x) * 2)


@minpy.eager
def kept_out(x):
    """Not compiled."""
    return inner(x) + 1


@minpy.jit
def with_block(x):
    y = x * 2
    with minpy.eager():
        y = inner(y)
        if y.shape[0] == 2:
            y = y + 1
    return y * 3


@minpy.jit
def with_call(x):
    y = x * 2
    z = kept_out(y)
    return z * 3


@pytest.mark.parametrize(
    ("function", "text", "lines"), [(with_block, "with minpy.eager", 4), (with_call, "z = kept_out", 1)]
)
def test_what_is_kept_out_is_a_leftover(function, text, lines):
    inner.cache_clear()
    expected = (numpy.tanh(X.asnumpy() * 2) * 2 + 1) * 3
    for _ in range(2):
        numpy.testing.assert_allclose(function(X).asnumpy(), expected, rtol=1e-6)
    found = minpy.explain(function)
    (leftover,) = found.leftovers
    first = line_of(function.function, text)
    assert (leftover.line, leftover.last_line) == (first, first + lines - 1)
    assert "minpy.eager" in leftover.reason
    assert [region.first_line for region in found.regions] == [first - 1, first + lines]
    assert inner.cache_info().misses == 0 and inner.calls == 2


def test_eager_keeps_name_and_works_around_jit():
    assert "Keep code out of compilation" in minpy.eager.__doc__
    assert kept_out.__name__ == "kept_out" and kept_out.__doc__ == "Not compiled."
    f = minpy.jit(lambda x: x + 1)
    with minpy.eager():
        f(X)
        with minpy.eager():
            f(X)
        f(X)
    minpy.eager(f)(X)
    assert compilations(f) == 0
    f(X)
    assert compilations(f) == 1
    assert minpy.explain(minpy.jit(kept_out)).reason == "kept_out is under minpy.eager"


def test_eager_is_left_when_its_block_raises():
    f = minpy.jit(lambda x: x + 1)
    with pytest.raises(KeyError), minpy.eager():
        raise KeyError
    f(X)
    assert compilations(f) == 1


class Model:
    @minpy.eager
    def method(self, x):
        return x + 1

    @minpy.eager
    @staticmethod
    def static(x):
        return x + 1

    @classmethod
    @minpy.eager
    def of_class(cls, x):
        return x + 1

    @minpy.eager
    @property
    def offset(self):
        return 1


def test_eager_on_methods():
    model = Model()

    @minpy.jit
    def f(x):
        a = model.method(x)
        b = model.static(x)
        c = model.of_class(x)
        d = x + model.offset
        return a + b + c + d

    numpy.testing.assert_array_equal(f(X).asnumpy(), (X.asnumpy() + 1) * 4)
    assert [leftover.line for leftover in minpy.explain(f).leftovers] == [
        line_of(f.function, f"{name} = ") for name in "abcd"
    ]


def test_eager_needs_a_function():
    with pytest.raises(TypeError, match="eager takes a function"):
        minpy.eager(3)
    with pytest.raises(TypeError, match="class"):
        minpy.eager(Model)


def test_a_policy_within_a_jitted_function_reaches_its_block():
    policy = minpy.OnlyNumPyPolicy()

    @minpy.jit
    def f(x):
        y = x + 1
        with policy:
            y = np.tanh(y)
        return y

    numpy.testing.assert_allclose(f(X).asnumpy(), numpy.tanh(X.asnumpy() + 1), rtol=1e-6)
    assert policy.op_stat()["numpy"] == {"tanh": 1}


@pytest.mark.parametrize(
    ("size", "policy", "is_eager", "library"),
    [
        (8, minpy.PreferMXNetPolicy, False, "numpy"),
        (8, minpy.PreferMXNetPolicy, True, "mxnet"),
        (8, minpy.BlacklistPolicy, False, "mxnet"),
        (5000, minpy.PreferMXNetPolicy, False, "mxnet"),
    ],
)
def test_small_arrays_in_leftovers_are_numpys_by_default(size, policy, is_eager, library):
    @minpy.jit
    def f(x):
        assert_is_no_graph(x)
        return np.sum(np.cumsum(x) ** 2)

    def assert_is_no_graph(x):  # what raises stays with Python
        try:
            raise KeyError
        except KeyError:
            counted.update((np.tanh(x) > 0).tolist())

    counted, x, policy = set(), numpy.linspace(0.5, 1.0, size), policy()
    with policy, minpy.eager() if is_eager else contextlib.nullcontext():
        found = minpy.grad(f)(np.array(x, dtype="float64"))
    numpy.testing.assert_allclose(found.asnumpy(), 2 * numpy.cumsum(numpy.cumsum(x)[::-1])[::-1], rtol=1e-6)
    assert counted == {True}
    stat = policy.op_stat()
    assert [name for name in ("mxnet", "numpy") if "tanh" in stat[name]] == [library]


@pytest.mark.parametrize("is_compiled", [True, False])
def test_compiling_keeps_nothing_of_the_call_alive(is_compiled):
    class Batch:
        def __init__(self):
            self.rows = [np.ones(3)]

    def step(x, batch):
        y = x + batch.rows[0]
        batch.rows.append(y)
        return y if is_compiled else np.unique(y) * len(batch.rows)

    compiled = minpy.jit(step)
    gc.collect()
    gc.disable()
    try:
        batch = Batch()
        compiled(np.ones(3), batch)
        known = weakref.ref(batch)
        del batch
        assert known() is None
    finally:
        gc.enable()
