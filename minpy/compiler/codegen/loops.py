"""The loops of a nest, as a module in LLVM's language.

The module defines ``void nest(ptr arguments, i64 begin, i64 end, i64 chunk)``: ``arguments`` is an array of
pointers, and a call does the turns from ``begin`` to ``end`` of ``turns(nest)``, which are chunk number
``chunk`` (its part of what is reduced over all turns is stored at that number). The last loop is in vectors;
what is left at its end is a vector of which some lanes are masked.

Sums of float32 are added up in float64 where they are long, so they are at least as exact as NumPy's pairwise
ones. Partial results of one chunk are always combined in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from minpy.compiler.codegen.builder import Value
from minpy.compiler.codegen.called import module
from minpy.compiler.codegen.memory import Lanes, Number, element, load, plus, store, stored_type, times
from minpy.compiler.codegen.nest import Apply, Constant, Gather, Index, Load, Nest, Reduce, operands
from minpy.compiler.codegen.reductions import RUN, Reductions
from minpy.compiler.codegen.schedule import BLOCK, Sweep, scheduled
from minpy.compiler.codegen.values import INT64, ROW, Place, Shared

#: vectors of products that are written out one after the other instead of as a loop
_WRITTEN_OUT = 32


def turns(nest: Nest) -> int:
    """How many turns there are to do."""
    return scheduled(nest).turns


def write(nest: Nest) -> str:
    """A module with the nest."""
    return _Writer(nest).module()


class _Writer(Reductions):
    # The module ---------------------------------------------------------------------------------

    def module(self) -> str:
        """The text of everything."""
        count = 1 + max(access.argument for access in self.accesses)
        self._body()
        lines = []
        for i in range(count):
            lines.append(f"  %p{i} = getelementptr ptr, ptr %arguments, i64 {i}")
            lines.append(f"  %a{i} = load ptr, ptr %p{i}, align 8")
        return module(self.k, [*lines, *self.stack, *self.k.lines])

    def _body(self) -> None:
        k, plan = self.k, self.plan
        self._row_values(frozenset(), self.known)
        for i in plan.terminal:
            self.start_terminal(i)
        if plan.is_written_out:
            for place in numpy.ndindex(*self.nest.extents[: self.nest.outer]):
                self.at[: self.nest.outer] = place
                self._tile(0, 1)
        elif plan.turns == 1:
            self._turn(0)
        else:
            with k.loop("%begin", "%end") as turn:
                self._turn(turn)
        for i in plan.terminal:
            self.end_terminal(i)

    def _turn(self, turn: Number) -> None:
        k, tile = self.k, self.plan.rows
        block: Number = 0
        if self.plan.blocks > 1:
            turn, block = self._divided(turn, self.plan.blocks) if self.nest.outer else (0, turn)
        for loop in reversed(range(self.nest.outer)):
            extent = self.nest.extents[loop]
            if loop == self.nest.outer - 1:
                extent = -(-extent // tile)
            if loop == 0:
                self.at[loop] = turn
            else:
                turn, self.at[loop] = self._divided(turn, extent)
        start = times(k, block, BLOCK)
        if tile == 1:
            self._tile(start, 1)
            return
        row, extent = self.at[self.nest.outer - 1], self.nest.extents[self.nest.outer - 1]
        self.at[self.nest.outer - 1] = first = times(k, row, tile)
        if self.plan.band > 1:
            self._band(first)
            return
        if extent % tile == 0:
            self._tile(start, tile)
            return
        full, rest, done = k.labels("full", "rest", "done")
        k.branch(k.less(Value(str(row), INT64), k.constant(extent // tile, INT64)), full, rest)
        for label, rows in ((full, tile), (rest, extent % tile)):
            k.place(label)
            self.at[self.nest.outer - 1] = first
            self._tile(start, rows)
            k.jump(done)
        k.place(done)

    def _divided(self, x: Number, by: int) -> tuple[Number, Number]:
        if isinstance(x, int):
            return divmod(x, by)
        return self.k.emit(f"udiv i64 {x}, {by}"), self.k.emit(f"urem i64 {x}, {by}")

    # One turn of the outer loops ------------------------------------------------------------------

    def _tile(self, start: Number, rows: int) -> None:
        self.enter_tile(rows)
        self.saved = set()
        for stage, sweep in enumerate(self.plan.sweeps):
            for row in range(rows):
                place = ROW._replace(row=row)
                self.enter(place)
                for i in sweep.before:
                    self._effect(i, place, self.known_in[row])
                self._row_values(self.plan.outer, self.known_in[row], row, stage)
            self._sweep(sweep, start)

    def _sweep(self, sweep: Sweep, start: Number) -> None:
        """The inner loops of a sweep."""
        roots = [*sweep.roots, *sweep.saved]
        if not roots:
            return
        sums = [i for i in sweep.roots if i in self.plan.row or i in self.plan.terminal - self.plan.columns]
        for i in sums:
            self.start_partial(i)
        self._inner_loops(list(self.nest.inner[:-1]), start, roots)
        self.saved.update(sweep.saved)
        for i in sums:
            self.end_partial(i)

    def _band(self, first: Number) -> None:
        """Several rows: a sweep over each of them, one after the other, then what depends on it for all at
        once, as vectors with a lane for each row, and the next sweep."""
        k, plan, loop = self.k, self.plan, self.nest.outer - 1
        extent = self.nest.extents[loop]
        rows: Number = plan.band
        if extent % plan.band:
            left = Value(k.emit(f"sub i64 {extent}, {first}"), INT64)
            rows = k.call("smin", left, k.constant(plan.band, INT64)).text
        self.saved = set()
        vectors = dict(self.known)
        for stage, sweep in enumerate(plan.sweeps):
            self._band_values(stage, vectors)
            with k.loop(0, rows) as row:
                self.in_band, self.at[loop] = row, plus(k, first, row)
                self.enter_tile(1)
                scope = self.known_in[0]
                taken = plan.banded & plan.taken[stage]
                for i in sorted(taken if stage else ()):
                    scope[i] = load(k, self.banded(i, row), self.dtype(i), 0, Lanes(1, 1))
                before = set(scope)
                for i in sweep.before:
                    self._effect(i, ROW, scope)
                if not stage:
                    self._row_values(plan.outer, scope)
                self._sweep(sweep, 0)
                for i in sorted(plan.banded.intersection(scope) - before):
                    store(k, scope[i], self.banded(i, row), 0, Lanes(1, 1))
        self.in_band = 0

    def _band_values(self, stage: int, scope: dict[int, Value]) -> None:
        """Compute what depends on the sweep before, for all rows of a band."""
        lanes = Lanes(self.plan.band, self.plan.band)
        for i in self.plan.row_values[stage]:
            for j in operands(self.nest.nodes[i]):
                if j not in scope:
                    scope[j] = load(self.k, self.banded(j, 0), self.dtype(j), 1, lanes)
            value = self.value(i, ROW, scope)
            if i in self.plan.banded:
                store(self.k, value, self.banded(i, 0), 1, lanes)

    def _effect(self, i: int, place: Place, scope: dict[int, Value]) -> None:
        """Do what a node is there for."""
        if isinstance(self.nest.nodes[i], Reduce):
            self.add(i, place, scope)
        else:
            self.put(i, place, scope)

    def _row_values(
        self, loops: frozenset[int], known: dict[int, Value], row: int = 0, stage: int = 0
    ) -> None:
        """Compute what depends on these loops only, so that inner loops have it."""
        for i, node in enumerate(self.nest.nodes):
            is_ready = self.plan.depends[i] <= loops and self.plan.stage[i] <= stage
            if is_ready and isinstance(node, (Load, Gather, Apply, Index, Constant)) and i not in known:
                self.value(i, ROW._replace(row=row), known)

    def _inner_loops(self, loops: list[int], start: Number, roots: Sequence[int]) -> None:
        if not loops:
            self._vectors(start, roots)
            return
        with self.k.loop(0, self.nest.extents[loops[0]]) as index:
            self.at[loops[0]] = index
            self._inner_loops(loops[1:], start, roots)

    def _vectors(self, start: Number, roots: Sequence[int]) -> None:
        """The last loop, or the block of it that begins at ``start``."""
        if not isinstance(start, int):
            self._block(start, roots)
            return
        extent, width = self.nest.extents[-1], self.plan.lanes
        step = width * self.plan.copies
        done = extent // step * step
        if done > step:
            self._steps_of(0, done, done // step, roots)
        elif done:
            self._copies(0, roots)
        left = range(done, extent, width)
        if left:
            lanes = [Lanes(width, min(width, extent - index)) for index in left]
            self._places([Place(index, lanes[c], c) for c, index in enumerate(left)], roots)

    def _steps_of(self, start: Number, stop: Number, count: int, roots: Sequence[int]) -> None:
        """``count`` steps of the last loop at most, in runs of runs of them where sums are long."""
        k, step = self.k, self.plan.lanes * self.plan.copies
        sums = self.long_sums(roots)
        if not sums or count <= RUN:
            with k.loop(start, stop, step) as at:
                self._copies(at, roots)
            return
        run = RUN
        while run * RUN < count:
            run *= RUN
        with k.loop(start, stop, run * step) as at:
            end = k.call("smin", *[Value(str(x), INT64) for x in (plus(k, at, run * step), stop)])
            before = self.start_run(sums)
            self._steps_of(at, end.text, run, roots)
            self.end_run(before)

    def _block(self, start: str, roots: Sequence[int]) -> None:
        k, extent, width = self.k, self.nest.extents[-1], self.plan.lanes
        step = width * self.plan.copies
        limits = [Value(str(x), INT64) for x in (plus(k, start, BLOCK), extent)]
        stop = k.call("smin", *limits)
        with k.loop(start, k.emit(f"sub i64 {stop.text}, {step - 1}"), step) as at:
            self._copies(at, roots)
        if extent % step >= width:
            with k.loop(at, k.emit(f"sub i64 {stop.text}, {width - 1}"), width) as at:
                self._places([Place(at, Lanes(width, width))], roots)
        if extent % width:
            rest, done = k.labels("rest", "done")
            k.branch(k.less(Value(at, INT64), stop), rest, done)
            k.place(rest)
            self._places([Place(at, Lanes(width, extent % width))], roots)
            k.jump(done)
            k.place(done)

    def _copies(self, at: Number, roots: Sequence[int]) -> None:
        width = self.plan.lanes
        copies = range(self.plan.copies)
        self._places([Place(plus(self.k, at, c * width), Lanes(width, width), c) for c in copies], roots)

    def _places(self, places: Sequence[Place], roots: Sequence[int]) -> None:
        """What one turn of the last loop does, for several vectors."""
        rows = range(len(self.pointers))
        everywhere = [place._replace(row=row) for row in rows for place in places]
        scopes = [dict(self.known_in[place.row]) for place in everywhere]
        if self.plan.product:
            self._products(everywhere, scopes)
        if self.plan.product and len(rows) > 1 and self.plan.ends_long:
            self._end_row_by_row(places, scopes, roots)
        else:
            self._effects(everywhere, scopes, roots)

    def _end_row_by_row(
        self, places: Sequence[Place], scopes: list[dict[int, Value]], roots: Sequence[int]
    ) -> None:
        """What is done with products, in a loop over the rows of the tile: written out it would be long."""
        k, rows, loop = self.k, len(self.pointers), self.nest.outer - 1
        saved = self.first, self.pointers, self.known_in
        for i in self.plan.product:
            if i not in self.rows:
                size = self.plan.tile * self.plan.copies * self.plan.lanes
                self.rows[i] = self.allocate(stored_type(self.reduce(i).dtype), size)
            for number, scope in enumerate(scopes):
                store(k, scope[i], self._in_tile(i, number), 1, Lanes(self.plan.lanes, self.plan.lanes))
        with k.loop(0, rows) as row:
            self.at[loop] = plus(k, self.first, row)
            self.enter_tile(1)
            self._row_values(self.plan.outer, self.known_in[0])
            ends = [dict(self.known_in[0]) for _ in places]
            first = times(k, row, len(places))
            for number, scope in enumerate(ends):
                for i in self.plan.product:
                    place, dtype = self._in_tile(i, plus(k, first, number)), self.reduce(i).dtype
                    scope[i] = load(k, place, dtype, 1, Lanes(self.plan.lanes, self.plan.lanes))
            self._effects(places, ends, roots)
        self.first, self.pointers, self.known_in = saved

    def _in_tile(self, i: int, number: Number) -> str:
        """Where a vector of a product is kept."""
        return element(self.k, self.rows[i], times(self.k, number, self.plan.lanes), self.reduce(i).dtype)

    def _effects(
        self, places: Sequence[Place], scopes: Sequence[dict[int, Value]], roots: Sequence[int]
    ) -> None:
        # The same of all vectors in turn, not one vector after the other: the processor works on several at
        # once only where they are near each other.
        for i in self.plan.needed(roots, self.saved):
            if i in self.plan.called and i not in self.saved:
                self.call(i, places, scopes)
            for place, scope in zip(places, scopes):
                self.enter(place)
                if i in roots:
                    if i not in self.plan.columns:
                        self._effect(i, place, scope)
                elif i not in scope:
                    self.value(i, place, scope)
        for i in sorted(self.plan.columns.intersection(roots)):
            self.add_to_columns(i, places, scopes)

    def _products(self, places: Sequence[Place], scopes: list[dict[int, Value]]) -> None:
        """Compute the reductions over the summed loops, for several vectors."""
        for i in self.plan.product:
            for place in places:
                self.start_partial(i, place)
        self._summed_loops(sorted(self.plan.summed), places)
        for i in self.plan.product:
            node = self.reduce(i)
            lower = None
            if node.lower is not None:
                lower = load(self.k, f"%a{node.lower}", node.dtype, 0, Lanes(1, 1))
            for place, scope in zip(places, scopes):
                kind = self._kind(i, place.lanes.width)
                dtype = self._sum_dtype(i)
                name = self.partial[i, place.row, place.copy]
                total = Value(self.k.emit(f"load {kind}, ptr {name}"), dtype, place.lanes.width)
                scope[i] = self.k.cast(total, node.dtype)
                if lower is not None:
                    scope[i] = self.k.multiply(scope[i], lower)

    def _summed_loops(self, loops: list[int], places: Sequence[Place]) -> None:
        if loops:
            sizes = [self.nest.extents[i] for i in loops]
            if math.prod(sizes) * len(places) <= _WRITTEN_OUT:
                for turn in numpy.ndindex(*sizes):
                    self.at[loops[0] : loops[-1] + 1] = turn
                    self._summed_loops([], places)
            else:
                with self.k.loop(0, sizes[0]) as index:
                    self.at[loops[0]] = index
                    self._summed_loops(loops[1:], places)
            return
        shared: dict[tuple[int, int], dict[int, Value]] = {}
        for place in places:
            self.enter(place)
            scope = Shared(self.plan, place, self.known_in[place.row], shared)
            for i in self.plan.product:
                self.add(i, place, scope)
