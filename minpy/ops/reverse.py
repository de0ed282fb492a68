"""Reverse-mode differentiation over a sequence of recorded ops.

One walk serves the eager tape, where the values are arrays, and the compiler, where they are
variables of the IR: the rules of the op table are written in ops and run on either.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Callable, NamedTuple

from minpy.ops.aval import Aval, aval_of, is_float
from minpy.ops.op import OPS, Op


class Record(NamedTuple):
    """One application of an op. ``outputs`` has one entry, or several for an op with a tuple result."""

    op: Op
    args: tuple
    params: dict
    outputs: tuple


def match(cotangent: Any, aval: Aval) -> Any:
    """The cotangent brought to shape and dtype of the primal: summed over what was broadcast, cast back."""
    have = aval_of(cotangent)
    if have.shape != aval.shape:
        lead = len(have.shape) - len(aval.shape)
        stretched = tuple(
            lead + i for i, size in enumerate(aval.shape) if size == 1 and have.shape[lead + i] != 1
        )
        axes = tuple(range(lead)) + stretched
        cotangent = OPS["sum"](cotangent, axes=axes, keepdims=False)
        if aval_of(cotangent).shape != aval.shape:
            cotangent = OPS["reshape"](cotangent, shape=aval.shape)
    if have.dtype != aval.dtype:
        if have.dtype.kind == "c" and aval.dtype.kind != "c":
            cotangent = OPS["real"](cotangent)
        cotangent = OPS["astype"](cotangent, dtype=aval.dtype)
    return cotangent


def pull_back(
    records: Iterable[Record],
    cotangents: dict[Hashable, Any],
    key: Callable[[Any], Hashable | None],
    located: Callable[[Record], Any] | None = None,
) -> dict[Hashable, Any]:
    """Walk the records, the last one first, and push cotangents from outputs to arguments.

    Args:
        records: in reverse order of execution.
        cotangents: the seeds, by ``key`` of the values they belong to; changed in place.
        key: identifies a value that the gradient may flow to; None for constants.
        located: a context manager around the rules of a record, so that errors and new equations
            know which source line they come from.

    Returns:
        ``cotangents``: what is left is the cotangents of values that no record produced.
    """
    for record in records:
        found = [cotangents.pop(key(output), None) for output in record.outputs]
        if all(g is None for g in found):
            continue
        wanted = [
            i for i, arg in enumerate(record.args) if key(arg) is not None and is_float(aval_of(arg).dtype)
        ]
        if not wanted:
            continue
        if len(found) == 1:
            g, ans = found[0], record.outputs[0]
        else:
            g, ans = tuple(found), record.outputs
        if located is None:
            parts = record.op.pull_back(wanted, g, ans, record.args, record.params)
        else:
            with located(record):
                parts = record.op.pull_back(wanted, g, ans, record.args, record.params)
        for index, part in parts.items():
            arg = record.args[index]
            part = match(part, aval_of(arg))
            name = key(arg)
            known = cotangents.get(name)
            cotangents[name] = part if known is None else OPS["add"](known, part)
    return cotangents
