"""Reading and writing elements: ``x[key]`` for slices, integers, new axes, integer and bool arrays.

Three ops share the key, split as in ``ops/keys.py``, and are each other's gradients:

    index(x, *arrays, template)               x[key]
    index_add(g, *arrays, template, shape)    zeros of ``shape`` with g added at key, the transpose of index
    index_put(x, v, *arrays, template)        a copy of x with v written at key
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axis, product
from minpy.ops.keys import (
    ARRAY,
    WHOLE,
    Layout,
    Mask,
    check_written,
    join_key,
    result_shape,
    split_key,
    without_leading_ones,
)
from minpy.ops.logic import equal, where_op
from minpy.ops.lowering import (
    NUMBERS,
    STORABLE,
    Builder,
    Operand,
    first_through_int8,
    require,
    through_int8,
)
from minpy.ops.op import (
    NOT_DIFFERENTIABLE,
    OPS,
    Box,
    Op,
    as_operand,
    current_interpreter,
    numpy_function,
    register,
)

# Reading ---------------------------------------------------------------------------------------


def _index_numpy(x: Any, *arrays: Any, template: tuple) -> Any:
    axis = len(template) - 1
    # between brackets NumPy does not check what it takes from an empty array
    if template == (WHOLE,) * axis + (ARRAY,) and arrays[0].dtype.kind == "i" and x.size:
        return x.take(arrays[0], axis)  # faster, and in C order as MXNet's
    return x[join_key(arrays, template)]


def _index_mx(b: Builder, out: Aval, x: Operand, *arrays: Operand, template: tuple) -> Operand:
    key = Layout(x.aval.shape, arrays, template)
    if not key.is_whole:
        x = b.op("slice", Aval(key.sliced, x.aval.dtype), x, **key.bounds)
    if not arrays:
        return b.reshape(x, out.shape)
    x = b.reshape(x, tuple(key.kept))
    if len(arrays) == 1 and key.order[0] == key.before:  # the axes are in place without moving any
        return b.reshape(_take(b, x, arrays[0], key.before), out.shape)
    x = _transposed(b, x, key.order)
    if len(arrays) == 1:
        found = _take(b, x, arrays[0], 0)
    else:
        found = b.op("_npi_gather_nd", Aval(key.gathered, x.aval.dtype), x, _coordinates(b, key))
    return b.reshape(_transposed(b, b.reshape(found, key.gathered), key.to_place), out.shape)


def _take(b: Builder, x: Operand, array: Operand, axis: int) -> Operand:
    before, size, after = x.aval.shape[:axis], x.aval.shape[axis], x.aval.shape[axis + 1 :]
    taken = Aval((*before, *array.aval.shape, *after), x.aval.dtype)
    return b.op("take", taken, x, _nonnegative(b, array, size), axis=axis, mode="raise")


def _transposed(b: Builder, x: Operand, order: tuple[int, ...]) -> Operand:
    if order == tuple(range(len(order))):
        return x
    return b.op("transpose", Aval(tuple(x.aval.shape[axis] for axis in order), x.aval.dtype), x, axes=order)


def _nonnegative(b: Builder, array: Operand, size: int) -> Operand:
    """Negative indices counted from the end; int64."""
    array = b.cast(array, "int64")
    negative = b.op("_npi_less", Aval(array.aval.shape, numpy.dtype(bool)), array, b.literal(0, "int64"))
    from_end = b.op("_npi_add", array.aval, array, b.literal(size, "int64"))
    return b.op("_npi_where", array.aval, negative, from_end, array)


def _coordinates(b: Builder, key: Layout, clipped: bool = False) -> Operand:
    """The index arrays as one array of shape (number of arrays, ...), for the gather operators."""
    rows = []
    for array, axis in zip(key.arrays, key.order):
        row = b.cast(array, "int64")
        if clipped:
            row = _nonnegative(b, row, key.kept[axis])
            row = b.op("_npi_maximum", row.aval, row, b.literal(0, "int64"))
            row = b.op("_npi_minimum", row.aval, row, b.literal(key.kept[axis] - 1, "int64"))
        if row.aval.shape != key.places:
            row = b.op("_npi_broadcast_to", Aval(key.places, row.aval.dtype), row, shape=key.places)
        rows.append(b.reshape(row, (1, *key.places)))
    if len(rows) == 1:
        return rows[0]
    stacked = Aval((len(rows), *key.places), rows[0].aval.dtype)
    return b.op("_npi_concatenate", stacked, *rows, axis=0, num_args=len(rows))


def _index_infer(x: Any, *arrays: Any, template: tuple) -> Aval:
    aval = aval_of(x)
    return Aval(result_shape(aval.shape, arrays, template), aval.dtype)


def _index_vjp(position: int):
    if position:
        return NOT_DIFFERENTIABLE
    return lambda g, ans, x, *arrays, template: index_add(
        g, *arrays, template=template, shape=aval_of(x).shape
    )


index = register(
    Op(
        "index",
        numpy=_index_numpy,
        infer=_index_infer,
        mx=first_through_int8(_index_mx),
        vjp=_index_vjp,
        family="indexing",
        source="{0}[{key}]",
        may_raise=True,
    )
)


# Adding at a key -------------------------------------------------------------------------------


def _index_add_numpy(g: Any, *arrays: Any, template: tuple, shape: tuple[int, ...]) -> Any:
    result = numpy.zeros(shape, g.dtype)
    key = join_key(arrays, template)
    if all(array.dtype.kind == "b" for array in arrays):
        result[key] = g  # no place occurs twice
    else:
        numpy.add.at(result, key, g)
    return result


#: Zeros of so many bytes are held from call to call: MXNet fills memory three times as slowly as it copies.
_MOST_BYTES = 1 << 23


def _index_add_mx(
    b: Builder, out: Aval, g: Operand, *arrays: Operand, template: tuple, shape: tuple[int, ...]
) -> Operand:
    require(out.dtype, NUMBERS, "scatter")
    key = Layout(shape, arrays, template)
    if arrays and g.aval.size:
        g = _scattered(b, key, g)
    if key.is_whole and g.aval.size:
        return b.reshape(g, out.shape)
    is_held = not b.runs_at_once and out.size * out.dtype.itemsize <= _MOST_BYTES
    zeros = (
        b.literal(numpy.zeros(*out), out.dtype)
        if is_held and out.shape
        else b.op("_npi_zeros", out, shape=out.shape, dtype=out.dtype.name)
    )
    if not g.aval.size:
        return zeros
    return b.op("_slice_assign", out, zeros, b.reshape(g, key.sliced), **key.bounds)


def _scattered(b: Builder, key: Layout, g: Operand) -> Operand:
    """g added at the index arrays, in zeros of the shape that these index.

    The operator that gathers knows negative indices and checks the range. The one that scatters does
    neither and would write anywhere, so its indices are brought into the range: those of a gradient
    are checked going forward, but MXNet may run that later.
    """
    g = _to_front(b, key, g)
    ordered = Aval(tuple(key.kept[axis] for axis in key.order), g.aval.dtype)
    g = b.op("_backward_gather_nd", ordered, g, _coordinates(b, key, clipped=True), shape=ordered.shape)
    return _transposed(b, g, tuple(int(axis) for axis in numpy.argsort(key.order)))


def _to_front(b: Builder, key: Layout, x: Operand) -> Operand:
    """What was read at a key, or goes there, with the axes of the index arrays in front."""
    x = b.reshape(x, tuple(key.gathered[axis] for axis in key.to_place))
    return _transposed(b, x, tuple(int(axis) for axis in numpy.argsort(key.to_place)))


def _index_add_vjp(position: int):
    if position:
        return NOT_DIFFERENTIABLE
    return lambda g, ans, x, *arrays, template, shape: index(g, *arrays, template=template)


def _index_add_source(avals: Sequence[Aval], params: dict) -> str:
    is_once = all(aval.dtype.kind == "b" for aval in avals[1:])  # no place occurs twice
    adding = "{out}[{key}] = {0}" if is_once else "np.add.at({out}, np.s_[{key}], {0})"
    return "{out} = np.zeros({shape}, {0}.dtype)\n" + adding


index_add = register(
    Op(
        "index_add",
        numpy=_index_add_numpy,
        infer=lambda g, *arrays, template, shape: Aval(shape, aval_of(g).dtype),
        mx=_index_add_mx,
        vjp=_index_add_vjp,
        family="indexing",
        source=_index_add_source,
    )
)


# Writing at a key ------------------------------------------------------------------------------


def _index_put_numpy(x: Any, v: Any, *arrays: Any, template: tuple) -> Any:
    result = numpy.array(x)
    result[join_key(arrays, template)] = v
    return result


def _index_put_infer(x: Any, v: Any, *arrays: Any, template: tuple) -> Aval:
    aval = aval_of(x)
    check_written(aval.shape, arrays, template, aval_of(v).shape)
    if any(isinstance(array, Box) and aval_of(array).dtype.kind == "b" for array in arrays):
        Mask(aval.shape, aval_of(v).shape, [aval_of(array) for array in arrays], template)
        return aval
    target = result_shape(aval.shape, arrays, template)
    source = without_leading_ones(aval_of(v).shape, len(target))
    if broadcast_shapes(target, source) != target:
        raise ValueError(f"could not broadcast input array from shape {source} into shape {target}")
    return aval


def _index_put_mx(
    b: Builder, out: Aval, x: Operand, v: Operand, *arrays: Operand, template: tuple
) -> Operand:
    if not arrays:
        return through_int8(_put_slice_mx)(b, out, x, v, template=template)
    if b.runs_at_once:
        raise UnsupportedError("NumPy writes at index arrays at once, MXNet in many steps")
    if any(array.aval.dtype.kind == "b" for array in arrays):
        mask = Mask(out.shape, v.aval.shape, [array.aval for array in arrays], template)
        condition, v = b.reshape(arrays[0], mask.shape), b.reshape(v, mask.value_shape)
        return where_op.mx(b, out, condition, v, x)  # type: ignore[misc]
    require(out.dtype, STORABLE, "operator")
    dtype = numpy.dtype("int32") if out.dtype.kind == "b" else out.dtype
    x, v = b.cast(x, dtype), b.cast(b.cast(v, out.dtype), dtype)
    moved = _put_rows(b, Aval(out.shape, dtype), x, v, arrays, template)
    return b.cast(moved, out.dtype)


def _put_slice_mx(b: Builder, out: Aval, x: Operand, v: Operand, template: tuple) -> Operand:
    key = Layout(out.shape, (), template)
    if not product(key.sliced):
        return x
    v = b.reshape(_stretched(b, v, result_shape(out.shape, (), template)), key.sliced)
    return v if key.is_whole else b.op("_slice_assign", out, x, v, **key.bounds)


def _stretched(b: Builder, v: Operand, target: tuple[int, ...]) -> Operand:
    """A value that is written, broadcast to the shape of its place."""
    v = b.reshape(v, without_leading_ones(v.aval.shape, len(target)))
    if v.aval.shape == target:
        return v
    return b.op("_npi_broadcast_to", Aval(target, v.aval.dtype), v, shape=target)


def _put_rows(
    b: Builder, out: Aval, x: Operand, v: Operand, arrays: tuple[Operand, ...], template: tuple
) -> Operand:
    """v written at index arrays: the axes that these index become one, whose rows are replaced."""
    key = Layout(out.shape, arrays, template)
    if not product(key.sliced) or not product(key.places):
        return x
    numbers = [numpy.zeros(array.aval.shape, array.aval.dtype) for array in arrays]
    v = _to_front(b, key, _stretched(b, v, result_shape(out.shape, numbers, template)))
    sizes = [key.kept[axis] for axis in key.order]
    indexed, count = product(sizes[: len(arrays)]), product(key.places)
    rows = Aval((indexed, product(sizes[len(arrays) :])), out.dtype)
    part = x if key.is_whole else b.op("slice", Aval(key.sliced, out.dtype), x, **key.bounds)
    part = b.reshape(_transposed(b, b.reshape(part, tuple(key.kept)), key.order), rows.shape)
    place = _row_numbers(b, key)
    # Behind the rows come some that nobody reads; what a later write undoes is written there. And the
    # operator wants at least as many rows as it writes.
    spare = max(count - indexed, 1) if count > 1 else 0
    if spare:
        place = _last_writes(b, place, indexed)
        unread = Aval((spare, rows.shape[1]), out.dtype)
        empty = b.op("_npi_zeros", unread, shape=unread.shape, dtype=out.dtype.name)
        longer = Aval((indexed + spare, rows.shape[1]), out.dtype)
        part = b.op("_npi_concatenate", longer, part, empty, axis=0, num_args=2)
    v = b.reshape(v, (count, rows.shape[1]))
    part = b.op("_contrib_index_copy", part.aval, part, place, v)
    if spare:
        part = b.op("slice", rows, part, begin=(0, 0), end=rows.shape, step=(1, 1))
    part = _transposed(b, b.reshape(part, tuple(sizes)), tuple(map(int, numpy.argsort(key.order))))
    part = b.reshape(part, key.sliced)
    return part if key.is_whole else b.op("_slice_assign", out, x, part, **key.bounds)


def _row_numbers(b: Builder, key: Layout) -> Operand:
    """The rows that the index arrays mean together. The operator that writes checks nothing, so each array
    is read from a table of its numbers first, by the operator that checks."""
    total = None
    for array, axis in zip(key.arrays, key.order):
        size = key.kept[axis]
        table = b.literal(numpy.arange(size), "int64")
        row = _take(b, table, array, 0)
        if row.aval.shape != key.places:
            row = b.op("_npi_broadcast_to", Aval(key.places, row.aval.dtype), row, shape=key.places)
        row = b.reshape(row, (product(key.places),))
        if total is not None:
            scaled = b.op("_npi_multiply", row.aval, total, b.literal(size, "int64"))
            row = b.op("_npi_add", row.aval, scaled, row)
        total = row
    assert total is not None
    return total


def _last_writes(b: Builder, place: Operand, count: int) -> Operand:
    """Where each write goes if of those to one row only the last shall stay; the others go to row ``count``.

    MXNet writes in parallel, in any order. Writes sorted by row and number tell which is the last.
    """
    writes = place.aval.shape[0]
    if count * writes >= 2**53:
        raise UnsupportedError("so many places cannot be numbered")
    aval = place.aval
    numbers, total = b.literal(numpy.arange(writes), "int64"), b.literal(writes, "int64")
    ranks = b.op("_npi_add", aval, b.op("_npi_multiply", aval, place, total), numbers)
    order = b.op("_npi_mod", aval, b.op("sort", aval, ranks, axis=0, is_ascend=True), total)
    rows = b.op("take", aval, place, order, axis=0, mode="clip")
    following = b.op("slice", Aval((writes - 1,), aval.dtype), rows, begin=(1,), end=(writes,), step=(1,))
    end = b.literal(numpy.array([-1]), "int64")
    following = b.op("_npi_concatenate", aval, following, end, axis=0, num_args=2)
    is_last = b.op("_npi_not_equal", Aval(aval.shape, numpy.dtype(bool)), rows, following)
    zeros = b.op("_npi_zeros", aval, shape=aval.shape, dtype="int64")
    is_last = b.op("_contrib_index_copy", aval, zeros, order, b.cast(is_last, "int64"))
    return b.op("_npi_where", aval, b.cast(is_last, numpy.bool_), place, b.literal(count, "int64"))


def _last_written(g: Any, shape: tuple[int, ...], arrays: tuple, template: tuple) -> Any:
    """What of ``g``, read at the key, belongs to a write that no later one of the same key undid."""
    found = index(g, *arrays, template=template)
    if all(aval_of(array).dtype.kind == "b" for array in arrays):
        return found  # no place occurs twice
    numbers = numpy.arange(aval_of(found).size).reshape(aval_of(found).shape)
    numbered = index_put(numpy.zeros(shape, numbers.dtype), numbers, *arrays, template=template)
    return where_op(equal(index(numbered, *arrays, template=template), numbers), found, 0)


def _index_put_vjp_v(g: Any, ans: Any, x: Any, v: Any, *arrays: Any, template: tuple) -> Any:
    mask = Mask.of(x, v, arrays, template)
    if mask is not None:  # the value was written in as many places as the mask says
        chosen = where_op(OPS["reshape"](arrays[0], shape=mask.shape), g, 0)
        total = OPS["sum"](chosen, axes=mask.axes, keepdims=True)
        return OPS["reshape"](total, shape=mask.place_shape)
    found = _last_written(g, aval_of(x).shape, arrays, template)
    extra = aval_of(v).ndim - aval_of(found).ndim
    return index(found, template=(None,) * extra) if extra > 0 else found


def _index_put_vjp(position: int):
    if position == 0:
        return lambda g, ans, x, v, *arrays, template: index_put(g, 0.0, *arrays, template=template)
    return _index_put_vjp_v if position == 1 else NOT_DIFFERENTIABLE


index_put = register(
    Op(
        "index_put",
        numpy=_index_put_numpy,
        infer=_index_put_infer,
        mx=_index_put_mx,
        vjp=_index_put_vjp,
        family="indexing",
        source="{out} = np.array({0})\n{out}[{key}] = {1}",
        may_raise=True,
        selects=True,
    )
)


# Functions -------------------------------------------------------------------------------------


def getitem(x: Any, key: Any) -> Any:
    """``x[key]`` with NumPy's rules."""
    arrays, template = split_key(key)
    return index(x, *arrays, template=template)


def setitem(x: Any, key: Any, v: Any) -> Any:
    """A copy of ``x`` in which ``x[key]`` is ``v``."""
    arrays, template = split_key(key)
    if isinstance(v, (list, tuple, range)):
        v = as_operand(v)
        is_basic = all(not aval_of(array).shape and aval_of(array).dtype.kind in "iu" for array in arrays)
        if is_basic and aval_of(v).ndim > len(result_shape(aval_of(x).shape, arrays, template)):
            error = ValueError("setting an array element with a sequence.")  # which an array is not
            raise current_interpreter().located(error, "setitem", (x, v))
    return index_put(x, v, *arrays, template=template)


def basic_slice(x: Any, axis: int, start: int, stop: int) -> Any:
    """``x[..., start:stop, ...]`` along one axis."""
    return index(x, template=(WHOLE,) * axis + (("slice", start, stop, None),))


@numpy_function(name="slice_axis")
def slice_axis(data, axis, begin, end):
    """The elements ``begin`` to ``end`` (None: to the last) along ``axis``, as MXNet's slice_axis."""
    axis = normalize_axis(axis, aval_of(data).ndim)
    return index(data, template=(WHOLE,) * axis + (("slice", begin, end, None),))
