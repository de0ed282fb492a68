"""Reading and writing elements: ``x[key]`` for slices, integers, new axes, integer and bool arrays.

A key is split into *arrays* (what may be a box) and a *template*: the key with ``ARRAY`` in place of
each array. Three ops share it and are each other's gradients:

    index(x, *arrays, template)               x[key]
    index_add(g, *arrays, template, shape)    zeros of ``shape`` with g added at key, the transpose of index
    index_put(x, v, *arrays, template)        a copy of x with v written at key
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axis
from minpy.ops.lowering import NUMBERS, Builder, Operand, require, first_through_int8
from minpy.ops.op import NOT_DIFFERENTIABLE, Box, Op, numpy_function, refuse, register


class _ArrayMark:
    """Stands for an array in a template."""

    def __repr__(self) -> str:
        return "ARRAY"

    def __reduce__(self):
        return "ARRAY"


ARRAY = _ArrayMark()
WHOLE = ("slice", None, None, None)


def split_key(key: Any) -> tuple[tuple, tuple]:
    """A key as (arrays, template).

    Raises:
        UnsupportedError: for a key that holds something else than ints, slices, None, Ellipsis and
            arrays, for example the name of a field.
    """
    parts = key if isinstance(key, tuple) else (key,)
    arrays, template = [], []
    for part in parts:
        if part is None or part is Ellipsis:
            template.append(part)
        elif isinstance(part, slice):
            bounds = [None if n is None else n.__index__() for n in (part.start, part.stop, part.step)]
            template.append(slice(*bounds))
        elif isinstance(part, Box):
            arrays.append(part)
            template.append(ARRAY)
        elif isinstance(part, (bool, numpy.bool_, numpy.ndarray, list)):
            arrays.append(numpy.asarray(part))
            template.append(ARRAY)
        elif hasattr(part, "__index__"):
            template.append(part.__index__())
        else:
            raise UnsupportedError(f"an index of type {type(part).__name__} is not in the op table")
    return tuple(arrays), _hashable(template)


def _hashable(template: Sequence) -> tuple:
    """Slices cannot be hashed before Python 3.12, so a template holds them as ('slice', a, b, c)."""
    return tuple(
        ("slice", part.start, part.stop, part.step) if isinstance(part, slice) else part for part in template
    )


def join_key(arrays: Sequence, template: tuple) -> tuple:
    """The inverse of ``split_key``: a key for NumPy, always a tuple."""
    found = iter(arrays)
    return tuple(
        next(found) if part is ARRAY else slice(*part[1:]) if isinstance(part, tuple) else part
        for part in template
    )


def _probe(shape: tuple[int, ...], arrays: Sequence, template: tuple) -> tuple[int, ...]:
    """The shape of ``x[key]``, by asking NumPy with an array that takes no memory.

    Index arrays that are boxes are probed as zeros; the values of the others are used.
    """
    stand_ins = []
    for array in arrays:
        aval = aval_of(array)
        if isinstance(array, Box):
            if aval.dtype.kind == "b":
                raise UnsupportedError("the shape of a selection by a mask depends on the data")
            if aval.dtype.kind not in "iu":
                raise IndexError("arrays used as indices must be of integer (or boolean) type")
            array = numpy.zeros(aval.shape, aval.dtype)
        stand_ins.append(array)
    x = numpy.broadcast_to(numpy.empty((), bool), shape)
    return x[join_key(stand_ins, template)].shape


def _index_infer(x: Any, *arrays: Any, template: tuple) -> Aval:
    aval = aval_of(x)
    return Aval(_probe(aval.shape, arrays, template), aval.dtype)


class _Axes:
    """A template laid over the axes of an array, for the rules that use MXNet."""

    def __init__(self, shape: tuple[int, ...], arrays: Sequence[Operand], template: tuple):
        used = sum(part is not None and part is not Ellipsis for part in template)
        full = [WHOLE] * (len(shape) - used)
        at = template.index(Ellipsis) if Ellipsis in template else len(template)
        parts = [*template[:at], *full, *template[at + 1 :]]
        found = iter(arrays)
        self.begin: list[Any] = []
        self.end: list[Any] = []
        self.step: list[Any] = []
        self.sliced: list[int] = []  # the shape after slicing, integers as axes of size 1
        self.view: list[Any] = []  # the shape after that: integers gone, new axes in; None is an array
        self.arrays: list[tuple[int, Operand]] = []  # (axis of the sliced array, index)
        axis = 0
        for part in parts:
            if part is None:
                self.view.append(1)
                continue
            size = shape[axis]
            if part is ARRAY:
                self.arrays.append((axis, next(found)))
                self._take(None, None, None, size)
                self.view.append(None)
            elif isinstance(part, tuple):
                start, stop, step = slice(*part[1:]).indices(size)
                count = len(range(start, stop, step))
                whole = (start, step, count) == (0, 1, size)
                self._take(*((None,) * 3 if whole else (start, None if stop < 0 else stop, step)), count)
                self.view.append(count)
            else:
                start = part + size if part < 0 else part
                self._take(start, start + 1, 1, 1)
            axis += 1

    def _take(self, begin: Any, end: Any, step: Any, count: int) -> None:
        self.begin.append(begin)
        self.end.append(end)
        self.step.append(1 if step is None else step)
        self.sliced.append(count)

    @property
    def is_whole(self) -> bool:
        return all(b is None and e is None for b, e in zip(self.begin, self.end)) and set(self.step) <= {1}

    @property
    def bounds(self) -> dict[str, tuple]:
        return {"begin": tuple(self.begin), "end": tuple(self.end), "step": tuple(self.step)}


def _integer_array(operand: Operand) -> Operand:
    if operand.aval.dtype.kind == "b":
        raise UnsupportedError("a selection by a mask has no MXNet operator of known shape")
    return operand


def _nonnegative(b: Builder, index: Operand, size: int) -> Operand:
    """Negative indices counted from the end; int64."""
    int64 = numpy.dtype("int64")
    index = b.cast(_integer_array(index), int64)
    boolean = Aval(index.aval.shape, numpy.dtype(bool))
    negative = b.op("_npi_less", boolean, index, b.literal(0, int64))
    from_end = b.op("_npi_add", index.aval, index, b.literal(size, int64))
    return b.op("_npi_where", index.aval, negative, from_end, index)


def _index_mx(b: Builder, out: Aval, x: Operand, *arrays: Operand, template: tuple) -> Operand:
    axes = _Axes(x.aval.shape, arrays, template)
    if not axes.is_whole:
        x = b.op("slice", Aval(tuple(axes.sliced), x.aval.dtype), x, **axes.bounds)
    if not axes.arrays:
        return b.reshape(x, out.shape)
    _require_movable(axes)
    if len(axes.arrays) == 1:
        axis, index = axes.arrays[0]
        return b.op("take", out, x, _nonnegative(b, index, axes.sliced[axis]), axis=axis, mode="raise")
    return b.op("_npi_gather_nd", out, x, _coordinates(b, axes, checked=True))


def _require_movable(axes: _Axes) -> None:
    """Refuse the keys for which NumPy moves axes about or which MXNet has no operator for."""
    integers_or_new = [size for size in axes.view if size is not None] != [
        size for axis, size in enumerate(axes.sliced) if axis not in dict(axes.arrays)
    ]
    if integers_or_new:
        raise UnsupportedError("an index array together with integers or new axes has no MXNet operator")
    if len(axes.arrays) > 1 and [axis for axis, _ in axes.arrays] != list(range(len(axes.arrays))):
        raise UnsupportedError("several index arrays on other than the first axes have no MXNet operator")


def _nonnegative(b: Builder, index: Operand, size: int) -> Operand:
    """Negative indices counted from the end; int64."""
    if index.aval.dtype.kind == "b":
        raise UnsupportedError("a selection by a mask has no MXNet operator of known shape")
    index = b.cast(index, "int64")
    negative = b.op(
        "_npi_less", Aval(index.aval.shape, numpy.dtype(bool)), index, b.literal(0, "int64")
    )
    from_end = b.op("_npi_add", index.aval, index, b.literal(size, "int64"))
    return b.op("_npi_where", index.aval, negative, from_end, index)


def _coordinates(b: Builder, axes: _Axes, checked: bool) -> Operand:
    """The index arrays as one array of shape (number of arrays, ...), for the gather operators.

    Gathering checks its indices; scattering does not and would write anywhere, so its indices are
    clipped. The indices of a gradient were checked going forward.
    """
    shape = broadcast_shapes(*[index.aval.shape for _, index in axes.arrays])
    rows = []
    for axis, index in axes.arrays:
        index = _nonnegative(b, index, axes.sliced[axis])
        if not checked:
            index = b.op("_npi_clip", index.aval, index, a_min=0, a_max=axes.sliced[axis] - 1)
        if index.aval.shape != shape:
            index = b.op("_npi_broadcast_to", Aval(shape, index.aval.dtype), index, shape=shape)
        rows.append(b.reshape(index, (1, *shape)))
    if len(rows) == 1:
        return rows[0]
    stacked = Aval((len(rows), *shape), rows[0].aval.dtype)
    return b.op("_npi_concatenate", stacked, *rows, axis=0, num_args=len(rows))


def _index_vjp(position: int):
    if position:
        return NOT_DIFFERENTIABLE
    return lambda g, ans, x, *arrays, template: index_add(
        g, *arrays, template=template, shape=aval_of(x).shape
    )


index = register(
    Op(
        "index",
        numpy=lambda x, *arrays, template: x[join_key(arrays, template)],
        infer=_index_infer,
        mx=first_through_int8(_index_mx),
        vjp=_index_vjp,
        family="indexing",
        may_raise=True,
    )
)


def _index_add_numpy(g: Any, *arrays: Any, template: tuple, shape: tuple[int, ...]) -> Any:
    result = numpy.zeros(shape, g.dtype)
    key = join_key(arrays, template)
    if arrays:
        numpy.add.at(result, key, g)
    else:
        result[key] = g
    return result


def _index_add_mx(
    b: Builder, out: Aval, g: Operand, *arrays: Operand, template: tuple, shape: tuple[int, ...]
) -> Operand:
    require(out.dtype, NUMBERS, "scatter")
    axes = _Axes(shape, arrays, template)
    sliced = Aval(tuple(axes.sliced), out.dtype)
    if axes.arrays:
        _require_movable(axes)
        if len(axes.arrays) == 1:
            g = _scatter_rows(b, sliced, g, axes)
        else:
            g = b.op("_backward_gather_nd", sliced, g, _coordinates(b, axes, checked=False), shape=sliced.shape)
    else:
        g = b.reshape(g, sliced.shape)
    if axes.is_whole:
        return b.reshape(g, out.shape)
    zeros = b.op("_npi_zeros", out, shape=out.shape, dtype=out.dtype.name)
    return b.op("_npi_slice_assign", out, zeros, g, **axes.bounds)


def _scatter_rows(b: Builder, sliced: Aval, g: Operand, axes: _Axes) -> Operand:
    """Add slices of g at the indices along one axis, which is brought to the front and back."""
    axis, (_, index) = axes.arrays[0][0], axes.arrays[0]
    n = index.aval.ndim
    rest = [d for d in range(sliced.ndim) if d != axis]
    moved = Aval((sliced.shape[axis], *[sliced.shape[d] for d in rest]), sliced.dtype)
    if axis:
        order = [*range(axis, axis + n), *range(axis), *range(axis + n, g.aval.ndim)]
        g = b.op("transpose", Aval(tuple(g.aval.shape[d] for d in order), g.aval.dtype), g, axes=tuple(order))
    g = b.op("_backward_gather_nd", moved, g, _coordinates(b, axes, checked=False), shape=moved.shape)
    if axis:
        back = tuple(int(d) for d in numpy.argsort([axis, *rest]))
        g = b.op("transpose", sliced, g, axes=back)
    return g


def _index_add_vjp(position: int):
    if position:
        return NOT_DIFFERENTIABLE
    return lambda g, ans, x, *arrays, template, shape: index(g, *arrays, template=template)


index_add = register(
    Op(
        "index_add",
        numpy=_index_add_numpy,
        infer=lambda g, *arrays, template, shape: Aval(shape, aval_of(g).dtype),
        mx=_index_add_mx,
        vjp=_index_add_vjp,
        family="indexing",
    )
)


def _index_put_numpy(x: Any, v: Any, *arrays: Any, template: tuple) -> Any:
    result = numpy.array(x)
    result[join_key(arrays, template)] = v
    return result


def _index_put_infer(x: Any, v: Any, *arrays: Any, template: tuple) -> Aval:
    aval = aval_of(x)
    target, source = _probe(aval.shape, arrays, template), aval_of(v).shape
    if broadcast_shapes(target, source) != target:
        raise ValueError(f"could not broadcast input array from shape {source} into shape {target}")
    return aval


def _index_put_mx(
    b: Builder, out: Aval, x: Operand, v: Operand, *arrays: Operand, template: tuple
) -> Operand:
    if arrays:
        raise UnsupportedError("writing at index arrays has no MXNet operator that checks its indices")
    axes = _Axes(out.shape, (), template)
    target = tuple(axes.view)
    v = b.cast(v, out.dtype)
    if v.aval.shape != target:
        v = b.op("_npi_broadcast_to", Aval(target, out.dtype), v, shape=target)
    v = b.reshape(v, tuple(axes.sliced))
    return v if axes.is_whole else b.op("_npi_slice_assign", out, x, v, **axes.bounds)


def _index_put_vjp(position: int):
    if position == 0:
        return lambda g, ans, x, v, *arrays, template: index_put(g, 0.0, *arrays, template=template)
    if position == 1:
        return lambda g, ans, x, v, *arrays, template: index(g, *arrays, template=template)
    return NOT_DIFFERENTIABLE


index_put = register(
    Op(
        "index_put",
        numpy=_index_put_numpy,
        infer=_index_put_infer,
        mx=_index_put_mx,
        vjp=_index_put_vjp,
        family="indexing",
        may_raise=True,
    )
)


def getitem(x: Any, key: Any) -> Any:
    """``x[key]`` with NumPy's rules."""
    arrays, template = split_key(key)
    return index(x, *arrays, template=template)


def setitem(x: Any, key: Any, v: Any) -> Any:
    """A copy of ``x`` in which ``x[key]`` is ``v``."""
    arrays, template = split_key(key)
    return index_put(x, v, *arrays, template=template)


def basic_slice(x: Any, axis: int, start: int, stop: int) -> Any:
    """``x[..., start:stop, ...]`` along one axis."""
    return index(x, template=(WHOLE,) * axis + (("slice", start, stop, None),))


@numpy_function(name="slice_axis")
def slice_axis(data, axis, begin, end):
    """The elements ``begin`` to ``end`` (None: to the last) along ``axis``, as MXNet's slice_axis."""
    axis = normalize_axis(axis, aval_of(data).ndim)
    return index(data, template=(WHOLE,) * axis + (("slice", begin, end, None),))
