"""What an op's ``scalar`` column is written in: one element of the result, for the compiler's own kernels.

``op.scalar(k, dtype, *operands, **params)`` gets a builder ``k`` of instructions, that of
``compiler/codegen/builder.py``, the dtype of the result, and the operands, each a value of its own dtype. It
returns the value of the result. What is constant knows its ``number``. As in ``lowering.py`` the helpers here
cast operands to the dtype in which NumPy computes, so that rules only say what is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import aval_of, result_type

#: The dtypes that kernels compute with.
COMPUTED = frozenset(
    [
        *map(numpy.dtype, ("bool", "float32", "float64")),
        *(numpy.dtype(f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    ]
)


def require(*dtypes: numpy.dtype) -> None:
    """Raise UnsupportedError for a dtype that kernels do not compute with."""
    for dtype in dtypes:
        if dtype not in COMPUTED:
            raise UnsupportedError(f"kernels do not compute with {dtype}")


_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_ON_TRUTH = {
    "logical_and": "bit_and",
    "logical_or": "bit_or",
    "logical_xor": "bit_xor",
    "logical_not": "invert",
}


def operand_dtypes(op: Any, operands: Sequence[Any]) -> list[numpy.dtype]:
    """The dtypes of values that the scalar rule of an op is given for avals, boxes or numbers.

    They are the operands' own, but for comparisons, whose result does not tell in what dtype they are done: a
    number, or an array without axes, may be cast before it meets an array.

    Raises:
        UnsupportedError: where NumPy compares integers of 64 bits with a sign and without.
    """
    dtypes = [aval_of(x).dtype for x in operands]
    require(*dtypes)
    if op.name not in _COMPARISONS and op.name not in _ON_TRUTH:
        return dtypes
    common = result_type(*operands)
    if common.kind == "f" and all(dtype.kind in "iub" for dtype in dtypes):
        raise UnsupportedError(f"kernels do not compare {dtypes[0]} with {dtypes[1]}")
    return [common] * len(dtypes)


def _method(compute: str | Callable) -> Callable:
    return (lambda k, *operands: getattr(k, compute)(*operands)) if isinstance(compute, str) else compute


def computed(compute: str | Callable, bools: str = "") -> Callable:
    """Rule of an op that computes in the dtype of its result.

    Args:
        compute: ``(k, *operands) -> value``, or the name of a method of ``k``.
        bools: the method to take where that dtype is bool.
    """
    compute = _method(compute)
    on_bools = _method(bools) if bools else compute

    def scalar(k: Any, dtype: numpy.dtype, *operands: Any) -> Any:
        require(dtype, *[x.dtype for x in operands])
        return (on_bools if dtype.kind == "b" else compute)(k, *[k.cast(x, dtype) for x in operands])

    return scalar


def compared(name: str) -> Callable:
    """Rule of a comparison: of operands in one dtype, see ``operand_dtypes``."""

    def scalar(k: Any, dtype: numpy.dtype, x: Any, y: Any) -> Any:
        common = numpy.promote_types(x.dtype, y.dtype)
        require(common)
        return getattr(k, name)(k.cast(x, common), k.cast(y, common))

    return scalar


def logical(name: str) -> Callable:
    """Rule of an op on truth values."""

    def scalar(k: Any, dtype: numpy.dtype, *operands: Any) -> Any:
        require(*[x.dtype for x in operands])
        return getattr(k, name)(*[k.cast(x, numpy.bool_) for x in operands])

    return scalar


def classified(compute: Callable) -> Callable:
    """Rule of a test for nan or infinities: ``compute(k, x)`` of floats; other numbers are neither."""

    def scalar(k: Any, dtype: numpy.dtype, x: Any) -> Any:
        require(x.dtype)
        return compute(k, x if x.is_float else k.cast(x, numpy.float64))

    return scalar


unchanged = computed(lambda k, x: x)


# Selection -------------------------------------------------------------------------------------


def where(k: Any, dtype: numpy.dtype, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is not 0, else y."""
    require(dtype, *[v.dtype for v in (condition, x, y)])
    return k.select(k.cast(condition, numpy.bool_), k.cast(x, dtype), k.cast(y, dtype))


def _is_number(x: Any) -> bool:
    return x.number is not None and x.number == x.number


def extremum(is_beyond: str) -> Callable:
    """The operand that ``is_beyond`` the other one; nan if one is nan."""

    def compute(k: Any, x: Any, y: Any) -> Any:
        beyond = getattr(k, is_beyond)
        if _is_number(x):
            x, y = y, x
        found = k.select(beyond(y, x), y, x)  # x where one of both is nan
        return k.select(k.isnan(y), y, found) if x.is_float and not _is_number(y) else found

    return compute


