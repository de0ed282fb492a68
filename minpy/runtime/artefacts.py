"""What is compiled outlives the process: files in the folder ``minpy.cache_dir()``.

An entry is found by a key, which stands for everything that it was made from. It is JSON behind a checksum
of key and content, so a file that is cut off, damaged or of another program is none. Entries are written as
a whole or not at all, by any number of processes, and the one that was not read for the longest time goes
first.

What is in an entry is run, machine code too, and a checksum does not tell who made it. So a folder is used
only if it is the user's, and nobody else can write there; and of its entries those of which that is true.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import math
import os
import platform
import stat
import sys
import time
from pathlib import Path
from typing import Any

import numpy

from minpy.errors import PerformanceWarning
from minpy.runtime import cuda
from minpy.runtime.engine import mx
from minpy.runtime.location import warn_at_user
from minpy.runtime.store import cache_folder, write_whole
from minpy.version import __version__

#: Bytes of all entries together, and of one; and how many entries, which a look takes 4 us each to count.
MOST_BYTES = 256 << 20
MOST_OF_ONE = 32 << 20
MOST_ENTRIES = 10_000

_SUFFIX = ".json"
_LOOKS_EVERY = 64  # entries written between two looks at how large the folder has become
_ABANDONED = 3600.0  # seconds after which nobody goes on writing a temporary file
_PATH_UNCHANGED: Any = object()


class Artefacts:
    """The entries in one folder."""

    def __init__(self, path: Path):
        self.path = path
        self._written = os.getpid()  # so that not every process looks at its first entry
        self._is_private: bool | None = None  # as long as there is no folder
        self._is_full = False

    def read(self, key: str) -> Any:
        """The content of an entry, or None where there is none."""
        if not self._may_be_used():
            return None
        path = self._path(key)
        try:
            with path.open(encoding="utf-8") as file:
                if not _is_private(os.fstat(file.fileno())):
                    os.unlink(path)  # or a new one would get its mode
                    return None
                checksum, text = file.read().split("\n", 1)
            if checksum != _checksum(key, text):
                return None
            content = json.loads(text)
        except (OSError, ValueError):
            return None
        with contextlib.suppress(OSError):  # a folder that is not ours
            os.utime(path)
        return content

    def write(self, key: str, content: Any) -> None:
        """Keep an entry. Where that is not possible one warning says so, and nothing is kept any more."""
        text = json.dumps(content)
        if len(text) > MOST_OF_ONE or self._is_full:
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._may_be_used():
                return
            write_whole(self._path(key), f"{_checksum(key, text)}\n{text}")
            if self._written % _LOOKS_EVERY == 0:
                self._make_room()
            self._written += 1
        except OSError as error:  # the disk is full, or the folder for reading only
            self._is_full = True
            warn_at_user(
                f"what is compiled cannot be kept in {self.path}, so each run of a program compiles again: "
                f"{error}. Name another folder by MINPY_CACHE_DIR or minpy.cache_dir; none is named by ''",
                PerformanceWarning,
            )

    def _may_be_used(self) -> bool:
        """Whether the folder is the user's alone; one warning where it is not."""
        if self._is_private is None:
            try:
                self._is_private = _is_private(os.stat(self.path))
            except OSError:
                return True  # there is none yet
            if not self._is_private:
                warn_at_user(
                    f"others could have put machine code into {self.path}, so it is not used: a folder for "
                    "what is compiled has to be your own, and writable for you alone (chmod 700). Name "
                    "another by MINPY_CACHE_DIR or minpy.cache_dir",
                    PerformanceWarning,
                )
        return self._is_private

    def extent(self) -> tuple[int, int]:
        """How many entries there are, and of how many bytes."""
        found = self._entries()
        return len(found), sum(size for _, size, _ in found)

    def _path(self, key: str) -> Path:
        return self.path / f"{key}{_SUFFIX}"

    def _make_room(self) -> None:
        """Remove the oldest entries past the limits, and what was left half written."""
        found = self._entries()
        for changed, _, path in self._entries(".tmp"):
            if changed < time.time() - _ABANDONED:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        total = sum(size for _, size, _ in found)
        for gone, (_, size, path) in enumerate(sorted(found)):
            if total <= MOST_BYTES and len(found) - gone <= MOST_ENTRIES:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size

    def _entries(self, suffix: str = _SUFFIX) -> list[tuple[float, int, str]]:
        """The time of the last use, the bytes and the path of each file."""
        found = []
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # another process has removed it
                    if entry.name.endswith(suffix):
                        status = entry.stat()
                        found.append((status.st_mtime, status.st_size, entry.path))
        return found


