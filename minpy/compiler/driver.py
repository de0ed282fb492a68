"""The compiler from top to bottom: source -> lower -> differentiate -> passes -> emit.

This file is the list of what happens to a block, in order; each step has a file of its own.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from time import perf_counter as now
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy

from minpy.compiler import kept
from minpy.compiler.aliasing import AliasRequest
from minpy.compiler.emit import Emitted, emit
from minpy.compiler.guards import Guards
from minpy.compiler.ir import Atom, Graph, Literal, Loc, check_graph
from minpy.compiler.kept import Outputs
from minpy.compiler.lowering.control import Returned
from minpy.compiler.lowering.effects import Effect
from minpy.compiler.lowering.lower import Leftover, Lowering
from minpy.compiler.lowering.reads import PinRequest, ReadRequest
from minpy.compiler.passes import check_settings, is_on, makes_kernels
from minpy.compiler.passes.accumulation import accumulate_products
from minpy.compiler.passes.algebra import simplify
from minpy.compiler.passes.cse import merge_common_subexpressions
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.dense import add_biases
from minpy.compiler.passes.fold import fold_constants
from minpy.compiler.passes.fuse import fuse
from minpy.compiler.passes.hoisting import hoist_products
from minpy.compiler.passes.loops import roll_loops
from minpy.compiler.passes.raising import PASSES as RAISING
from minpy.compiler.passes.scaling import scale_factors
from minpy.compiler.passes.sums import collect_terms
from minpy.compiler.paths import Path, local_path
from minpy.compiler.reals import Number
from minpy.compiler.reuse import pairs
from minpy.compiler.source import Source
from minpy.compiler.trace import Trace
from minpy.compiler.tracer import FLOAT, Tracer
from minpy.compiler.varying import NUMBERS, Numbers
from minpy.runtime.context import CPU, Context
from minpy.runtime.executor import Executor
from minpy.runtime.kernels import code_made_ahead
from minpy.runtime.routes import Meter
from minpy.runtime.statistics import count_graph

if TYPE_CHECKING:
    from minpy.runtime.kernels.llvm import Making

#: The passes by name, in order. Each takes a graph and gives an equivalent one.
PASSES: dict[str, Callable[[Graph], Graph]] = {
    "fold": fold_constants,
    **RAISING,
    "cse": merge_common_subexpressions,
    "loops": roll_loops,
    "hoisting": hoist_products,
    "algebra": simplify,
    "sums": collect_terms,
    "scaling": scale_factors,
    "dense": add_biases,
    "accumulation": accumulate_products,
    "dce": eliminate_dead_code,
    "fuse": fuse,
}


@dataclass
class Lowered:
    """A block whose every statement could be lowered.

    Attributes:
        returned: what the block returned, or None where it goes on.
        variables: of the block at its end.
        inputs: the inputs of the graph, as what they are at the end of the block.
        written: the inputs whose arrays are written.
        effects: what is done to other objects, in order.
        states: of generators that numbers are drawn from.
        lines: the lines that were lowered, in order.
        result: what is left of ``returned`` when the values are forgotten: of one array, its variable.
    """

    trace: Trace
    guards: Guards
    returned: Returned | None
    variables: dict[str, Any]
    inputs: list[Tracer]
    float_inputs: frozenset[Any]
    written: tuple[Tracer, ...]
    effects: list[Effect]
    pinned: frozenset[tuple]
    states: tuple[Path, ...]
    lines: tuple[Loc, ...]
    result: Atom | None = None

    def forget_values(self) -> None:
        """Let go of what the lowering read: a plan must not keep the user's objects alive."""
        value = self.returned.value if self.returned is not None else None
        # numbers are Python's
        self.result = value.atom if isinstance(value, Tracer) and not isinstance(value, Number) else None
        self.returned = None
        self.variables = {}
        self.effects = []
        for tracer in self.inputs:
            tracer.origin = tracer.origin._replace(value=None)


