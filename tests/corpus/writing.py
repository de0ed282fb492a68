"""Writing into arrays."""

from __future__ import annotations

import types

import numpy

import minpy.numpy as np
from tests.corpus.inputs import X, each_kind, grid, ours
from tests.corpus.registry import program


@program((X,))
def in_place_on_own(x):
    y = x * 2
    y += 1
    y *= x
    loss = 0.0
    for row in y:
        loss += np.sum(row)
    return y, loss


@program((numpy.ones((2, 2)),))
def in_place_on_argument(x):
    x += 1
    return x * 2


@program((X,))
def writes_elements(x):
    y = np.zeros(x.shape)
    y[0] = x[1] * 2
    y[:, 1] += 5
    return y + x


@program(*each_kind((3, 4), (4,)))
def local_array_and_its_names(x, v):
    y = x * 2
    z = y
    y[0] = v
    z += 1
    return y, z, x


@program(*each_kind((3, 4)))
def a_copy_before_a_write(x):
    before = x.copy()
    x[:] = 0
    return before, x


@program(*each_kind((6,)))
def table_filled_in_a_loop(x):
    table = np.zeros((x.shape[0] + 1, 2))
    for i in range(x.shape[0]):
        table[i + 1, 0] = table[i, 0] + x[i]
        table[i + 1, 1] = max(i, 2) * table[i, 1] + table[i + 1, 0]
    return table, table[-1, 1]


@program(lambda: (numpy.arange(5.0),), no_gradient="arrays of NumPy cut it")
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
    no_gradient="it rounds down",
)
def operators_in_place(x, k):
    x += k  # leftover
    x -= 1
    x *= k
    x **= 2
    return x


@program(lambda: (grid("int64"),), lambda: (ours("int64"),), no_gradient="of integers")
def operators_on_integers_in_place(n):
    n |= 3
    n &= 6
    n ^= 1
    n[0] += 2.5  # leftover
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


@program(lambda: (np.array([1.0, 2.0]),), no_gradient="each call changes the weights")
def arrays_of_an_object(x):
    WEIGHTS.w -= 0.5 * x
    WEIGHTS.w[0] *= 2
    b = WEIGHTS.table["b"]
    b[1:] += 1
    WEIGHTS.steps[0][:] = 3
    return WEIGHTS.w.copy(), b.copy(), WEIGHTS.steps[0] + 0


@program(lambda: (np.zeros((2, 3)),))
def writing_around_a_leftover(x):
    y = np.ones((2, 3))
    row = y[0]
    y[0, 0] = 5
    print(end="")  # leftover
    row[1] = 6  # leftover
    y += x  # leftover
    z = y
    print(end="")  # leftover
    z[1] = 7  # leftover
    x[:] = row
    return y, row, z


@program(lambda: (np.array([3.0, 1.0, 2.0]),))
def data_decides_about_writes(x):
    for i in range(3):  # flow
        if x[i] > 1.5:  # flow
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


@program(lambda: (numpy.ones((2, 2)), np.ones((2, 2))))
def minpy_into_numpy(n, m):
    n[0] = m[1] * 2  # leftover
    n += m  # leftover
    return n


@program(*each_kind((2, 2)))
def the_same_list_of_arrays(x):
    parts = [x * k for k in range(3)]
    again = parts
    parts[1] += 1
    again.append(parts[1])
    again[0][0] = 9
    return parts, again, parts[1] is parts[3], parts[0] is parts[1]


@program(*each_kind((2, 3)))
def written_value_is_returned_too(x):
    y = x * 2
    z = y + 0
    x[:] = y
    z[...] = y
    y[0] = 0
    return x, y, z
