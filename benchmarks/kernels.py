"""Kernels of machine code by themselves: ``python -m benchmarks.kernels``.

*Bandwidth*: the bytes that a kernel reads and writes, on arrays beyond caches, beside those of ``memcpy``,
shared out among as many threads, and of a kernel that copies. *Compile time*: what each kernel of the works
takes, from its loops to machine code.
"""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy

SIZE = 1 << 25  # float32: 128 MB
ROUNDS = 15
#: the works whose kernels are compiled
COMPILED = (
    "elementwise value",
    "elementwise gradient",
    "logistic",
    "attention",
    "black_scholes",
    "gmm_em",
    "nbody",
)


def bandwidth(threads: int) -> dict[str, float]:
    """GB/s of ``memcpy`` and of kernels, medians of interleaved rounds."""
    x, y = (numpy.random.RandomState(seed).rand(SIZE).astype("float32") for seed in (0, 1))
    out, total = numpy.zeros_like(x), numpy.zeros((), "float32")
    pool = ThreadPoolExecutor(threads)
    part = x.nbytes // threads

    def memcpy() -> None:
        places = range(0, threads * part, part)
        list(pool.map(lambda at: ctypes.memmove(out.ctypes.data + at, x.ctypes.data + at, part), places))

    runs: dict[str, tuple[Callable[[], Any], int]] = {
        "memcpy": (memcpy, 2 * x.nbytes),
        "copy": (_kernel(lambda x: x.copy(), [x], out), 2 * x.nbytes),
        "add": (_kernel(lambda x, y: x + y, [x, y], out), 3 * x.nbytes),
        "axpy": (_kernel(lambda x, y: 2.5 * x + y, [x, y], out), 3 * x.nbytes),
        "sum": (_kernel(lambda x: x.sum(), [x], total), x.nbytes),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, _) in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: runs[name][1] / statistics.median(times) / 1e9 for name, times in seconds.items()}


def _kernel(function: Callable, arrays: list[numpy.ndarray], out: numpy.ndarray) -> Callable[[], None]:
    """A kernel of a function of arrays, which writes to ``out``."""
    from minpy.compiler.codegen.program import program_of
    from minpy.compiler.trace import ARRAY, Trace
    from minpy.ops import Aval
    from minpy.runtime.kernels.library import Loaded

    trace = Trace()
    with trace.interpreting(), trace.in_namespace(ARRAY):
        result = function(*[trace.input(Aval(x.shape, x.dtype), ARRAY) for x in arrays])
    kernel = Loaded(program_of(trace.graph([result.atom])))
    return lambda: kernel.run(arrays, [out])


def compile_times() -> list[float]:
    """Milliseconds of processor time for each kernel of the works, written and compiled."""
    from benchmarks.cases import WORKS
    from benchmarks.peers import PEERS
    from minpy.compiler.codegen import program
    from minpy.runtime.kernels import llvm

    write, times = program.write, {}

    def timed(nest: Any) -> str:
        started = time.thread_time()
        text = write(nest)
        llvm.codes([text])
        times[text] = (time.thread_time() - started) * 1e3
        return text

    program.write = timed
    for name in COMPILED:
        task = PEERS["minpy compiled"].prepare(WORKS[name]())
        assert task is not None
        task.step()
    return list(times.values())


def measure(threads: int) -> dict[str, Any]:
    """Both, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MINPY_CACHE_DIR": ""}
    command = [sys.executable, "-m", "benchmarks.kernels", "--json", str(threads)]
    found = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(found.stdout.splitlines()[-1])


def described(found: dict[str, Any]) -> str:
    """What was measured, in words."""
    if "missing" in found:
        return f"There are none: {found['missing']}."
    rates, times = found["bandwidth"], found["compile"]
    lines = [
        f"- **{name}**: {rate:.1f} GB/s, {rate / rates['memcpy']:.0%} of memcpy"
        for name, rate in rates.items()
    ]
    lines.append(
        f"- **compile time** of {len(times)} kernels: {statistics.median(times):.0f} ms, the median; "
        f"{max(times):.0f} ms at most"
    )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    threads = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 2
    if "--json" in sys.argv:
        from minpy.runtime.kernels import state

        if state():
            print(json.dumps({"missing": state()}))
        else:
            print(json.dumps({"bandwidth": bandwidth(threads), "compile": compile_times()}))
    else:
        print(described(measure(threads)))


if __name__ == "__main__":
    main()
