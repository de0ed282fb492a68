"""sin, cos and tan.

sin and cos are the sine of what is left of multiples of pi, by one polynomial (the scheme of Shibata &
Petrogalli, "SLEEF: a portable vectorized library of C standard mathematical functions", 2020); tan is a
quotient of two.
"""

from __future__ import annotations

import math

from minpy.compiler.codegen.functions.arguments import remainder
from minpy.compiler.codegen.functions.exponentials import nearest
from minpy.compiler.codegen.functions.terms import Term, fma, polynomial, where

#: (sin(r)/r - 1) / r^2 as a polynomial in r^2, for |r| <= pi/2; relative error of the sine 6.1e-9, 3.4e-19
_SIN_32 = (-0.166666595, 0.00833306461, -0.00019809475, 2.60548165e-06)
_SIN_64 = (
    -0.16666666666666666, 0.008333333333333245, -0.00019841269841223828, 2.7557319213210985e-06,
    -2.5052107035286356e-08, 1.6058946854907726e-10, -7.643157046010132e-13, 2.722745826898909e-15,
)  # fmt: skip

#: tan(r)/r = (1 + r^2 P(r^2)) / (1 + r^2 Q(r^2)) for |r| <= pi/4; relative error 1.4e-8, 1.9e-17
_TAN_32 = (-0.0958029055,), (-0.429136915, 0.00971725748)
_TAN_64 = (
    (-0.1282836286615799, 0.002805935868164116, -7.483805378387817e-06),
    (-0.46161696199491037, 0.023344923199730645, -0.00020845057358025228),
)


def _sine(r: Term, half_turns: Term) -> Term:
    """sin(r), negated for an odd number of half turns, which is in the low bits of an integer."""
    z = r * r
    sine = fma(r * z, polynomial(z, r.choose(_SIN_32, _SIN_64)), r)
    return (sine.bits() ^ (half_turns << r.choose(31, 63))).float()


def sin(x: Term) -> Term:
    """The sine of an angle in radians."""
    n, bits = nearest(x, 1 / math.pi)
    r, bits = remainder(x, n, bits, 1.0)
    return where(x.equals(0), x, _sine(r, bits))


def cos(x: Term) -> Term:
    """The cosine of an angle in radians: of x = (n + 1/2) pi + r it is sin(r), negated where n is even."""
    n, bits = nearest(fma(x, 1 / math.pi, -0.5))
    r, bits = remainder(x, n, bits, 1.0, 0.5)
    return _sine(r, bits + 1)


def tan(x: Term) -> Term:
    """The tangent of an angle in radians: of x = n pi/2 + r it is tan(r) or, for odd n, -1 / tan(r)."""
    n, bits = nearest(x, 2 / math.pi)
    r, bits = remainder(x, n, bits, 0.5)
    z = r * r
    over, under = x.choose(_TAN_32, _TAN_64)
    sine, cosine = fma(r * z, polynomial(z, over), r), fma(z, polynomial(z, under), 1)
    is_odd = (bits & 1).equals(1)
    return where(x.equals(0), x, where(is_odd, -cosine, sine) / where(is_odd, sine, cosine))
