"""Python's ints that are known at run time only: numbers of 64 bits in the graph, where those are enough."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Callable, NoReturn

import numpy

from minpy.compiler.ir import Atom
from minpy.compiler.tracer import INT, Tracer
from minpy.ops import Aval
from minpy.ops.elementwise import absolute, add, multiply, negative, subtract

if TYPE_CHECKING:
    from minpy.compiler.trace import Trace

INT64 = Aval((), numpy.dtype("int64"))
Bounds = tuple[int, int]
#: Ints up to these are told apart: NumPy lets only small ones meet float32 arrays without another dtype.
_SIZES = (2**15 - 1, 2**31 - 1)
_LARGEST = 2**63 - 1


def bounds_for(value: int) -> Bounds | None:
    """Within which bounds an int like this one may change; None for large ones."""
    most = next((size for size in _SIZES if abs(value) <= size), None)
    if most is None:
        return None
    return (1, most) if value > 0 else (0, most) if value == 0 else (-most, most)


class Integer(Tracer):
    """An int that the graph computes with, as long as the result is what Python's unlimited ints give.

    Args:
        bounds: the smallest and the largest value that it can have.
        pin: asks for the value as a constant; raises.
    """

    def __init__(self, trace: Trace, atom: Atom, bounds: Bounds, pin: Callable[[], NoReturn]):
        super().__init__(trace, atom, INT)
        self.bounds = bounds
        self.pin = pin

    def _needs_value(self, *args: Any) -> NoReturn:
        self.pin()

    __index__ = __int__ = __float__ = __complex__ = __bool__ = _needs_value  # type: ignore[assignment]
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _needs_value  # type: ignore[assignment]
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _needs_value
    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Any:
        return self._with(other, add, lambda a, b: (a[0] + b[0], a[1] + b[1]))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._with(other, subtract, _difference)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, subtract, _difference, is_reflected=True)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, multiply, _product)

    __rmul__ = __mul__

    def __neg__(self) -> Integer:
        return self._made(negative(self), (-self.bounds[1], -self.bounds[0]))

    def __pos__(self) -> Integer:
        return self

    def __abs__(self) -> Integer:
        low, high = sorted(map(abs, self.bounds))
        return self._made(absolute(self), (low if self.excludes_zero else 0, high))

    def as_place(self) -> Tracer:
        return Tracer(self.trace, self.atom, INT)

    @property
    def excludes_zero(self) -> bool:
        """Whether it can be divided by."""
        return not self.bounds[0] <= 0 <= self.bounds[1]

    def fits(self, dtype: numpy.dtype) -> bool:
        """Whether NumPy keeps the dtype of an array that meets the number, whatever its value is."""
        return dtype.kind == "b" or all(numpy.can_cast(bound, dtype) for bound in self.bounds)

    def _with(self, other: Any, op: Callable, bounds: Callable, is_reflected: bool = False) -> Any:
        operands = (other, self) if is_reflected else (self, other)
        if not isinstance(other, (Integer, int)):
            return op(*operands)
        return self._made(op(*operands), bounds(*map(_bounds, operands)))

    def _made(self, result: Tracer, bounds: Bounds) -> Integer:
        if max(map(abs, bounds)) > _LARGEST:
            self.pin()
        return Integer(self.trace, result.atom, bounds, self.pin)


def _bounds(x: Any) -> Bounds:
    return x.bounds if isinstance(x, Integer) else (int(x), int(x))


def _difference(a: Bounds, b: Bounds) -> Bounds:
    return a[0] - b[1], a[1] - b[0]


def _product(a: Bounds, b: Bounds) -> Bounds:
    ends = [operator.mul(x, y) for x in a for y in b]
    return min(ends), max(ends)


def excludes_zero(x: Any) -> bool:
    """Whether a Python number is no zero for sure, so that it can be divided by."""
    return x.excludes_zero if isinstance(x, Integer) else not isinstance(x, Tracer) and x != 0
