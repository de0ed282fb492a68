"""Runs many random programs, and reports each that fails as short as it can be made."""

from __future__ import annotations

import random
from typing import Callable

from tests.fuzz.checks import Kind
from tests.fuzz.program import Program


def run_programs(kind: Kind, count: int, start: int, report: Callable[[Program, Exception], None]) -> None:
    """Check ``count`` programs; ``report`` gets each that fails, shortened, with its error.

    Args:
        start: the seed. The same seed gives the same programs.
    """
    for number in range(count):
        program = kind.draw(random.Random(f"{start}, {number}"))
        error = failure(program, kind.check)
        if error is not None:
            shortest = program.reduced(lambda shorter: failure(shorter, kind.check) is not None)
            report(shortest, failure(shortest, kind.check) or error)


def failure(program: Program, check: Callable[[Program], object]) -> Exception | None:
    """The error by which a program fails."""
    try:
        check(program)
    except (NameError, SyntaxError):  # a program from which too much was taken away
        return None
    except Exception as error:
        return error
    return None
