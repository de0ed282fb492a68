"""The layers and losses of networks, as functions of arrays. They are plain NumPy, and differentiable.

N is the size of a batch, D that of an example, H that of a hidden state, C the number of classes, and T the
number of steps of a sequence. Labels of classes are numbers from 0 to C - 1, integers or whole floats, of the
shape (N,), or weights of the classes, (N, C), such as one 1 and zeros.
"""

from __future__ import annotations

from typing import Any

import numpy

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.nn import functional
from minpy.nn.functional import embedding as embedding
from minpy.nn.functional import layer_norm as layer_norm
from minpy.nn.functional import relu as relu
from minpy.nn.functional import sigmoid as sigmoid

tanh = np.tanh


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
    if np.ndim(x) > 2:
        x = np.reshape(x, (x.shape[0], -1))
    if np.ndim(x) != 2 or np.ndim(w) != 2 or x.shape[1] != w.shape[0]:
        raise ShapeError(
            f"affine: x {np.shape(x)} and w {np.shape(w)} do not fit: they are (N, D) and (D, M)"
        )
    return np.dot(x, w) if b is None else np.dot(x, w) + b


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
        x: (N, D), or images (N, C, H, W), which are normalized by channels.
        gamma, beta: (D,).
        mode: 'train' or 'test'.
        eps: added to the variance.
        running_mean, running_var: (D,); None, as at the beginning, stands for 0 and 1.

    Returns:
        The result like x, and the new running mean and variance, through which no gradient flows.
    """
    mean = np.zeros_like(beta) if running_mean is None else running_mean
    var = np.ones_like(gamma) if running_var is None else running_var
    return functional.batch_norm(x, gamma, beta, mean, var, mode, momentum, eps)


def dropout(x: Any, prob: float, mode: str = "train") -> Any:
    """In mode 'train' an element is 0 with the probability ``prob``, and the others are divided by 1 - prob.

    The mean stays that of x, which is the result in mode 'test'.
    """
    return functional.dropout(x, prob, mode)


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
        (N, filters, *places).
    """
    conv = _by_axes(x, functional.conv1d, functional.conv2d, functional.conv3d)
    return conv(x, w, b, stride, padding, dilation, groups)


