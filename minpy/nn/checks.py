"""Arguments that are not what they have to be: errors that name them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy

_INTEGERS = (int, numpy.integer)


def given(**arguments: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def require_counts(**counts: Any) -> None:
    """Raise ValueError for what is not a positive integer."""
    for name, value in counts.items():
        if not isinstance(value, _INTEGERS) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is a positive integer, not {value!r}")


def require_positive(**numbers: Any) -> None:
    """Raise ValueError for what is not a positive number."""
    for name, value in numbers.items():
        if not (isinstance(value, (*_INTEGERS, float, numpy.floating)) and value > 0):
            raise ValueError(f"{name} is a positive number, not {value!r}")


def require_finite_numbers(**numbers: Any) -> None:
    """Raise ValueError for what is not a finite number, or an array of one."""
    for name, value in numbers.items():
        try:
            is_one = math.isfinite(value)
        except TypeError:
            is_one = False
        if not is_one:
            raise ValueError(f"{name} is a finite number, not {value!r}")


def is_shape(shape: Any) -> bool:
    """Whether it is a tuple or list of positive integers."""
    return isinstance(shape, (tuple, list)) and all(
        isinstance(n, _INTEGERS) and not isinstance(n, bool) and n > 0 for n in shape
    )


def require_shapes(**shapes: Any) -> None:
    """Raise ValueError for what is not the shape of a batch."""
    for name, shape in shapes.items():
        if not is_shape(shape) or not shape:
            raise ValueError(
                f"the shape of {name} is a tuple of positive integers, the batch size first, not {shape!r}"
            )


def require_settings(**configs: Any) -> None:
    """Raise TypeError for what is not a dict."""
    for name, config in configs.items():
        if not isinstance(config, Mapping):
            raise TypeError(f"{name} is a dict of settings, not {config!r}")


def require_iterators(**iterators: Any) -> None:
    """Raise TypeError for what gives no batches."""
    for name, iterator in iterators.items():
        if not hasattr(iterator, "reset") or not (hasattr(iterator, "__iter__") or hasattr(iterator, "next")):
            raise TypeError(
                f"{name} gives batches by next() and reset(), which a {type(iterator).__name__} has not; "
                "NDArrayIter(data, label, batch_size) makes an iterator of arrays"
            )
