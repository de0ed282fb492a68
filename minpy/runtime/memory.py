"""What arrays share memory, and how an array lies in it. ``Array`` and ``numpy.ndarray`` alike."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.runtime.array import Array, Value
from minpy.runtime.native import Memory, SharedNDArray, is_mxnet_array


def is_writable(x: Any) -> bool:
    """Whether an array can be written, and no two of its elements share memory."""
    if isinstance(x, Array):
        value = x._current()
        if not value.is_writeable:
            return False
        array = value._numpy
        if array is None:
            return True
    else:
        array = x
        if not array.flags.writeable:
            return False
    return array.flags.c_contiguous or _has_distinct_elements(array)


def _has_distinct_elements(array: numpy.ndarray) -> bool:
    """A sufficient condition: each axis steps over all that the axes of smaller steps reach."""
    reach = array.itemsize
    for step, size in sorted((abs(step), size) for step, size in zip(array.strides, array.shape)):
        if size > 1:
            if step < reach:
                return False
            reach += step * (size - 1)
    return True


def is_ordered(x: Any) -> bool:
    """Whether the elements stand in memory in C order, without gaps."""
    return x.is_contiguous if isinstance(x, Array) else x.flags.c_contiguous


def are_disjoint(written: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether the arrays ``written`` share no memory with each other, nor with one of the others."""
    known: dict[int, list[Any]] = {}  # the written arrays by the owner of their memory
    for position, x in enumerate((*written, *others)):
        owner = _owner(x)
        if owner is None:
            return _are_disjoint_by_address(written, others)
        if any(overlap(x, y) for y in known.get(id(owner), ())):
            return False
        if position < len(written):
            known.setdefault(id(owner), []).append(x)
    return True


def _are_disjoint_by_address(written: Sequence[Any], others: Sequence[Any]) -> bool:
    return not any(overlap(x, y) for i, x in enumerate(written) for y in (*written[i + 1 :], *others))


def overlap(x: Any, y: Any) -> bool:
    """Whether two arrays may share memory."""
    if x is y:
        return True
    raw = []
    for array in (x, y):
        if isinstance(array, Array):
            value = array._current()
            if value.context.device_type != "cpu":
                return _owner(x) is _owner(y)
            array = value.numpy()
        raw.append(array)
    return numpy.may_share_memory(*raw)


def is_private(value: Value) -> bool:
    """Whether nobody else can write to the memory of a value: no NumPy array, memoryview or MXNet array that
    shows it is in the user's hands, nor a second ``Value``.

    Whoever shows memory keeps the object alive that owns it. So each object on the way there is counted, as
    often as we know it to be held, and compared with Python's count of references.
    """
    array = value._numpy
    if value.owner is value._mxnet is None and array is not None and array.base is None:
        return sys.getrefcount(array) == 3  # most often: held by the value, here, and as an argument
    del array
    held: dict[int, list[Any]] = {}  # an object by its id, and how often it is held
    way: list[Any] = []

    def reach(x: Any) -> None:
        if id(x) in held:
            held[id(x)][1] += 1
        elif x is not None:
            held[id(x)] = [x, 1]
            way.append(x)

    at: Value | None = value
    while at is not None:
        reach(at._numpy)
        reach(at._mxnet)
        at = at.owner
    x = None
    for x in way:  # which grows
        if isinstance(x, numpy.ndarray) and (x.flags.owndata or x.base is not None):
            reach(x.base)
        elif isinstance(x, (Memory, SharedNDArray)):
            reach(x.owner)
        elif not is_mxnet_array(x):
            return False
    del x
    ours = 3  # in `way`, in `held`, as an argument
    return all(sys.getrefcount(way[i]) == held[id(way[i])][1] + ours for i in range(len(way)))


def _owner(x: Any) -> Any:
    """The object whose memory an array shows; None where that cannot be told."""
    array = x
    if isinstance(x, Array):
        while x._base is not None:
            x = x._base
        value = x._current().root()
        array = value._numpy if value._numpy is not None else value._mxnet
    while True:
        if isinstance(array, numpy.ndarray):
            if array.base is None:
                return array
            array = array.base
        elif type(array) is Memory:
            array = array.owner
        else:  # an array of MXNet: with memory of its own, or with NumPy's
            owner = getattr(array, "owner", None)
            if owner is None:
                return array if is_mxnet_array(array) else None
            array = owner
