"""The layers and losses of networks, as functions of arrays. They are plain NumPy, and differentiable.

N is the size of a batch, D the number of features, C that of classes or channels, H the size of a state, T
the number of steps of a sequence. Losses stand in ``losses.py``, recurrent layers in ``recurrent.py``.
"""

from __future__ import annotations

import math
from typing import Any

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.nn import functional
from minpy.nn.functional import layer_norm, log_softmax, relu, sigmoid, softmax
from minpy.nn.losses import (
    huber_loss,
    l1_loss,
    l2_loss,
    logistic_loss,
    softmax_cross_entropy,
    softmax_loss,
    svm_loss,
    temporal_softmax_loss,
)
from minpy.nn.recurrent import gru_step, gru_temporal, lstm_step, lstm_temporal, rnn_step, rnn_temporal
from minpy.ops import FUNCTIONS

try:
    from minpy.scipy.special import erf
except ModuleNotFoundError as missing:  # which SciPy is where only MinPy is installed
    if missing.name is None or missing.name.partition(".")[0] != "scipy":
        raise
    erf = None

__all__ = [
    "affine",
    "attention",
    "batchnorm",
    "convolution",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "group_norm",
    "gru_step",
    "gru_temporal",
    "huber_loss",
    "l1_loss",
    "l2_loss",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "logistic_loss",
    "lstm_step",
    "lstm_temporal",
    "pooling",
    "relu",
    "rnn_step",
    "rnn_temporal",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softmax_loss",
    "svm_loss",
    "tanh",
    "temporal_affine",
    "temporal_softmax_loss",
]

# Activations ------------------------------------------------------------------------------------

tanh = np.tanh


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x, times ``slope`` where it is negative: Maas, Hannun and Ng, "Rectifier Nonlinearities" (2013)."""
    return np.where(x > 0, x, slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, and alpha * (exp(x) - 1) where it is negative.

    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units"
    (2016).
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu(x: Any) -> Any:
    """x times the probability that a normal number is below it.

    Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016), not an approximation.
    """
    if erf is None:
        raise ModuleNotFoundError("layers.gelu needs SciPy: pip install scipy", name="scipy")
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


# Affine layers ----------------------------------------------------------------------------------


def flatten(x: Any) -> Any:
    """(N, d1, ..., dk) as (N, d1 * ... * dk)."""
    return np.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def affine(x: Any, w: Any, b: Any = None) -> Any:
    """A fully connected layer, x @ w + b.

    Args:
        x: (N, D), or (N, d1, ..., dk) with d1 * ... * dk = D, which is flattened.
        w: (D, M).
        b: (M,), if there is one.

    Returns:
        (N, M).

    Raises:
        ShapeError: shapes that do not fit.
    """
    shapes = f"x {np.shape(x)}, w {np.shape(w)}" + ("" if b is None else f" and b {np.shape(b)}")
    if np.ndim(x) < 2 or np.ndim(w) != 2 or np.shape(b) not in ((), w.shape[1:]):
        raise ShapeError(f"affine: {shapes} do not fit: they are (N, D), (D, M) and (M,)")
    if math.prod(x.shape[1:]) != w.shape[0]:
        steps = x.ndim == 3 and x.shape[2] == w.shape[0]
        hint = "; temporal_affine is for sequences" if steps else ""
        raise ShapeError(f"affine: {shapes} do not fit: x is (N, {w.shape[0]}){hint}")
    out = np.dot(x if x.ndim == 2 else flatten(x), w)
    return out if b is None else out + b


def temporal_affine(x: Any, w: Any, b: Any = None) -> Any:
    """``affine`` of each step: x (N, T, D), w (D, M), b (M,); the result is (N, T, M)."""
    if np.ndim(x) != 3:
        raise ShapeError(f"temporal_affine: x is (N, T, D), not {np.shape(x)}")
    N, T, D = x.shape
    return np.reshape(affine(np.reshape(x, (N * T, D)), w, b), (N, T, w.shape[1]))


def embedding(x: Any, w: Any) -> Any:
    """The vectors of words: the rows of ``w``.

    Args:
        x: numbers of rows, integers or whole floats, of any shape.
        w: (rows, features).

    Returns:
        (*shape of x, features).

    Raises:
        IndexError: where there is no row of a number.
    """
    x = np.asarray(x)
    return functional.embedding(_class_indices(x, w.shape[0]) if x.dtype.kind == "f" else x, w)


_class_indices = FUNCTIONS["nn.class_indices"]


# Images -----------------------------------------------------------------------------------------


def convolution(
    x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolution over one, two or three axes; the kernel is not turned round.

    Args:
        x: (N, channels, *spatial), such as images (N, channels, height, width).
        w: (filters, channels / groups, *kernel).
        b: (filters,), if there is one.
        stride, padding, dilation: an integer, or one for each spatial axis.

    Returns:
        (N, filters, *places), with (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places.

    Raises:
        ShapeError: shapes that do not fit.
    """
    conv = _by_axes("convolution", x, functional.conv1d, functional.conv2d, functional.conv3d)
    return conv(x, w, b, stride, padding, dilation, groups)


