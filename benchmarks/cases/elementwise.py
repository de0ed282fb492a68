"""A chain of elementwise operations on a large array: memory traffic, and how fast ``tanh`` is."""

from __future__ import annotations

import numpy

from benchmarks.work import Symbol, Work, normal

TIMES = 10


def write(np):
    def function(x):
        for _ in range(TIMES):
            x = np.tanh(1.1 * x + 0.1)
        return np.sum(x)

    return function


def torch_function(x):
    for _ in range(TIMES):
        x = (1.1 * x + 0.1).tanh()
    return x.sum()


def symbol(F, x):
    for _ in range(TIMES):
        x = F.Activation(1.1 * x + 0.1, act_type="tanh")  # oneDNN's; F.tanh takes three times as long
    return F.sum(x)


def gradient_by_hand(x):
    kept = []
    for _ in range(TIMES):
        x = numpy.tanh(1.1 * x + 0.1)
        kept.append(x)
    gradient = numpy.ones_like(x)
    for t in reversed(kept):
        gradient *= 1.1 * (1 - t * t)
    return [numpy.sum(x), gradient]


def _work(kind: str, by_hand=None) -> Work:
    return Work(
        title=f"10 times tanh(1.1 x + 0.1), sum; 1,000,000 float32, {kind}",
        kind=kind,
        params=normal(0, 1_000_000),
        numpy=write,
        torch=torch_function,
        symbol=Symbol(symbol),
        by_hand=by_hand,
    )


WORKS = {
    "elementwise value": lambda: _work("value"),
    "elementwise gradient": lambda: _work("gradient", gradient_by_hand),
}
