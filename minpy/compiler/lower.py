"""Lowering: run a block of statements on abstract values and record what it does to arrays.

The lowering is an interpreter of the syntax tree. Values known at compile time are ordinary Python
objects and are computed now; arrays are tracers, and every op on them becomes an equation. Static
control flow disappears: loops unroll, branches are picked, calls of Python functions are inlined.
Whatever cannot be done exactly raises ``Leftover``, which names the statement and the reason.
"""

from __future__ import annotations

import operator
import os
import types
from collections.abc import Sequence
from typing import Any

import gast
import numpy

from minpy.compiler.calls import Calls
from minpy.compiler.eager import KeptOut
from minpy.compiler.frames import UNBOUND, Closure, Frame, bind_parameters
from minpy.compiler.guards import Guards, Path, local_path
from minpy.compiler.ir import Loc
from minpy.compiler.reads import PinRequest, Ref, walk_values
from minpy.compiler.source import Source, read_source
from minpy.compiler.trace import ARRAY, NDARRAY, OperandError, Trace, Tracer
from minpy.errors import UnsupportedError
from minpy.runtime.array import VIEW_OPS

MAX_EQUATIONS = 20_000  # beyond this an unrolled loop costs more to compile than it can save
MAX_DEPTH = 60  # of inlined calls

_IN_PLACE = {
    gast.Add: operator.add,
    gast.Sub: operator.sub,
    gast.Mult: operator.mul,
    gast.Div: operator.truediv,
    gast.FloorDiv: operator.floordiv,
    gast.Mod: operator.mod,
    gast.Pow: operator.pow,
    gast.MatMult: operator.matmul,
}


class Leftover(Exception):
    """A statement of the block cannot be lowered.

    Attributes:
        index: of the statement in the block.
        reason: in plain words, completing "left to Python because ...".
        loc: the line that the reason is about, which may stand in an inlined function.
        is_error: the operands do not fit: Python will raise here.
        is_whole: nothing inside the statement is to be compiled either.
    """

    def __init__(self, index: int, reason: str, loc: Loc, is_error: bool, is_whole: bool = False):
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.loc = loc
        self.is_error = is_error
        self.is_whole = is_whole


