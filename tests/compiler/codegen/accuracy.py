"""Measures the errors of the elementary functions; prints a table for docs/numerics.md.

    python -m tests.compiler.codegen.accuracy [function ...]

float32: at one of each 32 bit patterns in a row, against NumPy's (or SciPy's) float64; of two arguments at
a million pairs. Both dtypes: at a million points, against mpmath.
"""

from __future__ import annotations

import sys

import numpy
import scipy.special

from tests.compiler.codegen.exact import EXACT, exactly
from tests.compiler.codegen.machine import compiled
from tests.compiler.codegen.references import BINARY, UNARY, pairs, points, quiet, ulps

STEP = 32
SINGLE = {**UNARY, **BINARY, "erf": quiet(scipy.special.erf), "erfc": quiet(scipy.special.erfc)}
_ROUND = 1 << 20
LEAST = 1_000_000


def errors_of_patterns(name: str, rng: numpy.random.Generator) -> tuple[float, int]:
    """The greatest error for float32 against float64, and of how many points."""
    if name in BINARY:
        operands = pairs("float32", 170000, rng)
        return _single(name, *operands), operands[0].size
    worst = 0.0
    for start in range(0, 1 << 32, STEP * _ROUND):
        bits = numpy.arange(start, start + STEP * _ROUND, STEP, dtype=numpy.uint64)
        bits += rng.integers(STEP, size=_ROUND, dtype=numpy.uint64)
        x = bits.astype(numpy.uint32).view(numpy.float32)
        worst = max(worst, _single(name, numpy.where(numpy.isnan(x), numpy.float32("nan"), x)))
    return worst, (1 << 32) // STEP


def _single(name: str, *operands: numpy.ndarray) -> float:
    got = compiled(name, "float32", len(operands))(*operands)
    want = SINGLE[name](*[x.astype(numpy.float64) for x in operands])
    return float(_errors(name, got, want, operands).max())


def exact_errors(name: str, dtype: str, rng: numpy.random.Generator) -> tuple[float, int]:
    """The greatest error against mpmath, and of how many points.

    mpmath is asked where no argument is 0 and nothing is infinite or nan; the others have to be NumPy's.
    """
    worst, count = 0.0, 0
    while count < LEAST:
        operands = pairs(dtype, 60000, rng) if name in BINARY else (points(dtype, 60000, rng),)
        got = compiled(name, dtype, len(operands))(*operands)
        want = SINGLE[name](*[x.astype(numpy.float64) for x in operands]).astype(numpy.longdouble)
        usual = numpy.isfinite(want) & ((want != 0) | (got != 0))  # SciPy makes 0 of what is denormal
        for x in operands:
            usual &= numpy.isfinite(x) & (x != 0)
        want[usual] = exactly(name, *[x[usual] for x in operands])
        worst = max(worst, float(_errors(name, got, want, operands).max()))
        count += int(usual.sum())
    return worst, count


def _errors(
    name: str, got: numpy.ndarray, want: numpy.ndarray, operands: tuple[numpy.ndarray, ...]
) -> numpy.ndarray:
    return ulps(got, want, *(operands if name.startswith("logaddexp") else ()))


def main(names: list[str]) -> None:
    print("| function | float32 | points | float32, mpmath | points | float64, mpmath | points |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in names or EXACT:
        found = [errors_of_patterns(name, numpy.random.default_rng(1))]
        found += [exact_errors(name, dtype, numpy.random.default_rng(1)) for dtype in ("float32", "float64")]
        cells = [f"`{name}`", *[cell for worst, count in found for cell in (f"{worst:.2f}", f"{count:,}")]]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
