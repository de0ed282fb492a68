"""Lowering of the statements that decide what runs: branches, loops, ``try``, ``with``, ``match``, imports.

Each such method is a generator, so that lowering can stop at a ``yield`` of a generator function and go on
later. What it returns is how the statement ended: Returned, BREAK, CONTINUE, or None at its end.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import types
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import gast
import numpy

from minpy.compiler.eager import KeptOut
from minpy.compiler.ir import Loc
from minpy.compiler.lowering.matching import Matching
from minpy.compiler.lowering.reads import unref
from minpy.errors import UnsupportedError

#: An equation takes about 0.12 ms to compile, 0.35 ms with its gradient, however many there are. Unrolled, a
#: turn of a recurrent loop takes as long as in a compiled body in a loop of Python's, and with its gradient a
#: third of that, which is worth seconds and not minutes.
MAX_EQUATIONS = 20_000
MAX_STATEMENTS = 100_000  # run while compiling

#: Statements beyond which a loop that only computes numbers is left to Python, which does that faster.
MAX_OF_NUMBERS = 2_000


class Progress(NamedTuple):
    """How much was lowered."""

    equations: int
    computed: int  # numbers, by Python
    statements: int


class ForPython(KeptOut):
    """A statement that Python runs faster, as a whole."""


Steps = Generator[Any, None, Any]


class Returned:
    """The block returned this value."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


class _Jump:
    """``break`` or ``continue``."""


BREAK, CONTINUE = _Jump(), _Jump()


