"""Elementwise functions: casts, arithmetic, exponentials, trigonometry, rounding, limits.

Derivatives are the textbook ones; what holds where there is none stands in docs/gradients.md.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any, Callable

import numpy

from minpy.ops import kernels
from minpy.ops.aval import Aval, aval_of, broadcast_shapes, real_dtype
from minpy.ops.logic import common_dtype, equal, where, where_op
from minpy.ops.lowering import (
    FLOATS,
    NUMBERS,
    STORABLE,
    Builder,
    Operand,
    activation,
    binary,
    require,
    unary,
)
from minpy.ops.op import (
    FUNCTIONS,
    OPS,
    ZERO,
    Box,
    Op,
    Ufunc,
    current_interpreter,
    numpy_function,
    publish,
    refuse,
    register,
    ufunc,
)


def unless_zero(x: Any) -> Any:
    """A divisor whose quotient is 0 where ``x`` is 0."""
    return where_op(equal(x, 0), math.inf, x)


# Casting ---------------------------------------------------------------------------------------


def _astype_vjp(g: Any, ans: Any, x: Any, dtype: Any) -> Any:
    return g  # the walk casts each cotangent to the dtype of its argument


astype = register(
    Op(
        "astype",
        numpy=lambda x, dtype: numpy.asarray(x).astype(dtype),
        infer=lambda x, dtype: Aval(aval_of(x).shape, numpy.dtype(dtype)),
        mx=lambda b, out, x, dtype: b.cast(x, dtype),
        scalar=lambda k, out, x, dtype: kernels.unchanged(k, out, x),
        vjp=(_astype_vjp,),
        family="elementwise",
        source="np.asarray({0}, {dtype})",
        elementwise=True,
        doc="``x.astype(dtype)``.",
    )
)
copy = register(
    Op(
        "copy",
        numpy=lambda x: numpy.array(x, order="C"),
        infer=lambda x: aval_of(x),
        mx=unary("_copy", STORABLE),
        scalar=kernels.unchanged,
        vjp=(lambda g, ans, x: g,),
        family="elementwise",
        source="np.array({0})",
        elementwise=True,
        doc="A copy of the array.",
    )
)
real = register(
    Op(
        "real",
        numpy=numpy.real,
        infer=lambda x: Aval(aval_of(x).shape, real_dtype(aval_of(x).dtype)),
        mx=unary("_copy", NUMBERS),  # MXNet has real numbers only
        scalar=kernels.unchanged,
        vjp=(lambda g, ans, x: g,),
        family="elementwise",
        source="np.real({0})",
        elementwise=True,
    )
)


# Arithmetic ------------------------------------------------------------------------------------

add = ufunc(
    "add",
    numpy.add,
    binary("_npi_add", "_npi_add_scalar", "_npi_add_scalar"),
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: g,
)
subtract = ufunc(
    "subtract",
    numpy.subtract,
    binary("_npi_subtract", "_npi_subtract_scalar", "_npi_rsubtract_scalar"),
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: -g,
)
multiply = ufunc(
    "multiply",
    numpy.multiply,
    binary("_npi_multiply", "_npi_multiply_scalar", "_npi_multiply_scalar"),
    lambda g, ans, x, y: g * y,
    lambda g, ans, x, y: g * x,
)
true_divide = ufunc(
    "true_divide",
    numpy.true_divide,
    binary("_npi_true_divide", "_npi_true_divide_scalar", "_npi_rtrue_divide_scalar", allowed=FLOATS),
    lambda g, ans, x, y: g / y,
    lambda g, ans, x, y: -g * ans / y,
    aliases=("divide",),
    singular=True,
)
# MXNet has no floor_divide, and its remainder gives 0 instead of nan for a zero divisor.
floor_divide = ufunc("floor_divide", numpy.floor_divide, None, ZERO, ZERO)
remainder = ufunc(
    "remainder",
    numpy.remainder,
    None,
    lambda g, ans, x, y: g,
    lambda g, ans, x, y: -g * floor_divide(x, y),
    aliases=("mod",),
)


def _square_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    require(out.dtype, NUMBERS, "square")
    x = b.cast(x, out.dtype)
    if out.dtype in FLOATS:
        return b.op("_npi_square", out, x)
    return b.op("_npi_multiply", out, x, x)  # MXNet squares integers as floats


def _power_mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
    if y.number == 2:
        return _square_mx(b, out, x)  # the general operator is 25 times slower
    require(out.dtype, FLOATS, "power of integers")
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


power = ufunc("power", numpy.power, _power_mx, _power_vjp_x, _power_vjp_y, singular=True)
negative = ufunc("negative", numpy.negative, unary("_npi_negative", NUMBERS), lambda g, ans, x: -g)
positive = ufunc("positive", numpy.positive, unary("_copy", NUMBERS), lambda g, ans, x: g)


def _absolute_vjp(g: Any, ans: Any, x: Any) -> Any:
    """For complex x the change of |x| is Re(conj(x) dx) / |x|."""
    if aval_of(x).dtype.kind == "c":
        return g * (OPS["conjugate"](x) / unless_zero(ans))
    return g * sign(x)


absolute = ufunc(
    "absolute",
    numpy.absolute,
    unary("_npi_absolute", NUMBERS),
    _absolute_vjp,
    aliases=("abs",),
)
fabs = ufunc("fabs", numpy.fabs, unary("_npi_absolute"), lambda g, ans, x: g * sign(x))
square = ufunc("square", numpy.square, _square_mx, lambda g, ans, x: g * (2 * x))
reciprocal = ufunc(
    "reciprocal",
    numpy.reciprocal,
    unary("_npi_reciprocal"),
    lambda g, ans, x: -g * (ans * ans),
    singular=True,
)


def _beside(number: float, upwards: bool) -> float | None:
    """The float32 next to a number, if the number is one."""
    narrow = numpy.float32(number)
    if narrow != number or not numpy.isfinite(narrow):
        return None
    return float(numpy.nextafter(narrow, numpy.float32(math.inf if upwards else -math.inf)))


def _share_with_number(
    b: Builder, out: Aval, g: Operand, x: Operand, number: float, upwards: bool
) -> Operand | None:
    """After a comparison with a number: by MXNet's gradient, with the next float, so that >= means >."""
    beyond = _beside(number, upwards)
    if beyond is None or g.aval != out or x.aval != out or out.dtype != numpy.float32:
        return None
    name = "_backward_maximum_scalar" if upwards else "_backward_minimum_scalar"
    taken = b.op(name, out, g, x, scalar=beyond, is_int=False)
    half = b.op("_npi_multiply_scalar", out, g, scalar=0.5, is_int=False)
    apart = x if number == 0 else b.op("_not_equal_scalar", out, x, scalar=float(number), is_int=False)
    return b.op("where", out, apart, taken, half)


