"""``python -m minpy explain``: run a script, then report its jitted functions."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from minpy.compiler.explain import Explanation
from minpy.compiler.explain.html import page
from minpy.compiler.jit import JitFunction, jitted_functions
from minpy.runtime.store import write_whole


class _Problem(Exception):
    """Something that the person at the command line has to correct."""


def add_command(commands: Any) -> None:
    """Add ``explain`` to the commands of ``python -m minpy``."""
    explain = commands.add_parser(
        "explain",
        help="run a script and show what was compiled of its jitted functions",
        description="Run a script, then show what was compiled of its jitted functions, and why not all.",
    )
    explain.add_argument("--html", metavar="FILE", help="write one page to this file, and no text")
    explain.add_argument(
        "--json", action="store_true", help="print JSON; the script's own output goes to stderr"
    )
    explain.add_argument("target", metavar="script.py[:function]", help="the script, and one function of it")
    explain.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")
    explain.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    """Gives the exit status: of the script, or 2 for a wrong command."""
    script, name = _target(options.target)
    try:
        if not os.path.isfile(script):
            raise _Problem(f"there is no file {script}")
        with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
            functions, names, status = _run(script, options.arguments)
        chosen = _chosen(functions, name, names, script)
        _report([Explanation(function) for function in chosen], options, script)
    except _Problem as problem:
        print(f"minpy explain: {problem}", file=sys.stderr)
        return 2
    return status


def _target(text: str) -> tuple[str, str]:
    """A script and the name of a function, which may be empty."""
    script, colon, name = text.rpartition(":")
    return (script, name) if colon and not os.path.isfile(text) else (text, "")


def _run(script: str, arguments: Sequence[str]) -> tuple[list[JitFunction], dict[str, Any], int]:
    """Run a script as Python would; gives its jitted functions, its names and its exit status."""
    saved = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [script, *arguments], os.path.dirname(os.path.abspath(script))
    names: dict[str, Any] = {}
    with jitted_functions() as functions:
        try:
            names, status = runpy.run_path(script, run_name="__main__"), 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException as error:
            status = 130 if isinstance(error, KeyboardInterrupt) else 1
            traceback.print_exception(type(error), error, _within(script, error.__traceback__))
        finally:
            sys.argv, sys.path[0] = saved
    return functions, names, status


def _within(script: str, trace: Any) -> Any:
    """A traceback from the first line of the script on."""
    inside = trace
    while inside is not None and inside.tb_frame.f_code.co_filename != script:
        inside = inside.tb_next
    return inside or trace


def _chosen(functions: list[JitFunction], name: str, names: dict[str, Any], script: str) -> list[JitFunction]:
    """The functions to report, each piece of code once: that which was called most."""
    if not functions:
        raise _Problem(f"{script} jits no function; put @minpy.jit above one")
    by_code: dict[Any, list[JitFunction]] = {}
    for function in functions:
        code = getattr(function.target.function, "__code__", function)
        by_code.setdefault(code, []).append(function)
    distinct = [max(same, key=lambda function: function.calls) for same in by_code.values()]
    if not name:
        return distinct
    found = [function for function in distinct if name in _names_of(function)]
    if not found:
        if callable(names.get(name)):
            raise _Problem(f"{name} is in {script}, but not jitted; put @minpy.jit above it")
        known = ", ".join(dict.fromkeys(function.__qualname__ for function in distinct))
        raise _Problem(f"{script} jits no function {name!r}; it jits {known}")
    return found


def _names_of(function: JitFunction) -> Iterator[str]:
    """The names that a function can be asked for by: ``loss``, ``Model.loss``."""
    parts = function.__qualname__.replace("<locals>.", "").split(".")
    return (".".join(parts[start:]) for start in range(len(parts)))


def _report(found: list[Explanation], options: argparse.Namespace, script: str) -> None:
    if options.json:
        print(json.dumps([explanation.to_dict() for explanation in found], indent=2))
    if options.html:
        try:
            write_whole(options.html, page(script, [explanation._repr_html_() for explanation in found]))
        except OSError as error:
            raise _Problem(f"the page cannot be written: {error}") from None
        print(f"wrote {options.html}", file=sys.stderr)
    elif not options.json:
        print("\n\n\n".join(map(str, found)))