def pooling(x: Any, kind: str, size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """The largest element ('max') or the mean ('avg') of each window over one, two or three axes.

    Args:
        x: (N, channels, *spatial).
        kind: 'max' or 'avg'.
        size, stride, padding: an integer, or one for each spatial axis; ``stride`` is the size unless given.
    """
    if kind == "max":
        pool = _by_axes(x, functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
    elif kind == "avg":
        pool = _by_axes(x, functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
    else:
        raise ValueError(f"pooling: the kind is 'max' or 'avg', not {kind!r}")
    return pool(x, size, stride, padding)


def _by_axes(x: Any, *functions: Any) -> Any:
    count = np.ndim(x) - 2
    if not 1 <= count <= 3:
        raise ShapeError(
            f"the array is (N, channels, *spatial) with one to three spatial axes, not {x.shape}"
        )
    return functions[count - 1]


# Losses -----------------------------------------------------------------------------------------


def _chosen(x: Any, label: Any) -> Any:
    """(N,): the element of each row of x that its label names, or the sum weighted by its labels."""
    label = _labels(x, label)
    if label.ndim == 2:
        return np.sum(x * label, axis=1)
    return x[np.arange(x.shape[0]), label]


def _labels(x: Any, label: Any) -> Any:
    """Indices (N,) as integers, or weights (N, C)."""
    label = np.asarray(label)
    if x.ndim != 2 or label.shape not in ((x.shape[0],), x.shape):
        raise ShapeError(
            f"scores are (N, C) and labels (N,) or (N, C), not {np.shape(x)} and {np.shape(label)}"
        )
    if label.ndim == 1 and label.dtype.kind == "f":
        return label.astype("int64")
    return label


def softmax_loss(x: Any, label: Any) -> Any:
    """The mean cross entropy of the softmax of scores: the mean of log(sum(exp(x))) - x[label].

    Args:
        x: scores, (N, C).
        label: (N,), or weights (N, C).
    """
    return -np.sum(_chosen(functional.log_softmax(x), label)) / x.shape[0]


def softmax_cross_entropy(prob: Any, label: Any) -> Any:
    """The mean cross entropy of probabilities: the mean of -log(prob[label]).

    A probability below the smallest normal number of its dtype counts as that. Of scores ``softmax_loss``
    gives the same, and is more precise.

    Args:
        prob: (N, C).
        label: (N,), or weights (N, C).
    """
    tiny = float(numpy.finfo(prob.dtype).tiny)
    return -np.sum(_chosen(np.log(np.maximum(prob, tiny)), label)) / prob.shape[0]


def svm_loss(x: Any, label: Any) -> Any:
    """The mean over the batch of the margins of all wrong classes, max(0, x - x[label] + 1).

    Weston and Watkins, "Multi-class Support Vector Machines" (1998).

    Args:
        x: scores, (N, C).
        label: (N,), or ones and zeros (N, C).
    """
    label = _labels(x, label)
    right = functional.one_hot(label, x.shape[1], x.dtype) if label.ndim == 1 else label
    margins = np.maximum(0, x - np.sum(x * right, axis=1, keepdims=True) + 1)
    return np.sum(margins * (1 - right)) / x.shape[0]


def _like(x: Any, label: Any) -> Any:
    """Targets in the shape of predictions; of numbers of classes one-hot rows."""
    label = np.asarray(label)
    if label.shape == x.shape:
        return label
    if label.shape[:1] == x.shape[:1] and label.size == x.size:
        return np.reshape(label, x.shape)
    return functional.one_hot(_labels(x, label), x.shape[1], x.dtype)


def l2_loss(x: Any, label: Any) -> Any:
    """The sum of squared differences over the batch size.

    Args:
        x: predictions, (N,) or (N, D).
        label: targets like x, or numbers of classes (N,) for D > 1.
    """
    return np.sum((x - _like(x, label)) ** 2) / x.shape[0]


def l1_loss(x: Any, label: Any) -> Any:
    """The sum of absolute differences over the batch size; arguments as of ``l2_loss``."""
    return np.sum(np.abs(x - _like(x, label))) / x.shape[0]


# Recurrent layers -------------------------------------------------------------------------------


def rnn_step(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """One step of a recurrent network, tanh(x @ Wx + prev_h @ Wh + b).

    Args:
        x: (N, D).
        prev_h: (N, H).
        Wx, Wh, b: (D, H), (H, H), (H,).

    Returns:
        The next h, (N, H).
    """
    return np.tanh(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)


def lstm_step(x: Any, prev_h: Any, prev_c: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, Any]:
    """One step of an LSTM: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997).

    Args:
        x: (N, D).
        prev_h, prev_c: (N, H).
        Wx, Wh, b: (D, 4H), (H, 4H), (4H,), for the gates i, f, o and g in this order.

    Returns:
        The next h and c, (N, H).
    """
    H = prev_h.shape[1]
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    return o * np.tanh(next_c), next_c


def gru_step(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any, Wxh: Any, Whh: Any, bh: Any) -> Any:
    """One step of a GRU.

    Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures" (2015).

    Args:
        x: (N, D).
        prev_h: (N, H).
        Wx, Wh, b: (D, 2H), (H, 2H), (2H,), for the gates r and z in this order.
        Wxh, Whh, bh: (D, H), (H, H), (H,), for the new state.

    Returns:
        The next h, (N, H).
    """
    H = prev_h.shape[1]
    a = sigmoid(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)
    r, z = a[:, :H], a[:, H:]
    new = np.tanh(np.dot(x, Wxh) + np.dot(r * prev_h, Whh) + bh)
    return z * prev_h + (1 - z) * new


def rnn_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """``rnn_step`` over sequences.

    Args:
        x: (N, T, D).
        h0: (N, H).

    Returns:
        The h of all steps, (N, T, H).
    """
    h, states = h0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def lstm_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """``lstm_step`` over sequences, with zeros as the first c; for the rest see ``rnn_temporal``."""
    h, c, states = h0, np.zeros_like(h0), []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def gru_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any, Wxh: Any, Whh: Any, bh: Any) -> Any:
    """``gru_step`` over sequences; for the rest see ``rnn_temporal``."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h = gru_step(x[:, t], h, Wx, Wh, b, Wxh, Whh, bh)
        states.append(h)
    return np.stack(states, axis=1)


def temporal_affine(x: Any, w: Any, b: Any = None) -> Any:
    """``affine`` of each step: x (N, T, D), w (D, M), b (M,); the result is (N, T, M)."""
    N, T, D = x.shape
    return np.reshape(affine(np.reshape(x, (N * T, D)), w, b), (N, T, -1))


def temporal_softmax_loss(x: Any, label: Any, mask: Any = None) -> Any:
    """The cross entropy of scores, summed over the steps of a sequence, its mean over the batch.

    Args:
        x: scores, (N, T, C).
        label: (N, T).
        mask: (N, T), what each step counts: 1 or True, and 0 or False for steps that only pad.
    """
    N, T, C = x.shape
    losses = -_chosen(functional.log_softmax(np.reshape(x, (N * T, C))), np.reshape(label, (N * T,)))
    return np.sum(losses if mask is None else losses * np.reshape(mask, (N * T,))) / N
