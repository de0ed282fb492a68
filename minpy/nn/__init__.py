"""Neural networks: models, layers and functions that they are made of, initial values, update rules."""

from __future__ import annotations

from minpy.nn import functional, init, layers, optim, schedules
from minpy.nn.model import ModelBase

__all__ = ["ModelBase", "functional", "init", "layers", "optim", "schedules"]
