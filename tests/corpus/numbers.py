"""Python's numbers."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import X, vec
from tests.corpus.registry import program


@program((X, 0.1), (X, 0.2), (X, 5.0))
def float_argument(x, rate):
    step = rate * 2 - 1
    return x - rate * x, step, x * step


@program((X, 0.5, 0.25), (X, 0.1, 0.9))
def float_arithmetic(x, a, b):
    c = a * 2 - b / 4
    if a < b:
        return x * c, c
    return x / c, -c


@program(
    (np.array(2.0), vec(1, 2, 3)), (np.array(-1.0, dtype="float32"), vec(4)), no_gradient="float() cuts it"
)
def numbers_from_data(s, x):
    a = float(s)
    b = x.sum().item() * 2
    return a, b, a + b, x * a, float(numpy.float32(0.1)), numpy.float32(s.shape[0] if s.ndim else 7)


@program((numpy.array(3),), (np.array(4.5),))
def int_from_data(s):
    n = int(s)  # leftover
    return [s * i for i in range(n)], round(float(s), 1), str(n)  # leftover
