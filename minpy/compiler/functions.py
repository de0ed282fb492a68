"""The functions that a text defines: which part of it is the code that runs.

A file can change after it was imported; it can hold several functions of one name, and several lambdas in
one line. So the text is compiled again, and the tree of a function is the one that gives its very code.
"""

from __future__ import annotations
import __future__

import ast
import functools
import linecache
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import gast

from minpy.errors import UnsupportedError

#: ``from __future__ import annotations`` shows in the code of functions. In notebooks it holds for all cells.
FUTURE = __future__.annotations.compiler_flag
#: Names that pytest puts into functions whose assert statements it rewrites.
_REWRITTEN = "@pytest_ar"


class Found(NamedTuple):
    """A function in a text: its ``gast`` tree, and its lines, decorators included.

    Private names (``__x`` in a class) have the form that Python gives them.
    """

    tree: Any
    first_line: int
    lines: tuple[str, ...]


def find_function(code: types.CodeType, global_names: dict) -> Found:
    """The function that has this code.

    Raises:
        UnsupportedError: where there is no text, or another one than that of the code.
    """
    file = code.co_filename
    linecache.checkcache(file)
    lines = linecache.getlines(file, global_names)
    if not lines:
        raise UnsupportedError(f"the source of {code.co_name} cannot be found")
    try:
        for is_cell in (False, True):
            found = _text(file, _ByIdentity(lines), code.co_flags & FUTURE, is_cell).find(code)
            if found is not None:
                return found
    except SyntaxError as error:
        raise UnsupportedError(f"the source of {code.co_name} cannot be parsed: {error}") from error
    raise UnsupportedError(f"the source of {code.co_name} cannot be found: {file} holds other code now")


#: Statements of which the code of functions that stand in others is independent. Others may import a name.
_ALONE = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Expr, ast.Assign, ast.AnnAssign


