"""Normalization: of each channel over the batch, and of each row of the last axis.

Ioffe and Szegedy, "Batch Normalization" (2015); Ba, Kiros and Hinton, "Layer Normalization" (2016). With the
standardized elements s of a channel, or of a row, and its deviation d, the cotangent of x is D(g) / d for

    D(g) = g - mean(g) - s mean(g s),    d = sqrt(variance + eps).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from minpy.ops import norms
from minpy.ops.aval import Aval, aval_of, function_dtype, product
from minpy.ops.convolution import windowed_op
from minpy.ops.elementwise import astype, sqrt
from minpy.ops.lowering import FLOATS, Builder, Operand, require
from minpy.ops.op import ZERO, Op, numpy_function, register
from minpy.ops.reduction import cast, mean_op, sum_op
from minpy.ops.shape import broadcast_to_op, reshape_op

# Over the batch --------------------------------------------------------------------------------


def _float(x: Any) -> Aval:
    """The aval of an array of floats."""
    aval = aval_of(x)
    if aval.dtype.kind != "f":
        raise TypeError(f"normalization takes floats, not {aval.dtype}")
    return aval


def _infer(x: Any, gamma: Any, beta: Any, eps: float) -> Aval:
    shape = aval_of(x).shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm takes an array (batch, channels, ...), not {shape}")
    for name, a in (("gamma", gamma), ("beta", beta)):
        if aval_of(a).shape != shape[1:2]:
            raise ValueError(f"batch_norm: {name} of {shape[1]} channels has the shape {aval_of(a).shape}")
    dtype = numpy.result_type(*[aval_of(a).dtype for a in (x, gamma, beta)])
    return Aval(_float(x).shape, dtype)


def _infer_statistic(x: Any, gamma: Any, beta: Any, eps: float) -> Aval:
    _infer(x, gamma, beta, eps)
    return Aval(_float(x).shape[1:2], aval_of(x).dtype)


def _operands(
    b: Builder, dtype: numpy.dtype, operands: tuple, eps: float
) -> tuple[list[Operand], dict[str, Any]]:
    """What MXNet's operator takes: two arrays more, of statistics, which it writes and nobody reads."""
    require(dtype, FLOATS, "batch normalization")
    aval = Aval(operands[1].aval.shape, dtype)
    statistics = [b.op(name, aval, shape=aval.shape, dtype=dtype.name) for name in ("_zeros", "_ones")]
    attrs = {"eps": eps, "momentum": 1.0, "fix_gamma": False, "output_mean_var": True}
    return [*[b.cast(x, dtype) for x in operands], *statistics], attrs


def _forward_mx(output: int) -> Callable:
    def mx(b: Builder, out: Aval, *operands: Operand, eps: float) -> Operand:
        taken, attrs = _operands(b, out.dtype, operands, eps)
        return b.output(output, "BatchNorm", out, *taken, **attrs)

    return mx


def _variance_mx(b: Builder, out: Aval, *operands: Operand, eps: float) -> Operand:
    """MXNet gives 1 / sqrt(variance + eps)."""
    inverse = _forward_mx(2)(b, out, *operands, eps=eps)
    square = b.op("_npi_square", out, inverse)
    variance = b.op("_npi_rtrue_divide_scalar", out, square, scalar=1.0, is_int=False)
    return b.op(
        "_npi_maximum_scalar",
        out,
        b.op("_npi_subtract_scalar", out, variance, scalar=eps, is_int=False),
        scalar=0.0,
        is_int=False,
    )


def _gradient_mx(of: int) -> Callable:
    def mx(b: Builder, out: Aval, g: Operand, *operands: Operand, eps: float) -> Operand:
        taken, attrs = _operands(b, out.dtype, operands, eps)
        takes = "g y1 y2 x0 x1 x2 x3 x4"
        return b.vjp("BatchNorm", out, b.cast(g, out.dtype), *taken, takes=takes, of=of, **attrs)

    return mx


def _but_channels(x: Any) -> tuple[int, ...]:
    return (0, *range(2, aval_of(x).ndim))


def _channel_mean(x: Any) -> Any:
    return mean_op(x, axes=_but_channels(x), keepdims=True)


def _per_channel(a: Any, x: Any) -> Any:
    return reshape_op(a, shape=(aval_of(a).size, *[1] * (aval_of(x).ndim - 2)))


def _ones(gamma: Any) -> numpy.ndarray:
    return numpy.ones(*aval_of(gamma))


