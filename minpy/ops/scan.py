"""Scans and differences along an axis: cumulative sums and products, ``diff``, ``trapz``."""

from __future__ import annotations

import functools
import operator
from typing import Any, Callable

import numpy
from numpy import _NoValue  # type: ignore[attr-defined]

from minpy.ops.aval import Aval, aval_of, normalize_axis
from minpy.ops.elementwise import add, astype, multiply, subtract, true_divide
from minpy.ops.indexing import basic_slice, index
from minpy.ops.keys import BACKWARD, WHOLE
from minpy.ops.logic import isnan, not_equal, where
from minpy.ops.lowering import NUMBERS, Builder, Operand, require
from minpy.ops.op import (
    Box,
    Op,
    as_operand,
    current_interpreter,
    eager_interpreter,
    numpy_function,
    refuse,
    register,
)
from minpy.ops.reduction import cast, prod, sum_op
from minpy.ops.shape import broadcast_to_op, concatenate_op, ravel, reshape_op


def _reversed(x: Any, axis: int) -> Any:
    return index(x, template=(WHOLE,) * axis + (BACKWARD,))


@functools.lru_cache(maxsize=256)
def _scanned_dtype(function: Callable, dtype: numpy.dtype) -> numpy.dtype:
    return function(numpy.ones(1, dtype)).dtype


def _scan(name: str, function: Callable, mx: Callable | None, vjp: Callable) -> Op:
    return register(
        Op(
            name,
            numpy=lambda x, axis: function(x, axis=axis),
            infer=lambda x, axis: Aval(aval_of(x).shape, _scanned_dtype(function, aval_of(x).dtype)),
            mx=mx,
            vjp=(vjp,),
            family="scan",
            source=f"np.{name}({{0}}, axis={{axis}})",
        )
    )


def _cumsum_mx(b: Builder, out: Aval, x: Operand, axis: int) -> Operand:
    require(out.dtype, NUMBERS, "cumsum")
    return b.op("_np_cumsum", out, b.cast(x, out.dtype), axis=axis)


def _cumsum_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    """Each element is in every later sum."""
    return _reversed(cumsum_op(_reversed(g, axis), axis=axis), axis)


cumsum_op: Op = _scan("cumsum", numpy.cumsum, _cumsum_mx, _cumsum_vjp)


def _shifted(x: Any, axis: int, step: int, fill: float) -> Any:
    """``x`` moved to lower indices along the axis, with ``fill`` in the places left (step < 0: to higher)."""
    shape, dtype = aval_of(x)
    n = shape[axis]
    blank = numpy.full((*shape[:axis], min(abs(step), n), *shape[axis + 1 :]), fill, dtype)
    if step > 0:
        return concatenate_op(basic_slice(x, axis, min(step, n), n), blank, axis=axis)
    return concatenate_op(blank, basic_slice(x, axis, 0, max(n + step, 0)), axis=axis)


def backward_recurrence(factor: Any, g: Any, axis: int) -> Any:
    """r with r[i] = g[i] + factor[i] r[i+1] along an axis; what ``factor`` has for the last i is not used.

    The recurrence is solved by composing it with itself: each step doubles the distance that it spans
    (Blelloch 1990, "Prefix sums and their applications").
    """
    n, total, step = aval_of(g).shape[axis], g, 1
    while step < n:
        total = total + factor * _shifted(total, axis, step, 0)
        factor = factor * _shifted(factor, axis, step, 0)
        step *= 2
    return total


def _cumprod_vjp(g: Any, ans: Any, x: Any, axis: int) -> Any:
    """The cotangent of x[i] is the product of what is before it times r[i] = g[i] + x[i+1] r[i+1].

    No division, so zeros are no special case.
    """
    return _shifted(ans, axis, -1, 1) * backward_recurrence(_shifted(x, axis, 1, 0), g, axis)


# In MXNet a product would have to be made of blocks, which can overflow where a sequential one does not.
cumprod_op = _scan("cumprod", numpy.cumprod, None, _cumprod_vjp)


# Public functions ------------------------------------------------------------------------------


def _along(op: Op, a: Any, axis: Any, dtype: Any, out: Any) -> Any:
    refuse(out=out)
    if dtype is not None:
        a = astype(a, dtype=numpy.dtype(dtype))
    if axis is None or not aval_of(a).ndim:
        a, axis = ravel.implementation(a), axis or 0
    return op(a, axis=normalize_axis(axis, aval_of(a).ndim))


