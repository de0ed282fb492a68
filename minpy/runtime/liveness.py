"""Whether all processes of a job are alive, and what happens where one is not.

MXNet's processes wait for each other forever. So each worker and each server has a connection to the process
of the scheduler, over which both sides tell that they are there. One that is gone closes its connection, one
that has stopped is silent, and one that never comes to what others wait for is told by the counts of workers.
The scheduler then tells all the reason, and every process ends with it.

Messages are lines of JSON. Nothing but the scheduler's address is contacted.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn

from minpy.errors import SettingError

#: the exit status of processes that end because another one is gone (EX_TEMPFAIL)
STATUS = 75
#: what their last line begins with
ERROR = "minpy.errors.DistributedError: "
_INTERVAL = 0.5
#: seconds for the end of a job, in which processes go one after the other
_GRACE = 10.0


def seconds(name: str, default: float) -> float:
    """A setting of the environment that is a time.

    Raises:
        SettingError: it is no positive number.
    """
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0.0
    if not value > 0:
        raise SettingError(f"{name} is a positive number of seconds, not {text!r}")
    return value


@dataclass(frozen=True)
class Limits:
    """Seconds after which a process counts as stopped, and a worker that others wait for as stuck."""

    silence: float
    stuck: float

    @staticmethod
    def of_environment() -> Limits:
        """As they are set, or their defaults."""
        return Limits(seconds("MINPY_HEARTBEAT_TIMEOUT", 30.0), seconds("MINPY_STUCK_TIMEOUT", 300.0))


def address() -> tuple[str, int]:
    """Where the scheduler listens: beside its own port, unless said otherwise."""
    port = os.environ.get("MINPY_WATCH_PORT") or int(os.environ["DMLC_PS_ROOT_PORT"]) + 1
    return os.environ["DMLC_PS_ROOT_URI"], int(port)


def end(reason: str) -> NoReturn:
    """End this process, whatever it is doing."""
    try:
        sys.stdout.flush()
        print(f"{ERROR}{reason}", file=sys.stderr, flush=True)
    finally:
        os._exit(STATUS)


class _Lines:
    """A connection over which messages go."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_GRACE)
        self._rest = b""

    def send(self, message: dict[str, Any]) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages that are there, once the connection is readable; None where it is closed."""
        try:
            data = self.connection.recv(65536)
        except OSError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            messages = [dict(json.loads(line)) for line in lines]
        except (ValueError, TypeError):
            return None
        is_ours = len(self._rest) < _LONGEST and all(map(_is_known, messages))
        return messages if is_ours else None


@dataclass
class _Seen:
    """What the scheduler knows of a process.

    Attributes:
        count: how often it has waited for others, with the time that it waits now.
        waits: for how many seconds by now; None where it does not.
        is_leaving: its program is at its end.
    """

    lines: _Lines
    name: str = "a process"
    role: str = ""
    heard: float = field(default_factory=time.monotonic)
    count: int = 0
    waits: float | None = None
    is_leaving: bool = False
    failure: str = ""


#: what processes tell the scheduler of themselves
_KEPT: dict[str, Any] = {
    "name": str,
    "role": str,
    "count": int,
    "waits": (float, type(None)),
    "is_leaving": bool,
    "failure": str,
}
#: with what it tells them
_TYPES = {**_KEPT, "is_ending": bool, "ends": str}
#: bytes of a message
_LONGEST = 1 << 16


def _is_known(message: dict[str, Any]) -> bool:
    return all(isinstance(value, _TYPES.get(name, ())) for name, value in message.items())


class Monitor:
    """In the process of the scheduler: hears of all others, and tells them when one is gone."""

    def __init__(self) -> None:
        self._limits = Limits.of_environment()
        self._expected = {role: int(os.environ[f"DMLC_NUM_{role.upper()}"]) for role in ("worker", "server")}
        self._seen: dict[socket.socket, _Seen] = {}
        self._all_left: float | None = None
        self._socket = socket.create_server(address())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        threading.Thread(target=self._run, name="minpy-monitor", daemon=True).start()

    def _run(self) -> None:
        told = 0.0
        while True:
            for key, _ in self._selector.select(_INTERVAL):
                if key.fileobj is self._socket:
                    connection, _ = self._socket.accept()
                    self._seen[connection] = _Seen(_Lines(connection))
                    self._selector.register(connection, selectors.EVENT_READ)
                else:
                    self._hear(key.fileobj)
            now = time.monotonic()
            if now - told >= _INTERVAL:
                self._tell({"is_ending": self._all_left is not None})
                told = now
            reason = self._fault(now)
            if reason:
                self._tell({"ends": reason})
                end(reason)

    def _hear(self, connection: Any) -> None:
        seen = self._seen[connection]
        messages = seen.lines.receive()
        if messages is None:
            self._forget(connection)
            if self._all_left is None and seen.role:
                reason = seen.failure or f"{seen.name} has ended"
                self._tell({"ends": reason})
                end(reason)
            return
        seen.heard = time.monotonic()
        for message in messages:
            for name in _KEPT.keys() & message.keys():
                setattr(seen, name, message[name])

    def _forget(self, connection: Any) -> None:
        self._selector.unregister(connection)
        connection.close()
        del self._seen[connection]

    def _tell(self, message: dict[str, Any]) -> None:
        for seen in sorted(self._seen.values(), key=lambda seen: seen.role):  # servers first
            with contextlib.suppress(OSError):  # its end is heard of next
                seen.lines.send(message)

    def _fault(self, now: float) -> str:
        """Why the job cannot go on; empty where it can."""
        workers = [seen for seen in self._seen.values() if seen.role == "worker"]
        if self._all_left is not None:
            return "the job did not come to its end" if now - self._all_left > _GRACE else ""
        if len(workers) == self._expected["worker"] and all(seen.is_leaving for seen in workers):
            self._all_left = now
            self._tell({"is_ending": True})
            return ""
        for connection, seen in list(self._seen.items()):
            if not seen.role:  # none of the job: it would have said at once who it is
                if now - seen.heard > self._limits.silence:
                    self._forget(connection)
                continue
            if seen.failure and now - seen.heard > _GRACE:  # it ends now, as its connection will tell
                return seen.failure
            if now - seen.heard > self._limits.silence:
                return f"{seen.name} has not been heard of for {self._limits.silence:g} s"
        return self._awaited(workers)

    def _awaited(self, workers: list[_Seen]) -> str:
        waiting = [seen for seen in workers if seen.waits is not None]
        if not waiting:
            return ""
        first = max(waiting, key=lambda seen: (seen.count, seen.waits))
        for seen in workers:
            if seen.is_leaving and seen.count < first.count:
                return f"{seen.name} has come to the end of its program, while {first.name} waits for it"
        assert first.waits is not None
        if first.waits <= self._limits.stuck:
            return ""
        late = [seen.name for seen in workers if seen.count < first.count]
        late += self._absent("worker", "rank")
        late = late or self._absent("server", "server")
        late = late or [seen.name for seen in self._seen.values() if seen.role == "server"]
        return f"{', '.join(late)} did not answer {first.name}, which has waited {self._limits.stuck:g} s"

    def _absent(self, role: str, word: str) -> list[str]:
        """The names of processes that have not come yet."""
        there = [seen.name for seen in self._seen.values() if seen.role == role]
        count = self._expected[role]
        return [name for i in range(count) if (name := f"{word} {i}") not in there][: count - len(there)]


class Member:
    """In a worker or a server: tells the scheduler that it is there, and ends with the job.

    Args:
        name: of the process, as errors call it.
        role: 'worker' or 'server'.
    """

    def __init__(self, name: str, role: str):
        self._limits = Limits.of_environment()
        self._introduction = {"name": name, "role": role}
        self._count = 0
        self._since: float | None = None
        self._is_leaving = False
        self._is_ending = threading.Event()
        self._is_failing = False
        self._lock = threading.Lock()
        self._lines: _Lines | None = None
        threading.Thread(target=self._run, name="minpy-member", daemon=True).start()

    def wait(self) -> None:
        """From now on this worker waits for others."""
        self._count += 1
        self._since = time.monotonic()

    def go_on(self) -> None:
        """What it waited for has come."""
        self._since = None

    def leave(self) -> bool:
        """The program of this worker is at its end: wait until those of all others are, which is True.

        Where others wait for this one it is False, and this process ends with the status of its program.
        """
        self._is_leaving = True
        self._send(self._state())
        self._is_ending.wait()
        return not self._is_failing

    def rename(self, name: str) -> None:
        """Tell how errors call this process from now on."""
        self._introduction["name"] = name
        self._send(self._introduction)

    def fail(self, reason: str) -> None:
        """Tell all others why this process ends now."""
        self._is_failing = True
        self._send({"failure": reason[: _LONGEST // 8]})

    def _state(self) -> dict[str, Any]:
        since = self._since
        waits = None if since is None else time.monotonic() - since
        return {"count": self._count, "waits": waits, "is_leaving": self._is_leaving}

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            if self._lines is not None:
                with contextlib.suppress(OSError):  # the thread that reads finds out
                    self._lines.send(message)

    def _run(self) -> None:
        self._lines = lines = self._connected()
        self._send(self._introduction)
        heard = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(lines.connection, selectors.EVENT_READ)
            while not self._is_failing:
                self._send(self._state())
                if selector.select(_INTERVAL):
                    messages = lines.receive()
                    if messages is None:
                        break
                    heard = time.monotonic()
                    for message in messages:
                        if "ends" in message:
                            self._end(message["ends"])
                        if message.get("is_ending"):
                            self._is_ending.set()
                    time.sleep(_INTERVAL / 2)
                if time.monotonic() - heard > self._limits.silence:
                    end(f"the scheduler has not been heard of for {self._limits.silence:g} s")
        if self._is_ending.is_set() or self._is_failing:
            time.sleep(_GRACE)
        end("the scheduler has ended")

    def _end(self, reason: str) -> None:
        if not (self._is_leaving and reason.startswith(f"{self._introduction['name']} ")):
            end(reason)
        print(f"{ERROR}{reason}", file=sys.stderr, flush=True)
        self._is_failing = True
        self._is_ending.set()

    def _connected(self) -> _Lines:
        limit = time.monotonic() + self._limits.stuck
        while True:
            try:
                return _Lines(socket.create_connection(address(), _GRACE))
            except OSError as error:
                if time.monotonic() > limit:
                    host, port = address()
                    end(
                        f"the scheduler cannot be reached at {host}:{port} ({error}); it is started as "
                        "DMLC_ROLE=scheduler python -c 'import minpy'"
                    )
                time.sleep(_INTERVAL / 2)
