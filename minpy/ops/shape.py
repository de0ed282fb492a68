"""Operations that move elements without computing: reshape, transpose, broadcast, join, split."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops import elementwise
from minpy.ops.aval import (
    Aval,
    aval_of,
    broadcast_shapes,
    normalize_axes,
    normalize_axis,
    product,
)
from minpy.ops.indexing import basic_slice, index
from minpy.ops.keys import ARRAY, BACKWARD, WHOLE
from minpy.ops.lowering import Builder, Operand, through_int8
from minpy.ops.op import Box, Op, as_operand, numpy_function, refuse, register


def is_sequence(x: Any) -> bool:
    """Whether NumPy takes ``x`` for several numbers: a list, a tuple, an array with axes."""
    return isinstance(x, (tuple, list)) or (isinstance(x, (numpy.ndarray, Box)) and bool(x.ndim))  # type: ignore[union-attr]


def as_shape(x: Any) -> tuple[int, ...]:
    """A shape, or axes, as NumPy takes them: an int or a sequence of ints, perhaps an array."""
    return tuple(map(operator.index, x if is_sequence(x) else (x,)))


def resolve_shape(shape: Any, size: int) -> tuple[int, ...]:
    """NumPy's ``newshape``: an int or a sequence, at most one entry -1. Raises ValueError as NumPy."""
    return _resolved(as_shape(shape), size)


@functools.lru_cache(maxsize=1024)
def _resolved(sizes: tuple[int, ...], size: int) -> tuple[int, ...]:
    unknown = [i for i, n in enumerate(sizes) if n < 0]
    if len(unknown) > 1:
        raise ValueError("can only specify one unknown dimension")
    if unknown:
        known = product(n for n in sizes if n >= 0)
        if not known or size % known:
            raise ValueError(f"cannot reshape array of size {size} into shape {sizes}")
        sizes = tuple(size // known if n < 0 else n for n in sizes)
    if product(sizes) != size:
        raise ValueError(f"cannot reshape array of size {size} into shape {sizes}")
    return sizes


def _reshape_infer(x: Any, shape: tuple[int, ...]) -> Aval:
    aval = aval_of(x)
    return Aval(resolve_shape(shape, aval.size), aval.dtype)


reshape_op: Op = register(
    Op(
        "reshape",
        numpy=lambda x, shape: x.reshape(shape) if type(x) is numpy.ndarray else numpy.reshape(x, shape),
        infer=_reshape_infer,
        mx=through_int8(lambda b, out, x, shape: b.reshape(x, out.shape)),
        vjp=(lambda g, ans, x, shape: reshape_op(g, shape=aval_of(x).shape),),
        family="shape",
        source="np.reshape({0}, {shape})",
        cost="free",
    )
)


def _transpose_mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...]) -> Operand:
    if axes == tuple(range(len(axes))):
        return x
    return b.op("transpose", out, x, axes=axes)


def _transpose_source(avals: Sequence[Aval], params: dict) -> str:
    return "{0}.T" if params["axes"] == (1, 0) else "np.transpose({0}, {axes})"


transpose_op: Op = register(
    Op(
        "transpose",
        numpy=lambda x, axes: x.transpose(axes) if type(x) is numpy.ndarray else numpy.transpose(x, axes),
        infer=lambda x, axes: Aval(tuple(aval_of(x).shape[a] for a in axes), aval_of(x).dtype),
        mx=through_int8(_transpose_mx),
        vjp=(lambda g, ans, x, axes: transpose_op(g, axes=tuple(int(a) for a in numpy.argsort(axes))),),
        family="shape",
        source=_transpose_source,
    )
)


def _broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """``numpy.broadcast_to``, by a shorter way for one element."""
    x = numpy.asarray(x)
    if x.ndim:
        return numpy.broadcast_to(x, shape)
    found: Any = numpy.ndarray(shape, x.dtype, x, strides=(0,) * len(shape))
    found.flags.writeable = False
    return found


def _broadcast_infer(x: Any, shape: tuple[int, ...]) -> Aval:
    aval = aval_of(x)
    if any(size < 0 for size in shape):
        raise ValueError("all elements of broadcast shape must be non-negative")
    if broadcast_shapes(aval.shape, shape) != tuple(shape):
        raise ValueError(f"cannot broadcast an array of shape {aval.shape} to shape {tuple(shape)}")
    return Aval(tuple(shape), aval.dtype)


