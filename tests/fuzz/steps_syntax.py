"""The rest of Python's statements: ``match``, ``with``, ``try``, ``del``, returns from within, walrus."""

from __future__ import annotations

import sys

from tests.fuzz.steps_python import fresh, rows, test
from tests.fuzz.writer import Writer, in_function


def _any(w: Writer) -> str:
    return w.array(lambda x: x.size)


def _indented(source: str) -> str:
    return "\n".join("    " + line for line in source.splitlines())


@in_function(6 if sys.version_info >= (3, 10) else 0)
def matched(w: Writer) -> str:
    x, y = _any(w), _any(w)
    v, u = fresh(w), fresh(w, "u")
    subject, cases = w.pick(
        (
            (f"{x}.shape", ("()", f"({u},)", f"({u}, 2 | 3)", f"({u}, *_)")),
            (f"len({x}.shape), calls", ("0, _", f"1, int({u})", f"({u}, 1)")),
            (f"[{x}, {y}]", (f"[{u}, _] if {test(w)}", f"[*_, {u}]")),
            (f"{{'x': {x}, 'k': calls}}", (f"{{'k': 1, 'x': {u}}}", f"{{'x': {u}, **{u}_}}")),
            (f"Pair({x}, scale)", (f"Pair({u}, right=0.5)", f"Pair(left={u})")),
            ("box.count", ("0", "1 | 2", f"{u} if {u} > 3")),
            (x, (f"np.ndarray() as {u} if {test(w)}", "None", f"{u} if calls")),
            ("log[-1:]", ("[]", "[str()]", f"[tuple() as {u}]")),
        )
    )
    source = f"match {subject}:"
    for number, case in enumerate(cases):
        source += f"\n    case {case}:\n        {v} = {x} * {number}"
        source += f"\n        {u} = {number}" if w.chance(20) else ""
    return f"{source}\n    case _:\n{_indented(w.block())}\n        {v} = {x}"


@in_function(6)
def in_a_context(w: Writer) -> str:
    x = _any(w)
    v, u = fresh(w), fresh(w, "u")
    head = w.pick(
        (
            "with box:",
            f"with box as {u}:",
            f"with entered('in') as {u}:",
            f"with crate, entered('two') as {u}:",
            "with contextlib.suppress(ValueError):",
            "with contextlib.nullcontext():",
        )
    )
    body = w.pick(
        (
            w.block(2),
            f"    {v} = {x} * box.count",
            f"    {v} = {x} * table['nothing']",
            f"    if {test(w)}:\n        raise KeyError('gone')\n    {v} = {x} * 2",
            f"    if {test(w)}:\n        return {x}",
        )
    )
    return f"{v} = {x}\n{head}\n{body}"


@in_function(8)
def tried(w: Writer) -> str:
    x = _any(w)
    v, i = fresh(w), fresh(w, "i")
    return w.pick(
        (
            f"try:\n{w.block()}\nfinally:\n    calls += 1",
            f"try:\n{w.block()}\n    if {test(w)}:\n        raise KeyError('k')\n"
            f"except (KeyError, ValueError) as error:\n    log.append(str(error))\n{w.block()}",
            f"try:\n    {v} = {x}[10]\nexcept IndexError as error:\n    {v} = type(error).__name__\n"
            f"except Exception:\n    raise\nelse:\n    {v} = {x} * 2",
            f"try:\n    if {test(w)}:\n        return {x}\nfinally:\n    log.append(calls)",
            f"try:\n    try:\n        {v} = {x} + np.ones(7)\n    finally:\n        total *= 0.5\n"
            f"except ValueError:\n    {v} = {x}",
            f"for {i} in range(3):\n    try:\n        if {test(w)}:\n            continue\n"
            f"        calls += {i}\n    except TypeError:\n        break\n    finally:\n"
            f"        kept.append({i})\n{v} = {x} * calls",
            f"try:\n    raise ValueError({x}.shape)\nexcept ValueError as error:\n    {v} = error.args",
            f"try:\n    int('x')\nexcept ValueError:\n    {v} = {x}\nelse:\n    {v} = 0",
            f"{v} = {x}\ntry:\n    {v} = {v} * 2\n    assert {test(w)}\n    {v} = {v} + 1\n"
            "except AssertionError:\n    pass",
        )
    )


