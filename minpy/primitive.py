"""Operators and their gradients, under the name of the documentation."""

from __future__ import annotations

from minpy.core.custom import CustomOp, custom_gradient, customop

__all__ = ["CustomOp", "custom_gradient", "customop"]
