"""Samples for the ops in ``ops/signals.py``."""

from __future__ import annotations

import numpy

from tests.ops.samples import SAMPLES, Draw, Sample

_VECTORS = (((6,), (3,)), ((3,), (6,)), ((4,), (5,)), ((1,), (4,)), ((0,), (2,)))
_SORTED = numpy.array([-1.5, -0.4, -0.4, 0.3, 1.9])

for _name in ("convolve", "correlate"):
    SAMPLES[_name] = [
        Sample((Draw(a), Draw(v)), {"mode": mode}) for a, v in _VECTORS for mode in ("full", "same", "valid")
    ]
SAMPLES["searchsorted"] = [Sample((_SORTED, Draw(shape))) for shape in ((3, 4), (), (0, 3))]
SAMPLES["interp"] = [
    Sample((Draw(shape), numpy.delete(_SORTED, 1), Draw((4,)))) for shape in ((3, 4), (), (0, 3))
]
