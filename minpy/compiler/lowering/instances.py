"""Lowering of calls of classes: namedtuples, dataclasses, and classes whose ``__init__`` is Python."""

from __future__ import annotations

import dataclasses
import types
from typing import Any

from minpy.compiler.guards import class_attribute
from minpy.compiler.lowering.containers import Instance
from minpy.compiler.lowering.copies import Copies
from minpy.compiler.lowering.frames import BoundMethod
from minpy.compiler.lowering.objects import HEAP_TYPE
from minpy.compiler.lowering.operators import Made
from minpy.compiler.lowering.reads import Ref
from minpy.errors import UnsupportedError


def can_be_made(kind: type) -> bool:
    """Whether it is known what a call of a class does."""
    if is_namedtuple(kind):
        return True
    init = class_attribute(kind, "__init__")
    return (
        type(kind).__call__ is type.__call__
        and (kind.__new__ is object.__new__ or kind is types.SimpleNamespace)
        and (isinstance(init, types.FunctionType) or init is object.__init__ or kind is types.SimpleNamespace)
        and bool(kind.__flags__ & HEAP_TYPE or kind is types.SimpleNamespace)
        and not hasattr(kind, "__del__")
    )


def is_namedtuple(kind: type) -> bool:
    """Whether a class is one of ``collections.namedtuple``, with nothing of its own in between."""
    new = kind.__dict__.get("__new__") if issubclass(kind, tuple) and hasattr(kind, "_fields") else None
    return isinstance(new, staticmethod) and new.__func__.__globals__["__name__"].startswith("namedtuple_")


class Construction(Copies):
    """The part of the lowering that makes instances of classes."""

    def construct(self, ref: Ref, args: list, kwargs: dict[str, Any]) -> Any:
        """``kind(*args, **kwargs)`` for a class that ``can_be_made``."""
        kind: Any = ref.value
        if is_namedtuple(kind):
            return self._namedtuple(ref, args, kwargs)
        init = class_attribute(kind, "__init__")
        self.guards.add(self.guards.lookup(kind, "__init__"), "identity", init)
        if getattr(kind, "__abstractmethods__", ()):
            raise TypeError(f"Can't instantiate abstract class {kind.__name__}")
        made = Instance(kind)
        if kind is types.SimpleNamespace and not args:
            made.attributes.update(kwargs)
        elif _is_generated(kind, init):
            self._fill_fields(made, ref, args, kwargs)
        elif isinstance(init, types.FunctionType):
            self.call(BoundMethod(init, made), args, kwargs)
        elif args or kwargs:
            raise TypeError(f"{kind.__name__}() takes no arguments")
        return made

    def _fill_fields(self, made: Instance, ref: Ref, args: list, kwargs: dict[str, Any]) -> None:
        """What the ``__init__`` does that ``dataclass`` writes."""
        kind: Any = ref.value
        fields = {name: f for name, f in kind.__dataclass_fields__.items() if f._field_type is not _CLASS_VAR}
        if any(field._field_type is _INIT_VAR for field in fields.values()):
            raise UnsupportedError(f"{kind.__name__} has fields that are only for its __init__")
        taken = [
            name for name, field in fields.items() if field.init and not getattr(field, "kw_only", False)
        ]
        if len(args) > len(taken):
            raise TypeError(f"{kind.__name__}() takes {len(taken)} positional arguments")
        given = dict(zip(taken, args))
        for name, value in kwargs.items():
            if name in given or name not in fields or not fields[name].init:
                raise TypeError(f"{kind.__name__}() got an unexpected argument {name!r}")
            given[name] = value
        path = ref.path.attribute("__dataclass_fields__")
        for name, field in fields.items():
            if name in given:
                made.attributes[name] = given[name]
            elif field.default_factory is not dataclasses.MISSING:
                factory = self.read(field.default_factory, path.item(name).attribute("default_factory"))
                made.attributes[name] = self.call(factory, [], {})
            elif field.default is not dataclasses.MISSING:
                made.attributes[name] = self.read(field.default, path.item(name).attribute("default"))
            elif field.init:
                raise TypeError(f"{kind.__name__}() missing argument {name!r}")
        after = self.python_method(made, "__post_init__")
        if after is not None:
            self.call(after, [], {})

    def _namedtuple(self, ref: Ref, args: list, kwargs: dict[str, Any]) -> Any:
        kind: Any = ref.value
        given = dict(zip(kind._fields, args))
        path = ref.path.attribute("_field_defaults")
        for name, value in kind._field_defaults.items():
            if name not in given and name not in kwargs:
                kwargs = {**kwargs, name: self.read(value, path.item(name))}
        return kind(*args, **kwargs)

    def method_of_namedtuple(self, kind: Any, value: Any, name: str) -> Made | None:
        """The methods that every namedtuple has; ``value`` is one, or a Ref to one."""
        if not is_namedtuple(kind):
            return None
        if name == "_replace":
            return Made(lambda **changes: kind(**{**dict(zip(kind._fields, self.iterate(value))), **changes}))
        if name == "_asdict":
            return Made(lambda: dict(zip(kind._fields, self.iterate(value))))
        return None

    def attribute_of_namedtuple(self, value: Any, name: str) -> Any:
        """``value.name`` for a namedtuple that the region made."""
        kind: Any = type(value)
        if name in kind._fields:
            return getattr(value, name)
        known = self.method_of_namedtuple(kind, value, name)
        if known is not None:
            return known
        found = class_attribute(kind, name)
        self.guards.add(self.guards.lookup(kind, name), "identity", found)
        if isinstance(found, property):
            return self.call(self.reference(found.fget), [value], {})
        if isinstance(found, types.FunctionType):
            return BoundMethod(found, value)
        return self.attribute(self.reference(kind), name)


_CLASS_VAR = dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]
_INIT_VAR = dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]


def _is_generated(kind: Any, init: Any) -> bool:
    """Whether ``__init__`` was written by ``dataclass``."""
    return (
        "__dataclass_params__" in kind.__dict__
        and kind.__dataclass_params__.init
        and kind.__dict__.get("__init__") is init
        and init.__code__.co_filename == "<string>"
    )
