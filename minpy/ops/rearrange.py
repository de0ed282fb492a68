"""More functions that move elements: roll, rotate, tile, repeat, triangles, diagonals, grids.

All are written in the ops of ``shape.py`` and ``indexing.py``, whose gradients and MXNet operators
they inherit. Counts, widths and offsets are known when a program is compiled.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, normalize_axis
from minpy.ops.data import static
from minpy.ops.elementwise import copy as copy_op
from minpy.ops.indexing import basic_slice, index, index_add
from minpy.ops.keys import ARRAY, WHOLE
from minpy.ops.logic import where_op
from minpy.ops.lowering import Builder, Operand
from minpy.ops.op import Box, Op, as_operand, holds_box, numpy_function, register
from minpy.ops.reduction import sum as sum_function
from minpy.ops.shape import (
    _sequence,
    broadcast_to,
    broadcast_to_op,
    concatenate_op,
    flip,
    ravel,
    reshape_op,
    split,
    swapaxes,
    transpose_op,
)


def take_static(x: Any, places: numpy.ndarray, axis: int) -> Any:
    """``x`` at these places along an axis, as a copy."""
    return index(x, places, template=(WHOLE,) * axis + (ARRAY,))


# Order -----------------------------------------------------------------------------------------


@numpy_function(numpy.roll)
def roll(a, shift, axis=None):
    """Elements moved along ``axis`` (None: of the flattened array); what leaves at the end comes in front."""
    shape = aval_of(a).shape
    if axis is None:
        return reshape_op(roll.implementation(ravel.implementation(a), shift, 0), shape=shape)
    shifts = numpy.broadcast(static(shift, "the shift"), numpy.asarray(axis))
    if shifts.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    moved = a
    for n, i in shifts:
        axis = normalize_axis(i, len(shape))
        size = shape[axis]
        n = operator.index(n) % (size or 1)
        if n:
            parts = basic_slice(moved, axis, size - n, size), basic_slice(moved, axis, 0, size - n)
            moved = concatenate_op(*parts, axis=axis)
    return copy_op(a) if moved is a else moved


@numpy_function(numpy.rot90)
def rot90(m, k=1, axes=(0, 1)):
    """The plane of two axes turned ``k`` times by 90 degrees."""
    ndim = aval_of(m).ndim
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    first, second = (normalize_axis(axis, ndim) for axis in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    turns = operator.index(k) % 4
    if turns == 0:
        return index(m, template=(WHOLE,) * ndim)
    if turns == 2:
        return flip.implementation(m, (first, second))
    if turns == 1:
        return swapaxes.implementation(flip.implementation(m, second), first, second)
    return flip.implementation(swapaxes.implementation(m, first, second), second)


@numpy_function(numpy.fliplr)
def fliplr(m):
    """The order of the second axis reversed."""
    if aval_of(m).ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip.implementation(m, 1)


@numpy_function(numpy.flipud)
def flipud(m):
    """The order of the first axis reversed."""
    if aval_of(m).ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip.implementation(m, 0)


@numpy_function(numpy.rollaxis)
def rollaxis(a, axis, start=0):
    """An axis moved to stand before ``start``."""
    ndim = aval_of(a).ndim
    axis = normalize_axis(axis, ndim)
    start = operator.index(start)
    start = start + ndim if start < 0 else start
    if not 0 <= start <= ndim:
        raise numpy.AxisError(
            f"'start' arg requires {-ndim} <= start < {ndim + 1}, but {start} was passed in"
        )
    order = [i for i in range(ndim) if i != axis]
    order.insert(start - (axis < start), axis)
    return transpose_op(a, axes=tuple(order))


# Repetition ------------------------------------------------------------------------------------


def _spaced(x: Any, shape: tuple[int, ...], counts: tuple[int, ...], inner: bool) -> Any:
    """Each axis repeated: as a whole, or element by element (``inner``)."""
    order = (lambda n, count: (n, count)) if inner else (lambda n, count: (count, n))
    apart = tuple(m for n in shape for m in order(n, 1))
    whole = tuple(m for n, count in zip(shape, counts) for m in order(n, count))
    total = tuple(n * count for n, count in zip(shape, counts))
    return copy_op(reshape_op(broadcast_to_op(reshape_op(x, shape=apart), shape=whole), shape=total))


@numpy_function(numpy.tile)
def tile(A, reps):
    """``A`` repeated along each axis."""
    counts = tuple(int(n) for n in static(reps, "the number of repetitions").ravel())
    shape = aval_of(A).shape
    ndim = max(len(counts), len(shape))
    counts = (1,) * (ndim - len(counts)) + counts
    return _spaced(A, (1,) * (ndim - len(shape)) + shape, counts, False)


@numpy_function(numpy.repeat)
def repeat(a, repeats, axis=None):
    """Each element along ``axis`` (None: of the flattened array) repeated."""
    if axis is None or not aval_of(a).ndim:
        a, axis = ravel.implementation(a), axis or 0
    shape = aval_of(a).shape
    axis = normalize_axis(axis, len(shape))
    counts = static(repeats, "the number of repetitions")
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise UnsupportedError("the numbers of repetitions are not counts")
    if counts.size == 1:
        return _spaced(a, shape, tuple(counts.item() if i == axis else 1 for i in range(len(shape))), True)
    return take_static(a, numpy.repeat(numpy.arange(shape[axis]), counts), axis)


@numpy_function(numpy.resize)
def resize(a, new_shape):
    """The elements, over and over, in a new shape."""
    size, dtype = aval_of(a).size, aval_of(a).dtype
    if not size:  # NumPy gives zeros, which the sum over nothing is
        nothing = reshape_op(a, shape=(0,))
        zero = sum_function.implementation(nothing, dtype=dtype)
        return copy_op(broadcast_to.implementation(zero, new_shape))
    return take_static(ravel.implementation(a), numpy.resize(numpy.arange(size), new_shape), 0)


@numpy_function(numpy.delete)
def delete(arr, obj, axis=None):
    """Without the places ``obj`` along ``axis`` (None: of the flattened array)."""
    if axis is None:
        arr, axis = ravel.implementation(arr), 0
    axis = normalize_axis(axis, aval_of(arr).ndim)
    places = static(obj, "what is deleted") if holds_box(obj) else obj
    kept = numpy.delete(numpy.arange(aval_of(arr).shape[axis]), places)
    return take_static(arr, kept, axis).in_order_of(arr)


# Triangles and diagonals -----------------------------------------------------------------------


def _lower(m: Any, k: Any) -> numpy.ndarray:
    """Which elements of a matrix, or of one with a vector for every row, stand on or below a diagonal."""
    shape = aval_of(m).shape
    if not shape:
        raise TypeError("a number has no triangle")
    rows, columns = (shape if len(shape) > 1 else 2 * shape)[-2:]
    return numpy.tri(rows, columns, k, dtype=bool)


def _masked(m: Any, mask: numpy.ndarray) -> Any:
    return where_op(mask, m, numpy.zeros(1, aval_of(m).dtype))


@numpy_function(numpy.tril)
def tril(m, k=0):
    """The elements on and below the k-th diagonal, zeros above."""
    return _masked(m, _lower(m, operator.index(k)))


@numpy_function(numpy.triu)
def triu(m, k=0):
    """The elements on and above the k-th diagonal, zeros below."""
    return _masked(m, ~_lower(m, operator.index(k) - 1))


def _diagonal_places(shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> tuple[tuple, tuple]:
    """The axes with those of the diagonal last, and the rows and columns of its elements there."""
    others = tuple(axis for axis in range(len(shape)) if axis not in (axis1, axis2))
    count = max(0, min(shape[axis1] - max(-offset, 0), shape[axis2] - max(offset, 0)))
    rows, columns = numpy.arange(count) + max(-offset, 0), numpy.arange(count) + max(offset, 0)
    return (*others, axis1, axis2), (rows, columns)


_DIAGONAL_KEY = (Ellipsis, ARRAY, ARRAY)


def _diagonal_infer(x: Any, **params: int) -> Aval:
    shape, dtype = aval_of(x)
    return Aval(numpy.diagonal(numpy.broadcast_to(0, shape), **params).shape, dtype)


def _diagonal_mx(b: Builder, out: Aval, x: Operand, **params: int) -> Operand:
    order, places = _diagonal_places(x.aval.shape, **params)
    moved: Any = transpose_op.mx
    turned = Aval(tuple(x.aval.shape[axis] for axis in order), x.aval.dtype)
    chosen: Any = index.mx
    rows, columns = (b.literal(place, "int64") for place in places)
    return chosen(b, out, moved(b, turned, x, axes=order), rows, columns, template=_DIAGONAL_KEY)


def _diagonal_vjp(g: Any, ans: Any, x: Any, **params: int) -> Any:
    shape = aval_of(x).shape
    order, places = _diagonal_places(shape, **params)
    turned = tuple(shape[axis] for axis in order)
    spread = index_add(g, *places, template=_DIAGONAL_KEY, shape=turned)
    return transpose_op(spread, axes=tuple(int(axis) for axis in numpy.argsort(order)))


diagonal_op = register(
    Op(
        "diagonal",
        numpy=numpy.diagonal,
        infer=_diagonal_infer,
        mx=_diagonal_mx,
        vjp=(_diagonal_vjp,),
        selects=True,
        family="rearrange",
        source="np.diagonal({0}, {offset}, {axis1}, {axis2})",
    )
)


@numpy_function(numpy.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    """The elements of the diagonals of two axes, as the last axis; a view that is read-only."""
    shape = aval_of(a).shape
    if len(shape) < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    first, second = normalize_axis(axis1, len(shape)), normalize_axis(axis2, len(shape))
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    return diagonal_op(a, offset=operator.index(offset), axis1=first, axis2=second)


@numpy_function(numpy.diag)
def diag(v, k=0):
    """The k-th diagonal of a matrix, or a matrix with this diagonal."""
    shape, k = aval_of(v).shape, operator.index(k)
    if len(shape) == 2:
        return diagonal.implementation(v, k)
    if len(shape) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    side = shape[0] + abs(k)
    rows, columns = numpy.arange(shape[0]) + max(-k, 0), numpy.arange(shape[0]) + max(k, 0)
    return index_add(v, rows, columns, template=(ARRAY, ARRAY), shape=(side, side))


@numpy_function(numpy.diagflat)
def diagflat(v, k=0):
    """A matrix with the elements on the k-th diagonal."""
    return diag.implementation(ravel.implementation(v), k)


@numpy_function(numpy.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sum of the elements of a diagonal."""
    return sum_function.implementation(diagonal.implementation(a, offset, axis1, axis2), -1, dtype, out)


