"""Elementwise functions: arithmetic, exponentials, trigonometry, rounding, selection.

Derivatives are the textbook ones. Conventions where a derivative does not exist: ``abs`` and
``sign`` have derivative 0 at 0; ``maximum`` and ``minimum`` share the gradient equally at ties;
rounding functions have derivative 0 everywhere.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy

from minpy.ops.aval import Aval, aval_of, broadcast_shapes, result_type
from minpy.ops.lowering import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    Builder,
    Operand,
    binary,
    require,
    through_int8,
    unary,
)
from minpy.ops.op import FUNCTIONS, ZERO, Op, Ufunc, numpy_function, publish, refuse, register


def _ufunc(name: str, ufunc: Callable, mx: Callable | None, *vjp: Any, aliases: tuple = ()) -> Ufunc:
    """Put a ufunc into the table and make it public under its name and ``aliases``."""
    op = Ufunc(name, ufunc, mx=mx, vjp=vjp, family="elementwise")
    register(op)
    for public in (name, *aliases):
        publish(public, op, ufunc)
    return op


def _half_where_equal(compare: Callable, g: Any, x: Any, y: Any) -> Any:
    """``g`` where ``compare(x, y)``, half of it where they are equal, else 0."""
    return g * (astype(compare(x, y), dtype=g.dtype) + 0.5 * astype(equal(x, y), dtype=g.dtype))


# Casting ---------------------------------------------------------------------------------------


def _astype_vjp(g: Any, ans: Any, x: Any, dtype: Any) -> Any:
    return g  # the walk casts each cotangent to the dtype of its argument


astype = register(
    Op(
        "astype",
        numpy=lambda x, dtype: numpy.asarray(x).astype(dtype),
        infer=lambda x, dtype: Aval(aval_of(x).shape, numpy.dtype(dtype)),
        mx=lambda b, out, x, dtype: b.cast(x, dtype),
        vjp=(_astype_vjp,),
        family="elementwise",
        elementwise=True,
        doc="``x.astype(dtype)``.",
    )
)
copy = register(
    Op(
        "copy",
        numpy=lambda x: numpy.array(x),
        infer=lambda x: aval_of(x),
        mx=lambda b, out, x: b.op("_copy", out, x) if x.aval.dtype != numpy.bool_ else x,
        vjp=(lambda g, ans, x: g,),
        family="elementwise",
        elementwise=True,
        doc="A copy of the array.",
    )
)
real = register(
    Op(
        "real",
        numpy=numpy.real,
        infer=lambda x: Aval(aval_of(x).shape, numpy.zeros((), aval_of(x).dtype).real.dtype),
        vjp=(lambda g, ans, x: g,),
        family="elementwise",
        elementwise=True,
    )
)


# Arithmetic ------------------------------------------------------------------------------------

add = _ufunc(
    "add",
    numpy.add,
    binary("_npi_add", "_npi_add_scalar", "_npi_add_scalar"),
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: g,
)
subtract = _ufunc(
    "subtract",
    numpy.subtract,
    binary("_npi_subtract", "_npi_subtract_scalar", "_npi_rsubtract_scalar"),
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: -g,
)
multiply = _ufunc(
    "multiply",
    numpy.multiply,
    binary("_npi_multiply", "_npi_multiply_scalar", "_npi_multiply_scalar"),
    lambda g, ans, x, y: g * y,
    lambda g, ans, x, y: g * x,
)
true_divide = _ufunc(
    "true_divide",
    numpy.true_divide,
    binary("_npi_true_divide", "_npi_true_divide_scalar", "_npi_rtrue_divide_scalar", allowed=FLOATS),
    lambda g, ans, x, y: g / y,
    lambda g, ans, x, y: -g * ans / y,
    aliases=("divide",),
)
# MXNet has no floor_divide, and its remainder gives 0 instead of nan for a zero divisor.
floor_divide = _ufunc("floor_divide", numpy.floor_divide, None, ZERO, ZERO)
remainder = _ufunc(
    "remainder",
    numpy.remainder,
    None,
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: -g * floor_divide(x, y),
    aliases=("mod",),
)


def _power_mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
    require(out.dtype, FLOATS, "power of integers")
    base = b.cast(x, out.dtype)
    if y.number == 2:  # the general operator is 25 times slower
        return b.op("_npi_square", out, base) if x.number is None else b.op("_npi_multiply", out, base, base)
    return binary("_npi_power", "_npi_power_scalar", "_npi_rpower_scalar", FLOATS)(b, out, x, y)


def _power_vjp_x(g: Any, ans: Any, x: Any, y: Any) -> Any:
    if isinstance(y, (int, float)):
        if y == 0:
            return g * 0.0
        return g * (y * x) if y == 2 else g * (y * power(x, y - 1))
    # d/dx x**0 is 0 also at x = 0, where x**-1 is infinite
    return g * (y * power(x, where(equal(y, 0), 1, y - 1)))


def _power_vjp_y(g: Any, ans: Any, x: Any, y: Any) -> Any:
    return g * (ans * log(where(equal(x, 0), 1.0, x)))  # d/dy 0**y is 0 for y > 0


power = _ufunc("power", numpy.power, _power_mx, _power_vjp_x, _power_vjp_y)
negative = _ufunc("negative", numpy.negative, unary("_npi_negative", NUMBERS), lambda g, ans, x: -g)
positive = _ufunc("positive", numpy.positive, lambda b, out, x: b.cast(x, out.dtype), lambda g, ans, x: g)
absolute = _ufunc(
    "absolute",
    numpy.absolute,
    unary("_npi_absolute", NUMBERS),
    lambda g, ans, x: g * sign(x),
    aliases=("abs",),
)
fabs = _ufunc("fabs", numpy.fabs, unary("_npi_absolute"), lambda g, ans, x: g * sign(x))
square = _ufunc("square", numpy.square, unary("_npi_square", NUMBERS), lambda g, ans, x: g * (2 * x))
reciprocal = _ufunc(
    "reciprocal", numpy.reciprocal, unary("_npi_reciprocal"), lambda g, ans, x: -g * (ans * ans)
)
maximum = _ufunc(
    "maximum",
    numpy.maximum,
    binary("_npi_maximum", "_npi_maximum_scalar", "_npi_maximum_scalar"),
    lambda g, ans, x, y: _half_where_equal(greater, g, x, y),
    lambda g, ans, x, y: _half_where_equal(greater, g, y, x),
)
minimum = _ufunc(
    "minimum",
    numpy.minimum,
    binary("_npi_minimum", "_npi_minimum_scalar", "_npi_minimum_scalar"),
    lambda g, ans, x, y: _half_where_equal(less, g, x, y),
    lambda g, ans, x, y: _half_where_equal(less, g, y, x),
)


# Exponentials and logarithms -------------------------------------------------------------------

exp = _ufunc("exp", numpy.exp, unary("_npi_exp"), lambda g, ans, x: g * ans)
exp2 = _ufunc("exp2", numpy.exp2, None, lambda g, ans, x: g * (ans * math.log(2)))
expm1 = _ufunc("expm1", numpy.expm1, unary("_npi_expm1"), lambda g, ans, x: g * (ans + 1))
log = _ufunc("log", numpy.log, unary("_npi_log"), lambda g, ans, x: g / x)
log2 = _ufunc("log2", numpy.log2, unary("_npi_log2"), lambda g, ans, x: g / (x * math.log(2)))
log10 = _ufunc("log10", numpy.log10, unary("_npi_log10"), lambda g, ans, x: g / (x * math.log(10)))
log1p = _ufunc("log1p", numpy.log1p, unary("_npi_log1p"), lambda g, ans, x: g / (x + 1))
logaddexp = _ufunc(
    "logaddexp",
    numpy.logaddexp,
    None,
    lambda g, ans, x, y: g * exp(x - ans),
    lambda g, ans, x, y: g * exp(y - ans),
)
sqrt = _ufunc("sqrt", numpy.sqrt, unary("_npi_sqrt"), lambda g, ans, x: g * 0.5 / ans)
cbrt = _ufunc("cbrt", numpy.cbrt, unary("_npi_cbrt"), lambda g, ans, x: g / (3 * ans * ans))


# Trigonometry ----------------------------------------------------------------------------------

sin = _ufunc("sin", numpy.sin, unary("_npi_sin"), lambda g, ans, x: g * cos(x))
cos = _ufunc("cos", numpy.cos, unary("_npi_cos"), lambda g, ans, x: -g * sin(x))
tan = _ufunc("tan", numpy.tan, unary("_npi_tan"), lambda g, ans, x: g * (1 + ans * ans))
arcsin = _ufunc("arcsin", numpy.arcsin, unary("_npi_arcsin"), lambda g, ans, x: g / sqrt(1 - x * x))
arccos = _ufunc("arccos", numpy.arccos, unary("_npi_arccos"), lambda g, ans, x: -g / sqrt(1 - x * x))
arctan = _ufunc("arctan", numpy.arctan, unary("_npi_arctan"), lambda g, ans, x: g / (1 + x * x))
sinh = _ufunc("sinh", numpy.sinh, unary("_npi_sinh"), lambda g, ans, x: g * cosh(x))
cosh = _ufunc("cosh", numpy.cosh, unary("_npi_cosh"), lambda g, ans, x: g * sinh(x))
tanh = _ufunc("tanh", numpy.tanh, unary("_npi_tanh"), lambda g, ans, x: g * (1 - ans * ans))
arcsinh = _ufunc("arcsinh", numpy.arcsinh, unary("_npi_arcsinh"), lambda g, ans, x: g / sqrt(x * x + 1))
arccosh = _ufunc("arccosh", numpy.arccosh, unary("_npi_arccosh"), lambda g, ans, x: g / sqrt(x * x - 1))
arctanh = _ufunc("arctanh", numpy.arctanh, unary("_npi_arctanh"), lambda g, ans, x: g / (1 - x * x))
arctan2 = _ufunc(
    "arctan2",
    numpy.arctan2,
    binary("_npi_arctan2", allowed=FLOATS),
    lambda g, ans, y, x: g * x / (x * x + y * y),
    lambda g, ans, y, x: -g * y / (x * x + y * y),
)
hypot = _ufunc(
    "hypot",
    numpy.hypot,
    binary("_npi_hypot", allowed=FLOATS),
    lambda g, ans, x, y: g * x / ans,
    lambda g, ans, x, y: g * y / ans,
)


def _factor(factor: float) -> Callable:
    """Multiplication by a constant: MXNet's own conversions of angles have an imprecise one."""

    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        require(out.dtype, FLOATS, "conversion of angles")
        return b.op("_npi_multiply_scalar", out, b.cast(x, out.dtype), scalar=factor, is_int=False)

    return mx