_greatest, _least = extremum("greater"), extremum("less")


def extremum_of_numbers(is_beyond: str) -> Callable:
    """The same, and the other operand if one is nan."""

    def compute(k: Any, x: Any, y: Any) -> Any:
        found = k.select(getattr(k, is_beyond)(x, y), x, y)  # y where one of both is nan
        return k.select(k.isnan(y), x, found) if x.is_float else found

    return compute


# Signs and scales ------------------------------------------------------------------------------


def sign(k: Any, x: Any) -> Any:
    """-1, 0 or 1; nan stays nan."""
    zero, one = k.like(0, x), k.like(1, x)
    if x.dtype.kind == "u":
        return k.select(k.equal(x, zero), zero, one)
    rest = k.add(x, zero) if x.is_float else zero  # of -0.0 it makes 0.0
    return k.select(k.greater(x, zero), one, k.select(k.less(x, zero), k.like(-1, x), rest))


def scaled(numerator: float, divisor: float) -> Callable:
    """Times a quotient, which is rounded in the dtype of the result."""

    def compute(k: Any, x: Any) -> Any:
        return k.multiply(x, k.like(x.dtype.type(numerator) / x.dtype.type(divisor), x))

    return computed(compute)


def heaviside(k: Any, x: Any, y: Any) -> Any:
    """0 below zero, 1 above, y at it; nan stays nan."""
    zero = k.like(0, x)
    above = k.select(k.greater(x, zero), k.like(1, x), x)
    return k.select(k.equal(x, zero), y, k.select(k.less(x, zero), zero, above))


# Rounding --------------------------------------------------------------------------------------


def rounded(how: str) -> Callable:
    """To a whole number: ``floor``, ``ceil``, ``trunc`` or ``roundeven``."""
    return computed(lambda k, x: k.round(how, x))


def round_to(k: Any, dtype: numpy.dtype, x: Any, decimals: int) -> Any:
    """As NumPy: multiplied by a power of ten, rounded, divided again; integers as float64."""
    require(dtype, x.dtype)
    if dtype.kind != "f" and decimals >= 0:
        return k.cast(x, dtype)
    x = k.cast(x, dtype if dtype.kind == "f" else numpy.float64)
    if not decimals:
        return k.round("roundeven", x)
    factor = k.like(10.0 ** abs(decimals), x)
    before, after = (k.multiply, k.divide) if decimals > 0 else (k.divide, k.multiply)
    return k.cast(after(k.round("roundeven", before(x, factor)), factor), dtype)


# Quotients -------------------------------------------------------------------------------------


def reciprocal(k: Any, x: Any) -> Any:
    """1 / x; of integers rounded towards zero."""
    if x.is_float:
        return k.divide(k.like(1, x), x)
    return k.cast(k.divide(k.constant(1, numpy.float64), k.cast(x, numpy.float64)), x.dtype)


