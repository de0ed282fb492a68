"""Mistakes: MinPy raises what NumPy raises, eager and compiled."""

from __future__ import annotations

import operator

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.trace import OperandError
from minpy.errors import DTypeError, ShapeError, UnsupportedError
from tests.ops.checks import Compiled, boxed

X = numpy.arange(12.0).reshape(3, 4)
Y = numpy.arange(6.0).reshape(2, 3)
N = numpy.arange(4)
EMPTY = numpy.zeros((0, 3))

#: (function of a namespace and arrays, arrays)
MISTAKES = (
    (lambda np, x, y: x + y, (X, Y)),
    (lambda np, x, y: np.maximum(x, y), (X, Y)),
    (lambda np, x, y: np.where(x > 0, x, y), (X, Y)),
    (lambda np, x, y: np.where(x > 0, x), (X, Y)),
    (lambda np, x, y: np.matmul(x, y), (X, Y)),
    (lambda np, x, y: x @ y, (X, numpy.float64(2) * numpy.ones(()))),
    (lambda np, x, y: np.dot(x, y), (X, Y)),
    (lambda np, x, y: np.inner(x, y), (X, Y)),
    (lambda np, x, y: np.tensordot(x, y, 1), (X, Y)),
    (lambda np, x, y: np.tensordot(x, y, 3), (X, Y)),
    (lambda np, x: np.tensordot(x, x, ([0, 5], [0, 1])), (X,)),
    (lambda np, x, y: np.concatenate([x, y]), (X, Y)),
    (lambda np, x, y: np.concatenate([x, y[0]]), (X, Y)),
    (lambda np, x, y: np.concatenate([x, x], axis=2), (X, Y)),
    (lambda np, x: np.concatenate([]), (X,)),
    (lambda np, x: np.concatenate([x[0, 0], x[0, 1]]), (X,)),
    (lambda np, x: np.take_along_axis(x, N, 1), (X,)),
    (lambda np, x, y: np.stack([x, y]), (X, Y)),
    (lambda np, x: np.stack([]), (X,)),
    (lambda np, x: np.stack([x, x], axis=4), (X,)),
    (lambda np, x, y: np.vstack([x, y]), (X, Y)),
    (lambda np, x, y: np.append(x, y, 1), (X, Y)),
    (lambda np, x: np.sum(x, axis=2), (X,)),
    (lambda np, x: np.sum(x, axis=(0, 0)), (X,)),
    (lambda np, x: np.mean(x, axis=-3), (X,)),
    (lambda np, x: np.max(x, axis=5), (X,)),
    (lambda np, x: np.argmax(x, axis=2), (X,)),
    (lambda np, x: np.var(x, axis=3), (X,)),
    (lambda np, x: np.nanvar(x, axis=0), (numpy.array(2),)),
    (lambda np, x: np.sum(x, axis=1.5), (X,)),
    (lambda np, x: np.max(x, axis=0), (EMPTY,)),
    (lambda np, x: np.min(x), (EMPTY,)),
    (lambda np, x: np.argmin(x), (EMPTY,)),
    (lambda np, x: np.reshape(x, (5, 2)), (X,)),
    (lambda np, x: np.reshape(x, (-1, -1)), (X,)),
    (lambda np, x: np.reshape(x, (5, -1)), (X,)),
    (lambda np, x: np.reshape(x, (0, -1)), (X,)),
    (lambda np, x: np.reshape(x, 2.5), (X,)),
    (lambda np, x: np.transpose(x, (0, 0)), (X,)),
    (lambda np, x: np.transpose(x, (0, 2)), (X,)),
    (lambda np, x: np.transpose(x, (0,)), (X,)),
    (lambda np, x: np.swapaxes(x, 0, 2), (X,)),
    (lambda np, x: np.moveaxis(x, (0, 0), (0, 1)), (X,)),
    (lambda np, x: np.moveaxis(x, (0, 1), (0,)), (X,)),
    (lambda np, x: np.expand_dims(x, 4), (X,)),
    (lambda np, x: np.expand_dims(x, (0, 0)), (X,)),
    (lambda np, x: np.squeeze(x, 0), (X,)),
    (lambda np, x: np.broadcast_to(x, (4, 3)), (X,)),
    (lambda np, x: np.broadcast_to(x, 4), (X,)),
    (lambda np, x: np.broadcast_to(x[:, :1], (3, -1)), (X,)),
    (lambda np, x: np.split(x, 2), (X,)),
    (lambda np, x: np.split(x, 3, axis=2), (X,)),
    (lambda np, x: np.array_split(x, 0), (X,)),
    (lambda np, x: np.flip(x, 2), (X,)),
    (lambda np, x: np.take(x, [3], axis=0), (X,)),
    (lambda np, x: np.take(x, -13), (X,)),
    (lambda np, x: np.take(x, 0, axis=2), (X,)),
    (lambda np, x: np.clip(x, None, None), (X,)),
    (lambda np, x: x[3], (X,)),
    (lambda np, x: x[-4], (X,)),
    (lambda np, x: x[0, 4], (X,)),
    (lambda np, x: x[0, 0, 0], (X,)),
    (lambda np, x: x[..., ...], (X,)),
    (lambda np, x: x[1.5], (X,)),
    (lambda np, x: x["name"], (X,)),
    (lambda np, x: x[[0, 3]], (X,)),
    (lambda np, x: x[[0, 1], [0, 1, 2]], (X,)),
    (lambda np, x: x[numpy.array([0.5])], (X,)),
    (lambda np, x: x[numpy.array([True, False])], (X,)),
    (lambda np, x: x[::0], (X,)),
    (lambda np, x: len(x), (numpy.ones(()),)),
    (lambda np, x: list(x), (numpy.ones(()),)),
    (lambda np, x: np.negative(x > 0), (X,)),
    (lambda np, x: np.subtract(x > 0, x > 1), (X,)),
    (lambda np, x: np.bitwise_and(x, 1), (X,)),
    (lambda np, x: np.invert(x), (X,)),
    (lambda np, x: x ** numpy.array([-1]), (N,)),
    (lambda np, x: np.add(x, "text"), (X,)),
    (lambda np, x: np.add(x), (X,)),
    (lambda np, x: np.exp(x, x, x), (X,)),
    (lambda np, x: np.sum(x, no_such_option=1), (X,)),
    (lambda np, x: np.concatenate([x, x.astype("float32")], casting="no"), (X,)),
    (lambda np, x: np.concatenate([x, x], dtype="int64", casting="safe"), (X,)),
    (lambda np, x: np.meshgrid(x[0], x[0], indexing="yx"), (X,)),
    (lambda np, x: np.take_along_axis(x, N[None, :2], None), (X,)),
    (lambda np, x: np.take_along_axis(x, x, 1), (X,)),
    (lambda np, x: np.select([x > 0, x > 1], [x]), (X,)),
    (lambda np, x: np.select([], []), (X,)),
    (lambda np, x: np.select([x > 0, x], [x, x]), (X,)),
    (lambda np, x: np.einsum("ij,ij", x), (X,)),
    (lambda np, x: np.einsum("i2", x), (X,)),
    (lambda np, x: np.einsum("ijk", x), (X,)),
    (lambda np, x: np.einsum("i", x), (X,)),
    (lambda np, x: np.einsum("ij...k", x), (X,)),
    (lambda np, x: np.einsum("ij->ii", x), (X,)),
    (lambda np, x: np.einsum("ij->ik", x), (X,)),
    (lambda np, x: np.einsum("ii", x), (X,)),
    (lambda np, x, y: np.einsum("ij,jk", x, y), (X, Y)),
    (lambda np, x: np.cross(x[:, :1], x[:, :1]), (X,)),
    (lambda np, x: np.cross(x, x), (X,)),
    (lambda np, x: np.linalg.multi_dot([x]), (X,)),
    (lambda np, x: np.arange(None), (X,)),
    (lambda np, x: np.fft.fft(x, 0), (X,)),
    (lambda np, x: np.fft.fft(x, -1), (X,)),
    (lambda np, x: np.fft.fft2(x, (3,)), (X,)),
    (lambda np, x: np.fft.fftn(x, (3, 4, 5)), (X,)),
    (lambda np, x: np.piecewise(x, [x < 0, x > 1], [1.0]), (X,)),
    (lambda np, x: np.piecewise(x, [x < 0], [1.0, 2.0, 3.0]), (X,)),
    (lambda np, x: np.linalg.inv(x), (X,)),
    (lambda np, x: np.linalg.inv(x[0]), (X,)),
    (lambda np, x: np.linalg.det(x), (X,)),
    (lambda np, x: np.linalg.inv(x[:3, :3].astype("float16")), (X,)),
    (lambda np, x, y: np.linalg.solve(x[:, :3], y), (X, Y)),
    (lambda np, x: np.linalg.norm(x, "no such order"), (X,)),
    (lambda np, x: np.linalg.norm(x, 3), (X,)),
    (lambda np, x: np.linalg.norm(x[None], 2), (X,)),
    (lambda np, x: np.linalg.norm(x, 2, (0, 0)), (X,)),
    (lambda np, x: np.linalg.norm(x, 2, (0, 1, 2)), (X[None],)),
    (lambda np, x: np.linalg.tensorinv(x, 0), (X,)),
    (lambda np, x: np.linalg.tensorsolve(x, x[0]), (X,)),
    (lambda np, x: x.astype("int64", casting="safe"), (X,)),
    (lambda np, x: np.average(x, weights=x[0]), (X,)),
    (lambda np, x: np.average(x, axis=0, weights=x[:, :2]), (X,)),
    (lambda np, x: np.average(x, axis=0, weights=x[0]), (X,)),
    (lambda np, x: np.cov(x[None]), (X,)),
    (lambda np, x: np.cov(x, ddof=0.5), (X,)),
    (lambda np, x: np.cov(x, aweights=numpy.array([1.0, 2.0, -1.0, 1.0])), (X,)),
    (lambda np, x: np.cov(x, fweights=numpy.array([1.0, 2.5, 1.0, 1.0])), (X,)),
    (lambda np, x: np.pad(x, 1, "maximum", stat_length=0), (X,)),
    (lambda np, x: np.polyder(x[0], -1), (X,)),
    (lambda np, x: np.polyint(x[0], -1), (X,)),
    (lambda np, x: np.polyint(x[0], 3, [1.0, 2.0]), (X,)),
    (lambda np, x: np.vander(x), (X,)),
    (lambda np, x: np.poly(x), (X,)),
    (lambda np, x: np.poly(x[None]), (X,)),
    (lambda np, x: np.polyfit(x[0], x[0], -1), (X,)),
    (lambda np, x: np.polyfit(x, x, 1), (X,)),
    (lambda np, x: np.polyfit(x[0, :0], x[0, :0], 1), (X,)),
    (lambda np, x: np.polyfit(x[0], x[None], 1), (X,)),
    (lambda np, x: np.polyfit(x[0], x[0, :2], 1), (X,)),
    (lambda np, x: np.polyfit(x[0], x[0], 1, w=x), (X,)),
    (lambda np, x: np.polyfit(x[0], x[0], 1, w=x[0, :2]), (X,)),
    (lambda np, x: np.apply_along_axis(np.sum, 0, x), (EMPTY.T,)),
    (lambda np, x: np.histogram2d(x[0], x[0, :2]), (X,)),
    (lambda np, x: np.percentile(x, 101), (X,)),
    (lambda np, x: np.quantile(x, -0.1), (X,)),
    (lambda np, x: np.gradient(x[:1]), (X,)),
    (lambda np, x: np.gradient(x, 1, 2, 3), (X,)),
    (lambda np, x: np.gradient(x, edge_order=3), (X,)),
    (lambda np, x: np.diff(x, -1), (X,)),
    (lambda np, x: np.diff(x[0, 0]), (X,)),
    (lambda np, x: np.interp(x, x[0], x[0, :2]), (X,)),
    (lambda np, x: np.roll(x, (1, 2, 3), (0, 1)), (X,)),
    (lambda np, x: np.roll(x, [[1]], 0), (X,)),
    (lambda np, x: np.rollaxis(x, 1, 4), (X,)),
    (lambda np, x: np.rot90(x, 1, (0, 0)), (X,)),
    (lambda np, x: np.rot90(x[0]), (X,)),
    (lambda np, x: np.fliplr(x[0]), (X,)),
    (lambda np, x: np.flipud(x[0, 0, ...]), (X,)),
    (lambda np, x: np.diag(x[None]), (X,)),
    (lambda np, x: np.diagonal(x[0]), (X,)),
    (lambda np, x: np.diagonal(x, 0, 1, 1), (X,)),
    (lambda np, x: np.trace(x[0]), (X,)),
    (lambda np, x: np.convolve(x[0, :0], x[0]), (X,)),
    (lambda np, x: np.convolve(x, x[0]), (X,)),
    (lambda np, x: np.searchsorted(x, 1.0), (X,)),
    (lambda np, x: np.searchsorted(x[0], 1.0, side="middle"), (X,)),
    (lambda np, x: np.bincount(x), (N[None],)),
    (lambda np, x: np.bincount(x, minlength=-1), (N,)),
    (lambda np, x: np.bincount(x - 1), (N,)),
    (lambda np, x: np.bincount(x, N[:2]), (N,)),
    (lambda np, x: np.partition(x, 4), (X,)),
    (lambda np, x: np.partition(x, 1, kind="heapsort"), (X,)),
    (lambda np, x: np.insert(x, 5, 1.0, axis=0), (X,)),
    (lambda np, x: np.delete(x, 3, axis=0), (X,)),
    (lambda np, x: np.repeat(x, (1, 2), axis=0), (X,)),
    (lambda np, x: np.repeat(x, -1), (X,)),
    (lambda np, x: np.repeat(x, (1, -1, 1), axis=0), (X,)),
    (lambda np, x: np.tile(x, -1), (X,)),
    (lambda np, x: np.pad(x, -1), (X,)),
    (lambda np, x: np.pad(x, 1, "no such mode"), (X,)),
    (lambda np, x: np.kron(x, None), (X,)),
    (lambda np, x: np.linspace(0, 1, -1), (X,)),
    (lambda np, x: np.linspace(x[0, 0], x[0, 1], -1), (X,)),
    (lambda np, x: np.geomspace(x[0, 0], x[0, 1], 3), (X,)),
    (lambda np, x: np.rot90(x, 1, (0, 1, 2)), (X,)),
    (lambda np, x: np.roll(x, ((1, 2), (1, 2)), (0, 1)), (X,)),
    (lambda np, x: np.polyfit(x[0], x[0], 3, cov=True), (X,)),
    (lambda np, x: np.interp(x[0], x[0], x[0], period=0), (X,)),
    (lambda np, x: np.gradient(x[0], x), (X,)),
    (lambda np, x: np.gradient(x, x[0, :2], x[0]), (X,)),
    (lambda np, x: np.ediff1d(x, to_begin=0.5), (N,)),
    (lambda np, x: np.apply_over_axes(lambda a, axis: a[0, 0], x, 0), (X,)),
    (lambda np, x: x[numpy.ones((3, 4), bool), 0], (X,)),
    (lambda np, x: operator.setitem(x, x > 5, x), (X,)),
    (lambda np, x: operator.setitem(x, numpy.array([True, False, True]), x[0, :3]), (X,)),
    (lambda np, x: operator.setitem(x, ([0, 1], [0, 1]), x[0]), (X,)),
    (lambda np, x: operator.setitem(x, (0, 0), x), (X,)),
    (lambda np, x: operator.setitem(x, slice(2), x), (X,)),
    (lambda np, x: x.__matmul__(x), (X,)),
    (lambda np, x: np.einsum("iij->j", x[None]), (X,)),
    (lambda np, x: np.linalg.matrix_power(x, 0), (X,)),
    (lambda np, x: np.linalg.tensorinv(x, 1), (X,)),
    (lambda np, x: np.vectorize(lambda a: a, signature="(n)->(n)")(x, x), (X,)),
    (lambda np, x: np.stack(3), (X,)),
    (lambda np, x: np.add.at(x, 5, 1.0), (X,)),
    (lambda np, x: np.cumsum(x, out=x > 1), (X,)),
    (lambda np, x: np.add(x, 1.0, out=x[0]), (X,)),
    (lambda np, x: np.eye(-1), (X,)),
    (lambda np, x: np.cumsum(x, 2), (X,)),
    (lambda np, x: np.sort(x, 2), (X,)),
    (lambda np, x: np.sort(x, kind="no such kind"), (X,)),
    (lambda np, x: np.median(x, 2), (X,)),
    (lambda np, x: np.nanmax(x, 2), (X,)),
    (lambda np, x: np.ptp(x, 2), (X,)),
    (lambda np, x: np.count_nonzero(x, 2), (X,)),
    (lambda np, x: np.digitize(x, [1.0, 3.0, 2.0]), (X,)),
    (lambda np, x: np.hsplit(x[0, 0, ...], 1), (X,)),
    (lambda np, x: np.vsplit(x[0], 1), (X,)),
    (lambda np, x: np.dsplit(x, 1), (X,)),
    (lambda np, x: np.block([x, [x]]), (X,)),
    (lambda np, x: np.column_stack([x, x[:2]]), (X,)),
    (lambda np, x: x.reshape(3, 4, order="Z"), (X,)),
    (lambda np, x: x.reshape(), (X,)),
    (lambda np, x: x.transpose(0), (X,)),
    (lambda np, x: x.transpose(0, 1, 2), (X,)),
    (lambda np, x: x.swapaxes(0, 2), (X,)),
    (lambda np, x: x.squeeze(1), (X,)),
    (lambda np, x: x.ravel("Z"), (X,)),
    (lambda np, x: x.flatten("Z"), (X,)),
    (lambda np, x: x.astype("no such dtype"), (X,)),
    (lambda np, x: x.choose([x]), (X,)),
    (lambda np, x: x.repeat(-1), (X,)),
    (lambda np, x: x.sum(5), (X,)),
    (lambda np, x: x.round("two"), (X,)),
    (lambda np, x: x.dot(x), (X,)),
    (lambda np, x: x.take(99), (X,)),
    (lambda np, x: bool(x), (X,)),
    (lambda np, x: float(x), (X,)),
)


