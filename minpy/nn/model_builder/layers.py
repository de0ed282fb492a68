"""Modules with parameters: each is a layer of ``minpy.nn.layers``, and says the shapes of what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import layers
from minpy.nn.model_builder.module import MODE, Module, Shape
from minpy.nn.model_builder.shapes import pair, require_count, require_image, window_places


class Layer(Module):
    """A module with parameters of its own, called by its name: ``affine0_weight``.

    Args:
        name: what their names begin with; the model gives one to a layer without: 'affine0', 'affine1', ...
        settings: for its parameters, by the ends of their names, ``init_rule``, ``init_config``,
            ``update_rule`` and ``optim_config``: ``{'weight': {'init_rule': 'he'}}``.
    """

    #: the name without its number
    kind: str
    #: the ends of its parameters' names, and their settings unless given
    own: dict[str, dict[str, Any]]

    def __init__(self, name: str | None = None, settings: Mapping[str, Mapping[str, Any]] | None = None):
        self.name = name
        unknown = set(settings or ()) - set(self.own)
        if unknown:
            raise ModelError(
                f"{type(self).__name__} has no parameter {', '.join(map(repr, sorted(unknown)))}; it has "
                f"{', '.join(map(repr, self.own))}"
            )
        self.settings = {part: {**own, **(settings or {}).get(part, {})} for part, own in self.own.items()}

    def full(self, part: str) -> str:
        """The name in the model of a parameter: of 'weight', 'affine0_weight'."""
        return f"{self.name or self.kind}_{part}"

    def taken(self, params: dict[str, Any], *parts: str) -> list[Any]:
        """The parameters of these names."""
        return [params[self.full(part)] for part in parts]

    def parameter_shape(self, input_shape: Shape) -> dict[str, Shape]:
        return {self.full(part): shape for part, shape in self.shapes(input_shape).items()}

    def parameter_settings(self) -> dict[str, dict[str, Any]]:
        return {self.full(part): config for part, config in self.settings.items() if config}

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """The shapes of its parameters, by the ends of their names."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name or ''})"


class Weighted(Layer):
    """A layer with a weight and, unless ``bias`` is False, a bias."""

    own = {"weight": {}, "bias": {}}
    bias: bool

    def weights(self, params: dict[str, Any]) -> tuple[Any, Any]:
        """The weight, and the bias or None."""
        return params[self.full("weight")], params[self.full("bias")] if self.bias else None

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        weight, outputs = self.weight_shape(input_shape)
        return {"weight": weight, "bias": (outputs,)} if self.bias else {"weight": weight}

    def weight_shape(self, input_shape: Shape) -> tuple[Shape, int]:
        """The shape of the weight, and how many elements a bias has."""
        raise NotImplementedError


class Affine(Weighted):
    """A fully connected layer, x @ weight + bias. An example of several axes is flattened.

    Args:
        hidden_number: how many outputs an example has.
        bias: whether one is added.
        name, settings: see ``Layer``.
    """

    kind = "affine"

    def __init__(self, hidden_number: int, bias: bool = True, **options: Any):
        super().__init__(**options)
        self.hidden_number, self.bias = require_count("Affine", hidden_number), bias

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return layers.affine(input, *self.weights(params))

    def output_shape(self, input_shape: Shape) -> Shape:
        return (self.hidden_number,)

    def weight_shape(self, input_shape: Shape) -> tuple[Shape, int]:
        return (math.prod(input_shape), self.hidden_number), self.hidden_number


class Convolution(Weighted):
    """Convolution of images (channels, height, width) by ``kernel_number`` kernels of one shape.

    Args:
        kernel_shape: (height, width), or one number for both.
        kernel_number: how many channels an output has.
        stride, pad: along both axes, or one number; ``pad`` counts at both ends.
        bias: whether one is added to each channel.
        name, settings: see ``Layer``.
    """

    kind = "convolution"

    def __init__(
        self,
        kernel_shape: Any,
        kernel_number: int,
        stride: Any = (1, 1),
        pad: Any = (0, 0),
        bias: bool = True,
        **options: Any,
    ):
        super().__init__(**options)
        self.kernel_shape = pair(kernel_shape, 1)
        self.kernel_number = require_count("Convolution", kernel_number)
        self.stride, self.pad, self.bias = pair(stride, 1), pair(pad), bias

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        return layers.convolution(input, *self.weights(params), self.stride, self.pad)

    def output_shape(self, input_shape: Shape) -> Shape:
        places = window_places(self, input_shape, self.kernel_shape, self.stride, self.pad)
        return (self.kernel_number, *places)

    def weight_shape(self, input_shape: Shape) -> tuple[Shape, int]:
        channels = require_image(self, input_shape)[0]
        return (self.kernel_number, channels, *self.kernel_shape), self.kernel_number


