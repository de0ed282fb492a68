"""What ``explain`` says is what happened."""

from __future__ import annotations

import inspect
import json

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad_and_loss

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
    assert marked["if np.sum(z) > 100:"].split()[1] == "flow"
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
    assert sizes == {
        "lowered": 6,
        "fold_constants": 5,
        "merge_common_subexpressions": 4,
        "eliminate_dead_code": 3,
    }


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
