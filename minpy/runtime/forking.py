"""Processes that are forked, as ``multiprocessing`` does on Linux: both sides can go on computing.

A child has one thread, that which forked. GNU's OpenMP would wait there for the others for ever, so its
threads end before a fork, and start again on both sides when they are needed. And what another thread has
begun is never finished in the child, so a fork waits until nothing is being compiled.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401  # see prepare
import contextlib
import logging  # noqa: F401  # see prepare
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

_HARD = 2  # omp_pause_hard: threads end
_LONGEST = 60.0  # seconds that a fork waits


class _Compilation:
    """Which threads are compiling; in a ``with`` block this one is."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._depths: dict[int, int] = {}

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        before = self.depth()
        try:
            self.go_back_to(before + 1)
            yield
        finally:
            if self.depth() > before:  # else this comes late, with what an interrupt left behind
                self.go_back_to(before)

    def depth(self) -> int:
        """In how many of these blocks this thread is."""
        return self._depths.get(threading.get_ident(), 0)

    def go_back_to(self, depth: int) -> None:
        """Let this thread be in so many."""
        me = threading.get_ident()
        with self._lock:  # a condition's own ``with`` could be interrupted as it is left
            if depth:
                self._depths[me] = depth
            elif self._depths.pop(me, 0):
                self._changed.notify_all()

    def stop(self) -> None:
        """Wait for other threads, and let none begin until ``go_on``."""
        me = threading.get_ident()
        self._changed.acquire()
        self._changed.wait_for(lambda: self._depths.keys() <= {me}, _LONGEST)

    def go_on(self) -> None:
        self._changed.release()


#: ``with compilation():`` no other thread forks the process meanwhile.
compilation = _Compilation()


def prepare(library: Any) -> None:
    """Get ready for forks. ``library`` has the functions of OpenMP that MXNet uses.

    Python calls what was registered last first. So what locks things that compiling needs, as the modules of
    Python's library imported above do, has to be registered before the wait for those who compile.
    """
    if not hasattr(os, "register_at_fork"):
        return
    pause = getattr(library, "omp_pause_resource_all", None)  # since GCC 9
    if pause is not None:
        os.register_at_fork(before=lambda: pause(_HARD))
    else:
        os.register_at_fork(after_in_child=lambda: _warn(library.omp_get_max_threads()))
    os.register_at_fork(
        before=compilation.stop, after_in_parent=compilation.go_on, after_in_child=compilation.go_on
    )


def _warn(threads: int) -> None:
    if threads > 1:
        warnings.warn(
            "the OpenMP of this machine is older than GCC 9, and cannot be used by several threads after a "
            "fork: this process will hang where it computes with more than one. Use the start method 'spawn' "
            "of multiprocessing, or 'forkserver', or set OMP_NUM_THREADS=1",
            RuntimeWarning,
            stacklevel=2,
        )
