"""Products of matrices: which of them are loops, how these lie, and which are left to BLAS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

from minpy.compiler.codegen.statements import Fold
from minpy.compiler.codegen.views import View, reshaped, spread
from minpy.ops.aval import broadcast_shapes, product

if TYPE_CHECKING:
    from minpy.compiler.codegen.translation import Body

#: Nests read all of the right matrix for a few rows of the left one: BLAS has larger ones, and long sums.
_LARGE, _LONG = 1 << 19, 4096
#: From how many multiplications on it is worth it to lay a matrix in the order of the loops.
_WORTH = 1 << 11
#: So few sums, each of so many numbers, are made in parts, which threads can share.
_FEW_SUMS, _MANY = 1 << 10, 2048
_FEWEST_PARTS, _MOST_PARTS = 4, 64


def contracted(body: Body, x: View, y: View, dtype: numpy.dtype) -> View:
    """The product of matrices, or of stacks of them; a vector is one row, or one column."""
    if len(x.shape) == 1:
        x = x._replace(shape=(1, *x.shape), strides=(0, *x.strides))
    if len(y.shape) == 1:
        y = y._replace(shape=(*y.shape, 1), strides=(*y.strides, 0))
    if y.shape[-1] == 1 and x.strides[-2] == 1:  # columns are added up: so they should be rows
        x, y = _turned(y), _turned(x)
    (rows, inner), columns = x.shape[-2:], y.shape[-1]
    batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
    parts = _parts(inner) if rows > 1 and columns > 1 and rows * columns <= _FEW_SUMS else 1
    is_large = (inner * columns * dtype.itemsize > _LARGE or inner > _LONG) and rows > 1 and columns > 1
    if is_large and len(y.shape) == 2:  # a stack by one matrix is one product
        x = reshaped(x, (product(x.shape[:-1]), inner)) or x
        batch = x.shape[:-2]
    is_plain = not batch and dtype.kind == "f" and x.root.dtype == y.root.dtype == dtype
    if is_large and is_plain and parts == 1:
        left, right = (v if is_matrix(v) else body.in_order(v) for v in (x, y))
        return body.multiplied(left, right, dtype)
    moves = y.strides[-1] if columns > 1 else y.strides[-2]
    if moves != 1 and rows > 1 and rows * inner * columns >= _WORTH:
        y = body.in_order(y)
    if parts > 1 and not batch:
        found = _summed(body, _in_parts(x, 1, parts), _in_parts(y, 0, parts), dtype)
        return body.computed(Fold("add", found.shape, (found,), (0,)), found.shape[1:], dtype)
    return _summed(body, x, y, dtype)


def is_matrix(x: View) -> bool:
    """Whether BLAS can read it: rows or columns without gaps, one behind the other."""
    (rows, columns), (down, right) = x.shape, x.strides
    return (right == 1 and down >= columns) or (down == 1 and right >= rows)


def _turned(x: View) -> View:
    return x._replace(shape=(*x.shape[:-2], *x.shape[:-3:-1]), strides=(*x.strides[:-2], *x.strides[:-3:-1]))


def _parts(inner: int) -> int:
    """In how many equal parts a long sum is made; 1 where it is short, or there are no such parts."""
    if inner < _MANY:
        return 1
    most = min(_MOST_PARTS, inner // 256)
    return next((n for n in range(most, _FEWEST_PARTS - 1, -1) if inner % n == 0), 1)


def _in_parts(x: View, axis: int, parts: int) -> View:
    """A matrix as a stack of matrices, cut along an axis."""
    size = x.shape[axis] // parts
    step = x.strides[axis] * size
    shape = (parts, size, x.shape[1]) if axis == 0 else (parts, x.shape[0], size)
    return x._replace(shape=shape, strides=(step, *x.strides))


def _summed(body: Body, x: View, y: View, dtype: numpy.dtype) -> View:
    """The sums as loops: the products of elements stand in a space with one axis more."""
    batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
    (rows, inner), columns = x.shape[-2:], y.shape[-1]
    space = (*batch, rows, inner, columns)
    x = spread(x._replace(shape=(*x.shape, 1), strides=(*x.strides, 0)), space)
    y = y._replace(shape=(*y.shape[:-2], 1, *y.shape[-2:]), strides=(*y.strides[:-2], 0, *y.strides[-2:]))
    y = spread(y, space)
    kept = (*batch, rows, columns)
    if inner == 1:
        found = reshaped(body.map("multiply", space, dtype, x, y), kept)
        assert found is not None
        return found
    return body.computed(Fold("add", space, (x, y), (len(batch) + 1,)), kept, dtype)