_JOINED = "all the input array dimensions except for the concatenation axis must match exactly, but"
_INDICES = (
    "only integers, slices (`:`), ellipsis (`...`), None and integer or boolean arrays are valid indices, not"
)
#: Where MinPy has words of its own.
OWN_WORDS = {
    "'float' object cannot be interpreted as an integer",
    "Cannot cast array data from dtype('float64') to dtype('int64') by the rule 'safe'",
    "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])",
    "all elements of broadcast shape must be non-negative",
    f"{_JOINED} along dimension 0, array 0 has size 3 and array 1 has size 2",
    f"{_JOINED} along dimension 1, array 0 has size 4 and array 1 has size 3",
    f"{_JOINED} array 0 has 2 dimension(s) and array 1 has 1",
    "arange() requires stop to be specified.",
    "array has more than 2 dimensions",
    "axis 1 is out of bounds for array of dimension 1",
    "axis 2 is out of bounds for array of dimension 2",
    "axis 5 is out of bounds for array of dimension 2",
    "cannot broadcast an array of shape (3, 4) to shape (4,)",
    "cannot reshape array of size 12 into shape (0, -1)",
    "cannot reshape array of size 12 into shape (5, -1)",
    "cannot reshape array of size 12 into shape (5, 2)",
    "convolved arrays cannot be empty",
    "dot: inner sizes differ, shapes (3, 4) and (2, 3)",
    "dot: inner sizes differ, shapes (3, 4) and (3, 4)",
    "duplicate value in 'axis'",
    "einsum: 1 operands for the subscripts 'ij,ij'",
    "einsum: axis 'i' has the sizes 3 and 4",
    "einsum: axis 'j' has the sizes 4 and 2",
    "einsum: operand has 2 axes, but its subscripts are 'i'",
    "einsum: operand has 2 axes, but its subscripts are 'ij...k'",
    "einsum: operand has 2 axes, but its subscripts are 'ijk'",
    "einsum: the result of 'ij->ii' has a label twice, or a new one",
    "einsum: the result of 'ij->ik' has a label twice, or a new one",
    "incompatible dimensions for cross product",
    "invalid subscript 'i2' in einsum",
    "matmul: inner sizes differ, shapes (3, 4) and (2, 3)",
    "matmul: inner sizes differ, shapes (3, 4) and (3, 4)",
    "need at least one array to concatenate",
    f"{_INDICES} float",
    f"{_INDICES} str",
    "operands could not be broadcast together with shapes (3, 4) (2, 3)",
    "operands could not be broadcast together with shapes (3, 4) (3, 4) (2, 3)",
    "operands could not be broadcast together with shapes (3, 4) (4, 3)",
    "repeated axis in `source` or `destination` argument",
    "shape-mismatch for sum: shapes (3, 4) and (2, 3), axes [1] and [0]",
    "shape-mismatch for sum: shapes (3, 4) and (2, 3), axes [1] and [1]",
    "solve: sizes differ, shapes (3, 3) and (2, 3)",
    "zero-size array to reduction operation max which has no identity",
    "zero-size array to reduction operation min which has no identity",
}


