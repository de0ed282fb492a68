"""The residual program: Python source that calls compiled blocks around what is left over.

The generated function keeps the line numbers and the file name of the original, so tracebacks show
the user's own lines. ``text`` is the same program, printed.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import gast

from minpy.compiler import liveness
from minpy.compiler.generated import CELLS, Generated, adapted, parse
from minpy.compiler.lowering.frames import UNBOUND
from minpy.compiler.parts import Parts

_OPENED = (gast.If, gast.For, gast.While, gast.With, gast.Try, gast.Match)
#: Fields that hold statements, and fields whose items have such fields.
_BODIES, _PARTS = ("body", "orelse", "finalbody"), ("handlers", "cases")


class Around(NamedTuple):
    """What Python runs around a block.

    Attributes:
        loop: a loop.
        handler: a statement that can go on after an exception in the block.
        varying: the variables of ``for`` loops, which are others in each turn.
    """

    loop: bool = False
    handler: bool = False
    varying: frozenset[str] = frozenset()


NOTHING = Around()


class Block(Protocol):
    """What is needed of a block (``regions.Block``) to take it apart."""

    program: Any
    statements: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    around: Around

    def child(
        self, statements: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], around: Around
    ) -> Block:
        """A block of some of the statements."""
        ...


@dataclass
class Residual:
    """A residual program: the function, and the blocks that it calls.

    Attributes:
        statements: what it consists of; some may be parts of one of the user's.
    """

    function: Generated
    children: list[Any]
    statements: tuple[Any, ...]


def end_line(node: Any) -> int:
    """The last line of a statement."""
    return getattr(node, "end_lineno", None) or node.lineno


def last_own_line(statement: Any) -> int:
    """The last line of a leftover that is not part of a body, which becomes blocks of its own."""
    bodies = bodies_of(statement)
    return max(statement.lineno, bodies[0][0].lineno - 1) if bodies else end_line(statement)


def is_opened(statement: Any) -> bool:
    """Whether a leftover of this kind keeps blocks in its body."""
    return isinstance(_as_branch(statement), _OPENED)


def bodies_of(statement: Any) -> list[list[Any]]:
    """The runs of statements inside of a leftover that become blocks."""
    statement = _as_branch(statement)
    if not isinstance(statement, _OPENED):
        return []
    parts = [statement, *(part for name in _PARTS for part in getattr(statement, name, ()))]
    bodies = [getattr(part, name, []) for part in parts for name in _BODIES]
    return [body for body in bodies if body]


def _emptied(part: Any) -> Any:
    """A compound statement without the statements in it; a simple one as it is."""
    if not isinstance(part, (*_OPENED, gast.ExceptHandler, gast.match_case)):
        return part
    emptied = copy.copy(part)
    for name in _BODIES:
        if hasattr(part, name):
            setattr(emptied, name, [])
    for name in _PARTS:
        if hasattr(part, name):
            setattr(emptied, name, list(map(_emptied, getattr(part, name))))
    return emptied


def _as_branch(statement: Any) -> Any:
    """``y = a if test else b`` as an ``if`` statement, whose branches can be blocks."""
    value = getattr(statement, "value", None)
    if not isinstance(value, gast.IfExp) or not isinstance(statement, gast.stmt):
        return statement
    if not hasattr(statement, "branch"):  # made once, so that its statements are always the same
        branches = []
        for chosen in (value.body, value.orelse):
            branch = copy.copy(statement)
            branch.value = chosen
            branches.append([branch])
        branched = gast.If(test=value.test, body=branches[0], orelse=branches[1])
        statement.branch = gast.copy_location(branched, statement)
    return statement.branch


def plain_function(block: Block) -> Generated:
    """The block as Python only."""
    return _Builder(block).finish([adapted(statement) for statement in block.statements])


def split(block: Block, index: int, parts: Parts, is_whole: bool = False) -> Residual:
    """Blocks before and after what is left of statement ``index``, and inside it, unless it stays whole."""
    builder = _Builder(block)
    outputs, around = frozenset(block.outputs), block.around
    before = (*block.statements[:index], *parts.before)
    left, rest = parts.left, (*parts.after, *block.statements[index + 1 :])
    body: list[Any] = []
    if before:
        body.extend(builder.call_block(before, liveness.names_of([left, *rest]).loads | outputs, around))
    after = liveness.names_of(rest).loads | outputs
    body.extend([adapted(left)] if is_whole else builder.open(left, after, around))
    if rest:
        body.extend(builder.call_block(rest, outputs, around))
    return Residual(builder.finish(body), builder.children, (*before, left, *rest))


class _Builder:
    """Builds the Python function of one block."""

    def __init__(self, block: Block):
        self.block = block
        self.program = block.program
        self.children: list[Any] = []
        self.helpers: dict[str, Any] = {"__unbound": UNBOUND, "__take": _take, "__kept": self._kept}

    def call_block(self, statements: Sequence[Any], needed: frozenset[str], around: Around) -> list[ast.stmt]:
        """Statements that call a new block made of ``statements``."""
        names = liveness.names_of(statements)
        local_names = self.program.local_names
        needed = needed | frozenset(self.program.shared)  # inner functions may read those at any time
        outputs = sorted(names.stores & needed & local_names)
        # What is stored for sure is not, where an exception can come first and be handled.
        sure = frozenset() if around.handler else liveness.assigned_for_sure(statements)
        unsure = set(outputs) - sure
        inputs = sorted((names.loads | unsure) & local_names)
        cells = (CELLS,) if self.program.shared else ()
        child = self.block.child(statements, (*inputs, *cells), tuple(outputs), around)
        self.children.append(child)
        name = f"__region_{len(self.children)}"
        self.helpers[name] = child
        taken = "".join(f", {n!r}" for n in inputs)
        lines = [f"__result = {name}(*__take(locals(){taken}){', __cells' if cells else ''})"]
        if around.handler and outputs:
            kept = "".join(f", {n!r}" for n in outputs)
            restored = [*self._store(outputs, set(outputs), f"__kept(locals(){kept})"), "raise"]
            lines = ["try:", *_indented(lines), "except BaseException:", *_indented(restored)]
        if liveness.may_return(statements):
            lines.append("if __result[0]: return __result")
        lines.extend(self._store(outputs, unsure, "__result[1:]"))
        return parse(lines, statements[0])

    def _store(self, names: Sequence[str], unsure: set[str], values: str) -> list[str]:
        if not names:
            return []
        lines = [f"{', '.join(names)}, = {values}"]
        lines.extend(f"if {name} is __unbound: del {name}" for name in names if name in unsure)
        return lines

    def open(self, statement: Any, needed: frozenset[str], around: Around) -> list[ast.stmt]:
        """A leftover statement; the bodies of a compound one become blocks."""
        statement = _as_branch(statement)
        opened: Any = adapted(_emptied(statement))
        if isinstance(statement, gast.Try):
            self._open_try(statement, opened, needed, around)
        elif isinstance(statement, gast.Match):
            for case, opened_case in zip(statement.cases, opened.cases):
                opened_case.body = self._body(case.body, needed, around)
        elif isinstance(statement, _OPENED):
            is_loop = isinstance(statement, (gast.For, gast.While))
            targets = [statement.target] if isinstance(statement, gast.For) else []
            inside = Around(
                loop=around.loop or is_loop,
                handler=around.handler or isinstance(statement, gast.With),
                varying=around.varying | liveness.names_of(targets).stores,
            )
            again = liveness.names_of([statement]).loads if is_loop else frozenset()
            opened.body = self._body(statement.body, needed | again, inside)
            opened.orelse = self._body(getattr(statement, "orelse", ()), needed, around)
        return [opened]

    def _open_try(self, statement: Any, opened: Any, needed: frozenset[str], around: Around) -> None:
        handled = around._replace(handler=True)
        needed_last = needed | liveness.names_of(statement.finalbody).loads
        handlers = liveness.names_of([*statement.handlers, *statement.orelse]).loads
        opened.body = self._body(statement.body, needed_last | handlers, handled)
        around_rest = handled if statement.finalbody else around
        opened.orelse = self._body(statement.orelse, needed_last, around_rest)
        for handler, opened_handler in zip(statement.handlers, opened.handlers):
            opened_handler.body = self._body(handler.body, needed_last, around_rest)
        opened.finalbody = self._body(statement.finalbody, needed, around)

    def _body(self, statements: Sequence[Any], needed: frozenset[str], around: Around) -> list[ast.stmt]:
        """Blocks of what stays inside the body; what jumps out of it stays Python."""
        result: list[Any] = []
        run: list[Any] = []
        for index, statement in enumerate(statements):
            if not liveness.escapes_loop([statement]):
                run.append(statement)
                continue
            if isinstance(statement, gast.If):
                parts = self.program.with_test_before(statement)
                run.extend(parts.before)
                statement = parts.left
            if run:
                rest = liveness.names_of([statement, *statements[index + 1 :]]).loads
                result.extend(self.call_block(run, rest | needed, around))
                run = []
            rest = liveness.names_of(statements[index + 1 :]).loads
            result.extend(self.open(statement, rest | needed, around))
        if run:
            result.extend(self.call_block(run, needed, around))
        return result

    def finish(self, body: list[ast.stmt]) -> Generated:
        """Compile the function: takes the block's inputs, gives (returned?, value or outputs)."""
        block, program, source = self.block, self.program, self.program.source
        own = [name for name in block.inputs if name not in program.shared and name != CELLS]
        lines = [f"global {name}" for name in sorted(source.global_names)]
        lines.extend(f"nonlocal {name}" for name in sorted(source.nonlocal_names))
        # A parameter that holds nothing becomes an unbound variable again.
        lines.extend(f"if {name} is __unbound: del {name}" for name in own)
        outputs = "".join(f", {n!r}" for n in block.outputs)
        closing = [f"return False, *__take(locals(){outputs})" if outputs else "return False,"]
        function = Generated(
            program.function,
            source.identifier,
            source.file,
            block.inputs,
            program.shared,
            [
                *parse(lines, block.statements[0]),
                *body,
                *parse(closing, block.statements[-1]),
            ],
            self.helpers,
        )
        program.generated.add(function.code)
        return function

    def _kept(self, local_values: dict[str, Any], *names: str) -> list[Any]:
        """The variables as they were when an exception left the block that is being called."""
        traceback = sys.exc_info()[2]
        inner = traceback.tb_next if traceback is not None else None
        while inner is not None and inner.tb_frame.f_globals.get("__name__") in _BETWEEN:
            inner = inner.tb_next
        if inner is not None and inner.tb_frame.f_code in self.program.generated:
            local_values = inner.tb_frame.f_locals
        return _take(local_values, *names)


#: Modules with the code between two generated functions.
_BETWEEN = (
    "minpy.runtime.routes",
    "minpy.compiler.regions",
    "minpy.compiler.plans",
    "minpy.compiler.generated",
)


def _indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


def _take(local_values: dict[str, Any], *names: str) -> list[Any]:
    """The values of local variables; UNBOUND for those that have none."""
    return [local_values.get(name, UNBOUND) for name in names]