class Refused(Exception):
    """Lowering stopped at a leftover. ``guards`` are the conditions under which it gets there."""

    def __init__(self, leftover: Leftover, guards: Guards, pinned: frozenset[tuple] = frozenset()):
        super().__init__(leftover.reason)
        self.leftover = leftover
        self.guards = guards
        self.pinned = pinned


def lower(
    source: Source,
    function: types.FunctionType,
    statements: Sequence[Any],
    values: dict[str, Any],
    static: frozenset[str] = frozenset(),
    shared: frozenset[str] = frozenset(),
    numbers: Numbers = NUMBERS,
) -> Lowered:
    """Lower a block for these values of its variables; those named ``static`` are constants.

    Functions outside of the block have the variables named ``shared`` too.

    Raises:
        Refused: a statement has to be left to Python.
    """
    pinned = frozenset(map(local_path, static))
    keys: frozenset[tuple] = frozenset()
    same: dict[Path, Path] = {}
    counted: frozenset[Path] = frozenset()
    while True:
        lowering = Lowering(source, function, pinned, same, shared, numbers, counted)
        try:
            returned = lowering.run(statements, values)
            return Lowered(
                trace=lowering.trace,
                guards=lowering.guards,
                returned=returned,
                variables=lowering.root.variables,
                inputs=lowering.inputs,
                float_inputs=frozenset(x.atom for x in lowering.inputs if x.kind == FLOAT),
                written=tuple(lowering.aliasing.written.values()),
                effects=lowering.effects.log,
                pinned=keys,
                states=tuple(lowering.states.values()),
                lines=tuple(lowering.lines),
            )
        except PinRequest as request:
            pinned |= {request.path}
            keys |= {lowering.guards.key(request.path)}
            continue
        except ReadRequest as request:
            counted |= {request.path}
            continue
        except AliasRequest as request:
            same[request.path] = request.same
            continue
        except Leftover as leftover:
            raise Refused(leftover, lowering.guards, keys) from None
        finally:
            lowering.forget()


class Stage(NamedTuple):
    """A graph as it was lowered, or after a pass.

    Attributes:
        size: its number of equations.
        rewritten: the lines that have equations which the pass made.
    """

    name: str
    size: int
    rewritten: frozenset[Loc] = frozenset()


def chosen_passes(context: Context = CPU) -> tuple[str, ...]:
    """The names of the passes that are to run; ``MINPY_PASSES=-cse,-raising`` leaves some out.

    Kernels are for the CPU only, where they can be made.

    Raises:
        SettingError: there is no such pass.
    """
    check_settings(PASSES)
    return tuple(name for name in PASSES if (makes_kernels(context) if name == "fuse" else is_on(name)))


def run_passes(graph: Graph, passes: Sequence[str]) -> Iterator[tuple[str, Graph]]:
    """Run passes, and give the graph after each."""
    for name in passes:
        if name == "loops":
            graph = roll_loops(graph, with_kernels="fuse" in passes)
        else:
            graph = PASSES[name](graph)
        yield name, graph


def optimize(graph: Graph, passes: Sequence[str] | None = None) -> tuple[Graph, list[Stage]]:
    """Run passes, those that are chosen, and tell what the graph was at the start and after each of them."""
    stages = [Stage("lowered", graph.size)]
    for name, after in run_passes(graph, chosen_passes() if passes is None else passes):
        stages.append(Stage(name, after.size, _rewritten(graph, after)))
        graph = after
    return graph, stages


@dataclass
class Compiled:
    """A graph that runs. ``executor`` is None where nothing is left to compute.

    ``outputs`` has for each output of the original graph: an index into the executor's outputs, an
    input ('input', position), or a constant ('constant', array).

    Attributes:
        lowered: the graph before the passes.
        passes: those that ran.
        meter: how often it ran, and how long in total.
        compile_seconds: what optimizing and emitting took.
        reused: outputs of the executor, and the inputs whose memory they may take.
        was_kept: it came from ``minpy.cache_dir()``, and no pass had to run.
    """

    lowered: Graph
    passes: tuple[str, ...]
    executor: Executor | None
    outputs: Outputs
    compile_seconds: float = 0.0
    meter: Meter = field(default_factory=Meter)
    reused: dict[int, int] = field(default_factory=dict)
    was_kept: bool = False

    @functools.cached_property
    def _history(self) -> tuple[Graph, list[Stage]]:
        """Running needs the executor only, so this is made when ``explain`` asks."""
        return optimize(self.lowered, self.passes)

    @property
    def graph(self) -> Graph:
        """The graph after the passes."""
        return self._history[0]

    @property
    def stages(self) -> list[Stage]:
        """The graph as it was lowered, and after each pass."""
        return self._history[1]


