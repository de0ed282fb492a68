"""Runs of pytest, each in a process of its own that is forked when all but MinPy has been imported.

Importing MXNet, NumPy, llvmlite and pytest takes most of the seconds that a short run of tests takes.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.util
import linecache
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
import warnings
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any, Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]

_BEFORE_TESTS = 60.0  # seconds of the processor for importing MinPy and collecting tests
_WALL = 900.0  # seconds by the clock for everything: who waits for a lock uses no processor
_OPTIONS = ["-s", "-p", "no:cacheprovider", "-p", "no:xdist"]
_OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of the plugin of Hypothesis, see preload
_MEMORY = 24 << 30  # bytes of address space, of which MXNet reserves much


def preload() -> None:
    """Import what MinPy needs, and nothing of MinPy that a child would not import again."""
    os.environ.update(MINPY_CACHE_DIR="", OMP_NUM_THREADS="1")
    for name in ("minpy", "minpy.runtime"):  # so that the packages' own modules are not run
        sys.modules[name] = package = types.ModuleType(name)
        package.__path__ = [str(ROOT.joinpath(*name.split(".")))]
    importlib.import_module("minpy.runtime.engine")
    for name in ("astunparse", "gast", "hypothesis", "llvmlite.binding", "mpmath", "scipy.special"):
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "minpy"]:
        del sys.modules[name]


class Overlay(importlib.abc.MetaPathFinder):
    """One module of MinPy is imported from another text or tree, as if that stood in its file."""

    def __init__(self, path: str, code: str | ast.Module):
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.code = code

    def install(self) -> None:
        """Let this process, a child, import that."""
        sys.meta_path.insert(0, self)

    def run(self, limits: Mapping[str, float]) -> int:
        """Run these tests with it in this process, a child: pytest's exit status."""
        self.install()
        files = list(dict.fromkeys(test.partition("::")[0] for test in limits))
        return run_pytest(["-x", *files], [Chosen(limits)])

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.name:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None and spec.origin is not None, name
        spec.loader = _Loader(name, spec.origin)
        spec.loader.code = self.code
        if isinstance(self.code, str):
            # For inspect.getsource: MinPy prints some functions. Without a time it is never read again.
            lines = self.code.splitlines(keepends=True)
            linecache.cache[spec.origin] = (len(self.code), None, lines, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    code: str | ast.Module = ""

    def get_code(self, fullname: str) -> types.CodeType:
        return compiled(self.code, self.path)


def compiled(code: str | ast.Module, path: str) -> types.CodeType:
    """The code of a module. That a number is compared by ``is``, tests need not take for an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return compile(code, path, "exec", dont_inherit=True)


class Chosen:
    """A plugin of pytest: only these tests, in this order, each with a limit for its processor time."""

    def __init__(self, limits: Mapping[str, float]):
        self.limits = limits
        self.places = {test: place for place, test in enumerate(limits)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.places), key=lambda item: self.places[item.nodeid]
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        signal.setitimer(signal.ITIMER_PROF, self.limits[item.nodeid])
        return (yield)


def in_child(function: Callable[[], Any], limit: bool = True, more: float = 0.0) -> tuple[int, Any]:
    """Call it in a forked process: how that ended (a signal's number is negative), and what came back.

    Args:
        limit: False where it may take what it takes.
        more: seconds by the clock beyond those that it always may take.
    """
    sys.stdout.flush()
    with tempfile.TemporaryFile() as results:
        pid = os.fork()
        if not pid:
            _be_child(function, results, limit)
        deadline = time.monotonic() + _WALL + more
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                break
            if limit and time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.02)
        results.seek(0)
        content = results.read()
    return os.waitstatus_to_exitcode(status), pickle.loads(content) if content else None


def _be_child(function: Callable[[], Any], results: Any, limit: bool) -> None:
    if limit:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        signal.setitimer(signal.ITIMER_PROF, _BEFORE_TESTS)  # its signal ends the process
    status = 70
    try:
        result = function()
        pickle.dump(result, results)
        results.flush()
        status = 0
    except BaseException:
        pickle.dump(traceback.format_exc(), results)
        results.flush()
    finally:
        os._exit(status)


def run_pytest(arguments: Iterable[str], plugins: list[Any]) -> int:
    """Run pytest in this process, a child: its exit status."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    folder = tempfile.mkdtemp(prefix="mutation-")
    try:
        return int(
            pytest.main(
                [*_OPTIONS, f"--basetemp={folder}/tests", *arguments],
                plugins=plugins,
            )
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