#: ``x > y`` and ``x >= y`` as numbers
_COMPARISONS = [
    binary(
        f"broadcast_greater{end}", f"_greater{end}_scalar", f"_lesser{end}_scalar", compute_dtype=common_dtype
    )
    for end in ("", "_equal")
]


def _share_mx(b: Builder, out: Aval, g: Operand, x: Operand, y: Operand) -> Operand:
    require(out.dtype, FLOATS, "comparison")
    found = None
    if y.number is not None:
        found = _share_with_number(b, out, g, x, y.number, True)
    elif x.number is not None:
        found = _share_with_number(b, out, g, y, x.number, False)
    if found is not None:
        return found
    compared = Aval(broadcast_shapes(x.aval.shape, y.aval.shape), common_dtype(x, y))
    total = b.op("_npi_add", compared, *[comparison(b, compared, x, y) for comparison in _COMPARISONS])
    total = b.cast(total, out.dtype)
    part = b.op("_npi_multiply_scalar", total.aval, total, scalar=0.5, is_int=False)
    return b.op("_npi_multiply", out, g, part)


def _share_infer(g: Any, x: Any, y: Any) -> Aval:
    shape, dtype = aval_of(g)
    if dtype.kind not in "fc":
        raise TypeError(f"a cotangent is a float, not {dtype}")
    return Aval(broadcast_shapes(shape, aval_of(x).shape, aval_of(y).shape), dtype)


