"""Blocks and their plans: which statements run as a graph, which as Python, for which signature.

A ``Block`` is a run of statements made into a function: values of its variables in, (returned?, value
or variables) out. The first call with a new signature tries to compile all of it. If a statement
cannot be compiled, the block gets a residual program for that signature: smaller blocks around the
leftover, compiled in their turn when they are reached.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter as now
from typing import Any, Callable

import gast
import numpy

from minpy.compiler import driver, residual
from minpy.compiler.driver import Compiled, Lowered, Refused
from minpy.compiler.frames import UNBOUND
from minpy.compiler.graph_op import GraphOp
from minpy.compiler.ir import Loc
from minpy.compiler.liveness import names_of
from minpy.compiler.lower import Leftover as RefusedStatement
from minpy.compiler.notes import Change, Leftover, Recompilation, describe
from minpy.compiler.outputs import Maker, OutputPlan
from minpy.compiler.reads import is_plain
from minpy.compiler.source import Source
from minpy.errors import ContextError, UnsupportedError
from minpy.ops.creation import default_dtype
from minpy.runtime.array import Array, Value
from minpy.runtime.native import MXNetError

_FLOAT32_MAX = 3.4028234663852886e38
MAX_PLANS_IN_LOOP = 8  # signatures of a block inside a Python loop, before it is left to Python
_clock = itertools.count()


@dataclass
class Plan:
    """How a block runs for one signature.

    Attributes:
        guard: values of the block's variables -> values of the guarded inputs, or None.
        run: (values, guarded inputs) -> the block's result.
        op: runs ``compiled``, and its gradient on a tape.
        output_names: what the outputs of a graph are that gives more than the block's result.
        refused: why there is no graph of value and gradient, so that the gradient runs on a tape.
    """

    signature: tuple
    guard: Callable[[tuple], tuple | None]
    run: Callable[[tuple, tuple], tuple]
    conditions: Any = None
    lowered: Lowered | None = None
    compiled: Compiled | None = None
    op: GraphOp | None = None
    leftovers: list[Leftover] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)
    source_text: str = ""
    compile_seconds: float = 0.0
    seconds: float = 0.0  # in ``run``, children included
    calls: int = 0
    failures: int = 0
    last_used: int = 0
    purpose: str = "value"
    output_names: list[str] = field(default_factory=list)
    refused: str = ""

    @property
    def input_paths(self) -> list[Any]:
        """Where the inputs of the graph come from."""
        return self.lowered.inputs if self.lowered else []


def signature_of(values: Sequence[Any]) -> tuple:
    """The part of a call that selects a plan by hashing; guards do the rest."""
    return (default_dtype().char, *[_sign(value) for value in values])


def _sign(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, Array):
        return kind, value.aval, value.context
    if kind is numpy.ndarray:
        return kind, value.shape, value.dtype
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
        in_loop: it stands in a loop that Python runs.
    """

    def __init__(
        self,
        program: Program,
        statements: Sequence[Any],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        in_loop: bool = False,
    ):
        self.program = program
        self.statements = tuple(statements)
        self.inputs = inputs
        self.outputs = outputs
        self.in_loop = in_loop
        self.plans: dict[tuple, list[Plan]] = {}
        self.misses = 0  # calls that had to compile first
        self.seconds = 0.0  # in calls, without compiling this block
        self.compile_seconds = 0.0
        self.as_python: Callable | None = None

    def __call__(self, *values: Any) -> tuple:
        started = now()
        signature = signature_of(values)
        for plan in self.plans.get(signature, ()):
            found = plan.guard(values)
            if found is not None:
                plan.last_used = next(_clock)
                break
        else:
            plan = self._new_plan(signature, values)
            started = now()  # what compiling took is noted elsewhere
            found = plan.guard(values)
        plan.calls += 1
        if found is None:  # a guarded value changes by itself; run once without relying on it
            result = self.run_python(values)
        else:
            entered = now()
            result = plan.run(values, found)
            plan.seconds += now() - entered
        self.seconds += now() - started
        return result

    def child(
        self, statements: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], in_loop: bool
    ) -> Block:
        """A block of some of the statements."""
        return Block(self.program, statements, inputs, outputs, in_loop)

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

    def _new_plan(self, signature: tuple, values: tuple) -> Plan:
        with self.program.lock:
            for plan in self.plans.get(signature, ()):  # another thread may have been faster
                if plan.guard(values) is not None:
                    return plan
            self.program.note_compilation(self, signature, values)
            started = now()
            plan = self._make_plan(signature, values)
            self.keep(plan, now() - started)
            return plan

    def keep(self, plan: Plan, compile_seconds: float) -> None:
        """Put a plan into the cache of the block and the program."""
        self.misses += 1
        plan.compile_seconds = compile_seconds
        self.compile_seconds += compile_seconds
        self.program.compilations += 1
        self.program.compile_seconds += compile_seconds
        plan.last_used = next(_clock)
        self.plans.setdefault(plan.signature, []).append(plan)
        self.program.keep(self, plan)

    def _make_plan(self, signature: tuple, values: tuple) -> Plan:
        if self.in_loop and sum(map(len, self.plans.values())) >= MAX_PLANS_IN_LOOP:
            reason = f"a value changes in each turn of the loop ({MAX_PLANS_IN_LOOP} versions were compiled)"
            return self._python_plan(signature, reason)
        named = dict(zip(self.inputs, values))
        try:
            lowered = driver.lower(self.program.source, self.program.function, self.statements, named)
            return self._compiled_plan(signature, lowered)
        except Refused as refused:
            return self._split_plan(signature, refused)
        except UnsupportedError as error:
            return self._python_plan(signature, error.reason)

    def _python_plan(self, signature: tuple, reason: str) -> Plan:
        first, last = self.statements[0], self.statements[-1]
        leftover = Leftover(first.lineno, residual.end_line(last), reason, self.place)
        return Plan(
            signature, lambda values: (), lambda values, _: self.run_python(values), leftovers=[leftover]
        )

    def _compiled_plan(self, signature: tuple, lowered: Lowered) -> Plan:
        outputs = OutputPlan(lowered)
        if lowered.returned is not None:
            make_value = self._maker(outputs, lowered.returned.value, len(self.statements) - 1)
            makers = None
        else:
            make_value = None
            makers = [self._variable_maker(outputs, lowered.variables, name) for name in self.outputs]
        graph = lowered.trace.graph(outputs.atoms)
        compiled = driver.compile_graph(graph)
        op = GraphOp(graph, compiled) if graph.outputs or compiled.executor else None
        plan = Plan(
            signature,
            lowered.guards.compile(self.inputs),
            lambda values, found: (),
            conditions=lowered.guards,
            lowered=lowered,
            compiled=compiled,
        )
        plan.op = op
        plan.run = self._runner(plan, op, len(graph.inputs), make_value, makers)
        return plan

    def _maker(self, outputs: OutputPlan, value: Any, index: int) -> Maker:
        try:
            return outputs.maker(value)
        except UnsupportedError as error:
            loc = self.program.source.loc(self.statements[index])
            leftover = RefusedStatement(index, error.reason, loc, False)
            raise Refused(leftover, outputs.lowered.guards) from None

    def _variable_maker(self, outputs: OutputPlan, variables: dict[str, Any], name: str) -> Maker:
        if name not in variables:
            return lambda results, paths: UNBOUND
        writers = [i for i, s in enumerate(self.statements) if name in names_of([s]).stores]
        return self._maker(outputs, variables[name], writers[-1] if writers else 0)

    def _runner(
        self,
        plan: Plan,
        op: GraphOp | None,
        count: int,
        make_value: Maker | None,
        makers: list[Maker] | None,
    ) -> Callable[[tuple, tuple], tuple]:
        def run(values: tuple, found: tuple) -> tuple:
            results: tuple = ()
            if op is not None:
                try:
                    results = op.call(*[graph_input(x) for x in found[:count]])
                except (MXNetError, ContextError):
                    # Python raises what the user's own line raises, or gets it right.
                    plan.failures += 1
                    return self.run_python(values)
            if make_value is not None:
                return True, make_value(results, found)
            return (False, *[make(results, found) for make in makers or ()])

        return run

    def _split_plan(self, signature: tuple, refused: Refused) -> Plan:
        leftover = refused.leftover
        statement = self.statements[leftover.index]
        noted = Leftover(
            statement.lineno,
            residual.last_own_line(statement),
            leftover.reason,
            leftover.loc,
            is_control_flow=residual.is_opened(statement),
        )
        if not residual.can_split(self):
            plan = self._python_plan(signature, leftover.reason)
            plan.leftovers[0].cause = leftover.loc
            return plan
        program = residual.split(self, leftover.index)
        return Plan(
            signature,
            _without_inputs(refused.guards.compile(self.inputs)),
            lambda values, _: program.function(*values),
            conditions=refused.guards,
            leftovers=[noted],
            children=program.children,
            source_text=program.text,
        )


