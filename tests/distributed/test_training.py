from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy
import pytest

from minpy import cpu
from tests.distributed import worker
from tests.distributed.kills import processes

ROOT = Path(__file__).parents[2]


def launch(tmp_path, *arguments, workers=2, **settings):
    """Run a program on several workers."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MINPY_CACHE_DIR": str(tmp_path / "cache"),
        **settings,
    }
    command = [sys.executable, "-m", "minpy", "launch", "-n", str(workers), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_two_workers_train_as_one_does(tmp_path):
    found = launch(tmp_path, "tests/distributed/worker.py", tmp_path, "float64", 60)
    assert found.returncode == 0, found.stdout + found.stderr
    wanted = worker.results(worker.train("float64", None, 60))
    assert len(wanted["losses"]) == 180
    for rank in range(2):
        got = numpy.load(tmp_path / f"{rank}.npz")
        assert set(got) == set(wanted)
        for name, x in wanted.items():
            assert got[name].dtype == x.dtype
            numpy.testing.assert_allclose(got[name], x, rtol=1e-10, atol=1e-12, err_msg=name)
        # Gradients of 20 * 32 + 32 + 32 * 3 + 3 parameters with 4 numbers, and an auxiliary one of 20, go and
        # come in two messages, whose headers have 50 bytes.
        steps = numpy.diff(numpy.load(tmp_path / f"{rank}.npy"), axis=0)
        wanted_bytes = (771 + 4 + 20) * 8 + 2 * 50
        within_an_epoch = numpy.arange(len(steps)) % 3 != 2
        assert (abs(numpy.median(steps[within_an_epoch], axis=0) - wanted_bytes) <= 10).all()


def test_a_job_whose_worker_is_killed_starts_again_and_goes_on_with_any_number_of_workers(tmp_path):
    mark = str(uuid.uuid4())
    program = ["tests/distributed/worker.py", tmp_path, "float64", 4, 0.001, 7]
    found = launch(tmp_path, "--restarts", 1, *program, MINPY_TEST_MARK=mark)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "[0] minpy.errors.DistributedError: rank 1 has ended" in found.stderr
    assert "[launch] rank 1 ended with status 137 (SIGKILL)" in found.stderr
    assert not processes(mark)
    alone = worker.train("float64", "dist_sync", 8, checkpoint=tmp_path / "run.safetensors")
    assert alone.epoch == 8
    wanted = worker.results(worker.train("float64", None, 8))
    for name, x in worker.results(alone).items():
        numpy.testing.assert_allclose(x, wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kvstore", ["device", "local"])
def test_two_devices_of_a_process_train_as_one_does(kvstore):
    wanted = worker.results(worker.train("float64", None, 4))
    for name, x in worker.results(worker.train("float64", kvstore, 4, contexts=[cpu(0), cpu(1)])).items():
        numpy.testing.assert_allclose(x, wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)
