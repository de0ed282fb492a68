"""Samples for the ops in ``ops/fourier.py``."""

from __future__ import annotations

from tests.ops.samples import FLOAT_DTYPES, SAMPLES, Draw, Sample

_LINES = (
    ((3, 4), 1, None),
    ((3, 4), 0, "ortho"),
    ((5,), 0, "forward"),
    ((2, 3, 2), 1, "backward"),
    ((1,), 0, None),
)


def _samples(**params) -> list[Sample]:
    return [
        Sample((Draw(shape),), {"axis": axis, "norm": norm, **params}, FLOAT_DTYPES)
        for shape, axis, norm in _LINES
    ]


SAMPLES.update(
    {
        **{name: _samples() for name in ("fft", "ifft", "rfft")},
        "irfft": [
            Sample((Draw((2, size)),), {"n": n, "axis": 1, "norm": norm}, FLOAT_DTYPES)
            for n, size in ((1, 1), (2, 2), (5, 3), (6, 4))
            for norm in (None, "ortho", "forward", "backward")
        ],
    }
)
