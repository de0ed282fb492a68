"""Lets an exception come up inside MinPy, at any call of a function of Python's or C's that it makes.

``sys.setprofile`` tells of each call. An error is raised where one begins; an interrupt where one of Python's
begins or one of C's has ended, which is where Python looks for signals. What leaves a ``with`` block is no
call that can fail; but an interrupt may come before its first instruction, which is a kind of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Callable, NamedTuple

import minpy

_FOLDER = os.path.dirname(minpy.__file__) + os.sep


class Fault(Exception):
    """What no part of MinPy knows."""


class Point(NamedTuple):
    """A call within MinPy.

    Attributes:
        place: the function that begins or that calls, and the line.
        event: as ``sys.setprofile`` says.
    """

    place: tuple[CodeType, int]
    event: str

    def __str__(self) -> str:
        code, line = self.place
        return f"{code.co_filename[len(_FOLDER) :]}:{line} {code.co_name} ({self.event})"


#: kind of exception -> its class, and the events at which it comes up
KINDS: dict[str, tuple[type[BaseException], tuple[str, ...]]] = {
    "error": (Fault, ("call", "c_call")),
    "memory": (MemoryError, ("c_call",)),
    "interrupt": (KeyboardInterrupt, ("call", "c_return")),
    "leaving": (KeyboardInterrupt, ("call",)),
}

#: Functions of C's that give something back, which cannot fail either.
_SAFE = frozenset(("__exit__", "release", "enable", "discard", "clear", "pop", "remove"))


class _Raiser:
    """Raises an exception in the middle of a call.

    Attributes:
        raised: the exception, if it came and was not lost where Python only reports it.
    """

    raised: BaseException | None = None

    def _report(self, unraisable: Any) -> None:
        if unraisable.exc_value is self.raised:
            self.raised = None

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        before, sys.unraisablehook = sys.unraisablehook, self._report
        try:
            yield
        finally:
            sys.unraisablehook = before


class Injector(_Raiser):
    """Counts the points that a call passes, or raises at one of them.

    Attributes:
        points: those that were passed.
    """

    def __init__(self, kind: str, at: int | None = None):
        self.kind, self.at = kind, at
        self._error, self._events = KINDS[kind]
        self.points: list[Point] = []

    def _see(self, frame: Any, event: str, function: Any) -> None:
        leaves = self.kind == "leaving"
        if event not in self._events or leaves != (frame.f_code.co_name == "__exit__"):
            return
        if leaves:
            frame = frame.f_back
        code = frame.f_code
        if not code.co_filename.startswith(_FOLDER) or code.co_name == "__del__":
            return
        if event == "c_call" and function.__name__ in _SAFE:
            return
        if self.raised is None and (self.at is None or len(self.points) <= self.at):
            self.points.append(Point((code, frame.f_lineno), event))
            if self.at is not None and len(self.points) > self.at and not _is_called_back(frame):
                self.raised = self._error("injected")
                raise self.raised  # which ends the profile

    def run(self, function: Callable[[], Any]) -> Any:
        """Call a function, with exceptions coming up."""
        with self._noticing():
            sys.setprofile(self._see)
            try:
                return function()
            finally:
                sys.setprofile(None)

    def __str__(self) -> str:
        return f"{self.kind} at {self.points[-1]}"


class Alarm(_Raiser):
    """Interrupts a call after some seconds, by a signal, as Ctrl-C does."""

    def __init__(self, seconds: float):
        self._seconds = max(seconds, 1e-6)
        self._place = ""

    def _come(self, number: int, frame: Any) -> None:
        place, names = f"{frame.f_code.co_filename}:{frame.f_lineno}", []
        while frame is not None and frame.f_code is not self.run.__code__:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        self._place = f"{place} {' < '.join(names)}"
        self.raised = KeyboardInterrupt()
        raise self.raised

    def run(self, function: Callable[[], Any]) -> Any:
        """Call a function, which is interrupted."""
        before = signal.signal(signal.SIGALRM, self._come)
        with self._noticing():
            try:
                signal.setitimer(signal.ITIMER_REAL, self._seconds)
                return function()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)

    def __str__(self) -> str:
        return f"interrupt at {self._place}"


def _is_called_back(frame: Any) -> bool:
    """Whether an object is going, or somebody is told that one is gone, where Python but reports errors."""
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename == weakref.__file__:
            return True
        frame = frame.f_back
    return False
