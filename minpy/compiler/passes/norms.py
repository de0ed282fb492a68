"""Normalization over the batch that is written out: MXNet's operator, whose backward is its own too.

    m = mean axes=(0, 2, 3) keepdims=True x
    z = subtract x m
    w = square z
    v = mean axes=(0, 2, 3) keepdims=True w
    a = add v 1e-05                                 ->  i = reshape shape=(3,) gamma
    d = sqrt a                                          j = reshape shape=(3,) beta
    y = true_divide z d                                 f = batch_norm eps=1e-05 x i j
    e = multiply y gamma
    f = add e beta

Of float32 (batch, channels, height, width), twice as fast, and three times in the gradient. The variance may
be NumPy's, means may be sums divided by the size, gamma may be divided by the deviation or multiplied first,
and gamma or beta may be missing. Channels that are moved to the end, normalized as the columns of a matrix,
and moved back, stay where they are. Matrices alone are not faster that way.

Mean and variance stay for others that use them, such as running averages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.passes.patterns import Makers, Rules, applied, is_number, is_same, made, operand, root
from minpy.ops.aval import product
from minpy.ops.keys import WHOLE

FLOAT32 = numpy.dtype("float32")


def _bare(atom: Atom, makers: Makers) -> Atom:
    """An array without axes of size 1 that were put into its shape."""
    while True:
        eqn = (
            made(atom, "reshape", makers) or made(atom, "index", makers) or made(atom, "broadcast_to", makers)
        )
        if eqn is None or eqn.inputs[0].aval.size != atom.aval.size:
            return atom
        if len(eqn.inputs) > 1 or not set(eqn.params.get("template", ())) <= {WHOLE, Ellipsis, None}:
            return atom
        atom = eqn.inputs[0]


def _is_per_channel(atom: Atom, x: Atom) -> bool:
    """Whether an atom has one element for each channel of x, and broadcasts as such."""
    ndim = x.aval.ndim
    shape = (1,) * (ndim - atom.aval.ndim) + atom.aval.shape
    return ndim > 1 and shape == (1, x.aval.shape[1], *[1] * (ndim - 2)) and atom.aval.dtype == FLOAT32


def _axes(x: Atom) -> tuple[int, ...]:
    return (0, *range(2, x.aval.ndim))


def _averaged(atom: Atom, x: Atom, makers: Makers) -> Atom | None:
    """The array of the shape of x whose mean over the batch, for each channel, an atom is."""
    atom = _bare(atom, makers)
    eqn = made(atom, "mean", makers)
    if eqn is None:
        eqn = _sum_divided_by(atom, product(x.aval.shape[axis] for axis in _axes(x)), makers)
    fits = eqn is not None and eqn.params["axes"] == _axes(x) and eqn.inputs[0].aval == x.aval
    return eqn.inputs[0] if fits and eqn is not None else None


def _sum_divided_by(atom: Atom, count: int, makers: Makers) -> Eqn | None:
    quotient, times = made(atom, "true_divide", makers), made(atom, "multiply", makers)
    if quotient is not None and is_number(quotient.inputs[1], count):
        return made(quotient.inputs[0], "sum", makers)
    for factor, total in (times.inputs, times.inputs[::-1]) if times else ():
        if is_number(factor, 1.0 / count):
            return made(total, "sum", makers)
    return None


def _centered(atom: Atom, makers: Makers) -> Atom | None:
    """x, if an atom is x minus the mean of each channel."""
    eqn = made(atom, "subtract", makers)
    if eqn is None or atom.aval.ndim < 2 or atom.aval.dtype != FLOAT32 or eqn.inputs[0].aval != atom.aval:
        return None
    x, mean = eqn.inputs
    return x if _is_per_channel(mean, x) and is_same(_averaged(mean, x, makers), x, makers) else None


def _eps(deviation: Atom, centered: Atom, x: Atom, makers: Makers) -> float | None:
    """eps, if an atom is the root of the variance of each channel of x plus eps."""
    total = operand(_bare(deviation, makers), "sqrt", makers) if _is_per_channel(deviation, x) else None
    parts = total and made(total, "add", makers)
    for variance, eps in (parts.inputs, parts.inputs[::-1]) if parts else ():
        is_known = isinstance(eps, Literal) and eps.aval.size == 1 and bool(eps.value > 0)
        if is_known and _is_variance(variance, centered, x, makers):
            return float(eps.value)  # type: ignore[union-attr]
    return None


def _is_variance(atom: Atom, centered: Atom, x: Atom, makers: Makers) -> bool:
    eqn = made(_bare(atom, makers), "var", makers)
    if eqn is not None:
        return eqn.params["axes"] == _axes(x) and not eqn.params["ddof"] and is_same(eqn.inputs[0], x, makers)
    squared = _averaged(atom, x, makers)
    return squared is not None and is_same(root(squared, makers), centered, makers, 5)


class _Layer(NamedTuple):
    """Batch normalization; gamma is None for ones, beta for zeros."""

    x: Atom
    eps: float
    gamma: Atom | None = None
    beta: Atom | None = None


def _recognized(atom: Atom, makers: Makers) -> _Layer | None:
    """The layer whose result an atom is."""
    eqn = makers.get(atom) if isinstance(atom, Var) else None
    return _PARTS[eqn.op.name](eqn, makers) if eqn is not None and eqn.op.name in _PARTS else None


def _raised(eqn: Eqn, makers: Makers) -> _Layer:
    x, *ends = eqn.inputs
    gamma, beta = (None if _is_full(end, number) else end for end, number in zip(ends, (1, 0)))
    return _Layer(x, eqn.params["eps"], gamma, beta)


def _quotient(eqn: Eqn, makers: Makers) -> _Layer | None:
    """(x - mean) / sqrt(var + eps), perhaps with gamma in front"""
    above, deviation = eqn.inputs
    times = made(above, "multiply", makers)
    pairs = [*zip(times.inputs, times.inputs[::-1])] if times else []
    for centered, gamma in [(above, None), *pairs]:
        x = _centered(centered, makers)
        eps = None if x is None else _eps(deviation, centered, x, makers)
        if x is not None and eps is not None and (gamma is None or _is_per_channel(gamma, x)):
            return _Layer(x, eps, gamma)
    return None


def _product(eqn: Eqn, makers: Makers) -> _Layer | None:
    """What is normalized times gamma, or (x - mean) * (gamma / sqrt(var + eps))"""
    for normalized, factor in (eqn.inputs, eqn.inputs[::-1]):
        if not _is_per_channel(factor, normalized):
            continue
        layer = _recognized(normalized, makers)
        if layer and layer.gamma is None and layer.beta is None:
            return layer._replace(gamma=factor)
        quotient = made(_bare(factor, makers), "true_divide", makers)
        x = _centered(normalized, makers) if quotient else None
        if quotient is not None and x is not None:
            gamma, deviation = quotient.inputs
            eps = _eps(deviation, normalized, x, makers)
            if eps is not None and (is_number(gamma, 1) or _is_per_channel(gamma, x)):
                return _Layer(x, eps, None if is_number(gamma, 1) else gamma)
    return None


def _sum(eqn: Eqn, makers: Makers) -> _Layer | None:
    """What is normalized plus beta"""
    for normalized, beta in (eqn.inputs, eqn.inputs[::-1]):
        layer = _recognized(normalized, makers) if _is_per_channel(beta, normalized) else None
        if layer and layer.beta is None:
            return layer._replace(beta=beta)
    return None


_PARTS: dict[str, Callable[[Eqn, Makers], _Layer | None]] = {
    "batch_norm": _raised,
    "true_divide": _quotient,
    "multiply": _product,
    "add": _sum,
}


def _is_full(atom: Atom, number: float) -> bool:
    return isinstance(atom, Literal) and bool((numpy.asarray(atom.value) == number).all())


def _of_images(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """The operator is faster for four axes only, where oneDNN has one."""
    layer = _PARTS[eqn.op.name](eqn, makers) if eqn.outputs[0].aval.ndim == 4 else None
    return layer and _made(layer, eqn)


def _made(layer: _Layer, eqn: Eqn) -> list[Eqn]:
    size = layer.x.aval.shape[1:2]
    eqns: list[Eqn] = []
    ends: list[Atom] = []
    for given, number in ((layer.gamma, 1), (layer.beta, 0)):
        if given is not None and given.aval.shape != size:
            eqns.append(applied("reshape", given, like=eqn, shape=size))
            given = eqns[-1].outputs[0]
        ends.append(Literal(numpy.full(size, number, FLOAT32)) if given is None else given)
    return [*eqns, applied("batch_norm", layer.x, *ends, like=eqn, eps=layer.eps)]


def _channels_back(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """Channels moved to the end, normalized as columns, and moved back"""
    rows = made(eqn.inputs[0], "reshape", makers)
    if rows is None or rows.inputs[0].aval.ndim != 2 or eqn.params["axes"] != (0, 3, 1, 2):
        return None
    layer = _recognized(rows.inputs[0], makers)
    matrix = layer and made(layer.x, "reshape", makers)
    moved = matrix and made(matrix.inputs[0], "transpose", makers)
    if not layer or not moved or moved.params["axes"] != (0, 2, 3, 1):
        return None
    is_back = (
        moved.inputs[0].aval == eqn.outputs[0].aval and layer.x.aval.shape[1] == eqn.outputs[0].aval.shape[1]
    )
    return _made(layer._replace(x=moved.inputs[0]), eqn) if is_back else None


RULES: Rules = {
    **dict.fromkeys(("true_divide", "multiply", "add"), (_of_images,)),
    "transpose": (_channels_back,),
}
