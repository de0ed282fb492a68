"""Samples and domains for the ops in ``ops/transcendental.py``."""

from __future__ import annotations

import numpy

from tests.ops.samples import _MORE, _UNARY_SHAPES, DOMAINS, FLOAT_DTYPES, SAMPLES, Draw, Sample

_NEAR = numpy.array([0.0, 0.003, -0.02, 1.0, -2.0])

DOMAINS.update(
    {
        "fmod": ((-5.0, 5.0), (0.6, 3.0)),
        "heaviside": ((0.5, 2.0), (0.5, 2.0)),
        "copysign": ((0.5, 2.0), (0.5, 2.0)),
        "float_power": ((0.5, 3.0), (-0.9, 2.0)),
    }
)
SAMPLES.update(
    {
        "sinc": [
            *[Sample((Draw(shape),)) for shape in _UNARY_SHAPES],
            Sample((_NEAR,), {}, ("float64",)),
        ],
        "i0": [Sample((Draw(shape, -9.0, 9.0),)) for shape in _UNARY_SHAPES],
        "from_parts": [Sample((Draw(a), Draw(b))) for a, b in (((3, 4), (3, 4)), ((3, 1), (4,)), ((), (2,)))],
        "imag": [
            Sample((Draw(shape, dtype=dtype),)) for shape in _UNARY_SHAPES for dtype in (None, "complex64")
        ],
    }
)
_MORE.update(
    {
        "copysign": [Sample((Draw((3, 4), -2.0, -0.5), Draw((4,), -2.0, -0.5)), {}, FLOAT_DTYPES)],
        "ldexp": [
            Sample((Draw((3, 4)), Draw((4,), -2, 3, "int32")), {}, FLOAT_DTYPES),
            Sample((Draw((3, 4)), 2), {}, FLOAT_DTYPES),
        ],
    }
)
