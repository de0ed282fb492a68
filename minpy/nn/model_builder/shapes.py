"""What modules say of shapes, and of sizes that are given to them."""

from __future__ import annotations

import operator
from typing import Any

from minpy.errors import ModelError
from minpy.nn.model_builder.module import Module, Shape


def require_count(what: str, number: Any) -> int:
    """A whole number from 1 on."""
    try:
        count = operator.index(number)
    except TypeError:
        count = 0
    if count < 1:
        raise ModelError(f"{what} takes a whole number from 1 on, not {number!r}")
    return count


def pair(size: Any, least: int = 0) -> tuple[int, int]:
    """One number for both axes of an image, or two."""
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sizes) != 2 or not all(isinstance(n, int) and n >= least for n in sizes):
        raise ModelError(f"a kernel, stride or pad is one whole number from {least} on or two, not {size!r}")
    return sizes


def require_image(module: Module, input_shape: Shape) -> Shape:
    if len(input_shape) != 3:
        raise ModelError(
            f"{module!r} takes images, (channels, height, width), and gets {input_shape}; put "
            f"Reshape((channels, height, width)) in front of it, or give the model such an input_shape"
        )
    return input_shape


def window_places(module: Module, image: Shape, kernel: Shape, stride: Shape, pad: Shape) -> Shape:
    """How many windows fit into an image, along both axes."""
    sizes = require_image(module, image)[1:]
    places = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sizes, kernel, stride, pad))
    if min(places) < 1:
        raise ModelError(
            f"{module!r}: a window {kernel} does not fit into an image {image} with the pad {pad}"
        )
    return places
