"""Numbers at equal distances or ratios: ``linspace``, ``logspace``, ``geomspace``; ``fftfreq``, ``kaiser``.

From bounds that are arrays of MinPy they have NumPy's dtypes and gradients; else the default dtype.
"""

from __future__ import annotations

import operator
from typing import Any, Callable

import numpy

from minpy.ops.aval import aval_of, broadcast_shapes, result_type
from minpy.ops.creation import _create, _has_dtype, by_default, created
from minpy.ops.data import content
from minpy.ops.elementwise import add, floor, log10, multiply, negative, power, subtract, true_divide
from minpy.ops.indexing import index_put
from minpy.ops.logic import equal, where_op
from minpy.ops.op import BY_NUMPY, Box, Function, current_interpreter, numpy_function, refuse
from minpy.ops.reduction import any_op, cast
from minpy.ops.shape import expand_dims, moveaxis, reshape_op
from minpy.ops.transcendental import i0_op, imag_op


def _with_last(y: Any, last: Any) -> Any:
    return index_put(y, last, template=(-1, Ellipsis))


def spaced(
    start: Any, stop: Any, num: Any, endpoint: bool, dtype: Any = None, axis: int = 0
) -> tuple[Any, Any]:
    """``numpy.linspace`` in ops: the numbers, and their distance."""
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    parts = num - 1 if endpoint else num
    start, stop = multiply(start, 1.0), multiply(stop, 1.0)
    kind = result_type(start, stop, float(num))
    delta = subtract(stop, start)
    ndim = aval_of(delta).ndim
    y = numpy.arange(num, dtype=kind).reshape((-1,) + (1,) * ndim)
    step: Any = numpy.nan
    if parts > 0:
        step = true_divide(delta, parts)
        is_too_small = any_op(equal(step, 0), axes=tuple(range(ndim)), keepdims=False)
        y = where_op(is_too_small, multiply(true_divide(y, parts), delta), multiply(y, step))
    else:
        y = multiply(y, delta)
    y = cast(add(y, start), kind)
    if endpoint and num > 1:
        y = _with_last(y, stop)
    y = moveaxis.implementation(y, 0, axis) if axis else y
    if dtype is None:
        return y, step
    dtype = numpy.dtype(dtype)
    return cast(floor(y) if dtype.kind in "iu" else y, dtype), step


def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    made = spaced(start, stop, num, endpoint, dtype, axis)
    return made if retstep else made[0]


def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    bounds = (start, stop, base)
    ndim = len(broadcast_shapes(*[aval_of(x).shape for x in bounds]))
    shapes = [(1,) * (ndim - aval_of(x).ndim) + aval_of(x).shape for x in bounds]
    start, stop, base = (reshape_op(x, shape=shape) for x, shape in zip(bounds, shapes))
    base = expand_dims.implementation(base, axis)
    found = power(base, spaced(start, stop, num, endpoint, axis=axis)[0])
    return found if dtype is None else cast(found, dtype)


@numpy_function(numpy.linspace, arrays=2)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """``num`` numbers from ``start`` to ``stop``, the distance of each to the next the same."""
    if isinstance(start, Box) or isinstance(stop, Box):
        y, step = spaced(start, stop, num, endpoint, dtype, axis)
        y = by_default(y, start, stop) if dtype is None else y
        return (y, step) if retstep else y
    if retstep:
        y, step = numpy.linspace(start, stop, num, endpoint, True, dtype, axis)
        return created(y, dtype, "linspace"), step
    return _create(numpy.linspace, start, stop, num, endpoint, axis=axis, dtype=dtype)


@numpy_function(numpy.logspace, arrays=2)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """``base`` raised to ``num`` numbers at equal distances."""
    bounds = (start, stop, base)
    if not any(isinstance(x, Box) for x in bounds):
        return _create(numpy.logspace, start, stop, num, endpoint, base, axis=axis, dtype=dtype)
    found = _logspace(start, stop, num, endpoint, base, dtype, axis)
    return by_default(found, *bounds) if dtype is None else found


# Compiled from code with plain NumPy they have NumPy's dtype, also between numbers.
for _public, _plain in ((linspace, _linspace), (logspace, _logspace)):
    BY_NUMPY[_public.numpy] = Function(_plain, _public.numpy, 2)
    BY_NUMPY[_public.numpy].__name__ = _public.__name__


