"""Many random programs, with NumPy and with MinPy: ``python -m tests.fuzz --programs 10000 --seed 1``.

A fifth of them is compared value by value (``--kind values``), a fifth is differentiated (``--kind
gradients``), and a fifth is the body of a function that keeps state, compared jitted and plain (``--kind
jit``). One more is that too, with one of the compiler's passes left out, or all (``--kind settings``), and
the last looks like what the compiler has an operator for, and mostly is (``--kind lookalikes``). What
fails is printed as short as it can be made, values and gradients as scripts; what shows a bug of MinPy goes
into ``tests/fuzz/kept.py``. The status is 1 where one failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.fuzz.checks import KINDS
from tests.fuzz.program import Program
from tests.fuzz.runner import run_programs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=1000, help="how many, of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=sorted(KINDS), action="append", help="only programs of this kind")
    options = parser.parse_args()
    kinds = options.kind or list(KINDS)
    failed = sum(run_kind(kind, options.programs // len(kinds), options.seed) for kind in kinds)
    return 1 if failed else 0


def run_kind(kind: str, count: int, seed: int) -> int:
    """Run programs of one kind and print those that fail; gives their number."""
    failed = 0
    started = time.perf_counter()

    def report(program: Program, error: Exception) -> None:
        nonlocal failed
        failed += 1
        text = program.script if kind in ("values", "gradients", "lookalikes") else program
        print(f"{text}\n# {kind}: {error!r}\n{'-' * 80}", flush=True)

    run_programs(KINDS[kind], count, seed, report)
    print(f"{kind}: {count} programs, {failed} failed, {time.perf_counter() - started:.0f} s", flush=True)
    return failed


sys.exit(main())
