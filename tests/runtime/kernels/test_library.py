"""Programs that run by themselves, written by hand."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy
import pytest

from minpy.ops import Aval
from minpy.runtime import native
from minpy.runtime.kernels import state
from minpy.runtime.kernels.library import Loaded, has_gemm
from minpy.runtime.kernels.program import SUMS, Condition, Place, Product, Program, Step, product_of
from tests.runtime.kernels.texts import AXPY, SUM, shifted

SMALL = (3, 4, 5), (1, 4, 5), (3, 1, 5), (1, 1, 5), (3, 4, 1), (2, 1, 1)
#: across the edges of tiles, of parts of a sum, of blocks of rows and of columns; rows a power of two apart
TILED = (13, 37, 521), (24, 64, 8), (1175, 33, 9), (14, 1190, 260), (14, 130, 1024)

DOUBLE = numpy.dtype("float64")


def doubles(*shape):
    return Aval(shape, DOUBLE)


def sum_of_axpy(n: int, chunk: int) -> Program:
    """(x, y) -> (3 x + y, its sum), with partial sums in scratch."""
    chunks = -(-n // chunk)
    steps = (
        Step(AXPY, (Place(0), Place(1), Place(2)), n, chunk),
        Step(SUM, (Place(2), Place(4)), n, chunk),
        Step(SUM, (Place(4), Place(3)), chunks, chunks),
    )
    return Program((doubles(n), doubles(n)), (doubles(n), doubles()), 8 * chunks, steps)


def product_alone(dtype, m, n, k, transpose_x, transpose_y) -> Program:
    """(x, y) -> twice their product."""
    step = product_of(dtype, m, n, k, transpose_x, transpose_y, (Place(0), Place(1), Place(2)), alpha=2.0)
    shapes = ((k, m) if transpose_x else (m, k)), ((n, k) if transpose_y else (k, n)), (m, n)
    x, y, out = (Aval(shape, dtype) for shape in shapes)
    return Program((x, y), (out,), 0, (step,))


def test_kernels_are_available_unless_they_are_switched_off():
    assert state() == ("MINPY_FUSION=0 is set" if os.environ.get("MINPY_FUSION") == "0" else "")


def test_steps_run_one_after_the_other_over_all_chunks():
    x, y = numpy.random.RandomState(0).randint(-50, 50, (2, 1001)).astype(float)
    out, total = Loaded(sum_of_axpy(1001, 100))([x, y])
    assert numpy.array_equal(out, 3 * x + y)
    assert total.shape == () and total == (3 * x + y).sum()


def test_a_place_has_an_offset():
    program = Program(
        (doubles(5),), (doubles(5),), 0, (Step(shifted(1.0), (Place(0, 16), Place(1, 8)), 3, 1),)
    )
    (out,) = Loaded(program)([numpy.arange(5.0)])
    assert out[1:4].tolist() == [3, 4, 5]


@pytest.mark.parametrize("dtype", SUMS)
@pytest.mark.parametrize("n", [1, 8, 9, 511])
def test_the_library_adds_up_numbers(dtype, n):
    step = Step(SUMS[dtype], (Place(0, dtype.itemsize), Place(1)), n, n)
    loaded = Loaded(Program((Aval((n + 1,), dtype),), (Aval((), dtype),), 0, (step,)))
    x = numpy.full(n + 1, 0.1, dtype)
    (total,) = loaded([x])
    assert abs(total / math.fsum(x[1:].astype("float64")) - 1) <= 2 * numpy.finfo(dtype).eps
    assert numpy.signbit(loaded([numpy.full(n + 1, -0.0, dtype)])[0])
    x[n] = numpy.inf
    assert loaded([x])[0] == numpy.inf


def test_a_condition_that_does_not_hold_fails():
    steps = Step(shifted(-1.0), (Place(0), Place(1)), 1, 1), Condition((Place(1, 7),))
    loaded = Loaded(Program((doubles(1),), (doubles(1),), 0, steps))
    for _ in range(2):
        assert loaded([numpy.array([4.0])]) == [3.0]
        with pytest.raises(native.MXNetError):  # the last byte of 0.0 is 0, that of 3.0 is not
            loaded([numpy.array([1.0])])


def test_two_threads_run_a_program_at_once():
    loaded, wrong = Loaded(sum_of_axpy(20_000, 100)), []

    def work(seed):
        x, y = numpy.random.RandomState(seed).randint(-50, 50, (2, 20_000)).astype(float)
        for _ in range(50):
            out, total = loaded([x, y])
            if total != (3 * x + y).sum() or not numpy.array_equal(out, 3 * x + y):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


_BITS = """
import hashlib, json, numpy
from minpy.runtime.kernels.library import Loaded
from tests.runtime.kernels.test_library import product_alone, sum_of_axpy
x, y = numpy.random.RandomState(0).randn(2, 100_003)
loaded = Loaded(sum_of_axpy(100_003, 1000))
product = Loaded(product_alone(numpy.dtype("float64"), 301, 199, 300, True, False))
factors = x[:90300].reshape(300, 301), y[:59700].reshape(300, 199)
wide = Loaded(product_alone(numpy.dtype("float64"), 40, 330, 300, False, False))  # threads share its columns
others = x[:12000].reshape(40, 300), y[:99000].reshape(300, 330)
programs = (loaded, [x, y]), (product, factors), (wide, others)
results = [b"".join(program(given)[-1].tobytes() for program, given in programs) for _ in range(5)]
print(json.dumps([hashlib.sha256(result).hexdigest() for result in results]))
"""


def test_results_have_the_same_bits_on_any_number_of_threads():
    found = set()
    for threads in ("1", "2", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        told = subprocess.run([sys.executable, "-c", _BITS], env=environment, capture_output=True, check=True)
        found.update(json.loads(told.stdout))
    assert len(found) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transpose_x", [False, True])
@pytest.mark.parametrize("transpose_y", [False, True])
@pytest.mark.parametrize("m, n, k", [*SMALL, *TILED])
def test_products_are_numpys(dtype, transpose_x, transpose_y, m, n, k):
    random = numpy.random.RandomState(0)
    x = random.randint(-9, 9, (k, m) if transpose_x else (m, k)).astype(dtype)
    y = random.randint(-9, 9, (n, k) if transpose_y else (k, n)).astype(dtype)
    loaded = Loaded(product_alone(numpy.dtype(dtype), m, n, k, transpose_x, transpose_y))
    expected = 2 * (x.T if transpose_x else x) @ (y.T if transpose_y else y)
    for _ in range(2):
        (out,) = loaded([x, y])
        assert numpy.array_equal(out, expected) and out.dtype == dtype


def test_wide_vectors_make_products_where_the_processor_has_them():
    processor = Path("/proc/cpuinfo").read_text()
    assert has_gemm() == ("avx512f" in processor)


@pytest.mark.parametrize("m, n, size", [(2, 3, 4), (1, 3, 4), (2, 1, 4), (35, 39, 40)])
def test_products_of_parts_of_matrices_one_after_the_other(m, n, size):
    """Of x transposed by y, twice, subtracted from what the step before left in the result."""
    random = numpy.random.RandomState(0)
    x, y = (random.randint(-9, 9, (2, size, size)).astype(float) for _ in range(2))
    before = random.randint(-9, 9, (2, size, size)).astype(float)
    copy = Step(shifted(0.0), (Place(2), Place(3)), before.size, before.size)
    places = Place(0), Place(1), Place(3)
    rows, strides, k = (size,) * 3, (size**2,) * 3, size - 1
    step = Product(DOUBLE, m, n, k, True, False, places, rows, 2, strides, -1.0, 1.0)
    loaded = Loaded(Program((doubles(2, size, size),) * 3, (doubles(2, size, size),), 0, (copy, step)))
    expected = before.copy()
    expected[:, :m, :n] -= numpy.swapaxes(x[:, :k, :m], 1, 2) @ y[:, :k, :n]
    (out,) = loaded([x, y, before])
    assert numpy.array_equal(out, expected)


def test_what_was_in_the_memory_of_a_result_does_not_matter():
    nans = Step(shifted(float(1)), (Place(0), Place(2)), 3, 3)
    step = product_of("float64", 3, 1, 3, False, False, (Place(1), Place(0), Place(2)))
    loaded = Loaded(Program((doubles(3), doubles(3, 3)), (doubles(3, 1),), 0, (nans, step)))
    (out,) = loaded([numpy.full(3, numpy.inf), numpy.zeros((3, 3)) + 1])
    assert (out == numpy.inf).all()
    (out,) = loaded([numpy.full(3, numpy.nan), numpy.eye(3)])
    assert numpy.isnan(out).all()


def graph(loaded: Loaded) -> str:
    """negative(program(x + y, y)[0]), and the program's other result."""
    nodes = [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "null", "name": "y", "inputs": []},
        {"op": "_npi_add", "name": "s", "inputs": [[0, 0, 0], [1, 0, 0]]},
        {
            "op": "_minpy_program",
            "name": "p",
            "attrs": {"program": str(loaded.address)},
            "inputs": [[2, 0, 0], [1, 0, 0]],
        },
        {"op": "negative", "name": "n", "inputs": [[3, 0, 0]]},
    ]
    heads = [[4, 0, 0], [3, 1, 0]]
    return json.dumps(
        {"nodes": nodes, "arg_nodes": [0, 1], "heads": heads, "attrs": {"mxnet_version": ["int", 10901]}}
    )


