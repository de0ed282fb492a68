"""What an op's MXNet column is written in.

``op.mx(b, out, *operands, **params)`` gets a *builder* ``b``, the aval of the result and the
operands, and returns the operand that holds the result. The same rule serves eager mode (the
builder runs each operator at once) and the compiler (the builder adds nodes to a graph).

MXNet's operators differ from NumPy in dtype promotion, in bool and integer support and in their
treatment of empty arrays. The helpers here keep that out of the rules: operands are cast to the
dtype in which NumPy computes, and no operand is ever empty (the compiler folds empty arrays, eager
mode runs them in NumPy).
"""

from __future__ import annotations

import math
import sys
from typing import Any, Callable, NamedTuple

import numpy

from minpy.errors import UnsupportedError
from minpy.ops.aval import Aval

FLOATS = frozenset(map(numpy.dtype, ("float32", "float64")))
INTEGERS = frozenset(map(numpy.dtype, ("int32", "int64")))
NUMBERS = FLOATS | INTEGERS
#: what can be moved around and cast; arithmetic is defined on fewer
STORABLE = NUMBERS | frozenset(map(numpy.dtype, ("int8", "uint8", "bool")))
#: more are too many for most operators
MAX_AXES = 6


class Operand:
    """An input or a result: its aval, the builder's handle, and the number if it is a constant one."""

    __slots__ = ("aval", "handle", "number")

    def __init__(self, aval: Aval, handle: Any, number: float | None = None):
        self.aval = aval
        self.handle = handle
        self.number = number


class Backward(NamedTuple):
    """One output of the backward that MXNet has for an operator.

    Attributes:
        name: of the operator; ``attrs`` are its attributes.
        takes: what the backward takes, in MXNet's order: ``g`` the cotangent, ``x0`` an input, ``y0`` an
            output of the operator itself.
        output: the number of the input that it is the cotangent of.
        runs_forward: without oneDNN, which has float32 only, some operators refuse to be there for their
            shapes alone, so they compute their result.
    """

    name: str
    attrs: tuple[tuple[str, str], ...]
    takes: str
    output: int
    runs_forward: bool


class Builder:
    """Makes MXNet operators; subclasses say whether at once or as graph nodes."""

    runs_at_once = False  # on the CPU, where NumPy can as well
    has_exact_elu = False  # MXNet's ELU keeps nan, and is worth it

    def emit(self, name: str, inputs: list, attrs: dict[str, str], output: int = 0) -> Any:
        """Apply an MXNet operator to handles; returns the handle of one of its visible outputs."""
        raise NotImplementedError

    def gradient(self, backward: Backward, inputs: list, cotangent: Any) -> Any:
        """What MXNet's own backward of an operator gives for handles of its inputs and of the cotangent."""
        raise NotImplementedError

    def derived(self, backward: Any, inputs: list, cotangent: Any) -> Any:
        """The same of an operator that the table does not have; ``backward`` is what MXNet derives."""
        raise NotImplementedError

    def handle(self, operand: Operand) -> Any:
        """The handle of an operand, made for a constant number when first needed."""
        if operand.handle is None:
            operand.handle = self.constant(numpy.asarray(operand.number, operand.aval.dtype))
        return operand.handle

    def constant(self, array: numpy.ndarray) -> Any:
        """A handle that holds the array."""
        raise NotImplementedError

    def op(self, name: str, aval: Aval, *operands: Operand, **attrs: Any) -> Operand:
        """The MXNet operator ``name`` on the operands; ``aval`` is the aval of its result."""
        return self.output(0, name, aval, *operands, **attrs)

    def output(self, number: int, name: str, aval: Aval, *operands: Operand, **attrs: Any) -> Operand:
        """One of several outputs of an operator."""
        _require_axes(name, aval, *operands)
        text = {key: str(value) for key, value in attrs.items()}
        return Operand(aval, self.emit(name, [self.handle(x) for x in operands], text, number))

    def vjp(
        self, name: str, aval: Aval, g: Operand, *operands: Operand, takes: str, of: int, **attrs: Any
    ) -> Operand:
        """The cotangent of operand number ``of`` by MXNet's own backward; ``takes`` as in ``Backward``."""
        _require_axes(name, aval, *operands)
        text = tuple((key, str(value)) for key, value in attrs.items())
        backward = Backward(name, text, takes, of, aval.dtype != numpy.float32)
        return Operand(aval, self.gradient(backward, [self.handle(x) for x in operands], self.handle(g)))

    def literal(self, value: Any, dtype: Any) -> Operand:
        """A constant operand: a number, or an array."""
        array = numpy.asarray(value, dtype)
        if array.ndim == 0:
            return Operand(Aval((), array.dtype), None, array.item())
        return Operand(Aval(array.shape, array.dtype), self.constant(array))

    def cast(self, x: Operand, dtype: Any) -> Operand:
        """``x`` as ``dtype``; free where it has that dtype already."""
        dtype = numpy.dtype(dtype)
        if x.aval.dtype == dtype:
            return x
        require(dtype, STORABLE, "cast")
        if x.number is not None:
            return Operand(Aval((), dtype), None, numpy.asarray(x.number).astype(dtype).item())
        require(x.aval.dtype, STORABLE, "cast")
        return self.op("Cast", Aval(x.aval.shape, dtype), x, dtype=dtype.name)

    def reshape(self, x: Operand, shape: tuple[int, ...]) -> Operand:
        """``x`` with another shape of the same size."""
        if x.aval.shape == shape:
            return x
        return self.op("_np_reshape", Aval(shape, x.aval.dtype), x, newshape=shape)


