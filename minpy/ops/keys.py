"""Keys: what stands between the brackets of ``x[key]``.

A key is split into *arrays* (what may be a box) and a *template*: the key with ``ARRAY`` in place of
each array, so that it can be hashed and compared.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of, broadcast_shapes
from minpy.ops.lowering import Operand
from minpy.ops.op import Box
from minpy.ops.scalars import is_scalar


class _ArrayMark:
    """Stands for an array in a template."""

    def __repr__(self) -> str:
        return "ARRAY"

    def __reduce__(self):
        return "ARRAY"


ARRAY = _ArrayMark()
WHOLE = ("slice", None, None, None)
BACKWARD = ("slice", None, None, -1)


def split_key(key: Any) -> tuple[tuple, tuple]:
    """A key as (arrays, template).

    Raises:
        IndexError: for a key that holds something else, for example a float.
    """
    parts = key if isinstance(key, tuple) else (key,)
    arrays: list[Any] = []
    template: list[Any] = []
    for part in parts:
        if part is None or part is Ellipsis:
            template.append(part)
        elif isinstance(part, slice):
            # Slices cannot be hashed before Python 3.12.
            bounds = [None if n is None else operator.index(n) for n in (part.start, part.stop, part.step)]
            template.append(("slice", *bounds))
        elif isinstance(part, Box):
            number = _known_integer(part)
            arrays.extend([part] if number is None else [])
            template.append(ARRAY if number is None else number)
        elif isinstance(part, (bool, numpy.bool_, numpy.ndarray, list, tuple)):
            arrays.append(_index_array(part))
            template.append(ARRAY)
        elif hasattr(part, "__index__"):
            template.append(operator.index(part))
        else:
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and integer or boolean arrays "
                f"are valid indices, not {type(part).__name__}"
            )
    return tuple(arrays), tuple(template)


def _known_integer(box: Any) -> int | None:
    """The number that a scalar holds: NumPy takes it for an integer, so that ``x[i]`` is a view."""
    if is_scalar(box) and aval_of(box).dtype.kind in "iu":
        try:
            return operator.index(box)
        except UnsupportedError:  # the compiler knows it at run time only
            pass
    return None


def _index_array(part: Any) -> numpy.ndarray:
    array = numpy.asarray(part)
    # NumPy takes an empty list, whose dtype would be float, for indices.
    return array.astype(numpy.intp) if isinstance(part, list) and not array.size else array


def join_key(arrays: Sequence, template: tuple) -> tuple:
    """The inverse of ``split_key``: a key for NumPy, always a tuple."""
    found = iter(arrays)
    return tuple(
        next(found) if part is ARRAY else slice(*part[1:]) if isinstance(part, tuple) else part
        for part in template
    )


def result_shape(shape: tuple[int, ...], arrays: Sequence, template: tuple) -> tuple[int, ...]:
    """The shape of ``x[key]`` for an ``x`` of this shape, by asking NumPy without its data.

    Index arrays that are boxes are taken to be zeros; of the others the values are used.
    """
    stand_ins = []
    for array in arrays:
        if isinstance(array, Box):
            aval = aval_of(array)
            if aval.dtype.kind == "b":
                raise UnsupportedError("the shape of a selection by a mask depends on the data")
            if aval.dtype.kind not in "iu":
                raise IndexError("arrays used as indices must be of integer (or boolean) type")
            array = numpy.zeros(aval.shape, aval.dtype)
        stand_ins.append(array)
    x = numpy.broadcast_to(numpy.empty((), bool), shape)
    return x[join_key(stand_ins, template)].shape


def check_written(shape: tuple[int, ...], arrays: Sequence, template: tuple, value: tuple[int, ...]) -> None:
    """Raise TypeError, as NumPy does, for a value of several axes at a mask of a whole array."""
    is_mask = template == (ARRAY,) and shape and aval_of(arrays[0]) == Aval(shape, numpy.dtype(bool))
    if is_mask and len(value) > 1:
        raise TypeError(
            "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, "
            f"input has {len(value)} dimensions"
        )


def without_leading_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """NumPy lets a written value have more axes than its place, when they are of size 1."""
    extra = max(len(shape) - ndim, 0)
    return shape[extra:] if set(shape[:extra]) <= {1} else shape


class Layout:
    """A template laid over the axes of an array, as the steps by which MXNet reads ``x[key]``.

    Slice, drop the axes of integers, bring the axes with an index array to the front, gather there,
    move the axes of the index arrays to their place in the result, and put in the new axes.

    Attributes:
        bounds: of the slice, in which an integer takes one element.
        is_whole: the slice takes everything as it is.
        sliced: the shape after the slice.
        kept: the shape without the axes of integers.
        order: the axes of ``kept``, those with an index array first.
        arrays: the index arrays, in the order of their axes.
        places: the shape that the index arrays have together, with an axis at least, as MXNet wants.
        before: how many of the other axes stand before those of the index arrays in the result.

    Raises:
        UnsupportedError: for a mask.
    """

    def __init__(self, shape: tuple[int, ...], arrays: Sequence[Operand], template: tuple):
        if any(array.aval.dtype.kind == "b" for array in arrays):
            raise UnsupportedError("a selection by a mask has no MXNet operator of known shape")
        self.arrays = arrays
        self.places = broadcast_shapes(*[array.aval.shape for array in arrays]) or (1,)
        slices, indexed, others, advanced = [], [], [], []
        self.kept: list[int] = []
        sizes = iter(shape)
        parts = _without_ellipsis(template, len(shape))
        for position, part in enumerate(parts):
            if part is None:
                continue
            size = next(sizes)
            if part is ARRAY:
                indexed.append(len(self.kept))
                advanced.append(position)
                self.kept.append(size)
                slices.append(slice(0, size, 1))
            elif isinstance(part, tuple):
                start, stop, step = slice(*part[1:]).indices(size)
                others.append(len(self.kept))
                self.kept.append(len(range(start, stop, step)))
                slices.append(slice(start, stop, step))
            else:
                advanced.append(position)  # next to index arrays NumPy takes integers for such
                start = part + size if part < 0 else part
                slices.append(slice(start, start + 1, 1))
        self.sliced = tuple(len(range(s.start, s.stop, s.step)) for s in slices)
        self.is_whole = all((s.start, s.step) == (0, 1) for s in slices) and self.sliced == shape
        self.bounds = {
            "begin": tuple(s.start for s in slices),
            "end": tuple(s.stop if s.stop >= 0 else None for s in slices),
            "step": tuple(s.step for s in slices),
        }
        self.order = (*indexed, *others)
        together = bool(advanced) and advanced[-1] - advanced[0] < len(advanced)
        self.before = sum(isinstance(part, tuple) for part in parts[: advanced[0]]) if together else 0

    @property
    def gathered(self) -> tuple[int, ...]:
        """The shape after gathering: that of the index arrays, then the other axes."""
        return (*self.places, *[self.kept[axis] for axis in self.order[len(self.arrays) :]])

    @property
    def to_place(self) -> tuple[int, ...]:
        """The axes of ``gathered`` as they stand in the result."""
        first, last = len(self.places), len(self.places) + self.before
        return (*range(first, last), *range(first), *range(last, len(self.gathered)))


class Mask:
    """``x[mask] = v`` as a choice between ``v`` and ``x``, for a mask whose data is not known.

    That is possible where ``v`` has one value for all elements that the mask chooses, or one for each of the
    axes that it does not cover.

    Attributes:
        shape: of the mask, with axes of size 1 where it covers none of ``x``.
        value_shape: of ``v``, so that it broadcasts to ``x``.
        axes: those of ``x`` that the mask covers.
        place_shape: of ``x[mask]``, where the mask chooses one element.

    Raises:
        UnsupportedError: for a key with other parts, and a value with as many elements as the mask chooses.
        IndexError: where the mask does not fit ``x``; ValueError: where ``v`` does not.
    """

    def __init__(
        self, shape: tuple[int, ...], value: tuple[int, ...], arrays: Sequence[Aval], template: tuple
    ):
        plain = all(part in (ARRAY, WHOLE) or part is Ellipsis for part in template)
        if len(arrays) != 1 or not plain or not arrays[0].ndim:
            raise UnsupportedError("a mask stands between the brackets together with something else")
        covered = arrays[0].ndim
        missing = len(shape) - covered - template.count(WHOLE)
        if missing < 0:
            raise IndexError(f"too many indices for an array with {len(shape)} axes")
        at = template.index(ARRAY)
        first = template[:at].count(WHOLE) + (missing if Ellipsis in template[:at] else 0)
        self.axes = tuple(range(first, first + covered))
        before, after = shape[:first], shape[first + covered :]
        if arrays[0].shape != shape[first : first + covered]:
            raise IndexError(
                f"boolean index did not match indexed array: {arrays[0].shape} for axes of "
                f"{shape[first : first + covered]}"
            )
        self.shape = (*[1] * len(before), *arrays[0].shape, *[1] * len(after))
        self.place_shape = (*before, 1, *after)
        value = without_leading_ones(value, len(self.place_shape))
        place = len(value) - len(after) - 1  # of the axis of the chosen elements in ``v``
        if place >= 0 and value[place] != 1:
            raise UnsupportedError("a mask chooses where several values go")
        if broadcast_shapes(self.place_shape, value) != self.place_shape:
            raise ValueError(f"could not broadcast input array from shape {value} into the chosen elements")
        self.value_shape = value if place < 0 else (*value[:place], *[1] * covered, *value[place + 1 :])

    @classmethod
    def of(cls, x: Any, v: Any, arrays: Sequence[Any], template: tuple) -> Mask | None:
        """The same for these operands; None where it is not possible."""
        if [aval_of(array).dtype.kind for array in arrays] != ["b"]:
            return None
        try:
            return cls(aval_of(x).shape, aval_of(v).shape, [aval_of(array) for array in arrays], template)
        except UnsupportedError:
            return None


def _without_ellipsis(template: tuple, ndim: int) -> list:
    """The parts of a template with whole slices for what the ellipsis, or nothing, stands for."""
    missing = [WHOLE] * (ndim - sum(part is not None and part is not Ellipsis for part in template))
    at = template.index(Ellipsis) if Ellipsis in template else len(template)
    return [*template[:at], *missing, *template[at + 1 :]]
