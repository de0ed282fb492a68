"""Functions made from syntax trees: compiled with the user's file and lines, and printed.

A generated function has the globals and the closure of the user's function, beside helpers of ours. Variables
that the user's inner functions share with it stand in cells that are made for each call, so that all
generated functions of one call, and the inner functions, have the same ones.
"""

from __future__ import annotations

import ast
import functools
import io
import types
from collections.abc import Iterator, Sequence
from typing import Any, Callable

import astunparse
import gast

from minpy.compiler.functions import FUTURE
from minpy.runtime.leftovers import leftover_policy

#: The name by which generated code knows the cells of the call.
CELLS = "__cells"
_MAKER = "__make"


class Generated:
    """A function made of statements.

    Args:
        function: the user's function, for globals, closure and names.
        identifier: its name, as one that Python can define.
        parameters: of the new function, in order; those that are shared are in the cells already, or are
            put there.
        shared: the variables that stand in cells.
        body: statements of Python's own kind; they may use ``helpers`` by name.
    """

    def __init__(
        self,
        function: types.FunctionType,
        identifier: str,
        file: str,
        parameters: Sequence[str],
        shared: Sequence[str],
        body: list[ast.stmt],
        helpers: dict[str, Any],
    ):
        own = [name for name in parameters if name not in shared and name != CELLS]
        place = body[0]
        head = f"def {identifier}({', '.join(own)}): pass"
        self._head, self._body = head, body
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
        outer, inner, end = parse(
            [
                f"def {_MAKER}({', '.join([*cells, *shared, CELLS, *helpers])}): pass",
                head,
                f"return {identifier}",
            ],
            place,
        )
        declared = parse([f"nonlocal {', '.join(shared)}"], place) if shared else []
        inner.body = [*declared, *body]
        outer.body = [inner, end]
        tree = ast.Module(body=[outer], type_ignores=[])
        flags = function.__code__.co_flags & FUTURE
        code = compile(tree, file, "exec", flags, dont_inherit=True)
        names = f"{_MAKER}.<locals>.{identifier}", function.__qualname__
        code = _as_of_the_user(code, dict(_inner(function.__code__)), *names)
        name = function.__code__.co_name
        made: dict[str, Any] = {}
        exec(code, {"__builtins__": {}}, made)
        nothing = [None] * (len(cells) + len(shared) + 1)
        template = made[_MAKER](*nothing, *helpers.values())
        self.code: types.CodeType = template.__code__.replace(co_name=name)
        self._globals = function.__globals__
        free = self.code.co_freevars
        self._closure = [cells.get(name, cell) for name, cell in zip(free, template.__closure__ or ())]
        self._own = [i for i, name in enumerate(parameters) if name not in shared and name != CELLS]
        self._given = parameters.index(CELLS) if CELLS in parameters else None
        self._shared = [(name, parameters.index(name) if name in parameters else None) for name in shared]
        self._places = {name: free.index(name) for name in (*shared, CELLS) if name in free}
        self._function = self._bound(self._closure)

    @functools.cached_property
    def text(self) -> str:
        """The function as source."""
        tree = ast.parse(self._head)
        tree.body[0].body = self._body  # type: ignore[attr-defined]
        return _print(tree)

    def _bound(self, closure: list) -> Callable:
        return types.FunctionType(self.code, self._globals, self.code.co_name, None, tuple(closure))

    def __call__(self, *values: Any) -> Any:
        """Run on values of the parameters."""
        policy = leftover_policy()
        if policy is None:
            return self._run(values)
        with policy:
            return self._run(values)

    def _run(self, values: tuple) -> Any:
        if not self._shared:
            return self._function(*values)
        if self._given is None:
            cells = {name: types.CellType() for name, _ in self._shared}
            for name, at in self._shared:
                if at is not None:
                    cells[name].cell_contents = values[at]
        else:
            cells = values[self._given]
        closure = list(self._closure)
        for name, at in self._places.items():
            closure[at] = types.CellType(cells) if name == CELLS else cells[name]
        return self._bound(closure)(*[values[i] for i in self._own])


def _inner(code: types.CodeType) -> Iterator[tuple[tuple, types.CodeType]]:
    """The code of inner functions and classes, each with what tells it from others."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield _place(constant), constant
            yield from _inner(constant)


def _place(code: types.CodeType) -> tuple:
    """Where code stands and its variables. Before Python 3.11 the code itself tells it from others."""
    if not hasattr(code, "co_positions"):
        return (code,)
    places = [place for place in code.co_positions() if None not in place and place[2:] != (0, 0)]
    start = min(((line, column) for line, _, column, _ in places), default=())
    end = max(((line, column) for _, line, _, column in places), default=())
    return code.co_name, code.co_firstlineno, code.co_freevars, start, end


def _as_of_the_user(code: types.CodeType, known: dict, ours: str, theirs: str) -> types.CodeType:
    """The code in which inner functions have the code that they have in the user's function.

    It can differ in more than the qualified name, since Python compiles a call of what a module imports in
    another way.
    """

    def adapted(constant: Any) -> Any:
        if isinstance(constant, types.CodeType):
            found = known.get(_place(constant))
            return found or _as_of_the_user(constant, known, ours, theirs)
        is_name = isinstance(constant, str) and constant.startswith(ours)
        return theirs + constant[len(ours) :] if is_name else constant

    changes: dict[str, Any] = {"co_consts": tuple(map(adapted, code.co_consts))}
    if hasattr(code, "co_qualname"):
        changes["co_qualname"] = adapted(code.co_qualname)
    return code.replace(**changes)


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
    if any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree)):
        return ast.unparse(tree)  # astunparse prints what is in a format string by what ast deprecated
    try:
        text = io.StringIO()
        _Printer(tree, file=text)
        return text.getvalue().strip()
    except (AttributeError, NotImplementedError):  # syntax that is younger than astunparse
        return ast.unparse(tree)


def parse(lines: Sequence[str], place: Any) -> list[Any]:
    """Generated lines as statements that claim to stand where ``place`` stands."""
    tree = ast.parse("\n".join(lines))
    where = {name: getattr(place, name) for name in place._attributes}
    for node in ast.walk(tree):
        if node._attributes:
            vars(node).update(where)
    return tree.body


@functools.lru_cache(maxsize=1024)  # another version of a function often has the same text
def code_of(text: str, file: str) -> types.CodeType:
    """The code of a generated text."""
    return compile(text, file, "exec")


def adapted(statement: Any) -> ast.stmt:
    """A statement of the user's, from ``gast``, as one of a generated function."""
    return _Adapted().visit(gast.gast_to_ast(statement))


class _Adapted(ast.NodeTransformer):
    """The user's statements as those of a generated function; inner functions stay as they are.

    ``return x`` becomes ``return (True, x)``. The function declares global names at its beginning, so the
    statements that declare them go.
    """

    def visit_Return(self, node: ast.Return) -> ast.Return:
        pair = ast.Tuple([ast.Constant(True), node.value or ast.Constant(None)], ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Return(pair), node))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """A shared variable may not have an annotation, which means nothing in a function anyway."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Global(self, node: Any) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)

    visit_Nonlocal = visit_Global

    def visit(self, node: Any) -> Any:
        """Visit a node, unless it begins an inner function, or is an expression."""
        is_inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr))
        return node if is_inside else super().visit(node)
