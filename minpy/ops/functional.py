"""Functions that apply a function of the user: ``piecewise``, ``apply_along_axis``, ``fromfunction``, ...

They call it as often as NumPy does, and only in eager mode, since what else it does has to happen each time.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.aval import aval_of, normalize_axis
from minpy.ops.creation import created
from minpy.ops.data import content
from minpy.ops.indexing import getitem, index, setitem
from minpy.ops.op import Box, as_operand, current_interpreter, eager_interpreter, numpy_function, refuse
from minpy.ops.reduction import cast
from minpy.ops.scalars import is_scalar
from minpy.ops.shape import broadcast_to_op, expand_dims, reshape_op, stack, transpose_op


def _only_eagerly() -> None:
    refuse(function="of the user" if current_interpreter() is not eager_interpreter() else None)


def _conditions(condlist: Any, ndim: int) -> list[numpy.ndarray]:
    """What ``piecewise`` takes for conditions, one of bools for each function."""
    if isinstance(condlist, Box):
        known = content(condlist, "the condition")
        condlist = known[()] if is_scalar(condlist) else known
    elif isinstance(condlist, (list, tuple)):
        condlist = [content(x, "the condition") if isinstance(x, Box) else x for x in condlist]
    if numpy.isscalar(condlist) or (not isinstance(condlist[0], (list, numpy.ndarray)) and ndim):
        condlist = [condlist]
    return list(numpy.asarray(condlist, dtype=bool))


@numpy_function(numpy.piecewise, mxnet=False)
def piecewise(x, condlist, funclist, *args, **kw):
    """Where a condition is true the value of its function, or its constant; of the last one that is true."""
    _only_eagerly()
    conditions = _conditions(condlist, aval_of(x).ndim)
    if len(conditions) == len(funclist) - 1:
        conditions.append(~numpy.any(conditions, axis=0))
    if len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y: Any = numpy.zeros(*aval_of(x))
    for condition, function in zip(conditions, funclist):
        if not callable(function):
            y = setitem(y, condition, function)
        elif condition.any():
            y = setitem(y, condition, function(getitem(x, condition), *args, **kw))
    return y if isinstance(y, Box) else as_operand(current_interpreter().constant(y))


@numpy_function(numpy.apply_along_axis, arrays=0, mxnet=False)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """``func1d`` of each row along an axis; what it gives stands in the place of the axis."""
    _only_eagerly()
    arr = as_operand(arr)
    ndim = aval_of(arr).ndim
    axis = normalize_axis(axis, ndim)
    rows = transpose_op(arr, axes=(*[i for i in range(ndim) if i != axis], axis))
    left = aval_of(rows).shape[:-1]
    if 0 in left:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results: list[Any] = []
    for place in numpy.ndindex(left):
        found = as_operand(func1d(index(rows, template=(*place, Ellipsis)), *args, **kwargs))
        shape, dtype = aval_of(results[0] if results else found)
        results.append(broadcast_to_op(cast(found, dtype), shape=shape))
    whole = reshape_op(stack.implementation(results), shape=(*left, *shape))
    count = len(shape)
    order = (*range(axis), *range(ndim - 1, ndim - 1 + count), *range(axis, ndim - 1))
    return transpose_op(whole, axes=order)


@numpy_function(numpy.apply_over_axes, arrays=0, mxnet=False)
def apply_over_axes(func, a, axes):
    """``func(a, axis)`` for one axis after the other; axes that it takes away are put back, of size 1."""
    _only_eagerly()
    found = a = as_operand(a)
    for axis in numpy.atleast_1d(content(axes, "the axis")).tolist():
        axis = axis + aval_of(a).ndim if axis < 0 else axis
        ndim, found = aval_of(found).ndim, as_operand(func(found, axis))
        if aval_of(found).ndim != ndim:
            found = expand_dims.implementation(found, axis)
        if aval_of(found).ndim != ndim:
            raise ValueError("function is not returning an array of the correct shape")
    return found


@numpy_function(numpy.fromfunction, arrays=0, mxnet=False)
def fromfunction(function, shape, *, dtype=None, **kwargs):
    """``function`` of the indices along each axis, arrays of the default dtype unless ``dtype`` is given."""
    _only_eagerly()
    places = numpy.indices(shape, dtype=dtype or float)
    return function(*[created(place, dtype) for place in places], **kwargs)
