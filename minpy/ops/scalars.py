"""Which results NumPy gives as scalars (``numpy.float64`` and its kin), and not as arrays without axes.

The two differ where a program can see it: a scalar never changes, so ``y = x.sum(); y += 1`` leaves alone
whoever holds the old sum, and it counts as an integer between brackets.
"""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.aval import PYTHON_SCALARS

#: ops by which NumPy gives an array without axes, and those that give what their operand is. What a compiled
#: region gives is presented by the code behind it.
_GIVES_ARRAYS = frozenset(
    ("broadcast_to", "concatenate", "copy", "index_add", "index_put", "region", "where")
)
GIVES_ITS_OPERAND = frozenset(("as_in_context", "astype", "imag", "real", "reshape", "transpose"))


def is_scalar(x: Any) -> bool:
    """Whether ``x`` is a number and not an array."""
    known = getattr(x, "is_scalar", None)
    return isinstance(x, (numpy.generic, *PYTHON_SCALARS)) if known is None else known


def gives_scalar(name: str, args: tuple, params: dict[str, Any]) -> bool:
    """Whether a result without axes of the op ``name`` is a scalar."""
    if name in GIVES_ITS_OPERAND:
        return is_scalar(args[0])
    if name == "index":
        return Ellipsis not in params["template"]
    return name not in _GIVES_ARRAYS
