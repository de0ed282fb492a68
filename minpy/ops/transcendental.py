"""More elementwise functions: ``sinc``, ``logaddexp2``, ``fmax``, ``copysign`` and their kin.

What holds where there is no derivative, and for complex numbers, stands in docs/gradients.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from minpy.ops import kernels
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, real_dtype
from minpy.ops.creation import asarray
from minpy.ops.data import content
from minpy.ops.elementwise import (
    absolute,
    arctan2,
    cos,
    exp,
    exp2,
    floor_divide,
    log,
    negative,
    real,
    remainder,
    share,
    sign,
    trunc,
)
from minpy.ops.indexing import index
from minpy.ops.logic import equal, isnan, less, where_op
from minpy.ops.lowering import NUMBERS, unary
from minpy.ops.op import NOT_DIFFERENTIABLE, ZERO, Op, numpy_function, refuse, register, ufunc
from minpy.ops.reduction import mean_op
from minpy.ops.shape import reshape_op

logaddexp2 = ufunc(
    "logaddexp2",
    numpy.logaddexp2,
    None,
    lambda g, ans, x, y: g * exp2(x - ans),
    lambda g, ans, x, y: g * exp2(y - ans),
    singular=True,
)


# Limits without nan, remainders, signs ---------------------------------------------------------


def _apart_from_nan(g: Any, shared: Any, x: Any, y: Any) -> Any:
    """``shared``, and all of ``g`` where only ``y`` is nan."""
    return where_op(isnan(y), where_op(isnan(x), 0, g), shared)


# No MXNet column: which zero of two signs comes out differs between versions of NumPy.
fmax = ufunc(
    "fmax",
    numpy.fmax,
    None,
    lambda g, ans, x, y: _apart_from_nan(g, share(g, x, y), x, y),
    lambda g, ans, x, y: _apart_from_nan(g, share(g, y, x), y, x),
)
fmin = ufunc(
    "fmin",
    numpy.fmin,
    None,
    lambda g, ans, x, y: _apart_from_nan(g, share(g, y, x), x, y),
    lambda g, ans, x, y: _apart_from_nan(g, share(g, x, y), y, x),
)
fmod = ufunc("fmod", numpy.fmod, None, lambda g, ans, x, y: g, lambda g, ans, x, y: -g * trunc(x / y))
heaviside = ufunc("heaviside", numpy.heaviside, None, ZERO, lambda g, ans, x, y: where_op(equal(x, 0), g, 0))
copysign: Op = ufunc(
    "copysign",
    numpy.copysign,
    None,  # MXNet's gives other signs to zeros and for nan
    lambda g, ans, x, y: g * (sign(x) * copysign(1.0, y)),
    ZERO,
)
float_power: Op = ufunc(
    "float_power",
    numpy.float_power,
    None,
    lambda g, ans, x, y: g * (y * float_power(x, where_op(equal(y, 0), 1, y - 1))),
    lambda g, ans, x, y: g * (ans * log(where_op(equal(x, 0), 1.0, x))),
    singular=True,
)
nextafter = ufunc("nextafter", numpy.nextafter, None, lambda g, ans, x, y: g, ZERO)
ldexp: Op = ufunc("ldexp", numpy.ldexp, None, lambda g, ans, x, i: ldexp(g, i), NOT_DIFFERENTIABLE)


# Several results: numbers in parts ----------------------------------------------------------------


def _two(function: Any) -> Any:
    """Avals of a function of one array with two results."""

    def infer(x: Any) -> tuple[Aval, Aval]:
        first, second = function(numpy.ones(1, aval_of(x).dtype))
        return Aval(aval_of(x).shape, first.dtype), Aval(aval_of(x).shape, second.dtype)

    return infer


def _modf_vjp(g: Any, ans: Any, x: Any) -> Any:
    """The whole part only jumps."""
    return g[0] if g[0] is not None else x * 0.0


def _frexp_vjp(g: Any, ans: Any, x: Any) -> Any:
    """The exponent only jumps."""
    return ldexp(g[0], negative(ans[1])) if g[0] is not None else x * 0.0


modf_op = register(
    Op("modf", numpy=numpy.modf, infer=_two(numpy.modf), vjp=(_modf_vjp,), family="elementwise")
)
frexp_op = register(
    Op("frexp", numpy=numpy.frexp, infer=_two(numpy.frexp), vjp=(_frexp_vjp,), family="elementwise")
)


@numpy_function(numpy.modf, mxnet=False)
def modf(x, out1=None, out2=None, /, **options):
    """What is behind the point, and the whole number in front of it, both with the sign of ``x``."""
    refuse(out1=out1, out2=out2, **options)
    return modf_op(x)


@numpy_function(numpy.frexp, mxnet=False)
def frexp(x, out1=None, out2=None, /, **options):
    """``x`` as m 2**e: m between 1/2 and 1, and the integer e."""
    refuse(out1=out1, out2=out2, **options)
    return frexp_op(x)


@numpy_function(numpy.divmod, arrays=2, mxnet=False)
def divmod(x1, x2, out1=None, out2=None, /, **options):
    """``x1 // x2`` and ``x1 % x2``."""
    refuse(out1=out1, out2=out2, **options)
    return floor_divide(x1, x2), remainder(x1, x2)


# sinc ------------------------------------------------------------------------------------------


