"""Mutants of functions: the code of the functions is swapped in a fork of a process that is ready for tests.

That takes no import and no collection of tests, so most mutants are done in the time that their tests take.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import linecache
import signal
import sys
from collections.abc import Iterable, Mapping
from types import CodeType, FunctionType
from typing import Any, Callable, NamedTuple

import pytest

from tests.mutation.forks import ROOT, compiled, in_child

_FUNCTION = inspect.CO_OPTIMIZED  #: functions have this flag, modules and classes have not
_AT_ONCE = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  #: run where they stand


def changed_codes(before: str, after: str, path: str) -> dict[CodeType, CodeType] | None:
    """The code of each function that differs, beside its code in the other text.

    None where code differs that an import runs, as that of a module and of its classes.
    """
    found: dict[CodeType, CodeType] = {}
    pairs = [(compiled(before, str(ROOT / path)), compiled(after, str(ROOT / path)), False)]
    while pairs:
        old, new, is_later = pairs.pop()
        is_later = is_later or (bool(old.co_flags & _FUNCTION) and old.co_name not in _AT_ONCE)
        if is_later and old.co_freevars != new.co_freevars:
            return None  # a function cannot take that
        if is_later and old != new:
            found[old] = new
        if not is_later and _instructions(old) != _instructions(new):
            return None
        nested_old, nested_new = _nested(old), _nested(new)
        if len(nested_old) != len(nested_new):
            if not is_later:
                return None
            continue
        pairs += [(*pair, is_later) for pair in zip(nested_old, nested_new)]
    return found


def _nested(code: CodeType) -> list[CodeType]:
    return [part for part in code.co_consts if isinstance(part, CodeType)]


def _instructions(code: CodeType) -> tuple:
    """What it does, but for the functions that it makes; not where that stands in the file."""
    constants = [None if isinstance(part, CodeType) else (type(part), part) for part in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames


def swap(functions: list[FunctionType], codes: Mapping[CodeType, CodeType], text: str, path: str) -> None:
    """Give each of these functions that has one of these codes the other one."""
    name = str(ROOT / path)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # see forks.Overlay
    for function in functions:
        if function.__code__.co_filename == name:
            function.__code__ = codes.get(function.__code__, function.__code__)


def called_by_import() -> set[CodeType]:
    """Import MinPy: the functions that have been called. What they did then, no swap undoes."""
    called = set()

    def record(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            called.add(frame.f_code)

    sys.setprofile(record)
    try:
        importlib.import_module("minpy")
    finally:
        sys.setprofile(None)
    return called


class Job(NamedTuple):
    """A mutant to be tried."""

    make: Callable[[list[FunctionType]], None]  #: makes it of the functions of this process
    limits: Mapping[str, float]  #: the tests, with their limits
    report: Callable[[int, Any], None]  #: takes what ``in_child`` gives


class Server:
    """A plugin of pytest that tries jobs, each in a fork, in place of all tests."""

    def __init__(self, jobs: Iterable[Job]):
        self.jobs = jobs
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        functions = [thing for thing in gc.get_objects() if isinstance(thing, FunctionType)]
        gc.freeze()  # or the first collection in each fork copies all memory
        for job in self.jobs:
            chosen = [items[test] for test in job.limits if test in items]
            job.report(*in_child(lambda job=job, chosen=chosen: self._run(job, functions, chosen)))
        return True

    def _run(self, job: Job, functions: list[FunctionType], items: list[pytest.Item]) -> int:
        job.make(functions)
        for item, following in zip(items, [*items[1:], None]):
            signal.setitimer(signal.ITIMER_PROF, job.limits[item.nodeid])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return 1
        return 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed
