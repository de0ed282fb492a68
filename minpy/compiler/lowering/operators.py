"""What operators do to abstract values: arithmetic, comparison, truth, attributes, items, iteration."""

from __future__ import annotations

import operator
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable

import gast
import numpy

from minpy.compiler.lowering.containers import ContainerMethod, DictView, Instance, class_of
from minpy.compiler.lowering.frames import BoundMethod, Closure, OfRegion
from minpy.compiler.lowering.objects import Objects, PropertyRead, Super
from minpy.compiler.lowering.reads import Ref, Text, is_plain, unref, walk_values
from minpy.compiler.reals import Deferred, Number, compute, is_real
from minpy.compiler.texts import apply_later, compare_texts
from minpy.compiler.tracer import INT, MINPY, NUMBERS, SCALAR, SCALARS, Tracer
from minpy.errors import UnsupportedError
from minpy.ops.methods import ArrayMethods

_COMPARE: dict[Any, Callable] = {
    gast.Eq: operator.eq,
    gast.NotEq: operator.ne,
    gast.Lt: operator.lt,
    gast.LtE: operator.le,
    gast.Gt: operator.gt,
    gast.GtE: operator.ge,
}
#: Special methods by which the right operand answers, where they have names of their own.
_REFLECTED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
#: what of an array the user's program can ask for
_ARRAY_ATTRIBUTES = frozenset(name for name in dir(ArrayMethods) if not name.startswith("__"))
#: methods of arrays that change them
_CHANGING = frozenset(("fill", "partition", "put", "sort"))
#: methods of numbers that give a number and take none
_OF_NUMBERS = frozenset(("bit_length", "conjugate", "is_integer"))
_OBJECTS = (Ref, Instance)
_NUMBERS = (bool, int, float, complex, numpy.generic)
#: Tests of numbers and texts in a version, beyond which what is tested becomes a constant.
_MAX_TESTS = 16


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


class UnknownMethod(UnsupportedError):
    """An array has an attribute, as a rule a method, that is not compiled."""


class Made:
    """A function that the region made, known by what a call of it does to abstract values."""

    __slots__ = ("apply",)

    def __init__(self, apply: Callable):
        self.apply = apply


class Operators(Objects):
    """The part of the lowering that applies operators; ``call`` and ``only_element`` come later."""

    only_element: Callable[[Tracer], Any]
    change_array: Callable[[Any, list, dict], None]
    tests = 0  # of numbers and texts, whose outcome is guarded

    # Arithmetic ---------------------------------------------------------------------------------

    def binary(self, operation: Callable, x: Any, y: Any) -> Any:
        """A binary operator on abstract values; ``operation`` is a function of ``operator``."""
        x, y = _keys_of_view(x), _keys_of_view(y)
        text = self._text_by_operator(operation, x, y)
        if text is not None:
            return text
        if isinstance(x, _OBJECTS) or isinstance(y, _OBJECTS):
            result = self._by_special_method(operation.__name__.strip("_"), x, y)
            if result is not NotImplemented:
                return result
            x, y = self._operand(x), self._operand(y)
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            for value in (x, y):
                if not isinstance(value, (Tracer, numpy.ndarray, *_NUMBERS)):
                    self.pin(x)  # a list times a number
                    self.pin(y)
                    kind = type(value).__name__
                    if kind in ("list", "tuple"):
                        raise UnsupportedError(f"a {kind} is an operand of array arithmetic")
                    raise TypeError(f"unsupported operand of {operation.__name__} with an array: {kind}")
        return operation(x, y)

    def _text_by_operator(self, operation: Callable, x: Any, y: Any) -> Any:
        """``text + text``, ``text % values`` or ``text * count``; None where it is known now.

        Raises:
            UnsupportedError: array data or an object goes into a text.
        """
        if not any(isinstance(v, Text) or type(v) is str for v in (x, y)):
            return None
        x, y = (self.elements(v) if isinstance(v, Ref) and type(v.value) is tuple else v for v in (x, y))
        made = apply_later(operation, x, y)
        if made is None:
            if operation in (operator.add, operator.iadd) and any(isinstance(v, Tracer) for v in (x, y)):
                raise UnsupportedError("a text and an array are added")
            self.check_formatted([x, y])
        return made

    def check_formatted(self, values: Any) -> None:
        """Raise UnsupportedError where what goes into a text is not known now."""
        for value in walk_values(values):
            self.pin(value)
            if not is_plain(value) and type(value) not in (float, list, tuple, dict):
                raise UnsupportedError("array data or an object is formatted into a string")

    def _by_special_method(self, name: str, x: Any, y: Any) -> Any:
        """What a method such as ``__add__`` or ``__radd__`` gives; NotImplemented where none is in Python."""
        is_in_place = name.startswith("i") and hasattr(operator, f"__{name[1:]}__")
        plain = name[1:] if is_in_place else name
        both = isinstance(x, _OBJECTS) and isinstance(y, _OBJECTS)
        if both and class_of(x) in class_of(y).__mro__[1:]:
            raise UnsupportedError("an operator is applied to an object and one of a subclass")
        reflected = _REFLECTED.get(plain, f"r{plain}")
        tries = [(x, name, y)] if is_in_place else []
        tries.extend([(x, plain, y), (y, reflected, x)])
        for owner, special, other in tries:
            if isinstance(other, Tracer) and owner is y and other.kind not in MINPY:
                break  # NumPy makes an array of the object
            method = self.python_method(owner, f"__{special}__") if isinstance(owner, _OBJECTS) else None
            result = NotImplemented if method is None else self.call(method, [other], {})
            if unref(result) is not NotImplemented:
                return result
        return NotImplemented

    def _operand(self, x: Any) -> Any:
        if isinstance(x, Ref) and type(x.value) in (list, tuple):
            return self.elements(x)
        if isinstance(x, _OBJECTS):
            raise UnsupportedError(f"an operator is applied to {x}")
        return x

    def unary(self, operation: Callable, value: Any) -> Any:
        """An operator with one operand on an abstract value."""
        if isinstance(value, _OBJECTS):
            method = self.python_method(value, f"__{operation.__name__.strip('_')}__")
            if method is not None:
                return self.call(method, [], {})
        if isinstance(value, (*_OBJECTS, Closure)):
            raise UnsupportedError("an operator is applied to an object")
        return operation(value)

    # Truth and comparison -----------------------------------------------------------------------

    def truth(self, value: Any) -> bool:
        """``bool(value)`` at compile time."""
        if isinstance(value, Deferred):
            return self._outcome(value)
        if isinstance(value, Tracer):
            if value.known is not None:
                return bool(value)
            raise UnsupportedError("the test depends on array data")
        if isinstance(value, _OBJECTS):
            method = self.python_method(value, "__bool__") or self.python_method(value, "__len__")
            if method is not None:
                return self.truth(self.call(method, [], {}))
            return isinstance(value, Instance) or self.truth_of_ref(value)
        if isinstance(value, DictView):
            return any(True for _ in value.read())
        return bool(value)

    def _outcome(self, value: Deferred) -> bool:
        """The truth of a number or a text: not its value is guarded, but how the test of it ends."""
        if self.tests == _MAX_TESTS:
            value.pin()
        self.tests += 1
        outcome = bool(value.value)
        self.guards.add(value.path, "true" if outcome else "false")
        return outcome

    def compare(self, op: Any, x: Any, y: Any) -> Any:
        """A comparison of two abstract values by an operator of the syntax tree."""
        if isinstance(op, (gast.Is, gast.IsNot)):
            same = self.is_same(x, y)
            return same if isinstance(op, gast.Is) else not same
        if isinstance(op, (gast.In, gast.NotIn)):
            found = self._contains(x, y)
            return found if isinstance(op, gast.In) else not self.truth(found)
        x, y = _keys_of_view(x), _keys_of_view(y)
        known = compare_texts(_COMPARE[type(op)], x, y)
        if known is not None:
            return known
        if isinstance(x, _OBJECTS) or isinstance(y, _OBJECTS):
            return self._compare_refs(op, x, y)
        if is_real(x) and is_real(y):
            return _COMPARE[type(op)](x, y)
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            for value, other in ((x, y), (y, x)):
                other_is_array = isinstance(other, Tracer) and other.kind not in NUMBERS
                if isinstance(value, Tracer) and value.kind in NUMBERS and not other_is_array:
                    self.pin(value)
                if not isinstance(value, (Tracer, numpy.ndarray, *_NUMBERS)):
                    raise UnsupportedError(f"an array is compared with a {type(value).__name__}")
        return _COMPARE[type(op)](self.comparable(x), self.comparable(y))

    def comparable(self, x: Any, is_item: bool = False) -> Any:
        """A value as Python compares it: in containers the functions, classes and modules themselves."""
        if type(x) is dict:
            return {key: self.comparable(item, True) for key, item in x.items()}
        if type(x) is list or isinstance(x, tuple):
            kind = list if type(x) is list else tuple
            return kind(self.comparable(item, True) for item in x)
        if isinstance(x, Ref) and self.is_constant(x):
            return x.value
        if is_item:
            self.check_comparable(x)
        return x

    def check_comparable(self, x: Any) -> None:
        """Raise UnsupportedError where it cannot be told by ``==`` whether a value is another one."""
        self.pin(x)
        if isinstance(x, (*_OBJECTS, OfRegion)):
            raise UnsupportedError("objects are compared")

    def _compare_refs(self, op: Any, x: Any, y: Any) -> Any:
        result = self._by_special_method(_COMPARE[type(op)].__name__, x, y)
        if result is not NotImplemented:
            return result
        in_order = all(isinstance(unref(v), (list, tuple)) for v in (x, y))
        if not isinstance(op, (gast.Eq, gast.NotEq)) and not in_order:
            raise UnsupportedError("objects are compared")
        plain = [self.plain(v) for v in (x, y)]
        if not all(_is_comparable(v) for v in plain):
            raise UnsupportedError("objects are compared")
        return _COMPARE[type(op)](*plain)

    def _contains(self, x: Any, container: Any) -> Any:
        if isinstance(container, Text) and (type(x) is str or isinstance(x, Text)):
            return compute(operator.contains, (container, x), "({1} in {0})")
        if isinstance(container, _OBJECTS):
            method = self.python_method(container, "__contains__")
            if method is not None:
                return self.truth(self.call(method, [x], {}))
        if isinstance(container, Ref) and isinstance(container.value, dict):
            return self.has_key(container, self.hashed(x))
        if isinstance(container, (*_OBJECTS, DictView)):
            container = list(self.iterate(container))
        if isinstance(x, Deferred) and not isinstance(container, Tracer):
            if isinstance(container, (str, range)) or all(map(is_plain, container)):
                held = container if isinstance(container, (str, range)) else tuple(container)
                return compute(operator.contains, (held, x), "({1} in {0})")
            x.pin()
        if isinstance(container, Tracer) or isinstance(x, Tracer):
            raise UnsupportedError("membership is tested by array data")
        if isinstance(container, (str, range)):
            self.check_comparable(x)
            return x in container
        x = self.comparable(x, True)
        if not isinstance(container, dict):
            container = [self.comparable(item, True) for item in container]
        return x in container

    def hashed(self, value: Any) -> Any:
        """A value that is hashed: a number or a text, or something that is known now."""
        return value if isinstance(value, Text) or _is_int(value) else self.key(value)

    def key(self, value: Any) -> Any:
        """A value that is hashed: it has to be known now."""
        if isinstance(value, Ref) and self.is_constant(value):
            return value.value
        for item in walk_values(value):
            self.pin(item)
            if isinstance(item, Tracer):
                raise UnsupportedError("a key depends on array data")
            if isinstance(item, (*_OBJECTS, OfRegion)):
                raise UnsupportedError("an object is used as a key")
        return value

    # Attributes, items, elements ----------------------------------------------------------------

    def get_attribute(self, value: Any, name: str) -> Any:
        """``value.name``."""
        if isinstance(value, Text):
            method = getattr(str, name)
            return Made(lambda *args, **kwargs: self.text_by_method(method, [value, *args], kwargs))
        if isinstance(value, _OBJECTS):
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
        if isinstance(value, (Closure, BoundMethod, ContainerMethod, DictView)):
            raise UnsupportedError("an attribute of a function is read")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self.attribute_of_namedtuple(value, name)
        return getattr(value, name)

    def _tracer_attribute(self, value: Tracer, name: str) -> Any:
        if name == "item" and value.kind not in NUMBERS:
            return Made(lambda *place: self.only_element(_element(value, self.plain(place))))
        if name in _CHANGING and not value.is_scalar:
            change = getattr(numpy.ndarray, name)
            return Made(lambda *args, **kwargs: self.change_array(change, [value, *args], kwargs))
        if isinstance(value, Number) and name in _OF_NUMBERS:
            function = getattr(type(value.value), name)
            return Made(lambda: compute(function, (value,), f"{{}}.{name}()"))
        lacks = value.kind == SCALAR and not hasattr(numpy.generic, name)
        if value.kind in NUMBERS or lacks or name not in _ARRAY_ATTRIBUTES:
            raise UnknownMethod(f"the attribute .{name} of a {value.kind} is not compiled")
        if name == "trace":  # which a tracer has of its own
            return types.MethodType(getattr(ArrayMethods, name), value)
        return getattr(value, name)

    def get_item(self, value: Any, key: Any) -> Any:
        """``value[key]``."""
        if isinstance(value, Tracer):
            if value.kind in NUMBERS:
                raise TypeError(f"'{value.kind}' object is not subscriptable")
            return value[self.plain(key)]
        method = self.python_method(value, "__getitem__") if isinstance(value, _OBJECTS) else None
        if method is not None:
            return self.call(method, [key], {})
        if isinstance(value, Instance):
            raise TypeError(f"{value.kind.__name__!r} object is not subscriptable")
        if isinstance(value, Ref) and (_is_int(key) or isinstance(key, Text)):
            return self.element(value, key)
        self.pin(key)
        self.pin(value)
        if isinstance(value, Ref):
            return self.item(value, key)
        if isinstance(key, Tracer):
            raise UnsupportedError("a container is indexed by a value known at run time only")
        return value[self.plain(key)]

    def text_by_method(self, method: Callable, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """``text.method(...)``, where the text, or what goes into it, is known at run time only."""
        parts = [list(self.iterate(x)) if _holds_parts(x) else x for x in args]
        made = apply_later(method, *parts, **kwargs)
        if made is None:
            self.check_formatted([parts, kwargs])
            made = method(*parts, **kwargs)
        return made

    def mapping(self, value: Any) -> dict:
        """The content of a dict."""
        if isinstance(value, Ref) and isinstance(value.value, dict):
            return dict(self.mapping_items(value))
        if type(value) is dict:
            return value
        raise UnsupportedError("something else than a dict is unpacked")

    def iterate(self, value: Any) -> Iterator[Any]:
        """The elements of an iterable."""
        if isinstance(value, Text):
            value.pin()
        if isinstance(value, _OBJECTS):
            method = self.python_method(value, "__iter__")
            if method is None:
                if isinstance(value, Instance):
                    raise TypeError(f"{value.kind.__name__!r} object is not iterable")
                return Counted(self.walk(value), self.length(value))
            made = self.call(method, [], {})
            if isinstance(made, _OBJECTS):
                raise UnsupportedError("an iterator from outside is advanced")
            return self.iterate(made)
        if isinstance(value, DictView):
            return value.read()
        if isinstance(value, Tracer):
            if value.kind in SCALARS:
                raise TypeError(f"a {value.kind} is not iterable")
            return Counted(value, len(value) if value.shape else 0)
        return iter(value)


def _element(x: Tracer, place: tuple) -> Tracer:
    """What ``x.item(*place)`` is the number in."""
    return (x.reshape(-1) if len(place) == 1 else x)[place] if place else x


def _holds_parts(x: Any) -> bool:
    """Whether a method of a text goes over what is in ``x``."""
    return isinstance(x, Iterator) or (isinstance(x, Ref) and type(x.value) in (list, tuple))


def _is_int(x: Any) -> bool:
    return isinstance(x, Number) and x.kind == INT


def _keys_of_view(x: Any) -> Any:
    """An operand; the keys of a dict from outside as those of a dict that is made now."""
    if isinstance(x, DictView) and x.of_keys:
        return dict.fromkeys(x.read()).keys()
    if isinstance(x, DictView):
        raise UnsupportedError("an operator is applied to a view of a dict")
    return x


def _is_comparable(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_comparable, value))
    return is_plain(value) or isinstance(value, (type, float))
