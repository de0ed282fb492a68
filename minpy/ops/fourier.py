"""Discrete Fourier transforms: ``numpy.fft``, written in transforms of one axis.

A complex cotangent g stands for the change Re(g dz) of a real result. In this convention the
transform of a symmetric matrix, which ``fft`` and ``ifft`` are, is its own rule.
"""

from __future__ import annotations

import operator
from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, normalize_axis
from minpy.ops.elementwise import real
from minpy.ops.indexing import basic_slice
from minpy.ops.op import Op, numpy_function, refuse, register
from minpy.ops.rearrange import roll
from minpy.ops.shape import concatenate_op
from minpy.ops.transcendental import conjugate


def _resized(x: Any, n: int, axis: int) -> Any:
    """``x`` cut off, or filled with zeros, to the size n along an axis."""
    shape, dtype = aval_of(x)
    if shape[axis] == n:
        return x
    if shape[axis] > n:
        return basic_slice(x, axis, 0, n)
    blank = numpy.zeros((*shape[:axis], n - shape[axis], *shape[axis + 1 :]), dtype)
    return concatenate_op(x, blank, axis=axis)


def _op(name: str, run: Callable, infer: Callable, vjp: Callable) -> Op:
    columns: dict[str, Any] = {"family": "fft", "cost": "compute"}
    return register(Op(name, numpy=run, infer=infer, vjp=(vjp,), **columns))


def _transform(name: str, function: Callable) -> Op:
    def vjp(g: Any, ans: Any, x: Any, axis: int, norm: Any) -> Any:
        return op(g, axis=axis, norm=norm)

    op = _op(
        name,
        lambda x, axis, norm: function(x, axis=axis, norm=norm),
        lambda x, axis, norm: Aval(aval_of(x).shape, numpy.dtype(numpy.complex128)),
        vjp,
    )
    return op


fft_op = _transform("fft", numpy.fft.fft)
ifft_op = _transform("ifft", numpy.fft.ifft)


def _checked(n: Any) -> int:
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return n


def _along(op: Op, a: Any, n: Any, axis: int, norm: Any) -> Any:
    shape = aval_of(a).shape
    axis = normalize_axis(axis, len(shape))
    n = _checked(shape[axis] if n is None else n)
    return op(_resized(a, n, axis), axis=axis, norm=norm)


@numpy_function(numpy.fft.fft, name="fft.fft", mxnet=False)
def fft(a, n=None, axis=-1, norm=None):
    """The discrete Fourier transform along an axis."""
    return _along(fft_op, a, n, axis, norm)


@numpy_function(numpy.fft.ifft, name="fft.ifft", mxnet=False)
def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of ``fft``."""
    return _along(ifft_op, a, n, axis, norm)


# Real numbers ------------------------------------------------------------------------------------

#: with this norm the transform is scaled as its inverse is with the other
_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _rfft_infer(x: Any, axis: int, norm: Any) -> Aval:
    shape = aval_of(x).shape
    return Aval((*shape[:axis], shape[axis] // 2 + 1, *shape[axis + 1 :]), numpy.dtype(numpy.complex128))


def _rfft_vjp(g: Any, ans: Any, x: Any, axis: int, norm: Any) -> Any:
    """That of ``fft`` for a cotangent that is 0 in the half which is not computed, and for real numbers."""
    return real(fft_op(_resized(g, aval_of(x).shape[axis], axis), axis=axis, norm=norm))


def _irfft_infer(x: Any, n: int, axis: int, norm: Any) -> Aval:
    shape = aval_of(x).shape
    return Aval((*shape[:axis], n, *shape[axis + 1 :]), numpy.dtype(numpy.float64))


def _irfft_vjp(g: Any, ans: Any, x: Any, n: int, axis: int, norm: Any) -> Any:
    """Each element but the first and, for even n, the last stands for its mirror image too."""
    half = conjugate(rfft_op(g, axis=axis, norm=_SWAPPED[norm]))
    counts = numpy.full(n // 2 + 1, 2.0)
    counts[0] = 1
    counts[-1] = 1 if n % 2 == 0 else counts[-1]
    counts = counts.reshape([-1 if i == axis else 1 for i in range(aval_of(x).ndim)])
    return half * counts


rfft_op = _op(
    "rfft",
    lambda x, axis, norm: numpy.fft.rfft(x, axis=axis, norm=norm),
    _rfft_infer,
    _rfft_vjp,
)
irfft_op = _op(
    "irfft",
    lambda x, n, axis, norm: numpy.fft.irfft(x, n, axis, norm),
    _irfft_infer,
    _irfft_vjp,
)


def _irfft(a: Any, n: Any, axis: int, norm: Any) -> Any:
    shape = aval_of(a).shape
    axis = normalize_axis(axis, len(shape))
    n = _checked(2 * (shape[axis] - 1) if n is None else n)
    return irfft_op(_resized(a, n // 2 + 1, axis), n=n, axis=axis, norm=norm)


@numpy_function(numpy.fft.rfft, name="fft.rfft", mxnet=False)
def rfft(a, n=None, axis=-1, norm=None):
    """The first half of the transform of real numbers, which says all."""
    return _along(rfft_op, a, n, axis, norm)


@numpy_function(numpy.fft.irfft, name="fft.irfft", mxnet=False)
def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of ``rfft``."""
    return _irfft(a, n, axis, norm)


