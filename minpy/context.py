"""Devices: ``cpu()``, ``gpu(i)``, ``set_context``."""

from __future__ import annotations

from minpy.runtime.context import Context, cpu, current_context, gpu, num_gpus, set_context

__all__ = ["Context", "cpu", "current_context", "gpu", "num_gpus", "set_context"]
