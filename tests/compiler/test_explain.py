"""What ``explain`` says is what happened."""

from __future__ import annotations

import functools
import inspect
import json
import re

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler import graph_op, joint, plans, regions, routes
from minpy.compiler.explain.report import Leftover, Place, Recompilation, Shares
from minpy.compiler.explain.summary import verdict
from minpy.compiler.explain.text import amount, short_path
from minpy.core import grad_and_loss
from minpy.runtime.executor import Executor

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def inner(x):
    y = x * 2
    return np.unwrap(y) + y


@minpy.jit
def with_leftovers(x):
    y = np.tanh(x)
    print("now", y.shape, end="")
    z = inner(y)
    if np.sum(z) > 100:
        z = z - 1
    w = z * y
    return w


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


@pytest.fixture
def found(capsys):
    with_leftovers(X)
    assert capsys.readouterr().out == "now (2, 3)"
    return minpy.explain(with_leftovers)


def test_leftovers_have_line_reason_and_cause(found):
    function = with_leftovers.function
    expected = {
        line_of(function, "print("): "print has to happen on every call",
        line_of(function, "z = inner"): "unwrap",
        line_of(function, "if np.sum"): "the test depends on array data",
    }
    assert [leftover.line for leftover in found.leftovers] == list(expected)
    for leftover in found.leftovers:
        assert expected[leftover.line] in leftover.reason
    assert found.leftovers[1].cause.line == line_of(inner, "np.unwrap")


def test_text_marks_each_line(found):
    text = str(found)
    marked = {
        line.split("|", 1)[1].strip(): line.split("|", 1)[0] for line in text.splitlines() if "|" in line
    }
    assert marked["y = np.tanh(x)"].split()[1] == "1"
    assert marked['print("now", y.shape, end="")'].split()[1] == "py"
    assert marked["if np.sum(z) > 100:"].split()[1] == "2,flow"
    assert marked["w = z * y"].split()[1] == marked["return w"].split()[1] != "py"
    assert "left to Python: print" in text and "Python decides here: the test depends" in text
    assert f"line {line_of(inner, 'np.unwrap')}: return np.unwrap(y) + y" in text


def test_dictionary_is_plain_data(found):
    data = json.loads(json.dumps(found.to_dict()))
    assert data["name"] == "with_leftovers"
    assert data["calls"] == found.calls >= 1
    assert [(item["line"], item["last_line"]) for item in data["leftovers"]] == [
        (item.line, item.last_line) for item in found.leftovers
    ]
    version = data["regions"][0]["versions"][0]
    assert version["signature"] == ["x: float32[2,3] on cpu(0)"]
    assert version["graph_sizes"]["lowered"] == 1
    assert version["compile_seconds"] > 0 and version["seconds_per_call"] > 0


def test_residual_program_is_source_that_calls_the_regions(found):
    compile(found.source, "<residual>", "exec")
    assert "__region_1(" in found.source
    assert "print('now', y.shape, end='')" in found.source


def test_graph_sizes_before_and_after_the_passes():
    @minpy.jit
    def f(x):
        a = np.exp(x) + np.exp(x)  # the second exp is the first
        unused = np.tanh(x)  # noqa: F841
        return a + np.ones(3) * 2  # a constant

    numpy.testing.assert_allclose(f(X).asnumpy(), 2 * numpy.exp(X.asnumpy()) + 2, rtol=1e-6)
    sizes = minpy.explain(f).regions[0].versions[0].graph_sizes
    assert list(sizes)[:3] == ["lowered", "fold", "raising"]
    assert (sizes["lowered"], sizes["fold"], sizes["cse"], sizes["dce"]) == (6, 5, 4, 3)