deg2rad = _ufunc(
    "deg2rad",
    numpy.deg2rad,
    _factor(math.pi / 180),
    lambda g, ans, x: g * (math.pi / 180),
)
rad2deg = _ufunc(
    "rad2deg",
    numpy.rad2deg,
    _factor(180 / math.pi),
    lambda g, ans, x: g * (180 / math.pi),
)
publish("radians", deg2rad, numpy.radians)
publish("degrees", rad2deg, numpy.degrees)


# Rounding and signs: derivative 0 --------------------------------------------------------------


def _sign_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    require(out.dtype, NUMBERS, "sign")
    if out.dtype not in FLOATS:
        return b.op("_npi_sign", out, b.cast(x, out.dtype))
    is_number = b.op("_npi_equal", Aval(out.shape, numpy.dtype(bool)), x, x)
    return b.op("_npi_where", out, is_number, b.op("_npi_sign", out, x), x)  # MXNet's sign(nan) is 0


sign = _ufunc("sign", numpy.sign, _sign_mx, ZERO)
floor = _ufunc("floor", numpy.floor, unary("_npi_floor"), ZERO)
ceil = _ufunc("ceil", numpy.ceil, unary("_npi_ceil"), ZERO)
trunc = _ufunc("trunc", numpy.trunc, unary("_npi_trunc"), ZERO)
# _npi_rint rounds halves down; NumPy rounds them to even, as _npi_around does.
rint = _ufunc("rint", numpy.rint, unary("_npi_around"), ZERO)


