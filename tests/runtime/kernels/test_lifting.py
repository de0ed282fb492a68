"""Products of matrices with very small numbers: as exact as others, and hardly slower."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

import numpy
import pytest

from minpy.compiler.codegen.program import program_of
from minpy.ops import Aval
from minpy.runtime import native
from minpy.runtime.kernels.library import Loaded, has_gemm
from minpy.runtime.kernels.program import Place, Product, Program
from tests.compiler.codegen.running import run_fused
from tests.compiler.passes.graphs import traced

DTYPES = ["float32", "float64"]
#: others take no longer for small numbers, and multiply them as they are
IS_INTEL = "GenuineIntel" in Path("/proc/cpuinfo").read_text()
#: so many that nests are shared out, too
ROWS, INNER, COLUMNS = 400, 300, 70
random = numpy.random.RandomState(7)
set_threads = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(native.SET_THREADS)


def ordinary(rows, columns):
    return random.uniform(-0.1, 0.1, (rows, columns))


def denormal(rows, columns, info):
    return random.randint(-7, 8, (rows, columns)) * info.smallest_subnormal


def fading(rows, columns, info):
    """From 1 to zeros, row by row."""
    down = 2.0 ** -numpy.linspace(0, 1.1 * -numpy.log2(float(info.smallest_subnormal)), rows)
    return ordinary(rows, columns) * down[:, None]


def factors(content, dtype):
    """Two factors, and whether the processor is to multiply small numbers as they are."""
    info = numpy.finfo(dtype)
    x, y = ordinary(ROWS, INNER), ordinary(INNER, COLUMNS)
    is_as_it_is = False
    if content == "left":
        x = denormal(ROWS, INNER, info)
    elif content == "right":
        y = denormal(INNER, COLUMNS, info)
    elif content == "fading":
        x = fading(ROWS, INNER, info)
    elif content == "both fading":
        x, y = fading(INNER, ROWS, info).T, fading(INNER, COLUMNS, info)
    elif content == "not finite":
        x = denormal(ROWS, INNER, info)
        x[3, 5], x[40, 7], y[9, 2] = numpy.inf, numpy.nan, -numpy.inf
    else:  # where the small ones are multiplied by much, the others would overflow
        x, is_as_it_is = fading(ROWS, INNER, info), True
        y *= float(info.max) ** 0.9
    return x.astype(dtype), y.astype(dtype), is_as_it_is or not IS_INTEL


CONTENTS = ["left", "right", "fading", "both fading", "not finite", "small by large"]


def assert_exact(found, x, y, is_as_it_is, added=0.0):
    info = numpy.finfo(x.dtype)
    left, right = x.astype(numpy.longdouble), y.astype(numpy.longdouble)
    with numpy.errstate(invalid="ignore"):
        exact = left @ right + added
        total = abs(left) @ abs(right) + abs(added)
    steps = INNER if is_as_it_is else 1  # of the smallest number
    is_finite = numpy.isfinite(exact)
    error = abs(found[is_finite] - exact[is_finite])
    assert (error <= INNER * info.eps * total[is_finite] + steps * info.smallest_subnormal).all()
    numpy.testing.assert_array_equal(found[~is_finite], exact[~is_finite].astype(x.dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("content", CONTENTS)
def test_nests_multiply_small_numbers(dtype, content):
    x, y, is_as_it_is = factors(content, dtype)
    graph = traced(lambda x, y: x @ y + x[:, :1], x.shape, y.shape, dtype=dtype)
    assert_exact(run_fused(graph, [x, y])[0], x, y, is_as_it_is, x[:, :1])


def product(x, y, transpose_x, transpose_y, gap):
    """A program for a product of matrices whose rows are so far apart, and its inputs."""
    given = [numpy.ascontiguousarray(v.T if t else v) for v, t in ((x, transpose_x), (y, transpose_y))]
    wide = [numpy.full((len(v), v.shape[1] + gap), numpy.finfo(v.dtype).max) for v in given]
    for memory, content in zip(wide, given):
        memory[:, : content.shape[1]] = content
    out, places = Aval((ROWS, COLUMNS), x.dtype), (Place(0), Place(1), Place(2))
    strides = wide[0].shape[1], wide[1].shape[1], COLUMNS
    step = Product(x.dtype, ROWS, COLUMNS, INNER, transpose_x, transpose_y, places, strides)
    return Loaded(Program(tuple(Aval(v.shape, v.dtype) for v in wide), (out,), 0, (step,))), wide


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("transposes, gap", [((False, False), 3), ((True, True), 0)])
def test_large_products_multiply_small_numbers(dtype, content, transposes, gap):
    x, y, is_as_it_is = factors(content, dtype)
    loaded, given = product(x, y, *transposes, gap)
    found = []
    for threads in (1, 2):
        set_threads(threads)
        found += loaded(given)
    set_threads(native.THREADS)
    assert found[0].tobytes() == found[1].tobytes()
    assert_exact(found[0], x, y, is_as_it_is or not has_gemm())


def seconds(run):
    """The least of many calls."""
    times = []
    for _ in range(12):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


@pytest.mark.parametrize("kind", ["nest", "large"])
def test_small_numbers_take_hardly_longer(kind):
    x, y = ordinary(ROWS, INNER).astype("float32"), ordinary(INNER, COLUMNS).astype("float32")
    small = x * numpy.float32(1e-38)
    if kind == "nest":
        graph = traced(lambda x, y: x @ y, x.shape, y.shape, dtype="float32")
        loaded = Loaded(program_of(graph))
    else:
        loaded, _ = product(x, y, False, False, 0)
    set_threads(1)
    usual, found = seconds(lambda: loaded([x, y])), seconds(lambda: loaded([small, y]))
    set_threads(native.THREADS)
    assert found < 8 * usual  # as they are it takes Intel's processors 50 times as long or more
