"""From a function to its syntax tree, with the line numbers of the file it stands in."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import os
import sysconfig
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import gast

from minpy.compiler.functions import Found, find_function
from minpy.compiler.ir import Loc
from minpy.errors import UnsupportedError

#: Nodes with local variables of their own.
SCOPES = (gast.FunctionDef, gast.AsyncFunctionDef, gast.Lambda, gast.ClassDef)


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
        is_generator: a call gives an iterator.
    """

    name: str
    file: str
    first_line: int
    lines: tuple[str, ...]
    node: Any
    body: tuple[Any, ...]
    is_generator: bool = False

    @property
    def identifier(self) -> str:
        """The name, as one that Python can define."""
        return self.name if self.name.isidentifier() else "function"

    @functools.cached_property
    def global_names(self) -> frozenset[str]:
        """Names that the function declares as global."""
        return declared_names(self.body, gast.Global)

    @functools.cached_property
    def nonlocal_names(self) -> frozenset[str]:
        """Names that the function declares as nonlocal."""
        return declared_names(self.body, gast.Nonlocal)

    def loc(self, node: Any, caller: Loc | None = None) -> Loc:
        """Where a node stands, in a function that is inlined at ``caller``."""
        return Loc(self.file, getattr(node, "lineno", self.first_line), self.name, caller)

    def text(self, line: int) -> str:
        """One line of the text, by its number in the file."""
        index = line - self.first_line
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def columns(self, node: Any) -> tuple[int, int] | None:
        """Where an expression begins and ends in the text of its line; None where it has several lines."""
        if node.lineno != node.end_lineno:
            return None
        text = self.text(node.lineno).encode()
        return len(text[: node.col_offset].decode()), len(text[: node.end_col_offset].decode())


def read_source(function: types.FunctionType, inlined: bool = False) -> Source:
    """The source of a Python function; one that is called by compiled code may be a generator.

    Raises:
        UnsupportedError: where there is no source, or it is not of a kind that can be compiled.
    """
    code = function.__code__
    if inlined and _is_of_library(function):
        raise UnsupportedError(f"{function.__module__}.{function.__qualname__} is of Python's library")
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise UnsupportedError(f"{code.co_name} is a coroutine")
    is_generator = bool(code.co_flags & inspect.CO_GENERATOR)
    if is_generator and not inlined:
        raise UnsupportedError(f"{code.co_name} is a generator, which runs step by step")
    return _source(find_function(code, function.__globals__), code.co_name, code.co_filename, is_generator)


#: modules of Python's library whose functions do little more than to call what they are given
_SIMPLE = ("contextlib", "functools", "typing")
_LIBRARY = os.path.join(sysconfig.get_path("stdlib"), "")


def _is_of_library(function: types.FunctionType) -> bool:
    """Whether a function belongs to Python's library, which does much that is no arithmetic."""
    file = function.__code__.co_filename
    is_one = file.startswith((_LIBRARY, "<frozen ")) and "site-packages" not in file
    return is_one and function.__module__ not in _SIMPLE and function is not dataclasses.is_dataclass


@functools.lru_cache(maxsize=2048)
def _source(found: Found, name: str, file: str, is_generator: bool) -> Source:
    node = found.tree
    body = node.body if isinstance(node, gast.FunctionDef) else (_returning(node.body),)
    return Source(name, file, found.first_line, found.lines, node, tuple(body), is_generator)


def _returning(expression: Any) -> Any:
    return gast.copy_location(gast.Return(value=expression), expression)


def statements_in(nodes: Iterable[Any]) -> Iterator[Any]:
    """These nodes and the statements that stand in them, outside of inner functions."""
    for node in nodes:
        if not isinstance(node, gast.expr):
            yield node
            if not isinstance(node, SCOPES):
                yield from statements_in(ast.iter_child_nodes(node))


def declared_names(body: Iterable[Any], kind: Any) -> frozenset[str]:
    """The names that statements outside of inner functions declare as global or as nonlocal."""
    return frozenset(name for node in statements_in(body) if isinstance(node, kind) for name in node.names)


def parameter_names(arguments: Any) -> list[str]:
    """Names of all parameters, in the order of the code object: positional, keyword-only, ``*``, ``**``."""
    names = [arg.id for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names.extend(arg.id for arg in (arguments.vararg, arguments.kwarg) if arg is not None)
    return names
