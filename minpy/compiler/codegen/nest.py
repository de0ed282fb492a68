"""A loop nest as data: what a kernel reads, computes, reduces and stores.

    loops i < 100, j < 784:
      0  load a[784 i + j]                  float32
      1  reduce maximum of 0 over j         float32
      2  subtract 0 1                       float32
      3  exp 2                              float32
      4  store 3 to b[784 i + j]

Nodes are numbered; each names those that it takes. A value depends on the loops along which something that it
was made of moves, so nothing has to be said about where it is computed: ``loops.py`` finds that. A store is
done once for each turn of the loops that its value or its place depends on.

Nests are plain, hashable data, so that equal ones are compiled once.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

import numpy

#: bytes of a line of the cache
LINE = 64


class Access(NamedTuple):
    """Where a nest reads or writes.

    Attributes:
        argument: the number of the pointer.
        dtype: of the elements.
        strides: the distance in elements from one turn of a loop to the next, for each loop.
        offset: in elements, of the first turn.
    """

    argument: int
    dtype: numpy.dtype
    strides: tuple[int, ...]
    offset: int = 0


class Load(NamedTuple):
    """An element of memory."""

    access: Access

    @property
    def dtype(self) -> numpy.dtype:
        return self.access.dtype


class Constant(NamedTuple):
    """A number; ``value`` is Python's, of any size: it is rounded to ``dtype``."""

    value: Any
    dtype: numpy.dtype


class Gather(NamedTuple):
    """An element of memory whose place other nodes say: as of a load, and from there on ``steps`` elements
    for each unit of ``indices``, which are of int64 and lead to no place outside of the memory."""

    access: Access
    indices: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def dtype(self) -> numpy.dtype:
        return self.access.dtype


class Index(NamedTuple):
    """``start`` and ``strides`` for each turn of the loops, as int64."""

    strides: tuple[int, ...]
    start: int = 0
    dtype: numpy.dtype = numpy.dtype("int64")


class Apply(NamedTuple):
    """An elementwise op of the table, by name; params are sorted pairs."""

    op: str
    dtype: numpy.dtype
    operands: tuple[int, ...]
    params: tuple[tuple[str, Any], ...] = ()


class Reduce(NamedTuple):
    """A value combined over some loops, in ``dtype``.

    Attributes:
        kind: the name of a binary op of the table: add, multiply, maximum, minimum, logical_and or
            logical_or.
        lower: of a sum over summed loops the number of the pointer to what it is multiplied by, or None.
    """

    kind: str
    dtype: numpy.dtype
    operand: int
    over: tuple[int, ...]
    lower: int | None = None


class Store(NamedTuple):
    """A value put into memory. It is of the dtype of the memory.

    Attributes:
        indices, steps: nodes that say where, as those of a ``Gather``.
        adds: it is added to what is there.
    """

    access: Access
    value: int
    indices: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    adds: bool = False


Node = Union[Load, Gather, Constant, Index, Apply, Reduce, Store]


def operands(node: Node) -> tuple[int, ...]:
    """The nodes that a node takes."""
    if isinstance(node, Apply):
        return node.operands
    if isinstance(node, Reduce):
        return (node.operand,)
    if isinstance(node, Store):
        return (node.value, *node.indices)
    return node.indices if isinstance(node, Gather) else ()


class Nest(NamedTuple):
    """Loops, outermost first, and the nodes in them.

    The loops are in three groups, one behind the other:

    - the first ``outer`` may be shared out among threads. A ``Reduce`` over all of these (and perhaps more)
      gives a value for each chunk, and nothing in the nest but stores takes it;
    - the next ``summed`` are those of products: each ``Reduce`` over them keeps the last loop;
    - the others are inner loops, at least one. The last is run in vectors. A ``Reduce`` over all of the inner
      loops gives a value for each turn of the outer ones, which later nodes may take. ``summed`` is 0 then.

    A ``Store`` to places that indices say is done in the order of the inner loops. Turns of the outer ones
    never meet in a place, nor do those of the last loop, unless it has one.
    """

    extents: tuple[int, ...]
    outer: int
    summed: int
    nodes: tuple[Node, ...]

    @property
    def inner(self) -> tuple[int, ...]:
        """The numbers of the inner loops."""
        return tuple(range(self.outer + self.summed, len(self.extents)))


def part_size(count: int, dtype: numpy.dtype) -> int:
    """The elements from one chunk's part of ``count`` sums to the next one's: vectors should not lie across
    lines of the cache."""
    vector = LINE // dtype.itemsize
    return count if count < vector else -(-count // vector) * vector


def dependences(nest: Nest) -> list[frozenset[int]]:
    """For each node the loops that it depends on; for a store those in which it is done."""
    found: list[frozenset[int]] = []
    summed = frozenset(range(nest.outer, nest.outer + nest.summed))
    for node in nest.nodes:
        if isinstance(node, Store) and nest.outer:
            reduced = nest.nodes[node.value]
            if isinstance(reduced, Reduce) and set(reduced.over).issuperset(range(nest.outer)):
                # there is one for each element that is stored, even where all are equal
                found[node.value] |= _moves(node.access.strides)
        taken = frozenset().union(*[found[i] for i in operands(node)])
        if isinstance(node, Store) and node.adds:  # each turn adds, also where all are equal
            found.append(frozenset(range(len(nest.extents))))
        elif isinstance(node, (Load, Gather, Store)):
            found.append(taken | _moves(node.access.strides))
        elif isinstance(node, Index):
            found.append(_moves(node.strides))
        elif isinstance(node, Reduce):
            kept = taken - frozenset(node.over)
            # sums over summed loops are computed for each element of the last loop, even where all are equal
            found.append(kept | {len(nest.extents) - 1} if summed and summed.issuperset(node.over) else kept)
        else:
            found.append(taken)
    return found


def _moves(strides: tuple[int, ...]) -> frozenset[int]:
    return frozenset(i for i, stride in enumerate(strides) if stride)
