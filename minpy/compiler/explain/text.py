"""A report as plain text."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from minpy.compiler.explain.report import Call, Leftover, Line, Place, Region, Report, Variable, Version

WIDTH = 110


class Mark(NamedTuple):
    """How lines of a kind are marked."""

    sign: str
    meaning: str


MARKS = {
    "compiled": Mark("", "compiled"),
    "control": Mark("flow", "Python decides, around regions"),
    "leftover": Mark("py", "left to Python"),
    "unforeseen": Mark("?", "not foreseen: depends on what a line left to Python gives"),
    "skipped": Mark("-", "not reached, or decided while compiling"),
}


def as_text(report: Report) -> str:
    """The whole report."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.name}: {report.verdict}"
    if report.file:
        yield f"{short_path(report.file)}:{report.line}, {report.counts}"
    yield from report.notes
    if report.lines:
        kinds = {line.kind for line in report.lines}
        known = [(known.sign or "1, 2, ...", known.meaning) for kind, known in MARKS.items() if kind in kinds]
        legend = "; ".join(f"{sign}: {meaning}" for sign, meaning in known)
        yield from _wrapped(f"marks: {legend}", "") if legend else ()
        yield ""
        width = max(5, *(len(mark(line)) for line in report.lines))
        for line in report.lines:
            yield from _source_line(line, report.file, width)
    for region in report.regions:
        yield ""
        yield from _region(region)
    if report.recompilations:
        yield ""
        yield "compiled again because"
        for item in report.recompilations:
            yield f"  {item.reason}"
            if item.fix:
                yield f"    to compile less: {item.fix}"


def mark(line: Line) -> str:
    """The sign before a line: its regions, or why it has none."""
    regions = ",".join(map(str, line.regions))
    sign = MARKS[line.kind].sign if line.kind in MARKS else ""
    return f"{regions},{sign}" if regions and sign else regions or sign


def _source_line(line: Line, file: str, width: int) -> Iterator[str]:
    """A line and what there is to say about it; ``width`` is that of the marks."""
    yield f"{line.number:5} {mark(line):>{width}} | {line.text}".rstrip()
    indent = " " * (len(line.text) - len(line.text.lstrip()))
    for call in line.calls:
        yield from _call(call, indent + "    ", width)
    margin = f"{'':{width + 6}} | "
    for leftover in line.leftovers:
        yield from _leftover(leftover, line, file, margin, indent)


def what_is(item: Leftover) -> str:
    """What became of a leftover, in words."""
    if item.is_control_flow:
        return "Python decides here"
    return "not foreseen" if item.is_unforeseen else "left to Python"


def _call(call: Call, indent: str, width: int) -> Iterator[str]:
    yield f"{'':{width + 6}} | {indent}> {call.function}, {short_path(call.file)}:{call.lines[0].number}"
    least = min(len(line.text) - len(line.text.lstrip()) for line in call.lines)
    for line in call.lines:
        regions = ",".join(map(str, line.regions))
        yield f"{'':5} {regions:>{width}} | {indent}  {line.number}: {line.text[least:]}"
        for inner in line.calls:
            depth = len(line.text) - len(line.text.lstrip()) - least
            yield from _call(inner, indent + " " * (4 + depth), width)


def _leftover(item: Leftover, line: Line, file: str, margin: str, indent: str) -> Iterator[str]:
    sign = "^ "
    if item.columns is not None and item.columns != (len(indent), len(line.text.rstrip())):
        first, last = item.columns
        yield f"{margin}{' ' * first}{'^' * (last - first)}"
        sign = "  "
    margin += indent
    yield from _wrapped(f"{what_is(item)}: {item.reason}", f"{margin}{sign}", f"{margin}  ")
    place = cause_of(item, file)
    if place:
        yield f"{margin}  {place}: {item.cause_text}"
    if item.fix:
        yield from _wrapped(f"to compile it: {item.fix}", f"{margin}  ")


def _region(region: Region) -> Iterator[str]:
    yield f"region {region.number}, {line_range(region.first_line, region.last_line)}"
    for version in region.versions:
        yield from _version(version)


def _version(version: Version) -> Iterator[str]:
    yield from _wrapped(
        f"{version.purpose}, for {', '.join(version.signature) or 'no arguments'}", "  ", "    "
    )
    yield from _wrapped(f"in: {_variables(version.inputs)}", "    ", "        ")
    yield from _wrapped(f"out: {_variables(version.outputs)}", "    ", "         ")
    runs = (
        f"{plural(version.calls, 'call')}, {duration(version.seconds_per_call)} each, "
        if version.calls
        else "not called, "
    )
    times = f", {version.compilations} times" if version.compilations > 1 else ""
    kept = ", with the graph from the cache folder" if version.was_kept else ""
    yield f"    {runs}compiled in {duration(version.compile_seconds)}{times}{kept}"
    yield from _wrapped(f"equations: {graph_sizes(version)}", "    ", "      ")
    if version.operators:
        yield from _wrapped(f"MXNet: {counted(version.operators)}", "    ", "      ")
    if version.kernels or version.without_kernels:
        yield from _wrapped(f"kernels: {kernels(version)}", "    ", "      ")
    if version.operators or version.kernels:
        yield f"    about {amount(version.flops, 'FLOP')} and {amount(version.bytes, 'B')} a call"
    if version.failures:
        yield f"    {plural(version.failures, 'call')} refused by MXNet and run by Python"


def _variables(variables: list[Variable]) -> str:
    shown = [f"{v.name}: {v.type}{f' ({v.origin})' if v.origin else ''}" for v in variables]
    return "; ".join(shown) or "nothing"


def counted(numbers: dict[str, int]) -> str:
    """Names with their numbers."""
    return ", ".join(f"{count} {name}" for name, count in numbers.items())


def kernels(version: Version) -> str:
    """What the kernels of a graph do, or why it has none."""
    return counted(version.kernels) or f"none, because {version.without_kernels}"


def graph_sizes(version: Version) -> str:
    """The sizes of a graph as lowered and after each pass that changed it, with lines that it rewrote."""
    shown: list[str] = []
    before = None
    for name, size in version.graph_sizes.items():
        lines = version.rewritten.get(name, [])
        if lines:
            word, last = ("line", "") if len(lines) == 1 else ("lines", f" and {lines[-1]}")
            several = ", ".join(map(str, lines[:-1])) if last else str(lines[0])
            shown.append(f"{size} {name} ({word} {several}{last})")
        elif size != before:
            shown.append(f"{size} {name}")
        before = size
    backward = version.backward_equations
    return " -> ".join(shown) + (f"; {backward} of the last are the gradient's" if backward else "")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def line_range(first: int, last: int) -> str:
    """Lines, in words."""
    return f"line {first}" if first == last else f"lines {first} to {last}"


def plural(count: int, word: str) -> str:
    """A number of things."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def duration(seconds: float) -> str:
    """A time with three digits, in a unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def amount(number: float, unit: str) -> str:
    """A number with a prefix of thousands: 2.05 MFLOP."""
    for prefix in ("", "k", "M", "G"):
        if number < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} T{unit}"


def place_of(place: Place) -> str:
    """A place as editors and terminals know it."""
    return f"{short_path(place.file)}:{place.line}"


def cause_of(item: Leftover, file: str) -> str:
    """Where the reason of a leftover lies, if that is not the line where it begins."""
    if item.cause.file != file:
        return place_of(item.cause)
    return "" if item.cause.line == item.line else f"line {item.cause.line}"


def short_path(path: str) -> str:
    """A path relative to the working directory, if it lies within."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative
