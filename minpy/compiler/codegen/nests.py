"""A group of statements as a nest: its loops put in order, joined where they are one, and its nodes numbered.

Equal computations give equal nests, wherever their arguments lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Union

import numpy

from minpy.compiler.codegen.group import Counted, Entry, Group, Read, Within, Written
from minpy.compiler.codegen.nest import Access, Apply, Gather, Index, Load, Nest, Node, Reduce, Store
from minpy.compiler.codegen.statements import Buffer, Home, Root
from minpy.compiler.codegen.views import View, contiguous, through
from minpy.ops.aval import product

Moves = dict[int, int]

#: elements that are written to a place at a time, where that leaves something to share out
_VECTOR = 16


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
        moves: how each read and number moves in the loops.
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
        reads = [node for node in self.used.values() if isinstance(node, (Read, Counted))]
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

    def _used(self) -> dict[int, Entry]:
        waiting = [i for store in self.stores for i in (store.node, *store.indices)]
        waiting += [within.node for _, within in self.ends]
        found: set[int] = set()
        while waiting:
            i = waiting.pop()
            if i not in found:
                found.add(i)
                node = self.group.nodes[i]
                waiting.extend(node.operands if isinstance(node, Apply) else ())
                waiting.extend([node.operand] if isinstance(node, Reduce) else ())
                waiting.extend(node.indices if isinstance(node, Read) else ())
        return {i: self.group.nodes[i] for i in sorted(found)}

    # Loops --------------------------------------------------------------------------------------

    def _arranged(self) -> tuple[list[tuple[int, ...]], int, int]:
        """The loops of the nest, and how many of them are outer ones, and summed."""
        leaves = self.space.leaves
        overs = {i: frozenset(leaves(n.over)) for i, n in self.used.items() if isinstance(n, Reduce)}
        end_nodes = {within.node for _, within in self.ends}
        ends = [overs[i] for i in end_nodes]
        accesses = [*self.moves.values(), *[dict(store.moves) for store in self.stores]]
        accesses += [self.space.moves(within.moves) for _, within in self.ends]
        loops = {loop for moves in accesses for loop in moves}.union(*overs.values())
        order = [loop for loop in self.space.order if loop in loops]
        summed = [loop for loop in order if loop in leaves(self.group.summed or ())]
        rows = frozenset().union(*[over for i, over in overs.items() if i not in end_nodes])
        if self.group.scattered is not None:
            return self._scattered(leaves(self.group.scattered), accesses)
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

    def _scattered(
        self, places: Collection[int], accesses: Sequence[Moves]
    ) -> tuple[list[tuple[int, ...]], int, int]:
        """The places in their order within all that may be shared out, but for what is run in vectors."""
        others = self._by_distance([k for k in self.space.order if k not in places])
        *outer, last = self._joined(others, accesses, []) or [()]
        extents = [self.space.extents[loop] for loop in last]
        first = next((i for i in reversed(range(len(last))) if product(extents[i:]) >= _VECTOR), 0)
        if first:
            outer, last = [*outer, last[:first]], last[first:]
        inner = self._joined([k for k in self.space.order if k in places], accesses, [])
        return [*outer, *inner, last], len(outer), 0

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

        def strides_of(moves: Moves) -> tuple[int, ...]:
            return tuple(moves.get(run[-1], 0) if run else 0 for run in runs) or (0,)

        def access(pointer: Pointer, moves: Moves, dtype: numpy.dtype) -> Access:
            nonlocal traffic
            argument = pointers.setdefault(pointer, len(pointers))
            traffic += dtype.itemsize * product(n for n, s in zip(extents, strides_of(moves)) if s)
            return Access(argument, dtype, strides_of(moves))

        nodes: list[Node] = []
        numbers: dict[int, int] = {}

        def node_of(entry: Entry) -> Node:
            if isinstance(entry, Read):
                dtype = entry.root.dtype
                pointer = (entry.home.buffer, entry.offset * dtype.itemsize)
                place = access(pointer, self.moves[id(entry)], dtype)
                told = tuple(numbers[j] for j in entry.indices)
                return Gather(place, told, entry.steps) if told else Load(place)
            if isinstance(entry, Counted):
                return Index(strides_of(self.moves[id(entry)]), entry.start)
            if isinstance(entry, Apply):
                return entry._replace(operands=tuple(numbers[j] for j in entry.operands))
            if isinstance(entry, Reduce):
                over = tuple(sorted({places[loop] for loop in self.space.leaves(entry.over)}))
                return entry._replace(operand=numbers[entry.operand], over=over)
            return entry

        for i, entry in self.used.items():
            node = node_of(entry)
            numbers[i] = len(nodes)
            nodes.append(node)
        for store in self.stores:
            pointer = (store.home.buffer, store.offset * store.dtype.itemsize)
            place = access(pointer, dict(store.moves), store.dtype)
            told = tuple(numbers[j] for j in store.indices)
            nodes.append(Store(place, numbers[store.node], told, store.steps, store.adds))
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
