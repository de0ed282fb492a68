"""Importing MinPy: quiet, on all supported Pythons, and clear where MXNet is missing."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minpy.runtime.engine import blas_kernels, mx

OTHER = """
class nd:
    NDArray = list
    class ones:
        def __init__(self, size): ...
        def wait_to_read(self): ...
__version__ = "1.6.0"
"""


def python(code, **environment):
    env = {name: value for name, value in os.environ.items() if not name.startswith("MXNET_")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**env, **environment}, timeout=120
    )


def test_import_prints_nothing():
    done = python("import minpy.numpy as np; print(np.tanh(np.zeros(2)))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0. 0.]\n", "")


def test_settings_of_the_user_stay():
    code = "import os, minpy; print(os.environ['OMP_NUM_THREADS'], os.environ['MXNET_ENGINE_TYPE'])"
    done = python(code, OMP_NUM_THREADS="1", MXNET_ENGINE_TYPE="ThreadedEngine")
    assert done.stdout.split() == ["1", "ThreadedEngine"]


def test_a_graph_of_small_operators_runs_on_one_thread_and_leaves_the_others_for_what_comes_next(tmp_path):
    program = tmp_path / "program.py"  # what is compiled needs its source
    program.write_text("""
import numpy, minpy, minpy.numpy as np
from minpy.runtime import native
from minpy.runtime.executor import Executor
made, plan = [], Executor.__init__
Executor.__init__ = lambda self, *args: (made.append(self), plan(self, *args))[1]
small = minpy.jit(lambda x: np.sum(np.sin(x)))
large = minpy.jit(lambda x: np.sum(np.sin(x)))
joint = minpy.jit(minpy.value_and_grad(lambda x: np.sum(np.maximum(np.dot(x, x), 0))))
for f, size in (small, 3), (large, 1000), (joint, 3):
    for _ in range(3):
        f(numpy.ones((size, size)))
    print(made[-1].one_thread, native._LIB.omp_get_max_threads())
""")
    code = f"import runpy; runpy.run_path({str(program)!r})"
    for environment in {"OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "3", "MINPY_FAST": "0"}:
        done = python(code, MINPY_PASSES="-fuse", **environment)
        assert done.stdout.split() == ["True", "3", "False", "3", "True", "3"], done.stderr


def test_works_on_the_threaded_engine():
    code = """
import numpy, minpy, minpy.numpy as np
f = minpy.jit(lambda x, w: np.sum(np.tanh(np.dot(x, w))))
for n in range(1, 50):
    x = numpy.full((n, 3), 0.5)
    value = minpy.grad(f, 1)(x, numpy.ones((3, 2)))
    expected = x.T @ (1 - numpy.tanh(x @ numpy.ones((3, 2))) ** 2)
    numpy.testing.assert_allclose(value.asnumpy(), expected, rtol=1e-12)
print("good")
"""
    done = python(code, MXNET_ENGINE_TYPE="ThreadedEnginePerDevice")
    assert done.stdout.split()[-1:] == ["good"], done.stderr


def test_without_mxnet_the_error_says_what_to_install():
    code = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "mxnet" else real(name, *rest)
try:
    import minpy
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = python(code)
    assert done.stdout.startswith("BackendError")
    assert "minpy[cpu]" in done.stdout and "minpy[cu112]" in done.stdout


@pytest.mark.parametrize(
    ("package", "beside", "words"),
    [
        ("", ["mxnet-1.9.1", "mxnet_cu112-1.9.1"], ["pip uninstall -y mxnet mxnet-cu112", "minpy[cpu]"]),
        (
            "raise OSError('libgomp.so.1: no such file')",
            [],
            ["libgomp.so.1: no such file", "apt-get install"],
        ),
        ("raise AttributeError('bool8')", [], ["bool8", "NumPy from 1.25 on and below 2"]),
        ("import requests_of_old", [], ["requests_of_old", "in one command"]),
        (OTHER, ["mxnet-1.6.0"], ["MXNet 1.6.0", "minpy[cpu]", "minpy[cu112]"]),
    ],
)
def test_an_mxnet_that_cannot_be_used_is_an_error_that_says_what_to_do(package, beside, words, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet/__init__.py").write_text(package)
    for name in beside:
        (tmp_path / f"{name}.dist-info").mkdir()
    code = "try:\n    import minpy\nexcept ImportError as error:\n    print(type(error).__name__, error)"
    done = python(code, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert done.stdout.startswith("BackendError"), done.stderr
    assert all(word in done.stdout for word in words), done.stdout


def test_a_numpy_that_is_too_new_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "numpy.py").write_text("__version__ = '2.2.1'")
    code = "try:\n    import minpy\nexcept ImportError as error:\n    print(type(error).__name__, error)"
    done = python(code, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert done.stdout.startswith("BackendError NumPy 2.2.1 is installed"), done.stderr
    assert 'pip install "numpy>=1.25,<2"' in done.stdout


def test_numpy_shapes_hold_in_every_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(mx.util.is_np_shape()))
    thread.start()
    thread.join()
    assert found == [True]


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "sse2 fma avx2 amx_tile", "Haswell"),
        ("AuthenticAMD", "sse2 fma avx2", "Zen"),
        ("GenuineIntel", "sse2 avx", None),
        ("HygonGenuine", "fma avx2", None),
    ],
)
def test_blas_takes_kernels_for_what_a_processor_can_do(vendor, flags, expected):
    processor = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel\t\t: 207\nflags\t\t: {flags}\nbugs\t\t: none\n"
    assert blas_kernels(f"{processor}\n{processor}") == expected
    assert blas_kernels("Processor\t: AArch64") is None


def test_blas_runs_vectors_where_the_processor_has_them():
    if "avx2" in Path("/proc/cpuinfo").read_text():
        corename = mx.base._LIB.openblas_get_corename
        corename.restype = ctypes.c_char_p
        assert corename().decode() not in {"Prescott", "Core2", "Barcelona", "Nehalem"}
    assert "OPENBLAS_CORETYPE" not in os.environ
