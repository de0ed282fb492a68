"""Arrays whose memory ends, or begins, at a page that nobody may touch: who does so ends with a fault."""

from __future__ import annotations

import ctypes
import mmap

import numpy

from minpy.ops import Aval
from minpy.ops.aval import product
from minpy.runtime.kernels.library import Loaded
from minpy.runtime.kernels.program import Program

_PAGE = mmap.PAGESIZE
_NOTHING, _READ = 0, 1  # PROT_NONE, PROT_READ
_C = ctypes.CDLL(None, use_errno=True)
_C.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int


class Guarded:
    """An array between two such pages.

    Args:
        at_end: it ends where the second page begins; otherwise it begins where the first one ends.
    """

    def __init__(self, aval: Aval, at_end: bool):
        size = product(aval.shape) * aval.dtype.itemsize
        self._pages = max(1, -(-size // _PAGE)) * _PAGE
        self._memory = mmap.mmap(-1, self._pages + 2 * _PAGE)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        for page in (self._start, self._start + _PAGE + self._pages):
            self._protect(page, _PAGE, _NOTHING)
        offset = _PAGE + (self._pages - size if at_end else 0)
        self.array = numpy.frombuffer(self._memory, aval.dtype, product(aval.shape), offset).reshape(
            aval.shape
        )
        self.array.view(numpy.uint8 if aval.shape else aval.dtype)[...] = (
            0xA5 if aval.dtype.kind != "b" else 1
        )

    def fill(self, content: numpy.ndarray) -> numpy.ndarray:
        """Give it a content, which stays: who writes to it also ends with a fault."""
        self.array[...] = content
        self._protect(self._start + _PAGE, self._pages, _READ)
        return self.array

    def _protect(self, address: int, size: int, how: int) -> None:
        if _C.mprotect(address, size, how):
            raise OSError(ctypes.get_errno(), "mprotect")


class GuardedProgram:
    """A program that runs on guarded inputs, outputs and scratch."""

    def __init__(self, program: Program):
        self.program = program
        scratch = Aval((program.scratch + -program.scratch % 64,), numpy.dtype("uint8"))
        # which has the same buffer number as an output
        self._made = (*program.outputs, scratch) if program.scratch else program.outputs
        self._loaded = Loaded(program._replace(outputs=self._made, scratch=0))

    def run(self, inputs: list[numpy.ndarray], at_end: bool) -> list[numpy.ndarray]:
        given = [Guarded(aval, at_end) for aval in self.program.inputs]
        made = [Guarded(aval, at_end) for aval in self._made]
        arrays = [memory.fill(x) for memory, x in zip(given, inputs)]
        self._loaded.run(arrays, [memory.array for memory in made])
        return [memory.array.copy() for memory in made[: len(self.program.outputs)]]