class BatchNorm(Layer):
    """Batch normalization of vectors, or of images by channels.

    The running mean and variance are auxiliary parameters of the model.

    Args:
        epsilon: added to the variance.
        momentum: how much of the running mean and variance stays at each batch.
    """

    kind = "batchnorm"
    own = {
        "gamma": {"init_rule": "constant", "init_config": {"value": 1.0}},
        "beta": {"init_rule": "constant"},
    }

    def __init__(self, epsilon: float = 1e-5, momentum: float = 0.9, **options: Any):
        super().__init__(**options)
        self.epsilon, self.momentum = epsilon, momentum

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        gamma, beta, mean, var = self.taken(params, "gamma", "beta", "running_mean", "running_var")
        output, mean, var = layers.batchnorm(
            input, gamma, beta, params[MODE], self.epsilon, self.momentum, mean, var
        )
        params[self.full("running_mean")], params[self.full("running_var")] = mean, var
        return output

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        if len(input_shape) not in (1, 3):
            raise ModelError(
                f"{self!r} takes vectors or images, (channels, height, width), not {input_shape}"
            )
        return {"gamma": input_shape[:1], "beta": input_shape[:1]}

    def aux_parameters(self, input_shape: Shape) -> dict[str, Any]:
        channels = input_shape[0]
        return {
            self.full("running_mean"): numpy.zeros(channels),
            self.full("running_var"): numpy.ones(channels),
        }


class Recurrent(Layer):
    """A recurrent layer over sequences (steps, features), which begins with zeros.

    Args:
        hidden_number: H, the size of its state.
        sequences: whether it gives the states of all steps, (steps, H), for another recurrent layer, or the
            last one, (H,).
    """

    #: for each group of parameters its end, and how many times H it is wide
    widths: dict[str, int]
    #: the layer on arrays, from the sequences and the first state to the states of all steps
    temporal: Callable[..., Any]

    def __init__(self, hidden_number: int, sequences: bool = False, **options: Any):
        super().__init__(**options)
        self.hidden_number, self.sequences = require_count(type(self).__name__, hidden_number), sequences

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        state = np.zeros((input.shape[0], self.hidden_number), dtype=input.dtype)
        states = self.temporal(input, state, *self.taken(params, *self.own))
        return states if self.sequences else states[:, -1]

    def output_shape(self, input_shape: Shape) -> Shape:
        steps, _ = self._sequence(input_shape)
        return (steps, self.hidden_number) if self.sequences else (self.hidden_number,)

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        _, features = self._sequence(input_shape)
        found: dict[str, Shape] = {}
        for end, times in self.widths.items():
            width = times * self.hidden_number
            found |= {
                f"Wx{end}": (features, width),
                f"Wh{end}": (self.hidden_number, width),
                f"b{end}": (width,),
            }
        return found

    def _sequence(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ModelError(f"{self!r} takes sequences (steps, features), not {input_shape}; use Reshape")
        return input_shape


class RNN(Recurrent):
    """A recurrent layer with tanh, ``layers.rnn_step``; arguments as of ``Recurrent``."""

    kind, widths, own = "rnn", {"": 1}, {"Wx": {}, "Wh": {}, "b": {}}
    temporal = staticmethod(layers.rnn_temporal)


class LSTM(Recurrent):
    """A long short-term memory, ``layers.lstm_step``; arguments as of ``Recurrent``."""

    kind, widths, own = "lstm", {"": 4}, {"Wx": {}, "Wh": {}, "b": {}}
    temporal = staticmethod(layers.lstm_temporal)


class GRU(Recurrent):
    """A gated recurrent unit, ``layers.gru_step``; arguments as of ``Recurrent``."""

    kind, widths = "gru", {"": 2, "h": 1}
    own = {"Wx": {}, "Wh": {}, "b": {}, "Wxh": {}, "Whh": {}, "bh": {}}
    temporal = staticmethod(layers.gru_temporal)
