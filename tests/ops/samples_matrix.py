"""Samples for the ops in ``ops/matrix.py``."""

from __future__ import annotations

import numpy

from tests.ops.samples import FLOAT_DTYPES, SAMPLES, Draw, Sample


class Matrix(Draw):
    """Matrices far from singular: random ones with a heavy diagonal; positive definite ones on demand."""

    def array(self, generator, dtype):
        if len(self.shape) < 2:
            return super().array(generator, dtype)
        x = super().array(generator, dtype) + 4 * numpy.eye(*self.shape[-2:])
        x = x + numpy.diag(numpy.arange(min(x.shape[-2:]))) if x.shape[-1] == x.shape[-2] else x
        return x.astype(numpy.dtype(self.dtype or dtype))


def _square(**params) -> list[Sample]:
    return [Sample((Matrix(shape, -1, 1),), params, FLOAT_DTYPES) for shape in ((3, 3), (1, 1), (2, 3, 3))]


def _wide(**params) -> list[Sample]:
    shapes = ((3, 3), (4, 3), (3, 4), (2, 4, 2))
    return [Sample((Matrix(shape, -1, 1),), params, FLOAT_DTYPES) for shape in shapes]


SAMPLES.update(
    {
        "linalg.inv": _square(),
        "linalg.det": _square(),
        "linalg.cofactors": _square(),
        "linalg.cofactors_change": [
            Sample((Matrix(shape, -1, 1), Draw(shape)), {}, FLOAT_DTYPES)
            for shape in ((3, 3), (1, 1), (2, 3, 3))
        ],
        "linalg.solve": [
            Sample((Matrix(a, -1, 1), Draw(b)), {}, FLOAT_DTYPES)
            for a, b in (((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 3, 3), (3, 3)))
        ],
        "linalg.pinv": _wide(rcond=1e-15),
    }
)