def pooling(x: Any, kind: str, size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """The largest element ('max') or the mean ('avg') of each window over one, two or three axes.

    Args:
        x: (N, channels, *spatial).
        kind: 'max' or 'avg'.
        size, stride, padding: an integer, or one for each spatial axis; ``stride`` is the size unless given.

    Returns:
        (N, channels, *places), with (size of the axis + 2 padding - size) // stride + 1 places.

    Raises:
        ValueError: for another kind.
        ShapeError: shapes that do not fit.
    """
    if kind == "max":
        pools = functional.max_pool1d, functional.max_pool2d, functional.max_pool3d
    elif kind == "avg":
        pools = functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d
    else:
        raise ValueError(f"pooling: the kind is 'max' or 'avg', not {kind!r}")
    return _by_axes("pooling", x, *pools)(x, size, stride, padding)


def _by_axes(who: str, x: Any, *functions: Any) -> Any:
    if not 3 <= np.ndim(x) <= 5:
        raise ShapeError(
            f"{who}: x is (N, channels, *spatial) with one to three spatial axes, not {np.shape(x)}"
        )
    return functions[np.ndim(x) - 3]


# Normalization, and dropout ---------------------------------------------------------------------


def batchnorm(
    x: Any,
    gamma: Any,
    beta: Any,
    mode: str = "train",
    eps: float = 1e-5,
    momentum: float = 0.9,
    running_mean: Any = None,
    running_var: Any = None,
) -> tuple[Any, Any, Any]:
    """Each feature, or channel, shifted and scaled to mean ``beta`` and standard deviation ``gamma``.

    Ioffe and Szegedy, "Batch Normalization" (2015). In mode 'train' mean and variance are those of the batch,
    and the running ones follow them: momentum * old + (1 - momentum) * new. In mode 'test' the running ones
    are used.

    Args:
        x: (N, D), or images (N, C, height, width), which are normalized by channels.
        gamma, beta: (D,) or (C,).
        mode: 'train' or 'test'.
        eps: added to the variance.
        momentum: how much of the running mean and variance stays.
        running_mean, running_var: like gamma; None, as at the beginning, stands for 0 and 1.

    Returns:
        The result like x, and the new running mean and variance, through which no gradient flows.

    Raises:
        ValueError: for another mode.
        ShapeError: shapes that do not fit.
    """
    if np.ndim(x) < 2 or not np.shape(gamma) == np.shape(beta) == x.shape[1:2]:
        shapes = f"x {np.shape(x)}, gamma {np.shape(gamma)} and beta {np.shape(beta)}"
        raise ShapeError(f"batchnorm: {shapes} do not fit: they are (N, D, ...), (D,) and (D,)")
    mean = np.zeros_like(beta) if running_mean is None else running_mean
    var = np.ones_like(gamma) if running_var is None else running_var
    if not np.shape(mean) == np.shape(var) == np.shape(beta):
        shapes = f"running_mean {np.shape(mean)} and running_var {np.shape(var)}"
        raise ShapeError(f"batchnorm: {shapes} do not fit x {np.shape(x)}: they are (D,)")
    return functional.batch_norm(x, gamma, beta, mean, var, mode, momentum, eps)


def group_norm(x: Any, gamma: Any, beta: Any, groups: int, eps: float = 1e-5) -> Any:
    """The channels of each example in groups, which are normalized; then each channel scaled and shifted.

    Wu and He, "Group Normalization" (2018).

    Args:
        x: (N, C, ...).
        gamma, beta: (C,).
        groups: a divisor of C.
        eps: added to the variance.

    Raises:
        ShapeError: shapes that do not fit.
    """
    is_fit = np.ndim(x) >= 2 and groups > 0 and x.shape[1] % groups == 0
    if not (is_fit and np.shape(gamma) == np.shape(beta) == x.shape[1:2]):
        shapes = f"x {np.shape(x)}, gamma {np.shape(gamma)} and beta {np.shape(beta)}"
        raise ShapeError(
            f"group_norm: {shapes} do not fit for {groups} groups: they are (N, C, ...) and (C,)"
        )
    rows = np.reshape(x, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    standard = np.reshape(functional.standardize(rows, eps), x.shape)
    return standard * np.reshape(gamma, per_channel) + np.reshape(beta, per_channel)


def dropout(x: Any, prob: float, mode: str = "train", seed: int | None = None) -> Any:
    """In mode 'train' an element is 0 with the probability ``prob``, and the others are divided by 1 - prob.

    So the mean stays that of x, which is the result in mode 'test'. Srivastava et al., "Dropout: A Simple Way
    to Prevent Neural Networks from Overfitting" (2014).

    Args:
        seed: which elements; the same each time, for checks of gradients. Without it NumPy's generator tells.

    Raises:
        ValueError: for another mode, or a probability outside of 0 <= prob < 1.
    """
    return functional.dropout(x, prob, mode, seed)


# Attention --------------------------------------------------------------------------------------


def attention(query: Any, key: Any, value: Any, mask: Any = None) -> Any:
    """softmax(query @ key.T / sqrt(D)) @ value, for each example and head.

    Vaswani et al., "Attention Is All You Need" (2017), equation 1.

    Args:
        query: (..., T, D).
        key, value: (..., S, D) and (..., S, M).
        mask: broadcasts to (..., T, S); False, or 0, where a query does not see a key; each sees one.

    Returns:
        (..., T, M).
    """
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return np.matmul(softmax(scores), value)
