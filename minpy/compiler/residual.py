"""The residual program: Python source that calls compiled blocks around what is left over.

The generated function keeps the line numbers and the file name of the original, so tracebacks show
the user's own lines. ``text`` is the same program, printed.
"""

from __future__ import annotations

import ast
import io
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Protocol

import astunparse
import gast

from minpy.compiler import liveness
from minpy.compiler.frames import UNBOUND

_LOOKS_AT_LOCALS = frozenset(("locals", "vars", "dir", "eval", "exec", "breakpoint"))
_OPENED = (gast.If, gast.For, gast.While, gast.With)


class Block(Protocol):
    """What is needed of a block (``regions.Block``) to take it apart."""

    program: Any
    statements: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    in_loop: bool

    def child(
        self, statements: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], in_loop: bool
    ) -> Block:
        """A block of some of the statements."""
        ...


@dataclass
class Residual:
    """A residual program: the function, its text, and the blocks that it calls."""

    function: Callable
    text: str
    children: list[Any]


def why_whole(block: Block) -> str:
    """Why the statements must not end up in several Python functions; empty where they may.

    Inner functions share variables with the function around them; taken apart they would not. What
    looks at the local variables as such, a debugger too, would see those of the generated program.
    """
    body = block.program.source.body
    if liveness.defines_functions(body):
        return "functions that are defined in it share its variables"
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, gast.Name) and node.id in _LOOKS_AT_LOCALS:
            return f"{node.id} looks at all of its variables"
        if isinstance(node, gast.Attribute) and node.attr == "set_trace":
            return "a debugger looks at all of its variables"
    nodes = (node for statement in block.statements for node in ast.walk(statement))
    if any(isinstance(node, (gast.Global, gast.Nonlocal)) for node in nodes):
        return "variables are global or nonlocal"
    return ""


def end_line(node: Any) -> int:
    """The last line of a statement."""
    return getattr(node, "end_lineno", None) or node.lineno


def last_own_line(statement: Any) -> int:
    """The last line of a leftover that is not part of a body, which becomes blocks of its own."""
    if not is_opened(statement):
        return end_line(statement)
    return max(statement.lineno, statement.body[0].lineno - 1)


def is_opened(statement: Any) -> bool:
    """Whether a leftover of this kind keeps blocks in its body."""
    return isinstance(statement, _OPENED)


def plain_function(block: Block) -> Callable:
    """The block as Python only."""
    builder = _Builder(block)
    return builder.finish([_copy(statement) for statement in block.statements]).function


def split(block: Block, index: int, is_whole: bool = False) -> Residual:
    """Blocks before and after statement ``index``, which stays; blocks inside it, unless it stays whole."""
    builder = _Builder(block)
    after = builder.needed_after(block.statements, index, frozenset(block.outputs))
    body: list[Any] = []
    if index:
        needed = liveness.names_of(block.statements[index:]).loads | frozenset(block.outputs)
        body.extend(builder.call_block(block.statements[:index], needed, block.in_loop))
    left = block.statements[index]
    body.extend([_copy(left)] if is_whole else builder.open(left, after, block.in_loop))
    if index + 1 < len(block.statements):
        body.extend(
            builder.call_block(block.statements[index + 1 :], frozenset(block.outputs), block.in_loop)
        )
    return builder.finish(body)


class _Returns(gast.NodeTransformer):
    """The user's ``return x`` becomes ``return (True, x)``; inner functions keep theirs."""

    def visit_Return(self, node: Any) -> Any:
        if getattr(node, "is_ours", False):
            return node
        value = node.value or gast.Constant(value=None, kind=None)
        pair = gast.Tuple(elts=[gast.Constant(value=True, kind=None), value], ctx=gast.Load())
        return gast.copy_location(gast.Return(value=gast.copy_location(pair, node)), node)

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef


