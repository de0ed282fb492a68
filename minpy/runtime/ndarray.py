"""What ``numpy.ndarray`` has beyond the op table, for eager arrays: NumPy's own, on the same memory."""

from __future__ import annotations

from typing import Any, Callable

import numpy

from minpy.errors import GradientError
from minpy.ops import FUNCTIONS
from minpy.ops.methods import ArrayMethods
from minpy.ops.op import eager_interpreter

#: methods that change the array; each takes the same arguments as ndarray's
_MUTATING = frozenset(("fill", "sort", "partition", "put", "itemset", "setfield"))
#: methods that would need the array to own its memory, or change what it is
_REFUSED = frozenset(("resize", "setflags", "newbyteorder"))


class NDArrayMethods(ArrayMethods):
    """Attributes and methods of ``numpy.ndarray`` that are found by name.

    A method that the op table has under the same name is differentiable; the others run NumPy's.
    """

    __slots__ = ()

    def raw(self) -> numpy.ndarray:
        """NumPy's view of the memory."""
        raise NotImplementedError

    def is_traced(self) -> bool:
        """Whether a running gradient depends on the array."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        found = getattr(numpy.ndarray, name, None)
        if found is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name in _REFUSED:
            raise AttributeError(f"{name} would change what the array is; make a new array instead")
        if name in _MUTATING:
            return self._mutating(found, name)
        if not callable(found):
            value = getattr(self.raw(), name)
            known = FUNCTIONS.get(name)
            if known is not None:
                return known(self)
            return eager_interpreter().constant(value) if isinstance(value, numpy.ndarray) else value
        known = FUNCTIONS.get(name)
        if known is not None:
            return lambda *args, **kwargs: known(self, *args, **kwargs)
        return lambda *args, **kwargs: eager_interpreter().call(found, (self, *args), kwargs)

    def _mutating(self, method: Callable, name: str) -> Callable:
        def change(*args: Any, **kwargs: Any) -> None:
            if name == "fill":
                self[...] = args[0] if args else kwargs["value"]  # type: ignore[index]
                return
            if self.is_traced():
                raise GradientError(
                    f"{name} in place has no gradient; use the function that gives a new array"
                )
            copy = numpy.array(self.raw())
            method(copy, *args, **kwargs)
            self[...] = copy  # type: ignore[index]

        return change

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other  # type: ignore[operator]

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __lshift__(self, other: Any) -> Any:
        return eager_interpreter().call(numpy.left_shift, (self, other), {})

    def __rlshift__(self, other: Any) -> Any:
        return eager_interpreter().call(numpy.left_shift, (other, self), {})

    def __rshift__(self, other: Any) -> Any:
        return eager_interpreter().call(numpy.right_shift, (self, other), {})

    def __rrshift__(self, other: Any) -> Any:
        return eager_interpreter().call(numpy.right_shift, (other, self), {})

    def __dlpack__(self, **options: Any) -> Any:
        return self.raw().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.raw().__dlpack_device__()
