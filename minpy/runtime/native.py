"""MXNet's C interface, as far as MinPy needs it: operators, cached graphs and shared memory.

MXNet's own Python front end costs 30 to 120 us for a conversion and 10 us for a call; these direct
calls cost a few. Handles are ``mxnet.nd.NDArray`` objects, so that they free themselves.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy

from minpy.runtime.engine import is_synchronous, mx

if TYPE_CHECKING:
    NDArray = Any
else:
    NDArray = mx.nd.NDArray
MXNetError = mx.base.MXNetError

_zero_gradients: Any = None
#: why MXNet is not told of backward operators that have no gradient themselves; empty where it is
why_no_zero_gradients = ""
if os.environ.get("MINPY_FAST") == "0":
    why_no_zero_gradients = "MINPY_FAST=0 is set"
elif not TYPE_CHECKING:
    try:
        from minpy.runtime import _zero_gradients
    except ImportError as error:
        why_no_zero_gradients = f"it was not built, for want of a C++ compiler, or cannot be loaded ({error})"

_LIB = mx.base._LIB
SYNCHRONOUS = is_synchronous()
if not SYNCHRONOUS:
    atexit.register(mx.nd.waitall)
_Handle = mx.base.NDArrayHandle
_HandlePointer = ctypes.POINTER(_Handle)


#: what MXNet, C++, CUDA and their libraries say where there is no memory
_NO_MEMORY = re.compile("Failed to allocate|bad_alloc|out of memory|ALLOC_FAILED")


def _check(code: int) -> None:
    """Raise MXNetError for a call that failed, or MemoryError; MXNet's own check may raise other classes."""
    if code:
        raise _explained(MXNetError(mx.base.py_str(_LIB.MXGetLastError())))


def _explained(error: Exception) -> Exception:
    """An error of MXNet's, or MemoryError where that is what it says."""
    is_memory = _NO_MEMORY.search(str(error))
    return MemoryError(f"MXNet says: {short_message(error)}") if is_memory else error


def checked(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """What a function of MXNet's Python gives. Raises MemoryError where it has no memory for that."""
    try:
        return function(*args, **kwargs)
    except MXNetError as error:
        raise _explained(error) from None


def no_memory(what: str, avals: Iterable[Any], error: Exception) -> MemoryError:
    """A MemoryError that says of what the results are, and how large."""
    sizes = [(aval, math.prod(aval.shape) * aval.dtype.itemsize) for aval in avals]
    shown = ", ".join(f"{aval} of {size:,} bytes" for aval, size in sizes)
    return MemoryError(f"{what}: no memory for {shown}, or for what it takes on the way. {error}")


def address_of(function: str) -> int | None:
    """Where a function is of MXNet's library, or of those that it is linked to."""
    return ctypes.cast(getattr(_LIB, function), ctypes.c_void_p).value


_BOOL_FLAG = 7  # MXNet's number for bool, missing in its own table

#: dtypes that an MXNet array can hold.
MXNET_DTYPES = tuple(
    numpy.dtype(name) for name in ("float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool")
)
#: MXNet's numbers for them
TYPE_FLAGS = {dtype: mx.nd.ndarray._DTYPE_NP_TO_MX.get(dtype.type, _BOOL_FLAG) for dtype in MXNET_DTYPES}


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int),
        ("device_id", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
    ]


class _DLManagedTensor(ctypes.Structure):
    pass


_DLManagedTensor._fields_ = [
    ("tensor", _DLTensor),
    ("manager", ctypes.c_void_p),
    ("deleter", ctypes.c_void_p),
]


class SharedNDArray(NDArray):
    """An MXNet array on memory that a NumPy array owns, which it keeps alive.

    The alternative, a callback that MXNet makes when it drops the memory, crashes when MXNet does so
    after the Python interpreter has ended.
    """

    __slots__ = ["owner"]

    def __del__(self) -> None:
        # Operators that were queued may still use the memory. At the end of the program none is left:
        # waiting then would hang, since MXNet's threads are gone.
        if not SYNCHRONOUS and not sys.is_finalizing():
            _LIB.MXNDArrayWaitToWrite(self.handle)
        super().__del__()


