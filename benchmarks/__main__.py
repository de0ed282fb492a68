"""``python -m benchmarks [CASE ...]``: MinPy beside its peers."""

from __future__ import annotations

import argparse

from benchmarks.cases import WORKS, named
from benchmarks.machine import describe
from benchmarks.measure import Bench, Line
from benchmarks.peers import PEERS


def show(line: Line) -> None:
    """Print what was measured of one work."""
    base = line.results["minpy compiled"].seconds if "minpy compiled" in line.results else 0.0
    print(f"\n{line.name}: {line.work.title}")
    print(f"  {'':16}{'ms':>10}{'ratio':>9}{'first call s':>15}")
    for peer, result in line.results.items():
        ratio = f"{result.seconds / base:9.2f}" if base else " " * 9
        numbers = f"{result.seconds * 1e3:10.3f}{ratio}{result.first:15.2f}" if result.seconds else ""
        print(f"  {peer:16}{numbers}{'  ' + result.note if result.note else ''}", flush=True)


def main() -> None:
    """Command line."""
    cases = list(dict.fromkeys(name.split()[0] for name in WORKS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(cases)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--threads", type=int, default=2, help="for each library; default: 2")
    arguments = parser.parse_args()
    names = [
        name for case in arguments.cases or cases for name in named(case) or parser.error(f"no case {case}")
    ]
    print(describe(arguments.threads))
    print("medians of interleaved rounds; ratio: to minpy compiled, above 1 is slower")
    with Bench(arguments.peers, arguments.threads) as bench:
        for name in names:
            show(bench.measure(name, arguments.rounds))


if __name__ == "__main__":
    main()
