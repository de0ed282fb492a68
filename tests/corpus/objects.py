"""Attributes and items of objects, read and written."""

from __future__ import annotations

from tests.corpus.inputs import Model, U, model
from tests.corpus.registry import program


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


@program(model(), no_gradient="the result is a truth value")
def optimizer_step(x, m):
    for name in ("w", "b"):
        m.params[name] = m.params[name] - 0.1 * m.params[name]
    m.params["w"] -= 0.1 * x
    m.params["new"] = {"m": x * 0, "v": [x, 1]}
    m.params["new"]["m"] = m.params["w"]
    return m.params["new"]["m"] is m.params["w"]


def shared():
    inner = {"w": U.copy()}
    return U.copy(), {"one": inner, "two": inner, "list": [inner]}


def not_shared():
    return U.copy(), {"one": {"w": U.copy()}, "two": {"w": U.copy()}, "list": [{"w": U.copy()}]}


@program(shared, not_shared, shared)
def one_object_under_two_names(x, tree):
    before = tree["two"]["w"]
    tree["one"]["w"] = x * 3
    tree["list"][0]["v"] = 1
    tree["two"]["u"] = tree["two"]["w"] + before
    return tree["two"]["w"] + before, len(tree["one"]), "v" in tree["two"]


def same_models():
    m = Model()
    return U.copy(), m, m


@program(same_models, lambda: (U.copy(), Model(), Model()), same_models)
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
