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

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy

from minpy.compiler.ir import Atom, Eqn, Graph, Literal, Var, evaluate
from minpy.compiler.passes import activations, is_on, losses, norms, windows
from minpy.compiler.passes.patterns import (
    DoesNotFitError,
    Makers,
    Rules,
    becomes,
    inferred,
    is_last,
    is_number,
    is_same,
    made,
    operand,
    reduced_rows,
    root,
    unshifted,
)


def raise_idioms(graph: Graph, families: Sequence[str] = ()) -> Graph:
    """Accepts any graph; afterwards nothing is made as on the left of the docstrings of these families."""
    return graph._replace(eqns=tuple(raised(graph.eqns, families=families)))


def raised(
    eqns: Iterable[Eqn], known: dict[Var, Eqn] | None = None, families: Sequence[str] = ()
) -> list[Eqn]:
    """The equations with raised ones in their place, which make the same variables.

    There may be others before them, which make new variables. Asked again with the same ``known``, where
    raised equations are noted, it gives the same ones.
    """
    eqns, rules = list(eqns), _joined(families or FAMILIES)
    if not any(eqn.op.name in rules for eqn in eqns):
        return eqns
    known = {} if known is None else known
    makers: dict[Var, Eqn] = {}
    numbers: dict[Atom, Literal] = {}  # computed from constants, which are not folded yet before a gradient
    found: list[Eqn] = []
    for eqn in eqns:
        var = eqn.outputs[0]
        if numbers and any(x in numbers for x in eqn.inputs):
            eqn = eqn._replace(inputs=tuple(numbers.get(x, x) for x in eqn.inputs))
        is_leaf = eqn.op.name == "copy"  # of a gradient, perhaps, which is no constant for that
        if all(isinstance(x, Literal) for x in eqn.inputs) and var.aval.size == 1 and not is_leaf:
            values = [x.value for x in eqn.inputs]  # type: ignore[union-attr]
            numbers[var] = Literal(evaluate(eqn.op, values, eqn.params)[0].astype(var.aval.dtype, copy=False))
        stand_ins = [known[var]] if var in known else _raised(eqn, makers, rules)
        if stand_ins[-1] is not eqn:
            known[var] = stand_ins[-1]
        for stand_in in stand_ins:
            for made_one in stand_in.outputs:
                makers[made_one] = stand_in
        found.extend(stand_ins)
    return found


def _joined(families: Iterable[str]) -> dict[str, list]:
    """The rules of all families that are on, by the op that they look at."""
    rules: dict[str, list] = {}
    for family in filter(is_on, families):
        for name, found in FAMILIES[family].items():
            rules.setdefault(name, []).extend(found)
    return rules


def _raised(eqn: Eqn, makers: Makers, rules: Mapping[str, list]) -> Sequence[Eqn]:
    """What stands for an equation."""
    for rule in rules.get(eqn.op.name, ()):
        try:
            found = rule(eqn, makers)
            if found is not None:
                *before, last = found if isinstance(found, list) else [found]
                last = last._replace(outputs=eqn.outputs, loc=eqn.loc)
                if _gives_the_same(last):
                    return *before, last
        except DoesNotFitError:
            continue
    return (eqn,)


def _gives_the_same(eqn: Eqn) -> bool:
    """Whether shape and dtype are those of the variable, and of floats."""
    is_float = eqn.inputs[0].aval.dtype.kind == "f"
    return is_float and inferred(eqn.op, eqn.inputs, eqn.params) == (eqn.outputs[0].aval,)


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
            return becomes(eqn, "sigmoid", x)
    return None


def _softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """exp(z) / sum(exp(z))"""
    power, total = eqn.inputs
    z = operand(power, "exp", makers)
    rows = reduced_rows(total, "sum", makers)
    if z is None or rows is None or not is_same(rows[0], power, makers) or not is_last(rows[1], z):
        return None
    return becomes(eqn, "softmax", unshifted(z, rows[1], makers), axis=rows[1])


def _log_softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """z - log(sum(exp(z)))"""
    z, subtracted = eqn.inputs
    total = operand(subtracted, "log", makers)
    rows = total and reduced_rows(total, "sum", makers)
    exponent = rows and operand(rows[0], "exp", makers)
    if not rows or not is_same(exponent, z, makers) or not is_last(rows[1], z):
        return None
    return becomes(eqn, "log_softmax", unshifted(z, rows[1], makers), axis=rows[1])


def _log_of_softmax(eqn: Eqn, makers: Makers) -> Eqn | None:
    """log(softmax(x))"""
    softmax = made(eqn.inputs[0], "softmax", makers)
    if softmax is None or not is_last(softmax.params["axis"], softmax.inputs[0]):
        return None
    return becomes(eqn, "log_softmax", softmax.inputs[0], axis=softmax.params["axis"])


def _standardize(eqn: Eqn, makers: Makers) -> Eqn | None:
    """(x - mean(x)) / sqrt(mean((x - mean(x))**2) + eps), of float32 as MXNet's eps is"""
    centered, deviation = eqn.inputs
    total = operand(deviation, "sqrt", makers)
    parts = total and made(total, "add", makers)
    shifted = made(centered, "subtract", makers)
    middle = shifted and reduced_rows(shifted.inputs[1], "mean", makers)
    if not parts or not shifted or not middle or centered.aval.dtype != numpy.float32:
        return None
    x, axis = middle
    if not is_same(x, shifted.inputs[0], makers) or not is_last(axis, x):
        return None
    for variance, eps in (parts.inputs, parts.inputs[::-1]):
        is_known = isinstance(eps, Literal) and eps.aval.size == 1 and bool(eps.value > 0)
        if is_known and _is_variance(variance, x, centered, makers):
            return becomes(eqn, "standardize", x, eps=float(eps.value))  # type: ignore[union-attr]
    return None


def _is_variance(atom: Atom, x: Atom, centered: Atom, makers: Makers) -> bool:
    """Whether an atom is the variance of x over the last axis, by NumPy's function or written out."""
    for name in ("var", "mean"):
        rows = reduced_rows(atom, name, makers)
        if rows is not None and is_last(rows[1], x):
            if name == "mean":
                squared = root(rows[0], makers)
                return squared is not None and is_same(squared, centered, makers)
            eqn = made(atom, name, makers)
            return eqn is not None and not eqn.params["ddof"] and is_same(rows[0], x, makers)
    return False


#: The passes that raise, by name, in order; an equation may be raised by one after the other.
FAMILIES: dict[str, Rules] = {
    "raising": {
        "true_divide": (_sigmoid, _softmax, _standardize),
        "reciprocal": (_sigmoid,),
        "subtract": (_log_softmax,),
        "log": (_log_of_softmax,),
    },
    "activations": activations.RULES,
    "losses": losses.RULES,
    "norms": norms.RULES,
    "windows": windows.RULES,
}
PASSES = {name: partial(raise_idioms, families=(name,)) for name in FAMILIES}
