"""Batch normalization in NumPy: the reference for the ops, called by programs that ``explain`` prints.

Each function is printed as it stands here, with those that it calls, so none uses anything else of MinPy's.
"""

from __future__ import annotations

import numpy


def channel_mean(x):
    """The mean of each channel of (batch, channels, ...), of a shape that broadcasts against x."""
    if x.dtype.kind != "f":
        raise TypeError(f"normalization takes floats, not {x.dtype}")
    return x.mean((0, *range(2, x.ndim)), keepdims=True)


def per_channel(a, x):
    """(channels,) in a shape that broadcasts against x."""
    return a.reshape(-1, *[1] * (x.ndim - 2))


def channel_deviation(x, eps):
    """The standard deviation of each channel, its square larger by eps."""
    centered = x - channel_mean(x)
    return numpy.sqrt(channel_mean(centered * centered) + eps)


def batch_norm(x, gamma, beta, *, eps):
    """x (batch, channels, ...) shifted and scaled; gamma and beta (channels,)."""
    scale = per_channel(gamma, x) / channel_deviation(x, eps)
    return (x - channel_mean(x)) * scale + per_channel(beta, x)


def batch_mean(x, gamma, beta, *, eps):
    """The mean of each channel."""
    return channel_mean(x).ravel()


def batch_variance(x, gamma, beta, *, eps):
    """The variance of each channel."""
    centered = x - channel_mean(x)
    return channel_mean(centered * centered).ravel()


def batch_norm_data_gradient(g, x, gamma, beta, *, eps):
    """The cotangents g without what mean and variance of the batch take back."""
    deviation = channel_deviation(x, eps)
    standard = (x - channel_mean(x)) / deviation
    rest = g - channel_mean(g) - standard * channel_mean(g * standard)
    return rest * (per_channel(gamma, x) / deviation)


def batch_norm_gain_gradient(g, x, gamma, beta, *, eps):
    """For each channel the sum of the cotangents g times the standardized x."""
    standard = (x - channel_mean(x)) / channel_deviation(x, eps)
    return (g * standard).sum((0, *range(2, x.ndim)))


def batch_norm_shift_gradient(g, x, gamma, beta, *, eps):
    """For each channel the sum of the cotangents g."""
    if g.dtype.kind != "f":
        raise TypeError(f"normalization takes floats, not {g.dtype}")
    return g.sum((0, *range(2, x.ndim)))
