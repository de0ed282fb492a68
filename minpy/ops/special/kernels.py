"""One element of functions of ``scipy.special``, for kernels: see ``ops/kernels.py``.

Where SciPy takes another way near a point for the sake of precision, so do these.
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy

from minpy.ops.kernels import computed


def _select(k: Any, *cases: Any) -> Any:
    """The value of the first pair whose condition holds, or else the last case."""
    *pairs, found = cases
    for condition, value in reversed(pairs):
        found = k.select(condition, value, found)
    return found


def _logit(k: Any, x: Any) -> Any:
    """log(x / (1 - x)); near 1/2 of the distance from it."""
    one, half = k.like(1, x), k.like(0.5, x)
    apart = k.multiply(k.like(2, x), k.subtract(x, half))
    near = k.subtract(k.log1p(apart), k.log1p(k.negative(apart)))
    far = k.log(k.divide(x, k.subtract(one, x)))
    return k.select(k.less(k.absolute(apart), half), near, far)


def _log_expit(k: Any, x: Any) -> Any:
    return k.negative(k.softplus(k.negative(x)))


def _times_log(log: str) -> Callable:
    """x times a logarithm of y; 0 where x is, unless y is nan."""

    def compute(k: Any, x: Any, y: Any) -> Any:
        zero = k.like(0, x)
        is_zero = k.bit_and(k.equal(x, zero), k.equal(y, y))
        return k.select(is_zero, zero, k.multiply(x, getattr(k, log)(y)))

    return compute


def _entr(k: Any, x: Any) -> Any:
    """-x log(x), 0 at 0, and minus infinity below."""
    zero = k.like(0, x)
    found = k.negative(k.multiply(x, k.log(x)))
    return _select(k, (k.equal(x, zero), zero), (k.less(x, zero), k.like(-math.inf, x)), found)


def _logs_apart(k: Any, x: Any, y: Any) -> Any:
    """log(x / y) of positive numbers, also where the quotient is near 1, or overflows."""
    quotient = k.divide(x, y)
    is_near = k.bit_and(k.less(k.like(0.5, x), quotient), k.less(quotient, k.like(2, x)))
    tiny = k.like(2.0**-1022, x)
    is_plain = k.bit_and(k.less(tiny, quotient), k.less(quotient, k.like(math.inf, x)))
    near = k.log1p(k.divide(k.subtract(x, y), y))
    return _select(k, (is_near, near), (is_plain, k.log(quotient)), k.subtract(k.log(x), k.log(y)))


def _divergence(at_zero: Callable, elsewhere: Callable) -> Callable:
    """Of positive x and y ``elsewhere``, ``at_zero`` where x is 0 and y is not negative; else infinite."""

    def compute(k: Any, x: Any, y: Any) -> Any:
        zero, infinite = k.like(0, x), k.like(math.inf, x)
        is_positive = k.bit_and(k.greater(x, zero), k.greater(y, zero))
        is_zero = k.bit_and(k.equal(x, zero), k.greater_equal(y, zero))
        is_nan = k.bit_or(k.isnan(x), k.isnan(y))
        return _select(
            k,
            (is_nan, k.add(x, y)),
            (is_positive, elsewhere(k, x, y)),
            (is_zero, at_zero(k, x, y)),
            infinite,
        )

    return computed(_in_double(compute))


def _in_double(compute: Callable) -> Callable:
    """As SciPy computes what it has no function of float32 for."""

    def rule(k: Any, *operands: Any) -> Any:
        dtype = operands[0].dtype
        return k.cast(compute(k, *[k.cast(x, numpy.float64) for x in operands]), dtype)

    return rule


_rel_entr = _divergence(lambda k, x, y: k.like(0, x), lambda k, x, y: k.multiply(x, _logs_apart(k, x, y)))
_kl_div = _divergence(
    lambda k, x, y: y,
    lambda k, x, y: k.add(k.subtract(k.multiply(x, k.log(k.divide(x, y))), x), y),
)


def _huber(k: Any, delta: Any, r: Any) -> Any:
    """Half of the square, and beyond delta the line that goes on from it."""
    half, size = k.like(0.5, r), k.absolute(r)
    square = k.multiply(half, k.multiply(r, r))
    line = k.multiply(delta, k.subtract(size, k.multiply(half, delta)))
    return _select(
        k,
        (k.less(delta, k.like(0, r)), k.like(math.inf, r)),
        (k.less_equal(size, delta), square),
        line,
    )


def _pseudo_huber(k: Any, delta: Any, r: Any) -> Any:
    """delta**2 (sqrt(1 + (r / delta)**2) - 1)."""
    zero, one = k.like(0, r), k.like(1, r)
    part = k.divide(r, delta)
    square = k.multiply(part, part)
    # sqrt(1 + s) - 1, without the cancellation
    rise = k.divide(square, k.add(one, k.sqrt(k.add(one, square))))
    rise = k.select(k.equal(square, k.like(math.inf, r)), square, rise)
    found = k.multiply(k.multiply(delta, delta), rise)
    is_flat = k.bit_or(k.equal(delta, zero), k.equal(r, zero))
    return _select(k, (k.less(delta, zero), k.like(math.inf, r)), (is_flat, zero), found)


def _ndtr(k: Any, x: Any) -> Any:
    """The part of the normal distribution below x."""
    return k.multiply(k.like(0.5, x), k.erfc(k.multiply(k.like(-math.sqrt(0.5), x), x)))


#: The scalar rules of SciPy's ufuncs, by name.
SCALARS: dict[str, Callable] = {
    **{name: computed(name) for name in ("exp2", "expm1", "log1p", "cbrt", "erf", "erfc")},
    "expit": computed("sigmoid"),
    "logit": computed(_logit),
    "log_expit": computed(_log_expit),
    "xlogy": computed(_times_log("log")),
    "xlog1py": computed(_times_log("log1p")),
    "entr": computed(_entr),
    "rel_entr": _rel_entr,
    "kl_div": _kl_div,
    "ndtr": computed(_ndtr),
    "huber": computed(_in_double(_huber)),
    "pseudo_huber": computed(_in_double(_pseudo_huber)),
}
