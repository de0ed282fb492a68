"""Networks made of modules, whose shapes follow from each other.

    net = Sequential(Convolution((7, 7), 32), ReLU(), Pooling("max", (2, 2), (2, 2)), Affine(10))
    model = Model(net, "softmax", (3, 32, 32))

The model declares the parameters of all modules, and ``minpy.nn.solver`` trains it like any other. Modules of
one's own have ``Module`` as their base. ``minpy.nn.model_gallery`` has well-known networks.
"""

from __future__ import annotations

from minpy.nn.model_builder.layers import GRU, LSTM, RNN, Affine, BatchNorm, Convolution
from minpy.nn.model_builder.model import Model
from minpy.nn.model_builder.module import Add, Concatenate, Module, Mul, Sequential, Sub
from minpy.nn.model_builder.plain import (
    Dropout,
    Export,
    Flatten,
    Identity,
    Pooling,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
)

#: The names of 0.3.3; images are normalized by channels by the same module.
BatchNormalization = SpatialBatchNormalization = BatchNorm

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Add",
    "Affine",
    "BatchNorm",
    "BatchNormalization",
    "Concatenate",
    "Convolution",
    "Dropout",
    "Export",
    "Flatten",
    "Identity",
    "Model",
    "Module",
    "Mul",
    "Pooling",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "SpatialBatchNormalization",
    "Sub",
    "Tanh",
]