class _ByIdentity:
    """A list as a key: ``linecache`` gives the same list until the file changes."""

    def __init__(self, lines: list[str]):
        self.lines = lines

    def __hash__(self) -> int:
        return id(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.lines is other.lines


class _Text:
    """All functions of a text: tree, code, and the class that they stand in.

    A notebook compiles the statements of a cell one by one (``is_cell``). That gives other code: Python calls
    ``np.sum`` in another way where it sees the import of ``np``.
    """

    def __init__(self, file: str, lines: list[str], flags: int, is_cell: bool):
        self.file, self.lines, self.is_cell = file, lines, is_cell
        self._flags = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # cells of a notebook may
        self._found: dict[Any, Found] = {}
        self._tree = self._parse()
        self.classes = dict(_with_class(self._tree, "", lambdas=False))
        self.named: dict[str, list[tuple[Any, types.CodeType]]] = {}

    @functools.cached_property
    def _lambdas(self) -> list[list[Any]]:
        self.classes.update(_with_class(self._tree, "", lambdas=True))
        return _by_depth(self._tree)

    def _parse(self) -> Any:
        flags = ast.PyCF_ONLY_AST | self._flags
        return compile("".join(self.lines), self.file, "exec", flags, dont_inherit=True)

    def _codes(self, statements: list[Any]) -> Iterator[types.CodeType]:
        units = [[statement] for statement in statements] if self.is_cell else [statements]
        for unit in units:
            module = ast.Module(unit, [])
            yield from _nested(compile(module, self.file, "exec", self._flags, dont_inherit=True))

    def _candidates(self, name: str) -> list[tuple[Any, types.CodeType]]:
        if name not in self.named:
            if name == "<lambda>":
                pairs = [pair for depth in range(len(self._lambdas)) for pair in self._numbered(depth)]
            else:
                pairs = list(self._of_name(name))
            self.named[name] = pairs
        return self.named[name]

    def _of_name(self, name: str) -> Iterator[tuple[Any, types.CodeType]]:
        """The functions of a name. Of the text only what defines them is compiled, and what imports."""
        nodes = {first_line(node): node for node in self.classes if getattr(node, "name", None) == name}
        statements = [
            statement
            for statement in self._tree.body
            if not isinstance(statement, _ALONE) or any(line in _lines(statement) for line in nodes)
        ]
        for code in self._codes(statements):
            node = nodes.get(code.co_firstlineno)
            if code.co_name == name and node is not None:
                yield node, code

    def _numbered(self, depth: int) -> Iterator[tuple[Any, types.CodeType]]:
        """The lambdas with ``depth`` others around them, each moved behind the text, to lines of its own."""
        tree = self._parse()
        line = len(self.lines) + 1
        places = {}
        for node, moved in zip(self._lambdas[depth], _by_depth(tree)[depth]):
            places[line] = node
            ast.increment_lineno(moved, line - moved.lineno)
            line = moved.end_lineno + 1
        for code in self._codes(tree.body):  # the outer one of nested lambdas comes first
            node = places.pop(code.co_firstlineno, None)
            if node is not None:
                yield node, code

    def find(self, code: types.CodeType) -> Found | None:
        """The function whose code is ``code``."""
        same = [node for node, other in self._candidates(code.co_name) if _is_same(code, other)]
        if not same:
            return None
        # Where several are equal, they differ in nothing but the place.
        node = min(same, key=lambda node: first_line(node) != code.co_firstlineno)
        if node not in self._found:
            tree, start, class_name = gast.ast_to_gast(node), first_line(node), self.classes[node]
            if "__class__" in code.co_freevars:
                name_arguments_of_super(tree)
            lines = tuple(line.rstrip("\n") for line in self.lines[start - 1 : node.end_lineno])
            self._found[node] = Found(mangled(tree, class_name) if class_name else tree, start, lines)
        return self._found[node]


@functools.lru_cache(maxsize=256)
def _text(file: str, lines: _ByIdentity, flags: int, is_cell: bool) -> _Text:
    return _Text(file, lines.lines, flags, is_cell)


def first_line(node: Any) -> int:
    """Where a function begins, decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _lines(statement: Any) -> range:
    return range(first_line(statement), statement.end_lineno + 1)


def _by_depth(tree: Any) -> list[list[Any]]:
    """The lambdas in a tree by the number of lambdas around them."""
    found: list[list[Any]] = []

    def visit(node: Any, depth: int) -> None:
        if isinstance(node, ast.Lambda):
            if depth == len(found):
                found.append([])
            found[depth].append(node)
            depth += 1
        for child in ast.iter_child_nodes(node):
            visit(child, depth)

    visit(tree, 0)
    return found


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)


def _with_class(node: Any, class_name: str, lambdas: bool) -> Iterator[tuple[Any, str]]:
    """The functions in a tree, those that are expressions or the others, each with the name of the class
    around it."""
    if isinstance(node, ast.Lambda if lambdas else (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node, class_name
    inside = node.name if isinstance(node, ast.ClassDef) else class_name
    for child in ast.iter_child_nodes(node):
        if lambdas or not isinstance(child, ast.expr):
            yield from _with_class(child, inside, lambdas)


_FIELDS = (
    *("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_code"),
    *("co_names", "co_varnames", "co_freevars", "co_cellvars"),
)


def _is_same(a: Any, b: Any) -> bool:
    """Whether constants of code are equal, code among them, wherever it stands."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_is_same, a, b))
    if not isinstance(a, types.CodeType):
        return a == b if isinstance(a, frozenset) else repr(a) == repr(b)
    if _REWRITTEN in a.co_names:
        count = a.co_argcount + a.co_kwonlyargcount
        return a.co_varnames[:count] == b.co_varnames[:count] and a.co_firstlineno == b.co_firstlineno
    return all(getattr(a, f) == getattr(b, f) for f in _FIELDS) and _is_same(a.co_consts, b.co_consts)


def name_arguments_of_super(tree: Any) -> None:
    """``super()`` becomes ``super(__class__, self)``, so that it means the same wherever the code stands."""

    def visit(node: Any, first_parameter: str) -> None:
        if isinstance(node, (gast.FunctionDef, gast.AsyncFunctionDef, gast.Lambda)):
            parameters = [*node.args.posonlyargs, *node.args.args]
            first_parameter = parameters[0].id if parameters else ""
        if isinstance(node, gast.Call) and getattr(node.func, "id", "") == "super" and not node.args:
            arguments = gast.parse(f"__class__, {first_parameter}").body[0].value.elts
            node.args = [gast.copy_location(argument, node) for argument in arguments]
        for child in ast.iter_child_nodes(node):
            visit(child, first_parameter)

    visit(tree, "")


#: Fields of ``gast`` nodes that hold names of variables and attributes.
_NAMES = {
    gast.Name: "id",
    gast.Attribute: "attr",
    gast.FunctionDef: "name",
    gast.ClassDef: "name",
    gast.alias: "asname",
    gast.MatchAs: "name",
    gast.MatchStar: "name",
    gast.MatchMapping: "rest",
}


def mangled(tree: Any, class_name: str) -> Any:
    """The tree with ``__x`` as ``_Class__x``, as Python has it inside of a class."""
    prefix = "_" + class_name.lstrip("_")

    def mangle(name: str) -> str:
        is_private = name.startswith("__") and not name.endswith("__") and len(prefix) > 1
        return prefix + name if is_private else name

    def visit(node: Any) -> None:
        field = _NAMES.get(type(node))
        name = getattr(node, field) if field else None
        if name:
            setattr(node, field, mangle(name))  # type: ignore[arg-type]
        if isinstance(node, (gast.Global, gast.Nonlocal)):
            node.names = [mangle(name) for name in node.names]
        if isinstance(node, gast.ClassDef):
            children = [*node.decorator_list, *node.bases, *node.keywords]  # its body is a class of its own
        else:
            children = list(ast.iter_child_nodes(node))
        for child in children:
            visit(child)

    visit(tree)
    return tree
