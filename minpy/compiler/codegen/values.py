"""The values of a nest: where they are read, computed and stored, at a place in its loops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Callable, NamedTuple

import numpy

from minpy.compiler.codegen.builder import Builder, Value
from minpy.compiler.codegen.called import called
from minpy.compiler.codegen.functions import Kernel
from minpy.compiler.codegen.memory import (
    Lanes,
    Number,
    element,
    fetch,
    gather,
    load,
    plus,
    store,
    stored_type,
    times,
)
from minpy.compiler.codegen.nest import LINE, Access, Apply, Constant, Gather, Index, Load, Nest, Store
from minpy.compiler.codegen.schedule import Schedule, scheduled
from minpy.compiler.codegen.views import contiguous
from minpy.ops import OPS

#: bytes that do not lie in the caches of a core
_LARGE = 1 << 22
#: vectors that a function is called with at once: processors hand on no more results in registers
_AT_ONCE = 4
INT64 = numpy.dtype("int64")


class Place(NamedTuple):
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


ROW = Place(0, Lanes(1, 1))


class Values:
    """A nest that is being written, as far as its nodes go."""

    def __init__(self, nest: Nest):
        self.nest = nest
        self.plan = scheduled(nest)
        self.k = Kernel()
        self.stack: list[str] = []  # allocations
        self.known: dict[int, Value] = {}  # what depends on no loop
        self.at: list[Number] = [0] * len(nest.extents)  # the turn of each loop
        self.partial: dict[tuple[int, int, int], str] = {}  # reduction, row, copy: where it is added up
        self.total: dict[tuple[int, int], str] = {}  # the same over all turns of a chunk
        self.rows: dict[int, str] = {}  # memory for values of a row
        self.saved: set[int] = set()  # those that are in it
        self.bands: dict[int, str] = {}  # memory for a value of each row of a band
        self.in_band: Number = 0  # which row of the band it is
        self.last = len(nest.extents) - 1
        self.accesses = [node.access for node in nest.nodes if isinstance(node, (Load, Gather, Store))]
        self.first: Number = 0  # of the rows of the tile
        self.pointers: list[dict[Access, str]] = []  # to each row of the tile
        self.known_in: list[
            dict[int, Value]
        ] = []  # what depends on outer loops only, for each row of the tile
        self.enter_tile(1)

    def allocate(self, kind: str, count: int = 1) -> str:
        """Memory on the stack."""
        name = self.k.name()
        self.stack.append(f"  {name} = alloca {kind}, i64 {count}, align 64")
        return name

    def enter_tile(self, rows: int) -> None:
        """Prepare for some rows, of which the outer loops are at the first."""
        if self.nest.outer:
            self.first = self.at[self.nest.outer - 1]
        self.pointers, self.known_in = [], []
        for row in range(rows):
            self.enter(ROW._replace(row=row))
            self.pointers.append({access: self._pointer(access) for access in self.accesses})
            self.known_in.append(dict(self.known))

    def enter(self, place: Place) -> None:
        """Set the loops to a place."""
        if self.nest.outer:
            self.at[self.nest.outer - 1] = plus(self.k, self.first, place.row)
        self.at[self.last] = place.start

    def put(self, i: int, place: Place, scope: dict[int, Value]) -> None:
        """Do a store, or save a value of the row."""
        node = self.nest.nodes[i]
        if isinstance(node, Store):
            k, access = self.k, node.access
            value = k.cast(self.value(node.value, place, scope), access.dtype)
            pointer, stride = self._address(access, place), access.strides[-1]
            if node.indices:
                far = self._distance_of(node, place, scope)
                assert far.lanes == 1, "several lanes may meet in one place"
                pointer = element(k, pointer, far.text, access.dtype)
            if node.adds:
                value = rule("add")(
                    k, access.dtype, load(k, pointer, access.dtype, stride, place.lanes), value
                )
            self._fetch(access, pointer, place, True)
            store(k, value, pointer, stride, place.lanes)
        else:
            value = self.value(i, place, scope)
            if i not in self.rows:
                size = math.prod(self.nest.extents[loop] for loop in self.plan.inner) * self.plan.band
                self.rows[i] = self.allocate(stored_type(node.dtype), size)
            store(self.k, value, self._saved_at(i, node.dtype), 1, place.lanes)

    def _saved_at(self, i: int, dtype: numpy.dtype) -> str:
        at = self.in_band
        for loop in self.nest.inner:
            at = plus(self.k, times(self.k, at, self.nest.extents[loop]), self.at[loop])
        return element(self.k, self.rows[i], at, dtype)

    def dtype(self, i: int) -> numpy.dtype:
        """Of a node that has a value."""
        return self.nest.nodes[i].dtype  # type: ignore[union-attr]

    def banded(self, i: int, row: Number) -> str:
        """Where a value of a row of the band is kept."""
        if i not in self.bands:
            self.bands[i] = self.allocate(stored_type(self.dtype(i)), self.plan.band)
        return element(self.k, self.bands[i], row, self.dtype(i))

    def _fetch(self, access: Access, pointer: str, place: Place, writes: bool) -> None:
        """Fetch what is ahead of a vector, where memory that lies beyond caches is gone through in order."""
        extents, size = self.nest.extents, place.lanes.width * access.dtype.itemsize
        is_large = math.prod(extents) * access.dtype.itemsize >= _LARGE
        if is_large and access.strides == contiguous(extents) and place.lanes.is_full and size % LINE == 0:
            fetch(self.k, pointer, size, writes)

    def _address(self, access: Access, place: Place) -> str:
        """A pointer to the element of an access at the current turn of all loops."""
        loops = range(self.nest.outer, len(self.nest.extents))
        return element(self.k, self.pointers[place.row][access], self.distance(access, loops), access.dtype)

    def _pointer(self, access: Access) -> str:
        """The part of an address that depends on the outer loops."""
        at = plus(self.k, access.offset, self.distance(access, range(self.nest.outer)))
        return element(self.k, f"%a{access.argument}", at, access.dtype)

    def distance(self, access: Access, loops: Iterable[int]) -> Number:
        """In elements, from where an access is at the first turn of these loops to where it is now."""
        at: Number = 0
        for loop in loops:
            at = plus(self.k, at, times(self.k, self.at[loop], access.strides[loop]))
        return at

    def value(self, i: int, place: Place, scope: dict[int, Value]) -> Value:
        """The value of a node, computed in the current block where it is not known."""
        found = scope.get(i)
        if found is not None:
            return found
        k, node = self.k, self.nest.nodes[i]
        if i in self.saved:
            value = load(k, self._saved_at(i, node.dtype), node.dtype, 1, place.lanes)  # type: ignore[union-attr]
        elif isinstance(node, Load):
            pointer = self._address(node.access, place)
            self._fetch(node.access, pointer, place, False)
            value = load(k, pointer, node.dtype, node.access.strides[-1], place.lanes)
        elif isinstance(node, Gather):
            value = self._gathered(node, place, scope)
        elif isinstance(node, Constant):
            value = k.constant(node.value, node.dtype)
        elif isinstance(node, Index):
            value = self._index(node, place)
        else:
            assert isinstance(node, Apply), f"{node} has no value here"
            operands = [self.value(j, place, scope) for j in self.plan.taken_by(i)]
            value = self._applied(i, node, operands)
        scope[i] = value
        return value

    def _applied(self, i: int, node: Apply, operands: list[Value]) -> Value:
        if i in self.plan.called:
            return self._called(i, [operands])[0]
        return rule(node.op)(self.k, node.dtype, *operands, **dict(node.params))

    def call(self, i: int, places: Sequence[Place], scopes: Sequence[dict[int, Value]]) -> None:
        """The values of a node that is called, at several places: at a few of them by one call, so that the
        processor works on them at once."""
        taken = self.plan.taken_by(i)
        for first in range(0, len(places), _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, len(places)))
            operands = [[self.value(j, places[n], scopes[n]) for j in taken] for n in some]
            for n, value in zip(some, self._called(i, operands)):
                scopes[n][i] = value

    def _called(self, i: int, operands: list[list[Value]]) -> list[Value]:
        node = self.nest.nodes[i]
        assert isinstance(node, Apply)

        def write(k: Builder, *given: Value) -> list[Value]:
            values = iter(given)
            forms = [[self._form(k, j, values) for j in node.operands] for _ in operands]
            # the same of all in turn, which gives the processor more to do at once
            return [rule(node.op)(k, node.dtype, *one, **dict(node.params)) for one in forms]

        return called(self.k, f"{node.op}_{node.dtype}", write, [x for one in operands for x in one])

    def _form(self, k: Builder, i: int, given: Iterator[Value]) -> Value:
        """The value of an operand within a function that is called."""
        node = self.nest.nodes[i]
        if i not in self.plan.inside:
            return next(given)
        assert isinstance(node, Apply)
        operands = [self._form(k, j, given) for j in node.operands]
        return rule(node.op)(k, node.dtype, *operands, **dict(node.params))

    def _gathered(self, node: Gather, place: Place, scope: dict[int, Value]) -> Value:
        k, access = self.k, node.access
        far, pointer = self._distance_of(node, place, scope), self._address(access, place)
        if far.lanes == 1:
            pointer = element(k, pointer, far.text, access.dtype)
            return load(k, pointer, access.dtype, access.strides[-1], place.lanes)
        return gather(
            k, pointer, k.add(far, self._steps(access.strides[-1], place)), access.dtype, place.lanes
        )

    def _distance_of(self, node: Gather | Store, place: Place, scope: dict[int, Value]) -> Value:
        """In elements, how far indices lead."""
        k = self.k
        total = k.constant(0, INT64)
        for i, step in zip(node.indices, node.steps):
            far = k.multiply(self.value(i, place, scope), k.constant(step, INT64))
            total = k.add(total, far)
        return total

    def _index(self, node: Index, place: Place) -> Value:
        at: Number = node.start
        for loop, stride in enumerate(node.strides):
            at = plus(self.k, at, times(self.k, self.at[loop], stride))
        first = Value(str(at), INT64)
        return self.k.add(first, self._steps(node.strides[-1], place)) if node.strides[-1] else first

    def _steps(self, stride: int, place: Place) -> Value:
        """How far each lane is from the first."""
        if place.lanes.width == 1:
            return self.k.constant(0, INT64)
        steps = "<" + ", ".join(f"i64 {i * stride}" for i in range(place.lanes.width)) + ">"
        return Value(steps, INT64, place.lanes.width)


class Shared(dict):
    """Values at a place in a product: those that other places of the tile have too are computed once."""

    def __init__(
        self,
        plan: Schedule,
        place: Place,
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


def rule(op: str) -> Callable[..., Value]:
    """How an elementwise op is written in instructions."""
    rule = OPS[op].scalar
    assert rule is not None, f"{op} has no scalar rule"
    return rule
