"""Elementary functions on vectors, written with the instructions of ``Builder``.

``Kernel`` is the builder that has them as methods. Each is within 4 units in the last place of the exact
result over the whole range of float32 and float64, gives nan, infinities, signed zeros, denormal results
and overflows where NumPy does, and does the same for every lane. docs/numerics.md has the errors that
were measured.

Polynomials and quotients of these are minimax approximations of what the comment beside them says, the lowest
power first, by Remez' or Lawson's algorithm; ``tests/compiler/codegen/minimax.py`` computes them.
"""

from __future__ import annotations

from minpy.compiler.codegen.builder import Builder
from minpy.compiler.codegen.functions import (
    exponentials,
    hyperbolic,
    inverse,
    logarithms,
    powers,
    quotients,
    special,
    trigonometric,
)
from minpy.compiler.codegen.functions.terms import elementary


class Kernel(Builder):
    """A builder that has the elementary functions of float32 and float64."""

    exp = elementary(exponentials.exp)
    exp2 = elementary(exponentials.exp2)
    expm1 = elementary(exponentials.expm1)
    sigmoid = elementary(exponentials.sigmoid)
    log = elementary(logarithms.log)
    log2 = elementary(logarithms.log2)
    log10 = elementary(logarithms.log10)
    log1p = elementary(logarithms.log1p)
    softplus = elementary(logarithms.softplus)
    logaddexp = elementary(logarithms.logaddexp)
    logaddexp2 = elementary(logarithms.logaddexp2)
    power = elementary(powers.power)
    cbrt = elementary(powers.cbrt)
    rsqrt = elementary(powers.rsqrt)
    hypot = elementary(powers.hypot)
    sinh = elementary(hyperbolic.sinh)
    cosh = elementary(hyperbolic.cosh)
    tanh = elementary(hyperbolic.tanh)
    fmod = elementary(quotients.fmod)
    arcsinh = elementary(hyperbolic.arcsinh)
    arccosh = elementary(hyperbolic.arccosh)
    arctanh = elementary(hyperbolic.arctanh)
    sin = elementary(trigonometric.sin)
    cos = elementary(trigonometric.cos)
    tan = elementary(trigonometric.tan)
    arcsin = elementary(inverse.arcsin)
    arccos = elementary(inverse.arccos)
    arctan = elementary(inverse.arctan)
    arctan2 = elementary(inverse.arctan2)
    erf = elementary(special.erf)
    erfc = elementary(special.erfc)


#: The names of the functions. Most ops of these names are one of them.
ELEMENTARY = frozenset(name for name in vars(Kernel) if not name.startswith("_"))
