"""The eager array."""

from __future__ import annotations

from minpy.runtime.array import Array

__all__ = ["Array"]
