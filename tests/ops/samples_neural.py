"""Samples for the ops in ``ops/neural.py``."""

from __future__ import annotations

from tests.ops.samples import _UNARY_SHAPES, FLOAT_DTYPES, SAMPLES, Draw, Sample

_SOFTMAX = [
    Sample((Draw(shape),), {"axis": axis}, FLOAT_DTYPES)
    for shape, axis in (((3, 4), 1), ((3, 4), 0), ((5,), 0), ((2, 3, 4), 1), ((2, 1, 3), 2), ((0, 3), 1))
]

SAMPLES.update(
    {
        "sigmoid": [
            Sample((Draw(shape, *interval),), {}, FLOAT_DTYPES)
            for shape in _UNARY_SHAPES
            for interval in ((-2, 2), (-90, 90))
        ],
        "relu": [Sample((Draw(shape),)) for shape in _UNARY_SHAPES],
        "softmax": _SOFTMAX,
        "log_softmax": _SOFTMAX,
    }
)
