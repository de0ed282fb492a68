"""What division leaves."""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.terms import Term, copysign, fma, rarely, where


def fmod(x: Term, y: Term) -> Term:
    """x without a whole number of y, exactly, with the sign of x: C's ``fmod``.

    A quotient below 2**p, for p bits of precision, is rounded up to the next whole number at most. So its
    floor is right, or 1 too large; either way what that leaves is a float.
    """
    dividend, divisor = abs(x), abs(y)
    quotient = dividend / divisor
    whole = Term(x.k, x.k.round("floor", quotient.value))
    rest = fma(-whole, divisor, dividend)
    rest = copysign(where(rest < 0, rest + divisor, rest), x)
    is_rare = ~((quotient < x.choose(2.0**23, 2.0**52)) & (divisor < math.inf))
    return rarely(is_rare, [rest], _remainder, x, y)[0]


def _remainder(x: Term, y: Term) -> list[Term]:
    """The same by LLVM's instruction, which calls C's function for each lane."""
    return [Term(x.k, x.k.remainder(x.value, y.value))]
