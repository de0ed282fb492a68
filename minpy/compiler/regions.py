"""Blocks and their plans: which statements run as a graph, which as Python, for which signature.

A ``Block`` is a run of statements made into a function: values of its variables in, (returned?, value
or variables) out. The first call with a new signature tries to compile all of it. If a statement
cannot be compiled, the block gets a residual program for that signature: smaller blocks around the
leftover, compiled in their turn when they are reached.
"""

from __future__ import annotations

import ast
import threading
import types
import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter as now
from typing import Any, Callable, NamedTuple

import gast
import numpy

from minpy.compiler import driver, residual
from minpy.compiler.cache import PlanCache, advice
from minpy.compiler.checking import Comparison, check_graph
from minpy.compiler.driver import Compiled, Lowered, Refused
from minpy.compiler.eager import compiles_now
from minpy.compiler.frames import UNBOUND
from minpy.compiler.generated import CELLS
from minpy.compiler.graph_op import GraphOp
from minpy.compiler.guards import Path, local_key
from minpy.compiler.ir import Graph, Loc
from minpy.compiler.liveness import local_names, names_of, shared_names
from minpy.compiler.lower import Leftover as RefusedStatement
from minpy.compiler.notes import Change, Leftover, Recompilation, describe
from minpy.compiler.outputs import Epilogue, type_of
from minpy.compiler.reads import is_plain
from minpy.compiler.residual import NOTHING, Around
from minpy.compiler.source import read_source
from minpy.compiler.tracer import OrderUnknown
from minpy.compiler.varying import Varying
from minpy.errors import ContextError, PerformanceWarning, UnsupportedError
from minpy.ops.creation import default_dtype
from minpy.runtime.array import Array, Value
from minpy.runtime.location import user_frame
from minpy.runtime.native import MXNetError

_FLOAT32_MAX = 3.4028234663852886e38
_CONTAINERS = frozenset((dict, list, tuple))
_NOTED = 200  # recompilations whose reasons are kept
MAX_PLANS_IN_LOOP = 8  # signatures of a block inside a Python loop, before it is left to Python


class Options(NamedTuple):
    """How ``jit`` was told to compile a function; see there."""

    static_argnames: frozenset[str] = frozenset()
    strict: bool = False
    check: bool = False
    cache_size: int = 64


@dataclass
class Runnable:
    """A compiled graph with what happens before and after it.

    Attributes:
        graph: as it was lowered.
        execute: the values that the guards found -> the outputs of the graph.
        finish: (outputs, found values) -> the block's result.
        preview: the same without what it does to objects other than arrays.
        written: paths of the arrays and objects from outside that ``finish`` writes.
    """

    graph: Graph
    execute: Callable[[tuple], Sequence[Array]]
    finish: Callable[[Sequence[Array], tuple], Any]
    preview: Callable[[Sequence[Array], tuple], Any]
    written: list[Path]


@dataclass
class Plan:
    """How a block runs for one signature.

    Attributes:
        guard: values of the block's variables -> values of the guarded inputs, or None.
        run: (values, guarded inputs) -> the block's result.
        op: runs ``compiled``, and its gradient on a tape.
        runnable: what ``run`` consists of, where there is a graph.
        outputs: name and type of what the graph gives, for ``explain``.
        refused: why there is no graph of value and gradient, so that the gradient runs on a tape.
    """

    signature: tuple
    guard: Callable[[tuple], tuple | None]
    run: Callable[[tuple, tuple], Any] = None  # type: ignore[assignment]  # set when the plan is made
    conditions: Any = None
    lowered: Lowered | None = None
    compiled: Compiled | None = None
    op: GraphOp | None = None
    runnable: Runnable | None = None
    leftovers: list[Leftover] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)
    source_text: str = ""
    compile_seconds: float = 0.0
    seconds: float = 0.0  # of what Python runs, children included
    calls: int = 0
    failures: int = 0
    last_used: int = 0
    purpose: str = "value"
    outputs: list[tuple[str, str]] = field(default_factory=list)
    refused: str = ""

    def running(self, function: Callable[[tuple], tuple]) -> Plan:
        """Run this, which is not compiled: values of the block's variables -> its result. Gives the plan."""

        def run(values: tuple, _: tuple) -> tuple:
            started = now()
            result = function(values)
            self.seconds += now() - started
            return result

        self.run = run
        return self

    @property
    def input_paths(self) -> list[Any]:
        """Where the inputs of the graph come from."""
        return [tracer.origin.path for tracer in self.lowered.inputs] if self.lowered else []


def signature_of(values: Sequence[Any]) -> tuple:
    """The part of a call that selects a plan by hashing; guards do the rest."""
    return (default_dtype().char, *[_sign(value) for value in values])


