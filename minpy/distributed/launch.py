"""``python -m minpy launch -n 2 train.py``: starts the processes of a job, here or by ssh, and ends them.

It does what ``dmlc_tracker`` of MXNet's wheel is for, which fails on every Python from 3.9 on (it calls
``Thread.isAlive``) and leaves processes behind. Each process is started by ``child.py``, which ends it when
the launcher is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import queue
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minpy.distributed.child import adopt_orphans, kill_children
from minpy.runtime import liveness, roles

_CHILD = Path(__file__).with_name("child.py").read_text()
_ENGINE = b": MXNet start using engine: "  # which servers write, whatever is set
_LOOPBACK = "127.0.0.1"
#: seconds that the others have to say why they end, once one has failed
GRACE = 5.0
#: what the processes on other machines get of the environment
_PASSED_ON = ("MINPY_", "MXNET_", "OMP_", "OPENBLAS_", "PS_", "PYTHON")


@dataclass
class Host:
    """A machine: the name by which ssh reaches it, and the address at which the others do."""

    name: str
    address: str

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, by loopback."""
        return ipaddress.ip_address(self.address).is_loopback


@dataclass
class Member:
    """A process of the job; ``label`` stands before its lines."""

    label: str
    process: subprocess.Popen
    readers: list[threading.Thread] = field(default_factory=list)

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(bytes([number]))
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill the program and what it has started."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()


