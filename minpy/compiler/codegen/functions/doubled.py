"""Numbers as sums of two floats, for twice the digits (Dekker, "A floating-point technique for extending
the available precision", 1971; with fma as in Muller et al., "Handbook of Floating-Point Arithmetic",
2018).
"""

from __future__ import annotations

from typing import NamedTuple

from minpy.compiler.codegen.functions.terms import Number, Term, fma


class Doubled(NamedTuple):
    """high + low, where low is less than a unit in the last place of high."""

    high: Term
    low: Term


def two_sum(x: Term, y: Number) -> Doubled:
    """x + y, exactly."""
    total = x + y
    part = total - x
    return Doubled(total, (x - (total - part)) + (y - part))


def quick_sum(x: Number, y: Term) -> Doubled:
    """x + y, exactly, where |x| >= |y|."""
    total = x + y
    return Doubled(total, y - (total - x))


def two_product(x: Term, y: Number) -> Doubled:
    """x y, exactly."""
    product = x * y
    return Doubled(product, fma(x, y, -product))


def product(x: Doubled, y: Doubled) -> Doubled:
    """x y."""
    high, low = two_product(x.high, y.high)
    return Doubled(high, fma(x.high, y.low, fma(x.low, y.high, low)))
