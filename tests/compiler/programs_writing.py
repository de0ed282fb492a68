"""Programs that write into arrays. ``test_writing`` runs each plain and compiled, and compares results,
arguments, and which of all these arrays are the same or share memory."""

from __future__ import annotations

import types

import numpy

import minpy.numpy as np

WRITING: list[tuple] = []


def program(*makers, left=()):
    """Register a function with makers of argument tuples: plain and compiled code get arrays of their own.

    ``left`` has the lines that stay with Python.
    """

    def register(function):
        WRITING.append((function, makers, list(left)))
        return function

    return register


def grid(dtype="float64"):
    return numpy.arange(12).reshape(3, 4).astype(dtype)


def ours(dtype="float64"):
    return np.array(grid(dtype))


def each_kind(*shapes):
    """Makers of the same arguments as MinPy's and as NumPy's arrays."""
    arrays = [numpy.arange(1.0, 1 + numpy.prod(shape)).reshape(shape) for shape in shapes]
    return lambda: tuple(map(np.array, arrays)), lambda: tuple(map(numpy.array, arrays))


@program(*each_kind((3, 4), (4,)))
def local_array_and_its_names(x, v):
    y = x * 2
    z = y
    y[0] = v
    z += 1
    return y, z, x


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
    left=["x += 1", "y[0] = 7", "x *= 2"],
)
def arguments_that_may_be_one_array(x, y):
    x += 1
    y[0] = 7
    x *= 2
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


@program(*each_kind((3, 4)))
def a_copy_before_a_write(x):
    before = x.copy()
    x[:] = 0
    return before, x


@program(
    *each_kind((3, 4)),
    lambda: (numpy.asfortranarray(grid()),),
    lambda: (grid().T[::2],),
    left=["flat[1] = 33"],
)
def reshape_is_a_view_or_a_copy(x):
    flat = x.reshape(-1)
    flat[1] = 33
    return x, flat


@program(
    *each_kind((3, 4)),
    lambda: (numpy.asfortranarray(grid()),),
    left=["y.ravel()[2] = 33", "z.ravel()[2] = 33"],
)
def reshape_of_what_was_computed(x):
    y = x * 2
    y.ravel()[2] = 33
    z = x.T + 1
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
    left=["x[0] = y[1]"],
)
def read_only_arrays(x):
    y = x * 2
    x[0] = y[1]
    return y


@program(*each_kind((3, 4)), left=["wide[1] = 2"])
def what_cannot_be_written(x):
    x[0] = 5
    wide = np.broadcast_to(x[0], (3, 4))
    wide[1] = 2
    return x


@program(*each_kind((3, 4)), left=["x[7] = 1"])
def error_after_a_write(x):
    x[0] = 5
    x[1] = 6
    x[7] = 1
    return x


@program(*each_kind((3, 4)), left=["x[:, 1] = np.ones(9)"])
def shape_error_after_a_write(x):
    x += 5
    x[:, 1] = np.ones(9)
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


@program(*each_kind((6,)))
def table_filled_in_a_loop(x):
    table = np.zeros((x.shape[0] + 1, 2))
    for i in range(x.shape[0]):
        table[i + 1, 0] = table[i, 0] + x[i]
        table[i + 1, 1] = max(i, 2) * table[i, 1] + table[i + 1, 0]
    return table, table[-1, 1]


@program(lambda: (numpy.arange(5.0),))
def numpy_table(x):
    out = numpy.empty((3, len(x)))
    out[0] = x
    for k in range(1, 3):
        out[k, 1:] = out[k - 1, :-1]
        out[k, 0] = -k
    mask = numpy.arange(3) > 0
    out[mask] *= 2
    return out, mask


@program(lambda: (grid(), [2, 0]), lambda: (ours(), [1, 1]))
def rows_by_static_numbers(x, order):
    for place, i in enumerate(order):
        row = x[i]
        row[place] = 0
        row += i
    return x


@program(lambda: (grid(), numpy.array([2, 0])), lambda: (ours(), numpy.array([1, 1])))
def rows_by_numbers_in_an_array(x, order):
    for i in order:
        row = x[i]
        row[0] = 0
        row += 1
        x[i, 1] = 9
        taken = numpy.take(x, i, axis=0)
        taken[:] = 77
    return x


