"""Functions that put elements together: ``insert``, ``block``, ``choose``, ``compress``, ``unique``.

NumPy itself says which element goes where: its function is called with numbers in place of the elements.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import aval_of
from minpy.ops.data import content, static
from minpy.ops.indexing import basic_slice, index
from minpy.ops.keys import ARRAY
from minpy.ops.op import Box, as_operand, current_interpreter, holds_box, numpy_function, refuse
from minpy.ops.reduction import cast
from minpy.ops.shape import _sequence, concatenate_op, reshape_op


def assembled(function: Callable, *arrays: Any, dtype: Any) -> Any:
    """What ``function`` of NumPy makes of these arrays where it only moves elements.

    Args:
        function: called with arrays of numbers, counted on from one to the next; each place of its result
            has the number of the element that belongs there.
        arrays: whose elements are moved.
        dtype: of the result.
    """
    numbers, flat, start = [], [], 0
    for x in arrays:
        shape, size = aval_of(x).shape, aval_of(x).size
        numbers.append(numpy.arange(start, start + size).reshape(shape))
        flat.append(reshape_op(cast(x, dtype), shape=(size,)))
        start += size
    places = numpy.asarray(function(*numbers))
    elements = flat[0] if len(flat) == 1 else concatenate_op(*flat, axis=0)
    return index(elements, places, template=(ARRAY,))


# Choosing --------------------------------------------------------------------------------------


@numpy_function(numpy.compress, arrays=2)
def compress(condition, a, axis=None, out=None):
    """The places along ``axis`` (None: of the flattened array) where the condition is true."""
    refuse(out=out)
    condition = content(condition, "the condition")
    return assembled(lambda x: numpy.compress(condition, x, axis), a, dtype=aval_of(a).dtype)


@numpy_function(numpy.extract, arrays=2)
def extract(condition, arr):
    """The elements where the condition is true."""
    condition = content(condition, "the condition")
    return assembled(lambda x: numpy.extract(condition, x), arr, dtype=aval_of(arr).dtype)


@numpy_function(numpy.choose)
def choose(a, choices, out=None, mode="raise"):
    """At each place the element of the choice whose number ``a`` has there."""
    refuse(out=out)
    a, choices = content(a, "the number of the choice"), _sequence(choices)
    stand_ins = [  # the value of a number may decide the dtype
        numpy.ones(2, aval_of(x).dtype) if aval_of(x).ndim else content(x, "the choice") for x in choices
    ]
    dtype = numpy.choose(numpy.zeros(a.ndim and 2, numpy.intp), stand_ins).dtype
    return assembled(lambda *x: numpy.choose(a, x, mode=mode), *choices, dtype=dtype)


def _picked(x: Any, first: numpy.ndarray, axis: Any) -> Any:
    function = (lambda n: n.ravel()[first]) if axis is None else (lambda n: numpy.take(n, first, axis))
    return assembled(function, x, dtype=aval_of(x).dtype)


@numpy_function(numpy.unique, mxnet=False)
def unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, **options):
    """The different elements, or slices along ``axis``, in order; equal ones are taken for the first."""
    wanted = {"return_inverse": return_inverse, "return_counts": return_counts}
    found = numpy.unique(content(ar, "what is sorted"), True, axis=axis, **wanted, **options)
    values = _picked(ar, found[1], axis)
    rest = found[1:] if return_index else found[2:]
    return (values, *map(current_interpreter().constant, rest)) if rest else values


@numpy_function(numpy.trim_zeros, arrays=0, mxnet=False)
def trim_zeros(filt, trim="fb"):
    """A vector without the zeros at its front (``f``) and back (``b``)."""
    is_vector = isinstance(filt, (Box, numpy.ndarray)) and aval_of(filt).ndim == 1
    refuse(filt=None if is_vector else "that is no vector")  # of a list NumPy makes a list
    places = numpy.flatnonzero(content(filt, "what is trimmed"))
    size = aval_of(filt).size
    if not places.size:
        return basic_slice(filt, 0, size, size)
    start = int(places[0]) if "F" in trim.upper() else 0
    return basic_slice(filt, 0, start, int(places[-1]) + 1 if "B" in trim.upper() else size)


# Joining ---------------------------------------------------------------------------------------


@numpy_function(numpy.insert)
def insert(arr, obj, values, axis=None):
    """``values`` put into ``arr`` in front of the places ``obj`` (``axis`` None: of the flattened array)."""
    obj = static(obj, "where values are inserted") if holds_box(obj) else obj
    values, dtype = as_operand(values), aval_of(arr).dtype
    refuse(values=None if numpy.can_cast(aval_of(values).dtype, dtype, "same_kind") else "of another kind")
    found = assembled(lambda x, more: numpy.insert(x, obj, more, axis), arr, values, dtype=dtype)
    return found if axis is None else found.in_order_of(arr)


def _leaves(x: Any) -> list:
    """The arrays in nested lists, from left to right."""
    return [leaf for item in x for leaf in _leaves(item)] if isinstance(x, list) else [x]


def _with_leaves(x: Any, leaves: Any) -> Any:
    """The same nested lists with other arrays, taken from an iterator."""
    return [_with_leaves(item, leaves) for item in x] if isinstance(x, list) else next(leaves)


@numpy_function(numpy.block, arrays=0)
def block(arrays):
    """An array from nested lists of blocks: the innermost are joined along the last axis."""
    leaves = [as_operand(x) for x in _leaves(arrays)]
    refuse(arrays="that are no lists" if any(isinstance(x, tuple) for x in _leaves(arrays)) else None)
    dtype = numpy.result_type(*[aval_of(x).dtype for x in leaves])
    return assembled(lambda *x: numpy.block(_with_leaves(arrays, iter(x))), *leaves, dtype=dtype)
