"""What of NumPy's namespace is neither a function nor a constant, where MinPy's arrays need their own.

``ndarray`` for ``isinstance``, ``mgrid`` and ``ogrid``, ``r_`` and ``c_``, ``ndenumerate`` and ``vectorize``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy

from minpy.errors import GradientError
from minpy.ops import FUNCTIONS
from minpy.ops.assembling import assembled
from minpy.ops.creation import created
from minpy.ops.op import as_operand, holds_box
from minpy.ops.shape import broadcast_to_op, reshape_op
from minpy.runtime.array import Array, arrays_in, to_raw
from minpy.runtime.dispatch import call_numpy

__all__ = ["broadcast", "c_", "mgrid", "ndarray", "ndenumerate", "ogrid", "r_", "vectorize"]


def _opaque(reason: str) -> Callable[[Callable], Callable]:
    """Decorator: what compiled code leaves to Python."""

    def decorate(method: Callable) -> Callable:
        method.__minpy_opaque__ = reason  # type: ignore[attr-defined]
        return method

    return decorate


# ndarray ---------------------------------------------------------------------------------------


class _ArrayType(type):
    """The type of ``ndarray``: its instances are the arrays of MinPy and of NumPy."""

    def __new__(meta, name: str, bases: tuple, namespace: dict) -> type:
        if bases:  # a subclass is one of NumPy's
            return type(name, (numpy.ndarray,), namespace)
        return super().__new__(meta, name, bases, namespace)

    def __instancecheck__(cls, x: Any) -> bool:
        return cls.__subclasscheck__(type(x))

    def __subclasscheck__(cls, kind: type) -> bool:
        is_ours = kind is cls or (issubclass(kind, Array) and not kind.is_scalar)
        return is_ours or issubclass(kind, numpy.ndarray)

    def __getattr__(cls, name: str) -> Any:
        """A method as a function of an array: ``np.ndarray.sum(a)``."""
        found = getattr(numpy.ndarray, name)
        if not callable(found):
            return found
        return lambda self, *args, **kwargs: getattr(self, name)(*args, **kwargs)


class ndarray(metaclass=_ArrayType):
    """What an array is an instance of: ``isinstance(x, np.ndarray)``. Calling it makes an array."""

    def __new__(cls, shape: Any, dtype: Any = None, buffer: Any = None, *layout: Any, **options: Any) -> Any:
        if buffer is None and not layout and not options:
            return FUNCTIONS["empty"](shape, dtype)
        return Array(numpy.ndarray(shape, dtype or float, to_raw(buffer), *layout, **options))


# Grids -----------------------------------------------------------------------------------------


class Grid:
    """``np.mgrid`` or ``np.ogrid``: coordinates of the points of a grid."""

    def __init__(self, plain: Any):
        self._plain = plain

    @_opaque("np.mgrid and np.ogrid are run by NumPy")
    def __getitem__(self, key: Any) -> Any:
        found = self._plain[key]
        return type(found)(map(created, found)) if isinstance(found, (list, tuple)) else created(found)


mgrid, ogrid = Grid(numpy.mgrid), Grid(numpy.ogrid)


# Joining ---------------------------------------------------------------------------------------


def _stand_in(x: Any) -> Any:
    """An operand without its data; the dtype of a scalar counts less than that of an array."""
    if not isinstance(x, Array):
        return x
    ones = numpy.ones(x.shape, x.dtype)
    return ones[()] if x.is_scalar else ones


class Joiner:
    """``np.r_`` or ``np.c_``: what stands between the brackets joined, slices as ranges of numbers."""

    def __init__(self, plain: Any):
        self._plain = plain

    @_opaque("np.r_ and np.c_ are run by NumPy")
    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not holds_box(parts):
            found = self._plain[key]
            return created(found, found.dtype if any(isinstance(x, numpy.ndarray) for x in parts) else None)
        given = [part for part in parts if not isinstance(part, str)]
        operands = [numpy.r_[part] if isinstance(part, slice) else as_operand(part) for part in given]

        def joined(*new: Any) -> Any:
            left = iter(new)
            return self._plain[tuple(part if isinstance(part, str) else next(left) for part in parts)]

        return assembled(joined, *operands, dtype=joined(*map(_stand_in, operands)).dtype)

    def __len__(self) -> int:
        return 0


r_, c_ = Joiner(numpy.r_), Joiner(numpy.c_)


# Element by element ----------------------------------------------------------------------------


class ndenumerate(numpy.ndenumerate):
    """Pairs of an index and the element there; gradients flow through the elements."""

    __minpy_opaque__ = "np.ndenumerate goes through the elements one by one"

    def __init__(self, arr: Any):
        self.iter = FUNCTIONS["asarray"](arr).flat


@_opaque("np.broadcast is run by NumPy")
def broadcast(*arrays: Any) -> numpy.broadcast:
    """``numpy.broadcast``: the shape that arrays have together."""
    return numpy.broadcast(*to_raw(arrays))


class vectorize(numpy.vectorize):
    """``numpy.vectorize`` that gives MinPy's arrays.

    Under a gradient the function is called with MinPy's numbers, and gradients flow.
    """

    __minpy_opaque__ = "np.vectorize calls a function for each element"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(array.is_traced() for array in arrays_in((args, kwargs))):
            return self._by_element(*args, **kwargs)
        call: Any = functools.partial(super().__call__)
        call.__name__ = "vectorize"  # to count it under
        return call_numpy(call, args, kwargs)

    def _by_element(self, *args: Any, **kwargs: Any) -> Any:
        """As NumPy's: names and positions that are ``excluded`` are handed on as they are."""
        names = [name for name in kwargs if name not in self.excluded]
        places = [i for i in range(len(args)) if i not in self.excluded]
        arrays = [FUNCTIONS["asarray"](x) for x in (*[args[i] for i in places], *[kwargs[n] for n in names])]

        def function(*elements: Any) -> Any:
            by_place, by_name = dict(zip(places, elements)), dict(zip(names, elements[len(places) :]))
            return self.pyfunc(*[by_place.get(i, x) for i, x in enumerate(args)], **{**kwargs, **by_name})

        dimensions = getattr(self, "_in_and_out_core_dims", None) or ([()] * len(arrays), None)
        shape, arrays = _broadcast(arrays, dimensions[0])
        if 0 in shape and (self.signature is not None or self.otypes is None):
            raise GradientError("vectorize has no gradient where it does not call the function even once")
        results = [function(*[x[place] for x in arrays]) for place in numpy.ndindex(shape)]
        first = results[0] if results else (None,) * len(self.otypes or ())
        count = len(first) if isinstance(first, tuple) else 1
        if dimensions[1] is not None and len(dimensions[1]) != count:
            expected = len(dimensions[1])
            raise ValueError(f"wrong number of outputs from pyfunc: expected {expected}, got {count}")
        outputs = zip(*results) if results and isinstance(first, tuple) else [results] * count
        whole = [FUNCTIONS["array"](list(x), t) for x, t in zip(outputs, self.otypes or [None] * count)]
        whole = [reshape_op(x, shape=shape + x.shape[1:]) for x in whole]
        return whole[0] if count == 1 else tuple(whole)


def _broadcast(arrays: list, dimensions: list) -> tuple[tuple[int, ...], list]:
    """The shape of what ``vectorize`` loops over, and the arrays with it in front of the given dimensions."""
    if len(arrays) != len(dimensions):
        raise TypeError(
            f"wrong number of positional arguments: expected {len(dimensions)}, got {len(arrays)}"
        )
    sizes: dict[str, int] = {}
    own = [x.shape[x.ndim - len(names) :] for x, names in zip(arrays, dimensions)]
    for names, shape in zip(dimensions, own):
        if len(shape) < len(names):
            raise ValueError(f"{len(shape)}-dimensional argument does not have enough dimensions for {names}")
        for name, size in zip(names, shape):
            if sizes.setdefault(name, size) != size:
                raise ValueError(f"inconsistent size for core dimension {name!r}: {size} vs {sizes[name]}")
    shape = numpy.broadcast_shapes(*[x.shape[: x.ndim - len(names)] for x, names in zip(arrays, dimensions)])
    return shape, [broadcast_to_op(x, shape=shape + core) for x, core in zip(arrays, own)]
