"""A compiled graph as one op of the eager tape: its gradient is a compiled graph too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter as now
from typing import Any, Callable

import numpy

from minpy.compiler.driver import Compiled, compile_graph
from minpy.compiler.ir import Graph, Var
from minpy.compiler.reference import look_for_nans
from minpy.compiler.trace import ARRAY, Trace, Tracer, flows, replay
from minpy.errors import GradientError, UnsupportedError
from minpy.ops import Op
from minpy.runtime import watch
from minpy.runtime.array import Array, Value, same_context
from minpy.runtime.context import current_context
from minpy.runtime.dispatch import run_op
from minpy.runtime.tape import live_tape


def run_compiled(compiled: Compiled, inputs: Sequence[Any]) -> list[Value]:
    """Run a compiled graph on arrays. Each output is a new value, which nobody else holds."""
    started = now()
    values = [_value(x) for x in inputs]
    if watch.current is not None:
        look_for_nans(compiled.graph, values)
    context = values[0].context if values else current_context()
    for value in values:
        if value.context is not context:
            same_context(context, value.context)
    results = compiled.executor(values, context) if compiled.executor is not None else []
    outputs: list[Value] = []
    given: set[int] = set()
    for source, what in compiled.outputs:
        if source == "constant":
            outputs.append(Value(numpy.array(what), context=context))
        elif source == "computed" and what not in given:
            given.add(what)
            outputs.append(results[what])
        else:
            outputs.append(Array(results[what] if source == "computed" else values[what]).copy()._value)
    del values  # which may take MXNet's arrays with them
    compiled.meter.calls += 1
    compiled.meter.seconds += now() - started
    return outputs


class GraphOp(Op):
    """Runs a graph. Differentiating it gives a GraphOp again, so any order of gradient works.

    Args:
        graph: with variables as outputs.
        compiled: the same compiled, where that was done already.
        purpose: what it computes, for ``explain``.

    Attributes:
        split_seconds: what taking it apart into forward and backward took.
        refused: why its gradient is not compiled, so that the tape runs the graph op by op.
        check: called with graph, inputs and results of the first run of each graph for a gradient.
    """

    def __init__(self, graph: Graph, compiled: Compiled | None = None, purpose: str = "value"):
        avals = tuple(atom.aval for atom in graph.outputs)
        told = avals[0] if len(avals) == 1 else avals
        super().__init__("region", numpy=_no_reference, infer=lambda *args: told, cost="compute")
        self.graph = graph
        self.compiled = compiled
        self.purpose = purpose
        self.split_seconds = 0.0
        self.refused = ""
        self.check: Callable | None = None
        self._extended: dict[tuple[int, ...], tuple[GraphOp, GraphOp, list, list]] = {}
        self._recomputing: dict[Any, tuple[GraphOp, list]] = {}
        self.execute = self._execute

    def _execute(self, values: tuple) -> tuple[Value, ...]:
        if self.compiled is not None:
            return tuple(run_compiled(self.compiled, values))
        self.compiled = compile_graph(self.graph)
        results = tuple(run_compiled(self.compiled, values))
        if self.check is not None:
            self.check(self.graph, [_value(value).numpy() for value in values], results)
        return results

    def derived(self) -> Iterator[GraphOp]:
        """The ops that were made for gradients of this one, to any order."""
        made = [op for extended, backward, *_ in self._extended.values() for op in (extended, backward)]
        for op in (*made, *[backward for backward, _ in self._recomputing.values()]):
            yield op
            yield from op.derived()

    def call(self, *args: Any) -> tuple[Any, ...]:
        """Apply to arrays and record it where a gradient is running; gives a tuple of arrays."""
        values = [arg._current() if isinstance(arg, Array) else arg for arg in args]
        tape = live_tape(values)
        if tape is None:
            return tuple(map(Array, self._execute(tuple(values))))
        wanted = tuple(
            i
            for i, value in enumerate(values)
            if type(value) is Value and value.tape is tape and flows(value)
        )
        try:
            extended = self.with_residuals(wanted)[0]
        except (UnsupportedError, GradientError) as error:
            self.refused = str(error)
            # Some rule cannot be compiled. Op by op the tape can run it, or never asks for it.
            again = replay(Trace(), self.graph, args)
            return tuple(x if isinstance(x, Array) else Array(_value(x)) for x in again)
        results = run_op(extended, args, {})
        results = results if isinstance(results, tuple) else (results,)
        return results[: len(self.graph.outputs)]

    def with_residuals(self, wanted: tuple[int, ...]) -> tuple[GraphOp, GraphOp, list, list]:
        """This op giving what its backward needs as further outputs, and the backward op.

        Returns:
            The extended op; the backward op; for each input of the backward op where it comes from:
            ('input', position), ('output', position) or ('cotangent', position of the output); the
            positions in ``wanted`` that it gives cotangents for.
        """
        found = self._extended.get(wanted)
        if found is None:
            started = now()
            found = self._extended[wanted] = _split(self.graph, wanted)
            self.split_seconds += now() - started
            found[0].purpose = f"{self.purpose}, keeping what the gradient needs"
            found[1].purpose = f"gradient of the {self.purpose}"
            found[0]._backward = found[1:]  # type: ignore[attr-defined]
            found[0]._wanted = wanted  # type: ignore[attr-defined]
            found[0].check = found[1].check = self.check
        return found

    def pull_back(self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        cotangents = g if isinstance(g, tuple) else (g,)
        answers = ans if isinstance(ans, tuple) else (ans,)
        present = [i for i, cotangent in enumerate(cotangents) if cotangent is not None]
        backward, sources, given = self._backward  # type: ignore[attr-defined]
        differentiable = {i for source, i in sources if source == "cotangent"}
        if set(present) <= differentiable:
            taken = [self._source(source, i, args, answers, cotangents) for source, i in sources]
        else:
            backward, given = self._recompute(tuple(present))
            taken = [*args, *(cotangents[i] for i in present)]
        results = backward.call(*taken) if given else ()
        return {position: result for position, result in zip(given, results) if position in set(wanted)}

    def _source(self, source: str, i: int, args: tuple, answers: tuple, cotangents: tuple) -> Any:
        if source == "input":
            return args[i]
        if source == "output":
            return answers[i]
        if cotangents[i] is not None:
            return cotangents[i]
        aval = self.graph.outputs[i].aval
        return Array(Value(numpy.zeros(aval.shape, aval.dtype)))

    def _recompute(self, present: tuple[int, ...]) -> tuple[GraphOp, list]:
        """A backward op from the inputs and the cotangents of any outputs, residuals included."""
        found = self._recomputing.get(present)
        if found is None:
            trace, inputs, outputs = _replayed(self.graph)
            with trace.interpreting():
                seeds = [(outputs[i], _cotangent_input(trace, outputs[i])) for i in present]
                grads = trace.gradients(seeds, [inputs[i] for i in self._wanted])  # type: ignore[attr-defined]
            given = [i for i, grad in zip(self._wanted, grads) if grad is not None]  # type: ignore[attr-defined]
            graph = trace.graph([grad.atom for grad in grads if grad is not None])
            op = GraphOp(graph, purpose=f"gradient of the {self.purpose}, from its inputs")
            op.check = self.check
            found = self._recomputing[present] = (op, given)
        return found


def _no_reference(*args: Any) -> Any:
    raise AssertionError("a region runs by its graph")


def _value(x: Any) -> Value:
    if type(x) is Value:
        return x
    return x._current() if isinstance(x, Array) else Value(numpy.asarray(x))


def _replayed(graph: Graph) -> tuple[Trace, list[Tracer], list[Tracer]]:
    trace = Trace()
    trace.namespace = ARRAY
    with trace.interpreting():
        inputs = [trace.input(var.aval, ARRAY, var.name) for var in graph.inputs]
        outputs = replay(trace, graph, inputs)
    return trace, inputs, outputs


def _cotangent_input(trace: Trace, output: Tracer) -> Tracer:
    name = getattr(output.atom, "name", "")
    return trace.input(output.aval, ARRAY, f"{name}_bar" if name else "")


def _split(graph: Graph, wanted: tuple[int, ...]) -> tuple[GraphOp, GraphOp, list, list]:
    """Forward and backward as two graphs; see ``GraphOp.with_residuals``."""
    trace, inputs, outputs = _replayed(graph)
    forward_size = len(trace.eqns)
    primal_inputs = list(trace.inputs)
    floats = [i for i, output in enumerate(outputs) if flows(output)]
    with trace.interpreting():
        seeds = [(outputs[i], _cotangent_input(trace, outputs[i])) for i in floats]
        grads = trace.gradients(seeds, [inputs[i] for i in wanted])
    given = [i for i, grad in zip(wanted, grads) if grad is not None]
    results = [grad.atom for grad in grads if grad is not None]
    forward, backward = trace.eqns[:forward_size], trace.eqns[forward_size:]

    made = {var for eqn in backward for var in eqn.outputs}
    seed_of = {seed.atom: i for i, (_, seed) in zip(floats, seeds)}
    needed: dict[Any, None] = {}
    for atom in (*(atom for eqn in backward for atom in eqn.inputs), *results):
        if isinstance(atom, Var) and atom not in made:
            needed[atom] = None
    visible = [output.atom for output in outputs]
    residuals = [
        var for var in needed if var not in primal_inputs and var not in seed_of and var not in visible
    ]
    extended = Graph(tuple(primal_inputs), tuple(forward), tuple(visible + residuals))
    places = visible + residuals
    sources: list[tuple[str, int]] = []
    for var in needed:
        if var in seed_of:
            sources.append(("cotangent", seed_of[var]))
        elif var in primal_inputs:
            sources.append(("input", primal_inputs.index(var)))
        else:
            sources.append(("output", places.index(var)))
    unused = [i for i in floats if ("cotangent", i) not in sources]
    sources.extend(("cotangent", i) for i in unused)
    backward_inputs = (*needed, *(seeds[floats.index(i)][1].atom for i in unused))
    return GraphOp(extended), GraphOp(Graph(backward_inputs, tuple(backward), tuple(results))), sources, given
