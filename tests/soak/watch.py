"""Whether a process stays as large as it is while it does the same again and again.

A run is looked at some sixty times, each time after a garbage collection; the first third is the warm-up.
Through the rest of the sizes goes a line, by least squares. Something has grown where the lower end of the
95 % interval of that line's rise, from the end of the warm-up to the end of the run, is above ``ALLOWED``.
What is kept of each call, be it 16 bytes, comes to more in the long runs; what is below is the allocator's.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, Callable, NamedTuple

import numpy

#: What may be more at the end of a run than after its warm-up.
ALLOWED = {"bytes of resident memory": 1 << 20, "blocks": 1000, "descriptors": 0, "threads": 0}
LOOKS = 60
_T = 2.02  # of Student's t distribution, for 40 points


class Size(NamedTuple):
    """What a process has."""

    resident: int
    blocks: int
    descriptors: int
    threads: int


def size() -> Size:
    """The size of this process, on Linux."""
    gc.collect()
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    descriptors, threads = (len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task"))
    return Size(resident, sys.getallocatedblocks(), descriptors, threads)


def growth(sizes: Any) -> tuple[float, float]:
    """By how much a line through sizes rises from the first to the last, and the error of that."""
    y = numpy.asarray(sizes, dtype=float)
    x = numpy.linspace(0, 1, len(y)) - 0.5
    slope = float(x @ (y - y.mean()) / (x @ x))
    rest = y - y.mean() - slope * x
    return slope, float(numpy.sqrt(rest @ rest / (len(y) - 2) / (x @ x)))


def watched(work: Callable[[int], None], count: int) -> tuple[str, list[str]]:
    """Call ``work`` with each number below ``count``: what to say about the size, and what has grown."""
    found = []
    gc.collect()
    gc.freeze()  # collections need not look at what there is already
    try:
        for look in range(LOOKS):
            for number in range(look * count // LOOKS, (look + 1) * count // LOOKS):
                work(number)
            found.append(size())
    finally:
        gc.unfreeze()
    told, wrong = [], []
    for (name, allowed), sizes in zip(ALLOWED.items(), zip(*found[LOOKS // 3 :])):
        rise, error = growth(sizes)
        told.append(f"{name} {sizes[-1]:,} ({rise:+,.0f} ± {_T * error:,.0f})")
        if rise - _T * error > allowed:
            wrong.append(f"{name} grew by {rise:,.0f}")
    return f"at the end {', '.join(told)}", wrong