#: (type code, bits) in DLPack's terms; DLPack as MXNet knows it has no bool.
_DLPACK_TYPES = {
    dtype: ({"i": 0, "u": 1, "f": 2}[dtype.kind], dtype.itemsize * 8)
    for dtype in MXNET_DTYPES
    if dtype.kind != "b"
}


def from_numpy(array: numpy.ndarray) -> NDArray:
    """An MXNet array on ``array``'s own memory when it can be shared, else on a copy.

    Memory is shared for C-contiguous arrays of the dtypes that DLPack knows; bool is copied.
    """
    if not shares_memory(array):
        return _copied_from_numpy(array)
    managed = _DLManagedTensor()
    tensor = managed.tensor
    tensor.data = array.__array_interface__["data"][0]
    tensor.device_type = 1
    tensor.ndim = array.ndim
    tensor.code, tensor.bits = _DLPACK_TYPES[array.dtype]
    tensor.lanes = 1
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    tensor.shape = ctypes.addressof(shape)
    handle = _Handle()
    _check(_LIB.MXNDArrayFromDLPackEx(ctypes.byref(managed), True, ctypes.byref(handle)))
    result = SharedNDArray(handle)
    result.owner = array
    return result


def _copied_from_numpy(array: numpy.ndarray) -> NDArray:
    result = empty(array.shape, array.dtype)
    if array.size:
        source = numpy.ascontiguousarray(array)
        _check(
            _LIB.MXNDArraySyncCopyFromCPU(
                result.handle,
                ctypes.c_void_p(source.__array_interface__["data"][0]),
                ctypes.c_size_t(array.size),
            )
        )
    return result


def empty(shape: tuple[int, ...], dtype: numpy.dtype, device: tuple[int, int] = (1, 0)) -> NDArray:
    """An uninitialized MXNet array; ``device`` is MXNet's (type, index), (1, 0) for the CPU."""
    handle = _Handle()
    _check(
        _LIB.MXNDArrayCreateEx64(
            (ctypes.c_int64 * len(shape))(*shape),
            ctypes.c_int(len(shape)),
            ctypes.c_int(device[0]),
            ctypes.c_int(device[1]),
            ctypes.c_int(0),
            ctypes.c_int(TYPE_FLAGS[dtype]),
            ctypes.byref(handle),
        )
    )
    return NDArray(handle)


