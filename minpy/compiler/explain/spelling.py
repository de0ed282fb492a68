"""Equations written in NumPy: a ufunc by its name or operator, any other op by its ``source``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal
from minpy.errors import UnsupportedError
from minpy.ops.aval import PYTHON_SCALARS
from minpy.ops.keys import ARRAY
from minpy.ops.op import Ufunc


class Text(NamedTuple):
    """A piece of Python. ``binding`` says how tightly it holds together, ``ATOM`` for names and calls.

    Statements have ``{out}`` where the result is assigned.
    """

    text: str
    binding: int

    @property
    def is_statement(self) -> bool:
        """Whether it is no expression, but statements."""
        return "{out}" in self.text

    def within(self, binding: int) -> str:
        """The text as a part of something that binds like this."""
        return self.text if self.binding >= binding else f"({self.text})"


ATOM, POWER, UNARY, PRODUCT, SUM, COMPARISON = 5, 4, 3, 2, 1, 0
_INFIX = {
    "power": ("**", POWER),
    "multiply": ("*", PRODUCT),
    "true_divide": ("/", PRODUCT),
    "matmul": ("@", PRODUCT),
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "equal": ("==", COMPARISON),
    "not_equal": ("!=", COMPARISON),
    "less": ("<", COMPARISON),
    "less_equal": ("<=", COMPARISON),
    "greater": (">", COMPARISON),
    "greater_equal": (">=", COMPARISON),
}


def spelled(eqn: Eqn, operands: Sequence[Text]) -> Text:
    """An equation as an expression, or as statements.

    Raises:
        UnsupportedError: for an op that NumPy has no words for, such as one of the user's own.
    """
    op = eqn.op
    if any(not isinstance(atom, Literal) or _is_numpy(atom.value) for atom in eqn.inputs):
        if op.name in _INFIX and (op.name != "power" or _is_plain_power(eqn)):
            return _infix(*_INFIX[op.name], *operands)
        if op.name == "negative":
            return Text(f"-{operands[0].within(ATOM)}", UNARY)
    template = _template(eqn)
    if template is None:
        place = f", on line {eqn.loc.line}," if eqn.loc else ""
        raise UnsupportedError(f"{op.name}{place} cannot be written in NumPy")
    params = {name: spelled_value(value) for name, value in eqn.params.items()}
    if "template" in params:
        arrays = operands[len(operands) - eqn.params["template"].count(ARRAY) :]
        params["key"] = _key(eqn.params["template"], [x.within(ATOM) for x in arrays])
    joined = ", ".join(x.text for x in operands)
    parts = [x.within(COMPARISON if _is_argument(i, template) else ATOM) for i, x in enumerate(operands)]
    binding = PRODUCT if " @ " in template else ATOM
    return Text(template.format(*parts, out="{out}", operands=joined, **params), binding)


def _template(eqn: Eqn) -> str | None:
    op = eqn.op
    if isinstance(op, Ufunc) and op.source is None:
        return f"np.{op.numpy.__name__}({{operands}})"
    return op.source([atom.aval for atom in eqn.inputs], eqn.params) if callable(op.source) else op.source


def _is_plain_power(eqn: Eqn) -> bool:
    """Whether ``**`` gives the dtype of ``np.power``: it has ways of its own for bools, integers, numbers."""
    aval = eqn.inputs[0].aval
    return aval.dtype.kind in "fc" and aval.ndim > 0


def _infix(sign: str, binding: int, x: Text, y: Text) -> Text:
    """A binary operator; all but the power group from the left, and powers of simple things are hugged."""
    if sign == "**":
        left, right = x.within(ATOM), y.within(UNARY)
        is_simple = left.isidentifier() and (y.binding != ATOM or "(" not in right)
        return Text(f"{left}**{right}" if is_simple else f"{left} ** {right}", binding)
    return Text(f"{x.within(binding)} {sign} {y.within(binding + 1)}", binding)


def _is_argument(position: int, template: str) -> bool:
    """Whether an operand stands between commas or parentheses, and nowhere else."""
    pieces = template.split(f"{{{position}}}")
    return all(a[-1:] in "( " and b[:1] in ",)" for a, b in zip(pieces, pieces[1:]))


def is_used_once(position: int, eqn: Eqn) -> bool:
    """Whether the spelling of an equation has an operand in one place only."""
    template = _template(eqn) or ""
    return template.count(f"{{{position}}}") <= 1 and "{out}" not in template


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (numpy.ndarray, numpy.generic))


def spelled_atom(atom: Atom, names: dict[Any, str]) -> Text:
    """An operand: the name of a variable, or a constant."""
    if not isinstance(atom, Literal):
        return Text(names[atom], ATOM)
    text = spelled_value(atom.value)
    return Text(text, UNARY if text.startswith("-") else ATOM)


def spelled_value(value: Any) -> str:
    """A constant or a parameter."""
    if isinstance(value, numpy.dtype):
        return f'"{value.name}"'
    if isinstance(value, numpy.ndarray):
        return _array(value)
    if isinstance(value, numpy.generic):
        return f"np.{value.dtype.type.__name__}({spelled_value(value.item())})"
    if type(value) in PYTHON_SCALARS:
        return _number(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(spelled_value, value))}{',' * (len(value) == 1)})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _number(value: Any) -> str:
    text = repr(value).replace("e+", "e")  # as formatters write it
    for name in ("nan", "inf"):
        if name in text:
            return (
                text.replace(name, f"np.{name}") if isinstance(value, float) else f"complex({text[1:-1]!r})"
            )
    return text.replace("e+", "e")  # as formatters have it


def _array(array: numpy.ndarray) -> str:
    """An array as the shortest call that makes it."""
    dtype, shape = spelled_value(array.dtype), spelled_value(array.shape)
    if not array.ndim:
        return f"np.array({_number(array.item())}, {dtype})"
    if array.size and (array == array.flat[0]).all():
        return f"np.full({shape}, {_number(array.flat[0].item())}, {dtype})"
    if array.ndim == 1 and array.dtype.kind in "iu" and (array == numpy.arange(array.size)).all():
        return f"np.arange({array.size}, dtype={dtype})"
    is_square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if is_square and (array == numpy.eye(len(array))).all():
        return f"np.eye({len(array)}, dtype={dtype})"
    if not array.size:
        return f"np.zeros({shape}, {dtype})"
    numbers = ", ".join(map(_number, array.ravel().tolist()))
    made = f"np.array([{numbers}], {dtype})"
    return made if array.ndim == 1 else f"{made}.reshape({shape})"


def _key(template: tuple, arrays: Sequence[str]) -> str:
    """What stands between the brackets."""
    found = iter(arrays)
    parts = [next(found) if part is ARRAY else _key_part(part) for part in template]
    return ", ".join(parts) if parts else "()"


def _key_part(part: Any) -> str:
    if isinstance(part, tuple):
        start, stop, step = ("" if n is None else str(n) for n in part[1:])
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    return "..." if part is Ellipsis else repr(part)
