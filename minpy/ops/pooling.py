"""Pooling: the largest element, or the mean, of each window over the spatial axes.

Arrays are (batch, channels, *spatial). The gradient of the largest element goes to the first one in the
window that is as large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minpy.ops import windows
from minpy.ops.aval import Aval, aval_of
from minpy.ops.convolution import per_axis, windowed_op
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import ZERO, Function, Op, numpy_function
from minpy.ops.shape import broadcast_to_op


def _infer(x: Any, size: tuple, stride: tuple, padding: tuple) -> Aval:
    shape, dtype = aval_of(x)
    if len(shape) != len(size) + 2:
        raise ValueError(f"pooling over {len(size)} axes takes (batch, channels, *spatial), not {shape}")
    if any(2 * p > k for p, k in zip(padding, size)):
        raise ValueError(f"a padding of {padding} is more than half of the window {size}")
    if any(n + 2 * p < k for n, p, k in zip(shape[2:], padding, size)):
        raise ValueError(f"a window {size} is larger than the padded array {shape}")
    if dtype.kind != "f":
        raise TypeError(f"pooling takes floats, not {dtype}")
    places = [(n + 2 * p - k) // step + 1 for n, p, k, step in zip(shape[2:], padding, size, stride)]
    return Aval((*shape[:2], *places), dtype)


def _attributes(kind: str, size: tuple, stride: tuple, padding: tuple) -> dict[str, Any]:
    return {"pool_type": kind, "kernel": size, "stride": stride, "pad": padding}


def _mx(kind: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, **params: Any) -> Operand:
        require(out.dtype, FLOATS, "pooling")
        return b.op("Pooling", out, x, **_attributes(kind, **params))

    return mx


def _is_whole(x: Any, size: tuple, stride: tuple, padding: tuple) -> bool:
    """Whether a window is all of the image: oneDNN's gradient then has a layout that is slow behind it."""
    return aval_of(x).shape[2:] == size and not any(padding)


def _gradient_mx(kind: str, takes: str) -> Callable:
    def mx(b: Builder, out: Aval, g: Operand, x: Operand, **params: Any) -> Operand:
        require(out.dtype, FLOATS, "pooling")
        found = b.vjp("Pooling", out, g, x, takes=takes, of=0, **_attributes(kind, **params))
        is_whole = _is_whole(x.aval, **params)
        return b.op("_npi_multiply_scalar", out, found, scalar=1.0, is_int=False) if is_whole else found

    return mx


def _gradient_infer(g: Any, x: Any, **params: Any) -> Aval:
    return Aval(aval_of(x).shape, aval_of(g).dtype)


max_taken: Op = windowed_op(
    windows.max_pooling_taken,
    *(windows.windows, windows.elements),
    infer=lambda y, x, **params: Aval(_infer(x, **params).shape, aval_of(y).dtype),
    vjp=(lambda g, ans, y, x, **params: max_gradient(g, x, **params), ZERO),
)
max_gradient: Op = windowed_op(
    windows.max_pooling_gradient,
    *(windows.windows, windows.elements, windows.numbered, windows.added_back),
    infer=_gradient_infer,
    mx=_gradient_mx("max", "g y1 x0 y0 y1"),
    vjp=(lambda ct, ans, g, x, **params: max_taken(ct, x, **params), ZERO),
    images="layer",
)
max_pooling: Op = windowed_op(
    windows.max_pooling,
    *(windows.windows, windows.elements),
    infer=_infer,
    mx=_mx("max"),
    vjp=(lambda g, ans, x, **params: max_gradient(g, x, **params),),
    images="layer",
)
mean_gradient: Op = windowed_op(
    windows.mean_pooling_gradient,
    *(windows.windows, windows.elements, windows.numbered, windows.added_back),
    infer=_gradient_infer,
    mx=_gradient_mx("avg", "g x0 y0"),
    vjp=(lambda ct, ans, g, x, **params: mean_pooling(ct, **params), ZERO),
    images="layer",
)


def _mean_rule(g: Any, ans: Any, x: Any, **params: Any) -> Any:
    if not _is_whole(x, **params):
        return mean_gradient(g, x, **params)
    return broadcast_to_op(g * (1 / math.prod(params["size"])), shape=aval_of(x).shape)


mean_pooling: Op = windowed_op(
    windows.mean_pooling,
    *(windows.windows, windows.elements),
    infer=_infer,
    mx=_mx("avg"),
    vjp=(_mean_rule,),
    images="layer",
)


def _public(name: str, op: Op, count: int, what: str) -> Function:
    def pool(x, size, stride=None, padding=0):
        size = per_axis(size, count, "size", 1)
        stride = size if stride is None else per_axis(stride, count, "stride", 1)
        params = {"size": size, "stride": stride, "padding": per_axis(padding, count, "padding")}
        _infer(x, **params)  # raises in every mode what does not fit
        return op(x, **params)

    pool.__doc__ = f"""{what} of each window over {count} spatial ax{"e" if count > 1 else "i"}s.

    Args:
        x: floats (batch, channels, *spatial), none of them nan, which MXNet passes over and NumPy does not.
        size: of the window, an integer or one for each spatial axis.
        stride: between windows; the size, unless given.
        padding: places on both sides of each axis, at most half of the window.

    Returns:
        (batch, channels, *places), with (size + 2 padding - window) // stride + 1 places.

    Raises:
        ValueError: shapes that do not fit.
    """
    return numpy_function(name=f"nn.{name}_pool{count}d")(pool)


max_pool1d, max_pool2d, max_pool3d = (
    _public("max", max_pooling, count, "The largest element") for count in (1, 2, 3)
)
avg_pool1d, avg_pool2d, avg_pool3d = (
    _public("avg", mean_pooling, count, "The mean, which padded zeros take part in,") for count in (1, 2, 3)
)
