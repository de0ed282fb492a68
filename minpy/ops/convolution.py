"""Convolution over one, two or three spatial axes, and what its gradient consists of.

Arrays are (batch, channels, *spatial), weights (filters, channels / groups, *kernel). As in all of deep
learning the kernel is not turned round: the result is a correlation. For the shapes see Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning" (2016).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops import windows
from minpy.ops.aval import Aval, aval_of
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import ZERO, Function, Op, numpy_function, register
from minpy.ops.shape import broadcast_to_op, reshape_op


def _infer(x: Any, w: Any, *bias: Any, stride: tuple, padding: tuple, dilation: tuple, groups: int) -> Aval:
    data, weights, count = aval_of(x).shape, aval_of(w).shape, len(stride)
    if len(data) != count + 2 or len(weights) != count + 2:
        raise ValueError(
            f"conv{count}d takes an array (batch, channels, *spatial) and weights (filters, channels, "
            f"*kernel) with {count + 2} axes each, not {data} and {weights}"
        )
    if weights[1] * groups != data[1] or weights[0] % groups:
        raise ValueError(f"{data[1]} channels and weights {weights} do not fit for {groups} group(s)")
    for b in bias:
        if aval_of(b).shape != weights[:1]:
            raise ValueError(f"the bias of {weights[0]} filters has the shape {aval_of(b).shape}")
    places = windows.places_apart(data[2:], weights[2:], padding, dilation)
    if min(places) < 1:
        raise ValueError(f"a kernel {weights[2:]} is larger than the padded array {data}")
    dtype = numpy.result_type(*[aval_of(operand).dtype for operand in (x, w, *bias)])
    return Aval((data[0], weights[0], *[-(-n // step) for n, step in zip(places, stride)]), dtype)


def _attributes(w: Operand, stride: tuple, padding: tuple, dilation: tuple, groups: int) -> dict[str, Any]:
    return {
        "kernel": w.aval.shape[2:],
        "num_filter": w.aval.shape[0],
        "stride": stride,
        "pad": padding,
        "dilate": dilation,
        "num_group": groups,
    }


def _convolution_mx(b: Builder, out: Aval, x: Operand, w: Operand, *bias: Operand, **params: Any) -> Operand:
    require(out.dtype, FLOATS, "convolution")
    operands = [b.cast(operand, out.dtype) for operand in (x, w, *bias)]
    return b.op("Convolution", out, *operands, **_attributes(w, **params), no_bias=not bias)


def _gradient_mx(of: int) -> Callable:
    """All of a convolution's gradients are outputs of one operator, which computes those that are used."""

    def mx(
        b: Builder, out: Aval, g: Operand, x: Operand, w: Operand, *bias: Operand, **params: Any
    ) -> Operand:
        require(out.dtype, FLOATS, "convolution")
        if not g.aval.size:
            raise UnsupportedError("MXNet has no gradient of a convolution for an empty batch")
        g, *operands = (b.cast(operand, out.dtype) for operand in (g, x, w, *bias))
        attrs = {**_attributes(w, **params), "no_bias": not bias}
        takes = "g x0 x1 x2" if bias else "g x0 x1"
        return b.vjp("Convolution", out, g, *operands, takes=takes, of=of, **attrs)

    return mx


def windowed_op(function: Callable, *others: Callable, **columns: Any) -> Op:
    """An op whose reference is a function of ``windows.py``, which calls these others."""
    code = function.__code__
    options = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    names = ", ".join(f"{name}={{{name}}}" for name in options)
    op = Op(
        function.__name__,
        numpy=function,
        family="neural",
        source=f"{function.__name__}({{operands}}, {names})",
        **columns,
    )
    op.helpers = (*others, function)
    return register(op)


