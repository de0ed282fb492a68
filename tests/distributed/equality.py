"""Several workers beside one with the whole batch: their results, and the bytes that they send.

``python -m tests.soak workers --count 200`` has 2 and 4 workers in both precisions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

from tests.distributed import worker

ROOT = Path(__file__).parents[2]
STEPS = 3  # in an epoch
#: how far losses may be apart, relative to them
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}


def launched(
    folder: Path, *arguments: object, workers: int = 2, **settings: str
) -> subprocess.CompletedProcess:
    """A program on several workers, at its end."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MINPY_CACHE_DIR": str(folder / "cache"),
        **settings,
    }
    command = [sys.executable, "-m", "minpy", "launch", "-n", str(workers), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def compare(folder: Path, workers: int, dtype: str, epochs: int) -> tuple[float, numpy.ndarray]:
    """Train, and hold all workers against one that trains here alone.

    Returns:
        How far a loss is apart, relative to it; and the bytes sent and received in each step, those of
        all workers one after the other.
    """
    found = launched(folder, "tests/distributed/worker.py", folder, dtype, epochs, workers=workers)
    assert found.returncode == 0, found.stdout + found.stderr
    wanted = worker.results(worker.train(dtype, None, epochs))
    assert len(wanted["losses"]) == STEPS * epochs
    apart, traffic = 0.0, []
    for rank in range(workers):
        got = numpy.load(folder / f"{rank}.npz")
        assert set(got) == set(wanted)
        apart = max(apart, float((abs(got["losses"] - wanted["losses"]) / wanted["losses"]).max()))
        for name, x in wanted.items():
            assert got[name].dtype == x.dtype
            if dtype == "float64":
                numpy.testing.assert_allclose(got[name], x, rtol=1e-10, atol=1e-12, err_msg=name)
        steps = numpy.diff(numpy.load(folder / f"{rank}.npy"), axis=0)
        traffic.append(steps[numpy.arange(len(steps)) % STEPS != STEPS - 1])  # between two are evaluations
    assert apart <= TOLERANCES[dtype], apart
    # Gradients of 20 * 32 + 32 + 32 * 3 + 3 parameters with 4 numbers, and an auxiliary one of 20, go and
    # come in two messages, whose headers have 50 bytes.
    wanted_bytes = (771 + 4 + 20) * numpy.dtype(dtype).itemsize + 2 * 50
    medians = numpy.array([numpy.median(steps, axis=0) for steps in traffic])
    assert (abs(medians - wanted_bytes) <= 10).all(), (medians, wanted_bytes)
    return apart, medians


def run(count: int) -> tuple[str, list[str]]:
    """2 and 4 workers, in both precisions, over ``count`` steps."""
    told = []
    for dtype in TOLERANCES:
        for workers in (2, 4):
            with tempfile.TemporaryDirectory() as folder:
                apart, traffic = compare(Path(folder), workers, dtype, -(-count // STEPS))
            told.append(f"{workers} workers in {dtype}: losses {apart:.1e} apart, bytes {traffic.tolist()}")
            print("   ", told[-1], flush=True)
    return f"{count} steps; {'; '.join(told)}", []
