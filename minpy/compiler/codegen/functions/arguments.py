"""The remainder of x by multiples of pi, for the sine and its like."""

from __future__ import annotations

import functools
from fractions import Fraction

from minpy.compiler.codegen.functions.doubled import two_product, two_sum
from minpy.compiler.codegen.functions.exponentials import low_bits
from minpy.compiler.codegen.functions.terms import Term, fma, lookup, rarely, where

#: pi in three parts
_PI_32 = (3.1415927410125732, -8.742277657347586e-08, -3.4302490200117637e-15)
_PI_64 = (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33)

#: the binary digits of 2/pi behind the point
_DIGITS = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)
_COUNT = 1280


def remainder(x: Term, n: Term, bits: Term, unit: float, offset: float = 0.0) -> tuple[Term, Term]:
    """r of x = (n + offset) unit pi + r, and n in the low bits of an integer; ``unit`` is 1 or 1/2.

    Args:
        n: the integer as far as x is not too large; so is ``bits``.
    """
    turns = n + offset if offset else n
    r = x
    # The first difference is exact (Cody & Waite). No float is nearer to a multiple of pi/2 than 2^-30
    # (float64: 2^-62), so that the second is right to its last place, and the third part is small beside
    # it.
    for part in x.choose(_PI_32, _PI_64):
        r = fma(turns, -part * unit, r)
    is_large = abs(x) > x.choose(2.0**17, 2.0**30)
    r, bits = rarely(is_large, (r, bits), _of_large, x, unit, offset)
    return r, bits


def _of_large(x: Term, unit: float, offset: float) -> tuple[Term, Term]:
    """The same for |x| >= 2^17, n modulo 2.

    The method of Payne & Hanek ("Radian reduction for trigonometric functions", 1983): of 2/pi only those
    digits count that do not make a multiple of four quarter turns. Here they are held by floats: x is 2^(32
    i) x' with |x'| < 2^85, an integer where i > 0, and four floats from a table make 2^(32 i) 2/pi modulo
    4, to 212 digits.
    """
    one = x.cast("float64")
    exponent = (one.bits() >> 52) & 0x7FF
    row = where(exponent > 1023 + 53, (exponent - (1023 + 53)) >> 5, 0)
    scale = 0.5 / unit  # from quarter turns
    one = one * ((exponent.like(1023) - (row << 5)) << 52).float() * scale
    parts = [lookup("two_over_pi", _two_over_pi(), (row << 2) + i) for i in range(4)]
    products = [two_product(one, part) for part in parts]

    def modulo(y: Term) -> Term:
        return fma((y * (0.25 / scale)).rounded(), -4 * scale, y)

    total, low = modulo(products[0].high), one.like(0)
    for y in (modulo(products[0].low), modulo(products[1].high), -offset):
        total, error = two_sum(total, y)
        low = low + error
    n = total.rounded()
    total, left = total - n, low
    low = one.like(0)
    for y in (left, products[1].low, products[2].high, products[2].low + products[3].high):
        total, error = two_sum(total, y)
        low = low + error
    r = fma(total, _PI_64[0] * unit, fma(total, _PI_64[1] * unit, low * (_PI_64[0] * unit)))
    return r.cast(x.dtype), low_bits(n.cast(x.dtype))


@functools.cache
def _two_over_pi() -> tuple[float, ...]:
    """Four floats for each multiple of 32: their sum is 2^(32 i) 2/pi modulo 4."""
    table = []
    for i in range(31):
        left = (_DIGITS << (32 * i)) % (1 << (_COUNT + 2))
        for _ in range(4):
            part = left / (1 << _COUNT)
            table.append(part)
            left -= int(Fraction(part) * (1 << _COUNT))
    return tuple(table)
