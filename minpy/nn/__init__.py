"""Neural networks: so far the functions that they are made of, in ``minpy.nn.functional``."""

from __future__ import annotations

from minpy.nn import functional

__all__ = ["functional"]
