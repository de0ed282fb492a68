"""What a nest reduces: accumulators of vectors, and what is made of them at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from minpy.compiler.codegen.builder import Value, scalar_type, type_of
from minpy.compiler.codegen.memory import Lanes, element, load, plus, store, times
from minpy.compiler.codegen.nest import Access, Apply, Reduce, Store, part_size
from minpy.compiler.codegen.values import Place, Values, rule

_FLOAT64 = numpy.dtype("float64")
#: elements of float32 that are added up in it
_SHORT_SUM = 1024
#: vectors of float64 that are added up one after the other; more are sums of such runs, as pairwise sums are
RUN = 16


class Reductions(Values):
    """The same with its reductions."""

    def reduce(self, i: int) -> Reduce:
        node = self.nest.nodes[i]
        assert isinstance(node, Reduce)
        return node

    def _sum_dtype(self, i: int) -> numpy.dtype:
        """The dtype in which a reduction is added up."""
        node = self.reduce(i)
        length = math.prod(self.nest.extents[loop] for loop in node.over)
        is_long = node.kind == "add" and node.dtype == "float32" and length > _SHORT_SUM
        return _FLOAT64 if is_long and i not in self.plan.columns | self.plan.product else node.dtype

    def _kind(self, i: int, lanes: int) -> str:
        return type_of(self._sum_dtype(i), lanes)

    def _combine(self, i: int, x: Value, y: Value) -> Value:
        return rule(self.reduce(i).kind)(self.k, x.dtype, x, y)

    def _identity(self, i: int) -> Value:
        dtype = self._sum_dtype(i)
        return self.k.constant(_identity(self.reduce(i).kind, dtype), dtype)

    def _is_row_sum(self, i: int) -> bool:
        """Whether what is reduced belongs to the row, so that it has one lane."""
        return any(i in sweep.before for sweep in self.plan.sweeps)

    def start_terminal(self, i: int) -> None:
        if i not in self.plan.columns:
            lanes = 1 if self._is_row_sum(i) else self.plan.lanes
            for copy in range(1 if lanes == 1 else self.plan.copies):
                self.total[i, copy] = self.allocate(self._kind(i, lanes))
                self._put(self._identity(i), self.total[i, copy], lanes)
            return
        for access in self._stores_of(i):
            pointer, node = self._chunk(i, access), self.reduce(i)
            with self.k.loop(0, self._kept(i)) as at:
                value = self.k.constant(_identity(node.kind, node.dtype), node.dtype)
                store(self.k, value, element(self.k, pointer, at, access.dtype), 0, Lanes(1, 1))

    def end_terminal(self, i: int) -> None:
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
        at = times(self.k, "%chunk", part_size(self._kept(i), access.dtype))
        return element(self.k, f"%a{access.argument}", at, access.dtype)

    def _put(self, value: Value, name: str, lanes: int) -> None:
        value = self.k.spread(value, lanes)
        self.k.lines.append(f"  store {type_of(value.dtype, lanes)} {value.text}, ptr {name}")

    def start_partial(self, i: int, place: Place | None = None) -> None:
        for row, copy in [(place.row, place.copy)] if place else [(0, c) for c in range(self.plan.copies)]:
            if (i, row, copy) not in self.partial:
                self.partial[i, row, copy] = self.allocate(self._kind(i, self.plan.lanes))
            self._put(self._identity(i), self.partial[i, row, copy], self.plan.lanes)

    def end_partial(self, i: int) -> None:
        names = [self.partial[i, 0, c] for c in range(self.plan.copies)]
        if i in self.plan.row:
            self.known_in[0][i] = self._folded(i, names, self.plan.lanes)
            return
        for copy, name in enumerate(names):
            self._add_to(i, self.total[i, copy], name)

    def _add_to(self, i: int, total: str, name: str) -> None:
        """Add what was added up at one place to what is at another."""
        lanes = self.plan.lanes
        kind, dtype = self._kind(i, lanes), self._sum_dtype(i)
        old, new = [Value(self.k.emit(f"load {kind}, ptr {x}"), dtype, lanes) for x in (total, name)]
        self._put(self._combine(i, old, new), total, lanes)

    def long_sums(self, roots: Sequence[int]) -> list[int]:
        """Sums of float64 along the last loop, among what it is run for."""
        nodes = self.nest.nodes
        return [
            i
            for i in roots
            if isinstance(nodes[i], Reduce)
            and (self.reduce(i).kind, self.reduce(i).dtype) == ("add", _FLOAT64)
            and i not in self.plan.columns
        ]

    def start_run(self, sums: Sequence[int]) -> dict[tuple[int, int, int], str]:
        """Add up from nothing on; gives where the sums so far are."""
        before = {key: name for key, name in self.partial.items() if key[0] in sums}
        for key in before:
            del self.partial[key]
        for i in sums:
            self.start_partial(i)
        return before

    def end_run(self, before: dict[tuple[int, int, int], str]) -> None:
        """Add what a run gave to the sums before it."""
        for key, name in before.items():
            self._add_to(key[0], name, self.partial[key])
        self.partial.update(before)

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
        return k.cast(value, self.reduce(i).dtype)

    def _single(self, x: Value) -> Value:
        text = self.k.emit(f"extractelement <1 x {scalar_type(x.dtype)}> {x.text}, i64 0")
        return Value(text, x.dtype)

    def add(self, i: int, place: Place, scope: dict[int, Value]) -> None:
        """Add one vector to a reduction."""
        k, node = self.k, self.reduce(i)
        dtype = self._sum_dtype(i)
        is_row = self._is_row_sum(i)
        row = place.row if i in self.plan.product else 0  # other sums are one for all rows of a tile
        name = self.total[i, 0] if is_row else self.partial[i, row, place.copy]
        lanes = 1 if is_row else place.lanes.width
        total = Value(k.emit(f"load {type_of(dtype, lanes)}, ptr {name}"), dtype, lanes)
        factors = self.nest.nodes[node.operand]
        is_product = isinstance(factors, Apply) and factors.op == "multiply" and factors.dtype == dtype
        if i in self.plan.product and node.kind == "add" and is_product and dtype.kind == "f":
            x, y = [k.cast(self.value(j, place, scope), dtype) for j in factors.operands]  # type: ignore[union-attr]
            self._put(k.fma(x, y, total), name, lanes)
            return
        value = k.spread(k.cast(self.value(node.operand, place, scope), dtype), lanes)
        if not place.lanes.is_full and i not in self.plan.product and not is_row:
            used = Value(place.lanes.mask, numpy.dtype(bool), lanes)
            value = k.select(used, value, self._identity(i))
        self._put(self._combine(i, total, value), name, lanes)

    def add_to_columns(self, i: int, places: Sequence[Place], scopes: Sequence[dict[int, Value]]) -> None:
        """Add vectors of all rows of the tile to sums in memory."""
        k, node = self.k, self.reduce(i)
        for place in places[: len(places) // len(self.pointers)]:
            values = []
            for other, scope in zip(places, scopes):
                if other.copy == place.copy:
                    self.enter(other)
                    values.append(k.cast(self.value(node.operand, other, scope), node.dtype))
            self.enter(place)
            for access in self._stores_of(i):
                at = plus(k, access.offset, self.distance(access, self.nest.inner))
                pointer = element(k, self._chunk(i, access), at, access.dtype)
                stride = access.strides[-1]
                total = load(k, pointer, access.dtype, stride, place.lanes)
                for value in values:
                    total = self._combine(i, total, value)
                store(k, total, pointer, stride, place.lanes)


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
