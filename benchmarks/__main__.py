"""``python -m benchmarks [CASE ...]``: MinPy beside its peers. A run of all writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
from statistics import median

from benchmarks import fresh, kernels, page
from benchmarks.cases import WORKS, named
from benchmarks.machine import describe
from benchmarks.measure import Bench, Line
from benchmarks.peers import PEERS

_FRESH = ("compile", "memory")  # two columns of one measurement
_FIRST = "first"
_KERNELS = "bandwidth"
_IN_THEIR_PROCESS = (*_FRESH, _FIRST, _KERNELS)


def show(line: Line) -> None:
    """Print what was measured of one work."""
    base = line.results["minpy compiled"].seconds if "minpy compiled" in line.results else 0.0
    print(f"\n{line.name}: {line.work.title}")
    print(f"  {'':16}{'ms':>10}{'ratio':>9}{'first call s':>15}")
    for peer, result in line.results.items():
        ratio = f"{result.seconds / base:9.2f}" if base else " " * 9
        numbers = f"{result.seconds * 1e3:10.3f}{ratio}{result.first:15.2f}" if result.seconds else ""
        print(f"  {peer:16}{numbers}{'  ' + result.note if result.note else ''}", flush=True)


def show_fresh(name: str, found: dict[str, fresh.Fresh]) -> None:
    """Print first calls and memory of one work."""
    print(f"\n{name}, in a fresh process")
    print(f"  {'':16}{'first call s':>15}{'peak MB':>10}{'after import MB':>18}")
    for peer, result in found.items():
        numbers = f"{result.first:15.2f}{result.memory:10.0f}{result.import_memory:18.0f}"
        print(f"  {peer:16}{result.note or numbers}", flush=True)


def show_first(name: str, found: dict[str, list[float]]) -> None:
    """Print first calls of one work: medians and the least of each peer."""
    told = [f"{peer} {median(x) * 1e3:.0f} ({min(x) * 1e3:.0f})" for peer, x in found.items()]
    told += [f"{of:.2f}" for of in [fresh.ratio(found)] if of]
    print(f"  {name:22}{', '.join(told)}", flush=True)


def main() -> None:
    """Command line."""
    cases = [*dict.fromkeys(name.split()[0] for name in WORKS), *_IN_THEIR_PROCESS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(cases)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--threads", type=int, default=2, help="for each library; default: 2")
    arguments = parser.parse_args()
    chosen = arguments.cases or cases
    for case in chosen:
        if case not in _IN_THEIR_PROCESS and not named(case):
            parser.error(f"no case {case!r}")
    machine = describe(arguments.threads)
    print(machine)
    print("medians of interleaved rounds; ratio: to minpy compiled, above 1 is slower")
    lines, alone, firsts = [], {}, {}
    with Bench(arguments.peers, arguments.threads) as bench:
        for name in [name for case in chosen if case not in _IN_THEIR_PROCESS for name in named(case)]:
            lines.append(bench.measure(name, arguments.rounds))
            show(lines[-1])
    if set(chosen) & set(_FRESH):
        for name in fresh.FRESH:
            alone[name] = fresh.measure(name, arguments.peers, arguments.threads)
            show_fresh(name, alone[name])
    if _FIRST in chosen:
        print("\nfirst calls in fresh processes: median ms (least), ratio of the medians")
        for name, found in fresh.first_calls(arguments.peers, arguments.threads):
            firsts[name] = found
            show_first(name, found)
    by_themselves = kernels.described(kernels.measure(arguments.threads)) if _KERNELS in chosen else ""
    print(f"\nkernels by themselves\n{by_themselves}" if by_themselves else "")
    if not arguments.cases and arguments.peers == list(PEERS):
        page.write(lines, alone, firsts, by_themselves, arguments.peers, bench.missing, machine)


if __name__ == "__main__":
    main()