@program(
    lambda: (grid("int64"),), lambda: (grid("int32"),), lambda: (grid("float32"),), lambda: (grid("bool"),)
)
def dtypes(x):
    y = x.copy()
    y[0] = 2.75
    y[1, 1:3] = [1, 0]
    y[2] = x[0] / 2
    return y, y[0, 0], x


@program(
    lambda: (grid("int64"), 2),
    lambda: (grid("int64"), 0.5),
    lambda: (grid(), 2),
    lambda: (ours("int32"), 1.5),
    left=["x += k", "x //= 2", "x %= 5"],
)
def operators_in_place(x, k):
    x += k
    x -= 1
    x *= k
    x //= 2
    x %= 5
    x **= 2
    return x


@program(lambda: (grid("int64"),), lambda: (ours("int64"),), left=["n[0] += 2.5"])
def operators_on_integers_in_place(n):
    n |= 3
    n &= 6
    n ^= 1
    n[0] += 2.5
    return n


@program(*each_kind((3, 4)))
def numbers_are_not_changed_in_place(x):
    total = x[0, 1]
    other = total
    total += 5
    total *= 2
    s = x.sum()
    t = s
    s -= 1
    return total, other, s, t


def adds_to(array, value):
    array += value
    part = array[1:]
    part[0] = -value
    return part


@program(*each_kind((3, 4)))
def helper_writes_its_argument(x):
    y = x + 1
    part = adds_to(y, 2.0)
    again = adds_to(x, 3.0)
    return part, y, again


WEIGHTS = types.SimpleNamespace(
    w=np.array(numpy.ones((2, 2))), table={"b": numpy.ones(3)}, steps=[numpy.zeros(2)]
)


@program(lambda: (np.array([1.0, 2.0]),))
def arrays_of_an_object(x):
    WEIGHTS.w -= 0.5 * x
    WEIGHTS.w[0] *= 2
    b = WEIGHTS.table["b"]
    b[1:] += 1
    WEIGHTS.steps[0][:] = 3
    return WEIGHTS.w.copy(), b.copy(), WEIGHTS.steps[0] + 0


@program(lambda: (np.zeros((2, 3)),), left=['print(end="")', "row[1] = 6", "y += x", "z[1] = 7"])
def writing_around_a_leftover(x):
    y = np.ones((2, 3))
    row = y[0]
    y[0, 0] = 5
    print(end="")
    row[1] = 6
    y += x
    z = y
    print(end="")
    z[1] = 7
    x[:] = row
    return y, row, z


@program(lambda: (np.array([3.0, 1.0, 2.0]),), left=["if x[i] > 1.5:"])
def data_decides_about_writes(x):
    for i in range(3):
        if x[i] > 1.5:
            x[i] = 0
            x[0] += 1
    return x


@program(lambda: (numpy.zeros((0, 3)), numpy.zeros((2, 0))), lambda: (np.zeros((0, 3)), np.zeros((2, 0))))
def empty_arrays(x, y):
    x += 1
    x[:, 1] = 5
    y[...] = 3
    x.reshape(-1)[:] = 0
    return x, y


@program(lambda: (numpy.array(3.0),), lambda: (np.array(3.0),))
def arrays_without_axes(x):
    y = x
    y += 1
    y[...] = y * 2
    x[()] += 1
    return x, y


@program(*each_kind((3, 4)))
def kinds_of_views(x):
    y = np.asarray(x)
    y[0] = 1
    z = np.reshape(x, (4, 3))
    z[0] = 2
    return x, y, z


@program(lambda: (numpy.ones((2, 2)), np.ones((2, 2))), left=["n[0] = m[1] * 2", "n += m"])
def minpy_into_numpy(n, m):
    n[0] = m[1] * 2
    n += m
    return n


@program(*each_kind((2, 2)))
def the_same_list_of_arrays(x):
    parts = [x * k for k in range(3)]
    again = parts
    parts[1] += 1
    again.append(parts[1])
    again[0][0] = 9
    return parts, again, parts[1] is parts[3], parts[0] is parts[1]


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


@program(*each_kind((2, 3)))
def written_value_is_returned_too(x):
    y = x * 2
    z = y + 0
    x[:] = y
    z[...] = y
    y[0] = 0
    return x, y, z
