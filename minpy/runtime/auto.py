"""A policy that measures which library is faster on this machine."""

from __future__ import annotations

import atexit
import itertools
import math
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy

from minpy.errors import PolicyError, UnsupportedError
from minpy.ops import Op, aval_of
from minpy.runtime.array import Value
from minpy.runtime.context import Context
from minpy.runtime.dispatch import run_by_mxnet, run_by_numpy
from minpy.runtime.engine import is_synchronous, mx
from minpy.runtime.policy import PreferMXNetPolicy, named
from minpy.runtime.store import JsonFile
from minpy.version import __version__

_ROUNDS = 4  # runs by each library; the fastest counts, since the first ones warm up
_SECONDS_FOR_ONE = 0.005  # after that there is no third round
#: How many times as long as one run by NumPy a measurement may take; decides what fits into the budget.
_LONGEST = {"memory": 40, "compute": 6}
_MARGIN = 0.9  # MXNet has to be faster by this factor, since crossing between the libraries costs

Times = list  # [seconds by NumPy, seconds by MXNet or None where it refuses]


@named
class AutoPolicy(PreferMXNetPolicy):
    """The faster library for each op, by dtypes and sizes of its operands; on a GPU always MXNet.

    The first call of an op with operands of new dtypes or another order of size (a power of 4) runs it
    a few times by both libraries and keeps the times. When the budget is spent, what is not measured
    runs by NumPy; a matrix product by MXNet where that was faster for smaller ones.

    Args:
        path: the file with the times; by default ``minpy/speed.json`` in the user's cache folder. It
            holds a table for each machine, number of threads and version of the libraries. Where it is
            damaged or cannot be written, a warning says so and everything is measured again.
        budget: how many seconds all measurements of the process may take together, about.
    """

    name = "auto"
    #: seconds that measurements took in this process
    spent: ClassVar[float] = 0.0
    _measuring: ClassVar[Any] = threading.Lock()
    _tables: ClassVar[dict[Path, dict[str, Times]]] = {}  # for this machine, by file

    def __init__(self, path: str | os.PathLike[str] | None = None, budget: float = 0.2):
        super().__init__()
        if isinstance(budget, bool) or not isinstance(budget, (int, float)):
            raise TypeError(f"budget is a number of seconds, not {budget!r}")
        if not budget >= 0:
            raise ValueError(f"budget is a number of seconds from 0 on, not {budget!r}")
        self.budget = budget
        self._file = JsonFile(path, "speed.json")
        self.decisions: dict[tuple, bool] = {}
        self._saves_at_exit = False
        path = self._file.path
        if path not in self._tables:
            try:
                self._tables[path] = self._stored().get(machine(), {})
            except PolicyError as error:
                self._tables[path] = {}
                self._file.warn(error)
        self._times = self._tables[path]

    @property
    def path(self) -> str:
        """The file of the times."""
        return str(self._file.path)

    def times(self) -> dict[str, Times]:
        """What is known for this machine: for each op and its operands seconds by NumPy and by MXNet.

        ``float32:4096`` stands for an array of at most 4096 elements, but more than a quarter of that.
        Without a second time MXNet refuses the op.
        """
        return dict(self._times)

    def decide(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> bool:
        if op.mx is None:
            return False
        if context.device_type != "cpu":
            return True
        if not all(aval_of(value).size for value in values):
            return False
        key = decision_key(op, values)
        known = self.decisions.get(key)
        return self._decide_now(key, op, values, params, context) if known is None else known

    def _decide_now(
        self, key: tuple, op: Op, values: tuple, params: dict[str, Any], context: Context
    ) -> bool:
        times = self._times.get(_text(key))
        if times is None:
            if not self._measuring.acquire(blocking=False):
                return False  # another thread is measuring and would be disturbed
            try:
                times = self._measure(op, values, params, context)
            finally:
                self._measuring.release()
            if times is not None:
                self._keep(_text(key), times)
        if times is None:
            faster = op.cost == "compute" and self._was_faster_below(key)
        else:
            faster = _is_mxnet_faster(times)
        self.decisions[key] = faster
        return faster

    def _measure(self, op: Op, values: tuple, params: dict[str, Any], context: Context) -> Times | None:
        """The shortest time of each library; None where the budget is too small or NumPy fails."""
        left = self.budget - AutoPolicy.spent
        if left <= 0:
            return None
        for value in values:
            if type(value) is Value:
                value.numpy()  # waits for the data
        times: Times = [math.inf, math.inf]
        start = time.perf_counter()
        try:
            with numpy.errstate(all="ignore"):
                for number in range(_ROUNDS):
                    times[0] = min(times[0], _seconds(run_by_numpy, op, values, params, context))
                    if times[0] * _LONGEST.get(op.cost, 40) > left:
                        return None
                    times[1] = min(times[1], _seconds(run_by_mxnet, op, values, params, context))
                    if number and time.perf_counter() - start > _SECONDS_FOR_ONE:
                        break
        except UnsupportedError:
            return [times[0], None]
        except Exception:
            return None  # the real run raises it
        finally:
            AutoPolicy.spent += time.perf_counter() - start
        return times

    def _was_faster_below(self, key: tuple) -> bool:
        """Whether MXNet was faster for the nearest smaller operands that were measured."""
        op, kinds, magnitudes = key[0], key[1::2], key[2::2]
        for smaller in range(1, max(magnitudes, default=0)):
            shrunk = [n if n < 0 else max(n - smaller, 1) for n in magnitudes]
            times = self._times.get(_text((op, *itertools.chain(*zip(kinds, shrunk)))))
            if times is not None:
                return _is_mxnet_faster(times)
        return False

    def _keep(self, text: str, times: Times) -> None:
        self._times[text] = times
        if not self._saves_at_exit:
            self._saves_at_exit = True
            atexit.register(self.save)

    def _stored(self) -> dict[str, dict[str, Times]]:
        """The tables of all machines. Raises PolicyError where the file is damaged."""
        content = self._file.read()
        if content is None:
            return {}
        if not isinstance(content, dict) or not all(map(_is_table, content.values())):
            raise self._file.damaged("it holds no tables of times")
        return content

    def save(self) -> None:
        """Write the times to the file. Happens by itself when the process ends."""
        try:
            content = self._stored()  # another process may have written
        except PolicyError as error:
            self._file.warn(error)
            return
        here = machine()
        content[here] = {**content.get(here, {}), **self._times}
        self._file.write(content)


def decision_key(op: Op, values: tuple) -> tuple:
    """What the speed depends on: for arrays the dtype and the magnitude of the size, else the type and -1."""
    key: list[Any] = [op]
    for value in values:
        if type(value) is Value:
            value = value.aval
        elif not isinstance(value, numpy.ndarray):
            key += type(value), -1
            continue
        key += value.dtype, magnitude(math.prod(value.shape))
    return tuple(key)


def magnitude(size: int) -> int:
    """The smallest n for which an array of this size has at most 4**n elements."""
    return ((size - 1).bit_length() + 1) // 2 if size > 1 else 0


def _text(key: tuple) -> str:
    op, kinds, magnitudes = key[0], key[1::2], key[2::2]
    shown = (x.__name__ if n < 0 else f"{x.name}:{4**n}" for x, n in zip(kinds, magnitudes))
    return f"{op.name}({', '.join(shown)})"


def _seconds(run: Any, op: Op, values: tuple, params: dict[str, Any], context: Context) -> float:
    start = time.perf_counter()
    results = run(op, values, params, context)
    if run is run_by_mxnet:
        for result in results:
            result.mxnet().wait_to_read()
    return round(time.perf_counter() - start, 9)


def _is_mxnet_faster(times: Times) -> bool:
    by_numpy, by_mxnet = times
    return by_mxnet is not None and by_mxnet < _MARGIN * by_numpy


def _is_table(x: Any) -> bool:
    return isinstance(x, dict) and all(
        isinstance(times, list)
        and len(times) == 2
        and isinstance(times[0], (int, float))
        and (times[1] is None or isinstance(times[1], (int, float)))
        for times in x.values()
    )


def machine() -> str:
    """What the times depend on: libraries, processor, threads and MXNet's engine."""
    threads = (
        f"{name}={os.environ[name]}"
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        if name in os.environ
    )
    libraries = f"minpy {__version__}, mxnet {mx.__version__}, numpy {numpy.__version__}"
    engine = "synchronous" if is_synchronous() else "asynchronous"
    return ", ".join((libraries, processor(), *threads, engine))


def processor() -> str:
    """The name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
