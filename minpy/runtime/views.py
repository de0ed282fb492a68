"""How views come from the array whose memory they show, and how a write to one reaches it."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import numpy

from minpy.ops import elementwise, indexing, rearrange, transcendental
from minpy.ops import shape as shape_ops
from minpy.ops.op import Op


def read_only(*args: Any, **params: Any) -> Any:
    raise ValueError("assignment destination is read-only")


#: op -> (base, new content of the view, arguments of the view) -> new content of the base
WRITE_BACK: dict[Op, Callable] = {
    indexing.index: lambda base, new, *arrays, template: indexing.index_put(
        base, new, *arrays, template=template
    ),
    shape_ops.reshape_op: lambda base, new, shape: shape_ops.reshape_op(new, shape=base.shape),
    shape_ops.transpose_op: lambda base, new, axes: shape_ops.transpose_op(
        new, axes=tuple(int(a) for a in numpy.argsort(axes))
    ),
    shape_ops.broadcast_to_op: read_only,
    rearrange.diagonal_op: read_only,
    elementwise.real: lambda base, new: new + 1j * transcendental.imag_op(base),
    transcendental.imag_op: lambda base, new: elementwise.real(base) + 1j * new,
}
#: ops whose result is a view of their first argument (``index`` only without index arrays)
VIEW_OPS = frozenset(WRITE_BACK)


class MadeBy(NamedTuple):
    """How a view comes from its base."""

    op: Any
    params: dict


class Reshaped:
    """Made of an array, whose shape was set, a view of what it was before.

    Attributes:
        version: of the array until then; views that are older are views of what it was.
    """

    def __init__(self, shape: tuple[int, ...], version: int):
        self.shape, self.version = shape, version

    def __call__(self, base: Any) -> Any:
        return shape_ops.reshape_op(base, shape=self.shape)

    def write_back(self, base: Any, new: Any) -> Any:
        """The content of the base after a write to the view."""
        return shape_ops.reshape_op(new, shape=base.shape)


def reshaped(array: Any) -> Reshaped | None:
    """How the array's shape was set, if it was."""
    made_by = array._made_by
    return made_by.op if type(made_by) is MadeBy and type(made_by.op) is Reshaped else None


def owner(array: Any) -> Any:
    """The array whose memory another one shows; None where the memory is its own."""
    found = None
    while array._base is not None:
        found = found if reshaped(array) else array._base
        array = array._base
    return found
