"""Writes LLVM's instructions as text, on scalars and on vectors alike.

A ``Value`` is a name with a dtype and a number of lanes. Where operands differ in lanes, those of one lane
are repeated. ``Builder`` is what scalar rules of the op table and the elementary functions are written with;
its arithmetic is that of IEEE 754, without any freedom for LLVM to reorder or contract.
"""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy

_FLOAT_TYPES = {"float32": "float", "float64": "double"}
_COMPARISONS = {"less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq"}


class Value(NamedTuple):
    """A result of an instruction, or a constant.

    Attributes:
        text: how LLVM's language names it, without its type.
        number: of a constant, the number.
    """

    text: str
    dtype: numpy.dtype
    lanes: int = 1
    number: Any = None

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"

    @property
    def bits(self) -> int:
        """The width of the dtype."""
        return self.dtype.itemsize * 8


@functools.cache
def scalar_type(dtype: numpy.dtype) -> str:
    """LLVM's name of a dtype in a register."""
    if dtype.kind == "f":
        return _FLOAT_TYPES[dtype.name]
    return "i1" if dtype.kind == "b" else f"i{dtype.itemsize * 8}"


@functools.cache
def type_of(dtype: numpy.dtype, lanes: int) -> str:
    """LLVM's name of a vector of that many lanes."""
    return scalar_type(dtype) if lanes == 1 else f"<{lanes} x {scalar_type(dtype)}>"


def rounded(number: Any, dtype: numpy.dtype) -> Any:
    """A number as NumPy casts it to a dtype."""
    # 0.0 and -0.0 would be one key
    return _rounded(number, dtype) if number else _rounded.__wrapped__(number, dtype)


@functools.lru_cache(maxsize=1024, typed=True)
def _rounded(number: Any, dtype: numpy.dtype) -> Any:
    with numpy.errstate(all="ignore"):
        return numpy.asarray(number).astype(dtype).item()


def literal(number: Any, dtype: numpy.dtype) -> str:
    """A number of a dtype in LLVM's language."""
    if dtype.kind == "f":
        return "0x" + struct.pack(">d", number).hex().upper()
    return ("true" if number else "false") if dtype.kind == "b" else str(number)


