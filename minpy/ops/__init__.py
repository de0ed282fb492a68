"""The op table: what MinPy can compute, one file for each family of operations.

``OPS`` holds every primitive by name, ``FUNCTIONS`` what is public in ``minpy.numpy``, ``BY_NUMPY``
the same by NumPy's own function. Nothing here knows how ops are run.
"""

from __future__ import annotations

from minpy.ops import (
    assembling,
    choosing,
    contraction,
    creation,
    elementwise,
    factorizations,
    folding,
    fourier,
    indexing,
    linalg,
    logic,
    matrix,
    matrix_functions,
    missing,
    moments,
    neural,
    padding,
    promotion,
    rearrange,
    reduction,
    scan,
    shape,
    sorting,
    spacing,
    transcendental,
)
from minpy.ops.aval import Aval, aval_of
from minpy.ops.op import BY_NUMPY, FUNCTIONS, OPS, Box, Function, Interpreter, Op, of_numpy

__all__ = [
    "BY_NUMPY",
    "FUNCTIONS",
    "OPS",
    "Aval",
    "Box",
    "Function",
    "Interpreter",
    "Op",
    "assembling",
    "aval_of",
    "choosing",
    "contraction",
    "creation",
    "elementwise",
    "factorizations",
    "folding",
    "fourier",
    "indexing",
    "linalg",
    "logic",
    "matrix",
    "matrix_functions",
    "missing",
    "moments",
    "neural",
    "of_numpy",
    "padding",
    "promotion",
    "rearrange",
    "reduction",
    "scan",
    "shape",
    "sorting",
    "spacing",
    "transcendental",
]
