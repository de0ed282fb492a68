"""What passes look for: how a variable is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minpy.compiler.ir import Atom, Eqn, Literal, Var

#: For a variable the equation that makes it.
Makers = Mapping[Var, Eqn]


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
