"""Dispatch: which library runs an operation."""

from __future__ import annotations

from minpy.dispatch import policy

__all__ = ["policy"]
