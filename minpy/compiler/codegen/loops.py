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
from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple

import numpy

from minpy.compiler.codegen.builder import Value, scalar_type, type_of
from minpy.compiler.codegen.functions import Kernel
from minpy.compiler.codegen.memory import Lanes, Number, element, load, plus, store, stored_type, times
from minpy.compiler.codegen.nest import Access, Apply, Constant, Index, Load, Nest, Reduce, Store
from minpy.compiler.codegen.schedule import BLOCK, Schedule
from minpy.ops import OPS

_FLOAT64 = numpy.dtype("float64")
_INT64 = numpy.dtype("int64")
#: elements of float32 that are added up in it
_SHORT_SUM = 1024
#: vectors of products that are written out one after the other instead of as a loop
_WRITTEN_OUT = 32


def turns(nest: Nest) -> int:
    """How many turns there are to do."""
    return Schedule(nest).turns


def write(nest: Nest) -> str:
    """A module with the nest."""
    return _Writer(nest).module()


class _Place(NamedTuple):
    """Where in the last loop a vector stands.

    Attributes:
        start: the index of its first element.
        copy: which of the vectors of one turn it is.
        row: which of the rows of the tile it is in.
    """

    start: Number
    lanes: Lanes
    copy: int = 0
    row: int = 0


_ROW = _Place(0, Lanes(1, 1))


