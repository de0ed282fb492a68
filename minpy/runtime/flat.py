"""``a.flat``: the elements of an array one after another, as ``numpy.flatiter``."""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.errors import GradientError
from minpy.ops import elementwise
from minpy.ops import shape as shape_ops
from minpy.ops.methods import COMPARISONS
from minpy.ops.op import eager_interpreter
from minpy.ops.scalars import is_scalar


def put_flat(array: Any, key: Any, value: Any) -> None:
    """``array.flat[key] = value`` for an array of NumPy's."""
    array.flat[key] = value


class FlatIterator:
    """Iterates over the elements in C order; reads copies of them and writes them by position."""

    __array_ufunc__ = None  # numpy_array == a.flat asks this class
    __hash__ = None  # type: ignore[assignment]  # as flatiter: == compares elements

    def __init__(self, array: Any):
        self.base = array
        self.index = 0

    @property
    def coords(self) -> tuple[int, ...]:
        """The indices of the next element; behind the last one the first that is out of bounds."""
        shape = self.base.shape
        if self.index >= self.base.size:
            return (shape[0] if 0 not in shape else 0, *(0 for _ in shape[1:])) if shape else ()
        return tuple(int(i) for i in numpy.unravel_index(self.index, shape))

    def copy(self) -> Any:
        """The elements as an array with one axis."""
        return elementwise.copy(shape_ops.ravel(self.base))

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> FlatIterator:
        self.index = 0
        return self

    def __next__(self) -> Any:
        if self.index >= self.base.size:
            raise StopIteration
        element = self.base[self.coords]
        self.index += 1
        return element

    def __getitem__(self, key: Any) -> Any:
        found = shape_ops.ravel(self.base)[key]
        return found if is_scalar(found) else elementwise.copy(found)

    def __setitem__(self, key: Any, value: Any) -> None:
        eager_interpreter().call(put_flat, (self.base, key, value), {})

    def __array__(self, dtype: Any = None, copy: Any = None) -> numpy.ndarray:
        if self.base.is_traced():
            raise GradientError("a.flat is made a NumPy array, which has no gradient; use a.ravel()")
        return numpy.array(self.base.raw().flat, dtype=dtype)


def _comparison(operation: Callable) -> Callable:
    return lambda self, other: operation(shape_ops.ravel(self.base), other)


for _name, _operation in COMPARISONS.items():
    setattr(FlatIterator, f"__{_name}__", _comparison(_operation))
