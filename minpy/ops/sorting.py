"""Sorting and what goes with it: ``sort``, ``partition``, the positions of both; ``ptp`` and counts.

The gradient of a sorted array goes back to where each element came from; elements that are equal
share it. MXNet's ``argsort`` orders equal elements in its own way, so sorting stays with NumPy.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, normalize_axis
from minpy.ops.choosing import along_axis
from minpy.ops.data import static
from minpy.ops.elementwise import subtract
from minpy.ops.indexing import index, index_add
from minpy.ops.logic import not_equal
from minpy.ops.op import ZERO, Op, numpy_function, refuse, register
from minpy.ops.reduction import cast, flag, max_op, min_op, reduced_axes, sum_op
from minpy.ops.shape import ravel


def _positions(x: Any, axis: int) -> Any:
    return argsort_op(x, axis=axis, kind="stable")


def _even(g: Any, ordered: Any, axis: int) -> numpy.ndarray:
    rows = numpy.moveaxis(ordered, axis, -1)
    starts = numpy.ones(rows.shape, bool)
    numpy.not_equal(rows[..., 1:], rows[..., :-1], out=starts[..., 1:])
    if starts.all():
        return g
    first = numpy.flatnonzero(starts)
    counts = numpy.diff(first, append=starts.size)
    sums = numpy.add.reduceat(numpy.moveaxis(g, axis, -1).ravel(), first)
    means = numpy.repeat((sums / counts).astype(g.dtype), counts)
    return numpy.moveaxis(means.reshape(rows.shape), -1, axis)


even_op: Op = register(
    Op(
        "even",
        numpy=_even,
        infer=lambda g, ordered, axis: aval_of(g),
        vjp=(lambda h, ans, g, ordered, axis: even_op(h, ordered, axis=axis), ZERO),
        family="sorting",
        doc="``g`` with its mean wherever neighbors in the sorted array ``ordered`` are equal.",
    )
)


def _sort_vjp(g: Any, ans: Any, x: Any, axis: int, kind: Any) -> Any:
    shape = aval_of(x).shape
    places, template = along_axis(_positions(x, axis), shape, axis)
    return index_add(even_op(g, ans, axis=axis), *places, template=template, shape=shape)


def _partition_vjp(g: Any, ans: Any, x: Any, axis: int, kth: tuple[int, ...]) -> Any:
    """The k-th smallest element of the result is the k-th smallest of ``x``, wherever they stand."""
    shape = aval_of(x).shape
    source, template = along_axis(_positions(x, axis), shape, axis)
    result, _ = along_axis(_positions(ans, axis), shape, axis)
    in_order, ordered = (index(y, *result, template=template) for y in (g, ans))
    return index_add(even_op(in_order, ordered, axis=axis), *source, template=template, shape=shape)


def _partition_infer(dtype: Any) -> Callable:
    """``dtype`` of the result, None for that of the array; the positions have to be in range."""

    def infer(x: Any, axis: int, kth: tuple[int, ...]) -> Aval:
        aval = aval_of(x)
        for place in kth:
            if aval.size and not -aval.shape[axis] <= place < aval.shape[axis]:
                raise ValueError(f"kth(={place}) out of bounds ({aval.shape[axis]})")
        return aval if dtype is None else Aval(aval.shape, numpy.dtype(dtype))

    return infer


argsort_op = register(
    Op(
        "argsort",
        numpy=lambda x, axis, kind: numpy.argsort(x, axis, kind),
        infer=lambda x, axis, kind: Aval(aval_of(x).shape, numpy.dtype(numpy.intp)),
        vjp=(ZERO,),
        family="sorting",
    )
)
argpartition_op = register(
    Op(
        "argpartition",
        numpy=lambda x, axis, kth: numpy.argpartition(x, kth, axis),
        infer=_partition_infer(numpy.intp),
        vjp=(ZERO,),
        family="sorting",
    )
)
sort_op = register(
    Op(
        "sort",
        numpy=lambda x, axis, kind: numpy.sort(x, axis, kind),
        infer=lambda x, axis, kind: aval_of(x),
        vjp=(_sort_vjp,),
        family="sorting",
    )
)
partition_op = register(
    Op(
        "partition",
        numpy=lambda x, axis, kth: numpy.partition(x, kth, axis),
        infer=_partition_infer(None),
        vjp=(_partition_vjp,),
        family="sorting",
    )
)


def _one_axis(a: Any, axis: Any) -> tuple[Any, int]:
    """The array and the axis to work along; the flattened array where ``axis`` is None."""
    if axis is None:
        return ravel.implementation(a), 0
    return a, normalize_axis(axis, aval_of(a).ndim)


def _places(kth: Any) -> tuple[int, ...]:
    places = static(kth, "the position of the element")
    refuse(kth="no integer" if places.dtype.kind not in "iu" else None)
    return tuple(places.ravel().tolist())


@numpy_function(numpy.sort, mxnet=False)
def sort(a, axis=-1, kind=None, order=None):
    """A copy in ascending order along ``axis`` (None: of the flattened array)."""
    refuse(order=order)
    a, axis = _one_axis(a, axis)
    return sort_op(a, axis=axis, kind=kind)


@numpy_function(numpy.sort_complex, mxnet=False)
def sort_complex(a):
    """The elements along the last axis in ascending order, as complex numbers."""
    dtype = aval_of(a).dtype
    return cast(sort.implementation(a), numpy.sort_complex(numpy.ones(1, dtype)).dtype)


@numpy_function(numpy.msort, mxnet=False)  # type: ignore[attr-defined]
def msort(a):
    """A copy in ascending order along the first axis."""
    numpy.msort(numpy.zeros(0))  # type: ignore[attr-defined]  # warns where it is deprecated
    return sort.implementation(a, 0)


@numpy_function(numpy.argsort, gradient=False, mxnet=False)
def argsort(a, axis=-1, kind=None, order=None):
    """The indices that sort ``a`` along ``axis``."""
    refuse(order=order)
    if not aval_of(a).ndim:
        a = ravel.implementation(a)
    a, axis = _one_axis(a, axis)
    return argsort_op(a, axis=axis, kind=kind)


@numpy_function(numpy.partition, mxnet=False)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    """A copy in which the elements ``kth`` stand as in the sorted array, smaller ones before them."""
    refuse(order=order, kind=None if kind == "introselect" else kind)
    a, axis = _one_axis(a, axis)
    return partition_op(a, axis=axis, kth=_places(kth))


@numpy_function(numpy.argpartition, gradient=False, mxnet=False)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    """The indices that partition ``a`` along ``axis``."""
    refuse(order=order, kind=None if kind == "introselect" else kind)
    a, axis = _one_axis(a, axis)
    return argpartition_op(a, axis=axis, kth=_places(kth))


# Range and counts ------------------------------------------------------------------------------


@numpy_function(numpy.ptp)
def ptp(a, axis=None, out=None, keepdims=False):
    """The maximum less the minimum."""
    refuse(out=out, dtype="bool" if aval_of(a).dtype.kind == "b" else None)
    axes, keepdims = reduced_axes(a, axis), flag(keepdims)
    return subtract(*[op(a, axes=axes, keepdims=keepdims) for op in (max_op, min_op)])


@numpy_function(numpy.count_nonzero, gradient=False)
def count_nonzero(a, axis=None, *, keepdims=False):
    """How many elements along ``axis`` are not zero. Over all of them it is NumPy's, a Python int."""
    refuse(axis="None" if axis is None else None)
    return sum_op(not_equal(a, 0), axes=reduced_axes(a, axis), keepdims=bool(keepdims))