# Rank, joining, splitting ----------------------------------------------------------------------


def _with_axes(x: Any, ndim: int) -> Any:
    """``x`` with at least ``ndim`` axes, where NumPy's ``atleast_nd`` puts them."""
    shape = aval_of(x).shape
    if len(shape) >= ndim:
        return x if isinstance(x, Box) else index(x, template=(Ellipsis,))
    if ndim == 3 and shape:
        return reshape_op(x, shape=(*((1,) if len(shape) == 1 else ()), *shape, 1))
    return reshape_op(x, shape=(1,) * (ndim - len(shape)) + shape)


def _at_least(ndim: int, arys: tuple) -> Any:
    results = [_with_axes(as_operand(x), ndim) for x in arys]
    return results[0] if len(results) == 1 else results


@numpy_function(numpy.atleast_1d, arrays=0)
def atleast_1d(*arys):
    """Arrays with at least one axis."""
    return _at_least(1, arys)


@numpy_function(numpy.atleast_2d, arrays=0)
def atleast_2d(*arys):
    """Arrays with at least two axes, new ones in front."""
    return _at_least(2, arys)


@numpy_function(numpy.atleast_3d, arrays=0)
def atleast_3d(*arys):
    """Arrays with at least three axes; a vector becomes (1, n, 1), a matrix (m, n, 1)."""
    return _at_least(3, arys)


