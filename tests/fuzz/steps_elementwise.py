"""Arithmetic, functions of each element, comparisons and choices, reductions."""

from __future__ import annotations

from typing import Any

import numpy

from tests.fuzz.writer import Unfit, Writer, expression

#: function -> how its argument is brought to where the function is defined and smooth
_UNARY = {
    **dict.fromkeys(
        ("sin", "cos", "tanh", "arctan", "exp", "exp2", "expm1", "square", "negative", "positive"), "{}"
    ),
    **dict.fromkeys(("absolute", "abs", "fabs", "arcsinh", "sinc", "deg2rad", "rad2deg", "radians"), "{}"),
    **dict.fromkeys(("sinh", "cosh", "conj", "conjugate", "real", "imag", "sign", "nan_to_num"), "{}"),
    **dict.fromkeys(("floor", "ceil", "trunc", "rint", "around", "degrees", "logical_not", "isfinite"), "{}"),
    **dict.fromkeys(("log", "log2", "log10", "log1p", "sqrt", "cbrt", "reciprocal"), "np.abs({}) + 0.5"),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), "0.9 * np.sin({})"),
    "tan": "np.tanh({})",  # so that rounding does not grow from call to call
    "arccosh": "np.abs({}) + 1.5",
}
_ROUGH_UNARY = (
    "isnan",
    "isinf",
    "invert",
    "signbit",
    "spacing",
    "angle",
    "round",
    "fix",
    "iscomplex",
    "isreal",
)
_BINARY = {
    **dict.fromkeys(("add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "arctan2"), "{}"),
    **dict.fromkeys(("hypot", "logaddexp", "logaddexp2", "copysign", "heaviside"), "{}"),
    **dict.fromkeys(
        ("true_divide", "divide", "remainder", "mod", "fmod", "floor_divide"), "np.abs({}) + 0.5"
    ),
}
_ROUGH_BINARY = (
    *("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm", "ldexp"),
    *("logical_and", "logical_or", "logical_xor", "nextafter", "float_power", "power", "divmod"),
)
_OPERATORS = ("+", "-", "*", "+", "-", "*", "/")
_ROUGH_OPERATORS = ("//", "%", "**", "&", "|", "^", "<<", ">>", "@")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_COMPARING = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")


@expression(14)
def unary(w: Writer) -> str:
    x = w.array()
    if not w.smooth and w.chance(15):
        return f"{w.module()}.{w.pick(_ROUGH_UNARY)}({x})"
    name = w.pick(list(_UNARY))
    inner = x if not w.smooth and w.chance(40) else _UNARY[name].format(x)
    return f"{w.module()}.{name}({inner})"


@expression(14)
def operators(w: Writer) -> str:
    x = w.array()
    y = w.operand(w.value(x).shape)
    symbol = w.pick(_OPERATORS if w.smooth or w.chance(70) else _ROUGH_OPERATORS)
    if symbol == "/" and w.smooth:
        return f"{x} / (np.abs({y}) + 0.5)"
    if symbol == "@" and not w.value(x).ndim:
        symbol = "*"  # the errors of numbers are Python's
    # Python's own complex numbers take NumPy's for floats
    return f"{y} {symbol} {x}" if w.chance(40) and "j" not in y else f"{x} {symbol} {y}"


@expression(8)
def binary(w: Writer) -> str:
    x = w.array()
    y = w.operand(w.value(x).shape)
    if not w.smooth and w.chance(30):
        return f"{w.module()}.{w.pick(_ROUGH_BINARY)}({x}, {y})"
    name = w.pick(list(_BINARY))
    return f"{w.module()}.{name}({x}, {_BINARY[name].format(y) if w.smooth or w.chance(50) else y})"


@expression(3)
def power(w: Writer) -> str:
    x = w.array()
    if w.chance(50):
        return f"{x} ** {w.pick((2, 3, 0, 1, 2.0)[: 5 if w.value(x).ndim else 4])}"
    exponent = w.pick(("0.5", "-1.5", "-1", f"np.tanh({w.operand(w.value(x).shape)})"))
    return f"(np.abs({x}) + 0.5) ** {exponent}"


@expression(3)
def squashed(w: Writer) -> str:
    """Keeps numbers moderate where much was multiplied."""
    return w.pick(("np.tanh({} / 10)", "3 * np.sin({})", "{} / (1 + np.abs({}))")).replace("{}", w.array())


@expression(3)
def python_operators(w: Writer) -> str:
    x = w.array()
    return w.pick(("-{}", "+{}", "abs({})", "~{}" if not w.smooth else "-{}")).format(x)


@expression(5)
def comparison(w: Writer) -> str:
    x = w.array()
    y = w.operand(w.value(x).shape)
    if w.chance(50):
        return f"{x} {w.pick(_COMPARISONS)} {y}"
    return f"{w.module()}.{w.pick(_COMPARING)}({x}, {y})"


@expression(5)
def choice(w: Writer) -> str:
    x = w.array()
    y = w.operand(w.value(x).shape)
    return w.pick(
        (
            f"np.where({x} > {w.integer(-2, 2) / 2}, {x}, {y})",
            f"np.where({y} < {x}, {y}, {x})",
            f"np.clip({x}, -0.75, {w.pick(('1.25', 'None', '2'))})",
            f"{x}.clip(-0.5, 1)",
            f"np.select([{x} > 1, {x} > 0], [{x}, {y}], {w.pick(('0', '0.5'))})",
        )
    )


@expression(3)
def cast(w: Writer) -> str:
    x = w.array()
    if w.smooth:
        return w.pick(("{}.astype('float64')", "{} * 1.0", "np.asarray({})", "np.array({})")).format(x)
    dtypes = ("'float64'", "'float32'", "'int64'", "bool", "np.float32", "int", "'float16'", "complex")
    dtype = w.pick(dtypes)
    value = w.value(x)
    if value.dtype.kind in "fc" and not numpy.isfinite(value).all():
        dtype = "'float64'"  # nan has no integer
    return w.pick(("{}.astype({})", "np.array({}, dtype={})", "np.asarray({}, dtype={})")).format(x, dtype)


# Reductions ------------------------------------------------------------------------------------

_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std", "any", "all", "argmax", "argmin")
_AS_METHOD = (*_REDUCTIONS, "ptp")
_FUNCTIONS = (
    "sum",
    "mean",
    "amax",
    "amin",
    "ptp",
    "nansum",
    "nanmean",
    "nanmax",
    "nanmin",
    "nanprod",
    "nanvar",
)
_ONE_AXIS = ("argmax", "argmin", "median", "ptp")


def axes(w: Writer, ndim: int, one: bool = False) -> Any:
    """An argument ``axis``: None, a number, or several."""
    if not ndim or w.chance(30):
        return None
    if one or w.chance(60):
        return w.axis(ndim)
    chosen = tuple({w.axis(ndim) % ndim for _ in range(2)})
    return tuple(axis - ndim * w.chance(50) for axis in chosen)


@expression(10)
def reduction(w: Writer) -> str:
    x = w.array()
    ndim = w.value(x).ndim
    method = w.chance(50)
    name = w.pick(_AS_METHOD if method else (*_REDUCTIONS, *_FUNCTIONS, "median", "count_nonzero"))
    options = []
    axis = axes(w, ndim, name in _ONE_AXIS)
    if axis is not None or w.chance(20):
        options.append(f"axis={axis}" if w.chance(70) else repr(axis))
    if name not in ("argmax", "argmin") and w.chance(30):
        options.append("keepdims=True")
    if name in ("var", "std", "nanvar") and w.chance(30):
        options.append("ddof=1")
    if name in ("sum", "mean", "prod") and not w.smooth and w.chance(15):
        options.append(f"dtype={w.pick(('float', 'np.float32', 'complex'))}")
    if method:
        source = f"{x}.{name}({', '.join(options)})"
    else:
        source = f"{w.module()}.{name}({', '.join([x, *options])})"
    return _smooth_root(w, source) if name == "std" else source


def _smooth_root(w: Writer, source: str) -> str:
    """A root that is not near 0, where its slope is rounding."""
    if w.smooth and numpy.min(numpy.abs(w.value(source)), initial=1.0) < 1e-3:
        raise Unfit
    return source


@expression(2, smooth=False)
def reduction_of_some(w: Writer) -> str:
    x = w.array()
    return w.pick(
        (
            f"np.sum({x}, where={x} > 0)",
            f"np.max({x}, initial=0.5)",
            f"np.sum({x}, initial=2)",
            f"np.sum({x}, axis=0, where={x} != 1)",
            f"np.add.reduce({x}, axis={w.pick((0, -1, None))})",
            f"np.maximum.reduce({x})",
            f"np.multiply.reduce({x}, axis=-1, keepdims=True)",
            f"np.logical_and.reduce({x})",
            f"np.add.accumulate({x})",
            f"np.multiply.accumulate({x}, axis=-1)",
            f"np.minimum.accumulate({x}, axis=0)",
            f"np.add.reduceat({x}, [0, 1])",
            f"np.subtract.outer({x}, {w.array()})",
            f"np.maximum.outer({w.number()}, {x})",
        )
    )


@expression(3)
def statistic(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    axis = axes(w, w.value(x).ndim, True)
    return w.pick(
        (
            f"np.average({x}, axis={axis})",
            f"np.quantile({x}, {w.pick(('0.3', '[0.25, 0.5]'))}, axis={axis})",
            f"np.percentile({x}, {w.pick((20, 50, 75.0))}, axis={axis})",
            f"np.trapz({x})",
            _smooth_root(w, f"np.linalg.norm({x}, axis={axis})"),
            f"np.linalg.norm({x}.ravel() + 0.1, {w.pick((1, 2, 3, 'np.inf'))})",
            _smooth_root(w, f"np.nanstd({x}, axis={axis})"),
        )
    )
