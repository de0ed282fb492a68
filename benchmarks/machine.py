"""The machine and the versions that numbers belong to."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

LIBRARIES = ("minpy", "mxnet", "numpy", "autograd", "jax", "torch")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def describe(threads: int) -> str:
    """Processor, cores, threads and versions, in one line."""
    versions = ", ".join(f"{library} {_version(library)}" for library in LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {threads} threads for every library; "
        f"Python {platform.python_version()}, {versions}"
    )
