"""tanh."""

from __future__ import annotations

from minpy.compiler.codegen.functions.exponentials import expm1_of_limited
from minpy.compiler.codegen.functions.terms import Term, copysign, minimum


def tanh(x: Term) -> Term:
    """The hyperbolic tangent: t / (t + 2) of t = e^2|x| - 1."""
    t = expm1_of_limited(minimum(abs(x), x.choose(10, 22)) * 2)
    return copysign(t / (t + 2), x)
