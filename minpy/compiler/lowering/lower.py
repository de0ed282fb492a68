"""Lowering: run a block of statements on abstract values and record what it does to arrays.

The lowering is an interpreter of the syntax tree. Values known at compile time are ordinary Python
objects and are computed now; arrays are tracers, and every op on them becomes an equation. Static
control flow disappears: loops unroll, branches are picked, calls of Python functions are inlined.
Whatever cannot be done exactly raises ``Leftover``, which names the statement and the reason.
"""

from __future__ import annotations

import os
import types
from collections.abc import Sequence
from typing import Any

from minpy.compiler.aliasing import AliasRequest
from minpy.compiler.eager import KeptOut
from minpy.compiler.ir import Loc
from minpy.compiler.liveness import is_generator, may_be_closed
from minpy.compiler.lowering.control import Returned
from minpy.compiler.lowering.frames import UNBOUND, Closure, Frame, Unforeseen, bind_parameters
from minpy.compiler.lowering.reads import PinRequest, ReadRequest
from minpy.compiler.lowering.writes import Writes
from minpy.compiler.parts import Culprit
from minpy.compiler.paths import Path, local_path
from minpy.compiler.source import Source, read_source
from minpy.compiler.tracer import OperandError, OrderUnknown
from minpy.compiler.varying import NUMBERS, Numbers
from minpy.errors import UnsupportedError

MAX_DEPTH = 60  # of inlined calls


class Leftover(Exception):
    """A statement of the block cannot be lowered.

    Attributes:
        index: of the statement in the block.
        reason: in plain words, completing "left to Python because ...".
        loc: the line that the reason is about, which may stand in an inlined function.
        is_error: the operands do not fit: Python will raise here.
        is_whole: nothing inside the statement is to be compiled either.
        culprit: the expression in the statement that the reason is about, where there is one.
    """

    def __init__(
        self,
        index: int,
        reason: str,
        loc: Loc,
        is_error: bool,
        is_whole: bool = False,
        culprit: Culprit | None = None,
    ):
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.loc = loc
        self.is_error = is_error
        self.is_whole = is_whole
        self.culprit = culprit


def _bare(error: BaseException) -> BaseException:
    """An error without its traceback, nor those of the errors that it came from."""
    found: BaseException | None = error
    while found is not None:
        found.__traceback__ = None
        found = found.__context__
    return error


