"""The one place that imports MXNet, and the only one that touches the process environment.

Everything that has to be true before ``import mxnet`` is arranged here: defaults for the engine and
its threads (what the user has set is never overridden), names that MXNet 1.9.1 expects from older
versions of NumPy and Python, and the CUDA libraries of the GPU build.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import re
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy

from minpy.errors import BackendError
from minpy.runtime import cuda, forking, roles

_INSTALL_HINT = (
    "MinPy needs MXNet 1.9.1. Install it together with MinPy:\n"
    '    pip install "minpy[cpu]"     on a machine without a GPU (mxnet==1.9.1)\n'
    '    pip install "minpy[cu112]"   with an NVIDIA GPU (mxnet-cu112==1.9.1 and the CUDA 11 libraries)'
)

_BOTH_HINT = (
    "The packages mxnet and mxnet-cu112 are both installed, into one folder, where each has overwritten "
    "files of the other. Remove both and install one again:\n"
    "    pip uninstall -y mxnet mxnet-cu112\n"
    '    pip install "minpy[cpu]"     or, with an NVIDIA GPU:     pip install "minpy[cu112]"'
)
_LIBRARIES_HINT = (
    "MXNet is installed but could not be loaded: {error}\n"
    "On Debian and Ubuntu the libraries that it needs come by: apt-get install libgomp1 libquadmath0. "
    "libcuda.so.1 is part of NVIDIA's driver."
)
_OTHER_HINT = (
    "MXNet is installed but could not be imported: {error!r}. It needs a NumPy from 1.25 on and below 2 "
    "(here is {numpy}): install MinPy and MXNet in one command, which chooses the right one."
)

_NUMPY_SHAPE_FOR_PROCESS = 2  # MXSetIsNumpyShape: 1 is for this thread only, 2 for all threads


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _set_environment(has_gpu_build: bool) -> None:
    """Defaults that MXNet reads once, at import. A variable that is set already stays as it is."""
    defaults = {
        # MXNet takes half of the cores on its own, thinking of hyper-threads.
        "OMP_NUM_THREADS": str(cores()),
        # Threads that wait for work spin by default. When other programs need the cores too, each small
        # operator then takes milliseconds: a step of a small network went from 160 ms to 12 ms this way.
        "OMP_WAIT_POLICY": "PASSIVE",
        "MXNET_STORAGE_FALLBACK_LOG_VERBOSE": "0",
        "MXNET_SUBGRAPH_VERBOSE": "0",
    }
    if not has_gpu_build:
        # One call costs 10 us on the calling thread; the threaded engine takes 100 us.
        defaults["MXNET_ENGINE_TYPE"] = "NaiveEngine"
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def blas_kernels(processor: str) -> str | None:
    """Which of OpenBLAS's kernels a processor takes, from the text of ``/proc/cpuinfo``; None: let it choose.

    The release that MXNet brings knows processors by their number, up to those of 2020. On any newer it runs
    what a Pentium 4 could, at a fifth of the speed.
    """
    said = dict(re.findall(r"^(vendor_id|flags)\s*: (.*)$", processor, re.MULTILINE))
    if not {"avx2", "fma"} <= set(said.get("flags", "").split()):
        return None
    return {"GenuineIntel": "Haswell", "AuthenticAMD": "Zen"}.get(said.get("vendor_id", ""))


@contextlib.contextmanager
def _chosen_blas_kernels() -> Iterator[None]:
    """Let OpenBLAS take the right ones when it is loaded. Other libraries have releases of their own."""
    try:
        found = blas_kernels(Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    if found is None or "OPENBLAS_CORETYPE" in os.environ:
        yield
        return
    os.environ["OPENBLAS_CORETYPE"] = found
    try:
        yield
    finally:
        del os.environ["OPENBLAS_CORETYPE"]


def _restore_old_names() -> None:
    """Put back what MXNet 1.9.1 imports and NumPy and Python (>= 3.12) have no more."""
    numpy.bool = bool  # type: ignore[attr-defined]
    if importlib.util.find_spec("distutils") is None:
        package, version = types.ModuleType("distutils"), types.ModuleType("distutils.version")

        class LooseVersion:
            """Enough of distutils' class for MXNet, which compares NumPy's version by it."""

            def __init__(self, text: str):
                self.version = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())

            def __lt__(self, other: LooseVersion) -> bool:
                return self.version < other.version

            def __ge__(self, other: LooseVersion) -> bool:
                return self.version >= other.version

        version.LooseVersion = version.StrictVersion = LooseVersion  # type: ignore[attr-defined]
        package.version = version  # type: ignore[attr-defined]
        sys.modules.setdefault("distutils", package)
        sys.modules.setdefault("distutils.version", version)


@contextlib.contextmanager
def _quiet_native_stderr():
    """Drop what native code writes to stderr: MXNet announces its engine there, with no switch."""
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all, as under pythonw or a daemon
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stderr.flush() if sys.stderr is not None else None
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def _as_numpy(array, dtype=None, copy=None):
    """The method ``__array__`` of MXNet's arrays."""
    return numpy.asarray(array.asnumpy(), dtype)


def _load():
    if importlib.util.find_spec("mxnet") is None:
        raise BackendError(_INSTALL_HINT)
    if cuda.are_both_installed():
        raise BackendError(_BOTH_HINT)
    roles.begin()
    _set_environment(cuda.is_gpu_build())
    _restore_old_names()
    cuda.preload_libraries()
    try:
        quiet = (
            contextlib.nullcontext() if roles.serves() else _quiet_native_stderr()
        )  # servers tell why they fail
        with warnings.catch_warnings(), quiet, _chosen_blas_kernels():
            warnings.simplefilter("ignore")
            import mxnet

            mxnet.nd.ones(1).wait_to_read()  # starts the engine, which is when it announces itself
    except OSError as error:
        raise BackendError(_LIBRARIES_HINT.format(error=error)) from error
    except (ImportError, AttributeError) as error:
        raise BackendError(_OTHER_HINT.format(error=error, numpy=numpy.__version__)) from error
    if mxnet.__version__ != "1.9.1":
        raise BackendError(f"MXNet {mxnet.__version__} is installed. {_INSTALL_HINT}")
    if not hasattr(mxnet.nd.NDArray, "__array__"):  # NumPy would go through the elements, one operator each
        mxnet.nd.NDArray.__array__ = _as_numpy
    forking.prepare(mxnet.base._LIB)
    _set_shapes(mxnet, _NUMPY_SHAPE_FOR_PROCESS)
    return mxnet


def _set_shapes(mxnet: Any, which: int) -> None:
    mxnet.base.check_call(mxnet.base._LIB.MXSetIsNumpyShape(which, ctypes.byref(ctypes.c_int())))


mx = _load()


@contextlib.contextmanager
def own_shapes() -> Iterator[None]:
    """``with own_shapes():`` MXNet's shapes, in which 0 is unknown; NumPy's again for all threads behind it.

    ``mx.util.np_shape(False)`` would leave NumPy's behind it to this thread alone.
    """
    _set_shapes(mx, 0)
    try:
        yield
    finally:
        _set_shapes(mx, _NUMPY_SHAPE_FOR_PROCESS)


def is_synchronous() -> bool:
    """Whether every MXNet call has finished when it returns."""
    return os.environ.get("MXNET_ENGINE_TYPE") == "NaiveEngine"
