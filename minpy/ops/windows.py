"""Convolution and pooling in NumPy: the reference for the ops, called by programs that ``explain`` prints.

Each function is printed as it stands here, with those that it calls, so none uses anything else of MinPy's.
"""

from __future__ import annotations

import numpy


def windows(x, size, stride, padding, dilation, fill=0):
    """(batch, channels, *places, *size): what a window shows at each place."""
    ends = [(0, 0), (0, 0), *[(p, p) for p in padding]]
    padded = numpy.pad(x, ends, constant_values=fill)
    extent = tuple(d * (k - 1) + 1 for d, k in zip(dilation, size))
    axes = tuple(range(2, x.ndim))
    found = numpy.lib.stride_tricks.sliding_window_view(padded, extent, axes)
    return found[(..., *[slice(None, None, step) for step in (*stride, *dilation)])]


def places_apart(sizes, kernel, padding, dilation):
    """How many places a window has along each axis when it moves by one element."""
    return [n + 2 * p - d * (k - 1) for n, k, p, d in zip(sizes, kernel, padding, dilation)]


def by_group(x, groups, axis):
    """An axis divided into (groups, members)."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


def convolution(x, w, *bias, stride, padding, dilation, groups):
    """x (batch, channels, *spatial), w (filters, channels / groups, *kernel), bias (filters,)."""
    places, kernel = "uvw"[: len(stride)], "xyz"[: len(stride)]
    seen = by_group(windows(x, w.shape[2:], stride, padding, dilation), groups, 1)
    rule = f"bgc{places}{kernel},gfc{kernel}->bgf{places}"
    found = numpy.einsum(rule, seen, by_group(w, groups, 0), optimize=True)
    found = found.reshape(len(x), len(w), *found.shape[3:])
    for b in bias:
        found = found + b.reshape(-1, *[1] * len(stride))
    return found


def convolution_data_gradient(g, x, w, *bias, stride, padding, dilation, groups):
    """The kernel, turned round, moves over the cotangents g, which stand ``stride`` apart among zeros."""
    size, ones = w.shape[2:], (1,) * len(stride)
    apart = numpy.zeros((*g.shape[:2], *places_apart(x.shape[2:], size, padding, dilation)), g.dtype)
    apart[(..., *[slice(None, None, step) for step in stride])] = g
    outside = [d * (k - 1) for d, k in zip(dilation, size)]
    seen = by_group(windows(apart, size, ones, outside, dilation), groups, 1)
    turned = by_group(w[(..., *[slice(None, None, -1)] * len(size))], groups, 0)
    places, kernel = "uvw"[: len(stride)], "xyz"[: len(stride)]
    found = numpy.einsum(f"bgf{places}{kernel},gfc{kernel}->bgc{places}", seen, turned, optimize=True)
    found = found.reshape(*x.shape[:2], *found.shape[3:])
    return found[(..., *[slice(p, p + n) for p, n in zip(padding, x.shape[2:])])]


def convolution_weight_gradient(g, x, w, *bias, stride, padding, dilation, groups):
    """Each weight meets the cotangents g at the elements that it was multiplied with."""
    seen = by_group(windows(x, w.shape[2:], stride, padding, dilation), groups, 1)
    places, kernel = "uvw"[: len(stride)], "xyz"[: len(stride)]
    rule = f"bgc{places}{kernel},bgf{places}->gfc{kernel}"
    return numpy.einsum(rule, seen, by_group(g, groups, 1), optimize=True).reshape(w.shape)


def convolution_bias_gradient(g, x, w, bias, *, stride, padding, dilation, groups):
    """The sum of the cotangents of each filter."""
    return g.sum((0, *range(2, g.ndim)), g.dtype)


def elements(x, size, stride, padding, fill):
    """(batch, channels, *places, elements of a window)"""
    if x.dtype.kind != "f":
        raise TypeError(f"pooling takes floats, not {x.dtype}")
    found = windows(x, size, stride, padding, (1,) * len(size), fill)
    return found.reshape(*found.shape[: x.ndim], int(numpy.prod(size)))


def max_pooling(x, *, size, stride, padding):
    """The largest element of each window."""
    return elements(x, size, stride, padding, -numpy.inf).max(-1)


def max_pooling_taken(y, x, *, size, stride, padding):
    """Of each window the element of y that stands where the first of the largest in x does."""
    first = elements(x, size, stride, padding, -numpy.inf).argmax(-1)
    return numpy.take_along_axis(elements(y, size, stride, padding, 0), first[..., None], -1)[..., 0]


def mean_pooling(x, *, size, stride, padding):
    """The mean of each window, padded zeros included."""
    return elements(x, size, stride, padding, 0).mean(-1)


def added_back(parts, numbers, x, padding):
    """The sum of the ``parts`` that have the number of an element, for each element of x when padded."""
    shape = (*x.shape[:2], *[n + 2 * p for n, p in zip(x.shape[2:], padding)])
    total = numpy.bincount(numbers.ravel(), parts.ravel(), int(numpy.prod(shape))).reshape(shape)
    inside = total[(..., *[slice(p, p + n) for p, n in zip(padding, x.shape[2:])])]
    return inside.astype(parts.dtype)


def numbered(x, size, stride, padding):
    """``elements`` of x, as the numbers of their places when padded."""
    shape = (*x.shape[:2], *[n + 2 * p for n, p in zip(x.shape[2:], padding)])
    numbers = numpy.arange(int(numpy.prod(shape))).reshape(shape)
    found = windows(numbers, size, stride, (0,) * len(size), (1,) * len(size))
    return found.reshape(*found.shape[: x.ndim], int(numpy.prod(size)))


def max_pooling_gradient(g, x, *, size, stride, padding):
    """Each cotangent goes to the first of the largest elements of its window."""
    first = elements(x, size, stride, padding, -numpy.inf).argmax(-1)
    numbers = numpy.take_along_axis(numbered(x, size, stride, padding), first[..., None], -1)
    return added_back(g, numbers, x, padding)


def mean_pooling_gradient(g, x, *, size, stride, padding):
    """Each cotangent is shared out among the elements of its window."""
    if g.dtype.kind != "f":
        raise TypeError(f"pooling takes floats, not {g.dtype}")
    numbers = numbered(x, size, stride, padding)
    parts = numpy.broadcast_to(g[..., None] / numbers.shape[-1], numbers.shape)
    return added_back(parts, numbers, x, padding)
