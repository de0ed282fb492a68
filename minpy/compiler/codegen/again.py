"""Which values are computed again where they are taken, rather than stored and read.

Those that few operations make of what lies in memory, if that reads no more bytes. And those that are taken
in one place only: they move there, since what nothing in a nest needs is left out of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from minpy.compiler.codegen.group import Group, groups_of
from minpy.compiler.codegen.nest import Constant
from minpy.compiler.codegen.statements import Count, Join, Map, Operand, Root
from minpy.compiler.codegen.views import View, through
from minpy.ops.aval import product
from minpy.ops.kernels import is_function

#: ops that a value may take to be computed again
_FEW_OPS = 4
#: and a value that is taken in one place only
_MOST_MOVED = 24


class Again:
    """Knows how often the values of a body are taken."""

    def __init__(self, roots: Iterable[Root]):
        self._uses = Counter(x.root for root in roots for x in _operands(root.by) if isinstance(x, View))
        self._sources: dict[View, list[Root] | None] = {}

    def forget(self) -> None:
        """A value is to be stored that was not before, so other values are computed again from now on."""
        self._sources.clear()

    def sources(self, x: View) -> list[Root] | None:
        """What is read for a value to be computed again where it is taken; None if that is too much.

        That is for few operations; or if nothing else takes the value, so that it is only computed elsewhere.
        """
        if x not in self._sources:
            self._sources[x] = self._found_sources(x)
        return self._sources[x]

    def _found_sources(self, x: View) -> list[Root] | None:
        if not isinstance(x.root.by, Map) or (x.root.homes and is_function(x.root.by.op)):
            return None
        found: list[Root] = []
        count = moved = 0
        waiting, seen = [x], set()
        while waiting:
            view = waiting.pop()
            if view in seen:
                continue
            seen.add(view)
            by = view.root.by
            assert isinstance(by, Map)
            moved += 1
            if moved > _MOST_MOVED:
                return None
            if not self.is_alone(view):
                count += 1
                if count > _FEW_OPS or is_function(by.op):
                    return None
            for operand in by.operands:
                if isinstance(operand, View):
                    if self.is_between(operand):
                        waiting.append(operand)
                    elif operand.root not in found and not isinstance(operand.root.by, Count):
                        found.append(operand.root)
            if by.table is not None:
                found.append(by.table.root)
        return found

    def is_alone(self, x: View) -> bool:
        """Whether a value is taken in one place only, and there each element once."""
        root = x.root
        if self._uses[root] != 1 or root.homes:
            return False
        return x.shape == root.shape or product(x.shape) <= product(root.shape)

    def is_between(self, x: Operand) -> bool:
        """Whether it is a value that is computed again together with what takes it."""
        if isinstance(x, Constant) or not isinstance(x.root.by, Map) or x.root.homes:
            return False
        return not is_function(x.root.by.op) or self.is_alone(x)

    def is_worth(self, group: Group, x: View) -> bool:
        """Whether computing a value again reads no more than reading it does."""
        sources = self.sources(x)
        if sources is None or not self._can_move(x):
            return False
        own = groups_of(x.root)
        if any(group in groups_of(root) for root in sources):
            return False
        if self.is_alone(x):
            return True
        most = 0 if x.root.homes and group not in own else x.root.bytes
        return sum(root.bytes for root in sources if root not in group.reads) <= most

    def _can_move(self, x: View) -> bool:
        """Whether what a value is computed from can be seen through a view of it."""
        by = x.root.by
        if by.table is not None and table_through(x) is None:
            return False
        for operand in seen_through(x):
            if operand is None or (self.is_between(operand) and not self._can_move(operand)):  # type: ignore[arg-type]
                return False
        return True


def _operands(by: Any) -> Iterable[Operand]:
    if isinstance(by, Join):
        return [part[0] for part in by.parts]
    return by.taken if isinstance(by, Map) else by.operands


def seen_through(x: View) -> list[Operand | None]:
    """What a value is computed from, as a view of the value shows it; None for what cannot be seen so."""
    found: list[Operand | None] = []
    by = x.root.by
    assert isinstance(by, Map)
    for operand in by.operands:
        if isinstance(operand, View):
            inner = through(x, x.root.shape, operand.strides, operand.offset)
            found.append(None if inner is None else inner._replace(root=operand.root))
        else:
            found.append(operand)
    return found


def table_through(x: View) -> View | None:
    """The table of a value, as a view of the value shows it."""
    table = x.root.by.table
    count = len(x.root.shape)
    found = through(x, x.root.shape, table.strides[:count], table.offset)
    if found is None:
        return None
    return View(
        table.root, x.shape + table.shape[count:], found.strides + table.strides[count:], found.offset
    )