class Lowering(Writes):
    """One attempt to lower a block.

    Args:
        source: the function that the block belongs to.
        function: the same as an object, for globals and closure.
        pinned: paths of floats, and of what holds floats, that are constants.
        same: paths to arrays that another path leads to as well.
        shared: variables of the block that functions outside of it have too.
        numbers: how to treat those that change from call to call.
        counted: paths of counters that are read as well.
    """

    def __init__(
        self,
        source: Source,
        function: types.FunctionType,
        pinned: frozenset[Path],
        same: dict[Path, Path],
        shared: frozenset[str] = frozenset(),
        numbers: Numbers = NUMBERS,
        counted: frozenset[Path] = frozenset(),
    ):
        super().__init__()
        self.same = same
        self.shared = shared
        self.numbers = numbers
        self.counted = counted
        self.shared_stores: dict[str, int] = {}  # those that were assigned, and the statement
        self.lines: dict[Loc, None] = {}  # all that were lowered, in order
        self.pinned = pinned
        self.function = function
        self._sources: dict[int, tuple[types.CodeType, Source]] = {}  # by the ``id`` of the code
        self.root = Frame(source, function, None)
        self.frames: list[Frame] = []

    def run(self, statements: Sequence[Any], values: dict[str, Any]) -> Returned | None:
        """Lower the block, given the values of its variables.

        Returns:
            What the block returned, or None where it goes on; ``root.variables`` has the variables.

        Raises:
            Leftover: a statement cannot be lowered.
            PinRequest: a number has to be a constant.
            ReadRequest: a counter has to be read.
            AliasRequest: two inputs are one array.
        """
        frame = self.root
        self.frames.append(frame)
        with self.trace.interpreting():
            for name, value in values.items():
                if value is not UNBOUND:
                    self._attempt(0, statements[0], lambda n=name, v=value: self._enter(n, v))
            for index, statement in enumerate(statements):
                outcome = self._attempt(
                    index, statement, lambda s=statement: self.complete(self.statement(s))
                )
                if isinstance(outcome, Returned):
                    for name, step in self.shared_stores.items():
                        reason = f"{name} is a variable of inner functions too, which may go on using it"
                        raise Leftover(step, reason, frame.source.loc(statements[step]), False)
                    self._finish()
                    return outcome
                if outcome is not None:
                    raise Leftover(index, "it jumps out of the block", frame.source.loc(statement), False)
        self._finish()
        return None

    def forget(self) -> None:
        """At the end: let go of what was read, which circles of objects would keep alive for a while."""
        self.culprit = None
        self.frames.clear()
        self.root.variables = {}
        self._tracers = {}
        self.effects.forget()

    def _finish(self) -> None:
        self.aliasing.finish()
        self.effects.finish()

    def _enter(self, name: str, value: Any) -> None:
        is_known = not isinstance(value, Unforeseen)
        self.root.variables[name] = self.read(value, local_path(name)) if is_known else value

    def _attempt(self, index: int, statement: Any, action: Any) -> Any:
        """Run an action for a statement of the block; what goes wrong is a Leftover.

        The errors lose their tracebacks, which would keep the user's values alive in a circle.
        """
        self.trace.step = index
        try:
            return action()
        except OrderUnknown as error:
            loc = self.trace.loc or self.root.source.loc(statement)
            step = index if error.step is None else error.step
            raise Leftover(step, error.reason, loc, False) from _bare(error)
        except (UnsupportedError, OperandError) as error:
            reason = error.reason if isinstance(error, UnsupportedError) else str(error)
            loc = self.trace.loc or self.root.source.loc(statement)
            is_whole = isinstance(error, KeptOut) and loc == self.root.source.loc(statement)
            is_ours = self.culprit is not None and self.culprit.error is error
            culprit = self.culprit if is_ours else None
            is_pinned = isinstance(error, OperandError)
            raise Leftover(index, reason, loc, is_pinned, is_whole, culprit) from _bare(error)
        except RecursionError as error:
            loc = self.root.source.loc(statement)
            raise Leftover(index, "the calls are nested too deeply", loc, False) from _bare(error)
        except (PinRequest, ReadRequest, AliasRequest):
            raise
        except Exception as error:
            if isinstance(error, AssertionError) and os.environ.get("MINPY_CHECK") == "1":
                raise  # a fault of the compiler; without the check Python runs the line
            loc = self.trace.loc or self.root.source.loc(statement)
            reason = f"it raises {type(error).__name__}: {error}"
            raise Leftover(index, reason, loc, True) from _bare(error)

    @property
    def frame(self) -> Frame:  # type: ignore[override]
        """The innermost function that is being lowered."""
        return self.frames[-1]

    # Statements ---------------------------------------------------------------------------------

    def _FunctionDef_statement(self, node: Any) -> None:
        decorators = [self.evaluate(decorator) for decorator in node.decorator_list]
        made: Any = self.closure(node, node.name, node.body)
        for decorator in reversed(decorators):
            made = self.call(decorator, [made], {})
        self.store(node.name, made)

    def closure(self, node: Any, name: str, body: Sequence[Any]) -> Closure:
        """A function or lambda defined in the region."""
        defaults = [self.evaluate(default) for default in node.args.defaults]
        keyword_defaults = [d and self.evaluate(d) for d in node.args.kw_defaults]
        source = self.frame.source
        inner = Source(
            name, source.file, source.first_line, source.lines, node, tuple(body), is_generator(body)
        )
        return Closure(inner, self.frame, defaults, keyword_defaults)

    # Inlining -----------------------------------------------------------------------------------

    def inline(
        self,
        function: types.FunctionType,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        path: Path | None = None,
    ) -> Any:
        """Lower a call of a Python function by lowering its body.

        ``path`` leads to the function, where that is another one at each call.
        """
        source = self._source_of(function)
        frame = Frame(source, function, None)
        if path is None:
            fixed = self.guards.fixed_path(function, function.__qualname__)
        else:
            fixed = frame.path = path
            for name in filter(self.shared_stores.__contains__, function.__code__.co_freevars):
                raise UnsupportedError(f"{name} was assigned before, and {function.__name__} reads it")
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

    def _source_of(self, function: types.FunctionType) -> Source:
        """The source of a function that is inlined: looking whether a file has changed takes time."""
        code = function.__code__
        if id(code) not in self._sources:
            self._sources[id(code)] = code, read_source(function, inlined=True)
        return self._sources[id(code)][1]

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
        if frame.source.is_generator:
            if may_be_closed(frame.source.body):
                raise UnsupportedError(f"{frame.source.name}, a generator, does something when it is left")
            return self.resumed(frame, self.statements(frame.source.body))
        self.frames.append(frame)
        try:
            with self.trace.in_namespace(None):
                outcome = self.complete(self.statements(frame.source.body))
        finally:
            # After an error the innermost line stays, for the message.
            self.frames.pop()
        self.trace.loc = saved
        return outcome.value if isinstance(outcome, Returned) else None