class Returned:
    """The block returned this value."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


class _Jump:
    """``break`` or ``continue``."""


BREAK, CONTINUE = _Jump(), _Jump()


class Lowering(Calls):
    """One attempt to lower a block.

    Args:
        source: the function that the block belongs to.
        function: the same as an object, for globals and closure.
        pinned: paths of floats, and of what holds floats, that are constants.
    """

    def __init__(self, source: Source, function: types.FunctionType, pinned: frozenset[Path]):
        super().__init__()
        self.trace = trace = Trace()
        self.guards = Guards(lambda: trace.loc)  # plans keep the guards, but not the lowering
        self.lines: dict[Loc, None] = {}  # all that were lowered, in order
        self.pinned = pinned
        self.function = function
        self.root = Frame(source, function, None)
        self.frames: list[Frame] = []

    def run(self, statements: Sequence[Any], values: dict[str, Any]) -> Returned | None:
        """Lower the block, given the values of its variables.

        Returns:
            What the block returned, or None where it goes on; ``root.variables`` has the variables.

        Raises:
            Leftover: a statement cannot be lowered.
            PinRequest: a float has to be a constant.
        """
        frame = self.root
        self.frames.append(frame)
        with self.trace.interpreting():
            for name, value in values.items():
                if value is not UNBOUND:
                    self._attempt(0, statements[0], lambda n=name, v=value: self._enter(n, v))
            for index, statement in enumerate(statements):
                outcome = self._attempt(index, statement, lambda s=statement: self.statement(s))
                if isinstance(outcome, Returned):
                    return outcome
                if outcome is not None:
                    raise Leftover(index, "it jumps out of the block", frame.source.loc(statement), False)
        return None

    def _enter(self, name: str, value: Any) -> None:
        self.root.variables[name] = self.read(value, local_path(name))

    def _attempt(self, index: int, statement: Any, action: Any) -> Any:
        """Run an action for a statement of the block; what goes wrong is a Leftover."""
        try:
            return action()
        except (UnsupportedError, OperandError) as error:
            reason = error.reason if isinstance(error, UnsupportedError) else str(error)
            loc = self.trace.loc or self.root.source.loc(statement)
            is_whole = isinstance(error, KeptOut) and loc == self.root.source.loc(statement)
            raise Leftover(index, reason, loc, isinstance(error, OperandError), is_whole) from error
        except RecursionError as error:
            loc = self.root.source.loc(statement)
            raise Leftover(index, "the calls are nested too deeply", loc, False) from error
        except PinRequest:
            raise
        except Exception as error:
            if isinstance(error, AssertionError) and os.environ.get("MINPY_CHECK") == "1":
                raise  # a fault of the compiler; without the check Python runs the line
            loc = self.trace.loc or self.root.source.loc(statement)
            reason = f"it raises {type(error).__name__}: {error}"
            raise Leftover(index, reason, loc, True) from error

    @property
    def frame(self) -> Frame:  # type: ignore[override]
        """The innermost function that is being lowered."""
        return self.frames[-1]

    # Statements ---------------------------------------------------------------------------------

    def statements(self, body: Sequence[Any]) -> Any:
        """Lower statements in order; gives Returned, BREAK, CONTINUE, or None at the end."""
        for statement in body:
            outcome = self.statement(statement)
            if outcome is not None:
                return outcome
        return None

    def statement(self, node: Any) -> Any:
        """Lower one statement."""
        self.trace.loc = self.frame.loc(node)
        self.lines[self.trace.loc] = None
        if len(self.trace.eqns) > MAX_EQUATIONS:
            raise UnsupportedError(f"it unrolls to more than {MAX_EQUATIONS} operations")
        method = getattr(self, f"_{type(node).__name__}_statement", None)
        if method is None:
            raise UnsupportedError(f"a {_keyword(node)} statement is not compiled yet")
        return method(node)

    def _Expr_statement(self, node: Any) -> None:
        if not isinstance(node.value, gast.Constant):  # a docstring
            self.evaluate(node.value)

    def _Pass_statement(self, node: Any) -> None:
        pass

    def _Delete_statement(self, node: Any) -> None:
        for target in node.targets:
            if not isinstance(target, gast.Name):
                raise UnsupportedError("an element or attribute is deleted")
            self.load(target.id)
            self.frame.variables.pop(target.id, None)

    def _Assign_statement(self, node: Any) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _AnnAssign_statement(self, node: Any) -> None:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value))

    def _AugAssign_statement(self, node: Any) -> None:
        if not isinstance(node.target, gast.Name):
            raise UnsupportedError("an element or attribute is updated in place")
        old = self.load(node.target.id)
        new = self.evaluate(node.value)
        operation = _IN_PLACE.get(type(node.op))
        if operation is None:
            raise UnsupportedError("this kind of in-place operation is not compiled yet")
        if isinstance(old, Tracer) and old.kind in (ARRAY, NDARRAY):
            self.store(node.target.id, self._update(node.target.id, old, operation, new))
        elif isinstance(old, (Ref, list, dict, set)):
            raise UnsupportedError("a container is changed in place")
        else:
            self.store(node.target.id, self.binary(operation, old, new))

    def _update(self, name: str, old: Tracer, operation: Any, new: Any) -> Tracer:
        """``old op= new`` on an array that nobody else can see."""
        if not self._is_private(name, old):
            raise UnsupportedError(f"{name} is updated in place, and others may hold the same array")
        result = self.binary(operation, old, new)
        if result.shape != old.shape or not numpy.can_cast(result.dtype, old.dtype, "same_kind"):
            raise OperandError(f"{name} cannot hold {result.aval} in place, it is {old.aval}")
        if result.dtype != old.dtype:
            result = result.astype(old.dtype)
        return Tracer(self.trace, result.atom, old.kind)

    def _is_private(self, name: str, tracer: Tracer) -> bool:
        """Made by the region, held by one variable only, and without views."""
        made = [eqn for eqn in self.trace.eqns if tracer.atom in eqn.outputs]
        if not made or made[0].op in VIEW_OPS:
            return False
        if any(eqn.op in VIEW_OPS and tracer.atom in eqn.inputs for eqn in self.trace.eqns):
            return False
        holders = 0
        for frame in self.frames:
            for value in frame.variables.values():
                holders += sum(isinstance(v, Tracer) and v.atom is tracer.atom for v in walk_values(value))
        return holders == 1 and name in self.frame.variables

    def _Return_statement(self, node: Any) -> Returned:
        return Returned(None if node.value is None else self.evaluate(node.value))

    def _Break_statement(self, node: Any) -> Any:
        return BREAK

    def _Continue_statement(self, node: Any) -> Any:
        return CONTINUE

    def _If_statement(self, node: Any) -> Any:
        return self.statements(node.body if self.test(node.test) else node.orelse)

    def _While_statement(self, node: Any) -> Any:
        while self.test(node.test):
            outcome = self.statements(node.body)
            if outcome is BREAK:
                return None
            if isinstance(outcome, Returned):
                return outcome
            self.trace.loc = self.frame.loc(node)
            if len(self.trace.eqns) > MAX_EQUATIONS:
                raise UnsupportedError(f"it unrolls to more than {MAX_EQUATIONS} operations")
        return self.statements(node.orelse)

    def _With_statement(self, node: Any) -> None:
        for item in node.items:
            self.evaluate(item.context_expr)
        raise UnsupportedError("a with statement is not compiled yet")

    def _For_statement(self, node: Any) -> Any:
        for item in self.iterate(self.evaluate(node.iter)):
            self.assign(node.target, item)
            outcome = self.statements(node.body)
            if outcome is BREAK:
                return None
            if isinstance(outcome, Returned):
                return outcome
        return self.statements(node.orelse)

    def _Assert_statement(self, node: Any) -> None:
        if not self.test(node.test):
            raise UnsupportedError("the assertion fails")

    def _FunctionDef_statement(self, node: Any) -> None:
        if node.decorator_list:
            raise UnsupportedError("a function with decorators is defined")
        self.store(node.name, self.closure(node, node.name, node.body))

    def closure(self, node: Any, name: str, body: Sequence[Any]) -> Closure:
        """A function or lambda defined in the region."""
        defaults = [self.evaluate(default) for default in node.args.defaults]
        keyword_defaults = [d and self.evaluate(d) for d in node.args.kw_defaults]
        source = self.frame.source
        inner = Source(name, source.file, source.first_line, source.lines, node, tuple(body))
        return Closure(inner, self.frame, defaults, keyword_defaults)

    # Assignment ---------------------------------------------------------------------------------

    def assign(self, target: Any, value: Any) -> None:
        """``target = value``."""
        if isinstance(target, gast.Name):
            self.store(target.id, value)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self._unpack(target.elts, list(self.iterate(value)))
        elif isinstance(target, gast.Subscript):
            self._assign_item(target, value)
        else:
            raise UnsupportedError("an attribute of an object is written")

    def _assign_item(self, target: Any, value: Any) -> None:
        container = self.evaluate(target.value)
        key = self.evaluate(target.slice)
        if type(container) in (list, dict) and not isinstance(key, (Tracer, Ref)):
            container[key] = value  # made by the region, so nobody else sees it
        elif isinstance(container, (Tracer, numpy.ndarray)):
            raise UnsupportedError("an array is written in place")
        else:
            raise UnsupportedError("an object from outside is changed")

    def _unpack(self, targets: Sequence[Any], values: list) -> None:
        starred = [i for i, target in enumerate(targets) if isinstance(target, gast.Starred)]
        if starred:
            at, after = starred[0], len(targets) - starred[0] - 1
            if len(values) < len(targets) - 1:
                raise ValueError("not enough values to unpack")
            middle = values[at : len(values) - after]
            targets = [*targets[:at], targets[at].value, *targets[at + 1 :]]
            values = [*values[:at], middle, *values[len(values) - after :]]
        if len(values) != len(targets):
            raise ValueError(f"expected {len(targets)} values to unpack, got {len(values)}")
        for target, value in zip(targets, values):
            self.assign(target, value)

    def store(self, name: str, value: Any) -> None:
        """Bind a local variable."""
        if name in self.frame.outside_names:
            raise UnsupportedError(f"{name} is a global or nonlocal variable")
        if isinstance(value, Tracer):
            value.suggest_name(name)
        self.frame.variables[name] = value

    # Inlining -----------------------------------------------------------------------------------

    def inline(self, function: types.FunctionType, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Lower a call of a Python function by lowering its body."""
        source = read_source(function)
        frame = Frame(source, function, None)
        fixed = self.guards.fixed_path(function, function.__qualname__)
        defaults = [
            self.read(value, fixed.attribute("__defaults__").item(i))
            for i, value in enumerate(function.__defaults__ or ())
        ]
        keyword_defaults = [
            self.read(value, fixed.attribute("__kwdefaults__").item(name))
            for name, value in (function.__kwdefaults__ or {}).items()
        ]
        self.guards.add(fixed.attribute("__code__"), "identity", function.__code__)
        names = list(function.__kwdefaults__ or {})
        by_name = dict(zip(names, keyword_defaults))
        ordered = [by_name.get(arg.id, UNBOUND) for arg in source.node.args.kwonlyargs]
        return self._inline_frame(frame, defaults, ordered, args, kwargs)

    def inline_closure(self, closure: Closure, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Lower a call of a function that the region defined."""
        frame = Frame(closure.source, None, closure.frame)
        ordered = [UNBOUND if d is None else d for d in closure.keyword_defaults]
        return self._inline_frame(frame, closure.defaults, ordered, args, kwargs)

    def _inline_frame(
        self, frame: Frame, defaults: list, keyword_defaults: list, args: Sequence[Any], kwargs: dict
    ) -> Any:
        if len(self.frames) >= MAX_DEPTH:
            raise UnsupportedError(f"calls are nested more than {MAX_DEPTH} deep")
        parameters = frame.source.node.args
        frame.variables.update(
            bind_parameters(frame.source, parameters, defaults, keyword_defaults, args, kwargs)
        )
        saved = frame.caller = self.trace.loc
        self.frames.append(frame)
        try:
            with self.trace.in_namespace(None):
                outcome = self.statements(frame.source.body)
        finally:
            # After an error the innermost line stays, for the message.
            self.frames.pop()
        self.trace.loc = saved
        return outcome.value if isinstance(outcome, Returned) else None


def _keyword(node: Any) -> str:
    names = {"With": "with", "Try": "try", "Raise": "raise", "Global": "global", "Nonlocal": "nonlocal"}
    names.update(Delete="del", Import="import", ImportFrom="import", ClassDef="class", Match="match")
    return names.get(type(node).__name__, type(node).__name__.lower())
