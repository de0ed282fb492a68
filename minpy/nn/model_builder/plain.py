"""Modules without parameters."""

from __future__ import annotations

import math
from typing import Any

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import layers
from minpy.nn.model_builder.module import MODE, Module, Shape
from minpy.nn.model_builder.shapes import pair, require_image, window_places


class Identity(Module):
    """Gives what it gets. Also the base of modules that keep the shape."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return input

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class ReLU(Identity):
    """The elements above 0, and 0 for the others."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return layers.relu(input)


class Sigmoid(Identity):
    """1 / (1 + exp(-x)) of each element."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return layers.sigmoid(input)


class Tanh(Identity):
    """The hyperbolic tangent of each element."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return np.tanh(input)


class Dropout(Identity):
    """In training an element is 0 with this probability, and the others are larger: ``layers.dropout``."""

    def __init__(self, probability: float):
        if not 0 <= probability < 1:
            raise ModelError(f"Dropout: the probability is at least 0 and less than 1, not {probability!r}")
        self.probability = probability

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return layers.dropout(input, self.probability, params[MODE])


class Export(Identity):
    """Gives what it gets, and keeps it in ``storage[label]``, for a look at what is inside of a network."""

    def __init__(self, label: Any, storage: dict[Any, Any]):
        if label in storage:
            raise ModelError(f"Export: the storage has {label!r} already")
        storage[label] = None
        self.label, self.storage = label, storage

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        self.storage[self.label] = input
        return input


class Reshape(Module):
    """Examples in another shape, such as (3, 32, 32); one size may be -1, for what is left."""

    def __init__(self, shape: Shape):
        sizes = (shape,) if isinstance(shape, int) else shape
        if not isinstance(sizes, (tuple, list)) or not all(isinstance(n, int) for n in sizes):
            raise ModelError(f"Reshape takes a shape, such as (3, 32, 32), not {shape!r}")
        self.shape = tuple(sizes)

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return np.reshape(input, (input.shape[0], *self.shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        size, known = math.prod(input_shape), math.prod(n for n in self.shape if n != -1)
        fits = self.shape.count(-1) <= 1 and min(self.shape, default=1) >= -1 and known > 0
        if not fits or (size % known if -1 in self.shape else size != known):
            raise ModelError(f"Reshape({self.shape}) gets {input_shape}, which has {size} elements")
        return tuple(size // known if n == -1 else n for n in self.shape)


class Flatten(Module):
    """Examples as vectors."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return np.reshape(input, (input.shape[0], -1))

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)


class Pooling(Module):
    """The largest element, the mean or the sum of each window of images (channels, height, width).

    Args:
        mode: 'max', 'avg' or 'sum'; padded zeros take part in a mean.
        kernel_shape: (height, width) of the window, or one number; None for a window as large as the image.
        stride, pad: along both axes, or one number.
    """

    def __init__(self, mode: str, kernel_shape: Any = None, stride: Any = (1, 1), pad: Any = (0, 0)):
        if mode not in ("max", "avg", "sum"):
            raise ModelError(f"Pooling: the mode is 'max', 'avg' or 'sum', not {mode!r}")
        self.mode, self.kernel_shape = mode, None if kernel_shape is None else pair(kernel_shape, 1)
        self.stride, self.pad = pair(stride, 1), pair(pad)

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        kernel = self.kernel_shape or input.shape[2:]
        kind = "max" if self.mode == "max" else "avg"
        pooled = layers.pooling(input, kind, kernel, self.stride, self.pad)
        return pooled * math.prod(kernel) if self.mode == "sum" else pooled

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, *sizes = require_image(self, input_shape)
        kernel = self.kernel_shape or tuple(sizes)
        return (channels, *window_places(self, input_shape, kernel, self.stride, self.pad))