def _without_inputs(guard: Callable) -> Callable:
    return lambda values: None if guard(values) is None else ()


def graph_input(x: Any) -> Any:
    """A guarded input as something that a graph takes."""
    return x if isinstance(x, Array) else Array(Value(numpy.asarray(x)))


class Program:
    """What the blocks of one function share: source, lock, cache limit, notes for ``explain``."""

    def __init__(self, function: Any, source: Source, local_names: frozenset[str], lock: Any, limit: int):
        self.function = function
        self.source = source
        self.local_names = local_names
        self.lock = lock
        self.limit = limit
        self.kept: list[tuple[Block, Plan]] = []
        self.evictions = 0
        self.compilations = 0
        self.compile_seconds = 0.0
        self.recompilations: list[Recompilation] = []

    def keep(self, block: Block, plan: Plan) -> None:
        """Count a plan; past the limit the one that was not used for the longest time goes."""
        self.kept.append((block, plan))
        if len(self.kept) > self.limit:
            oldest = min(self.kept, key=lambda entry: entry[1].last_used)
            self.kept.remove(oldest)
            plans = oldest[0].plans[oldest[1].signature]
            plans.remove(oldest[1])
            if not plans:
                del oldest[0].plans[oldest[1].signature]
            self.evictions += 1

    def note_compilation(self, block: Block, signature: tuple, values: tuple) -> None:
        """Keep why a block that was compiled before is compiled again."""
        count = len(block.inputs)
        purpose = signature[: len(signature) - count]
        known = [
            plan
            for plan in itertools.chain(*block.plans.values())
            if plan.signature[: len(plan.signature) - count] == purpose
        ]
        if not known:
            return
        last = max(block.plans.get(signature) or known, key=lambda plan: plan.last_used)
        if last.signature == signature:
            named = dict(zip(block.inputs, values))
            change = last.conditions.first_change(named) if last.conditions is not None else None
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
