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
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy

from minpy.compiler.ir import Graph, Literal, check_graph, evaluate
from tests.compiler.codegen.expressions import Program, program
from tests.compiler.codegen.running import run_fused

Run = Callable[[Graph, Sequence[numpy.ndarray]], list[numpy.ndarray]]

#: units in the last place by which results are changed to see what that does to later ones, how often that is
#: done, and how many times as far a kernel may be away
_ULPS, _RUNS, _FACTOR = 4, 8, 4
#: differences of numbers of the size of 1 and more, however small they are
_DIFFERENCES = frozenset(("log_softmax",))


def outputs(program: Program, random: numpy.random.RandomState | None = None) -> list[numpy.ndarray]:
    """What NumPy gives; with ``random`` if it rounded otherwise, wherever it is free to do so.

    This is Monte Carlo arithmetic (see ``minpy/compiler/reference.py``) with changes that rounding does
    not swallow.
    """
    known: dict[Any, numpy.ndarray] = dict(zip(program.graph.inputs, program.arrays))
    for eqn in program.graph.eqns:
        given = [x.value if isinstance(x, Literal) else known[x] for x in eqn.inputs]
        (var,) = eqn.outputs
        is_free = random is not None and bool(program.all_units[var])
        if is_free:
            terms = max(1.0, numpy.size(given[0]) / max(1, var.aval.size))
            given = [_changed(x, random, terms**0.5) for x in given]
        (result,) = evaluate(eqn.op, given, eqn.params)
        result = result.astype(var.aval.dtype, copy=False)
        known[var] = _changed(result, random, 1, eqn.op.name in _DIFFERENCES) if is_free else result
    return [known[var] for var in program.graph.outputs]  # type: ignore[index]


def _changed(x: Any, random: Any, factor: float, absolutely: bool = False) -> Any:
    """Floats with changes of some units in the last place, never of none."""
    if not isinstance(x, numpy.ndarray) or x.dtype.kind != "f":
        return x
    change = random.uniform(0.5, 1, x.shape) * random.choice((-1, 1), x.shape)
    change *= _ULPS * factor * numpy.finfo(x.dtype).eps
    with numpy.errstate(all="ignore"):
        # units of numbers below the normal ones are all alike, and 0 may stand for one of those
        size = 1 if absolutely else numpy.maximum(abs(x), numpy.finfo(x.dtype).smallest_normal)
        return (x + size * change).astype(x.dtype)


def wrong_outputs(program: Program, run: Run) -> list[int]:
    """The numbers of outputs that are not NumPy's.

    What only IEEE 754's operations made has the same bits. Anything else may be 32 units in the last place
    away, and 4 times as far as changes of 4 units at each step bring it, and 8 times the smallest number.
    """
    check_graph(program.graph)
    found = run(program.graph, program.arrays)
    expected = outputs(program)
    runs = [outputs(program, numpy.random.RandomState(seed)) for seed in range(_RUNS)]
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
