"""Lowering of what is done to objects, those from outside and those that the region makes: attributes."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any, Callable

from minpy.compiler.guards import class_attribute
from minpy.compiler.lowering.changes import SET_ITEM, Changes, has_method
from minpy.compiler.lowering.containers import ContainerMethod, Instance
from minpy.compiler.lowering.effects import REMOVED, Changed, Effect
from minpy.compiler.lowering.frames import BoundMethod
from minpy.compiler.lowering.reads import ReadRequest, Ref
from minpy.compiler.reals import Deferred
from minpy.errors import UnsupportedError
from minpy.ops import Function, Op

_PLAIN_SET = (object.__setattr__, types.SimpleNamespace.__setattr__)
_PLAIN_DELETE = (object.__delattr__, types.SimpleNamespace.__delattr__)
HEAP_TYPE = 1 << 9  # the class was made by Python code
_OF_FUNCTIONS = ("__name__", "__qualname__", "__module__", "__doc__")
_READABLE = (property, functools.cached_property, types.MemberDescriptorType)


class Super:
    """``super(after, instance)``."""

    __slots__ = ("after", "instance")

    def __init__(self, after: type, instance: Any):
        self.after = after
        self.instance = instance


class PropertyRead(Exception):
    """The attribute is a property: its function has to be inlined."""

    def __init__(self, getter: Any):
        super().__init__()
        self.getter = getter


class Objects(Changes):
    """The part of the lowering that knows attributes."""

    python_type: Callable[[Any], type]
    method_of_namedtuple: Callable[[type, Any, str], Any]

    # Reading attributes -------------------------------------------------------------------------

    def attribute(self, owner: Any, name: str) -> Any:
        """``owner.name`` of a Ref or an Instance. Raises PropertyRead where it is a property."""
        if isinstance(owner, Instance):
            return self._attribute_of_instance(owner, name)
        obj, path = owner.value, owner.path
        if isinstance(obj, types.ModuleType):
            variables = self.variables_of(obj)
            if self.effects.content(variables) is not None and self.has_key(variables, name):
                return self.item(variables, name)
            return self.read(getattr(obj, name), path.attribute(name))
        if isinstance(obj, type) and self._is_written_in_class(obj, name):
            return self._written_in_class(obj, name)
        if isinstance(obj, (type, Op, Function)):
            return self.read(getattr(obj, name), path.attribute(name))
        kind = type(obj)
        if has_method(obj, name):
            return ContainerMethod(owner, name)
        if isinstance(obj, tuple) and name in getattr(kind, "_fields", ()):
            return self.item(owner, kind._fields.index(name))  # type: ignore[attr-defined]
        known = self.method_of_namedtuple(kind, owner, name) if isinstance(obj, tuple) else None
        if known is not None:
            return known
        written = self.effects.written_attributes(owner)
        if name in written:
            return self._written(written[name], owner, path.attribute(name), name)
        if name == "__dict__" and written:
            raise UnsupportedError(f"{path}.__dict__ is read after {path} was changed")
        if self._is_written_in_class(kind, name):
            is_own = name in getattr(obj, "__dict__", ())
            if hasattr(obj, "__dict__"):
                self.guards.add(path.attribute("__dict__"), "present" if is_own else "absent", name)
            if not is_own:
                return self._written_in_class(kind, name)
        self._check_readable(kind, name, f"{path}.{name}", obj)
        found = class_attribute(kind, name)
        if isinstance(found, property):
            self.guards.add(self.guards.lookup(kind, name), "identity", found)
            raise PropertyRead(found.fget)
        if isinstance(found, functools.cached_property) and name not in vars(obj):
            self.guards.add(path.attribute("__dict__"), "absent", name)
            raise UnsupportedError(f"{path}.{name} is computed when it is read for the first time")
        value = getattr(obj, name)
        if isinstance(found, types.FunctionType) and isinstance(value, types.MethodType):
            self.guards.add(path.attribute(name).attribute("__func__"), "identity", value.__func__)
            return BoundMethod(value.__func__, owner)
        self.effects.see(owner)
        return self.read(value, path.attribute(name))

    def _written(self, value: Any, owner: Any, path: Any, name: str) -> Any:
        if isinstance(value, Changed):
            raise ReadRequest(value.path)
        if value is REMOVED:
            if class_attribute(type(owner.value), name) is not None:
                raise UnsupportedError(f"{path} is read after it was deleted")
            raise AttributeError(name)
        return value

    def _attribute_of_instance(self, owner: Instance, name: str) -> Any:
        kind, what = owner.kind, f"{name} of a {owner.kind.__name__}"
        self._check_readable(kind, name, what, owner)
        found = class_attribute(kind, name)
        if isinstance(found, property):
            self.guards.add(self.guards.lookup(kind, name), "identity", found)
            raise PropertyRead(found.fget)
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__class__":
            return self.reference(kind)
        if self._is_written_in_class(kind, name):
            return self._written_in_class(kind, name)
        if found is None or isinstance(found, types.MemberDescriptorType):
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        if isinstance(found, functools.cached_property) or name.startswith("__"):
            raise UnsupportedError(f"{what} is computed when it is read")
        if isinstance(found, types.FunctionType):
            self.guards.add(self.guards.lookup(kind, name), "identity", found)
            return BoundMethod(found, owner)
        return self.attribute(self.reference(kind), name)

    def _check_readable(self, kind: type, name: str, what: str, obj: Any) -> None:
        """Raise UnsupportedError where reading an attribute would run code of the class."""
        found = class_attribute(kind, name)
        held = obj.attributes if isinstance(obj, Instance) else getattr(obj, "__dict__", ())
        has_hook = isinstance(class_attribute(kind, "__getattribute__"), types.FunctionType) or (
            found is None and hasattr(kind, "__getattr__") and name not in held
        )
        is_computed = name != "__class__" and (
            hasattr(type(found), "__set__")
            or isinstance(class_attribute(type(found), "__get__"), types.FunctionType)
        )
        is_known = (
            isinstance(found, _READABLE)
            or hasattr(type(found), "__minpy_lower__")
            or (kind is types.FunctionType and name in _OF_FUNCTIONS)
        )
        if has_hook or (is_computed and not is_known):
            raise UnsupportedError(f"{what} is computed by {kind.__name__}")

    def has_attribute(self, owner: Any, name: str) -> bool:
        """``hasattr(owner, name)``."""
        if isinstance(owner, Instance):
            held = name in owner.attributes or self._is_written_in_class(owner.kind, name)
            return held or hasattr(owner.kind, name)
        if isinstance(owner.value, types.ModuleType):
            variables = self.variables_of(owner.value)
            if self.effects.content(variables) is not None:
                return self.has_key(variables, name)
        written = self.effects.written_attributes(owner).get(name)
        kind = owner.value if isinstance(owner.value, type) else type(owner.value)
        if self._is_written_in_class(kind, name) or (written is not None and written is not REMOVED):
            return True
        if not isinstance(owner.value, (types.ModuleType, type)):
            kind, what = type(owner.value), f"{owner.path}.{name}"
            self._check_readable(kind, name, what, owner.value)
            found = class_attribute(kind, name)
            if isinstance(found, (property, functools.cached_property)):
                raise UnsupportedError(f"{what} is computed when it is read")
            if written is REMOVED:
                return found is not None
            self.effects.see(owner)
        is_there = hasattr(owner.value, name)
        self.guards.add(owner.path, "has" if is_there else "lacks", name)
        return is_there

    def inherited(self, found: Super, name: str) -> Any:
        """``super().name``."""
        instance = found.instance
        obj = None if isinstance(instance, Instance) else instance.value
        kind = (
            instance.kind if isinstance(instance, Instance) else obj if isinstance(obj, type) else type(obj)
        )
        if found.after not in kind.__mro__:
            raise UnsupportedError(f"super().{name} of a metaclass is read")
        if self._is_written_in_class(kind, name):
            raise UnsupportedError(f"super().{name} is read after it was changed")
        value, path = class_attribute(kind, name, found.after), self.guards.lookup(kind, name, found.after)
        if isinstance(value, (types.FunctionType, classmethod, staticmethod, property)):
            self.guards.add(path, "identity", value)
        if isinstance(value, property):
            raise PropertyRead(value.fget)
        if isinstance(value, classmethod):
            return BoundMethod(value.__func__, self.reference(kind))
        if isinstance(value, staticmethod):
            return self.reference(value.__func__)
        if isinstance(value, types.FunctionType) and obj is not kind:
            return BoundMethod(value, instance)
        if value is None or hasattr(value, "__get__"):
            raise UnsupportedError(f"super().{name} is computed by {kind.__name__}")
        return self.read(value, path)

    # Writing attributes -------------------------------------------------------------------------

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """``owner.name = value``."""
        setter = self._slot(owner, name)
        if setter is not None:
            if setter.fset is None:
                raise AttributeError(f"can't set attribute {name!r}")
            self.call(self.reference(setter.fset), [owner, value], {})
        elif isinstance(owner, Instance):
            owner.attributes[name] = value
        elif isinstance(owner.value, types.ModuleType):
            self.set_item(self.variables_of(owner.value), name, value)
        else:
            if isinstance(owner.value, type) and hasattr(self.python_type(value), "__get__"):
                raise UnsupportedError(f"{owner.path}.{name} becomes a method, an attribute of a class")
            self.note(Effect.SET_ATTRIBUTE, owner, name, value)
            self.effects.attributes(owner)[name] = value

    def delete_attribute(self, owner: Any, name: str) -> None:
        """``del owner.name``."""
        if isinstance(owner, Ref) and isinstance(owner.value, (types.ModuleType, type)):
            raise UnsupportedError(f"{owner.path}.{name} is deleted, an attribute of a module or class")
        if self._slot(owner, name) is not None:
            raise UnsupportedError(f"{name}, a property, is deleted")
        if isinstance(owner, Instance):
            if name not in owner.attributes:
                raise AttributeError(name)
            del owner.attributes[name]
            return
        written = self.effects.written_attributes(owner).get(name)
        if written is None and name in getattr(owner.value, "__dict__", ()):
            self.guards.add(owner.path.attribute("__dict__"), "present", name)
        elif written is None or written is REMOVED:
            raise UnsupportedError(f"{owner.path}.{name}, which is no attribute of its own, is deleted")
        self.note(Effect.DELETE_ATTRIBUTE, owner, name)
        self.effects.attributes(owner)[name] = REMOVED

    def _slot(self, owner: Any, name: str) -> property | None:
        """Check that an attribute is one that can simply be stored, or give the property that it is.

        Raises:
            UnsupportedError: where the class decides what happens.
            AttributeError: where there is no such slot.
        """
        if isinstance(owner, Instance):
            kind, what = owner.kind, f"{name} of a {owner.kind.__name__}"
        elif isinstance(owner, Ref):
            kind, what = type(owner.value), f"{owner.path}.{name}"
        else:
            raise UnsupportedError(f"an attribute of a {type(owner).__name__} is written")
        if kind is types.ModuleType:
            return None
        if issubclass(kind, type):
            self._check_slot_of_class(owner.value, name, what)
            return None
        if kind.__setattr__ not in _PLAIN_SET or kind.__delattr__ not in _PLAIN_DELETE:
            raise UnsupportedError(f"{what} is written, and {kind.__name__} has its own __setattr__")
        found = class_attribute(kind, name)
        if isinstance(found, property):
            self.guards.add(self.guards.lookup(kind, name), "identity", found)
            return found
        if found is not None:
            self.guards.add(self.guards.lookup(kind, name), "type", type(found))
        if not isinstance(found, types.MemberDescriptorType):
            if hasattr(type(found), "__set__") or name in ("__dict__", "__class__"):
                raise UnsupportedError(f"{what} is set by {kind.__name__}")
            if not kind.__dictoffset__:
                raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        return None

    # Modules and classes ------------------------------------------------------------------------

    def variables_of(self, module: types.ModuleType) -> Ref:
        """The variables of a module, which functions in it know as global ones."""
        return Ref(vars(module), self.guards.fixed_path(vars(module), module.__name__))

    def _check_slot_of_class(self, owner: type, name: str, what: str) -> None:
        """Raise UnsupportedError where an attribute of a class cannot simply be stored."""
        kind, found = type(owner), class_attribute(owner, name)
        is_plain = kind.__setattr__ is type.__setattr__ and class_attribute(kind, name) is None
        is_plain = is_plain and bool(owner.__flags__ & HEAP_TYPE)
        if not is_plain or name.startswith("__") or hasattr(type(found), "__get__"):
            raise UnsupportedError(f"{what} is written, which decides how a class works")
        self.guards.add(self.guards.lookup(owner, name), "type", type(found))

    def _is_written_in_class(self, kind: type, name: str) -> bool:
        """Whether the region wrote what an attribute of a class, or of an object of the class, is."""
        return any(name in found for found, _ in self._along_bases(kind, name))

    def _written_in_class(self, kind: type, name: str) -> Any:
        found, base = next(pair for pair in self._along_bases(kind, name) if name in pair[0])
        return self._written(found[name], self.reference(base), self.reference(base).path, name)

    def _along_bases(self, kind: type, name: str) -> Iterator[tuple[dict[str, Any], type]]:
        """What was written to a class and those bases of it whose attribute would be found."""
        for base in kind.__mro__:
            yield self.effects.written_attributes_of(base), base
            if name in base.__dict__:
                return

    # Numbers that count ---------------------------------------------------------------------------

    def counter(self, owner: Any, slot: Any, is_item: bool) -> bool:
        """Whether there is an int in a slot from outside that need not be read to be changed.

        It is another one at the next call, and reading it would make it a constant of the compiled code.
        """
        if not isinstance(owner, Ref) or isinstance(slot, Deferred):
            return False
        if is_item and type(owner.value) not in (dict, list):
            return False
        path = owner.path.item(slot) if is_item else owner.path.attribute(slot)
        if path in self.counted or path.root in self.chosen or self._is_pinned(path):
            return False
        content: Any = self.effects.content(owner) if is_item else self.effects.written_attributes(owner)
        try:
            if content is not None and slot in content:
                return isinstance(content[slot], Changed)
            value = owner.value[slot] if is_item else vars(owner.value)[slot]
        except (LookupError, TypeError):
            return False
        if type(value) is not int or (not is_item and self._slot(owner, slot) is not None):
            return False
        self.guards.add(path, "type", int)
        return True

    def count(self, owner: Ref, slot: Any, is_item: bool, symbol: str, value: int) -> None:
        """Change such an int: ``owner.slot += value``, or by another operator."""
        if is_item:
            slot = self.slot_of(owner, slot, "__setitem__", SET_ITEM)
            self.content_of(owner)[slot] = Changed(owner.path.item(slot))
            self.note(Effect.CHANGE_ITEM, owner, slot, symbol, value)
        else:
            self.note(Effect.CHANGE_ATTRIBUTE, owner, slot, symbol, value)
            self.effects.attributes(owner)[slot] = Changed(owner.path.attribute(slot))
