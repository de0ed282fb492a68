"""Random programs as machine code, between guard pages: NumPy's results, and the same bits twice.

``python -m tests.compiler.codegen.corpus`` runs as many as one likes.
"""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
from collections import Counter

import numpy
import pytest

import minpy.numpy as np
from minpy.compiler.ir import Literal, evaluate
from tests.compiler.codegen.corpus import failure, numbered
from tests.compiler.codegen.running import run_fused
from tests.compiler.passes.graphs import outputs, traced

COUNT, PARTS = 200, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(part):
    for number in range(part, COUNT, PARTS):
        found = failure(numbered(0, number), run_fused)
        assert not found, f"program {number}\n{found}"


def test_most_of_the_programs_is_in_kernels():
    counted: Counter = Counter()
    for number in range(0, COUNT, PARTS):
        tried = numbered(0, number)
        run_fused(tried.graph, tried.arrays, counted)
    inside = sum(count for (_, is_inside), count in counted.items() if is_inside)
    assert inside > 0.9 * counted.total()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("exp", lambda x: x * (1 + 200 * numpy.finfo(x.dtype).eps)),
        ("sum", lambda x: x + (x.dtype.type(1e-3) if x.dtype.kind == "f" else 1)),
        ("add", lambda x: numpy.nextafter(x, 9) if x.dtype.kind == "f" else x),
    ],
)
def test_a_wrong_kernel_is_found(name, change):
    """NumPy passes; NumPy with one op that is a little wrong does not."""

    def run(graph, arrays, change=change):
        known = dict(zip(graph.inputs, arrays))
        for eqn in graph.eqns:
            given = [x.value if isinstance(x, Literal) else known[x] for x in eqn.inputs]
            for var, x in zip(eqn.outputs, evaluate(eqn.op, given, eqn.params)):
                x = x.astype(var.aval.dtype)
                known[var] = change(x) if eqn.op.name == name else x
        return [known[var] for var in graph.outputs]

    tried = [program for program in map(functools.partial(numbered, 3), range(240)) if name in _ops(program)]
    with numpy.errstate(all="ignore"):
        assert not any(failure(program, lambda *given: run(*given, change=lambda x: x)) for program in tried)
        assert sum(bool(failure(program, run)) for program in tried) > 0.25 * len(tried)


def _ops(program):
    return {eqn.op.name for eqn in program.graph.eqns}


_FAULTS = """
import ctypes, numpy, os, signal
from minpy.ops import Aval
from tests.compiler.codegen.guarded import Guarded

def ending(at_end, touch):
    child = os.fork()
    if not child:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # instead of MXNet's handler, which prints where it was
        array = Guarded(Aval((5,), numpy.dtype("float32")), at_end).fill(numpy.arange(5.0))
        touch(array.ctypes.data)
        os._exit(int(array.sum()))
    return os.waitpid(child, 0)[1]

read = lambda place: lambda address: ctypes.string_at(address + place, 1)
print(ending(True, read(19)), ending(True, read(20)), ending(False, read(0)), ending(False, read(-1)))
print(ending(True, lambda address: ctypes.memset(address, 0, 1)))
"""


def test_guards_catch_who_reads_beyond_an_array_or_writes_to_an_input():
    done = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True)
    fault, right = signal.SIGSEGV, 10 << 8
    assert done.stdout.split() == [str(int(x)) for x in (right, fault, right, fault, fault)]


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_casts_stay_within_arrays(dtype):
    """LLVM stored 8 bytes of the last element where it was alone and had been cast to 4."""
    for size in (1, 2, 3, 5, 9, 15, 16, 17, 33, 65):
        graph = traced(lambda x: (x.astype("int32"), (x + x).astype("float32"), x > 3), (size,), dtype=dtype)
        x = numpy.random.RandomState(size).randint(-9, 9, size).astype(dtype)
        found = run_fused(graph, [x])
        for one, other in zip(found, (x.astype("int32"), (x + x).astype("float32"), x > 3)):
            assert numpy.array_equal(one, other)


@pytest.mark.parametrize("rows", [31, 400])
@pytest.mark.parametrize("columns", [(7,), (2, 3), (65,)])
def test_sums_over_rows_that_are_the_same_in_all_columns(rows, columns):
    """There was one such sum, not one for each column."""
    shape = (rows, *columns)
    functions = (
        lambda x: (np.broadcast_to(x, shape) * 2.0).sum(0),
        lambda x: (np.broadcast_to(x, shape) * 2.0).max(0) + np.arange(columns[-1]),
        lambda x: (np.broadcast_to(x, shape) * 2.0 - (np.broadcast_to(x, shape) * 3.0).sum(0)).sum(0),
    )
    x = numpy.arange(1.0, rows + 1).reshape(rows, *[1] * len(columns))
    for function in functions:
        graph = traced(function, x.shape)
        numpy.testing.assert_allclose(run_fused(graph, [x])[0], outputs(graph, [x])[0])


def test_bools_of_a_tile_have_a_byte_each():
    """They were given a bit of the stack, and written over what lay behind."""

    def function(x, y):
        found = np.any(x, axis=1)
        return np.greater(np.maximum(np.minimum(found, 0.5), y), found)

    random = numpy.random.RandomState(0)
    graph = traced(function, (17, 15, 9), (1, 1, 9), dtype="float32")
    arrays = [random.rand(*v.aval.shape).astype("float32") for v in graph.inputs]
    assert numpy.array_equal(run_fused(graph, arrays)[0], outputs(graph, arrays)[0])


def test_bools_that_are_known_become_floats():
    """LLVM aborted: it learned that there is nothing but zeros after it had begun with the instructions."""
    graph = traced(lambda x: np.arctan(np.all(x - x) / (x - x)), (3,), dtype="int64")
    (found,) = run_fused(graph, [numpy.arange(3)])
    assert numpy.isnan(found).all() and found.shape == (3,)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sign((x - x) / (x - x)),
        lambda x: np.where((x - x) / (x - x) == 0, 0.0, (x - x) / (x - x)),
        lambda x: np.where(x > 64, 0.0, (x - x) / (x * 0)),
        lambda x: (x - x) / np.where(x > 64, 1.0, 0.0),
    ],
)
def test_a_nan_that_llvm_can_work_out_is_nan(function):
    """LLVM takes a choice between 0 and 0 / 0 for 0."""
    x = numpy.arange(130)
    with numpy.errstate(invalid="ignore"):
        expected = function(x)
    (found,) = run_fused(traced(function, (130,), dtype="int64"), [x])
    assert numpy.isnan(expected).any()
    numpy.testing.assert_array_equal(found, expected)


def test_programs_are_the_same_for_a_seed():
    one, other = numbered(3, 5), numbered(3, 5)
    assert str(one.graph) == str(other.graph) and str(one.graph) != str(numbered(3, 6).graph)
    assert all(
        numpy.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(one.arrays, other.arrays)
    )
