"""Programs that make and change objects. ``test_objects`` runs each plain and compiled, and compares results,
arguments, which objects are the same, and everything that the arguments hold afterwards."""

from __future__ import annotations

import collections
import copy
import types

import numpy

import minpy.numpy as np

OBJECTS: list[tuple] = []


def program(*makers, left=()):
    """Register a function with makers of argument tuples, and the lines that stay with Python."""

    def register(function):
        OBJECTS.append((function, makers, list(left)))
        return function

    return register


def vec(*values):
    return np.array(numpy.array(values))


class Model:
    calls = 0

    def __init__(self, **more):
        self.w = vec(1.0, 2.0)
        self.params = {"w": vec(3.0, 4.0), "b": 0.5}
        self.history = []
        self.count = 0
        self.inner = types.SimpleNamespace(w=vec(5.0, 6.0), count=7)
        self.__dict__.update(more)

    def forward(self, x):
        self.last = x * self.w
        return self.last + self.params["w"]


X = vec(1.0, -2.0)


def model(**more):
    return lambda: (X.copy(), Model(**copy.deepcopy(more)))


@program(model())
def attributes_are_set_and_read(x, m):
    m.x = x * 2
    y = m.x + 1
    m.x = y
    m.w = m.w - 0.5 * y
    m.inner.w = m.w
    m.name = "step"
    m.nothing, m.pair = None, (y, 1)
    return m.x is y, m.w, m.name


@program(model())
def methods_keep_what_they_need(x, m):
    y = m.forward(x)
    z = m.forward(y)
    return z - m.last


@program(model())
def counters(x, m):
    m.count += 1
    m.inner.count -= 2
    m.params["n"] = 3
    m.params["n"] += 1
    m.calls += 1
    return x * 2


@program(model())
def counters_that_are_read(x, m):
    m.count += 1
    y = x * m.count
    m.count += 1
    return y + m.count


@program(model())
def optimizer_step(x, m):
    for name in ("w", "b"):
        m.params[name] = m.params[name] - 0.1 * m.params[name]
    m.params["w"] -= 0.1 * x
    m.params["new"] = {"m": x * 0, "v": [x, 1]}
    m.params["new"]["m"] = m.params["w"]
    return m.params["new"]["m"] is m.params["w"]


@program(model(), model(history=[1, "a"]))
def history_grows(x, m):
    loss = np.sum(x * x)
    m.history.append(loss)
    m.history.append(m.history[-1] + 1)
    m.history.extend([x, {"loss": loss}])
    m.history += (2, 3)
    return loss


@program(lambda: (X.copy(), [1, X.copy(), "c", 4]), lambda: (X.copy(), [X.copy(), 2, 3]))
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


@program(lambda: (X.copy(), []), lambda: (X.copy(), [1]), lambda: (X.copy(), [1, 2]))
def list_is_a_queue(x, queue):
    queue.append(x)
    if len(queue) > 2:
        queue.pop(0)
    queue.clear()
    queue.append(x + 1)
    return queue[0], queue[-1], len(queue)


@program(
    lambda: (X.copy(), {"a": X.copy(), "b": 2}),
    lambda: (X.copy(), {"b": 1, "c": 2, "a": X.copy()}),
    lambda: (X.copy(), {"a": 3.5, "d": {}}),
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


@program(
    lambda: ({}, "k", X.copy()), lambda: ({"k": X.copy()}, "k", X.copy()), lambda: ({"j": 1}, "k", X.copy())
)
def cache(store, key, x):
    if key not in store:
        store[key] = x * 2
    return store[key] + 1


@program(lambda: (collections.defaultdict(list), X.copy()))
def default_dicts(table, x):
    table["a"].append(x)
    table["a"].append(x * 2)
    table["b"] += [1]
    return len(table)


@program(lambda: (collections.OrderedDict(a=1), X.copy()))
def ordered_dicts(table, x):
    table["b"] = x
    table["a"] = 2
    return list(table.keys())


@program(lambda: (collections.deque([1], maxlen=2), {3}, X.copy()))
def queues_and_sets(queue, seen, x):
    queue.append(x)
    queue.extend([4, x * 2])
    seen.add(5)
    return x + 1


@program(lambda: (X.copy(), {}), lambda: (X.copy(), {"a": 1}), left=['del d["a"]'])
def deletes_and_errors(x, d):
    d["x"] = x * 2
    del d["a"]
    d["y"] = x
    return d


@program(lambda: (X.copy(), [1, 2]), lambda: (X.copy(), []), left=["items[2] = x * 2"])
def error_in_the_middle(x, items):
    items.append(x)
    items[2] = x * 2
    items.append(3)
    return items


def shared():
    inner = {"w": X.copy()}
    return X.copy(), {"one": inner, "two": inner, "list": [inner]}


def not_shared():
    return X.copy(), {"one": {"w": X.copy()}, "two": {"w": X.copy()}, "list": [{"w": X.copy()}]}


@program(shared, not_shared, shared)
def one_object_under_two_names(x, tree):
    before = tree["two"]["w"]
    tree["one"]["w"] = x * 3
    tree["list"][0]["v"] = 1
    tree["two"]["u"] = tree["two"]["w"] + before
    return tree["two"]["w"] + before, len(tree["one"]), "v" in tree["two"]


def same_models():
    m = Model()
    return X.copy(), m, m


@program(same_models, lambda: (X.copy(), Model(), Model()), same_models)
def two_models_or_one(x, a, b):
    a.w = x * 2
    b.w = b.w + a.w
    a.history.append(1)
    b.history.append(2)
    return a.w, len(a.history)


@program(model())
def containers_made_here(x, m):
    rows = []
    again = rows
    table = {"rows": rows}
    for k in range(3):
        rows.append(x * k)
        again[0] = again[0] + 1
    rows.append(rows[1])
    m.rows = rows
    m.table = table
    table["more"] = again[-1]
    rows += [x]
    nested = [[1], [x]]
    nested[0].append(nested)
    return rows, again, table, m.rows is rows, nested[0][1] is nested


@program(model(), left=['print(end="")'])
def what_a_leftover_sees(x, m):
    rows = [x]
    m.rows = rows
    m.count += 1
    print(end="")
    rows.append(x * 2)
    m.rows.append(m.count)
    print(end="")
    m.w = rows[1]
    return rows, m.rows is rows


@program(model())
def deleted_attributes(x, m):
    m.w = x
    del m.w
    del m.count
    has = hasattr(m, "w"), hasattr(m, "inner")
    m.count = 5
    m.extra = x * 2
    delattr(m, "history")
    return has, m.extra, getattr(m, "nothing", None)
