"""Which of MXNet's operators an op becomes, where that depends on sizes and dtypes: the faster one.

Values are those of NumPy in any case, so other tests do not see which it was.
"""

from __future__ import annotations

import math
import sys
from collections import Counter

import numpy
import pytest

import minpy
from minpy.compiler.driver import PASSES, compile_graph
from minpy.ops import FUNCTIONS, OPS
from minpy.ops.keys import ARRAY, WHOLE
from tests.compiler.passes.graphs import traced
from tests.ops.checks import Compiled, boxed
from tests.ops.tolerances import assert_same

where, maximum = FUNCTIONS["where"], FUNCTIONS["maximum"]


def total(*axes):
    return lambda x: OPS["sum"](x, axes=axes, keepdims=False)


def product(x, y):
    return OPS["matmul"](x, y)


def gemm(transpose_x, transpose_y):
    return lambda x, y: OPS["gemm"](x, y, transpose_x=transpose_x, transpose_y=transpose_y)


def update(sign):
    return lambda z, x, y: OPS["add_gemm"](z, x, y, sign=sign, transpose_x=True, transpose_y=False)


def relu(x):
    return maximum(x, 0.0)


def joined(x, y):
    return OPS["concatenate"](x, y, axis=0)


def added_to_zeros(size):
    return lambda x: OPS["index_add"](x, template=(("slice", 0, 4, None),), shape=(size,))


def chosen(x, y):
    return where(x > 0, x, y)


def chosen_or(number):
    return lambda x: where(x > 0, x, number)


ROWS = 1 << 14  #: of 4 columns it is large for a transposed factor, of 32 for one that is not

