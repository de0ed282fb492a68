"""One step of a recurrent cell, as it is written out: what the pass ``loops`` looks for.

The cells are those of ``ops/recurrent.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.passes.patterns import Makers, identity, is_number, made
from minpy.ops.keys import Layout

#: How deep sums are looked into.
_DEPTH = 8


class Columns(NamedTuple):
    """Columns of a matrix, perhaps only of some rows, or elements of a vector."""

    array: Atom
    start: int
    stop: int
    rows: tuple[int, int] | None = None
    is_negated: bool = False


class Product(NamedTuple):
    """``left @ weights``."""

    left: Atom
    weights: Columns


@dataclass
class Sum:
    """What is added up to what a gate takes."""

    products: list[Product] = field(default_factory=list)
    biases: list[Columns] = field(default_factory=list)

    def split(self, state: Atom) -> tuple[Product, Product] | None:
        """The product with an input, and that with the state."""
        of_state = [p for p in self.products if identity(p.left) == identity(state)]
        of_input = [p for p in self.products if identity(p.left) != identity(state)]
        return (of_input[0], of_state[0]) if len(of_state) == len(of_input) == 1 else None

    def negated(self) -> Sum:
        """The same with the other sign."""
        products = [p._replace(weights=p.weights._replace(is_negated=True)) for p in self.products]
        return Sum(products, [bias._replace(is_negated=True) for bias in self.biases])


class Step(NamedTuple):
    """One step of a cell. ``gates`` in MXNet's order; of the last gate of a GRU the two sums apart."""

    cell: str
    eqn: Eqn
    gates: list[Sum]
    apart: Sum | None
    state: Atom | None  # of a GRU h before the step, if that is known from the cell
    memory: Atom | None  # of an LSTM c before the step
    memory_after: Atom | None

    @property
    def key(self) -> Any:
        """The same for all steps of a loop."""
        sums = [*self.gates, *([self.apart] if self.apart else [])]
        weights = [sorted((identity(w), *ends) for _, (w, *ends) in s.products) for s in sums]
        biases = [sorted((identity(b), *ends) for b, *ends in s.biases) for s in sums]
        return self.cell, weights, biases, self.eqn.outputs[0].aval


@functools.lru_cache(maxsize=1024)
def _layout(shape: tuple[int, ...], template: tuple) -> Layout:
    """What is read of an array; all steps of a loop read the same."""
    return Layout(shape, (), template)


def _add_up(
    atom: Atom, found: Sum, makers: Makers, columns: tuple[int, int] | None = None, depth: int = _DEPTH
) -> bool:
    """Note the terms of a sum, of which columns are taken; false where a term is of another kind."""
    shape = atom.aval.shape
    if not depth:
        return False
    start, stop = columns or (0, shape[-1] if shape else 0)
    eqn = makers.get(atom) if isinstance(atom, Var) else None
    name = eqn.op.name if eqn is not None else ""
    if eqn is not None and name == "add" and atom.aval.ndim == 2:
        numbers = [x for x in eqn.inputs if isinstance(x, Literal) and not x.aval.shape]
        found.biases.extend(Columns(_uniform(float(x.value), stop - start), 0, stop - start) for x in numbers)
        terms = [x for x in eqn.inputs if x not in numbers]
        return all(_add_up(x, found, makers, columns, depth - 1) for x in terms)
    if eqn is not None and name == "matmul" and all(x.aval.ndim == 2 for x in eqn.inputs):
        found.products.extend(_products(eqn.inputs[0], eqn.inputs[1], start, stop, makers))
        return True
    if eqn is not None and name == "index" and len(shape) == 2 and len(eqn.inputs) == 1 and columns is None:
        inner = eqn.inputs[0]
        template = eqn.params["template"]
        if inner.aval.ndim == 2 and None not in template:
            layout = _layout(inner.aval.shape, template)
            begin, step = layout.bounds["begin"], layout.bounds["step"]
            if (
                layout.sliced == shape
                and begin[0] == 0
                and step == (1, 1)
                and shape[0] == inner.aval.shape[0]
            ):
                start = int(begin[1] or 0)
                return _add_up(inner, found, makers, (start, start + shape[1]), depth - 1)
    if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1):
        found.biases.append(Columns(atom, start, stop))
        return True
    return False


@functools.lru_cache(maxsize=64)
def _uniform(number: float, size: int) -> Literal:
    """A number that is added to all of a gate, the same one for all steps."""
    return Literal(numpy.full(size, number, "float32"))


def _products(left: Atom, weights: Atom, start: int, stop: int, makers: Makers) -> Iterator[Product]:
    """``left @ weights``; of arrays side by side each with its rows of the weights."""
    joined = made(left, "concatenate", makers)
    if joined is None or joined.params["axis"] != 1:
        yield Product(left, Columns(weights, start, stop))
        return
    first = 0
    for part in joined.inputs:
        last = first + part.aval.shape[1]
        yield Product(part, Columns(weights, start, stop, (first, last)))
        first = last


