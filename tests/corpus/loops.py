"""Loops and comprehensions."""

from __future__ import annotations

import functools
import itertools

import numpy

import minpy.numpy as np
from tests.corpus.inputs import A, V, X
from tests.corpus.registry import program


@program((X, 3), (X, 0))
def static_loop(x, n):
    total = 0.0
    for i in range(n):
        total = total + np.sum(x) * i
        if i == 1:
            continue
        x = x * 0.5
    else:
        total = total + 1
    return total, x


@program((X,))
def loop_with_break(x):
    for k in range(10):
        x = x + k
        if k == 3:
            break
    else:
        x = x * 0
    while k < 6:
        k += 1
        x = x * 0.9
    return x, k


@program((np.array([1.0, 5.0]),), (np.array([0.5, 0.1]),))
def data_loop(x):
    count = 0
    while np.max(x) > 0.3:  # flow
        x = x * 0.5
        count += 1
    return x, count


@program((X,))
def walrus_in_comprehension(x):
    parts = [last := x * k for k in range(3)]
    return parts, last


@program((X,))
def over_containers(x):
    total = 0
    for name, (scale, shift) in {"a": (1, 2), "b": (3, 4)}.items():
        total = total + x * scale + shift + len(name)
    for i, (a, b) in enumerate(zip([1, 2, 3], (4, 5))):
        total = total + a * b * i
    for k in reversed(range(3)):
        total = total - k
    for row in x:
        total = total + row
    for key in {"one": 1, "two": 2}:
        total = total * len(key)
    for c in "abc":
        total = total + ord(c)
    return total


@program((X,))
def itertools_loops(x):
    parts = []
    for i, j in itertools.product(range(2), repeat=2):
        parts.append(x * i + j)
    for v in itertools.chain([1, 2], (3,), [x]):
        parts.append(x + v)
    for k in itertools.count(3, 2):
        if k > 8:
            break
        parts.append(x - k)
    for a, b in zip(itertools.count(), [x, 2 * x]):
        parts.append(a * b)
    for v in itertools.islice(itertools.cycle([1, 2]), 5):
        parts.append(v)
    for a, b in itertools.combinations([1, 2, 3], 2):
        parts.append(a * b)
    for total in itertools.accumulate([x, x, x]):
        parts.append(total)
    for v in itertools.chain.from_iterable([[1], [2, 3]]):
        parts.append(v)
    parts.extend(itertools.repeat(x, 2))
    parts.extend(itertools.takewhile(lambda n: n < 3, itertools.count()))
    parts.extend(itertools.starmap(lambda p, q: p + q, [(x, 1), (2, 3)]))
    return parts


@program(([X, 2 * X, 3 * X],), ([X],))
def comprehensions(xs):
    total = sum(np.sum(x) for x in xs)
    shapes = {i: x.shape for i, x in enumerate(xs)}
    sizes = {x.size for x in xs}
    nested = [x * i for i in range(3) if i != 1 for x in xs]
    assert all(x.ndim == 2 for x in xs) and not any(x.size == 0 for x in xs)
    longest = max(["a", "bcd", "ef"], key=len)
    ordered = sorted([3, 1, 2], key=lambda n: -n)
    mapped = list(map(lambda x, n: x * n, xs, itertools.count(1)))
    kept = list(filter(lambda n: n % 2, range(6)))
    folded = functools.reduce(lambda a, b: a + b, xs)
    extremes = min(3, 1, 2), max([], default=4)
    return total, shapes, sizes, nested, longest, ordered, mapped, kept, folded, extremes


@program((X, 1), (X, 5), (X, 20))
def while_loops(x, n):
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        if steps > 3:
            break
        x = x * 0.5 + n
        steps += 1
    else:
        x = -x
    while True:
        steps += 1
        if steps < 3:
            continue
        break
    return x, n, steps


@program((X, 3), (X, 300))
def loop_over_numbers_only(x, n):
    total = 0
    for i in range(n):
        if i % 3:
            total += i * i
    return x * total


@program((V, 40), (V, 3))
def recurrence(x, steps):
    h = x * 0
    for t in range(steps):
        h = np.tanh(h * 0.5 + x + t / steps)
    return h


