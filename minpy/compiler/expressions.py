"""Lowering of expressions: names, operators, comparisons, subscripts, displays, comprehensions."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable

import gast
import numpy

from minpy.compiler.frames import UNBOUND, Closure, Frame, Unforeseen, UnforeseenError
from minpy.compiler.guards import Path
from minpy.compiler.reads import (
    BoundMethod,
    ContainerMethod,
    PropertyRead,
    Reads,
    Ref,
    Super,
    is_plain,
    walk_values,
)
from minpy.compiler.tracer import FLOAT, SCALARS, Tracer
from minpy.errors import UnsupportedError
from minpy.ops.methods import ArrayMethods

BINARY: dict[Any, Callable] = {
    gast.Add: operator.add,
    gast.Sub: operator.sub,
    gast.Mult: operator.mul,
    gast.Div: operator.truediv,
    gast.FloorDiv: operator.floordiv,
    gast.Mod: operator.mod,
    gast.Pow: operator.pow,
    gast.MatMult: operator.matmul,
    gast.BitAnd: operator.and_,
    gast.BitOr: operator.or_,
    gast.BitXor: operator.xor,
    gast.LShift: operator.lshift,
    gast.RShift: operator.rshift,
}
_UNARY: dict[Any, Callable] = {
    gast.UAdd: operator.pos,
    gast.USub: operator.neg,
    gast.Invert: operator.invert,
}
_COMPARE: dict[Any, Callable] = {
    gast.Eq: operator.eq,
    gast.NotEq: operator.ne,
    gast.Lt: operator.lt,
    gast.LtE: operator.le,
    gast.Gt: operator.gt,
    gast.GtE: operator.ge,
}
#: what of an array the user's program can ask for
_ARRAY_ATTRIBUTES = frozenset((*(name for name in dir(ArrayMethods) if not name.startswith("__")), "fill"))
_NUMBERS = (bool, int, float, complex, numpy.generic)
#: Turns of a loop after which the rest of them is estimated.
_TURNS_TO_JUDGE = 3


class Counted(Iterator):
    """An iterator that tells how many elements are left; -1 where nobody knows."""

    def __init__(self, items: Iterable[Any], count: int):
        self._items = iter(items)
        self._left = count

    def __next__(self) -> Any:
        self._left -= 1
        return next(self._items)

    def __length_hint__(self) -> int:
        return self._left if self._left >= 0 else NotImplemented


def elements_left(items: Iterator[Any]) -> int:
    """How many elements an iterator has, as far as it knows; else -1."""
    return operator.length_hint(items, -1)


class Made:
    """A function that the region made, known by what a call of it does to abstract values."""

    __slots__ = ("apply",)

    def __init__(self, apply: Callable):
        self.apply = apply


class Expressions(Reads):
    """The part of the lowering that evaluates expressions; ``Lowering`` gives the rest."""

    frame: Frame
    frames: list[Frame]
    store: Callable[..., None]
    assign: Callable[[Any, Any], None]
    call: Callable[[Any, list, dict], Any]
    only_element: Callable[[Tracer], Any]
    check_size: Callable[[float], None]
    closure: Callable[[Any, str, Sequence[Any]], Closure]

    def evaluate(self, node: Any) -> Any:
        """The abstract value of an expression."""
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is None:
            raise UnsupportedError(f"a {type(node).__name__} expression is not compiled yet")
        return method(node)

    def _Constant(self, node: Any) -> Any:
        return node.value

    def _Name(self, node: Any) -> Any:
        return self.load(node.id)

    def load(self, name: str) -> Any:
        """The value of a name: local, of an enclosing function, global or builtin."""
        frame: Any = self.frame
        while frame is not None:
            if name in frame.variables:
                value = frame.variables[name]
                if value is UNBOUND:
                    break
                if isinstance(value, Unforeseen):
                    raise UnforeseenError(f"{name} {value.reason}")
                return value
            if name in frame.source.global_names:
                return self._global(name, self.frame.global_names)
            frame = frame.outer
        home = self.frame.home
        function: Any = home.function
        code = function.__code__
        if name in code.co_freevars:
            number = code.co_freevars.index(name)
            cell = function.__closure__[number]
            if home.path is None:
                path = self.guards.fixed_path(cell, name)
            else:
                path = home.path.attribute("__closure__").item(number)
            return self.read(cell.cell_contents, path.attribute("cell_contents")._replace(label=name))
        if name in code.co_varnames or name in code.co_cellvars:
            raise UnsupportedError(f"{name} may have no value here")
        return self._global(name, function.__globals__)

    def _global(self, name: str, global_names: dict) -> Any:
        guards = self.guards
        root: Path = guards.fixed_path(global_names, "globals()")
        if name in global_names:
            path = root.item(name)._replace(label=name)
            return self.read(global_names[name], path)
        if not hasattr(builtins, name):
            raise NameError(f"name {name!r} is not defined")
        guards.add(root, "absent", name)
        value = getattr(builtins, name)
        path = guards.fixed_path(builtins, "builtins").attribute(name)._replace(label=name)
        return self.read(value, path)

    # Operators ----------------------------------------------------------------------------------

    def _BinOp(self, node: Any) -> Any:
        return self.binary(BINARY[type(node.op)], self.evaluate(node.left), self.evaluate(node.right))

    def binary(self, operation: Callable, x: Any, y: Any) -> Any:
        """A binary operator on abstract values."""
        if isinstance(x, Ref) or isinstance(y, Ref):
            x, y = self._operand(x), self._operand(y)
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            for value in (x, y):
                if not isinstance(value, (Tracer, numpy.ndarray, *_NUMBERS)):
                    kind = type(value).__name__
                    raise TypeError(f"unsupported operand of {operation.__name__} with an array: {kind}")
        return operation(x, y)

    def _operand(self, x: Any) -> Any:
        if isinstance(x, Ref) and type(x.value) in (list, tuple):
            return self.elements(x)
        if isinstance(x, Ref):
            raise UnsupportedError(f"an operator is applied to {x.path}, a {type(x.value).__name__}")
        return x

    def _UnaryOp(self, node: Any) -> Any:
        if isinstance(node.op, gast.Not):
            return not self.test(node.operand)
        return self.unary(_UNARY[type(node.op)], self.evaluate(node.operand))

    def unary(self, operation: Callable, value: Any) -> Any:
        """An operator with one operand on an abstract value."""
        if isinstance(value, (Ref, Closure)):
            raise UnsupportedError("an operator is applied to an object")
        return operation(value)

    def test(self, node: Any) -> bool:
        """The truth of an expression, which has to be known now."""
        return self.truth(self.evaluate(node))

    def truth(self, value: Any) -> bool:
        """``bool(value)`` at compile time."""
        if isinstance(value, Tracer):
            if value.known is not None:
                return bool(value)
            self.pin(value)
            raise UnsupportedError("the test depends on array data")
        if isinstance(value, Ref):
            return self.truth_of_ref(value)
        return bool(value)

    def _BoolOp(self, node: Any) -> Any:
        stop = isinstance(node.op, gast.Or)
        for operand in node.values[:-1]:
            value = self.evaluate(operand)
            if self.truth(value) == stop:
                return value
        return self.evaluate(node.values[-1])

    def _Compare(self, node: Any) -> Any:
        left = self.evaluate(node.left)
        for i, (op, right_node) in enumerate(zip(node.ops, node.comparators)):
            right = self.evaluate(right_node)
            result = self.compare(op, left, right)
            if i == len(node.ops) - 1 or not self.truth(result):
                return result
            left = right
        raise AssertionError("a comparison has an operator")

    def compare(self, op: Any, x: Any, y: Any) -> Any:
        """A comparison of two abstract values by an operator of the syntax tree."""
        if isinstance(op, (gast.Is, gast.IsNot)):
            same = self.is_same(x, y)
            return same if isinstance(op, gast.Is) else not same
        if isinstance(op, (gast.In, gast.NotIn)):
            found = self._contains(x, y)
            return found if isinstance(op, gast.In) else not found
        if isinstance(x, Ref) or isinstance(y, Ref):
            return self._compare_refs(op, x, y)
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            for value, other in ((x, y), (y, x)):
                other_is_array = isinstance(other, Tracer) and other.kind != FLOAT
                if isinstance(value, Tracer) and value.kind == FLOAT and not other_is_array:
                    self.pin(value)
                if not isinstance(value, (Tracer, numpy.ndarray, *_NUMBERS)):
                    raise UnsupportedError(f"an array is compared with a {type(value).__name__}")
        return _COMPARE[type(op)](x, y)

    def _compare_refs(self, op: Any, x: Any, y: Any) -> Any:
        if not isinstance(op, (gast.Eq, gast.NotEq)):
            raise UnsupportedError("objects are compared")
        plain = [self.plain(v) for v in (x, y)]
        if not all(_is_comparable(v) for v in plain):
            raise UnsupportedError("objects are compared")
        return _COMPARE[type(op)](*plain)

    def _contains(self, x: Any, container: Any) -> bool:
        if isinstance(container, Ref):
            container = self.elements(container)
        if isinstance(container, Tracer) or isinstance(x, (Tracer, Ref)):
            raise UnsupportedError("membership is tested by array data")
        if not isinstance(container, (str, dict)) and not all(is_plain(item) for item in container):
            raise UnsupportedError("membership is tested among objects")
        return x in container

    def _IfExp(self, node: Any) -> Any:
        return self.evaluate(node.body if self.test(node.test) else node.orelse)

    def _NamedExpr(self, node: Any) -> Any:
        value = self.evaluate(node.value)
        frame: Any = self.frame
        while frame.is_comprehension:
            frame = frame.outer
        self.store(node.target.id, value, frame)
        return value

    # Attributes and items -----------------------------------------------------------------------

    def _Attribute(self, node: Any) -> Any:
        return self.get_attribute(self.evaluate(node.value), node.attr)

    def get_attribute(self, value: Any, name: str) -> Any:
        """``value.name``."""
        if isinstance(value, Ref):
            try:
                return self.attribute(value, name)
            except PropertyRead as found:
                return self.call(self.reference(found.getter), [value], {})
        if isinstance(value, Super):
            try:
                return self.inherited(value, name)
            except PropertyRead as found:
                return self.call(self.reference(found.getter), [value.instance], {})
        if isinstance(value, Tracer):
            return self._tracer_attribute(value, name)
        if isinstance(value, (Closure, BoundMethod, ContainerMethod)):
            raise UnsupportedError("an attribute of a function is read")
        return getattr(value, name)

    def _tracer_attribute(self, value: Tracer, name: str) -> Any:
        if name == "item" and value.kind != FLOAT:
            return Made(lambda: self.only_element(value))
        if value.kind == FLOAT or name not in _ARRAY_ATTRIBUTES:
            raise UnsupportedError(f"the attribute .{name} of a {value.kind} is not compiled")
        return getattr(value, name)

    def _Subscript(self, node: Any) -> Any:
        return self.get_item(self.evaluate(node.value), self.evaluate(node.slice))

    def get_item(self, value: Any, key: Any) -> Any:
        """``value[key]``."""
        if isinstance(value, Tracer):
            if value.kind == FLOAT:
                raise TypeError("'float' object is not subscriptable")
            return value[self.plain(key)]
        if isinstance(key, Tracer) or (isinstance(value, Ref) and isinstance(key, Ref)):
            raise UnsupportedError("a container is indexed by a value known at run time only")
        return self.item(value, key) if isinstance(value, Ref) else value[self.plain(key)]

    def _Slice(self, node: Any) -> slice:
        parts = [
            None if part is None else self.evaluate(part) for part in (node.lower, node.upper, node.step)
        ]
        if any(isinstance(part, Tracer) for part in parts):
            raise UnsupportedError("the bounds of a slice depend on array data")
        return slice(*parts)

    # Displays -----------------------------------------------------------------------------------

    def _elements_of(self, nodes: Any) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, gast.Starred):
                yield from self.iterate(self.evaluate(node.value))
            else:
                yield self.evaluate(node)

    def _Tuple(self, node: Any) -> tuple:
        return tuple(self._elements_of(node.elts))

    def _List(self, node: Any) -> list:
        return list(self._elements_of(node.elts))

    def _Set(self, node: Any) -> set:
        return set(map(self.key, self._elements_of(node.elts)))

    def _Dict(self, node: Any) -> dict:
        result = {}
        for key, value in zip(node.keys, node.values):
            if key is None:
                result.update(self.mapping(self.evaluate(value)))
            else:
                result[self._key_of(key)] = self.evaluate(value)
        return result

    def _key_of(self, node: Any) -> Any:
        """The value of an expression that becomes a key or an element of a set."""
        return self.key(self.evaluate(node))

    def key(self, value: Any) -> Any:
        """A value that is hashed: it has to be known now."""
        for item in walk_values(value):
            if isinstance(item, Tracer):
                self.pin(item)
                raise UnsupportedError("a key depends on array data")
            if isinstance(item, (Ref, Closure)):
                raise UnsupportedError("an object is used as a key")
        return value

    def mapping(self, value: Any) -> dict:
        """The content of a dict."""
        if isinstance(value, Ref) and isinstance(value.value, dict):
            return dict(self.mapping_items(value))
        if type(value) is dict:
            return value
        raise UnsupportedError("something else than a dict is unpacked")

    def _JoinedStr(self, node: Any) -> str:
        return "".join(self._part(part) for part in node.values)

    def _part(self, part: Any) -> str:
        if isinstance(part, gast.Constant):
            return part.value
        value = self.evaluate(part.value)
        if not is_plain(value) and type(value) is not float:
            self.pin(value)
            raise UnsupportedError("array data or an object is formatted into a string")
        conversion: Any = {115: str, 114: repr, 97: ascii}.get(part.conversion)
        text = conversion(value) if conversion else value
        return format(text, self._JoinedStr(part.format_spec) if part.format_spec else "")

    def _Lambda(self, node: Any) -> Closure:
        body = (gast.copy_location(gast.Return(value=node.body), node.body),)
        return self.closure(node, "<lambda>", body)

    # Iteration ----------------------------------------------------------------------------------

    def iterate(self, value: Any) -> Iterator[Any]:
        """The elements of an iterable."""
        if isinstance(value, Ref):
            return iter(self.elements(value))
        if isinstance(value, Tracer):
            if value.kind in SCALARS:
                raise TypeError(f"a {value.kind} is not iterable")
            return Counted(value, len(value) if value.shape else 0)
        return iter(value)

    def turns(self, items: Iterator[Any]) -> Iterator[Any]:
        """The elements that a loop goes over, unless its turns make too many operations together."""
        count = elements_left(items)
        sizes: list[int] = []
        loc = self.trace.loc
        for item in items:
            sizes.append(len(self.trace.eqns))
            if len(sizes) == _TURNS_TO_JUDGE and count > _TURNS_TO_JUDGE:
                self.trace.loc, saved = loc, self.trace.loc
                each = (sizes[-1] - sizes[0]) / (len(sizes) - 1)
                self.check_size(sizes[0] + each * count)
                self.trace.loc = saved
            yield item

    def _ListComp(self, node: Any) -> list:
        return list(self._comprehension(node, lambda: self.evaluate(node.elt)))

    def _SetComp(self, node: Any) -> set:
        return set(self._comprehension(node, lambda: self._key_of(node.elt)))

    def _DictComp(self, node: Any) -> dict:
        return dict(self._comprehension(node, lambda: (self._key_of(node.key), self.evaluate(node.value))))

    def _GeneratorExp(self, node: Any) -> Iterator[Any]:
        return self._comprehension(node, lambda: self.evaluate(node.elt))

    def _comprehension(self, node: Any, element: Callable[[], Any]) -> Iterator[Any]:
        """The elements of a comprehension, each when it is asked for; its variables are its own."""
        inner = Frame(self.frame.source, None, self.frame, is_comprehension=True)
        first = self.iterate(self.evaluate(node.generators[0].iter))
        return self.resumed(inner, self._elements(node.generators, first, element))

    def _elements(self, generators: Any, items: Iterator[Any], element: Callable[[], Any]) -> Iterator[Any]:
        generator, *inner = generators
        for item in self.turns(items):
            self.assign(generator.target, item)
            if not all(self.test(condition) for condition in generator.ifs):
                continue
            if inner:
                yield from self._elements(inner, self.iterate(self.evaluate(inner[0].iter)), element)
            else:
                yield element()

    def resumed(self, frame: Frame, steps: Iterator[Any]) -> Iterator[Any]:
        """What ``steps`` gives, computed in ``frame`` when it is asked for, as a generator does."""
        while True:
            saved = self.trace.loc
            self.frames.append(frame)
            try:
                with self.trace.in_namespace(None):
                    value = next(steps)
            except StopIteration:
                return
            finally:
                self.frames.pop()
            self.trace.loc = saved
            yield value


def _is_comparable(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_comparable, value))
    return is_plain(value) or isinstance(value, (type, float))
