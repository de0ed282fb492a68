"""Numbers of classes, and the check that they are some, in kernels too."""

from __future__ import annotations

from typing import Any

import numpy

from minpy.ops.aval import Aval, aval_of
from minpy.ops.elementwise import astype
from minpy.ops.logic import equal, greater_equal, less, logical_and
from minpy.ops.lowering import NUMBERS, Builder, Operand, require
from minpy.ops.op import ZERO, Op, numpy_function, register

_DTYPE = numpy.dtype("int32")


def _checked(x: Any, holds: Any) -> Any:
    if not holds.all():
        raise IndexError("a value is none of those that there are")
    return numpy.array(x)


#: the first argument; fails where the second is not true everywhere. It stands in parts of ops only, which
#: are for kernels, so it is not in the table
checked = Op(
    "checked",
    numpy=_checked,
    infer=lambda x, holds: aval_of(x),
    vjp=(lambda g, ans, x, holds: g, ZERO),
    family="neural",
    may_raise=True,
)


def _class_indices(labels: Any, count: int) -> Any:
    with numpy.errstate(invalid="ignore"):  # nan is none
        indices = labels.astype(_DTYPE)
    wrong = (indices != labels) | (indices < 0) | (indices >= count)
    if wrong.any():
        place = tuple(int(i) for i in numpy.argwhere(wrong)[0])
        where = f" at {list(place)}" if place else ""
        raise IndexError(
            f"labels are whole numbers from 0 to {count - 1}, and that{where} is {labels[place]}"
        )
    return indices


def _class_indices_parts(labels: Any, count: int) -> Any:
    dtype = aval_of(labels).dtype
    indices = astype(labels, dtype=_DTYPE)
    holds = logical_and(greater_equal(indices, 0), less(indices, count))
    if dtype != _DTYPE:
        holds = logical_and(holds, equal(astype(indices, dtype=dtype), labels))
    return checked(indices, holds)


def _class_indices_mx(b: Builder, out: Aval, labels: Operand, count: int) -> Operand:
    """The operator that reads at an index fails where that is negative or too large."""
    require(labels.aval.dtype, NUMBERS, "comparison")
    indices = b.cast(labels, out.dtype)
    if labels.aval.dtype != out.dtype:
        is_whole = Aval(out.shape, numpy.dtype(bool))
        is_whole_number = b.op("_npi_equal", is_whole, b.cast(indices, labels.aval.dtype), labels)
        indices = b.op("_npi_where", out, is_whole_number, indices, b.literal(-1, out.dtype))
    return b.op("take", out, b.literal(numpy.arange(count), out.dtype), indices, axis=0, mode="raise")


class_indices_op = register(
    Op(
        "class_indices",
        numpy=_class_indices,
        infer=lambda labels, count: Aval(aval_of(labels).shape, _DTYPE),
        mx=_class_indices_mx,
        parts=_class_indices_parts,
        vjp=(ZERO,),
        family="neural",
        may_raise=True,
        source="{0}.astype(np.int32)",
        doc="Labels as integers; IndexError where one is not a whole number from 0 to ``count`` - 1.",
    )
)


@numpy_function(name="nn.class_indices", gradient=False)
def class_indices(labels, count):
    """Labels of classes, integers or whole floats, as integers.

    Raises:
        IndexError: where one is not a whole number from 0 to ``count`` - 1, in compiled code too.
    """
    return class_indices_op(labels, count=count)
