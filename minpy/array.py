"""The eager array, and the numbers that NumPy has as scalars."""

from __future__ import annotations

from minpy.runtime.array import Array
from minpy.runtime.scalar import Scalar as Number

__all__ = ["Array", "Number"]
