"""Raise what was written out by hand to the op that does it at once.

    d = negative x                              c = sigmoid x
    e = exp d                         ->
    f = add 1 e
    c = true_divide 1 f

    m = max axes=(1,) keepdims=True x           p = softmax axis=1 x
    z = subtract x m
    e = exp z                         ->
    s = sum axes=(1,) keepdims=True e
    p = true_divide e s

    t = log s                                   q = log_softmax axis=1 x
    q = subtract z t                  ->

    q = log p                         ->        q = log_softmax axis=1 x

    m = mean axes=(1,) keepdims=True x          y = standardize eps=1e-05 x    of float32
    z = subtract x m
    w = square z                      ->
    v = mean axes=(1,) keepdims=True w
    a = add v 1e-05
    d = sqrt a
    y = true_divide z d

The shift by the largest element may be missing: the result is the same, and does not overflow. Only the
equation of the last variable changes. What it took stays, for others that use it; without them it is dead.

A gradient is recorded from the raised equations too: their rules need fewer steps, and nothing of what
stands between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Optional

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, infer
from minpy.compiler.passes import is_on
from minpy.compiler.passes.patterns import Makers, is_number, made, operand
from minpy.ops import OPS
from minpy.ops.keys import WHOLE

Rule = Callable[[Eqn, Makers], Optional[Eqn]]


def raise_idioms(graph: Graph) -> Graph:
    """Accepts any graph; afterwards nothing is made as on the left of the module's docstring."""
    return graph._replace(eqns=tuple(raised(graph.eqns)))


def raised(eqns: Iterable[Eqn]) -> list[Eqn]:
    """The equations with raised ones in their place, each of which makes the same variables as before."""
    if not is_on("raising"):
        return list(eqns)
    makers: dict[Var, Eqn] = {}
    found = []
    for eqn in eqns:
        for rule in _RULES.get(eqn.op.name, ()):
            changed = rule(eqn, makers)
            if changed is not None and _gives_the_same(changed):
                eqn = changed
                break
        makers.update(dict.fromkeys(eqn.outputs, eqn))
        found.append(eqn)
    return found


def _gives_the_same(eqn: Eqn) -> bool:
    """Whether shape and dtype are those of the variable, and of floats."""
    is_float = eqn.inputs[0].aval.dtype.kind == "f"
    return is_float and infer(eqn.op, eqn.inputs, eqn.params) == (eqn.outputs[0].aval,)


def _becomes(eqn: Eqn, name: str, x: Atom, **params: Any) -> Eqn:
    return eqn._replace(op=OPS[name], inputs=(x,), params=params)


def _is_same(a: Atom | None, b: Atom | None, makers: Makers, depth: int = 3) -> bool:
    """Whether two atoms are one, or made in the same way: a gradient is recorded before they are merged."""
    if a is b:
        return True
    one, other = (makers.get(x) if isinstance(x, Var) else None for x in (a, b))
    return (
        one is not None
        and other is not None
        and depth > 0
        and one.op is other.op
        and one.params == other.params
        and len(one.inputs) == len(other.inputs)
        and all(_is_same(x, y, makers, depth - 1) for x, y in zip(one.inputs, other.inputs))
    )


def _reduced_rows(atom: Atom, name: str, makers: Makers) -> tuple[Atom, int] | None:
    """An array and an axis, if the atom is its reduction over this axis, which has size 1 then."""
    shape = atom.aval.shape
    reshaping = made(atom, "reshape", makers) or made(atom, "index", makers)
    if reshaping is not None and set(reshaping.params.get("template", ())) <= {WHOLE, Ellipsis, None}:
        atom = reshaping.inputs[0]
    eqn = made(atom, name, makers)
    if eqn is None or len(eqn.params["axes"]) != 1:
        return None
    x, (axis,) = eqn.inputs[0], eqn.params["axes"]
    kept = tuple(1 if i == axis else size for i, size in enumerate(x.aval.shape))
    return (x, axis) if shape == kept else None


def _unshifted(z: Atom, axis: int, makers: Makers) -> Atom:
    """``x``, if ``z`` is ``x`` minus its maximum over the axis; otherwise ``z`` itself."""
    eqn = made(z, "subtract", makers)
    rows = eqn and _reduced_rows(eqn.inputs[1], "max", makers)
    if eqn and rows and rows[1] == axis and _is_same(rows[0], eqn.inputs[0], makers):
        return eqn.inputs[0]
    return z