def _whole_parts(k: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Of integers the quotient rounded towards zero and what it leaves; both 0 for a divisor 0."""
    zero, one = k.like(0, x), k.like(1, x)
    by_zero = k.equal(y, zero)
    if x.dtype.kind == "u":
        divisor = k.select(by_zero, one, y)
        return k.select(by_zero, zero, k.quotient(x, divisor)), k.remainder(x, divisor)
    by_minus_one = k.equal(y, k.like(-1, y))  # the quotient of the least integer has no room
    divisor = k.select(k.bit_or(by_zero, by_minus_one), one, y)
    quotient = k.select(by_minus_one, k.negative(x), k.quotient(x, divisor))
    return k.select(by_zero, zero, quotient), k.remainder(x, divisor)


def _floored_parts(k: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Of integers the quotient rounded down and what it leaves, which has the sign of y."""
    quotient, rest = _whole_parts(k, x, y)
    if x.dtype.kind == "u":
        return quotient, rest
    zero = k.like(0, x)
    differs = k.bit_and(k.not_equal(rest, zero), k.bit_xor(k.less(rest, zero), k.less(y, zero)))
    return (
        k.select(differs, k.subtract(quotient, k.like(1, x)), quotient),
        k.select(differs, k.add(rest, y), rest),
    )


def _floored_floats(k: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The same of floats, step by step as NumPy's ``npy_divmod``."""
    zero, one = k.like(0, x), k.like(1, x)
    by_zero = k.equal(y, zero)
    rest = k.fmod(x, y)
    quotient = k.divide(k.subtract(x, rest), y)
    differs = k.bit_and(k.not_equal(rest, zero), k.bit_xor(k.less(rest, zero), k.less(y, zero)))
    quotient = k.select(differs, k.subtract(quotient, one), quotient)
    rest = k.select(k.equal(rest, zero), k.copysign(zero, y), k.select(differs, k.add(rest, y), rest))
    floor = k.round("floor", quotient)
    floor = k.select(k.greater(k.subtract(quotient, floor), k.like(0.5, x)), k.add(floor, one), floor)
    plain = k.divide(x, y)
    floor = k.select(k.equal(quotient, zero), k.copysign(zero, plain), floor)
    return k.select(by_zero, plain, floor), rest


def floor_divide(k: Any, x: Any, y: Any) -> Any:
    """x // y; of integers 0 for a divisor 0."""
    return (_floored_floats if x.is_float else _floored_parts)(k, x, y)[0]


def remainder(k: Any, x: Any, y: Any) -> Any:
    """x % y, with the sign of y."""
    return (_floored_floats if x.is_float else _floored_parts)(k, x, y)[1]


def fmod(k: Any, x: Any, y: Any) -> Any:
    """What is left of x, with the sign of x."""
    return k.fmod(x, y) if x.is_float else _whole_parts(k, x, y)[1]


def left_shift(k: Any, x: Any, by: Any) -> Any:
    """x << by; 0 where that is past the width, or less than 0."""
    return _shift(k, "shift_left", x, by, k.like(0, x))


def right_shift(k: Any, x: Any, by: Any) -> Any:
    """x >> by; past the width, or for by less than 0, what x ends in: -1 where it is negative, else 0."""
    zero = k.like(0, x)
    return _shift(
        k,
        "shift_right",
        x,
        by,
        k.select(k.less(x, zero), k.like(-1, x), zero) if x.dtype.kind == "i" else zero,
    )


def _shift(k: Any, how: str, x: Any, by: Any, past: Any) -> Any:
    width = k.like(x.bits, x)
    is_past = k.bit_or(k.less(by, k.like(0, by)), k.greater_equal(by, width))
    return k.select(is_past, past, getattr(k, how)(x, k.select(is_past, k.like(0, by), by)))


# Powers ----------------------------------------------------------------------------------------

#: Powers of so many factors have errors of less than 4 units in the last place.
_MOST_FACTORS = 5


def power(k: Any, x: Any, y: Any) -> Any:
    """x**y; products where that is known to be a small whole number."""
    exponent = y.number
    if not x.is_float:
        if exponent is None or exponent < 0:
            raise UnsupportedError("kernels raise integers to constant powers only")
        return _product(k, x, int(exponent))
    if exponent is not None and exponent in (*range(_MOST_FACTORS + 1), -1, -2):
        base = x if exponent >= 0 else k.divide(k.like(1, x), x)
        return _product(k, base, int(abs(exponent)))
    return k.power(x, y)


def _product(k: Any, x: Any, count: int) -> Any:
    """The product of so many factors x, by squares."""
    found, square = None, x
    while count:
        if count % 2:
            found = square if found is None else k.multiply(found, square)
        count //= 2
        square = k.multiply(square, square) if count else square
    return k.like(1, x) if found is None else found


# Angles ----------------------------------------------------------------------------------------


def sinc(k: Any, x: Any) -> Any:
    """sin(pi x) / (pi x), near enough to 0 for a 1 there, as NumPy."""
    x = k.select(k.equal(x, k.like(0, x)), k.like(1e-20, x), x)
    angle = k.multiply(k.like(math.pi, x), x)
    return k.divide(k.sin(angle), angle)


# Floats as bits -------------------------------------------------------------------------------------


def nextafter(k: Any, x: Any, y: Any) -> Any:
    """The next float after x in the direction of y: of its bits, taken as an integer, the next one."""
    integer = numpy.dtype(f"int{x.bits}")
    zero, bits = k.like(0, x), k.bitcast(x, integer)
    is_away = k.equal(k.less(x, y), k.greater(x, zero))  # from zero
    moved = k.add(bits, k.select(is_away, k.constant(1, integer), k.constant(-1, integer)))
    least = k.copysign(k.bitcast(k.spread(k.constant(1, integer), x.lanes), x.dtype), y)
    found = k.select(k.equal(x, zero), least, k.bitcast(moved, x.dtype))
    found = k.select(k.equal(x, y), y, found)
    return k.select(k.isnan(x), x, k.select(k.isnan(y), y, found))


def ldexp(k: Any, dtype: numpy.dtype, x: Any, exponent: Any) -> Any:
    """x 2**exponent, by powers of 2. What is left behind a step down is so much that, where that step already
    rounds, the result is 0."""
    require(dtype, x.dtype, exponent.dtype)
    limits, integer = numpy.finfo(dtype), numpy.dtype(f"int{8 * dtype.itemsize}")
    lowest, highest = limits.minexp + limits.nmant + 1, limits.maxexp - 1

    def limited(n: Any, low: int, high: int) -> Any:
        return _least(k, _greatest(k, n, k.like(low, n)), k.like(high, n))

    def scaled_by(x: Any, n: Any) -> Any:
        return k.multiply(
            x, k.bitcast(k.shift_left(k.add(n, k.like(highest, n)), k.like(limits.nmant, n)), dtype)
        )

    x = k.cast(x, dtype)
    n = k.cast(limited(k.cast(exponent, numpy.int64), 3 * lowest, 3 * highest), integer)
    for _ in range(3):
        is_far = k.less(n, k.like(limits.minexp, n))
        step = k.select(is_far, k.like(lowest, n), _least(k, n, k.like(highest, n)))
        x, n = scaled_by(x, step), k.subtract(n, step)
    return x


# The column ------------------------------------------------------------------------------------

#: Where ``k`` has a method of the same name, in the dtype of the result.
_METHODS = (
    *("subtract", "negative", "absolute", "invert", "copysign", "sqrt", "cbrt", "hypot"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
)

#: The scalar rules of the ufuncs, by name.
SCALARS: dict[str, Callable] = {
    **{name: computed(name) for name in _METHODS},
    **{name: compared(name) for name in _COMPARISONS},
    **{name: logical(method) for name, method in _ON_TRUTH.items()},
    **{f"bitwise_{name}": computed(f"bit_{name}") for name in ("and", "or", "xor")},
    "left_shift": computed(left_shift),
    "right_shift": computed(right_shift),
    "isnan": classified(lambda k, x: k.isnan(x)),
    "isinf": classified(lambda k, x: k.equal(k.absolute(x), k.like(math.inf, x))),
    "isfinite": classified(lambda k, x: k.less(k.absolute(x), k.like(math.inf, x))),
    "add": computed("add", bools="bit_or"),
    "multiply": computed("multiply", bools="bit_and"),
    "true_divide": computed("divide"),
    "floor_divide": computed(floor_divide),
    "remainder": computed(remainder),
    "fmod": computed(fmod),
    "reciprocal": computed(reciprocal),
    "power": computed(power),
    "float_power": computed(power),
    "square": computed(lambda k, x: k.multiply(x, x)),
    "positive": unchanged,
    "conjugate": unchanged,
    "fabs": computed("absolute"),
    "sign": computed(sign),
    "heaviside": computed(heaviside),
    "deg2rad": scaled(math.pi, 180),
    "rad2deg": scaled(180, math.pi),
    "maximum": computed(_greatest, bools="bit_or"),
    "minimum": computed(_least, bools="bit_and"),
    "fmax": computed(extremum_of_numbers("greater"), bools="bit_or"),
    "fmin": computed(extremum_of_numbers("less"), bools="bit_and"),
    "floor": rounded("floor"),
    "ceil": rounded("ceil"),
    "trunc": rounded("trunc"),
    "rint": rounded("roundeven"),
    "nextafter": computed(nextafter),
    "ldexp": ldexp,
    "sinc": computed(sinc),
    "imag": computed(lambda k, x: k.like(0, x)),  # of a real number
}


# Cost ----------------------------------------------------------------------------------------------

#: instructions of a function, such as an exponential
OF_FUNCTION = 16

_SHORT = (
    *("add", "subtract", "multiply", "negative", "positive", "absolute", "fabs", "square", "sign"),
    *("maximum", "minimum", "fmax", "fmin", "floor", "ceil", "trunc", "rint", "where", "relu"),
    *("astype", "copy", "stop_gradient", "real", "conjugate", "isnan", "isinf", "isfinite"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "invert"),
    *_COMPARISONS,
    *_ON_TRUTH,
)
_INSTRUCTIONS: dict[str, int] = {
    **dict.fromkeys(_SHORT, 1),
    **dict.fromkeys(("relu_gradient", "tanh_gradient", "sigmoid_gradient"), 3),
    **dict.fromkeys(("left_shift", "right_shift"), 4),
    **dict.fromkeys(("true_divide", "sqrt"), 6),
    **dict.fromkeys(("remainder", "floor_divide"), 12),
}


def instructions(op: str) -> int:
    """About how many instructions an element of an elementwise op takes."""
    return _INSTRUCTIONS.get(op, OF_FUNCTION)


def is_function(op: str) -> bool:
    """Whether an elementwise op takes many instructions, as an exponential does."""
    return instructions(op) >= OF_FUNCTION
