"""Another module, whose functions and variables programs use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import minpy.numpy as np

OFFSET = 0
activation: Any = np.tanh


def negated(x: Any) -> Any:
    """Without arrays of its own."""
    return -x


def shifted(x: Any) -> Any:
    """By a global variable of this module."""
    return x + OFFSET


def layers(x: Any, *weights: Any, squash: Any = np.tanh) -> Iterator[Any]:
    """The values after each layer."""
    for w in weights:
        x = squash(np.dot(x, w))
        yield x


class Affine:
    """A layer with weights."""

    def __init__(self, w: Any, b: Any = 0.0):
        self.w = w
        self.b = b

    def __call__(self, x: Any) -> Any:
        return x @ self.w + self.b
