"""``minpy.profile``: where the time of a program goes, in compiled code and around it."""

from __future__ import annotations

from time import perf_counter as now
from typing import Any

from minpy.profiling.recorder import Recorder
from minpy.profiling.report import Profile, report
from minpy.runtime import stopwatch
from minpy.runtime.kernels.library import time_steps
from minpy.runtime.routes import close_routes


class profile:
    """Measure where the time goes: ``with minpy.profile() as p: ...``, then ``print(p)``.

    ``p`` is a ``Profile``, which is filled when the block ends. It has the time in each compiled region, and
    in it that of each of MXNet's operators and each step of a kernel; lines that are left to Python;
    compiling; what calls cost besides; and what the program does outside of jitted functions. They add up to
    the whole.

    While a profile is open, calls of jitted functions take some microseconds longer, since all go through
    Python, and the first runs of a graph are repeated node by node, which is not counted. Results stay the
    same.
    When none is open it costs nothing.

    Raises:
        RuntimeError: a profile is open already.
    """

    def __enter__(self) -> Profile:
        if stopwatch.current is not None:
            raise RuntimeError("a profile is open already; there can be one at a time")
        self._profile = Profile()
        self._recorder = stopwatch.current = Recorder()
        close_routes(True)
        time_steps(True)
        self._started = now()
        return self._profile

    def __exit__(self, *exc_info: Any) -> None:
        seconds = now() - self._started
        stopwatch.current = None
        time_steps(False)
        close_routes(False)
        report(self._profile, self._recorder, self._started, seconds)


__all__ = ["Profile", "profile"]
