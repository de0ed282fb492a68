"""The intermediate representation: a graph of equations, one operation each.

    Graph(inputs, eqns, outputs)    Eqn(op, inputs, params, outputs, loc)    Var, Literal

Every variable is bound once, before it is used. Shapes and dtypes are known. A param of an equation
may be a Graph, so that an operation can hold a body (a loop, a branch). Graphs are never changed:
passes build new ones.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Container, Iterator
from typing import Any, NamedTuple, Union

import numpy

from minpy.ops import Aval, Box, Op, aval_of
from minpy.ops.keys import ARRAY
from minpy.ops.labels import checked, class_indices_op
from minpy.ops.promotion import within

_serial = itertools.count()


class Loc(NamedTuple):
    """A line of the user's source.

    Attributes:
        caller: the line of the call, where the function is inlined.
        is_backward: it stands for the gradient of the line.
    """

    file: str
    line: int
    function: str
    caller: Loc | None = None
    is_backward: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


class Var(Box):
    """A variable of a graph. As a box it can stand for its value in ``infer``."""

    __slots__ = ("aval", "name", "serial")

    def __init__(self, aval: Aval, name: str = ""):
        self.aval = aval
        self.name = name
        self.serial = next(_serial)

    def __repr__(self) -> str:
        return self.name or f"v{self.serial}"


class Literal:
    """A constant: a Python number, which promotes weakly, or an array."""

    __slots__ = ("aval", "other", "value")

    def __init__(self, value: Any, other: Any = None):
        self.value = value
        self.other = other
        self.aval = aval_of(value)

    @property
    def in_other_case(self) -> Any:
        """What it could be as well."""
        return self.value if self.other is None else self.other

    def __repr__(self) -> str:
        return repr(self.value) if self.aval.size == 1 else f"const {self.aval}"


Atom = Union[Var, Literal]


class Eqn(NamedTuple):
    """``outputs = op(*inputs, **params)``."""

    op: Op
    inputs: tuple[Atom, ...]
    params: dict
    outputs: tuple[Var, ...]
    loc: Loc | None

    def __str__(self) -> str:
        return self.format(_Names())

    def format(self, names: dict[Atom, str]) -> str:
        """The equation as one line of text, without its body."""
        params = "".join(f" {name}={value}" for name, value in self.params.items() if name != "body")
        outputs = ", ".join(f"{names[var]}: {var.aval}" for var in self.outputs)
        inputs = " ".join(names[atom] for atom in self.inputs)
        where = f"    # line {self.loc.line}" if self.loc else ""
        where += ", backward" if self.loc and self.loc.is_backward else ""
        return f"{outputs} = {self.op.name}{params} {inputs}{where}"

    @property
    def body(self) -> Graph | None:
        """The graph that it holds, if it does."""
        return self.params.get("body")

    @property
    def can_fail(self) -> bool:
        """Whether it looks at data that is known at run time only and may raise: an index array, or a number
        whose value may decide a dtype."""
        return self._can_fail(())

    def _can_fail(self, known: Container[Atom]) -> bool:
        """The same where some variables are known."""
        if self.op in (within, checked, class_indices_op):
            return True
        if self.body is not None:
            known = {x for x, given in zip(self.body.inputs, self.inputs) if isinstance(given, Literal)}
            for eqn in self.body.eqns:
                if eqn._can_fail(known):
                    return True
                if all(isinstance(x, Literal) or x in known for x in eqn.inputs):
                    known.update(eqn.outputs)
            return False
        if not self.op.may_raise:
            return False
        template = self.params.get("template", ())
        arrays = self.inputs[len(self.inputs) - template.count(ARRAY) :]
        return any(isinstance(x, Var) and x.aval.dtype.kind in "iu" and x not in known for x in arrays)


class Graph(NamedTuple):
    """A program: equations from inputs to outputs."""

    inputs: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outputs: tuple[Atom, ...]

    def __str__(self) -> str:
        names = self.names()
        lines = ["graph(" + ", ".join(f"{names[v]}: {v.aval}" for v in self.inputs) + "):"]
        lines.extend(f"  {line}" for line in self._lines(names))
        return "\n".join(lines)

    def _lines(self, names: dict[Atom, str]) -> Iterator[str]:
        """The equations as text, each with its body below it."""
        for eqn in self.eqns:
            yield eqn.format(names)
            if eqn.body is not None:
                outside = [names[atom] for atom in (*eqn.inputs, *eqn.outputs)]
                names.update(zip((*eqn.body.inputs, *eqn.body.outputs), outside))
                yield from (f"  {line}" for line in eqn.body._lines(names))
        yield "return " + ", ".join(names[x] for x in self.outputs)

    @property
    def flat(self) -> Iterator[Eqn]:
        """The equations, of those that hold a graph the ones in it."""
        for eqn in self.eqns:
            if eqn.body is None:
                yield eqn
            else:
                yield from eqn.body.flat

    def names(self) -> dict[Atom, str]:
        """The name of each variable in the graph's text; of constants their own."""
        names = _Names()
        for var in defined_vars(self):
            names[var]
        return names

    @property
    def size(self) -> int:
        """The number of equations."""
        return len(self.eqns)


