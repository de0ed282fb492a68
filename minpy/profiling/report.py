"""What a profile has found, as plain data, as a table, and as a trace for the browser."""

from __future__ import annotations

import json
import linecache
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from minpy.compiler.driver import Compiled
from minpy.compiler.explain.text import duration, plural, short_path
from minpy.compiler.ir import Loc
from minpy.profiling.inside import Part, parts_of
from minpy.profiling.recorder import Event, Inside, Recorder
from minpy.runtime.store import write_whole


@dataclass
class Operator:
    """One of MXNet's operators, or a step of a kernel, in a region.

    Attributes:
        kind: 'operator', 'kernel', or '' for inputs and results.
        lines: of the user's program, as texts 'file:line'.
        seconds: in all calls.
    """

    name: str
    kind: str
    lines: list[str]
    seconds: float


@dataclass
class Region:
    """Lines that ran as one graph.

    Attributes:
        purpose: 'value', 'gradient', or 'value and gradient'.
        operators: those that took longest first. Their seconds add up to those of the region.
    """

    function: str
    file: str
    first_line: int
    last_line: int
    purpose: str
    calls: int
    seconds: float
    operators: list[Operator] = field(default_factory=list)


@dataclass
class Line:
    """A line of a jitted function that Python ran, without compiled code that it called."""

    file: str
    line: int
    text: str
    calls: int
    seconds: float


@dataclass
class Profile:
    """Where the time went. All times are in seconds.

    Attributes:
        seconds: from the beginning of the block to its end, without what the profile itself took.
        regions, leftovers: those that took longest first.
        compiling: to compile.
        overhead: what calls of jitted functions took beside all these.
        outside: the rest, outside of jitted functions.
        measuring: what the profile itself took, to look into graphs.
    """

    seconds: float = 0.0
    regions: list[Region] = field(default_factory=list)
    leftovers: list[Line] = field(default_factory=list)
    compiling: float = 0.0
    overhead: float = 0.0
    outside: float = 0.0
    measuring: float = 0.0

    def __post_init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    @property
    def compiled(self) -> float:
        """The time in all regions."""
        return sum(region.seconds for region in self.regions)

    @property
    def leftover(self) -> float:
        """The time in all lines that Python ran."""
        return sum(line.seconds for line in self.leftovers)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists, strings and numbers, fit for JSON."""
        return asdict(self)

    def save_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace of what ran when, as JSON for chrome://tracing or https://ui.perfetto.dev.

        Within a region operators stand one after the other, each with its mean time: in each call only the
        region was timed. Of very long profiles the trace has the beginning.

        Raises:
            OSError: where the file cannot be written; nothing is changed then.
        """
        write_whole(path, json.dumps({"traceEvents": self._events, "displayTimeUnit": "ms"}))

    def __str__(self) -> str:
        return "\n".join(_table(self))

    __repr__ = __str__


def report(profile: Profile, recorder: Recorder, started: float, seconds: float) -> None:
    """Fill in what was recorded."""
    own: dict[str, float] = {}
    for (kind, _), total in recorder.totals.items():
        own[kind] = own.get(kind, 0.0) + total.own
    parts: dict[int, list[Part]] = {}
    for (kind, number), total in recorder.totals.items():
        if kind == "region":
            found = parts_of(total.what, total.own, total.calls, recorder.inside.get(number, Inside()))
            parts[number] = found
            profile.regions.append(_region(total.what, total.calls, total.own, found))
    profile.regions.sort(key=lambda region: -region.seconds)
    profile.leftovers = [
        Line(file, line, linecache.getline(file, line).strip(), total.calls, total.own)
        for (file, line), total in recorder.lines.items()
    ]
    profile.leftovers.sort(key=lambda line: -line.seconds)
    profile.compiling, profile.measuring = own.get("compile", 0.0), own.get("look", 0.0)
    profile.overhead = own.get("call", 0.0) + own.get("python", 0.0)
    profile.seconds = seconds - profile.measuring
    inside = profile.compiled + profile.leftover + profile.compiling + profile.overhead
    profile.outside = profile.seconds - inside
    profile._events = list(_trace(recorder, started, parts))


# Places -------------------------------------------------------------------------------------------


def _outermost(loc: Loc) -> Loc:
    while loc.caller is not None:
        loc = loc.caller
    return loc


