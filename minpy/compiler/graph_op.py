"""A compiled graph as one op of the eager tape: its gradient is a compiled graph too."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from time import perf_counter as now
from typing import Any, Callable, NamedTuple

import numpy

from minpy.compiler.collector import no_collection
from minpy.compiler.driver import Compiled, compile_graph
from minpy.compiler.ir import Eqn, Graph, Var
from minpy.compiler.reference import look_for_nans
from minpy.compiler.trace import ARRAY, Trace, Tracer, flows, replay
from minpy.errors import GradientError, UnsupportedError
from minpy.ops import Op
from minpy.runtime import stopwatch, watch
from minpy.runtime.array import Array, Value, same_context
from minpy.runtime.context import Context, current_context
from minpy.runtime.dispatch import run_op
from minpy.runtime.forking import compilation
from minpy.runtime.native import MXNetError
from minpy.runtime.tape import live_tape


def run_compiled(compiled: Compiled, inputs: Sequence[Any], free: Collection[int] = ()) -> list[Value]:
    """Run a compiled graph on arrays. Each output is a new value, which nobody else holds.

    It may be in the memory of one of the inputs that are ``free``.
    """
    values = [_value(x) for x in inputs]
    context = context_of(values)
    if watch.current is not None:
        look_for_nans(compiled.lowered, values)  # which has what the user wrote
    if stopwatch.current is not None:
        stopwatch.current.look_inside(compiled, values, context)
    started = now()
    for value in values:
        if value.context is not context:
            same_context(context, value.context)
    results = compiled.executor(values, context, free) if compiled.executor is not None else []
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
    ended = now()
    compiled.meter.calls += 1
    compiled.meter.seconds += ended - started
    if stopwatch.current is not None:
        stopwatch.current.add("region", compiled, started, ended)
    return outputs


def context_of(values: Sequence[Any]) -> Context:
    """The device of arrays that meet in a graph."""
    return _value(values[0]).context if values else current_context()


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
        super().__init__(
            "region", numpy=_no_reference, infer=lambda *args: told, cost="compute", selects=True
        )
        self.graph = graph
        self.compiled = compiled
        self.purpose = purpose
        self.split_seconds = 0.0
        self.refused = ""
        self.check: Callable | None = None
        self._splits: dict[tuple[int, ...], Split] = {}
        self._split: Split | None = None  # that this op is the forward of
        self._recomputing: dict[tuple, Backward] = {}
        self.execute = self._execute

    def _execute(self, values: tuple) -> tuple[Value, ...]:
        if self.compiled is not None:
            return tuple(run_compiled(self.compiled, values))
        started = now()
        with no_collection():
            self.compiled = compile_graph(self.graph, context=context_of(values))
        if stopwatch.current is not None:
            stopwatch.current.add("compile", self.compiled, started, now())
        results = tuple(run_compiled(self.compiled, values))
        if self.check is not None:
            self.check(self.graph, [_value(value).numpy() for value in values], results)
        return results

    def derived(self) -> Iterator[GraphOp]:
        """The ops that were made for gradients of this one, to any order."""
        made = [op for split in self._splits.values() for op in (split.forward, *split.backwards)]
        for op in (*made, *[backward.op for backward in self._recomputing.values()]):
            yield op
            yield from op.derived()

    def call(self, *args: Any) -> tuple[Any, ...]:
        """Apply to arrays and record it where a gradient is running; gives a tuple of arrays."""
        values = [arg._current() if isinstance(arg, Array) else arg for arg in args]
        tape = live_tape(values)
        if tape is None or not self.graph.outputs:  # which only checks something
            return tuple(map(Array, self._execute(tuple(values))))
        wanted = tuple(
            i
            for i, value in enumerate(values)
            if type(value) is Value and value.tape is tape and flows(value)
        )
        try:
            extended = self.split(wanted).forward
        except (UnsupportedError, GradientError) as error:
            self.refused = str(error)
            # Some rule cannot be compiled. Op by op the tape can run it, or never asks for it.
            return self._op_by_op(args)
        results = run_op(extended, args, {})
        results = results if isinstance(results, tuple) else (results,)
        return results[: len(self.graph.outputs)]

    def _op_by_op(self, args: Sequence[Any]) -> tuple[Array, ...]:
        results = replay(Trace(), self.graph, args)
        return tuple(x if isinstance(x, Array) else Array(_value(x)) for x in results)

    def split(self, wanted: tuple[int, ...]) -> Split:
        """This op as one that gives what its backward needs as further outputs, and the backward."""
        found = self._splits.get(wanted)
        if found is None:
            started = now()
            with no_collection():
                found = self._splits[wanted] = Split(self, wanted)
            ended = now()
            self.split_seconds += ended - started
            if stopwatch.current is not None:
                stopwatch.current.add("compile", self.compiled, started, ended)
        return found

    def pull_back(self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict) -> dict[int, Any]:
        return self.pull_back_selected(wanted, g, ans, args, params, ())[0]

    def pull_back_selected(
        self, wanted: Sequence[int], g: Any, ans: Any, args: tuple, params: dict, hidden: Sequence[int]
    ) -> tuple[dict[int, Any], Sequence[int]]:
        cotangents = g if isinstance(g, tuple) else (g,)
        answers = ans if isinstance(ans, tuple) else (ans,)
        present = tuple([i for i, cotangent in enumerate(cotangents) if cotangent is not None])
        assert self._split is not None
        hidden = tuple(i for i in hidden if i in present)
        found = self._split.backward(present, hidden) or self._recompute(present, hidden)
        values = {"input": args, "output": answers, "cotangent": cotangents}
        taken = [values[source][i] for source, i in found.sources]
        try:
            results = found.op.call(*taken) if found.given else ()
        except MXNetError:  # an operator fails on the data; op by op NumPy runs it, or says what is wrong
            results = found.op._op_by_op(taken)
        parts = {position: result for position, result in zip(found.given, results) if position in wanted}
        return parts, found.unselected

    def _recompute(self, present: tuple[int, ...], hidden: tuple[int, ...]) -> Backward:
        """A backward from the inputs and the cotangents of any outputs, residuals included."""
        found = self._recomputing.get((present, hidden))
        if found is None:
            assert self._split is not None
            trace, inputs, outputs = _replayed(self.graph)
            wanted, unselected = self._split.wanted, {id(outputs[i].atom) for i in hidden}
            with no_collection(), trace.interpreting():
                seeds = [(outputs[i], _cotangent_input(trace, outputs[i])) for i in present]
                grads = trace.gradients(seeds, [inputs[i] for i in wanted], unselected=unselected)
            graph = trace.graph([grad.atom for grad in grads if grad is not None])
            sources = dict(zip(graph.inputs, [("input", i) for i in range(len(inputs))]))
            sources.update(zip(graph.inputs[len(inputs) :], [("cotangent", i) for i in present]))
            graph = _used_part(graph)
            op = GraphOp(graph, purpose=f"gradient of the {self.purpose}, from its inputs")
            op.check = self.check
            found = self._recomputing[present, hidden] = Backward(
                op,
                [sources[var] for var in graph.inputs],
                [i for i, grad in zip(wanted, grads) if grad is not None],
                [i for i in wanted if id(inputs[i].atom) in unselected],
            )
        return found


def _used_part(graph: Graph) -> Graph:
    """A graph without inputs and equations that its outputs do not depend on. What may fail ran before."""
    live, eqns = set(graph.outputs), []
    for eqn in reversed(graph.eqns):
        if not live.isdisjoint(eqn.outputs):
            live.update(eqn.inputs)
            eqns.append(eqn)
    return Graph(tuple(filter(live.__contains__, graph.inputs)), tuple(reversed(eqns)), graph.outputs)


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
    trace.raise_idioms()  # now, since a gradient that is taken off again has to leave it as it is
    return trace, inputs, outputs


def _cotangent_input(trace: Trace, output: Tracer) -> Tracer:
    name = getattr(output.atom, "name", "")
    return trace.input(output.aval, ARRAY, f"{name}_bar" if name else "")


class Backward(NamedTuple):
    """A backward op, where its inputs come from, and the positions that it gives cotangents for.

    A source is ('input', position), ('output', position) of the forward, or ('cotangent', position).
    ``unselected`` are the positions of inputs of which not every element is selected on the way.
    """

    op: GraphOp
    sources: list[tuple[str, int]]
    given: list[int]
    unselected: list[int]


class Split:
    """A graph as forward and backward.

    Each set of results that cotangents come to has a backward of its own: nothing flows to what the others
    are computed from, so a derivative that is infinite there does no harm. So has each set of those of which
    not every element is selected later (see ``ops.reverse.pull_back``).

    Attributes:
        forward: gives the results, and what backward needs of what is computed on the way.
        wanted: the positions of the inputs that cotangents are taken to.
    """

    def __init__(self, op: GraphOp, wanted: tuple[int, ...]):
        self.wanted = wanted
        self._of = op
        self._trace, self._inputs, self._outputs = _replayed(op.graph)
        self._lock = threading.Lock()
        trace = self._trace
        floats = tuple([i for i, output in enumerate(self._outputs) if flows(output)])
        visible = [output.atom for output in self._outputs]
        needed = self._differentiated(floats).needed
        residuals = [var for var in needed if var not in trace.inputs and var not in visible]
        outputs = (*visible, *residuals)
        self._sources = {var: ("output", i) for i, var in reversed(list(enumerate(outputs)))}
        self._sources.update({var: ("input", i) for i, var in enumerate(trace.inputs)})
        self.forward = GraphOp(Graph(tuple(trace.inputs), tuple(trace.eqns), outputs))
        self.forward.purpose = f"{op.purpose}, keeping what the gradient needs"
        self.forward.check = op.check
        self.forward._split = self
        self.forward.kept = self._kept(outputs, needed)
        self._backwards: dict[tuple, Backward | None] = {}

    def _kept(self, outputs: Sequence[Any], needed: Sequence[Any]) -> tuple[frozenset[int], frozenset[int]]:
        """The positions of the inputs that results with a gradient are computed from, and those of results
        with a gradient, or that the backward reads."""
        trace = self._trace
        flowing = {self._inputs[i].atom for i in self.wanted}
        for eqn in trace.eqns:
            if not (eqn.op.is_constant or flowing.isdisjoint(eqn.inputs)):
                flowing.update(filter(flows, eqn.outputs))
        read = {atom for atom in outputs if atom in flowing}
        for eqn in reversed(trace.eqns):
            if not read.isdisjoint(eqn.outputs):
                read.update(eqn.inputs)
        read.update(needed)
        kept = flowing.union(needed)
        return (
            frozenset(i for i, var in enumerate(trace.inputs) if var in read),
            frozenset(i for i, atom in enumerate(outputs) if atom in kept),
        )

    @property
    def backwards(self) -> list[GraphOp]:
        """The backward ops made so far."""
        return [found.op for found in self._backwards.values() if found is not None]

    def backward(self, present: tuple[int, ...], hidden: tuple[int, ...]) -> Backward | None:
        """Backward from the results at these positions; None where one is not a result of the graph.

        Of those at the positions ``hidden`` not every element is selected later.
        """
        key = present, hidden
        if key not in self._backwards:
            with compilation(), self._lock:
                if key not in self._backwards:  # another thread may have been faster
                    is_ours = all(i < len(self._outputs) for i in present)
                    self._backwards[key] = self._made(present, hidden) if is_ours else None
        return self._backwards[key]

    def _made(self, present: tuple[int, ...], hidden: tuple[int, ...]) -> Backward:
        with no_collection():
            found = self._differentiated(present, hidden)
        sources = {**self._sources, **found.seeds}
        op = GraphOp(Graph((*found.needed, *found.seeds), tuple(found.eqns), tuple(found.results.values())))
        op.purpose = f"gradient of the {self._of.purpose}"
        op.check = self._of.check
        taken = [sources[var] for var in op.graph.inputs]
        return Backward(op, taken, list(found.results), found.unselected)

    def _differentiated(self, present: tuple[int, ...], hidden: tuple[int, ...] = ()) -> _Differentiated:
        """Record the backward from some results, and leave the trace as it was."""
        trace, size, count = self._trace, len(self._trace.eqns), len(self._trace.inputs)
        unselected = {id(self._outputs[i].atom) for i in hidden}
        inputs = [self._inputs[i] for i in self.wanted]
        with trace.interpreting():
            seeds = [(self._outputs[i], _cotangent_input(trace, self._outputs[i])) for i in present]
            grads = trace.gradients(seeds, inputs, unselected=unselected)
        eqns = trace.eqns[size:]
        del trace.eqns[size:], trace.inputs[count:]
        results = {i: grad.atom for i, grad in zip(self.wanted, grads) if grad is not None}
        places: dict[Any, tuple[str, int]] = {
            seed.atom: ("cotangent", i) for i, (_, seed) in zip(present, seeds)
        }
        made = {var for eqn in eqns for var in eqn.outputs}
        read = dict.fromkeys([*(atom for eqn in eqns for atom in eqn.inputs), *results.values()])
        needed = [a for a in read if isinstance(a, Var) and a not in made and a not in places]
        passed_on = [i for i, x in zip(self.wanted, inputs) if id(x.atom) in unselected]
        return _Differentiated(eqns, needed, places, results, passed_on)


class _Differentiated(NamedTuple):
    """Equations of a backward, what they read of the forward, the cotangents, and results by position; and
    the positions of inputs of which not every element is selected."""

    eqns: list[Eqn]
    needed: list[Var]
    seeds: dict[Any, tuple[str, int]]
    results: dict[int, Any]
    unselected: list[int]
