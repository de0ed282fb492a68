"""What the blocks of one function share, and what is noted about them."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import threading
import types
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import gast

from minpy.compiler.cache import advice
from minpy.compiler.liveness import local_names, names_of, shared_names
from minpy.compiler.notes import Change, Recompilation, describe
from minpy.compiler.parts import Culprit, Parts, take_apart, with_test_before
from minpy.compiler.source import read_source
from minpy.errors import PerformanceWarning
from minpy.runtime.location import user_frame

if TYPE_CHECKING:
    from minpy.compiler.regions import Block

_LOOKS_AT_LOCALS = frozenset(("locals", "vars", "dir", "eval", "exec", "breakpoint"))
_NOTED = 200  # recompilations whose reasons are kept


class Options(NamedTuple):
    """How ``jit`` was told to compile a function; see there."""

    static_argnames: frozenset[str] = frozenset()
    strict: bool = False
    check: bool = False
    cache_size: int = 64
    donate_argnames: frozenset[str] = frozenset()


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
        self._parts: dict[tuple, Parts] = {}
        self._texts: dict[str, str] = {}  # of what is in new variables
        self._taken = {node.id for node in ast.walk(self.source.node) if isinstance(node, gast.Name)}
        self.generated: set[types.CodeType] = set()  # of the functions that residual programs are
        self.lock = threading.RLock()
        self.refuse: Callable | None = None  # called instead of running what has leftovers, if set
        self.compilations = 0
        self.compile_seconds = 0.0
        self.recompilations: deque[Recompilation] = deque(maxlen=_NOTED)
        self.evictions = 0
        self.notes: list[str] = []
        self._warned: set[str] = set()

    @functools.cached_property
    def why_whole(self) -> str:
        """Why the statements must not end up in several Python functions; empty where they may.

        What looks at the local variables as such, a debugger too, would see those of the generated program.
        """
        for node in (node for statement in self.source.body for node in ast.walk(statement)):
            if isinstance(node, gast.Name) and node.id in _LOOKS_AT_LOCALS:
                return f"{node.id} looks at all of its variables"
            if isinstance(node, gast.Attribute) and node.attr == "set_trace":
                return "a debugger looks at all of its variables"
        return ""

    def parts_of(self, statement: Any, culprit: Culprit | None) -> Parts:
        """A statement in parts around an expression that has to stay. The same ones each time."""
        if culprit is None:
            return Parts([], statement, [])
        key = statement, culprit.node
        if key not in self._parts:
            steady = self.local_names.difference(self.shared)
            found = take_apart(statement, culprit, steady, self._new_name)
            self._parts[key] = found or Parts([], statement, [])
        return self._parts[key]

    def with_test_before(self, statement: Any) -> Parts:
        """``if test: break`` in parts. The same ones each time."""
        key = statement, None
        if key not in self._parts:
            self._parts[key] = with_test_before(statement, self._new_name)
        return self._parts[key]

    def _new_name(self, expression: Any) -> str:
        """A local variable that the function does not have yet, for an expression."""
        name = next(name for i in itertools.count(1) if (name := f"part_{i}") not in self._taken)
        self._taken.add(name)
        self.local_names |= {name}
        columns = self.source.columns(expression)
        self._texts[name] = (
            self.source.text(expression.lineno)[slice(*columns)] if columns else "what is computed"
        )
        return name

    def in_words(self, reason: str) -> str:
        """A reason with the user's expressions instead of variables that hold them."""
        return re.sub(r"\bpart_\d+\b", lambda found: self._texts.get(found[0], found[0]), reason)

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
        self.warn_once("evicted", text)

    def warn_once(self, kind: str, text: str) -> None:
        """Warn of what takes time, at the line of the user's that calls; of each kind once."""
        if kind in self._warned:
            return
        self._warned.add(kind)
        frame = user_frame()
        assert frame is not None
        warnings.warn_explicit(text, PerformanceWarning, frame.f_code.co_filename, frame.f_lineno)

    def note_compilation(self, block: Block, signature: tuple, values: tuple) -> None:
        """Keep why a block that was compiled before is compiled again."""
        count = len(block.inputs)
        purpose = signature[: len(signature) - count]
        known = [plan for plan in block.plans if plan.signature[: len(plan.signature) - count] == purpose]
        if not known:
            return
        last = max(block.plans.of_signature(signature) or known, key=lambda plan: plan.meter.last_used)
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
