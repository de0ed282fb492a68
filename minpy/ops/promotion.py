"""When the value of an operand without axes may decide the dtype of a result.

NumPy 1 takes another dtype where the value does not fit that of the arrays which it meets. Inference takes
it to fit; here stands when that has to be checked.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import PYTHON_SCALARS, Aval, aval_of
from minpy.ops.lowering import NUMBERS, Builder, Operand, require
from minpy.ops.op import Op, register

#: NumPy's limits of what fits a float, or the parts of a complex number
_LARGEST = {numpy.dtype("e"): 65000.0, numpy.dtype("f"): 3.4e38, numpy.dtype("F"): 3.4e38}
#: NumPy promotes integers by the bits that they need; a float takes so many of them
_INTEGERS_OF_FLOATS = {16: (-(2**7), 2**8 - 1), 32: (-(2**15), 2**16 - 1)}


@functools.lru_cache(maxsize=1024)
def limits(number: numpy.dtype, array: numpy.dtype) -> tuple[Any, Any] | None:
    """Between which values a number of a dtype meets an array without another dtype; None for all."""
    if not {number.kind, array.kind} <= set("iufc"):
        return None
    dtype = numpy.result_type(numpy.ones((), number), numpy.ones(1, array))
    if numpy.can_cast(number, dtype):
        return None
    if dtype.kind in "iu":
        wide, narrow = numpy.iinfo(number), numpy.iinfo(dtype)
        return max(int(wide.min), int(narrow.min)), min(int(wide.max), int(narrow.max))
    if dtype not in _LARGEST:
        return None
    if number.kind in "iu":
        return _INTEGERS_OF_FLOATS[numpy.finfo(dtype).bits]
    largest = float(numpy.nextafter(_LARGEST[dtype], 0))
    return -largest, largest


def unsure(op: Op, args: tuple) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """The operands whose values may decide the dtype, with limits between which they do not."""
    if not op.elementwise or len(args) < 2:
        return
    avals = [None if isinstance(arg, PYTHON_SCALARS) else aval_of(arg) for arg in args]
    dtypes = {aval.dtype for aval in avals if aval is not None and aval.shape}
    for arg, aval in zip(args, avals):
        if aval is not None and not aval.shape:
            for dtype in dtypes:
                found = limits(aval.dtype, dtype)
                if found is not None:
                    yield arg, found


def fits(value: Any, low: Any, high: Any) -> bool:
    """Whether a number lies between limits, as nan and the infinities do, but of complex numbers."""
    if numpy.iscomplexobj(value):
        return bool(low <= value.real <= high and low <= value.imag <= high)
    return bool(low <= value <= high or not -math.inf < value < math.inf)


def _checked(x: Any, low: Any, high: Any) -> Any:
    if not fits(x, low, high):
        raise UnsupportedError("a number is so large that it decides the dtype of what it meets")
    return numpy.array(x)


def _within_mx(b: Builder, out: Aval, x: Operand, low: Any, high: Any) -> Operand:
    """The operator that reads at an index fails where the index is 1 of one element."""
    require(out.dtype, NUMBERS, "comparison")
    is_bool = Aval((), numpy.dtype(bool))

    def compare(name: str, value: Any) -> Operand:
        return b.op(f"_npi_{name}", is_bool, x, b.literal(value, out.dtype))

    def both(one: Operand, other: Operand) -> Operand:
        return b.op("_npi_multiply", is_bool, one, other)

    over, under = compare("greater", high), compare("less", low)
    if out.dtype.kind == "f":
        over, under = both(over, compare("less", numpy.inf)), both(under, compare("greater", -numpy.inf))
    place = b.reshape(b.cast(b.op("_npi_add", is_bool, over, under), "int64"), (1,))
    found = b.op("take", Aval((1,), out.dtype), b.reshape(x, (1,)), place, axis=0, mode="raise")
    return b.reshape(found, ())


#: the number itself; fails where it lies beyond the limits
within = register(
    Op(
        "within",
        numpy=_checked,
        infer=lambda x, low, high: aval_of(x),
        mx=_within_mx,
        vjp=(lambda g, ans, x, low, high: g,),
        family="promotion",
        may_raise=True,
        source="{0}",
    )
)