class Builder:
    """The instructions of one function, in the order in which they are called for.

    Attributes:
        lines: the text so far.
        intrinsics: declarations that the text needs.
        functions: those that it calls, see ``called.py``.
        label: of the block that is being written.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.intrinsics: dict[str, str] = {}
        self.functions: dict[tuple, Any] = {}
        self.label = "entry"
        self._count = 0

    # Text -----------------------------------------------------------------------------------

    def name(self) -> str:
        """A new name."""
        self._count += 1
        return f"%v{self._count}"

    def emit(self, instruction: str) -> str:
        """Append an instruction that has a result; gives its name."""
        name = self.name()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def intrinsic(self, name: str, result: str, *operands: tuple[str, str]) -> str:
        """Call one of LLVM's intrinsics: operands are pairs of type and text."""
        types = ", ".join(kind for kind, _ in operands)
        self.intrinsics[name] = f"declare {result} @{name}({types})"
        return self.emit(f"call {result} @{name}({', '.join(f'{kind} {text}' for kind, text in operands)})")

    # Control --------------------------------------------------------------------------------

    def labels(self, *names: str) -> list[str]:
        """New labels that begin like these."""
        self._count += 1
        return [f"{name}{self._count}" for name in names]

    def place(self, label: str) -> None:
        """Begin a block."""
        self.lines.append(f"{label}:")
        self.label = label

    def jump(self, label: str) -> None:
        """End the block."""
        self.lines.append(f"  br label %{label}")

    def branch(self, condition: Value, yes: str, no: str) -> None:
        """End the block by a choice; the condition has one lane."""
        self.lines.append(f"  br i1 {condition.text}, label %{yes}, label %{no}")

    @contextlib.contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1) -> Iterator[str]:
        """``for (i = start; i < stop; i += step)``, of int64; behind it the name of i has its last value."""
        head, body, done = self.labels("head", "body", "done")
        before = self.label
        self.jump(head)
        self.place(head)
        index, place = self.name(), len(self.lines)
        self.lines.append("")
        self.branch(self._bool(f"icmp slt i64 {index}, {stop}", 1), body, done)
        self.place(body)
        yield index
        after = self.emit(f"add nsw i64 {index}, {step}")
        # which LLVM cannot see through: to look for other variables of the loop takes it as long as all else
        after = self.intrinsic("llvm.expect.i64", "i64", ("i64", after), ("i64", "0"))
        self.lines[place] = f"  {index} = phi i64 [ {start}, %{before} ], [ {after}, %{self.label} ]"
        self.jump(head)
        self.place(done)

    # Values ---------------------------------------------------------------------------------

    def constant(self, number: Any, dtype: Any) -> Value:
        """A number, rounded to a dtype."""
        dtype = numpy.dtype(dtype)
        number = rounded(number, dtype)
        return Value(literal(number, dtype), dtype, 1, number)

    def like(self, number: Any, x: Value) -> Value:
        """A number of the dtype of ``x``."""
        return self.constant(number, x.dtype)

    def spread(self, x: Value, lanes: int) -> Value:
        """A value of one lane, repeated."""
        if x.lanes == lanes:
            return x
        assert x.lanes == 1, f"{x} has lanes already"
        if x.number is not None:
            return Value(f"splat ({scalar_type(x.dtype)} {x.text})", x.dtype, lanes, x.number)
        kind, one = type_of(x.dtype, lanes), scalar_type(x.dtype)
        first = self.emit(f"insertelement {kind} poison, {one} {x.text}, i64 0")
        order = f"<{lanes} x i32> zeroinitializer"
        return Value(self.emit(f"shufflevector {kind} {first}, {kind} poison, {order}"), x.dtype, lanes)

    def _even(self, *operands: Value) -> list[Value]:
        lanes = max(x.lanes for x in operands)
        return [self.spread(x, lanes) for x in operands]

    def _plain(self, instruction: str, x: Value, y: Value) -> Value:
        assert x.dtype == y.dtype, f"{instruction} of {x.dtype} and {y.dtype}"
        x, y = self._even(x, y)
        kind = type_of(x.dtype, x.lanes)
        return Value(self.emit(f"{instruction} {kind} {x.text}, {y.text}"), x.dtype, x.lanes)

    def call(self, name: str, *operands: Value) -> Value:
        """LLVM's intrinsic ``llvm.<name>`` for operands of one dtype, as ``fma`` or ``floor``."""
        operands = tuple(self._even(*operands))
        x = operands[0]
        kind = type_of(x.dtype, x.lanes)
        suffix = ("f" if x.is_float else "i") + str(x.bits)
        full = f"llvm.{name}.{suffix}" if x.lanes == 1 else f"llvm.{name}.v{x.lanes}{suffix}"
        return Value(self.intrinsic(full, kind, *[(kind, y.text) for y in operands]), x.dtype, x.lanes)

    # Arithmetic, of operands of one dtype ------------------------------------------------------

    def add(self, x: Value, y: Value) -> Value:
        """x + y; integers wrap around."""
        return self._plain("fadd" if x.is_float else "add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        """x - y."""
        return self._plain("fsub" if x.is_float else "sub", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """x * y."""
        return self._plain("fmul" if x.is_float else "mul", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """x / y, of floats."""
        x, y = self._even(x, y)
        if not y.number:  # LLVM must not see a divisor of 0: it takes a choice between 0 and 0 / 0 for 0
            y = self.call("arithmetic.fence", y)
        return self._plain("fdiv", x, y)

    def quotient(self, x: Value, y: Value) -> Value:
        """x / y of integers, rounded towards zero; not by 0, nor the least integer by -1."""
        return self._plain("sdiv" if x.dtype.kind == "i" else "udiv", x, y)

    def remainder(self, x: Value, y: Value) -> Value:
        """What ``quotient`` leaves, with the sign of x; of floats too, exactly."""
        if x.is_float:
            return self._plain("frem", x, y)
        return self._plain("srem" if x.dtype.kind == "i" else "urem", x, y)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x * y + z, rounded once."""
        return self.call("fma", x, y, z)

    def negative(self, x: Value) -> Value:
        """-x."""
        if not x.is_float:
            return self.subtract(self.like(0, x), x)
        x = self.spread(x, x.lanes)
        return Value(self.emit(f"fneg {type_of(x.dtype, x.lanes)} {x.text}"), x.dtype, x.lanes)

    def absolute(self, x: Value) -> Value:
        """|x|."""
        if x.is_float:
            return self.call("fabs", x)
        return x if x.dtype.kind in "ub" else self.select(self.less(x, self.like(0, x)), self.negative(x), x)

    def sqrt(self, x: Value) -> Value:
        """The square root, correctly rounded."""
        return self.call("sqrt", x)

    def copysign(self, x: Value, sign: Value) -> Value:
        """|x| with the sign of another number."""
        return self.call("copysign", x, sign)

    def round(self, how: str, x: Value) -> Value:
        """``floor``, ``ceil``, ``trunc`` or ``roundeven`` of floats."""
        return self.call(how, x)

    # Comparisons and choice --------------------------------------------------------------------

    def _compare(self, name: str, x: Value, y: Value) -> Value:
        assert x.dtype == y.dtype, f"{name} of {x.dtype} and {y.dtype}"
        x, y = self._even(x, y)
        how = _COMPARISONS[name]
        if x.is_float:
            instruction = f"fcmp o{how}"
        elif how == "eq":
            instruction = "icmp eq"
        else:
            instruction = f"icmp {'s' if x.dtype.kind == 'i' else 'u'}{how}"
        return self._bool(f"{instruction} {type_of(x.dtype, x.lanes)} {x.text}, {y.text}", x.lanes)

    def _bool(self, instruction: str, lanes: int) -> Value:
        return Value(self.emit(instruction), numpy.dtype(bool), lanes)

    def less(self, x: Value, y: Value) -> Value:
        """x < y; false for nan, as all comparisons."""
        return self._compare("less", x, y)

    def less_equal(self, x: Value, y: Value) -> Value:
        """x <= y."""
        return self._compare("less_equal", x, y)

    def greater(self, x: Value, y: Value) -> Value:
        """x > y."""
        return self._compare("greater", x, y)

    def greater_equal(self, x: Value, y: Value) -> Value:
        """x >= y."""
        return self._compare("greater_equal", x, y)

    def equal(self, x: Value, y: Value) -> Value:
        """x == y."""
        return self._compare("equal", x, y)

    def not_equal(self, x: Value, y: Value) -> Value:
        """x != y; true for nan."""
        return self.invert(self.equal(x, y))

    def isnan(self, x: Value) -> Value:
        """Whether x is nan."""
        kind = type_of(x.dtype, x.lanes)
        return self._bool(f"fcmp uno {kind} {x.text}, {x.text}", x.lanes)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """x where the condition holds, else y."""
        assert x.dtype == y.dtype, f"select of {x.dtype} and {y.dtype}"
        condition, x, y = self._even(condition, x, y)
        kind = type_of(x.dtype, x.lanes)
        mask = type_of(condition.dtype, condition.lanes)
        text = f"select {mask} {condition.text}, {kind} {x.text}, {kind} {y.text}"
        return Value(self.emit(text), x.dtype, x.lanes)

    # Bits, of integers and bools ------------------------------------------------------------------

    def bit_and(self, x: Value, y: Value) -> Value:
        """x & y."""
        return self._plain("and", x, y)

    def bit_or(self, x: Value, y: Value) -> Value:
        """x | y."""
        return self._plain("or", x, y)

    def bit_xor(self, x: Value, y: Value) -> Value:
        """x ^ y."""
        return self._plain("xor", x, y)

    def invert(self, x: Value) -> Value:
        """All bits turned; of a bool, its opposite."""
        return self.bit_xor(x, self.like(1 if x.dtype.kind == "b" else -1, x))

    def shift_left(self, x: Value, by: Value) -> Value:
        """x << by, for by less than the width."""
        return self._plain("shl", x, by)

    def shift_right(self, x: Value, by: Value) -> Value:
        """x >> by, for by less than the width; signed integers keep their sign."""
        return self._plain("ashr" if x.dtype.kind == "i" else "lshr", x, by)

    def bitcast(self, x: Value, dtype: Any) -> Value:
        """The same bits as another dtype of the same width."""
        dtype = numpy.dtype(dtype)
        source, target = type_of(x.dtype, x.lanes), type_of(dtype, x.lanes)
        return Value(self.emit(f"bitcast {source} {x.text} to {target}"), dtype, x.lanes)

    # Conversions ----------------------------------------------------------------------------------

    def cast(self, x: Value, dtype: Any) -> Value:
        """``x.astype(dtype)``; of floats outside of an integer's range as in C, on this processor."""
        dtype = numpy.dtype(dtype)
        if x.dtype == dtype:
            return x
        if x.number is not None:
            return (
                self.constant(x.number, dtype)
                if x.lanes == 1
                else self.spread(self.constant(x.number, dtype), x.lanes)
            )
        if dtype.kind == "b":
            return self.not_equal(x, self.like(0, x))
        if x.is_float and dtype.kind in "iu":
            return self._truncated(x, dtype)
        # LLVM 22 aborts on some conversions of bools that it knows
        if x.dtype.kind == "b" and dtype.kind == "f":
            return self.select(x, self.constant(1, dtype), self.constant(0, dtype))
        return self._converted(x, dtype)

    def _truncated(self, x: Value, dtype: numpy.dtype) -> Value:
        """A float as an integer, by way of the wider one that C takes: large numbers wrap around."""
        if dtype.name == "uint64":
            half = self.like(2**63, x)
            low, high = (self._converted(y, numpy.dtype("int64")) for y in (x, self.subtract(x, half)))
            high = self.bit_xor(high, self.like(-(2**63), high))
            return self.cast(self.select(self.greater_equal(x, half), high, low), dtype)
        wide = numpy.dtype("int64" if dtype.itemsize == 8 or dtype.name == "uint32" else "int32")
        return self.cast(self._converted(x, wide), dtype)

    def _converted(self, x: Value, dtype: numpy.dtype) -> Value:
        if x.dtype == dtype:
            return x
        source, target = type_of(x.dtype, x.lanes), type_of(dtype, x.lanes)
        return Value(
            self.emit(f"{_conversion(x.dtype, dtype)} {source} {x.text} to {target}"), dtype, x.lanes
        )


def _conversion(source: numpy.dtype, target: numpy.dtype) -> str:
    is_signed = source.kind == "i"
    if source.kind == "f" and target.kind == "f":
        return "fpext" if target.itemsize > source.itemsize else "fptrunc"
    if source.kind == "f":
        return "fptosi"
    if target.kind == "f":
        return "sitofp" if is_signed else "uitofp"
    if source.kind == "b" or target.itemsize > source.itemsize:
        return "sext" if is_signed else "zext"
    return "trunc" if target.itemsize < source.itemsize else "bitcast"
