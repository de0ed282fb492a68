"""Which sources the accelerator in ``fast/`` is built from; ``setup.py`` runs this file, too."""

from __future__ import annotations

import zlib
from pathlib import Path


def fingerprint() -> int:
    """A number for the C sources beside this file; 0 where they are not installed."""
    found = 0
    for path in sorted(Path(__file__).with_name("fast").glob("*.[ch]")):
        found = zlib.crc32(path.read_bytes(), found)
    return found
