"""``minpy.explain``: what of a function was compiled, what was not, why, and what it cost."""

from __future__ import annotations

import contextlib
import functools
import os
import types
from dataclasses import asdict
from typing import Any

from minpy.compiler.explain.advice import advice
from minpy.compiler.explain.collect import Collector, Graphed
from minpy.compiler.explain.foresee import foresee
from minpy.compiler.explain.gradient_source import gradient_source
from minpy.compiler.explain.html import fragment, page
from minpy.compiler.explain.marks import called_lines, marked_lines
from minpy.compiler.explain.report import Report
from minpy.compiler.explain.summary import counts, verdict
from minpy.compiler.explain.text import as_text, duration
from minpy.compiler.jit import JitFunction
from minpy.compiler.surroundings import Surroundings
from minpy.compiler.target import CALL_FILE
from minpy.errors import GradientError, UnsupportedError
from minpy.runtime.store import write_whole

#: Equations; the page of a larger graph does without the program of its gradient.
LARGE = 2000


class Explanation(Report):
    """What ``explain`` found. Print it, show it in a notebook, or take what you need of it.

    The attributes are those of ``Report``.
    """

    def __init__(self, function: JitFunction, is_foreseen: bool = False):
        self._function = function
        self._found = None if function.root is None else Collector(function)
        super().__init__(**_content(function, self._found, is_foreseen))

    @property
    def graphs(self) -> dict[int, list[Graphed]]:
        """The versions of each region with their compiled graphs, by the region's number."""
        return self._found.graphs if self._found is not None else {}

    @property
    def source(self) -> str:
        """The residual program: Python that calls the compiled regions."""
        return "\n\n".join(self.residual)

    def ir(self, region: int, version: int = 0) -> str:
        """The equations of a region, after the passes, as text.

        Args:
            region: its number, from 1.
            version: which of its versions, from 0.

        Raises:
            IndexError: where there is no such region or version.
        """
        return str(self._compiled(region, version).graph)

    def symbol(self, region: int, version: int = 0) -> Any:
        """The graph of a region as an ``mxnet.sym.Symbol``; arguments as in ``ir``.

        Raises:
            IndexError: where there is no such region or version, or it computes nothing.
        """
        executor = self._compiled(region, version).executor
        if executor is None:
            raise IndexError(f"region {region} computes nothing, so it has no symbol")
        return executor.symbol

    def _compiled(self, region: int, version: int) -> Any:
        graphs = self.graphs.get(region)
        if not graphs:
            raise IndexError(f"{self.name} has {len(self.regions)} regions; there is no region {region}")
        if not -len(graphs) <= version < len(graphs):
            raise IndexError(f"region {region} has {len(graphs)} versions; there is no version {version}")
        return graphs[version].compiled

    @property
    def gradient_source(self) -> str:
        """The value and the gradient as a program of NumPy, which runs by itself.

        It is that of the newest version, with respect to the arguments that a gradient was taken of; where
        none was, to all arguments of floats. A comment with your own line is above what comes from it;
        ``w_bar`` is the gradient with respect to ``w``.

        Raises:
            UnsupportedError: not all of the function is compiled, its result is not an array of floats, or
                an op cannot be written in NumPy.
            GradientError: an op has no gradient.
        """
        program, root = self._function.program, self._function.root
        plans = [plan for plan in root.plans if plan.compiled is not None] if root is not None else []
        if program is None or not plans:
            raise UnsupportedError(
                f"{self.name} is not compiled as a whole, so there is no program of its gradient"
            )
        with_gradient = [plan for plan in plans if plan.purpose != "value"]
        return gradient_source(program, (with_gradient or plans)[-1])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists, strings and numbers, fit for JSON."""
        return asdict(self)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one page, which needs nothing from elsewhere.

        Raises:
            OSError: where the file cannot be written; nothing is changed then.
        """
        write_whole(path, page(self.name, [self._repr_html_()]))

    def _repr_html_(self) -> str:
        """The report in a notebook."""
        graphs = {n: [found.compiled.graph for found in versions] for n, versions in self.graphs.items()}
        programs = {"The program that calls the regions": self.source} if self.residual else {}
        if max((graph.size for versions in graphs.values() for graph in versions), default=0) < LARGE:
            with contextlib.suppress(UnsupportedError, GradientError):
                programs["The gradient, as a program of NumPy"] = self.gradient_source
        return fragment(self, graphs, programs)

    def __str__(self) -> str:
        return as_text(self)

    __repr__ = __str__


