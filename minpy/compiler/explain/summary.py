"""The first lines of a report: where the run time goes, and what to fix first."""

from __future__ import annotations

from collections import Counter

from minpy.compiler.explain.report import Leftover, Recompilation, Region, Shares
from minpy.compiler.explain.text import duration, plural

ENOUGH = 0.95  # of the run time compiled: then there is nothing to fix


def verdict(
    shares: Shares,
    regions: list[Region],
    leftovers: list[Leftover],
    recompilations: list[Recompilation],
    recompile_seconds: float,
) -> str:
    """Where the run time of a function goes that was called, and what to fix first."""
    total = shares.total
    if not total:
        return _split(regions, leftovers)
    parts = [f"{shares.compiled / total:.0%} of the run time compiled"]
    if leftovers:
        parts.append(f"{shares.leftover / total:.0%} left to Python")
    parts.append(f"{shares.overhead / total:.0%} overhead")
    costs = {"leftovers": shares.leftover, "overhead": shares.overhead, "compiling": recompile_seconds}
    worst = max(costs, key=lambda name: costs[name])
    if shares.compiled >= ENOUGH * total and recompile_seconds < total:
        fix = "nothing to fix"
    elif worst == "leftovers":
        slowest = max(leftovers, key=lambda item: item.seconds)
        fix = f"fix first line {slowest.line}: {slowest.reason}"
    elif worst == "compiling":
        reason, _ = Counter(item.reason for item in recompilations).most_common(1)[0]
        fix = f"fix first what compiles again, {plural(len(recompilations), 'time')}: {reason}"
    else:
        fix = "to lower the overhead, jit the loop that calls it, or use larger arrays"
    everything = "" if leftovers else "everything is compiled; "
    return f"{everything}{', '.join(parts)}; {fix}"


def _split(regions: list[Region], leftovers: list[Leftover]) -> str:
    if not leftovers:
        return "everything is compiled; nothing to fix"
    left = [item for item in leftovers if not item.is_unforeseen]
    text = f"{plural(len(regions), 'region')} compiled, {plural(len(left), 'statement')} left to Python"
    unforeseen = len(leftovers) - len(left)
    return text + (f", {unforeseen} not foreseen" if unforeseen else "")


def counts(calls: int, hits: int, compilations: int, seconds: float, evictions: int) -> str:
    """Calls and compilations, in words."""
    given_up = f", {evictions} given up for newer ones" if evictions else ""
    return (
        f"{plural(calls, 'call')}, {hits} found compiled; "
        f"{plural(compilations, 'compilation')} in {duration(seconds)}{given_up}"
    )