data_gradient: Op = windowed_op(
    windows.convolution_data_gradient,
    *(windows.windows, windows.places_apart, windows.by_group),
    infer=lambda g, x, w, *bias, **params: Aval(aval_of(x).shape, aval_of(g).dtype),
    mx=_gradient_mx(0),
    vjp=(
        lambda ct, ans, g, x, w, *bias, **params: convolution(ct, w, **params),
        ZERO,
        lambda ct, ans, g, x, w, *bias, **params: weight_gradient(g, ct, w, **params),
        ZERO,
    ),
    cost="compute",
    images="layer",
)
weight_gradient: Op = windowed_op(
    windows.convolution_weight_gradient,
    *(windows.windows, windows.by_group),
    infer=lambda g, x, w, *bias, **params: Aval(aval_of(w).shape, aval_of(g).dtype),
    mx=_gradient_mx(1),
    vjp=(
        lambda ct, ans, g, x, w, *bias, **params: convolution(x, ct, **params),
        lambda ct, ans, g, x, w, *bias, **params: data_gradient(g, x, ct, **params),
        ZERO,
        ZERO,
    ),
    cost="compute",
)


def _bias_gradient_rule(ct: Any, ans: Any, g: Any, x: Any, w: Any, bias: Any, **params: Any) -> Any:
    shape = aval_of(g).shape
    return broadcast_to_op(reshape_op(ct, shape=(1, shape[1], *[1] * len(shape[2:]))), shape=shape)


bias_gradient: Op = windowed_op(
    windows.convolution_bias_gradient,
    infer=lambda g, x, w, bias, **params: Aval(aval_of(bias).shape, aval_of(g).dtype),
    mx=_gradient_mx(2),
    vjp=(_bias_gradient_rule, ZERO, ZERO, ZERO),
)
convolution: Op = windowed_op(
    windows.convolution,
    *(windows.windows, windows.by_group),
    infer=_infer,
    mx=_convolution_mx,
    vjp=(
        lambda g, ans, *operands, **params: data_gradient(g, *operands, **params),
        lambda g, ans, *operands, **params: weight_gradient(g, *operands, **params),
        lambda g, ans, *operands, **params: bias_gradient(g, *operands, **params),
    ),
    cost="compute",
    images="layer",
)


def per_axis(number: Any, count: int, what: str, least: int = 0) -> tuple[int, ...]:
    """An integer for each spatial axis, given as one for all or as a sequence.

    Raises:
        ValueError: for another number of integers, or for one that is less than ``least``.
    """
    numbers = tuple(number) if isinstance(number, (tuple, list)) else (number,) * count
    is_fit = len(numbers) == count and all(hasattr(n, "__index__") and n >= least for n in numbers)
    if not is_fit:
        raise ValueError(f"{what} is an integer from {least}, or {count} of them, not {number!r}")
    numbers = tuple(map(operator.index, numbers))
    return numbers


def _public(count: int) -> Function:
    def conv(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
        operands = (x, w) if b is None else (x, w, b)
        params: dict[str, Any] = {
            "stride": per_axis(stride, count, "stride", 1),
            "padding": per_axis(padding, count, "padding"),
            "dilation": per_axis(dilation, count, "dilation", 1),
            "groups": per_axis(groups, 1, "groups", 1)[0],
        }
        _infer(*operands, **params)  # raises in every mode what does not fit
        return convolution(*operands, **params)

    conv.__doc__ = f"""Convolution over {count} spatial ax{"e" if count > 1 else "i"}s.

    The kernel is not turned round.

    Args:
        x: (batch, channels, *spatial).
        w: (filters, channels / groups, *kernel).
        b: (filters,), added to the result.
        stride, padding, dilation: an integer, or one for each spatial axis; ``padding`` zeros on both sides.
        groups: into how many groups channels and filters are divided, each seeing only its own.

    Returns:
        (batch, filters, *places), with (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places.

    Raises:
        ValueError: shapes that do not fit.
    """
    return numpy_function(name=f"nn.conv{count}d", arrays=3)(conv)


conv1d, conv2d, conv3d = map(_public, (1, 2, 3))