@numpy_function(numpy.fft.hfft, name="fft.hfft", mxnet=False)
def hfft(a, n=None, axis=-1, norm=None):
    """The transform, which is real, of numbers that mirror their conjugates; given the first half."""
    return _irfft(conjugate(a), n, axis, _SWAPPED[norm])


@numpy_function(numpy.fft.ihfft, name="fft.ihfft", mxnet=False)
def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of ``hfft``."""
    return conjugate(_along(rfft_op, a, n, axis, _SWAPPED[norm]))


# Several axes ----------------------------------------------------------------------------------


def _axes_and_sizes(a: Any, s: Any, axes: Any) -> list[tuple[Any, int]]:
    ndim = aval_of(a).ndim
    if axes is None:
        axes = tuple(range(ndim)) if s is None else tuple(range(-len(s), 0))
    axes = [normalize_axis(axis, ndim) for axis in axes]
    sizes = [None] * len(axes) if s is None else list(s)
    if len(sizes) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return list(zip(sizes, axes))


def _over(op: Op, a: Any, s: Any, axes: Any, norm: Any) -> Any:
    """The transform of one axis after the other, the last one first."""
    for n, axis in reversed(_axes_and_sizes(a, s, axes)):
        a = _along(op, a, n, axis, norm)
    return a


def _rfft_over(a: Any, s: Any, axes: Any, norm: Any) -> Any:
    pairs = _axes_and_sizes(a, s, axes)
    n, last = pairs[-1]
    a = _along(rfft_op, a, n, last, norm)
    for n, axis in reversed(pairs[:-1]):
        a = _along(fft_op, a, n, axis, norm)
    return a


def _irfft_over(a: Any, s: Any, axes: Any, norm: Any) -> Any:
    pairs = _axes_and_sizes(a, s, axes)
    for n, axis in pairs[:-1]:
        a = _along(ifft_op, a, n, axis, norm)
    return _irfft(a, *pairs[-1], norm)


_MANY = (
    ("fftn", lambda a, s, axes, norm: _over(fft_op, a, s, axes, norm), "``fft`` over several axes."),
    ("ifftn", lambda a, s, axes, norm: _over(ifft_op, a, s, axes, norm), "The inverse of ``fftn``."),
    ("rfftn", _rfft_over, "``rfft`` over the last of several axes, ``fft`` over the others."),
    ("irfftn", _irfft_over, "The inverse of ``rfftn``."),
)


def _publish(name: str, transform: Callable, axes: Any, doc: str) -> None:
    """The function over any axes, and with 2 for n in its name over the last two."""

    def function(a, s=None, axes=axes, norm=None):
        return transform(a, s, axes, norm)

    function.__doc__ = doc
    numpy_function(getattr(numpy.fft, name), name=f"fft.{name}", mxnet=False)(function)


for _name, _transform_over, _doc in _MANY:
    _publish(_name, _transform_over, None, _doc)
    _publish(f"{_name[:-1]}2", _transform_over, (-2, -1), f"{_doc[:-1]}: two of them.")


def _shifted(x: Any, axes: Any, places: Callable) -> Any:
    shape = aval_of(x).shape
    axes = tuple(range(len(shape))) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    axes = tuple(normalize_axis(axis, len(shape)) for axis in axes)
    refuse(axes="none" if not axes else None)
    return roll.implementation(x, tuple(places(shape[axis]) for axis in axes), axes)


@numpy_function(numpy.fft.fftshift, name="fft.fftshift")
def fftshift(x, axes=None):
    """The frequency 0 moved to the middle."""
    return _shifted(x, axes, lambda n: n // 2)


@numpy_function(numpy.fft.ifftshift, name="fft.ifftshift")
def ifftshift(x, axes=None):
    """The inverse of ``fftshift``."""
    return _shifted(x, axes, lambda n: -(n // 2))
