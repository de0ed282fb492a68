"""Nests as machine code, beside NumPy."""

from __future__ import annotations

import math

import numpy
import pytest

from minpy.compiler.codegen import loops
from minpy.compiler.codegen.nest import (
    Access,
    Apply,
    Constant,
    Index,
    Load,
    Nest,
    Node,
    Reduce,
    Store,
    part_size,
)
from minpy.compiler.codegen.schedule import Schedule
from minpy.ops import Aval
from minpy.runtime.kernels.library import Loaded
from minpy.runtime.kernels.program import Place, Program, Step

F32, F64, I64, BOOL = map(numpy.dtype, ("float32", "float64", "int64", "bool"))
random = numpy.random.RandomState(7)


def run(nest, inputs, *outputs, chunk=None):
    """The outputs, each given as shape and dtype; there is one chunk where nothing is said."""
    turns = loops.turns(nest)
    places = tuple(map(Place, range(len(inputs) + len(outputs))))
    step = Step(loops.write(nest), places, turns, chunk or turns)
    taken = tuple(Aval(x.shape, x.dtype) for x in inputs)
    made = tuple(Aval(shape, dtype) for shape, dtype in outputs)
    found = Loaded(Program(taken, made, 0, (step,)))(inputs)
    return found[0] if len(found) == 1 else found


def chunks(nest, chunk):
    return -(-loops.turns(nest) // chunk)


@pytest.mark.parametrize("n", [1, 3, 10, 16, 17, 33, 100, 4095, 4096, 5000, 10001])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_elementwise(n, dtype):
    x, y = random.randn(2, n).astype(dtype)
    nodes = Load(Access(0, dtype, (1,))), Load(Access(1, dtype, (1,))), Apply("multiply", dtype, (0, 1))
    nodes += Apply("subtract", dtype, (2, 1)), Store(Access(2, dtype, (1,)), 3)
    assert numpy.array_equal(run(Nest((n,), 0, 0, nodes), [x, y], ((n,), dtype), chunk=2), x * y - y)


@pytest.mark.parametrize("n", [1, 3, 16, 31, 100, 4096, 9999])
@pytest.mark.parametrize("kind", ["add", "multiply", "maximum", "minimum"])
def test_reduce_all(n, kind):
    x = random.uniform(0.9, 1.1, n)
    x[n // 2] = 1.2 if kind == "maximum" else 0.8
    nodes = Load(Access(0, F64, (1,))), Reduce(kind, F64, 0, (0,)), Store(Access(1, F64, (0,)), 1)
    nest = Nest((n,), 0, 0, nodes)
    parts = run(nest, [x], ((chunks(nest, 1),), F64), chunk=1)
    ufunc = getattr(numpy, kind)
    numpy.testing.assert_allclose(ufunc.reduce(parts), ufunc.reduce(x), rtol=1e-12)


def test_sums_are_as_exact_as_numpys():
    x = random.uniform(0, 1, 3_000_000).astype(F32)
    nodes = Load(Access(0, F32, (1,))), Reduce("add", F32, 0, (0,)), Store(Access(1, F32, (0,)), 1)
    found = run(Nest((x.size,), 0, 0, nodes), [x], ((1,), F32))
    exact = x.astype(F64).sum()
    assert abs(found[0] - exact) <= abs(x.sum() - exact)


def test_nan_is_the_greatest_and_the_least():
    for kind in ("maximum", "minimum"):
        for at in (0, 5, 37, 99):
            x = random.randn(100)
            x[at] = numpy.nan
            nodes = Load(Access(0, F64, (1,))), Reduce(kind, F64, 0, (0,)), Store(Access(1, F64, (0,)), 1)
            assert numpy.isnan(run(Nest((100,), 0, 0, nodes), [x], ((1,), F64))[0])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (100, 10), (16, 784), (7, 3000), (2, 20000)])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_softmax(rows, columns, dtype):
    """Three sweeps; where rows are short, what they share is kept on the stack."""
    x = random.randn(rows, columns).astype(dtype)
    nodes = (
        Load(Access(0, dtype, (columns, 1))),
        Reduce("maximum", dtype, 0, (1,)),
        Apply("subtract", dtype, (0, 1)),
        Apply("exp", dtype, (2,)),
        Reduce("add", dtype, 3, (1,)),
        Apply("true_divide", dtype, (3, 4)),
        Store(Access(1, dtype, (columns, 1)), 5),
    )
    found = run(Nest((rows, columns), 1, 0, nodes), [x], (x.shape, dtype), chunk=3)
    e = numpy.exp(x - x.max(1, keepdims=True))
    numpy.testing.assert_allclose(found, e / e.sum(1, keepdims=True), rtol=2e-6 if dtype == F32 else 1e-14)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (100, 10), (64, 100), (9, 3000)])