def _share_parts(g: Any, x: Any, y: Any) -> Any:
    one, half, zero = numpy.asarray([1, 0.5, 0], aval_of(g).dtype)
    return g * where_op(OPS["greater"](x, y), one, where_op(equal(x, y), half, zero))


def _share(g: Any, x: Any, y: Any) -> Any:
    part = numpy.add(x > y, x >= y, dtype=numpy.asarray(g).dtype)
    return numpy.multiply(g, numpy.multiply(part, 0.5, dtype=part.dtype))


share: Op = register(
    Op(
        "share",
        numpy=_share,
        infer=_share_infer,
        mx=_share_mx,
        parts=_share_parts,
        vjp=(lambda ct, ans, g, x, y: share(ct, x, y), ZERO, ZERO),
        family="elementwise",
        source="{0} * np.asarray((({1} > {2}) + 1.0 * ({1} >= {2})) / 2, {0}.dtype)",
        elementwise=True,
        doc="What of a cotangent belongs to x, where it is greater than y; half of it where they are equal.",
    )
)


#: From how many elements on the layout that oneDNN has chosen matters to what comes next.
_LARGE = 1 << 15


def large_relu(b: Builder, out: Aval, x: Operand) -> Operand | None:
    """Of a large array as ELU with slope 0, by oneDNN, in its layout. Its relu makes 0 of nan."""
    is_large = x.aval == out and out.dtype == numpy.float32 and out.size >= _LARGE
    return b.op("LeakyReLU", out, x, act_type="elu", slope=0.0) if is_large and b.has_exact_elu else None


def _maximum_mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
    array, number = (x, y.number) if y.number is not None else (y, x.number)
    found = large_relu(b, out, array) if number == 0 else None
    return found or binary("_npi_maximum", "_npi_maximum_scalar", "_npi_maximum_scalar")(b, out, x, y)


maximum = ufunc(
    "maximum",
    numpy.maximum,
    _maximum_mx,
    lambda g, ans, x, y: share(g, x, y),
    lambda g, ans, x, y: share(g, y, x),
)
minimum = ufunc(
    "minimum",
    numpy.minimum,
    binary("_npi_minimum", "_npi_minimum_scalar", "_npi_minimum_scalar"),
    lambda g, ans, x, y: share(g, y, x),
    lambda g, ans, x, y: share(g, x, y),
)


# Exponentials and logarithms -------------------------------------------------------------------

exp = ufunc("exp", numpy.exp, unary("_npi_exp"), lambda g, ans, x: g * ans, singular=True)
exp2 = ufunc("exp2", numpy.exp2, None, lambda g, ans, x: g * (ans * math.log(2)), singular=True)
expm1 = ufunc("expm1", numpy.expm1, unary("_npi_expm1"), lambda g, ans, x: g * (ans + 1), singular=True)
log = ufunc("log", numpy.log, unary("_npi_log"), lambda g, ans, x: g / x, singular=True)
log2 = ufunc("log2", numpy.log2, unary("_npi_log2"), lambda g, ans, x: g / (x * math.log(2)), singular=True)
log10 = ufunc(
    "log10", numpy.log10, unary("_npi_log10"), lambda g, ans, x: g / (x * math.log(10)), singular=True
)
log1p = ufunc("log1p", numpy.log1p, unary("_npi_log1p"), lambda g, ans, x: g / (x + 1), singular=True)
logaddexp = ufunc(
    "logaddexp",
    numpy.logaddexp,
    None,
    lambda g, ans, x, y: g * exp(x - ans),
    lambda g, ans, x, y: g * exp(y - ans),
    singular=True,
)
sqrt = ufunc("sqrt", numpy.sqrt, unary("_npi_sqrt"), lambda g, ans, x: g * 0.5 / ans, singular=True)
root = register(
    Op(
        "root",
        numpy=lambda x: numpy.sqrt(x),
        infer=sqrt.infer,
        mx=sqrt.mx,
        scalar=sqrt.scalar,
        vjp=(lambda g, ans, x: g * 0.5 / unless_zero(ans),),
        family="elementwise",
        source="np.sqrt({0})",
        elementwise=True,
        doc="The square root of a sum of squares: a norm, whose derivative at 0 is taken to be 0.",
    )
)
cbrt = ufunc("cbrt", numpy.cbrt, unary("_npi_cbrt"), lambda g, ans, x: g / (3 * ans * ans), singular=True)


