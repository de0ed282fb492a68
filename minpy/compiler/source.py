"""From a function to its syntax tree, with the line numbers of the file it stands in."""

from __future__ import annotations

import inspect
import types
from dataclasses import dataclass
from typing import Any

import gast

from minpy.compiler.functions import find_function
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
    code = function.__code__
    flags = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    if code.co_flags & flags:
        raise UnsupportedError(f"{code.co_name} is a generator or a coroutine")
    found = find_function(code, function.__globals__)
    node = found.tree
    body = node.body if isinstance(node, gast.FunctionDef) else (_returning(node.body),)
    return Source(code.co_name, code.co_filename, found.first_line, found.lines, node, tuple(body))


def _returning(expression: Any) -> Any:
    return gast.copy_location(gast.Return(value=expression), expression)


def parameter_names(arguments: Any) -> list[str]:
    """Names of all parameters, in the order of the code object: positional, keyword-only, ``*``, ``**``."""
    names = [arg.id for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names.extend(arg.id for arg in (arguments.vararg, arguments.kwarg) if arg is not None)
    return names
