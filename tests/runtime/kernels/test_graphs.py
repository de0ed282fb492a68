"""Programs of kernels in compiled graphs: as one node among MXNet's, and as all that there is."""

from __future__ import annotations

import gc
import json
import threading
import weakref

import numpy
import pytest

from minpy.compiler import emit as emission
from minpy.compiler import kept
from minpy.compiler.ir import Graph
from minpy.compiler.kernel import kernel
from minpy.ops import FUNCTIONS, Aval
from minpy.runtime.array import Value
from minpy.runtime.bound import MOST_BYTES
from minpy.runtime.context import CPU
from minpy.runtime.executor import Executor
from minpy.runtime.kernels.program import Place, Program, Step
from tests.compiler.passes.graphs import traced
from tests.runtime.kernels.texts import AXPY, SUM

sum_, negative = FUNCTIONS["sum"], FUNCTIONS["negative"]
SIZES = 5, MOST_BYTES // 8  # the second one is not copied


def program(x, y):
    out = x * 3.0 + y
    return out, sum_(out)


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """What ``program`` does, written by hand."""

    def program_of(body, constants, code):
        n = body.inputs[0].aval.size
        steps = Step(AXPY, (Place(0), Place(1), Place(2)), n, 4), Step(SUM, (Place(2), Place(3)), n, n)
        avals = [tuple(Aval(*atom.aval) for atom in atoms) for atoms in (body.inputs, body.outputs)]
        return Program(avals[0], avals[1], 0, steps)

    monkeypatch.setattr(emission, "program_of", program_of)


def alone(n):
    graph = traced(program, (n,), (n,))
    return Graph(graph.inputs, (kernel(graph.eqns, graph.outputs),), graph.outputs)


def with_constant(n):
    y = numpy.arange(float(n))
    graph = traced(lambda x: program(x, y), (n,))
    return Graph(graph.inputs, (kernel(graph.eqns, graph.outputs),), graph.outputs)


def among_others(n):
    """negative(program(-x, y)[0]), sum."""

    def around(x, y):
        out, total = program(negative(x), y)
        return negative(out), total

    graph = traced(around, (n,), (n,))
    first, *middle, last = graph.eqns
    total = graph.outputs[1]
    one = kernel(middle, (last.inputs[0], total))
    return Graph(graph.inputs, (first, one, last), graph.outputs)


def executor_of(graph):
    return Executor(*emission.emit(graph))


def run(executor, *arrays):
    return [value.numpy() for value in executor([Value(x) for x in arrays], CPU)]


def data(n, seed=0):
    return numpy.random.RandomState(seed).randint(-50, 50, (2, n)).astype(float)


def same(found, expected):
    return len(found) == len(expected) and all(
        numpy.array_equal(x, y) and x.shape == numpy.shape(y) for x, y in zip(found, expected)
    )


@pytest.mark.parametrize("n", SIZES)
def test_a_program_that_is_all_runs_where_the_arrays_are(n):
    executor, (x, y) = executor_of(alone(n)), data(n)
    expected = 3 * x + y
    for _ in range(2):
        assert same(run(executor, x, y), (expected, expected.sum()))
    assert executor._cached is None  # MXNet has not even seen it
    first, second = run(executor, x, y)[0], run(executor, x, y)[0]
    first[0] = 1e9
    assert second[0] == expected[0]


@pytest.mark.parametrize("n", SIZES)
def test_a_program_that_is_all_takes_arrays_of_any_layout(n):
    executor, (x, y) = executor_of(alone(n)), data(n)
    expected = 3 * x + y
    twice = numpy.repeat(x, 2)
    unaligned = numpy.zeros(8 * n + 1, "uint8")[1:].view("float64")
    unaligned[:] = x
    backward = x[::-1].copy()[::-1]
    named = x.view(numpy.dtype("float64", metadata={"unit": "m"}))
    for given in (twice[::2], unaligned, backward, named, x.astype(">f8"), x.astype("int32")):
        assert same(run(executor, given, y), (expected, expected.sum()))
    y.flags.writeable = False
    assert same(run(executor, x, y), (expected, expected.sum()))


def test_a_program_that_is_all_refuses_other_shapes():
    executor = executor_of(alone(5))
    with pytest.raises(ValueError, match="shape"):
        run(executor, numpy.ones(4), numpy.ones(5))


@pytest.mark.parametrize("n", SIZES)
def test_a_constant_array_is_an_input(n):
    executor, (x, _) = executor_of(with_constant(n)), data(n)
    expected = 3 * x + numpy.arange(float(n))
    assert same(run(executor, x), (expected, expected.sum()))


@pytest.mark.parametrize("n", SIZES)
def test_a_program_is_a_node_among_others(n):
    executor = executor_of(among_others(n))
    for seed in range(3):
        x, y = data(n, seed)
        expected = y - 3 * x
        assert same(run(executor, x, y), (-expected, expected.sum()))
    assert executor.operators() == {"_npi_negative": 2}
    assert executor.kernels() == {"loop nest": 2}
    assert executor.symbol.list_inputs() == ["x0", "x1"]


def test_threads_run_a_program_at_once():
    executor, wrong = executor_of(alone(2000)), []

    def work(seed):
        x, y = data(2000, seed)
        for _ in range(200):
            if not same(run(executor, x, y), (3 * x + y, (3 * x + y).sum())):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("made", [alone, with_constant, among_others])
def test_a_graph_with_programs_is_kept(made):
    graph = made(5)
    emitted = emission.emit(graph)
    found, _ = kept._unpacked(json.loads(json.dumps(kept._packed(emitted, ()))), graph)
    assert found.programs == emitted.programs and found.alone == emitted.alone
    arrays = data(5)[: len(graph.inputs)]
    assert same(run(Executor(*found), *arrays), run(Executor(*emitted), *arrays))


@pytest.mark.parametrize("made", [alone, among_others])
def test_code_goes_with_the_last_graph_that_uses_it(made):
    executor = executor_of(made(7))
    (loaded,) = executor._programs
    references = [weakref.ref(code) for code in loaded._codes]
    assert same(run(executor, *data(7)), run(executor_of(made(7)), *data(7)))
    del loaded, executor
    gc.collect()
    assert [reference() for reference in references] == [None, None]


@pytest.mark.parametrize("n", SIZES)
def test_a_result_takes_the_memory_of_an_input_that_is_given_up(n):
    emitted = emission.emit(alone(n))._replace(reused={0: 1})
    executor, (x, y) = Executor(*emitted), data(n)
    expected = 3 * x + y
    for given in (y.copy(), numpy.repeat(y, 2)[::2]):  # there is no room for the result in the second one
        out, total = executor([Value(x), Value(given)], CPU, {1})
        assert same([out.numpy(), total.numpy()], (expected, expected.sum()))
        assert numpy.shares_memory(out.numpy(), given) is given.flags.c_contiguous
    given = y.copy()
    assert same(run(executor, x, given), (expected, expected.sum())) and numpy.array_equal(given, y)