def _rewritten(before: Graph, after: Graph) -> frozenset[Loc]:
    """The lines of equations that apply another op than before, or are new."""
    known = {(eqn.op, eqn.outputs) for eqn in before.eqns}
    new = Graph((), tuple(eqn for eqn in after.eqns if (eqn.op, eqn.outputs) not in known), ())
    return frozenset(eqn.loc for eqn in new.flat if eqn.loc)


def compile_graph(graph: Graph, donated: Collection[int] = (), context: Context = CPU) -> Compiled:
    """Optimize and emit a graph for a device, or take what was kept of it.

    ``donated`` are the inputs that the caller gives up.
    ``MINPY_DUMP=all`` or the name of a pass prints the graph after it; ``MINPY_CHECK=1`` verifies the graph
    after every pass. Then the passes run each time.

    Raises:
        UnsupportedError: where MXNet lacks an operator.
        SettingError: there is no such pass.
    """
    started = now()
    passes = chosen_passes(context)
    is_watched = os.environ.get("MINPY_CHECK") == "1" or bool(os.environ.get("MINPY_DUMP"))
    key = None if is_watched else kept.key_of(graph, passes, donated)
    found = kept.read(key, graph) if key is not None else None
    with code_made_ahead() if found is None and "fuse" in passes else nullcontext() as code:
        emitted, outputs = found or _optimized_and_emitted(graph, passes, donated, code)
        if key is not None and found is None:
            kept.write(key, emitted, outputs)
        codes = code.finish() if code else None  # the executor finds them as long as they are held
        executor = Executor(*emitted) if emitted is not None else None
        del codes
    reused = emitted.reused if emitted is not None else {}
    seconds = now() - started
    compiled = Compiled(graph, passes, executor, outputs, seconds, reused=reused, was_kept=found is not None)
    count_graph(compiled, compiled.meter, lambda: (eqn.op.name for eqn in graph.flat))
    return compiled


def _optimized_and_emitted(
    graph: Graph,
    passes: Sequence[str],
    donated: Collection[int],
    code: Making | None = None,
) -> tuple[Emitted | None, Outputs]:
    """What an executor is made of, and where the outputs of the graph come from."""
    positions = {var: position for position, var in enumerate(graph.inputs)}
    optimized = _optimized(graph, passes)
    computed: dict[Atom, int] = {}
    outputs: list[tuple[str, Any]] = []
    for atom in optimized.outputs:
        if isinstance(atom, Literal):
            outputs.append(("constant", numpy.asarray(atom.value)))
        elif atom in positions:
            outputs.append(("input", positions[atom]))
        else:
            outputs.append(("computed", computed.setdefault(atom, len(computed))))
    runnable = Graph(optimized.inputs, optimized.eqns, tuple(computed))
    passed_on = [what for source, what in outputs if source == "input"]
    reused = {i: at for i, at in pairs(runnable, donated).items() if at not in passed_on}
    return emit(runnable, reused, code=code) if runnable.eqns else None, tuple(outputs)


def _optimized(graph: Graph, passes: Sequence[str]) -> Graph:
    """The graph after the passes, checked and printed on the way if that is asked for."""
    check, dump = os.environ.get("MINPY_CHECK") == "1", os.environ.get("MINPY_DUMP", "")
    if check:
        check_graph(graph, "lower")
    for name, after in run_passes(graph, passes):
        graph = after
        if check:
            check_graph(graph, name)
        if dump in ("all", name):
            print(f"# after {name}\n{graph}", file=sys.stderr)
    return graph
