"""Lowering of what changes variables and objects: assignment, in-place operators, ``del``."""

from __future__ import annotations

import collections
import operator
import types
from collections.abc import Sequence
from typing import Any, Callable

import gast

from minpy.compiler.lowering.control import Control
from minpy.compiler.lowering.effects import Effect
from minpy.compiler.lowering.expressions import BINARY
from minpy.compiler.lowering.frames import Frame
from minpy.compiler.lowering.reads import Ref, unref
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
#: operators on ints that never fail
_COUNTING = {gast.Add: "+", gast.Sub: "-", gast.Mult: "*"}


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
        target = node.target
        if isinstance(target, gast.Name) and target.id in self.frame.source.global_names:
            self._change_slot(node, self._globals(self.frame), target.id, True)
        elif isinstance(target, gast.Name):
            old = self.load(target.id)
            self.store(target.id, self.change(node.op, old, self.evaluate(node.value)))
        elif isinstance(target, gast.Attribute):
            owner = self.evaluate(target.value)
            if isinstance(unref(owner), types.ModuleType):
                self._change_slot(node, self.variables_of(owner.value), target.attr, True)
            else:
                self._change_slot(node, owner, target.attr, False)
        else:
            container, key = self.evaluate(target.value), self.evaluate(target.slice)
            if isinstance(container, Tracer) and _is_open_mask(key):
                container.update_where(key, BINARY[type(node.op)], self.plain(self.evaluate(node.value)))
            else:
                self._change_slot(node, container, key, True)

    def _change_slot(self, node: Any, owner: Any, slot: Any, is_item: bool) -> None:
        """``owner[slot] += value``, or ``owner.slot += value``."""
        if type(node.op) in _COUNTING and self.counter(owner, slot, is_item):
            effects = len(self.effects.log)
            new = self.evaluate(node.value)
            if len(self.effects.log) != effects:
                raise UnsupportedError("what is added changes an object at the same time")
            if type(new) is int:
                self.count(owner, slot, is_item, _COUNTING[type(node.op)], new)
                return
            old = self.get_item(owner, slot) if is_item else self.get_attribute(owner, slot)
        else:
            old = self.get_item(owner, slot) if is_item else self.get_attribute(owner, slot)
            new = self.evaluate(node.value)
        new = self.change(node.op, old, new)
        if is_item and not (new is old and _shows(old, owner)):
            self.set_item(owner, slot, new)
        elif not is_item:
            self.set_attribute(owner, slot, new)

    def change(self, op: Any, old: Any, new: Any) -> Any:
        """``old op= new``; what comes out is the same object where Python changes it."""
        method = self._updating(op, old, new)
        if method:
            self.call(self.get_attribute(old, method), [new], {})
            return old
        if isinstance(old, Ref) and isinstance(old.value, (list, dict, set, collections.deque)):
            raise UnsupportedError(f"{old} is updated in place")
        if type(old) is list and isinstance(op, gast.Add):
            old.extend(self.iterate(new))
            return old
        return self.binary(_IN_PLACE[type(op)], old, new)

    def _updating(self, op: Any, old: Any, new: Any) -> str:
        """The method of a container from outside that does what an in-place operator does; empty for none."""
        kind = type(old.value) if isinstance(old, Ref) else None
        if isinstance(op, gast.Add) and kind in (list, collections.deque):
            return "extend"
        if isinstance(op, gast.BitOr):
            is_set = isinstance(unref(new), (set, frozenset))
            return "update" if kind is dict or (kind is set and is_set) else ""
        return ""

    def assign(self, target: Any, value: Any) -> None:
        """``target = value``."""
        if isinstance(target, gast.Name):
            self.store(target.id, value)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self._unpack(target.elts, list(self.iterate(value)))
        elif isinstance(target, gast.Subscript):
            self.set_item(self.evaluate(target.value), self.evaluate(target.slice), value)
        else:
            self.set_attribute(self.evaluate(target.value), target.attr, value)

    def _globals(self, frame: Frame) -> Ref:
        """The global variables of the code in a frame."""
        names = frame.global_names
        return Ref(names, self.guards.fixed_path(names, "globals()"))

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
        frame = frame or self.frame
        owner = frame.owner(name)
        if owner is None and name in frame.source.global_names:
            self.set_item(self._globals(frame), name, value)
            return
        if owner is None:
            self._set_cell(name, value)
            return
        owner.variables[name] = value
        if owner is self.root and name in self.shared:
            self.shared_stores.setdefault(name, self.trace.step)
        if isinstance(value, Tracer):
            value.suggest_name(name)

    def _set_cell(self, name: str, value: Any) -> None:
        """Bind a variable of a function around the one that is jitted, or around one that it calls."""
        cell = self.cell(name)
        if cell is None or self.frame.home.path is not None:  # it belongs to the jitted function itself
            raise UnsupportedError(f"{name}, a nonlocal variable, is assigned")
        self.note(Effect.SET_ATTRIBUTE, cell, "cell_contents", value)
        self.effects.attributes(cell)["cell_contents"] = value

    def _Delete_statement(self, node: Any) -> None:
        for target in node.targets:
            self._delete(target)

    def _delete(self, target: Any) -> None:
        if isinstance(target, gast.Subscript):
            self.delete_item(self.evaluate(target.value), self.evaluate(target.slice))
        elif isinstance(target, gast.Attribute):
            self.delete_attribute(self.evaluate(target.value), target.attr)
        elif isinstance(target, (gast.Tuple, gast.List)):
            for element in target.elts:
                self._delete(element)
        else:
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