@program((np.array(numpy.linspace(-1, 1, 12).reshape(6, 2)),), (np.ones((1, 2)),))
def rows_with_a_carry(xs):
    carry, outs = xs[0] * 0, []
    for t, row in enumerate(xs):
        carry = 0.5 * carry + row
        outs.append(carry if t % 2 == 0 else carry * 2)
    return np.stack(outs), carry


@program((V, [2, 0, 1]), (V, []))
def order_from_a_list(x, order):
    y = x
    for place in order:
        y = y + x[place] * place
        if place == 0:
            continue
        y = y * 0.5
    return y


@program((10 * V,), (V,))
def until_it_is_small(x):
    count = 0
    while True:  # flow
        norm = np.sqrt(np.sum(x * x))
        if norm < 1:
            break
        x = x * 0.5
        count += 1
        if count > 50:
            return None
    return x, count


@program((V,), (V * 0.1,))
def a_loop_over_data_with_else(x):
    for value in x:  # flow
        if value > 1:
            found = value
            break
    else:
        found = -1.0
    return x * found


@program((V, 4), (V, 0))
def loops_in_loops(x, n):
    total = x * 0
    for i in range(n):
        for j in range(i):
            if (i + j) % 3 == 0:
                continue
            if j > 2:
                break
            total = total + x * (i * j + 1)
        else:
            total = total - i
    return total, n


@program(({"a": V, "b": V * 2, "c": V * 3},), ({},))
def loops_over_a_dict(table):
    total, names = V * 0, []
    for name in table:
        names.append(name)
    for value in table.values():
        total = total + value
    for i, (name, value) in enumerate(table.items()):
        total = total + value * i + len(name)
    return total, names, [name for name in sorted(table, reverse=True)]


@program((np.array([3.0, 1.0, 2.0]),), (np.array([1.0, 2.0]),))
def bubble_sort(x):
    y = x.copy()
    for i in range(len(y)):  # flow
        for j in range(len(y) - 1 - i):  # flow
            if y[j] > y[j + 1]:  # flow
                y[j], y[j + 1] = y[j + 1] + 0, y[j] + 0
    return y


@program((V, 9), (V, 1))
def a_while_over_numbers(x, n):
    steps = []
    while (n := n - 2) > 0:
        steps.append(n)
        x = x + n
    return x, steps, n


@program(
    lambda: (
        V.copy(),
        [np.array(i * A[0]) for i in range(12)],
        [0.5 * i for i in range(12)],
        list(range(12)),
    ),
    lambda: (V.copy(), tuple(i * A[1] for i in range(11)), [0.25] * 11, (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5)),
)
def elements_of_lists_in_turn(x, arrays, rates, counts):
    t, seen = 0, []
    while np.sum(np.abs(x)) < 1e3 and t < 9:  # flow
        t = len(seen)
        x = np.tanh(x) + arrays[t] * rates[t + 1] - arrays[-t] / (1 + counts[t])
        seen.append(counts[t])
    return x, seen, rates[t - 1]


@program(
    lambda: (V.copy(), [(np.array(A[0] + i), i, "even" if i % 2 == 0 else "odd") for i in range(10)]),
)
def batches_in_turn(x, batches):
    t = 0
    while np.max(x) < 1e4 and t < len(batches):  # flow
        y, label, kind = batches[t]
        x = x + y * label if kind == "even" else x - y / (label + 1)
        t += 1
    return x, batches[t - 1][2]


@program(lambda: (V.copy(), [np.array(A[0] + i) for i in range(10)]), no_gradient="the arguments are written")
def elements_that_are_written(x, rows):
    same = rows[3]
    t = 0
    while np.max(x) < 1e4 and t < 10:  # flow
        rows[t] += np.tanh(x)  # leftover
        same[0] = t
        rows[t - 1] = rows[t] * 2  # leftover
        x = x + same + rows[t]
        t += 1
    return x, same is rows[3]


@program(lambda: (V.copy(), [np.array(A[0] + i) for i in range(4)]), no_gradient="it raises")
def an_element_that_is_not_there(x, rows):
    t = 0
    while np.max(x) < 1e4:  # flow
        x = x + rows[t]  # leftover
        t += 1
    return x