def test_a_program_is_a_node_of_a_cached_graph():
    loaded = Loaded(sum_of_axpy(10, 4))
    cached = native.CachedGraph(graph(loaded))
    x, y = numpy.arange(10.0), numpy.ones(10)
    for _ in range(3):
        first, total = cached([native.from_numpy(x), native.from_numpy(y)])
        assert first.asnumpy().tolist() == (-(3 * (x + y) + y)).tolist()
        assert total.shape == () and total.asnumpy() == (3 * (x + y) + y).sum()
        x = x + 1


def test_a_program_is_a_node_of_an_executor():
    loaded = Loaded(sum_of_axpy(10, 4))
    x, y = native.from_numpy(numpy.arange(10.0)), native.from_numpy(numpy.ones(10))
    executor = native.bind(native.symbol_of(graph(loaded)), {"x": x, "y": y})
    assert native.forward(executor, one_thread=False)
    first, total = executor.outputs
    assert first.asnumpy().tolist() == (-(3 * (numpy.arange(10.0) + 1) + 1)).tolist()
    assert total.asnumpy() == (3 * (numpy.arange(10.0) + 1) + 1).sum()


def test_a_node_refuses_other_shapes():
    loaded = Loaded(sum_of_axpy(10, 4))
    cached = native.CachedGraph(graph(loaded))
    with pytest.raises(native.MXNetError, match="hape"):
        cached([native.from_numpy(numpy.ones(9)), native.from_numpy(numpy.ones(9))])


def test_kernels_can_be_switched_off(tmp_path):
    source = tmp_path / "switched.py"
    source.write_text(
        "import minpy\n"
        "import minpy.numpy as np\n"
        "f = minpy.jit(lambda x: np.exp(x) * 2)\n"
        "f(np.ones(3))\n"
        "print(minpy.explain(f))\n"
    )
    environment = {**os.environ, "MINPY_FUSION": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(
        [sys.executable, source], env=environment, capture_output=True, check=True, text=True
    )
    assert "kernels: none, because MINPY_FUSION=0 is set" in told.stdout
    assert "_npi_exp" in told.stdout
