"""The kinds of programs and what has to hold for them."""

from __future__ import annotations

from typing import Callable

from hypothesis.strategies import SearchStrategy

import minpy
from tests.fuzz.functions import check_jit
from tests.fuzz.gradients import check_gradients
from tests.fuzz.program import Program
from tests.fuzz.strategies import functions, programs
from tests.fuzz.values import check_values

POLICIES = (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy())


def check_some_gradients(program: Program) -> bool:
    """Gradients under one of two policies, for a third of the programs to the second order."""
    length = len(str(program))
    return check_gradients(program, POLICIES[length % 2], second_order=not length % 3)


CHECKS: dict[str, tuple[SearchStrategy[Program], Callable[[Program], object]]] = {
    "values": (programs(), check_values),
    "jit": (functions(), check_jit),
    "gradients": (programs(smooth=True), check_some_gradients),
}
