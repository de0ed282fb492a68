"""Draws random programs."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.fuzz import (
    steps_changing,
    steps_elementwise,
    steps_flow,
    steps_indexing,
    steps_linear,
    steps_objects,
    steps_python,
    steps_shape,
    steps_syntax,
    steps_writing,
)
from tests.fuzz.around import AROUND, PARAMETERS
from tests.fuzz.program import Program
from tests.fuzz.writer import DTYPES, STEPS, Step, Writer

_FAMILIES = (steps_elementwise, steps_flow, steps_indexing, steps_linear, steps_shape, steps_writing)
_IN_FUNCTIONS = (*_FAMILIES, steps_python, steps_objects, steps_syntax, steps_changing)


def _weighted(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps for _ in range(step.weight)]


_ALL = _weighted(step for step in STEPS if not step.in_function)
#: a third of the statements are what only functions have
_BODY = [*_ALL, *_weighted(step for step in STEPS if step.in_function) * 2]
_SMOOTH = [step for step in _ALL if step.smooth]


_STATE = "\nscale, calls, kept, by, seen = 0.5, 0, [], 2, []\n"


def program(rng: random.Random, most: int = 12) -> Program:
    """A program of up to ``most`` statements."""
    writer = Writer(rng, smooth=False)
    for _ in range(writer.integer(2, 3)):
        made = writer.data(writer.shape(), writer.pick((*DTYPES, "float64", "float64", "float32")))
        writer.input(f"np.array({made})" if writer.chance(85) else made)
    writer.fill(_ALL, writer.integer(most // 2, most))
    return writer.program


def smooth_program(rng: random.Random, most: int = 12) -> Program:
    """A program that is differentiable almost everywhere."""
    writer = Writer(rng, smooth=True)
    for _ in range(writer.integer(2, 3)):
        writer.input(writer.data(writer.shape()))
    writer.fill(_SMOOTH, writer.integer(most // 2, most))
    return writer.program


def function(rng: random.Random, most: int = 8) -> Program:
    """A program that is the body of a function."""
    writer = Writer(rng, False, AROUND + _STATE)
    most_are = "float32" if writer.chance(20) else "float64"
    for _ in range(writer.integer(1, 3)):
        made = writer.data(writer.shape(), writer.pick((*DTYPES[:5], *[most_are] * 5)))
        writer.input(f"np.array({made})" if writer.chance(70) else made)
    for name, (first, *_) in PARAMETERS.items():
        if writer.chance(40):
            writer.parameter(name, first)
    writer.fill(_BODY, writer.integer(most // 2, most))
    around = {*writer.outside, *PARAMETERS}
    names = [name for name, x in writer.namespace.items() if name not in around and not callable(x)]
    writer.body.append(f"return {', '.join(names[-6:])}" if names else "return calls")
    return writer.program
