"""Taking a statement apart around one expression in it that stays with Python.

``y = np.tanh(x) @ w + unknown(x + 1) * 2`` becomes

    part_1 = np.tanh(x) @ w
    part_2 = x + 1
    part_3 = unknown(part_2)
    y = part_1 + part_3 * 2

so that what comes before and after the expression can be compiled. The order of evaluation stays Python's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

import gast

from minpy.compiler.liveness import escapes_loop
from minpy.compiler.source import SCOPES

#: Of each kind of expression what is always evaluated, in order. A number picks one of several.
_ORDER: dict[Any, tuple] = {
    gast.Attribute: ("value",),
    gast.BinOp: ("left", "right"),
    gast.BoolOp: (("values", 0),),
    gast.Call: ("func", "args", "keywords"),
    gast.Compare: ("left", ("comparators", 0)),
    gast.DictComp: (("generators", 0),),
    gast.FormattedValue: ("value", "format_spec"),
    gast.GeneratorExp: (("generators", 0),),
    gast.IfExp: ("test",),
    gast.JoinedStr: ("values",),
    gast.List: ("elts",),
    gast.ListComp: (("generators", 0),),
    gast.NamedExpr: ("value",),
    gast.Set: ("elts",),
    gast.SetComp: (("generators", 0),),
    gast.Slice: ("lower", "upper", "step"),
    gast.Starred: ("value",),
    gast.Subscript: ("value", "slice"),
    gast.Tuple: ("elts",),
    gast.UnaryOp: ("operand",),
    gast.comprehension: ("iter",),
    gast.keyword: ("value",),
}
#: The expression in a statement that can be taken apart.
_VALUE = {
    gast.AnnAssign: "value",
    gast.Assert: "test",
    gast.Assign: "value",
    gast.AugAssign: "value",
    gast.Expr: "value",
    gast.For: "iter",
    gast.If: "test",
    gast.Match: "subject",
    gast.Return: "value",
    gast.While: "test",
}
_WORK_ON_ARRAYS = (gast.Call, gast.Subscript)
_WORK = (gast.BinOp, gast.Compare, gast.UnaryOp, *_WORK_ON_ARRAYS)


@dataclass
class Culprit:
    """The innermost expression of the block's own that could not be lowered.

    Attributes:
        error: that it was refused with.
        node: the expression.
        has_work: what it consists of was lowered, changes nothing, and is worth a place in a graph.
        is_test: it was lowered itself; what cannot be known is whether it is true.
        kept: functions of calls around it -> whether all of the expression is to stand where it stands, or
            only the name behind its last dot. They are the same ones whenever they are looked up.
    """

    error: Exception
    node: Any
    has_work: bool = False
    is_test: bool = False
    kept: dict[Any, bool] = field(default_factory=dict)


class Parts(NamedTuple):
    """Statements that do together what one does.

    Attributes:
        before: they can be compiled.
        left: it has the expression, and stays with Python.
        after: what can be compiled again.
    """

    before: list[Any]
    left: Any
    after: list[Any]


def with_test_before(statement: Any, new_name: Callable[[Any], str]) -> Parts:
    """``if test: break``, with the test computed before where it calls something."""
    operand = statement.test.operand if isinstance(statement.test, gast.UnaryOp) else statement.test
    calls = [node for node in ast.walk(operand) if isinstance(node, gast.Call)]
    conditional = [node for node in ast.walk(operand) if isinstance(node, (gast.BoolOp, gast.IfExp))]
    if not calls or conditional:
        return Parts([], statement, [])
    test = Culprit(_CannotBeTaken(), operand, has_work=True, is_test=True)
    return _Taker(statement, test, frozenset(), new_name).with_test()


class _CannotBeTaken(Exception):
    """The expression is evaluated under conditions, or more than once."""


def take_apart(
    statement: Any, culprit: Culprit, steady: frozenset[str], new_name: Callable[[Any], str]
) -> Parts | None:
    """The parts of a statement; None where there is nothing to gain.

    Args:
        steady: local variables that nothing but the block itself assigns.
        new_name: gives a variable that the function does not have yet, for an expression.
    """
    assigned = {n.target.id for n in ast.walk(statement) if isinstance(n, gast.NamedExpr)}
    try:
        return _Taker(statement, culprit, steady - assigned, new_name).parts()
    except _CannotBeTaken:
        return None


class _Taker:
    def __init__(
        self, statement: Any, culprit: Culprit, steady: frozenset[str], new_name: Callable[[Any], str]
    ):
        self.statement = statement
        self.culprit = culprit
        self.steady = steady
        self.new_name = new_name
        self.before: list[Any] = []
        self.left: Any = None
        self.after: list[Any] = []

    def parts(self) -> Parts | None:
        statement = self.statement
        name = _VALUE.get(type(statement), "")
        value = getattr(statement, name, None)
        node = self.culprit.node
        if isinstance(node, gast.Name) or (isinstance(node, gast.JoinedStr) and node is not value):
            return None  # a text is another one at each call, as a rule, and so nothing to compile for
        if isinstance(statement, gast.Assign) and not _holds(value, node):
            rest = self._with_target()
        elif not _holds(value, node):
            return None
        elif isinstance(statement, gast.While):
            return self._loop()
        elif not self._is_worth_it(value):
            left = _changed(statement, **{name: self._in_place(value)})
            return Parts(self.before, left, []) if self.before else None
        elif isinstance(statement, gast.AugAssign) and not self._is_steady(statement.target):
            rest = self._updated()
        else:
            rest = _changed(statement, **{name: self._around(value)})
        return Parts(self.before, self.left, [*self.after, rest])

    def with_test(self) -> Parts:
        """The test of an ``if`` computed before it."""
        test = self._in_place(self.statement.test)
        return Parts(self.before, _changed(self.statement, test=test), [])

    def _is_worth_it(self, value: Any) -> bool:
        """Whether there is something to compile around the culprit. Few tests are more than of one number."""
        is_test = isinstance(self.statement, (gast.If, gast.While))
        return _has_work(value, self.culprit.node, _WORK_ON_ARRAYS if is_test else _WORK)

    # Statements ---------------------------------------------------------------------------------

    def _with_target(self) -> Any:
        """``x[unknown(y)] = value``."""
        statement = self.statement
        target = statement.targets[0]
        if len(statement.targets) > 1 or not isinstance(target, (gast.Subscript, gast.Attribute)):
            raise _CannotBeTaken
        value = self._beforehand(statement.value)
        return _changed(statement, value=value, targets=[self._around(target)])

    def _updated(self) -> Any:
        """``self.x += unknown(y)``."""
        statement = self.statement
        target = statement.target
        if not isinstance(target, (gast.Subscript, gast.Attribute)):
            raise _CannotBeTaken
        operands = {slot: self._beforehand(child) for slot, child in _children(target)}
        target = _with(target, operands)
        old = self._stored(_changed(target, ctx=gast.Load()))
        value = self._around(statement.value)
        name = _changed(old, ctx=gast.Store())
        self.after.append(_changed(statement, target=name, value=value))
        return gast.copy_location(gast.Assign(targets=[target], value=old, type_comment=None), statement)

    def _loop(self) -> Parts:
        """``while test: ...``, with the test, or what it works on, computed before and in the body."""
        loop, culprit = self.statement, self.culprit
        if culprit.has_work and (culprit.is_test or culprit.node is loop.test):
            test = self._in_place(loop.test)
        elif self._is_worth_it(loop.test):
            test = self._stored(loop.test)
        else:
            raise _CannotBeTaken
        if not escapes_loop(loop.body, (gast.Continue,)):
            return Parts(self.before, _changed(loop, test=test, body=[*loop.body, *self.before]), [])
        if loop.orelse:
            raise _CannotBeTaken
        stop = gast.If(test=gast.UnaryOp(op=gast.Not(), operand=test), body=[gast.Break()], orelse=[])
        always = _placed(gast.Constant(value=True, kind=None), loop)
        body = [*self.before, _placed(stop, loop), *loop.body]
        return Parts([], _changed(loop, test=always, body=body), [])

    # Expressions --------------------------------------------------------------------------------

    def _around(self, expression: Any) -> Any:
        """An expression that holds the culprit, with a variable in the place of that."""
        if expression is self.culprit.node:
            return self._leave(self._with_operands(expression))
        children = _children(expression)
        at = next((i for i, (_, child) in enumerate(children) if _holds(child, self.culprit.node)), None)
        if at is None and isinstance(expression, (gast.BoolOp, gast.IfExp)):
            return self._leave(expression)  # as a whole, since it may not come to the culprit
        if at is None:
            raise _CannotBeTaken
        changes = {slot: self._beforehand(child) for slot, child in children[:at]}
        slot, child = children[at]
        return _with(expression, {**changes, slot: self._around(child)})

    def _in_place(self, expression: Any) -> Any:
        """An expression that holds the culprit, which stays where it is; only its operands go before it."""
        if expression is self.culprit.node:
            return self._with_operands(expression)
        for slot, child in _children(expression):
            if _holds(child, self.culprit.node):
                return _with(expression, {slot: self._in_place(child)})
        raise _CannotBeTaken

    def _with_operands(self, expression: Any) -> Any:
        """The culprit; what it works on is computed before, if that is worth it."""
        if self.culprit.is_test and self.culprit.has_work:
            return self._beforehand(expression)
        children = [(slot, child) for slot, child in _children(expression) if slot[0] != "func"]
        working = [number for number, (_, child) in enumerate(children) if _has_work(child)]
        if not self.culprit.has_work or not working:
            return expression
        needed = children[: working[-1] + 1]
        return _with(expression, {slot: self._operand(child) for slot, child in needed})

    def _operand(self, expression: Any) -> Any:
        """An operand of the culprit; what becomes of its value is left to that."""
        if isinstance(expression, (gast.FormattedValue, gast.Starred)):
            return _changed(expression, value=self._beforehand(expression.value))
        return self._beforehand(expression)

    def _beforehand(self, expression: Any) -> Any:
        """What stands for an expression that is evaluated before the culprit."""
        if _is_constant(expression) or self._is_steady(expression):
            return expression
        if expression in self.culprit.kept:
            if self.culprit.kept[expression] or not isinstance(expression, gast.Attribute):
                return expression
            return _changed(expression, value=self._beforehand(expression.value))
        if isinstance(expression, gast.Starred):
            every = gast.copy_location(gast.List(elts=[expression], ctx=gast.Load()), expression)
            return _changed(expression, value=self._stored(every))
        if isinstance(expression, gast.keyword) and expression.arg is None:
            every = gast.copy_location(gast.Dict(keys=[None], values=[expression.value]), expression.value)
            return _changed(expression, value=self._stored(every))
        if isinstance(expression, gast.FormattedValue):
            text = gast.copy_location(gast.JoinedStr(values=[expression]), expression)
            return _changed(expression, value=self._stored(text), conversion=-1, format_spec=None)
        if isinstance(expression, (gast.Slice, gast.keyword, gast.comprehension)):
            return _with(expression, {slot: self._beforehand(child) for slot, child in _children(expression)})
        if not isinstance(expression, gast.expr):
            raise _CannotBeTaken
        return self._stored(expression)

    def _stored(self, expression: Any) -> Any:
        """A variable with the value of an expression."""
        name = self.new_name(expression)
        self.before.append(self._assignment(name, expression))
        return _variable(name, gast.Load(), expression)

    def _leave(self, expression: Any) -> Any:
        """A variable with the value of what stays with Python."""
        name = self.new_name(expression)
        self.left = self._assignment(name, expression)
        return _variable(name, gast.Load(), expression)

    def _assignment(self, name: str, expression: Any) -> Any:
        target = _variable(name, gast.Store(), expression)
        made = gast.Assign(targets=[target], value=expression, type_comment=None)
        gast.copy_location(made, self.statement).end_lineno = expression.end_lineno
        return made

    def _is_steady(self, expression: Any) -> bool:
        return isinstance(expression, gast.Name) and expression.id in self.steady


def _children(expression: Any) -> list[tuple[tuple, Any]]:
    """What is always evaluated of an expression, in order: (field, position or None), and the node there."""
    found: list[tuple[tuple, Any]] = []
    if isinstance(expression, gast.Dict):
        for i, pair in enumerate(zip(expression.keys, expression.values)):
            found.extend(((name, i), node) for name, node in zip(("keys", "values"), pair))
    for part in _ORDER.get(type(expression), ()):
        name, only = part if isinstance(part, tuple) else (part, None)
        value = getattr(expression, name)
        if not isinstance(value, list):
            found.append(((name, None), value))
        else:
            found.extend(((name, i), node) for i, node in enumerate(value) if only in (None, i))
    return [(slot, node) for slot, node in found if node is not None]


def _with(expression: Any, changes: dict[tuple, Any]) -> Any:
    """A copy with other nodes in some places."""
    made = _changed(expression)
    for (name, position), node in changes.items():
        if position is None:
            setattr(made, name, node)
        else:
            setattr(made, name, [node if i == position else old for i, old in enumerate(getattr(made, name))])
    return made


def _changed(node: Any, **changes: Any) -> Any:
    """A copy of a node, not of those in it, with other fields."""
    made = type(node)(**{**{name: getattr(node, name, None) for name in node._fields}, **changes})
    return gast.copy_location(made, node)


def _placed(node: Any, place: Any) -> Any:
    return gast.fix_missing_locations(gast.copy_location(node, place))


def _variable(name: str, context: Any, place: Any) -> Any:
    return gast.copy_location(gast.Name(id=name, ctx=context, annotation=None, type_comment=None), place)


def _holds(tree: Any, node: Any) -> bool:
    """Whether a node is in a tree, outside of inner functions."""
    return tree is node or (
        tree is not None
        and not isinstance(tree, SCOPES)
        and any(_holds(child, node) for child in ast.iter_child_nodes(tree))
    )


def _is_constant(node: Any) -> bool:
    operand = node.operand if isinstance(node, gast.UnaryOp) else node
    return isinstance(operand, gast.Constant)


def _has_work(tree: Any, outside: Any = None, kinds: tuple = _WORK) -> bool:
    """Whether something is computed in a tree, in another place than ``outside``."""
    tree = tree.iter if isinstance(tree, gast.comprehension) else tree
    return any(isinstance(node, kinds) and not _is_constant(node) for node in _nodes(tree, outside))


def _nodes(tree: Any, outside: Any) -> Iterator[Any]:
    if tree is outside:
        return
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _nodes(child, outside)
