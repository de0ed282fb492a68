"""``pad`` in all its modes. As in NumPy each axis is padded in turn, with what those before it have got."""

from __future__ import annotations

import operator
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import aval_of
from minpy.ops.data import static
from minpy.ops.elementwise import copy as copy_op
from minpy.ops.elementwise import rint, subtract
from minpy.ops.indexing import basic_slice, index
from minpy.ops.op import as_operand, holds_box, numpy_function, refuse
from minpy.ops.quantiles import median
from minpy.ops.rearrange import take_static
from minpy.ops.reduction import cast, max_op, mean_op, min_op
from minpy.ops.shape import broadcast_to_op, concatenate_op, flip, reshape_op
from minpy.ops.spacing import spaced

_OPTIONS = {
    **{mode: "" for mode in ("edge", "wrap")},
    "constant": "constant_values",
    "linear_ramp": "end_values",
    **{mode: "stat_length" for mode in ("maximum", "minimum", "mean", "median")},
    **{mode: "reflect_type" for mode in ("reflect", "symmetric")},
}
Pair = tuple  # what belongs before an axis, and behind it


def _pairs(x: Any, ndim: int, dtype: Any = complex) -> list[Pair]:
    """What ``pad`` is given for each axis, as (before, after); numbers for arrays of ``dtype``."""
    x = as_operand(x)
    refuse(values="of complex numbers" if aval_of(x).dtype.kind == "c" != numpy.dtype(dtype).kind else None)
    if holds_box(x):
        x = broadcast_to_op(x, shape=(ndim, 2))
        return [tuple(index(x, template=(i, side)) for side in (0, 1)) for i in range(ndim)]
    return [tuple(pair) for pair in numpy.broadcast_to(numpy.asarray(x), (ndim, 2)).tolist()]


def _widths(x: Any, ndim: int, what: str) -> list[Pair]:
    """The same for counts of elements."""
    pairs = _pairs(static(x, what), ndim)
    if any(not isinstance(n, int) or n < 0 for pair in pairs for n in pair):
        raise UnsupportedError("the widths are not counts")
    return pairs


def _joined(before: Any, x: Any, after: Any, axis: int) -> Any:
    parts = [part for part in (before, x, after) if part is x or aval_of(part).shape[axis]]
    return concatenate_op(*parts, axis=axis) if len(parts) > 1 else x


def _repeated(part: Any, x: Any, count: int, axis: int) -> Any:
    """A number, or a part of ``x`` with one element along the axis, ``count`` times in the dtype of ``x``."""
    shape, dtype = aval_of(x)
    part = numpy.asarray(part).astype(dtype) if not holds_box(part) else cast(part, dtype)
    return broadcast_to_op(part, shape=(*shape[:axis], count, *shape[axis + 1 :]))


def _edges(x: Any, axis: int) -> Pair:
    n = aval_of(x).shape[axis]
    return basic_slice(x, axis, 0, 1), basic_slice(x, axis, n - 1, n)


# Each gives for an array, an axis and the widths there the padded array ------------------------


def _with_constants(x: Any, axis: int, widths: Pair, values: Pair) -> Any:
    before, after = (_repeated(value, x, n, axis) for value, n in zip(values, widths))
    return _joined(before, x, after, axis)


def _with_edges(x: Any, axis: int, widths: Pair, option: Any) -> Any:
    return _with_constants(x, axis, widths, _edges(x, axis))


def _with_ramps(x: Any, axis: int, widths: Pair, ends: Pair) -> Any:
    """Straight lines from the end values to the edges, which they do not reach."""
    shape, dtype = aval_of(x)
    left = (*shape[:axis], *shape[axis + 1 :])
    before, after = (
        spaced(end, reshape_op(edge, shape=left), n, False, dtype=dtype, axis=axis)[0]
        for end, edge, n in zip(ends, _edges(x, axis), widths)
    )
    return _joined(before, x, flip.implementation(after, axis), axis)


def _rounded(x: Any, dtype: numpy.dtype) -> Any:
    return rint(x) if dtype.kind in "iu" else x


