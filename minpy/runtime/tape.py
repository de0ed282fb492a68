"""The tape of eager mode: the list of ops that were applied to arrays under a gradient.

A tape belongs to the thread that opened it. Gradients inside gradients use the same tape from a later
position on; what the inner backward pass computes is recorded too, so any order of differentiation
works. When the outermost gradient is done the tape is closed: arrays that leaked out of it are plain.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

from minpy.errors import GradientError
from minpy.ops.elementwise import copy
from minpy.ops.reverse import Record, pull_back
from minpy.runtime.array import Array, Value, is_traced


class Tape:
    """Records in order of execution; ``args`` and ``outputs`` of a record hold values, not arrays."""

    __slots__ = ("alive", "records")

    def __init__(self) -> None:
        self.alive = True
        self.records: list[Record] = []


class _Current(threading.local):
    tape: Tape | None = None


_current = _Current()


def is_recording() -> bool:
    """Whether a gradient is being computed in this thread."""
    return _current.tape is not None


def live_tape(values: Sequence[Any]) -> Tape | None:
    """The tape that one of the values is on, if it is still open.

    Raises:
        GradientError: where values belong to the gradients of two threads.
    """
    found = None
    for value in values:
        if type(value) is Value:
            tape = value.tape
            if tape is not None and tape.alive and tape is not found:
                if found is not None:
                    raise GradientError("arrays from the gradients of two threads meet in one operation")
                found = tape
    return found


def record(tape: Tape, op: Any, args: tuple, params: dict, outputs: tuple[Value, ...]) -> None:
    """Append one application of ``op`` and protect the data that its rule may need."""
    for value in (*args, *outputs):
        if type(value) is Value:
            value.recorded = True
            value.root().recorded = True
    for value in outputs:
        value.tape = tape
    tape.records.append(Record(op, args, params, outputs))


class recording:
    """``with recording() as tape:`` opens a tape, or goes on with the one that is open."""

    def __enter__(self) -> recording:
        self.outer = _current.tape
        self.is_outermost = self.outer is None or not self.outer.alive
        self.tape = Tape() if self.outer is None or not self.outer.alive else self.outer
        self.start = len(self.tape.records)
        _current.tape = self.tape
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if self.is_outermost:
            self.tape.alive = False
            self.tape.records.clear()
        _current.tape = self.outer

    def leaf(self, array: Array) -> Array:
        """A new array, or scalar, with the same data that the gradient can be taken to."""
        source = array._current()
        value = Value(source._numpy, source._mxnet, source.aval, source.context)
        value.owner = source
        if is_traced(source):
            record(self.tape, copy, (source,), {}, (value,))
            self.start = len(self.tape.records)
        value.tape = self.tape
        value.recorded = source.root().recorded = True
        return type(array)(value)

    def gradients(self, seeds: list[tuple[Array, Any]], leaves: Sequence[Array]) -> list[Any]:
        """Cotangents of the leaves (None where nothing flows), given those of results."""
        path = self.path(leaves)
        if self.is_outermost:
            self.tape.alive = False  # nothing can ask for the gradient of this backward pass
        return path.pull_back(seeds)

    def path(self, leaves: Sequence[Array]) -> GradientPath:
        """What was recorded so far between the leaves and results."""
        active: set[Value] = {leaf._value for leaf in leaves}
        records = []
        for entry in self.tape.records[self.start :]:
            if any(type(arg) is Value and arg in active for arg in entry.args):
                active.update(entry.outputs)
                records.append(entry)
        return GradientPath(records, active, leaves)


class GradientPath:
    """The records through which gradients flow to some leaves; stays usable when the tape is closed."""

    def __init__(self, records: list[Record], active: set[Value], leaves: Sequence[Array]):
        self._records = records
        self._active = active
        self._leaves = leaves

    def pull_back(self, seeds: list[tuple[Array, Any]]) -> list[Any]:
        """Cotangents of the leaves (None where nothing flows), given those of results."""
        active = self._active

        def key(array: Any) -> Hashable | None:
            value = array._value if isinstance(array, Array) else None
            return value if value in active else None

        cotangents: dict[Hashable, Any] = {}
        for result, g in seeds:
            value = result._current()
            if value in active:
                known = cotangents.get(value)
                cotangents[value] = g if known is None else known + g
        pull_back(map(_boxed, reversed(self._records)), cotangents, key)
        return [cotangents.get(leaf._value) for leaf in self._leaves]


def _boxed(entry: Record) -> Record:
    """The record with arrays instead of values, for the gradient rules."""
    args = tuple(Array(arg) if type(arg) is Value else arg for arg in entry.args)
    return Record(entry.op, args, entry.params, tuple(Array(value) for value in entry.outputs))
