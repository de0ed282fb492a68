"""Texts, keys and lengths that change from call to call: the result is Python's; one version serves all."""

# ruff: noqa: UP030, UP031, UP032  # texts are made in all ways

from __future__ import annotations

import collections
import copy

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.corpus.outcome import assert_same, run

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3) / 7)
WEIGHTS = {f"w{i}": np.array(numpy.full((2, 3), i, "float32")) for i in range(14)}


class Model:
    def __init__(self):
        self.step = 0
        self.lines = []
        self.by_name = {"last": 0}
        self.seen = set()
        self.groups = collections.defaultdict(list)
        self.rows = [0] * 14
        self.params = dict(WEIGHTS)


def check(function, compilations, leftovers=(), calls=12):
    """Compiled equals plain for calls on one object; how often is compiled, and what stays with Python."""
    plain, other = Model(), Model()
    compiled = minpy.jit(function)
    for i in range(calls):
        assert_same(
            run(function, (X, plain, i))._asdict(), run(compiled, (X, other, i))._asdict(), f"call {i}"
        )
    found = minpy.explain(compiled)
    assert found.compilations <= compilations, found.recompilations
    assert {compiled.program.source.text(item.line).strip() for item in found.leftovers} == set(leftovers)


def formatted(x, m, i):
    m.lines.append(f"step {i}")
    m.lines.append(f"loss {i * 0.37:.3f} {i!r:>4} {{}}")
    m.lines.append("loss %d" % i)
    m.lines.append("loss %d of %s" % (i, "all"))
    m.lines.append("loss {} {:3d} {last}".format(i, i, last=i))
    m.lines.append("loss " + str(i) + "," + repr(i * 0.5) + format(i, "04d"))
    m.lines.append(", ".join([str(i), "b"]) + "/".join(f"{i + j}" for j in range(3)))
    m.lines.append(str(i).zfill(5).upper() * 2)
    return x * 2


def kept_in_objects(x, m, i):
    m.step += 1
    m.name = f"step {m.step}"
    m.lines.append((m.name, [m.name], {"name": m.name}))
    m.lines += [m.name]
    return x * 2, m.name


def keys(x, m, i):
    m.by_name[f"step/{i}"] = np.sum(x)
    m.by_name[i] = x
    m.by_name["last"] = i
    m.seen.add(f"{i}")
    m.rows[i] = x * i
    m.lines.append(i)
    m.lines[-1] += 1
    return x * 2


def read_back(x, m, i):
    name = f"w{i}"
    m.params[name] = m.params[name] - x * 0.5
    y = m.params[name]
    m.params["last"] = y
    return y


def counted(x, m, i):
    name = f"w{i % 3}"
    m.by_name[name] = m.by_name.get(name, 0) + 1
    m.by_name["last"] += 1
    m.groups[name].append(x)
    m.by_name.setdefault(f"x{i}", []).append(i)
    return x


def lengths(x, m, i):
    m.lines.append(x)
    m.lines.append(len(m.lines))
    m.by_name["length"] = len(m.lines)
    return x * len(m.lines), len(m.by_name), len(m.params)


def stack(x, m, i):
    m.lines.append(x + i)
    m.lines.append(x)
    y = m.lines.pop() + m.lines.pop()
    m.lines.append(m.lines[-1] if m.lines else y)
    if len(m.lines) > 3:
        m.lines.pop()
    return y * len(m.lines)


def compared(x, m, i):
    name = f"w{i}"
    if name == "w3" or name.startswith("w1") or "7" in name:
        x = x * 2
    return x + len(name), name in ("w2", "w5"), name < "w4", bool(name)


@pytest.mark.parametrize(
    ("function", "compilations"),
    [
        (formatted, 2),
        (kept_in_objects, 2),
        (keys, 4),
        (read_back, 2),
        (counted, 6),
        (lengths, 3),
        (stack, 6),
        (compared, 8),
    ],
)
def test_one_version_serves_all(function, compilations):
    check(function, compilations)


def test_what_a_text_decides_makes_a_version_for_each():
    def f(x, m, kind):
        return x * int(kind.split("/")[1])

    compiled = minpy.jit(f)
    for _ in range(3):
        for number in (1, 2, 3):
            assert (compiled(X, None, f"w/{number}") == X * number).all()
    assert minpy.explain(compiled).compilations == 3


def test_printing_needs_no_versions():
    def f(x, m, i):
        y = x * i
        print(f"loss {i * 0.5}", i, f"{m.step}")
        name = f"layer{i}"
        print(name)
        return y + 1

    check(f, 10, ["""print(f"loss {i * 0.5}", i, f"{m.step}")""", "print(name)"])


@pytest.mark.parametrize(
    "format_data",
    [
        lambda x: "%s" % (x.shape and np.sum(x),),
        lambda x: "%s" % np.sum(x),
        lambda x: "{}".format(np.sum(x)),
        lambda x: "{0[0]}".format([np.sum(x)]),
        lambda x: f"{np.sum(x)}",
        lambda x: ", ".join([str(np.sum(x))]),
        lambda x: str([np.sum(x)]),
    ],
)
def test_data_in_a_text_is_what_it_is(format_data):
    compiled, x = minpy.jit(format_data), X * 7  # whose sum is exact in any order
    for _ in range(2):
        assert compiled(x) == format_data(x)


def test_positions_that_are_not_there():
    def store(x, rows, t):
        rows.append(1)
        rows[t] = x
        rows.append(2)
        return x * 2

    compiled = minpy.jit(store)
    for t in (0, 1, 2, 3, 4, -1, -3, -4, 2, 9):
        mine, other = [0, 0], [0, 0]
        assert_same(run(store, (X, mine, t))._asdict(), run(compiled, (X, other, t))._asdict(), f"{t}")


def test_keys_that_may_be_the_same():
    def store(x, d, a, b):
        d["k"] = 1
        d[a] = x
        d["k"] = 3
        d[b] = x * 2
        d[a] = x * 3
        return [copy.copy(v) for v in d.values()], len(d)

    compiled = minpy.jit(store)
    for a, b in (("a", "b"), ("c", "d"), ("k", "e"), ("f", "k"), ("g", "g"), ("k", "k"), (1, 1.0), (1, True)):
        mine, other = {"a": 0}, {"a": 0}
        assert_same(
            run(store, (X, mine, a, b))._asdict(), run(compiled, (X, other, a, b))._asdict(), f"{a} {b}"
        )


def grow(x, limit):
    rows, by_turn, history, t = [0] * 99, {}, {"loss": []}, 0
    while np.sum(x) < limit:  # flow
        x = x + 0.5
        rows[t] = x
        by_turn[f"turn {t}"] = t
        history["loss"].append(np.sum(x))
        by_turn["count"] = len(history["loss"])
        x = x + 1 / len(history["loss"])
        t += 1
    return x, rows[:t], by_turn, history


def test_one_body_serves_all_turns_of_a_loop():
    compiled = minpy.jit(grow)
    for limit in (20, 30, 60, 90):
        assert_same(run(grow, (X, limit))._asdict(), run(compiled, (X, limit))._asdict())
    found = minpy.explain(compiled)
    assert [item.reason for item in found.leftovers] == ["the test depends on array data"]
    assert found.compilations <= 16
