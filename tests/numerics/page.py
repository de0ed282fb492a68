"""The tables of cases in docs/numerics.md: ``python -m tests.numerics --write`` makes them anew."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy

import minpy
import minpy.numpy as np
from tests.numerics.cases import CASES, PASSED_ON, REWRITTEN, SPECIAL, Case
from tests.numerics.exact import error, exact

PAGE = Path(__file__).resolve().parents[2] / "docs" / "numerics.md"
HEADING = "## Catastrophic cases\n"


@contextmanager
def without(name: str) -> Iterator[None]:
    """Functions that are compiled inside are so without a pass, if one is named."""
    before = os.environ.get("MINPY_PASSES")
    os.environ["MINPY_PASSES"] = f"-{name}" if name else ""
    try:
        yield
    finally:
        os.environ.pop("MINPY_PASSES")
        if before is not None:
            os.environ["MINPY_PASSES"] = before


def _ways(case: Case, left_out: str, dtype: str) -> list[Any]:
    """What NumPy, eager mode, and the compiler with all passes and without one give."""
    arrays = [numpy.asarray(x, dtype if x.dtype.kind == "f" else x.dtype) for x in case.arrays]
    found = [case.function(numpy, *arrays), case.function(np, *map(np.array, arrays))]
    for name in ("", left_out):
        with without(name):
            found.append(minpy.jit(lambda *args: case.function(np, *args))(*map(np.array, arrays)))
    return found


def errors(case: Case, dtype: str, left_out: str = "fuse") -> list[float]:
    """The errors of NumPy, eager mode, compiled code, and that without a pass, in units in the last place."""
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = case.function(numpy, *[exact(numpy.asarray(x, dtype)) for x in case.arrays])
        return [error(x, want) for x in _ways(case, left_out, dtype)]


def rewrites(name: str) -> bool:
    """Whether a pass changes the graph of its program."""
    case = REWRITTEN[name]
    function = minpy.jit(lambda *args: case.function(np, *args))
    function(*[np.array(x.astype(case.dtypes[0])) for x in case.arrays])
    stages = next(iter(function.root.plans)).compiled.stages
    at = [stage.name for stage in stages].index(name)
    return bool(stages[at].rewritten) or stages[at].size != stages[at - 1].size


def differences(kind: str) -> tuple[int, list[str], int]:
    """How many results were compared with NumPy's, which differ, and how many zeros in their sign."""
    x, y = (z.reshape(-1) for z in numpy.meshgrid(SPECIAL, SPECIAL))
    count, wrong, signs = 0, [], 0
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, function in enumerate(PASSED_ON[kind]):
            for dtype in ("float32", "float64"):
                case = Case(f"{kind} {number}", function, (x.astype(dtype), y.astype(dtype)))
                want, *others = map(numpy.asarray, _ways(case, "fuse", dtype))
                for way, got in zip(("eager", "compiled", "without fusion"), others):
                    count += got.size
                    is_near = numpy.isclose(got, want, rtol=1e-5, atol=0, equal_nan=True)
                    has_sign = numpy.isnan(want)
                    if want.dtype.kind == "f":
                        has_sign |= numpy.signbit(got) == numpy.signbit(want)
                    else:
                        has_sign |= True
                    signs += int((is_near & ~has_sign).sum())
                    wrong += [
                        f"{case.name} {dtype} {way}: {got.flat[at]} is not {want.flat[at]}"
                        for at in numpy.flatnonzero(~is_near | (~has_sign & (want != 0)))
                    ]
    return count, wrong, signs


def bound(x: float) -> str:
    """The power of two that an error is below; the last digits depend on the processor."""
    limit = 0.5
    while limit < x < numpy.inf:
        limit *= 2
    return "none" if x == 0 else f"{limit:g}" if x < numpy.inf else "all"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section() -> str:
    """The part of the page from the heading on."""
    ways = ["NumPy", "eager", "compiled", "without fusion"]
    rows = [
        [f"{case.name}, {dtype}", *map(bound, errors(case, dtype))] for case in CASES for dtype in case.dtypes
    ]
    text = f"""{HEADING}
Where numbers are known to go wrong: the greatest error against the exact result (mpmath, 50 digits) is at
most so many units in its last place (0.5 is perfect rounding, *none* is exact). Of what cancels few digits
are left, in NumPy as here. MXNet adds up long sums one by one; compiled code does so only without fusion.
`python -m tests.numerics --write` makes the tables anew; tests hold the code to them.

{_table(["case", *ways], rows)}
nan, infinities, signed zeros and denormal numbers come out where they do in NumPy, for each pair of
{len(SPECIAL)} special numbers, of float32 and float64, in eager mode, compiled, and compiled without fusion:

"""
    counted = []
    for kind, expressions in PASSED_ON.items():
        count, wrong, signs = differences(kind)
        counted.append([kind, f"{len(expressions)}", f"{count:,}", f"{len(wrong)}", f"{signs}"])
    text += _table(["kind", "expressions", "results", "that differ", "zeros of the other sign"], counted)
    text += """
The signs are those of the larger or the smaller of 0.0 and -0.0, which IEEE 754 leaves open, and of sums and
means of nothing but -0.0.
"""
    rows = [
        [f"`{name}`: {case.name}, {dtype}", *map(bound, errors(case, dtype, name))]
        for name, case in REWRITTEN.items()
        for dtype in case.dtypes
    ]
    text += f"""
## Errors of what passes rewrite

For each pass a program that it rewrites, with all passes and without that one, in the same units:

{_table(["pass", *ways[:3], "without the pass"], rows)}"""
    return text