def _sign(value: Any) -> Any:
    kind = type(value)
    if kind is numpy.ndarray:
        return kind, value.shape, value.dtype
    if issubclass(kind, Array):
        return kind, value.aval, value.context
    if kind in _CONTAINERS:
        return kind
    if kind is float:
        # NumPy 1 promotes a float32 array by a float that float32 cannot hold
        return kind, not -_FLOAT32_MAX <= value <= _FLOAT32_MAX and value - value == 0
    if is_plain(value):
        return kind, value
    return kind


class Block:
    """Consecutive statements of a function.

    Args:
        program: what all blocks of the function share.
        inputs: names of the variables it takes.
        outputs: names of the variables it gives when it does not return.
        around: what Python runs around it.
        static: names of inputs whose value is a constant of the compiled code.
    """

    def __init__(
        self,
        program: Program,
        statements: Sequence[Any],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        around: Around = NOTHING,
        static: frozenset[str] = frozenset(),
    ):
        self.program = program
        self.statements = tuple(statements)
        self.inputs = inputs
        self.outputs = outputs
        self.around = around
        self.static = static
        self.plans = PlanCache(program.options.cache_size)
        self.misses = 0  # calls that had to compile first
        self.seconds = 0.0  # in calls, without compiling this block
        self.compile_seconds = 0.0
        self.as_python: Callable | None = None
        self.varying = Varying(map(local_key, around.varying.intersection(inputs) - static))
        self._free: tuple[int, ...] = ()  # positions of inputs whose values the signature leaves out
        self._settle(())

    def __call__(self, *values: Any) -> tuple:
        return self.run(values) if compiles_now() else self.run_python(values)

    def run(self, values: tuple) -> tuple:
        """The statements for these values of the inputs: (returned?, value or variables)."""
        started = now() - self.compile_seconds
        known = self.plan_for(self.signature(values), values)
        result = self.run_python(values) if known is None else known[0].run(values, known[1])
        self.seconds += now() - self.compile_seconds - started
        return result

    def signature(self, values: tuple, *purpose: Any) -> tuple:
        """The part of a call that selects a plan by hashing, for a purpose other than the value, if given."""
        signature = (*purpose, *signature_of(values))
        return self._freed(signature) if self._free else signature

    def _freed(self, signature: tuple) -> tuple:
        """A signature without the values of ints that are inputs at run time."""
        parts, start = list(signature), len(signature) - len(self.inputs)
        for position in self._free:
            part = parts[start + position]
            parts[start + position] = int if type(part) is tuple and part[0] is int else part
        return tuple(parts)

    def _settle(self, pinned: Iterable[tuple]) -> None:
        """Some numbers have decided something. Others, which have not, are free from now on."""
        self.varying.settle(pinned)
        inputs = self.varying.numbers.inputs
        free = {i for i, name in enumerate(self.inputs) if local_key(name) in inputs}
        if not free.issubset(self._free):
            self._free = tuple(free.union(self._free))
            self.plans.sign(self._freed)

    def plan_for(
        self, signature: tuple, values: tuple, make: Callable[[], Plan] | None = None
    ) -> tuple[Plan, tuple] | None:
        """The plan for a call and its guarded inputs; made now where there is none.

        None where a guarded value changes by itself: the call has to do without relying on it.
        """
        known = self.plans.find(signature, values)
        if known is None:
            with self.program.lock:
                known = self.plans.find(signature, values)  # another thread may have been faster
                if known is None:
                    plan = self._compile(
                        signature, values, make or (lambda: self.make_plan(signature, values))
                    )
                    known = self.plans.find(plan.signature, values)
        if known is not None:
            known[0].calls += 1
        return known

    def child(
        self, statements: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], around: Around
    ) -> Block:
        """A block of some of the statements."""
        static = self.static - self.program.assigned
        return type(self)(self.program, statements, inputs, outputs, around, static)

    @property
    def place(self) -> Loc:
        """Where the block begins."""
        return self.program.source.loc(self.statements[0])

    def place_of_reading(self, name: str) -> Loc:
        """Where the block first reads a variable."""
        nodes = (node for statement in self.statements for node in ast.walk(statement))
        reads = [
            n for n in nodes if isinstance(n, gast.Name) and n.id == name and isinstance(n.ctx, gast.Load)
        ]
        return self.program.source.loc(min(reads, key=lambda n: n.lineno)) if reads else self.place

    def run_python(self, values: tuple) -> tuple:
        """The statements as plain Python."""
        if self.as_python is None:
            self.as_python = residual.plain_function(self)
        return self.as_python(*values)

    def _compile(self, signature: tuple, values: tuple, make: Callable[[], Plan]) -> Plan:
        """Make a plan and keep it."""
        program = self.program
        program.note_compilation(self, signature, values)
        started = now()
        self.varying.look(self.plans, dict(zip(self.inputs, values)))
        plan = make()
        plan.signature = self._freed(signature)
        plan.compile_seconds = now() - started
        self.misses += 1
        self.compile_seconds += plan.compile_seconds
        program.compilations += 1
        program.compile_seconds += plan.compile_seconds
        if self.plans.add(plan):
            program.note_eviction(self)
        if plan.leftovers and program.refuse is not None:
            plan.run = program.refuse
            program.refuse()
        return plan

    def lower(self, values: tuple) -> Lowered:
        """The statements as equations, for these values of the inputs. Raises Refused at a leftover."""
        program, named = self.program, dict(zip(self.inputs, values))
        has_cells = named.pop(CELLS, None) is not None
        shared = frozenset(program.shared if has_cells else ())
        numbers = self.varying.numbers
        try:
            lowered = driver.lower(
                program.source, program.function, self.statements, named, self.static, shared, numbers
            )
        except Refused as refused:
            self._settle(refused.pinned)
            raise
        self._settle(lowered.pinned)
        return lowered

    def make_plan(self, signature: tuple, values: tuple) -> Plan:
        """Compile the statements, or take them apart around what has to stay with Python."""
        if self.around.loop and len(self.plans) >= MAX_PLANS_IN_LOOP + len(self.varying.numbers.unsettled):
            reason = f"a value changes in each turn of the loop ({MAX_PLANS_IN_LOOP} versions were compiled)"
            return self._python_plan(signature, reason)
        try:
            lowered = self.lower(values)
            return self._compiled_plan(signature, lowered)
        except Refused as refused:
            return self._split_plan(signature, refused)
        except UnsupportedError as error:
            return self._python_plan(signature, error.reason)

    def _python_plan(self, signature: tuple, reason: str) -> Plan:
        first, last = self.statements[0], self.statements[-1]
        leftover = Leftover(first.lineno, residual.end_line(last), reason, self.place)
        return Plan(signature, lambda values: (), leftovers=[leftover]).running(self.run_python)

    def _compiled_plan(self, signature: tuple, lowered: Lowered) -> Plan:
        end = self._end(lowered)
        graph = lowered.trace.graph(end.atoms)
        compiled = driver.compile_graph(graph)
        plan = Plan(
            signature,
            lowered.guards.compile(self.inputs),
            conditions=lowered.guards,
            lowered=lowered,
            compiled=compiled,
        )
        op = plan.op = GraphOp(graph, compiled) if graph.outputs or compiled.executor else None

        if op is not None and self.program.options.check:
            op.check = check_graph

        def execute(found: tuple) -> Sequence[Array]:
            return op.call(*[graph_input(x) for x in found[: len(graph.inputs)]]) if op is not None else ()

        written = [array.origin.path for array in lowered.written]
        written.extend(effect.target.path for effect in lowered.effects)
        runnable = Runnable(graph, execute, end.compile(), end.compile(effects=False), written)
        self.use(plan, runnable, self.run_python, self.run_python)
        if lowered.returned is not None:
            plan.outputs = [("result", type_of(lowered.returned.value))]
        else:
            variables = lowered.variables
            plan.outputs = [(name, type_of(variables[name])) for name in self.outputs if name in variables]
        lowered.forget_values()
        return plan

    def _end(self, lowered: Lowered) -> Epilogue:
        """What happens behind the graph. Raises Refused where a value cannot leave the region."""
        end = Epilogue(lowered)
        if lowered.returned is not None:
            given = [(True, 0), (lowered.returned.value, len(self.statements) - 1)]
        else:
            variables = lowered.variables
            given = [(False, 0), *[(variables.get(n, UNBOUND), self._writer(n)) for n in self.outputs]]
        stored = [arg for effect in lowered.effects for arg in effect.args]
        end.foresee([*stored, *[value for value, _ in given]])
        end.store_arrays()
        steps: list[tuple[int, Callable, Any]] = [(e.step, end.repeat, e) for e in lowered.effects]
        steps.extend((index, end.give, value) for value, index in given)
        for index, step, value in steps:
            try:
                step(value)
            except UnsupportedError as error:
                if isinstance(error, OrderUnknown) and error.step is not None:
                    index = error.step
                loc = self.program.source.loc(self.statements[index])
                leftover = RefusedStatement(index, error.reason, loc, False)
                raise Refused(leftover, lowered.guards) from None
        return end

    def _writer(self, name: str) -> int:
        """The last statement that stores a variable."""
        writers = [i for i, s in enumerate(self.statements) if name in names_of([s]).stores]
        return writers[-1] if writers else 0

    def use(
        self, plan: Plan, runnable: Runnable, fallback: Callable[[tuple], Any], plain: Callable[[tuple], Any]
    ) -> None:
        """Let a plan run a graph.

        Args:
            fallback: called instead, with the values of the variables, where an operator fails on its data.
            plain: does the same in plain Python, for ``jit(check=True)``.
        """

        def execute(found: tuple) -> Sequence[Array] | None:
            try:
                return runnable.execute(found)
            except (MXNetError, ContextError):
                plan.failures += 1
                return None

        def run(values: tuple, found: tuple) -> Any:
            results = execute(found)
            return fallback(values) if results is None else runnable.finish(results, found)

        def first_run(values: tuple, found: tuple) -> Any:
            plan.run = run
            comparison = Comparison(self, runnable, plain, values, found)
            results = execute(found)
            return fallback(values) if results is None else comparison.finish(results)

        plan.runnable = runnable
        plan.run = first_run if self.program.options.check else run

    def _split_plan(self, signature: tuple, refused: Refused) -> Plan:
        leftover = refused.leftover
        statement = self.statements[leftover.index]
        noted = Leftover(
            statement.lineno,
            residual.end_line(statement) if leftover.is_whole else residual.last_own_line(statement),
            leftover.reason,
            leftover.loc,
            is_control_flow=residual.is_opened(statement) and not leftover.is_whole,
        )
        why_whole = residual.why_whole(self)
        if why_whole:
            plan = self._python_plan(signature, f"{leftover.reason}; it stays whole, since {why_whole}")
            plan.leftovers[0].cause = leftover.loc
            return plan
        program = residual.split(self, leftover.index, leftover.is_whole)
        plan = Plan(
            signature,
            _without_inputs(refused.guards.compile(self.inputs)),
            conditions=refused.guards,
            leftovers=[noted],
            children=program.children,
            source_text=program.text,
        )
        return plan.running(lambda values: program.function(*values))


