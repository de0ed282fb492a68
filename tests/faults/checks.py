"""What has to hold after a fault: everything is as it was, and the next call gives the right answer."""

from __future__ import annotations

import contextlib
import gc
import io
import random
import sys
import threading
import time
import warnings
from typing import Any

import numpy

from minpy.compiler.eager import compiles_now
from minpy.compiler.jit import JitFunction, jitted_functions
from minpy.ops import op
from minpy.runtime import context, forking, native, policy, stopwatch, tape, watch
from minpy.runtime.engine import mx
from tests.faults.injector import KINDS, Alarm, Injector
from tests.faults.programs import PROGRAMS

_CALLS = 2  # the second one takes other ways


def surroundings() -> dict[str, Any]:
    """What calls may change for a while, but have to put back."""
    return {
        "interpreter": op.thread.interpreter,
        "tape": tape._current.tape,
        "open tapes": len(tape._open),
        "policies": list(policy._current.stack),
        "devices": list(context.thread.blocks),
        "compiles": compiles_now(),
        "compiling threads": dict(forking.compilation._depths),
        "garbage collection": gc.isenabled(),
        "errors of floats": numpy.geterr(),
        "warnings": list(warnings.filters),
        "stopwatch": stopwatch.current,
        "debug_nans": watch.current,
        "threads": native.openmp_threads(),
        "MXNet's training": mx.autograd.is_training(),
        "random numbers": numpy.random.get_state()[1].tolist(),
    }


def _is_free(function: JitFunction) -> bool:
    """Whether another thread can compile the function."""
    found = []

    def take() -> None:
        found.append(function.program is None or function.program.lock.acquire(blocking=False))
        if found[0] and function.program is not None:
            function.program.lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return found[0]


class _Trial:
    """A program made anew, with arguments of its own."""

    def __init__(self, name: str):
        with jitted_functions() as self.jitted:
            self.function, self.args = PROGRAMS[name]()

    def call(self) -> list[numpy.ndarray]:
        """The results of a call."""
        with contextlib.redirect_stdout(io.StringIO()):
            answer = self.function(*self.args)
        return [numpy.asarray(x) for x in (answer if isinstance(answer, (tuple, list)) else [answer])]

    def content(self) -> list[list]:
        """What the arguments hold."""
        return [numpy.asarray(x).tolist() for x in self.args]


def history(name: str) -> tuple[list[list[numpy.ndarray]], list[list[list]]]:
    """The answers of the first calls, and what the arguments hold before and after each."""
    trial = _Trial(name)
    answers, contents = [], [trial.content()]
    for _ in range(_CALLS):
        answers.append(trial.call())
        contents.append(trial.content())
    return answers, contents


def passed(name: str, kind: str) -> list[int]:
    """The numbers of the points that the first calls pass, the first time that each is passed."""
    injector, trial = Injector(kind), _Trial(name)
    injector.run(lambda: [trial.call() for _ in range(_CALLS)])
    return sorted({point: number for number, point in reversed(list(enumerate(injector.points)))}.values())


def check(name: str, injector: Injector | Alarm) -> list[str]:
    """Let a fault come up in the first calls of a program, and say what is wrong after it."""
    answers, contents = history(name)
    before, trial, stdout = surroundings(), _Trial(name), sys.stdout
    wrong = []
    try:
        injector.run(lambda: [trial.call() for _ in range(_CALLS)])
    except BaseException as error:
        if not (_is_from(error, injector.raised) or _comes_again(error, injector.raised)):
            wrong.append(f"{error!r} came instead")
    else:  # the compiler leaves what it cannot do to Python
        if isinstance(injector.raised, KeyboardInterrupt):
            wrong.append("the interrupt was lost")
    sys.stdout = stdout  # that interrupt may have come as it was to be put back
    if injector.raised is not None:
        injector.raised.__traceback__ = None  # which has the frames, and what is in them
    after = surroundings()
    wrong += [f"{name} is {after[name]}, was {was}" for name, was in before.items() if after[name] != was]
    if not all(map(_is_free, trial.jitted)):
        wrong.append("a lock is held")
    wrong += [f"{now} is half written" for now, *known in zip(trial.content(), *contents) if now not in known]
    try:
        for want in answers:
            for x, then in zip(trial.args, contents[0]):
                x[...] = numpy.array(then)
            got = trial.call()
            if not all(numpy.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(got, want)):
                wrong.append(f"the next call gives {got}, not {want}")
            contents[0] = trial.content()
    except BaseException as error:
        wrong.append(f"the next call raised {error!r}")
    return [f"{name}: {injector}: {problem}" for problem in wrong]


def _is_from(error: BaseException | None, injected: BaseException | None) -> bool:
    """Whether an exception has the injected one in its chain."""
    while error is not None and error is not injected:
        error = error.__cause__ or error.__context__
    return error is injected


def _comes_again(error: BaseException, injected: BaseException | None) -> bool:
    """Whether it is an interrupt that came where it could not be raised, and was put off."""
    return isinstance(error, KeyboardInterrupt) and isinstance(injected, KeyboardInterrupt)


def run(count: int) -> tuple[str, list[str]]:
    """Faults of each kind at ``count`` places of each program: what was tried, and what was wrong."""
    tried, places, wrong = 0, 0, []
    for name in PROGRAMS:
        for kind in KINDS:
            numbers = passed(name, kind)
            chosen = random.Random(0).sample(numbers, min(count, len(numbers)))
            for at in chosen:
                wrong += check(name, Injector(kind, at))
            tried, places = tried + len(chosen), places + len(numbers)
    return f"{tried:,} faults at {places:,} places of {len(PROGRAMS)} programs", wrong


def interrupts(count: int) -> tuple[str, list[str]]:
    """Interrupts by a signal at random moments, ``count`` of them: what was tried, and what was wrong."""
    draws, came, wrong = random.Random(0), 0, []
    for name in PROGRAMS:
        history(name)
        started = time.perf_counter()
        history(name)
        took = time.perf_counter() - started
        for _ in range(count // len(PROGRAMS)):
            alarm = Alarm(draws.uniform(0, took))
            wrong += check(name, alarm)
            came += alarm.raised is not None
    return f"{came:,} interrupts by signals in {len(PROGRAMS)} programs", wrong
