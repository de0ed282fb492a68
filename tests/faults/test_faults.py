"""After an exception at any point of MinPy everything is as it was, and the next call is right.

``python -m tests.soak faults`` tries more points, and ``interrupts`` has signals come at random moments (see
docs/reliability.md).
"""

from __future__ import annotations

import random

import pytest

from tests.faults.checks import check, passed
from tests.faults.injector import KINDS, Injector
from tests.faults.programs import PROGRAMS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_after_a_fault_the_next_call_is_right(name, kind):
    numbers = passed(name, kind)
    assert len(numbers) > (1 if kind == "leaving" else 100)  # else nothing was seen
    for at in random.Random(name).sample(numbers, min(5, len(numbers))):
        assert check(name, Injector(kind, at)) == []