#: function, shapes, operators in float32 and in float64, without reshapes
CHOSEN = [
    (total(1), [(2048, 16)], "FullyConnected", "dot"),
    (total(1), [(2047, 16)], "dot", "dot"),  # too few for oneDNN
    (total(0), [(16, 2048)], "Convolution", "dot"),
    (total(1), [(4096, 4, 4)], "Convolution", "sum"),
    (total(1), [(4096, 2, 4)], "sum", "sum"),  # too few within each row
    (total(1), [(4096, 3, 5)], "sum", "sum"),
    (total(1), [(2, 3, 4)], "sum", "sum"),
    (total(0), [(4, 8)], "dot", "dot"),
    (total(1), [(2, 256)], "dot", "dot"),
    (total(1), [(2, 257)], "_npi_ones dot", "_npi_ones dot"),  # the ones are not kept with the graph
    (total(0, 2), [(3, 4, 5)], "dot dot", "dot dot"),
    (product, [(ROWS, 32), (32, 32)], "FullyConnected transpose", "dot"),
    (product, [(ROWS, 32), (32, 33)], "dot", "dot"),
    (product, [(ROWS - 1, 32), (32, 32)], "dot", "dot"),
    (product, [(ROWS, 32), (32,)], "FullyConnected", "_npi_matmul"),
    (product, [(3,), (3,)], "dot", "dot"),
    (product, [(2, 3, 4), (4, 5)], "dot", "dot"),
    (product, [(2, 3, 4), (2, 4, 5)], "_npi_matmul", "_npi_matmul"),
    (gemm(True, False), [(ROWS, 4), (ROWS, 12)], "Convolution transpose transpose", "dot"),
    (gemm(True, False), [(ROWS, 4), (ROWS, 13)], "Convolution transpose", "dot"),
    (gemm(True, False), [(ROWS - 1, 4), (ROWS - 1, 12)], "Convolution transpose", "dot"),
    (gemm(True, False), [(ROWS, 13), (ROWS, 13)], "dot", "dot"),
    (gemm(True, False), [(ROWS, 32), (ROWS, 32)], "dot transpose", "dot"),
    (gemm(True, False), [(ROWS, 32), (ROWS, 33)], "dot", "dot"),
    (gemm(False, True), [(20, 256), (256, 256)], "FullyConnected", "dot"),
    (gemm(False, True), [(20, 256), (255, 256)], "dot", "dot"),
    (gemm(True, True), [(256, 20), (256, 256)], "dot", "dot"),
    (gemm(False, False), [(3, 4), (4, 5)], "dot", "dot"),
    (
        update(-1),
        [(12, 32), (2048, 12), (2048, 32)],
        "Convolution _npi_subtract transpose",
        "_npi_subtract dot",
    ),
    (update(1), [(12, 32), (2048, 12), (2048, 32)], "Convolution _npi_add transpose", "_npi_add dot"),
    (update(1), [(13, 32), (2048, 13), (2048, 32)], "_linalg_gemm", "_linalg_gemm"),
    (update(1), [(12, 32), (2047, 12), (2047, 32)], "_linalg_gemm", "_linalg_gemm"),
    (relu, [(1 << 15,)], "LeakyReLU", "_npi_maximum_scalar"),  # whose layout suits oneDNN's convolutions
    (lambda x: maximum(0.0, x), [(1 << 15,)], "LeakyReLU", "_npi_maximum_scalar"),
    (lambda x: maximum(x, 1.0), [(1 << 15,)], "_npi_maximum_scalar", None),
    (relu, [((1 << 15) - 1,)], "_npi_maximum_scalar", None),
    (added_to_zeros(1 << 21), [(4,)], "_slice_assign", "_npi_zeros _slice_assign"),
    (added_to_zeros((1 << 21) + 1), [(4,)], "_npi_zeros _slice_assign", None),  # too many to be kept
    (lambda x: x**2, [(3,)], "_npi_square", None),
    (lambda x: x**0.5, [(3,)], "_npi_sqrt", None),
    (lambda x: x**3, [(3,)], "_npi_power_scalar", None),
    (lambda x: x[1:, ::2], [(3, 4)], "slice", None),
    (lambda x: x[1], [(3, 4)], "slice", None),
    (lambda x: x[None], [(3, 4)], "", None),
    (joined, [(3, 4), (0, 4)], "_copy", None),  # of what is empty nothing is read
    (joined, [(3, 4), (2, 4)], "_npi_concatenate", None),
    (chosen, [(3, 4), (3, 4)], "Cast _npi_greater_scalar where", None),
    (chosen, [(3, 4), (4,)], "_npi_greater_scalar _npi_where", None),  # the older one broadcasts nothing
    (chosen_or(2.0), [(3,)], "Cast _npi_full _npi_greater_scalar where", None),
    (chosen_or(0.0), [(3,)], "Cast _npi_full _npi_greater_scalar where", None),
    (chosen_or(-0.0), [(3,)], "_npi_greater_scalar _npi_where", None),  # full makes 0.0 of it
]


@pytest.mark.parametrize("function, shapes, of_float32, of_float64", CHOSEN)
def test_the_faster_operator(monkeypatch, function, shapes, of_float32, of_float64):
    monkeypatch.setenv("MINPY_PASSES", ",".join(f"-{name}" for name in PASSES))
    for dtype, expected in (("float32", of_float32), ("float64", of_float64 or of_float32)):
        found = compile_graph(traced(function, *shapes, dtype=dtype)).executor.operators()
        found.pop("_np_reshape", None)
        assert sorted(Counter(found).elements()) == expected.split()


@pytest.mark.parametrize("function, shapes", [chosen[:2] for chosen in CHOSEN])
def test_the_faster_operator_is_right(graphs_one_by_one, function, shapes):
    """On arrays as large as it takes."""
    operands = [numpy.random.randint(0, 4, shape).astype("float32") for shape in shapes]
    with minpy.OnlyNumPyPolicy():
        expected = function(*map(boxed, operands))
    assert_same(function(*map(boxed, operands)), expected, "exact: of small integers")


