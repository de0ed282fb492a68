"""Programs of kernels that can run: in C (``library.c``), by themselves or as an operator of MXNet."""

from __future__ import annotations

import ctypes
import functools
import struct
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy

from minpy.errors import PerformanceWarning
from minpy.runtime import native
from minpy.runtime.kernels import llvm
from minpy.runtime.kernels.program import Product, Program, Step
from minpy.runtime.sources import fingerprint

#: The operator of MXNet, whose attribute ``program`` is the address of one.
OPERATOR = "_minpy_program"

_NEST, _PRODUCT = 0, 1


@functools.cache
def library() -> ctypes.CDLL | None:
    """The functions of ``library.c``; None where it was not built, or from another source."""
    here = Path(__file__).resolve()
    found = [here.with_name(f"_library{suffix}") for suffix in EXTENSION_SUFFIXES]
    path = next((path for path in found if path.exists()), None)
    if path is None:
        return None
    loaded = ctypes.CDLL(str(path))
    loaded.minpy_fingerprint.restype = ctypes.c_uint
    if loaded.minpy_fingerprint() != fingerprint("kernels/*.c") != 0:
        warnings.warn(
            f"{path} was built from another source than minpy/runtime/kernels/library.c, so MinPy runs "
            "without fused kernels, slower. Build it again: python setup.py build_ext --inplace --force",
            PerformanceWarning,
            stacklevel=2,
        )
        return None
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    blas = [native.address_of(f"cblas_{name}") for name in ("sgemm", "dgemm", "sgemv", "dgemv")]
    loaded.minpy_set_blas(*map(pointer, blas))
    loaded.minpy_open.argtypes, loaded.minpy_open.restype = [pointer, integer], pointer
    loaded.minpy_close.argtypes, loaded.minpy_close.restype = [pointer], None
    loaded.minpy_run.argtypes, loaded.minpy_run.restype = [pointer] * 3, ctypes.c_int
    native.load_operators(path)
    return loaded


class Loaded:
    """A program in memory, with its machine code.

    Attributes:
        program: as given.
        address: under which the operator of MXNet finds it, as long as this object is there.
    """

    def __init__(self, program: Program):
        functions = library()
        assert functions is not None, "without the library no program can be loaded"
        self.program = program
        self._library = functions
        self._codes = llvm.codes(program.texts)
        words = b"".join(_words(program, {text: code.address for text, code in self._codes.items()}))
        self.address: int = functions.minpy_open(words, len(words) // 8) or 0
        if not self.address:
            raise MemoryError

    def __call__(self, inputs: Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
        """The outputs for arrays that are as the program says. Raises MemoryError."""
        outputs = [numpy.empty(*aval) for aval in self.program.outputs]
        self.run([numpy.ascontiguousarray(x) for x in inputs], outputs)
        return outputs

    def run(self, inputs: Sequence[numpy.ndarray], outputs: Sequence[numpy.ndarray]) -> None:
        """The same into the memory of given arrays. All are C-contiguous. Raises MemoryError."""
        if not self._library.minpy_run(self.address, _pointers(inputs), _pointers(outputs)):
            raise MemoryError(f"{self.program.scratch} bytes of scratch")

    def __del__(self) -> None:
        if getattr(self, "address", 0) and not sys.is_finalizing():
            native.wait_for_all()  # operators that were queued may still use it
            self._library.minpy_close(self.address)


def _pointers(arrays: Sequence[numpy.ndarray]) -> ctypes.Array:
    return (ctypes.c_void_p * len(arrays))(*[array.__array_interface__["data"][0] for array in arrays])


# A program as words of 64 bits: the structs of library.c ----------------------------------------------------


def _words(program: Program, addresses: dict[str, int]) -> Iterator[bytes]:
    """The struct ``Program`` from its second member on."""
    avals = b"".join(
        _integers(native.TYPE_FLAGS[aval.dtype], aval.ndim, *aval.shape)
        for aval in (*program.inputs, *program.outputs)
    )
    steps = b"".join(_step(step, addresses) for step in program.steps)
    first = len(avals) // 8
    ends = 0, first, first + len(steps) // 8
    yield _integers(len(program.inputs), len(program.outputs), program.scratch, *ends)
    yield avals
    yield steps


def _step(step: Step | Product, addresses: dict[str, int]) -> bytes:
    places = [number for place in step.arguments for number in place]
    if isinstance(step, Step):
        head = addresses[step.text], step.size, step.chunk, len(step.arguments)
        content, kind = _integers(*head, *places), _NEST
    else:
        is_double, shape = step.dtype.itemsize == 8, (step.m, step.n, step.k)
        transposes = step.transpose_x, step.transpose_y
        content = _integers(is_double, *shape, *transposes, *step.rows, step.batch, *step.strides)
        content += struct.pack("=2d", step.alpha, step.beta) + _integers(*places)
        kind = _PRODUCT
    return _integers(2 + len(content) // 8, kind) + content


def _integers(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}q", *numbers)
