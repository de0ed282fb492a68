"""Programs of kernels that can run: in C (``library.c``), by themselves or as an operator of MXNet."""

from __future__ import annotations

import ctypes
import functools
import itertools
import struct
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy

from minpy.errors import PerformanceWarning
from minpy.ops import Aval
from minpy.runtime import native
from minpy.runtime.kernels import llvm
from minpy.runtime.kernels.program import SUMS, Condition, Product, Program, Step
from minpy.runtime.sources import fingerprint

_NEST, _PRODUCT, _CONDITION = 0, 1, 2
_NOT_MXNETS = -1  # a dtype of a program that stands in no graph of MXNet's


def library() -> ctypes.CDLL | None:
    """The functions of ``library.c``; None where they are missing."""
    found = _loaded()
    return None if isinstance(found, str) else found


def missing() -> str | None:
    """Why there are no functions of ``library.c``, in words; None where there are."""
    found = _loaded()
    return found if isinstance(found, str) else None


def has_gemm() -> bool:
    """Whether large products of matrices are faster here than by MXNet's operators."""
    functions = library()
    return functions is not None and bool(functions.minpy_has_gemm())


@functools.cache
def _loaded() -> ctypes.CDLL | str:
    here = Path(__file__).resolve()
    found = [here.with_name(f"_library{suffix}") for suffix in EXTENSION_SUFFIXES]
    path = next((path for path in found if path.exists()), None)
    if path is None:
        return "their library was not built, for want of a C compiler"
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        return f"their library cannot be loaded ({error})"
    loaded.minpy_fingerprint.restype = ctypes.c_uint
    if loaded.minpy_fingerprint() != fingerprint("kernels/*.[ch]") != 0:
        warnings.warn(
            f"{path} was built from another source than minpy/runtime/kernels/library.c, so MinPy runs "
            "without fused kernels, slower. Build it again: python setup.py build_ext --inplace --force",
            PerformanceWarning,
            stacklevel=2,
        )
        return "their library was built from another source"
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    blas = [native.address_of(f"cblas_{name}") for name in ("sgemm", "dgemm", "sgemv", "dgemv")]
    loaded.minpy_set_blas(*map(pointer, blas))
    loaded.minpy_open.argtypes, loaded.minpy_open.restype = [pointer, integer], pointer
    loaded.minpy_close.argtypes, loaded.minpy_close.restype = [pointer], None
    loaded.minpy_run.argtypes, loaded.minpy_run.restype = [pointer] * 3, ctypes.c_int
    loaded.minpy_time_steps.argtypes, loaded.minpy_time_steps.restype = [ctypes.c_int], None
    loaded.minpy_take_seconds.argtypes, loaded.minpy_take_seconds.restype = [pointer] * 2, None
    native.load_operators(path)
    return loaded


def time_steps(is_on: bool) -> None:
    """Let programs add up the time of each step, which ``Loaded.take_seconds`` gives; or no more."""
    functions = library()
    if functions is not None:
        functions.minpy_time_steps(is_on)


def load(programs: Sequence[Program]) -> list[Loaded]:
    """Programs in memory. All of their machine code is made at once."""
    codes = llvm.codes([text for program in programs for text in program.modules])
    return [Loaded(program, codes) for program in programs]


