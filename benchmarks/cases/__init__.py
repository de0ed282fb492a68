"""The work that is measured, a file for each kind: name -> function that makes the ``Work``."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import (
    attention,
    chain,
    convolution,
    elementwise,
    logistic,
    mlp,
    overhead,
    recurrent,
    scaling,
    science,
)
from benchmarks.work import Work

_FILES = (overhead, elementwise, logistic, mlp, convolution, recurrent, attention, science, chain, scaling)

WORKS: dict[str, Callable[[], Work]] = {name: make for file in _FILES for name, make in file.WORKS.items()}


def named(case: str) -> list[str]:
    """The works of a case: ``rnn`` stands for all sizes."""
    return [name for name in WORKS if name == case or name.split()[0] == case]
