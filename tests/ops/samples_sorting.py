"""Samples for the ops in ``ops/sorting.py``."""

from __future__ import annotations

import numpy

from tests.ops.samples import FLOAT_DTYPES, SAMPLES, Draw, Sample

_ROWS = (((3, 4), 0), ((3, 4), 1), ((7,), 0), ((2, 1, 3), 1), ((0, 3), 0), ((0, 3), 1))
_GIVEN = {
    (3, 4): numpy.array([[1.0, 1, 2, 1], [2, 2, 2, 2], [1, 3, 4, 3]]),
    (7,): numpy.array([5, 1, 5, 3.5, 5, 1, 2]),
}


def _sorts(*kinds: str | None) -> list[Sample]:
    return [Sample((Draw(shape),), {"axis": axis, "kind": kind}) for shape, axis in _ROWS for kind in kinds]


def _partitions() -> list[Sample]:
    return [
        Sample((Draw(shape),), {"axis": axis, "kth": kth})
        for shape, axis in _ROWS
        for kth in ((0,), (2,), (1, -1))
    ]


SAMPLES.update(
    {
        "even": [
            Sample((Draw(shape), numpy.sort(_GIVEN[shape], axis)), {"axis": axis}, FLOAT_DTYPES)
            for shape, axis in (((3, 4), 0), ((3, 4), 1), ((7,), 0))
        ],
        "sort": _sorts(None, "stable"),
        "argsort": _sorts(None, "stable"),
        "partition": _partitions(),
        "argpartition": _partitions(),
    }
)
