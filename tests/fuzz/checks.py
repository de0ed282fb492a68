"""The kinds of programs and what has to hold for them."""

from __future__ import annotations

import random
from typing import Callable, NamedTuple

import minpy
from tests.fuzz.draws import function, program, smooth_program
from tests.fuzz.functions import check_jit
from tests.fuzz.gradients import check_gradients
from tests.fuzz.lookalikes import check_lookalike, lookalike
from tests.fuzz.program import Program
from tests.fuzz.settings import check_under_settings
from tests.fuzz.values import check_values

POLICIES = (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy())


def check_some_gradients(program: Program) -> bool:
    """Gradients under one of two policies, for a third to the second order, for half of jitted functions."""
    length = len(str(program))
    return check_gradients(program, POLICIES[length % 2], second_order=not length % 3, jitted=length % 4 < 2)


class Kind(NamedTuple):
    """How a kind of program is drawn; ``check`` raises where one fails, and NameError where it is none."""

    draw: Callable[[random.Random], Program]
    check: Callable[[Program], object]


KINDS = {
    "values": Kind(program, check_values),
    "jit": Kind(function, check_jit),
    "settings": Kind(function, check_under_settings),
    "gradients": Kind(smooth_program, check_some_gradients),
    "lookalikes": Kind(lookalike, check_lookalike),
}
