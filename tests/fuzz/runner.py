"""Runs many random programs, and reports each that fails as short as it can be made."""

from __future__ import annotations

from typing import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.fuzz.program import Program


def run_programs(
    strategy: SearchStrategy[Program],
    check: Callable[[Program], object],
    count: int,
    start: int,
    report: Callable[[Program, Exception], None],
) -> None:
    """Check ``count`` programs; ``report`` gets each that fails, shortened, with its error.

    Args:
        check: raises where a program fails, and NameError where it is none.
        start: the seed. The same seed gives the same programs.
    """

    @seed(start)
    @settings(
        max_examples=count,
        phases=[Phase.generate],  # a failing program is shortened below
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(program: Program) -> None:
        error = failure(program, check)
        if error is not None:
            shortest = program.reduced(lambda shorter: failure(shorter, check) is not None)
            report(shortest, failure(shortest, check) or error)

    run()


def failure(program: Program, check: Callable[[Program], object]) -> Exception | None:
    """The error by which a program fails."""
    try:
        check(program)
    except NameError:
        return None
    except Exception as error:
        return error
    return None
