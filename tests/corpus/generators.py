"""Generators and generator expressions."""

from __future__ import annotations

import itertools

from tests.corpus.inputs import V, X
from tests.corpus.registry import program


def countdown(n, x):
    """A generator that others call."""
    while n > 0:
        yield n, x
        n -= 1
        x = x * 0.5
    yield from ((0, x), (-1, x + 1))


@program((X, 3), (X, 0))
def generators(x, n):
    def squares(limit):
        k = 0
        while True:
            if k >= limit:
                return
            yield k * k
            k += 1

    total = x * 0
    for i, value in countdown(n, x):
        total = total + value * i
    first = next(squares(5), None)
    rest = squares(4)
    next(rest)
    return total, first, list(rest), sum(squares(n)), next(rest, "end")


@program((X,))
def late_binding(x):
    k = 1
    lazy = (x * k * i for i in range(3))
    eager = [x * k * i for i in range(3)]
    k = 10
    functions = [lambda v: v + j for j in range(3)]  # noqa: B023
    return list(lazy), eager, [f(x) for f in functions]


@program((V, 4), (V, 2))
def generator_that_sees_changes(x, n):
    k = 1

    def values():  # leftover
        for i in range(n):
            yield x * i * k

    found = []
    print(end="")  # leftover
    for value in values():  # flow
        found.append(value)
        k = k * 2
    return found, k


def pairs(xs):
    for a, b in zip(xs, itertools.islice(xs, 1, None)):
        yield a * b


@program(([V, 2 * V, 3 * V],), ([V],))
def generator_functions(xs):
    return sum(pairs(xs)), [p + 1 for p in pairs(xs)], max([len(p) for p in pairs(xs)], default=0)
