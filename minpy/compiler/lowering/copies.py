"""Lowering of what copies values: ``copy.copy``, ``copy.deepcopy``, ``dataclasses.replace``."""

from __future__ import annotations

from typing import Any

from minpy.compiler.lowering.library import Library
from minpy.compiler.lowering.reads import Ref, is_plain, unref
from minpy.compiler.paths import Path
from minpy.compiler.tracer import NDARRAY, SCALAR, Tracer
from minpy.errors import UnsupportedError


class Copies(Library):
    """The part of the lowering that copies."""

    def copied(self, x: Any) -> Any:
        """``copy.copy(x)``."""
        if isinstance(x, Tracer):
            return self._copied_array(x)
        kind = type(unref(x))
        if kind is tuple:
            return x
        if kind in (list, set):
            return kind(self.iterate(x))
        return dict(self.mapping(x)) if kind is dict else self._as_it_is(x)

    def deeply_copied(self, x: Any) -> Any:
        """``copy.deepcopy(x)``: what is one object in there is one object in the copy."""
        made: dict[int, Any] = {}
        paths: dict[int, dict[Path, None]] = {}  # to objects from outside
        kept: list[Any] = []  # so that no identity is taken twice

        def copied(x: Any) -> Any:
            name = id(x)
            origin = getattr(x, "origin", None)
            if origin is not None or isinstance(x, Ref):
                path, held = (x.path, x.value) if origin is None else origin[:2]
                name = id(held)
                paths.setdefault(name, {})[path] = None
            if name in made:
                return made[name]
            kept.append(x)
            kind = type(unref(x))
            if isinstance(x, Tracer):
                made[name] = self._copied_array(x)
            elif kind is list:
                made[name] = []
                made[name].extend(map(copied, self.iterate(x)))
            elif kind is dict:
                made[name] = {}
                made[name].update((key, copied(value)) for key, value in self.mapping(x).items())
            elif kind is tuple:
                made[name] = tuple(map(copied, self.iterate(x)))
            else:
                made[name] = self._as_it_is(x)
            return made[name]

        result = copied(x)
        self.guards.tell_apart(list(map(list, paths.values())))
        return result

    def _copied_array(self, x: Tracer) -> Any:
        if x.kind == SCALAR and x.dtype.kind != "b":
            return x.snapshot()  # another object
        if x.is_number or x.kind == SCALAR:
            return x
        if x.kind == NDARRAY and not x.ordered:
            raise UnsupportedError("a copy keeps the order in memory, which is not that of its rows")
        return x.copy()

    def _as_it_is(self, x: Any) -> Any:
        """A value that nobody can change, and so nobody copies."""
        if is_plain(unref(x)) or type(x) is float or (isinstance(x, Ref) and self.is_constant(x)):
            return x
        raise UnsupportedError(f"a copy of an object is made, of a {self.python_type(x).__name__}")

    def replaced(self, record: Any, **changes: Any) -> Any:
        """``dataclasses.replace(record, **changes)``."""
        kind: Any = self.python_type(record)
        fields = getattr(kind, "__dataclass_fields__", {})
        if not fields or any(not field.init for field in fields.values()):
            raise UnsupportedError(
                f"fields of a {kind.__name__} are replaced that its __init__ does not take"
            )
        missing = {name: self.get_attribute(record, name) for name in fields if name not in changes}
        return self.call(self.reference(kind), [], {**missing, **changes})
