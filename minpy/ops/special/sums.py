"""``logsumexp``, ``softmax``, ``log_softmax`` of ``scipy.special``."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Callable

import numpy
from scipy import special

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, normalize_axes
from minpy.ops.elementwise import exp, log
from minpy.ops.logic import isfinite, where_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.neural import log_softmax_op, softmax_op, softmax_parts
from minpy.ops.op import Op, as_operand, numpy_function, refuse, register
from minpy.ops.reduction import cast, flag, max_op, reduced_shape, spread, sum_op
from minpy.ops.shape import reshape_op


@functools.lru_cache(maxsize=64)
def _float_dtype(function: Callable, dtype: numpy.dtype) -> numpy.dtype:
    return numpy.asarray(function(numpy.ones(1, dtype))).dtype


def _axis(x: Any, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes as SciPy takes them, also for a number."""
    return None if len(axes) == aval_of(x).ndim else axes


def _source(name: str) -> Callable:
    def source(avals: Sequence[Aval], params: dict) -> str:
        axis = _axis(avals[0], params["axes"])
        options = f", axis={axis[0] if len(axis) == 1 else axis}" if axis else ""
        options += ", b={1}" if len(avals) > 1 else ""
        options += ", keepdims=True" if params.get("keepdims") else ""
        return f"scipy.special.{name}({{0}}{options})"

    return source


def _logsumexp_mx(
    b: Builder, out: Aval, x: Operand, *weights: Operand, axes: tuple[int, ...], keepdims: bool
) -> Operand:
    require(out.dtype, FLOATS, "logsumexp")
    refuse(axis="none" if not axes else None, b="an array" if weights else None)
    x = b.cast(x, out.dtype)
    row = Aval(reduced_shape(x.aval.shape, axes, True), out.dtype)
    highest = b.op("_np_max", row, x, axis=axes, keepdims=True)
    is_finite = b.op("_npi_isfinite", Aval(row.shape, numpy.dtype(bool)), highest)
    highest = b.op("_npi_where", row, is_finite, highest, b.literal(0, out.dtype))
    powers = b.op("_npi_exp", x.aval, b.op("_npi_subtract", x.aval, x, highest))
    total = sum_op.mx(b, row, powers, axes, True)  # type: ignore[misc]
    return b.reshape(b.op("_npi_add", row, b.op("_npi_log", row, total), highest), out.shape)


def _highest(x: Any, axes: tuple[int, ...]) -> Any:
    """The largest element of each row, 0 where that is infinite or nan: by it a row is shifted."""
    highest = max_op(x, axes=axes, keepdims=True)
    return where_op(isfinite(highest), highest, numpy.asarray(0, aval_of(x).dtype))


def _logsumexp_parts(x: Any, *weights: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    refuse(b="an array" if weights else None)
    x = cast(x, _float_dtype(special.logsumexp, aval_of(x).dtype))
    highest = _highest(x, axes)
    found = log(sum_op(exp(x - highest), axes=axes, keepdims=True)) + highest
    return reshape_op(found, shape=reduced_shape(aval_of(x).shape, axes, keepdims))


def _log_softmax_parts(x: Any, axes: tuple[int, ...]) -> Any:
    x = cast(x, _float_dtype(special.log_softmax, aval_of(x).dtype))
    x = x - _highest(x, axes)
    return x - log(sum_op(exp(x), axes=axes, keepdims=True))


def _logsumexp_by_a(g: Any, ans: Any, a: Any, *b: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    part = _logsumexp_by_b(g, ans, a, *b, axes=axes, keepdims=keepdims)
    return part * b[0] if b else part


def _logsumexp_by_b(g: Any, ans: Any, a: Any, *b: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return spread(g, a, axes, keepdims) * exp(a - spread(ans, a, axes, keepdims))


_logsumexp_op = register(
    Op(
        "special.logsumexp",
        numpy=lambda a, *b, axes, keepdims: special.logsumexp(a, _axis(a, axes), *b, keepdims=keepdims),
        infer=lambda a, *b, axes, keepdims: Aval(
            reduced_shape(aval_of(a).shape, axes, keepdims),
            _float_dtype(special.logsumexp, aval_of(a).dtype),
        ),
        mx=_logsumexp_mx,
        parts=_logsumexp_parts,
        vjp=(_logsumexp_by_a, _logsumexp_by_b),
        family="special",
        source=_source("logsumexp"),
    )
)


@numpy_function(special.logsumexp, name="special.logsumexp")
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """The logarithm of the sum of exponentials, each ``b`` times, without overflow."""
    refuse(return_sign=return_sign or None)
    refuse(keepdims=keepdims or None if not aval_of(a).ndim else None)  # SciPy gives an axis to a number
    options = {"axes": normalize_axes(axis, aval_of(a).ndim), "keepdims": flag(keepdims)}
    if b is None:
        return _logsumexp_op(a, **options)
    b = as_operand(b)
    shapes = aval_of(a).shape, aval_of(b).shape
    refuse(b="of another shape" if broadcast_shapes(*shapes) != shapes[0] else None)
    return _logsumexp_op(a, b, **options)


def _on_one_axis(op: Op) -> Callable:
    """MXNet's operator, which takes one axis."""

    def mx(b: Builder, out: Aval, x: Operand, axes: tuple[int, ...]) -> Operand:
        refuse(axis="several" if len(axes) != 1 else None)
        return op.mx(b, out, x, axis=axes[0])  # type: ignore[misc]

    return mx


def _softmax_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...]) -> Any:
    weighted = g * ans
    return weighted - ans * sum_op(weighted, axes=axes, keepdims=True)


def _log_softmax_vjp(g: Any, ans: Any, x: Any, axes: tuple[int, ...]) -> Any:
    return g - exp(ans) * sum_op(g, axes=axes, keepdims=True)


def _softmax(name: str, like: Op, parts: Callable, vjp: Callable) -> Any:
    function = getattr(special, name)
    op = register(
        Op(
            f"special.{name}",
            numpy=lambda x, axes: function(x, _axis(x, axes)),
            infer=lambda x, axes: Aval(aval_of(x).shape, _float_dtype(function, aval_of(x).dtype)),
            mx=_on_one_axis(like),
            parts=parts,
            vjp=(vjp,),
            family="special",
            source=_source(name),
        )
    )

    def softmax(x, axis=None):
        return op(x, axes=normalize_axes(axis, aval_of(x).ndim))

    softmax.__doc__ = f"``scipy.special.{name}``, over all elements unless ``axis`` is given."
    return numpy_function(function, name=f"special.{name}")(softmax)


softmax = _softmax("softmax", softmax_op, softmax_parts, _softmax_vjp)
log_softmax = _softmax("log_softmax", log_softmax_op, _log_softmax_parts, _log_softmax_vjp)
