"""Lists, tuples, dicts and sets of arrays: in, out, unpacked, changed."""

from __future__ import annotations

import collections
from typing import NamedTuple

import numpy

import minpy.numpy as np
from tests.corpus.inputs import U, V, X
from tests.corpus.registry import program


@program((X, [1, 2], {"a": X, "b": [X, 3]}))
def containers(x, numbers, tree):
    first, *rest = numbers
    pairs = [(x * n, n) for n in numbers]
    sums = {name: np.sum(value) if name == "a" else value[1] for name, value in tree.items()}
    return first, rest, pairs, sums, (x, tree["b"][0] * 2), len(tree), sum(numbers), list(zip(numbers, "ab"))


@program((X, (1, 2, 1)), (X, (2.5, 2, 0.5)), (X, (1, 1, 2)))
def methods_of_a_tuple(x, numbers):
    return x * numbers.count(1) + numbers.index(2)


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


@program(
    ({"layers": [{"w": V, "b": V * 0.5}, {"w": V * 2, "b": V}], "scale": 2.0},),
    ({"layers": [], "scale": 1.5},),
)
def nested_parameters(params):
    total = V * 0
    for i, layer in enumerate(params["layers"]):
        total = total + layer["w"] * params["scale"] + layer["b"] * i
    updated = {**params, "layers": [{k: v * 0.9 for k, v in layer.items()} for layer in params["layers"]]}
    return updated, total


@program(((V, (2 * V, [3 * V, {"x": V}])),))
def a_tree_goes_through(tree):
    def mapped(function, x):
        if isinstance(x, (list, tuple)):
            return type(x)(mapped(function, item) for item in x)
        if isinstance(x, dict):
            return {key: mapped(function, value) for key, value in x.items()}
        return function(x)

    return mapped(lambda v: v * 2 + 1, tree)


@program(([V, V * 2, V * 3, V * 4],), ([V, V],))
def slices_of_lists(xs):
    first, rest = xs[0], xs[1:]
    last = xs[-1]
    every = xs[::2]
    backwards = xs[::-1]
    return first + last, rest, every, backwards[0], xs[:1] + rest, xs * 2, len(xs[5:])


@program((V, 3), (V, 1))
def lists_grow(x, n):
    xs = []
    for k in range(n):
        xs.append(x * k)
        xs += [x + k]
    xs.insert(0, x)
    xs.extend(y * 2 for y in list(xs))
    return xs, xs.pop(), np.stack(xs)


@program((V, "abc"), (V, ""))
def dicts_of_arrays(x, names):
    table = {name: x * i for i, name in enumerate(names)}
    table.update({"z": x}, y=x + 1)
    doubled = {name.upper(): value * 2 for name, value in table.items() if name != "b"}
    merged = {**table, **doubled}
    merged.pop("y")
    return merged, sorted(merged), merged.get("A"), next(iter(merged.values()))


@program((V,), (X,))
def swaps_and_stars(x):
    a, b = x, x + 1
    a, b = b, a
    (c, d), *e = (a, b), 1, 2, x
    parts = [*e, *(a, b)]
    keywords = dict(zip("pq", parts))
    return a, b, c is b, d is b, e, parts, keywords


@program(({"w": V}, {"w": V * 2}), ({"w": V, "b": 2 * V}, {"w": V, "b": V}))
def zip_of_dicts(params, gradients):
    steps = {name: p - 0.1 * g for (name, p), g in zip(params.items(), gradients.values())}
    norm = sum(np.sum(g**2) for g in gradients.values())
    return steps, np.sqrt(norm), params.keys() == gradients.keys(), list(steps)


@program((V, {"a", "b"}), (V, frozenset("xyz")))
def sets(x, names):
    more = {"a", "c"} | {n for n in "cd"}
    y = x * len(more), sorted(more - {"a"}), sorted(more & {"c", "q"})
    return y, "b" in names, len(names)  # leftover


Row = collections.namedtuple("Row", "name value")


@program(([Row("a", V), Row("b", 2 * V)],), ([],))
def named_rows(rows):
    by_name = {row.name: row.value for row in rows}
    total = sum(row.value for row in rows)
    return [row._replace(value=row.value * 2) for row in rows], by_name, total, [name for name, _ in rows]


@program((V, [0, 2], {"a": 1}), (V, [1], {"a": 0, "b": 2}))
def indices_in_containers(x, places, names):
    return x[places], [x[i] for i in places], {name: x[i] for name, i in names.items()}, x[names["a"] :]


@program((X,), (np.ones((3, 1)),))
def arrays_into_lists(x):
    rows = list(x)
    first, *others = x
    table = [[cell for cell in row] for row in x]
    return rows, first, others, table, np.array(table), tuple(x[0])


@program(
    lambda: (U.copy(), [1, 2, U.copy(), 4], {"a": 1}, {"p"}, collections.deque([1])),
    lambda: (U.copy(), [5], {}, set(), collections.deque()),
    no_gradient="the result is made of numbers",
)
def containers_updated_in_place(x, items, table, names, queue):
    items[1:3] = [x, x * 2, "new"]
    del items[:1]
    items += (7,)
    table |= {"b": x, "a": 2}
    names |= {"q"}
    queue += [x, 3]
    items[::2] = [0] * len(items[::2])
    return items[0], len(items), table["a"], items[-1]


@program(lambda: (U.copy(), [1, 2, 3]), no_gradient="it raises")
def a_slice_that_does_not_fit(x, items):
    items[0] = x
    items[::2] = [x]  # leftover
    return items


@program((V, 1), (V, 2), (V, 5), (V, 1))
def a_number_chooses_in_a_dict(x, n):
    table = {1: 2.0, 2: 3.0}
    return x * table.get(n, 0.5), table.pop(n, 7), table.setdefault(n, 4.0), table


@program((V, "a"), (V, "b"), (V, "c"), no_gradient="of tests")
def containers_are_compared(x, name):
    row = (name, numpy.sum)
    found = [name, "b"].count("b"), [name, "a"].index("a"), max((name, 1), ("b", 2))
    found += (
        [numpy.sin, numpy.cos].index(numpy.cos),
        numpy.sum in row,
        (name, 1) in [("a", 1)],
        int in (str,),
    )
    return row == ("c", numpy.sum), [name] != ["a"], {"k": name} == {"k": "b"}, row < ("b",), found, len(x)
