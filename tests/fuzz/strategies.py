"""Hypothesis strategies for programs."""

from __future__ import annotations

from typing import Callable

from hypothesis import strategies as st

from tests.fuzz import steps_elementwise, steps_flow, steps_indexing, steps_linear, steps_shape, steps_writing
from tests.fuzz.program import Program
from tests.fuzz.writer import DTYPES, STEPS, Unfit, Writer

_FAMILIES = (steps_elementwise, steps_flow, steps_indexing, steps_linear, steps_shape, steps_writing)
_ALL = [step for step in STEPS for _ in range(step.weight)]
_SMOOTH = [step for step in _ALL if step.smooth]


@st.composite
def programs(draw: Callable, smooth: bool = False, most: int = 12) -> Program:
    """Programs of up to ``most`` statements; ``smooth`` ones are differentiable almost everywhere.

    Hypothesis draws the seed of a program, not each choice in it: a failing one is made smaller by
    ``Program.reduced``, which knows what a statement is, and programs are as different as they can be.
    """
    writer = Writer(draw(st.randoms(use_true_random=True)), smooth)
    for _ in range(writer.integer(2, 3)):
        shape = writer.shape()
        if smooth:
            writer.input(writer.data(shape))
        else:
            made = writer.data(shape, writer.pick((*DTYPES, "float64", "float64", "float32")))
            writer.input(f"np.array({made})" if writer.chance(85) else made)
    steps = _SMOOTH if smooth else _ALL
    for _ in range(writer.integer(most // 2, most)):
        for _ in range(5):
            try:
                writer.step(writer.pick(steps))
                break
            except Unfit:
                continue
    return writer.program
