"""Functions of neural networks on arrays: differentiable to any order, eager and compiled.

Images are (batch, channels, height, width). Convolution, pooling and normalization are MXNet's own operators,
forward and backward; the rest is written in NumPy's words, which ``minpy.jit`` compiles with its caller.
"""

from __future__ import annotations

from typing import Any

import minpy.numpy as np
from minpy.core import stop_gradient
from minpy.ops import FUNCTIONS

conv1d, conv2d, conv3d = (FUNCTIONS[f"nn.conv{count}d"] for count in (1, 2, 3))
max_pool1d, max_pool2d, max_pool3d = (FUNCTIONS[f"nn.max_pool{count}d"] for count in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = (FUNCTIONS[f"nn.avg_pool{count}d"] for count in (1, 2, 3))
relu, sigmoid, softmax, log_softmax = (FUNCTIONS[n] for n in ("relu", "sigmoid", "softmax", "log_softmax"))
one_hot = FUNCTIONS["one_hot"]
_batch_moments, standardize = FUNCTIONS["nn.batch_moments"], FUNCTIONS["nn.standardize"]
_seeded = FUNCTIONS["nn.seeded"]

__all__ = [
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "conv1d", "conv2d", "conv3d", "dropout"),
    *("embedding", "layer_norm", "log_softmax", "max_pool1d", "max_pool2d", "max_pool3d", "one_hot", "relu"),
    *("sigmoid", "softmax", "standardize"),
]


def batch_norm(
    x: Any,
    gamma: Any,
    beta: Any,
    mean: Any,
    var: Any,
    mode: str = "train",
    momentum: float = 0.9,
    eps: float = 1e-5,
) -> tuple[Any, Any, Any]:
    """Each channel shifted and scaled to mean ``beta`` and standard deviation ``gamma``.

    Ioffe and Szegedy, "Batch Normalization" (2015), https://arxiv.org/abs/1502.03167. In mode 'train' mean
    and variance are those of the batch, and ``mean`` and ``var`` follow them slowly; in mode 'test' these
    are used.

    Args:
        x: (batch, channels, ...), at least two axes.
        gamma, beta, mean, var: (channels,).
        mode: 'train' or 'test'.
        momentum: how much of the old ``mean`` and ``var`` stays.
        eps: added to the variance.

    Returns:
        The result, and the new ``mean`` and ``var``, through which no gradient flows.

    Raises:
        ValueError: for another mode.
    """
    if mode not in ("train", "test"):
        raise ValueError(f"batch_norm: the mode is 'train' or 'test', not {mode!r}")
    if mode == "test":
        shape = (1, -1) + (1,) * (x.ndim - 2)
        scale = gamma / np.sqrt(var + eps)
        return x * np.reshape(scale, shape) + np.reshape(beta - mean * scale, shape), mean, var
    y, batch_mean, batch_var = _batch_moments(x, gamma, beta, eps)
    new_mean = momentum * mean + (1 - momentum) * stop_gradient(batch_mean)
    new_var = momentum * var + (1 - momentum) * stop_gradient(batch_var)
    return y, new_mean, new_var


def layer_norm(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """Each row along the last axis shifted and scaled to mean ``beta`` and standard deviation ``gamma``.

    Ba, Kiros and Hinton, "Layer Normalization" (2016), https://arxiv.org/abs/1607.06450.

    Args:
        x: (..., features).
        gamma, beta: (features,).
        eps: added to the variance.
    """
    return standardize(x, eps) * gamma + beta


def dropout(x: Any, rate: float, mode: str = "train", seed: int | None = None) -> Any:
    """In mode 'train' an element is 0 with the probability ``rate``, and the others are divided by 1 - rate.

    Srivastava et al., "Dropout" (2014). The random numbers come from ``minpy.numpy.random``, or with a
    ``seed`` are the same each time. In mode 'test' the result is ``x``.

    Raises:
        ValueError: for another mode, or a rate outside of 0 <= rate < 1.
    """
    if mode not in ("train", "test"):
        raise ValueError(f"dropout: the mode is 'train' or 'test', not {mode!r}")
    if rate is None or isinstance(rate, (str, bool)) or not 0 <= rate < 1:
        raise ValueError(f"dropout: the rate is at least 0 and less than 1, not {rate!r}")
    if mode == "test" or rate == 0:
        return x
    shape = np.shape(x)
    kept = (np.random.uniform(size=shape) if seed is None else _seeded(seed, shape)) >= rate
    return x * (kept / (1 - rate)).astype(x.dtype)


def embedding(indices: Any, weights: Any) -> Any:
    """The rows of ``weights`` (vocabulary, features) at integer ``indices`` of any shape: (..., features)."""
    return weights[indices]
