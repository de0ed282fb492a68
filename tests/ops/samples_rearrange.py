"""Samples for the ops in ``ops/rearrange.py``."""

from __future__ import annotations

from tests.ops.samples import SAMPLES, Draw, Sample

SAMPLES["diagonal"] = [
    Sample((Draw(shape),), {"offset": offset, "axis1": axis1, "axis2": axis2})
    for shape, offset, axis1, axis2 in (
        *(((3, 4), 0, 0, 1), ((3, 4), 2, 1, 0), ((4, 3), -3, 0, 1), ((3, 3), 5, 0, 1)),
        *(((2, 3, 4), 1, 2, 0), ((2, 3, 4), 0, 0, 1), ((0, 3), 0, 0, 1)),
    )
]
