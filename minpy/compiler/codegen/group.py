"""Statements over one space of loops: what becomes one nest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Union

import numpy

from minpy.compiler.codegen.nest import Apply, Constant, Reduce
from minpy.compiler.codegen.space import Loops, Space
from minpy.compiler.codegen.statements import Fold, Home, Map, Put, Root
from minpy.compiler.codegen.views import View


class Read(NamedTuple):
    """An element of memory; ``moves`` are pairs of a loop and the distance from turn to turn.

    From there on it is ``steps`` elements for each unit of the nodes ``indices``.
    """

    root: Root
    home: Home
    offset: int
    moves: tuple[tuple[int, int], ...]
    indices: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()


class Counted(NamedTuple):
    """The number ``start``, and what moves in the loops."""

    start: int
    moves: tuple[tuple[int, int], ...]


class Written(NamedTuple):
    """A value that is put into memory; places as of a ``Read``."""

    home: Home
    offset: int
    moves: tuple[tuple[int, int], ...]
    node: int
    dtype: numpy.dtype
    indices: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    adds: bool = False


Entry = Union[Read, Counted, Constant, Apply, Reduce]


class Within(NamedTuple):
    """A value of a group: the node that computes it, and how its elements' numbers move in the loops."""

    node: int
    moves: dict[int, int]


class Group:
    """Statements over one space of loops.

    Attributes:
        row: the loops over which rows are reduced, whose results the group goes on with.
        summed: the loops of sums within, as those of a product of matrices.
        scattered: the loops of places that indices say, which are gone through in their order.
        terminal: the loops of each reduction over the outer ones, whose result is there afterwards.
        nodes: what is computed, in order; loops are those of ``space``.
        values: what other statements of the group may take.
        ends: values that are there after the group only.
        puts: what else it writes to memory; ``reads``: the values that it reads from there.
        statements: all that went into it.
        level: it is later than that of any group that it reads from.
        readers: the groups that read from it.
        moved: the group that took all of its statements.
        product: of a group that is a product by BLAS, the factors in memory and where the result lies.
    """

    def __init__(self, number: int):
        self.number = number
        self.space = Space()
        self.row: Loops | None = None
        self.summed: Loops | None = None
        self.scattered: Loops | None = None
        self.terminal: list[Loops] = []
        self.nodes: list[Entry] = []
        self.values: dict[Root, Within] = {}
        self.ends: dict[Root, Within] = {}
        self.puts: list[Written] = []
        self.reads: set[Root] = set()
        self.statements: list[tuple[Root | None, Map | Fold | Put]] = []
        self.level = 0
        self.readers: set[Group] = set()
        self.moved: Group | None = None
        self.product: tuple[View, View, Home] | None = None
        self._numbers: dict[Any, int] = {}

    def node(self, entry: Entry) -> int:
        """The number of a node, which is there once."""
        key: Any = entry
        if isinstance(entry, Constant):
            key = Constant, entry.dtype, repr(entry.value)  # 0.0, -0.0 and False are equal
        elif isinstance(entry, Apply):
            key = Apply, *entry[:3], repr(entry.params)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.nodes)
            self.nodes.append(entry)
        return found

    @property
    def closed(self) -> Loops:
        """Loops that values of the group cannot go along any more."""
        return self.space.leaves(self.summed or ())

    def may_be_at(self, level: int) -> bool:
        """Whether it is at a level, or can be lifted there: all that read from it are later."""
        return level <= self.level or all(
            reader.level > level for reader in self.readers if reader.moved is None
        )

    def may_have_rows(self, over: Loops) -> bool:
        """Whether rows over these loops, the last ones, fit to what is reduced so far."""
        if self.row is not None:
            return set(self.space.leaves(self.row)) == set(over)
        outer = set(self.space.order) - set(over)
        return all(_is_end(set(self.space.leaves(other)), outer, set(over)) for other in self.terminal)

    def may_end(self, over: Loops) -> bool:
        """Whether a reduction over these loops can be one over all of the outer loops."""
        return bool(over) and self.outer([*self.terminal, over]) is not None

    def outer(self, terminal: Sequence[Loops]) -> Loops | None:
        """The outer loops, if there are such with these reductions over them."""
        leaves = [set(self.space.leaves(loops)) for loops in terminal]
        if self.row is None:
            found = set.intersection(*leaves) if leaves else set()
        else:
            found = set(self.space.order) - set(self.space.leaves(self.row))
        is_first = set(self.space.order[: len(found)]) == found
        inner = set(self.space.order) - found
        fits = is_first and all(_is_end(loops, found, inner) for loops in leaves) and (found or self.row)
        return tuple(self.space.order[: len(found)]) if fits else None

    def read(self, root: Root) -> None:
        """Note that it reads a value from memory."""
        self.reads.add(root)
        for other in groups_of(root):
            other.readers.add(self)

    def state(self) -> tuple:
        """What ``restore`` goes back to. Nodes stay, since those that nothing needs are left out later."""
        lengths = len(self.terminal), len(self.puts), len(self.statements)
        return self.level, self.row, lengths, set(self.reads), dict(self.values), dict(self.ends)

    def restore(self, state: tuple) -> None:
        """Take back all statements since ``state``."""
        self.level, self.row, lengths, self.reads, self.values, self.ends = state
        for held, length in zip((self.terminal, self.puts, self.statements), lengths):
            del held[length:]  # type: ignore[attr-defined]

    def move(self, into: Group) -> None:
        """Leave everything to another group, which has taken all statements."""
        into.readers |= self.readers
        self.moved = into
        self.statements, self.puts, self.values, self.ends = [], [], {}, {}


def _is_end(over: set[int], outer: set[int], inner: set[int]) -> bool:
    """Whether a reduction is over all outer loops, and over all of the inner ones or none."""
    return outer <= over and (inner <= over or not inner & over)


def level_of(root: Root) -> int:
    """The level after which a value is in memory, if it is stored; -1 for inputs."""
    return max([group.level for group in groups_of(root)], default=-1)


def groups_of(root: Root) -> list[Group]:
    """The groups that compute a value."""
    found = []
    for group in root.groups:
        while group.moved is not None:
            group = group.moved
        found.append(group)
    return found
