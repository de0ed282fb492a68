"""What takes the time in a compiled graph: MXNet's operators and steps of kernels, with the user's lines."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from minpy.compiler.codegen.program import Check, Multiplication, planned_work
from minpy.compiler.driver import Compiled
from minpy.compiler.emit import emit
from minpy.compiler.ir import Eqn, Graph, Loc
from minpy.compiler.kernel import constants_of
from minpy.profiling.recorder import Inside
from minpy.runtime.kernels import OPERATOR


class Part(NamedTuple):
    """An operator or a step of a kernel. ``locs`` are the lines that it computes."""

    name: str
    kind: str
    locs: tuple[Loc, ...]
    seconds: float


AROUND = "inputs and results"


def parts_of(compiled: Compiled, seconds: float, calls: int, inside: Inside) -> list[Part]:
    """What a graph's time is made of; adds up to ``seconds``.

    Steps of kernels were timed in the runs themselves. MXNet's operators were timed when the graph ran node
    by node; where they took longer so than all of the graph takes, they are scaled down to that.
    """
    executor = compiled.executor
    if executor is None or not calls:
        return [Part(AROUND, "", (), seconds)] if seconds else []
    graph = compiled.graph
    kernels = [eqn for eqn in graph.eqns if eqn.body is not None]
    counted = calls / (calls + inside.runs)  # of the runs in which steps were timed
    found = [
        step._replace(seconds=step.seconds * counted)
        for kernel, times in zip(kernels, executor.take_seconds())
        for step in _steps(kernel, times)
    ]
    if inside.runs:
        origins: dict[str, Eqn] = {}
        emit(graph._replace(outputs=_computed(graph)), origins=origins)
        operators = executor.operator_names()
        for name, times in inside.seconds.items():
            if operators[name] != OPERATOR:
                eqn = origins.get(name)
                locs = (eqn.loc,) if eqn is not None and eqn.loc is not None else ()
                found.append(Part(operators[name], "operator", locs, calls * median(times)))
    total = sum(part.seconds for part in found)
    if total > seconds:
        found = [part._replace(seconds=part.seconds * seconds / total) for part in found]
    return [*found, Part(AROUND, "", (), max(0.0, seconds - total))]


def _computed(graph: Graph) -> tuple:
    """The outputs that are computed, each once, as ``driver`` emits them."""
    bound = {var for eqn in graph.eqns for var in eqn.outputs}
    return tuple(dict.fromkeys(atom for atom in graph.outputs if atom in bound))


def _steps(kernel: Eqn, seconds: list[float]) -> Iterator[Part]:
    """The steps of a kernel with their times."""
    assert kernel.body is not None
    work = planned_work(kernel.body, constants_of(kernel))
    assert len(work) == len(seconds), "a program is planned the same way each time"
    for step, time in zip(work, seconds):
        if isinstance(step, Check):
            yield Part("check", "kernel", (), time)
            continue
        what = f"matrix product {step.m}x{step.k}x{step.n}" if isinstance(step, Multiplication) else "loops"
        names = list(dict.fromkeys(eqn.op.name for eqn in step.eqns)) or ["fill"]
        told = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        locs = tuple(dict.fromkeys(eqn.loc for eqn in step.eqns if eqn.loc is not None))
        yield Part(f"{what}: {told}", "kernel", locs, time)