# Trigonometry ----------------------------------------------------------------------------------

sin = ufunc("sin", numpy.sin, unary("_npi_sin"), lambda g, ans, x: g * cos(x))
cos: Ufunc = ufunc("cos", numpy.cos, unary("_npi_cos"), lambda g, ans, x: -g * sin(x))
tan = ufunc("tan", numpy.tan, unary("_npi_tan"), lambda g, ans, x: g * (1 + ans * ans), singular=True)
arcsin = ufunc(
    "arcsin", numpy.arcsin, unary("_npi_arcsin"), lambda g, ans, x: g / sqrt(1 - x * x), singular=True
)
arccos = ufunc(
    "arccos", numpy.arccos, unary("_npi_arccos"), lambda g, ans, x: -g / sqrt(1 - x * x), singular=True
)
arctan = ufunc("arctan", numpy.arctan, unary("_npi_arctan"), lambda g, ans, x: g / (1 + x * x))
sinh = ufunc("sinh", numpy.sinh, unary("_npi_sinh"), lambda g, ans, x: g * cosh(x), singular=True)
cosh: Ufunc = ufunc("cosh", numpy.cosh, unary("_npi_cosh"), lambda g, ans, x: g * sinh(x), singular=True)
tanh = ufunc(
    "tanh",
    numpy.tanh,
    activation("tanh", unary("_npi_tanh")),
    lambda g, ans, x: g * (1 - ans * ans),
)
arcsinh = ufunc("arcsinh", numpy.arcsinh, unary("_npi_arcsinh"), lambda g, ans, x: g / sqrt(x * x + 1))
# The product of two roots: sqrt(x * x - 1) has the wrong sign in half of the complex plane.
arccosh = ufunc(
    "arccosh",
    numpy.arccosh,
    unary("_npi_arccosh"),
    lambda g, ans, x: g / (sqrt(x - 1) * sqrt(x + 1)),
    singular=True,
)
arctanh = ufunc(
    "arctanh", numpy.arctanh, unary("_npi_arctanh"), lambda g, ans, x: g / (1 - x * x), singular=True
)
arctan2 = ufunc(
    "arctan2",
    numpy.arctan2,
    binary("_npi_arctan2", allowed=FLOATS),
    lambda g, ans, y, x: _turned(g, x, x, y),
    lambda g, ans, y, x: _turned(-g, y, x, y),
    singular=True,
)


def _turned(g: Any, part: Any, x: Any, y: Any) -> Any:
    """``g * part / (x**2 + y**2)``, and 0 in the origin, where there is no angle."""
    distance = unless_zero(hypot(x, y))
    return g * (part / distance) / distance


hypot: Ufunc = ufunc(
    "hypot",
    numpy.hypot,
    binary("_npi_hypot", allowed=FLOATS),
    lambda g, ans, x, y: g * x / unless_zero(ans),
    lambda g, ans, x, y: g * y / unless_zero(ans),
    singular=True,
)


