"""``minpy.numpy.fft``: every function of ``numpy.fft``, differentiable where the op table has it."""

from __future__ import annotations

from typing import Any

import numpy as _numpy

from minpy.numpy._fallback import member as _member
from minpy.ops import FUNCTIONS as _FUNCTIONS

globals().update({name[4:]: function for name, function in _FUNCTIONS.items() if name.startswith("fft.")})


def __getattr__(name: str) -> Any:
    return _member(_numpy.fft, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy.fft)})
