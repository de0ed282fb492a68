"""Random programs give what NumPy gives, compiled what they give plain, and gradients what differences say.

``python -m tests.fuzz`` runs many more. What failed once is kept in ``kept.py``.
"""

from __future__ import annotations

import itertools

import numpy
import pytest

import minpy.numpy
from tests.fuzz.checks import KINDS, POLICIES
from tests.fuzz.functions import WAYS, check_jit
from tests.fuzz.gradients import check_gradients
from tests.fuzz.kept import GRADIENTS, JIT, VALUES
from tests.fuzz.program import Program
from tests.fuzz.runner import run_programs
from tests.fuzz.values import check_values

#: Programs of each kind in each of so many parts, which may run on different cores.
COUNTS, PARTS = {"values": 100, "gradients": 100, "jit": 20, "settings": 10, "lookalikes": 20}, 4


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_random_programs(kind, part):
    def report(program, error):
        raise AssertionError(f"{error}\n\n{program.script}") from error

    run_programs(KINDS[kind], COUNTS[kind], part, report)


@pytest.mark.parametrize("name", VALUES)
def test_kept_values(name):
    check_values(Program.parse(VALUES[name]))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", JIT)
def test_kept_functions(name, way):
    check_jit(Program.parse(JIT[name]), minpy.numpy, way)


@pytest.mark.parametrize("name", JIT)
def test_kept_functions_on_numpy(name):
    check_jit(Program.parse(JIT[name]), numpy)


@pytest.mark.parametrize("name", GRADIENTS)
def test_kept_gradients(name):
    program = Program.parse(GRADIENTS[name])
    for policy, jitted in itertools.product(POLICIES, (False, True)):
        assert check_gradients(program, policy, second_order=True, jitted=jitted)
