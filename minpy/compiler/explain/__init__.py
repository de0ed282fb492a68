"""``minpy.explain``: what of a function was compiled, what was not, why, and what it cost."""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpy.compiler.jit import JitFunction
from minpy.compiler.notes import Leftover, describe
from minpy.compiler.regions import Block, Plan
from minpy.compiler.residual import end_line


@dataclass
class Version:
    """A region compiled for one signature. Times are in seconds."""

    purpose: str
    signature: list[str]
    inputs: list[str]
    calls: int
    compile_seconds: float
    seconds_per_call: float
    graph_sizes: dict[str, int]
    mxnet_nodes: int
    failures: int


@dataclass
class Region:
    """Lines that run as one graph."""

    number: int
    first_line: int
    last_line: int
    versions: list[Version] = field(default_factory=list)


class Explanation:
    """What ``explain`` found; print it, or take ``to_dict()``.

    Attributes:
        regions: the compiled parts, in order of their lines.
        leftovers: statements that stay with Python, with line and reason.
        calls: how often the function was called.
        hits: how many of the calls found a compiled version.
        compilations: how often something was compiled, and ``compile_seconds`` in total.
        recompilations: why, for each compilation after the first of a region.
        residual: the programs that call the regions, as source.
    """

    def __init__(self, function: JitFunction):
        self._function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self.calls = function.calls
        self.reason = function.reason
        self.regions: list[Region] = []
        self.leftovers: list[Leftover] = []
        self.residual: list[str] = []
        self.recompilations: list[str] = []
        self.hits = self.compilations = self.evictions = 0
        self.compile_seconds = 0.0
        if function.root is not None and function.program is not None:
            program = function.program
            self.recompilations = list(map(str, program.recompilations))
            self.evictions = program.evictions
            self.compilations, self.compile_seconds = program.compilations, program.compile_seconds
            self.hits = max(0, function.calls - function.root.misses)
            self._collect(function.root)
        self.regions.sort(key=lambda region: region.first_line)
        for number, region in enumerate(self.regions, 1):
            region.number = number
        self.leftovers = _distinct(self.leftovers)

    def _collect(self, block: Block) -> None:
        region = None
        for plan in _plans(block):
            self.leftovers.extend(plan.leftovers)
            if plan.source_text and plan.source_text not in self.residual:
                self.residual.append(plan.source_text)
            if plan.compiled is not None:
                if region is None:
                    first, last = block.statements[0].lineno, end_line(block.statements[-1])
                    region = Region(0, first, last)
                    self.regions.append(region)
                region.versions.append(_version(block, plan))
            for child in plan.children:
                self._collect(child)

    @property
    def source(self) -> str:
        """The residual program: Python that calls the compiled regions."""
        return "\n\n".join(self.residual)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists, strings and numbers."""
        return {
            "function": self.name,
            "calls": self.calls,
            "hits": self.hits,
            "compilations": self.compilations,
            "compile_seconds": self.compile_seconds,
            "evictions": self.evictions,
            "not_compiled_because": self.reason,
            "regions": [
                {
                    "number": region.number,
                    "lines": [region.first_line, region.last_line],
                    "versions": [dict(vars(version)) for version in region.versions],
                }
                for region in self.regions
            ],
            "leftovers": [
                {
                    "lines": [leftover.line, leftover.last_line],
                    "reason": leftover.reason,
                    "cause": {"file": leftover.cause.file, "line": leftover.cause.line},
                }
                for leftover in self.leftovers
            ],
            "recompilations": self.recompilations,
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        program = self._function.program
        if program is None:
            yield f"{self.name}: runs as plain Python, because {self.reason}"
            return
        source = program.source
        yield f"{self.name}  ({_short_path(source.file)}:{source.first_line})"
        yield self._summary()
        yield ""
        yield from self._marked_source()
        for region in self.regions:
            yield ""
            yield f"region {region.number}: {_line_range(region.first_line, region.last_line)}"
            for version in region.versions:
                yield from _version_lines(version)
        if self.recompilations:
            yield ""
            yield "compiled again because"
            yield from (f"  {reason}" for reason in self.recompilations)

    def _summary(self) -> str:
        if not self.calls:
            return "not called yet, so nothing is compiled"
        kept = f", {self.evictions} given up for newer ones" if self.evictions else ""
        split = (
            "everything is compiled"
            if not self.leftovers
            else f"{len(self.regions)} compiled region(s), {len(self.leftovers)} leftover(s)"
        )
        return (
            f"{split}; {self.calls} calls, {self.hits} hits, {self.compilations} compilations "
            f"({self.compile_seconds * 1e3:.0f} ms){kept}"
        )

    def _marked_source(self) -> Iterator[str]:
        """The function's text: each line with the number of its region, or 'py' and the reason."""
        program = self._function.program
        assert program is not None
        source = program.source
        marks: dict[int, str] = {}
        for region in self.regions:
            for line in range(region.first_line, region.last_line + 1):
                marks[line] = str(region.number)
        reasons: dict[int, list[Leftover]] = {}
        for leftover in self.leftovers:
            for line in range(leftover.line, leftover.last_line + 1):
                marks[line] = "py"
            reasons.setdefault(leftover.last_line, []).append(leftover)
        for index, text in enumerate(source.lines):
            line = source.first_line + index
            yield f"{line:5} {marks.get(line, '') if text.strip() else '':>3} | {text}"
            for leftover in reasons.get(line, []):
                indent = " " * (len(text) - len(text.lstrip()))
                cause = leftover.cause
                same = cause.file == source.file and leftover.line <= cause.line <= leftover.last_line
                place = "" if same else f" ({_short_path(cause.file)}:{cause.line})"
                yield f"{'':9} | {indent}^ stays with Python: {leftover.reason}{place}"


