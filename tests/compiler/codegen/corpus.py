"""Random programs as machine code, beside NumPy: ``python -m tests.compiler.codegen.corpus --count 100000``.

Programs are numbered within a seed, so several processes with seeds of their own share out the work, and
``--only 17`` runs one again. Each program that fails is printed with the first of its outputs that is wrong.
The status is 1 where one failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy

from minpy.compiler.ir import Graph, check_graph
from minpy.compiler.reference import steps
from tests.compiler.codegen.expressions import Program, program
from tests.compiler.codegen.running import run_fused

Run = Callable[[Graph, Sequence[numpy.ndarray]], list[numpy.ndarray]]

#: units in the last place by which operands are changed to see what rounding does, so that the changes are
#: larger than rounding itself; how often that is done; how many times as far a kernel may be away
_ULPS, _RUNS, _FACTOR = 64, 6, 4


class _Noise:
    """Random numbers for ``reference.steps`` that change operands by ``_ULPS`` units in the last place."""

    def __init__(self, seed: int):
        self._random = numpy.random.RandomState(seed)

    def uniform(self, low: float, high: float, size: Any) -> numpy.ndarray:
        return _ULPS * self._random.uniform(low, high, size)


def _outputs(
    graph: Graph, arrays: Sequence[numpy.ndarray], noise: _Noise | None = None
) -> list[numpy.ndarray]:
    known: dict[Any, numpy.ndarray] = dict(zip(graph.inputs, arrays))
    for step in steps(graph, arrays, noise):  # type: ignore[arg-type]
        known.update(zip(step.eqn.outputs, step.results))
    return [known[var] for var in graph.outputs]  # type: ignore[index]


def wrong_outputs(program: Program, run: Run) -> list[int]:
    """The numbers of outputs that are not NumPy's.

    What only IEEE 754's operations made has the same bits. Anything else may be 32 units in the last place
    away, and 4 times as far as changes of 64 units at each step bring it, and 8 times the smallest number.
    """
    check_graph(program.graph)
    found = run(program.graph, program.arrays)
    expected = _outputs(program.graph, program.arrays)
    runs = [_outputs(program.graph, program.arrays, _Noise(seed)) for seed in range(_RUNS)]
    return [
        i
        for i, unit in enumerate(program.units)
        if _is_wrong(found[i], expected[i], [run[i] for run in runs], unit)
    ]


def _is_wrong(
    found: numpy.ndarray, expected: numpy.ndarray, runs: Sequence[numpy.ndarray], unit: float
) -> bool:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return True
    if not unit:
        return not numpy.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")
    with numpy.errstate(all="ignore"):
        moved = numpy.max([numpy.where(run == expected, 0, abs(run - expected)) for run in runs], axis=0)
        allowed = (
            _FACTOR * moved + 32 * unit * abs(expected) + 8 * numpy.finfo(expected.dtype).smallest_subnormal
        )
        is_near = (found == expected) | (abs(found - expected) <= allowed)
    is_undecided = ~numpy.isfinite(moved) & ~_all_alike(expected, runs)
    return bool((~is_near & ~is_undecided & ~(numpy.isnan(found) & numpy.isnan(expected))).any())


def _all_alike(expected: numpy.ndarray, runs: Sequence[numpy.ndarray]) -> numpy.ndarray:
    """Where all runs give the same infinity, or nan."""
    return numpy.all([(run == expected) | (numpy.isnan(run) & numpy.isnan(expected)) for run in runs], axis=0)


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
        return f"another result than NumPy's: {wrong}" if (wrong := wrong_outputs(tried, run)) else ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.codegen.corpus", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one of them")
    options = parser.parse_args()
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
