"""What ``numpy.ndarray`` has beyond the op table, for eager arrays: NumPy's own, on the same memory."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Iterator
from typing import Any, Callable

import numpy

from minpy.ops import FUNCTIONS
from minpy.ops.methods import ArrayMethods
from minpy.ops.op import eager_interpreter
from minpy.runtime.flat import FlatIterator
from minpy.runtime.views import owner

#: the kinds of dtypes whose elements are numbers of MinPy's; of other arrays they are NumPy's
NUMBERS = frozenset("biufcm")
#: methods that change the array, where the function of the same name gives a new one
_MUTATING = frozenset(("sort", "partition", "put"))
#: what hands the content out as something else than arrays and numbers
_LEAVING = frozenset(("data", "ctypes", "tobytes", "tostring", "tofile", "dump", "dumps"))


def _fixed(name: str, instead: str) -> property:
    """An attribute that ndarray can set, and an array whose dtype never changes cannot."""

    def setter(self: Any, value: Any) -> None:
        raise AttributeError(f"the {name} of an array is not set in place; write a = {instead}")

    inherited = getattr(ArrayMethods, name, None)
    getter = inherited.fget if inherited else lambda self: getattr(self.raw(), name)
    return property(getter, setter, doc=getattr(numpy.ndarray, name).__doc__)


class NDArrayMethods(ArrayMethods):
    """Attributes and methods of ``numpy.ndarray``.

    Those that are not written here are added below: a method that the op table has under the same name is
    differentiable; the others run NumPy's.
    """

    __slots__ = ()
    __class_getitem__: Any = classmethod(types.GenericAlias)

    def raw(self) -> numpy.ndarray:
        """NumPy's view of the memory."""
        raise NotImplementedError

    def shown(self) -> numpy.ndarray:
        """The same, read-only where a tape relies on it."""
        raise NotImplementedError

    def _set_shape(self, shape: Any) -> None:
        raise NotImplementedError

    def is_traced(self) -> bool:
        """Whether a running gradient depends on the array."""
        raise NotImplementedError

    def _leaving(self, how: str) -> numpy.ndarray:
        """NumPy's view, for something that a gradient does not flow through: warns of it under a gradient."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes. Set, the array is a view of what it was."""
        return self.aval.shape

    @shape.setter
    def shape(self, value: Any) -> None:
        self._set_shape(value)

    dtype = _fixed("dtype", "a.astype(...), or a.view(...)")
    _set_dtype = dtype.fset
    strides = _fixed("strides", "numpy.lib.stride_tricks.as_strided(a, ...)")

    @property
    def base(self) -> Any:
        """The array whose memory this one shows; None where the memory is its own."""
        return owner(self)

    def resize(self, *new_shape: Any, refcheck: bool = True) -> None:
        """Refused: other arrays may show the memory."""
        raise ValueError("an array is not resized in place; write a = np.resize(a, ...)")

    @property
    def real(self) -> Any:
        """The real part, a view; of real numbers the array itself."""
        return FUNCTIONS["real"](self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        """The imaginary part, a view; of real numbers zeros that are read-only."""
        return FUNCTIONS["imag"](self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = value

    @property
    def flat(self) -> FlatIterator:
        """The elements one after another, for iteration and for writing by position."""
        return FlatIterator(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """The same memory as another array; where it is to be of another dtype, without a gradient."""
        if type is None and (dtype is None or dtype == self.dtype):
            return self if self.is_scalar else self[...]
        kinds = [x for x in (dtype, type) if x is not None]
        return eager_interpreter().call(self._numpys("view"), (self, *kinds), {})

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """``ndarray.setflags``: ``write=False`` makes the array read-only."""
        self.raw().setflags(write, align, uic)

    def compared(self, name: str, other: Any) -> Any:
        return eager_interpreter().call(getattr(operator, name), (self, other), {})

    def combined(self, operation: Callable, other: Any, is_reflected: bool) -> Any:
        if _defers_to(other):
            return NotImplemented
        operands = (other, self) if is_reflected else (self, other)
        return eager_interpreter().call(operation, operands, {})

    def __getitem__(self, key: Any) -> Any:
        if self.dtype.kind in NUMBERS:
            return ArrayMethods.__getitem__(self, key)
        found = self.raw()[key.raw() if isinstance(key, NDArrayMethods) else key]
        if not isinstance(found, numpy.ndarray):
            return found  # a text, an object, a record
        return eager_interpreter().call(operator.getitem, (self, key), {})

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements stand in memory in C order."""
        return self.raw().flags.c_contiguous

    def item(self, *args: Any) -> Any:
        """One element as a Python number."""
        return self._leaving("item()").item(*args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._leaving("tolist()").tolist()

    def _own(self, data: numpy.ndarray) -> Any:
        """NumPy's number for one of MinPy's: ``float()`` of a complex one warns and gives its real part."""
        return data[()] if self.is_scalar else data

    def _numpys(self, name: str) -> Any:
        """The method of NumPy's arrays, or of its numbers."""
        return getattr(type(self._own(self.raw())), name)

    def __float__(self) -> float:
        return float(self._own(self._leaving("float()")))

    def __int__(self) -> int:
        return int(self._own(self.raw()))

    def __complex__(self) -> complex:
        return complex(self._leaving("complex()"))

    def __bool__(self) -> bool:
        return bool(self.raw())

    def __index__(self) -> int:
        return operator.index(self._own(self.raw()))

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return (item.raw() if isinstance(item, NDArrayMethods) else item) in self.raw()

    def __delitem__(self, key: Any) -> None:
        raise ValueError("cannot delete array elements")

    def __dlpack__(self, **options: Any) -> Any:
        return self.__array__().__dlpack__(**options)  # type: ignore[attr-defined]

    def __dlpack_device__(self) -> Any:
        return self.raw().__dlpack_device__()


def _defers_to(other: Any) -> bool:
    """Whether NumPy's arrays leave an operator to the other operand, as NEP 13 says."""
    kind = type(other)
    if hasattr(kind, "__array_ufunc__"):
        return kind.__array_ufunc__ is None
    return getattr(other, "__array_priority__", -1.0) > 0


def _numpys_method(name: str, method: Any) -> Any:
    """A method of ``numpy.ndarray`` for MinPy's arrays."""
    known = None if name in _MUTATING else FUNCTIONS.get(name)

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _LEAVING:
            self._leaving(f"{name}()")
        if known is not None:
            return known(self, *args, **kwargs)
        return eager_interpreter().call(self._numpys(name), (self, *args), kwargs)

    return call


def _numpys_attribute(name: str, attribute: Any) -> property:
    """An attribute of ``numpy.ndarray`` for MinPy's arrays."""

    def read(self: Any) -> Any:
        if name in _LEAVING:
            self._leaving(name)
        # flags can be set; memory is handed out as it may be used
        value = getattr(self.raw() if name == "flags" else self.shown(), name)
        return eager_interpreter().constant(value) if isinstance(value, numpy.ndarray) else value

    return property(read, doc=attribute.__doc__)


for _name in dir(numpy.ndarray):
    if not _name.startswith("__") and not hasattr(NDArrayMethods, _name):
        _found = getattr(numpy.ndarray, _name)
        _make = _numpys_method if callable(_found) else _numpys_attribute
        setattr(NDArrayMethods, _name, _make(_name, _found))
