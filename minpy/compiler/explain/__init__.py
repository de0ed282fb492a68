"""``minpy.explain``: what of a function was compiled, what was not, why, and what it cost."""

from __future__ import annotations

import contextlib
import functools
import os
import types
from dataclasses import asdict
from typing import Any

from minpy.compiler.explain.collect import Collector, Graphed
from minpy.compiler.explain.foresee import foresee
from minpy.compiler.explain.gradient_source import gradient_source
from minpy.compiler.explain.html import fragment, page
from minpy.compiler.explain.marks import marked_lines
from minpy.compiler.explain.report import Report
from minpy.compiler.explain.summary import counts, verdict
from minpy.compiler.explain.text import as_text, duration
from minpy.compiler.jit import JitFunction
from minpy.compiler.regions import Plan, Program
from minpy.errors import GradientError, UnsupportedError
from minpy.runtime.store import write_whole


class Explanation(Report):
    """What ``explain`` found. Print it, show it in a notebook, or take what you need of it.

    The attributes are those of ``Report``.
    """

    _graphs: dict[int, list[Graphed]]
    _whole: list[Plan]  # those of the whole function
    _program: Program

    def __init__(self, function: JitFunction, is_foreseen: bool = False):
        name = getattr(function, "__qualname__", repr(function))
        if function.root is None or function.program is None:
            text = f"runs as plain Python, because {function.reason}"
            self._graphs, self._whole = {}, []
            super().__init__(name=name, reason=function.reason, verdict=text, calls=function.calls)
            return
        found = Collector(function)
        program, source = function.program, function.program.source
        hits = max(0, function.calls - function.root.misses)
        again = program.compile_seconds * len(found.recompilations) / max(program.compilations, 1)
        if program.compilations:
            text = verdict(found.shares, found.regions, found.leftovers, found.recompilations, again)
        else:
            text = f"not called yet, so nothing is compiled; explain({name}, *args) compiles for arguments"
        super().__init__(
            name=name,
            file=source.file,
            line=source.first_line,
            verdict=text,
            counts=(
                f"compiled for these arguments in {duration(program.compile_seconds)}; nothing was run"
                if is_foreseen
                else counts(
                    function.calls, hits, program.compilations, program.compile_seconds, program.evictions
                )
            ),
            notes=found.notes,
            calls=function.calls,
            hits=hits,
            compilations=program.compilations,
            compile_seconds=program.compile_seconds,
            evictions=program.evictions,
            shares=found.shares,
            lines=marked_lines(source, found.lines, found.leftovers),
            regions=found.regions,
            leftovers=found.leftovers,
            recompilations=found.recompilations,
            residual=found.residual,
        )
        self._graphs = found.graphs
        self._program = program
        self._whole = [plan for plan in function.root.plans if plan.compiled is not None]

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
        graphs = self._graphs.get(region)
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
        plans = self._whole
        if not plans:
            raise UnsupportedError(
                f"{self.name} is not compiled as a whole, so there is no program of its gradient"
            )
        with_gradient = [plan for plan in plans if plan.purpose != "value"]
        return gradient_source(self._program, (with_gradient or plans)[-1])

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
        graphs = {n: [found.compiled.graph for found in versions] for n, versions in self._graphs.items()}
        programs = {"The program that calls the regions": self.source} if self.residual else {}
        with contextlib.suppress(UnsupportedError, GradientError):
            programs["The gradient, as a program of NumPy"] = self.gradient_source
        return fragment(self, graphs, programs)

    def __str__(self) -> str:
        return as_text(self)

    __repr__ = __str__


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
            found, args, kwargs, wanted = found.joint_call(args, kwargs) or (None, (), {}, ())
        else:
            found = getattr(found, "function", None)
        if found is None:
            raise TypeError(f"explain takes a function decorated with minpy.jit, not {function!r}")
    if given is None:
        return Explanation(found)
    return Explanation(foresee(found, args, kwargs, wanted), is_foreseen=True)
