"""``import minpy.numpy as np``: NumPy's namespace, differentiable and on MXNet.

Functions of the op table come from ``minpy.ops``. Every other public name of NumPy is here too: a
function runs NumPy's own on the same memory and has no gradient; a constant or a type is NumPy's, but for
those in ``_objects.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as _numpy

from minpy.numpy import fft, linalg, random  # noqa: F401
from minpy.numpy._fallback import member as _member
from minpy.numpy._objects import *  # noqa: F403
from minpy.ops import FUNCTIONS as _FUNCTIONS
from minpy.runtime import policy as _policy

globals().update({name: function for name, function in _FUNCTIONS.items() if "." not in name})


def __getattr__(name: str) -> Any:
    if name == "policy":
        return _policy.get_global_policy()
    return _member(_numpy, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy)})


#: what ``from minpy.numpy import *`` gives: the names that NumPy gives, and those of MXNet's operators
__all__ = [name for name in _numpy.__all__ if not name.startswith("_")]
__all__ += [name for name in _FUNCTIONS if not hasattr(_numpy, name) and "." not in name]