def _is_private(status: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):  # Windows keeps the folders of users apart itself
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _checksum(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


# The folder of the process --------------------------------------------------------------------------


def _folder(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"cache_dir takes the path of a folder, or None for none, not {path!r}")
    if not os.fspath(path):
        raise ValueError("cache_dir takes the path of a folder, which is not empty; None stands for none")
    return Path(os.path.abspath(os.path.expanduser(path)))


def _from_environment() -> Artefacts | None:
    given = os.environ.get("MINPY_CACHE_DIR")
    if given == "":
        return None
    folder = cache_folder() / "compiled" if given is None else _folder(given)
    return Artefacts(folder) if folder.is_absolute() else None  # who has no home has no folder


_current = _from_environment()


def artefacts() -> Artefacts | None:
    """The entries of the folder that is in use; None where nothing is kept."""
    return _current


def cache_dir(path: str | os.PathLike[str] | None = _PATH_UNCHANGED) -> Path | None:
    """The folder in which compiled graphs are kept, so that the next run of a program starts warm.

    ``minpy.cache_dir("folder")`` takes another one from now on, ``minpy.cache_dir(None)`` none. Without an
    argument nothing changes. At the start it is that of the environment variable ``MINPY_CACHE_DIR``, which
    may be empty for none; where that is not set, ``compiled`` in MinPy's part of the user's cache folder.

    Returns:
        The folder that is in use now; None where nothing is kept. To clear it, delete it. One that
        is not the user's own, or in which others can write, is not used; a warning says so.

    Raises:
        OSError: where the folder is not there and cannot be made.
        TypeError, ValueError: for what is no path, or an empty one.
    """
    global _current
    if path is not _PATH_UNCHANGED:
        folder = None if path is None else _folder(path)
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _current = None if folder is None else Artefacts(folder)
    return None if _current is None else _current.path


# What everything depends on -------------------------------------------------------------------------


def surroundings() -> str:
    """The versions, the machine and the settings that decide what is compiled, as a text for keys."""
    chosen = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith(("MINPY_", "MXNET_")) and name != "MINPY_CACHE_DIR"
    )
    scipy = getattr(sys.modules.get("scipy"), "__version__", None)  # some constants are computed by it
    return f"{_versions()} {scipy} {chosen}"


@functools.cache
def _versions() -> str:
    # constants are computed while compiling, by code that NumPy and oneDNN choose for the processor
    features = numpy.core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    processor = platform.machine(), sorted(name for name, is_there in features.items() if is_there)
    libraries = mx.__version__, cuda.is_gpu_build(), numpy.__version__, sys.version
    return f"{__version__} {_fingerprint()} {libraries} {processor}"


def _fingerprint() -> str:
    """MinPy's own files by size and time, since in a checkout they change without the version."""
    facts = []
    for folder, _, names in os.walk(Path(__file__).parent.parent):
        for name in names:
            if name.endswith((".py", ".so")):
                status = os.stat(os.path.join(folder, name))
                facts.append((name, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()


# Arrays in JSON -------------------------------------------------------------------------------------


def unrepeated(array: numpy.ndarray) -> numpy.ndarray:
    """What of an array is in memory: one element of each axis along which it is broadcast."""
    return array[(*(slice(None if stride else 1) for stride in array.strides), ...)]


def is_uniform(array: numpy.ndarray) -> bool:
    """Whether all elements are the same, bit by bit."""
    array = unrepeated(array)
    unit = math.gcd(array.itemsize, 8)
    elements = numpy.ascontiguousarray(array).reshape(-1).view(f"u{unit}").reshape(-1, array.itemsize // unit)
    return bool((elements == elements[:1]).all())


def packed_array(array: numpy.ndarray) -> dict[str, Any]:
    """An array of numbers as JSON; of a uniform one it has one element."""
    data = array.tobytes()[: array.itemsize] if is_uniform(array) else array.tobytes()
    return {"dtype": array.dtype.str, "shape": array.shape, "data": base64.b64encode(data).decode()}


def unpacked_array(packed: dict[str, Any]) -> numpy.ndarray:
    """The array again; it can be written."""
    dtype, shape = numpy.dtype(packed["dtype"]), tuple(packed["shape"])
    data = bytearray(base64.b64decode(packed["data"]))
    if len(data) == dtype.itemsize:
        data *= math.prod(shape)
    return numpy.frombuffer(data, dtype).reshape(shape)
