"""Each pass: a tiny graph in, the expected graph out, the same numbers."""

from __future__ import annotations

import numpy
import pytest

import minpy
from minpy.compiler.driver import PASSES, chosen_passes, compile_graph
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.ir import Eqn, Graph, Literal, Var, check_graph
from minpy.compiler.passes.cse import merge_common_subexpressions
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.fold import fold_constants
from minpy.errors import SettingError
from minpy.ops import FUNCTIONS, OPS, Aval
from minpy.runtime.array import Value
from tests.compiler.passes.graphs import names, traced

F64 = numpy.dtype("float64")
X = numpy.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])


def run(graph, *arrays):
    return [value.numpy() for value in run_compiled(compile_graph(graph), [Value(a) for a in arrays])]


def test_graph_prints_one_equation_a_line():
    graph = traced(lambda x: FUNCTIONS["sum"](x * x + 1, axis=0), (2, 3))
    assert str(graph) == (
        "graph(x: float64[2,3]):\n"
        "  a: float64[2,3] = multiply x x\n"
        "  b: float64[2,3] = add a 1\n"
        "  c: float64[3] = sum axes=(0,) keepdims=False b\n"
        "  return c"
    )


def test_fold_computes_constants_now():
    graph = traced(lambda x: x * (FUNCTIONS["full"]((3,), 2.0, "float64") * 3), (2, 3))
    folded = fold_constants(graph)
    check_graph(folded)
    assert names(graph) == ["multiply", "multiply"] and names(folded) == ["multiply"]
    numpy.testing.assert_array_equal(run(folded, X)[0], X * 6)


def test_fold_makes_empty_results_constants():
    graph = traced(lambda x, y: FUNCTIONS["sum"](FUNCTIONS["dot"](x, y), axis=0) + 1, (0, 3), (3, 2))
    assert names(fold_constants(graph)) == []
    result = run(graph, numpy.zeros((0, 3)), numpy.ones((3, 2)))[0]
    numpy.testing.assert_array_equal(result, [1, 1])


def test_cse_keeps_the_first_of_equal_equations():
    exp = FUNCTIONS["exp"]
    graph = traced(lambda x: exp(x) + exp(x) * 2 + x * 2, (2, 3))
    merged = merge_common_subexpressions(graph)
    check_graph(merged)
    assert names(merged) == ["exp", "multiply", "add", "multiply", "add"]
    numpy.testing.assert_allclose(run(merged, X)[0], 3 * numpy.exp(X) + 2 * X)


def test_cse_tells_zero_from_minus_zero_and_int_from_float():
    graph = traced(lambda x: (x * 0.0, x * -0.0, x * 0, x * 1.0, x * 1), (2, 3))
    assert len(merge_common_subexpressions(graph).eqns) == 5
    positive, negative = run(graph, numpy.ones((2, 3)))[:2]
    assert not numpy.signbit(positive).any() and numpy.signbit(negative).all()


def test_dce_drops_what_nobody_uses_and_keeps_what_may_raise():
    def function(x, y):
        FUNCTIONS["tanh"](x)
        x[1:]
        x[y.astype("int64")]
        return x * 2

    graph = traced(function, (3,), (2,))
    assert names(graph) == ["tanh", "index", "astype", "index", "multiply"]
    assert names(eliminate_dead_code(graph)) == ["astype", "index", "multiply"]


def test_optimize_runs_all_passes_and_counts():
    compiled = compile_graph(traced(lambda x: x + x, (2, 3)))
    assert [stage.name for stage in compiled.stages] == ["lowered", *chosen_passes()]
    assert compiled.stages[-1].size == len(compiled.graph.eqns) == 1


def test_checker_rejects_wrong_graphs():
    x, y = Var(Aval((2,), F64)), Var(Aval((2,), F64))
    add = OPS["add"]
    with pytest.raises(AssertionError, match="not bound yet"):
        check_graph(Graph((x,), (Eqn(add, (y, x), {}, (y,), None),), (y,)))
    with pytest.raises(AssertionError, match="bound twice"):
        check_graph(Graph((x,), (Eqn(add, (x, x), {}, (x,), None),), (x,)))
    wrong = Var(Aval((3,), F64))
    with pytest.raises(AssertionError, match="should have"):
        check_graph(Graph((x,), (Eqn(add, (x, Literal(1)), {}, (wrong,), None),), (wrong,)))


def test_dump_prints_the_graph_after_a_pass(monkeypatch, capsys):
    monkeypatch.setenv("MINPY_DUMP", "dce")
    compile_graph(traced(lambda x: x * 2, (2,)))
    text = capsys.readouterr().err
    assert text.startswith("# after dce") and "multiply x 2" in text


def test_a_pass_is_left_out(monkeypatch):
    graph = traced(lambda x: FUNCTIONS["exp"](x) + FUNCTIONS["exp"](x), (2, 3))
    monkeypatch.setenv("MINPY_PASSES", "-fold, -cse, -fuse")
    compiled = compile_graph(graph)
    assert names(compiled.graph) == ["exp", "exp", "add"]
    assert not {"fold", "cse"} & {stage.name for stage in compiled.stages}


@pytest.mark.parametrize("text", ["-rasing", "cse", "-cse,fuse", "all", "+cse", "xcse"])
def test_a_pass_that_there_is_not_is_an_error_at_the_door(monkeypatch, text):
    monkeypatch.setenv("MINPY_PASSES", text)
    with pytest.raises(SettingError, match=f"The passes are {', '.join(PASSES)}"):
        minpy.jit(lambda x: x)
    monkeypatch.setenv("MINPY_PASSES", "-cse")
    function = minpy.jit(lambda x: x + 1)
    monkeypatch.setenv("MINPY_DUMP", "rasing")
    with pytest.raises(SettingError, match="MINPY_DUMP=rasing: it is 'all' or one of the passes"):
        function(numpy.ones(2))
