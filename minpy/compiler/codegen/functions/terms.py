"""Python's operators for values of a ``Builder``, so that elementary functions read like formulas.

A number beside a term is a constant of the term's dtype. Nothing here branches: every lane does the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any, Callable, Union

import numpy

from minpy.compiler.codegen.builder import Builder, Value, literal, type_of
from minpy.compiler.codegen.called import called
from minpy.errors import UnsupportedError

Number = Union["Term", float, int]


class Term:
    """A value and the builder that its operators write to."""

    __slots__ = ("k", "value")

    def __init__(self, k: Builder, value: Value) -> None:
        self.k = k
        self.value = value

    @property
    def dtype(self) -> numpy.dtype:
        return self.value.dtype

    def choose(self, single: Any, double: Any) -> Any:
        """The first for float32, the second for float64."""
        if self.dtype == numpy.float32:
            return single
        if self.dtype == numpy.float64:
            return double
        raise UnsupportedError(f"kernels have no elementary functions of {self.dtype}")

    def of(self, x: Number) -> Value:
        """A term's value, or a number as a constant of this term's dtype."""
        return x.value if isinstance(x, Term) else self.k.like(x, self.value)

    def like(self, number: float) -> Term:
        """A constant of this dtype."""
        return Term(self.k, self.k.like(number, self.value))

    def _two(self, instruction: Callable[[Value, Value], Value], x: Number, y: Number) -> Term:
        return Term(self.k, instruction(self.of(x), self.of(y)))

    def __add__(self, y: Number) -> Term:
        return self._two(self.k.add, self, y)

    def __radd__(self, y: Number) -> Term:
        return self._two(self.k.add, y, self)

    def __sub__(self, y: Number) -> Term:
        return self._two(self.k.subtract, self, y)

    def __rsub__(self, y: Number) -> Term:
        return self._two(self.k.subtract, y, self)

    def __mul__(self, y: Number) -> Term:
        return self._two(self.k.multiply, self, y)

    def __rmul__(self, y: Number) -> Term:
        return self._two(self.k.multiply, y, self)

    def __truediv__(self, y: Number) -> Term:
        return self._two(self.k.divide, self, y)

    def __rtruediv__(self, y: Number) -> Term:
        return self._two(self.k.divide, y, self)

    def __neg__(self) -> Term:
        return Term(self.k, self.k.negative(self.value))

    def __abs__(self) -> Term:
        return Term(self.k, self.k.absolute(self.value))

    def __lt__(self, y: Number) -> Term:
        return self._two(self.k.less, self, y)

    def __le__(self, y: Number) -> Term:
        return self._two(self.k.less_equal, self, y)

    def __gt__(self, y: Number) -> Term:
        return self._two(self.k.greater, self, y)

    def __ge__(self, y: Number) -> Term:
        return self._two(self.k.greater_equal, self, y)

    def equals(self, y: Number) -> Term:
        """x == y."""
        return self._two(self.k.equal, self, y)

    def isnan(self) -> Term:
        """Whether this is nan."""
        return Term(self.k, self.k.isnan(self.value))

    def __and__(self, y: Number) -> Term:
        return self._two(self.k.bit_and, self, y)

    def __or__(self, y: Number) -> Term:
        return self._two(self.k.bit_or, self, y)

    def __xor__(self, y: Number) -> Term:
        return self._two(self.k.bit_xor, self, y)

    def __invert__(self) -> Term:
        return Term(self.k, self.k.invert(self.value))

    def __lshift__(self, by: int) -> Term:
        return self._two(self.k.shift_left, self, by)

    def __rshift__(self, by: int) -> Term:
        return self._two(self.k.shift_right, self, by)

    def cast(self, dtype: Any) -> Term:
        """The number in another dtype."""
        return Term(self.k, self.k.cast(self.value, dtype))

    def rounded(self) -> Term:
        """The nearest integer, as a float; the even one of two."""
        return Term(self.k, self.k.round("roundeven", self.value))

    def bits(self) -> Term:
        """Of a float, its bits as an unsigned integer."""
        return Term(self.k, self.k.bitcast(self.value, self.choose("uint32", "uint64")))

    def float(self) -> Term:
        """Of an unsigned integer, the float of these bits."""
        return Term(self.k, self.k.bitcast(self.value, f"float{self.value.bits}"))


def elementary(function: Callable[..., Term]) -> Callable[..., Value]:
    """A function of terms as a method of a builder."""

    @wraps(function)
    def method(k: Builder, *operands: Value) -> Value:
        return function(*[Term(k, x) for x in operands]).value

    return method


def fma(x: Term, y: Number, z: Number) -> Term:
    """x * y + z, rounded once."""
    return Term(x.k, x.k.fma(x.value, x.of(y), x.of(z)))


def where(condition: Term, x: Number, y: Number) -> Term:
    """x where the condition holds, else y; one of them is a term."""
    term = x if isinstance(x, Term) else y
    assert isinstance(term, Term)
    return Term(term.k, term.k.select(condition.value, term.of(x), term.of(y)))


def rarely(
    condition: Term, usual: Sequence[Term], rare: Callable[..., Sequence[Term]], *given: Number
) -> list[Term]:
    """Values that have to be computed in another way where the condition holds: by ``rare(*given)``, which is
    called where it holds for some lane."""
    k = condition.k
    lanes = condition.value.lanes
    some = condition.value
    if lanes > 1:
        name = f"llvm.vector.reduce.or.v{lanes}i1"
        some = Value(k.intrinsic(name, "i1", (f"<{lanes} x i1>", some.text)), some.dtype)
    begin, end = k.labels("rare", "usual")
    before = k.label
    k.branch(some, begin, end)
    k.place(begin)

    def write(inside: Builder, *operands: Value) -> list[Value]:
        terms = iter([Term(inside, x) for x in operands])
        return [x.value for x in rare(*[next(terms) if isinstance(x, Term) else x for x in given])]

    numbers = "_".join(str(x) for x in given if not isinstance(x, Term))
    found = called(k, f"{rare.__name__}{numbers}", write, [x.value for x in given if isinstance(x, Term)])
    others = [where(condition, Term(k, x), y) for x, y in zip(found, usual)]
    last = k.label
    k.jump(end)
    k.place(end)
    results = []
    for x, y in zip(usual, others):
        kind = type_of(y.dtype, y.value.lanes)
        text = k.emit(f"phi {kind} [ {x.value.text}, %{before} ], [ {y.value.text}, %{last} ]")
        results.append(Term(k, Value(text, y.dtype, y.value.lanes)))
    return results


def lookup(name: str, table: Sequence[float], index: Term) -> Term:
    """Elements of a table of float64, by indices of 64 bits. Slow."""
    k, lanes, dtype = index.k, index.value.lanes, numpy.dtype("float64")
    numbers = ", ".join(f"double {literal(x, dtype)}" for x in table)
    k.intrinsics[name] = f"@{name} = internal constant [{len(table)} x double] [{numbers}]"
    kind, pointers = type_of(dtype, lanes), "ptr" if lanes == 1 else f"<{lanes} x ptr>"
    at = k.emit(f"getelementptr double, ptr @{name}, {type_of(index.dtype, lanes)} {index.value.text}")
    if lanes == 1:
        return Term(k, Value(k.emit(f"load double, ptr {at}, align 8"), dtype))
    gather = f"llvm.masked.gather.v{lanes}f64.v{lanes}p0"
    mask = (f"<{lanes} x i1>", "splat (i1 true)")
    return Term(
        k, Value(k.intrinsic(gather, kind, (pointers, at), mask, (kind, "zeroinitializer")), dtype, lanes)
    )


def sqrt(x: Term) -> Term:
    """The square root, correctly rounded."""
    return Term(x.k, x.k.sqrt(x.value))


def copysign(x: Term, sign: Number) -> Term:
    """|x| with the sign of another number."""
    return Term(x.k, x.k.copysign(x.value, x.of(sign)))


def maximum(x: Term, y: Number) -> Term:
    """The greater one; x where x is nan."""
    return where(x < y, y, x)


def minimum(x: Term, y: Number) -> Term:
    """The less one; x where x is nan."""
    return where(x > y, y, x)


def polynomial(x: Term, coefficients: Sequence[float]) -> Term:
    """Horner's scheme; the coefficient of the lowest power stands first.

    Of a long one even and odd powers stand apart, so that the processor can work on both at a time.
    """
    if len(coefficients) > 16:
        square = x * x
        return fma(x, polynomial(square, coefficients[1::2]), polynomial(square, coefficients[::2]))
    *others, last = coefficients
    total = x.like(last)
    for coefficient in reversed(others):
        total = fma(x, total, coefficient)
    return total
