"""Four operations on ten numbers: the cost of a call."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work

X = numpy.linspace(-1, 1, 10, dtype="float32")
Y = numpy.linspace(2, 3, 10, dtype="float32")


def write(np):
    def function(x, y):
        return np.sum(np.tanh(x * y + 1) - x)

    return function


def torch_function(x, y):
    return (x * y + 1).tanh().sub(x).sum()


def symbol(F, x, y):
    return F.sum(F.tanh(x * y + 1) - x)


def gradient_by_hand(x, y):
    t = numpy.tanh(x * y + 1)
    return [numpy.sum(t - x), (1 - t * t) * y - 1]


def _work(kind: str, by_hand=None) -> Work:
    return Work(
        title=f"4 operations on 10 numbers, {kind}",
        kind=kind,
        params=X,
        data=[Y],
        numpy=write,
        torch=torch_function,
        symbol=Symbol(symbol),
        by_hand=by_hand,
    )


WORKS = {
    "overhead value": lambda: _work("value"),
    "overhead gradient": lambda: _work("gradient", gradient_by_hand),
}
