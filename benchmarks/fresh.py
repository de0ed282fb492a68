"""First call and memory: what a program pays that runs only once. Each number from a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cases import WORKS
from benchmarks.measure import FIRST_CALL_LIMIT, Failed, Process
from benchmarks.peers import missing

FRESH = ("overhead gradient", "mlp", "cnn", "lstm 28x64")


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
