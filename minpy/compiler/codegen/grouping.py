"""From a body's statements to groups, each of which becomes a loop nest.

Statements are taken in order, groups have levels. A statement may go into a group if what it takes is there:
in memory after a group of a lower level, or as a value within the group itself, when that stands in the same
loops. So there are no cycles. A group can be lifted, if those that read from it stay above it. A new group is
opened where none fits. What another group takes is stored, unless it is as cheap to compute it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minpy.compiler.codegen.again import Again, seen_through, table_through
from minpy.compiler.codegen.group import Counted, Group, Read, Within, Written, groups_of, level_of
from minpy.compiler.codegen.nest import Apply, Constant, Reduce
from minpy.compiler.codegen.products import is_matrix
from minpy.compiler.codegen.space import Loops, own_strides
from minpy.compiler.codegen.statements import (
    Count,
    Fold,
    Home,
    Join,
    Map,
    Operand,
    Product,
    Put,
    Root,
    Scatter,
)
from minpy.compiler.codegen.views import View, reshaped, through
from minpy.ops.aval import product

#: nodes that one nest may have: more take long to compile, and registers
_MOST_NODES = 240
#: elements of what is reduced as a whole within one nest that goes on with the result
_SMALL = 1 << 13
#: sums of columns are kept in memory up to this many, and if each is of this many elements
_MOST_COLUMNS, _FEWEST_ROWS = 4096, 16
#: where columns are written to places that indices say, so many are shared out, in such parts
_WIDE, _PART = 256, 16
#: groups that a statement looks at because they read what it reads
_NEIGHBORS = 4


class Grouping:
    """The groups of a body's statements.

    Attributes:
        groups: in the order in which they were opened, with those whose statements have moved elsewhere.
    """

    def __init__(self, roots: Iterable[Root]):
        self.groups: list[Group] = []
        self._readers: dict[Root, list[Group]] = {}
        self._apart: set[tuple[int, int]] = set()  # pairs of groups that were tried to become one
        roots = list(roots)
        self.again = Again(roots)
        for root in roots:
            if isinstance(root.by, Join):
                self._join(root, root.by)
            elif isinstance(root.by, Product):
                self._multiply(root, root.by)
            elif isinstance(root.by, Scatter):
                self._scatter(root, root.by)
            elif isinstance(root.by, (Map, Fold)):
                self._place(root, root.by)

    def ordered(self) -> list[Group]:
        """The groups in an order in which they can run: each soon after what it reads from."""
        found: dict[Group, None] = {}
        for group in self.groups:
            assert all(level_of(root) < group.level for root in group.reads), "a group waits for itself"
        for first in self.groups:
            waiting = [] if first.moved else [first]
            while waiting:
                group = waiting[-1]
                before = [
                    g for root in group.reads for g in groups_of(root) if g not in found and g is not group
                ]
                if before and group not in found:
                    waiting.extend(sorted(before, key=lambda g: -g.number))
                else:
                    found[waiting.pop()] = None
        return list(found)

    def _join(self, root: Root, by: Join) -> None:
        """Let each part be stored where it belongs."""
        for x, shape, home in by.parts:
            if self._is_stored_there(x, home):
                root.groups.extend(x.root.groups)  # type: ignore[union-attr]
            else:
                root.groups.append(self._place(None, Put(shape, (x,), home)))

    def _is_stored_there(self, x: Operand, home: Home) -> bool:
        """Give a computed value a home in the memory of another, if it can lie there as it is."""
        if isinstance(x, Constant) or not x.is_whole or not isinstance(x.root.by, (Map, Fold)):
            return False
        there = reshaped(View(home, x.shape, home.strides, home.offset), x.root.shape)
        if there is not None:
            x.root.homes.append(Home(home.buffer, there.strides, there.offset))
            self.again.forget()
        return there is not None

    def _multiply(self, root: Root, by: Product) -> None:
        """A product by BLAS is a group of its own."""
        group = Group(len(self.groups))
        self.groups.append(group)
        root.groups = [group]
        x, y = (self._as_matrix(group, operand) for operand in by.operands)
        group.product = x, y, root.homes[0]
        group.level = max(level_of(operand.root) for operand in by.operands) + 1

    def _as_matrix(self, group: Group, x: View) -> View:
        """A view of the memory of a matrix, with rows or columns without gaps."""
        group.read(x.root)
        for home in x.root.homes:
            found = through(x, x.root.shape, home.strides, home.offset)
            if found is not None and is_matrix(found):
                return found._replace(root=home)
        x.root.at_home("scratch")
        self.again.forget()
        return x._replace(root=x.root.homes[-1])

    def _scatter(self, root: Root, by: Scatter) -> None:
        """Places that indices say are written in a group of their own, after what was there before."""
        group = Group(len(self.groups))
        self.groups.append(group)
        root.groups = [group]
        if by.base is not None:
            group.read(by.base)
        axes = self._axes_of_scatter(group, by)
        group.scattered = tuple(loop for loops in axes[: by.places] for loop in loops)
        value, *indices = [self._node(group, x, axes) for x in by.operands]
        there, count = by.there, len(by.shape)
        moves = tuple(group.space.along(axes, there.strides[:count]).items())
        told = tuple(indices), there.strides[count:], by.adds
        group.puts.append(Written(there.root, there.offset, moves, value, root.dtype, *told))
        group.level = max([level_of(other) + 1 for other in group.reads], default=0)

    def _axes_of_scatter(self, group: Group, by: Scatter) -> list[Loops]:
        """New loops; a long last axis is two, so that there is something to share out."""
        axes = list(group.space.axes(by.shape))
        part = next((n for n in range(_PART, 2 * _PART) if by.shape[-1] % n == 0), 0)
        if len(by.shape) > by.places and by.shape[-1] >= _WIDE and part:
            axes[-1] = group.space.split(axes[-1][0], part)
        return axes

    # Statements -----------------------------------------------------------------------------

    def _place(self, root: Root | None, by: Map | Fold | Put) -> Group:
        """Put a statement into a group."""
        self._gather(by.operands)
        for group in self._candidates(by.operands):
            if self._entered(group, root, by):
                return group
        group = Group(len(self.groups))
        self.groups.append(group)
        axes = self._new_axes(group, by)
        how = self._reduced(group, by, axes, True) if isinstance(by, Fold) else ""
        self._enter(group, root, by, axes, how)
        return group

    def _entered(self, group: Group, root: Root | None, by: Map | Fold | Put) -> bool:
        """Put a statement into a group that is there, if it fits."""
        axes = self._axes(group, by)
        if axes is None:
            return False
        how = ""
        if isinstance(by, Fold):
            how = self._reduced(group, by, axes, False)
            if not how:
                return False
        before = group.state() if group.readers else None
        lowest = group.level
        self._enter(group, root, by, axes, how)
        if before is None or group.level == lowest:
            return True
        # what it reads is only known now: a value that was to be computed again may be stored since then
        level, group.level = group.level, lowest
        if group.may_be_at(level):
            group.level = level
            return True
        group.restore(before)
        return False

    def _enter(
        self, group: Group, root: Root | None, by: Map | Fold | Put, axes: Sequence[Loops], how: str
    ) -> None:
        group.statements.append((root, by))
        space = group.space
        again = how != "sum" or len(by.operands) == 1
        operands = tuple(self._node(group, x, axes, again) for x in by.operands)
        if isinstance(by, Map):
            assert root is not None
            if by.table is not None:
                node = self._read(group, by.table, axes, operands)
            else:
                node = group.node(Apply(by.op, root.dtype, operands, _pairs(by.params)))
        group.level = max([group.level, *[level_of(root) + 1 for root in group.reads if root.groups]])
        if isinstance(by, Put):
            moves = tuple(space.along(axes, by.home.strides).items())
            x = by.operands[0]
            dtype = x.dtype if isinstance(x, Constant) else x.root.dtype
            group.puts.append(Written(by.home, by.home.offset, moves, operands[0], dtype))
            return
        assert root is not None
        root.groups = [group]
        if isinstance(by, Map):
            group.values[root] = Within(node, own_strides(space, by.shape, axes))
            return
        node = operands[0]
        if len(operands) > 1:
            node = group.node(Apply("multiply", root.dtype, operands))
        over = space.leaves(loop for axis in by.axes for loop in axes[axis])
        node = group.node(Reduce(by.kind, root.dtype, node, over))
        kept = [loops for axis, loops in enumerate(axes) if axis not in by.axes]
        (group.ends if how == "end" else group.values)[root] = Within(
            node, own_strides(space, root.shape, kept)
        )

    def _new_axes(self, group: Group, by: Map | Fold | Put) -> list[Loops]:
        """Loops for a statement that opens a group: those of a reduction as its operand lies in memory."""
        order = list(range(len(by.shape)))
        if isinstance(by, Fold) and len(by.operands) == 1:
            strides = by.operands[0].strides
            order.sort(key=lambda axis: -abs(strides[axis]) if strides[axis] else 1)
        loops = {axis: (group.space.add(n),) if (n := by.shape[axis]) > 1 else () for axis in order}
        return [loops[axis] for axis in range(len(by.shape))]

    def _reduced(self, group: Group, by: Fold, axes: Sequence[Loops], is_new: bool) -> str:
        """How a group reduces something: as ``row``, ``end`` or ``sum``; nothing where it cannot."""
        space = group.space
        over = space.leaves(loop for axis in by.axes for loop in axes[axis])
        kept = [loop for loop in space.order if loop not in over]
        size = product(by.shape)
        if group.summed is not None:
            return ""
        are_last = set(space.order[len(kept) :]) == set(over)
        if are_last and (kept or size <= _SMALL) and group.may_have_rows(over):
            group.row = over
            return "row"
        columns = product(space.extents[loop] for loops in axes for loop in loops if loop not in over)
        is_worth = columns <= _MOST_COLUMNS and size // columns >= _FEWEST_ROWS
        is_small = is_new and size <= _SMALL
        if (columns == 1 or (is_worth and not is_small)) and group.may_end(over):
            group.terminal.append(over)
            return "end"
        if is_new:
            group.summed = over
        return "sum" if is_new else ""

    # Groups that become one -------------------------------------------------------------------

    def _gather(self, operands: Iterable[Operand]) -> None:
        """Let the groups that a statement takes values of become one, as far as they can."""
        groups = self._own(operands)
        for i, group in enumerate(groups):
            for other in groups[:i]:
                if other.moved is None and self._merged(group, other):
                    break

    def _own(self, operands: Iterable[Operand]) -> list[Group]:
        """The groups that have values which a statement takes, lower ones first, and those with rows last."""
        roots = {x.root for x in operands if isinstance(x, View) and isinstance(x.root.by, (Map, Fold))}
        found = {group for root in roots for group in groups_of(root) if root in group.values}
        return sorted(found, key=lambda group: (group.level, group.row is not None, group.number))

    def _merged(self, group: Group, into: Group) -> bool:
        """Move all of a group into another one, if it fits there."""
        if (group.number, into.number) in self._apart:
            return False
        self._apart.add((group.number, into.number))
        sizes = [product(g.space.extents[loop] for loop in g.space.order) for g in (group, into)]
        level = max(group.level, into.level)
        is_possible = (
            sizes[0] == sizes[1]
            and len(group.nodes) + len(into.nodes) <= _MOST_NODES
            and group.summed is into.summed is None
            and group.may_be_at(level)
            and into.may_be_at(level)
        )
        if not is_possible:
            return False
        before = into.state()
        for root, by in group.statements:
            if not self._entered(into, root, by):
                for other, _ in group.statements:
                    if other is not None:
                        other.groups = [group]
                into.restore(before)
                return False
        group.move(into)
        return True

    # Choice of a group ------------------------------------------------------------------------

    def _candidates(self, operands: Iterable[Operand]) -> Iterable[Group]:
        """Groups that may take a statement: those of what it takes, then others that read the same."""
        yield from filter(_may_grow, reversed(self._own(operands)))
        near: dict[Group, None] = {}
        for x in operands:
            if isinstance(x, View):
                for root in [x.root] if self._is_memory(x.root) else self.again.sources(x) or ():
                    if 2 * product(root.shape) >= product(x.shape):  # numbers and rows are read by many
                        near.update(dict.fromkeys(self._readers.get(root, [])[-_NEIGHBORS:]))
        yield from filter(_may_grow, sorted(near, key=lambda group: -group.level))

    def _is_memory(self, root: Root) -> bool:
        """Whether it can only be read from memory."""
        return not isinstance(root.by, (Map, Fold))

    def _axes(self, group: Group, by: Map | Fold | Put) -> list[Loops] | None:
        """The loops of a group for the axes of a statement; None where it does not fit into the group."""
        axes: list[Loops | None] = [None] * len(by.shape)
        is_inside = False
        level = 0
        if isinstance(by, Map) and by.table is not None:
            if group in groups_of(by.table.root):
                return None
            level = level_of(by.table.root) + 1
        for x in by.operands:
            if isinstance(x, Constant) or isinstance(x.root.by, Count):
                continue
            within = group.values.get(x.root)
            found = None if within is None else group.space.match(x, within.moves)
            if found is None:
                is_worth = self.again.is_worth(group, x)
                if group in groups_of(x.root) and not is_worth:
                    return None
                needed = self.again.sources(x) if is_worth else [x.root]
                level = max([level, *[level_of(root) + 1 for root in needed or ()]])
                continue
            is_inside = True
            for axis, loops in enumerate(found):
                if loops is None:
                    continue
                known = axes[axis]
                if known is not None and group.space.leaves(known) != group.space.leaves(loops):
                    return None
                axes[axis] = loops
        filled = group.space.fill(by.shape, axes, group.closed)
        if filled is None or not group.may_be_at(level):
            return None
        if not is_inside and sorted(loop for loops in filled for loop in loops) != sorted(group.space.order):
            return None
        return filled

    # Values -----------------------------------------------------------------------------------

    def _node(self, group: Group, x: Operand, axes: Sequence[Loops], again: bool = True) -> int:
        """The node that has a value in a group: there already, computed again, or read."""
        if isinstance(x, Constant):
            return group.node(x)
        within = group.values.get(x.root)
        if within is not None and self._stands(group, x, within, axes):
            return within.node
        if again and self.again.is_worth(group, x):
            return self._again(group, x, axes)
        if isinstance(x.root.by, Count):
            moves = tuple(sorted(group.space.along(axes, x.strides).items()))
            return group.node(Counted(x.offset, moves))
        self._readers.setdefault(x.root, [])
        if group not in self._readers[x.root][-1:]:
            self._readers[x.root].append(group)
        return self._read(group, x, axes)

    def _read(self, group: Group, x: View, axes: Sequence[Loops], indices: tuple[int, ...] = ()) -> int:
        """A node that reads memory; behind its own axes a view may have some along which indices lead."""
        view, home = self._in_memory(x)
        group.read(x.root)
        moves = tuple(sorted(group.space.along(axes, view.strides).items()))
        return group.node(Read(x.root, home, view.offset, moves, indices, view.strides[len(axes) :]))

    def _stands(self, group: Group, x: View, within: Within, axes: Sequence[Loops]) -> bool:
        moves = group.space.moves(within.moves)
        return not x.offset and group.space.moves(group.space.along(axes, x.strides)) == moves

    def _in_memory(self, x: View) -> tuple[View, Home]:
        """A view of a value as one of its memory."""
        for home in x.root.homes:
            found = through(x, x.root.shape, home.strides, home.offset)
            if found is not None:
                return found, home
        x.root.at_home("scratch")
        self.again.forget()
        return x, x.root.homes[-1]

    def _again(self, group: Group, x: View, axes: Sequence[Loops]) -> int:
        nodes = []
        for operand in seen_through(x):
            assert operand is not None
            compute: Any = self._again if self.again.is_between(operand) else self._node
            nodes.append(compute(group, operand, axes))
        by = x.root.by
        assert isinstance(by, Map)
        if by.table is not None:
            table = table_through(x)
            assert table is not None
            return self._read(group, table, axes, tuple(nodes))
        return group.node(Apply(by.op, x.root.dtype, tuple(nodes), _pairs(by.params)))


def _may_grow(group: Group) -> bool:
    return group.moved is None and group.scattered is None and len(group.nodes) < _MOST_NODES


def _pairs(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(params.items()))
