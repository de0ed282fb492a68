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

from minpy.compiler.effects import Changed, DictContent, Effect, Effects, ListContent
from minpy.compiler.frames import BoundMethod, Frame
from minpy.compiler.guards import Distinct, class_attribute
from minpy.compiler.reads import ReadRequest, Reads, Ref, is_constant_object, unref
from minpy.compiler.target import unjitted
from minpy.compiler.tracer import Tracer
from minpy.errors import UnsupportedError

#: methods of containers whose meaning is known
_METHODS: dict[type, frozenset[str]] = {
    list: frozenset(("append", "clear", "copy", "extend", "insert", "pop", "reverse")),
    dict: frozenset(
        (
            *("clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault"),
            *("update", "values"),
        )
    ),
    collections.OrderedDict: frozenset(("clear", "get", "items", "keys", "setdefault", "update", "values")),
    collections.deque: frozenset(("append", "appendleft", "clear", "extend")),
    set: frozenset(("add", "clear", "discard", "update")),
}
SET_ITEM = (dict.__setitem__, list.__setitem__, collections.OrderedDict.__setitem__)
DELETE_ITEM = (dict.__delitem__, list.__delitem__, collections.OrderedDict.__delitem__)
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

    def __init__(self) -> None:
        super().__init__()
        self.effects = Effects(self.guards, lambda: self.trace.step)

    def note(self, kind: str, ref: Any, key: Any, *args: Any) -> None:
        """Put a change of an object from outside into the log."""
        if self.frame.global_names.get("__name__", "").startswith(_OWN_STATE):
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

    def _missing(self, ref: Ref, key: Any) -> Any:
        """``ref[key]`` for a key that is not there."""
        obj = ref.value
        if isinstance(obj, collections.defaultdict) and type(obj).__missing__ is _DEFAULT_MISSING:
            if obj.default_factory is None:
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
        is_there = key in ref.value
        if not (is_there and is_rare):
            self.guards.add(ref.path, "present" if is_there else "absent", key)
        return is_there

    def elements(self, ref: Ref) -> Any:
        """The elements of a list or tuple, or the keys of a dict; their number is guarded."""
        obj = ref.value
        content = self.effects.content(ref)
        if isinstance(content, DictContent):
            return list(content.items)
        if isinstance(content, ListContent):
            return [content[i] for i in range(len(content))]
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

    def length(self, ref: Ref) -> int:
        """``len(ref)`` of a list, tuple or dict, or of something that can be iterated over."""
        content = self.effects.content(ref)
        if content is not None:
            return len(content)
        is_known = isinstance(ref.value, (list, tuple, dict))
        return self._first_length(ref) if is_known else len(self.elements(ref))

    def _first_length(self, ref: Ref) -> int:
        """The length at the beginning of the region."""
        self.effects.see(ref)
        self.guards.add(ref.path, "length", len(ref.value))
        return len(ref.value)

    def _first_keys(self, ref: Ref) -> list:
        """The keys at the beginning of the region."""
        self.effects.see(ref)
        self.guards.add(ref.path, "keys", tuple(ref.value))
        return list(ref.value)

    def walk(self, ref: Ref) -> Iterator[Any]:
        """The elements of a container from outside, as a loop sees them that may change it."""
        if isinstance(ref.value, list):
            position = 0
            while position < self.length(ref):
                yield self.item(ref, position)
                position += 1
            return
        items = self.elements(ref)
        for item in items:
            if isinstance(ref.value, dict) and self.length(ref) != len(items):
                raise RuntimeError("dictionary changed size during iteration")
            yield item

    def mapping_items(self, ref: Ref) -> list[tuple[Any, Any]]:
        """Keys and values of a dict."""
        return [(key, self.item(ref, key)) for key in self.elements(ref)]

    def truth_of_ref(self, ref: Ref) -> bool:
        """``bool(ref)``."""
        obj = ref.value
        if isinstance(obj, (list, tuple, dict)):
            return bool(self.length(ref))
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

    # Changing -----------------------------------------------------------------------------------

    def set_item(self, container: Any, key: Any, value: Any) -> None:
        """``container[key] = value``."""
        if isinstance(container, Tracer):
            container[self.plain(key)] = self.plain(value)
        elif isinstance(container, (Ref, Instance)):
            method = self.python_method(container, "__setitem__")
            if method is not None:
                self.call(method, [key, value], {})
            elif isinstance(key, slice) and type(unref(container)) is list:
                self._change_slice(container, key, list(self.iterate(value)))
            else:
                key = self.slot_of(container, key, "__setitem__", SET_ITEM)
                self.content_of(container)[key] = value
                self.note(Effect.SET_ITEM, container, key, value)
        elif type(container) in (list, dict):
            container[self.key(key)] = value
        else:
            raise UnsupportedError(f"an element of a {type(container).__name__} is written")

    def delete_item(self, container: Any, key: Any) -> None:
        """``del container[key]``."""
        if isinstance(container, (Ref, Instance)):
            method = self.python_method(container, "__delitem__")
            if method is not None:
                self.call(method, [key], {})
            elif isinstance(key, slice) and type(unref(container)) is list:
                self._change_slice(container, key, None)
            else:
                key = self.slot_of(container, key, "__delitem__", DELETE_ITEM)
                is_dict = isinstance(unref(container), dict)
                if is_dict and not self.has_key(container, key):
                    raise KeyError(key)
                del self.content_of(container)[key]
                self.note(Effect.DELETE_ITEM, container, key)
        elif type(container) in (list, dict):
            del container[self.key(key)]
        else:
            raise UnsupportedError(f"an element of a {type(container).__name__} is deleted")

    def _change_slice(self, ref: Any, key: slice, values: list | None) -> None:
        """``ref[a:b] = values`` for a list from outside; ``del ref[a:b]``, if None is given."""
        key = self.plain(key)
        content: Any = self.content_of(ref)
        if values is None:
            del content.items[key]
            self.note(Effect.CALL, ref, "__delitem__", key)
        else:
            content.items[key] = values
            self.note(Effect.CALL, ref, "__setitem__", key, values)

    def slot_of(self, container: Any, key: Any, name: str, known: tuple) -> Any:
        """The key of a slot of a dict or list from outside that can simply be stored or deleted."""
        kind = class_of(container)
        what = "an object" if isinstance(container, Instance) else container.path
        if class_attribute(kind, name) not in known:
            raise UnsupportedError(f"{what}[...] is changed by {kind.__name__}")
        if container.path.key == "__dict__":
            raise UnsupportedError(f"{what} is changed, which holds the attributes of an object")
        key = self.key(key)
        if issubclass(kind, list):
            if isinstance(key, slice):
                raise UnsupportedError(f"a slice of {what} is changed")
            key, length = operator.index(key), self.length(container)
            if not -length <= key < length:
                raise IndexError("list assignment index out of range")
            return key % length
        return key

    def content_of(self, ref: Any) -> Any:
        """The content of a container that is going to be written."""
        content: Any = self.effects.content(ref)
        if content is None:
            obj, path = ref.value, ref.path
            if isinstance(obj, dict):
                content = DictContent(
                    lambda key: self.read(obj[key], path.item(key)),
                    lambda key: self._had_key(ref, key),
                    lambda: self._first_keys(ref),
                )
            else:
                content = ListContent(
                    lambda position: self.read(obj[position], path.item(position)),
                    lambda: self._first_length(ref),
                )
            self.effects.keep_content(ref, content)
        return content

    def call_container_method(self, method: ContainerMethod, args: list, kwargs: dict[str, Any]) -> Any:
        """A method of a container from outside."""
        ref, name = method.ref, method.name
        if ref.path.key == "__dict__" and name not in ("copy", "get", "items", "keys", "values"):
            raise UnsupportedError(f"{ref.path} is changed, which holds the attributes of an object")
        if isinstance(ref.value, list):
            return self._list_method(ref, name, args)
        if isinstance(ref.value, dict):
            return self._dict_method(ref, name, args, kwargs)
        return self._blind_method(ref, name, args)

    def _blind_method(self, ref: Ref, name: str, args: list) -> None:
        """A method that gives nothing back, of a container that the region does not look into."""
        if name in ("extend", "update"):
            args = [list(self.iterate(arg)) for arg in args]
        if isinstance(ref.value, set):
            args = [self.key(tuple(arg) if isinstance(arg, list) else arg) for arg in args]
        self.note(Effect.CALL, ref, name, *args)
        self.effects.keep_content(ref, None)

    def _list_method(self, ref: Ref, name: str, args: list) -> Any:
        if name == "copy":
            return self.elements(ref)
        content: ListContent = self.content_of(ref)
        result = None
        if name == "extend":
            args = [list(self.iterate(*args))]
            for item in args[0]:
                content.append(item)
        elif name == "pop":
            args = [self.key(arg) for arg in args]
            position = args[0] if args else -1
            result = content[position]
            del content[position]
        elif name == "append":
            content.append(*args)
        else:  # clear, insert, reverse
            args[:1] = map(self.key, args[:1])
            getattr(content.items, name)(*args)
        self.note(Effect.CALL, ref, name, *args)
        return result

    def _dict_method(self, ref: Ref, name: str, args: list, kwargs: dict[str, Any]) -> Any:
        if name == "keys":
            return DictView(lambda: self.walk(ref), of_keys=True)
        if name == "values":
            return DictView(lambda: (self.item(ref, key) for key in self.walk(ref)))
        if name == "items":
            return DictView(lambda: ((key, self.item(ref, key)) for key in self.walk(ref)))
        if name == "copy":
            return dict(self.mapping_items(ref))
        if name == "update":
            for pairs in (*args, kwargs):
                is_mapping = isinstance(unref(pairs), dict)
                items = self.mapping(pairs).items() if is_mapping else map(self.iterate, self.iterate(pairs))
                for key, value in items:
                    self.set_item(ref, key, value)
            return None
        if name == "clear":
            self.content_of(ref).clear()
            return self.note(Effect.CALL, ref, name)
        if name == "popitem":
            keys = self.elements(ref)
            if not keys:
                raise KeyError("popitem(): dictionary is empty")
            return keys[-1], self._dict_method(ref, "pop", [keys[-1]], {})
        key, *default = args
        key = self.key(key)
        is_there = self.has_key(ref, key)
        if name == "get":
            return self.item(ref, key) if is_there else (*default, kwargs.get("default"))[0]
        if name == "setdefault":
            if not is_there:
                self.set_item(ref, key, (*default, None)[0])
            return self.item(ref, key)
        if not is_there:  # pop
            if not default:
                raise KeyError(key)
            return default[0]
        value = self.item(ref, key)
        self.delete_item(ref, key)
        return value

    # Identity -----------------------------------------------------------------------------------

    def is_same(self, a: Any, b: Any) -> bool:
        """``a is b``."""
        if isinstance(a, Tracer) and isinstance(b, Tracer):
            return self._is_same_array(a, b)
        for one in (a, b):
            if isinstance(one, Ref) and not self.is_constant(one):
                other = b if one is a else a
                if other is not None:  # the guard on the type rules None out
                    self.guards.add(one.path, "identity", one.value)
        return unref(a) is unref(b)

    def _is_same_array(self, a: Tracer, b: Tracer) -> bool:
        if a is b or a.origin is None or b.origin is None:
            return a is b  # what was made here is no object from outside
        is_same = a.origin.value is b.origin.value
        expected: Any = b.origin.path if is_same else Distinct((b.origin.path,))
        self.guards.add(a.origin.path, "same" if is_same else "distinct", expected)
        return is_same

    def plain(self, x: Any) -> Any:
        """``x`` with Refs inside replaced by what they stand for, for the functions of the op table."""
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


def class_of(owner: Any) -> type:
    """The class of an object that a Ref or an Instance stands for."""
    return owner.kind if isinstance(owner, Instance) else type(owner.value)


def has_method(obj: Any, name: str) -> bool:
    """Whether a container has a method that is known here, and not one of its class's own."""
    found = class_attribute(type(obj), name)
    return any(
        isinstance(obj, base) and name in names and found is class_attribute(base, name)
        for base, names in _METHODS.items()
    )
