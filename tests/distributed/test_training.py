from __future__ import annotations

import sys
import uuid

import numpy
import pytest

from minpy import cpu, gpu, num_gpus
from minpy.distributed import launch
from minpy.runtime import liveness
from tests.distributed import worker
from tests.distributed.equality import compare, launched
from tests.distributed.kills import processes


def test_two_workers_train_as_one_does(tmp_path):
    compare(tmp_path, 2, "float64", 60)


def test_a_job_whose_worker_is_killed_starts_again_and_goes_on_with_any_number_of_workers(tmp_path):
    mark = str(uuid.uuid4())
    program = ["tests/distributed/worker.py", tmp_path, "float64", 4, 0.001, 7]
    found = launched(tmp_path, "--restarts", 1, *program, MINPY_TEST_MARK=mark)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "[0] minpy.errors.DistributedError: rank 1 has ended" in found.stderr
    assert "[launch] rank 1 has ended with status 137 (SIGKILL)" in found.stderr
    assert not processes(mark)
    alone = worker.train("float64", "dist_sync", 8, checkpoint=tmp_path / "run.safetensors")
    assert alone.epoch == 8
    wanted = worker.results(worker.train("float64", None, 8))
    for name, x in worker.results(alone).items():
        numpy.testing.assert_allclose(x, wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)


LEAVES = """
import subprocess, sys
from minpy import distributed
if distributed.rank() == 1:
    subprocess.Popen(["setsid", "sleep", "600"])
    sys.exit(5)
distributed.barrier()
"""


def test_the_status_is_that_of_the_first_failure_which_all_name_and_nothing_is_left(tmp_path):
    program, mark = tmp_path / "leaves.py", str(uuid.uuid4())
    program.write_text(LEAVES)
    found = launched(tmp_path, program, MINPY_TEST_MARK=mark)
    assert found.returncode == 5, found.stderr
    for label in ("scheduler", "server 0", "0", "1"):
        assert f"[{label}] {liveness.ERROR}rank 1 has come to the end of its program, while" in found.stderr
    assert not processes(mark)


def test_ranks_that_have_not_joined_name_what_has_failed(monkeypatch, capsys):
    monkeypatch.setattr(launch, "GRACE", 0.3)
    program = "import os, sys, time; sys.exit(3) if os.environ['MINPY_RANK'] == '1' else time.sleep(60)"
    hosts = [launch.Host("localhost", "127.0.0.1")]
    job = launch.Launcher(hosts, 2, 1, [sys.executable, "-c", program], {})
    assert job.run() == 3
    told = capsys.readouterr().err
    for label in ("scheduler", "server 0", "0"):
        assert f"[{label}] {liveness.ERROR}rank 1 has ended with status 3" in told


def test_hosts_that_other_machines_cannot_reach_are_refused():
    with pytest.raises(
        SystemExit, match=r"localhost is 127\.0\.0\.1 here, where other machines do not reach it"
    ):
        launch._hosts("192.0.2.7,localhost")
    assert [host.address for host in launch._hosts("192.0.2.7,me@192.0.2.8")] == ["192.0.2.7", "192.0.2.8"]


on_gpus = pytest.mark.skipif(num_gpus() == 0, reason="there is no GPU")


@pytest.mark.parametrize(
    ("kvstore", "device"), [("device", cpu), ("local", cpu), pytest.param("device", gpu, marks=on_gpus)]
)
def test_two_devices_of_a_process_train_as_one_does(kvstore, device):
    contexts = [device(i) for i in range(2 if device is cpu else num_gpus())]
    wanted = worker.results(worker.train("float64", None, 4))
    for name, x in worker.results(worker.train("float64", kvstore, 4, contexts=contexts)).items():
        numpy.testing.assert_allclose(x, wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)
