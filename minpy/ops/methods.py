"""Operators and methods of ``numpy.ndarray`` for every box, written in the functions of the table."""

from __future__ import annotations

import numbers
import operator
from typing import Any, Callable

import numpy

from minpy.errors import UnsupportedError
from minpy.ops import (
    assembling,
    creation,
    elementwise,
    indexing,
    linalg,
    logic,
    moments,
    rearrange,
    reduction,
    scan,
    shape,
    sorting,
    transcendental,
)
from minpy.ops.aval import Aval, aval_of, is_float, result_type
from minpy.ops.data import content
from minpy.ops.op import Box, Function, as_operand

#: the functions that NumPy takes for ``x ** number`` on floats: unlike ``power`` they keep the dtype of x
_POWERS: dict[float, Callable] = {
    -1: elementwise.reciprocal,
    0: lambda x: elementwise.astype(elementwise.power(x, 0), dtype=x.dtype),
    0.5: elementwise.sqrt,
    1: elementwise.positive,
    2: elementwise.square,
}


def _raised(x: Any, y: Any) -> Any:
    """``x ** y``, with NumPy's shortcuts for arrays and constant exponents."""
    if type(y) is numpy.ndarray and not y.ndim:
        y = y[()]
    if _depends_on_value(x, y):
        return _raised_by_value(x, y)
    is_constant = isinstance(y, (int, float, numpy.integer, numpy.floating)) and not isinstance(y, bool)
    if is_constant and isinstance(x, ArrayMethods) and not x.is_scalar:
        if y in _POWERS and is_float(x.dtype):
            return _POWERS[y](x)
        if y == 2:
            becomes_float = isinstance(y, (float, numpy.floating)) and x.dtype.kind in "iu"
            return elementwise.square(x.astype(numpy.float64) if becomes_float else x)
    return elementwise.power(x, y)


def _depends_on_value(x: Any, y: Any) -> bool:
    """Whether for some exponents NumPy takes a shortcut that gives another dtype than its general way."""
    if not (isinstance(x, ArrayMethods) and isinstance(y, Box)) or aval_of(y).shape:
        return False
    if x.dtype.kind == "b":
        return True
    has_shortcut = not x.is_scalar and aval_of(y).dtype.kind in "iuf"
    return has_shortcut and result_type(x, y) != _short_dtype(x, aval_of(y))


def _short_dtype(x: Any, y: Aval) -> numpy.dtype:
    """Of what NumPy gives for the exponents that it has shortcuts for, as 2."""
    return numpy.dtype("float64") if x.dtype.kind in "iu" and y.dtype.kind == "f" else x.dtype


def power_by_value(x: Any, y: Any) -> Any:
    if x.dtype.kind == "b":
        raise UnsupportedError("of which dtype a power of bools is depends on the value of the exponent")
    short = content(y, "the exponent, which decides of which dtype the power is,")[()]
    if not (short == 2 or (short in _POWERS and is_float(x.dtype))):
        return elementwise.power(x, y)
    dtype = _short_dtype(x, aval_of(y))
    return elementwise.astype(elementwise.power(elementwise.astype(x, dtype=dtype), y), dtype=dtype)


_raised_by_value = Function(power_by_value, operator.pow, arrays=2)
#: Python's operators by the name of their methods, with what they apply
ARITHMETIC: dict[str, Callable] = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.true_divide,
    "floordiv": elementwise.floor_divide,
    "mod": elementwise.remainder,
    "pow": _raised,
    "matmul": linalg.matmul,
    "and": logic.bitwise_and,
    "or": logic.bitwise_or,
    "xor": logic.bitwise_xor,
    "lshift": logic.left_shift,
    "rshift": logic.right_shift,
}
#: those that change an array; ``@=`` is NumPy's own
IN_PLACE: dict[str, Callable] = {
    **{name: op for name, op in ARITHMETIC.items() if name != "matmul"},
    "pow": elementwise.power,
}
COMPARISONS: dict[str, Callable] = {
    "eq": logic.equal,
    "ne": logic.not_equal,
    "lt": logic.less,
    "le": logic.less_equal,
    "gt": logic.greater,
    "ge": logic.greater_equal,
}
UNARY: dict[str, Callable] = {
    "neg": elementwise.negative,
    "pos": elementwise.positive,
    "abs": elementwise.absolute,
    "invert": logic.invert,
}