@numpy_function(numpy.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    """Sums of the elements up to each one, along ``axis`` or of the flattened array."""
    return _along(cumsum_op, a, axis, dtype, out)


@numpy_function(numpy.cumprod, mxnet=False)
def cumprod(a, axis=None, dtype=None, out=None):
    """Products of the elements up to each one, along ``axis`` or of the flattened array."""
    return _along(cumprod_op, a, axis, dtype, out)


def _old_name(name: str, function: Any) -> None:
    """A function under a name that NumPy warns of; compiled code leaves it to Python, to warn each time."""
    numpys = getattr(numpy, name)

    def call(a, *args, **kwargs):
        refuse(a=None if current_interpreter() is eager_interpreter() else "a name that is deprecated")
        numpys(numpy.zeros(0))
        return function.implementation(a, *args, **kwargs)

    call.__doc__ = f"Another name of ``{function.__name__}``."
    numpy_function(numpys, name=name, mxnet=False)(call)


_old_name("product", prod)
_old_name("cumproduct", cumprod)


@numpy_function(numpy.nancumsum)
def nancumsum(a, axis=None, dtype=None, out=None):
    """``cumsum`` in which nan counts as 0."""
    a = where.implementation(isnan(a), 0, a) if aval_of(a).dtype.kind == "f" else a
    return _along(cumsum_op, a, axis, dtype, out)


def _end(x: Any, a: Any, axis: int) -> list[Any]:
    """What is joined to an array before its differences are taken, a number for each row."""
    if x is _NoValue:
        return []
    x, shape = as_operand(x), aval_of(a).shape
    if not aval_of(x).ndim:
        x = broadcast_to_op(x, shape=(*shape[:axis], 1, *shape[axis + 1 :]))
    return [x]


@numpy_function(numpy.diff)
def diff(a, n=1, axis=-1, prepend=_NoValue, append=_NoValue):
    """Differences of neighbors along ``axis``, taken ``n`` times."""
    n, aval = operator.index(n), aval_of(a)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if not n:
        return a
    if not aval.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = normalize_axis(axis, aval.ndim)
    parts = [*_end(prepend, a, axis), a, *_end(append, a, axis)]
    a = concatenate_op(*parts, axis=axis) if len(parts) > 1 else a
    compare = not_equal if aval_of(a).dtype == numpy.bool_ else subtract
    for _ in range(n):
        size = aval_of(a).shape[axis]
        a = compare(basic_slice(a, axis, 1, size), basic_slice(a, axis, 0, max(size - 1, 0)))
    return a


def _more(x: Any, dtype: numpy.dtype, name: str) -> list[Any]:
    """What ``ediff1d`` is told to put at an end, in the dtype of the differences."""
    if x is None:
        return []
    x = as_operand(x)
    if not numpy.can_cast(aval_of(x).dtype if isinstance(x, Box) else x, dtype, "same_kind"):
        raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
    return [ravel.implementation(cast(x, dtype))]


@numpy_function(numpy.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbors of the flattened array, with more numbers in front and behind."""
    dtype = aval_of(ary).dtype
    refuse(dtype="bool" if dtype.kind == "b" else None)
    found = diff.implementation(ravel.implementation(ary))
    parts = [*_more(to_begin, dtype, "to_begin"), found, *_more(to_end, dtype, "to_end")]
    return concatenate_op(*parts, axis=0) if len(parts) > 1 else found


def _unwrap_infer(p: Any, **options: Any) -> Aval:
    shape, dtype = aval_of(p)
    return aval_of(numpy.unwrap(numpy.broadcast_to(numpy.ones((), dtype), shape), **options))


unwrap_op = register(
    Op(
        "unwrap",
        numpy=lambda p, **options: numpy.unwrap(p, **options),
        infer=_unwrap_infer,
        vjp=(lambda g, ans, p, **options: g,),  # whole periods are added, which stay as they are
        family="scan",
    )
)


@numpy_function(numpy.unwrap, mxnet=False)
def unwrap(p, discont=None, axis=-1, **options):
    """Angles without jumps: whole periods are added where two neighbors are more than half of one apart."""
    computed = isinstance(discont, Box) or isinstance(options.get("period"), Box)
    refuse(discont="computed" if computed else None)
    if discont is not None:
        options["discont"] = discont
    return unwrap_op(p, axis=axis, **options)


@numpy_function(numpy.trapz, arrays=2)
def trapz(y, x=None, dx=1.0, axis=-1):
    """The integral of ``y`` over ``axis`` by the trapezoidal rule, at places ``x`` or ``dx`` apart."""
    shape = aval_of(y).shape
    place = normalize_axis(axis, len(shape))  # ``x`` may have other axes, and is counted from its own end
    refuse(y="of bools" if aval_of(y).dtype.kind == "b" else None)
    if x is None:
        width = dx
    elif aval_of(x).ndim == 1:
        width = diff.implementation(x)
        sizes = tuple(aval_of(width).size if i == place else 1 for i in range(len(shape)))
        width = reshape_op(width, shape=sizes)
    else:
        width = diff.implementation(x, axis=axis)
    size = shape[place]
    pairs = add(basic_slice(y, place, 1, size), basic_slice(y, place, 0, max(size - 1, 0)))
    parts = true_divide(multiply(width, pairs), 2.0)
    return sum_op(parts, axes=(normalize_axis(axis, aval_of(parts).ndim),), keepdims=False)
