"""What has to hold for hours: ``python -m tests.soak NAME --count N``; the status is 1 where anything failed.

The names are those of ``RUNS``; without one all of them run. docs/reliability.md has the results.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MINPY_CACHE_DIR", "")

#: name -> the function that does it, and how many, unless that is said
RUNS = {
    "processes": ("tests.soak.processes.run", 8),
    "threads": ("tests.soak.threads.run", 100),
    "faults": ("tests.faults.checks.run", 300),
    "interrupts": ("tests.faults.checks.interrupts", 2000),
    "workers": ("tests.distributed.equality.run", 200),
    "kills": ("tests.distributed.kills.kills", 50),
    "stalls": ("tests.distributed.kills.stalls", 20),
    "calls": ("tests.soak.endurance.calls", 1_000_000),
    "signatures": ("tests.soak.endurance.signatures", 50_000),
    "gradients": ("tests.soak.endurance.gradients", 100_000),
    "kernels": ("tests.soak.random_programs.kernels", 100_000),
    "programs": ("tests.soak.random_programs.programs", 200_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(RUNS))
    parser.add_argument("--count", type=int, help="how many, where that is not to be as many as by default")
    options = parser.parse_args()
    unknown = set(options.names) - RUNS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
    failed = 0
    for name in options.names or RUNS:
        started = time.perf_counter()
        place, count = RUNS[name]
        module, _, function = place.rpartition(".")
        run = getattr(importlib.import_module(module), function)
        tried, wrong = run(options.count or count)
        print(*wrong[:20], sep="\n", end="\n" * bool(wrong))
        seconds = time.perf_counter() - started
        print(
            f"{name}: {tried}; {len(wrong)} failed; {seconds:.0f} s, {time.strftime('%Y-%m-%d')}", flush=True
        )
        failed += len(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
