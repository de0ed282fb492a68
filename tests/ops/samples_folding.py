"""Samples for the ops in ``ops/folding.py``. (NumPy 1.26 folds ``power`` and ``arctan2`` wrongly.)"""

from __future__ import annotations

import numpy

from tests.ops.samples import FLOAT_DTYPES, SAMPLES, Draw, Sample

_FOLDED = ("logaddexp", "subtract", "true_divide", "hypot", "maximum", "fmin", "multiply")
_ONE_AXIS = (((3, 4), 0), ((3, 4), 1), ((5,), 0), ((2, 1, 3), 1), ((0, 3), 1))
_SEVERAL_AXES = (((2, 3, 2), (0, 2)), ((3, 2), (0, 1)), ((3, 2), ()))
_STARTS = numpy.array([0, 2, 1, 3])

SAMPLES.update(
    {
        "reduce": [
            *[
                Sample((Draw(shape, 0.5, 2.0),), {"function": name, "axis": (axis,), "keepdims": axis == 0})
                for name in _FOLDED
                for shape, axis in _ONE_AXIS
            ],
            *[
                Sample((Draw(shape, 0.5, 2.0),), {"function": name, "axis": axes, "keepdims": False})
                for name in ("logaddexp", "hypot", "subtract")
                for shape, axes in _SEVERAL_AXES
            ],
            Sample((Draw((0, 3)),), {"function": "fmin", "axis": (0,), "keepdims": False}),
            Sample((Draw((0, 3)),), {"function": "multiply", "axis": (0,), "keepdims": False}),
        ],
        "accumulate": [
            *[
                Sample((Draw(shape, 0.5, 2.0),), {"function": name, "axis": axis})
                for name in _FOLDED
                for shape, axis in _ONE_AXIS
            ],
            Sample((Draw((5,), 1.2, 3.0),), {"function": "floor_divide", "axis": 0}, FLOAT_DTYPES),
        ],
        "reduceat": [
            Sample((Draw((5, 4), 0.5, 2.0), _STARTS), {"function": name, "axis": axis})
            for name in _FOLDED
            for axis in (0, 1)
        ],
    }
)
