"""Compiling a function for arguments without running any of it, for ``explain(fn, *args)``.

Blocks are lowered one after the other, with *stand-ins* for what those before them would have given: arrays
of zeros of the right shape, dtype and kind. What only a run can tell is ``Unforeseen``; a statement that uses
it is reported as such. The compiled versions belong to a copy of the function, so nothing that the user has
is changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import gast
import numpy

from minpy.compiler.aliasing import AliasRequest
from minpy.compiler.driver import Lowered, Refused
from minpy.compiler.explain.text import line_range
from minpy.compiler.frames import UNBOUND, Closure, Unforeseen, UnforeseenError
from minpy.compiler.jit import JitFunction
from minpy.compiler.joint import Wanted, plan_for
from minpy.compiler.liveness import may_return, names_of
from minpy.compiler.lower import Leftover as RefusedStatement
from minpy.compiler.lower import Lowering
from minpy.compiler.notes import Leftover
from minpy.compiler.plans import Plan, signature_of
from minpy.compiler.program import Program
from minpy.compiler.reads import PinRequest, ReadRequest, Ref
from minpy.compiler.reals import Number
from minpy.compiler.regions import Block
from minpy.compiler.residual import bodies_of, last_own_line
from minpy.compiler.tracer import ARRAY, ARRAY_SCALAR, FLOAT, SCALAR, Tracer
from minpy.ops import Aval
from minpy.runtime.array import Array, Value
from minpy.runtime.scalar import Scalar

Values = dict[str, Any]  # of variables, by name

#: stands for every Python float that a run would compute; told by its identity
GUESS = float("0.5")


def foresee(function: JitFunction, args: tuple, kwargs: dict[str, Any], wanted: Wanted = ()) -> JitFunction:
    """A copy of a jitted function, compiled for these arguments.

    Args:
        wanted: arrays in the arguments that a gradient is taken of.

    Raises:
        TypeError: for arguments that the function does not take.
    """
    copy = JitFunction(function.function, function.options._replace(strict=False, check=False))
    if copy.program is None or copy.root is None:
        return copy
    values = copy.target.values(args, kwargs)
    if values is None:
        inspect.signature(function.function).bind(*args, **kwargs)
        raise TypeError(f"{function.__name__} does not take these arguments")
    copy.root = root = ForeseenBlock(
        copy.program, copy.root.statements, copy.root.inputs, (), static=copy.root.static
    )
    joint = plan_for(root, values, wanted) if wanted else None
    if joint is None or joint[0].compiled is None:
        root.foresee(dict(zip(root.inputs, values)))
    for plan in root.plans:
        plan.meter.calls = 0
    return copy


class ForeseenBlock(Block):
    """A block that is compiled and not run."""

    _after: Values | None  # variables behind a compiled block; None where it returned

    def foresee(self, before: Values) -> Values | None:
        """Compile the block and what is in it; gives the variables behind it, None where it returns."""
        values = tuple(before.get(name, UNBOUND) for name in self.inputs)
        signature = self.signature(values)
        self._compile(signature, values, lambda: self.make_plan(signature, values))
        plan = max(self.plans, key=lambda plan: plan.meter.last_used)
        if plan.compiled is not None:
            self._note_guesses(plan, before)
            return None if self._after is None else {**before, **self._after}
        if plan.children:
            return _Walk(self.program, plan).over(plan.statements, before)
        if may_return(self.statements[-1:]):
            return None
        lost = Unforeseen(_known_after(self.statements[0]))
        return {**before, **dict.fromkeys(self.outputs, lost)}

    def _compiled_plan(self, signature: tuple, lowered: Lowered) -> Plan:
        known = {n: v for n, v in lowered.variables.items() if not isinstance(v, Unforeseen)}
        self._after = None
        if lowered.returned is None:
            lost = _known_after(self.statements[-1])
            stand_in = StandIns(lost)
            self._after = {name: stand_in(known[name]) for name in self.outputs if name in known}
        lowered.variables = known
        return super()._compiled_plan(signature, lowered)

    def _split_plan(self, signature: tuple, refused: Refused) -> Plan:
        plan = super()._split_plan(signature, refused)
        for leftover in plan.leftovers:
            leftover.is_unforeseen = isinstance(refused.leftover.__cause__, UnforeseenError)
        return plan

    def _note_guesses(self, plan: Plan, before: Values) -> None:
        """A number that a run would have to give has decided what was compiled: that was a guess."""
        for guard in plan.conditions.guards if plan.conditions is not None else ():
            paths = [guard.path] if guard.kind == "value" else []
            if guard.kind in ("true", "false") and guard.path.step == "number":
                paths.extend(guard.path.key.sources())
            names = [path.key for path in paths if path.parent is None and before.get(path.key) is GUESS]
            for name in dict.fromkeys(names):
                reason = f"it depends on the value of {name}, which is known when the function runs"
                loc = self.place_of_reading(name) if guard.kind == "value" else plan.conditions.guards[guard]
                plan.leftovers.append(Leftover(loc.line, loc.line, reason, loc, is_unforeseen=True))


class _Walk:
    """Goes through the statements of a residual program: blocks, and leftovers between them."""

    def __init__(self, program: Program, plan: Plan):
        self.program = program
        self.blocks = {id(child.statements[0]): child for child in plan.children}

    def over(self, statements: Sequence[Any], values: Values) -> Values | None:
        """The variables behind the statements; None where they always return."""
        position = 0
        while position < len(statements):
            statement = statements[position]
            block: Any = self.blocks.get(id(statement))
            position += 1 if block is None else len(block.statements)
            after = self._behind(statement, values) if block is None else block.foresee(values)
            if after is None:
                return None
            values = after
        return values

    def _behind(self, statement: Any, values: Values) -> Values | None:
        """The variables behind a leftover."""
        if isinstance(statement, (gast.Return, gast.Raise)):
            return None
        inside = bodies_of(statement)
        if not any(id(node) in self.blocks for body in inside for node in body):
            return {**values, **self._results(statement, values)}
        is_loop = isinstance(statement, (gast.For, gast.While))
        if isinstance(statement, gast.For):
            values = {**values, **self._results(_first_turn(statement), values)}
        elif isinstance(statement, gast.With):
            values = {**values, **self._results(_entered(statement), values)}
        ways = [self.over(body, values) for body in inside if body]
        is_alone = isinstance(statement, gast.If) and len(inside) < 2
        may_skip = is_loop or is_alone or isinstance(statement, gast.Match)
        known = [way for way in (*ways, *([values] if may_skip else ())) if way is not None]
        if not known:
            return None
        lost = Unforeseen(f"depends on the way that line {statement.lineno} goes")
        return _joined(known, lost)

    def _results(self, statement: Any, values: Values) -> Values:
        """What a leftover stores: known if its shapes can be inferred, though it cannot be compiled."""
        names = names_of([statement])
        stores = names.stores & self.program.local_names
        lowering = Lowering(self.program.source, self.program.function, frozenset(), {})
        lowering.trace.runs = False
        lost = _known_after(statement)
        loads = {name: values[name] for name in names.loads if name in values}
        try:
            lowering.run([statement], loads)
        except (RefusedStatement, PinRequest, ReadRequest, AliasRequest):
            touched = {name for name, value in loads.items() if type(value) in (list, dict, set)}
            touched = touched if not _is_print(statement) else set()
            return dict.fromkeys(stores | touched, Unforeseen(lost))
        found, stand_in = lowering.root.variables, StandIns(lost)
        return {name: stand_in(found[name]) for name in stores if name in found}


# Values ----------------------------------------------------------------------------------------


class StandIns:
    """What stands for values of a lowering in the blocks behind it. What is one array has one stand-in.

    Args:
        lost: why there is none, where there can be none.
    """

    def __init__(self, lost: str):
        self.lost = lost
        self._made: dict[int, tuple[Tracer, Any]] = {}  # by identity, which is kept from being taken again

    def __call__(self, value: Any) -> Any:
        """The stand-in for a value."""
        if isinstance(value, Number):
            return value.value
        if isinstance(value, Tracer):
            made = self._made.get(id(value)) or self._made.setdefault(id(value), (value, self._array(value)))
            return made[1]
        if isinstance(value, Ref):
            return value.value
        if type(value) in (list, tuple, set):
            return type(value)(map(self, value))
        if type(value) is dict:
            return {key: self(item) for key, item in value.items()}
        return Unforeseen(self.lost) if isinstance(value, (Closure, Unforeseen)) else value

    def _array(self, tracer: Tracer) -> Any:
        if tracer.origin is not None:
            return tracer.origin.value
        if tracer.base is not None and tracer.view is not None and not tracer.is_scalar:
            view = tracer.view.laid_out(numpy.asarray(self(tracer.base)))
            if view is not None:
                return Array(view) if tracer.kind == ARRAY else view
        return _of_kind(tracer.kind, tracer.aval)


def _of_kind(kind: str, aval: Aval) -> Any:
    if kind == FLOAT:  # of data
        return GUESS
    zeros = numpy.zeros(*aval)
    if kind == SCALAR:
        return zeros[()]
    made = {ARRAY: Array, ARRAY_SCALAR: Scalar}.get(kind)
    return zeros if made is None else made(Value(zeros))


def _joined(ways: list[Values], lost: Unforeseen) -> Values:
    """The variables where several ways meet."""
    first = ways[0]
    names = dict.fromkeys(name for way in ways for name in way)
    return {name: first[name] if _agree([way.get(name, UNBOUND) for way in ways]) else lost for name in names}


def _agree(values: list[Any]) -> bool:
    first = values[0]
    if all(value is first for value in values):
        return True
    kinds = (type(UNBOUND), Unforeseen, list, dict, set, tuple)  # of which a signature does not tell enough
    return all(type(x) not in kinds and signature_of([x]) == signature_of([first]) for x in values)


# Statements ------------------------------------------------------------------------------------


def _first_turn(loop: Any) -> Any:
    """``for x in xs`` -> ``x = xs[0]``."""
    key = gast.Constant(value=0, kind=None)
    item = gast.Subscript(value=loop.iter, slice=key, ctx=gast.Load())
    return _placed(gast.Assign(targets=[loop.target], value=item, type_comment=None), loop)


def _entered(block: Any) -> Any:
    """``with a as x: ...`` -> ``with a as x: pass``."""
    return _placed(gast.With(items=block.items, body=[gast.Pass()], type_comment=None), block)


def _placed(node: Any, place: Any) -> Any:
    return gast.fix_missing_locations(gast.copy_location(node, place))


def _is_print(statement: Any) -> bool:
    call = getattr(statement, "value", None)
    return isinstance(call, gast.Call) and isinstance(call.func, gast.Name) and call.func.id == "print"


def _known_after(statement: Any) -> str:
    return f"is known when {line_range(statement.lineno, last_own_line(statement))} has run"