broadcast_to_op = register(
    Op(
        "broadcast_to",
        numpy=_broadcast,
        infer=_broadcast_infer,
        mx=through_int8(lambda b, out, x, shape: b.op("_npi_broadcast_to", out, x, shape=out.shape)),
        vjp=(lambda g, ans, x, shape: g,),  # the walk sums over what was broadcast
        family="shape",
        source="np.broadcast_to({0}, {shape})",
    )
)


def _concatenate_infer(*arrays: Any, axis: int) -> Aval:
    avals = [aval_of(x) for x in arrays]
    first = avals[0].shape
    for i, aval in enumerate(avals[1:], 1):
        if len(aval.shape) != len(first):
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly, "
                f"but array 0 has {len(first)} dimension(s) and array {i} has {len(aval.shape)}"
            )
        for d, (m, n) in enumerate(zip(first, aval.shape)):
            if d != axis and m != n:
                raise ValueError(
                    "all the input array dimensions except for the concatenation axis must match exactly, "
                    f"but along dimension {d}, array 0 has size {m} and array {i} has size {n}"
                )
    total = sum(aval.shape[axis] for aval in avals)
    dtype = numpy.result_type(*[aval.dtype for aval in avals])
    return Aval((*first[:axis], total, *first[axis + 1 :]), dtype)


