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
from minpy.ops.shape import concatenate_op, flip
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


def _transform(name: str, function: Callable) -> Op:
    def vjp(g: Any, ans: Any, x: Any, axis: int, norm: Any) -> Any:
        return op(g, axis=axis, norm=norm)

    op = register(
        Op(
            name,
            numpy=lambda x, axis, norm: function(x, axis=axis, norm=norm),
            infer=lambda x, axis, norm: Aval(aval_of(x).shape, numpy.dtype(numpy.complex128)),
            vjp=(vjp,),
            family="fft",
            cost="compute",
            doc=function.__doc__ or "",
        )
    )
    return op


fft_op = _transform("fft", numpy.fft.fft)
ifft_op = _transform("ifft", numpy.fft.ifft)


def _along(op: Op, a: Any, n: Any, axis: int, norm: Any) -> Any:
    shape = aval_of(a).shape
    axis = normalize_axis(axis, len(shape))
    n = shape[axis] if n is None else operator.index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return op(_resized(a, n, axis), axis=axis, norm=norm)


@numpy_function(numpy.fft.fft, name="fft.fft", mxnet=False)
def fft(a, n=None, axis=-1, norm=None):
    """The discrete Fourier transform along an axis."""
    return _along(fft_op, a, n, axis, norm)


@numpy_function(numpy.fft.ifft, name="fft.ifft", mxnet=False)
def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of ``fft``."""
    return _along(ifft_op, a, n, axis, norm)


@numpy_function(numpy.fft.rfft, name="fft.rfft", mxnet=False)
def rfft(a, n=None, axis=-1, norm=None):
    """The first half of the transform of real numbers, which says all."""
    refuse(dtype="complex" if aval_of(a).dtype.kind == "c" else None)
    found = _along(fft_op, a, n, axis, norm)
    axis = normalize_axis(axis, aval_of(found).ndim)
    return basic_slice(found, axis, 0, aval_of(found).shape[axis] // 2 + 1)


@numpy_function(numpy.fft.irfft, name="fft.irfft", mxnet=False)
def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of ``rfft``."""
    shape = aval_of(a).shape
    axis = normalize_axis(axis, len(shape))
    n = 2 * (shape[axis] - 1) if n is None else operator.index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    half = _resized(a, n // 2 + 1, axis)
    # The second half mirrors the first without its ends, the first element and, for even n, the last.
    inner = basic_slice(half, axis, 1, (n + 1) // 2)
    size = aval_of(inner).shape[axis]
    if size:
        mirrored = conjugate(flip.implementation(inner, axis))
        half = concatenate_op(half, mirrored, axis=axis)
    return real(ifft_op(half, axis=axis, norm=norm))


def _over(op: Op, a: Any, s: Any, axes: Any, norm: Any) -> Any:
    """The transform of one axis after the other, the last one first."""
    ndim = aval_of(a).ndim
    if axes is None:
        axes = tuple(range(ndim)) if s is None else tuple(range(-len(s), 0))
    axes = [normalize_axis(axis, ndim) for axis in axes]
    sizes = [None] * len(axes) if s is None else list(s)
    if len(sizes) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    for n, axis in reversed(list(zip(sizes, axes))):
        a = _along(op, a, n, axis, norm)
    return a


@numpy_function(numpy.fft.fft2, name="fft.fft2", mxnet=False)
def fft2(a, s=None, axes=(-2, -1), norm=None):
    """``fft`` over two axes."""
    return _over(fft_op, a, s, axes, norm)


@numpy_function(numpy.fft.ifft2, name="fft.ifft2", mxnet=False)
def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of ``fft2``."""
    return _over(ifft_op, a, s, axes, norm)


@numpy_function(numpy.fft.fftn, name="fft.fftn", mxnet=False)
def fftn(a, s=None, axes=None, norm=None):
    """``fft`` over several axes."""
    return _over(fft_op, a, s, axes, norm)


@numpy_function(numpy.fft.ifftn, name="fft.ifftn", mxnet=False)
def ifftn(a, s=None, axes=None, norm=None):
    """The inverse of ``fftn``."""
    return _over(ifft_op, a, s, axes, norm)


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
