"""Functions of sampled signals: ``convolve``, ``correlate``, ``interp``, ``gradient``."""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval, aval_of
from minpy.ops.choosing import number
from minpy.ops.data import content, static
from minpy.ops.elementwise import absolute, add, clip, multiply, remainder, subtract, true_divide
from minpy.ops.indexing import basic_slice, index, index_add
from minpy.ops.keys import ARRAY, BACKWARD, WHOLE
from minpy.ops.logic import equal, greater, less, where_op
from minpy.ops.op import ZERO, Op, as_operand, numpy_function, refuse, register
from minpy.ops.rearrange import atleast_1d
from minpy.ops.reduction import cast
from minpy.ops.scan import diff
from minpy.ops.shape import _axis_list, concatenate_op, reshape_op
from minpy.ops.sorting import argsort
from minpy.ops.transcendental import conjugate

# Sums of shifted products ----------------------------------------------------------------------

_MODES = ("full", "same", "valid")


def _sum_infer(function: Callable) -> Callable:
    """Inference for a function of two vectors that gives as many numbers as ``mode`` says."""

    def infer(a: Any, v: Any, mode: str) -> Aval:
        short, long = sorted((aval_of(a).size, aval_of(v).size))
        if not short:
            raise ValueError("convolved arrays cannot be empty")
        size = {"full": long + short - 1, "same": long, "valid": long - short + 1}[mode]
        return Aval((size,), function(*[numpy.ones(1, aval_of(x).dtype) for x in (a, v)]).dtype)

    return infer


def _reversed(x: Any) -> Any:
    return index(x, template=(BACKWARD,))


def _whole(g: Any, a: Any, v: Any, start: int) -> Any:
    """The cotangent of what a mode chose, among zeros for the whole result, where it begins at ``start``."""
    size, count = aval_of(a).size + aval_of(v).size - 1, aval_of(g).size
    if count == size:
        return g
    return index_add(g, template=(("slice", start, start + count, None),), shape=(size,))


