"""Statements with one expression that stays with Python: what is around it compiles, in Python's order."""

from __future__ import annotations

import numpy

import minpy
import minpy.numpy as np
from tests.corpus.inputs import V, X
from tests.corpus.registry import program

SEEN: list = []


@minpy.eager
def unknown(x, *more, **named):
    """A function that the compiler knows nothing about."""
    SEEN.append((len(SEEN), *more))
    return x + 0.5


W = np.array(numpy.array([1.0, -2.0, 0.5]))


@program((X, X.T), (X[:1], X.T))
def inside_of_arithmetic(x, w):
    y = np.tanh(x) @ w + np.sum(unknown(x)) * 2  # leftover
    return y * y


@program((V, W))
def of_two_sides(x, y):
    return unknown(x * 2, 1) * np.exp(y) + unknown(y, 2) / 3  # leftover


@program((V,))
def within_a_test(x):
    if np.sum(unknown(x * 2)) > 1:  # leftover, flow
        x = x * x
    elif np.max(x) > 100:
        x = -x
    return x + 1


@program((V,), (9 * V,))
def within_the_test_of_a_loop(x):
    turns = 0
    while np.max(np.abs(unknown(x))) > 1.5:  # leftover, flow
        turns += 1
        if turns > 20:
            break
        x = x * 0.5
    return x, turns


@program((V,))
def within_a_text(x):
    text = f"{len(x)} {np.sum(unknown(x)):.2f} {np.max(x):.1f}"  # leftover
    return x * 2, text


@program((X,))
def what_a_comprehension_goes_over(x):
    rows = [np.tanh(row) * i for i, row in enumerate(unknown(x * 2))]  # leftover
    return sum(rows)


@program((V, 2), (V, 0))
def under_a_condition(x, n):
    y = 2 * (unknown(x) if n else np.exp(x)) + 1  # leftover, flow
    return y - (n and np.sum(unknown(y)))  # leftover


@program((V,), no_gradient="its results do not depend on it smoothly")
def of_a_mask(x):
    y = np.tanh(x)[np.exp(x) > 1] * 2  # leftover
    return np.sum(y) + len(y)


def named(x, *, scale, shift):
    return x * scale - shift


@program((V, W))
def among_the_arguments(x, y):
    z = named(np.exp(x), shift=np.tanh(y), scale=unknown(y))  # leftover
    return named(z, **{"scale": 2.0, "shift": np.sum(unknown(z))})  # leftover


class Layer:
    def __init__(self, w):
        self.w = w
        self.act = np.tanh
        self.calls = 0
        self.total = 0.0

    def __call__(self, x):
        self.calls += 1
        return self.act(x * self.w)

    @minpy.eager
    def replace(self, x):
        self.act = np.exp
        self.total += 1.0
        self.w = self.w * 2
        return x


@program((X[0].astype("float64"),), no_gradient="the layer is made anew")
def of_an_object_that_is_changed(w):
    layer = Layer(w)
    first = layer.act(layer.replace(w * 2) + 1)  # leftover
    layer.act = np.tanh
    second = layer(layer.replace(first)) + layer.w * np.sum(layer.replace(first))  # leftover
    layer.total += np.sum(layer.replace(second)) * 0.5  # leftover
    return first, second, layer.total, layer.calls


SCALE = 2.0


def handler(x):
    return np.tanh(x)


def other_handler(x):
    return np.exp(x)


@minpy.eager
def change_globals(x):
    global SCALE, handler
    SCALE = SCALE + 1.0
    handler = other_handler
    x[0] = 7.0
    return x


@minpy.eager
def restore_globals(function):
    global SCALE, handler
    SCALE, handler = 2.0, function


@program((V,), no_gradient="the argument is written")
def of_globals_that_are_changed(x):
    before = handler
    y = SCALE * x[0] + handler(change_globals(x))[0] * SCALE + x[0]  # leftover
    restore_globals(before)  # leftover
    return y, SCALE


@program((V,))
def with_walrus_and_stars(x):
    parts = [x, x * 2]
    y = (z := np.exp(x)) + sum([*parts, unknown(z), *parts])  # leftover
    return y * z


@program((V, 1))
def target_of_an_assignment(x, i):
    y = np.zeros(4)
    y[int(np.sum(unknown(i)))] = np.sum(x * 2)  # leftover
    y[0] += np.sum(unknown(x))  # leftover
    return y


@program((V, numpy.ones(7)), (V, W))
def errors_come_in_order(x, y):
    z = unknown(x * 2, "before") + x.dot(unknown(x, "after")) * np.sum(x + y)  # leftover
    return z


@program((V,))
def arguments_of_what_is_printed(x):
    y = x * 2
    print("now", np.sum(np.exp(y) * x) > 3, y.shape)  # leftover
    return y


@program((V,))
def comparisons_and_negations(x):
    y = -(unknown(x) ** 2) + np.tanh(x)  # leftover
    assert not np.sum(unknown(y)) > 1e6  # leftover
    return np.where(np.exp(x) < unknown(y), x, y)  # leftover


@program((V,), (9 * V,))
def a_loop_that_tests_data_and_goes_on(x):
    turns = []
    while np.max(np.abs(x)) > 1 and len(turns) < 12:  # flow
        x = x * 0.75
        turns.append(1)
        if np.sum(x) > 2:
            continue
        x = x - 0.125
    else:
        x = x + 100
    return x, turns


@program((V,), (9 * V,))
def a_loop_that_is_left(x):
    n = 0
    while not np.all(np.abs(x) < 0.5):  # flow
        x = np.tanh(x) * 0.75
        n += 1
        if not np.any(np.isfinite(x)) or n > 30:  # flow
            return x, -1
        if np.max(x) < 0.75:
            break
        elif np.min(x) < -3:
            x = x + 1
            break
    else:
        n = 100
    return x, n


@program((V,), (9 * V,), no_gradient="it is flat")
def a_test_that_assigns(x):
    found = []
    while (largest := np.max(np.abs(x))) > 1:  # flow
        found.append(largest)
        x = np.where(np.abs(x) == largest, 0, x)
    return found, largest


@program((V, [3, 1, 2]), (V, [2, 5]))
def a_test_of_what_a_list_holds(x, steps):
    i = 0
    while steps[i] != 2:  # flow
        x = x * steps[i]
        i += 1
        if np.sum(x * len(steps)) > 50:
            break
    return x, i
