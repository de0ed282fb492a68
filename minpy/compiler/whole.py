"""A function that compiles as a whole as one graph without kernels, for others to run it."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import numpy

from minpy.compiler.driver import PASSES, optimize
from minpy.compiler.explain import Explanation
from minpy.compiler.explain.foresee import foresee
from minpy.compiler.ir import Atom, Graph, Literal, Var
from minpy.compiler.jit import jit
from minpy.compiler.passes import is_on
from minpy.errors import NotCompiledError


class Whole(NamedTuple):
    """A graph of operators of MXNet's, with the array that it computes as its one output.

    ``inputs`` has for each input where it is read from, as text, and what was found there.
    """

    graph: Graph
    inputs: list[tuple[str, Any]]


def whole_graph(function: Callable, *args: Any) -> Whole:
    """The graph of a function for arguments, of which nothing is run. Numbers are constants of it.

    Raises:
        NotCompiledError: something is left to Python, the numbers are random, or the result is not one array
            that is computed. The text says which line.
    """
    foreseen = foresee(jit(function), args, {})
    name = foreseen.__name__
    plans = list(foreseen.root.plans) if foreseen.root is not None else []
    plan = plans[0] if len(plans) == 1 else None
    if plan is None or plan.lowered is None or plan.runnable is None:
        raise NotCompiledError(_leftovers(Explanation(foreseen, True)))
    lowered = plan.lowered
    if lowered.states:
        raise NotCompiledError(
            f"{name} draws random numbers, which no graph of MXNet's operators can do alike"
        )
    if not isinstance(lowered.result, Var):
        raise NotCompiledError(f"{name} does not give one array that it computes")
    values = foreseen.target.values(args, {})
    known = dict(zip(foreseen.root.inputs, values or ()))  # type: ignore[union-attr]
    found = [(str(path), path.resolve(known, plan.conditions.fixed)) for path in plan.input_paths]
    numbers = {
        var: Literal(value if isinstance(value, (int, float)) else numpy.asarray(value))
        for var, (_, value) in zip(plan.runnable.graph.inputs, found)
        if var.aval.ndim == 0
    }
    graph = _with_constants(plan.runnable.graph, numbers, lowered.result)
    graph, _ = optimize(graph, [name for name in PASSES if name != "fuse" and is_on(name)])
    if graph.outputs[0] in graph.inputs or isinstance(graph.outputs[0], Literal):
        raise NotCompiledError(f"{name} does not give one array that it computes")
    return Whole(graph, [x for var, x in zip(plan.runnable.graph.inputs, found) if var not in numbers])


def _leftovers(found: Explanation) -> str:
    """What keeps a function from being one graph, with its lines."""
    texts = [
        f"line {left.cause.line} of {left.cause.file}: {left.reason}\n    {left.cause_text}"
        for left in found.leftovers
        if not left.is_unforeseen
    ]
    return "\n".join([f"{found.name} is not one graph", *(texts or [found.reason])])


def _with_constants(graph: Graph, constants: dict[Var, Literal], output: Atom) -> Graph:
    """A graph that gives one of its variables, with constants for some of its inputs."""

    def atom(x: Any) -> Atom:
        return constants.get(x, x) if isinstance(x, Var) else x

    inputs = tuple(var for var in graph.inputs if var not in constants)
    eqns = tuple(eqn._replace(inputs=tuple(map(atom, eqn.inputs))) for eqn in graph.eqns)
    return Graph(inputs, eqns, (atom(output),))
