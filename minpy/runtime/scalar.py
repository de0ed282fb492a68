"""MinPy's numbers: what NumPy gives as a scalar."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy

from minpy.runtime.array import Array


class Scalar(Array):
    """An array without axes that never changes, as ``numpy.float64`` and its kin.

    Reductions, single elements and arithmetic on these give scalars. ``total += x`` gives the name another
    scalar; whoever else holds the old one keeps it.
    """

    __slots__ = ()
    is_scalar = True

    def _set_shape(self, shape: Any) -> None:
        raise AttributeError("attribute 'shape' of 'numpy.generic' objects is not writable")

    def __setitem__(self, key: Any, new: Any) -> None:
        raise TypeError(f"'numpy.{self.dtype}' object does not support item assignment")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name in ("as_integer_ratio", "hex"):
            self._leaving(f"{name}()")
        return getattr(self.raw()[()], name)  # what only numbers have, such as is_integer

    def __array__(self, dtype: Any = None, copy: Any = None) -> numpy.ndarray:
        return super().__array__(dtype, True)  # in which nobody can change the number

    def __ipow__(self, other: Any) -> Any:  # Python 3.9 does not go on to ** by itself
        return self**other

    def __trunc__(self) -> int:
        number: Any = self.raw()[()]
        return math.trunc(number)

    def __round__(self, ndigits: int | None = None) -> Any:
        is_whole = ndigits is None and self.dtype.kind != "c"
        number: Any = self.raw()[()]
        return round(number) if is_whole else self.round(ndigits or 0)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.item())

    def __repr__(self) -> str:
        return repr(self._current().numpy()[()])

    def __reduce__(self):
        return Scalar, (self.asnumpy(),)

    def copy(self, order: str = "C") -> Scalar:
        return self


numbers.Number.register(Scalar)  # so that numpy.isscalar knows it