def _concatenate_mx(b: Builder, out: Aval, *arrays: Operand, axis: int) -> Operand:
    parts = [x for x in arrays if x.aval.size]
    if len(parts) == 1:
        return parts[0]
    # MXNet copies along the last axis at once, but piece by piece along those before it
    before, sizes = product(out.shape[:axis]), [product(x.aval.shape[axis:]) for x in parts]
    width = math.gcd(*sizes)
    if width > 1 and not b.runs_at_once:
        parts = [b.reshape(x, (before, size // width, width)) for x, size in zip(parts, sizes)]
        aval = Aval((before, sum(sizes) // width, width), out.dtype)
        joined = b.op("_npi_concatenate", aval, *parts, axis=1, num_args=len(parts))
        return b.reshape(joined, out.shape)
    return b.op("_npi_concatenate", out, *parts, axis=axis, num_args=len(parts))


def _concatenate_vjp(index: int):
    def rule(g: Any, ans: Any, *arrays: Any, axis: int) -> Any:
        start = sum(aval_of(x).shape[axis] for x in arrays[:index])
        stop = start + aval_of(arrays[index]).shape[axis]
        return basic_slice(g, axis, start, stop)

    return rule


concatenate_op = register(
    Op(
        "concatenate",
        numpy=lambda *arrays, axis: numpy.concatenate(arrays, axis=axis),
        infer=_concatenate_infer,
        mx=through_int8(_concatenate_mx),
        vjp=_concatenate_vjp,
        family="shape",
        source="np.concatenate([{operands}], axis={axis})",
    )
)


# Public functions ------------------------------------------------------------------------------


@numpy_function(numpy.reshape)
def reshape(a, newshape=None, order="C", shape=None):
    """``a`` with a new shape; one entry may be -1."""
    wanted = resolve_shape(newshape if shape is None else shape, aval_of(a).size)
    if order == "C":
        return reshape_op(a, shape=wanted)
    refuse(order=None if order == "F" else order)
    return transpose.implementation(reshape_op(transpose.implementation(a), shape=wanted[::-1]))


@numpy_function(numpy.ravel)
def ravel(a, order="C"):
    """``a`` as one dimension: a view where the elements stand in memory in this order, else a copy."""
    if order in ("A", "K"):  # the order in memory, which compiled code does not know
        if not hasattr(a, "raw"):
            refuse(order=order)
        memory = a.raw()
        if order == "K":
            a = transpose.implementation(a, sorted(range(memory.ndim), key=lambda i: -abs(memory.strides[i])))
        order = "F" if order == "A" and memory.flags.fnc else "C"
    in_order = transpose.implementation(a) if order == "F" else a
    is_of_numpy = isinstance(in_order, numpy.ndarray)
    is_view = in_order.flags.c_contiguous if is_of_numpy else getattr(in_order, "is_contiguous", True)
    return reshape.implementation(a if is_view else elementwise.copy(a), -1, order)


@numpy_function(numpy.transpose)
def transpose(a, axes=None):
    """Axes permuted; reversed when ``axes`` is not given."""
    ndim = aval_of(a).ndim
    if axes is None:
        return transpose_op(a, axes=tuple(reversed(range(ndim))))
    if len(axes) != ndim:
        raise ValueError("axes don't match array")
    normalized = tuple(normalize_axis(axis, ndim) for axis in axes)
    if len(set(normalized)) != ndim:
        raise ValueError("repeated axis in transpose")
    return transpose_op(a, axes=normalized)


@numpy_function(numpy.swapaxes)
def swapaxes(a, axis1, axis2):
    """Two axes exchanged."""
    ndim = aval_of(a).ndim
    axes = list(range(ndim))
    i, j = normalize_axis(axis1, ndim), normalize_axis(axis2, ndim)
    axes[i], axes[j] = axes[j], axes[i]
    return transpose_op(a, axes=tuple(axes))


def _axis_list(axis: Any, ndim: int) -> list[int]:
    return [normalize_axis(a, ndim) for a in (axis if is_sequence(axis) else (axis,))]


@numpy_function(numpy.moveaxis)
def moveaxis(a, source, destination):
    """Axes moved to new positions, the others in order."""
    ndim = aval_of(a).ndim
    sources, targets = _axis_list(source, ndim), _axis_list(destination, ndim)
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError("repeated axis in `source` or `destination` argument")
    if len(sources) != len(targets):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [axis for axis in range(ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources)):
        order.insert(target, axis)
    return transpose_op(a, axes=tuple(order))


@numpy_function(numpy.expand_dims)
def expand_dims(a, axis):
    """Axes of size 1 inserted so that they stand at ``axis`` in the result."""
    aval = aval_of(a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = aval.ndim + len(axes)
    places = normalize_axes(tuple(axes), ndim)
    sizes = iter(aval.shape)
    return reshape_op(a, shape=tuple(1 if i in places else next(sizes) for i in range(ndim)))


@numpy_function(numpy.squeeze)
def squeeze(a, axis=None):
    """Axes of size 1 removed: all of them, or those named."""
    shape = aval_of(a).shape
    if axis is None:
        kept = tuple(size for size in shape if size != 1)
    elif not shape and axis in (0, -1):
        kept = ()  # NumPy lets a number have an axis here
    else:
        axes = normalize_axes(axis, len(shape))
        if any(shape[i] != 1 for i in axes):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
        kept = tuple(size for i, size in enumerate(shape) if i not in axes)
    return a if kept == shape and isinstance(a, Box) else reshape_op(a, shape=kept)


@numpy_function(numpy.broadcast_to)
def broadcast_to(array, shape, subok=False):
    """``array`` broadcast to ``shape``."""
    return broadcast_to_op(array, shape=as_shape(shape))


def _sequence(arrays: Any) -> list[Any]:
    """The arrays of a list, a tuple, or along the first axis of an array."""
    if not isinstance(arrays, (list, tuple, numpy.ndarray, Box)):
        raise UnsupportedError("only a list, a tuple or an array of arrays is joined in compiled code")
    arrays = [as_operand(x) for x in arrays]  # type: ignore[union-attr]
    if not arrays:
        raise ValueError("need at least one array to concatenate")
    return arrays


def _cast(arrays: list[Any], dtype: Any = None, casting: Any = "same_kind") -> list[Any]:
    """The arrays in the dtype in which they are joined."""
    if dtype is None and casting == "same_kind":
        return arrays
    dtypes = [aval_of(x).dtype for x in arrays]
    dtype = numpy.result_type(*dtypes) if dtype is None else numpy.dtype(dtype)
    for own in dtypes:
        if not numpy.can_cast(own, dtype, casting):
            raise TypeError(
                f"Cannot cast array data from {own!r} to {dtype!r} according to the rule {casting!r}"
            )
    return [x if aval_of(x).dtype == dtype else elementwise.astype(x, dtype=dtype) for x in arrays]


def _refuse_if_old(options: dict[str, Any]) -> None:
    refuse(**({} if "dtype" in inspect.signature(numpy.stack).parameters else options))


@numpy_function(numpy.concatenate, arrays=0)
def concatenate(arrays, axis=0, out=None, dtype=None, casting="same_kind"):
    """Arrays joined along an axis that they have; flattened first when ``axis`` is None."""
    refuse(out=out)
    arrays = _cast(_sequence(arrays), dtype, casting)
    if axis is None:
        arrays, axis = [ravel.implementation(x) for x in arrays], 0
    if not aval_of(arrays[0]).ndim:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return concatenate_op(*arrays, axis=normalize_axis(axis, aval_of(arrays[0]).ndim))


@numpy_function(numpy.stack, arrays=0)
def stack(arrays, axis=0, out=None, **options):
    """Arrays of one shape joined along a new axis."""
    refuse(out=out)
    _refuse_if_old(options)
    arrays = _cast(_sequence(arrays), **options)
    if len({aval_of(x).shape for x in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    axis = normalize_axis(axis, aval_of(arrays[0]).ndim + 1)
    return concatenate_op(*[expand_dims.implementation(x, axis) for x in arrays], axis=axis)


def _at_least(x: Any, ndim: int) -> Any:
    """``numpy.atleast_1d`` and ``atleast_2d``: axes added in front."""
    aval = aval_of(x)
    shape = (1,) * (ndim - aval.ndim) + aval.shape
    return reshape_op(x, shape=shape) if aval.ndim < ndim else x


@numpy_function(numpy.vstack, arrays=0)
def vstack(tup, **options):
    """Arrays joined as rows."""
    _refuse_if_old(options)
    return concatenate_op(*[_at_least(x, 2) for x in _cast(_sequence(tup), **options)], axis=0)


@numpy_function(numpy.hstack, arrays=0)
def hstack(tup, **options):
    """Arrays joined along the second axis; vectors along their only one."""
    _refuse_if_old(options)
    arrays = [_at_least(x, 1) for x in _cast(_sequence(tup), **options)]
    return concatenate_op(*arrays, axis=0 if aval_of(arrays[0]).ndim == 1 else 1)


@numpy_function(numpy.append)
def append(arr, values, axis=None):
    """``values`` joined to the end of ``arr``."""
    return concatenate.implementation((arr, values), axis)


def _split(ary: Any, sections: Any, axis: int, equal: bool) -> list[Any]:
    shape = aval_of(ary).shape
    axis = normalize_axis(axis, len(shape))
    total = shape[axis]
    if is_sequence(sections):
        bounds = [0, *[slice(None, n).indices(total)[1] for n in sections], total]
    else:
        count = operator.index(sections)
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        if equal and total % count:
            raise ValueError("array split does not result in an equal division")
        small, extra = divmod(total, count)
        bounds = [i * small + min(i, extra) for i in range(count + 1)]
    return [basic_slice(ary, axis, start, max(start, stop)) for start, stop in zip(bounds, bounds[1:])]


@numpy_function(numpy.split)
def split(ary, indices_or_sections, axis=0):
    """A list of equal parts, or of the parts between the given indices."""
    return _split(ary, indices_or_sections, axis, True)


@numpy_function(numpy.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """A list of nearly equal parts, or of the parts between the given indices."""
    return _split(ary, indices_or_sections, axis, False)


@numpy_function(numpy.flip)
def flip(m, axis=None):
    """The order of elements reversed along the axes."""
    ndim = aval_of(m).ndim
    axes = normalize_axes(axis, ndim)
    m = m if isinstance(m, Box) else numpy.asarray(m)
    return index(m, template=tuple(BACKWARD if i in axes else WHOLE for i in range(ndim)))


@numpy_function(numpy.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    """Elements (``axis`` None: of the flattened array) or slices at ``indices``."""
    refuse(out=out, mode=None if mode in ("raise", "clip", "wrap") else mode)
    if axis is None:
        a, axis = ravel.implementation(a), 0
    axis = normalize_axis(axis, aval_of(a).ndim)
    if not isinstance(indices, Box):
        indices = numpy.asarray(indices)
    size = aval_of(a).shape[axis]
    if mode == "clip":
        clip = elementwise.clip.implementation if isinstance(indices, Box) else numpy.clip
        indices = clip(indices, 0, size - 1)
    elif mode == "wrap" and size:
        indices = indices % size
    return index(a, indices, template=(WHOLE,) * axis + (ARRAY,))
