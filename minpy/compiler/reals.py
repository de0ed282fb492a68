"""Python's ints, floats and bools that are known at run time only.

Python itself computes with them, in the function that checks the guards: so they are never rounded, never
overflow, and raise what Python raises. A number becomes an input of the graph where it meets an array.
"""

from __future__ import annotations

import builtins
import operator
from typing import Any, Callable, NoReturn, Protocol

import numpy

from minpy.compiler.guards import Guards
from minpy.compiler.ir import Atom, Var
from minpy.compiler.paths import Computation, Path
from minpy.compiler.tracer import BOOL, FLOAT, INT, Tracer
from minpy.ops import Aval
from minpy.ops.promotion import fits, limits

REALS = (bool, int, float)
_KINDS = {bool: BOOL, int: INT, float: FLOAT}
_AVALS = {kind: Aval((), numpy.dtype(kind)) for kind in REALS}
_INT64 = (-(2**63), 2**63 - 1)
#: Functions of numbers whose result has a type that is certain, and that never raise.
_COMPARISONS = frozenset((operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge))
_SURE = _COMPARISONS | {operator.add, operator.sub, operator.mul, operator.neg, operator.pos, operator.abs}


class Reader(Protocol):
    """What numbers need of the lowering; ``reads.Reads``."""

    trace: Any
    guards: Guards

    computed: int  # numbers that Python computes, so far

    def add_input(self, number: Number, aval: Aval, value: Any) -> Var:
        """A new input of the graph for a number."""

    def pin_path(self, path: Path) -> NoReturn:
        """Ask for the number at a path as a constant."""


class Deferred:
    """A number or a text that Python computes before the graph runs.

    Attributes:
        path: of the value; that of a computation leads to the values that it depends on.
        value: which it has now. What is compiled may not depend on it.
        sources: paths of the values from outside that it depends on.
    """

    __slots__ = ()
    reader: Reader
    path: Path
    value: Any
    sources: tuple[Path, ...]

    def pin(self, *args: Any) -> NoReturn:
        """Ask for the value as a constant, where it decides what is compiled."""
        for path in self.sources:
            self.reader.pin_path(path)
        raise AssertionError("a value comes from somewhere")


class Number(Deferred, Tracer):
    """A number that Python computes before the graph runs; see ``Deferred``."""

    def __init__(self, reader: Reader, path: Path, value: Any, sources: tuple[Path, ...]):
        super().__init__(reader.trace, None, _KINDS[type(value)])  # type: ignore[arg-type]
        self.reader = reader
        self.path = path
        self.value = value
        self.sources = sources

    @property
    def aval(self) -> Aval:
        return _AVALS[type(self.value)]

    @property
    def atom(self) -> Atom:
        """The input of the graph that holds the number."""
        if self._atom is None:
            if self.kind == INT:
                self._keep_within(*_INT64)
            self._atom = self.reader.add_input(self, self.aval, self.value)
        return self._atom

    def suggest_name(self, name: str) -> None:
        pass  # as an input it has the name of its path

    __index__ = __int__ = __float__ = __complex__ = __bool__ = Deferred.pin  # type: ignore[assignment]

    def as_place(self) -> Tracer:
        return Tracer(self.trace, self.atom, INT)

    def meet(self, dtype: numpy.dtype) -> None:
        """Rely on the number fitting the dtype of an array, since NumPy would choose another dtype if not."""
        found = limits(numpy.dtype(type(self.value)), dtype)
        if found is not None:
            self._keep_within(*found)

    def _keep_within(self, low: Any, high: Any) -> None:
        if not fits(self.value, low, high):
            self.pin()
        self.reader.guards.add(self.path, "within", (low, high))

    __hash__ = object.__hash__


def is_real(x: Any) -> bool:
    """Whether ``x`` is an int, float or bool of Python, perhaps known at run time only."""
    return isinstance(x, Number) or type(x) in REALS


def call(function: Callable, *operands: Any) -> Number:
    """The call of a builtin function or one of ``math``; see ``compute``."""
    name = function.__name__ if hasattr(builtins, function.__name__) else f"math.{function.__name__}"
    return compute(function, operands, f"{name}({', '.join(['{}'] * len(operands))})")


def compute(function: Callable, operands: tuple, template: str) -> Number:
    """``function(*operands)`` on values, one of which is known at run time only; the result is a number.

    Args:
        template: the call as an expression, with places for the operands.

    Raises:
        PinRequest: the result is no number, or there is none for the values that are there now.
    """
    reader, path, value, sources = computed(function, operands, template, REALS)
    if function not in _SURE:
        reader.guards.add(path, "type", type(value))
    return Number(reader, path, value, sources)


def computed(
    function: Callable, operands: tuple, template: str, kinds: tuple[type, ...]
) -> tuple[Reader, Path, Any, tuple[Path, ...]]:
    """What ``compute`` makes a number of: the result is of one of these types."""
    deferred = [x for x in operands if isinstance(x, Deferred)]
    first = deferred[0]
    try:
        value = function(*[x.value if isinstance(x, Deferred) else x for x in operands])
    except Exception:
        first.pin()
    if type(value) not in kinds:
        first.pin()
    paths = tuple(x.path if isinstance(x, Deferred) else x for x in operands)
    first.reader.computed += 1
    sources = dict.fromkeys(path for x in deferred for path in x.sources)
    return first.reader, Computation(function, template, paths).path(), value, tuple(sources)


def _set_binary(name: str, symbol: str, function: Callable) -> None:
    template = f"({{}} {symbol} {{}})"

    def method(self: Number, other: Any) -> Any:
        if is_real(other):
            return compute(function, (self, other), template)
        return getattr(Tracer, f"__{name}__")(self, other)

    def reflected(self: Number, other: Any) -> Any:
        if is_real(other):
            return compute(function, (other, self), template)
        return getattr(Tracer, f"__r{name}__")(self, other)

    setattr(Number, f"__{name}__", method)
    if function not in _COMPARISONS:
        setattr(Number, f"__r{name}__", reflected)
        setattr(Number, f"__i{name}__", method)


def _set_unary(name: str, symbol: str, function: Callable) -> None:
    setattr(Number, f"__{name}__", lambda self: compute(function, (self,), f"{symbol}({{}})"))


for _name, _symbol in {
    **dict(add="+", sub="-", mul="*", truediv="/", floordiv="//", mod="%", pow="**"),
    **{"and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>"},
    **dict(eq="==", ne="!=", lt="<", le="<=", gt=">", ge=">="),
}.items():
    _set_binary(_name, _symbol, getattr(operator, f"__{_name}__"))
for _name, _symbol in dict(neg="-", pos="+", invert="~", abs="abs").items():
    _set_unary(_name, _symbol, getattr(operator, f"__{_name}__"))
