"""From a function to its syntax tree, with the line numbers of the file it stands in."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import textwrap
import types
from dataclasses import dataclass
from typing import Any

import gast

from minpy.compiler.ir import Loc
from minpy.errors import UnsupportedError


@dataclass(frozen=True, eq=False)
class Source:
    """A function as the compiler reads it.

    Attributes:
        name: of the function.
        file: where it stands.
        first_line: of ``lines``, decorators included.
        lines: its text.
        node: ``gast.FunctionDef`` or ``gast.Lambda``; line numbers count in the file.
        body: the statements; for a lambda a return of its expression.
    """

    name: str
    file: str
    first_line: int
    lines: tuple[str, ...]
    node: Any
    body: tuple[Any, ...]

    @property
    def identifier(self) -> str:
        """The name, as one that Python can define."""
        return self.name if self.name.isidentifier() else "function"

    def loc(self, node: Any, caller: Loc | None = None) -> Loc:
        """Where a node stands, in a function that is inlined at ``caller``."""
        return Loc(self.file, getattr(node, "lineno", self.first_line), self.name, caller)

    def text(self, line: int) -> str:
        """One line of the text, by its number in the file."""
        index = line - self.first_line
        return self.lines[index] if 0 <= index < len(self.lines) else ""


def read_source(function: types.FunctionType) -> Source:
    """The source of a Python function.

    Raises:
        UnsupportedError: where there is no source, or it is not of a kind that can be compiled.
    """
    return _read(function.__code__)


@functools.lru_cache(maxsize=2048)
def _read(code: types.CodeType) -> Source:
    try:
        lines, first_line = inspect.getsourcelines(code)
    except (OSError, TypeError) as error:
        raise UnsupportedError(f"the source of {code.co_name} cannot be found") from error
    flags = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    if code.co_flags & flags:
        raise UnsupportedError(f"{code.co_name} is a generator or a coroutine")
    text = textwrap.dedent("".join(lines))
    try:
        tree = gast.parse(text)
    except SyntaxError as error:
        if code.co_name != "<lambda>":
            raise UnsupportedError(f"the source of {code.co_name} cannot be parsed: {error}") from error
        tree = _parse_fragment(text)
    ast.increment_lineno(tree, first_line - 1)
    node = _find(tree, code)
    if any(_is_private(inner) for inner in ast.walk(node)):
        raise UnsupportedError(f"{code.co_name} uses private names (__x), which Python renames in classes")
    body = node.body if isinstance(node, gast.FunctionDef) else (_returning(node.body),)
    return Source(
        name=code.co_name,
        file=code.co_filename,
        first_line=first_line,
        lines=tuple(line.rstrip("\n") for line in lines),
        node=node,
        body=tuple(body),
    )


def _parse_fragment(text: str) -> Any:
    """A lambda's lines can be the middle of a statement: try the text from ``lambda`` on."""
    start = text.find("lambda")
    for end in range(len(text), start, -1):
        try:
            return gast.parse("(" + text[start:end].rstrip() + ")")
        except SyntaxError:
            continue
    raise UnsupportedError("the source of the lambda cannot be parsed")


def _find(tree: Any, code: types.CodeType) -> Any:
    if code.co_name == "<lambda>":
        # The lines may hold several lambdas, or only the beginning of this one.
        for node in ast.walk(tree):
            if isinstance(node, gast.Lambda) and _steps(_compiled_lambda(node)) == _steps(code):
                return node
        raise UnsupportedError("the source of the lambda cannot be told from the lines around it")
    for node in ast.walk(tree):
        if isinstance(node, gast.FunctionDef) and node.name == code.co_name:
            return node
    raise UnsupportedError(f"the source of {code.co_name} cannot be found")


def _compiled_lambda(node: Any) -> types.CodeType:
    """The code of a lambda expression without its defaults."""
    arguments = gast.gast_to_ast(gast.Expression(body=node)).body.args
    arguments.defaults = [ast.Constant(value=None) for _ in arguments.defaults]
    arguments.kw_defaults = [d and ast.Constant(value=None) for d in arguments.kw_defaults]
    expression = ast.Expression(ast.Lambda(arguments, gast.gast_to_ast(node.body)))
    code = compile(ast.fix_missing_locations(expression), "<lambda>", "eval")
    return next(c for c in code.co_consts if isinstance(c, types.CodeType))


#: Instructions that do the same; which one Python takes depends on what stands around the lambda.
_ALIKE = dict.fromkeys(("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_CLOSURE"), "read")
_ALIKE.update(LOAD_METHOD="LOAD_ATTR", CALL_METHOD="CALL_FUNCTION")
_BOOKKEEPING = frozenset(("RESUME", "COPY_FREE_VARS", "MAKE_CELL", "PUSH_NULL", "PRECALL", "CACHE", "NOP"))


def _steps(code: types.CodeType) -> list:
    """What code does, whether its free variables are global or of an enclosing function."""
    steps: list[Any] = [code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], code.co_flags & 0x0C]
    for step in dis.get_instructions(code):
        if step.opname in _BOOKKEEPING:
            continue
        value = step.argval
        if isinstance(value, types.CodeType):
            value = _steps(value)
        elif step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            value = None
        steps.append((_ALIKE.get(step.opname, step.opname), repr(value)))
    return steps


def _is_private(node: Any) -> bool:
    name = getattr(node, "attr", None) or (node.id if isinstance(node, gast.Name) else "")
    return name.startswith("__") and not name.endswith("__")


def _returning(expression: Any) -> Any:
    return gast.copy_location(gast.Return(value=expression), expression)


def parameter_names(arguments: Any) -> list[str]:
    """Names of all parameters, in the order of the code object: positional, keyword-only, ``*``, ``**``."""
    names = [arg.id for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names.extend(arg.id for arg in (arguments.vararg, arguments.kwarg) if arg is not None)
    return names
