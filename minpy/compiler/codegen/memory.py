"""Reading and writing vectors: contiguous, spread, strided, and the last few elements of a row."""

from __future__ import annotations

from typing import NamedTuple, Union

import numpy

from minpy.compiler.codegen.builder import Builder, Value, scalar_type, type_of
from minpy.compiler.codegen.nest import LINE

#: an int that is known, or LLVM's name of one of 64 bits
Number = Union[int, str]

_BYTE = numpy.dtype("uint8")
#: how far ahead memory is fetched, in bytes
_AHEAD = 1024


class Lanes(NamedTuple):
    """The lanes of a vector that are there: the first ``used`` of ``width``."""

    width: int
    used: int

    @property
    def is_full(self) -> bool:
        return self.width == self.used

    @property
    def mask(self) -> str:
        """A vector of bools in LLVM's language."""
        return "<" + ", ".join(f"i1 {'true' if i < self.used else 'false'}" for i in range(self.width)) + ">"


def times(k: Builder, x: Number, by: int) -> Number:
    """x * by."""
    if isinstance(x, int):
        return x * by
    return 0 if by == 0 else x if by == 1 else k.emit(f"mul nsw i64 {x}, {by}")


def plus(k: Builder, x: Number, y: Number) -> Number:
    """x + y."""
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    if x == 0 or y == 0:
        return y if x == 0 else x
    return k.emit(f"add nsw i64 {x}, {y}")


def stored_type(dtype: numpy.dtype) -> str:
    """LLVM's name of a dtype in memory, where a bool is a byte."""
    return scalar_type(_BYTE if dtype.kind == "b" else dtype)


def element(k: Builder, pointer: str, at: Number, dtype: numpy.dtype) -> str:
    """A pointer to an element."""
    return (
        pointer
        if at == 0
        else k.emit(f"getelementptr inbounds {stored_type(dtype)}, ptr {pointer}, i64 {at}")
    )


def load(k: Builder, pointer: str, dtype: numpy.dtype, stride: int, lanes: Lanes) -> Value:
    """Elements from ``pointer`` on, ``stride`` apart; a single one for stride 0."""
    held = _BYTE if dtype.kind == "b" else dtype
    kind, size = type_of(held, lanes.width), dtype.itemsize
    if stride == 0 or lanes.width == 1:
        one = scalar_type(held)
        value = Value(k.emit(f"load {one}, ptr {pointer}, align {size}"), held)
    elif stride == 1 and lanes.is_full:
        value = Value(k.emit(f"load {kind}, ptr {pointer}, align {size}"), held, lanes.width)
    elif lanes.used == 1:
        one = scalar_type(held)
        first = k.emit(f"load {one}, ptr {pointer}, align {size}")
        value = Value(
            k.emit(f"insertelement {kind} zeroinitializer, {one} {first}, i64 0"), held, lanes.width
        )
    else:
        where, suffix = _where(k, pointer, held, stride, lanes)
        name = f"llvm.masked.{'load' if stride == 1 else 'gather'}.{_suffix(held, lanes)}.{suffix}"
        masks = f"<{lanes.width} x i1>"
        text = k.intrinsic(name, kind, where, (masks, lanes.mask), (kind, "zeroinitializer"))
        value = Value(text, held, lanes.width)
    return k.cast(value, bool) if dtype.kind == "b" else value


def fetch(k: Builder, pointer: str, size: int, writes: bool) -> None:
    """Let the processor fetch as many bytes as those from ``pointer`` on, ahead of them."""
    for at in range(_AHEAD, _AHEAD + size, LINE):
        place = k.emit(f"getelementptr i8, ptr {pointer}, i64 {at}")
        k.intrinsics["llvm.prefetch.p0"] = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"
        k.lines.append(f"  call void @llvm.prefetch.p0(ptr {place}, i32 {int(writes)}, i32 3, i32 1)")


def gather(k: Builder, pointer: str, at: Value, dtype: numpy.dtype, lanes: Lanes) -> Value:
    """Elements that are so many elements, for each lane, away from ``pointer``."""
    held = _BYTE if dtype.kind == "b" else dtype
    kind, masks = type_of(held, lanes.width), f"<{lanes.width} x i1>"
    text = f"getelementptr {scalar_type(held)}, ptr {pointer}, {type_of(at.dtype, at.lanes)} {at.text}"
    where = (f"<{lanes.width} x ptr>", k.emit(text))
    name = f"llvm.masked.gather.{_suffix(held, lanes)}.v{lanes.width}p0"
    value = Value(
        k.intrinsic(name, kind, where, (masks, lanes.mask), (kind, "zeroinitializer")), held, lanes.width
    )
    return k.cast(value, bool) if dtype.kind == "b" else value


def store(k: Builder, x: Value, pointer: str, stride: int, lanes: Lanes) -> None:
    """Put elements to ``pointer`` and on, ``stride`` apart."""
    if x.dtype.kind == "b":
        kind, byte = type_of(x.dtype, x.lanes), type_of(_BYTE, x.lanes)
        x = Value(k.emit(f"zext {kind} {x.text} to {byte}"), _BYTE, x.lanes)
    x = k.spread(x, lanes.width if stride else x.lanes)
    kind, size = type_of(x.dtype, x.lanes), x.dtype.itemsize
    if x.lanes == 1 or (stride == 1 and lanes.is_full):
        k.lines.append(f"  store {kind} {x.text}, ptr {pointer}, align {size}")
        return
    assert stride, "several lanes in one place"
    if lanes.used == 1:
        # LLVM 22 makes a single store of a masked one with one lane, of the dtype before a cast to a shorter.
        one = scalar_type(x.dtype)
        text = k.emit(f"extractelement {kind} {x.text}, i64 0")
        k.lines.append(f"  store {one} {text}, ptr {pointer}, align {size}")
        return
    where, suffix = _where(k, pointer, x.dtype, stride, lanes)
    name = f"llvm.masked.{'store' if stride == 1 else 'scatter'}.{_suffix(x.dtype, lanes)}.{suffix}"
    masks = f"<{lanes.width} x i1>"
    k.intrinsics[name] = f"declare void @{name}({kind}, {where[0]}, {masks})"
    k.lines.append(f"  call void @{name}({kind} {x.text}, {where[0]} {where[1]}, {masks} {lanes.mask})")


def _suffix(dtype: numpy.dtype, lanes: Lanes) -> str:
    return f"v{lanes.width}{'f' if dtype.kind == 'f' else 'i'}{dtype.itemsize * 8}"


def _where(
    k: Builder, pointer: str, dtype: numpy.dtype, stride: int, lanes: Lanes
) -> tuple[tuple[str, str], str]:
    """The address of a masked access, or of each lane: type, text, and how intrinsics call the type."""
    if stride == 1:
        return ("ptr", pointer), "p0"
    steps = "<" + ", ".join(f"i64 {i * stride}" for i in range(lanes.width)) + ">"
    text = f"getelementptr {scalar_type(dtype)}, ptr {pointer}, <{lanes.width} x i64> {steps}"
    return (f"<{lanes.width} x ptr>", k.emit(text)), f"v{lanes.width}p0"