def _without_inputs(guard: Callable) -> Callable:
    return lambda values: None if guard(values) is None else ()


def graph_input(x: Any) -> Any:
    """A guarded input as something that a graph takes."""
    return x if isinstance(x, Array) else Array(Value(numpy.asarray(x)))


class Program:
    """What the blocks of one function share: source, lock, cache limit, notes for ``explain``."""

    def __init__(self, function: types.FunctionType, options: Options):
        self.function = function
        self.options = options
        self.source = read_source(function)
        code = function.__code__
        self.local_names = local_names(self.source) & {*code.co_varnames, *code.co_cellvars}
        self.assigned = names_of(self.source.body).stores
        self.shared = tuple(sorted(shared_names(self.source) & self.local_names))
        self.generated: set[types.CodeType] = set()  # of the functions that residual programs are
        self.lock = threading.RLock()
        self.refuse: Callable | None = None  # called instead of running what has leftovers, if set
        self.compilations = 0
        self.compile_seconds = 0.0
        self.recompilations: deque[Recompilation] = deque(maxlen=_NOTED)
        self.evictions = 0

    def note_eviction(self, block: Block) -> None:
        """Count a plan that was given up; the first one is worth a warning."""
        self.evictions += 1
        if self.evictions > 1:
            return
        name = self.source.name
        if block.statements != self.source.body:
            name = f"line {block.place.line} of {name}"
        text = (
            f"{name} is compiled for more than {block.plans.limit} kinds of arguments, and the version that "
            f"was not used for the longest time is given up: {advice(block.inputs, list(block.plans))}"
            "To keep more versions use minpy.jit(cache_size=...)."
        )
        frame = user_frame()
        assert frame is not None
        place = frame.f_code.co_filename, frame.f_lineno
        warnings.warn_explicit(text, PerformanceWarning, *place)

    def note_compilation(self, block: Block, signature: tuple, values: tuple) -> None:
        """Keep why a block that was compiled before is compiled again."""
        count = len(block.inputs)
        purpose = signature[: len(signature) - count]
        known = [plan for plan in block.plans if plan.signature[: len(plan.signature) - count] == purpose]
        if not known:
            return
        last = max(block.plans.of_signature(signature) or known, key=lambda plan: plan.last_used)
        if last.signature == signature:
            named = dict(zip(block.inputs, values))
            change = (
                last.conditions.first_change(named, block.place_of_reading)
                if last.conditions is not None
                else None
            )
            changes = [change] if change else []
        else:
            parts = zip(block.inputs, last.signature[len(purpose) :], signature[len(purpose) :])
            changes = [
                Change(name, "argument", describe(old), describe(new), block.place_of_reading(name))
                for name, old, new in parts
                if old != new
            ]
        places = [change.loc for change in changes if change.loc is not None]
        self.recompilations.append(Recompilation((*places, block.place)[0], changes))