def explain(function: Any) -> Explanation:
    """What was compiled of a jitted function so far, line by line, with reasons and costs.

    Args:
        function: what ``jit`` returned, a method of it, or a gradient of it.

    Raises:
        TypeError: for a function that is not jitted.
    """
    found = function
    while not isinstance(found, JitFunction):
        inner = found.__func__ if isinstance(found, types.MethodType) else getattr(found, "function", None)
        if inner is None:
            raise TypeError(f"explain takes a function decorated with minpy.jit, not {function!r}")
        found = inner
    return Explanation(found)


def _plans(block: Block) -> Iterator[Plan]:
    for plans in list(block.plans.values()):
        yield from plans


def _version(block: Block, plan: Plan) -> Version:
    compiled = plan.compiled
    assert compiled is not None
    values = plan.signature[-len(block.inputs) :] if block.inputs else ()
    return Version(
        purpose=plan.purpose,
        signature=[f"{name}: {describe(part)}" for name, part in zip(block.inputs, values)],
        inputs=[f"{path}: {var.aval}" for path, var in zip(plan.input_paths, compiled.graph.inputs)],
        calls=plan.calls,
        compile_seconds=plan.compile_seconds,
        seconds_per_call=compiled.seconds / compiled.calls if compiled.calls else 0.0,
        graph_sizes=dict(compiled.sizes),
        mxnet_nodes=sum(compiled.executor.operators().values()) if compiled.executor else 0,
        failures=plan.failures,
    )


def _version_lines(version: Version) -> Iterator[str]:
    sizes = " -> ".join(f"{size} ({name})" for name, size in version.graph_sizes.items())
    yield f"  {version.purpose} for {', '.join(version.signature) or 'no arguments'}"
    outside = [text for text in version.inputs if text.split(":")[0] not in _names(version)]
    if outside:
        yield f"    reads {', '.join(outside)}"
    yield (
        f"    {version.calls} calls, {version.seconds_per_call * 1e3:.3f} ms each, "
        f"compiled in {version.compile_seconds * 1e3:.0f} ms"
    )
    yield f"    equations {sizes}; {version.mxnet_nodes} MXNet nodes"
    if version.failures:
        yield f"    {version.failures} calls failed in MXNet and ran as Python"


def _names(version: Version) -> set[str]:
    return {text.split(":")[0] for text in version.signature}


def _distinct(leftovers: list[Leftover]) -> list[Leftover]:
    found = {(item.line, item.last_line, item.reason): item for item in leftovers}
    return [found[key] for key in sorted(found)]


def _line_range(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _short_path(path: str) -> str:
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative
