"""Lowering of what is done to containers: those from outside, and those that the region makes.

The latter are Python's own, holding abstract values. Of those from outside, which are Refs, reads look at
what the region wrote (``effects.py``) and then at the container; writes go into the log.
"""

from __future__ import annotations

import collections
import operator
import types
from collections.abc import Iterator
from typing import Any, Callable

import numpy

from minpy.compiler.guards import Others, class_attribute
from minpy.compiler.lowering.effects import REMOVED, Changed, DictContent, Effects, ListContent
from minpy.compiler.lowering.frames import BoundMethod, Frame
from minpy.compiler.lowering.reads import ReadRequest, Reads, Ref, Text, is_constant_object, unref
from minpy.compiler.paths import Computation, Path, length_path
from minpy.compiler.reals import Deferred, Number
from minpy.compiler.target import unjitted
from minpy.compiler.tracer import BOOL, INT, Tracer
from minpy.errors import UnsupportedError
from minpy.runtime.array import Array

#: types of elements that can be others in each turn of a loop
_VARYING = (Array, numpy.ndarray, numpy.generic, float, int, str)
#: types of which Python may keep one object for equal values, or not
_OFTEN_KEPT = (int, float, complex, str, bytes)
#: modules whose variables decide what compiled code means
_OWN_STATE = ("minpy.ops", "minpy.runtime", "minpy.compiler", "minpy.core", "minpy.numpy")


class Instance:
    """An object that the region made: its class and its attributes."""

    __slots__ = ("attributes", "kind")

    def __init__(self, kind: type):
        self.kind = kind
        self.attributes: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"a {self.kind.__name__} made here"


class ContainerMethod:
    """A method of a container from outside."""

    __slots__ = ("name", "ref")

    def __init__(self, ref: Ref, name: str):
        self.ref = ref
        self.name = name


class DictView:
    """``keys()``, ``values()`` or ``items()`` of a dict from outside; ``read`` gives what they hold now."""

    __slots__ = ("of_keys", "read")

    def __init__(self, read: Callable[[], Iterator[Any]], of_keys: bool = False):
        self.read = read
        self.of_keys = of_keys


class Containers(Reads):
    """The part of the lowering that knows containers."""

    frame: Frame
    call: Callable[[Any, list, dict], Any]
    iterate: Callable[[Any], Iterator[Any]]
    mapping: Callable[[Any], dict]
    key: Callable[[Any], Any]
    attribute_of_namedtuple: Callable[[Any, str], Any]
    set_item: Callable[[Any, Any, Any], None]
    truth: Callable[[Any], bool]

    def __init__(self) -> None:
        super().__init__()
        self._chosen: dict[tuple[Path, Path], Path] = {}
        self.effects = Effects(self.guards, lambda: self.trace.step)

    def note(self, kind: str, ref: Any, key: Any, *args: Any) -> None:
        """Put a change of an object from outside into the log."""
        root = ref.path.root
        if root.step == "fixed" and _module_of(self.guards.fixed[root.key]).startswith(_OWN_STATE):
            raise UnsupportedError("it changes how MinPy itself works")
        self.effects.note(kind, ref, key, *args)

    # Reading ------------------------------------------------------------------------------------

    def item(self, ref: Ref, key: Any) -> Any:
        """``ref[key]`` of a list, tuple or dict."""
        obj, kind = ref.value, type(ref.value)
        if kind.__getitem__ not in (dict.__getitem__, list.__getitem__, tuple.__getitem__):
            raise UnsupportedError(f"{ref.path}[...] is computed by {kind.__name__}")
        if isinstance(key, slice) and not isinstance(obj, dict):
            return self.elements(ref)[key]
        key = self.key(key)
        content = self.effects.content(ref)
        if isinstance(obj, dict) and not self.has_key(ref, key, is_rare=True):
            return self._missing(ref, key)
        if content is not None:
            value = content[key]
            if isinstance(value, Changed):
                raise ReadRequest(value.path)
            return value
        self.effects.see(ref)
        return self.read(obj[key], ref.path.item(key))

    def element(self, ref: Ref, position: Number | Text) -> Any:
        """``ref[position]``, at a position or key that is another one from call to call."""
        obj, at = ref.value, position.value
        content: Any = self.effects.content(ref)
        if content is not None:
            known = content.find(position)
            if known is not REMOVED:
                return known
        if isinstance(obj, collections.defaultdict) and not self.has_key(ref, position, is_rare=True):
            return self._missing(ref, position)
        is_there = False
        if content is None and type(obj) in (list, tuple):
            is_there = type(at) is int and -len(obj) <= at < len(obj)
        elif content is None and type(obj) in (dict, collections.defaultdict):
            is_there = at in obj
        if not is_there or not isinstance(obj[at], (*_VARYING, list, tuple, dict)):
            position.pin()
        self.effects.see(ref)
        known = self._chosen.get((ref.path, position.path))
        path = known or Computation(operator.getitem, "{}[{}]", (ref.path, position.path)).path()
        self._chosen[ref.path, position.path] = path
        self.chosen[path] = position.sources
        return self.read(obj[at], path)

    def _missing(self, ref: Ref, key: Any) -> Any:
        """``ref[key]`` for a key that is not there."""
        obj = ref.value
        if isinstance(obj, collections.defaultdict) and type(obj).__missing__ is _DEFAULT_MISSING:
            if obj.default_factory is None:
                self.pin(key)
                raise KeyError(key)
            factory = self.read(obj.default_factory, ref.path.attribute("default_factory"))
            value = self.call(factory, [], {})
            self.set_item(ref, key, value)
            return value
        if hasattr(type(obj), "__missing__"):
            raise UnsupportedError(f"{ref.path}[...] is computed by {type(obj).__name__}")
        raise KeyError(key)

    def has_key(self, ref: Any, key: Any, is_rare: bool = False) -> bool:
        """``key in ref`` for a dict. Where that is rarely false, reading the value is guard enough."""
        content = self.effects.content(ref)
        return self._had_key(ref, key, is_rare) if content is None else key in content  # type: ignore

    def _had_key(self, ref: Ref, key: Any, is_rare: bool = False) -> bool:
        """The same at the beginning of the region."""
        self.effects.see(ref)
        is_deferred = isinstance(key, Deferred)
        is_there = (key.value if is_deferred else key) in ref.value
        if not (is_there and is_rare):
            self.guards.add(ref.path, "present" if is_there else "absent", key.path if is_deferred else key)
        return is_there

    def elements(self, ref: Ref) -> Any:
        """The elements of a list or tuple, or the keys of a dict; their number is guarded."""
        obj = ref.value
        content = self.effects.content(ref)
        if isinstance(content, DictContent):
            return list(content.items)
        if isinstance(content, ListContent):
            return [content[i] for i in range(len(content.items))]
        if isinstance(obj, dict):
            return self._first_keys(ref)
        self.effects.see(ref)
        if type(obj) in (list, tuple) or isinstance(obj, tuple):
            self.guards.add(ref.path, "length", len(obj))
            items = [self.read(item, ref.path.item(i)) for i, item in enumerate(obj)]
            return tuple(items) if isinstance(obj, tuple) else items
        if isinstance(obj, (range, frozenset)):
            self.guards.add(ref.path, "value" if isinstance(obj, range) else "identity", obj)
            return list(obj)
        raise UnsupportedError(f"iteration over {ref.path}, a {type(obj).__name__}")

    def length(self, ref: Ref) -> Any:
        """``len(ref)`` of a list, tuple or dict, or of something that can be iterated over."""
        content = self.effects.content(ref)
        if content is not None:
            return content.length()
        is_known = isinstance(ref.value, (list, tuple, dict))
        return self._first_length(ref) if is_known else len(self.elements(ref))

    def _first_length(self, ref: Ref) -> Any:
        """The length at the beginning of the region."""
        self.effects.see(ref)
        path = length_path(ref.path)
        if self.guards.key(path) in self.numbers.inputs and not self._is_pinned(path):
            computed = Computation(len, "len({})", (ref.path,)).path()
            return Number(self, computed, len(ref.value), (path,))
        self.guards.add(ref.path, "length", len(ref.value))
        return len(ref.value)

    def _first_keys(self, ref: Ref) -> list:
        """The keys at the beginning of the region."""
        self.effects.see(ref)
        self.guards.add(ref.path, "keys", tuple(ref.value))
        return list(ref.value)

    def _length_now(self, ref: Ref) -> int:
        """The length as a constant."""
        length = self.length(ref)
        self.pin(length)
        return length

    def walk(self, ref: Ref) -> Iterator[Any]:
        """The elements of a container from outside, as a loop sees them that may change it."""
        if isinstance(ref.value, list):
            position = 0
            while position < self._length_now(ref):
                yield self.item(ref, position)
                position += 1
            return
        items = self.elements(ref)
        for item in items:
            if isinstance(ref.value, dict) and self._length_now(ref) != len(items):
                raise RuntimeError("dictionary changed size during iteration")
            yield item

    def mapping_items(self, ref: Ref) -> list[tuple[Any, Any]]:
        """Keys and values of a dict."""
        return [(key, self.item(ref, key)) for key in self.elements(ref)]

    def truth_of_ref(self, ref: Ref) -> bool:
        """``bool(ref)``."""
        obj = ref.value
        if isinstance(obj, (list, tuple, dict)):
            return self.truth(self.length(ref))
        if is_constant_object(obj) or not (hasattr(obj, "__bool__") or hasattr(obj, "__len__")):
            return True
        raise UnsupportedError(f"the truth of {ref.path} is computed by {type(obj).__name__}")

    def python_method(self, owner: Any, name: str) -> BoundMethod | None:
        """A special method such as ``__len__``, if the class of an object has it in Python."""
        kind = class_of(owner)
        found = class_attribute(kind, name)
        function = unjitted(found)
        if not isinstance(function, types.FunctionType):
            return None
        self.guards.add(self.guards.lookup(kind, name), "identity", found)
        return BoundMethod(function, owner)

    # Identity -----------------------------------------------------------------------------------

    def is_same(self, a: Any, b: Any) -> bool:
        """``a is b``."""
        if a is b or a is None or b is None:
            return unref(a) is unref(b)
        for one in (a, b):
            if isinstance(one, Deferred):
                one.pin()
            if isinstance(one, Tracer) and one.kind in (BOOL, INT):
                raise UnsupportedError("which object a number is depends on array data")
        if isinstance(a, Tracer) and isinstance(b, Tracer):
            return self._is_same_array(a, b)
        for one in (a, b):
            if isinstance(one, Ref) and not self.is_constant(one):
                self.guards.add(one.path, "identity", one.value)
        one, other = unref(a), unref(b)
        is_small = type(one) is int and -5 <= one <= 256  # of which there is one each
        if type(one) in _OFTEN_KEPT and type(one) is type(other) and one == other and not is_small:
            raise UnsupportedError(f"whether {one!r} is the same object every time only Python knows")
        return one is other

    def _is_same_array(self, a: Tracer, b: Tracer) -> bool:
        if a is b or a.origin is None or b.origin is None:
            return a is b  # what was made here is no object from outside
        is_same = a.origin.value is b.origin.value
        expected: Any = b.origin.path if is_same else Others((b.origin.path,))
        self.guards.add(a.origin.path, "same" if is_same else "distinct", expected)
        return is_same

    def plain(self, x: Any) -> Any:
        """``x`` with Refs inside replaced by what they stand for, for the functions of the op table."""
        if isinstance(x, Text):
            x.pin()
        if isinstance(x, Ref):
            if isinstance(x.value, (list, tuple)) and type(x.value) in (list, tuple):
                return self.plain(self.elements(x))
            if type(x.value) is dict:
                return {key: self.plain(value) for key, value in self.mapping_items(x)}
            if not self.is_constant(x):
                self.guards.add(x.path, "identity", x.value)
            return x.value
        if type(x) in (list, tuple):
            return type(x)(self.plain(item) for item in x)
        if type(x) is dict:
            return {key: self.plain(value) for key, value in x.items()}
        if isinstance(x, slice):
            return slice(self.plain(x.start), self.plain(x.stop), self.plain(x.step))
        return x


_DEFAULT_MISSING = collections.defaultdict.__missing__


def _module_of(owner: Any) -> str:
    """The module whose variables these are, or that a class or function is of; empty for other objects."""
    if isinstance(owner, dict):
        return str(owner.get("__name__", ""))
    return owner.__module__ if isinstance(owner, (type, types.FunctionType)) else ""


def class_of(owner: Any) -> type:
    """The class of an object that a Ref or an Instance stands for."""
    return owner.kind if isinstance(owner, Instance) else type(owner.value)
