"""Ends or stops processes of jobs at random moments; ``python -m tests.soak kills`` and ``stalls``.

Each job trains on two workers, and starts again from its last checkpoint when a worker, the server or the
scheduler was hit. It has to end on every rank with an error that names the process, to come to the result of
a run that nobody disturbed, bit by bit, and to leave no process.
"""

from __future__ import annotations

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
from minpy.runtime import liveness

ROOT = Path(__file__).parents[2]
EPOCHS, PACE = 60, 0.08
#: how often in one job
IN_A_JOB = 5
#: seconds without a sign after which a process counts as stopped, in these jobs
SILENCE, STUCK = 10.0, 40.0
#: seconds that a busy machine may add to what docs/distributed.md says
SLACK = 15.0


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
    """A job with its restarts, in which ``hits`` processes may get a signal."""

    def __init__(
        self, folder: Path, chance: random.Random, hits: int, number: signal.Signals, longest: float
    ):
        self.folder, self.chance, self.left, self.number = folder, chance, hits, number
        self.longest = longest
        self.limit = launch.GRACE + SLACK  # seconds from a signal to the end of all processes
        if number == signal.SIGSTOP:  # of a process that has not come yet the others tell when they wait
            self.limit += max(SILENCE, longest + STUCK)
        self.mark = f"MINPY_TEST_MARK={uuid.uuid4()}"
        self.read = 0  # of what the processes wrote to stderr
        self.hits: list[tuple[str, float, float]] = []  # which process, after how long, when
        self.num_checked = self.num_told = 0
        self.wrong: list[str] = []

    def start(self) -> launch.Launcher:
        self.check_end()
        mark = dict([self.mark.split("=")])
        command = [sys.executable, str(ROOT / "tests/distributed/worker.py"), str(self.folder)]
        command += ["float64", str(EPOCHS), str(PACE)]
        settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **mark}
        if self.number == signal.SIGSTOP:
            settings.update(MINPY_HEARTBEAT_TIMEOUT=str(SILENCE), MINPY_STUCK_TIMEOUT=str(STUCK))
        hosts = [launch.Host("localhost", "127.0.0.1")]
        self.job = launch.Launcher(hosts, 2, 1, command, settings)
        if self.left > 0:
            threading.Thread(target=self.hit, args=(self.job,), daemon=True).start()
        return self.job

    def hit(self, job: launch.Launcher) -> None:
        victim, after = self.chance.choice(job.members), self.chance.uniform(0, self.longest)
        time.sleep(after)
        pid = program_of(victim)
        if pid is not None and victim.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.number)
                self.left -= 1
                self.hits.append((launch.named(victim), after, time.monotonic()))

    def check_end(self) -> None:
        """What has to hold after each signal."""
        if len(self.hits) > self.num_checked:
            self.num_checked += 1
            name, after, at = self.hits[-1]
            took = time.monotonic() - at
            text = sys.stderr.getvalue()[self.read :]
            self.read += len(text)
            errors = [line for line in text.splitlines() if f"] {liveness.ERROR}{name} " in line]
            labels = {line[1 : line.index("]")] for line in errors}
            failed = [member for member in self.job.members if member.process.returncode]
            others = {member.label for member in failed if launch.named(member) != name}
            by_all = not any("has ended with status" in line for line in errors)
            self.num_told += by_all
            print(
                f"    {name}, after {after:4.1f} s: ended in {took:4.1f} s,",
                "told by the scheduler" if by_all else "told by the launcher",
                flush=True,
            )
            if took > self.limit:
                self.wrong.append(f"{name}: it took {took:.0f} s until all had ended")
            if self.number == signal.SIGKILL and f"[launch] {name} has ended with status 137" not in text:
                self.wrong.append(f"{name}: the launcher did not tell: {text}")
            if not others <= labels:
                self.wrong.append(f"{name}: {others - labels} did not tell why they ended: {text}")
        if left := processes(self.mark):
            self.wrong.append(f"processes are left: {left}")

    def run(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            if launch.run(self.start, restarts=1000):
                self.wrong.append(errors.getvalue())
            self.check_end()


def disturb(count: int, number: signal.Signals) -> tuple[str, list[str]]:
    """Send a signal to so many processes."""
    chance, done, told, wrong = random.Random(0), 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        whole.mkdir()
        begun = time.monotonic()
        Job(whole, chance, 0, number, 0.0).run()
        longest = time.monotonic() - begun
        wanted = numpy.load(whole / "0.npz")
        while done < count and not wrong:
            path = Path(folder, "disturbed")
            path.mkdir()
            job = Job(path, chance, min(IN_A_JOB, count - done), number, longest)
            job.run()
            done, told, wrong = done + len(job.hits), told + job.num_told, job.wrong
            for rank in range(2):
                found = numpy.load(path / f"{rank}.npz")
                for name, x in wanted.items():
                    if found[name].tobytes() != x.tobytes():
                        wrong.append(f"{name} of rank {rank} is not that of the run that nobody disturbed")
            print(f"  {done} of {count} in jobs of {longest:.0f} s", flush=True)
            shutil.rmtree(path)
    return f"{done} processes got {number.name}, of which the others told {told} by themselves", wrong


def kills(count: int) -> tuple[str, list[str]]:
    """Processes are killed."""
    return disturb(count, signal.SIGKILL)


def stalls(count: int) -> tuple[str, list[str]]:
    """Processes stop."""
    return disturb(count, signal.SIGSTOP)
