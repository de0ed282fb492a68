"""What a profile notes while it is open: spans of time, one within the other, and lines that Python runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter as now
from types import FrameType
from typing import Any, Callable, NamedTuple

#: spans that are kept for a trace; beyond, they are only added up
MOST_EVENTS = 200_000
#: runs of a graph that it is looked into for
LOOKS = 3


class Event(NamedTuple):
    """A span. ``what`` is the program, graph or plan that it is about."""

    kind: str
    what: Any
    thread: int
    started: float
    ended: float


@dataclass
class Total:
    """Spans of one kind about one thing. ``own`` is the time that is not in spans within them."""

    what: Any
    calls: int = 0
    seconds: float = 0.0
    own: float = 0.0


@dataclass
class Inside:
    """A graph, looked into: how often, and what its nodes took each time, by their names."""

    runs: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)


class _Thread(threading.local):
    """
    Attributes:
        ended: spans that are in none yet: when they began, and how long they took.
        depth: spans that have not ended.
    """

    def __init__(self) -> None:
        self.ended: list[tuple[float, float]] = []
        self.depth = 0


class Recorder:
    """Notes spans when they end, which is after those within them.

    Attributes:
        totals: by kind and the ``id`` of what they are about. The kinds are 'call' of a jitted function or a
            part of one, 'region' for a graph, 'python' for what is left over, 'compile', and 'look' for what
            the profile itself does.
        lines: (file, line) that Python ran -> how often, and seconds.
        inside: graphs, by their ``id``.
        events: the spans, in the order of their ends.
        dropped: how many more there were.
    """

    def __init__(self) -> None:
        self.totals: dict[tuple[str, int], Total] = {}
        self.lines: dict[tuple[str, int], Total] = {}
        self.inside: dict[int, Inside] = {}
        self.events: list[Event] = []
        self.dropped = 0
        self._thread = _Thread()
        self._lock = threading.Lock()

    def add(self, kind: str, what: Any, started: float, ended: float, elsewhere: float = 0.0) -> None:
        """Note a span that has ended. The seconds ``elsewhere`` are noted in another way."""
        thread = self._thread
        own = ended - started - elsewhere
        while thread.ended and thread.ended[-1][0] >= started:
            own -= thread.ended.pop()[1]
        if thread.depth:
            thread.ended.append((started, ended - started))
        with self._lock:
            total = self.totals.setdefault((kind, id(what)), Total(what))
            total.calls += 1
            total.seconds += ended - started
            total.own += own
            if len(self.events) < MOST_EVENTS:
                self.events.append(Event(kind, what, threading.get_ident(), started, ended))
            else:
                self.dropped += 1

    def nested(self, function: Callable, *args: Any) -> Any:
        """Call what notes spans and then one around them. No lines are timed in it."""
        thread, trace = self._thread, sys.gettrace()
        is_ours = isinstance(getattr(trace, "__self__", None), _Lines)
        if is_ours:
            sys.settrace(None)
        thread.depth += 1
        try:
            return function(*args)
        finally:
            thread.depth -= 1
            if not thread.depth:
                thread.ended.clear()
            if is_ours:
                sys.settrace(trace)

    def look_inside(self, compiled: Any, values: Sequence[Any], context: Any) -> None:
        """Run a graph once more, node by node, the first times that it runs."""
        found = self.inside.setdefault(id(compiled), Inside())
        if compiled.executor is None or compiled.executor.is_program or found.runs == LOOKS:
            return
        started = now()
        for name, seconds in compiled.executor.time_nodes(values, context).items():
            found.seconds.setdefault(name, []).append(seconds)
        found.runs += 1
        self.add("look", compiled, started, now())

    def run_python(self, plan: Any, file: str, function: Callable[[tuple], tuple], values: tuple) -> tuple:
        """Run what is left to Python, and time its lines, unless something else has the trace."""
        lines = _Lines(file, self._thread.ended) if sys.gettrace() is None else None
        self._thread.depth += 1
        started = now()
        try:
            if lines is None:
                return function(values)
            sys.settrace(lines.enter)
            try:
                return function(values)
            finally:
                sys.settrace(None)
        finally:
            self._thread.depth -= 1
            left = _left_over(plan, lines.found) if lines is not None else []
            with self._lock:
                for more in left:
                    total = self.lines.setdefault(more.what, Total(more.what))
                    total.calls += more.calls
                    total.own += more.own
            self.add("python", plan, started, now(), sum(more.own for more in left))


def _left_over(plan: Any, lines: dict[tuple[str, int], Total]) -> list[Total]:
    """Those lines that are left to Python. What others took is the calls of compiled parts in them."""
    ranges = [(x.line, x.line if x.is_control_flow else x.last_line) for x in plan.leftovers]
    return [
        total for (_, line), total in lines.items() if any(first <= line <= last for first, last in ranges)
    ]


class _Lines:
    """Times the lines of one frame, the first of a file, without what is noted as spans.

    Others may come before it, at any time: those of finalizers, as Python collects its garbage.
    """

    def __init__(self, file: str, spans: list[tuple[float, float]]):
        self._file = file
        self.found: dict[tuple[str, int], Total] = {}
        self._spans = spans
        self._frame: FrameType | None = None
        self._place: tuple[str, int] | None = None
        self._since = 0.0

    def enter(self, frame: FrameType, event: str, arg: Any) -> Callable | None:
        """The trace function of the thread."""
        if self._frame is not None or frame.f_code.co_filename != self._file:
            return None
        self._frame = frame
        return self.step

    def step(self, frame: FrameType, event: str, arg: Any) -> Callable | None:
        """That of the frame."""
        if event == "exception":
            return self.step
        time = now()
        if self._place is not None:
            own = time - self._since
            for started, seconds in reversed(self._spans):
                if started < self._since:
                    break
                own -= seconds
            total = self.found.setdefault(self._place, Total(self._place))
            total.calls += 1
            total.own += own
        self._place = (frame.f_code.co_filename, frame.f_lineno) if event == "line" else None
        self._since = now()
        return self.step
