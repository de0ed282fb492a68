"""Samples for the ops in ``ops/scan.py``."""

from __future__ import annotations

import numpy

from tests.ops.samples import FLOAT_DTYPES, SAMPLES, Draw, Sample

_SCANS = (((3, 4), 0), ((3, 4), 1), ((5,), 0), ((2, 1, 3), 1), ((0, 3), 0), ((0, 3), 1))
_ZEROS = numpy.array([[1.5, 0.0, 2.0, 0.0, -1.0], [0.5, 0.0, -1.5, 2.0, 3.0]])

SAMPLES.update(
    {
        "cumsum": [Sample((Draw(shape),), {"axis": axis}) for shape, axis in _SCANS],
        "unwrap": [Sample((Draw(shape, -6.0, 6.0),), {"axis": axis}) for shape, axis in _SCANS],
        "cumprod": [
            *[Sample((Draw(shape),), {"axis": axis}) for shape, axis in _SCANS],
            *[Sample((_ZEROS,), {"axis": axis}, FLOAT_DTYPES) for axis in (0, 1)],
        ],
    }
)
