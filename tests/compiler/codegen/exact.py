"""The elementary functions in mpmath, of any number of digits; slow."""

from __future__ import annotations

from typing import Any, Callable

import numpy
from mpmath import mp

#: bits: what cancels in the formulas below leaves enough of them
PRECISION = 128


def _power(x: Any, y: Any) -> Any:
    size = mp.exp(y * mp.log(abs(x)))
    return -size if x < 0 and y % 2 == 1 else size


def _logaddexp(x: Any, y: Any) -> Any:
    distance = abs(x - y)
    return max(x, y) + (mp.log1p(mp.exp(-distance)) if distance < 10000 else 0)


def _logaddexp2(x: Any, y: Any) -> Any:
    distance = abs(x - y)
    return max(x, y) + (mp.log1p(mp.mpf(2) ** -distance) / mp.log(2) if distance < 10000 else 0)


EXACT: dict[str, Callable] = {
    "exp": mp.exp,
    "exp2": lambda x: mp.exp(x * mp.log(2)),
    "expm1": mp.expm1,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": mp.log1p,
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 10000 else x,
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "power": _power,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "rsqrt": lambda x: 1 / mp.sqrt(x),
    "hypot": mp.hypot,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "erf": mp.erf,
    "erfc": mp.erfc,
}


def exactly(name: str, *operands: numpy.ndarray) -> numpy.ndarray:
    """The results for finite numbers, rounded to 80-bit floats."""
    function = EXACT[name]
    results = numpy.empty(operands[0].shape, numpy.longdouble)
    with mp.workprec(PRECISION), numpy.errstate(all="ignore"):
        for i, numbers in enumerate(zip(*[x.tolist() for x in operands])):
            result = function(*map(mp.mpf, numbers))
            high = float(result)
            results[i] = numpy.longdouble(high) + numpy.longdouble(float(result - high))
    return results