#: ufunc, MXNet's operator for a number on the right and on the left, that for two arrays
WITH_NUMBERS = [
    ("add", "_npi_add_scalar", "_npi_add_scalar", "_npi_add"),
    ("subtract", "_npi_subtract_scalar", "_npi_rsubtract_scalar", "_npi_subtract"),
    ("multiply", "_npi_multiply_scalar", "_npi_multiply_scalar", "_npi_multiply"),
    ("true_divide", "_npi_true_divide_scalar", "_npi_rtrue_divide_scalar", "_npi_true_divide"),
    ("power", "_npi_power_scalar", "_npi_rpower_scalar", "_npi_power"),
    ("maximum", "_npi_maximum_scalar", "_npi_maximum_scalar", "_npi_maximum"),
    ("minimum", "_npi_minimum_scalar", "_npi_minimum_scalar", "_npi_minimum"),
    ("greater", "_npi_greater_scalar", "_npi_less_scalar", "_npi_greater"),
    ("less_equal", "_npi_less_equal_scalar", "_npi_greater_equal_scalar", "_npi_less_equal"),
    ("equal", "_npi_equal_scalar", "_npi_equal_scalar", "_npi_equal"),
]
TINY, LARGEST = sys.float_info.min, sys.float_info.max


@pytest.mark.parametrize("name, right, left, arrays", WITH_NUMBERS)
def test_a_number_is_an_attribute_where_mxnet_can_read_it(monkeypatch, name, right, left, arrays):
    """Which it cannot where it is denormal, infinite or nan: then it is an array."""
    monkeypatch.setenv("MINPY_PASSES", ",".join(f"-{name}" for name in PASSES))
    numbers = {7.5: True, -7.5: True, TINY: True, -LARGEST: True, TINY / 2: False, math.inf: False}
    numbers |= {-math.inf: False, math.nan: False}
    for number, is_attribute in numbers.items():
        for place, of_number in ((1, right), (0, left)):
            graph = traced(lambda x, n=number, at=place: OPS[name](*((n, x) if at == 0 else (x, n))), (3,))
            found = set(compile_graph(graph).executor.operators())
            assert (of_number if is_attribute else arrays) in found, (number, place, found)


def multiplications(sizes):
    """How many a chain of matrices takes at least: of all ways to bracket it."""
    if len(sizes) < 3:
        return 0
    return min(
        multiplications(sizes[: k + 1]) + multiplications(sizes[k:]) + sizes[0] * sizes[k] * sizes[-1]
        for k in range(1, len(sizes) - 1)
    )


@pytest.mark.parametrize(
    "sizes",
    [
        *[(10, 100, 5, 50), (2, 30, 7, 4, 9), (30, 35, 15, 5, 10, 20, 25), (3, 1, 4, 1, 5)],
        *numpy.random.RandomState(0).randint(1, 60, (5, 6)).tolist(),
    ],
    ids=str,
)
def test_a_chain_of_matrices_takes_the_fewest_multiplications(sizes):
    shapes = list(zip(sizes, sizes[1:]))
    graph = traced(lambda *matrices: FUNCTIONS["linalg.multi_dot"](matrices), *shapes)
    count = sum(eqn.inputs[0].aval.size * eqn.outputs[0].aval.shape[1] for eqn in graph.eqns)
    assert count == multiplications(sizes)


