"""What functions may ask of the content of an array when they decide what their result is made of."""

from __future__ import annotations

from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import is_float
from minpy.ops.op import as_operand, holds_box


def content(x: Any, what: str, may_flow: bool = True) -> numpy.ndarray:
    """``x`` as NumPy's array, to see which elements go where; ``what`` names it in the error.

    Raises:
        UnsupportedError: for an array of the compiler that is known at run time only, and for one of floats
            that a gradient is asked for unless it ``may_flow`` on another way.
    """
    if not holds_box(x):
        return numpy.asarray(x)
    x = as_operand(x)
    if hasattr(x, "raw"):
        found = x.raw() if may_flow or not flows(x) else None
    else:
        found = getattr(x, "known", None)
    if found is None:
        raise UnsupportedError(f"{what} is an array that is computed")
    return found


def static(x: Any, what: str) -> numpy.ndarray:
    """``content`` of an argument by which the result has no gradient, so that none is lost in silence."""
    return content(x, what, may_flow=False)


def flows(x: Any) -> bool:
    """Whether a gradient is asked for through ``x``, in eager mode."""
    return hasattr(x, "is_traced") and is_float(x.dtype) and x.is_traced()