def numpy_error(function, args):
    """NumPy's error, and its classes that code may catch."""
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        function(numpy, *args)
    kinds = [kind for kind in (ValueError, TypeError, IndexError) if isinstance(caught.value, kind)]
    return str(caught.value).strip(), kinds


@pytest.mark.parametrize("policy", [minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()], ids=repr)
def test_eager_raises_what_numpy_raises(policy):
    own = set()
    for number, (function, args) in enumerate(MISTAKES):
        text, expected = numpy_error(function, args)
        with policy, pytest.raises(expected[0]) as caught:
            function(np, *map(boxed, args))
        assert all(isinstance(caught.value, kind) for kind in expected), f"mistake {number}: {caught.value!r}"
        found = str(caught.value).partition("\n")[0].strip()
        if found != text:
            own.add(found)
    assert own == OWN_WORDS


def test_nothing_wrong_is_compiled():
    """While a line is lowered its mistakes are found, so that Python runs it and raises."""
    for number, (function, args) in enumerate(MISTAKES):
        allowed = (OperandError, UnsupportedError, *numpy_error(function, args)[1])
        with pytest.raises(allowed):
            Compiled(lambda *x, f=function: f(np, *x), args)
            raise AssertionError(f"mistake {number} was compiled")


def test_errors_name_the_operation_the_operands_and_the_line():
    with pytest.raises(ShapeError, match=r"(?s)add.*float64\[3,4\].*float64\[2,3\].*test_errors\.py:\d+"):
        boxed(X) + boxed(Y)
    with pytest.raises(DTypeError, match=r"(?s)invert.*float64\[3,4\]"):
        np.invert(boxed(X))


