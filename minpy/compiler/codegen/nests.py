"""A group of statements as a nest: its loops put in order, joined where they are one, and its nodes numbered.

Equal computations give equal nests, wherever their arguments lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Union

import numpy

from minpy.compiler.codegen.group import Group, Read, Within, Written
from minpy.compiler.codegen.nest import Access, Apply, Load, Nest, Node, Reduce, Store
from minpy.compiler.codegen.statements import Buffer, Home, Root
from minpy.compiler.codegen.views import View, contiguous, through
from minpy.ops.aval import product

Moves = dict[int, int]


class End(NamedTuple):
    """A result of a reduction over the outer loops: every chunk of turns gives a part.

    Attributes:
        shape: of a part, which is in C order.
        homes: where the result belongs: buffers, strides along the axes of a part and offsets.
    """

    kind: str
    dtype: numpy.dtype
    shape: tuple[int, ...]
    homes: tuple[Home, ...]


Pointer = tuple[Union[Buffer, End], int]


class Planned(NamedTuple):
    """A nest and where its pointers point.

    Attributes:
        arguments: for each pointer a buffer, or an end whose parts are stored there, and an offset in bytes.
        traffic: the bytes that it reads and writes.
    """

    nest: Nest
    arguments: tuple[Pointer, ...]
    traffic: int


def planned(group: Group) -> Planned | None:
    """The nest of a group, or None where nothing in it is needed."""
    maker = _Maker(group)
    return maker.made() if maker.stores or maker.ends else None


class _Maker:
    """
    Attributes:
        stores, ends: what is done for its effect.
        used: the nodes that these need, by their numbers in the group.
        moves: how each read, store and end moves in the loops.
        runs: the loops of the nest, each made of neighboring loops of the group.
    """

    def __init__(self, group: Group):
        self.group = group
        self.space = group.space
        stored = [(r, w, home) for r, w in group.values.items() for home in r.homes]
        self.stores = [self._written(*told) for told in stored]
        self.stores += [put._replace(moves=_pairs(self.space.moves(dict(put.moves)))) for put in group.puts]
        self.ends = [(root, within) for root, within in group.ends.items() if root.homes]
        self.used = self._used()
        reads = [node for node in self.used.values() if isinstance(node, Read)]
        self.moves = {id(read): self.space.moves(dict(read.moves)) for read in reads}

    def _written(self, root: Root, within: Within, home: Home) -> Written:
        moves = self.space.moves(within.moves)
        strides, offset = self._placed(root, moves, home)
        return Written(home, offset, tuple(zip(moves, strides)), within.node, root.dtype)

    def _placed(self, root: Root, moves: Moves, home: Home) -> tuple[tuple[int, ...], int]:
        """How a value moves in a home in the same loops as in itself."""
        shape = tuple(self.space.extents[loop] for loop in moves)
        view = View(root, shape, tuple(moves.values()))
        found = through(view, root.shape, home.strides, home.offset)
        assert found is not None
        return found.strides, found.offset

    def _used(self) -> dict[int, Node | Read]:
        waiting = [store.node for store in self.stores] + [within.node for _, within in self.ends]
        found: set[int] = set()
        while waiting:
            i = waiting.pop()
            if i not in found:
                found.add(i)
                node = self.group.nodes[i]
                waiting.extend(node.operands if isinstance(node, Apply) else ())
                waiting.extend([node.operand] if isinstance(node, Reduce) else ())
        return {i: self.group.nodes[i] for i in sorted(found)}

    # Loops --------------------------------------------------------------------------------------

    def _arranged(self) -> tuple[list[tuple[int, ...]], int, int]:
        """The loops of the nest, and how many of them are outer ones, and summed."""
        leaves = self.space.leaves
        overs = {i: frozenset(leaves(n.over)) for i, n in self.used.items() if isinstance(n, Reduce)}
        end_nodes = {within.node for _, within in self.ends}
        ends = [overs[i] for i in end_nodes]
        accesses = [*self.moves.values(), *[dict(store.moves) for store in self.stores]]
        loops = {loop for moves in accesses for loop in moves}.union(*overs.values())
        order = [loop for loop in self.space.order if loop in loops]
        summed = [loop for loop in order if loop in leaves(self.group.summed or ())]
        rows = frozenset().union(*[over for i, over in overs.items() if i not in end_nodes])
        if summed:
            last = order.index(summed[-1])
            parts = [[k for k in order[:last] if k not in summed], summed, order[last + 1 :]]
        elif rows:
            parts = [[k for k in order if k not in rows], [], [k for k in order if k in rows]]
        elif ends:
            outer = frozenset.intersection(*ends)
            parts = [[k for k in order if k in outer], [], [k for k in order if k not in outer]]
        else:
            parts = [[], [], order]
        if not summed:
            parts = [self._by_distance(part) for part in parts]
        joined = [self._joined(part, accesses, overs.values()) for part in parts]
        if not joined[2]:  # the last loop is an inner one
            joined = [joined[0][:-1], joined[1], joined[0][-1:]]
        elif not rows and not ends and not summed:
            joined = [joined[2][:-1], [], joined[2][-1:]]
        outer_count, summed_count = len(joined[0]), len(joined[1])
        return [*joined[0], *joined[1], *joined[2]], outer_count, summed_count

    def _by_distance(self, loops: list[int]) -> list[int]:
        """Loops in the order in which memory is run through, above all that which is written."""

        def distance(loop: int) -> int:
            written = max([abs(dict(store.moves).get(loop, 0)) for store in self.stores], default=0)
            return written or max([abs(moves.get(loop, 0)) for moves in self.moves.values()], default=0)

        return sorted(loops, key=distance, reverse=True)

    def _joined(
        self, loops: list[int], accesses: Sequence[Moves], overs: Iterable[frozenset[int]]
    ) -> list[tuple[int, ...]]:
        """Neighboring loops made one, where everything moves on from one to the next as within one."""
        runs: list[tuple[int, ...]] = []
        for loop in loops:
            extent = self.space.extents[loop]
            if runs:
                before = runs[-1][-1]
                is_one = all(m.get(before, 0) == m.get(loop, 0) * extent for m in accesses)
                if is_one and all((before in over) == (loop in over) for over in overs):
                    runs[-1] += (loop,)
                    continue
            runs.append((loop,))
        return runs

    # The nest -----------------------------------------------------------------------------------

    def made(self) -> Planned:
        runs, outer, summed = self._arranged()
        extents = tuple(product(self.space.extents[loop] for loop in run) for run in runs) or (1,)
        places = {loop: i for i, run in enumerate(runs) for loop in run}
        pointers: dict[Pointer, int] = {}
        traffic = 0

        def access(pointer: Pointer, moves: Moves, dtype: numpy.dtype) -> Access:
            nonlocal traffic
            argument = pointers.setdefault(pointer, len(pointers))
            strides = tuple(moves.get(run[-1], 0) for run in runs) or (0,)
            traffic += dtype.itemsize * product(n for n, s in zip(extents, strides) if s)
            return Access(argument, dtype, strides)

        nodes: list[Node] = []
        numbers: dict[int, int] = {}
        for i, node in self.used.items():
            if isinstance(node, Read):
                dtype = node.root.dtype
                pointer = (node.home.buffer, node.offset * dtype.itemsize)
                node = Load(access(pointer, self.moves[id(node)], dtype))
            elif isinstance(node, Apply):
                node = node._replace(operands=tuple(numbers[j] for j in node.operands))
            elif isinstance(node, Reduce):
                over = tuple(sorted({places[loop] for loop in self.space.leaves(node.over)}))
                node = node._replace(operand=numbers[node.operand], over=over)
            numbers[i] = len(nodes)
            nodes.append(node)
        for store in self.stores:
            pointer = (store.home.buffer, store.offset * store.dtype.itemsize)
            nodes.append(Store(access(pointer, dict(store.moves), store.dtype), numbers[store.node]))
        for root, within in self.ends:
            end, moves = self._end(root, within, runs)
            nodes.append(Store(access((end, 0), moves, root.dtype), numbers[within.node]))
        return Planned(Nest(extents, outer, summed, tuple(nodes)), tuple(pointers), traffic)

    def _end(self, root: Root, within: Within, runs: list[tuple[int, ...]]) -> tuple[End, Moves]:
        node = self.group.nodes[within.node]
        assert isinstance(node, Reduce)
        own = self.space.moves(within.moves)
        kept = {loop: own[loop] for run in runs for loop in run if loop in own}  # in the order of the loops
        shape = tuple(self.space.extents[loop] for loop in kept)
        homes = []
        for home in root.homes:
            strides, offset = self._placed(root, kept, home)
            homes.append(Home(home.buffer, strides, offset))
        end = End(node.kind, root.dtype, shape, tuple(homes))
        return end, dict(zip(kept, contiguous(shape)))


def _pairs(moves: Moves) -> tuple[tuple[int, int], ...]:
    return tuple(moves.items())
