"""Lowering of what changes variables and objects: assignment, in-place operators, ``del``."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Callable

import gast

from minpy.compiler.control import Control
from minpy.compiler.expressions import BINARY
from minpy.compiler.frames import Frame
from minpy.compiler.reads import Ref
from minpy.compiler.tracer import Tracer
from minpy.errors import UnsupportedError

_IN_PLACE: dict[Any, Callable] = {
    gast.Add: operator.iadd,
    gast.Sub: operator.isub,
    gast.Mult: operator.imul,
    gast.Div: operator.itruediv,
    gast.FloorDiv: operator.ifloordiv,
    gast.Mod: operator.imod,
    gast.Pow: operator.ipow,
    gast.MatMult: operator.imatmul,
    gast.BitAnd: operator.iand,
    gast.BitOr: operator.ior,
    gast.BitXor: operator.ixor,
    gast.LShift: operator.ilshift,
    gast.RShift: operator.irshift,
}


class Writes(Control):
    """The part of the lowering that writes; ``Lowering`` gives the rest."""

    root: Frame
    shared: frozenset[str]
    shared_stores: dict[str, Any]

    def _Assign_statement(self, node: Any) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _AnnAssign_statement(self, node: Any) -> None:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value))

    def _AugAssign_statement(self, node: Any) -> None:
        operation = _IN_PLACE[type(node.op)]
        target = node.target
        if isinstance(target, gast.Name):
            self.store(target.id, self.change(operation, self.load(target.id), self.evaluate(node.value)))
        elif isinstance(target, gast.Subscript):
            container, key = self.evaluate(target.value), self.evaluate(target.slice)
            if isinstance(container, Tracer) and _is_open_mask(key):
                container.update_where(key, BINARY[type(node.op)], self.plain(self.evaluate(node.value)))
                return
            old = self.get_item(container, key)
            new = self.change(operation, old, self.evaluate(node.value))
            if not (new is old and _shows(old, container)):
                self.set_item(container, key, new)
        else:
            raise UnsupportedError("an attribute is updated in place")

    def change(self, operation: Callable, old: Any, new: Any) -> Any:
        """``old operation= new``; what comes out is the same object where Python changes it."""
        if isinstance(old, Ref):
            raise UnsupportedError("a container is changed in place")
        return self.binary(operation, old, new)

    def assign(self, target: Any, value: Any) -> None:
        """``target = value``."""
        if isinstance(target, gast.Name):
            self.store(target.id, value)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self._unpack(target.elts, list(self.iterate(value)))
        elif isinstance(target, gast.Subscript):
            self.set_item(self.evaluate(target.value), self.evaluate(target.slice), value)
        else:
            raise UnsupportedError("an attribute of an object is written")

    def set_item(self, container: Any, key: Any, value: Any) -> None:
        """``container[key] = value``."""
        if isinstance(container, Tracer):
            container[self.plain(key)] = self.plain(value)
        elif type(container) in (list, dict) and not isinstance(key, (Tracer, Ref)):
            container[key] = value  # made by the region, so nobody else sees it
        else:
            raise UnsupportedError("an object from outside is changed")

    def _unpack(self, targets: Sequence[Any], values: list) -> None:
        starred = [i for i, target in enumerate(targets) if isinstance(target, gast.Starred)]
        if starred:
            at, after = starred[0], len(targets) - starred[0] - 1
            if len(values) < len(targets) - 1:
                raise ValueError("not enough values to unpack")
            middle = values[at : len(values) - after]
            targets = [*targets[:at], targets[at].value, *targets[at + 1 :]]
            values = [*values[:at], middle, *values[len(values) - after :]]
        if len(values) != len(targets):
            raise ValueError(f"expected {len(targets)} values to unpack, got {len(values)}")
        for target, value in zip(targets, values):
            self.assign(target, value)

    def store(self, name: str, value: Any, frame: Frame | None = None) -> None:  # type: ignore[override]
        """Bind a variable of a frame; the innermost one, if none is given."""
        owner = (frame or self.frame).owner(name)
        if owner is None:
            raise UnsupportedError(f"{name}, a global or nonlocal variable, is assigned")
        owner.variables[name] = value
        if owner is self.root and name in self.shared:
            self.shared_stores.setdefault(name, self.trace.step)
        if isinstance(value, Tracer):
            value.suggest_name(name)

    def _Delete_statement(self, node: Any) -> None:
        for target in node.targets:
            if not isinstance(target, gast.Name):
                raise UnsupportedError("an element or attribute is deleted")
            self.load(target.id)
            self.frame.variables.pop(target.id, None)


def _is_open_mask(key: Any) -> bool:
    """Whether a key is a mask that is known at run time only."""
    return isinstance(key, Tracer) and key.dtype.kind == "b" and key.ndim > 0 and key.known is None


def _shows(view: Any, container: Any) -> bool:
    """Whether an array is a view of another one, so that what is written to it is there already."""
    while isinstance(view, Tracer) and view.is_view:
        view = view.base
        if view is container:
            return True
    return False
