"""Which variables a block reads and writes, so that it can become a function of its own."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from minpy.compiler.source import SCOPES, Source, declared_names, parameter_names, statements_in

_COMPREHENSIONS = (gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp)


@dataclass(frozen=True)
class Names:
    """Names that code loads and stores; what inner functions load counts as loaded."""

    loads: frozenset[str]
    stores: frozenset[str]


def names_of(nodes: Iterable[Any]) -> Names:
    """The names in some statements or expressions."""
    found = [_names(node) for node in nodes]
    none: frozenset[str] = frozenset()
    return Names(
        none.union(*[names.loads for names in found]), none.union(*[names.stores for names in found])
    )


@functools.lru_cache(maxsize=8192)  # a statement is asked for each time that code around it is taken apart
def _names(node: Any) -> Names:
    loads: set[str] = set()
    stores: set[str] = set()
    _collect(node, loads, stores)
    return Names(frozenset(loads), frozenset(stores))


def _collect(node: Any, loads: set[str], stores: set[str]) -> None:
    if isinstance(node, gast.Name):
        if not isinstance(node.ctx, gast.Store) and not isinstance(node.ctx, gast.Param):
            loads.add(node.id)  # a del needs the value too
        if not isinstance(node.ctx, gast.Load):
            stores.add(node.id)
        return
    if isinstance(node, gast.AugAssign) and isinstance(node.target, gast.Name):
        loads.add(node.target.id)
    if isinstance(node, SCOPES):
        _collect_scope(node, loads, stores)
        return
    if isinstance(node, _COMPREHENSIONS):
        for child in ast.iter_child_nodes(node):
            _collect(child, loads, set())
        stores.update(_walrus_targets(node))
        return
    if isinstance(node, (gast.Import, gast.ImportFrom)):
        stores.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    captured = node.rest if isinstance(node, gast.MatchMapping) else getattr(node, "name", None)
    if isinstance(captured, str):  # of a pattern or an exception
        stores.add(captured)
    for child in ast.iter_child_nodes(node):
        _collect(child, loads, stores)


def _collect_scope(node: Any, loads: set[str], stores: set[str]) -> None:
    """What an inner function or class reads and assigns of the variables around it."""
    inner_loads: set[str] = set()
    inner_stores: set[str] = set()
    for child in ast.iter_child_nodes(node):
        _collect(child, inner_loads, inner_stores)
    body = node.body if isinstance(node.body, list) else []
    outer = declared_names(body, gast.Nonlocal)
    if not isinstance(node, gast.ClassDef):
        inner_loads -= (inner_stores | set(parameter_names(node.args))) - outer
    loads |= inner_loads - declared_names(body, gast.Global)
    stores |= inner_stores & outer
    if not isinstance(node, gast.Lambda):
        stores.add(node.name)


def _walrus_targets(node: Any) -> set[str]:
    return {n.target.id for n in ast.walk(node) if isinstance(n, gast.NamedExpr)}


def local_names(source: Source) -> frozenset[str]:
    """The local variables of a function: parameters and what is stored, unless declared elsewhere."""
    stored = names_of(source.body).stores | set(parameter_names(source.node.args))
    return frozenset(stored - source.global_names - source.nonlocal_names)


def assigned_for_sure(statements: Sequence[Any]) -> frozenset[str]:
    """Names that have a value whenever the statements have run to their end."""
    sure: set[str] = set()
    for statement in statements:
        sure -= _unbound_by(statement)
        if isinstance(statement, gast.If):
            sure |= assigned_for_sure(statement.body) & assigned_for_sure(statement.orelse)
        elif isinstance(statement, gast.With):  # its context may swallow an exception of the body
            sure |= names_of(statement.items[:1]).stores
        elif isinstance(statement, gast.AnnAssign) and statement.value is None:
            continue
        elif isinstance(statement, gast.Assign):
            sure |= names_of(statement.targets).stores
        elif isinstance(statement, (gast.AnnAssign, gast.AugAssign)):
            sure |= names_of([statement.target]).stores
        elif isinstance(statement, gast.FunctionDef):
            sure.add(statement.name)
    return frozenset(sure)


def _unbound_by(statement: Any) -> set[str]:
    """Names that may be without a value behind a statement, though they had one before."""
    names: set[str] = set()
    for node in statements_in([statement]):
        if isinstance(node, gast.Delete):
            names |= names_of(node.targets).stores
        elif isinstance(node, gast.ExceptHandler) and node.name is not None:
            names |= names_of([node.name]).stores
    return names


def may_return(statements: Sequence[Any]) -> bool:
    """Whether a return statement of this function stands among the statements."""
    return any(isinstance(node, gast.Return) for node in statements_in(statements))


def is_generator(body: Iterable[Any]) -> bool:
    """Whether a function with this body is a generator."""

    def yields(node: Any) -> bool:
        if isinstance(node, SCOPES):
            return False
        is_one = isinstance(node, (gast.Yield, gast.YieldFrom))
        return is_one or any(map(yields, ast.iter_child_nodes(node)))

    return any(map(yields, body))


def may_be_closed(body: Iterable[Any]) -> bool:
    """Whether a generator does something where it is left before its end: it yields in a try or with."""
    around = (node for node in statements_in(body) if isinstance(node, (gast.Try, gast.With)))
    return any(is_generator([node]) for node in around)


def escapes_loop(statements: Sequence[Any], kinds: tuple = (gast.Break, gast.Continue)) -> bool:
    """Whether a break or continue among the statements belongs to a loop around them."""
    return any(_escapes(statement, kinds) for statement in statements)


def _escapes(node: Any, kinds: tuple) -> bool:
    if isinstance(node, kinds):
        return True
    if isinstance(node, (*SCOPES, gast.expr)):
        return False
    inside = node.orelse if isinstance(node, (gast.For, gast.While)) else ast.iter_child_nodes(node)
    return any(_escapes(child, kinds) for child in inside)


#: Functions that use up a generator expression at once; others may keep it.
_CONSUMERS = frozenset(("all", "any", "dict", "list", "max", "min", "set", "sorted", "sum", "tuple"))


def shared_names(source: Source) -> frozenset[str]:
    """The local variables that inner functions, classes or lazy expressions of a function use too."""
    found: set[str] = set()

    def visit(node: Any, is_used_up: bool = False) -> None:
        if isinstance(node, SCOPES):
            names = names_of([node])
            found.update(names.loads, names.stores - {getattr(node, "name", "")})
            return
        if isinstance(node, gast.GeneratorExp) and not is_used_up:
            found.update(names_of([node]).loads)
        uses_up = isinstance(node, gast.Call) and getattr(node.func, "id", "") in _CONSUMERS
        for child in ast.iter_child_nodes(node):
            visit(child, uses_up)

    for statement in source.body:
        visit(statement)
    return frozenset(found) & local_names(source)