def test_the_lines_that_a_pass_rewrote(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")

    def squashed(x):
        return 1 / (1 + np.exp(-x))

    @minpy.jit
    def f(x):
        y = x + 1
        z = squashed(y)
        return z * 1.0 + np.power(x, 2)

    f(X)
    found = minpy.explain(f)
    first = f.__wrapped__.__code__.co_firstlineno
    version = found.regions[0].versions[0]
    assert version.rewritten == {"raising": [first + 3], "algebra": [first + 4]}
    assert f"raising (line {first + 3})" in str(found) and f"algebra (line {first + 4})" in str(found)


def test_calls_hits_and_signatures():
    f = minpy.jit(lambda x: np.sum(x * 2))
    gradient = grad_and_loss(f)
    for size in (3, 3, 5):
        gradient(np.ones(size))
    f(np.ones(3))
    found = minpy.explain(gradient)
    assert (found.calls, found.hits, found.compilations) == (4, 1, 3)
    versions = found.regions[0].versions
    assert [(v.purpose, v.signature, v.calls) for v in versions] == [
        ("value and gradient", ["x: float32[3] on cpu(0)"], 2),
        ("value and gradient", ["x: float32[5] on cpu(0)"], 1),
        ("value", ["x: float32[3] on cpu(0)"], 1),
    ]


def test_before_the_first_call_and_without_source():
    f = minpy.jit(lambda x: x + 1)
    assert "not called yet" in str(minpy.explain(f))
    namespace: dict = {"np": np}
    exec("def no_source(x):\n    return np.tanh(x)", namespace)
    g = minpy.jit(namespace["no_source"])
    numpy.testing.assert_allclose(g(X).asnumpy(), numpy.tanh(X.asnumpy()), rtol=1e-6)
    assert "source of no_source cannot be found" in str(minpy.explain(g))
    h = minpy.jit(numpy.tanh)
    numpy.testing.assert_allclose(h(numpy.ones(2)), numpy.tanh(numpy.ones(2)))
    assert "no source" in minpy.explain(h).reason


def test_method_and_gradient_are_accepted():
    class Model:
        @minpy.jit
        def forward(self, x):
            return x * 2

    model = Model()
    numpy.testing.assert_array_equal(model.forward(X).asnumpy(), X.asnumpy() * 2)
    assert minpy.explain(model.forward).calls == minpy.explain(Model.forward).calls == 1


# Where the time goes ---------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves, with everything in Python; a graph takes 2 seconds on it."""
    time = [0.0]

    def run(self, *args, run=Executor.__call__):
        time[0] += 2.0
        return run(self, *args)

    for module in (regions, plans, graph_op, joint):
        monkeypatch.setattr(module, "now", lambda: time[0])
    monkeypatch.setattr(Executor, "__call__", run)
    monkeypatch.setattr(routes, "is_fast", False)
    return time


def test_shares_of_the_run_time(clock):
    @minpy.eager
    def slow():
        clock[0] += 5.0

    @minpy.eager
    def slower():
        clock[0] += 7.0

    @minpy.jit
    def f(x):
        y = np.tanh(x)
        slow()
        if np.sum(y) > 100:
            slow()
        slower()
        return y * 2

    for _ in range(3):
        f(X)
    found = minpy.explain(f)
    shares = found.shares
    # three graphs: before the first leftover, the test of the branch, behind the last leftover
    assert (shares.compiled, shares.leftover, shares.overhead) == (3 * 6.0, 3 * 12.0, 0.0)
    by_line = {item.line: item.seconds for item in found.leftovers}
    assert by_line[line_of(f.function, "    slow()")] == 15.0
    assert by_line[line_of(f.function, "slower()")] == 21.0
    first = str(found).splitlines()[0]
    assert "33% of the run time compiled, 67% left to Python, 0% overhead" in first
    assert f"fix first line {line_of(f.function, 'slower()')}: " in first


def test_shares_of_a_gradient(clock):
    f = minpy.jit(lambda x: np.sum(np.tanh(x)))
    for _ in range(2):
        grad_and_loss(f)(X)
    shares = minpy.explain(f).shares
    assert (shares.compiled, shares.leftover, shares.overhead) == (4.0, 0.0, 0.0)
    assert "everything is compiled; 100% of the run time compiled, 0% overhead; nothing to fix" in str(
        minpy.explain(f)
    )


@pytest.mark.parametrize(
    ("shares", "compiling", "text"),
    [
        (Shares(9.6, 0.3, 0.1), 0.0, "nothing to fix"),
        (Shares(5.0, 4.0, 1.0), 0.0, "fix first line 7: slow"),
        (Shares(5.0, 1.0, 4.0), 0.0, "to lower the overhead"),
        (Shares(9.9, 0.05, 0.05), 30.0, "fix first what compiles again, 2 times: line 3: n changed"),
    ],
)
def test_what_to_fix_first(shares, compiling, text):
    place = Place("f.py", 7)
    left = [
        Leftover(5, 5, "quick", "", place, "", seconds=0.1),
        Leftover(7, 7, "slow", "", place, "", seconds=1),
    ]
    again = [Recompilation(place, "line 3: n changed", "")] * 2
    assert verdict(shares, [], left, again, compiling).split("; ", 1)[1].startswith(text)


def test_under_a_policy_that_does_not_compile():
    f = minpy.jit(lambda x: x + 1)
    with minpy.OnlyNumPyPolicy():
        f(X)
    assert "ran as plain Python, because the policy" in str(minpy.explain(f))


# Regions ---------------------------------------------------------------------------------------

SCALE = np.ones(3)


def test_where_inputs_come_from():
    weights = np.ones((3, 3))

    class Model:
        def __init__(self):
            self.params = {"b": np.zeros(3)}

    @minpy.jit
    def f(model, x, rate=0.5):
        return np.dot(x, weights) * SCALE * rate + model.params["b"]

    f(Model(), X)
    (version,) = minpy.explain(f).regions[0].versions
    assert [(v.name, v.type, v.origin) for v in version.inputs] == [
        ("x", "float32[2,3]", "argument"),
        ("weights", "float32[3,3]", "closure variable"),
        ("SCALE", "float32[3]", "global"),
        ("rate", "float64[]", "argument"),
        ("model.params['b']", "float32[3]", "in argument model"),
    ]
    assert [(v.name, v.type) for v in version.outputs] == [("result", "float32[2,3]")]


def test_written_arguments_are_outputs():
    @minpy.jit
    def f(x, y):
        x[0] = 1
        return y

    f(X.copy(), X)
    outputs = minpy.explain(f).regions[0].versions[0].outputs
    assert ("x", "float32[2,3]", "written in place") in [(v.name, v.type, v.origin) for v in outputs]


def test_estimated_cost(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    f = minpy.jit(lambda x, y: np.sum(np.exp(np.dot(x, y))) + x.reshape(12)[0])
    f(np.ones((3, 4)), np.ones((4, 5)))
    (version,) = minpy.explain(f).regions[0].versions
    assert version.flops == 2 * 3 * 4 * 5 + 3 * 5 + 3 * 5 + 1
    dot, exp, total, index, add = 12 + 20 + 15, 15 + 15, 15 + 1, 12 + 1, 3
    assert version.bytes == 4 * (dot + exp + total + index + add)


def test_equations_and_symbol_of_a_region(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    f = minpy.jit(lambda x: np.tanh(x) * 2)
    f(X)
    found = minpy.explain(f)
    lines = found.ir(1).splitlines()
    assert lines[0] == "graph(x: float32[2,3]):" and "tanh x" in lines[1] and "multiply" in lines[2]
    symbol = found.symbol(1)
    assert type(symbol).__module__.startswith("mxnet.symbol")
    assert found.regions[0].versions[0].operators == {"_npi_multiply_scalar": 1, "_npi_tanh": 1}
    for wrong in ((2,), (0,), (1, 1)):
        with pytest.raises(IndexError, match="there is no"):
            found.ir(*wrong)
    same = minpy.jit(lambda x: x)
    same(X)
    with pytest.raises(IndexError, match="computes nothing"):
        minpy.explain(same).symbol(1)


def test_size_of_the_backward_graph(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    f = minpy.jit(lambda x: np.sum(np.tanh(x)))
    grad_and_loss(f)(X)
    (version,) = minpy.explain(f).regions[0].versions
    assert 0 < version.backward_equations == list(version.graph_sizes.values())[-1] - 2


# Lines -----------------------------------------------------------------------------------------


def first_step(x):
    return second_step(x) + 1


def second_step(x):
    x = x * 2
    return x


def test_inlined_functions_stand_beneath_their_call():
    @minpy.jit
    def f(x):
        def own(y):
            return y * 3

        z = first_step(x)
        return own(z)

    f(X)
    found = minpy.explain(f)
    lines = {line.text.strip(): line for line in found.lines}
    (call,) = lines["z = first_step(x)"].calls
    assert (call.function, call.file) == ("first_step", __file__)
    assert [line.number for line in call.lines] == [line_of(first_step, "return")]
    (inner,) = call.lines[0].calls
    assert [line.text.strip() for line in inner.lines] == ["x = x * 2", "return x"]
    assert lines["return y * 3"].kind == "compiled"  # where it stands
    assert not lines["return own(z)"].calls
    text = str(found)
    assert f"> first_step, {short_path(__file__)}:{call.lines[0].number}" in text
    assert text.index("return second_step(x) + 1") < text.index("x = x * 2") < text.index("return own(z)")


def test_branches_that_were_not_taken():
    @minpy.jit
    def f(x, mode):
        if mode == "train":
            y = x * 2
        else:
            # another way
            y = x - 1
        return y

    f(X, "train")
    kinds = {line.text.strip(): line.kind for line in minpy.explain(f).lines}
    assert kinds['if mode == "train":'] == kinds["y = x * 2"] == kinds["return y"] == "compiled"
    assert kinds["y = x - 1"] == "skipped" and kinds["# another way"] == kinds["else:"] == ""
    f(X, "test")
    kinds = {line.text.strip(): line.kind for line in minpy.explain(f).lines}
    assert kinds["y = x - 1"] == "compiled"


def test_same_calls_same_text():
    def masked(function):
        compiled = minpy.jit(function)
        for size in (2, 3, 2):
            grad_and_loss(compiled)(np.ones((size, 3)))
        return re.sub(r"[\d.]+(%| u?m?s\b)", "_", str(minpy.explain(compiled)).split("\n", 1)[1])

    def loss(x):
        y = first_step(x)
        print(end="")
        return np.sum(y * np.tanh(y))

    assert masked(loss) == masked(loss)


def test_a_gradient_is_shown_by_what_it_is_of():
    def loss(params, x, scale=2.0):
        y = np.tanh(np.dot(x, params["w"]))
        return np.sum(y * scale)

    step = minpy.jit(minpy.grad_and_loss(loss))
    step({"w": np.ones((3, 2))}, np.ones((4, 3)))
    found = minpy.explain(step)
    first = loss.__code__.co_firstlineno
    assert (found.file, found.line) == (__file__, first + 1)
    assert [(line.number, line.kind) for line in found.lines] == [
        (first + 1, "compiled"),
        (first + 2, "compiled"),
    ]
    assert [x.name for x in found.regions[0].versions[0].inputs] == ["x", "params['w']", "scale"]
    assert f"region 1, lines {first + 1} to {first + 2}" in str(found)


def test_amounts_have_three_digits_and_a_prefix():
    amounts = [amount(x, "B") for x in (12, 1234, 5.678e6, 9e9, 5e12)]
    assert amounts == ["12 B", "1.23 kB", "5.68 MB", "9 GB", "5 TB"]


def test_a_partial_of_a_jitted_function_is_explained():
    partial = functools.partial(minpy.jit(lambda n, x: np.sum(x) * n), 2)
    assert not minpy.explain(partial, np.ones(3)).leftovers
    assert minpy.explain(partial).calls == 0
