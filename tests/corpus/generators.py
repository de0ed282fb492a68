"""Generators and generator expressions."""

from __future__ import annotations

import itertools

import minpy.numpy as np
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


@program((V, 5), (V, 0))
def chained_generators(x, n):
    def powers(v):
        y = v
        while True:
            yield y
            y = y * v

    def scaled(items, by):
        for k, item in enumerate(items):
            yield k, item * by

    return [item for _, item in itertools.islice(scaled(powers(x), 2), n)], n


@program(([V, 2 * V],), ([],))
def expressions_are_lazy(xs):
    squares = (x * x for x in xs)
    first = next(squares, None)
    return (
        first,
        list(squares),
        sum(np.sum(x) for x in xs),
        any(x.ndim > 1 for x in xs),
        all(len(x) for x in xs),
    )


@program((V, 3), (V, 1))
def a_generator_with_a_return(x, n):
    def halves(v):  # leftover
        for _ in range(n):
            v = v * 0.5
            yield v
        return "done"

    def outer():  # leftover
        result = yield from halves(x)
        yield result

    return list(outer())  # leftover


class Batches:
    """Iteration by a method that is a generator."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __iter__(self):
        for start in range(0, len(self.data), self.size):
            yield self.data[start : start + self.size]

    def __len__(self):
        return -(-len(self.data) // self.size)


@program((V, Batches(V, 2)), (V, Batches(X, 1)))
def batches_of_an_object(x, batches):
    total = 0.0
    for number, batch in enumerate(batches, start=1):
        total = total + np.sum(batch) * number
    return x * total, len(batches)


@program((V, lambda: iter([1, 2, 3])), (V, lambda: iter([])))
def an_iterator_from_outside(x, make):
    items = make()
    for item in items:
        x = x + item
    return x, next(items, "end")


@program((X,))
def a_generator_that_is_left(x):
    seen = []

    def rows():  # leftover
        try:
            yield from x
        finally:
            seen.append("closed")

    for row in rows():  # flow
        total = row * 2
        break
    return total, list(seen)