def _factor(factor: float) -> Callable:
    """Multiplication by a constant: MXNet's own conversions of angles have an imprecise one."""

    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        require(out.dtype, FLOATS, "conversion of angles")
        return b.op("_npi_multiply_scalar", out, b.cast(x, out.dtype), scalar=factor, is_int=False)

    return mx


deg2rad = ufunc(
    "deg2rad",
    numpy.deg2rad,
    _factor(math.pi / 180),
    lambda g, ans, x: g * (math.pi / 180),
)
rad2deg = ufunc(
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


sign: Ufunc = ufunc("sign", numpy.sign, _sign_mx, ZERO)
floor = ufunc("floor", numpy.floor, unary("_npi_floor"), ZERO)
ceil = ufunc("ceil", numpy.ceil, unary("_npi_ceil"), ZERO)
trunc = ufunc("trunc", numpy.trunc, unary("_npi_trunc"), ZERO)
publish("fix", FUNCTIONS["trunc"], numpy.fix)


def _rint_mx(b: Builder, out: Aval, x: Operand) -> Operand:
    """_npi_rint rounds halves down; NumPy rounds them to even, as _npi_around does but for -0.0."""
    require(out.dtype, FLOATS, "rint")
    x = b.cast(x, out.dtype)
    rounded = b.op("_npi_around", out, x)
    is_zero = b.op("_npi_equal_scalar", Aval(out.shape, numpy.dtype(bool)), rounded, scalar=0.0, is_int=False)
    return b.op("_npi_where", out, is_zero, b.op("_npi_trunc", out, x), rounded)


rint = ufunc("rint", numpy.rint, _rint_mx, ZERO)


# Limits and rounding ---------------------------------------------------------------------------


@numpy_function(numpy.clip, arrays=3)
def clip(a, a_min=None, a_max=None, out=None, **options):
    """``a`` limited to ``[a_min, a_max]``; a limit gets the gradient of what it replaces."""
    refuse(out=out, **options)
    if a_min is None and a_max is None:
        raise ValueError("One of max or min must be given")
    result = a if a_min is None else maximum(a, a_min)
    return result if a_max is None else minimum(result, a_max)


def _round_mx(b: Builder, out: Aval, x: Operand, decimals: int) -> Operand:
    """As NumPy: multiplied by a power of ten, rounded, divided again."""
    factor = float(10 ** abs(decimals))
    steps = ["_npi_multiply_scalar", "_npi_true_divide_scalar"]
    before, after = steps if decimals >= 0 else reversed(steps)
    require(out.dtype, FLOATS, "rounding")
    if decimals:
        x = b.op(before, out, x, scalar=factor, is_int=False)
    x = _rint_mx(b, out, x)
    return b.op(after, out, x, scalar=factor, is_int=False) if decimals else x


@functools.lru_cache(maxsize=256)
def _rounded_dtype(dtype: numpy.dtype, decimals: int) -> numpy.dtype:
    return numpy.around(numpy.ones(1, dtype), decimals).dtype


round_op = register(
    Op(
        "round",
        numpy=lambda x, decimals: numpy.around(x, decimals),
        infer=lambda x, decimals: Aval(aval_of(x).shape, _rounded_dtype(aval_of(x).dtype, decimals)),
        mx=_round_mx,
        scalar=kernels.round_to,
        vjp=(ZERO,),
        family="elementwise",
        source="np.around({0}, {decimals})",
        elementwise=True,
    )
)


@numpy_function(numpy.around, numpy.round_, gradient=False)  # type: ignore[attr-defined]
def around(a, decimals=0, out=None):
    """``a`` rounded to ``decimals`` places, halves to even; the gradient is 0. Integers are given back."""
    refuse(out=out)
    decimals = operator.index(decimals)
    if aval_of(a).dtype.kind not in "iu" or decimals < 0:
        return round_op(a, decimals=decimals)
    if not aval_of(a).shape:
        return positive(a)  # a number
    return a if isinstance(a, Box) else current_interpreter().constant(a)


publish("round", FUNCTIONS["around"], numpy.round)
