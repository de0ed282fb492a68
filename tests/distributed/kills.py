"""Kills processes of jobs at random moments: ``python -m tests.distributed.kills --times 50``.

Each job trains on two workers, and starts again from its last checkpoint when a worker, the server or the
scheduler was killed. It has to end with an error that names the process, to come to the result of a run that
nobody disturbed, bit by bit, and to leave no process. What does not hold ends the program.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy

from minpy.distributed import launch

ROOT = Path(__file__).parents[2]
EPOCHS, PACE = 12, 0.08
#: seconds from a kill to the end of all processes
LIMIT = 20.0


def program_of(member: launch.Member) -> int | None:
    """The process that the launcher's child runs; None before it is there."""
    pid = member.process.pid
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None


def processes(mark: str) -> list[int]:
    """All processes whose environment has this text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


class Job:
    """A job with its restarts, in which ``kills`` processes may be killed."""

    def __init__(self, folder: Path, chance: random.Random, kills: int, number: int):
        self.folder, self.chance, self.left, self.number = folder, chance, kills, number
        self.mark = f"MINPY_TEST_MARK={uuid.uuid4()}"
        self.read = 0  # of what the processes wrote to stderr
        self.killed: list[tuple[str, float, float]] = []  # which process, after how long, when

    def start(self) -> launch.Launcher:
        self.check_end()
        mark = dict([self.mark.split("=")])
        command = [sys.executable, str(ROOT / "tests/distributed/worker.py"), str(self.folder)]
        command += ["float64", str(EPOCHS), str(PACE)]
        settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **mark}
        hosts = [launch.Host("localhost", "127.0.0.1")]
        job = launch.Launcher(hosts, 2, 1, command, settings)
        if self.left > 0:
            threading.Thread(target=self.kill, args=(job,), daemon=True).start()
        return job

    def kill(self, job: launch.Launcher) -> None:
        victim, after = self.chance.choice(job.members), self.chance.uniform(0, self.longest)
        time.sleep(after)
        pid = program_of(victim)
        if pid is not None and victim.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.left -= 1
                self.killed.append((launch.named(victim), after, time.monotonic()))

    longest = 12.0

    def check_end(self) -> None:
        """What has to hold after each kill."""
        if self.killed:
            took = time.monotonic() - self.killed[-1][2]
            assert took < LIMIT, f"it took {took:.0f} s until all had ended"
            name, after, _ = self.killed[-1]
            text = sys.stderr.getvalue()[self.read :]
            self.read += len(text)
            assert f"{name} ended with status 137 (SIGKILL)" in text, text
            told = f"DistributedError: {name} has ended" in text
            print(
                f"{self.number + len(self.killed):3} {name}, after {after:4.1f} s: ended in {took:4.1f} s",
                end="",
            )
            print(", told by all" if told else ", told by the launcher", flush=True)
        assert not (left := processes(self.mark)), f"processes are left: {left}"

    def run(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            status = launch.run(self.start, restarts=1000)
            assert status == 0, errors.getvalue()
        assert not (left := processes(self.mark)), f"processes are left: {left}"


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.distributed.kills")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--each", type=int, default=5, help="how often in one job")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, killed = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        whole.mkdir()
        begun = time.monotonic()
        Job(whole, chance, 0, 0).run()
        Job.longest = time.monotonic() - begun
        print(f"a run that nobody disturbs takes {Job.longest:.0f} s", flush=True)
        wanted = numpy.load(whole / "0.npz")
        while killed < options.times:
            path = Path(folder, "killed")
            path.mkdir()
            job = Job(path, chance, min(options.each, options.times - killed), killed)
            job.run()
            killed += len(job.killed)
            for rank in range(2):
                found = numpy.load(path / f"{rank}.npz")
                for name, x in wanted.items():
                    assert found[name].tobytes() == x.tobytes(), f"{name} of rank {rank} is not the same"
            print(f"    {len(job.killed)} kills, and the result of the undisturbed run", flush=True)
            shutil.rmtree(path)
    print(f"{killed} kills: every job ended by itself, named what was gone and came to the same result")


if __name__ == "__main__":
    main()
