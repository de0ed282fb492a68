"""Views and arrays that share memory."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import each_kind, grid, ours
from tests.corpus.registry import program


def same_twice():
    x = grid()
    return x, x


def same_twice_ours():
    x = ours()
    return x, x


def row_of_the_other():
    x = grid()
    return x, x[1]


def row_of_the_other_ours():
    x = ours()
    return x, x[1]


def two_rows_of_one():
    x = grid()
    return x[0], x[2]


@program(
    *each_kind((3, 4), (3, 4)),
    same_twice,
    same_twice_ours,
    row_of_the_other,
    row_of_the_other_ours,
    two_rows_of_one,
)
def arguments_that_may_be_one_array(x, y):
    x += 1  # leftover
    y[0] = 7  # leftover
    x *= 2  # leftover
    return x, y, x + y


@program(same_twice, *each_kind((3, 4), (3, 4)), same_twice_ours)
def one_array_read_under_two_names(x, y):
    a = x + y
    x[1] = 0
    b = x - y
    return a, b


@program(*each_kind((3, 4)))
def views_of_an_argument(x):
    row, column = x[1], x[:, 2]
    row += 1
    x[1, 2] = 100
    flat = x.reshape(-1)
    flat[0] = -1
    return row, column, flat, x.T, x[1, 2]


@program(*each_kind((3, 4)))
def views_of_a_local_array(x):
    y = x + 1
    row = y[1]
    y[1, 1] = 50
    return row, y[::-1], y.T


@program(*each_kind((3, 4)))
def a_view_alone(x):
    y = x * 3
    return y[1]


@program(
    *each_kind((3, 4)),
    lambda: (numpy.asfortranarray(grid()),),
    lambda: (grid().T[::2],),
)
def reshape_is_a_view_or_a_copy(x):
    flat = x.reshape(-1)
    flat[1] = 33  # leftover
    return x, flat


@program(
    each_kind((3, 4))[1],
    lambda: (numpy.asfortranarray(grid()),),
)
def reshape_of_what_was_computed(x):
    y = x * 2  # leftover
    y.ravel()[2] = 33  # leftover
    z = x.T + 1  # leftover
    z.ravel()[2] = 33
    return y, z


@program(lambda: (grid(),), lambda: (grid()[::2],), lambda: (grid()[:, 1:3],), lambda: (grid().T,))
def arrays_with_gaps(x):
    x[0] += 1
    x *= 2
    return x.sum()


def read_only():
    x = grid()
    x.flags.writeable = False
    return (x,)


@program(
    lambda: (grid(),),
    read_only,
    lambda: (numpy.broadcast_to(numpy.ones(4), (3, 4)),),
    read_only,
)
def read_only_arrays(x):
    y = x * 2
    x[0] = y[1]  # leftover
    return y


@program(*each_kind((3, 4)), no_gradient="it raises")
def what_cannot_be_written(x):
    x[0] = 5
    wide = np.broadcast_to(x[0], (3, 4))
    wide[1] = 2  # leftover
    return x


@program(*each_kind((3, 4)))
def kinds_of_views(x):
    y = np.asarray(x)
    y[0] = 1
    z = np.reshape(x, (4, 3))
    z[0] = 2
    return x, y, z


@program(*each_kind((4,)))
def fill_and_flip(x):
    y = x.copy()
    y.fill(2)
    back = x[::-1]
    back[0] = 10
    flipped = np.flip(x)
    flipped[1] = 20
    return x, y, back


@program(*each_kind((2, 3)))
def rows_by_iteration(x):
    for row in x:
        row -= row[0]
    for first, *_ in [x]:
        first[:] = 1
    return x
