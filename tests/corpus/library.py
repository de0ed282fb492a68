"""Functions of Python's library and of others."""

from __future__ import annotations

import math
import operator

import numpy

import minpy.numpy as np
from tests.corpus.inputs import B, V, X
from tests.corpus.registry import program


@program((X,))
def python_builtins(x):
    n = int(math.sqrt(16)) + len(x) + abs(-3) + max(1, 2) + round(2.6)
    names = [f"{i}:{name}" for i, name in enumerate(sorted(["b", "a"]))]
    return x * n, names, isinstance(x, np.ndarray), float(n), str(n), bool(n), divmod(7, 2)


@program((X,), (np.array(B),), no_gradient="unwrap has none")
def unknown_call(x):
    y = x * 2
    z = np.cosh(y) + np.unwrap(y)  # leftover
    w = numpy.fft.fft(numpy.asarray(z))  # leftover
    return z * 3, w.real  # leftover


@program((X, 2), (X, 3))
def strings(x, n):
    name = "w" + str(n) + "_" * n
    label = "%s-%d" % (name, n)  # noqa: UP031
    text = f"{label} {n}".upper().split(" ")
    return name, text, ",".join(text), name[1:], "w" in name, f"{n:03d}|{name!r}|{1.5:.2f}", x


@program((X,))
def imports(x):
    import math as m
    from functools import reduce as fold

    import numpy.linalg

    from minpy.numpy import tanh

    return tanh(x) * m.floor(2.5), fold(lambda a, b: a + b, [1, 2, 3]), numpy.linalg.__name__


@program((V, 0.5), (V, 0.25))
def math_and_operator(x, t):
    a = math.floor(2.7) + math.comb(5, 2) + math.gcd(12, 18)
    b = operator.add(x, t) * operator.mul(2, a)
    c = operator.neg(operator.matmul(x, x))
    extremes = max(t, 0.3), min(t, 0.1, t * 2)
    return b, c, operator.lt(1, 2), math.pi * x, extremes, abs(-t), pow(x, 2), divmod(7, 3)
