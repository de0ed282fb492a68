"""Views as arithmetic: which element of a value stands at each place of a reshaped, sliced, broadcast one.

A ``View`` speaks of a value's elements as they are numbered in C order, whether the value lies in memory or
is still to be computed. NumPy does the arithmetic, on arrays that nobody reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.lib.stride_tricks import as_strided

from minpy.ops import Op
from minpy.ops.keys import ARRAY, join_key

_SPOT = numpy.zeros(1, numpy.int8)  # an element of one byte: strides in bytes are strides in elements


class View(NamedTuple):
    """An array made of elements of ``root``: that at index i is number ``offset + sum(strides * i)``."""

    root: Any
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it has all elements of the root in their order."""
        return (
            not self.offset
            and contiguous(self.shape) == self.strides
            and numpy.prod(self.shape, dtype=int) == numpy.prod(self.root.shape, dtype=int)
        )


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array in C order; 0 along axes with one element."""
    strides, size = [], 1
    for extent in reversed(shape):
        strides.append(size if extent > 1 else 0)
        size *= extent
    return tuple(reversed(strides))


def whole(root: Any) -> View:
    """All elements of something with a shape."""
    return View(root, root.shape, contiguous(root.shape))


def is_view(op: Op, params: dict) -> bool:
    """Whether an op only says where elements stand."""
    return op.name in ("reshape", "transpose", "broadcast_to", "diagonal") or (
        op.name == "index" and ARRAY not in params["template"]
    )


def moved(view: View, op: Op, params: dict) -> View | None:
    """The view that an op gives, which ``is_view``; None where strides cannot say it, after some reshapes."""
    seen = as_strided(_SPOT, view.shape, view.strides)
    if op.name == "reshape":
        return reshaped(view, params["shape"])
    if op.name == "transpose":
        return transposed(view, params["axes"])
    if op.name == "broadcast_to":
        return spread(view, params["shape"])
    if op.name == "diagonal":
        return _told(view, seen, seen.diagonal(**params))
    return at_key(view, params["template"])


def at_key(view: View, template: tuple) -> View:
    """``view[key]``, for slices and numbers."""
    seen = as_strided(_SPOT, view.shape, view.strides)
    key = join_key((), template)
    return _told(view, seen, seen[key if Ellipsis in key else (*key, ...)])


def transposed(view: View, axes: Sequence[int]) -> View:
    """The view with its axes in another order."""
    shape, strides = (tuple(x[axis] for axis in axes) for x in (view.shape, view.strides))
    return view._replace(shape=shape, strides=strides)


def reshaped(view: View, shape: Sequence[int]) -> View | None:
    """The view in another shape of the same size, where strides can say it."""
    if view.strides == contiguous(view.shape):
        return view._replace(shape=tuple(shape), strides=contiguous(shape))
    seen = as_strided(_SPOT, view.shape, view.strides)
    found = seen.view()
    try:
        found.shape = tuple(shape)
    except AttributeError:
        return None
    return _told(view, seen, found)


def _told(view: View, seen: numpy.ndarray, found: numpy.ndarray) -> View:
    start, place = (x.__array_interface__["data"][0] for x in (seen, found))
    strides = tuple(stride if extent > 1 else 0 for extent, stride in zip(found.shape, found.strides))
    return View(view.root, found.shape, strides, view.offset + place - start)


def spread(view: View, shape: Sequence[int]) -> View:
    """The view broadcast to a shape."""
    missing = len(shape) - len(view.shape)
    return view._replace(shape=tuple(shape), strides=(0,) * missing + view.strides)


def through(view: View, shape: Sequence[int], strides: Sequence[int], offset: int) -> View | None:
    """The view of something whose axes ``shape`` themselves move by ``strides`` from ``offset``.

    Each step of the view is taken apart into steps along the axes. None where one goes along several axes in
    turn, as through the end of a row.
    """
    if tuple(strides) == contiguous(shape):
        return view._replace(offset=view.offset + offset)
    axes = [(axis, unit) for axis, unit in enumerate(contiguous(shape)) if unit]

    def digits(number: int) -> list[int]:
        found = [0] * len(shape)
        for axis, unit in axes:
            found[axis], number = divmod(number, unit)
        return found

    low = digits(view.offset)
    high = list(low)
    result = []
    for extent, stride in zip(view.shape, view.strides):
        steps = digits(abs(stride)) if extent > 1 else [0] * len(shape)
        sign = -1 if stride < 0 else 1
        for axis, step in enumerate(steps):
            if sign > 0:
                high[axis] += step * (extent - 1)
            else:
                low[axis] -= step * (extent - 1)
        result.append(sign * sum(step * unit for step, unit in zip(steps, strides)))
    start = digits(view.offset)
    if any(bottom < 0 or top >= extent for bottom, top, extent in zip(low, high, shape)):
        return None
    place = offset + sum(step * unit for step, unit in zip(start, strides))
    return View(view.root, view.shape, tuple(result), place)
