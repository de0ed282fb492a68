"""Samples for the ops in ``ops/neural.py``."""

from __future__ import annotations

from tests.ops.samples import _UNARY_SHAPES, FLOAT_DTYPES, SAMPLES, Draw, Sample

_SOFTMAX = [
    Sample((Draw(shape),), {"axis": axis}, FLOAT_DTYPES)
    for shape, axis in (((3, 4), 1), ((3, 4), 0), ((5,), 0), ((2, 3, 4), 1), ((2, 1, 3), 2), ((0, 3), 1))
]

_OF_SOFTMAX = [Sample((sample.args * 2), sample.params, FLOAT_DTYPES) for sample in _SOFTMAX]

SAMPLES.update(
    {
        "sigmoid": [
            Sample((Draw(shape, *interval),), {}, FLOAT_DTYPES)
            for shape in _UNARY_SHAPES
            for interval in ((-2, 2), (-90, 90))
        ],
        "relu": [Sample((Draw(shape),)) for shape in _UNARY_SHAPES],
        **{
            f"{name}_gradient": [Sample((Draw((2, 3)), Draw((2, 3), -0.9, 0.9)), {}, FLOAT_DTYPES)]
            for name in ("tanh", "sigmoid")
        },
        "relu_gradient": [Sample((Draw(shape), Draw(shape)), {}, FLOAT_DTYPES) for shape in _UNARY_SHAPES],
        "softmax": _SOFTMAX,
        "log_softmax": _SOFTMAX,
        "softmax_gradient": _OF_SOFTMAX,
        "log_softmax_gradient": _OF_SOFTMAX,
        "class_indices": [
            Sample((Draw(shape, 0, 4, whole=True),), {"count": 5}, ("int32", "int64", "bool"))
            for shape in ((6,), (2, 3), (), (0,))
        ],
    }
)


def _convolutions(takes: str) -> list[Sample]:
    """``takes`` of g (the cotangent), x, w, b."""
    found = []
    for x, w, g, stride, padding, dilation, groups in (
        ((2, 3, 5), (4, 3, 2), (2, 4, 4), (1,), (0,), (1,), 1),
        ((1, 4, 5, 4), (2, 2, 3, 2), (1, 2, 3, 3), (2, 1), (1, 0), (1, 1), 2),
        ((1, 1, 6, 4), (2, 1, 2, 2), (1, 2, 4, 3), (1, 2), (0, 1), (2, 1), 1),
        ((0, 3, 5), (4, 3, 2), (0, 4, 4), (1,), (0,), (1,), 1),
    ):
        params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        shapes = {"g": g, "x": x, "w": w, "b": w[:1]}
        found.append(Sample(tuple(Draw(shapes[name]) for name in takes), params, FLOAT_DTYPES))
    return found


def _poolings(takes: str) -> list[Sample]:
    """``takes`` of g (the cotangent), x, y (of the shape of x)."""
    found = []
    for x, g, size, stride, padding in (
        ((2, 3, 5), (2, 3, 2), (2,), (2,), (0,)),
        ((1, 2, 5, 4), (1, 2, 3, 3), (3, 2), (2, 1), (1, 0)),
        ((0, 1, 4), (0, 1, 2), (2,), (2,), (0,)),
    ):
        params = {"size": size, "stride": stride, "padding": padding}
        shapes = {"g": g, "x": x, "y": x}
        found.append(Sample(tuple(Draw(shapes[name]) for name in takes), params, FLOAT_DTYPES))
    return found


def _normalized(takes: str) -> list[Sample]:
    """``takes`` of g (the cotangent), x, a and b (gamma and beta)."""
    found = []
    for shape in ((3, 2), (2, 3, 4), (2, 2, 3, 2)):
        shapes = {"g": shape, "x": shape, "a": shape[1:2], "b": shape[1:2]}
        found.append(Sample(tuple(Draw(shapes[name]) for name in takes), {"eps": 0.25}, FLOAT_DTYPES))
    return found


_ROWS = [
    Sample((Draw(shape),), {"eps": eps}, FLOAT_DTYPES)
    for shape in ((3, 4), (2, 3, 5), (4,))
    for eps in (0.25, 0.1)
]

SAMPLES.update(
    {
        "batch_norm": _normalized("xab"),
        "batch_mean": _normalized("xab"),
        "batch_variance": _normalized("xab"),
        "batch_norm_data_gradient": _normalized("gxab"),
        "batch_norm_gain_gradient": _normalized("gxab"),
        "batch_norm_shift_gradient": _normalized("gxab"),
        "standardize": _ROWS,
        "deviation": _ROWS,
        "convolution": _convolutions("xw") + _convolutions("xwb"),
        "convolution_data_gradient": _convolutions("gxw") + _convolutions("gxwb"),
        "convolution_weight_gradient": _convolutions("gxw") + _convolutions("gxwb"),
        "convolution_bias_gradient": _convolutions("gxwb"),
        "max_pooling": _poolings("x"),
        "max_pooling_gradient": _poolings("gx"),
        "max_pooling_taken": _poolings("yx"),
        "mean_pooling": _poolings("x"),
        "mean_pooling_gradient": _poolings("gx"),
    }
)


def _recurrences(cell: str, gates: int, takes: str) -> list[Sample]:
    """``takes`` of g (the cotangent), x, p (the weights), h, c."""
    (steps, batch, inputs), hidden = (3, 2, 2), 3
    shapes = {
        "g": (steps, batch, hidden),
        "x": (steps, batch, inputs),
        "p": (gates * hidden * (inputs + hidden + 2),),
        "h": (batch, hidden),
        "c": (batch, hidden),
    }
    drawn = tuple(Draw(shapes[name]) for name in takes)
    count = range(len(takes) - 1)
    many = [{"cell": cell, "of": of} for of in count] if takes[0] == "g" else [{"cell": cell}]
    return [Sample(drawn, params, FLOAT_DTYPES) for params in many]


SAMPLES.update(
    {
        "recurrence": [
            *_recurrences("rnn", 1, "xph"),
            *_recurrences("lstm", 4, "xphc"),
            *_recurrences("gru", 3, "xph"),
        ],
        "recurrence_gradient": [
            *_recurrences("rnn", 1, "gxph"),
            *_recurrences("lstm", 4, "gxphc"),
            *_recurrences("gru", 3, "gxph"),
        ],
    }
)
