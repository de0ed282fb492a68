"""Random programs and random kernels beside NumPy, seed after seed.

Each seed has a process of its own, since a kernel that touches a guard page ends it.
"""

from __future__ import annotations

import subprocess
import sys


def programs(count: int) -> tuple[str, list[str]]:
    """Programs of every kind of ``tests.fuzz``."""
    return f"{count:,} random programs", _failures("tests.fuzz", "--programs", count, 1000)


def kernels(count: int) -> tuple[str, list[str]]:
    """Expressions as kernels, with guard pages around their arrays."""
    return f"{count:,} random kernels", _failures("tests.compiler.codegen.corpus", "--count", count, 5000)


def _failures(module: str, option: str, count: int, most: int) -> list[str]:
    """What the seeds that failed printed, at most so many programs of each."""
    found = []
    for seed, first in enumerate(range(0, count, most)):
        command = [sys.executable, "-m", module, option, str(min(most, count - first)), "--seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append(
                f"{module}, seed {seed}, status {done.returncode}:\n{done.stdout}{done.stderr[-2000:]}"
            )
    return found