def _data_gradient_rule_x(ct: Any, ans: Any, g: Any, x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    """Of the sum of ct * gamma D(g) / d, which is also gamma n / d (mean(ct D(g))) in each channel."""
    ones, mean = _ones(gamma), _channel_mean
    s = batch_norm(x, ones, 0 * ones, eps=eps)
    d = sqrt(_per_channel(batch_variance(x, gamma, beta, eps=eps), x) + eps)
    of_g, of_ct = mean(g * s), mean(ct * s)
    both = mean(ct * g) - mean(ct) * mean(g) - of_ct * of_g
    parts = (data_gradient(u, x, ones, beta, eps=eps) for u in (ct, g))
    return -(both * s / d + of_g * next(parts) + of_ct * next(parts)) * (_per_channel(gamma, x) / d)


def _data_gradient_rule_gamma(ct: Any, ans: Any, g: Any, x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    return shift_gradient(ct * data_gradient(g, x, _ones(gamma), beta, eps=eps), x, gamma, beta, eps=eps)


def _shift_gradient_rule(ct: Any, ans: Any, g: Any, x: Any, *others: Any, eps: float) -> Any:
    return broadcast_to_op(_per_channel(ct, x), shape=aval_of(g).shape)


def _mean_rule(ct: Any, ans: Any, x: Any, *others: Any, eps: float) -> Any:
    shape = aval_of(x).shape
    return broadcast_to_op(_per_channel(ct, x) * (shape[1] / product(shape)), shape=shape)


def _variance_rule(ct: Any, ans: Any, x: Any, *others: Any, eps: float) -> Any:
    shape = aval_of(x).shape
    return (x - _channel_mean(x)) * (_per_channel(ct, x) * (2 * shape[1] / product(shape)))


# In ops that kernels can have


def _standard(x: Any, eps: float) -> tuple[Any, Any]:
    """The elements with mean 0 and deviation 1 in each channel, and the deviation that they had."""
    centered = x - _channel_mean(x)
    deviation = sqrt(_channel_mean(centered * centered) + eps)
    return centered / deviation, deviation


def _batch_norm_parts(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    return _standard(x, eps)[0] * _per_channel(gamma, x) + _per_channel(beta, x)


def _data_gradient_parts(g: Any, x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    s, deviation = _standard(x, eps)
    rest = g - _channel_mean(g) - s * _channel_mean(g * s)
    return cast(rest * (_per_channel(gamma, x) / deviation), aval_of(g).dtype)


def _gain_gradient_parts(g: Any, x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    total = sum_op(g * _standard(x, eps)[0], axes=_but_channels(x), keepdims=False)
    return cast(total, aval_of(g).dtype)


def _batch_variance_parts(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    centered = x - _channel_mean(x)
    return mean_op(centered * centered, axes=_but_channels(x), keepdims=False)


_HELPERS = norms.channel_mean, norms.per_channel, norms.channel_deviation

data_gradient: Op = windowed_op(
    norms.batch_norm_data_gradient,
    *_HELPERS,
    infer=lambda g, x, gamma, beta, eps: Aval(_float(x).shape, _float(g).dtype),
    mx=_gradient_mx(0),
    parts=_data_gradient_parts,
    vjp=(
        lambda ct, ans, g, x, gamma, beta, eps: data_gradient(ct, x, gamma, beta, eps=eps),
        _data_gradient_rule_x,
        _data_gradient_rule_gamma,
        ZERO,
    ),
    images="layer",
)
gain_gradient: Op = windowed_op(
    norms.batch_norm_gain_gradient,
    *_HELPERS[::2],
    infer=lambda g, x, gamma, beta, eps: Aval(aval_of(gamma).shape, _float(g).dtype),
    mx=_gradient_mx(1),
    parts=_gain_gradient_parts,
    vjp=(
        lambda ct, ans, g, x, gamma, beta, eps: batch_norm(x, ct, 0 * ct, eps=eps),
        lambda ct, ans, g, x, gamma, beta, eps: data_gradient(g, x, ct, beta, eps=eps),
        ZERO,
        ZERO,
    ),
    images="sums",
)
shift_gradient: Op = windowed_op(
    norms.batch_norm_shift_gradient,
    infer=lambda g, x, gamma, beta, eps: Aval(aval_of(beta).shape, _float(g).dtype),
    mx=_gradient_mx(2),
    parts=lambda g, x, *others, eps: sum_op(g, axes=_but_channels(g), keepdims=False),
    vjp=(_shift_gradient_rule, ZERO, ZERO, ZERO),
    images="sums",
)
batch_norm: Op = windowed_op(
    norms.batch_norm,
    *_HELPERS,
    infer=_infer,
    mx=_forward_mx(0),
    parts=_batch_norm_parts,
    vjp=(
        lambda g, ans, *operands, eps: data_gradient(g, *operands, eps=eps),
        lambda g, ans, *operands, eps: gain_gradient(g, *operands, eps=eps),
        lambda g, ans, *operands, eps: shift_gradient(g, *operands, eps=eps),
    ),
    images="layer",
)
batch_mean: Op = windowed_op(
    norms.batch_mean,
    norms.channel_mean,
    infer=_infer_statistic,
    mx=_forward_mx(1),
    parts=lambda x, *others, eps: mean_op(x, axes=_but_channels(x), keepdims=False),
    vjp=(_mean_rule, ZERO, ZERO),
    images="sums",
)
batch_variance: Op = windowed_op(
    norms.batch_variance,
    norms.channel_mean,
    infer=_infer_statistic,
    mx=_variance_mx,
    parts=_batch_variance_parts,
    vjp=(_variance_rule, ZERO, ZERO),
    images="sums",
)


@numpy_function(name="nn.batch_moments", arrays=3)
def batch_moments(x, gamma, beta, eps=1e-5):
    """``x`` normalized over the batch, with the mean and the variance of each channel."""
    if aval_of(x).dtype.kind != "f":
        x = astype(x, dtype=function_dtype(numpy.sqrt, aval_of(x)))
    operands, eps = (x, gamma, beta), float(eps)
    _infer(*operands, eps)  # raises in every mode what does not fit
    return tuple(op(*operands, eps=eps) for op in (batch_norm, batch_mean, batch_variance))


# Over the last axis ----------------------------------------------------------------------------


def _deviation(x: Any, eps: float) -> Any:
    centered = x - x.mean(-1, keepdims=True)
    _float(x)
    return numpy.sqrt((centered * centered).mean(-1, keepdims=True) + eps)


def _standardize(x: Any, eps: float) -> Any:
    return (x - x.mean(-1, keepdims=True)) / _deviation(x, eps)


def _rows_mx(output: int) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, eps: float) -> Operand:
        require(out.dtype, frozenset([numpy.dtype("float32")]), "eps as precise")
        aval = Aval(x.aval.shape[-1:], out.dtype)
        ends = [
            b.op(name, aval, shape=aval.shape, dtype=out.dtype.name) for name in ("_npi_ones", "_npi_zeros")
        ]
        attrs = {"axis": -1, "eps": eps, "output_mean_var": True}
        return b.output(output, "LayerNorm", out, b.cast(x, out.dtype), *ends, **attrs)

    return mx


def _deviation_parts(x: Any, eps: float) -> Any:
    centered = x - _row_mean(x)
    return sqrt(_row_mean(centered * centered) + eps)


standardize_op: Op = register(
    Op(
        "standardize",
        numpy=_standardize,
        infer=lambda x, eps: _float(x),
        mx=_rows_mx(0),
        parts=lambda x, eps: (x - _row_mean(x)) / _deviation_parts(x, eps),
        vjp=(lambda g, ans, x, eps: _within_rows(g, ans) / _deviation_op(x, eps=eps),),
        family="neural",
        source="{out} = {0} - np.mean({0}, axis=-1, keepdims=True)\n"
        "{out} = {out} / np.sqrt(np.mean({out} * {out}, axis=-1, keepdims=True) + {eps})",
        doc="Each row of the last axis with mean 0 and deviation 1.",
    )
)
_deviation_op: Op = register(
    Op(
        "deviation",
        numpy=_deviation,
        infer=lambda x, eps: Aval((*_float(x).shape[:-1], 1), aval_of(x).dtype),
        mx=_rows_mx(2),
        parts=_deviation_parts,
        vjp=(lambda g, ans, x, eps: standardize_op(x, eps=eps) * (g / float(max(aval_of(x).shape[-1], 1))),),
        family="neural",
        source="{out} = {0} - np.mean({0}, axis=-1, keepdims=True)\n"
        "{out} = np.sqrt(np.mean({out} * {out}, axis=-1, keepdims=True) + {eps})",
        doc="What ``standardize`` divides each row by.",
    )
)


def _row_mean(x: Any) -> Any:
    return mean_op(x, axes=(aval_of(x).ndim - 1,), keepdims=True)


def _within_rows(g: Any, s: Any) -> Any:
    return g - _row_mean(g) - s * _row_mean(g * s)


@numpy_function(name="nn.standardize")
def standardize(x, eps=1e-5):
    """Each row of the last axis with mean 0 and deviation 1, to whose square ``eps`` is added."""
    eps = float(eps)
    if aval_of(x).dtype == numpy.float32:
        return standardize_op(x, eps=eps)
    return (x - _row_mean(x)) / _deviation_parts(x, eps)