def test_mxnet_writes_at_index_arrays_of_several_shapes(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    x, v = numpy.zeros((30, 4, 5)), numpy.arange(30.0).reshape(2, 3, 5)
    rows, columns = numpy.array([7, 21, 7]), numpy.array([[0, 1, 0], [2, 3, 0]])

    def put(*operands):
        return OPS["index_put"](*operands, template=(ARRAY, ARRAY))

    expected = x.copy()
    expected[rows, columns] = v
    numpy.testing.assert_array_equal(Compiled(put, (x, v, rows, columns))(x, v, rows, columns), expected)


SHAPES = [(), (3,), (1, 3), (2, 1), (2, 3), (4, 1, 1)]


@pytest.mark.parametrize("rows", SHAPES, ids=str)
@pytest.mark.parametrize("columns", SHAPES, ids=str)
def test_mxnet_reads_at_index_arrays_of_several_shapes(monkeypatch, rows, columns):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    x = numpy.random.uniform(-1, 1, (5, 4, 3)).astype("float32")
    i, j = (numpy.array(numpy.random.randint(-3, 3, shape)) for shape in (rows, columns))
    for template, key in (((ARRAY, ARRAY), (i, j)), ((ARRAY, WHOLE, ARRAY), (i, slice(None), j))):
        read = Compiled(lambda *operands, t=template: OPS["index"](*operands, template=t), (x, i, j))
        numpy.testing.assert_array_equal(read(x, i, j), x[key])
        slopes = minpy.grad(lambda x, read=read: minpy.numpy.sum(read(x, i, j) ** 2))(x)
        count = numpy.bincount(numpy.arange(x.size).reshape(x.shape)[key].ravel(), minlength=x.size)
        numpy.testing.assert_allclose(slopes, 2 * x * count.reshape(x.shape), rtol=1e-6)


@pytest.mark.parametrize(
    "key, of_mask",
    [
        ((ARRAY,), (5, 4, 3)),
        ((ARRAY,), (5, 4)),
        ((ARRAY,), (5,)),
        ((WHOLE, ARRAY), (4, 3)),
        ((WHOLE, ARRAY), (4,)),
        ((Ellipsis, ARRAY), (3,)),
    ],
    ids=str,
)
def test_mxnet_writes_at_masks_of_some_axes(monkeypatch, key, of_mask):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    x, v = numpy.random.uniform(-1, 1, (5, 4, 3)).astype("float32"), numpy.full(1, 7, "float32")
    mask = numpy.random.uniform(size=of_mask) > 0.5
    put = Compiled(lambda *operands: OPS["index_put"](*operands, template=key), (x, v, mask))
    expected = x.copy()
    expected[tuple({ARRAY: mask, WHOLE: slice(None)}.get(part, part) for part in key)] = v
    numpy.testing.assert_array_equal(put(x, v, mask), expected)


@pytest.mark.parametrize(
    "rows, sums, columns",
    [(60000, 10, 5), (60000, 10, 1), (40, 14000, 8), (5, 10, 60000), (300, 400, 300), (16, 4200, 12)],
    ids=str,
)
def test_mxnet_multiplies_large_by_narrow_matrices(monkeypatch, rows, sums, columns):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    x, y, g = (
        numpy.random.uniform(-1, 1, shape).astype("float32")
        for shape in ((rows, sums), (sums, columns), (rows, columns))
    )
    for turned in (False, True):
        first = x.T.copy() if turned else x

        def multiplied(x, y, turned=turned):
            return OPS["matmul"](x.T if turned else x, y)

        found = Compiled(multiplied, (first, y))

        def loss(x, y, found=found):
            return minpy.numpy.sum(found(x, y) * g)

        of_x, of_y = minpy.grad(loss, argnum=[0, 1])(first, y)
        exact = [a.astype("float64") for a in (x, y, g)]
        for result, expected in (
            (found(first, y), exact[0] @ exact[1]),
            (of_x.asnumpy().T if turned else of_x.asnumpy(), exact[2] @ exact[1].T),
            (of_y.asnumpy(), exact[0].T @ exact[2]),
        ):
            numpy.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("shape, axes", [((4, 900, 40), (1,)), ((40, 900), (1,)), ((900, 40), (0,))], ids=str)
def test_mxnet_adds_up_over_the_middle_of_large_arrays(monkeypatch, shape, axes):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    x = numpy.random.uniform(-1, 1, shape).astype("float32")
    assert_same(Compiled(total(*axes), (x,))(x), x.sum(axes), "sum")
