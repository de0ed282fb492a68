"""Marks in the code that is mutated: each statement of a function says that it runs.

``coverage`` tells the same, but writes down for each line by which test it was run, which takes longer than
tests do. A mark is one byte that is set.
"""

from __future__ import annotations

import ast
import builtins
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy

from tests.mutation.forks import ROOT, Overlay

_NAME = "__marks__"  #: of the bytes, among Python's builtins: every module finds them there
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Marks:
    """One for each statement within functions of these files, and for each lambda.

    Attributes:
        places: file and lines of each; of a statement with a body the lines before that.
    """

    def __init__(self, paths: Iterable[str]):
        self.places: list[tuple[str, range]] = []
        self.overlays = [Overlay(path, _Marking(path, self.places).tree()) for path in paths]
        self._bytes = bytearray(len(self.places))

    def install(self) -> None:
        """Let this process import the files with marks."""
        setattr(builtins, _NAME, self._bytes)
        for overlay in self.overlays:
            overlay.install()

    def taken(self) -> array:
        """The numbers of the places that have been run since the last call."""
        seen = numpy.frombuffer(self._bytes, numpy.uint8)
        found = array("H", numpy.flatnonzero(seen).tolist())
        seen[:] = 0
        return found

    def lines(self, numbers: Iterable[int]) -> set[tuple[str, int]]:
        """Files and lines of these places."""
        places = map(self.places.__getitem__, numbers)
        return {(path, line) for path, lines in places for line in lines}


class _Marking(ast.NodeTransformer):
    """Puts marks into the tree of a file."""

    def __init__(self, path: str, places: list[tuple[str, range]]):
        self.path = path
        self.places = places
        self.is_in_function = False

    def tree(self) -> ast.Module:
        return ast.fix_missing_locations(self.visit(ast.parse((ROOT / self.path).read_text())))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        outside = self.is_in_function
        self.is_in_function = outside or isinstance(node, _FUNCTION)
        super().generic_visit(node)
        if self.is_in_function and not isinstance(node, ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                if isinstance(statements := getattr(node, name, None), list):
                    setattr(node, name, list(self._marked(statements)))
        self.is_in_function = outside
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        call = self._mark(node, node.end_lineno, f"({_NAME}.__setitem__({{}}, 1), 0)[1]").value
        call.value.elts[1] = node.body
        node.body = call
        return node

    def _marked(self, statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in statements:
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not isinstance(statement, (ast.Global, ast.Nonlocal)) and not is_text:  # which come first
                body = getattr(statement, "body", None)
                last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
                yield self._mark(statement, last, f"{_NAME}[{{}}] = 1")
            yield statement

    def _mark(self, node: Any, last: int | None, text: str) -> Any:
        """A statement that stands where ``node`` does."""
        assert last is not None
        mark = ast.parse(text.format(len(self.places))).body[0]
        self.places.append((self.path, range(node.lineno, last + 1)))
        for part in ast.walk(mark):
            if hasattr(part, "lineno"):
                ast.copy_location(part, node)
        return mark
