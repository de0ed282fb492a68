"""Neural networks: functions that they are made of, layers, initial values, update rules."""

from __future__ import annotations

from minpy.nn import functional, init, layers, optim, schedules

__all__ = ["functional", "init", "layers", "optim", "schedules"]
