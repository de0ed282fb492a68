"""Threads that compile and call the same and different functions at once, and take gradients between.

In each round new functions are jitted, and eight threads do the same jobs, each in an order of its own, while
Python switches between them every 10 us. Every answer has to be NumPy's. In the middle of a job and after it
a thread has to see its own policy, its own device and its own tape, and nobody may wait for ever.
"""

from __future__ import annotations

import random
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy as np
from minpy.dispatch.policy import OnlyNumPyPolicy
from minpy.errors import PerformanceWarning
from minpy.runtime.policy import current_policy
from minpy.runtime.tape import is_recording

THREADS = 8
_LONGEST = 300.0  # seconds for a round, on the slowest machine


def _waves(x: Any) -> Any:
    return np.sum(np.sin(x) * np.tanh(x), axis=0)


def _writes(x: Any) -> Any:
    y = x * 2
    y[0] = 1
    print(end="")  # stays with Python, so there are two blocks
    return np.dot(y, y.T)


def _written(x: numpy.ndarray) -> numpy.ndarray:
    y = x * 2
    y[0] = 1
    return y @ y.T


def _slope(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.cos(x) * numpy.tanh(x) + numpy.sin(x) / numpy.cosh(x) ** 2


class Round:
    """What the threads of a round share: functions that nobody has called yet."""

    def __init__(self) -> None:
        self.waves = minpy.jit(_waves, cache_size=4)
        self.writes = minpy.jit(_writes)
        self.slope = minpy.jit(minpy.grad(lambda x: np.sum(_waves(x))))

    def jobs(self, number: int) -> list[Callable[[numpy.ndarray], Iterator[tuple[Any, Any]]]]:
        """What thread ``number`` does: each job gives pairs of what came out and what should."""

        def same(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            yield self.waves(x), numpy.sum(numpy.sin(x) * numpy.tanh(x), axis=0)
            yield self.writes(x), _written(x)
            yield self.slope(x), _slope(x)

        def own(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            function = minpy.jit(lambda x: np.exp(-x * x) * number)
            yield function(x), numpy.exp(-x * x) * number

        def eager_gradient(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            def loss(x: Any) -> Any:
                seen.append(is_recording())
                y = self.waves(x)  # its gradient is a graph
                return np.sum(y) + np.sum(np.tanh(x) * number)

            seen: list[bool] = [is_recording()]
            yield minpy.grad(loss)(np.array(x)), _slope(x) + number / numpy.cosh(x) ** 2
            yield [*seen, is_recording()], [False, True, False]
            second = minpy.grad(lambda x: np.sum(minpy.grad(lambda x: np.sum(x**3))(x) * number))
            yield second(np.array(x)), 6 * number * x

        def under_a_policy(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            policy = OnlyNumPyPolicy()
            with policy:
                yield np.tanh(np.array(x)), numpy.tanh(x)
                yield self.waves(x), numpy.sum(numpy.sin(x) * numpy.tanh(x), axis=0)
                yield current_policy() is policy, True
                yield not policy.statistics.mxnet, True
            yield current_policy() is minpy.get_global_policy(), True

        def on_a_device(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            with minpy.cpu(number):
                yield np.cos(np.array(x)), numpy.cos(x)
                yield minpy.current_context().device_id, number
            yield minpy.current_context().device_id, 0

        def kept_out(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            with minpy.eager():
                yield self.writes(x), _written(x)

        def forgotten(x: numpy.ndarray) -> Iterator[tuple[Any, Any]]:
            if number == 0:
                self.waves.cache_clear()
            yield len(str(minpy.explain(self.waves))) > 0, True

        return [same, own, eager_gradient, under_a_policy, on_a_device, kept_out, same, forgotten]


def one_round(seed: int) -> tuple[int, list[str]]:
    """A round of all threads: how many answers were compared, and what was wrong."""
    shared, barrier = Round(), threading.Barrier(THREADS)
    compared, wrong = [0] * THREADS, []

    def work(number: int) -> None:
        draws = random.Random(f"{seed} {number}")
        jobs = shared.jobs(number)
        draws.shuffle(jobs)
        barrier.wait()
        for job in jobs:
            x = numpy.random.RandomState(seed).uniform(-1, 1, (draws.randint(2, 4), 3))
            try:
                for got, want in job(x):
                    compared[number] += 1
                    if not numpy.allclose(numpy.asarray(got), want, rtol=1e-8, atol=1e-8):
                        wrong.append(f"{job.__name__}: {got} is not {want}")
            except BaseException as error:
                wrong.append(f"{job.__name__}: {error!r}")

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(THREADS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerformanceWarning)  # about the cache, which is small on purpose
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_LONGEST)
            if thread.is_alive():
                return sum(compared), [*wrong, "a thread waits for ever"]
    return sum(compared), wrong


def run(count: int) -> tuple[str, list[str]]:
    """``count`` rounds: what was tried, and what was wrong."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    compared, wrong = 0, []
    try:
        for seed in range(count):
            answers, problems = one_round(seed)
            compared += answers
            wrong += [f"round {seed}: {problem}" for problem in problems]
    finally:
        sys.setswitchinterval(before)
    return f"{count:,} rounds of {THREADS} threads, {compared:,} answers", wrong
