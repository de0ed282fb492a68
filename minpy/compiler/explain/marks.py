"""The lines of a function, each with what became of it, and what was inlined beneath."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator
from typing import Any

import gast

from minpy.compiler.explain.report import Call, CalleeLine, Leftover, Line
from minpy.compiler.ir import Loc
from minpy.compiler.liveness import escapes_loop
from minpy.compiler.residual import bodies_of, last_own_line
from minpy.compiler.source import Source


def marked_lines(source: Source, lowered: dict[Loc, list[int]], leftovers: list[Leftover]) -> list[Line]:
    """The text of a function, line by line.

    Args:
        lowered: for each line that was lowered, the numbers of its regions.
        leftovers: what stays with Python.
    """
    spans = dict(_statements(source.body))
    regions: dict[int, set[int]] = {}
    for loc, numbers in lowered.items():
        if loc.file == source.file and loc.line in spans:
            for number in range(loc.line, spans[loc.line] + 1):
                regions.setdefault(number, set()).update(numbers)
    kinds = {number: "" for number in _lines_of(spans)}
    kinds.update(dict.fromkeys(_lines_of(spans), "skipped" if lowered or leftovers else ""))
    kinds.update(dict.fromkeys(regions, "compiled"))
    for item in sorted(leftovers, key=lambda item: not item.is_unforeseen):
        kind = "control" if item.is_control_flow else "unforeseen" if item.is_unforeseen else "leftover"
        kinds.update(dict.fromkeys(range(item.line, item.last_line + 1), kind))
        if item.is_control_flow:
            kinds.update(dict.fromkeys(_jumps(source.body, item.line), "control"))
    calls = _Calls(lowered, source)
    result = []
    for number, text in enumerate(source.lines, source.first_line):
        is_code = bool(text.strip()) and not text.lstrip().startswith("#")
        result.append(
            Line(
                number=number,
                text=text,
                kind=kinds.get(number, "") if is_code else "",
                regions=sorted(regions.get(number, ())) if is_code else [],
                leftovers=[item for item in leftovers if item.last_line == number],
                calls=calls.at(number),
            )
        )
    return result


def called_lines(lines: list[Line], file: str) -> tuple[list[Line], str]:
    """The lines of the only function that lines call, and its file; where there is no such one, these."""
    calls = [call for line in lines for call in line.calls]
    if len(calls) != 1 or any(line.leftovers for line in lines):
        return lines, file
    found = [
        Line(line.number, line.text, "compiled", line.regions, [], line.calls) for line in calls[0].lines
    ]
    return found, calls[0].file


def _statements(body: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """The first and the last own line of each statement, those in inner functions included."""
    for statement in body:
        is_docstring = isinstance(statement, gast.Expr) and isinstance(statement.value, gast.Constant)
        for node in ast.walk(statement) if not is_docstring else ():
            if isinstance(node, (gast.stmt, gast.Lambda)):
                yield node.lineno, last_own_line(node)


def _jumps(body: Iterable[Any], line: int) -> Iterator[int]:
    """The lines inside of a loop of Python's that break or continue it, and so are Python's too."""
    nodes = (node for statement in body for node in ast.walk(statement))
    inside = [
        s for node in nodes if getattr(node, "lineno", 0) == line for body in bodies_of(node) for s in body
    ]
    while inside:
        statement = inside.pop()
        if escapes_loop([statement]):
            yield from range(statement.lineno, last_own_line(statement) + 1)
            inside.extend(s for body in bodies_of(statement) for s in body)


def _lines_of(spans: dict[int, int]) -> Iterator[int]:
    for first, last in spans.items():
        yield from range(first, last + 1)


class _Calls:
    """The lines that were inlined, by the line of the call."""

    def __init__(self, lowered: dict[Loc, list[int]], source: Source):
        self._source = source
        self._inside: dict[Loc, list[tuple[Loc, list[int]]]] = {}
        for loc, numbers in lowered.items():
            if loc.caller is not None and not self._is_own(loc):
                self._inside.setdefault(loc.caller, []).append((loc, numbers))

    def _is_own(self, loc: Loc) -> bool:
        """Whether a line is shown as one of the function itself, as those of inner functions are."""
        first = self._source.first_line
        return loc.file == self._source.file and first <= loc.line < first + len(self._source.lines)

    def at(self, number: int) -> list[Call]:
        """The calls that were inlined on a line of the function itself."""
        found = [loc for loc in self._inside if self._is_own(loc) and loc.line == number]
        return [call for loc in found for call in self._calls(loc)]

    def _calls(self, caller: Loc) -> list[Call]:
        functions: dict[tuple[str, str], dict[int, CalleeLine]] = {}
        for loc, numbers in self._inside.get(caller, ()):
            lines = functions.setdefault((loc.function, loc.file), {})
            text = linecache.getline(loc.file, loc.line).rstrip()
            lines[loc.line] = CalleeLine(loc.line, text, list(numbers), self._calls(loc))
        return [
            Call(function, file, [lines[number] for number in sorted(lines)])
            for (function, file), lines in functions.items()
        ]
