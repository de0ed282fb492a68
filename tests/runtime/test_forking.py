"""Processes of ``multiprocessing`` after the import, by each start method: none hangs, all are right."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

from minpy.runtime import forking

PROGRAM = """
import multiprocessing, os, sys
import numpy, minpy, minpy.numpy as np
import minpy.nn.functional as F
from minpy.runtime import native

@minpy.jit
def kernels(x):
    return np.sum(np.exp(-x * x) + np.sin(x))

@minpy.jit
def products(x):
    return np.sum(np.tanh(np.dot(x, x)))

@minpy.jit
def convolution(x):
    return np.sum(np.maximum(F.conv2d(x, numpy.ones((4, 3, 3, 3), "float32")), 0))

def compiled_in_the_child(x):
    return np.sum(np.cos(x) * np.dot(x, x))

X, IMAGES = numpy.linspace(-1, 1, 300 * 300).reshape(300, 300), numpy.ones((2, 3, 32, 32), "float32")

def work(_):
    gradients = [minpy.grad(f)(X).asnumpy() for f in (kernels, products)]
    numpy.testing.assert_allclose(gradients[0], numpy.cos(X) - 2 * X * numpy.exp(-X * X), rtol=1e-9)
    g = 1 - numpy.tanh(X @ X) ** 2
    numpy.testing.assert_allclose(gradients[1], g @ X.T + X.T @ g, rtol=1e-9, atol=1e-9)
    a = np.array(X)
    numpy.testing.assert_allclose(np.dot(a, a).asnumpy(), X @ X, rtol=1e-9, atol=1e-9)
    new = minpy.jit(compiled_in_the_child)(X)
    numpy.testing.assert_allclose(float(new), (numpy.cos(X) * (X @ X)).sum(), rtol=1e-9)
    assert convolution(IMAGES) == 2 * 4 * 30 * 30 * 27
    return native.openmp_threads()

if __name__ == "__main__":
    print(work(0))
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(*pool.map_async(work, range(1)).get(timeout=100))
    print(work(0))
"""


def run(program, *arguments, **environment):
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", program, *arguments]
    variables = {**os.environ, "OMP_NUM_THREADS": "3", "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=150)


@pytest.mark.parametrize(
    ("method", "engine"),
    [("fork", "NaiveEngine"), ("fork", "ThreadedEnginePerDevice"), ("spawn", "NaiveEngine")],
)
def test_workers_compute_with_all_threads(method, engine, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    cache = str(tmp_path / "cache")  # which they share
    done = run(program, method, MXNET_ENGINE_TYPE=engine, MINPY_CACHE_DIR=cache)
    assert (done.returncode, done.stdout) == (0, "3\n3\n3\n"), done.stderr


def test_a_fork_waits_until_other_threads_have_compiled(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import multiprocessing, threading
import numpy, minpy, minpy.numpy as np

@minpy.jit
def long(x, n):
    for _ in range(n):
        x = np.tanh(x * 1.5) + 0.25
    return np.sum(x)

def work(n):
    return float(long(numpy.ones(3), n))

if __name__ == "__main__":
    for n in range(100, 103):
        begun = threading.Event()
        thread = threading.Thread(target=lambda: (begun.set(), work(n)))
        thread.start()
        begun.wait()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            child = pool.map_async(work, [n, n + 1]).get(timeout=60)
        thread.join()
        assert child == [work(n), work(n + 1)]
    print("good")
""")
    done = run(program)
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr


def test_where_openmp_cannot_end_its_threads_a_forked_process_says_what_to_do(monkeypatch):
    in_child = []
    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: in_child.append(hooks.get("after_in_child")))
    forking.prepare(types.SimpleNamespace(omp_get_max_threads=lambda: 2))
    with pytest.warns(RuntimeWarning, match="spawn.*OMP_NUM_THREADS=1"):
        in_child[0]()
    in_child.clear()
    forking.prepare(types.SimpleNamespace(omp_get_max_threads=lambda: 1))
    in_child[0]()  # no warning: warnings are errors here
