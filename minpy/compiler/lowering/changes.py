"""Lowering of what changes containers from outside, and of their methods."""

from __future__ import annotations

import collections
import operator
from typing import Any, Callable

from minpy.compiler.guards import class_attribute
from minpy.compiler.lowering.containers import ContainerMethod, Containers, DictView, Instance, class_of
from minpy.compiler.lowering.effects import DictContent, Effect, ListContent
from minpy.compiler.lowering.reads import Ref, unref
from minpy.compiler.reals import Deferred, compute
from minpy.compiler.tracer import Tracer
from minpy.errors import UnsupportedError

#: methods of containers whose meaning is known
_METHODS: dict[type, frozenset[str]] = {
    list: frozenset(
        ("append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort")
    ),
    tuple: frozenset(("count", "index")),
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


class Changes(Containers):
    """The part of the lowering that changes containers."""

    hashed: Callable[[Any], Any]
    get_item: Callable[[Any, Any], Any]

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
            elif isinstance(self.hashed(key), Deferred):
                self._set_somewhere(container, key, value)
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

    def _set_somewhere(self, container: Any, key: Any, value: Any) -> None:
        """``container[key] = value`` for a key that is known at run time only."""
        self._check_slots(container, "__setitem__", SET_ITEM)
        content = self.content_of(container)
        if isinstance(container.value, list):
            is_there = compute(_reaches, (key, content.length()), "(-{1} <= {0} < {1})")
            if not is_there.value:
                key.pin()
            self.guards.add(is_there.path, "true")
        content.set_later(key, value)
        self.note(Effect.SET_ITEM, container, key, value)

    def _check_slots(self, container: Any, name: str, known: tuple) -> None:
        """Raise UnsupportedError where a slot of a dict or list cannot simply be stored or deleted."""
        kind = class_of(container)
        what = "an object" if isinstance(container, Instance) else container.path
        if class_attribute(kind, name) not in known:
            raise UnsupportedError(f"{what}[...] is changed by {kind.__name__}")
        if container.path.key == "__dict__":
            raise UnsupportedError(f"{what} is changed, which holds the attributes of an object")

    def slot_of(self, container: Any, key: Any, name: str, known: tuple) -> Any:
        """The key of a slot of a dict or list from outside that can simply be stored or deleted."""
        self._check_slots(container, name, known)
        key = self.key(key)
        if issubclass(class_of(container), list):
            if isinstance(key, slice):
                raise UnsupportedError(f"a slice of {container.path} is changed")
            key, content = operator.index(key), self.effects.content(container)
            if content is not None and content.is_added(key):  # type: ignore[union-attr]
                return key
            length = self._length_now(container)
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
                    lambda: self._first_length(ref),
                    self._are_equal,
                    lambda key: self._had_key(ref, key),
                    lambda: self._first_keys(ref),
                )
            else:
                content = grown = ListContent(
                    lambda position: self.read(obj[position], path.item(position)),
                    lambda: self._first_length(ref),
                    lambda i, j: self._is_same_place(i, j, grown.length()),
                )
            self.effects.keep_content(ref, content)
        return content

    def _are_equal(self, key: Any, other: Any) -> bool:
        """Whether two keys are equal; how that ends is guarded where one is known at run time only."""
        paths = [getattr(x, "path", None) for x in (key, other)]
        if not any(isinstance(x, Deferred) for x in (key, other)):
            return key == other
        if paths[0] == paths[1]:
            return True
        values = [x.value if isinstance(x, Deferred) else x for x in (key, other)]
        if isinstance(values[0], str) != isinstance(values[1], str):
            return False  # the guards on their types say so
        if not all(isinstance(x, (Deferred, str, int, float)) for x in (key, other)):
            return False
        return self.truth(compute(operator.eq, (key, other), "({} == {})"))

    def _is_same_place(self, i: Any, j: Any, length: Any) -> bool:
        """Whether two positions in a list are the same one."""
        if getattr(i, "path", 0) == getattr(j, "path", 1):
            return True
        return self.truth(compute(_coincide, (i, j, length), "({0} % {2} == {1} % {2})"))

    def call_container_method(self, method: ContainerMethod, args: list, kwargs: dict[str, Any]) -> Any:
        """A method of a container from outside."""
        ref, name = method.ref, method.name
        if ref.path.key == "__dict__" and name not in ("copy", "get", "items", "keys", "values"):
            raise UnsupportedError(f"{ref.path} is changed, which holds the attributes of an object")
        if isinstance(ref.value, (list, tuple)):
            if kwargs:
                raise UnsupportedError(f"options of list.{name} are not compiled")
            return self._list_method(ref, name, args)
        if isinstance(ref.value, dict):
            return self._dict_method(ref, name, args, kwargs)
        return self._blind_method(ref, name, args)

    def _blind_method(self, ref: Ref, name: str, args: list) -> None:
        """A method that gives nothing back, of a container that the region does not look into."""
        if name in ("extend", "update"):
            args = [list(self.iterate(arg)) for arg in args]
        if isinstance(ref.value, set):
            args = [self.key(tuple(arg)) if isinstance(arg, list) else self.hashed(arg) for arg in args]
        self.note(Effect.CALL, ref, name, *args)
        self.effects.keep_content(ref, None)

    def _list_method(self, ref: Ref, name: str, args: list) -> Any:
        if name == "copy":
            return self.elements(ref)
        if name in ("count", "index"):
            return getattr([self.key(item) for item in self.elements(ref)], name)(*map(self.key, args))
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
        elif name in ("remove", "sort"):
            content.items[:] = [self.key(item) for item in self.elements(ref)]
            args = list(map(self.key, args))
            getattr(content.items, name)(*args)
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
        key = self.key(key) if name == "pop" else self.hashed(key)
        is_there = self.has_key(ref, key)
        if name == "get":
            return self.get_item(ref, key) if is_there else (*default, kwargs.get("default"))[0]
        if name == "setdefault":
            if is_there:
                return self.get_item(ref, key)
            value = (*default, None)[0]
            self.set_item(ref, key, value)
            return value
        if not is_there:  # pop
            if not default:
                raise KeyError(key)
            return default[0]
        value = self.item(ref, key)
        self.delete_item(ref, key)
        return value


def _reaches(position: int, length: int) -> bool:
    return -length <= position < length


def _coincide(i: int, j: int, length: int) -> bool:
    return i % length == j % length


def has_method(obj: Any, name: str) -> bool:
    """Whether a container has a method that is known here, and not one of its class's own."""
    found = class_attribute(type(obj), name)
    return any(
        isinstance(obj, base) and name in names and found is class_attribute(base, name)
        for base, names in _METHODS.items()
    )