def _content(function: JitFunction, found: Collector | None, is_foreseen: bool) -> dict[str, Any]:
    """The fields of the report."""
    name = getattr(function, "__qualname__", repr(function))
    if found is None or function.root is None:
        reason = function.reason
        text = f"runs as plain Python, because {reason}"
        if reason.startswith("the source of"):
            text = f"{text}; to compile it: {advice(reason)}"
        return {"name": name, "verdict": text, "reason": reason, "calls": function.calls}
    program, source = found.program, found.program.source
    hits = max(0, function.calls - function.root.misses)
    compilations, seconds = program.compilations, program.compile_seconds
    if compilations:
        again = seconds * len(found.recompilations) / compilations
        text = verdict(found.shares, found.regions, found.leftovers, found.recompilations, again)
    elif function.calls:
        text = "ran as plain Python, because the policy or minpy.eager keeps compiled code from running"
    else:
        text = f"not called yet, so nothing is compiled; explain({name}, *args) compiles for arguments"
    lines, file = marked_lines(source, found.lines, found.leftovers), source.file
    if file.startswith(CALL_FILE):  # of a gradient; what the user wrote is what it calls
        lines, file = called_lines(lines, file)
        for region in found.regions:
            region.first_line, region.last_line = lines[0].number, lines[-1].number
    told = counts(function.calls, hits, compilations, seconds, program.evictions)
    return {
        "name": name,
        "file": file,
        "line": lines[0].number,
        "verdict": text,
        "counts": f"compiled for these arguments in {duration(seconds)}; nothing was run"
        if is_foreseen
        else told,
        "notes": found.notes,
        "calls": function.calls,
        "hits": hits,
        "compilations": compilations,
        "compile_seconds": seconds,
        "evictions": program.evictions,
        "shares": found.shares,
        "lines": lines,
        "regions": found.regions,
        "leftovers": found.leftovers,
        "recompilations": found.recompilations,
        "residual": found.residual,
    }


def explain(function: Any, *args: Any, **kwargs: Any) -> Explanation:
    """What is compiled of a jitted function, line by line, with reasons and costs.

    Without arguments: what happened in the calls so far. With arguments: the function is compiled for these,
    and nothing is run: the arguments stay as they are, and so do the compiled versions and counts of the
    function. What only a run can tell, such as what comes out of a statement that is left to Python, is said
    to be not foreseen.

    Args:
        function: what ``jit`` returned, a method of it, or a gradient of it.

    Raises:
        TypeError: for a function that is not jitted, or arguments that it does not take.
    """
    given = (args, kwargs) if args or kwargs else None
    found: Any = function
    wanted: Any = ()
    while not isinstance(found, JitFunction):
        if isinstance(found, types.MethodType):
            found, args = found.__func__, (found.__self__, *args)
        elif isinstance(found, functools.partial):
            found, args, kwargs = found.func, (*found.args, *args), {**found.keywords, **kwargs}
        elif given is not None and hasattr(found, "joint_call"):
            call = found.joint_call(args, kwargs)
            found, args, kwargs, wanted = call[:4] if call is not None else (None, (), {}, ())
        else:
            found = getattr(found, "function", None)
        if found is None:
            raise TypeError(f"explain takes a function decorated with minpy.jit, not {function!r}")
    if given is None:
        gradient = getattr(found.function, "__wrapped__", None)
        is_gradient = hasattr(type(gradient), "__minpy_jit__")
        if is_gradient and found.root is not None and any(plan.leftovers for plan in found.root.plans):
            return explain(gradient)  # not one graph: what is compiled of the function itself is of interest
        return Explanation(found)
    with Surroundings():
        return Explanation(foresee(found, args, kwargs, wanted), is_foreseen=True)
