"""Random programs as machine code, beside NumPy: ``python -m tests.compiler.codegen.corpus --count 100000``.

Programs are numbered within a seed, so several processes with seeds of their own share out the work, and
``--only 17`` runs one again. Each program that fails is printed with the first of its outputs that is wrong.
The status is 1 where one failed.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy

from minpy.compiler.ir import Graph, Literal, check_graph, evaluate
from tests.compiler.codegen.expressions import Program, program, terms
from tests.compiler.codegen.running import run_fused

Run = Callable[[Graph, Sequence[numpy.ndarray]], list[numpy.ndarray]]

#: units in the last place by which results are changed to see what that does to later ones, how many times as
#: far a kernel may be away, and how often that is done, if fewer do not do: many come upon poles nearby, too
_ULPS, _FACTOR, _RUNS = 4, 4, (0, 8, 32, 256)
#: how many times as far where most changes move a result by half of itself, as that of tan of 1e15: such
#: results have no farthest one
_TAIL = 1e4
#: differences of numbers of the size of 1 and more, however small they are
_DIFFERENCES = frozenset(("log_softmax",))


def outputs(
    program: Program, random: numpy.random.RandomState | None = None, least: float = 0.5
) -> list[numpy.ndarray]:
    """What NumPy gives; with ``random`` if it rounded otherwise, wherever it is free to do so.

    This is Monte Carlo arithmetic (see ``minpy/compiler/reference.py``) with changes that rounding does
    not swallow; each is a part of the greatest, ``least`` or more.
    """
    known: dict[Any, numpy.ndarray] = dict(zip(program.graph.inputs, program.arrays))
    for eqn in program.graph.eqns:
        given = [x.value if isinstance(x, Literal) else known[x] for x in eqn.inputs]
        (var,) = eqn.outputs
        is_free = random is not None and bool(program.all_units[var])
        if is_free:
            added = max(1.0, terms(eqn.op.name, given[0], var.aval.size))
            given = [_changed(x, random, least, added**0.5) for x in given]
        (result,) = evaluate(eqn.op, given, eqn.params)
        result = result.astype(var.aval.dtype, copy=False)
        known[var] = _changed(result, random, least, 1, eqn.op.name in _DIFFERENCES) if is_free else result
    return [known[var] for var in program.graph.outputs]  # type: ignore[index]


def _changed(x: Any, random: Any, least: float, factor: float, absolutely: bool = False) -> Any:
    """Floats with changes of some units in the last place, never of none."""
    if not isinstance(x, numpy.ndarray) or x.dtype.kind != "f":
        return x
    change = random.uniform(least, 1, x.shape) * random.choice((-1, 1), x.shape)
    change *= _ULPS * factor * numpy.finfo(x.dtype).eps
    with numpy.errstate(all="ignore"):
        # units of numbers below the normal ones are all alike, and 0 may stand for one of those
        size = 1 if absolutely else numpy.maximum(abs(x), numpy.finfo(x.dtype).smallest_normal)
        return (x + size * change).astype(x.dtype)


def judged(program: Program, run: Run) -> list[Judged]:
    """The outputs beside NumPy's.

    What only IEEE 754's operations made has the same bits. Anything else may be 32 units in the last place
    away, and 4 times as far as changes of 4 units at each step bring it, and 8 times the smallest number.
    """
    check_graph(program.graph)
    found, expected = run(program.graph, program.arrays), outputs(program)
    results = list(map(Judged, found, expected, program.units))
    for seed in range(_RUNS[-1]):
        if seed in _RUNS and not any(each.is_wrong and each.unit for each in results):
            break
        least = 0.5 if seed < _RUNS[1] else 0.0  # a pole may be one unit away
        for each, changed in zip(results, outputs(program, numpy.random.RandomState(seed), least)):
            each.learn(changed)
    return results


class Judged:
    """A result beside NumPy's, and what is known of how far rounding may move it.

    Attributes:
        unit: see ``Value``.
        moved: how far results were that were rounded otherwise.
        runs: how many of these there are.
        scattered: how many were farther away than half of the result.
        alike: where these were all the same infinity, or nan.
    """

    def __init__(self, found: numpy.ndarray, expected: numpy.ndarray, unit: float):
        self.found, self.expected, self.unit = found, expected, unit
        self.moved = numpy.zeros(expected.shape)
        self.runs, self.scattered = 0, numpy.zeros(expected.shape, int)
        self.alike = numpy.ones(expected.shape, bool)

    def learn(self, changed: numpy.ndarray) -> None:
        """A result that was rounded otherwise."""
        if not self.unit or not self.is_alike:
            return
        with numpy.errstate(all="ignore"):
            same = _same(changed, self.expected)
            away = numpy.where(same, 0, abs(changed - self.expected))
            self.moved = numpy.maximum(self.moved, away)
            self.scattered += away > abs(self.expected) / 2
        self.runs += 1
        self.alike &= same

    @property
    def is_near(self) -> numpy.ndarray:
        """Where the result is as near to NumPy's as it has to be, or where it is undecided what is right."""
        if not self.unit:
            return _same(self.found, self.expected)
        with numpy.errstate(all="ignore"):
            factor = numpy.where(2 * self.scattered > self.runs, _TAIL, _FACTOR)
            allowed = factor * self.moved + 32 * self.unit * abs(self.expected)
            allowed += 8 * numpy.finfo(self.expected.dtype).smallest_subnormal
            near = abs(self.found - self.expected) <= allowed
        return near | _same(self.found, self.expected) | (~numpy.isfinite(self.moved) & ~self.alike)

    @property
    def is_wrong(self) -> bool:
        return not self.is_alike or not self.is_near.all()

    @property
    def is_alike(self) -> bool:
        """Whether shapes and dtypes are those of NumPy."""
        return (self.found.shape, self.found.dtype) == (self.expected.shape, self.expected.dtype)

    def __str__(self) -> str:
        if not self.is_alike:
            return f"{self.found.dtype}{self.found.shape}, not {self.expected.dtype}{self.expected.shape}"
        wrong = numpy.argwhere(~self.is_near)
        at = tuple(map(int, wrong[0]))
        return (
            f"{len(wrong)} of {self.found.size} elements, at {at} {self.found[at]!r} instead of "
            f"{self.expected[at]!r}, which rounding moves by {self.moved[at]:.3g}"
        )


