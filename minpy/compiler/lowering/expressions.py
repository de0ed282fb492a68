"""Lowering of expressions: names, operators, comparisons, subscripts, displays, comprehensions."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Iterator, Sequence
from typing import Any, Callable

import gast

from minpy.compiler.lowering.frames import UNBOUND, Closure, Frame, Unforeseen, UnforeseenError
from minpy.compiler.lowering.operators import Operators, elements_left
from minpy.compiler.lowering.reads import Ref
from minpy.compiler.parts import Culprit
from minpy.compiler.paths import Path
from minpy.compiler.texts import apply_later, joined
from minpy.compiler.tracer import Tracer
from minpy.errors import UnsupportedError

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
#: Turns of a loop after which the rest of them is estimated.
_TURNS_TO_JUDGE = 3


class Expressions(Operators):
    """The part of the lowering that evaluates expressions; ``Lowering`` gives the rest."""

    frame: Frame
    frames: list[Frame]
    root: Frame
    culprit: Culprit | None = None
    store: Callable[..., None]
    assign: Callable[[Any, Any], None]
    executed: int
    progress: Callable[[], Any]
    judge: Callable[[int, int, Any], None]
    closure: Callable[[Any, str, Sequence[Any]], Closure]

    def evaluate(self, node: Any) -> Any:
        """The abstract value of an expression."""
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is None:
            raise UnsupportedError(f"a {type(node).__name__} expression is not compiled")
        before = self._recorded()
        try:
            return method(node)
        except UnsupportedError as error:
            self.blame(node, error, before)
            raise

    def _recorded(self) -> tuple[int, int]:
        """How many equations and effects there are."""
        return len(self.trace.eqns), len(self.effects.log)

    def blame(
        self,
        node: Any,
        error: UnsupportedError,
        before: tuple[int, int] | None = None,
        is_test: bool = False,
    ) -> None:
        """Note the expression of the block that an error comes from.

        Args:
            before: the numbers of equations and effects before, where all that the expression works on was
                evaluated.
            is_test: the expression was lowered, and what is not known is its truth.
        """
        if self.frame is self.root and (self.culprit is None or self.culprit.error is not error):
            equations, effects = self._recorded()
            has_work = before is not None and before[0] < equations and before[1] == effects
            self.culprit = Culprit(error, node, has_work, is_test)

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
        cell = self.cell(name)
        if cell is not None:
            written = self.effects.written_attributes(cell)
            if "cell_contents" in written:
                return written["cell_contents"]
            self.effects.see(cell)
            path = cell.path.attribute("cell_contents")._replace(label=name)
            return self.read(cell.value.cell_contents, path)
        function: Any = self.frame.home.function
        code = function.__code__
        if name in code.co_varnames or name in code.co_cellvars:
            raise UnsupportedError(f"{name} may have no value here")
        return self._global(name, function.__globals__)

    def cell(self, name: str) -> Ref | None:
        """The cell of a variable that the code shares with a function around it; None for other names."""
        home = self.frame.home
        function: Any = home.function
        if name not in function.__code__.co_freevars:
            return None
        number = function.__code__.co_freevars.index(name)
        cell = function.__closure__[number]
        if home.path is None:
            return Ref(cell, self.guards.fixed_path(cell, name))
        return Ref(cell, home.path.attribute("__closure__").item(number))

    def _global(self, name: str, global_names: dict) -> Any:
        guards = self.guards
        root: Path = guards.fixed_path(global_names, "globals()")
        written: Any = self.effects.content(Ref(global_names, root))
        if written is not None and name in written:
            return self.item(Ref(global_names, root), name)
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

    def _UnaryOp(self, node: Any) -> Any:
        if isinstance(node.op, gast.Not):
            return not self.truth(self.evaluate(node.operand))
        return self.unary(_UNARY[type(node.op)], self.evaluate(node.operand))

    def test(self, node: Any, is_constant: bool = False) -> bool:
        """The truth of an expression, which has to be known now, perhaps with all that it depends on."""
        before = self._recorded()
        value = self.evaluate(node)
        try:
            if is_constant:
                self.pin(value)
            return self.truth(value)
        except UnsupportedError as error:
            self.blame(node, error, before, is_test=True)
            raise

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

    def _IfExp(self, node: Any) -> Any:
        return self.evaluate(node.body if self.truth(self.evaluate(node.test)) else node.orelse)

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

    def _Subscript(self, node: Any) -> Any:
        return self.get_item(self.evaluate(node.value), self.evaluate(node.slice))

    def _Slice(self, node: Any) -> slice:
        parts = [
            None if part is None else self.evaluate(part) for part in (node.lower, node.upper, node.step)
        ]
        for part in parts:
            self.pin(part)
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
                known = self._key_of(key)  # before the value
                result[known] = self.evaluate(value)
        return result

    def _key_of(self, node: Any) -> Any:
        """The value of an expression that becomes a key or an element of a set."""
        return self.key(self.evaluate(node))

    def _JoinedStr(self, node: Any) -> Any:
        return self.make_text(joined, *[self._part(part) for part in node.values])

    def _part(self, part: Any) -> Any:
        if isinstance(part, gast.Constant):
            return part.value
        value = self.evaluate(part.value)
        conversion: Any = {115: str, 114: repr, 97: ascii}.get(part.conversion)
        if conversion:
            value = self.make_text(conversion, value)
        return self.make_text(format, value, self._JoinedStr(part.format_spec) if part.format_spec else "")

    def make_text(self, function: Callable, *args: Any) -> Any:
        """A text made of values: now, or by Python when the function runs."""
        made = apply_later(function, *args)
        if made is None:
            self.check_formatted(list(args))
            made = function(*args)
        return made

    def _Lambda(self, node: Any) -> Closure:
        body = (gast.copy_location(gast.Return(value=node.body), node.body),)
        return self.closure(node, "<lambda>", body)

    # Iteration ----------------------------------------------------------------------------------

    def turns(self, items: Iterator[Any]) -> Iterator[Any]:
        """The elements that a loop goes over. After some turns it is judged whether to unroll it."""
        count = elements_left(items)
        before: Any = None
        loc = self.trace.loc
        for number, item in enumerate(items, 1):
            if number == 2:
                before = self.progress()
            elif number == _TURNS_TO_JUDGE and count > _TURNS_TO_JUDGE:
                self.trace.loc, saved = loc, self.trace.loc
                self.judge(count, number - 1, before)
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
            self.executed += 1
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
