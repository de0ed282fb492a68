"""Writing at places which data decides, and by functions of NumPy."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import each_kind, grid, ours
from tests.corpus.registry import program


def numbers(*values):
    return numpy.array(values)


@program(
    lambda: (grid(), numbers(2, 0, 2, -1), numpy.arange(16.0).reshape(4, 4)),
    lambda: (ours(), np.array(numbers(1, 1, 1, 1)), np.array(numpy.arange(4.0))),
    lambda: (grid("float32"), numbers(0, 1, 2, 3), 7),
    lambda: (ours("bool"), numbers(0, 1, 0, -4), 0.5),
    lambda: (ours("int8"), numbers(0), 300.7),
)
def rows_at_index_arrays(x, i, v):
    x[i] = v  # leftover
    return x.sum()


@program(
    lambda: (grid(), numbers(2, 0, 2), numbers(1, 1, -3)),
    lambda: (ours(), numbers(0, 1, 2), numbers(3, 4, 0)),
    lambda: (ours("int64"), numbers(2), numbers(3, -1)),
)
def elements_at_index_arrays(x, i, j):
    x[i, j] += 10
    x[i[:1], ::2] = 5
    x[1, j] = x[0, j] * 2
    x[:, j[0]] = -1
    return x


@program(
    lambda: (grid(), grid() > 4, 2.5),
    lambda: (ours("float32"), np.array(grid() % 2 == 0), np.array([5.0])),
    lambda: (ours(), numpy.array([True, False, True]), numpy.arange(4.0)),
    lambda: (grid("int64"), numpy.array([True, False]), 1),
    lambda: (grid(), grid() > 99, -1.0),
)
def masks_in_data(x, m, v):
    x[m] = v  # leftover
    x[m] *= 3
    x[x > 8] -= 1
    return x


@program(
    lambda: (grid() - 6, numpy.array([True, False, False, True])),
    lambda: (ours() - 6, np.array([False, False, False, True])),
)
def masks_of_some_axes(x, m):
    x[:, m] = 1
    x[..., m] += x[:, :1]  # leftover
    x[x > 0] **= 0.5
    return x


@program(*each_kind((3, 4)))
def masks_that_are_known(x):
    m = numpy.array([True, False, True])
    x[m] = numpy.arange(8.0).reshape(2, 4)
    x[m, 1] = 3
    x[[False, True, False]] *= 2
    return x[m], x


@program(lambda: (ours(), numbers(1, 2)), lambda: (ours(), numbers(1, 9)), lambda: (grid(), numbers(0, 0)))
def counts_in_a_loop(x, places):
    for place in places:
        x[place, 0] += 1
        x[0, place] = x[place, place]
    return x


@program(*each_kind((3, 4), (4,)))
def results_are_given_an_array(x, v):
    y = x * 0
    np.add(x, v, out=y)
    np.multiply(y, 2, y)
    np.exp(x[0] - 3, out=x[1])
    x.sum(axis=0, out=v)
    np.maximum(x, 3, out=x)
    same = np.add(x, 1, out=x, where=x > 4)
    return y, same is x


@program(*each_kind((3, 4), (4,)))
def numpy_s_functions_that_write(x, v):
    numpy.copyto(x[:2], v)
    numpy.fill_diagonal(x, 7)
    numpy.put(x, [0, 5], v[:2])
    numpy.add.at(x, ([0, 0, 1], [1, 1, 2]), v[:3])
    numpy.place(x, numpy.eye(3, 4) > 0, [1, 2])
    x[2].fill(3)
    x.put([-1], 9)
    return x


@program(
    lambda: (grid(), numbers(2, 0, 2), numpy.ones(4)),
    lambda: (ours(), np.array(numbers(0, 0, 0)), np.ones(4, dtype="float64")),
    lambda: (grid("int64"), numbers(0, 3), 2),
)
def adding_at_places_in_data(x, i, v):
    np.add.at(x, i, v)
    return x


@program(lambda: (grid(), numpy.zeros(3)), lambda: (grid("int64"), numpy.zeros(4)), no_gradient="it raises")
def results_that_do_not_fit(x, v):
    x += 1
    np.add(x, 1.5, out=x)  # leftover
    np.add(x, 1, out=v)  # leftover
    return x


@program(*each_kind((6, 4)), no_gradient="the result is a number of turns")
def rows_of_a_table_while_data_goes_on(x):
    t = 1
    while np.sum(x[t - 1]) > 1 and t < 9:  # flow
        x[t] = x[t - 1] * 0.5
        x[t, 1:3] += 1
        t += 1
    return t


@program(
    lambda: (numpy.ones((9, 4)), 3, {}),
    lambda: (numpy.ones((9, 4)), 5, {}),
    lambda: (np.ones((9, 4)), 2, {}),
    lambda: (np.ones((9, 4)), 7, {}),
    lambda: (numpy.ones((9, 4)), 8, {}),
    lambda: (np.ones((9, 4)), 11, {}),
    lambda: (numpy.ones((9, 4)), -9, {}),
)
def a_few_rows_at_numbers_that_change(x, i, seen):
    seen["before"] = i
    x[0] = 7
    x[i] = x[0] * 2
    seen["between"] = x[i - 1, 0] + 0
    x[i - 1, :2] = x[i, 0]
    return x[i] + x[0]


@program(lambda: (numpy.zeros((9, 4)), grid()[0] > 1), lambda: (np.zeros((9, 4)), grid()[0] > 9))
def a_part_that_is_read_again(x, m):
    y = x.T
    x[2, m] = 3  # leftover
    x[1:3, 0] = y[1, :2] - 1  # leftover
    x[4] = x[2] + numpy.arange(4)  # leftover
    return y[0], x[2:5].sum()
