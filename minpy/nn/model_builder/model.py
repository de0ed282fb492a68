"""``Model``: a network of modules and a loss, for the solver; and its summary."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import layers
from minpy.nn.model import ModelBase
from minpy.nn.model_builder.layers import Layer
from minpy.nn.model_builder.module import MODE, Container, Module, Shape

#: Losses by name: functions of what the model predicts and of the label.
LOSSES = {
    "softmax": layers.softmax_loss,
    "l2": layers.l2_loss,
    "l1": layers.l1_loss,
    "svm": layers.svm_loss,
}


class Model(ModelBase):
    """A network as a model for the solver.

    Args:
        net: the network.
        loss: 'softmax', 'l2', 'l1' or 'svm', for the functions of ``minpy.nn.layers``, or a function of
            prediction and label.
        input_shape: the shape of an example. Batches may come in any shape of as many elements. Where ``net``
            begins with images, (3 * 32 * 32,) stands for a square one of three channels, and (28 * 28,) for
            one of a single channel.

    Raises:
        ModelError: for shapes that do not fit, names that are taken twice and losses that there are not.
    """

    def __init__(self, net: Module, loss: str | Callable[[Any, Any], Any], input_shape: Any):
        super().__init__()
        if not isinstance(net, Module):
            raise ModelError(f"Model takes a module, such as Sequential(...), not {net!r}")
        if not callable(loss) and loss not in LOSSES:
            raise ModelError(f"the loss is a function or one of {', '.join(map(repr, LOSSES))}, not {loss!r}")
        self.net = net
        self._loss = loss if callable(loss) else LOSSES[loss]
        self.input_shape = _fitting_shape(net, input_shape)
        self.output_shape = net.output_shape(self.input_shape)
        _give_names(net)
        settings = net.parameter_settings()
        for name, shape in net.parameter_shape(self.input_shape).items():
            self.add_param(name, shape, **settings.get(name, {}))
        for name, value in net.aux_parameters(self.input_shape).items():
            self.add_aux_param(name, value)
        if MODE in {**self.params, **self.aux_params}:
            raise ModelError(f"a parameter cannot be called {MODE!r}: there modules find 'train' or 'test'")

    def forward(self, X: Any, mode: str) -> Any:
        params = {**self.params, **self.aux_params, MODE: mode}
        predict = self.net.forward(np.reshape(X, (X.shape[0], *self.input_shape)), params)
        for name in self.aux_params:
            self.aux_params[name] = params[name]
        return predict

    def loss(self, predict: Any, y: Any) -> Any:
        return self._loss(predict, y)

    def summary(self) -> str:
        """A table of the modules: the shapes of outputs and of parameters, and how many numbers these are."""
        rows = [("Module", "Output shape", "Parameters", "Count"), ("input", str(self.input_shape), "", "")]
        seen: set[int] = set()
        for depth, module, shape in _tree(self.net, self.input_shape):
            own = {} if isinstance(module, Container) else module.parameter_shape(shape)
            count = f"{sum(map(math.prod, own.values())):,}" if own else ""
            rows.append(
                (
                    "  " * depth + " ".join(filter(None, [type(module).__name__, module.name])),
                    str(module.output_shape(shape)),
                    ", ".join(f"{name.removeprefix(f'{module.name}_')} {size}" for name, size in own.items()),
                    "shared" if own and id(module) in seen else count,
                )
            )
            seen.add(id(module))
        total = sum(math.prod(config["shape"]) for config in self.param_configs.values())
        rows.append(("total", "", "", f"{total:,}"))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3].rjust(widths[3])]) for row in rows]
        rule = "-" * len(lines[0])
        return "\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:-1], rule, lines[-1]))

    __str__ = summary


def _tree(module: Module, shape: Shape, depth: int = 0) -> Iterator[tuple[int, Module, Shape]]:
    """A module and all that are in it, with the shapes of their inputs."""
    yield depth, module, shape
    for part, part_shape in module.parts(shape):
        yield from _tree(part, part_shape, depth + 1)


def _fitting_shape(net: Module, input_shape: Any) -> Shape:
    """``input_shape`` as a tuple, and as an image where it is flat and the network begins with one."""
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else (input_shape,)
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ModelError(f"input_shape is a tuple of positive integers, not {input_shape!r}")
    try:
        net.output_shape(shape)
    except ModelError:
        # No number is both a square and three times one, so there is no choice.
        for channels in (1, 3):
            side = math.isqrt(shape[0] // channels)
            if len(shape) == 1 and channels * side * side == shape[0]:
                image = (channels, side, side)
                try:
                    net.output_shape(image)
                except ModelError:
                    break
                return image
        raise
    return shape


def _give_names(net: Module) -> None:
    """Names for the layers that have none: 'affine0', 'affine1', ... in the order of the network."""
    found = list(_layers(net, set()))
    taken = {layer.name for layer in found}
    for layer in found:
        if layer.name is None:
            names = (f"{layer.kind}{i}" for i in itertools.count())
            layer.name = next(name for name in names if name not in taken)
            taken.add(layer.name)


def _layers(value: Any, seen: set[int]) -> Iterator[Layer]:
    """The layers in a module, also in the attributes of modules of one's own."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Layer):
        yield value
    if isinstance(value, Module):
        value = list(vars(value).values())
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _layers(part, seen)
