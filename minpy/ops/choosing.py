"""Grids and choices: ``meshgrid``, ``broadcast_arrays``, ``take_along_axis``, ``select``."""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.aval import aval_of, broadcast_shapes, function_dtype, normalize_axis
from minpy.ops.elementwise import astype
from minpy.ops.elementwise import copy as copy_op
from minpy.ops.indexing import index
from minpy.ops.keys import ARRAY
from minpy.ops.logic import where_op
from minpy.ops.op import Box, as_operand, numpy_function
from minpy.ops.shape import broadcast_to_op, ravel, reshape_op


def number(x: Any) -> Any:
    """``x`` as the function of NumPy gives it that makes a number, not an array, of a result without axes."""
    return x if aval_of(x).shape else index(x, template=())


@numpy_function(numpy.broadcast_arrays, arrays=0)
def broadcast_arrays(*args, subok=False):
    """Arrays broadcast to their common shape."""
    args = tuple(map(as_operand, args))
    shape = broadcast_shapes(*[aval_of(x).shape for x in args])
    if all(isinstance(x, Box) and aval_of(x).shape == shape for x in args):
        return list(args)
    return [broadcast_to_op(x, shape=shape) for x in args]


@numpy_function(numpy.meshgrid, arrays=0)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Arrays of the coordinates of a grid, from the coordinates along each axis."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    xi = tuple(map(as_operand, xi))
    order = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        order[:2] = [1, 0]
    shape = [0] * len(xi)
    for x, axis in zip(xi, order):
        shape[axis] = aval_of(x).size
    results = []
    for x, axis in zip(xi, order):
        x = reshape_op(x, shape=tuple(n if i == axis else 1 for i, n in enumerate(shape)))
        x = x if sparse or len(xi) == 1 else broadcast_to_op(x, shape=tuple(shape))
        results.append(copy_op(x) if copy else x)
    return results


def along_axis(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[tuple, tuple]:
    """The key, split in arrays and template, that reads ``indices`` along an axis beside all others."""
    if aval_of(indices).ndim != len(shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    places = []
    for i, size in enumerate(shape):
        row = numpy.arange(size).reshape([-1 if j == i else 1 for j in range(len(shape))])
        places.append(indices if i == axis else row)
    return tuple(places), (ARRAY,) * len(shape)


@numpy_function(numpy.take_along_axis, arrays=2)
def take_along_axis(arr, indices, axis):
    """For each row along ``axis`` the elements at its own ``indices``."""
    if axis is None:
        arr, axis = ravel.implementation(arr), 0
    if aval_of(indices).dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    axis = normalize_axis(axis, aval_of(arr).ndim)
    places, template = along_axis(indices, aval_of(arr).shape, axis)
    return index(arr, *places, template=template)


def _selected(*choices: Any) -> Any:
    *choices, default = choices  # type: ignore[assignment]
    return numpy.select([True] * len(choices), choices, default)


@numpy_function(numpy.select, arrays=0)
def select(condlist, choicelist, default=0):
    """At each place the first choice whose condition is true there, else ``default``."""
    condlist, choicelist = (list(map(as_operand, x)) for x in (condlist, choicelist))
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    for i, condition in enumerate(condlist):
        if aval_of(condition).dtype != numpy.bool_:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
    default = as_operand(default)
    dtype = function_dtype(_selected, *choicelist, default)
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        result = where_op(condition, choice, result)
    return result if aval_of(result).dtype == dtype else astype(result, dtype=dtype)
