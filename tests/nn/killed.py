"""A program that is killed again and again while it saves; what it leaves is whole every time.

``python -m tests.nn.killed 200`` in the folder of the repository does so 200 times.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy

from minpy.nn import storage

#: in bytes, of which writing takes about as long as everything else
SIZE = 1 << 20


def content(version: int) -> dict:
    return {
        "version": version,
        "state": {"w": numpy.full(SIZE // 4, version, "float32")},
        "b": numpy.array(version),
    }


def write_for_ever(path: Path, version: int, done: int) -> None:
    """Save one version after the other, telling ``done`` of each."""
    while True:
        storage.save(path, content(version))
        os.write(done, b".")
        version += 1


def kill_writers(path: Path, count: int) -> int:
    """Start and kill ``count`` processes; the number that were killed before a file was renamed."""
    version = interrupted = 0
    storage.save(path, content(version))
    for _ in range(count):
        readable, writable = os.pipe()
        process = os.fork()
        if not process:
            os.close(readable)
            write_for_ever(path, version + 1, writable)
        os.close(writable)
        os.read(readable, 1)  # from then on it writes without a pause
        time.sleep(random.random() * 0.02)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        least = version + 1
        while told := os.read(readable, 1 << 16):
            least += len(told)
        os.close(readable)
        found = storage.load(path)
        version = found["version"]
        assert least <= version <= least + 1, f"found {version}, told of {least}"
        assert found["b"] == version and (found["state"]["w"] == version).all()
        interrupted += len(list(path.parent.glob("*.tmp")))
        storage.save(path, content(version))
        assert os.listdir(path.parent) == [path.name]
    return interrupted


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        times = int(sys.argv[1])
        print(
            f"{times} killed, {kill_writers(Path(folder) / 'model', times)} of them with a file half written"
        )