class Memory:
    """Keeps an MXNet array alive for the NumPy view on it."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: Any, interface: dict[str, Any]):
        self.owner = owner
        self.__array_interface__ = interface


def to_numpy(array: NDArray, shape: tuple[int, ...], dtype: numpy.dtype) -> numpy.ndarray:
    """A NumPy view of the memory of a CPU array. The array has to be C-contiguous, as all of MXNet's are."""
    if 0 in shape:
        return numpy.empty(shape, dtype)
    wait((array,))
    pointer = ctypes.c_void_p()
    _check(_LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    interface = {"shape": shape, "typestr": dtype.str, "data": (pointer.value, False), "version": 3}
    return numpy.asarray(Memory(array, interface))[...]  # a view, so that it can be made read-only and back


def _collect(count: int, pointer) -> list[NDArray]:
    return [NDArray(_Handle(pointer[i])) for i in range(count)]


#: Operators that have to be told that it is training. Else oneDNN brings weights into an order of its own, in
#: their memory, and pooling does not keep what its gradient needs.
IN_TRAINING = frozenset(("Convolution", "Deconvolution", "FullyConnected", "RNN", "BatchNorm", "Pooling"))


def openmp_threads() -> int:
    """How many threads an operator may run on now."""
    return _LIB.omp_get_max_threads()


def _changeable_threads() -> int:
    """How many threads MXNet's operators run on; 0 where that is not to be changed around a call."""
    count = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(count) if SYNCHRONOUS and count.isdigit() and int(count) > 1 else 0


THREADS = _changeable_threads()
SET_THREADS = address_of("MXSetNumOMPThreads")


def _run(function: Callable, *args: Any, trains: bool = False, one_thread: bool = False) -> int:
    """Let MXNet run something: what a function of its interface gives.

    Python looks for signals behind a call, and an interrupt must not come between a setting and the ``try``
    that takes it back.

    Args:
        trains: MXNet is told that it is training.
        one_thread: its operators run on one thread.
    """
    before = ctypes.c_int(0)
    at = ctypes.byref(before)
    changes_threads = one_thread and THREADS > 0
    try:
        if trains:
            _LIB.MXAutogradSetIsTraining(1, at)
        try:
            if changes_threads:
                _LIB.MXSetNumOMPThreads(1)
            return function(*args)
        finally:
            if changes_threads:
                _LIB.MXSetNumOMPThreads(THREADS)
    finally:
        if trains:
            _LIB.MXAutogradSetIsTraining(before, at)


@functools.cache
def gives_no_gradient(name: str) -> bool:
    """Whether a backward operator of MXNet may stand in a graph that does not use all of its outputs."""
    return _zero_gradients is not None and _zero_gradients.give(_LIB._name, name)


_op_handles: dict[str, ctypes.c_void_p] = {}


def _op_handle(name: str) -> ctypes.c_void_p:
    handle = _op_handles.get(name)
    if handle is None:
        handle = ctypes.c_void_p()
        _check(_LIB.NNGetOpHandle(name.encode(), ctypes.byref(handle)))
        _op_handles[name] = handle
    return handle


def invoke(name: str, inputs: Sequence[NDArray], attrs: dict[str, str]) -> list[NDArray]:
    """Run one MXNet operator now and return its visible outputs.

    Raises ``MXNetError`` with MXNet's message when the operator refuses its arguments, and MemoryError.
    """
    count = ctypes.c_int(0)
    outputs = _HandlePointer()
    storage_types = ctypes.POINTER(ctypes.c_int)()
    _check(
        _run(
            _LIB.MXImperativeInvokeEx,
            _op_handle(name),
            len(inputs),
            (_Handle * len(inputs))(*[array.handle for array in inputs]),
            ctypes.byref(count),
            ctypes.byref(outputs),
            len(attrs),
            (ctypes.c_char_p * len(attrs))(*[key.encode() for key in attrs]),
            (ctypes.c_char_p * len(attrs))(*[value.encode() for value in attrs.values()]),
            ctypes.byref(storage_types),
            trains=name in IN_TRAINING,
        )
    )
    return _collect(count.value, outputs)


@functools.cache
def keeps_nan_in_elu() -> bool:
    """Whether oneDNN's code for this processor gives nan for nan where the slope is 0: it multiplies by 0."""
    x = numpy.full((1, 16, 4, 4), numpy.nan, "float32")
    (found,) = invoke("LeakyReLU", [from_numpy(x)], {"act_type": "elu", "slope": "0.0"})
    return bool(numpy.isnan(to_numpy(found, x.shape, x.dtype)).all())


_OPERATOR = re.compile(r'"op": "([^"]*)"')


def symbol_of(symbol_json: str) -> Any:
    """The ``mxnet.sym.Symbol`` that some JSON describes."""
    return mx.sym.load_json(symbol_json)


def is_symbol(x: Any) -> bool:
    """Whether ``x`` is a symbol of MXNet's."""
    return isinstance(x, mx.sym.Symbol)


def operators_of(symbol_json: str) -> list[str]:
    """The operator of each node; to read all of the JSON takes longer."""
    return _OPERATOR.findall(symbol_json)


def count_outputs(symbol_json: str, node: str) -> int:
    """How many outputs a node of a symbol has, also those that an operator does not show."""
    names = symbol_of(symbol_json).get_internals().list_outputs()
    return sum(name.startswith(f"{node}_") for name in names)


def is_in_training(symbol_json: str) -> bool:
    """Whether a graph has an operator of ``IN_TRAINING``."""
    return any(f'"op": "{name}"' in symbol_json for name in IN_TRAINING)


def derived_graph(symbol: Any, shapes: dict[str, tuple], types: dict[str, Any]) -> str:
    """MXNet's text of the graph of a symbol and its gradient for each input, for inputs of these avals."""
    return symbol.simple_bind(mx.cpu(), grad_req="write", type_dict=types, **shapes).debug_str()


_NOTHING: Mapping[int, NDArray] = MappingProxyType({})


def _no_memory() -> NDArray:
    """An array that MXNet gives memory when it writes to it."""
    handle = _Handle()
    _check(_LIB.MXNDArrayCreateNone(ctypes.byref(handle)))
    return NDArray(handle)


class CachedGraph:
    """A symbol that MXNet has planned for execution; calling it gives fresh output arrays."""

    _FLAGS = [("static_alloc", True), ("static_shape", True)]

    def __init__(self, symbol_json: str, one_thread: bool = False):
        symbol = symbol_of(symbol_json)
        self.input_names: list[str] = symbol.list_inputs()
        self._count = len(symbol)
        self._trains = is_in_training(symbol_json)
        self._one_thread = one_thread
        self._op = mx.nd.CachedOp(symbol, self._FLAGS)

    def __call__(self, inputs: Sequence[NDArray], memory: Mapping[int, NDArray] = _NOTHING) -> list[NDArray]:
        """Run on these inputs; outputs are new arrays, but for those whose ``memory`` is given."""
        count = ctypes.c_int(0)
        outputs = _HandlePointer()
        given: list[NDArray] = []
        if memory:
            given = [memory[i] if i in memory else _no_memory() for i in range(self._count)]
            count = ctypes.c_int(self._count)
            outputs = ctypes.cast((_Handle * self._count)(*[array.handle for array in given]), _HandlePointer)
        storage_types = ctypes.POINTER(ctypes.c_int)()
        _check(
            _run(
                _LIB.MXInvokeCachedOpEx,
                self._op.handle,
                len(inputs),
                (_Handle * len(inputs))(*[array.handle for array in inputs]),
                ctypes.byref(count),
                ctypes.byref(outputs),
                ctypes.byref(storage_types),
                trains=self._trains,
                one_thread=self._one_thread,
            )
        )
        return given or _collect(count.value, outputs)


class TimedGraph(CachedGraph):
    """A symbol that MXNet runs node by node, and tells when it has run each."""

    _FLAGS: list[tuple[str, bool]] = []

    def __init__(self, symbol_json: str, one_thread: bool = False):
        super().__init__(symbol_json, one_thread)
        self._seconds: dict[str, float] = {}
        self._last = 0.0
        self._op._register_op_hook(self._has_run)

    def _has_run(self, output: bytes, operator: bytes, array: Any) -> None:
        if not SYNCHRONOUS:
            _check(_LIB.MXNDArrayWaitToRead(ctypes.cast(array, _Handle)))
        name = output.decode().rpartition("_")[0]
        self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - self._last
        self._last = perf_counter()  # without what this function takes

    def times(self, inputs: Sequence[NDArray]) -> dict[str, float]:
        """Run it once; the seconds of each node, by its name."""
        self._seconds, self._last = {}, perf_counter()
        self(inputs)
        return self._seconds


def bind(symbol: Any, arrays: dict[str, NDArray]) -> Any:
    """An MXNet executor that reads these arrays, given by the names of the symbol's variables."""
    return checked(symbol.bind, mx.cpu(), arrays, grad_req="null")


#: where the function is that runs an executor
FORWARD = address_of("MXExecutorForward")


def forward(executor: Any, one_thread: bool) -> bool:
    """Run an executor, on one thread or all; says whether it did not fail."""
    return not _run(_LIB.MXExecutorForward, executor.handle, ctypes.c_int(0), one_thread=one_thread)


def load_operators(path: str | os.PathLike[str]) -> None:
    """Let MXNet have the operators of a library."""
    _check(_LIB.MXLoadLib(str(path).encode(), ctypes.c_uint(0)))


def wait_for_all() -> None:
    """Wait for all operators that were queued."""
    if not SYNCHRONOUS:
        mx.nd.waitall()


def wait(arrays: Sequence[NDArray]) -> None:
    """Wait for the operators that compute arrays. Raises MXNetError or MemoryError where one failed."""
    for array in arrays:
        _check(_LIB.MXNDArrayWaitToRead(array.handle))


def shares_memory(array: numpy.ndarray) -> bool:
    """Whether ``from_numpy`` can use the memory of this array instead of copying it."""
    return bool(array.dtype in _DLPACK_TYPES and array.size and array.ndim and array.flags.c_contiguous)


def short_message(error: Exception) -> str:
    """The sentence of an MXNet error, without MXNet's stack."""
    lines = str(error).strip().splitlines() or ["unknown error"]
    text = next((line for line in reversed(lines) if "Error: " in line), lines[-1])
    return text.split("Error: ", 1)[-1].strip()


def is_mxnet_array(x: Any) -> bool:
    """Whether ``x`` is an array of MXNet's."""
    return isinstance(x, mx.nd.NDArray)