def _sum(atom: Atom, makers: Makers) -> Sum | None:
    found = Sum()
    return found if _add_up(atom, found, makers) and len(found.products) == 2 else None


def _gate(atom: Atom, name: str, makers: Makers) -> Sum | None:
    eqn = made(atom, name, makers)
    return _sum(eqn.inputs[0], makers) if eqn is not None else None


def _rnn(eqn: Eqn, makers: Makers) -> Step | None:
    """h = tanh(...)"""
    gate = _sum(eqn.inputs[0], makers) if eqn.outputs[0].aval.ndim == 2 else None
    return Step("rnn", eqn, [gate], None, None, None, None) if gate else None


def _lstm(eqn: Eqn, makers: Makers) -> Step | None:
    """h = o * tanh(f * before + i * g)"""
    for o, squashed in (eqn.inputs, eqn.inputs[::-1]):
        memory = made(squashed, "tanh", makers)
        total = memory and made(memory.inputs[0], "add", makers)
        if memory is None or total is None or made(o, "sigmoid", makers) is None:
            continue
        for new, kept in (total.inputs, total.inputs[::-1]):
            first, second = made(new, "multiply", makers), made(kept, "multiply", makers)
            if first is None or second is None:
                continue
            for i, g in (first.inputs, first.inputs[::-1]):
                for f, before in (second.inputs, second.inputs[::-1]):
                    known = [*zip((i, f, g, o), ("sigmoid", "sigmoid", "tanh", "sigmoid"))]
                    if not all(made(x, name, makers) for x, name in known):
                        continue
                    gates = [_gate(x, name, makers) for x, name in known]
                    if all(gates) and before.aval == eqn.outputs[0].aval:
                        return Step("lstm", eqn, gates, None, None, before, memory.inputs[0])  # type: ignore
    return None


def _gru(eqn: Eqn, makers: Makers) -> Step | None:
    """h = (1 - z) * n + z * before, n = tanh(a + r * u); other forms are in ``_mixed``"""
    for n, z, before, is_negated in _mixed(eqn, makers):
        found = _new_of_gru(n, makers)
        update = _gate(z, "sigmoid", makers)
        if found and update and before.aval == eqn.outputs[0].aval:
            reset, plain, apart = found
            gates = [reset, update.negated() if is_negated else update, plain]
            return Step("gru", eqn, gates, apart, before, None, None)
    return None


def _mixed(eqn: Eqn, makers: Makers) -> Iterator[tuple[Atom, Atom, Atom, bool]]:
    """n, z, before, and whether z goes with n: then it is 1 - z of the sum with the other sign."""
    for one, other in (eqn.inputs, eqn.inputs[::-1]):
        first, second = made(one, "multiply", makers), made(other, "multiply", makers)
        if second is None:
            continue
        if first is not None:  # p * n + q * before
            for p, n in (first.inputs, first.inputs[::-1]):
                for q, before in (second.inputs, second.inputs[::-1]):
                    if _is_rest(p, q, makers):
                        yield n, q, before, False
                    if _is_rest(q, p, makers):
                        yield n, p, before, True
        for z, change in (
            second.inputs,
            second.inputs[::-1],
        ):  # n + z * (before - n), before + z * (n - before)
            difference = made(change, "subtract", makers)
            if difference is not None and identity(difference.inputs[1]) == identity(one):
                yield one, z, difference.inputs[0], False
                yield difference.inputs[0], z, one, True


def _is_rest(rest: Atom, z: Atom, makers: Makers) -> bool:
    """Whether an atom is 1 - z."""
    eqn = made(rest, "subtract", makers)
    return eqn is not None and is_number(eqn.inputs[0], 1) and eqn.inputs[1] is z


def _new_of_gru(n: Atom, makers: Makers) -> tuple[Sum, Sum, Sum] | None:
    """tanh(a + r * u): the sums that r, a and u are."""
    squashed = made(n, "tanh", makers)
    total = squashed and made(squashed.inputs[0], "add", makers)
    for a, weighted in (total.inputs, total.inputs[::-1]) if total else ():
        times = made(weighted, "multiply", makers)
        for r, u in (times.inputs, times.inputs[::-1]) if times else ():
            reset, plain, apart = _gate(r, "sigmoid", makers), Sum(), Sum()
            if reset is None or not _add_up(a, plain, makers) or not _add_up(u, apart, makers):
                continue
            if len(plain.products) == len(apart.products) == 1:
                return reset, plain, apart
    return None


_CELLS: dict[str, Callable[[Eqn, Makers], Step | None]] = {"tanh": _rnn, "multiply": _lstm, "add": _gru}


def recognize(eqn: Eqn, makers: Makers) -> Step | None:
    """The step whose h an equation makes."""
    cell = _CELLS.get(eqn.op.name)
    return cell(eqn, makers) if cell is not None else None
