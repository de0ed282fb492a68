from __future__ import annotations

import socket

import pytest

from minpy.errors import SettingError
from minpy.runtime import liveness


@pytest.fixture
def monitor(monkeypatch):
    """One that expects two workers, and has no thread."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name, value in {
        "DMLC_NUM_WORKER": "2",
        "DMLC_NUM_SERVER": "1",
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "MINPY_WATCH_PORT": str(port),
        "MINPY_HEARTBEAT_TIMEOUT": "5",
        "MINPY_STUCK_TIMEOUT": "60",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(liveness.threading, "Thread", lambda **_: socket.socket())
    monkeypatch.setattr(socket.socket, "start", lambda self: self.close(), raising=False)
    found = liveness.Monitor()
    yield found
    found._socket.close()
    found._selector.close()


def seen(name, **known):
    role = "server" if name.startswith("server") else "worker"
    return liveness._Seen(None, name, role, **{"heard": 100.0, **known})


@pytest.mark.parametrize(
    "processes, now, fault",
    [
        ([seen("rank 0", count=3, waits=59.0), seen("rank 1", count=2)], 101.0, ""),
        (
            [seen("rank 0", count=3, waits=61.0), seen("rank 1", count=2)],
            101.0,
            "rank 1 did not answer rank 0",
        ),
        ([seen("rank 0", count=1, waits=61.0)], 101.0, "rank 1 did not answer rank 0"),
        # the server has not come
        (
            [seen("rank 0", count=1, waits=61.0), seen("rank 1", count=1)],
            101.0,
            "server 0 did not answer rank 0",
        ),
        (
            [seen("rank 0", count=3, waits=61.0), seen("rank 1", count=3, waits=70.0), seen("server 0")],
            101.0,
            "server 0 did not answer rank 1",
        ),
        ([seen("rank 0"), seen("rank 1"), seen("server 0", heard=95.5)], 100.2, ""),
        (
            [seen("rank 0"), seen("rank 1"), seen("server 0", heard=95.0)],
            100.2,
            "server 0 has not been heard of",
        ),
        (
            [seen("rank 0", count=4, waits=0.1), seen("rank 1", count=3, is_leaving=True)],
            101.0,
            "rank 1 has come to",
        ),
        # what rank 0 told while it waited for the last time is old: rank 1 was there too
        ([seen("rank 0", count=4, waits=0.1), seen("rank 1", count=4, is_leaving=True)], 101.0, ""),
    ],
)
def test_a_fault_names_the_process(monitor, processes, now, fault):
    monitor._seen = dict(enumerate(processes))
    found = monitor._fault(now)
    assert found.startswith(fault) and bool(found) == bool(fault)


def test_what_is_none_of_the_job_does_not_end_it(monitor):
    def connected(text):
        theirs = socket.create_connection(liveness.address())
        theirs.sendall(text)
        ours, _ = monitor._socket.accept()
        monitor._seen[ours] = liveness._Seen(liveness._Lines(ours))
        monitor._selector.register(ours, liveness.selectors.EVENT_READ)
        monitor._hear(ours)
        return ours, theirs

    for text in (b"GET / HTTP/1.1\r\n", b'{"count": "many"}\n', b'{"x": 1}\n', b"[1]\n", b"a" * (1 << 16)):
        ours, theirs = connected(text)
        assert ours.fileno() == -1 and not monitor._seen, text
        theirs.close()
    ours, theirs = connected(b'{"count": 3')  # and then is silent
    monitor._seen[ours].heard = 100.0
    assert not monitor._fault(200.0) and not monitor._seen
    theirs.close()


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan"])
def test_a_time_limit_is_a_positive_number(monkeypatch, text):
    monkeypatch.setenv("MINPY_HEARTBEAT_TIMEOUT", text)
    with pytest.raises(SettingError, match="MINPY_HEARTBEAT_TIMEOUT is a positive number of seconds"):
        liveness.Limits.of_environment()
