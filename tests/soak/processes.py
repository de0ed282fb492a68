"""Processes that compile the same functions at once, on one cache folder.

Each function is compiled by every process, with its gradient, in an order of the process's own. Meanwhile

- ``together``: nothing else happens;
- ``killed``: half of the processes are killed (SIGKILL) at some moment;
- ``damaged``: files of the folder are cut off, changed or removed, over and over;
- ``crowded``: there is room for a few entries only, so that all processes remove old ones.

Every answer has to be NumPy's, and the same bits in all processes; afterwards every file has to be whole, and
a process that comes later finds all graphs there.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy as np
from minpy.runtime import artefacts
from minpy.runtime.artefacts import Artefacts

TRIALS = "together", "killed", "damaged", "crowded"
FUNCTIONS = 12
_STEPS = 6  # of a function, three operations each
_OPS = "tanh", "sin", "cos", "arctan"


def function(number: int, library: Any) -> Callable[[Any], Any]:
    """A function that has constants, and so an entry, of its own."""
    draws = random.Random(number)
    steps = [(getattr(library, draws.choice(_OPS)), draws.uniform(0.5, 1.5)) for _ in range(_STEPS)]

    def long(x: Any) -> Any:
        y = x
        for op, factor in steps:
            y = op(y * factor) + 0.25
        return library.sum(library.dot(y, x.T))

    return long


X = numpy.linspace(-1, 1, 12).reshape(3, 4)


def answers(number: int) -> tuple[list[numpy.ndarray], bool]:
    """What a function and its gradient give, compiled, and whether all graphs came from the folder."""
    jitted = minpy.jit(function(number, np))
    found = [jitted(X), minpy.grad(jitted)(X)]
    versions = [v for region in minpy.explain(jitted).to_dict()["regions"] for v in region["versions"]]
    return list(map(numpy.asarray, found)), all(version["was_kept"] for version in versions)


def expected(number: int) -> list[numpy.ndarray]:
    """The same from NumPy, the gradient by central differences of the fourth order."""
    plain, h = function(number, numpy), 1e-3
    gradient = numpy.empty_like(X)
    for at in numpy.ndindex(*X.shape):
        moved = numpy.zeros_like(X)
        moved[at] = h
        near, far = (plain(X + k * moved) - plain(X - k * moved) for k in (1, 2))
        gradient[at] = (8 * near - far) / (12 * h)
    return [plain(X), gradient]


def work(folder: Path, result: Path, count: int, seed: int, is_crowded: bool, start: Path) -> None:
    """What a process does: compile everything, and write the answers down at the end."""
    minpy.cache_dir(folder)
    if is_crowded:
        artefacts.MOST_BYTES, artefacts._LOOKS_EVERY = 1 << 16, 1
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    result.with_suffix(".ready").touch()
    while not start.exists():  # not a barrier, which those who are killed would lock
        time.sleep(0.01)
    found = {}
    for number in numbers:
        values, was_kept = answers(number)
        found[number] = [*[x.tolist() for x in values], was_kept]
    result.write_text(json.dumps(found))


def _damage(folder: Path, draws: random.Random) -> None:
    """Remove a file, or cut it off, or change a byte, in place."""
    files = list(folder.glob("*.json"))
    if not files:
        return
    path, kind = draws.choice(files), draws.randrange(3)
    with contextlib.suppress(FileNotFoundError):  # somebody else has removed it
        if kind == 0:
            path.unlink()
            return
        with path.open("r+b") as file:
            place = draws.randrange(path.stat().st_size + 1)
            if kind == 1:
                file.truncate(place)
            else:
                file.seek(place)
                file.write(bytes([draws.randrange(256)]))


def _is_whole(folder: Path) -> bool:
    """Whether every entry has a right checksum, and nothing else is left."""
    store = Artefacts(folder)
    names = [path.name for path in folder.iterdir()]
    return all(name.endswith(".json") and store.read(name[:-5]) is not None for name in names)


def trial(kind: str, processes: int, functions: int, seed: int = 0) -> tuple[int, list[str]]:
    """Let processes work at once on one folder. How many answers were compared, and what was wrong."""
    draws, context = random.Random(f"{kind} {seed}"), multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "cache"
        folder.mkdir(mode=0o700)
        results = [Path(base) / str(number) for number in range(processes)]
        start = Path(base) / "start"
        running = [
            context.Process(target=work, args=(folder, result, functions, n, kind == "crowded", start))
            for n, result in enumerate(results)
        ]
        for process in running:
            process.start()
        while not all(result.with_suffix(".ready").exists() for result in results):
            time.sleep(0.01)
        start.touch()
        victims = running[: processes // 2] if kind == "killed" else []
        for victim in victims:
            time.sleep(draws.uniform(0, 0.05 * functions / len(victims)))
            victim.kill()
        while kind == "damaged" and any(process.is_alive() for process in running):
            _damage(folder, draws)
            time.sleep(0.002)
        for process in running:
            process.join()
        wrong = [
            f"{kind}: a process ended with {process.exitcode}"
            for process in running
            if process.exitcode not in (0, *[-signal.SIGKILL] * (process in victims))
        ]
        if kind == "killed":  # as after an hour
            for path in folder.glob("*.tmp"):
                path.unlink()
        later = Path(base) / "later"
        for _ in range(2):  # the first writes what is missing
            process = context.Process(target=work, args=(folder, later, functions, 0, False, start))
            process.start()
            process.join()
        found = [json.loads(path.read_text()) for path in [*results, later] if path.exists()]
        wrong += [
            f"{kind}: function {n}: {problem}" for n in range(functions) for problem in _compared(n, found)
        ]
        if not _is_whole(folder):
            wrong.append(f"{kind}: the folder is not whole")
        if not all(was_kept for *_, was_kept in found[-1].values()):
            wrong.append(f"{kind}: a later process did not find all graphs")
        return len(found) * functions, wrong


def _compared(number: int, found: list[dict[str, list]]) -> list[str]:
    """What is wrong with the answers of a function."""
    mine = [answer[str(number)][:2] for answer in found]
    wrong = [] if all(answer == mine[0] for answer in mine) else ["processes differ"]
    for got, want in zip(mine[0], expected(number)):
        if not numpy.allclose(got, want, rtol=1e-8, atol=1e-8):
            wrong.append(f"{got} is not {want}")
    return wrong


def run(count: int) -> tuple[str, list[str]]:
    """All trials with ``count`` processes each: what was tried, and what was wrong."""
    answers, wrong = 0, []
    for kind in TRIALS:
        compared, problems = trial(kind, count, FUNCTIONS)
        answers += compared
        wrong += problems
    return f"{len(TRIALS)} x {count} processes x {FUNCTIONS} functions, {answers:,} answers", wrong