class Control(Matching):
    """The part of the lowering that runs statements; ``Lowering`` gives those that bind and write."""

    lines: dict[Loc, None]
    executed = 0  # statements so far

    def complete(self, steps: Steps) -> Any:
        """Run statements to their end."""
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        raise UnsupportedError("a yield stands outside of a generator")

    def statements(self, body: Sequence[Any]) -> Steps:
        """Lower statements in order."""
        for statement in body:
            outcome = yield from self.statement(statement)
            if outcome is not None:
                return outcome
        return None

    def statement(self, node: Any) -> Steps:
        """Lower one statement."""
        self.trace.loc = self.frame.loc(node)
        self.lines[self.trace.loc] = None
        self.executed += 1
        if self.executed > MAX_STATEMENTS:
            raise UnsupportedError(f"it runs more than {MAX_STATEMENTS} statements")
        self.check_size(self.size)
        method = getattr(self, f"_{type(node).__name__}_statement", None)
        if method is None:
            raise UnsupportedError(f"a {_keyword(node)} statement is not compiled")
        outcome = method(node)
        if isinstance(outcome, types.GeneratorType):
            outcome = yield from outcome
        return outcome

    def progress(self) -> Progress:
        """How far the lowering has come."""
        return Progress(len(self.trace.eqns), self.computed, self.executed)

    def judge(self, turns: int, done: int, before: Progress) -> None:
        """Raise UnsupportedError where unrolling a loop is not worth it.

        Args:
            turns: of the loop, in all.
            done: turns that have been lowered.
            before: the progress one turn ago.
        """
        now = self.progress()
        equations, computed, statements = (y - x for x, y in zip(before, now))
        if not equations and turns * max(computed, statements) > MAX_OF_NUMBERS:
            raise ForPython(f"its {turns} turns compute with numbers only, which Python does faster")
        self.check_size(self.size + (turns - done) * (equations + computed), turns)

    def check_size(self, equations: float, turns: int = 0) -> None:
        """Raise UnsupportedError where the graph has, or behind a loop will have, too many equations."""
        if equations > MAX_EQUATIONS:
            what = f"it unrolls in {turns} turns" if turns else "it unrolls"
            raise UnsupportedError(
                f"{what} to about {int(equations)} operations, and more than {MAX_EQUATIONS} take longer to "
                "compile than they are worth"
            )

    def _Pass_statement(self, node: Any) -> None:
        pass

    _Global_statement = _Nonlocal_statement = _Pass_statement

    def _Return_statement(self, node: Any) -> Returned:
        return Returned(None if node.value is None else self.evaluate(node.value))

    def _Break_statement(self, node: Any) -> Any:
        return BREAK

    def _Continue_statement(self, node: Any) -> Any:
        return CONTINUE

    def _Raise_statement(self, node: Any) -> Any:
        raise UnsupportedError("it raises an exception")

    def _Assert_statement(self, node: Any) -> None:
        if not self.test(node.test):
            raise UnsupportedError("the assertion fails")

    def _Expr_statement(self, node: Any) -> Steps:
        value = node.value
        if isinstance(value, gast.Yield):
            yield None if value.value is None else self.evaluate(value.value)
        elif isinstance(value, gast.YieldFrom):
            yield from self.iterate(self.evaluate(value.value))
        elif not isinstance(value, gast.Constant):  # a docstring
            self.evaluate(value)

    # Branches and loops -------------------------------------------------------------------------

    def _If_statement(self, node: Any) -> Steps:
        return self.statements(node.body if self.test(node.test) else node.orelse)

    def _While_statement(self, node: Any) -> Steps:
        while self.test(node.test, is_constant=True):
            outcome = yield from self.statements(node.body)
            if outcome is BREAK:
                return None
            if isinstance(outcome, Returned):
                return outcome
            self.trace.loc = self.frame.loc(node)
        return (yield from self.statements(node.orelse))

    def _For_statement(self, node: Any) -> Steps:
        for item in self.turns(self.iterate(self.evaluate(node.iter))):
            self.assign(node.target, item)
            outcome = yield from self.statements(node.body)
            if outcome is BREAK:
                return None
            if isinstance(outcome, Returned):
                return outcome
        return (yield from self.statements(node.orelse))

    # Exceptions and contexts --------------------------------------------------------------------

    def _Try_statement(self, node: Any) -> Steps:
        """No handler is needed: what raises an exception is left to Python, with the whole statement."""
        outcome = yield from self.statements(node.body)
        if outcome is None:
            outcome = yield from self.statements(node.orelse)
        last = yield from self.statements(node.finalbody)
        return outcome if last is None else last

    def _With_statement(self, node: Any) -> Steps:
        for item in node.items:
            value = self._context(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        return (yield from self.statements(node.body))

    def _context(self, node: Any) -> Any:
        """What entering a context gives, for those that mean nothing to a graph."""
        called, args, kwargs = self.call_parts(node) if isinstance(node, gast.Call) else (None, [], {})
        function = unref(called)
        if function is contextlib.nullcontext:
            return next(iter([*args, *kwargs.values()]), None)
        if hasattr(type(function), "__minpy_lower__"):
            self.call(called, args, kwargs)
        if function is numpy.errstate and not args and set(kwargs.values()) <= {"ignore", "warn"}:
            return None
        raise UnsupportedError("what the context manager does is known to Python only")

    # Imports ------------------------------------------------------------------------------------

    def _Import_statement(self, node: Any) -> None:
        for alias in node.names:
            first, *rest = alias.name.split(".")
            self._module(alias.name)
            value = self._module(first)
            if alias.asname:
                for name in rest:
                    value = self.get_attribute(value, name)
            self.store(alias.asname or first, value)

    def _ImportFrom_statement(self, node: Any) -> None:
        name = "." * (node.level or 0) + (node.module or "")
        if node.level:
            name = importlib.util.resolve_name(name, self.frame.global_names.get("__package__") or "")
        module = self._module(name)
        for alias in node.names:
            self.store(alias.asname or alias.name, self.get_attribute(module, alias.name))

    def _module(self, name: str) -> Any:
        if sys.modules.get(name) is None:
            raise UnsupportedError(f"the module {name} is imported for the first time")
        path = self.guards.fixed_path(sys.modules, "sys.modules").item(name)
        return self.read(sys.modules[name], path._replace(label=name))


def _keyword(node: Any) -> str:
    names = {"AsyncFor": "async for", "AsyncWith": "async with", "AsyncFunctionDef": "async def"}
    names.update(Delete="del", ClassDef="class", TryStar="try")
    return names.get(type(node).__name__, type(node).__name__.lower())
