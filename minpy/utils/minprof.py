"""How often functions and pieces of a program run, and how long: ``minprof``, as MinPy 0.3.3 has it.

    from minpy.utils.minprof import minprof

    @minprof
    def step(w, x): ...

    with minprof("reading"):
        batch = next(batches)

    minprof.print_stats()

``minpy.profile`` looks into compiled code too.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from time import perf_counter as now
from typing import Any, Callable, NamedTuple, TextIO

from minpy.runtime.store import write_whole

#: Whether anything is measured. Where it is False when a function is decorated, the function stays as it is.
MINPROF_FLAG = True


class Place(NamedTuple):
    """A function, or a piece of a program with its name."""

    file: str
    line: int
    name: str


class FuncCallProfiler:
    """Times functions, and pieces of a program in ``with``. What is in others counts there as well.

    Attributes:
        timings: for each place how often it ran, and seconds.
    """

    def __init__(self) -> None:
        self.timings: dict[Place, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, function: Any = None) -> Any:
        """``@minprof``, ``minprof(function)``, ``with minprof():`` or ``with minprof('name'):``.

        Raises:
            TypeError: for something else.
        """
        if function is None or isinstance(function, str):
            return _Piece(self, function)
        if not callable(function):
            raise TypeError(f"minprof takes a function or a name, not {function!r}")
        return self._wrapped(function) if MINPROF_FLAG else function

    def _wrapped(self, function: Callable) -> Callable:
        code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
        name = getattr(function, "__qualname__", repr(function))
        place = Place(code.co_filename, code.co_firstlineno, name) if code else Place("", 0, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = now()
            try:
                return function(*args, **kwargs)
            finally:
                self.add(place, now() - started)

        return timed

    def add(self, place: Place, seconds: float) -> None:
        """Note one run."""
        with self._lock:
            calls, known = self.timings.get(place, (0, 0.0))
            self.timings[place] = calls + 1, known + seconds

    def get_stats(self) -> dict[Place, tuple[int, float]]:
        """For each place how often it ran, and seconds."""
        return dict(self.timings)

    def print_stats(self, stream: TextIO | None = None) -> None:
        """Print a table, what took longest first: calls, milliseconds in all and for each call, and where."""
        stream = sys.stdout if stream is None else stream
        print(f"{'calls':>8} {'ms':>12} {'ms/call':>12}  where", file=stream)
        for place, (calls, seconds) in sorted(self.get_stats().items(), key=lambda item: -item[1][1]):
            where = f"{place.file}:{place.line} {place.name}"
            print(f"{calls:8} {1e3 * seconds:12.3f} {1e3 * seconds / calls:12.3f}  {where}", file=stream)

    def dump_stats(self, path: str | os.PathLike[str]) -> None:
        """Write the numbers to a file, as JSON: one object for each place."""
        told = [
            {**place._asdict(), "calls": calls, "seconds": seconds}
            for place, (calls, seconds) in self.get_stats().items()
        ]
        write_whole(path, json.dumps(told, indent=1))

    def reset(self) -> None:
        """Forget everything."""
        self.timings.clear()


class _Piece:
    """``with minprof('name'):``."""

    def __init__(self, profiler: FuncCallProfiler, name: str | None):
        self._profiler, self._name = profiler, name

    def __enter__(self) -> None:
        frame = sys._getframe(1)
        self._place = Place(frame.f_code.co_filename, frame.f_lineno, self._name or frame.f_code.co_name)
        self._started = now()

    def __exit__(self, *exc_info: Any) -> None:
        if MINPROF_FLAG:
            self._profiler.add(self._place, now() - self._started)


minprof = FuncCallProfiler()
