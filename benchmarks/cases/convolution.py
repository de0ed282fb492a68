"""Convolutional networks: that of MinPy's tutorial, and ResNet-20 (He et al. 2015). Full training steps.

NumPy has no convolution, so each library brings its own layers; the networks are written once. Images are
(batch, channels, height, width). MXNet wants sizes (filters, hidden) in words, which the others ignore.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from benchmarks.work import Symbol, Work, normal, one_hot, transposed

CLASSES = 10
EPSILON = 1e-5
STAGES, BLOCKS = (16, 32, 64), 3


def cnn(layers: Any) -> Callable:
    """7x7 convolution with 32 filters, relu, 2x2 pooling, 512 hidden units, 10 classes."""

    def loss(params, x, y):
        kernel, bias, w1, b1, w2, b2 = params
        h = layers.relu(layers.conv(x, kernel, bias, filters=32, size=7))
        h = layers.flatten(layers.max_pool(h))
        h = layers.relu(layers.dense(h, w1, b1, hidden=512))
        return layers.cross_entropy(layers.dense(h, w2, b2, hidden=CLASSES), y)

    return loss


def resnet(layers: Any) -> Callable:
    """20 layers in three stages of three blocks, with a 1x1 convolution beside where shapes change."""

    def unit(x, params, filters, size=3, stride=1):
        kernel, gamma, beta = params
        x = layers.conv(x, kernel, filters=filters, size=size, stride=stride, padding=size // 2)
        return layers.batch_norm(x, gamma, beta)

    def loss(params, x, y):
        units = [params[i : i + 3] for i in range(0, len(params) - 2, 3)]
        x = layers.relu(unit(x, units[0], STAGES[0]))
        at = 1
        for stage, filters in enumerate(STAGES):
            for block in range(BLOCKS):
                stride = 2 if stage > 0 and block == 0 else 1
                h = layers.relu(unit(x, units[at], filters, stride=stride))
                h = unit(h, units[at + 1], filters)
                at += 2
                if stride == 2:
                    x = unit(x, units[at], filters, size=1, stride=2)
                    at += 1
                x = layers.relu(h + x)
        return layers.cross_entropy(layers.dense(layers.mean(x), params[-2], params[-1], hidden=CLASSES), y)

    return loss


class MinPyLayers:
    """MinPy: ``minpy.nn.functional`` for what NumPy lacks, NumPy for the rest."""

    def __init__(self, np: Any):
        import minpy.nn.functional as F

        self.np, self.F = np, F

    def conv(self, x, kernel, bias=None, filters=0, size=0, stride=1, padding=0):
        return self.F.conv2d(x, kernel, bias, stride, padding)

    def max_pool(self, x):
        return self.F.max_pool2d(x, 2)

    def batch_norm(self, x, gamma, beta):
        mean, variance = self.np.zeros_like(beta), self.np.ones_like(gamma)
        return self.F.batch_norm(x, gamma, beta, mean, variance, eps=EPSILON)[0]

    def relu(self, x):
        return self.F.relu(x)

    def flatten(self, x):
        return self.np.reshape(x, (x.shape[0], -1))

    def mean(self, x):
        return self.np.mean(x, axis=(2, 3))

    def dense(self, x, w, b, hidden=0):
        return self.np.dot(x, w) + b

    def cross_entropy(self, scores, y):
        return -self.np.mean(self.np.sum(y * self.F.log_softmax(scores), axis=1))


class JaxLayers:
    """JAX: XLA's operations."""

    def __init__(self, np: Any):
        import jax

        self.np, self.jax = np, jax

    def conv(self, x, kernel, bias=None, filters=0, size=0, stride=1, padding=0):
        x = self.jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(padding, padding)] * 2)
        return x if bias is None else x + bias[:, None, None]

    def max_pool(self, x):
        lax = self.jax.lax
        return lax.reduce_window(x, -self.np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def batch_norm(self, x, gamma, beta):
        mean, variance = (f(x, axis=(0, 2, 3), keepdims=True) for f in (self.np.mean, self.np.var))
        scale = gamma[:, None, None] / self.np.sqrt(variance + EPSILON)
        return (x - mean) * scale + beta[:, None, None]

    def relu(self, x):
        return self.jax.nn.relu(x)

    def flatten(self, x):
        return x.reshape(x.shape[0], -1)

    def mean(self, x):
        return x.mean((2, 3))

    def dense(self, x, w, b, hidden=0):
        return x @ w + b

    def cross_entropy(self, scores, y):
        return -self.np.mean(self.np.sum(y * self.jax.nn.log_softmax(scores), axis=1))


class TorchLayers:
    """PyTorch: its functional interface."""

    def __init__(self) -> None:
        import torch

        self.torch, self.F = torch, torch.nn.functional

    def conv(self, x, kernel, bias=None, filters=0, size=0, stride=1, padding=0):
        return self.F.conv2d(x, kernel, bias, stride, padding)

    def max_pool(self, x):
        return self.F.max_pool2d(x, 2)

    def batch_norm(self, x, gamma, beta):
        return self.F.batch_norm(x, None, None, gamma, beta, training=True, eps=EPSILON)

    def relu(self, x):
        return self.F.relu(x)

    def flatten(self, x):
        return x.flatten(1)

    def mean(self, x):
        return x.mean((2, 3))

    def dense(self, x, w, b, hidden=0):
        return self.torch.addmm(b, x, w)

    def cross_entropy(self, scores, labels):
        return self.F.cross_entropy(scores, labels)


class MXNetLayers:
    """MXNet: its operators; ``states`` are the moving statistics of batch normalization, in order."""

    def __init__(self, F: Any, states: tuple):
        self.F, self.states = F, iter(states)

    def conv(self, x, kernel, bias=None, filters=0, size=0, stride=1, padding=0):
        return self.F.Convolution(
            *((x, kernel) if bias is None else (x, kernel, bias)),
            num_filter=filters,
            kernel=(size, size),
            stride=(stride, stride),
            pad=(padding, padding),
            no_bias=bias is None,
        )

    def max_pool(self, x):
        return self.F.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")

    def batch_norm(self, x, gamma, beta):
        mean, variance = next(self.states), next(self.states)
        return self.F.BatchNorm(x, gamma, beta, mean, variance, fix_gamma=False, eps=EPSILON)

    def relu(self, x):
        return self.F.Activation(x, act_type="relu")

    def flatten(self, x):
        return self.F.Flatten(x)

    def mean(self, x):
        return self.F.Flatten(self.F.Pooling(x, global_pool=True, pool_type="avg", kernel=(1, 1)))

    def dense(self, x, w, b, hidden=0):
        return self.F.FullyConnected(x, w, b, num_hidden=hidden)

    def cross_entropy(self, scores, labels):
        return -self.F.mean(self.F.pick(self.F.log_softmax(scores), labels))


def torch_loss(network: Callable) -> Callable:
    return lambda params, x, labels: network(TorchLayers())(params, x, labels)


def symbol(network: Callable) -> Callable:
    return lambda F, params, x, labels, *states: network(MXNetLayers(F, states))(params, x, labels)


def cnn_model() -> Any:
    """The network ``cnn`` as a user of ``minpy.nn`` writes it."""
    import minpy.numpy as np
    from minpy.nn import functional, layers
    from minpy.nn.model import ModelBase

    class CNN(ModelBase):
        def __init__(self) -> None:
            super().__init__()
            self.add_param("kernel", (32, 3, 7, 7)).add_param("bias", (32,))
            self.add_param("w1", (32 * 13 * 13, 512)).add_param("b1", (512,))
            self.add_param("w2", (512, CLASSES)).add_param("b2", (CLASSES,))

        def forward(self, X, mode):
            p = self.params
            h = functional.max_pool2d(layers.relu(functional.conv2d(X, p["kernel"], p["bias"])), 2)
            h = layers.relu(layers.affine(np.reshape(h, (h.shape[0], -1)), p["w1"], p["b1"]))
            return layers.affine(h, p["w2"], p["b2"])

        def loss(self, predict, y):
            return layers.softmax_loss(predict, y)

    return CNN()


def _work(
    network: Callable,
    title: str,
    batch: int,
    params: list,
    channels: tuple = (),
    tolerance: float = 5e-3,
    model: Callable | None = None,
) -> Work:
    labels = numpy.random.RandomState(0).randint(0, CLASSES, batch)
    x = normal(1, batch, 3, 32, 32)
    states = [f(c, dtype="float32") for c in channels for f in (numpy.zeros, numpy.ones)]
    matrices = [i for i, p in enumerate(params) if p.ndim == 2]
    return Work(
        title=f"{title}, batch {batch}, 3 x 32 x 32, full step",
        kind="step",
        params=params,
        data=[x, one_hot(labels, CLASSES)],
        minpy=lambda np: network(MinPyLayers(np)),
        jax=lambda np: network(JaxLayers(np)),
        torch=torch_loss(network),
        torch_data=[x, labels],
        symbol=Symbol(symbol(network), [x, labels.astype("float32"), *states], **transposed(*matrices)),
        tolerance=tolerance,
        model=model,
        rate=0.01,
    )


def cnn_work() -> Work:
    params = [
        normal(2, 32, 3, 7, 7, scale=0.08),
        normal(3, 32, scale=0.1),
        normal(4, 32 * 13 * 13, 512, scale=0.02),
        normal(5, 512, scale=0.1),
        normal(6, 512, CLASSES, scale=0.05),
        normal(7, CLASSES, scale=0.1),
    ]
    return _work(cnn, "convolutional network of the tutorial", 128, params, model=cnn_model)


def resnet_work() -> Work:
    shapes = [(STAGES[0], 3, 3)]  # filters, channels, size
    for stage, filters in enumerate(STAGES):
        for block in range(BLOCKS):
            before = STAGES[stage - 1] if stage > 0 and block == 0 else filters
            shapes += [(filters, before, 3), (filters, filters, 3)]
            if before != filters:
                shapes.append((filters, before, 1))
    params = []
    for i, (filters, before, size) in enumerate(shapes):
        scale = (2 / (before * size * size)) ** 0.5
        kernel = normal(10 + i, filters, before, size, size, scale=scale)
        params += [kernel, numpy.ones(filters, "float32"), numpy.zeros(filters, "float32")]
    params += [normal(8, STAGES[-1], CLASSES, scale=0.1), normal(9, CLASSES, scale=0.1)]
    # In float32 a few of the millions of inputs of relu get the other sign, each of which moves the gradients
    # of some filters by a percent; in float64 the libraries agree to 13 digits.
    return _work(resnet, "ResNet-20", 32, params, tuple(shape[0] for shape in shapes), tolerance=0.05)


WORKS = {"cnn": cnn_work, "resnet20": resnet_work}