def _sinc_vjp(g: Any, ans: Any, x: Any) -> Any:
    """(cos(pi x) - sinc(x)) / x; near 0 the first terms of its series, which six derivatives of it have."""
    near = less(absolute(x), 1e-2)
    far = where_op(near, 1.0, x)
    square = x * x
    series = x * (-(math.pi**2) / 3 + square * (math.pi**4 / 30 - square * (math.pi**6 / 840)))
    return g * where_op(near, series, (cos(math.pi * far) - sinc_op(far)) / far)


def _sinc_infer(x: Any) -> Aval:
    aval = aval_of(x)
    return Aval(aval.shape, numpy.result_type(numpy.sinc(numpy.ones(aval.shape and (1,), aval.dtype))))


sinc_op: Op = register(
    Op(
        "sinc",
        numpy=lambda x: numpy.sinc(x),
        infer=_sinc_infer,
        scalar=kernels.SCALARS["sinc"],
        vjp=(_sinc_vjp,),
        family="elementwise",
        source="np.sinc({0})",
        elementwise=True,
    )
)


@numpy_function(numpy.sinc, mxnet=False)
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0."""
    return sinc_op(x)


# The Bessel function I0 ------------------------------------------------------------------------


def _i0_vjp(g: Any, ans: Any, x: Any) -> Any:
    """I1(x), the mean of exp(x c) c over the cosines c of angles at equal distances.

    The integral that this stands for (DLMF 10.32.3) is of a smooth periodic function, for which a few points
    more than the largest x are as precise as the numbers are.
    """
    count = 40 + 2 * int(numpy.abs(content(x, "the argument")).max(initial=0))
    cosines = numpy.cos((numpy.arange(count) + 0.5) * (math.pi / count)).astype(aval_of(x).dtype)
    rows = reshape_op(x, shape=(*aval_of(x).shape, 1))
    return g * mean_op(exp(rows * cosines) * cosines, axes=(aval_of(x).ndim,), keepdims=False)


i0_op = register(
    Op(
        "i0",
        numpy=lambda x: numpy.asarray(numpy.i0(x)),
        infer=lambda x: Aval(aval_of(x).shape, numpy.i0(numpy.ones(1, aval_of(x).dtype)).dtype),
        vjp=(_i0_vjp,),
        family="elementwise",
        elementwise=True,
    )
)


@numpy_function(numpy.i0, mxnet=False)
def i0(x):
    """The modified Bessel function of the first kind, of order 0."""
    return i0_op(x)


# Complex numbers -------------------------------------------------------------------------------

conjugate: Op = ufunc(
    "conjugate",
    numpy.conjugate,
    unary("_copy", NUMBERS),  # MXNet has no complex numbers, and real ones stay as they are
    lambda g, ans, x: conjugate(g),
    aliases=("conj",),
)
imag_op = register(
    Op(
        "imag",
        numpy=numpy.imag,
        infer=lambda x: Aval(aval_of(x).shape, real_dtype(aval_of(x).dtype)),
        scalar=kernels.SCALARS["imag"],
        vjp=(lambda g, ans, x: g * -1j if aval_of(x).dtype.kind == "c" else g * 0.0,),
        family="elementwise",
        source="np.imag({0})",
        elementwise=True,
    )
)


def _join(x: Any, y: Any) -> numpy.ndarray:
    dtypes = (numpy.asarray(part).dtype for part in (x, y))
    result = numpy.empty(numpy.broadcast(x, y).shape, numpy.result_type(*dtypes, numpy.complex64))
    result.real, result.imag = x, y
    return result


from_parts = register(
    Op(
        "from_parts",
        numpy=_join,
        infer=lambda x, y: Aval(
            broadcast_shapes(aval_of(x).shape, aval_of(y).shape),
            numpy.result_type(aval_of(x).dtype, aval_of(y).dtype, numpy.complex64),
        ),
        vjp=(lambda g, ans, x, y: g, lambda g, ans, x, y: g * 1j),
        family="elementwise",
        elementwise=True,
        doc="The complex number x + iy.",
    )
)


@numpy_function(numpy.real, name="real")
def real_part(val):
    """The real part; real numbers as they are."""
    if aval_of(val).dtype.kind == "c":
        return real(val)
    if isinstance(val, numpy.ndarray):
        return index(val, template=(Ellipsis,))
    return index(val, template=()) if isinstance(val, numpy.generic) else val


@numpy_function(numpy.imag, mxnet=False)
def imag(val):
    """The imaginary part; zeros for real numbers."""
    return imag_op(int(val) if isinstance(val, bool) else val)


@numpy_function(numpy.real_if_close)
def real_if_close(a, tol=100):
    """The real part of complex numbers if no imaginary part is larger than ``tol`` times the precision."""
    dtype = aval_of(a).dtype
    if dtype.kind != "c":
        return asarray.implementation(a)
    limit = numpy.finfo(dtype).eps * tol if tol > 1 else tol
    is_close = (numpy.absolute(content(a, "what may be real").imag) < limit).all()
    return real(a) if is_close else a


@numpy_function(numpy.angle, mxnet=False)
def angle(z, deg=False):
    """The angle of complex numbers in the plane, in radians or degrees."""
    result = arctan2(imag_op(z), real(z)) if aval_of(z).dtype.kind == "c" else arctan2(0, z)
    return result * (180 / math.pi) if deg else result
