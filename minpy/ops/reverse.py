"""Reverse-mode differentiation over a sequence of recorded ops.

One walk serves the eager tape, where the values are arrays, and the compiler, where they are
variables of the IR: the rules of the op table are written in ops and run on either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from minpy.ops.aval import Aval, aval_of
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
    if have == aval:
        return cotangent
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
    records: Iterable[tuple],
    cotangents: dict[int, Any],
    active: set[int],
    box: Callable[[Any], Any],
    unselected: set[int] | None = None,
) -> dict[int, Any]:
    """Walk the records, the last one first, and push cotangents from outputs to arguments.

    Where an element of a result is not selected by ``where`` its cotangent is 0, and what computed it
    gets 0, even if its derivative there is infinite: ``where(x > 0, log(x), 0)`` has the gradient 0 at 0.

    Args:
        records: in reverse order of execution; each begins like a ``Record``.
        cotangents: the seeds, by ``id`` of the values they belong to; changed in place.
        active: ``id`` of each value that depends on what is differentiated.
        box: gives for a value of a record what the rules work on.
        unselected: ``id`` of each value of which something that comes later may not take every element;
            those that are found are added.

    Returns:
        ``cotangents``: what is left is the cotangents of values that no record produced.
    """
    unselected = set() if unselected is None else unselected
    for record in records:
        op, args, params, outputs = record[:4]
        if len(outputs) == 1:
            g = cotangents.pop(id(outputs[0]), None)
            if g is None:
                continue
        else:
            g = tuple([cotangents.pop(id(output), None) for output in outputs])
            if all(part is None for part in g):
                continue
        wanted = [i for i, arg in enumerate(args) if id(arg) in active and arg.aval.dtype.kind in "fc"]
        if not wanted:
            continue
        boxes = tuple([box(arg) for arg in args])
        ans = box(outputs[0]) if len(outputs) == 1 else tuple(map(box, outputs))
        hidden = [i for i, output in enumerate(outputs) if id(output) in unselected] if unselected else ()
        if hidden or op.selects:
            parts, passed_on = op.pull_back_selected(wanted, g, ans, boxes, params, hidden)
            unselected.update([id(args[i]) for i in passed_on])
        else:
            parts = op.pull_back(wanted, g, ans, boxes, params)
        for index, part in parts.items():
            part = match(part, args[index].aval)
            name = id(args[index])
            known = cotangents.get(name)
            cotangents[name] = part if known is None else OPS["add"](known, part)
    return cotangents
