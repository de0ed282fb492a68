"""Comparison, logic and selection: what gives bools, and ``where``. The derivatives are 0."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy

from minpy.ops import kernels
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, result_type
from minpy.ops.lowering import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    Builder,
    Operand,
    as_attribute,
    binary,
    require,
    through_int8,
)
from minpy.ops.op import ZERO, Op, Ufunc, numpy_function, refuse, register, ufunc

# Comparison ------------------------------------------------------------------------------------


def common_dtype(x: Operand, y: Operand) -> numpy.dtype:
    """The dtype in which NumPy compares two operands."""
    return result_type(*[v.aval if v.number is None else v.number for v in (x, y)])


def _comparison(name: str, function: Callable, mirrored: str) -> Ufunc:
    mx = binary(
        f"_npi_{name}",
        f"_npi_{name}_scalar",
        f"_npi_{mirrored}_scalar",
        allowed=NUMBERS | {numpy.dtype(bool)},
        compute_dtype=common_dtype,
    )
    return ufunc(name, function, mx, ZERO, ZERO)


equal = _comparison("equal", numpy.equal, "equal")
not_equal = _comparison("not_equal", numpy.not_equal, "not_equal")
less: Ufunc = _comparison("less", numpy.less, "greater")
less_equal = _comparison("less_equal", numpy.less_equal, "greater_equal")
greater: Ufunc = _comparison("greater", numpy.greater, "less")
greater_equal = _comparison("greater_equal", numpy.greater_equal, "less_equal")

# Logic and bits --------------------------------------------------------------------------------

#: MXNet's bitwise operators refuse bool arrays, but its arithmetic on them is that of logic.
_ON_BOOLS = {"and": "_npi_multiply", "or": "_npi_add", "xor": "_npi_not_equal"}


def _logical_mx(name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
        dtype = common_dtype(x, y)  # in which a tiny number may be 0, which is false
        x, y = (v if v.number is None else b.cast(v, dtype) for v in (x, y))
        return b.op(_ON_BOOLS[name], out, b.cast(x, numpy.bool_), b.cast(y, numpy.bool_))

    return mx


def _bitwise_mx(name: str) -> Callable:
    on_integers, on_bools = binary(f"_npi_bitwise_{name}", allowed=INTEGERS), _logical_mx(name)

    def mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
        return (on_bools if out.dtype == numpy.bool_ else on_integers)(b, out, x, y)

    return mx


logical_and = ufunc("logical_and", numpy.logical_and, _logical_mx("and"), ZERO, ZERO)
logical_or = ufunc("logical_or", numpy.logical_or, _logical_mx("or"), ZERO, ZERO)
logical_xor = ufunc("logical_xor", numpy.logical_xor, _logical_mx("xor"), ZERO, ZERO)
logical_not = ufunc(
    "logical_not",
    numpy.logical_not,
    lambda b, out, x: b.op("_npi_logical_not", out, b.cast(x, numpy.bool_)),
    ZERO,
)
bitwise_and = ufunc("bitwise_and", numpy.bitwise_and, _bitwise_mx("and"), ZERO, ZERO)
bitwise_or = ufunc("bitwise_or", numpy.bitwise_or, _bitwise_mx("or"), ZERO, ZERO)
bitwise_xor = ufunc("bitwise_xor", numpy.bitwise_xor, _bitwise_mx("xor"), ZERO, ZERO)
left_shift = ufunc("left_shift", numpy.left_shift, None, ZERO, ZERO)
right_shift = ufunc("right_shift", numpy.right_shift, None, ZERO, ZERO)


def _invert_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    if out.dtype == numpy.bool_:
        return b.op("_npi_logical_not", out, x)
    require(out.dtype, INTEGERS, "invert")
    return b.op("_npi_bitwise_not", out, x)


invert = ufunc("invert", numpy.invert, _invert_mx, ZERO, aliases=("bitwise_not",))


def _classify(mx_name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        require(x.aval.dtype, FLOATS, mx_name)
        return b.op(mx_name, out, x)

    return mx


isnan = ufunc("isnan", numpy.isnan, _classify("_npi_isnan"), ZERO)
isinf = ufunc("isinf", numpy.isinf, _classify("_npi_isinf"), ZERO)
isfinite = ufunc("isfinite", numpy.isfinite, _classify("_npi_isfinite"), ZERO)


# Selection -------------------------------------------------------------------------------------


def _where_infer(condition: Any, x: Any, y: Any) -> Aval:
    shape = broadcast_shapes(*[aval_of(v).shape for v in (condition, x, y)])
    return Aval(shape, result_type(x, y))


def _where_mx(b: Builder, out: Aval, condition: Operand, x: Operand, y: Operand) -> Operand:
    """MXNet's older operator takes a third of the time; it broadcasts nothing, and knows no bool."""
    condition = b.cast(condition, numpy.bool_)
    fits = all(v.aval.shape == out.shape if v.number is None else _can_fill(v) for v in (x, y))
    if not fits or out.dtype not in FLOATS or condition.aval.shape != out.shape or not out.shape:
        return through_int8(lambda b, out, x, y: b.op("_npi_where", out, condition, x, y))(b, out, x, y)
    x, y = (_filled(b, out, v) if v.number is not None else b.cast(v, out.dtype) for v in (x, y))
    return b.op("where", out, b.cast(condition, "int8"), x, y)


def _can_fill(x: Operand) -> bool:
    """Whether MXNet can make an array of a number; of -0.0 it makes 0.0."""
    value = as_attribute(x)
    return value is not None and (value != 0 or math.copysign(1, value) > 0)


def _filled(b: Builder, out: Aval, x: Operand) -> Operand:
    """An array of one number."""
    return b.op("_npi_full", out, shape=out.shape, dtype=out.dtype.name, value=as_attribute(x))


where_op: Op = register(
    Op(
        "where",
        numpy=numpy.where,
        infer=_where_infer,
        mx=_where_mx,
        scalar=kernels.where,
        vjp=(
            ZERO,
            lambda g, ans, condition, x, y: where_op(condition, g, 0),
            lambda g, ans, condition, x, y: where_op(condition, 0, g),
        ),
        family="elementwise",
        source="np.where({operands})",
        elementwise=True,
        selects=True,
    )
)


@numpy_function(numpy.where)
def where(condition, x=None, y=None):
    """``x`` where ``condition`` is true, else ``y``; with the condition alone, ``nonzero``."""
    if x is None and y is None:
        refuse(condition="alone")  # the shape of the result depends on the data
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return where_op(condition, x, y)
