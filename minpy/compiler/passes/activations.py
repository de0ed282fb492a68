"""Activations that are written out, where MXNet has a faster form: ten times, where an exponential goes.

    a = negative x
    b = exp a                                     ->  e = sigmoid x
    c = add 1 b                                       d = multiply e y
    d = true_divide y c

    a = true_divide x 1.4142135623730951
    b = special.erf a
    c = add 1 b                                   ->  e = special.gelu x              of float32
    d = multiply 0.5 x
    e = multiply d c

    b = tanh u                                        v = multiply 2.0 u
    c = add 1 b                                   ->  s = sigmoid v                   of float32
    d = multiply 0.5 x                                e = multiply x s
    e = multiply d c

    a = multiply -2.0 x
    b = exp a                                         e = multiply -0.5 a
    c = subtract 1 b                              ->  f = tanh e
    d = add 1 b
    f = true_divide c d

    a = multiply y y
    b = subtract 1 a                              ->  c = tanh_gradient g y           so for y * (1 - y)
    c = multiply g b

Also with both exponentials in the third, or the other way round. Where the exponential overflows, the results
on the right are those of the formula, which NumPy makes nan or 0.

``log(1 + exp(x))`` stays: MXNet's operator is wrong by up to 1e-5 where that is small.
"""

from __future__ import annotations

import math

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.passes.patterns import Makers, Rules, applied, is_number, is_same, made, operand, root
from minpy.runtime.artefacts import is_uniform

_DEPTH = 4


def _factors(atom: Atom, makers: Makers, depth: int = _DEPTH) -> tuple[float, list[Atom]]:
    """A number and the arrays that an atom is the product of."""
    if isinstance(atom, Literal) and atom.aval.size == 1 and atom.aval.dtype.kind in "iuf":
        return numpy.asarray(atom.value, "float64").item(), []
    eqn = makers.get(atom) if isinstance(atom, Var) and depth else None
    if eqn is not None and eqn.op.name == "multiply":
        return _factors_of_product(eqn, makers, depth)
    if eqn is not None and eqn.op.name == "true_divide":
        divisor, arrays = _factors(eqn.inputs[1], makers, 0)
        if not arrays and divisor:
            number, arrays = _factors(eqn.inputs[0], makers, depth - 1)
            return number / divisor, arrays
    return 1.0, [atom]


def _factors_of_product(eqn: Eqn, makers: Makers, depth: int = _DEPTH) -> tuple[float, list[Atom]]:
    (first, some), (second, others) = (_factors(x, makers, depth - 1) for x in eqn.inputs)
    return first * second, some + others


def _more_than_one(atom: Atom, name: str, makers: Makers) -> Atom | None:
    """u, if the atom is 1 + name(u)."""
    total = made(atom, "add", makers)
    for one, inner in (total.inputs, total.inputs[::-1]) if total else ():
        found = operand(inner, name, makers)
        if found is not None and is_number(one, 1):
            return found
    return None


def _gelu(eqn: Eqn, makers: Makers) -> list[Eqn] | Eqn | None:
    """0.5 * x * (1 + erf(x / sqrt(2))), or x / 2 * (1 + tanh(u))"""
    out = eqn.outputs[0].aval
    if out.dtype != numpy.float32:
        return None
    number, arrays = _factors_of_product(eqn, makers)
    if number != 0.5 or len(arrays) != 2:
        return None
    for x, total in (arrays, arrays[::-1]):
        u = _more_than_one(total, "special.erf", makers)
        if u is not None and _is_scaled(u, x, makers):
            return applied("special.gelu", x, like=eqn)
        u = _more_than_one(total, "tanh", makers)
        if u is not None and u.aval == out:
            doubled = applied("multiply", Literal(2.0), u, like=eqn)
            gate = applied("sigmoid", *doubled.outputs, like=eqn)
            return [doubled, gate, applied("multiply", x, *gate.outputs, like=eqn)]
    return None


def _is_scaled(u: Atom, x: Atom, makers: Makers) -> bool:
    """Whether u is x / sqrt(2)."""
    number, arrays = _factors(u, makers)
    return len(arrays) == 1 and is_same(arrays[0], x, makers) and math.isclose(number, 0.5**0.5, rel_tol=1e-7)


def _times_sigmoid(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """y / (1 + exp(-x))"""
    exponent = _more_than_one(eqn.inputs[1], "exp", makers)
    x = exponent and operand(exponent, "negative", makers)
    if not x:
        return None
    gate = applied("sigmoid", x, like=eqn)
    return [gate, applied("multiply", *gate.outputs, eqn.inputs[0], like=eqn)]


def _tanh(eqn: Eqn, makers: Makers) -> list[Eqn] | Eqn | None:
    """(a - b) / (a + b) of exponentials, or of one and 1"""
    difference, total = made(eqn.inputs[0], "subtract", makers), made(eqn.inputs[1], "add", makers)
    if difference is None or total is None:
        return None
    a, b = difference.inputs
    if not any(_are_same((a, b), terms, makers) for terms in (total.inputs, total.inputs[::-1])):
        return None
    u, v = operand(a, "exp", makers), operand(b, "exp", makers)
    if u and v and is_same(operand(v, "negative", makers), u, makers):
        return applied("tanh", u, like=eqn)
    exponent, factor = (u, 0.5) if u and is_number(b, 1) else (v, -0.5)
    if exponent is None or not (is_number(a, 1) or is_number(b, 1)):
        return None
    half = applied("multiply", Literal(factor), exponent, like=eqn)
    return [half, applied("tanh", *half.outputs, like=eqn)]


def _are_same(some: tuple[Atom, ...], others: tuple[Atom, ...], makers: Makers) -> bool:
    return all(is_same(x, y, makers) for x, y in zip(some, others))


def _slope(eqn: Eqn, makers: Makers) -> Eqn | None:
    """g * (1 - y * y), or g * (y * (1 - y))"""
    for g, slope in (eqn.inputs, eqn.inputs[::-1]):
        if g.aval != eqn.outputs[0].aval or slope.aval != g.aval:
            continue
        if isinstance(g, Literal) and is_uniform(numpy.asarray(g.value)):
            continue  # as ahead of a sum: it is a number, and mostly 1
        rest = made(slope, "subtract", makers)
        y = root(rest.inputs[1], makers) if rest and is_number(rest.inputs[0], 1) else None
        if y is not None:
            return applied("tanh_gradient", g, y, like=eqn)
        product = made(slope, "multiply", makers)
        for y, other in (product.inputs, product.inputs[::-1]) if product else ():
            rest = made(other, "subtract", makers)
            if rest and is_number(rest.inputs[0], 1) and rest.inputs[1] is y:
                return applied("sigmoid_gradient", g, y, like=eqn)
    return None


RULES: Rules = {"multiply": (_gelu, _slope), "true_divide": (_tanh, _times_sigmoid)}
