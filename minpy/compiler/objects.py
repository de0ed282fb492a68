"""Reading attributes and special methods of objects from outside, by Python's rules."""

from __future__ import annotations

import functools
import types
from typing import Any

from minpy.compiler.guards import class_attribute
from minpy.compiler.reads import BoundMethod, ContainerMethod, Reads, Ref
from minpy.errors import UnsupportedError

_READABLE = (property, functools.cached_property, types.MemberDescriptorType)
_CONTAINER_METHODS = frozenset(("items", "keys", "values", "get"))


class Super:
    """``super(after, instance)``."""

    __slots__ = ("after", "instance")

    def __init__(self, after: type, instance: Ref):
        self.after = after
        self.instance = instance


class PropertyRead(Exception):
    """The attribute is a property: its function has to be inlined."""

    def __init__(self, getter: Any):
        super().__init__()
        self.getter = getter


class Objects(Reads):
    """The part of the lowering that reads what classes define."""

    def attribute(self, ref: Ref, name: str) -> Any:
        """``ref.name``."""
        obj, path = ref.value, ref.path
        if isinstance(obj, (types.ModuleType, type)):
            return self.read(getattr(obj, name), path.attribute(name))
        kind = type(obj)
        if isinstance(obj, (dict, list, tuple)) and name in _CONTAINER_METHODS:
            return ContainerMethod(ref, name)
        self._check_readable(ref, name)
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
            return BoundMethod(value.__func__, ref)
        return self.read(value, path.attribute(name))

    def _check_readable(self, ref: Ref, name: str) -> None:
        """Raise UnsupportedError where reading an attribute would run code of the class."""
        kind = type(ref.value)
        found = class_attribute(kind, name)
        has_hook = isinstance(class_attribute(kind, "__getattribute__"), types.FunctionType) or (
            found is None and hasattr(kind, "__getattr__") and name not in getattr(ref.value, "__dict__", ())
        )
        is_computed = name != "__class__" and (
            hasattr(type(found), "__set__")
            or isinstance(class_attribute(type(found), "__get__"), types.FunctionType)
        )
        is_known = isinstance(found, _READABLE) or hasattr(type(found), "__minpy_lower__")
        if has_hook or (is_computed and not is_known):
            raise UnsupportedError(f"{ref.path}.{name} is computed by {kind.__name__}")

    def has_attribute(self, ref: Ref, name: str) -> bool:
        """``hasattr(ref, name)``."""
        if not isinstance(ref.value, (types.ModuleType, type)):
            self._check_readable(ref, name)
            if isinstance(class_attribute(type(ref.value), name), (property, functools.cached_property)):
                raise UnsupportedError(f"{ref.path}.{name} is computed when it is read")
        found = hasattr(ref.value, name)
        self.guards.add(ref.path, "has" if found else "lacks", name)
        return found

    def inherited(self, found: Super, name: str) -> Any:
        """``super().name``."""
        instance, obj = found.instance, found.instance.value
        kind = obj if isinstance(obj, type) else type(obj)
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

    def python_method(self, ref: Ref, name: str) -> BoundMethod | None:
        """A special method such as ``__len__``, if the class of an object has it in Python."""
        function = class_attribute(type(ref.value), name)
        if not isinstance(function, types.FunctionType):
            return None
        self.guards.add(self.guards.lookup(type(ref.value), name), "identity", function)
        return BoundMethod(function, ref)
