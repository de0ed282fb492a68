"""First call and memory: what a program pays that runs only once. Each number from a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.cases import WORKS
from benchmarks.measure import FIRST_CALL_LIMIT, Failed, Process
from benchmarks.peers import missing

FRESH = ("overhead gradient", "mlp", "cnn", "lstm 28x64")

#: whose first call depends on a compiler of its own, and the works that are measured so
COMPILERS = ("minpy compiled", "jax jit")
FIRST = (
    "elementwise value",
    "elementwise gradient",
    "logistic",
    "rnn 28x64",
    "rnn 112x100",
    "lstm 28x64",
    "gru 28x64",
    "attention",
    "black_scholes",
    "gmm_em",
    "nbody",
    "chain",
)
TURNS = 7
_ENOUGH = 4.0  # seconds of first calls in all, after which a peer has no more turns


@dataclass
class Fresh:
    """Seconds of the first call after the import, and MB: peak resident memory beyond that of the import."""

    first: float = 0.0
    import_memory: float = 0.0
    memory: float = 0.0
    note: str = ""


def measure(name: str, peers: list[str], threads: int) -> dict[str, Fresh]:
    """One work, all peers."""
    found: dict[str, Fresh] = {}
    leave_out = WORKS[name]().leave_out
    for peer in peers:
        if missing(peer) or peer in leave_out:
            continue
        process = Process(peer, threads)
        try:
            answer = process.ask(FIRST_CALL_LIMIT, do="first", name=name)
            if answer.get("lacks"):
                continue
            process.ask(do="run", seconds=0.5)
            before, after = process.started["VmRSS"], process.ask(do="memory")["VmHWM"]
            found[peer] = Fresh(answer["seconds"], before, after - before)
        except Failed as failure:
            found[peer] = Fresh(note=str(failure))
        finally:
            process.close()
    return found


def first_calls(peers: list[str], threads: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Name of a work, and by peer the seconds of its first call in fresh processes, which take turns.

    A peer that fails at a work is left out of it.
    """
    for name in FIRST:
        left = [peer for peer in COMPILERS if peer in peers and not missing(peer)]
        found: dict[str, list[float]] = {}
        for _ in range(TURNS):
            for peer in tuple(left):
                seconds = found.setdefault(peer, [])
                process = Process(peer, threads)
                try:
                    seconds.append(process.ask(FIRST_CALL_LIMIT, do="first", name=name)["seconds"])
                except Failed:
                    del found[peer]
                    left.remove(peer)
                    continue
                finally:
                    process.close()
                if sum(seconds) >= _ENOUGH:
                    left.remove(peer)
        yield name, found


def ratio(found: dict[str, list[float]]) -> float | None:
    """The median of MinPy's in relation to that of JAX, if both are there."""
    ours, theirs = (found.get(peer) for peer in COMPILERS)
    return statistics.median(ours) / statistics.median(theirs) if ours and theirs else None
