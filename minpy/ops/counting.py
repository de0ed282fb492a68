"""How often values occur: ``bincount``, ``histogram``, ``histogram2d``, ``histogramdd``.

Counts only jump where values move, so their gradient is by the weights; edges that NumPy finds from the
values have one by these.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.ops.aval import aval_of
from minpy.ops.data import content, flows, static
from minpy.ops.elementwise import add, subtract, true_divide
from minpy.ops.indexing import basic_slice, index, index_add
from minpy.ops.keys import ARRAY
from minpy.ops.op import Box, Op, as_operand, current_interpreter, numpy_function, refuse, register
from minpy.ops.reduction import cast, max_op, min_op, sum_op
from minpy.ops.shape import concatenate_op, ravel, reshape_op
from minpy.ops.spacing import spaced


@numpy_function(numpy.bincount)
def bincount(x, weights=None, minlength=0):
    """How often each number occurs, or the sum of its weights."""
    x = content(x, "what is counted")
    counts = numpy.bincount(x, minlength=minlength)
    if weights is None:
        return current_interpreter().constant(counts)
    weights = as_operand(weights)
    fits = aval_of(weights).shape == x.shape and numpy.can_cast(aval_of(weights).dtype, float)
    refuse(weights=None if fits else "of another kind")
    return index_add(
        cast(weights, numpy.float64), x.astype(numpy.intp), template=(ARRAY,), shape=counts.shape
    )


# Histograms ------------------------------------------------------------------------------------


def _totals_vjp(g: Any, ans: Any, weights: Any, count: Callable, bins: numpy.ndarray) -> Any:
    """Each weight gets what its bin got; the last number is that of no bin."""
    flat = concatenate_op(ravel.implementation(g), numpy.zeros(1, aval_of(g).dtype), axis=0)
    return index(flat, bins.reshape(aval_of(weights).shape), template=(ARRAY,))


_totals_op = register(
    Op(
        "totals",
        numpy=lambda weights, count, bins: count(weights),
        infer=lambda weights, count, bins: aval_of(count(numpy.zeros(*aval_of(weights)))),
        vjp=(_totals_vjp,),
        family="counting",
        doc="What NumPy's ``count(weights)`` gives, which adds them up in these bins.",
    )
)


def _place(edges: numpy.ndarray, x: numpy.ndarray) -> numpy.ndarray:
    """The bin of each element, -1 or their number for others; the last edge belongs to the last bin."""
    return numpy.searchsorted(edges, x, "right") - (x == edges[-1]) - 1


def _edges(x: Any, bins: Any, limits: Any, known: numpy.ndarray) -> Any:
    """The edges ``known`` as they depend on the values, or on what was given for them."""
    if isinstance(bins, Box) and aval_of(bins).ndim:
        return bins
    if numpy.ndim(bins) or limits is not None or not flows(x) or not aval_of(x).size:
        return current_interpreter().constant(known)
    low, high = (op(ravel.implementation(x), axes=(0,), keepdims=False) for op in (min_op, max_op))
    if content(low, "the least") == content(high, "the greatest"):
        low, high = subtract(low, 0.5), add(high, 0.5)
    return spaced(low, high, known.size, True, known.dtype)[0]


def _counted(count: Callable, weights: Any, bins: numpy.ndarray) -> Any:
    if weights is None:
        return current_interpreter().constant(count(None))
    return _totals_op(as_operand(weights), count=count, bins=bins)


def _widths(edges: Any) -> Any:
    n = aval_of(edges).shape[0]
    return subtract(basic_slice(edges, 0, 1, n), basic_slice(edges, 0, 0, n - 1))


@numpy_function(numpy.histogram, mxnet=False)
def histogram(a, bins=10, range=None, density=None, weights=None):
    """The number of values in each bin, or the sum of their weights, and the edges of the bins."""
    values = numpy.atleast_1d(content(a, "what is counted"))
    limits: Any = None if range is None else static(range, "the range")
    given = bins if isinstance(bins, str) else content(bins, "the bins")
    known = None if weights is None else numpy.atleast_1d(content(weights, "the weight"))
    refuse(weights="of another shape" if known is not None and known.shape != values.shape else None)
    edges = numpy.histogram_bin_edges(values, given, limits, known)
    refuse(bins=None if edges.size else "without edges")

    def count(weights: Any) -> numpy.ndarray:
        return numpy.histogram(values, given, limits, weights=weights)[0]

    place = _place(edges, values)
    place[place < 0] = edges.size - 1
    found, edges = _counted(count, weights, place), _edges(a, bins, limits, edges)
    if density:
        total = sum_op(found, axes=(0,), keepdims=False)
        found = true_divide(true_divide(found, cast(_widths(edges), numpy.float64)), total)
    return found, edges


def _is_list(bins: Any) -> bool:
    return isinstance(bins, (list, tuple)) or (
        isinstance(bins, (Box, numpy.ndarray)) and aval_of(bins).ndim > 0
    )


def _columns(sample: Any) -> list[Any]:
    """The coordinates, one array for each axis."""
    if isinstance(sample, (list, tuple)):
        return [as_operand(x) for x in sample]
    refuse(sample="no list of points" if aval_of(sample).ndim != 2 else None)
    return [index(sample, template=(Ellipsis, i)) for i in numpy.arange(aval_of(sample).shape[1]).tolist()]


@numpy_function(numpy.histogramdd, arrays=0, mxnet=False)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """The number of points in each cell of a grid, or the sum of their weights, and the edges."""
    columns = _columns(sample)
    points = [content(x, "what is counted") for x in columns]
    refuse(sample="of another shape" if any(x.ndim != 1 for x in points) else None)
    n = len(columns)
    limits: Any = [None] * n if range is None else list(range)
    limits = [None if pair is None else static(pair, "the range") for pair in limits]
    each = [bins[i] for i in numpy.arange(len(bins))] if _is_list(bins) else [bins] * n
    given = [content(x, "the bins") for x in each]
    given = [x if x.ndim else x.item() for x in given]
    refuse(
        weights="of another shape"
        if weights is not None and aval_of(weights).shape != points[0].shape
        else None
    )
    known = None if weights is None else content(weights, "the weight")
    edges = numpy.histogramdd(points, given, limits, weights=known)[1]

    def count(weights: Any) -> numpy.ndarray:
        return numpy.histogramdd(points, given, limits, weights=weights)[0]

    shape = tuple(x.size - 1 for x in edges)
    places = [_place(*pair) for pair in zip(edges, points)]
    inside = numpy.all([(place >= 0) & (place < size) for place, size in zip(places, shape)], axis=0)
    cells = numpy.full(points[0].shape, numpy.prod(shape, dtype=int))
    cells[inside] = numpy.ravel_multi_index([place[inside] for place in places], shape)
    found = _counted(count, weights, cells)
    edges = [_edges(*four) for four in zip(columns, each, limits, edges)]
    if density:
        total = sum_op(found, axes=tuple(numpy.arange(n).tolist()), keepdims=False)
        for i, x in enumerate(edges):
            lengths = (1,) * i + (shape[i],) + (1,) * (n - i - 1)
            found = true_divide(found, reshape_op(_widths(x), shape=lengths))
        found = true_divide(found, total)
    return found, edges


@numpy_function(numpy.histogram2d, arrays=2, mxnet=False)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """``histogramdd`` in the plane."""
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if _is_list(bins) and len(bins) not in (1, 2):
        bins = [as_operand(bins)] * 2
    found, edges = histogramdd.implementation([x, y], bins, range, density=density, weights=weights)
    return found, *edges
