"""What raises: the same exception as plain, at the same point, with the same left behind."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import U, X, each_kind, grid, ours
from tests.corpus.registry import program


@program((X, True), (X, False))
def unbound_variable(x, flag):
    if flag:
        y = x + 1
    return y * 2  # leftover


@program((X, np.ones((5, 7))), no_gradient="it raises")
def shapes_do_not_fit(x, y):
    a = x + 1
    return a + y  # leftover


@program((X, 7), (X, 1))
def index_out_of_bounds(x, i):
    return x[i] * 2  # leftover


def helper(x, *, scale):
    return x * scale


@program((X,), no_gradient="it raises")
def wrong_call(x):
    return helper()  # leftover


@program((X, "text"), (X, None), (X, [1, 2]), no_gradient="it raises")
def wrong_operand(x, y):
    return np.exp(x) * y  # leftover


@program((X,))
def try_and_with(x):
    y = x * 2
    try:  # flow
        z = y + np.ones((9, 9))  # leftover
    except ValueError:
        z = y - 1
    with np.policy:  # flow
        w = z * 2
    return w + y


@program(lambda: (U.copy(), {}), lambda: (U.copy(), {"a": 1}))
def deletes_and_errors(x, d):
    d["x"] = x * 2
    del d["a"]  # leftover
    d["y"] = x
    return d


@program(lambda: (U.copy(), [1, 2]), lambda: (U.copy(), []))
def error_in_the_middle(x, items):
    items.append(x)
    items[2] = x * 2  # leftover
    items.append(3)
    return items


@program(*each_kind((3, 4)), no_gradient="it raises")
def error_after_a_write(x):
    x[0] = 5
    x[1] = 6
    x[7] = 1  # leftover
    return x


@program(*each_kind((3, 4)), no_gradient="it raises")
def shape_error_after_a_write(x):
    x += 5
    x[:, 1] = np.ones(9)  # leftover
    return x


@program(
    lambda: (ours(), numpy.array([0, 2])),
    lambda: (ours(), numpy.array([0, 5])),
    lambda: (grid(), numpy.array([-1, -3])),
    lambda: (grid(), numpy.array([-4, 0])),
)
def index_error_in_data_after_a_write(x, i):
    x[1] = 100
    y = x[i] * 2
    x[0] = y[0]
    return y
