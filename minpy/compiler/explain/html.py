"""A report as HTML that needs nothing from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from minpy.compiler.explain.drawing import drawing
from minpy.compiler.explain.highlight import highlighted
from minpy.compiler.explain.report import Call, Leftover, Line, Region, Report, Shares, Variable, Version
from minpy.compiler.explain.text import (
    MARKS,
    amount,
    cause_of,
    counted,
    duration,
    graph_sizes,
    kernels,
    line_range,
    mark,
    plural,
    short_path,
    what_is,
)
from minpy.compiler.ir import Graph

_NIGHT = """
--page: #14171c; --ink: #e2e6ea; --soft: #9aa4ae; --line: #333a43; --panel: #1c2128; --code: #181c22;
--compiled: #56d28c; --flow: #b69cf5; --flow-bg: #282040; --left: #f0a35e; --left-bg: #3a2613;
--unforeseen: #dfc65a; --unforeseen-bg: #352e10; --skipped: #79828c; --overhead: #6e7781; --backward: #6cb4f7;
--keyword: #d292ea; --string: #98c379; --number: #d9a866; --comment: #8a939d;
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body class="minpy-page">{body}</body>
</html>
"""
_OPEN_ROWS = 40  # a picture of a graph with no more rows is shown at once


@functools.lru_cache(maxsize=1)
def _style() -> str:
    return Path(__file__).with_name("style.css").read_text("utf-8").replace("NIGHT", _NIGHT)


def page(title: str, fragments: Sequence[str]) -> str:
    """A whole page of some reports."""
    return _PAGE.format(title=escape(f"minpy.explain: {title}"), body="".join(fragments))


def fragment(report: Report, graphs: dict[int, list[Graph]], programs: dict[str, str]) -> str:
    """The report as a part of a page, as notebooks show it.

    Args:
        graphs: those of the versions of each region, by the region's number.
        programs: pieces of source to show at the end, by their titles.
    """
    parts = [f"<style>{_style()}</style>", *_head(report), *_source(report)]
    if report.regions:
        parts.append("<h2>Regions</h2>")
    for region in report.regions:
        parts.extend(_region(region, graphs.get(region.number, ())))
    parts.extend(_recompilations(report))
    if programs:
        parts.append("<h2>Programs</h2>")
    for title, text in programs.items():
        code = "\n".join(highlighted(text.splitlines()))
        parts.append(f"<details><summary>{escape(title)}</summary><pre>{code}</pre></details>")
    return f'<div class="minpy">{"".join(parts)}</div>'


def _head(report: Report) -> Iterator[str]:
    yield f"<h1>{escape(report.name)}</h1>"
    if report.file:
        place = f"{short_path(report.file)}:{report.line}, {report.counts}"
        yield f'<p class="soft">{escape(place)}</p>'
    yield f'<p class="verdict">{escape(report.verdict)}</p>'
    for note in report.notes:
        yield f"<p>{escape(note)}</p>"
    if report.shares.total:
        yield from _bar(report.shares)


def _bar(shares: Shares) -> Iterator[str]:
    parts = (
        ("compiled", "compiled", shares.compiled),
        ("leftover", "left to Python", shares.leftover),
        ("overhead", "overhead", shares.overhead),
    )
    yield '<div class="bar">'
    for kind, _, seconds in parts:
        yield f'<span class="is-{kind}" style="width: {100 * seconds / shares.total:.2f}%"></span>'
    yield '</div><div class="key">'
    for kind, words, seconds in parts:
        yield _key(kind, f"{words}: {duration(seconds)} ({seconds / shares.total:.0%})")
    yield "</div>"


def _key(kind: str, text: str) -> str:
    return f'<span><span class="dot is-{kind}"></span>{escape(text)}</span>'


def _recompilations(report: Report) -> Iterator[str]:
    if not report.recompilations:
        return
    yield "<h2>Compiled again because</h2><ul>"
    for item in report.recompilations:
        fix = f'<br><span class="soft">To compile less: {escape(item.fix)}</span>' if item.fix else ""
        yield f"<li>{escape(item.reason)}{fix}</li>"
    yield "</ul>"


# The source ------------------------------------------------------------------------------------


def _source(report: Report) -> Iterator[str]:
    if not report.lines:
        return
    yield '<h2>Source</h2><div class="source"><ol>'
    for line, code in zip(report.lines, highlighted([line.text for line in report.lines])):
        yield _line(line, code)
        for call in line.calls:
            yield f'<li class="call {line.kind}">{_call(call)}</li>'
        for leftover in line.leftovers:
            yield _note(leftover, line, report.file)
    yield '</ol></div><div class="key">'
    kinds = {line.kind for line in report.lines}
    yield from (_key(kind, known.meaning) for kind, known in MARKS.items() if kind in kinds)
    yield "</div>"


def _line(line: Line, code: str) -> str:
    tip = _tip(line)
    pop = f'<span class="pop">{tip}</span>' if tip else ""
    focus = " tabindex=0" if tip else ""
    return (
        f'<li class="line {line.kind}"{focus}><span class="number">{line.number}</span>'
        f'<span class="mark">{escape(mark(line))}</span><span class="text">{code or " "}</span>{pop}</li>'
    )


def _tip(line: Line) -> str:
    """What pointing at a line shows."""
    if line.kind not in MARKS:
        return ""
    regions = f", region {', '.join(map(str, line.regions))}" if line.regions else ""
    parts = [f"<b>{escape(MARKS[line.kind].meaning)}</b>{regions}"]
    for item in line.leftovers:
        parts.append(escape(item.reason))
        if item.fix:
            parts.append(f"To compile it: {escape(item.fix)}")
        if item.seconds:
            parts.append(f"{duration(item.seconds)} in all calls")
    return "<br>".join(parts)


def _note(item: Leftover, line: Line, file: str) -> str:
    kind = "control" if item.is_control_flow else "unforeseen" if item.is_unforeseen else "leftover"
    expression = line.text[slice(*item.columns)] if item.columns is not None else ""
    is_part = expression not in ("", line.text.strip())
    what = f"<code>{escape(expression)}</code> is " if is_part else ""
    text = f"{what}<b>{what_is(item)}:</b> {escape(item.reason)}"
    place = cause_of(item, file)
    if place:
        text += f", in {escape(place)}: <code>{escape(item.cause_text)}</code>"
    fix = f"<p><b>To compile it:</b> {escape(item.fix)}</p>" if item.fix else ""
    return f'<li class="note {kind}"><p>{text}</p>{fix}</li>'


def _call(call: Call) -> str:
    lines = []
    for line, code in zip(call.lines, highlighted([line.text for line in call.lines])):
        numbers = ",".join(map(str, line.regions))
        lines.append(
            f'<div class="line compiled"><span class="number">{line.number}</span>'
            f'<span class="mark">{numbers}</span><span class="text">{code}</span></div>'
        )
        lines.extend(f'<div class="call">{_call(inner)}</div>' for inner in line.calls)
    place = f"{call.function}, {short_path(call.file)}:{call.lines[0].number}"
    return f"<details><summary>{escape(place)}</summary>{''.join(lines)}</details>"


# Regions ---------------------------------------------------------------------------------------


def _region(region: Region, graphs: Sequence[Graph]) -> Iterator[str]:
    lines = line_range(region.first_line, region.last_line)
    yield f'<div class="region"><h3>Region {region.number} <span class="soft">{lines}</span></h3>'
    slowest = max(region.versions, key=lambda version: version.calls * version.seconds_per_call)
    for version, graph in zip(region.versions, graphs):
        yield from _version(version, graph, is_open=version is slowest)
    yield "</div>"


def _version(version: Version, graph: Graph, is_open: bool) -> Iterator[str]:
    signature = ", ".join(version.signature) or "no arguments"
    runs = f"{plural(version.calls, 'call')}, {duration(version.seconds_per_call)} each"
    summary = f'{escape(version.purpose)}, for <code>{escape(signature)}</code> <span class="soft">'
    summary += f"{runs if version.calls else 'not called'}</span>"
    yield f'<details class="version"{" open" * is_open}><summary>{summary}</summary><dl>'
    yield from _entry("in", _variables(version.inputs))
    yield from _entry("out", _variables(version.outputs))
    times = f", {version.compilations} times" if version.compilations > 1 else ""
    kept = ", with the graph from the cache folder" if version.was_kept else ""
    yield from _entry("compiled in", f"{duration(version.compile_seconds)}{times}{kept}")
    yield from _entry("equations", escape(graph_sizes(version)))
    if version.operators:
        yield from _entry("MXNet", f"<code>{escape(counted(version.operators))}</code>")
    if version.kernels or version.without_kernels:
        yield from _entry("kernels", escape(kernels(version)))
    if version.operators or version.kernels:
        cost = f"{amount(version.flops, 'FLOP')} and {amount(version.bytes, 'B')} a call, estimated"
        yield from _entry("work", cost)
    if version.failures:
        yield from _entry("refused", f"{plural(version.failures, 'call')}, run by Python")
    yield "</dl>"
    if graph.eqns:
        shown = " open" if len(graph.inputs) + len(graph.eqns) <= _OPEN_ROWS else ""
        yield f'<details class="graph"{shown}><summary>graph</summary>{drawing(graph)}</details>'
    yield "</details>"


def _entry(title: str, content: str) -> Iterator[str]:
    yield f"<dt>{title}</dt><dd>{content}</dd>"


def _variables(variables: Iterable[Variable]) -> str:
    shown = [
        f"<code>{escape(v.name)}: {escape(v.type)}</code>"
        + (f' <span class="soft">({escape(v.origin)})</span>' if v.origin else "")
        for v in variables
    ]
    return ", ".join(shown) or "nothing"
