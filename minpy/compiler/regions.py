"""Blocks: which statements run as a graph, which as Python, for which signature.

A ``Block`` is a run of statements made into a function: values of its variables in, (returned?, value
or variables) out. The first call with a new signature tries to compile all of it. If a statement
cannot be compiled, the block gets a residual program for that signature: smaller blocks around the
leftover, compiled in their turn when they are reached.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from time import perf_counter as now
from typing import Any, Callable

import gast
import numpy

from minpy.compiler import driver, residual, routes
from minpy.compiler.cache import PlanCache
from minpy.compiler.checking import Comparison, check_graph
from minpy.compiler.collector import no_collection
from minpy.compiler.donation import Donation
from minpy.compiler.draws import rewind
from minpy.compiler.driver import Lowered, Refused
from minpy.compiler.eager import compiles_now
from minpy.compiler.generated import CELLS
from minpy.compiler.graph_op import GraphOp
from minpy.compiler.ir import Loc
from minpy.compiler.liveness import names_of
from minpy.compiler.lowering.frames import UNBOUND
from minpy.compiler.lowering.lower import Leftover as RefusedStatement
from minpy.compiler.lowering.reads import walk_values
from minpy.compiler.notes import Leftover
from minpy.compiler.outputs import Epilogue, OutOfReach, type_of
from minpy.compiler.paths import local_key
from minpy.compiler.plans import Plan, Runnable, signature_of
from minpy.compiler.program import Program
from minpy.compiler.residual import NOTHING, Around
from minpy.compiler.tracer import OrderUnknown, Tracer
from minpy.compiler.varying import FREE, Varying
from minpy.errors import ContextError, UnsupportedError
from minpy.runtime import stopwatch
from minpy.runtime.array import Array, Value
from minpy.runtime.forking import compilation
from minpy.runtime.native import MXNetError
from minpy.runtime.routes import Meter, Routed, Routes

MAX_PLANS_IN_LOOP = 8  # signatures of a block inside a Python loop, before it is left to Python


class Block(Routed):
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
        self.routes = Routes()
        self.meter = Meter()  # the time in calls, without compiling this block
        self.function_meter = Meter()  # of the function that the block is all of
        self.as_python: Callable | None = None
        varying = around.varying.intersection(inputs) - static
        self.varying = Varying(map(local_key, varying), map(local_key, static))
        self._free: tuple[int, ...] = ()  # positions of inputs whose values the signature leaves out
        self._settle(())

    def call_slowly(self, *values: Any) -> tuple:
        """A call that no route is for."""
        return self.run(values) if compiles_now() else self.run_python(values)

    def run(self, values: tuple) -> tuple:
        """The statements for these values of the inputs: (returned?, value or variables)."""
        if stopwatch.current is not None:
            return stopwatch.current.nested(self._run, values)
        return self._run(values)

    def _run(self, values: tuple) -> tuple:
        started, compiling = now(), self.meter.compile_seconds
        plan, found = self.plan_for(self.signature(values), values)
        result = plan.run(values, found)
        self.add_time(started, compiling)
        if plan.is_on_route is None:
            self._add_route(plan)
        return result

    def add_time(self, started: float, compiling: float) -> None:
        """Note a call that ends now, and was begun when compiling had taken that long."""
        ended = now()
        self.meter.seconds += ended - started - (self.meter.compile_seconds - compiling)
        if stopwatch.current is not None:
            stopwatch.current.add("call", self.program, started, ended)

    def _add_route(self, plan: Plan) -> None:
        """Let calls take the short way to a plan, unless they would pass by a plan before it."""
        for other in self.plans.of_signature(plan.signature):
            if other is plan:
                plan.is_on_route = routes.of_block(plan, self)
            if not other.is_on_route:
                plan.is_on_route = other.is_on_route
                return

    def signature(self, values: tuple, *purpose: Any) -> tuple:
        """The part of a call that selects a plan by hashing, for a purpose other than the value, if given."""
        signature = (*purpose, *signature_of(values))
        return self._freed(signature) if self._free else signature

    def _freed(self, signature: tuple) -> tuple:
        """A signature without the values of ints and texts that are inputs at run time."""
        parts, start = list(signature), len(signature) - len(self.inputs)
        for position in self._free:
            part = parts[start + position]
            parts[start + position] = part[0] if type(part) is tuple and part[0] in FREE else part
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
        self,
        signature: tuple,
        values: tuple,
        make: Callable[[], Plan] | None = None,
        give_up: Callable[[str], Plan] | None = None,
    ) -> tuple[Plan, tuple]:
        """The plan for a call and its guarded inputs; made now where there is none.

        Args:
            make: makes the plan, if it is not ``make_plan`` that does.
            give_up: gives the plan that is used where something that ``make`` relied on changes by itself.
        """
        known = self.plans.find(signature, values)
        if known is None:
            with compilation(), self.program.lock:
                known = self.plans.find(signature, values)  # another thread may have been faster
                if known is None:
                    plan = self._compile(
                        signature, values, make or (lambda: self.make_plan(signature, values))
                    )
                    known = self.plans.find(plan.signature, values) or self._steady(plan, values, give_up)
        known[0].meter.calls += 1
        return known

    def _steady(self, plan: Plan, values: tuple, give_up: Callable[[str], Plan] | None) -> tuple[Plan, tuple]:
        """Another plan instead of one whose guards do not hold even now; it is for all calls alike."""
        change = plan.conditions.first_change(dict(zip(self.inputs, values)), self.place_of_reading)
        loc, name = self.place, "a value that is read"
        if change is not None:
            loc, name = change.loc or loc, change.name
        reason = f"{name} is another one each time it is read"
        self.plans.remove(plan)

        def make() -> Plan:
            if give_up is not None:
                made = give_up(reason)
            else:
                made = plan if plan.leftovers else self._split_plan(plan.signature, refused)
            made.guard, made.conditions = lambda values: (), None
            return made

        refused = Refused(RefusedStatement(self._statement_at(loc), reason, loc, False), plan.conditions)
        self.program.warn_once("unsteady", f"{self.program.source.name}: {reason}, so Python runs the line")
        return self._compile(plan.signature, values, make), ()

    def _statement_at(self, loc: Loc) -> int:
        """The statement of the block that a line belongs to, which may stand in a function that it calls."""
        while loc.caller is not None:
            loc = loc.caller
        starts = [statement.lineno for statement in self.statements]
        return max((i for i, start in enumerate(starts) if start <= loc.line), default=0)

    def child(
        self, statements: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], around: Around
    ) -> Block:
        """A block of some of the statements."""
        static = self.static - self.program.assigned
        varying = [name for name in inputs if local_key(name) in self.varying.numbers.inputs]
        around = around._replace(varying=around.varying.union(varying))
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
        with no_collection():
            plan = make()
        plan.signature = self._freed(signature)
        ended = now()
        plan.compile_seconds = ended - started
        if stopwatch.current is not None:
            stopwatch.current.add("compile", program, started, ended)
        self.misses += 1
        self.meter.compile_seconds += plan.compile_seconds
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
            self._keep_donated(refused.leftover.reason)
            return self._split_plan(signature, refused)
        except UnsupportedError as error:
            self._keep_donated(error.reason)
            return self._python_plan(signature, error.reason)

    def _keep_donated(self, reason: str) -> None:
        """Say that nothing is given up by a function that does not compile as a whole."""
        if self.program.options.donate_argnames and self.statements is self.program.source.body:
            text = (
                f"donate_argnames: no memory is used again, since not all of the function compiles: {reason}"
            )
            self.program.warn_once("donated in parts", text)

    def _python_plan(self, signature: tuple, reason: str) -> Plan:
        first, last = self.statements[0], self.statements[-1]
        leftover = Leftover(first.lineno, residual.end_line(last), reason, self.place)
        return Plan(signature, lambda values: (), leftovers=[leftover]).running(
            self.run_python, self.program.source.file
        )

    def _compiled_plan(self, signature: tuple, lowered: Lowered) -> Plan:
        end = self._end(lowered)
        graph = lowered.trace.graph(end.atoms, end.parts)
        donated, kept = self._donated(lowered)
        compiled = driver.compile_graph(graph, donated.keys() - kept, lowered.trace.context)
        states = [lowered.guards.input(path) for path in lowered.states]
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

        donation = Donation(self.program, op, donated) if op is not None and donated else None

        def execute(found: tuple) -> Sequence[Array]:
            if donation is not None:
                return donation.call([graph_input(x) for x in found[: len(graph.inputs)]])
            return op.call(*[graph_input(x) for x in found[: len(graph.inputs)]]) if op is not None else ()

        written = [array.origin.path for array in lowered.written]
        written.extend(effect.target.path for effect in lowered.effects)
        runnable = Runnable(graph, execute, end.compile(), end.compile(effects=False), written, states)
        self.use(plan, runnable, self.run_python, self.run_python)
        if lowered.returned is not None:
            plan.outputs = [("result", type_of(lowered.returned.value))]
        else:
            variables = lowered.variables
            plan.outputs = [(name, type_of(variables[name])) for name in self.outputs if name in variables]
        plan.form = end.form()
        lowered.forget_values()
        return plan

    def _donated(self, lowered: Lowered) -> tuple[dict[int, str], frozenset[int]]:
        """Names of the inputs of the graph that the caller gives up, by position, and which to leave alone.

        Those are what something behind the graph looks at, or what is given back, itself or as a view.
        """
        names = self.program.options.donate_argnames
        if not names or self.statements is not self.program.source.body or lowered.returned is None:
            return {}, frozenset()
        shown = set()
        for part in walk_values(lowered.returned.value):
            while isinstance(part, Tracer):
                shown.add(part.atom)
                part = part.base
        donated, kept = {}, set()
        looks_back = self.program.options.check or lowered.written or lowered.effects or lowered.states
        for at, (tracer, path) in enumerate(zip(lowered.inputs, lowered.guards.inputs)):
            if path.root.step == "local" and path.root.key in names:
                donated[at] = str(path)
                if looks_back or tracer.atom in shown:
                    kept.add(at)
        return donated, frozenset(kept)

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

        def attempt(found: tuple, finish: Callable[[Sequence[Array]], Any]) -> Any:
            """The result of the block; None where the graph fails, before anything was written."""
            try:
                results = runnable.execute(found)
            except (MXNetError, ContextError):
                return failed(found)
            try:
                return finish(results)
            except OutOfReach:
                return failed(found)

        def failed(found: tuple) -> None:
            plan.failures += 1
            rewind(found, runnable.states)

        def run(values: tuple, found: tuple) -> Any:
            result = attempt(found, lambda results: runnable.finish(results, found))
            return fallback(values) if result is None else result

        def first_run(values: tuple, found: tuple) -> Any:
            plan.run = run
            rewind(found, runnable.states)
            comparison = Comparison(self, runnable, plain, values, found)
            if runnable.states:  # draw the same numbers once more
                rewind(found, runnable.states)
                plan.guard(values)
            result = attempt(found, comparison.finish)
            return fallback(values) if result is None else result

        plan.runnable = runnable
        plan.run = first_run if self.program.options.check else run

    def _split_plan(self, signature: tuple, refused: Refused) -> Plan:
        leftover = refused.leftover
        parts = self.program.parts_of(self.statements[leftover.index], leftover.culprit)
        statement = parts.left
        is_flow = residual.is_opened(statement) and not leftover.is_whole
        noted = Leftover(
            statement.lineno,
            residual.end_line(statement) if leftover.is_whole else residual.last_own_line(statement),
            leftover.reason,
            leftover.loc,
            is_control_flow=is_flow,
        )
        if leftover.culprit is not None and not is_flow:
            node = leftover.culprit.node
            noted.line, noted.last_line = node.lineno, node.end_lineno
            noted.columns = self.program.source.columns(node)
        why_whole = self.program.why_whole
        if why_whole:
            plan = self._python_plan(signature, f"{leftover.reason}; it stays whole, since {why_whole}")
            plan.leftovers[0].cause = leftover.loc
            return plan
        program = residual.split(self, leftover.index, parts, leftover.is_whole)
        plan = Plan(
            signature,
            refused.guards.compile(self.inputs, inputs=False),
            conditions=refused.guards,
            leftovers=[noted],
            children=program.children,
            residual=program.function,
            statements=program.statements,
        )
        return plan.running(lambda values: program.function(*values), self.program.source.file)


def graph_input(x: Any) -> Any:
    """A guarded input as something that a graph takes."""
    return x if isinstance(x, Array) else Array(Value(numpy.asarray(x)))