@numpy_function(numpy.geomspace, arrays=2, mxnet=False)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """``num`` numbers from ``start`` to ``stop``, the ratio of each to the next the same."""
    if not (isinstance(start, Box) or isinstance(stop, Box)):
        return _create(numpy.geomspace, start, stop, num, endpoint, axis=axis, dtype=dtype)
    kind = numpy.dtype(result_type(start, stop, float(num), numpy.zeros((), dtype)))
    start, stop = cast(start, kind), cast(stop, kind)
    bounds = [content(x, "the bound") for x in (start, stop)]
    if any((x == 0).any() for x in bounds):
        raise ValueError("Geometric sequence cannot include zero")
    turn = numpy.ones(numpy.broadcast(*bounds).shape, kind)
    is_imaginary = (bounds[0].real == 0) & (bounds[1].real == 0)
    if is_imaginary.any():
        start, stop = (where_op(is_imaginary, imag_op(x), x) for x in (start, stop))
        bounds = [numpy.where(is_imaginary, x.imag, x) for x in bounds]
        turn[is_imaginary] = 1j
    is_negative = (numpy.sign(bounds[0]) == -1) & (numpy.sign(bounds[1]) == -1)
    if is_negative.any():
        start, stop = (where_op(is_negative, negative(x), x) for x in (start, stop))
        turn[is_negative] *= -1
    alike = bounds[0].shape == bounds[1].shape
    refuse(start="of another shape" if (is_imaginary | is_negative).any() and not alike else None)
    dtype = kind if dtype is None else numpy.dtype(dtype)
    y = _logspace(log10(start), log10(stop), num, endpoint, dtype=dtype)
    if num > 0:  # exp(log(x)) is not always x
        y = index_put(y, start, template=(0, Ellipsis))
    if num > 1 and endpoint:
        y = _with_last(y, stop)
    y = multiply(turn, y)
    y = moveaxis.implementation(y, 0, axis) if axis else y
    return cast(y, dtype)


for _public in (linspace, logspace, geomspace):
    _public.makes_constants = True


# Frequencies and a window ----------------------------------------------------------------------


def _made(function: Callable, by_ops: Callable, n: Any, x: Any) -> Any:
    """What ``function(n, x)`` of NumPy's gives, by ops where a gradient may flow from the parameter ``x``."""
    n = content(n, "the number of points")[()]
    if isinstance(x, Box):
        function(n, 1.0)  # for its errors
        return by_default(by_ops(n, x), x)
    return created(function(n, x), numpy.float64 if _has_dtype(x) else None, function.__name__)


def _fftfreq(n, d):
    numbers = numpy.append(numpy.arange((n + 1) // 2), numpy.arange(-(n // 2), 0))
    return multiply(numbers, true_divide(1.0, multiply(n, d)))


def _rfftfreq(n, d):
    return multiply(numpy.arange(n // 2 + 1), true_divide(1.0, multiply(n, d)))


def _kaiser(M, beta):
    refuse(beta="no real number" if aval_of(beta).ndim or aval_of(beta).dtype.kind == "c" else None)
    if M <= 1:
        return current_interpreter().constant(numpy.kaiser(M, 0.0))
    middle, beta = (M - 1) / 2, cast(beta, numpy.float64)
    height = numpy.sqrt(1 - ((numpy.arange(0, M) - middle) / middle) ** 2.0)
    return true_divide(i0_op(multiply(beta, height)), i0_op(beta))


@numpy_function(numpy.fft.fftfreq, name="fft.fftfreq", arrays=0)
def fftfreq(n, d=1.0):
    """The frequencies of the ``n`` elements that ``fft`` gives, for points at the distance ``d``."""
    return _made(numpy.fft.fftfreq, _fftfreq, n, d)


@numpy_function(numpy.fft.rfftfreq, name="fft.rfftfreq", arrays=0)
def rfftfreq(n, d=1.0):
    """The frequencies of what ``rfft`` gives for ``n`` points at the distance ``d``."""
    return _made(numpy.fft.rfftfreq, _rfftfreq, n, d)


@numpy_function(numpy.kaiser, arrays=0, mxnet=False)
def kaiser(M, beta):
    """The Kaiser window of ``M`` points, narrower for a larger ``beta``."""
    return _made(numpy.kaiser, _kaiser, M, beta)


_others: Any = ((fftfreq, _fftfreq), (rfftfreq, _rfftfreq))
for _public, _plain in _others:
    BY_NUMPY[_public.numpy] = Function(_plain, _public.numpy, 0)
    BY_NUMPY[_public.numpy].__name__ = _public.__name__
