"""Compiling a function for arguments without running any of it, for ``explain(fn, *args)``.

Blocks are lowered one after the other, with *stand-ins* for what those before them would have given: arrays
of zeros of the right shape, dtype and kind. What only a run can tell is ``Unforeseen``; a statement that uses
it is reported as such. The compiled versions belong to a copy of the function, so nothing that the user has
is changed.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import inspect
import operator
from collections.abc import Sequence
from typing import Any

import gast
import numpy

from minpy.compiler.aliasing import AliasRequest
from minpy.compiler.driver import Lowered, Refused
from minpy.compiler.explain.text import line_range
from minpy.compiler.jit import JitFunction
from minpy.compiler.joint import Wanted, plan_for
from minpy.compiler.liveness import may_return, names_of
from minpy.compiler.lowering.effects import Effect
from minpy.compiler.lowering.frames import UNBOUND, Closure, Unforeseen, UnforeseenError
from minpy.compiler.lowering.lower import Leftover as RefusedStatement
from minpy.compiler.lowering.lower import Lowering
from minpy.compiler.lowering.reads import PinRequest, ReadRequest, Ref
from minpy.compiler.notes import Leftover
from minpy.compiler.plans import Plan, signature_of
from minpy.compiler.reals import Number
from minpy.compiler.regions import Block
from minpy.compiler.residual import bodies_of, last_own_line
from minpy.compiler.tracer import ARRAY, ARRAY_SCALAR, BOOL, FLOAT, SCALAR, Tracer
from minpy.ops import Aval
from minpy.runtime.array import Array, Value
from minpy.runtime.scalar import Scalar

Values = dict[str, Any]  # of variables, by name

#: containers that stand-ins are changed of, and how deep in others they are looked for
_CHANGEABLE, _DEPTH = (list, dict, set, collections.deque), 4
#: turns of a loop that are foreseen, at most
_TURNS = 3
_COUNTS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
#: stands for every Python float that a run would compute; told by its identity
GUESS = float("0.5")


def foresee(function: JitFunction, args: tuple, kwargs: dict[str, Any], wanted: Wanted = ()) -> JitFunction:
    """A copy of a jitted function, compiled for these arguments.

    Args:
        wanted: arrays in the arguments that a gradient is taken of.

    Raises:
        TypeError: for arguments that the function does not take.
    """
    foreseen = JitFunction(function.function, function.options._replace(strict=False, check=False))
    if foreseen.program is None or foreseen.root is None:
        return foreseen
    values = foreseen.target.values(args, kwargs)
    if values is None:
        try:
            inspect.signature(function.function).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}: {error}") from None
        raise TypeError(f"{function.__name__} does not take these arguments")
    known = foreseen.root
    foreseen.root = root = ForeseenBlock(
        foreseen.program, known.statements, known.inputs, (), static=known.static
    )
    root.copies, root.loops = {}, {}
    joint = plan_for(root, values, wanted) if wanted else None
    if joint is None or joint[0].compiled is None:
        root.foresee(dict(zip(root.inputs, values)))
    for plan in root.plans:
        plan.meter.calls = 0
    foreseen.program.notes.extend(f"line {line}: {root.loops[line]}" for line in sorted(root.loops))
    return foreseen


class ForeseenBlock(Block):
    """A block that is compiled and not run.

    Attributes:
        copies: the containers that stand for those which the program changes, with what they are copies of,
            by identity.
        loops: what is known of the turns of loops, by their lines.
    """

    copies: dict[int, tuple[Any, Any]]
    loops: dict[int, str]
    _before: Values
    _after: Values | None  # variables behind a compiled block; None where it returned

    def child(self, *args: Any) -> Any:
        """A block of some of the statements."""
        made: Any = super().child(*args)
        made.copies, made.loops = self.copies, self.loops
        return made

    def foresee(self, before: Values) -> Values | None:
        """Compile the block and what is in it; gives the variables behind it, None where it returns."""
        values = tuple(before.get(name, UNBOUND) for name in self.inputs)
        signature = self.signature(values)
        self._before = before
        found = self.plans.find(signature, values)
        if found is None:
            self._compile(signature, values, lambda: self.make_plan(signature, values))
            plan = max(self.plans, key=lambda plan: plan.meter.last_used)
        else:
            plan = found[0]
            if plan.compiled is not None:
                self._after = self._behind(self.lower(values))
        if plan.compiled is not None:
            self._note_guesses(plan, before)
            return None if self._after is None else {**before, **self._after}
        if plan.children:
            return _Walk(self, plan).over(plan.statements, before)
        if may_return(self.statements[-1:]):
            return None
        lost = Unforeseen(_known_after(self.statements[0]))
        return {**before, **dict.fromkeys(self.outputs, lost)}

    def _compiled_plan(self, signature: tuple, lowered: Lowered) -> Plan:
        self._after = self._behind(lowered)
        variables = lowered.variables.items()
        lowered.variables = {name: x for name, x in variables if not isinstance(x, Unforeseen)}
        return super()._compiled_plan(signature, lowered)

    def _behind(self, lowered: Lowered) -> Values | None:
        """The variables that the block assigns or changes, as they are behind it; None where it returns."""
        if lowered.returned is not None:
            return None
        lost = _known_after(self.statements[-1])
        stand_in, known = StandIns(lost), lowered.variables
        changed: dict[int, Any] = {}
        for effect in lowered.effects:
            held = effect.target.value
            if type(held) in _CHANGEABLE:
                if id(held) not in changed:
                    changed[id(held)] = copied = copy.copy(held)
                    self.copies[id(copied)] = copied, held
                _repeat(effect, changed[id(held)], stand_in)
        names = [name for name in self.outputs if not isinstance(known.get(name, UNBOUND), Unforeseen)]
        values = {**self._before, **{name: stand_in(known[name]) for name in names if name in known}}
        after = {name: self._updated(value, changed) for name, value in values.items()}
        return {name: x for name, x in after.items() if name in names or x is not self._before.get(name)}

    def _updated(self, value: Any, changed: dict[int, Any], depth: int = 0) -> Any:
        """A value with those containers in it that the block changes."""
        if id(value) in changed:
            return changed[id(value)]
        if type(value) not in (list, tuple, dict) or depth > _DEPTH:
            return value
        items = value if type(value) is dict else dict(enumerate(value))
        new = {key: self._updated(item, changed, depth + 1) for key, item in items.items()}
        if all(new[key] is item for key, item in items.items()):
            return value
        made = new if type(value) is dict else type(value)(new.values())
        self.copies[id(made)] = made, value
        return made

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

    def __init__(self, block: ForeseenBlock, plan: Plan):
        self.block = block
        self.program = block.program
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
        if isinstance(statement, gast.With):
            values = {**values, **self._results(_entered(statement), values)}
        if isinstance(statement, (gast.For, gast.While)):
            ways = [self._turns(statement, values), self.over(statement.orelse, values), values]
        else:
            ways = [self.over(body, values) for body in inside if body]
            if isinstance(statement, gast.Match) or (isinstance(statement, gast.If) and len(inside) < 2):
                ways.append(values)
        known = [way for way in ways if way is not None]
        if not known:
            return None
        lost = Unforeseen(f"depends on the way that line {statement.lineno} goes")
        return self._joined(known, lost)

    def _turns(self, loop: Any, values: Values) -> Values | None:
        """The variables behind some turns of a loop; None where the first one returns.

        The second turn begins with what the first one leaves behind. Where it compiled anew, and a third one
        does so too, later turns are not foreseen.
        """
        behind: Values | None = values
        known = self.block.loops
        known[loop.lineno] = "of this loop two turns are foreseen"
        for turn in range(_TURNS):
            before = self.program.compilations
            started = values if behind is None else behind
            if isinstance(loop, gast.For):
                item = self._results(_nth_turn(loop, turn), started)
                if turn and any(isinstance(x, Unforeseen) for x in item.values()):
                    return behind  # there is no such turn, as far as one knows
                started = {**started, **item}
            after = self.over(loop.body, started)
            if after is None:
                return None if turn == 0 else behind
            behind = after
            if turn and self.program.compilations == before:
                return behind
        changes = self.program.recompilations[-1].changes if self.program.recompilations else ()
        what = f": {changes[0].name} changes in each turn" if changes else ""
        known[loop.lineno] = f"what later turns of this loop compile is not foreseen{what}"
        return behind

    def _joined(self, ways: list[Values], lost: Unforeseen) -> Values:
        """The variables where several ways meet."""
        first = ways[0]
        names = dict.fromkeys(name for way in ways for name in way)
        return {
            name: first[name] if self._agree([way.get(name, UNBOUND) for way in ways]) else lost
            for name in names
        }

    def _agree(self, values: list[Any]) -> bool:
        values = list(map(self._original, values))
        first = values[0]
        if all(value is first for value in values):
            return True
        kinds = (
            type(UNBOUND),
            Unforeseen,
            list,
            dict,
            set,
            tuple,
        )  # of which a signature does not tell enough
        return all(type(x) not in kinds and signature_of([x]) == signature_of([first]) for x in values)

    def _original(self, value: Any) -> Any:
        """The container that a copy stands for; anything else as it is."""
        while id(value) in self.block.copies:
            value = self.block.copies[id(value)][1]
        return value

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
        if isinstance(value, Tracer) and value.kind == BOOL:
            return Unforeseen(self.lost)
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


def _repeat(effect: Effect, held: Any, stand_in: StandIns) -> None:
    """Do to a copy of a container what the program does to the container."""
    key, args = stand_in(effect.key), [stand_in(arg) for arg in effect.args]
    with contextlib.suppress(Exception):  # what stands for a value may be another one
        if effect.kind == Effect.SET_ITEM:
            held[key] = args[0]
        elif effect.kind == Effect.DELETE_ITEM:
            del held[key]
        elif effect.kind == Effect.CHANGE_ITEM:
            held[key] = _COUNTS[args[0]](held[key], args[1])
        else:
            getattr(held, key)(*args)


# Statements ------------------------------------------------------------------------------------


def _nth_turn(loop: Any, number: int) -> Any:
    """``for x in xs`` -> ``x = xs[number]``."""
    key = gast.Constant(value=number, kind=None)
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
    first, last = statement.lineno, last_own_line(statement)
    return f"is known when {line_range(first, last)} {'has' if first == last else 'have'} run"
