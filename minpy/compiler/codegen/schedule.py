"""In which loop of a nest each node is computed, and which values of a row are kept.

With reductions over the inner loops whose results are used, a turn of the outer loops (a *row*) is several
*sweeps* over the inner ones: softmax finds the maximum in the first, sums up the exponentials in the second,
and divides in the third. What a later sweep needs again is computed again if that is cheap, and is else kept
in a row on the stack.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from minpy.compiler.codegen.functions import ELEMENTARY
from minpy.compiler.codegen.nest import (
    Apply,
    Constant,
    Gather,
    Load,
    Nest,
    Node,
    Reduce,
    Store,
    dependences,
    operands,
)
from minpy.ops.kernels import instructions

#: bits of the vectors that are written; LLVM takes several registers where the processor's are shorter
_VECTOR = 512
_MOST_LANES = 32
#: elements of a block that a long last loop is cut into, so that threads can share it
BLOCK = 2048
#: bytes on the stack for rows that are kept
_STACK = 1 << 16
#: turns that are written out one after the other instead of as a loop
_WRITTEN_OUT = 32
#: instructions behind a product that are written out for all of a tile
_SHORT_END = 3
#: elementary functions of one kind that are written out
_OFTEN = 5
#: how far ahead of a function what it is a function of may be part of it
_INSIDE = 3
#: instructions that a processor looks ahead, about
_WINDOW = 100
#: accumulators of a product that are held in registers
_TILE = 24
#: what a value may cost to be computed again
_CHEAP = 12
#: instructions that an element takes whose place an index says
_GATHER = 12
#: values of rows are computed as vectors where elementary functions of them are such a part of all
_ROW_PART = 16
#: bytes that the rows of a band read, which then are in the first cache for the next sweep
_NEAR = 1 << 15
#: turns of outer loops for which such code is worth what it takes to compile
_MANY_ROWS = 2048


class Sweep(NamedTuple):
    """One run over the inner loops.

    Attributes:
        before: nodes of the row that are done ahead of it: stores, and what is reduced over the outer loops.
        roots: nodes in it that are done for their effect: stores, and what is reduced.
        saved: nodes that it computes and later sweeps read.
    """

    before: tuple[int, ...]
    roots: tuple[int, ...]
    saved: tuple[int, ...]


class Schedule:
    """What ``loops.py`` needs to know of a nest.

    Attributes:
        depends: for each node the loops that it depends on.
        row: reductions over the inner loops, whose results nodes of the row take.
        product: reductions over the summed loops.
        terminal: reductions over all of the outer loops.
        lanes: of vectors along the last loop.
        copies: vectors that one turn of the last loop works on.
        blocks: the number that the last loop is cut into, each a turn of its own.
        tile: turns of the last outer loop that are done at once, so that what they share is read once.
        band: turns of the last outer loop of which values of the row are computed as vectors, or 1. Then
            ``row_values`` are these in each stage, ``taken`` the nodes of the row that each sweep takes, and
            ``banded`` those that are kept for each row of the band.
        rows: turns of the last outer loop that one turn does.
        is_written_out: the outer loops are no loops; there is one turn.
        ends_long: much is computed with the results of products.
        called: elementary functions that stand so often in the text that they are written once and called.
        inside: nodes that these functions compute, too: operands that are alike for all of a kind.
    """

    def __init__(self, nest: Nest):
        self.nest = nest
        self.depends = dependences(nest)
        self.outer = frozenset(range(nest.outer))
        self.summed = frozenset(range(nest.outer, nest.outer + nest.summed))
        self.inner = frozenset(nest.inner)
        self.inside: frozenset[int] = frozenset()
        self._find_kinds()
        self.lanes = self._lanes()
        self.columns = frozenset(i for i in self.terminal if self.depends[i])
        rows = math.prod(nest.extents[: nest.outer])
        sums = math.prod(nest.extents[i] for i in self.summed)
        vectors = -(-nest.extents[-1] // self.lanes)
        can_be_cut = len(self.inner) == 1 and not self.row and not self.columns and not nest.summed
        self.blocks = -(-nest.extents[-1] // BLOCK) if can_be_cut and nest.extents[-1] >= 2 * BLOCK else 1
        is_short = rows * sums * vectors * max(len(self.inner), 1) <= _WRITTEN_OUT and len(self.inner) == 1
        self.is_written_out = is_short and rows > 1 and not self.terminal and len(nest.nodes) * rows < 200
        self._find_stages()
        self.copies = self._copies(vectors)
        self.tile = self._tile()
        self.rows = max(self.tile, self.band)
        tiles = (
            rows // nest.extents[nest.outer - 1] * -(-nest.extents[nest.outer - 1] // self.rows)
            if nest.outer
            else 1
        )
        self.turns = 1 if self.is_written_out else tiles * self.blocks
        self.ends_long = self._ends_long()
        self._find_called(rows)

    def is_of_row(self, node: int) -> bool:
        """Whether it does not depend on inner or summed loops."""
        return self.depends[node] <= self.outer

    def needed(self, roots: Iterable[int], known: Collection[int]) -> list[int]:
        """What depends on inner loops and has to be computed for some nodes, and these, in order."""
        found: set[int] = set()
        stack = list(roots)
        while stack:
            i = stack.pop()
            if i not in found:
                found.add(i)
                takes = () if i in known else self.taken_by(i)
                stack.extend(j for j in takes if not self.is_of_row(j) and j not in self.product | self.row)
        return sorted(found)

    def taken_by(self, node: int) -> list[int]:
        """What has to be known for a node: its operands, or what is given to a function that is called."""
        return [
            i
            for j in operands(self.nest.nodes[node])
            for i in (self.taken_by(j) if j in self.inside else [j])
        ]

    def _find_kinds(self) -> None:
        nodes = self.nest.nodes
        taken = {i for node in nodes if not isinstance(node, Store) for i in operands(node)}
        taken.update(
            node.value for node in nodes if isinstance(node, Store) and _repeats(node, nodes[node.value])
        )
        kinds: dict[str, set[int]] = {"row": set(), "product": set(), "terminal": set()}
        for i, node in enumerate(nodes):
            if isinstance(node, Reduce):
                over = frozenset(node.over)
                if over and over <= self.summed:
                    kinds["product"].add(i)
                elif self.outer <= over and i not in taken and (self.outer or not self.nest.summed):
                    kinds["terminal"].add(i)
                else:
                    assert over <= self.inner, f"{node} reduces over some of the outer loops"
                    kinds["row"].add(i)
        self.row, self.product = frozenset(kinds["row"]), frozenset(kinds["product"])
        self.terminal = frozenset(kinds["terminal"])

    def _lanes(self) -> int:
        nodes = self.nest.nodes
        widths = [
            node.dtype.itemsize
            for i, node in enumerate(nodes)
            if isinstance(node, (Load, Gather, Apply)) and len(self.nest.extents) - 1 in self.depends[i]
        ]
        most = min(_VECTOR // 8 // max(widths, default=8), _MOST_LANES)
        return min(most, 1 << (self.nest.extents[-1] - 1).bit_length())

    def _find_stages(self) -> None:
        """Number the sweeps: a node is in the first one before which all that it takes is known."""
        nodes = self.nest.nodes
        stage: list[int] = []
        for i, node in enumerate(nodes):
            last = max((stage[j] for j in operands(node)), default=0)
            stage.append(last + 1 if i in self.row else last)
        self.stage = stage
        self.band = self._band()
        before: list[list[int]] = [[] for _ in range(max(stage) + 1)]
        roots: list[list[int]] = [[] for _ in range(max(stage) + 1)]
        for i, node in enumerate(nodes):
            if i in self.row:
                roots[stage[i] - 1].append(i)
            elif i in self.terminal:
                operand = node.operand  # type: ignore[union-attr]
                # over the inner loops too, although it does not depend on them: as often as there are turns
                is_row = self.is_of_row(operand) and not self.inner & frozenset(node.over)  # type: ignore[union-attr]
                is_row = is_row and i not in self.columns
                (before if is_row else roots)[stage[i]].append(i)
            elif isinstance(node, Store) and node.value not in self.terminal:
                (before if self.is_of_row(i) else roots)[stage[i]].append(i)
        saved = self._saved(roots)
        self.sweeps = [Sweep(tuple(b), tuple(r), tuple(s)) for b, r, s in zip(before, roots, saved)]
        if self.band > 1:
            self._find_banded()

    def _find_banded(self) -> None:
        """Which nodes are vectors in each stage, which ones of the row a sweep takes, and which are kept."""
        nodes = self.nest.nodes
        vectors = [
            i
            for i, stage in enumerate(self.stage)
            if stage and isinstance(nodes[i], Apply) and self.is_of_row(i)
        ]
        self.row_values = [
            [i for i in vectors if self.stage[i] == stage] for stage in range(len(self.sweeps))
        ]
        self.taken: list[frozenset[int]] = []
        saved: set[int] = set()
        for sweep in self.sweeps:
            needed = [*self.needed([*sweep.roots, *sweep.saved], saved), *sweep.before]
            taken = {j for i in needed if i not in saved for j in operands(nodes[i])}
            self.taken.append(frozenset(filter(self.is_of_row, taken)))
            saved.update(sweep.saved)
        given = {j for i in vectors for j in operands(nodes[i])}.difference(vectors)
        is_kept = given.union(*self.taken[1:])
        self.banded = frozenset(i for i in is_kept if self.depends[i] or self.stage[i])

    def _saved(self, roots: list[list[int]]) -> list[list[int]]:
        first: dict[int, int] = {}
        saved: list[list[int]] = [[] for _ in roots]
        room = _STACK
        size = math.prod(self.nest.extents[i] for i in self.inner) * self.band

        seen: set[tuple[int, int]] = set()  # nodes are taken several times: their ways are too many

        def visit(i: int, sweep: int) -> None:
            nonlocal room
            node = self.nest.nodes[i]
            if (i, sweep) in seen or self.is_of_row(i) or isinstance(node, Reduce):
                return
            seen.add((i, sweep))
            made = first.setdefault(i, sweep)
            if i in saved[made] and made < sweep:
                return
            if made < sweep and size * node.dtype.itemsize <= room and self._work(i) > _CHEAP:  # type: ignore[union-attr]
                room -= size * node.dtype.itemsize  # type: ignore[union-attr]
                saved[made].append(i)
                return
            for j in operands(node):
                visit(j, sweep)

        for sweep, nodes in enumerate(roots):
            for i in nodes:
                for j in operands(self.nest.nodes[i]):
                    visit(j, sweep)
        return saved

    def _work(self, node: int) -> int:
        """About how many instructions it takes to compute a value again from memory."""
        seen: set[int] = set()

        def visit(i: int) -> int:
            if i in seen or self.is_of_row(i):
                return 0
            seen.add(i)
            it = self.nest.nodes[i]
            return _weight(it) + sum(map(visit, operands(it)))

        return visit(node)

    def _ends_long(self) -> bool:
        ends = [
            i for i in range(len(self.nest.nodes)) if not (self.depends[i] & self.summed or self.is_of_row(i))
        ]
        return sum(_weight(self.nest.nodes[i]) for i in ends) > _SHORT_END

    def _find_called(self, rows: int) -> None:
        nodes = self.nest.nodes
        alike: dict[tuple, list[int]] = {}
        for i, node in enumerate(nodes):
            if not isinstance(node, Apply) or node.op not in ELEMENTARY:
                continue
            if not any(isinstance(nodes[j], Constant) for j in node.operands):  # as powers of a few factors
                alike.setdefault((node.op, node.dtype), []).append(i)
        turns = rows if self.is_written_out else self.tile
        kinds = [
            found
            for found in alike.values()
            if turns * sum(1 if self.is_of_row(i) else self.copies for i in found) > _OFTEN
        ]
        self.called = frozenset(i for found in kinds for i in found)
        if kinds:
            uses = Counter(j for node in nodes for j in operands(node))
            kept = {i for sweep in self.sweeps for i in sweep.saved}
            once = {j for j, count in uses.items() if count == 1 and j not in kept}
            self.inside = frozenset(i for found in kinds for i in self._inside(found, once))

    def _inside(self, alike: Sequence[int], once: Collection[int]) -> set[int]:
        """The nodes ahead of functions of a kind that are nodes of one kind, too, and taken by these only."""
        nodes, found, given = self.nest.nodes, set(alike), []

        def form(i: int, depth: int) -> Any:
            node = nodes[i]
            is_inside = depth == 0 or (i in once and depth <= _INSIDE and not self.is_of_row(i))
            if isinstance(node, Constant):
                return node
            if not isinstance(node, Apply) or not is_inside or (depth and node.op in ELEMENTARY):
                given.append(i)
                return None
            found.add(i)
            return node._replace(operands=tuple(form(j, depth + 1) for j in node.operands))

        forms = {form(i, 0) for i in alike}
        return found.difference(alike) if len(forms) == 1 and len(given) == len(alike) else set()

    def _tile(self) -> int:
        if self.is_written_out or not self.nest.outer or self.blocks > 1:
            return 1
        extent = self.nest.extents[self.nest.outer - 1]
        if self.product:
            most = min(_TILE // self.copies, extent)
            # without a rest there is half as much to compile
            return next((rows for rows in range(most, 2 * most // 3, -1) if extent % rows == 0), most)
        return min(4, extent) if self.columns and not self.row and len(self.nest.nodes) < 40 else 1

    def _band(self) -> int:
        nest, nodes, row = self.nest, self.nest.nodes, self.nest.outer - 1
        ends = [nodes[i] for i, stage in enumerate(self.stage) if stage and self.is_of_row(i)]
        is_large = math.prod(nest.extents[: nest.outer]) >= _MANY_ROWS
        if not is_large or self.product or any(isinstance(x, Gather) for x in ends):
            return 1
        turns = math.prod(nest.extents[i] for i in self.inner)
        others = sum(_weight(node) for i, node in enumerate(nodes) if not self.is_of_row(i))
        functions = [_weight(x) for x in ends if isinstance(x, Apply) and x.op in ELEMENTARY]
        if not functions or sum(functions) * _ROW_PART < others * turns // self.lanes:
            return 1
        loads = {node.access for node in nodes if isinstance(node, Load) and node.access.strides[row]}
        near = sum(
            access.dtype.itemsize * math.prod(nest.extents[i] for i in self.inner if access.strides[i])
            for access in loads
        )
        widest = max(node.dtype.itemsize for node in ends if isinstance(node, Apply))
        most = min(_VECTOR // 8 // widest, nest.extents[row])
        return next((n for n in (16, 8, 4) if n <= most and n * near <= _NEAR), 1)

    def _copies(self, vectors: int) -> int:
        if self.product:
            if len(self.product) > 1:
                return 1
            return next((c for c in (3, 4, 2, 5) if vectors % c == 0), min(vectors, 2))
        longest: dict[int, int] = {}  # of instructions that wait for each other
        work = 0
        for i, node in enumerate(self.nest.nodes):
            weight = 0 if self.is_of_row(i) else _weight(node)
            work += weight
            longest[i] = weight + max((longest[j] for j in operands(node)), default=0)
        is_chain = work > _WINDOW and 2 * max(longest.values()) > work and vectors * self.lanes >= BLOCK
        wanted = 4 if work <= 12 or is_chain else 2
        while wanted > 1 and vectors < wanted:
            wanted //= 2
        return wanted


@functools.lru_cache(maxsize=64)
def scheduled(nest: Nest) -> Schedule:
    """The schedule of a nest, which does not depend on the numbers in it."""
    return Schedule(nest)


def _repeats(store: Store, value: Node) -> bool:
    """Whether a store puts what was reduced over loops into every turn of them."""
    return isinstance(value, Reduce) and any(store.access.strides[loop] for loop in value.over)


def _weight(node: object) -> int:
    if isinstance(node, Load):
        return 1
    if isinstance(node, Gather):
        return _GATHER
    if not isinstance(node, Apply):
        return 0
    return instructions(node.op)
