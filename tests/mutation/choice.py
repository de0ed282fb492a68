"""Which tests are run with a mutant: those that run its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.mutation.mutants import Mutant, statements
from tests.mutation.reach import Reach

_FIRST = 2.0  #: seconds of tests that are tried first, as most mutants do not live longer


def tests_for(mutant: Mutant, reaches: Mapping[str, Reach], seconds: float) -> list[dict[str, float]]:
    """Tests with their seconds, in rounds: quick ones of few files, then more, about ``seconds`` in all.

    Where no test runs the line itself, since an import does, those are taken that run another line of that
    statement, of a larger one around it, or of the file.
    """
    around = [range(mutant.line, mutant.line + 1)]
    around += [lines for lines in statements(mutant.path) if mutant.line in lines]
    found: dict[str, dict[str, float]] = {}
    for lines in around:
        found = _running(mutant.path, lines, reaches)
        if found:
            break
    else:
        found = _running(mutant.path, None, reaches)
    stem = mutant.path.rpartition("/")[2].removesuffix(".py")

    def cost(file: str) -> tuple[bool, float]:
        return f"test_{stem}.py" not in file, sum(_quickest(found[file])[:10])

    files = sorted(found, key=cost)
    first: dict[str, float] = {}
    for file in files:
        spent = sum(first.values())
        first.update(_within(found[file], max(_FIRST / 2, _FIRST - spent)))
        if sum(first.values()) >= _FIRST or len(first) >= 200:
            break
    rest = {test: took for file in files for test, took in found[file].items() if test not in first}
    return [tests for tests in (first, _within(rest, seconds)) if tests]


def _running(
    path: str, lines: Iterable[int] | None, reaches: Mapping[str, Reach]
) -> dict[str, dict[str, float]]:
    """File of tests -> those of its tests that run one of these lines, or any line, with their seconds."""
    found = {}
    for file, reach in reaches.items():
        known = reach.lines.get(path, {})
        places = {place for line in (known if lines is None else lines) for place in known.get(line, ())}
        if places:
            names = list(reach.seconds)
            found[file] = {names[place]: reach.seconds[names[place]] for place in places}
    return found


def _quickest(tests: Mapping[str, float]) -> list[float]:
    return sorted(tests.values())


def _within(tests: Mapping[str, float], seconds: float) -> dict[str, float]:
    """The quickest of these that take so long together, one at least."""
    chosen: dict[str, float] = {}
    for test in sorted(tests, key=tests.__getitem__):
        if chosen and sum(chosen.values()) + tests[test] > seconds:
            break
        chosen[test] = tests[test]
    return chosen
