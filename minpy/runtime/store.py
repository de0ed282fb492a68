"""JSON files that MinPy keeps for the user, by default in the user's cache folder."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from minpy.errors import PolicyError

_warned: set[Path] = set()  # the files about which the user knows


def cache_folder() -> Path:
    """The folder ``minpy`` in ``$XDG_CACHE_HOME``, which is ``~/.cache`` unless it is set."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache")) / "minpy"


@contextmanager
def replacement(path: str | os.PathLike[str], durable: bool = False) -> Iterator[str]:
    """``with replacement(path) as temporary:`` whoever reads ``path`` finds all that is written there, or the
    file as it was, even when the program ends in the middle; a link stays a link.

    Args:
        path: the file to replace, in a folder that there is.
        durable: for what takes long to make again. The same holds when the machine loses its power, and what
            earlier programs left half written is removed.

    Raises:
        OSError: where it cannot be written.
    """
    target = Path(os.path.realpath(path))
    start = f"{target.name}.{platform.node()}-"  # another machine may write into the same folder
    if durable:
        _remove_abandoned(target.parent, start)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f"{start}{os.getpid()}-", suffix=".tmp")
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else 0o644)
        if durable:
            _flush(temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if durable and os.name != "nt":
        _flush(target.parent)


def _remove_abandoned(folder: Path, start: str) -> None:
    """Remove temporary files of processes of this machine that ended while they wrote."""
    for name in os.listdir(folder):
        process = name[len(start) :].split("-")[0]
        if name.startswith(start) and name.endswith(".tmp") and process.isdigit() and not _runs(int(process)):
            with suppress(OSError):
                os.unlink(folder / name)


def _runs(process: int) -> bool:
    if os.name == "nt":  # where a signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


def _flush(path: str | os.PathLike[str]) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file as a whole or not at all; a link stays a link. Raises OSError."""
    with replacement(path) as temporary:
        Path(temporary).write_text(text, "utf-8")


class JsonFile:
    """A JSON file that is written as a whole or not at all, and never over one that is damaged.

    Args:
        path: where; None is the file ``default_name`` in the user's cache folder.
    """

    def __init__(self, path: str | os.PathLike[str] | None, default_name: str):
        if not (path is None or isinstance(path, (str, os.PathLike))):
            raise TypeError(f"path is that of a file, not {path!r}")
        self.path = Path(path) if path is not None else cache_folder() / default_name

    def read(self) -> Any:
        """The content, or None where there is no file.

        Raises:
            PolicyError: where the file cannot be read as JSON.
        """
        try:
            return json.loads(self.path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise self.damaged(str(error)) from None

    def damaged(self, problem: str) -> PolicyError:
        """The error to raise about this file."""
        return PolicyError(f"{self.path} cannot be used: {problem}. Mend the file, or move it away.")

    def write(self, content: Any) -> None:
        """Replace the content. Where that is not possible one warning says so, and nothing changes."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, _readable(content) + "\n")
        except OSError as error:
            self.warn(f"{self.path} cannot be written: {error}")

    def warn(self, problem: object) -> None:
        """Warn about the file, but only once in this process."""
        if self.path not in _warned:
            _warned.add(self.path)
            warnings.warn(str(problem), RuntimeWarning, stacklevel=2)


def _readable(content: Any, levels: int = 2, indent: str = "") -> str:
    """JSON with the entries of the outer levels on lines of their own."""
    inner = indent + "  "
    if not levels or not content or not isinstance(content, (dict, list)):
        return json.dumps(content)
    if isinstance(content, dict):
        opening, closing = "{", "}"
        parts = [f"{json.dumps(key)}: {_readable(x, levels - 1, inner)}" for key, x in content.items()]
    else:
        opening, closing = "[", "]"
        parts = [_readable(x, levels - 1, inner) for x in content]
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"