@numpy_function(numpy.column_stack, arrays=0)
def column_stack(tup):
    """Arrays joined along the second axis; vectors as columns."""
    columns = []
    for x in _sequence(tup):
        aval = aval_of(x)
        columns.append(reshape_op(x, shape=(aval.size, 1)) if aval.ndim < 2 else x)
    return concatenate_op(*columns, axis=1)


@numpy_function(numpy.dstack, arrays=0)
def dstack(tup):
    """Arrays joined along the third axis."""
    return concatenate_op(*[_with_axes(x, 3) for x in _sequence(tup)], axis=2)


def _split_along(ary: Any, sections: Any, axis: int, least: int, name: str) -> list:
    if aval_of(ary).ndim < least:
        raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
    return split.implementation(ary, sections, axis)


@numpy_function(numpy.vsplit)
def vsplit(ary, indices_or_sections):
    """``split`` along the first axis."""
    return _split_along(ary, indices_or_sections, 0, 2, "vsplit")


@numpy_function(numpy.hsplit)
def hsplit(ary, indices_or_sections):
    """``split`` along the second axis; a vector along its only one."""
    return _split_along(ary, indices_or_sections, 1 if aval_of(ary).ndim > 1 else 0, 1, "hsplit")


@numpy_function(numpy.dsplit)
def dsplit(ary, indices_or_sections):
    """``split`` along the third axis."""
    return _split_along(ary, indices_or_sections, 2, 3, "dsplit")
