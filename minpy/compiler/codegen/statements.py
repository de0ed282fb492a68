"""What loops do for a body: elementwise maps, folds, and values joined in one piece of memory.

Each statement makes a ``Root``. Its operands are views of roots, broadcast to the shape of its loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Union

import numpy

from minpy.compiler.codegen.nest import Constant
from minpy.compiler.codegen.views import View, contiguous
from minpy.compiler.ir import Eqn
from minpy.ops.aval import product


class Buffer:
    """A piece of memory.

    Attributes:
        kind: ``input``, ``output`` or ``scratch``.
        number: of an input or output, which one it is.
        size: in bytes.
        dtype: of the elements.
        filled: with what it is filled before anything is written there; None where nothing has to be.
    """

    __slots__ = ("dtype", "filled", "kind", "number", "size")

    def __init__(self, kind: str, number: int, aval: Any):
        self.kind = kind
        self.number = number
        self.dtype = aval.dtype
        self.filled: Constant | None = None
        self.size = product(aval.shape) * aval.dtype.itemsize


class Home(NamedTuple):
    """Where the elements of a value lie: how its axes move in a buffer, in elements."""

    buffer: Buffer
    strides: tuple[int, ...]
    offset: int = 0


class Root:
    """A value that views look at.

    Attributes:
        by: what computes it; None for an input.
        homes: where it lies, or is to be stored.
        groups: those of statements that compute it; of a value that is put together those of its parts.
        eqn: the equation that it belongs to.
    """

    __slots__ = ("by", "dtype", "eqn", "groups", "homes", "shape")

    def __init__(self, shape: Sequence[int], dtype: Any, by: Statement | None = None):
        self.shape = tuple(shape)
        self.dtype = numpy.dtype(dtype)
        self.by = by
        self.homes: list[Home] = []
        self.groups: list[Any] = []
        self.eqn: Eqn | None = None

    @property
    def bytes(self) -> int:
        return product(self.shape) * self.dtype.itemsize

    def at_home(self, kind: str, number: int = 0) -> Root:
        """Let it lie in a buffer of its own."""
        self.homes.append(Home(Buffer(kind, number, self), contiguous(self.shape)))
        return self


Operand = Union[View, Constant]


class Map(NamedTuple):
    """An elementwise op.

    Attributes:
        table: of the op ``TAKE`` what is read. Its axes are those of ``shape``, along which it may move, and
            one for each operand, which says how far to go along it.
    """

    op: str
    shape: tuple[int, ...]
    operands: tuple[Operand, ...]
    params: dict[str, Any]
    table: View | None = None

    @property
    def taken(self) -> tuple[Operand, ...]:
        """All that it takes."""
        return self.operands if self.table is None else (*self.operands, self.table)


#: elements of a value in memory, at places that other values say
TAKE = "take"


class Count:
    """What computes a value whose element number i is i, in int64. It is never in memory."""


class Fold(NamedTuple):
    """A reduction of a value, or of the products of two, over axes of their space, which it does not keep."""

    kind: str
    shape: tuple[int, ...]
    operands: tuple[View, ...]
    axes: tuple[int, ...]


class Join(NamedTuple):
    """Values that together fill the memory of another: each with its shape and its place there."""

    parts: tuple[tuple[Operand, tuple[int, ...], Home], ...]


class Put(NamedTuple):
    """One of these values, to be written to its place."""

    shape: tuple[int, ...]
    operands: tuple[Operand]
    home: Home


class Scatter(NamedTuple):
    """Values written to places that other values say, one after the other.

    Attributes:
        shape: the axes of the places, and those along which each is written.
        places: how many of them are axes of places. Along the others no two elements meet.
        operands: what is written, and how far to go along each of the last axes of ``there``.
        there: a view of a home. Its axes are those of ``shape``, and one for each index.
        base: what is in that home before; None for zeros.
        adds: to what is there.
    """

    shape: tuple[int, ...]
    places: int
    operands: tuple[Operand, ...]
    there: View
    base: Root | None
    adds: bool


class Product(NamedTuple):
    """A product of two matrices by BLAS."""

    operands: tuple[View, View]


Statement = Union[Map, Count, Fold, Join, Put, Scatter, Product]
