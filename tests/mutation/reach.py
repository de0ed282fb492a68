"""Which tests run which lines of the code that is mutated, and how long each takes."""

from __future__ import annotations

import gc
import hashlib
import pickle
import signal
import sys
import time
from array import array
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import coverage
import pytest

from tests.mutation.forks import ROOT, in_child, run_pytest

_LONGEST = 5.0  # seconds of the processor that a test may take while lines are written down


class Reach(NamedTuple):
    """What is known about the tests of one file."""

    seconds: dict[str, float]  #: test -> processor time, of those that pass
    lines: dict[str, dict[int, array]]  #: file -> line -> places in ``seconds`` of the tests that run it


class _TooLong(BaseException):
    """A test takes so long that it is not worth while to try mutants with it."""


class _Recorder:
    """A plugin of pytest that forks for each file of tests, measures them, and keeps what they reach."""

    def __init__(self, kept: Mapping[str, Path], targets: Iterable[Path]):
        self.kept = kept
        self.targets = [str(path) for path in targets]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # or the first collection in each fork copies all memory
        for name, items in groupby(session.items, lambda item: item.nodeid.partition("::")[0]):
            tests = list(items)
            status, found = in_child(lambda tests=tests: self._reach(tests), more=_LONGEST * len(tests))
            if not isinstance(found, Reach):
                print(f"{name}: left out, it ended with {status}: {found}", file=sys.stderr, flush=True)
                found = Reach({}, {})
            self.kept[name].write_bytes(pickle.dumps(found))
        return True

    def _reach(self, items: list[pytest.Item]) -> Reach:
        """Run tests in this process, a child."""
        signal.signal(signal.SIGPROF, _stop)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        measure = coverage.Coverage(data_file=None, config_file=False, include=self.targets)
        measure.start()
        for item, following in zip(items, [*items[1:], None]):
            measure.switch_context(item.nodeid)
            started = time.process_time()
            try:
                signal.setitimer(signal.ITIMER_PROF, _LONGEST)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                signal.setitimer(signal.ITIMER_PROF, 0)
            except _TooLong:
                self.failed.add(item.nodeid)
            self.seconds[item.nodeid] = time.process_time() - started
        measure.stop()
        passing = [test for test in self.seconds if test not in self.failed]
        return Reach({test: self.seconds[test] for test in passing}, self._lines(measure.get_data(), passing))

    def _lines(self, data: coverage.CoverageData, passing: list[str]) -> dict[str, dict[int, array]]:
        places = {test: place for place, test in enumerate(passing)}
        lines: dict[str, dict[int, array]] = {}
        for path in data.measured_files():
            found = {
                line: array("H", sorted(places[test] for test in tests if test in places))
                for line, tests in data.contexts_by_lineno(path).items()
            }
            lines[str(Path(path).relative_to(ROOT))] = {line: tests for line, tests in found.items() if tests}
        return lines

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


def _stop(number: int, frame: object) -> None:
    raise _TooLong


def collect(test_files: Iterable[Path], targets: list[Path], folder: Path) -> dict[str, Reach]:
    """What each file of tests reaches; kept in ``folder``, from which a second run takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {}
    for test_file in test_files:
        name = str(test_file.relative_to(ROOT))
        version = hashlib.sha256(test_file.read_bytes()).hexdigest()[:8]
        kept[name] = folder / f"{name.replace('/', '.')}.{version}.pickle"
    missing = [name for name, path in kept.items() if not path.exists()]
    if missing:
        ended = in_child(lambda: run_pytest(missing, [_Recorder(kept, targets)]), limit=False)
        if ended != (0, pytest.ExitCode.OK):
            print(f"tests cannot be collected: {ended}", file=sys.stderr, flush=True)
    return {name: pickle.loads(path.read_bytes()) for name, path in kept.items() if path.exists()}
