"""Sets of numbers as sorted vectors: ``union1d``, ``intersect1d``, ``setdiff1d``, ``setxor1d``.

Their elements are elements of the arguments, of equal ones the first, as for ``unique``.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.assembling import assembled, unique
from minpy.ops.aval import aval_of, result_type
from minpy.ops.data import content
from minpy.ops.op import current_interpreter, numpy_function
from minpy.ops.shape import concatenate_op, ravel
from minpy.ops.sorting import sort_op


def _chosen(x: Any, places: numpy.ndarray) -> Any:
    return assembled(lambda numbers: numbers[places], x, dtype=aval_of(x).dtype)


def _both(ar1: Any, ar2: Any) -> Any:
    return concatenate_op(ravel.implementation(ar1), ravel.implementation(ar2), axis=0)


@numpy_function(numpy.union1d, arrays=2, mxnet=False)
def union1d(ar1, ar2):
    """What is in one of two arrays."""
    return unique.implementation(_both(ar1, ar2))


@numpy_function(numpy.intersect1d, arrays=2, mxnet=False)
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """What is in both arrays; the elements are those of ``ar1``."""
    known = content(ar1, "what is sorted"), content(ar2, "what is sorted")
    _, *places = numpy.intersect1d(*known, assume_unique, True)
    dtype = result_type(ar1, ar2)
    found = assembled(lambda numbers: numbers.ravel()[places[0]], ar1, dtype=dtype)
    return (found, *map(current_interpreter().constant, places)) if return_indices else found


@numpy_function(numpy.setdiff1d, arrays=2, mxnet=False)
def setdiff1d(ar1, ar2, assume_unique=False):
    """What is in ``ar1`` and not in ``ar2``."""
    ar1 = ravel.implementation(ar1) if assume_unique else unique.implementation(ar1)
    known = content(ar1, "what is sorted"), content(ar2, "what is sorted")
    return _chosen(ar1, numpy.flatnonzero(numpy.isin(*known, assume_unique=True, invert=True)))


@numpy_function(numpy.setxor1d, arrays=2, mxnet=False)
def setxor1d(ar1, ar2, assume_unique=False):
    """What is in one of two arrays and not in the other."""
    if not assume_unique:
        ar1, ar2 = unique.implementation(ar1), unique.implementation(ar2)
    ordered = sort_op(_both(ar1, ar2), axis=0, kind=None)
    values = content(ordered, "what is sorted")
    differs = numpy.ones(values.size + 1, bool)
    numpy.not_equal(values[1:], values[:-1], out=differs[1:-1])
    return _chosen(ordered, numpy.flatnonzero(differs[1:] & differs[:-1]))
