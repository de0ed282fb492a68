"""Which tests run which lines of the code that is mutated, and how long each takes."""

from __future__ import annotations

import pickle
import signal
import sys
import time
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import coverage
import pytest

from tests.mutation.forks import ROOT, in_child, run_pytest


class Reach(NamedTuple):
    """What is known about the tests of one file."""

    seconds: dict[str, float]  #: test -> processor time, of those that pass
    collecting: float  #: seconds before the first test
    lines: dict[str, dict[int, array]]  #: file -> line -> places in ``seconds`` of the tests that run it


class _Recorder:
    """A plugin of pytest that measures tests, and tells ``coverage`` which one runs."""

    def __init__(self, measure: coverage.Coverage):
        self.measure = measure
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.collecting = 0.0

    def pytest_collection_finish(self) -> None:
        self.collecting = time.process_time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self.measure.switch_context(item.nodeid)
        started = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - started
        self.measure.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


def reach_of(test_file: Path, targets: Iterable[Path]) -> Reach:
    """Run the tests of one file, in this process, a child."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    started = time.process_time()
    measure = coverage.Coverage(data_file=None, config_file=False, include=[str(path) for path in targets])
    recorder = _Recorder(measure)
    measure.start()
    run_pytest([str(test_file.relative_to(ROOT))], [recorder])
    measure.stop()
    passing = [test for test in recorder.seconds if test not in recorder.failed]
    places = {test: place for place, test in enumerate(passing)}
    data = measure.get_data()
    lines: dict[str, dict[int, array]] = {}
    for path in data.measured_files():
        found = {
            line: array("H", sorted(places[test] for test in tests if test in places))
            for line, tests in data.contexts_by_lineno(path).items()
        }
        lines[str(Path(path).relative_to(ROOT))] = {line: tests for line, tests in found.items() if tests}
    return Reach({test: recorder.seconds[test] for test in passing}, recorder.collecting - started, lines)


def collect(test_files: Iterable[Path], targets: list[Path], folder: Path) -> Iterator[tuple[str, Reach]]:
    """What each file of tests reaches; kept in ``folder``, from which a second run takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    for test_file in test_files:
        name = str(test_file.relative_to(ROOT))
        kept = folder / (name.replace("/", ".") + ".pickle")
        if not kept.exists():
            status, found = in_child(lambda test_file=test_file: reach_of(test_file, targets))
            if not isinstance(found, Reach):
                print(f"{name}: left out, it ended with {status}: {found}", file=sys.stderr, flush=True)
                found = Reach({}, 0.0, {})
            kept.write_bytes(pickle.dumps(found))
        yield name, pickle.loads(kept.read_bytes())
