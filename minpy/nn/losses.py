"""Losses of networks, part of ``minpy.nn.layers``: each gives one number, the mean over the batch.

N is the size of a batch, C the number of classes, T the number of steps of a sequence. Labels of classes are
numbers from 0 to C - 1, integers or whole floats, of the shape (N,), or weights of the classes, (N, C), such
as a 1 and zeros. Labels that are none of these numbers raise IndexError, in compiled code too.
"""

from __future__ import annotations

from typing import Any

import numpy

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.nn.functional import log_softmax, one_hot
from minpy.ops import FUNCTIONS

_class_indices = FUNCTIONS["nn.class_indices"]


def softmax_loss(x: Any, label: Any) -> Any:
    """The mean cross entropy of the softmax of scores: the mean of log(sum(exp(x))) - x[label].

    Args:
        x: scores, (N, C).
        label: (N,), or weights (N, C).
    """
    return -np.mean(_chosen("softmax_loss", log_softmax(x), label))


def softmax_cross_entropy(prob: Any, label: Any) -> Any:
    """The mean cross entropy of probabilities: the mean of -log(prob[label]).

    A probability of 0 counts as the smallest normal number of its dtype. ``softmax_loss`` gives the same of
    scores, and is more precise.

    Args:
        prob: (N, C).
        label: (N,), or weights (N, C).
    """
    least = float(numpy.finfo(prob.dtype).tiny)
    return -np.mean(_chosen("softmax_cross_entropy", np.log(np.maximum(prob, least)), label))


def svm_loss(x: Any, label: Any) -> Any:
    """The sum over wrong classes of the margins max(0, x - x[label] + 1), its mean over the batch.

    Weston and Watkins, "Support Vector Machines for Multi-Class Pattern Recognition" (1999), equation 6.

    Args:
        x: scores, (N, C).
        label: (N,), or a 1 and zeros (N, C).
    """
    label = _labels("svm_loss", x, label)
    right = one_hot(label, x.shape[1], x.dtype) if label.ndim == 1 else label
    margins = np.maximum(0, x - np.sum(x * right, axis=1, keepdims=True) + 1)
    return np.sum(margins * (1 - right)) / x.shape[0]


def logistic_loss(x: Any, label: Any) -> Any:
    """The cross entropy of the sigmoid of scores for labels of two classes, its sum over the batch size.

    Args:
        x: scores, (N,) or (N, D).
        label: like x, 0 or 1, or probabilities of 1.
    """
    label = _targets("logistic_loss", x, label)
    return np.sum(np.maximum(x, 0) - x * label + np.log1p(np.exp(-np.abs(x)))) / x.shape[0]


def l2_loss(x: Any, label: Any) -> Any:
    """The sum of squared differences over the batch size.

    Args:
        x: predictions, (N,) or (N, D).
        label: targets like x, or numbers of classes (N,) for D > 1.
    """
    return np.sum((x - _targets("l2_loss", x, label)) ** 2) / x.shape[0]


def l1_loss(x: Any, label: Any) -> Any:
    """The sum of absolute differences over the batch size.

    Args:
        x: predictions, (N,) or (N, D).
        label: targets like x, or numbers of classes (N,) for D > 1.
    """
    return np.sum(np.abs(x - _targets("l1_loss", x, label))) / x.shape[0]


def huber_loss(x: Any, label: Any, delta: float = 1.0) -> Any:
    """Half of the squared differences, from ``delta`` on along a line; their sum over the batch size.

    Huber, "Robust Estimation of a Location Parameter" (1964).

    Args:
        x: predictions, (N,) or (N, D).
        label: targets like x, or numbers of classes (N,) for D > 1.
    """
    size = np.abs(x - _targets("huber_loss", x, label))
    near = np.minimum(size, delta)
    return np.sum(near * (size - near / 2)) / x.shape[0]


def temporal_softmax_loss(x: Any, label: Any, mask: Any = None) -> Any:
    """The cross entropy of scores, summed over the steps of a sequence, its mean over the batch.

    Args:
        x: scores, (N, T, C).
        label: (N, T).
        mask: (N, T), what each step counts: 1 or True, and 0 or False for steps that only fill up.
    """
    if np.ndim(x) != 3 or not np.shape(label) == np.shape(x)[:2] == np.shape(label if mask is None else mask):
        shapes = f"{np.shape(x)}, {np.shape(label)} and {np.shape(mask)}"
        raise ShapeError(f"temporal_softmax_loss: scores (N, T, C), labels and mask (N, T) are not {shapes}")
    N, T, C = x.shape
    scores = np.reshape(log_softmax(x), (N * T, C))
    losses = -_chosen("temporal_softmax_loss", scores, np.reshape(label, (N * T,)))
    return np.sum(losses if mask is None else losses * np.reshape(mask, (N * T,))) / N


def _chosen(who: str, x: Any, label: Any) -> Any:
    """(N,): the element of each row of x that its label names, or the sum with the labels as weights."""
    label = _labels(who, x, label)
    if label.ndim == 2:
        return np.sum(np.where(label == 0, 0, x * label), axis=1)  # 0 times an infinite element is 0
    return x[np.arange(x.shape[0]), label]


def _labels(who: str, x: Any, label: Any) -> Any:
    """Indices (N,) as integers, or weights (N, C)."""
    label = np.asarray(label)
    if np.ndim(x) != 2 or label.shape not in (x.shape[:1], x.shape):
        shapes = f"{np.shape(x)} and {label.shape}"
        raise ShapeError(f"{who}: scores are (N, C) and labels (N,) or (N, C), not {shapes}")
    return _class_indices(label, x.shape[1]) if label.ndim == 1 else label


def _targets(who: str, x: Any, label: Any) -> Any:
    """Targets in the shape of predictions; rows with a 1 and zeros for numbers of classes."""
    label = np.asarray(label)
    if np.ndim(x) == 0:
        raise ShapeError(f"{who}: predictions are (N,) or (N, D), not a single number")
    if label.size == x.size and label.shape[:1] == x.shape[:1]:  # also (N,) and (N, 1)
        return np.reshape(label, x.shape)
    if np.ndim(x) != 2 or label.shape != x.shape[:1]:
        raise ShapeError(f"{who}: predictions {x.shape} and targets {label.shape} do not fit")
    return one_hot(_class_indices(label, x.shape[1]), x.shape[1], x.dtype)