def _is_last(axis: int, x: Atom) -> bool:
    """Only there MXNet's operator is faster than its parts."""
    return axis == x.aval.ndim - 1


def _sigmoid(eqn: Eqn, makers: Makers) -> Eqn | None:
    """1 / (1 + exp(-x))"""
    one, total = (Literal(1), eqn.inputs[0]) if eqn.op.name == "reciprocal" else eqn.inputs
    parts = made(total, "add", makers)
    if not is_number(one, 1) or parts is None:
        return None
    for number, power in (parts.inputs, parts.inputs[::-1]):
        exponent = operand(power, "exp", makers)
        x = exponent and operand(exponent, "negative", makers)
        if x and is_number(number, 1):
            return _becomes(eqn, "sigmoid", x)
    return None


def _softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """exp(z) / sum(exp(z))"""
    power, total = eqn.inputs
    z = operand(power, "exp", makers)
    rows = _reduced_rows(total, "sum", makers)
    if z is None or rows is None or not _is_same(rows[0], power, makers) or not _is_last(rows[1], z):
        return None
    return _becomes(eqn, "softmax", _unshifted(z, rows[1], makers), axis=rows[1])


def _log_softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """z - log(sum(exp(z)))"""
    z, subtracted = eqn.inputs
    total = operand(subtracted, "log", makers)
    rows = total and _reduced_rows(total, "sum", makers)
    exponent = rows and operand(rows[0], "exp", makers)
    if not rows or not _is_same(exponent, z, makers) or not _is_last(rows[1], z):
        return None
    return _becomes(eqn, "log_softmax", _unshifted(z, rows[1], makers), axis=rows[1])


def _log_of_softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """log(softmax(x))"""
    softmax = made(eqn.inputs[0], "softmax", makers)
    if softmax is None or not _is_last(softmax.params["axis"], softmax.inputs[0]):
        return None
    return _becomes(eqn, "log_softmax", softmax.inputs[0], axis=softmax.params["axis"])


def _standardize(eqn: Eqn, makers: Makers) -> Eqn | None:
    """(x - mean(x)) / sqrt(mean((x - mean(x))**2) + eps), of float32 as MXNet's eps is"""
    centered, deviation = eqn.inputs
    total = operand(deviation, "sqrt", makers)
    parts = total and made(total, "add", makers)
    shifted = made(centered, "subtract", makers)
    middle = shifted and _reduced_rows(shifted.inputs[1], "mean", makers)
    if not parts or not shifted or not middle or centered.aval.dtype != numpy.float32:
        return None
    x, axis = middle
    if not _is_same(x, shifted.inputs[0], makers) or not _is_last(axis, x):
        return None
    for variance, eps in (parts.inputs, parts.inputs[::-1]):
        is_known = isinstance(eps, Literal) and eps.aval.size == 1 and bool(eps.value > 0)
        if is_known and _is_variance(variance, x, centered, makers):
            return _becomes(eqn, "standardize", x, eps=float(eps.value))  # type: ignore[union-attr]
    return None


def _is_variance(atom: Atom, x: Atom, centered: Atom, makers: Makers) -> bool:
    """Whether an atom is the variance of x over the last axis, by NumPy's function or written out."""
    for name in ("var", "mean"):
        rows = _reduced_rows(atom, name, makers)
        if rows is not None and _is_last(rows[1], x):
            if name == "mean":
                squared = _root(rows[0], makers)
                return squared is not None and _is_same(squared, centered, makers)
            eqn = made(atom, name, makers)
            return eqn is not None and not eqn.params["ddof"] and _is_same(rows[0], x, makers)
    return False


def _root(atom: Atom, makers: Makers) -> Atom | None:
    """x, if the atom is its square."""
    eqn = makers.get(atom) if isinstance(atom, Var) else None
    if eqn is None:
        return None
    if eqn.op.name == "multiply":
        x, y = eqn.inputs
        return x if _is_same(x, y, makers) else None
    is_power = eqn.op.name == "power" and is_number(eqn.inputs[1], 2)
    return eqn.inputs[0] if is_power or eqn.op.name == "square" else None


_RULES: dict[str, tuple[Rule, ...]] = {
    "true_divide": (_sigmoid, _softmax, _standardize),
    "reciprocal": (_sigmoid,),
    "subtract": (_log_softmax,),
    "log": (_log_of_softmax,),
}
