"""What raises: the same exception as plain, at the same point, with the same left behind."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import U, V, X, each_kind, grid, ours
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


@program((X, "up"), (X, 5), no_gradient="it raises")
def wrong_arguments_of_numpy(x, axis):
    y = x * 2
    return np.sum(y, axis=axis)  # leftover


@program((X, numpy.ones(5)), (X, numpy.ones((7, 3))), no_gradient="it raises")
def matrices_that_do_not_fit(x, w):
    h = np.tanh(x)
    return np.dot(h, w)  # leftover


@program((X,), no_gradient="it raises")
def a_name_that_is_not_there(x):
    y = x + 1
    return y + no_such_name  # noqa: F821  # leftover


@program((X,), no_gradient="it raises")
def an_attribute_that_is_not_there(x):
    y = x + 1
    return y.no_such_attribute  # leftover


@program((X, [1, 2]), (X, (1,)), no_gradient="it raises")
def unpacking_that_does_not_fit(x, values):
    y = x * 2
    a, b, c = values  # leftover
    return y * a + b + c


@program((X, numpy.array([True, False, True])), (X, numpy.array([True] * 5)), no_gradient="it raises")
def masks_that_do_not_fit(x, mask):
    y = x * 2
    return np.where(mask[: len(x)], y.T, 0), y[mask]  # leftover


@program((X, 0), (X, 1), no_gradient="it raises for one")
def division_by_zero_of_numbers(x, n):
    y = x / n if n else x / 0
    return y * (1 // n)  # leftover


@program((X, {"a": X}), (X, {}), no_gradient="it raises for one")
def a_key_that_is_not_there(x, table):
    y = x * 2
    return y + table["a"]  # leftover


@program((V, 2), (V, 7), (V, -4))
def a_list_that_is_too_short(x, i):
    parts = [x, x + 1, x + 2]
    return parts[i] * 2  # leftover


class Strict:
    def __init__(self, limit):
        self._limit = limit

    @property
    def limit(self):
        if self._limit < 0:
            raise ValueError(f"limit is {self._limit}")
        return self._limit


@program((X, Strict(2)), (X, Strict(-1)))
def a_property_raises(x, strict):
    y = x + 1
    return y * strict.limit  # leftover


@program((X,), no_gradient="it raises")
def too_many_arguments(x):
    return np.tanh(x, x, x, x)  # leftover


@program((X,), no_gradient="it raises")
def recursion_without_end(x):
    return endless(x, 0)  # leftover


def endless(x, n):
    return endless(x, n + 1)