def _region(compiled: Compiled, calls: int, seconds: float, parts: list[Part]) -> Region:
    function, file, first, last, purpose = _place(compiled)
    operators: dict[tuple, Operator] = {}
    for part in parts:
        lines = tuple(f"{file}:{line}" for file, line in sorted({(loc.file, loc.line) for loc in part.locs}))
        known = operators.setdefault((part.name, lines), Operator(part.name, part.kind, list(lines), 0.0))
        known.seconds += part.seconds
    longest = sorted(operators.values(), key=lambda operator: -operator.seconds)
    return Region(function, file, first, last, purpose, calls, seconds, longest)


def _place(compiled: Compiled) -> tuple[str, str, int, int, str]:
    """Function, file, first and last line, and purpose of a graph."""
    locs = [eqn.loc for eqn in compiled.lowered.flat if eqn.loc is not None]
    if not locs:
        return "a region", "", 0, 0, "value"
    places = [_outermost(loc) for loc in locs]
    lines = [place.line for place in places if place.file == places[0].file]
    backward = sum(loc.is_backward for loc in locs)
    purpose = "value" if not backward else "gradient" if backward == len(locs) else "value and gradient"
    return places[0].function, places[0].file, min(lines), max(lines), purpose


def _title(region: Region) -> str:
    last = f"-{region.last_line}" if region.last_line > region.first_line else ""
    where = f"{os.path.basename(region.file)}:{region.first_line}{last}"
    return f"{region.function}, {where}, {region.purpose}" if region.file else region.function


# The table ----------------------------------------------------------------------------------------

_MOST_OPERATORS, _MOST_LINES = 12, 20


def _table(profile: Profile) -> Iterator[str]:
    total = profile.seconds
    yield f"{duration(total)} in all"
    rows = [
        ("compiled regions", profile.compiled),
        ("lines left to Python", profile.leftover),
        ("calls of jitted functions, besides", profile.overhead),
        ("compiling", profile.compiling),
        ("outside of jitted functions", profile.outside),
    ]
    for name, seconds in rows:
        yield _row(name, seconds, total)
    for region in profile.regions:
        yield ""
        yield _row(_title(region), region.seconds, total, region.calls)
        for operator in region.operators[:_MOST_OPERATORS]:
            lines = ", ".join(line.rpartition(":")[2] for line in operator.lines)
            yield _row(f"  {operator.name}" + (f"  (line {lines})" if lines else ""), operator.seconds, total)
        rest = region.operators[_MOST_OPERATORS:]
        if rest:
            yield _row(f"  {plural(len(rest), 'other')}", sum(operator.seconds for operator in rest), total)
    if profile.leftovers:
        yield ""
        yield "left to Python"
    for line in profile.leftovers[:_MOST_LINES]:
        yield _row(f"  {short_path(line.file)}:{line.line}: {line.text}", line.seconds, total, line.calls)


def _row(name: str, seconds: float, total: float, calls: int = 0) -> str:
    share = f"{100 * seconds / total:.1f}%" if total else ""
    name = name if len(name) <= 72 else f"{name[:69]}..."
    each = f"  {plural(calls, 'call')}, {duration(seconds / calls)} each" if calls else ""
    return f"{share:>6} {duration(seconds):>9}  {name}{each}"


# The trace ----------------------------------------------------------------------------------------


def _trace(recorder: Recorder, started: float, parts: dict[int, list[Part]]) -> Iterator[dict[str, Any]]:
    calls = {number: total.calls for (kind, number), total in recorder.totals.items() if kind == "region"}
    titles: dict[int, str] = {}
    for event in recorder.events:
        yield _event(
            _name(event, titles), event.kind, event.thread, event.started - started, event.ended - started
        )
        if event.kind != "region":
            continue
        begin = event.started
        for part in parts[id(event.what)]:
            end = min(event.ended, begin + part.seconds / calls[id(event.what)])
            lines = [f"{loc.file}:{loc.line}" for loc in part.locs]
            told = _event(part.name, part.kind or "around", event.thread, begin - started, end - started)
            yield {**told, "args": {"lines": lines, "time": "mean of all calls"}}
            begin = end


def _event(name: str, kind: str, thread: int, began: float, ended: float) -> dict[str, Any]:
    span = {"ts": 1e6 * began, "dur": 1e6 * (ended - began)}
    return {"name": name, "cat": kind, "ph": "X", **span, "pid": os.getpid(), "tid": thread}


def _name(event: Event, titles: dict[int, str]) -> str:
    if event.kind == "region":
        if id(event.what) not in titles:
            function, file, first, last, purpose = _place(event.what)
            titles[id(event.what)] = _title(Region(function, file, first, last, purpose, 0, 0.0))
        return titles[id(event.what)]
    if event.kind == "call":
        return f"call of {event.what.source.name}"
    names = {"python": "left to Python", "compile": "compiling", "look": "measuring the operators"}
    return names[event.kind]