class Launcher:
    """One job, started once.

    Args:
        hosts: machines; the first has the scheduler, and workers and servers are dealt out in turn.
        num_workers, num_servers: how many there are.
        command: the program and its arguments.
        settings: variables of the environment of all processes.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        num_workers: int,
        num_servers: int,
        command: Sequence[str],
        settings: dict[str, str],
    ):
        self._hosts, self._command = hosts, list(command)
        self._ended: queue.Queue[Member] = queue.Queue()
        self._print = threading.Lock()
        self._reason = ""  # why the job has failed
        root = hosts[0]
        ports = _free_ports(root, 2)
        self._settings = {
            "DMLC_PS_ROOT_URI": root.address,
            "DMLC_PS_ROOT_PORT": str(ports[0]),
            "MINPY_WATCH_PORT": str(ports[1]),
            "DMLC_NUM_WORKER": str(num_workers),
            "DMLC_NUM_SERVER": str(num_servers),
            **settings,
        }
        serve = [sys.executable, "-c", "import minpy"]
        self.members = [self._start("scheduler", 0, "scheduler", serve)]
        for i in range(num_servers):
            self.members.append(self._start("server", i, f"server {i}", serve))
        self.workers = [self._start("worker", i, str(i), self._command) for i in range(num_workers)]
        self.members += self.workers
        for member in self.members:
            threading.Thread(target=self._wait_for, args=(member,), daemon=True).start()

    def _start(self, role: str, index: int, label: str, command: Sequence[str]) -> Member:
        host = self._hosts[index % len(self._hosts)]
        settings = {**self._settings, "DMLC_ROLE": role, "DMLC_NODE_HOST": host.address}
        settings["MINPY_RANK"] = str(index)
        if role != "worker":
            settings.update(roles.environment())
        run = ["-I", "-c", _CHILD, *command]
        if host.is_here:
            full, environment = [sys.executable, *run], {**os.environ, **settings}
        else:
            passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
            words = ["env", *[f"{name}={value}" for name, value in {**passed, **settings}.items()]]
            there = f"cd {shlex.quote(os.getcwd())} && exec {shlex.join([*words, sys.executable, *run])}"
            full, environment = ["ssh", "-o", "BatchMode=yes", host.name, there], dict(os.environ)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            full, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        member = Member(label, process)
        for source, target in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            reader = threading.Thread(target=self._forward, args=(label, source, target), daemon=True)
            reader.start()
            member.readers.append(reader)
        return member

    def _forward(self, label: str, source: Any, target: Any) -> None:
        with source:
            for line in source:
                if _ENGINE in line:
                    continue
                text = line.decode(errors="replace").rstrip()
                if text.startswith(liveness.ERROR):
                    self._reason = self._reason or text.removeprefix(liveness.ERROR)
                self.say(text, label, target)

    def _wait_for(self, member: Member) -> None:
        member.process.wait()
        self._ended.put(member)

    def run(self) -> int:
        """Wait for the end of the job, and leave no process. Gives the status of the first that failed."""
        status, left, deadline, is_interrupted = 0, list(self.members), None, False
        try:
            while left and not (deadline is not None and time.monotonic() > deadline):
                try:
                    member = self._ended.get(timeout=0.2)
                except queue.Empty:
                    continue
                except KeyboardInterrupt:
                    if is_interrupted:
                        break
                    is_interrupted = True
                    for worker in self.workers:
                        worker.signal(signal.SIGINT)
                    continue
                left.remove(member)
                code = member.process.returncode
                code = code if code >= 0 else 128 - code
                if code and status in (0, liveness.STATUS):  # which only tells that another one has failed
                    status = code
                    if code != liveness.STATUS:
                        self._reason = f"{named(member)} has ended with {_described(code)}"
                        self.say(self._reason)
                if status or not any(worker in left for worker in self.workers):
                    deadline = deadline or time.monotonic() + GRACE
            for member in left if status else ():  # that have not heard of it, as before they have joined
                self.say(f"{liveness.ERROR}{self._reason}", member.label)
        finally:
            self.end()
        return status

    def end(self) -> None:
        """Kill what is left, and wait until it is gone and its output is read."""
        for member in self.members:
            member.end()
        for member in self.members:
            try:
                member.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(member.process.pid, signal.SIGKILL)
                member.process.wait()
            for reader in member.readers:
                reader.join(1.0)

    def say(self, text: str, label: str = "launch", target: Any = None) -> None:
        """Print a line, to stderr unless said otherwise, with who says it in front."""
        with self._print:
            print(f"[{label}] {text}", file=target or sys.stderr, flush=True)


def named(member: Member) -> str:
    """How errors call a process."""
    if member.label.isdigit():
        return f"rank {member.label}"
    return "the scheduler" if member.label == "scheduler" else member.label


def _described(code: int) -> str:
    try:
        return f"status {code} ({signal.Signals(code - 128).name})" if code > 128 else f"status {code}"
    except ValueError:
        return f"status {code}"


def _free_ports(host: Host, count: int) -> list[int]:
    """Ports that are free; on another machine, where that is not known, some that connections do not use."""
    if not host.is_here:
        return random.sample(range(20000, 32000), count)
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind((host.address, 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def _hosts(text: str | None) -> list[Host]:
    """The machines of ``-H``: names with commas between them, or a file with one in a line."""
    if text is None:
        return [Host("localhost", _LOOPBACK)]
    path = Path(text)
    lines = path.read_text().splitlines() if path.is_file() else text.split(",")
    names = [name for line in lines if (name := line.split("#")[0].strip())]
    if not names:
        raise SystemExit(f"minpy launch: -H {text} names no machine")
    try:
        hosts = [Host(name, socket.gethostbyname(name.rpartition("@")[2])) for name in names]
    except OSError as error:
        raise SystemExit(f"minpy launch: -H {text}: {error}") from None
    here = [host for host in hosts if host.is_here]
    if here and len(here) < len(hosts):
        raise SystemExit(
            f"minpy launch: -H {text}: {here[0].name} is {here[0].address} here, where other machines do not "
            "reach it; give the address that it has in their network"
        )
    return hosts


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_command(commands: Any) -> None:
    """Add ``launch`` to the commands of ``python -m minpy``."""
    about = "Run a program on several workers, which train together: Solver(kvstore='dist_sync')."
    launch = commands.add_parser("launch", help="run a program on several workers", description=about)
    launch.add_argument("-n", "--workers", type=_positive, required=True, help="how many workers")
    launch.add_argument("-s", "--servers", type=_positive, default=1, help="how many servers; default: 1")
    launch.add_argument(
        "-H",
        "--hosts",
        help="machines that ssh reaches: a,b,c, or a file with one in a line; default: this one",
    )
    launch.add_argument(
        "--restarts", type=int, default=0, help="how often to start again after a failure; default: never"
    )
    launch.add_argument("program", help="a Python file, or the name of a module")
    launch.add_argument("arguments", nargs=argparse.REMAINDER, help="of the program")
    launch.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    hosts = _hosts(options.hosts)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    settings = {}
    if "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] == str(_cores()):
        settings["OMP_NUM_THREADS"] = str(max(1, _cores() * len(hosts) // options.workers))
    program = [options.program] if os.path.isfile(options.program) else ["-m", options.program]
    command = [sys.executable, *program, *options.arguments]
    return run(lambda: Launcher(hosts, options.workers, options.servers, command, settings), options.restarts)


def run(start: Callable[[], Launcher], restarts: int = 0) -> int:
    """Run a job, and again where it fails, up to ``restarts`` times. Leaves no process behind."""
    adopt_orphans()
    while True:
        try:
            job = start()
            status = job.run()
        finally:
            kill_children()
        if not status or status == 128 + signal.SIGINT or not restarts:
            return status
        restarts -= 1
        job.say(f"starting again; {restarts} more")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