def _convolve_start(a: Any, v: Any, mode: str) -> int:
    short = min(aval_of(a).size, aval_of(v).size)
    return {"full": 0, "same": (short - 1) // 2, "valid": short - 1}[mode]


def _by_convolution(start: Callable, of_v: Callable = lambda x: x) -> tuple[Callable, Callable]:
    """The rules for the sums of a[i] w[k-i], with w = ``of_v(v)``, which is its own inverse."""

    def by_a(g: Any, ans: Any, a: Any, v: Any, mode: str) -> Any:
        return convolve_op(_whole(g, a, v, start(a, v, mode)), _reversed(of_v(v)), mode="valid")

    def by_v(g: Any, ans: Any, a: Any, v: Any, mode: str) -> Any:
        return of_v(convolve_op(_whole(g, a, v, start(a, v, mode)), _reversed(a), mode="valid"))

    return by_a, by_v


convolve_op: Op = register(
    Op(
        "convolve",
        numpy=lambda a, v, mode: numpy.convolve(a, v, mode),
        infer=_sum_infer(numpy.convolve),
        vjp=_by_convolution(_convolve_start),
        family="signals",
        cost="compute",
    )
)


def _correlate_start(a: Any, v: Any, mode: str) -> int:
    """NumPy turns the result around where ``v`` is the longer one."""
    m, n = aval_of(a).size, aval_of(v).size
    return n and m // 2 if mode == "same" and m < n else _convolve_start(a, v, mode)


def _mirrored(v: Any) -> Any:
    v = _reversed(v)
    return conjugate(v) if aval_of(v).dtype.kind == "c" else v


correlate_op: Op = register(
    Op(
        "correlate",
        numpy=lambda a, v, mode: numpy.correlate(a, v, mode),
        infer=_sum_infer(numpy.correlate),
        vjp=_by_convolution(_correlate_start, _mirrored),
        family="signals",
        cost="compute",
    )
)


def _refuse_others(mode: Any, *arrays: Any) -> None:
    refuse(mode=None if mode in _MODES else mode)
    refuse(array="that is no vector" if any(aval_of(x).ndim != 1 for x in arrays) else None)


@numpy_function(numpy.convolve, arrays=2, mxnet=False)
def convolve(a, v, mode="full"):
    """The sums of ``a[i] * v[k - i]``; all of them, or with ``same`` or ``valid`` the inner ones."""
    a, v = atleast_1d.implementation(a, v)
    _refuse_others(mode, a, v)
    return convolve_op(a, v, mode=mode)


@numpy_function(numpy.correlate, arrays=2, mxnet=False)
def correlate(a, v, mode="valid"):
    """The sums of ``a[i + k] * conj(v[i])``; the inner ones, or with ``same`` or ``full`` more."""
    _refuse_others(mode, a, v)
    return correlate_op(a, v, mode=mode)


# Interpolation ---------------------------------------------------------------------------------

searchsorted_op = register(
    Op(
        "searchsorted",
        numpy=lambda a, v: numpy.asarray(numpy.searchsorted(a, v, "right")),
        infer=lambda a, v: Aval(aval_of(v).shape, numpy.dtype(numpy.intp)),
        vjp=(ZERO, ZERO),
        family="signals",
        doc="How many elements of the sorted vector ``a`` are not greater than each of ``v``.",
    )
)


def _interp_infer(x: Any, xp: Any, fp: Any) -> Aval:
    places, values = aval_of(xp), aval_of(fp)
    if places.ndim != 1 or values.ndim != 1:
        raise ValueError("Data points must be 1-D sequences")
    if places.size != values.size:
        raise ValueError("fp and xp are not of the same length.")
    if not places.size:
        raise ValueError("array of sample points is empty")
    return Aval(aval_of(x).shape, numpy.dtype(complex if values.dtype.kind == "c" else float))


def _segments(x: Any, xp: Any, fp: Any) -> tuple[Any, Any, Any, Any]:
    """For each x the indices of the points next to it, which part of the way it is, and the slope there."""
    last = aval_of(xp).size - 1
    place = searchsorted_op(xp, x)
    low, high = (clip.implementation(subtract(place, i), 0, last) for i in (1, 0))
    (left, right), (start, stop) = (
        [index(points, i, template=(ARRAY,)) for i in (low, high)] for points in (xp, fp)
    )
    width = subtract(right, left)
    width = where_op(equal(width, 0), numpy.inf, width)  # outside of all points the slope is 0
    return low, high, true_divide(subtract(x, left), width), true_divide(subtract(stop, start), width)


def _gathered(g: Any, places: Any, points: Any) -> Any:
    return index_add(g, places, template=(ARRAY,), shape=aval_of(points).shape)


def _interp_vjp_xp(g: Any, ans: Any, x: Any, xp: Any, fp: Any) -> Any:
    low, high, part, slope = _segments(x, xp, fp)
    moved = multiply(g, slope)
    return -(_gathered(multiply(moved, 1.0 - part), low, xp) + _gathered(multiply(moved, part), high, xp))


def _interp_vjp_fp(g: Any, ans: Any, x: Any, xp: Any, fp: Any) -> Any:
    low, high, part, _ = _segments(x, xp, fp)
    return _gathered(multiply(g, 1.0 - part), low, fp) + _gathered(multiply(g, part), high, fp)


interp_op = register(
    Op(
        "interp",
        numpy=lambda x, xp, fp: numpy.interp(x, xp, fp),
        infer=_interp_infer,
        vjp=(lambda g, ans, *args: multiply(g, _segments(*args)[3]), _interp_vjp_xp, _interp_vjp_fp),
        family="signals",
    )
)


def _end(x: Any, place: int) -> Any:
    return index(x, template=(place,))


@numpy_function(numpy.interp, arrays=3, mxnet=False)
def interp(x, xp, fp, left=None, right=None, period=None):
    """The values at ``x`` of the broken line through the points ``(xp, fp)``."""
    if period is not None:
        period = absolute(as_operand(period))
        if not content(period, "the period").all():
            raise ValueError("period must be a non-zero value")
        left = right = None
        x, xp = cast(x, numpy.float64), cast(xp, numpy.float64)
        _interp_infer(x, xp, fp)
        x, xp = remainder(x, period), remainder(xp, period)
        order = argsort.implementation(xp)
        xp, fp = (index(points, order, template=(ARRAY,)) for points in (xp, fp))
        first, last = basic_slice(xp, 0, 0, 1), index(xp, template=(("slice", -1, None, None),))
        xp = concatenate_op(subtract(last, period), xp, add(first, period), axis=0)
        ends = index(fp, template=(("slice", -1, None, None),)), basic_slice(fp, 0, 0, 1)
        fp = concatenate_op(ends[0], fp, ends[1], axis=0)
    found = interp_op(x, xp, fp)
    if left is not None:
        found = where_op(less(x, _end(xp, 0)), left, found)
    if right is not None:
        found = where_op(greater(x, _end(xp, -1)), right, found)
    return number(found)


# Differences -----------------------------------------------------------------------------------


def _distances(x: Any, size: int) -> Any:
    """Of what ``gradient`` is given for an axis the distances of neighbors; one where all are the same."""
    x = as_operand(x)
    if not aval_of(x).ndim:
        return x
    if aval_of(x).ndim != 1:
        raise ValueError("distances must be either scalars or 1d")
    if aval_of(x).size != size:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    steps = diff.implementation(cast(x, numpy.float64) if aval_of(x).dtype.kind in "iu" else x)
    try:
        known = static(steps, "the distance")
    except UnsupportedError:  # the formula for distances that differ holds for equal ones as well
        return steps
    return _end(steps, 0) if (known == known[0]).all() else steps


def _weighted(weights: tuple, values: tuple) -> Any:
    (a, b, c), (x, y, z) = weights, values
    return a * x + b * y + c * z


def _inside(left: Any, right: Any) -> tuple:
    """Weights of three values for the slope of their parabola at the one in the middle."""
    return -right / (left * (left + right)), (right - left) / (left * right), left / (right * (left + right))


def _at_start(left: Any, right: Any) -> tuple:
    both = left + right
    return -(2.0 * left + right) / (left * both), both / (left * right), -left / (right * both)


def _at_end(left: Any, right: Any) -> tuple:
    both = left + right
    return right / (left * both), -both / (left * right), (2.0 * right + left) / (right * both)


def _sloped(f: Any, axis: int, steps: Any, edge_order: int) -> Any:
    """The slopes of ``f`` along an axis: of parabolas inside, of order ``edge_order`` at both ends."""
    shape, dtype = aval_of(f)
    n = shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )

    def at(*places: int) -> tuple:  # of a vector they are numbers, whose dtype counts less, as in NumPy
        return tuple(index(f, template=(WHOLE,) * axis + (i,)) for i in places)

    is_uniform = not aval_of(steps).ndim
    low, middle, high = (basic_slice(f, axis, i, n - 2 + i) for i in (0, 1, 2))
    if is_uniform:
        inside = (high - low) / (2.0 * steps)
    else:
        column = tuple(n - 2 if i == axis else 1 for i in range(len(shape)))
        sides = (reshape_op(basic_slice(steps, 0, i, n - 2 + i), shape=column) for i in (0, 1))
        inside = _weighted(_inside(*sides), (low, middle, high))
    if edge_order == 1:
        (first, second), (before, last) = at(0, 1), at(n - 2, n - 1)
        start, end = (steps, steps) if is_uniform else (_end(steps, 0), _end(steps, -1))
        start, end = (second - first) / start, (last - before) / end
    else:
        if is_uniform:
            first, last = (-1.5 / steps, 2.0 / steps, -0.5 / steps), (0.5 / steps, -2.0 / steps, 1.5 / steps)
        else:
            first = _at_start(_end(steps, 0), _end(steps, 1))
            last = _at_end(_end(steps, -2), _end(steps, -1))
        start, end = _weighted(first, at(0, 1, 2)), _weighted(last, at(n - 3, n - 2, n - 1))
    start, end = (reshape_op(x, shape=(*shape[:axis], 1, *shape[axis + 1 :])) for x in (start, end))
    parts = (start, inside, end) if n > 2 else (start, end)
    dtype = dtype if dtype.kind in "fc" else numpy.dtype(numpy.float64)
    return concatenate_op(*[cast(part, dtype) for part in parts], axis=axis)


@numpy_function(numpy.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """The slopes of sampled values along each axis, at distances of 1 or as ``varargs`` says."""
    shape, dtype = aval_of(f)
    axes = tuple(range(len(shape))) if axis is None else _axis_list(axis, len(shape))
    refuse(dtype=None if dtype.kind in "biufc" else "of the values")
    if not varargs:
        steps = [1.0] * len(axes)
    elif len(varargs) == 1 and not aval_of(as_operand(varargs[0])).ndim:
        steps = [as_operand(varargs[0])] * len(axes)
    elif len(varargs) == len(axes):
        steps = [_distances(x, shape[i]) for x, i in zip(varargs, axes)]
    else:
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    f = cast(f, numpy.float64) if dtype.kind in "iu" else f
    found = [_sloped(f, i, step, edge_order).in_order_of(f, "K") for i, step in zip(axes, steps)]
    return found[0] if len(found) == 1 else found