@in_function(6)
def comprehended(w: Writer) -> str:
    x, y, z = rows(w), _any(w), _any(w)
    source = w.pick(
        (
            f"[r * k for r in {x} for k in (1, 2) if k > 1]",
            f"[[k * 2 for k in r.shape] for r in ({y}, {z})]",
            f"{{r.ndim: r for r in ({y}, {z})}}",
            f"{{r.size for r in ({y}, {z})}}",
            f"[(last := r * 0.5) for r in {x}], last",
            f"[s for r in ({y}, {z}) if (s := r.size) > 1]",
            f"np.array([np.sum(r) for r in {x}])",
            f"sum(np.sum(r) * k for k, r in enumerate({x}))",
            f"[r for r in {x} if np.sum(r) > 0]",
            f"[*({y}, {z}), *[scale]]",
            f"tuple(r + s for r, s in zip({x}, {x}[::-1]))",
            f"{{**{{'y': {y}}}, 'z': {z}}}",
            f"[{y} if k % 2 else {z} for k in range(3)]",
            f"max((np.max(r) for r in {x}), default=0.0)",
            f"next((r for r in ({y}, {z}) if r.ndim == 2), scale)",
            "[f(2) for f in [lambda k, j=j: k * j for j in (1, 2)]]",
            f"[r[-1] if r.ndim else r for r in ({y}, {z})]",
        )
    )
    return f"{fresh(w)} = {source}"


@in_function(6)
def left_early(w: Writer) -> str:
    """Loops that are left by break, continue and return; walrus in tests."""
    x = rows(w)
    v, i, row = fresh(w), fresh(w, "i"), fresh(w, "row")
    return w.pick(
        (
            f"for {row} in {x}:\n    if np.sum({row}) > 2:\n        return {row}",
            f"{v} = 0\nfor {i}, {row} in enumerate({x}):\n    if {test(w)}:\n        break\n"
            f"    {v} = {v} + {row}\nelse:\n    {v} = {v} * 2",
            f"{i} = 0\nwhile True:\n    {i} += 1\n    if {i} % 2:\n        continue\n"
            f"    if {i} > 3:\n        break\n    {x}[0] = {x}[0] * 0.5",
            f"{v}, {i} = {x}, 3\nwhile {i} := {i} - 1:\n    {v} = {v} * 0.5",
            f"if ({v} := np.sum({x})) > 1:\n    {x}[0] = 0.25",
            f"for {i} in range(2):\n    for {row} in {x}:\n        if np.max({row}) > 1:\n            break\n"
            f"    else:\n        continue\n    {v} = {i}\n    break\nelse:\n    {v} = None",
            f"{v} = {x}\nfor {i} in range({w.pick(('12', 'len(log)', '40'))}):\n"
            f"    {v} = np.tanh({v}) * 1.01",
            f"{v} = 0.0\nfor {row} in {x}:\n    {v} = {row} if {test(w)} else {v}",
            f"for {i} in range(len({x}) - 1, -1, -1):\n    {x}[{i}] = {x}[{i}] * {i}",
        )
    )


@in_function(4)
def deleted(w: Writer) -> str:
    x = _any(w)
    v, u = fresh(w), fresh(w, "u")
    return w.pick(
        (
            f"{u} = {x} * 2\n{v} = {u} + 1\ndel {u}",
            f"{u} = [{x}, 1, {x} * 2]\ndel {u}[1]\n{v} = {u}",
            f"{u} = {{'x': {x}, 'y': 1}}\ndel {u}['x']\n{v} = {u}",
            f"table['tmp'] = {x}\n{v} = table['tmp'] * 2\ndel table['tmp']",
            f"box.tmp = {x}\n{v} = box.tmp + 1\ndel box.tmp",
            "del log[:-2]",
            "del kept[:]",
            f"{u} = {x}\nif {test(w)}:\n    del {u}\n{v} = {u}",
        )
    )


@in_function(5)
def unpacked(w: Writer) -> str:
    x, y = rows(w), _any(w)
    v, u = fresh(w), fresh(w, "u")
    return w.pick(
        (
            f"{v}, *{u} = {x}",
            f"*{u}, {v} = {x}, {y}, scale",
            f"({v}, ({u}, *_)) = {y}, [1, {y}]",
            f"[{v}, {u}] = {y}, {x}[0]",
            f"table['w'], {v} = {y}, table['w']",
            f"box.data, box.count = {y}, box.count + 1\n{v} = box.data",
            f"{v} = {u} = [{y}]\n{u}.append(1)",
            f"{v}, {x}[0] = {x}[0] * 1, 0.5",
            f"for {v}, (*{u}, _) in [({y}, (1, 2)), (1, ({y}, 2, 3))]:\n    kept.append({u})",
            f"{u} = 1, {y}\n{v} = (*{u}, 2)",
            f"{v}: float = {y} * 2",
            f"{v} = ({u} := {y} * 2) + {u}",
        )
    )