class ArrayMethods(Box):
    """What eager arrays and the compiler's tracers have in common."""

    __slots__ = ()
    is_scalar = False  # whether NumPy has a number there, which cannot be written, and not an array

    @property
    def aval(self) -> Aval:
        """Shape and dtype."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.aval.shape

    @property
    def dtype(self) -> numpy.dtype:
        """The type of the elements."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.aval.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.aval.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements stand in memory in C order without gaps, as far as that is known."""
        return True

    @property
    def T(self) -> Any:
        """The array with its axes reversed."""
        return shape.transpose(self)

    def __len__(self) -> int:
        if not self.aval.shape:
            raise TypeError("len() of unsized object")
        return self.aval.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return indexing.getitem(self, key)

    def compared(self, name: str, other: Any) -> Any:
        """A comparison of arrays of strings and the like, or with an ``other`` that is no number."""
        if name in ("eq", "ne") and other is None:
            return COMPARISONS[name](self, numpy.array(None))  # each element is compared
        return NotImplemented

    def combined(self, operation: Callable, other: Any, is_reflected: bool) -> Any:
        """Python's operator on the array and an ``other`` that is no operand of the table's functions."""
        return NotImplemented

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ):
        """A copy with another dtype; where ``copy`` is false and the dtype the same, the array itself."""
        dtype = numpy.dtype(dtype)
        if not numpy.can_cast(self.dtype, dtype, casting):
            raise TypeError(
                f"Cannot cast array data from {self.dtype!r} to {dtype!r} by the rule {casting!r}"
            )
        made = elementwise.astype(self, dtype=dtype) if copy or dtype != self.dtype else self
        rows = {"C": self, "F": self.T}[order] if order in ("C", "F") else None
        return made if rows is None or rows.is_contiguous else made.copy(order)

    def copy(self, order: str = "C") -> Any:
        """A copy of the array, whose elements stand in memory by rows, or by columns for ``order='F'``."""
        if self.is_scalar:  # nobody can change it
            return self
        if order == "F":
            return elementwise.copy(self.T).T
        return elementwise.copy(self) if order == "C" else elementwise.copy(self).in_order_of(self, order)

    def reshape(self, *sizes: Any, order: str = "C") -> Any:
        """The array with a new shape, given as one tuple or as numbers."""
        if not sizes:
            raise TypeError("reshape() takes exactly 1 argument (0 given)")  # as NumPy has it
        wanted = sizes[0] if len(sizes) == 1 else sizes
        return shape.reshape(self, wanted, order=order)

    def conjugate(self, out: Any = None) -> Any:
        """The complex conjugate; of real numbers the array itself."""
        if out is None:
            return transcendental.conjugate(self) if self.dtype.kind == "c" else self
        return transcendental.conjugate(self, out)

    def transpose(self, *axes: Any) -> Any:
        """The array with its axes permuted, or reversed."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return shape.transpose(self, order)

    def flatten(self, order: str = "C") -> Any:
        """A copy with one axis."""
        return elementwise.copy(shape.ravel(self, order))

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """The places along ``axis`` (None: of the flattened array) where the condition is true."""
        return assembling.compress(condition, self, axis, out)

    def round(self, decimals: int = 0) -> Any:
        """Rounded to ``decimals`` places, halves to even."""
        return elementwise.around(self, decimals)


def _forward(operation: Callable, python: Callable) -> Callable:
    def method(self, other):
        return operation(self, other) if _is_operand(other) else self.combined(python, other, False)

    return method


def _reflected(operation: Callable, python: Callable) -> Callable:
    def method(self, other):
        return operation(other, self) if _is_operand(other) else self.combined(python, other, True)

    return method


def _multiplication(operation: Callable) -> Callable:
    """A product; of a list and an integer scalar the list repeated, as in NumPy."""

    def method(self, other):
        if isinstance(other, (list, tuple, str, bytes)) and self.is_scalar and self.dtype.kind in "biufc":
            if self.dtype.kind in "fc":
                raise TypeError(f"can't multiply sequence by non-int of type 'numpy.{self.dtype}'")
            return other * int(self)
        return operation(self, other)

    return method


def _comparison(name: str, operation: Callable) -> Callable:
    def method(self, other):
        other = as_operand(other) if isinstance(other, (list, tuple)) else other
        if _is_operand(other) and not (_is_of_texts(self) or _is_of_texts(other)):
            return operation(self, other)
        return self.compared(name, other)

    return method


def _is_of_texts(x: Any) -> bool:
    """Whether NumPy or MinPy holds something else than numbers: texts, dates, objects."""
    return isinstance(x, (Box, numpy.ndarray, numpy.generic)) and aval_of(x).dtype.kind not in "biufc"


_OPERANDS = (Box, int, float, complex, numpy.ndarray, numpy.generic, list, tuple, range, numbers.Number)


def _is_operand(x: Any) -> bool:
    """Whether an operator takes ``x``: a number, a sequence, or an array, of whatever library."""
    return isinstance(x, _OPERANDS) or (hasattr(x, "__array__") and not hasattr(x, "__array_ufunc__"))


def _function_method(function: Any) -> Callable:
    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


for _name, _operation in UNARY.items():
    setattr(ArrayMethods, f"__{_name}__", _function_method(_operation))
for _name, _operation in ARITHMETIC.items():
    _python = getattr(operator, f"__{_name}__")
    setattr(ArrayMethods, f"__{_name}__", _forward(_operation, _python))
    setattr(ArrayMethods, f"__r{_name}__", _reflected(_operation, _python))
for _name in ("__mul__", "__rmul__"):
    setattr(ArrayMethods, _name, _multiplication(getattr(ArrayMethods, _name)))
for _name, _operation in COMPARISONS.items():
    setattr(ArrayMethods, f"__{_name}__", _comparison(_name, _operation))
for _name, _wrap in (("__divmod__", _forward), ("__rdivmod__", _reflected)):
    setattr(ArrayMethods, _name, _wrap(transcendental.divmod, divmod))
for _function in (
    *(reduction.sum, reduction.prod, moments.mean, moments.var, moments.std),
    *(reduction.max, reduction.min, reduction.any, reduction.all, reduction.argmax, reduction.argmin),
    *(shape.swapaxes, shape.squeeze, shape.ravel, shape.take),
    *(elementwise.clip, linalg.dot, scan.cumsum, scan.cumprod, sorting.argsort, sorting.ptp),
    assembling.choose,
    *(rearrange.diagonal, rearrange.trace, rearrange.repeat),
):
    setattr(ArrayMethods, _function.__name__, _function_method(_function))
ArrayMethods.conj = ArrayMethods.conjugate  # type: ignore[attr-defined]
ArrayMethods.__hash__ = None  # type: ignore[assignment]  # as ndarray: == compares elements

__all__ = ["ArrayMethods", "creation"]
