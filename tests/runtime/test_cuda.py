"""The GPU build is recognized, and its libraries found, from the files of an installation alone."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

from minpy.runtime import cuda


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder of installed packages, where ``mxnet`` is looked for first."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    return tmp_path


@pytest.fixture
def loaded(monkeypatch):
    """What is loaded, in order, as (path, mode); nothing is really loaded."""
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: calls.append((path, mode)))
    return calls


def install(site, *files):
    for file in files:
        path = site / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def install_gpu_build(site):
    install(site, "mxnet/__init__.py", "mxnet_cu112-1.9.1.dist-info/METADATA")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("mxnet_cu112-1.9.1.dist-info", True),
        ("mxnet_cu102-1.9.0.dist-info", True),
        ("mxnet_cu101mkl-1.5.1-py3.9.egg-info", True),
        ("mxnet-1.9.1.dist-info", False),
        ("mxnet_custom_layers-1.0.dist-info", False),
    ],
)
def test_gpu_build_is_told_by_the_distribution(site, metadata, expected):
    install(site, "mxnet/__init__.py", f"{metadata}/METADATA")
    assert cuda.is_gpu_build() is expected
    assert "mxnet" not in sys.modules


def test_only_the_mxnet_that_would_be_imported_counts(site, tmp_path_factory, monkeypatch):
    install_gpu_build(site)
    first = tmp_path_factory.mktemp("first")
    install(first, "mxnet/__init__.py", "mxnet-1.9.1.dist-info/METADATA")
    monkeypatch.syspath_prepend(str(first))
    assert cuda.is_gpu_build() is False


def test_no_mxnet_at_all_is_no_gpu_build(site, monkeypatch, loaded):
    monkeypatch.setattr(sys, "path", [str(site)])
    assert cuda.is_gpu_build() is False
    cuda.preload_libraries()
    assert loaded == []


def test_half_made_module_is_no_gpu_build(site, monkeypatch):
    monkeypatch.setitem(sys.modules, "mxnet", type(sys)("mxnet"))  # its __spec__ is None
    assert cuda.is_gpu_build() is False


def test_folder_name_with_pattern_characters(tmp_path, monkeypatch):
    site = tmp_path / "env [gpu]*"
    install_gpu_build(site)
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    monkeypatch.syspath_prepend(str(site))
    assert cuda.is_gpu_build() is True


def test_libraries_are_loaded_for_all_after_those_they_need(site, loaded):
    install_gpu_build(site)
    names = [
        "cudnn/lib/libcudnn.so.8",
        "cusolver/lib/libcusolver.so.11",
        "cublas/lib/libcublas.so.11",
        "cublas/lib/libcublasLt.so.11",
        "cublas/lib/libnvblas.so.11",
        "cuda_runtime/lib/libcudart.so.11.0",
    ]
    install(site, *(f"nvidia/{name}" for name in names))
    cuda.preload_libraries()
    paths = [os.path.basename(path) for path, _ in loaded]
    # From the NEEDED entries of NVIDIA's libraries: cuSOLVER needs cuBLAS, and that needs cuBLASLt.
    assert paths.index("libcublasLt.so.11") < paths.index("libcublas.so.11")
    assert paths.index("libcublas.so.11") < paths.index("libcusolver.so.11")
    assert set(paths) == {os.path.basename(name) for name in names} - {"libnvblas.so.11"}
    assert {mode for _, mode in loaded} == {ctypes.RTLD_GLOBAL}


def test_every_folder_of_the_path_is_searched_and_the_first_wins(site, tmp_path_factory, monkeypatch, loaded):
    install_gpu_build(site)
    install(site, "nvidia/cudnn/lib/libcudnn.so.8")
    second = tmp_path_factory.mktemp("second")
    install(second, "nvidia/cudnn/lib/libcudnn.so.8", "nvidia/nccl/lib/libnccl.so.2")
    monkeypatch.setattr(sys, "path", [str(site), os.curdir, None, str(second), *sys.path])
    cuda.preload_libraries()
    assert [path for path, _ in loaded] == [
        str(site / "nvidia/cudnn/lib/libcudnn.so.8"),
        str(second / "nvidia/nccl/lib/libnccl.so.2"),
    ]


def test_cpu_build_loads_nothing(site, loaded):
    install(site, "mxnet/__init__.py", "mxnet-1.9.1.dist-info/METADATA")
    install(site, "nvidia/cuda_runtime/lib/libcudart.so.11.0")
    cuda.preload_libraries()
    assert loaded == []


def test_file_that_is_no_library_is_passed_over(site):
    install_gpu_build(site)
    install(site, "nvidia/cuda_runtime/lib/libcudart.so.11.0")
    with pytest.raises(OSError, match="too short"):
        ctypes.CDLL(str(site / "nvidia/cuda_runtime/lib/libcudart.so.11.0"))
    cuda.preload_libraries()