def _with_statistics(reduce: Callable) -> Callable:
    """The result of ``reduce(x, axis)`` over the elements next to each edge."""

    def padded(x: Any, axis: int, widths: Pair, lengths: Pair) -> Any:
        shape, dtype = aval_of(x)
        n = shape[axis]
        first, last = (n if length is None else min(length, n) for length in lengths)
        if not (first and last) and reduce in (_maximum, _minimum):
            raise ValueError("stat_length of 0 yields no value for padding")
        before = _rounded(reduce(basic_slice(x, axis, 0, first), axis), dtype)
        after = before
        if first != n or last != n:
            after = _rounded(reduce(basic_slice(x, axis, n - last, n), axis), dtype)
        return _with_constants(x, axis, widths, (before, after))

    return padded


def _maximum(x: Any, axis: int) -> Any:
    return max_op(x, axes=(axis,), keepdims=True)


def _minimum(x: Any, axis: int) -> Any:
    return min_op(x, axes=(axis,), keepdims=True)


def _mean(x: Any, axis: int) -> Any:
    return mean_op(x, axes=(axis,), keepdims=True)


def _median(x: Any, axis: int) -> Any:
    return median.implementation(x, axis, keepdims=True)


def _by_places(mode: Any) -> Callable:
    """NumPy says which element goes where when it pads their numbers."""

    def padded(x: Any, axis: int, widths: Pair, option: Any) -> Any:
        return take_static(x, numpy.pad(numpy.arange(aval_of(x).shape[axis]), widths, mode=mode), axis)

    return padded


def _mirrored(mode: Any) -> Callable:
    """Reflected at the edges; with the ``reflect_type`` odd the edge is also where the values turn."""
    by_places, offset = _by_places(mode), int(mode == "reflect")

    def padded(x: Any, axis: int, widths: Pair, kind: str) -> Any:
        if kind != "odd" or aval_of(x).shape[axis] == 1:
            return by_places(x, axis, widths, None)
        before, after = widths
        while before or after:  # each time by what there is, which grows
            n = aval_of(x).shape[axis]
            count = n - offset
            left, right = min(before, count), min(after, count)
            low, high = _edges(x, axis)
            first = subtract(2 * low, _backward(x, axis, offset, offset + left))

            last = subtract(2 * high, _backward(x, axis, n - offset - right, n - offset))
            x = _joined(cast(first, aval_of(x).dtype), x, cast(last, aval_of(x).dtype), axis)
            before, after = before - left, after - right
        return x

    return padded


def _backward(x: Any, axis: int, start: int, stop: int) -> Any:
    return flip.implementation(basic_slice(x, axis, start, stop), axis)


_MODES: dict[str, Callable] = {
    "constant": _with_constants,
    "edge": _with_edges,
    "linear_ramp": _with_ramps,
    "maximum": _with_statistics(_maximum),
    "minimum": _with_statistics(_minimum),
    "mean": _with_statistics(_mean),
    "median": _with_statistics(_median),
    "reflect": _mirrored("reflect"),
    "symmetric": _mirrored("symmetric"),
    "wrap": _by_places("wrap"),
}


@numpy_function(numpy.pad)
def pad(array, pad_width, mode="constant", **options):
    """More elements around the array: constants, ramps, statistics of it, or its own elements again."""
    shape = aval_of(array).shape
    refuse(pad_width="of other kinds" if isinstance(pad_width, dict) else None)
    refuse(mode=None if isinstance(mode, str) and mode in _MODES else mode)
    refuse(**{name: x for name, x in options.items() if name != _OPTIONS[mode]})
    refuse(array="empty" if 0 in shape and mode != "constant" else None)
    widths = _widths(pad_width, len(shape), "the width")
    option = options.get(_OPTIONS[mode])
    if _OPTIONS[mode] == "reflect_type":
        option = [option] * len(shape)
    elif _OPTIONS[mode] == "stat_length":
        whole = [(None, None)] * len(shape)
        option = whole if option is None else _widths(option, len(shape), "the length")
    else:
        option = _pairs(0 if option is None else option, len(shape), aval_of(array).dtype)
    padded = array
    for axis, (width, given) in enumerate(zip(widths, option)):
        if any(map(operator.index, width)):
            padded = _MODES[mode](padded, axis, width, given)
    padded = copy_op(array) if padded is array else padded
    return padded.in_order_of(array)
