"""Learning rates that change: functions that take the number of a step, from 0, and give a factor.

    schedule = schedules.sequence([schedules.warmup(500), schedules.cosine(10_000)], [500])
    rate = 0.1 * schedule(step)

Each function here makes a schedule. One of your own is any function of a number that gives a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minpy.nn.checks import require_positive

Schedule = Callable[[float], float]

__all__ = ["constant", "cosine", "exponential", "product", "sequence", "step", "warmup"]


def constant(factor: float = 1.0) -> Schedule:
    """The same factor always."""
    return lambda number: factor


def step(every: int, factor: float = 0.1) -> Schedule:
    """Multiplied by ``factor`` after ``every`` steps: factor ** (number // every)."""
    _positive(every, "every")
    return lambda number: factor ** (number // every)


def exponential(factor: float, every: int = 1) -> Schedule:
    """Multiplied by ``factor`` in the course of ``every`` steps: factor ** (number / every)."""
    _positive(factor, "factor")
    _positive(every, "every")
    return lambda number: factor ** (number / every)


def cosine(steps: int, last: float = 0.0) -> Schedule:
    """From 1 down to ``last`` along half a wave of a cosine within ``steps`` steps, and ``last`` behind them.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), equation 5.
    """
    _positive(steps, "steps")

    def rate(number: float) -> float:
        return last + (1 - last) * (1 + math.cos(math.pi * min(number / steps, 1.0))) / 2

    return rate


def warmup(steps: int, first: float = 0.0) -> Schedule:
    """From ``first`` up to 1 along a line within ``steps`` steps, and 1 behind them.

    Goyal et al., "Accurate, Large Minibatch SGD" (2017), section 2.2. The step number 0 has (nearly) the
    factor ``first``: (number + 1) / (steps + 1) of the way are done behind it, so that no step does nothing.
    """
    _positive(steps, "steps")
    return lambda number: first + (1 - first) * min((number + 1) / (steps + 1), 1.0)


def product(*schedules: Schedule) -> Schedule:
    """The factors of all of them, multiplied. Raises TypeError for what cannot be called."""
    for schedule in schedules:
        if not callable(schedule):
            raise TypeError(f"schedules are functions of the number of a step, not {schedule!r}")
    return lambda number: math.prod(schedule(number) for schedule in schedules)


def sequence(schedules: Sequence[Schedule], lengths: Sequence[int]) -> Schedule:
    """One after the other: ``sequence([a, b], [500])`` is ``a`` for 500 steps, then ``b`` from its 0 on.

    Args:
        schedules: at least one.
        lengths: the number of steps of each but the last.

    Raises:
        ValueError: where the numbers of both do not fit, or a length is not positive.
    """
    if len(schedules) != len(lengths) + 1:
        raise ValueError(f"{len(schedules)} schedules have lengths of all but the last, not {list(lengths)}")
    for length in lengths:
        _positive(length, "a length")

    def rate(number: float) -> float:
        for schedule, length in zip(schedules, lengths):
            if number < length:
                return schedule(number)
            number -= length
        return schedules[-1](number)

    return rate


def _positive(number: float, what: str) -> None:
    require_positive(**{what: number})