class _Writer:
    def __init__(self, nest: Nest):
        self.nest = nest
        self.plan = Schedule(nest)
        self.k = Kernel()
        self.stack: list[str] = []  # allocations
        self.known: dict[int, Value] = {}  # what depends on no loop
        self.at: list[Number] = [0] * len(nest.extents)  # the turn of each loop
        self.partial: dict[tuple[int, int, int], str] = {}  # reduction, row, copy: where it is added up
        self.total: dict[tuple[int, int], str] = {}  # the same over all turns of a chunk
        self.rows: dict[int, str] = {}  # memory for values of a row
        self.saved: set[int] = set()  # those that are in it
        self.last = len(nest.extents) - 1
        self.accesses = [node.access for node in nest.nodes if isinstance(node, (Load, Store))]
        self.first: Number = 0  # of the rows of the tile
        self.pointers: list[dict[Access, str]] = []  # to each row of the tile
        self.known_in: list[
            dict[int, Value]
        ] = []  # what depends on outer loops only, for each row of the tile
        self._enter_tile(1)

    # The module ---------------------------------------------------------------------------------

    def module(self) -> str:
        """The text of everything."""
        count = 1 + max(access.argument for access in self.accesses)
        self._body()
        numbers = "i64 %begin, i64 %end, i64 %chunk"
        given = "".join(f"ptr noalias %a{i}, " for i in range(count))
        lines = [f"define internal void @run({given}{numbers}) #0 {{", "entry:"]
        lines += [*self.stack, *self.k.lines, "  ret void", "}", ""]
        lines += [f"define void @nest(ptr %arguments, {numbers}) #0 {{", "entry:"]
        for i in range(count):
            lines.append(f"  %p{i} = getelementptr ptr, ptr %arguments, i64 {i}")
            lines.append(f"  %a{i} = load ptr, ptr %p{i}, align 8")
        taken = "".join(f"ptr %a{i}, " for i in range(count))
        lines += [f"  call void @run({taken}{numbers})", "  ret void", "}", ""]
        lines += [
            *sorted(self.k.intrinsics.values()),
            "",
            'attributes #0 = { nounwind "no-trapping-math"="true" }',
        ]
        return "\n".join(lines) + "\n"

    def _allocate(self, kind: str, count: int = 1) -> str:
        name = self.k.name()
        self.stack.append(f"  {name} = alloca {kind}, i64 {count}, align 64")
        return name

    def _body(self) -> None:
        k, plan = self.k, self.plan
        self._row_values(frozenset(), self.known)
        for i in plan.terminal:
            self._start_terminal(i)
        if plan.is_written_out:
            for place in numpy.ndindex(*self.nest.extents[: self.nest.outer]):
                self.at[: self.nest.outer] = place
                self._tile(0, 1)
        else:
            with k.loop("%begin", "%end") as turn:
                self._turn(turn)
        for i in plan.terminal:
            self._end_terminal(i)

    def _turn(self, turn: Number) -> None:
        k, tile = self.k, self.plan.tile
        block: Number = 0
        if self.plan.blocks > 1:
            turn, block = self._divided(turn, self.plan.blocks)
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
        if extent % tile == 0:
            self._tile(start, tile)
            return
        full, rest, done = k.labels("full", "rest", "done")
        k.branch(k.less(Value(str(row), _INT64), k.constant(extent // tile, _INT64)), full, rest)
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

    def _enter_tile(self, rows: int) -> None:
        """Prepare for some rows, of which the outer loops are at the first."""
        if self.nest.outer:
            self.first = self.at[self.nest.outer - 1]
        self.pointers, self.known_in = [], []
        for row in range(rows):
            self._enter(_ROW._replace(row=row))
            self.pointers.append({access: self._pointer(access) for access in self.accesses})
            self.known_in.append(dict(self.known))

    def _enter(self, place: _Place) -> None:
        if self.nest.outer:
            self.at[self.nest.outer - 1] = plus(self.k, self.first, place.row)
        self.at[self.last] = place.start

    def _tile(self, start: Number, rows: int) -> None:
        self._enter_tile(rows)
        self.saved = set()
        for stage, sweep in enumerate(self.plan.sweeps):
            for row in range(rows):
                place = _ROW._replace(row=row)
                self._enter(place)
                for i in sweep.before:
                    self._effect(i, place, self.known_in[row])
                self._row_values(self.plan.outer, self.known_in[row], row, stage)
            roots = [*sweep.roots, *sweep.saved]
            if not roots:
                continue
            sums = [
                i for i in sweep.roots if i in self.plan.row or i in self.plan.terminal - self.plan.columns
            ]
            for i in sums:
                self._start_partial(i)
            self._inner_loops(list(self.nest.inner[:-1]), start, roots)
            self.saved.update(sweep.saved)
            for i in sums:
                self._end_partial(i)

    def _row_values(
        self, loops: frozenset[int], known: dict[int, Value], row: int = 0, stage: int = 0
    ) -> None:
        """Compute what depends on these loops only, so that inner loops have it."""
        for i, node in enumerate(self.nest.nodes):
            is_ready = self.plan.depends[i] <= loops and self.plan.stage[i] <= stage
            if is_ready and isinstance(node, (Load, Apply, Index, Constant)) and i not in known:
                self._value(i, _ROW._replace(row=row), known)

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
            with self.k.loop(0, done, step) as at:
                self._copies(at, roots)
        elif done:
            self._copies(0, roots)
        left = range(done, extent, width)
        if left:
            lanes = [Lanes(width, min(width, extent - index)) for index in left]
            self._places([_Place(index, lanes[c], c) for c, index in enumerate(left)], roots)

    def _block(self, start: str, roots: Sequence[int]) -> None:
        k, extent, width = self.k, self.nest.extents[-1], self.plan.lanes
        step = width * self.plan.copies
        limits = [Value(str(x), _INT64) for x in (plus(k, start, BLOCK), extent)]
        stop = k.call("smin", *limits)
        with k.loop(start, k.emit(f"sub i64 {stop.text}, {step - 1}"), step) as at:
            self._copies(at, roots)
        if extent % step >= width:
            with k.loop(at, k.emit(f"sub i64 {stop.text}, {width - 1}"), width) as at:
                self._places([_Place(at, Lanes(width, width))], roots)
        if extent % width:
            rest, done = k.labels("rest", "done")
            k.branch(k.less(Value(at, _INT64), stop), rest, done)
            k.place(rest)
            self._places([_Place(at, Lanes(width, extent % width))], roots)
            k.jump(done)
            k.place(done)

    def _copies(self, at: Number, roots: Sequence[int]) -> None:
        width = self.plan.lanes
        copies = range(self.plan.copies)
        self._places([_Place(plus(self.k, at, c * width), Lanes(width, width), c) for c in copies], roots)

    def _places(self, places: Sequence[_Place], roots: Sequence[int]) -> None:
        """What one turn of the last loop does, for several vectors."""
        places = [place._replace(row=row) for row in range(len(self.pointers)) for place in places]
        scopes = [dict(self.known_in[place.row]) for place in places]
        if self.plan.product:
            self._products(places, scopes)
        for place, scope in zip(places, scopes):
            self._enter(place)
            for i in roots:
                if i not in self.plan.columns:
                    self._effect(i, place, scope)
        for i in sorted(self.plan.columns.intersection(roots)):
            self._add_to_columns(i, places, scopes)

    def _products(self, places: Sequence[_Place], scopes: list[dict[int, Value]]) -> None:
        """Compute the reductions over the summed loops, for several vectors."""
        for i in self.plan.product:
            for place in places:
                self._start_partial(i, place)
        self._summed_loops(sorted(self.plan.summed), places)
        for i in self.plan.product:
            for place, scope in zip(places, scopes):
                kind = self._kind(i, place.lanes.width)
                dtype = self._sum_dtype(i)
                name = self.partial[i, place.row, place.copy]
                total = Value(self.k.emit(f"load {kind}, ptr {name}"), dtype, place.lanes.width)
                scope[i] = self.k.cast(total, self._reduce(i).dtype)

    def _summed_loops(self, loops: list[int], places: Sequence[_Place]) -> None:
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
            self._enter(place)
            scope = _Shared(self.plan, place, self.known_in[place.row], shared)
            for i in self.plan.product:
                self._add(i, place, scope)

    # Reductions -----------------------------------------------------------------------------------

    def _reduce(self, i: int) -> Reduce:
        node = self.nest.nodes[i]
        assert isinstance(node, Reduce)
        return node

    def _sum_dtype(self, i: int) -> numpy.dtype:
        """The dtype in which a reduction is added up."""
        node = self._reduce(i)
        length = math.prod(self.nest.extents[loop] for loop in node.over)
        is_long = node.kind == "add" and node.dtype == "float32" and length > _SHORT_SUM
        return _FLOAT64 if is_long and i not in self.plan.columns else node.dtype

    def _kind(self, i: int, lanes: int) -> str:
        return type_of(self._sum_dtype(i), lanes)

    def _combine(self, i: int, x: Value, y: Value) -> Value:
        return _rule(self._reduce(i).kind)(self.k, x.dtype, x, y)

    def _identity(self, i: int) -> Value:
        dtype = self._sum_dtype(i)
        return self.k.constant(_identity(self._reduce(i).kind, dtype), dtype)

    def _is_row_sum(self, i: int) -> bool:
        """Whether what is reduced belongs to the row, so that it has one lane."""
        return any(i in sweep.before for sweep in self.plan.sweeps)

    def _start_terminal(self, i: int) -> None:
        if i not in self.plan.columns:
            lanes = 1 if self._is_row_sum(i) else self.plan.lanes
            for copy in range(1 if lanes == 1 else self.plan.copies):
                self.total[i, copy] = self._allocate(self._kind(i, lanes))
                self._put(self._identity(i), self.total[i, copy], lanes)
            return
        for access in self._stores_of(i):
            pointer, node = self._chunk(i, access), self._reduce(i)
            with self.k.loop(0, self._kept(i)) as at:
                value = self.k.constant(_identity(node.kind, node.dtype), node.dtype)
                store(self.k, value, element(self.k, pointer, at, access.dtype), 0, Lanes(1, 1))

    def _end_terminal(self, i: int) -> None:
        if i in self.plan.columns:
            return
        lanes = 1 if self._is_row_sum(i) else self.plan.lanes
        value = self._folded(
            i, [self.total[i, c] for c in range(1 if lanes == 1 else self.plan.copies)], lanes
        )
        for access in self._stores_of(i):
            pointer = element(self.k, self._chunk(i, access), access.offset, access.dtype)
            store(self.k, value, pointer, 0, Lanes(1, 1))

    def _stores_of(self, i: int) -> list[Access]:
        return [node.access for node in self.nest.nodes if isinstance(node, Store) and node.value == i]

    def _kept(self, i: int) -> int:
        return math.prod(self.nest.extents[loop] for loop in self.plan.depends[i])

    def _chunk(self, i: int, access: Access) -> str:
        """Where the results of this chunk are."""
        at = times(self.k, "%chunk", self._kept(i))
        return element(self.k, f"%a{access.argument}", at, access.dtype)

    def _put(self, value: Value, name: str, lanes: int) -> None:
        value = self.k.spread(value, lanes)
        self.k.lines.append(f"  store {type_of(value.dtype, lanes)} {value.text}, ptr {name}")

    def _start_partial(self, i: int, place: _Place | None = None) -> None:
        for row, copy in [(place.row, place.copy)] if place else [(0, c) for c in range(self.plan.copies)]:
            if (i, row, copy) not in self.partial:
                self.partial[i, row, copy] = self._allocate(self._kind(i, self.plan.lanes))
            self._put(self._identity(i), self.partial[i, row, copy], self.plan.lanes)

    def _end_partial(self, i: int) -> None:
        names = [self.partial[i, 0, c] for c in range(self.plan.copies)]
        if i in self.plan.row:
            self.known_in[0][i] = self._folded(i, names, self.plan.lanes)
            return
        for copy, name in enumerate(names):
            lanes = self.plan.lanes
            kind, dtype = self._kind(i, lanes), self._sum_dtype(i)
            total = self.total[i, copy]
            old, new = [Value(self.k.emit(f"load {kind}, ptr {x}"), dtype, lanes) for x in (total, name)]
            self._put(self._combine(i, old, new), total, lanes)

    def _folded(self, i: int, names: Sequence[str], lanes: int) -> Value:
        """One number of several vectors in memory."""
        k, kind, dtype = self.k, self._kind(i, lanes), self._sum_dtype(i)
        values = [Value(k.emit(f"load {kind}, ptr {name}"), dtype, lanes) for name in names]
        while len(values) > 1:
            values = [self._combine(i, x, y) for x, y in zip(values[::2], values[1::2])]
        value = values[0]
        while value.lanes > 1:
            half = value.lanes // 2
            kind, parts = type_of(dtype, value.lanes), []
            for first in (0, half):
                order = f"<{half} x i32> <" + ", ".join(f"i32 {first + j}" for j in range(half)) + ">"
                text = k.emit(f"shufflevector {kind} {value.text}, {kind} poison, {order}")
                parts.append(Value(text, dtype, half))
            if half == 1:
                parts = [self._single(part) for part in parts]
            value = self._combine(i, *parts)
        return k.cast(value, self._reduce(i).dtype)

    def _single(self, x: Value) -> Value:
        text = self.k.emit(f"extractelement <1 x {scalar_type(x.dtype)}> {x.text}, i64 0")
        return Value(text, x.dtype)

    def _add(self, i: int, place: _Place, scope: dict[int, Value]) -> None:
        """Add one vector to a reduction."""
        k, node = self.k, self._reduce(i)
        dtype = self._sum_dtype(i)
        is_row = self._is_row_sum(i)
        name = self.total[i, 0] if is_row else self.partial[i, place.row, place.copy]
        lanes = 1 if is_row else place.lanes.width
        total = Value(k.emit(f"load {type_of(dtype, lanes)}, ptr {name}"), dtype, lanes)
        factors = self.nest.nodes[node.operand]
        is_product = isinstance(factors, Apply) and factors.op == "multiply" and factors.dtype == dtype
        if i in self.plan.product and node.kind == "add" and is_product and dtype.kind == "f":
            x, y = [k.cast(self._value(j, place, scope), dtype) for j in factors.operands]  # type: ignore[union-attr]
            self._put(k.fma(x, y, total), name, lanes)
            return
        value = k.spread(k.cast(self._value(node.operand, place, scope), dtype), lanes)
        if not place.lanes.is_full and i not in self.plan.product and not is_row:
            used = Value(place.lanes.mask, numpy.dtype(bool), lanes)
            value = k.select(used, value, self._identity(i))
        self._put(self._combine(i, total, value), name, lanes)

    def _add_to_columns(self, i: int, places: Sequence[_Place], scopes: Sequence[dict[int, Value]]) -> None:
        """Add vectors of all rows of the tile to sums in memory."""
        k, node = self.k, self._reduce(i)
        for place in places[: len(places) // len(self.pointers)]:
            values = []
            for other, scope in zip(places, scopes):
                if other.copy == place.copy:
                    self._enter(other)
                    values.append(k.cast(self._value(node.operand, other, scope), node.dtype))
            self._enter(place)
            for access in self._stores_of(i):
                at = plus(k, access.offset, self._distance(access, self.nest.inner))
                pointer = element(k, self._chunk(i, access), at, access.dtype)
                stride = access.strides[-1]
                total = load(k, pointer, access.dtype, stride, place.lanes)
                for value in values:
                    total = self._combine(i, total, value)
                store(k, total, pointer, stride, place.lanes)

    # Nodes ----------------------------------------------------------------------------------------

    def _effect(self, i: int, place: _Place, scope: dict[int, Value]) -> None:
        """Do a store, add to a reduction, or save a value of the row."""
        node = self.nest.nodes[i]
        if isinstance(node, Reduce):
            self._add(i, place, scope)
        elif isinstance(node, Store):
            value = self.k.cast(self._value(node.value, place, scope), node.access.dtype)
            store(self.k, value, self._address(node.access, place), node.access.strides[-1], place.lanes)
        else:
            value = self._value(i, place, scope)
            if i not in self.rows:
                size = math.prod(self.nest.extents[loop] for loop in self.plan.inner)
                self.rows[i] = self._allocate(stored_type(node.dtype), size)
            store(self.k, value, self._saved_at(i, node.dtype), 1, place.lanes)

    def _saved_at(self, i: int, dtype: numpy.dtype) -> str:
        at: Number = 0
        for loop in self.nest.inner:
            at = plus(self.k, times(self.k, at, self.nest.extents[loop]), self.at[loop])
        return element(self.k, self.rows[i], at, dtype)

    def _address(self, access: Access, place: _Place) -> str:
        """A pointer to the element of an access at the current turn of all loops."""
        loops = range(self.nest.outer, len(self.nest.extents))
        return element(self.k, self.pointers[place.row][access], self._distance(access, loops), access.dtype)

    def _pointer(self, access: Access) -> str:
        """The part of an address that depends on the outer loops."""
        at = plus(self.k, access.offset, self._distance(access, range(self.nest.outer)))
        return element(self.k, f"%a{access.argument}", at, access.dtype)

    def _distance(self, access: Access, loops: Iterable[int]) -> Number:
        at: Number = 0
        for loop in loops:
            at = plus(self.k, at, times(self.k, self.at[loop], access.strides[loop]))
        return at

    def _value(self, i: int, place: _Place, scope: dict[int, Value]) -> Value:
        """The value of a node, computed in the current block where it is not known."""
        found = scope.get(i)
        if found is not None:
            return found
        k, node = self.k, self.nest.nodes[i]
        if i in self.saved:
            value = load(k, self._saved_at(i, node.dtype), node.dtype, 1, place.lanes)  # type: ignore[union-attr]
        elif isinstance(node, Load):
            value = load(
                k, self._address(node.access, place), node.dtype, node.access.strides[-1], place.lanes
            )
        elif isinstance(node, Constant):
            value = k.constant(node.value, node.dtype)
        elif isinstance(node, Index):
            value = self._index(node.loop, place)
        else:
            assert isinstance(node, Apply), f"{node} has no value here"
            operands = [self._value(j, place, scope) for j in node.operands]
            value = _rule(node.op)(k, node.dtype, *operands, **dict(node.params))
        scope[i] = value
        return value

    def _index(self, loop: int, place: _Place) -> Value:
        first = Value(str(self.at[loop]), _INT64)
        if loop != self.last or place.lanes.width == 1:
            return first
        steps = "<" + ", ".join(f"i64 {i}" for i in range(place.lanes.width)) + ">"
        return self.k.add(first, Value(steps, _INT64, place.lanes.width))


class _Shared(dict):
    """Values at a place in a product: those that other places of the tile have too are computed once."""

    def __init__(
        self,
        plan: Schedule,
        place: _Place,
        known: dict[int, Value],
        shared: dict[tuple[int, int], dict[int, Value]],
    ):
        super().__init__(known)
        self._plan, self._place, self._shared = plan, place, shared

    def _of(self, i: int) -> dict[int, Value]:
        depends, plan = self._plan.depends[i], self._plan
        row = self._place.row if plan.nest.outer - 1 in depends else -1
        copy = self._place.copy if len(plan.nest.extents) - 1 in depends else -1
        return self._shared.setdefault((row, copy), {})

    def get(self, i: int, default: Value | None = None) -> Value | None:  # type: ignore[override]
        return super().get(i) or self._of(i).get(i, default)

    def __setitem__(self, i: int, value: Value) -> None:
        self._of(i)[i] = value


def _rule(op: str) -> Callable[..., Value]:
    """How an elementwise op is written in instructions."""
    rule = getattr(OPS[op], "scalar", None)
    assert rule is not None, f"{op} has no scalar rule"
    return rule


def _identity(kind: str, dtype: numpy.dtype) -> float | int:
    """What changes nothing when it is combined with another number."""
    if kind in ("add", "multiply"):
        return (-0.0 if dtype.kind == "f" else 0) if kind == "add" else 1
    if kind in ("logical_and", "logical_or"):
        return kind == "logical_and"
    if dtype.kind == "f":
        return -math.inf if kind == "maximum" else math.inf
    if dtype.kind == "b":
        return kind == "minimum"
    limits = numpy.iinfo(dtype)
    return int(limits.min if kind == "maximum" else limits.max)