def test_sums_of_columns_rows_and_all(rows, columns):
    x, y = random.randn(rows, columns), random.randn(columns)
    nodes = (
        Load(Access(0, F64, (columns, 1))),
        Load(Access(1, F64, (0, 1))),
        Apply("multiply", F64, (0, 1)),
        Reduce("add", F64, 2, (0,)),
        Store(Access(2, F64, (0, 1)), 3),
        Reduce("add", F64, 2, (1,)),
        Store(Access(3, F64, (1, 0)), 5),
        Reduce("add", F64, 5, (0,)),
        Store(Access(4, F64, (0, 0)), 7),
    )
    nest = Nest((rows, columns), 1, 0, nodes)
    count = chunks(nest, 4)
    by_column, by_row, total = run(
        nest, [x, y], ((count, part_size(columns, F64)), F64), ((rows,), F64), ((count,), F64), chunk=4
    )
    product = x * y
    by_column = by_column[:, :columns]
    numpy.testing.assert_allclose(by_column.sum(0), product.sum(0), rtol=1e-12, atol=1e-12)
    numpy.testing.assert_allclose(by_row, product.sum(1), rtol=1e-12, atol=1e-12)
    numpy.testing.assert_allclose(total.sum(), product.sum(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "shape", [(1, 5, 1), (3, 3, 3), (4, 17, 10), (30, 40, 50), (25, 3, 200), (49, 8, 48)]
)
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_products(shape, transposed, dtype):
    """With what is done to the result: a bias, and a number for each row."""
    m, k, n = shape
    x = random.randn(m, k).astype(dtype)
    y, bias = random.randn(k, n).astype(dtype), random.randn(n).astype(dtype)
    scale = random.randn(m).astype(dtype)
    left = Access(0, dtype, (1, m, 0) if transposed[0] else (k, 1, 0))
    right = Access(1, dtype, (0, 1, k) if transposed[1] else (0, n, 1))
    nodes = Load(left), Load(right), Apply("multiply", dtype, (0, 1)), Reduce("add", dtype, 2, (1,))
    nodes += Load(Access(2, dtype, (0, 0, 1))), Apply("add", dtype, (3, 4))
    nodes += Load(Access(3, dtype, (1, 0, 0))), Apply("multiply", dtype, (5, 6))
    nest = Nest((m, k, n), 1, 1, (*nodes, Store(Access(4, dtype, (n, 0, 1)), 7)))
    given = [numpy.ascontiguousarray(a.T if flag else a) for a, flag in zip((x, y), transposed)]
    found = run(nest, [*given, bias, scale], ((m, n), dtype), chunk=2)
    tolerance = 1e-5 if dtype == F32 else 1e-13
    expected = (x.astype(F64) @ y + bias) * scale[:, None]
    numpy.testing.assert_allclose(found, expected, rtol=tolerance, atol=100 * tolerance)


def test_batched_products_and_two_at_once():
    x, y, z = random.randn(6, 5, 7), random.randn(6, 7, 9), random.randn(7, 9)
    nodes: tuple[Node, ...] = Load(Access(0, F64, (35, 7, 1, 0))), Load(Access(1, F64, (63, 0, 9, 1)))
    nodes += Apply("multiply", F64, (0, 1)), Reduce("add", F64, 2, (2,)), Load(Access(2, F64, (0, 0, 9, 1)))
    nodes += Apply("multiply", F64, (0, 4)), Reduce("add", F64, 5, (2,)), Apply("subtract", F64, (3, 6))
    nest = Nest((6, 5, 7, 9), 2, 1, (*nodes, Store(Access(3, F64, (45, 9, 0, 1)), 7)))
    numpy.testing.assert_allclose(run(nest, [x, y, z], ((6, 5, 9), F64)), x @ y - x @ z, atol=1e-12)


def test_sum_over_a_middle_axis():
    x = random.randn(6, 50, 7).astype(F32)
    nodes = (
        Load(Access(0, F32, (350, 7, 1))),
        Reduce("add", F32, 0, (1,)),
        Store(Access(1, F32, (7, 0, 1)), 1),
    )
    found = run(Nest((6, 50, 7), 1, 1, nodes), [x], ((6, 7), F32))
    numpy.testing.assert_allclose(found, x.sum(1), rtol=1e-5, atol=1e-5)


def test_sum_over_two_inner_loops():
    x, y = random.randn(6, 5, 7), random.randn(7)
    nodes = Load(Access(0, F64, (35, 7, 1))), Load(Access(1, F64, (0, 0, 1))), Apply("multiply", F64, (0, 1))
    nodes += Reduce("add", F64, 2, (1, 2)), Store(Access(2, F64, (1, 0, 0)), 3)
    found = run(Nest((6, 5, 7), 1, 0, nodes), [x, y], ((6,), F64))
    numpy.testing.assert_allclose(found, (x * y).sum((1, 2)), rtol=1e-12)


def test_softmax_over_two_inner_loops():
    """The kept row has the elements of both."""
    x, y = random.randn(3, 4, 5), random.randn(4)
    nodes = Load(Access(0, F64, (20, 5, 1))), Load(Access(1, F64, (0, 1, 0))), Apply("add", F64, (0, 1))
    nodes += Apply("exp", F64, (2,)), Reduce("add", F64, 3, (1, 2)), Apply("true_divide", F64, (3, 4))
    found = run(Nest((3, 4, 5), 1, 0, (*nodes, Store(Access(2, F64, (20, 5, 1)), 5))), [x, y], (x.shape, F64))
    e = numpy.exp(x + y[:, None])
    numpy.testing.assert_allclose(found, e / e.sum((1, 2), keepdims=True), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int32", "int64", "bool"])
def test_strides(dtype):
    """Transposed, backwards with steps, spread; and into every other place."""
    dtype = numpy.dtype(dtype)
    x = (random.randn(37, 21) * 5).astype(dtype)
    nodes = Load(Access(0, dtype, (1, 21))), Store(Access(1, dtype, (37, 1)), 0)
    assert numpy.array_equal(run(Nest((21, 37), 1, 0, nodes), [x], ((21, 37), dtype)), x.T)
    nodes = Load(Access(0, dtype, (21, -2), 20)), Store(Access(1, dtype, (11, 1)), 0)
    assert numpy.array_equal(run(Nest((37, 11), 1, 0, nodes), [x], ((37, 11), dtype)), x[:, ::-2])
    nodes = Load(Access(0, dtype, (21, 0), 3)), Store(Access(1, dtype, (11, 1)), 0)
    assert numpy.array_equal(
        run(Nest((37, 11), 1, 0, nodes), [x], ((37, 11), dtype)), numpy.repeat(x[:, 3:4], 11, 1)
    )
    nodes = Load(Access(0, dtype, (21, 1))), Store(Access(1, dtype, (42, 2)), 0), Constant(0, dtype)
    nodes += (Store(Access(1, dtype, (42, 2), 1), 2),)
    expected = numpy.zeros((37, 42), dtype)
    expected[:, ::2] = x
    assert numpy.array_equal(run(Nest((37, 21), 1, 0, nodes), [x], ((37, 42), dtype)), expected)


def test_bools_and_indices():
    mask, x = random.rand(45) > 0.5, random.randn(45)
    nodes = (
        Load(Access(0, BOOL, (1,))),
        Load(Access(1, F64, (1,))),
        Index((1,)),
        Apply("astype", F64, (2,), (("dtype", F64),)),
    )
    nodes += Apply("where", F64, (0, 1, 3)), Store(Access(2, F64, (1,)), 4)
    found = run(Nest((45,), 0, 0, nodes), [mask, x], ((45,), F64))
    assert numpy.array_equal(found, numpy.where(mask, x, numpy.arange(45)))
    for kind, function in (("logical_and", numpy.all), ("logical_or", numpy.any)):
        for given in (mask, numpy.ones(45, bool), numpy.zeros(45, bool)):
            nodes = Load(Access(0, BOOL, (1,))), Reduce(kind, BOOL, 0, (0,)), Store(Access(1, BOOL, (0,)), 1)
            assert run(Nest((45,), 0, 0, nodes), [given], ((1,), BOOL))[0] == function(given)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_integers_wrap_around(dtype):
    dtype = numpy.dtype(dtype)
    x = random.randint(0, 255, 100).astype(dtype)
    nodes = Load(Access(0, dtype, (1,))), Apply("multiply", dtype, (0, 0))
    nodes += Reduce("add", dtype, 1, (0,)), Store(Access(1, dtype, (0,)), 2)
    with numpy.errstate(all="ignore"):
        expected = (x * x).sum(dtype=dtype)
    assert run(Nest((100,), 0, 0, nodes), [x], ((1,), dtype))[0] == expected


def test_what_depends_on_no_loop_or_on_outer_ones_only():
    scale, shift, x = numpy.array(3.0), random.randn(4), random.randn(4, 5)
    nodes = Load(Access(0, F64, (0, 0))), Load(Access(1, F64, (1, 0))), Apply("exp", F64, (1,))
    nodes += Apply("multiply", F64, (0, 2)), Load(Access(2, F64, (5, 1))), Apply("add", F64, (4, 3))
    nodes += Store(Access(3, F64, (5, 1)), 5), Store(Access(4, F64, (1, 0)), 3)
    full, row = run(Nest((4, 5), 1, 0, nodes), [scale, shift, x], ((4, 5), F64), ((4,), F64))
    numpy.testing.assert_allclose(row, 3 * numpy.exp(shift), rtol=1e-14)
    numpy.testing.assert_allclose(full, x + row[:, None], rtol=1e-14)


def test_sum_over_rows_of_what_a_row_gives():
    x = random.randn(300, 6)
    nodes = Load(Access(0, F64, (6, 1))), Apply("exp", F64, (0,)), Reduce("add", F64, 1, (1,))
    nodes += Apply("log", F64, (2,)), Reduce("add", F64, 3, (0,)), Store(Access(1, F64, (0, 0)), 4)
    found = run(Nest((300, 6), 1, 0, nodes), [x], ((1,), F64))
    numpy.testing.assert_allclose(found, numpy.log(numpy.exp(x).sum(1)).sum(), rtol=1e-12)


@pytest.mark.parametrize("rows", [2048, 2061])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_functions_of_what_rows_give(rows, dtype):
    """They are computed for several rows at once, of which the last ones may be missing."""
    x, y = random.randn(rows, 21).astype(dtype), random.randn(rows).astype(dtype)
    nodes = Load(Access(0, dtype, (21, 1))), Load(Access(1, dtype, (1, 0))), Reduce("maximum", dtype, 0, (1,))
    nodes += Apply("subtract", dtype, (0, 2)), Apply("exp", dtype, (3,)), Reduce("add", dtype, 4, (1,))
    nodes += Apply("log", dtype, (5,)), Apply("multiply", dtype, (6, 1)), Apply("add", dtype, (7, 2))
    nodes += (
        Store(Access(2, dtype, (1, 0)), 8),
        Apply("less", BOOL, (8, 1)),
        Store(Access(3, BOOL, (1, 0)), 10),
    )
    nodes += Apply("subtract", dtype, (0, 8)), Store(Access(4, dtype, (21, 1)), 12)
    nodes += Reduce("add", dtype, 7, (0,)), Store(Access(5, dtype, (0, 0)), 14)
    nest, outputs = Nest((rows, 21), 1, 0, nodes), [((rows,), dtype), ((rows,), BOOL), (x.shape, dtype)]
    assert Schedule(nest).band > 1
    found, less, full, total = run(nest, [x, y], *outputs, ((1,), dtype))
    m = x.max(1)
    scaled = numpy.log(numpy.exp(x - m[:, None]).sum(1)) * y
    exact = 1e-12 if dtype == F64 else 2e-5
    numpy.testing.assert_allclose(found, scaled + m, rtol=exact, atol=exact)
    assert numpy.array_equal(less, found < y)
    assert numpy.array_equal(full, x - found[:, None])
    numpy.testing.assert_allclose(total, scaled.sum(), rtol=exact, atol=exact * rows)


def test_memory_beyond_caches_is_fetched_ahead():
    nodes = Load(Access(0, F32, (1,))), Apply("add", F32, (0, 0)), Store(Access(1, F32, (1,)), 1)
    texts = [loops.write(Nest((n,), 0, 0, nodes)) for n in (1 << 14, 1 << 22)]
    assert ["i32 0, i32 3" in text and "i32 1, i32 3" in text for text in texts] == [False, True]
    x = numpy.arange((1 << 22) + 5, dtype=F32)
    found = run(Nest(x.shape, 0, 0, nodes), [x], (x.shape, F32))
    assert numpy.array_equal(found, x + x)


def test_equal_nests_have_equal_text():
    nodes = Load(Access(0, F32, (1,))), Apply("exp", F32, (0,)), Store(Access(1, F32, (1,)), 1)
    assert loops.write(Nest((100,), 0, 0, nodes)) == loops.write(Nest((100,), 0, 0, tuple(nodes)))


def test_sums_of_columns_and_of_all_at_once():
    x = random.randn(50, 40)
    nodes = Load(Access(0, F64, (40, 1))), Reduce("add", F64, 0, (0,)), Store(Access(1, F64, (0, 1)), 1)
    nodes += Apply("multiply", F64, (0, 0)), Reduce("add", F64, 3, (0, 1)), Store(Access(2, F64, (0, 0)), 4)
    nest = Nest((50, 40), 1, 0, nodes)
    count = chunks(nest, 3)
    columns, total = run(nest, [x], ((count, 40), F64), ((count,), F64), chunk=3)
    numpy.testing.assert_allclose(columns.sum(0), x.sum(0), rtol=1e-12, atol=1e-12)
    numpy.testing.assert_allclose(total.sum(), (x * x).sum(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(100, 20, 64), (25, 30, 50), (9, 40, 16), (50, 3, 5)])
def test_products_with_a_long_end(shape):
    """What is done with each row of a tile is a loop then."""
    m, k, n = shape
    x, y, z, scale = random.randn(m, k), random.randn(k, n), random.randn(m, n), random.randn(m)
    nodes = Load(Access(0, F64, (k, 1, 0))), Load(Access(1, F64, (0, n, 1))), Apply("multiply", F64, (0, 1))
    nodes += Reduce("add", F64, 2, (1,)), Load(Access(2, F64, (n, 0, 1))), Apply("add", F64, (3, 4))
    nodes += Load(Access(3, F64, (1, 0, 0))), Apply("exp", F64, (6,)), Apply("tanh", F64, (5,))
    nodes += Apply("multiply", F64, (8, 7)), Store(Access(4, F64, (n, 0, 1)), 9), Apply("sin", F64, (5,))
    nest = Nest((m, k, n), 1, 1, (*nodes, Store(Access(5, F64, (n, 0, 1)), 11)))
    found = run(nest, [x, y, z, scale], ((m, n), F64), ((m, n), F64), chunk=2)
    total = x @ y + z
    numpy.testing.assert_allclose(found[0], numpy.tanh(total) * numpy.exp(scale)[:, None], rtol=1e-11)
    numpy.testing.assert_allclose(found[1], numpy.sin(total), atol=1e-11)


@pytest.mark.parametrize("n", [5, 64, 150, 5000])
@pytest.mark.parametrize(("op", "dtype"), [("tanh", F32), ("sin", F64), ("arctan2", F64)])
def test_functions_that_stand_often_are_called_and_give_the_same_bits(op, dtype, n):
    """A chain of twelve, beside twelve nests of one."""
    count = 2 if op == "arctan2" else 1

    def chain(length):
        nodes = [Load(Access(1, dtype, (1,))), Load(Access(0, dtype, (1,)))]
        nodes += [Apply(op, dtype, (i + 1, 0)[:count]) for i in range(length)]
        return Nest((n,), 0, 0, (*nodes, Store(Access(2, dtype, (1,)), length + 1)))

    x, y = 1e3 * random.randn(2, n).astype(dtype)
    expected = x
    for _ in range(12):
        expected = run(chain(1), [expected, y], ((n,), dtype))
    assert run(chain(12), [x, y], ((n,), dtype)).tobytes() == expected.tobytes()
    assert len(loops.write(chain(12)).splitlines()) < 3 * len(loops.write(chain(1)).splitlines())


@pytest.mark.parametrize("n", [16, 1000, 1056, 13_000, 300_003])
def test_long_rows_of_float64_are_as_exact_as_numpys(n):
    """They are added up in runs of runs, with a rest."""
    x = random.uniform(0, 1, (5, n))
    nodes = Load(Access(0, F64, (n, 1))), Reduce("add", F64, 0, (1,)), Store(Access(1, F64, (1, 0)), 1)
    found = run(Nest((5, n), 1, 0, nodes), [x], ((5,), F64))
    exact = numpy.array([math.fsum(row) for row in x])
    assert (abs(found - exact) <= 3 * numpy.spacing(exact)).all()
