"""What people write in functions: branches, loops, calls, closures, containers, exceptions, early returns.

The names of globals, helpers and variables around the function are those of ``around.AROUND``.
"""

from __future__ import annotations

import numpy

from tests.fuzz.writer import Unfit, Writer, in_function


def fresh(w: Writer, letter: str = "v") -> str:
    """A name that no statement before has, nor one around: a loop counts with it."""
    return f"{letter}{len(w.body)}" + "_" * w.depth


def rows(w: Writer) -> str:
    """An array to go along."""
    return w.array(lambda x: isinstance(x, numpy.ndarray) and x.ndim > 0 and 0 < len(x) <= 4)


def _on_data(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    number = w.integer(-2, 3) / 2
    return w.pick(
        (
            f"np.sum({x}) > {number}",
            f"({x} > {number}).any()",
            f"np.all({x} == {x})",
            f"np.max({x}) < 1 and np.min({x}) > -1",
            f"not np.any({x} < {number}) or total > 1",
            f"0 < np.mean({x}) <= 1",
            f"float(np.abs({x}).max()) > {number}",
            f"{x}.ravel()[0]",
        )
    )


def _on_shape(w: Writer) -> str:
    x = w.array()
    return w.pick(
        (
            f"{x}.ndim > 1",
            f"{x}.shape == {w.value(x).shape}",
            f"np.ndim({x}) and len({x}) > 2",
            f"{x}.size % 2 == 0",
            f"{x}.dtype == 'float64'",
            f"isinstance({x}, np.ndarray) and {x}.shape[-1:] == (3,)",
            f"{x} is {w.array()}",
            "scale > 1",
            "total < 1.0",
            "len(log) > 1",
            "table['scale'] > 0",
            "box.count % 2",
        )
    )


def test(w: Writer) -> str:
    return _on_data(w) if w.chance(50) else _on_shape(w)


def _changes(w: Writer) -> str:
    """A statement that goes along with others: it changes something outside."""
    x = w.array(lambda x: x.size)
    return w.pick(
        (
            "calls += 1",
            f"total = total * 0.5 + float(np.mean(np.abs({x})))",
            "total += scale",
            f"log.append(np.sum({x}))",
            f"log.append({x}.shape)",
            f"kept.append({x} * 2)",
            "kept = kept[-2:]",
            "weights = weights * 0.5",
            "weights[0] += 1",
            "weights *= 0.9",
            f"table['scale'] = float(np.max({x}))",
            "table['w'] = table['w'] + 1",
            "table['w'][0] *= 0.5",
            "table.setdefault('new', []).append(calls)",
            "table['rows'].append(len(kept))",
            "box.count += 1",
            "box.data = box.data * 2",
            "box.data[0] -= 1",
            f"box.data = {x}",
            f"print({x}.shape, calls)",
            "print('called', calls, scale)",
        )
    )


@in_function(8)
def changes(w: Writer) -> str:
    return _changes(w)


@in_function(10)
def reads(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    source = w.pick(
        (
            f"{x} * scale",
            f"{x} + total",
            f"{x} * table['scale'] + calls",
            "weights + 1",
            "weights[::-1]",
            "box.data * scale",
            "box.half",
            f"box.times({x})",
            "table['w'] @ box.data if len(box.data) == 2 else box.data",
            f"kept[-1] if kept else {x}",
            f"sum(log[-1:]) if log and not isinstance(log[-1], tuple) else {x}",
            f"{x} if {test(w)} else -{x}",
            f"(n := {x}.size) * {x}",
            f"(lambda z, k=2: z * k + scale)({x})",
            f"{x} and 1" if w.value(x).size == 1 else f"{x} * len(log)",
        )
    )
    return f"{fresh(w)} = {source}"


@in_function(14)
def branch(w: Writer) -> str:
    source = f"if {test(w)}:\n{w.block()}"
    if w.chance(25):
        source += f"\nelif {test(w)}:\n{w.block()}"
    if w.chance(60):
        source += f"\nelse:\n{w.block()}"
    return source


@in_function(8)
def loop(w: Writer) -> str:
    x = rows(w)
    name, i, row = fresh(w), fresh(w, "i"), fresh(w, "row")
    head, first = w.pick(
        (
            (f"for {i} in range({w.integer(0, 3)}):", f"{i} = 0"),
            (f"for {i} in range(len({x})):", f"{i} = 0"),
            (f"for {row} in {x}:", f"{row} = {x}[0]"),
            (f"for {i}, {row} in enumerate({x}):", f"{i}, {row} = 0, {x}[0]"),
            (f"for {row}, {i} in zip({x}, (1.5, 2, 0.5)):", f"{i}, {row} = 1.5, {x}[0]"),
            (f"for {row} in [{x}, {x} * 2]:", f"{row} = {x}"),
            (f"for {i}, {row} in {{'p': {x}, 'q': weights}}.items():", f"{i}, {row} = 'p', {x}"),
            (f"for {i} in (1, 2.5):", f"{i} = 1"),
            (f"for {i} in reversed(range(2)):", f"{i} = 1"),
        )
    )
    used = row if "row" in head else i
    body = w.pick(
        (
            w.block(2, first),
            f"    {name} = {name} + {used} * 0.5"
            if "'p'" not in head
            else f"    {name} = {row} + {name} * 0",
            f"    {x}[0] = {x}[0] * 0.5",
            f"    log.append({used})\n    calls += 1",
        )
    )
    tail = w.pick(
        (
            *[""] * 4,
            f"\n    if {test(w)}:\n        break",
            f"\n    if {test(w)}:\n        continue\n{w.block(1, first)}",
            f"\n    if {test(w)}:\n        break\nelse:\n{w.block(1)}",
            "\nelse:\n    calls += 1",
        )
    )
    return f"{name} = {w.pick((x, '0.0', '1'))}\n{head}\n{body}{tail}"


@in_function(5)
def loop_while(w: Writer) -> str:
    x = w.array(lambda x: x.size and x.dtype.kind == "f")
    n, name = fresh(w, "n"), fresh(w)
    until = w.pick(
        (f"np.abs({name}).max() > 0.5 and {n} < 4", f"{n} < 3", f"{n} < len(log) and {n} < 3", "True")
    )
    stop = f"\n    if {n} > 2 or {test(w)}:\n        break" if until == "True" or w.chance(30) else ""
    first = f"{name}, {n} = {x}, 0"
    body = w.pick((f"    {name} = {name} * 0.6", f"    {name} = np.sin({name})", w.block(2, first)))
    finish = f"\nelse:\n{w.block(1, first)}" if w.chance(25) else ""
    return f"{first}\nwhile {until}:\n{body}\n    {n} += 1{stop}{finish}"


@in_function(10)
def helper(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    y = w.array(lambda y: y.size)
    one, other = fresh(w), fresh(w, "u")
    return w.pick(
        (
            f"{one} = scaled({x})",
            f"{one} = scaled({x}, by={w.pick(('scale', '0.5', 'total', y))})",
            f"{one}, {other} = both({x}, {y}, weights, sign=-1)",
            f"{one}, *{other} = both({x}, {y})",
            f"{one} = both({x})[0]",
            f"{one}, {other} = shrunk({x} * 1.5)",
            f"{one} = scaled(scaled({x}), 3)",
            f"{one} = filled({rows(w)}, {w.integer(0, 3)})",
            f"{one} = [scaled(z) for z in ({x}, {y})][1]",
            f"{one} = shrunk(x=both({x}, {y})[0], most=2)[0]",
            f"{one} = max([{x}, {y}], key=lambda z: z.size)",
        )
    )


@in_function(8)
def nested(w: Writer) -> str:
    x, y = w.array(lambda x: x.size), w.array(lambda y: y.size)
    name, f, n = fresh(w), fresh(w, "f"), fresh(w, "n")
    return w.pick(
        (
            f"{n} = 1\n\ndef {f}(z):\n    nonlocal {n}\n    {n} += 1\n    return z * {n}\n\n"
            f"{name} = {f}({x}) + {f}({x})",
            f"def {f}(z, k={w.pick(('2', 'scale', 'total'))}):\n    if z.ndim > 1:\n        return z * k\n"
            f"    return z + scale\n\n{name} = {f}({x})",
            f"{n} = []\n\ndef {f}(z):\n    {n}.append(z.shape)\n    return np.sum(z)\n\n"
            f"{name} = [{f}({x}), {f}({y}), len({n})]",
            f"def {f}(z):\n    return {x} * np.sum(z)\n\n{name} = {f}({y})",
            f"def {f}(z):\n    z[0] = 0.5\n    return z\n\n{name} = {f}({rows(w)})",
            f"{f} = lambda z: z if np.sum(z) > 0 else -z\n{name} = {f}({x})",
            f"def {f}(m):\n    return {x} if m == 0 else {f}(m - 1) * 0.5\n\n{name} = {f}({w.integer(0, 3)})",
        )
    )


@in_function(8)
def container(w: Writer) -> str:
    x, y = w.array(lambda x: x.size), w.array(lambda y: y.size)
    name, d = fresh(w), fresh(w, "d")
    return w.pick(
        (
            f"{d} = {{'x': {x}, 'y': {y}}}\n{d}['x'] = {d}['x'] * 2\n{name} = {d}['x']",
            f"{d} = {{'x': {x}}}\n{d}['x'] += 1\n{name} = {d}.get('y', {d}['x'])",
            f"{d} = []\nfor z in ({x}, {y}, {x}):\n    {d}.append(z * 0.5)\n{name} = {d}[-1]",
            f"{d} = [{x}, {y}]\n{d}[0], {d}[1] = {d}[1], {d}[0]\n{name}, _ = {d}",
            f"{name} = {{k: z * scale for k, z in (('p', {x}), ('q', {y}))}}",
            f"{name} = [z * i for i, z in enumerate([{x}, {y}]) if z.ndim < 3]",
            f"{name} = sum(np.sum(z) for z in ({x}, {y}))",
            f"{name} = tuple(np.mean(z) for z in [{x}, {y}])",
            f"({name}, {d}), *_ = [({x}, {y}), 1, 2]",
            f"{name}, {d} = {y}, {x}\n{name}, {d} = {d}, {name}",
            f"{d} = [{x}] * 2\n{d}[0] = {d}[0] + 1\n{name} = {d}",
            f"{d} = dict(x={x})\n{d}.update(y={y})\n{name} = {d}.pop('x')\ndel {d}",
            f"{name} = sorted([{x}.size, {y}.size])[0] * {x}",
            f"{name} = {x}\n{name} = {d} = {name} * 2",
        )
    )


@in_function(6)
def attempt(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    name = fresh(w)
    size = len(w.value(x))
    source, error = w.pick(
        (
            (f"{name} = {x}[{w.pick((0, size - 1, size, 2))}]", "IndexError"),
            (f"{name} = {x} + np.zeros({w.pick((size, 2))})", "ValueError"),
            (f"{name} = table['{w.pick(('scale', 'nothing'))}'] * {x}", "KeyError"),
            (f"if {test(w)}:\n    raise ValueError('told')\n{name} = {x}", "ValueError"),
            (f"{name} = {x} / calls", "ZeroDivisionError"),
            (f"assert {test(w)}, 'not so'\n{name} = {x} * 3", "AssertionError"),
        )
    )
    inside = "\n".join("    " + line for line in source.splitlines())
    tail = w.pick(("", "", "\nelse:\n    calls += 1", "\nfinally:\n    log.append('done')"))
    return f"try:\n{inside}\nexcept {w.pick((error, error, 'Exception'))}:\n    {name} = {x} * 0{tail}"


@in_function(3)
def small_statement(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    return w.pick(
        (
            f"assert {x}.size",
            f"with np.errstate(all='ignore'):\n    {fresh(w)} = {x} * 2",
            f"{fresh(w)} = f'{{{x}.shape}} {{calls}}'",
            "pass",
            f"{fresh(w)}: object = {x} + 1",
            f"{fresh(w)} = {x}.shape[0] if {x}.ndim else None",
        )
    )


@in_function(4)
def early_return(w: Writer) -> str:
    condition = test(w)
    if w.value(f"bool({condition})"):
        raise Unfit
    w.body.append(f"if {condition}:\n    return {w.array()}, calls")
    return ""
