"""More elementwise functions: ``sinc``, ``logaddexp2``, ``fmax``, ``copysign`` and their kin.

Conventions: ``fmax`` and ``fmin`` share the gradient at ties, as ``maximum`` does, and give none to a
nan; ``heaviside`` and the sign that ``copysign`` takes have derivative 0. A complex cotangent g
stands for the change Re(g dz) of a real result.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of
from minpy.ops.elementwise import (
    _half_where_equal,
    absolute,
    arctan2,
    cos,
    exp2,
    log,
    real,
    sign,
    trunc,
)
from minpy.ops.logic import equal, greater, isnan, less, where_op
from minpy.ops.op import NOT_DIFFERENTIABLE, ZERO, Op, numpy_function, refuse, register, ufunc

logaddexp2 = ufunc(
    "logaddexp2",
    numpy.logaddexp2,
    None,
    lambda g, ans, x, y: g * exp2(x - ans),
    lambda g, ans, x, y: g * exp2(y - ans),
    singular=True,
)


# Limits without nan, remainders, signs ---------------------------------------------------------


def _without_nan(name: str, function: Callable, compare: Callable) -> Op:
    def chosen(g: Any, x: Any, y: Any) -> Any:
        """``_half_where_equal``, and all of ``g`` where only ``y`` is nan."""
        return where_op(isnan(y), where_op(isnan(x), 0, g), _half_where_equal(compare, g, x, y))

    return ufunc(
        name,
        function,
        None,  # which zero of two signs comes out differs between versions of NumPy
        lambda g, ans, x, y: chosen(g, x, y),
        lambda g, ans, x, y: chosen(g, y, x),
    )


fmax = _without_nan("fmax", numpy.fmax, greater)
fmin = _without_nan("fmin", numpy.fmin, less)
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
ldexp: Op = ufunc("ldexp", numpy.ldexp, None, lambda g, ans, x, i: ldexp(g, i), NOT_DIFFERENTIABLE)


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
        vjp=(_sinc_vjp,),
        family="elementwise",
        elementwise=True,
    )
)


@numpy_function(numpy.sinc)
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0."""
    return sinc_op(x)


# Complex numbers -------------------------------------------------------------------------------

conjugate: Op = ufunc(
    "conjugate",
    numpy.conjugate,
    None,
    lambda g, ans, x: conjugate(g),
    aliases=("conj",),
)
imag_op = register(
    Op(
        "imag",
        numpy=lambda x: numpy.array(numpy.imag(x)),
        infer=lambda x: Aval(aval_of(x).shape, numpy.zeros((), aval_of(x).dtype).real.dtype),
        vjp=(lambda g, ans, x: g * -1j if aval_of(x).dtype.kind == "c" else g * 0.0,),
        family="elementwise",
        elementwise=True,
    )
)


@numpy_function(numpy.real, name="real")
def real_part(val):
    """The real part; real numbers as they are."""
    return real(val) if aval_of(val).dtype.kind == "c" else val


@numpy_function(numpy.imag)
def imag(val):
    """The imaginary part; zeros for real numbers."""
    return imag_op(val)


@numpy_function(numpy.angle)
def angle(z, deg=False):
    """The angle of complex numbers in the plane, in radians or degrees."""
    refuse(dtype="of real numbers" if aval_of(z).dtype.kind != "c" else None)
    result = arctan2(imag_op(z), real(z))
    return result * (180 / math.pi) if deg else result
