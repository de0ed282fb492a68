"""Runs a function of ``Kernel`` on arrays, in the simplest of kernels."""

from __future__ import annotations

import ctypes
import functools

import numpy

from minpy.compiler.codegen.builder import Value
from minpy.compiler.codegen.called import module
from minpy.compiler.codegen.functions import Kernel
from minpy.compiler.codegen.memory import Lanes, load, store
from minpy.runtime.kernels.llvm import Code, codes

_KIND = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Machine:
    """A function of ``Kernel`` for arrays of one dtype and shape.

    Attributes:
        lanes: the length of the vectors.
        text: in LLVM's language.
    """

    def __init__(self, name: str, dtype: str, arguments: int = 1, lanes: int = 0) -> None:
        self.dtype = numpy.dtype(dtype)
        self.lanes = lanes or 64 // self.dtype.itemsize
        self.text = self._written(name, arguments)
        self._code: Code = codes([self.text])[self.text]
        self._function = _KIND(self._code.address)

    def _written(self, name: str, arguments: int) -> str:
        k, lanes = Kernel(), Lanes(self.lanes, self.lanes)
        lines = []
        for i in range(arguments + 1):
            lines.append(f"  %at{i} = getelementptr ptr, ptr %arguments, i64 {i}")
            lines.append(f"  %p{i} = load ptr, ptr %at{i}, align 8")
        with k.loop("%begin", "%end") as turn:
            places = [
                k.emit(f"getelementptr [{self.lanes * self.dtype.itemsize} x i8], ptr %p{i}, i64 {turn}")
                for i in range(arguments + 1)
            ]
            operands: list[Value] = [load(k, place, self.dtype, 1, lanes) for place in places[:-1]]
            store(k, getattr(k, name)(*operands), places[-1], 1, lanes)
        return module(k, [*lines, *k.lines])

    def run(self, *arrays: numpy.ndarray) -> None:
        """The last array becomes the result; their size is a multiple of ``lanes``."""
        pointers = (ctypes.c_void_p * len(arrays))(*[x.ctypes.data for x in arrays])
        self._function(pointers, 0, arrays[0].size // self.lanes, 0)

    def __call__(self, *operands: numpy.ndarray) -> numpy.ndarray:
        """The results, as NumPy's functions."""
        size = operands[0].size
        padded = [numpy.resize(x, -(-size // self.lanes) * self.lanes) for x in operands]
        out = numpy.empty_like(padded[0])
        self.run(*padded, out)
        return out[:size].reshape(operands[0].shape)


@functools.cache
def compiled(name: str, dtype: str, arguments: int = 1, lanes: int = 0) -> Machine:
    """A machine, made once."""
    return Machine(name, dtype, arguments, lanes)