class _Builder:
    """Builds the Python function of one block."""

    def __init__(self, block: Block):
        self.block = block
        self.program = block.program
        self.children: list[Any] = []
        self.helpers: dict[str, Any] = {"__unbound": UNBOUND}

    def needed_after(self, statements: Sequence[Any], index: int, outputs: frozenset[str]) -> frozenset[str]:
        """Names that are read after statement ``index``."""
        return liveness.names_of(statements[index + 1 :]).loads | outputs

    def call_block(self, statements: Sequence[Any], needed: frozenset[str], in_loop: bool) -> list[Any]:
        """Statements that call a new block made of ``statements``."""
        names = liveness.names_of(statements)
        local_names = self.program.local_names
        outputs = sorted(names.stores & needed & local_names)
        unsure = set(outputs) - liveness.assigned_for_sure(statements)
        inputs = sorted((names.loads | unsure) & local_names)
        child = self.block.child(statements, tuple(inputs), tuple(outputs), in_loop)
        self.children.append(child)
        name = f"__region_{len(self.children)}"
        self.helpers[name] = child
        arguments = ", ".join(f"__locals.get({n!r}, __unbound)" for n in inputs)
        lines = ["__locals = locals()", f"__result = {name}({arguments})"]
        if liveness.may_return(statements):
            lines.append("if __result[0]: return __result")
        for position, output in enumerate(outputs):
            lines.append(f"{output} = __result[{position + 1}]")
            if output in unsure:
                lines.append(f"if {output} is __unbound: del {output}")
        return _parse(lines, statements[0])

    def open(self, statement: Any, needed: frozenset[str], in_loop: bool) -> list[Any]:
        """A leftover statement; the bodies of a compound one become blocks."""
        if not is_opened(statement):
            return [_copy(statement)]
        is_loop = isinstance(statement, (gast.For, gast.While))
        inside = needed | liveness.names_of([statement]).loads if is_loop else needed
        opened = _copy(statement)
        opened.body = self._body(statement.body, inside, in_loop or is_loop)
        if getattr(statement, "orelse", None):
            opened.orelse = self._body(statement.orelse, needed, in_loop)
        return [opened]

    def _body(self, statements: Sequence[Any], needed: frozenset[str], in_loop: bool) -> list[Any]:
        """Blocks of what stays inside the body; what jumps out of it stays Python."""
        result: list[Any] = []
        run: list[Any] = []
        for index, statement in enumerate(statements):
            if not liveness.escapes_loop([statement]):
                run.append(statement)
                continue
            rest = self.needed_after(statements, index - 1, needed)
            if run:
                result.extend(self.call_block(run, rest, in_loop))
                run = []
            after = self.needed_after(statements, index, needed)
            result.extend(self.open(statement, after, in_loop))
        if run:
            result.extend(self.call_block(run, needed, in_loop))
        return result

    def finish(self, body: list[Any]) -> Residual:
        """Compile the function: takes the block's inputs, gives (returned?, value or outputs)."""
        block, source = self.block, self.program.source
        first = block.statements[0]
        body = [_Returns().visit(statement) for statement in body]
        sure = liveness.assigned_for_sure(block.statements)
        ends = ["False", *[n if n in sure else f"__locals.get({n!r}, __unbound)" for n in block.outputs]]
        # A parameter that holds nothing becomes an unbound variable again.
        prologue = [f"if {name} is __unbound: del {name}" for name in block.inputs]
        closing = _parse(["__locals = locals()", f"return ({', '.join(ends)},)"], block.statements[-1])
        inner = _parse([f"def {source.identifier}({', '.join(block.inputs)}): pass"], first)[0]
        inner.body = [*(_parse(prologue, first) if prologue else []), *body, *closing]
        text = _print(gast.gast_to_ast(gast.fix_missing_locations(_module([inner]))))
        free = self.program.function.__code__.co_freevars
        cells = dict(zip(free, self.program.function.__closure__ or ()))
        outer = _parse([f"def __make({', '.join([*cells, *self.helpers])}): pass"], first)[0]
        outer.body = [inner, *_parse([f"return {inner.name}"], first)]
        tree = gast.gast_to_ast(gast.fix_missing_locations(_module([outer])))
        code = compile(tree, source.file, "exec")
        made: dict[str, Any] = {}
        exec(code, {"__builtins__": {}}, made)
        empty = made["__make"](*[None] * len(cells), *self.helpers.values())
        function = _rebind(empty, source.name, self.program.function.__globals__, cells)
        return Residual(function, text, self.children)


class _Printer(astunparse.Unparser):
    """astunparse for today's Python: no parentheses in ``x[a:b, c]``, no use of what ``ast`` deprecated."""

    def _Attribute(self, node: Any) -> None:
        is_int = isinstance(node.value, ast.Constant) and isinstance(node.value.value, int)
        self.write("(" if is_int else "")  # 3.real is a syntax error
        self.dispatch(node.value)
        self.write((")." if is_int else ".") + node.attr)

    def _Subscript(self, node: Any) -> None:
        self.dispatch(node.value)
        self.write("[")
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) and node.slice.elts else [node.slice]
        for position, part in enumerate(parts):
            self.write(", " if position else "")
            self.dispatch(part)
        self.write(",]" if parts[0] is not node.slice and len(parts) == 1 else "]")


def _print(tree: ast.AST) -> str:
    try:
        text = io.StringIO()
        _Printer(tree, file=text)
        return text.getvalue().strip()
    except (AttributeError, NotImplementedError):  # syntax that is younger than astunparse
        return ast.unparse(tree)


def _rebind(function: Any, name: str, global_names: dict, cells: dict[str, types.CellType]) -> Callable:
    """The function with the user's name, globals and closure cells, beside the helpers."""
    own = zip(function.__code__.co_freevars, function.__closure__ or ())
    closure = tuple(cells.get(variable, cell) for variable, cell in own)
    return types.FunctionType(function.__code__.replace(co_name=name), global_names, name, None, closure)


def _parse(lines: Sequence[str], place: Any) -> list[Any]:
    """Generated lines as nodes that claim to stand where ``place`` stands."""
    nodes = gast.parse("\n".join(lines)).body
    for root in nodes:
        for node in ast.walk(root):
            if hasattr(node, "lineno"):
                gast.copy_location(node, place)
            if isinstance(node, gast.Return):
                node.is_ours = True
    return nodes


def _module(body: list[Any]) -> Any:
    return gast.Module(body=body, type_ignores=[])


def _copy(node: Any) -> Any:
    """A deep copy of a tree, so that a transformation leaves the original alone."""
    if isinstance(node, list):
        return [_copy(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    made = type(node)()
    for name, value in vars(node).items():
        setattr(made, name, _copy(value))
    return made