# Indices that are known at run time only --------------------------------------------------------


@minpy.jit
def rows(x, i):
    return x[i] * 2


@minpy.jit
def elements(x, i, j):
    return np.sum(x[i, j])


@minpy.jit
def columns(x, i):
    y = np.take(x, i, axis=1)
    return y + 1


@minpy.jit
def unused(x, i):
    y = x[i]  # noqa: F841  # nobody needs the result, but the error
    return x + 1


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (rows, [[0, -3, 2]], [[0, 3, 1]]),
        (rows, [[0, -3, 2]], [[0, -4, 1]]),
        (rows, [[0, -3, 2]], [[2**40, 0, 0]]),
        (elements, [[0, -3], [-4, 3]], [[0, 3], [0, 0]]),
        (elements, [[0, -3], [-4, 3]], [[0, 0], [0, -5]]),
        (columns, [[0, -4, 3]], [[0, 4, 1]]),
        (columns, [[0, -4, 3]], [[-5, 0, 0]]),
        (unused, [[0, 1]], [[0, 3]]),
    ],
)
def test_an_index_out_of_range_raises_in_a_compiled_function(function, good, bad):
    good, bad = ([numpy.array(i) for i in indices] for indices in (good, bad))
    expected = function.function(numpy.array(X), *good)
    numpy.testing.assert_array_equal(numpy.asarray(function(np.array(X), *good)), numpy.asarray(expected))
    for _ in range(2):
        with pytest.raises(IndexError):
            function(np.array(X), *bad)
    numpy.testing.assert_array_equal(numpy.asarray(function(np.array(X), *good)), numpy.asarray(expected))


def test_an_index_out_of_range_raises_in_a_compiled_gradient():
    gradient = minpy.grad(elements)
    zero, one = numpy.array([0, 0]), numpy.array([1, -1])
    expected = numpy.zeros((3, 4))
    expected[0, 1] = expected[0, -1] = 1
    assert gradient(np.array(X), zero, one).tolist() == expected.tolist()
    with pytest.raises(IndexError):
        gradient(np.array(X), zero + 3, one)
    assert gradient(np.array(X), zero, one).tolist() == expected.tolist()


def test_a_gradient_of_equal_indices_adds_up():
    for function in (rows.function, minpy.jit(rows.function)):
        gradient = minpy.grad(lambda x, f=function: np.sum(f(x, numpy.array([1, -2, 0, 1]))))(np.array(X))
        assert gradient.tolist() == [[2] * 4, [6] * 4, [0] * 4]
