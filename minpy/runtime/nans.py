"""``minpy.debug_nans``: which line of the program makes a nan, going forward or in its gradient."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy

from minpy.errors import NanError
from minpy.runtime import watch
from minpy.runtime.array import Array, Value
from minpy.runtime.location import place, user_frame
from minpy.runtime.objects import pause

#: families of ops that move data; a nan that goes through one is not reported
_MOVING = frozenset(("indexing", "shape", "rearrange", "sorting"))
_COPIES = frozenset(("copy", "astype", "where", "stop_gradient", "concatenate"))

#: (file, line, function)
Line = tuple[str, int, str]


class debug_nans:
    """Find out where a nan comes from: ``with minpy.debug_nans():``, or ``minpy.debug_nans()`` as a switch.

    While it is on, the operation that makes the first nan raises NanError, which names the line of the
    program, the operation, and the values that it was made of: in eager mode and in compiled code, going
    forward or in the gradient of the line. So does an operation that computes with a nan it is given, for
    example by the data. This is slow: compiled code also runs once more, equation by equation. ``where``
    does not help: a nan that it leaves out was made all the same. When it is off it costs nothing.

    Args:
        on: ``minpy.debug_nans(False)`` switches it off. A ``with`` block puts back what was before.

    Raises:
        NanError: see above; it is also a FloatingPointError.
        TypeError: for anything but True and False.
    """

    def __init__(self, on: bool = True):
        if not isinstance(on, bool):
            raise TypeError(f"debug_nans takes True or False, not {on!r}")
        self._before = watch.current
        _set(_WATCH if on else None)

    def __enter__(self) -> debug_nans:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _set(self._before)


def _set(current: Any) -> None:
    watch.current = current
    pause(current is not None)


class Watch(threading.local):
    """Looks at what ops give.

    Attributes:
        line: whose gradient this thread computes now.
    """

    line: Line | None = None

    def after(self, op: Any, operands: Sequence[Any], results: Sequence[Any]) -> None:
        """Called when an op has run. Raises NanError where it made a nan, or computed with one."""
        if self.line is None:
            told = found(op, [_raw(x) for x in operands], [_raw(x) for x in results])
            if told:
                raise NanError(described(told, _user_line()))

    def place(self) -> Line | None:
        """The line that the record of an op belongs to."""
        return self.line or _user_line()

    def walk(self, records: Iterable[tuple], cotangents: dict[int, Any]) -> Iterator[tuple]:
        """The records of a backward pass; looks at the cotangents that each of them made."""
        outer = self.line
        try:
            for record in records:
                op, args, _, outputs = record[:4]
                given = [cotangents.get(id(output)) for output in outputs]
                self.line = record[4] if len(record) > 4 else None
                yield record
                made = [cotangents.get(id(arg)) for arg in args]
                for part in made:
                    if part is not None and has_nan(_raw(part)):
                        values = [_raw(x) for x in (*given, *args) if x is not None]
                        raise NanError(described(_told(op, values, _raw(part)), self.line, is_backward=True))
        finally:
            self.line = outer


_WATCH = Watch()


def has_nan(x: Any) -> bool:
    """Whether an array or number holds a nan."""
    x = numpy.asarray(x)
    return x.dtype.kind in "fc" and bool(numpy.isnan(x).any())


def found(op: Any, operands: Sequence[Any], results: Sequence[Any]) -> str:
    """What is wrong about a run of an op, in words; empty where no nan came of it that is worth a word."""
    if not any(map(has_nan, results)):
        return ""
    if any(map(has_nan, operands)) and (getattr(op, "family", "") in _MOVING or op.name in _COPIES):
        return ""
    return _told(op, operands, next(filter(has_nan, results)))


def _told(op: Any, operands: Sequence[Any], result: Any) -> str:
    nans = numpy.isnan(result)
    at = tuple(int(i) for i in numpy.argwhere(nans)[0]) if result.ndim else ()
    count = f"{int(nans.sum())} of {result.size} elements are nan" if result.ndim else "the result is nan"
    where = f", the first at {at}" if at else ""
    shape = result.shape if op.elementwise else None
    values = "; ".join(filter(None, (_part(x, at, shape) for x in operands)))
    is_given = any(map(has_nan, operands))
    verb = "computes with a nan that it is given" if is_given else "makes nan"
    return f"{op.name} {verb}: {count}{where}" + (f", of {values}" if values else "")


def _part(x: Any, at: tuple, shape: tuple | None) -> str:
    """What an operand holds: its element where the nan is, in operations from element to element."""
    x = numpy.asarray(x)
    if x.dtype.kind not in "fciub":
        return ""
    if shape is not None or not x.ndim:
        return str(numpy.broadcast_to(x, shape or ())[at])
    kinds = [name for name, test in (("nan", numpy.isnan), ("inf", numpy.isinf)) if test(x).any()]
    return f"an array {list(x.shape)} that holds {' and '.join(kinds) or 'finite values'}"


def described(told: str, line: Line | None, is_backward: bool = False) -> str:
    """The text of the error."""
    prefix = "in the gradient, " if is_backward else ""
    where = f"\n  at {place(*line)}" if line is not None else ""
    return f"{prefix}{told}{where}"


def _user_line() -> Line | None:
    frame = user_frame()
    return frame and (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def _raw(x: Any) -> Any:
    if isinstance(x, Array):
        x = x._current()
    return x.numpy() if type(x) is Value else x
