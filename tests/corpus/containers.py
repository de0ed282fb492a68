"""Lists, tuples, dicts and sets of arrays: in, out, unpacked, changed."""

from __future__ import annotations

import collections
from typing import NamedTuple

import minpy.numpy as np
from tests.corpus.inputs import U, X
from tests.corpus.registry import program


@program((X, [1, 2], {"a": X, "b": [X, 3]}))
def containers(x, numbers, tree):
    first, *rest = numbers
    pairs = [(x * n, n) for n in numbers]
    sums = {name: np.sum(value) if name == "a" else value[1] for name, value in tree.items()}
    return first, rest, pairs, sums, (x, tree["b"][0] * 2), len(tree), sum(numbers), list(zip(numbers, "ab"))


@program((X,))
def same_list_twice(x):
    a = [x * 2]
    b = a
    b.append(x)
    return len(a), a[0], b[1]


@program((X, [1, 2, 3, 4]), (X, [5, 6]))
def unpacking(x, numbers):
    first, *middle, last = [*numbers, x]
    (a, b), c = (first, last), {**{"k": 1}, "x": x}
    [d, *rest] = x
    e, f, g = row = x[0]
    return first, middle, a, b * 2, c, d, rest, e + f + g, row, (y := 5) + y, f"{first:>3}-{x.ndim!r:}"


@program((X,))
def deleted_and_annotated(x):
    y: np.ndarray = x * 2
    z: int
    w: list = [y, x]
    del w[0]
    table = {"a": 1, "b": x}
    del table["a"]
    z = len(w)
    return w, table, z


@program(lambda: (U.copy(), [1, U.copy(), "c", 4]), lambda: (U.copy(), [U.copy(), 2, 3]))
def list_methods(x, items):
    items[1] = x * 2
    items[-1] = x
    items.insert(1, "new")
    last = items.pop()
    first = items.pop(0)
    items.reverse()
    items.append(first)
    count = len(items)
    del items[0]
    copied = items.copy()
    copied.append(5)
    total = 0
    for item in items:
        if isinstance(item, np.ndarray):
            total = total + item
    return last, first, count, copied, total, items[0], bool(items)


@program(lambda: (U.copy(), []), lambda: (U.copy(), [1]), lambda: (U.copy(), [1, 2]))
def list_is_a_queue(x, queue):
    queue.append(x)
    if len(queue) > 2:
        queue.pop(0)
    queue.clear()
    queue.append(x + 1)
    return queue[0], queue[-1], len(queue)


@program(
    lambda: (U.copy(), {"a": U.copy(), "b": 2}),
    lambda: (U.copy(), {"b": 1, "c": 2, "a": U.copy()}),
    lambda: (U.copy(), {"a": 3.5, "d": {}}),
)
def dict_methods(x, d):
    d["new"] = x * 2
    d.setdefault("new", 0)
    d.setdefault("e", []).append(x)
    d.update(f=x, g=1)
    d.update({"f": 3, "h": x})
    b = d.pop("b", None)
    a = d.pop("a")
    d["a"] = 1
    keys = list(d)
    has = "b" in d, "new" in d, d.get("zzz", 5), d.get("f")
    del d["g"]
    pairs = [(key, type(value).__name__) for key, value in d.items()]
    last = d.popitem()
    return b, a, keys, has, pairs, last, len(d), list(d.values())[-1]


@program(lambda: (collections.defaultdict(list), U.copy()), no_gradient="the result is a number of elements")
def default_dicts(table, x):
    table["a"].append(x)
    table["a"].append(x * 2)
    table["b"] += [1]
    return len(table)


@program(lambda: (collections.OrderedDict(a=1), U.copy()), no_gradient="the result is a list of keys")
def ordered_dicts(table, x):
    table["b"] = x
    table["a"] = 2
    return list(table.keys())


@program(lambda: (collections.deque([1], maxlen=2), {3}, U.copy()))
def queues_and_sets(queue, seen, x):
    queue.append(x)
    queue.extend([4, x * 2])
    seen.add(5)
    return x + 1


class Point(NamedTuple):
    x: object
    y: object = 2.0

    @property
    def norm(self):
        return self.x * self.x + self.y * self.y

    def shifted(self, by):
        return self._replace(x=self.x + by)


Pair = collections.namedtuple("Pair", "left right", defaults=[3])


@program(lambda: (U.copy(), Point(U.copy(), U * 2)), lambda: (U.copy(), Point(U.copy())))
def named_tuples(x, p):
    q = Point(x, p.y)
    r = Point(y=x, x=1)
    left, right = Pair(p.norm)
    a, *rest = q
    moved = p.shifted(x)
    return (
        *(q, r, left, right, a, rest, moved, p, q.norm, q.shifted(1).x, q[0] is q.x, len(q), Pair(1, 2)),
        *(q._asdict(), p._asdict(), isinstance(q, tuple), isinstance(q, Point), q._fields, type(q) is Point),
    )


@program(lambda: (U.copy(), {1: 2, 3: 4}), lambda: (U.copy(), {}), no_gradient="it raises")
def changes_while_iterating(x, d):
    for key in d:  # flow
        d[key + 10] = x
    return d


@program(lambda: (U.copy(), [1, 2]), no_gradient="the result is a number of elements")
def grows_while_iterating(x, items):
    for item in items:
        if len(items) < 5:
            items.append(x * item if isinstance(item, int) else item)
    return len(items)


@program(lambda: (U.copy(), ([1], 2)), no_gradient="it raises")
def tuples_do_not_change(x, pair):
    y = x * 2
    try:  # flow
        pair[0] += [x]  # leftover
    except TypeError:
        y = y + 1
    pair[1] = 5  # leftover
    return y