def _require_axes(name: str, aval: Aval, *operands: Operand) -> None:
    if any(len(shape) > MAX_AXES for shape in (aval.shape, *[x.aval.shape for x in operands])):
        raise UnsupportedError(f"MXNet has no {name} for more than {MAX_AXES} axes")


def require(dtype: numpy.dtype, allowed: frozenset, what: str) -> None:
    """Raise UnsupportedError where MXNet cannot do ``what`` on this dtype."""
    if dtype not in allowed:
        raise UnsupportedError(f"MXNet has no {what} for {dtype}")


def unary(mx_name: str, allowed: frozenset = FLOATS) -> Callable:
    """Rule for an elementwise function of one argument that NumPy computes in the result's dtype."""

    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        require(out.dtype, allowed, mx_name)
        return b.op(mx_name, out, b.cast(x, out.dtype))

    return mx


#: From how many elements on oneDNN is faster, which takes a microsecond to start, and more to wake threads.
_LEAST_OF_ONEDNN = 256


def activation(kind: str, otherwise: Callable) -> Callable:
    """Rule for a function that oneDNN computes in float32, ten times faster than MXNet's own operator."""

    def mx(b: Builder, out: Aval, x: Operand) -> Operand:
        if out.dtype != numpy.float32 or out.size < _LEAST_OF_ONEDNN:
            return otherwise(b, out, x)
        return b.op("Activation", out, b.cast(x, out.dtype), act_type=kind)

    return mx


def binary(
    mx_name: str,
    scalar_name: str | None = None,
    reversed_name: str | None = None,
    allowed: frozenset = NUMBERS,
    compute_dtype: Callable[..., Any] | None = None,
) -> Callable:
    """Rule for an elementwise function of two arguments, with MXNet's faster forms for a constant.

    NumPy computes in the result's dtype, or in ``compute_dtype(x.aval, y.aval)`` where these differ
    (comparisons).
    """

    def mx(b: Builder, out: Aval, x: Operand, y: Operand) -> Operand:
        dtype = compute_dtype(x, y) if compute_dtype else out.dtype
        require(dtype, allowed, mx_name)
        if dtype in FLOATS:  # the forms for a constant go through double, too short for int64
            left, right = as_attribute(x), as_attribute(y)
            if scalar_name and right is not None and x.number is None:
                return b.op(scalar_name, out, b.cast(x, dtype), scalar=right, is_int=False)
            if reversed_name and left is not None and y.number is None:
                return b.op(reversed_name, out, b.cast(y, dtype), scalar=left, is_int=False)
        return b.op(mx_name, out, b.cast(x, dtype), b.cast(y, dtype))

    return mx


def as_attribute(x: Operand) -> float | None:
    """An operand's number, if it is one that MXNet can read as an attribute: not inf, nan or denormal."""
    number = x.number
    readable = number is not None and (number == 0 or sys.float_info.min <= abs(number) < math.inf)
    return float(number) if readable else None  # type: ignore[arg-type]


def through_int8(rule: Callable) -> Callable:
    """Let a rule that moves elements serve bool arrays too, which many MXNet operators refuse."""
    int8, boolean = numpy.dtype("int8"), numpy.dtype("bool")

    def mx(b: Builder, out: Aval, *operands: Operand, **params: Any) -> Operand:
        require(out.dtype, STORABLE, "operator")
        operands = tuple(b.cast(x, out.dtype) for x in operands)
        if out.dtype != boolean:
            return rule(b, out, *operands, **params)
        moved = rule(b, Aval(out.shape, int8), *[b.cast(x, int8) for x in operands], **params)
        return b.cast(moved, boolean)

    return mx


def first_through_int8(rule: Callable) -> Callable:
    """Like ``through_int8`` where only the first operand is moved; the others say where."""
    int8, boolean = numpy.dtype("int8"), numpy.dtype("bool")

    def mx(b: Builder, out: Aval, x: Operand, *others: Operand, **params: Any) -> Operand:
        require(out.dtype, STORABLE, "operator")
        if out.dtype != boolean:
            return rule(b, out, x, *others, **params)
        return b.cast(rule(b, Aval(out.shape, int8), b.cast(x, int8), *others, **params), boolean)

    return mx
