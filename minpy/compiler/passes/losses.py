"""Losses: the logarithm of a sum of powers minus the scores that labels choose is of log-softmax.

    e = exp z                                             q = log_softmax axis=1 z
    s = sum axes=(1,) keepdims=False e                    d = index template=(ARRAY, ARRAY) q rows labels
    t = log s                                        ->   l = negative d
    c = index template=(ARRAY, ARRAY) z rows labels
    l = subtract t c

It is also found where the difference, or one of its terms, has the other sign, and with the scores shifted by
the largest of their row. ``rows`` are all, in order.

Other forms of the cross entropy need nothing of their own: ``-sum(y * log(p)) / n`` and
``log(p)[rows, labels]`` are made of a log-softmax that the pass ``raising`` finds. ``log(p[rows, labels])``
stays: it is as fast.
"""

from __future__ import annotations

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.passes.patterns import Makers, Rules, applied, is_same, made, operand, unshifted
from minpy.ops.keys import ARRAY


def _chosen_of_log_softmax(total: Atom, correct: Atom, makers: Makers, eqn: Eqn) -> list[Eqn] | None:
    """z[rows, labels] - log(sum(exp(z)))"""
    powers = operand(total, "log", makers)
    rows = powers and made(powers, "sum", makers)
    z = rows and operand(rows.inputs[0], "exp", makers)
    chosen = made(correct, "index", makers)
    if not rows or not z or not chosen or z.aval.ndim != 2 or rows.params["axes"] != (1,):
        return None
    if chosen.params["template"] != (ARRAY, ARRAY) or not is_same(chosen.inputs[0], z, makers):
        return None
    if rows.params["keepdims"] or not _are_all(chosen.inputs[1], z.aval.shape[0]):
        return None
    log_softmax = applied("log_softmax", unshifted(z, 1, makers), like=eqn, axis=1)
    inputs = (log_softmax.outputs[0], *chosen.inputs[1:])
    return [log_softmax, chosen._replace(inputs=inputs, outputs=(Var(eqn.outputs[0].aval),))]


def _are_all(rows: Atom, count: int) -> bool:
    return isinstance(rows, Literal) and numpy.array_equal(rows.value, numpy.arange(count))


def _difference(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """log(sum(exp(z))) - z[rows, labels], or the other way round."""
    first, second = eqn.inputs
    found = _chosen_of_log_softmax(second, first, makers, eqn)
    return found or _negated(_chosen_of_log_softmax(first, second, makers, eqn), eqn)


def _sum(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """-z[rows, labels] + log(sum(exp(z)))"""
    for total, minus in (eqn.inputs, eqn.inputs[::-1]):
        correct = operand(minus, "negative", makers)
        found = correct and _chosen_of_log_softmax(total, correct, makers, eqn)
        if found:
            return _negated(found, eqn)
    return None


def _negated(eqns: list[Eqn] | None, eqn: Eqn) -> list[Eqn] | None:
    return eqns and [*eqns, applied("negative", *eqns[-1].outputs, like=eqn)]


RULES: Rules = {"subtract": (_difference,), "add": (_sum,)}
