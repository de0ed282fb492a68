"""What passes look for: how a variable is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, Union

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var, infer
from minpy.ops import OPS, Aval, Op
from minpy.ops.keys import WHOLE

#: For a variable the equation that makes it.
Makers = Mapping[Var, Eqn]
#: Gives what stands for an equation: another one, or some of which the last makes its variable; None where
#: it stays.
Rule = Callable[[Eqn, Makers], Optional[Union[Eqn, "list[Eqn]"]]]
Rules = Mapping[str, "tuple[Rule, ...]"]


def identity(atom: Atom | None) -> int:
    """What tells values apart: a constant array is a new literal each time it is used."""
    return id(atom.value) if isinstance(atom, Literal) else id(atom)


def made(atom: Atom, name: str, makers: Makers) -> Eqn | None:
    """The equation of an atom, if it applies this op."""
    eqn = makers.get(atom) if isinstance(atom, Var) else None
    return eqn if eqn is not None and eqn.op.name == name else None


def operand(atom: Atom, name: str, makers: Makers) -> Atom | None:
    """The only operand of the op, if the atom is made by it."""
    eqn = made(atom, name, makers)
    return eqn.inputs[0] if eqn is not None else None


def is_number(atom: Atom, number: float) -> bool:
    """Whether an atom is a constant that has one element, this number."""
    return isinstance(atom, Literal) and atom.aval.size == 1 and bool(atom.value == number)


def whole_of(rows: Sequence[Atom], makers: Makers) -> Atom | None:
    """The array of which ``rows`` are all ``x[0], x[1], ...``."""
    first = made(rows[0], "index", makers)
    if first is None or len(first.inputs) > 1:
        return None
    whole = first.inputs[0]
    if whole.aval.shape[:1] != (len(rows),):
        return None
    for number, row in enumerate(rows):
        eqn = made(row, "index", makers)
        if eqn is None or eqn.inputs != (whole,):
            return None
        if eqn.params["template"] not in ((number,), (number - len(rows),)):
            return None
    return whole


class DoesNotFitError(Exception):
    """An op refuses the operands that a pass wants to give it."""


def inferred(op: Op, inputs: tuple[Atom, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    """What an op gives. Raises DoesNotFitError where it refuses the inputs."""
    try:
        return infer(op, inputs, params)
    except (TypeError, ValueError) as error:
        raise DoesNotFitError(str(error)) from error


def applied(name: str, *inputs: Atom, like: Eqn, **params: Any) -> Eqn:
    """A new equation on the line of another one. Raises DoesNotFitError where the op refuses the inputs."""
    op = OPS[name]
    return Eqn(op, inputs, params, tuple(map(Var, inferred(op, inputs, params))), like.loc)


def becomes(eqn: Eqn, name: str, x: Atom, **params: Any) -> Eqn:
    return eqn._replace(op=OPS[name], inputs=(x,), params=params)


def is_same(a: Atom | None, b: Atom | None, makers: Makers, depth: int = 3) -> bool:
    """Whether two atoms are one, or made in the same way: a gradient is recorded before they are merged."""
    if a is b:
        return True
    if isinstance(a, Literal) and isinstance(b, Literal):
        return a.value is b.value or (a.aval == b.aval and numpy.array_equal(a.value, b.value))
    one, other = (makers.get(x) if isinstance(x, Var) else None for x in (a, b))
    return (
        one is not None
        and other is not None
        and depth > 0
        and one.op is other.op
        and one.params == other.params
        and len(one.inputs) == len(other.inputs)
        and all(is_same(x, y, makers, depth - 1) for x, y in zip(one.inputs, other.inputs))
    )


def reduced_rows(atom: Atom, name: str, makers: Makers) -> tuple[Atom, int] | None:
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


def is_last(axis: int, x: Atom) -> bool:
    """Only there MXNet's operator is faster than its parts."""
    return axis == x.aval.ndim - 1


def root(atom: Atom, makers: Makers) -> Atom | None:
    """x, if the atom is its square."""
    eqn = makers.get(atom) if isinstance(atom, Var) else None
    if eqn is None:
        return None
    if eqn.op.name == "multiply":
        x, y = eqn.inputs
        return x if is_same(x, y, makers) else None
    is_power = eqn.op.name == "power" and is_number(eqn.inputs[1], 2)
    return eqn.inputs[0] if is_power or eqn.op.name == "square" else None


def unshifted(z: Atom, axis: int, makers: Makers) -> Atom:
    """``x``, if ``z`` is ``x`` minus its maximum over the axis; otherwise ``z`` itself."""
    eqn = made(z, "subtract", makers)
    rows = eqn and reduced_rows(eqn.inputs[1], "max", makers)
    if eqn and rows and rows[1] == axis and is_same(rows[0], eqn.inputs[0], makers):
        return eqn.inputs[0]
    return z
