"""Loops, branches and small functions."""

from __future__ import annotations

import numpy

from tests.fuzz.writer import Writer, statement


def _sequence(w: Writer) -> str:
    """An array to go along."""
    return w.array(
        lambda x: (
            isinstance(x, numpy.ndarray)
            and x.ndim > 0
            and 1 < len(x) <= 5
            and x.flags.writeable
            and (x.dtype == "float64" or not w.smooth)
        )
    )


@statement(4)
def loop_that_writes(w: Writer) -> str:
    x = _sequence(w)
    size = len(w.value(x))
    body = w.pick(
        (
            f"{x}[i] = {x}[i - 1] * 0.5 + {x}[i]",
            f"{x}[i] += {x}[i - 1] * {w.pick(('0.5', '2', '-1'))}",
            f"{x}[i] *= {w.operand(w.value(x).shape[1:], within=True) if not w.smooth else '0.75'}",
            f"{x}[-i] -= {x}[i] / 2",
            f"{x}[i], {x}[0] = {x}[0], {x}[i]",
        )
    )
    return f"for i in range(1, {size}):\n    {body}"


@statement(4)
def loop_over_rows(w: Writer) -> str:
    x = _sequence(w)
    name = f"v{len(w.body)}"
    start, body = w.pick(
        (
            ("0", f"{name} = {name} + row * 0.5"),
            ("0.0", f"{name} += row"),
            (f"np.zeros({w.value(x).shape[1:]})", f"{name} += row * row"),
            (f"{x}[0]", f"{name} = np.maximum({name}, row)"),
            ("[]", f"{name}.append(row * 2)"),
        )
    )
    finish = f"\n{name} = np.array({name})" if start == "[]" else ""
    return f"{name} = {start}\nfor row in {x}:\n    {body}{finish}"


@statement(3)
def table(w: Writer) -> str:
    """Dynamic programming."""
    x = _sequence(w)
    shape = w.value(x).shape
    name = f"v{len(w.body)}"
    return (
        f"{name} = np.zeros({(shape[0] + 1, *shape[1:])})\n"
        f"for i in range({shape[0]}):\n"
        f"    {name}[i + 1] = np.{w.pick(('maximum', 'logaddexp', 'add'))}({name}[i], np.real({x}[i])) * 0.9"
    )


@statement(3)
def branch_on_data(w: Writer) -> str:
    x, y = w.array(), w.array()
    name = f"v{len(w.body)}"
    test = w.pick((f"np.sum({x}) > 0.5", f"{x}.size > 4", f"({x} == {x}).all()", f"np.any({x} > 1)"))
    return f"if {test}:\n    {name} = {x} * 2\nelse:\n    {name} = {y} + 1"


@statement(2)
def loop_until(w: Writer) -> str:
    x = w.array(lambda x: x.size and x.dtype.kind == "f")
    name = f"v{len(w.body)}"
    start = f"{name}, n = {x}, 0"
    return f"{start}\nwhile np.abs({name}).max() > 1 and n < 8:\n    {name} = {name} * 0.6\n    n += 1"


@statement(2)
def comprehension(w: Writer) -> str:
    x = _sequence(w)
    return f"v{len(w.body)} = np.stack([row * k for k, row in enumerate({x})])"


@statement(3)
def accumulate(w: Writer) -> str:
    """A number that grows, and what it was before."""
    x = w.array(lambda x: x.size)
    name, before = f"v{len(w.body)}", f"u{len(w.body)}"
    first = w.pick((f"{x}.sum()", f"np.max({x})", f"{x}.ravel()[0]", f"np.mean({x})"))
    return f"{name} = {before} = {first}\n{name} {w.pick(('+=', '*=', '-='))} {w.pick(('1', '0.5', '2'))}"
