"""The CUDA libraries of MXNet's GPU build, taken from the NVIDIA wheels instead of the system.

MXNet's GPU wheel links to CUDA 11 but does not carry it. The extra ``cu112`` installs CUDA 11 as
wheels, in folders that the system's loader does not search. A library that is in the process already
satisfies a later request by name, so loading these ahead of MXNet is all it takes.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import importlib.util
import os
import sys

#: What libmxnet.so of ``mxnet-cu112`` 1.9.1 is linked to, as (folder below ``nvidia/``, file name), each
#: library after those it needs itself. Files are named one by one because a folder also holds libraries
#: that must stay out: libnvblas puts itself in the place of the BLAS that NumPy and SciPy call.
#: Left out on purpose: libcuda.so.1, which comes with the driver, and the parts of cuDNN and NVRTC, which
#: those two open by themselves from their own folders.
_LIBRARIES = (
    ("cuda_runtime", "libcudart.so.11.0"),
    ("cublas", "libcublasLt.so.11"),
    ("cublas", "libcublas.so.11"),
    ("cuda_nvrtc", "libnvrtc.so.11.2"),
    ("cufft", "libcufft.so.10"),
    ("curand", "libcurand.so.10"),
    ("cusolver", "libcusolver.so.11"),
    ("cudnn", "libcudnn.so.8"),
    ("nccl", "libnccl.so.2"),
    ("nvtx", "libnvToolsExt.so.1"),
)


def is_gpu_build() -> bool:
    """Whether the MXNet that ``import mxnet`` would load is a CUDA build, told without loading it.

    The metadata beside the package says so: the GPU wheels are distributed as ``mxnet-cu<version>``.
    Reading the names of that one folder takes a fraction of a millisecond; asking for all installed
    distributions reads a file for each of them.
    """
    return bool(_metadata("mxnet_cu[0-9]*.*-info"))


def are_both_installed() -> bool:
    """Whether the wheels for the CPU and for GPUs lie in one folder, where they overwrite each other."""
    return is_gpu_build() and bool(_metadata("mxnet-[0-9]*.*-info"))


def _metadata(pattern: str) -> list[str]:
    """The folders beside the package that a pattern finds."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except (ImportError, ValueError):  # a half-made module of that name is in sys.modules
        return []
    packages = (spec.submodule_search_locations or ()) if spec is not None else ()
    beside = [glob.escape(os.path.dirname(package)) for package in packages]
    return [path for folder in beside for path in glob.glob(os.path.join(folder, pattern))]


def preload_libraries() -> None:
    """Load the CUDA libraries from the NVIDIA wheels on ``sys.path``, for a GPU build of MXNet only.

    What is missing, or does not load, is left to the system's loader, whose error names the library.
    """
    if not is_gpu_build():
        return
    for component, name in _LIBRARIES:
        path = _find(component, name)
        if path is not None:
            with contextlib.suppress(OSError):
                ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)


def _find(component: str, name: str) -> str | None:
    """The library's path in the first folder of ``sys.path`` that has it, as an import would choose."""
    for folder in filter(lambda entry: isinstance(entry, str), sys.path):
        path = os.path.join(folder, "nvidia", component, "lib", name)
        if os.path.isfile(path):
            return path
    return None
