"""Abstract values: what is known of an array without its data, and NumPy's rules for dtypes."""

from __future__ import annotations

import functools
import operator
from typing import Any, Callable, NamedTuple

import numpy

PYTHON_SCALARS = (bool, int, float, complex)


class Aval(NamedTuple):
    """Shape and dtype of an array."""

    shape: tuple[int, ...]
    dtype: numpy.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return product(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


def product(numbers) -> int:
    """The product of integers, 1 for none."""
    result = 1
    for number in numbers:
        result *= number
    return result


def aval_of(x: Any) -> Aval:
    """The aval of a box, a NumPy array or a Python number; an aval is its own."""
    if isinstance(x, Aval):
        return x
    aval = getattr(x, "aval", None)
    if aval is not None:
        return aval
    if isinstance(x, numpy.ndarray):
        return Aval(x.shape, x.dtype)
    return Aval(numpy.shape(x), numpy.result_type(x))


def is_float(dtype: numpy.dtype) -> bool:
    """Whether gradients flow through values of this dtype."""
    return dtype.kind in "fc"


def real_dtype(dtype: numpy.dtype) -> numpy.dtype:
    """The dtype of the parts of a complex number; that of a real one is its own."""
    return numpy.zeros((), dtype).real.dtype


def _representative(key: Any) -> Any:
    """A value that NumPy's promotion treats like any operand with this key (see ``_promotion_key``)."""
    kind, what = key
    if kind == "scalar":
        return what[1]
    return numpy.ones((2,) if kind == "array" else (), what)


def _promotion_key(operand: Any) -> tuple:
    """What NumPy's type promotion may depend on: dtype, 0-d or not, the value of a Python number."""
    if isinstance(operand, PYTHON_SCALARS):
        return "scalar", (type(operand), operand)
    aval = aval_of(operand)
    return ("array" if aval.shape else "0-d"), aval.dtype


@functools.lru_cache(maxsize=4096)
def _cached_result_type(*keys: tuple) -> numpy.dtype:
    return numpy.result_type(*map(_representative, keys))


def result_type(*operands: Any) -> numpy.dtype:
    """``numpy.result_type`` for boxes, arrays and Python numbers.

    NumPy 1 looks at the *value* of a 0-d operand; here the value of a 0-d box is taken to fit the
    dtype of the arrays that it meets, which ``ops/promotion.py`` is for.
    """
    return _cached_result_type(*map(_promotion_key, operands))


@functools.lru_cache(maxsize=8192)
def _cached_function_dtype(function: Callable, keys: tuple) -> numpy.dtype:
    with numpy.errstate(all="ignore"):
        return numpy.result_type(function(*map(_representative, keys)))


def function_dtype(function: Callable, *operands: Any) -> numpy.dtype:
    """The dtype that an elementwise NumPy function gives for these operands, found by asking it.

    Raises TypeError, as NumPy does, where the function is not defined for the dtypes.
    """
    return _cached_function_dtype(function, tuple(map(_promotion_key, operands)))


@functools.lru_cache(maxsize=8192)
def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The broadcast shape. Raises ValueError where the shapes do not fit each other."""
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        offset = ndim - len(shape)
        for axis, size in enumerate(shape):
            if size != 1:
                if result[offset + axis] not in (1, size):
                    listed = " ".join(map(str, shapes))
                    raise ValueError(f"operands could not be broadcast together with shapes {listed}")
                result[offset + axis] = size
    return tuple(result)


def normalize_axis(axis: int, ndim: int) -> int:
    """A non-negative axis. Raises ``numpy.AxisError`` (a ValueError and an IndexError) out of range."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise numpy.AxisError(axis, ndim)
    return axis % ndim if ndim else 0


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """``axis`` of a reduction (None, int or tuple) as a sorted tuple of distinct non-negative axes."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    result = tuple(sorted(normalize_axis(a, ndim) for a in axes))
    if len(set(result)) != len(result):
        raise ValueError("duplicate value in 'axis'")
    return result
