"""``explain(fn, *args)`` says what a call would show, and runs nothing."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import grad, grad_and_loss
from tests.compiler.test_explain import line_of
from tests.corpus.outcome import assert_same, run
from tests.corpus.registry import ids, programs

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


def left(found):
    """Lines and reasons of leftovers, those apart that cannot be foreseen."""
    return {(item.line, item.reason) for item in found.leftovers if not item.is_unforeseen}


def unforeseen(found):
    return [(item.line, item.reason) for item in found.leftovers if item.is_unforeseen]


#: what only a run can show: the order in memory of what a leftover makes, what later turns of a loop do
NOT_KNOWN_BEFORE = (
    "views.reshape_of_what_was_computed",
    "exceptions.an_exception_carries_a_value",
    "exceptions.first_that_works",
    "loops.elements_that_are_written",
    "loops.an_element_that_is_not_there",
)
PROGRAMS = [program for program in programs() if program.name not in NOT_KNOWN_BEFORE]


@pytest.mark.parametrize("program", PROGRAMS, ids=ids(PROGRAMS))
def test_foretells_what_a_call_shows(program):
    for number in range(len(program.inputs)):
        compiled, given = minpy.jit(program.function), program.arguments(number)
        foretold = minpy.explain(compiled, *given)
        assert_same(program.arguments(number), given, "arguments")
        assert compiled.calls == 0 and minpy.explain(compiled).compilations == 0
        run(compiled, given)
        found = minpy.explain(compiled)
        if not unforeseen(foretold):
            assert left(found) <= left(foretold)  # a call takes one way, and may end before the last line


def marks(found):
    return {line.text.strip(): line.kind for line in found.lines}


def test_what_comes_out_of_a_leftover():
    seen = []

    @minpy.jit
    def f(x):
        y = np.tanh(x)
        seen.append("ran")
        w = np.unique(y)  # nobody knows what this gives
        z = y + 1
        a = w * 2
        b = a + z
        return np.sum(z) + np.sum(b)

    found = minpy.explain(f, X)
    w, a, b, end = (line_of(f.function, text) for text in ("w = np", "a = w", "b = a", "return"))
    assert seen == []
    assert unforeseen(found) == [
        (a, f"w is known when line {w} has run"),
        (b, f"a is known when line {a} has run"),
        (end, f"b is known when line {b} has run"),
    ]
    kinds = marks(found)
    assert kinds["y = np.tanh(x)"] == kinds["z = y + 1"] == "compiled"
    assert kinds["a = w * 2"] == "unforeseen"
    assert "nothing was run" in str(found) and "3 not foreseen" in str(found).splitlines()[0]


def test_shapes_are_known_where_only_the_operator_is_missing():
    @minpy.jit
    def f(x):
        y = np.cumprod(x, axis=0)  # MXNet has no operator
        return np.exp(y) + y.shape[0]

    found = minpy.explain(f, X)
    assert [item.reason for item in found.leftovers] == ["cumprod: MXNet has no operator for cumprod"]
    assert found.regions[0].versions[0].outputs[0].type == "float32[2,3]"


def test_both_ways_of_a_branch_and_the_turns_of_a_loop():
    @minpy.jit
    def f(x):
        if np.sum(x) > 3:
            y = x * 2
            kind = x
        else:
            y = x - 1
            kind = None
        while np.max(y) > 3:
            if np.min(y) > 1:
                break
            y = y / 2
        z = y + 1
        return z if kind is None else kind

    found = minpy.explain(f, X)
    kinds = marks(found)
    assert [kinds[text] for text in ("y = x * 2", "y = x - 1", "y = y / 2", "z = y + 1")] == ["compiled"] * 4
    for text in ("if np.sum(x) > 3:", "while np.max(y) > 3:", "if np.min(y) > 1:", "break"):
        assert kinds[text] == "control", text
    branch, end = line_of(f.function, "if np.sum"), line_of(f.function, "return")
    assert unforeseen(found) == [(end, f"kind depends on the way that line {branch} goes")]


@pytest.mark.parametrize("kind", ["a list grows", "a type changes", "a value appears"])
def test_the_second_turn_of_a_loop(kind):
    def grow(x, limit):
        rows, t = [], 0
        while np.sum(x) < limit:
            x = x + 0.5
            rows.append(x)
            x = x + 1 / len(rows)
            t += 1
        return rows

    def change(x, limit):
        total = 0
        while np.sum(x) < limit:
            total = total + np.sum(x)
            x = x * 1.5
        return x

    def find(x, limit):
        best = None
        for row in x:
            loss = np.sum(row)
            if best is None or loss < best:
                best = loss
        return x

    function = {"a list grows": grow, "a type changes": change, "a value appears": find}[kind]
    foretold, compiled = minpy.explain(minpy.jit(function), X + 0.1, 90.0), minpy.jit(function)
    compiled(X + 0.1, 90.0)
    found = minpy.explain(compiled)
    assert left(found) <= left(foretold)
    assert [note.partition(": ")[2] for note in foretold.notes] == ["of this loop two turns are foreseen"]
    signatures = {(r.first_line, *v.signature) for r in found.regions for v in r.versions}
    assert signatures <= {(r.first_line, *v.signature) for r in foretold.regions for v in r.versions}


def test_what_differs_in_every_turn_is_not_foreseen():
    @minpy.jit
    def f(x, limit):
        rows = []
        while np.sum(x) < limit:
            x = np.concatenate([x, x * 0.5])
            rows.append(x)
        return rows

    found = minpy.explain(f, X, 90.0)
    told = f"line {line_of(f.function, 'while')}: what later turns of this loop compile is not foreseen"
    assert found.notes == [f"{told}: x changes in each turn"]


def test_number_that_a_run_computes_and_that_decides():
    @minpy.jit
    def f(x, rate):
        step = float(np.sum(x)) * rate
        print(end="")
        if step > 1:
            return x * step
        return x

    found = minpy.explain(f, X, 0.75)
    reason = "it depends on the value of step, which is known when the function runs"
    assert unforeseen(found) == [(line_of(f.function, "if step"), reason)]


def test_method_gradient_and_errors():
    class Model:
        def __init__(self):
            self.w = np.ones((3, 2))

        @minpy.jit
        def loss(self, x):
            return np.sum(np.dot(x, self.w) ** 2)

    model = Model()
    assert minpy.explain(model.loss, X).regions[0].versions[0].purpose == "value"
    found = minpy.explain(grad_and_loss(model.loss), X)
    (version,) = found.regions[0].versions
    assert [(output.name, output.type) for output in version.outputs] == [
        ("value", "float32[]"),
        ("gradient of x", "float32[2,3]"),
    ]
    assert "x_bar = " in found.gradient_source
    assert Model.loss.calls == 0
    with pytest.raises(TypeError, match="missing a required argument"):
        minpy.explain(Model.loss, model)
    with pytest.raises(TypeError, match=r"minpy\.jit"):
        minpy.explain(grad(lambda x: x), X)
    with pytest.raises(TypeError, match="no argument 'z'"):
        minpy.explain(grad(Model.loss, "z"), model, X)