class Loaded:
    """A program in memory, with its machine code.

    Args:
        codes: those of the modules of the program, and perhaps others; made now where they are not given.

    Attributes:
        program: as given.
        address: under which the operator of MXNet finds it, as long as this object is there.
    """

    def __init__(self, program: Program, codes: Mapping[str, llvm.Code] | None = None):
        functions = library()
        assert functions is not None, "without the library no program can be loaded"
        self.program = program
        self._library = functions
        made = llvm.codes(program.modules) if codes is None else codes
        self._codes = [made[text] for text in program.modules]  # which keeps them
        addresses = {name: _address(functions, name) for name in SUMS.values()}
        addresses.update((text, made[text].address) for text in program.modules)
        words = b"".join(_words(program, addresses))
        self.address: int = functions.minpy_open(words, len(words) // 8) or 0
        if not self.address:
            raise MemoryError

    def __call__(
        self, inputs: Sequence[numpy.ndarray], memory: Sequence[numpy.ndarray | None] = ()
    ) -> list[numpy.ndarray]:
        """The outputs, which take the ``memory`` of arrays where that fits, else new arrays.

        Raises:
            MemoryError: there is none.
            MXNetError: the program fails on these inputs.
            ValueError: a shape is not that of the program.
        """
        given = [_as_it_is_read(x, aval) for x, aval in zip(inputs, self.program.inputs)]
        outputs = [
            x if x is not None and _is_as_read(x, aval) and x.flags.writeable else numpy.empty(*aval)
            for x, aval in itertools.zip_longest(memory, self.program.outputs)
        ]
        self.run(given, outputs)
        return outputs

    def run(self, inputs: Sequence[numpy.ndarray], outputs: Sequence[numpy.ndarray]) -> None:
        """The same into the memory of given arrays. All are C-contiguous."""
        ran = self._library.minpy_run(self.address, _pointers(inputs), _pointers(outputs))
        if ran < 0:
            raise native.MXNetError("a program fails on its inputs")
        if not ran:
            raise MemoryError(
                f"no memory for {self.program.scratch:,} bytes that a compiled graph needs on its way"
            )

    def take_seconds(self) -> numpy.ndarray:
        """What each step took since it was asked last, as far as steps were timed."""
        seconds = numpy.zeros(len(self.program.steps))
        self._library.minpy_take_seconds(self.address, seconds.ctypes.data)
        return seconds

    @property
    def run_address(self) -> int:
        """Where the function of ``library.c`` is that runs it."""
        return _address(self._library, "minpy_run")

    def __del__(self) -> None:
        if getattr(self, "address", 0) and not sys.is_finalizing():
            native.wait_for_all()  # operators that were queued may still use it
            self._library.minpy_close(self.address)


def _address(functions: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(functions[name], ctypes.c_void_p).value  # type: ignore[return-value]


def _as_it_is_read(x: numpy.ndarray, aval: Aval) -> numpy.ndarray:
    """The array, or a copy that is laid out as programs expect it."""
    if x.shape != aval.shape:
        raise ValueError(f"a program for {aval} was given an array of the shape {x.shape}")
    return x if _is_as_read(x, aval) else numpy.array(x, aval.dtype, order="C")


def _is_as_read(x: numpy.ndarray, aval: Aval) -> bool:
    return x.shape == aval.shape and x.dtype == aval.dtype and x.flags.c_contiguous and x.flags.aligned


def _pointers(arrays: Sequence[numpy.ndarray]) -> ctypes.Array:
    return (ctypes.c_void_p * len(arrays))(*[array.__array_interface__["data"][0] for array in arrays])


# A program as words of 64 bits: the structs of library.c ----------------------------------------------------


def _words(program: Program, addresses: dict[str, int]) -> Iterator[bytes]:
    """The struct ``Program`` from its second member on."""
    avals = b"".join(
        _integers(native.TYPE_FLAGS.get(aval.dtype, _NOT_MXNETS), aval.ndim, *aval.shape)
        for aval in (*program.inputs, *program.outputs)
    )
    steps = b"".join(_step(step, addresses) for step in program.steps)
    first = len(avals) // 8
    ends = 0, first, first + len(steps) // 8
    yield _integers(len(program.inputs), len(program.outputs), program.scratch, *ends)
    yield avals
    yield steps


def _step(step: Step | Product | Condition, addresses: dict[str, int]) -> bytes:
    places = [number for place in step.arguments for number in place]
    if isinstance(step, Step):
        head = addresses[step.text], step.size, step.chunk, *step.lifts, len(step.arguments)
        content, kind = _integers(*head, *places), _NEST
    elif isinstance(step, Condition):
        content, kind = _integers(*places), _CONDITION
    else:
        is_double, shape = step.dtype.itemsize == 8, (step.m, step.n, step.k)
        transposes = step.transpose_x, step.transpose_y
        content = _integers(is_double, *shape, *transposes, *step.rows, step.batch, *step.strides)
        content += struct.pack("=2d", step.alpha, step.beta) + _integers(*places)
        kind = _PRODUCT
    return _integers(2 + len(content) // 8, kind) + content


def _integers(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}q", *numbers)
