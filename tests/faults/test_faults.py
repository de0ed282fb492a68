"""After an exception at any point of MinPy everything is as it was, and the next call is right.

``python -m tests.soak faults`` tries more points.
"""

from __future__ import annotations

import random

import pytest

from tests.faults.checks import check, interrupts, passed
from tests.faults.injector import KINDS, Injector
from tests.faults.programs import PROGRAMS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_after_a_fault_the_next_call_is_right(name, kind):
    numbers = passed(name, kind)
    assert len(numbers) > 100  # else nothing was seen
    for at in random.Random(name).sample(numbers, 5):
        assert check(name, Injector(kind, at)) == []


def test_after_an_interrupt_by_a_signal_the_next_call_is_right():
    tried, wrong = interrupts(20)
    assert wrong == [] and not tried.startswith("0")
