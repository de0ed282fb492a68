"""Texts, keys, positions and lengths that are others at each call; copies; tests of numbers.

The names are those of ``around.AROUND`` and ``around.PARAMETERS``.
"""

from __future__ import annotations

from tests.fuzz.steps_python import fresh
from tests.fuzz.writer import Writer, in_function


def _number(w: Writer) -> str:
    """An int that may be another one at each call."""
    known = [name for name in ("n", "t") if name in w.namespace]
    return w.pick(("calls", "len(log)", "len(seen)", *known, *known))


def _text(w: Writer) -> str:
    i = _number(w)
    forms = [
        f"f'k{{{i}}}'",
        f"f'{{{i} % 3}}'",
        f"'k%d' % {i}",
        f"'k' + str({i} % 2)",
        f"'{{}}/{{:02d}}'.format('k', {i})",
        f"'-'.join(['k', str({i})])",
        f"f'{{scale:.2f}}{{{i} % 2 == 0}}'",
    ]
    if "mode" in w.namespace:
        forms.append(f"f'{{mode}}{{{i}}}'")
    return w.pick(forms)


@in_function(10)
def kept_under_a_key(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    v, k, i = fresh(w), fresh(w, "k"), _number(w)
    return f"{k} = {_text(w)}\n" + w.pick(
        (
            f"table[{k}] = {x}\n{v} = table[{k}] * 1",
            f"table[{k}] = table.get({k}, 0) + 1\n{v} = {x} * table[{k}]",
            f"table[{k}], table['scale'] = {i}, scale\n{v} = {x} * table['scale']",
            f"{v} = {x} * len(table)\ntable[{k}] = {i}\n{v} = {v} + len(table)",
            f"table.setdefault({k}, []).append({i})\n{v} = {x} * len(table[{k}])",
            f"if {k} not in table:\n    table[{k}] = {x} * 0.5\n{v} = np.sum(table[{k}])",
            f"log.append({k})\n{v} = {x} * len(log), log[-1]",
            f"log.append(({k}, {i}))\nlog.append({k}.upper())\n{v} = log[-2:]",
            f"box.name = {k}\n{v} = {x}, box.name + '!'",
            f"{v} = {x} if {k} > 'k1' else -{x}",
            f"{v} = {x} * {k}.count('k'), {k} in ('k1', 'k2'), {k} == 'k0', len({k})",
            f"{v} = {{{k}: {x}, 'k1': {i}}}",
            f"{v} = table.pop({k}, {x})",
        )
    )


@in_function(8)
def at_a_position(w: Writer) -> str:
    x = w.array(lambda x: x.size)
    v, u, i = fresh(w), fresh(w, "u"), _number(w)
    return w.pick(
        (
            f"{u} = [{x}, 2, 3]\n{u}[{i} % 3] = {i}\n{v} = {u}",
            f"table['rows'][{i} % 2] = {x}\n{v} = table['rows'][-1], table['rows'][0]",
            f"table['rows'].append({i})\ntable['rows'][{i} % 2] += {x}\n{v} = len(table['rows']) * {x}",
            f"table['rows'].append({x})\n{v} = table['rows'].pop(), len(table['rows'])",
            f"seen.append({i})\nseen[-1] += 1\n{v} = {x} * len(seen), seen[-1]",
            f"{v} = {x} * table['rows'][{i} % 2]",
        )
    )


@in_function(6)
def tests_and_copies(w: Writer) -> str:
    x = w.array(lambda x: x.size and x.dtype.kind == "f")
    v, u, i = fresh(w), fresh(w, "u"), _number(w)
    return w.pick(
        (
            f"{v} = {x} * 2 if {i} % 2 == 0 else {x}",
            f"{u} = float(np.sum({x})) > 0.5\n{v} = {u}, [{u}], {x}",
            f"{v} = {x} if float(np.max({x})) < 2 and {i} > 1 else -{x}",
            f"{u} = [{x}, {{'x': {x}, 'i': {i}}}]\n{v} = copy.deepcopy({u})\n{v}[0] *= 2\n{v}.append({u}[0])",
            f"{u} = copy.copy({x})\n{u} += 1\n{v} = {x} - {u}",
            f"{v} = {x}, seen.count({i}), sorted(seen, key=str)[:1]",
            f"{v} = dataclasses.replace(params, b={i})",
        )
    )


@in_function(4)
def loop_that_notes(w: Writer) -> str:
    """A loop of Python's around a body that appends, counts and names."""
    x = w.array(lambda x: x.size and x.dtype.kind == "f")
    v, u = fresh(w), fresh(w, "u")
    body = w.pick(
        (
            f"{u}.append(f't{{len({u})}}')\n    table[{u}[-1]] = len({u})",
            f"{u}.append(np.sum({v}))\n    log.append(f'{{len({u})}}')",
            f"{u}.append({v})\n    {v} = {v} / len({u})",
            f"{u} += [len({u}), 'x']\n    {u}[len({u}) % 2] = len(log)",
            f"{u} += [0, len({u})]\n    if {u}[-1] % 3 == 2:\n        {u}.pop(0)\n        {v} = {v} * 0.1",
        )
    )
    return (
        f"{v}, {u} = {x}, []\n"
        f"while np.abs({v}).max() > 0.5 and len({u}) < 9:\n    {v} = {v} * 0.7\n    {body}"
    )
