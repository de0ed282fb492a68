"""The tape of eager mode: the list of ops that were applied to arrays under a gradient.

A tape belongs to the thread that opened it. Gradients inside gradients use the same tape from a later
position on; what the inner backward pass computes is recorded too, so any order of differentiation
works. When the outermost gradient is done the tape is closed: arrays that leaked out of it are plain.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Callable

import numpy

from minpy.errors import GradientError
from minpy.ops.aval import is_float
from minpy.ops.elementwise import copy
from minpy.ops.reverse import Record, pull_back
from minpy.runtime import native, watch
from minpy.runtime.array import Array, Value, is_traced
from minpy.runtime.context import CPU
from minpy.runtime.memory import is_private
from minpy.runtime.objects import protect


class Tape:
    """Records in order of execution; ``args`` and ``outputs`` of a record hold values, not arrays.

    While something watches, the line of the op stands behind each.

    Attributes:
        alive: whether ops on values of the tape are recorded.
        leaves: the values that gradients may be taken to.
        kept: paths that stay in use when the tape is closed.
        copies: NumPy's arrays that were copied, by their ids, and the last copy of each.
        shown: values that took the place of others in a write, by their ids, and the memory of the first,
            which the user sees too.
    """

    __slots__ = ("alive", "copies", "kept", "leaves", "records", "shown")

    def __init__(self) -> None:
        self.alive = True
        self.records: list[tuple] = []
        self.leaves: list[Value] = []
        self.kept: list[GradientPath] = []
        self.copies: dict[int, tuple[numpy.ndarray, Value]] = {}
        self.shown: dict[int, tuple[Value, numpy.ndarray]] = {}

    def hold(self, operand: Any) -> Any:
        """What a record has of an operand: something that nobody changes as long as the tape is open.

        That is the value itself where a write to it goes through MinPy, which then makes a new value, and a
        copy where the user has the memory in his hands too, as he has that of his NumPy arrays.
        """
        if type(operand) is Value:
            root = operand.root()
            if root.recorded or is_traced(operand) or is_private(operand):
                operand.recorded = root.recorded = True
                return operand
            if operand.context.device_type != "cpu":
                return self.hold(
                    Value(None, native.checked(operand.mxnet().copy), operand.aval, operand.context)
                )
            return self._copied(operand.numpy(), operand.context)
        return self._copied(operand, CPU) if type(operand) is numpy.ndarray else operand

    def _copied(self, array: numpy.ndarray, context: Any) -> Value:
        """A copy; the last one, where the array has not changed since."""
        known, copied = self.copies.get(id(array), (None, None))
        if copied is None or known is not array or not _is_same(array, copied.numpy()):
            copied = Value(array.copy("K"), None, None, context)
            copied.recorded = True
            if array.nbytes > _SMALL:
                self.copies[id(array)] = array, copied
        return copied

    def close(self) -> None:
        """Let go of the data: it may be changed in place again."""
        self.alive = False
        _open.discard(self)
        if not _open:  # else a tape of another thread may rely on the same data
            protect(self.records, False)
            for leaf in self.leaves:
                leaf.recorded = leaf.root().recorded = False
            for path in self.kept:
                path.protect()
        for held in (self.records, self.leaves, self.kept, self.copies):
            held.clear()  # values have the tape, so what it has would wait for the garbage collector
        self.shown.clear()


#: bytes that are copied faster than they are compared
_SMALL = 4096


def _is_same(array: numpy.ndarray, copied: numpy.ndarray) -> bool:
    """Whether two arrays of one shape and dtype agree bit by bit."""
    words = f"i{min(array.itemsize, 8)}"
    try:
        return bool((array.view(words) == copied.view(words)).all())
    except (ValueError, TypeError):  # a complex array whose last axis has gaps, or texts
        return False


_open: set[Tape] = set()  # of all threads


class _Current(threading.local):
    tape: Tape | None = None


_current = _Current()


def current() -> tuple[Tape | None, bool]:
    """The tape of this thread, and whether it records."""
    tape = _current.tape
    return tape, tape is not None and tape.alive


def go_back_to(before: tuple[Tape | None, bool]) -> None:
    """Let the tape be as ``current()`` said, and close one that was opened since."""
    left, (tape, is_alive) = _current.tape, before
    _current.tape = tape
    if tape is not None:
        tape.alive = is_alive
    if left is not None and left is not tape:
        left.close()


def _show(old: Value, new: Value) -> None:
    """After a write that made a new value: write it to the memory of the old one too, where the user has that
    in his hands as a NumPy array.
    """
    tape = _current.tape
    if tape is None or old.context.device_type != "cpu":
        return
    _, memory = tape.shown.get(id(old), (None, None))
    if memory is None and not old.root().recorded and not is_private(old):
        memory = old.numpy()
    if memory is not None:
        numpy.copyto(memory, new.numpy())
        tape.shown[id(new)] = new, memory


Array._show = staticmethod(_show)


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
        if type(value) is Value and value.tape is not None and value.tape.alive:
            found = value.tape if found is None else same_tape(found, value.tape)
    return found


def same_tape(one: Tape, other: Tape) -> Tape:
    """The one tape of two values. Raises GradientError where there are two."""
    if one is not other:
        raise GradientError("arrays from the gradients of two threads meet in one operation")
    return one


def record(tape: Tape, op: Any, args: tuple, params: dict, outputs: tuple) -> None:
    """Append one application of ``op`` and protect the data that its rule may need.

    The rest is None in the record: it may be changed in place.
    """
    if op.kept is not None:
        args, outputs = (
            tuple([value if i in kept else None for i, value in enumerate(values)])
            for kept, values in zip(op.kept, (args, outputs))
        )
    args = tuple([tape.hold(arg) for arg in args])
    for value in outputs:
        if value is None:
            continue
        value.recorded = True
        if is_float(value.aval.dtype):  # of several outputs some may be integers
            value.tape = tape
        if value.owner is not None:
            value.root().recorded = True
    entry = Record(op, args, params, outputs)
    tape.records.append(entry if watch.current is None else (*entry, watch.current.place()))


def off_tape(call: Callable[[], Any], arrays_in: Callable[[Any], list[Array]]) -> tuple[Any, list[Array]]:
    """The result of a call of which nothing stays on the tape of this thread, and arrays of the tape that
    it had from elsewhere.
    """
    tape = _current.tape
    if tape is None or not tape.alive:
        return call(), []
    start, leaf = len(tape.records), len(tape.leaves)
    result = call()
    made = set(map(id, tape.leaves[leaf:]))  # of gradients inside
    found: dict[int, Value] = {}
    given = [x._current() for x in arrays_in(result)]
    for _, args, _, outputs, *_ in (*tape.records[start:], (None, given, None, ())):
        found.update((id(x), x) for x in args if type(x) is Value and id(x) not in made and is_traced(x))
        made.update(map(id, outputs))
    del tape.records[start:]
    return result, list(map(Array, found.values()))


class pausing:
    """``with pausing():`` the arrays of an open gradient are plain ones, and nothing is recorded."""

    def __enter__(self) -> None:
        self.tape = _current.tape
        self.is_open = self.tape is not None and self.tape.alive
        if self.tape is not None:
            self.tape.alive = False

    def __exit__(self, *exc_info: Any) -> None:
        if self.tape is not None:
            self.tape.alive = self.is_open


class recording:
    """``with recording() as tape:`` opens a tape, or goes on with the one that is open."""

    def __enter__(self) -> recording:
        self.outer = _current.tape
        self.is_outermost = self.outer is None or not self.outer.alive
        self.tape = Tape() if self.outer is None or not self.outer.alive else self.outer
        self.start = len(self.tape.records)
        #: a leaf by its id, and the value that it began with: the program may give it another
        self.leaves: dict[int, tuple[Array, Value]] = {}
        _current.tape = self.tape  # first, so that after an interrupt it is known which one to close
        try:
            _open.add(self.tape)
        except BaseException:
            _current.tape = self.outer
            raise
        return self

    def __exit__(self, *exc_info: Any) -> None:
        try:
            if self.is_outermost:
                self.tape.close()
        except BaseException:  # an interrupt, before or while it closed
            self.tape.close()
            raise
        finally:
            _current.tape = self.outer

    def leaf(self, array: Array) -> Array:
        """A new array, or scalar, with the same data that the gradient can be taken to."""
        source = self.tape.hold(array._current())
        value = source.alias()
        if is_traced(source):
            record(self.tape, copy, (source,), {}, (value,))
            self.start = len(self.tape.records)
        value.tape = self.tape
        value.recorded = True
        self.tape.leaves.append(value)
        leaf = type(array)(value)
        self.leaves[id(leaf)] = leaf, value
        return leaf

    def adopt(self, array: Array) -> Array:
        """An array of before, which the function has from elsewhere, as a leaf."""
        value = array._current()
        value.tape = self.tape
        self.leaves[id(array)] = array, value
        return array

    def reads(self, array: Array, results: Sequence[Array]) -> bool:
        """Whether an op since the start had an array as it is now, or it is among the results."""
        value = array._current()
        known = any(arg is value for entry in self.tape.records[self.start :] for arg in entry[1])
        return known or any(x._current() is value for x in results)

    def gradients(self, seeds: list[tuple[Array, Any]], leaves: Sequence[Array]) -> list[Any]:
        """Cotangents of the leaves (None where nothing flows), given those of results."""
        path = self.path(leaves)
        if self.is_outermost:
            self.tape.alive = False  # nothing can ask for the gradient of this backward pass
        return path.pull_back(seeds)

    def path(self, leaves: Sequence[Array], stays: bool = False) -> GradientPath:
        """What was recorded so far between the leaves and results; ``stays`` if it outlives the tape."""
        wanted = [self.leaves[id(leaf)][1] for leaf in leaves]
        active = set(map(id, wanted))
        records = []
        for entry in self.tape.records[self.start :]:
            for arg in entry[1]:
                if id(arg) in active:
                    active.update([id(output) for output in entry[3] if output is not None])
                    records.append(entry)
                    break
        records.reverse()
        found = GradientPath(records, active, wanted)
        self.tape.kept.extend([found] if stays else [])
        return found


class GradientPath:
    """The records through which gradients flow to some leaves.

    Args:
        records: the last one first; they keep alive the values whose ``id`` is in ``active``.
        leaves: the values that gradients are wanted of.
    """

    def __init__(self, records: list[tuple], active: set[int], leaves: Sequence[Value]):
        self._records = records
        self._active = active
        self.leaves = leaves

    def protect(self) -> None:
        """Do not let the data be changed in place."""
        protect(self._records, True)

    def pull_back(self, seeds: list[tuple[Array, Any]], unselected: set[int] | None = None) -> list[Any]:
        """Cotangents of the leaves (None where nothing flows), given those of results.

        ``unselected`` as in ``ops.reverse.pull_back``.
        """
        cotangents: dict[int, Any] = {}
        for result, g in seeds:
            value = result._current()
            if id(value) in self._active:
                known = cotangents.get(id(value))
                cotangents[id(value)] = g if known is None else known + g
        if watch.current is None:
            pull_back(self._records, cotangents, self._active, _box, unselected)
        else:
            with closing(watch.current.walk(self._records, cotangents)) as records:
                pull_back(records, cotangents, self._active, _box, unselected)
        return [cotangents.get(id(leaf)) for leaf in self.leaves]


def _box(value: Any) -> Any:
    """What the gradient rules work on: an array for a value, a constant as it is."""
    return Array(value) if type(value) is Value else value