# Comparison and logic --------------------------------------------------------------------------


def _comparison(name: str, ufunc: Callable, mirrored: str) -> Ufunc:
    mx = binary(
        f"_npi_{name}",
        f"_npi_{name}_scalar",
        f"_npi_{mirrored}_scalar",
        compute_dtype=lambda x, y: result_type(*[v.aval if v.number is None else v.number for v in (x, y)]),
    )
    return _ufunc(name, ufunc, mx, ZERO, ZERO)


equal = _comparison("equal", numpy.equal, "equal")
not_equal = _comparison("not_equal", numpy.not_equal, "not_equal")
less = _comparison("less", numpy.less, "greater")
less_equal = _comparison("less_equal", numpy.less_equal, "greater_equal")
greater = _comparison("greater", numpy.greater, "less")
greater_equal = _comparison("greater_equal", numpy.greater_equal, "less_equal")


#: MXNet's bitwise operators refuse bool arrays, but its arithmetic on them is that of logic.
_ON_BOOLS = {"and": "_npi_multiply", "or": "_npi_add", "xor": "_npi_not_equal"}


def _logical_mx(name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
        return b.op(_ON_BOOLS[name], out, b.cast(x, numpy.bool_), b.cast(y, numpy.bool_))

    return mx


def _bitwise_mx(name: str) -> Callable:
    on_integers, on_bools = binary(f"_npi_bitwise_{name}", allowed=INTEGERS), _logical_mx(name)

    def mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
        return (on_bools if out.dtype == numpy.bool_ else on_integers)(b, out, x, y)

    return mx


logical_and = _ufunc("logical_and", numpy.logical_and, _logical_mx("and"), ZERO, ZERO)
logical_or = _ufunc("logical_or", numpy.logical_or, _logical_mx("or"), ZERO, ZERO)
logical_xor = _ufunc("logical_xor", numpy.logical_xor, _logical_mx("xor"), ZERO, ZERO)
logical_not = _ufunc(
    "logical_not",
    numpy.logical_not,
    lambda b, out, x: b.op("_npi_logical_not", out, b.cast(x, numpy.bool_)),
    ZERO,
)
bitwise_and = _ufunc("bitwise_and", numpy.bitwise_and, _bitwise_mx("and"), ZERO, ZERO)
bitwise_or = _ufunc("bitwise_or", numpy.bitwise_or, _bitwise_mx("or"), ZERO, ZERO)
bitwise_xor = _ufunc("bitwise_xor", numpy.bitwise_xor, _bitwise_mx("xor"), ZERO, ZERO)


def _invert_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    if out.dtype == numpy.bool_:
        return b.op("_npi_logical_not", out, x)
    require(out.dtype, INTEGERS, "invert")
    return b.op("_npi_bitwise_not", out, x)


invert = _ufunc("invert", numpy.invert, _invert_mx, ZERO, aliases=("bitwise_not",))


def _classify(mx_name: str) -> Callable:
    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        require(x.aval.dtype, FLOATS, mx_name)
        return b.op(mx_name, out, x)

    return mx


isnan = _ufunc("isnan", numpy.isnan, _classify("_npi_isnan"), ZERO)
isinf = _ufunc("isinf", numpy.isinf, _classify("_npi_isinf"), ZERO)
isfinite = _ufunc("isfinite", numpy.isfinite, _classify("_npi_isfinite"), ZERO)


# Selection -------------------------------------------------------------------------------------


def _where_infer(condition: Any, x: Any, y: Any) -> Aval:
    shape = broadcast_shapes(*[aval_of(v).shape for v in (condition, x, y)])
    return Aval(shape, result_type(x, y))


def _where_mx(b: Builder, out: Aval, condition: Operand, x: Operand, y: Operand) -> Operand:
    condition = b.cast(condition, numpy.bool_)
    return through_int8(lambda b, out, x, y: b.op("_npi_where", out, condition, x, y))(b, out, x, y)


where_op = register(
    Op(
        "where",
        numpy=numpy.where,
        infer=_where_infer,
        mx=_where_mx,
        vjp=(
            ZERO,
            lambda g, ans, condition, x, y: where(condition, g, 0),
            lambda g, ans, condition, x, y: where(condition, 0, g),
        ),
        family="elementwise",
        elementwise=True,
    )
)


@numpy_function(numpy.where)
def where(condition, x=None, y=None):
    """``x`` where ``condition`` is true, else ``y``; with the condition alone, ``nonzero``."""
    if x is None and y is None:
        refuse(condition="alone")  # the shape of the result depends on the data
    return where_op(condition, x, y)


@numpy_function(numpy.clip)
def clip(a, a_min=None, a_max=None, out=None, **options):
    """``a`` limited to ``[a_min, a_max]``; the gradient is 0 outside, half of it exactly on a limit."""
    refuse(out=out, **options)
    if a_min is None and a_max is None:
        raise ValueError("One of max or min must be given")
    result = a if a_min is None else maximum(a, a_min)
    return result if a_max is None else minimum(result, a_max)


@numpy_function(numpy.around, numpy.round_)
def around(a, decimals=0, out=None):
    """``a`` rounded to ``decimals`` places, halves to even; the gradient is 0."""
    refuse(out=out, decimals=decimals or None)
    return rint(a) if aval_of(a).dtype.kind == "f" else positive(a)


publish("round", FUNCTIONS["around"], *({numpy.round} if hasattr(numpy, "round") else ()))