class _Names(dict):
    """Short, stable names for printing: the same graph always prints the same."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[str] = set()
        self._letters = map(_letters, itertools.count())
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))

    def __missing__(self, atom: Atom) -> str:
        if isinstance(atom, Literal):
            return repr(atom)
        name = atom.name or next(self._letters)
        while name in self._taken:
            name = f"{atom.name}_{next(self._numbers[atom.name])}" if atom.name else next(self._letters)
        self._taken.add(name)
        self[atom] = name
        return name


def _letters(number: int) -> str:
    text = ""
    while True:
        text = chr(ord("a") + number % 26) + text
        number = number // 26 - 1
        if number < 0:
            return text


def defined_vars(graph: Graph) -> Iterator[Var]:
    """All variables of a graph, inputs first."""
    yield from graph.inputs
    for eqn in graph.eqns:
        yield from eqn.outputs


def check_graph(graph: Graph, stage: str = "") -> None:
    """Verify the invariants of the IR.

    Raises:
        AssertionError: a variable is used before it is bound or bound twice, or a shape or dtype is
            not what the op table says. The text names the equation and ``stage``.
    """
    bound: set[Var] = set()

    def bind(var: Var, where: Any) -> None:
        assert var not in bound, f"{stage}: {var} is bound twice, in {where}"
        bound.add(var)

    def use(atom: Atom, where: Any) -> None:
        assert isinstance(atom, Literal) or atom in bound, f"{stage}: {atom} is not bound yet, in {where}"

    for var in graph.inputs:
        bind(var, "the inputs")
    for eqn in graph.eqns:
        for atom in eqn.inputs:
            use(atom, eqn)
        told = infer(eqn.op, eqn.inputs, eqn.params)
        if eqn.body is not None:
            check_graph(eqn.body, stage)
            taken = [var.aval for var in eqn.body.inputs]
            assert taken == [atom.aval for atom in eqn.inputs], f"{stage}: {eqn} should take {taken}"
        have = tuple(var.aval for var in eqn.outputs)
        assert told == have, f"{stage}: {eqn} should have {told}"
        for var in eqn.outputs:
            bind(var, eqn)
    for atom in graph.outputs:
        use(atom, "the outputs")


def infer(op: Op, inputs: tuple[Atom, ...], params: dict) -> tuple[Aval, ...]:
    """The avals of the results. Raises what NumPy raises for operands that do not fit."""
    result = op.infer(*[atom.value if isinstance(atom, Literal) else atom for atom in inputs], **params)
    return (result,) if isinstance(result, Aval) else tuple(result)


def evaluate(op: Op, values: list, params: dict) -> tuple[numpy.ndarray, ...]:
    """Run an op by its NumPy reference."""
    with numpy.errstate(all="ignore"):
        result = op.numpy(*values, **params)
    return tuple(map(numpy.asarray, result)) if isinstance(result, tuple) else (numpy.asarray(result),)
