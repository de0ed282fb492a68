"""Well-known networks, made with ``minpy.nn.model_builder``.

    model = builder.Model(gallery.cifar_resnet(20), "softmax", (3, 32, 32))

Each call makes a new network. Weights start by the rule 'he' and biases with zeros, whatever the rule of the
solver. Inputs are images (channels, height, width), but for ``mlp``.
"""

from __future__ import annotations

from typing import Any

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn.model_builder import (
    Affine,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Identity,
    Module,
    Pooling,
    ReLU,
    Sequential,
)

_HE = {"weight": {"init_rule": "he"}, "bias": {"init_rule": "constant"}}
_VGG = {  # how many convolutions with 64, 128, 256, 512 and 512 channels
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def mlp(*sizes: int) -> Module:
    """Fully connected layers of these sizes, the last one that of the output, with ``ReLU`` between them."""
    if not sizes:
        raise ModelError("mlp takes the sizes of its layers, such as mlp(512, 10)")
    net = Sequential(_affine(sizes[0]))
    for size in sizes[1:]:
        net.append(ReLU())
        net.append(_affine(size))
    return net


def lenet(classes: int = 10) -> Module:
    """LeNet-5 with ``ReLU`` and the largest of each window, for images of 28 by 28.

    LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """
    return Sequential(
        Convolution(5, 6, pad=2, settings=_HE),
        ReLU(),
        Pooling("max", 2, 2),
        Convolution(5, 16, settings=_HE),
        ReLU(),
        Pooling("max", 2, 2),
        Flatten(),
        mlp(120, 84, classes),
    )


def vgg(depth: int = 16, classes: int = 1000, batch_norm: bool = False, hidden: int = 4096) -> Module:
    """VGG of 11, 13, 16 or 19 layers with weights, for images of 224 by 224, or any size from 32 on.

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2014).

    Args:
        depth: 11, 13, 16 or 19: the networks A, B, D and E of the paper.
        classes: how many outputs.
        batch_norm: whether the output of each convolution is normalized.
        hidden: the size of the two fully connected layers.
    """
    if depth not in _VGG:
        raise ModelError(f"VGG has {', '.join(map(str, _VGG))} layers, not {depth!r}")
    net = Sequential()
    for count, channels in zip(_VGG[depth], (64, 128, 256, 512, 512)):
        for _ in range(count):
            net.append(Convolution(3, channels, pad=1, settings=_HE))
            if batch_norm:
                net.append(BatchNorm())
            net.append(ReLU())
        net.append(Pooling("max", 2, 2))
    net.append(Flatten())
    for _ in range(2):
        net.append(Sequential(_affine(hidden), ReLU(), Dropout(0.5)))
    net.append(_affine(classes))
    return net


def cifar_resnet(depth: int = 20, classes: int = 10) -> Module:
    """The residual network of ``depth`` 20, 32, 44, 56, 110, ... layers for CIFAR-10, images of 32 by 32.

    He et al., "Deep residual learning for image recognition" (2015), section 4.2, with the shortcuts A.
    """
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ModelError(f"this network has 6n + 2 layers, such as 20, 32 and 56, not {depth!r}")
    net = Sequential(_convolution(3, 16), BatchNorm(), ReLU())
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(blocks):
            first = stage > 0 and block == 0
            net.append(_residual(channels, 2 if first else 1, PaddedShortcut() if first else Identity()))
    return _classified(net, classes)


def resnet18(classes: int = 1000) -> Module:
    """The residual network of 18 layers for images of 224 by 224.

    He et al., "Deep residual learning for image recognition" (2015), table 1, with the shortcuts B.
    """
    net = Sequential(_convolution(7, 64, 2), BatchNorm(), ReLU(), Pooling("max", 3, 2, pad=1))
    for stage, channels in enumerate((64, 128, 256, 512)):
        for block in range(2):
            if stage > 0 and block == 0:
                projected = Sequential(_convolution(1, channels, 2), BatchNorm())
                net.append(_residual(channels, 2, projected))
            else:
                net.append(_residual(channels, 1, Identity()))
    return _classified(net, classes)


class PaddedShortcut(Module):
    """Every second pixel, and as many channels of zeros behind: half the size, twice the channels."""

    def forward(self, input: Any, params: dict[str, Any]) -> Any:
        input = input[:, :, ::2, ::2]
        return np.concatenate([input, np.zeros_like(input)], axis=1)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        channels, height, width = input_shape
        return (2 * channels, (height + 1) // 2, (width + 1) // 2)


def _residual(channels: int, stride: int, shortcut: Module) -> Module:
    """What two convolutions add to the shortcut, at half the size where the stride is 2."""
    change = Sequential(
        _convolution(3, channels, stride), BatchNorm(), ReLU(), _convolution(3, channels), BatchNorm()
    )
    return Sequential(change + shortcut, ReLU())


def _classified(net: Sequential, classes: int) -> Module:
    """With the mean of each channel, and scores of classes from it."""
    for module in (Pooling("avg"), Flatten(), _affine(classes)):
        net.append(module)
    return net


def _convolution(kernel: int, channels: int, stride: int = 1) -> Module:
    """One whose output has the size of the input over the stride; its bias is that of the normalization."""
    return Convolution(kernel, channels, stride, pad=kernel // 2, bias=False, settings=_HE)


def _affine(size: int) -> Module:
    return Affine(size, settings=_HE)
