"""``minpy.nn.schedules``: numbers that can be worked out by hand."""

from __future__ import annotations

import pytest

from minpy.nn import schedules

CASES = {
    "constant": (schedules.constant(0.5), {0: 0.5, 7: 0.5}),
    "step": (schedules.step(10), {0: 1, 9: 1, 10: 0.1, 19: 0.1, 20: 0.01}),
    "step by half": (schedules.step(2, 0.5), {0: 1, 1: 1, 2: 0.5, 5: 0.25}),
    "exponential": (schedules.exponential(0.9), {0: 1, 1: 0.9, 2: 0.81}),
    "exponential per epoch": (schedules.exponential(0.25, every=10), {0: 1, 5: 0.5, 10: 0.25}),
    "cosine": (schedules.cosine(8), {0: 1, 2: (1 + 2**-0.5) / 2, 4: 0.5, 8: 0, 100: 0}),
    "cosine to a tenth": (schedules.cosine(8, last=0.1), {0: 1, 4: 0.55, 8: 0.1, 9: 0.1}),
    "warmup": (schedules.warmup(4), {0: 0.2, 1: 0.4, 3: 0.8, 4: 1, 50: 1}),
    "warmup from a half": (schedules.warmup(4, first=0.5), {0: 0.6, 4: 1}),
    "product": (schedules.product(schedules.warmup(4), schedules.step(2, 0.5)), {0: 0.2, 3: 0.4, 4: 0.25}),
    "sequence": (
        schedules.sequence([schedules.warmup(4), schedules.cosine(8), schedules.constant(0.3)], [4, 8]),
        {3: 0.8, 4: 1, 8: 0.5, 11.999999: 0, 12: 0.3, 99: 0.3},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_schedule(name):
    schedule, expected = CASES[name]
    for number, factor in expected.items():
        assert schedule(number) == pytest.approx(factor, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: schedules.step(0), "every is a positive number, not 0"),
        (lambda: schedules.cosine(-1), "steps is a positive number, not -1"),
        (lambda: schedules.warmup(0), "steps is"),
        (lambda: schedules.exponential(0.5, every=0), "every is"),
        (lambda: schedules.sequence([schedules.constant()], [5]), "1 schedules have lengths"),
        (lambda: schedules.sequence([schedules.constant()] * 2, [0]), "a length is"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