def _same(x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    return (x == y) | ((x != x) & (y != y))


def numbered(seed: int, number: int) -> Program:
    """A program of the corpus."""
    return program(Random(f"{seed} {number}"))


def failure(tried: Program, run: Run) -> str:
    """What is wrong with a program, and nothing where it is right."""
    reason = _reason(tried, run)
    if not reason:
        return ""
    made = [var for eqn in tried.graph.eqns for var in eqn.outputs]
    for var in made:  # the shortest beginning that fails
        part = tried.only(var)
        if found := _reason(part, run):
            return f"{part.graph}\n{found}\n{part.arrays}"
    return f"{tried.graph}\n{reason}\n{tried.arrays}"


def _reason(tried: Program, run: Run) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of the mean of no elements
            wrong = [f"output {i}: {each}" for i, each in enumerate(judged(tried, run)) if each.is_wrong]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "\n".join(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.codegen.corpus", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one of them")
    options = parser.parse_args()
    faulthandler.enable()  # instead of MXNet's handler, which does not say where
    started, failed = time.perf_counter(), 0
    for number in range(options.count) if options.only is None else [options.only]:
        print(number, end="\r", file=sys.stderr, flush=True)  # who touches a guard page ends the process
        text = failure(numbered(options.seed, number), run_fused)
        if text:
            failed += 1
            print(f"# seed {options.seed}, number {number}\n{text}\n{'-' * 80}", flush=True)
    print(f"{options.count} programs, {failed} failed, {time.perf_counter() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
