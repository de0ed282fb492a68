"""What is read from outside and changes between calls."""

from __future__ import annotations

import numpy

from tests.corpus.inputs import X
from tests.corpus.registry import program

SCALE = 3


RATE = 0.25


TABLE = {"w": numpy.arange(3.0), "depth": 2}


@program((X,))
def globals_and_tables(x):
    y = x * SCALE + TABLE["w"]
    for _ in range(TABLE["depth"]):
        y = y * RATE
    return y
