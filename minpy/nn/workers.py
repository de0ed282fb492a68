"""What a solver asks of the other workers of its job; here, where there are none."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from minpy.compiler.jit import jit as compiled
from minpy.nn.step import train_step

if TYPE_CHECKING:
    from minpy.nn.interrupts import Interrupts
    from minpy.nn.solver import Solver


class Alone:
    """The only worker. ``minpy.distributed.training.Workers`` does the same for several.

    Attributes:
        is_first: whether this worker prints, and writes files.
    """

    is_first = True

    def seed(self, seed: int | None) -> int | None:
        """The seed for what all workers have to draw alike."""
        return seed

    def shard(self, iterator: Any, is_training: bool = False) -> Any:
        """This worker's part of the data; ``is_training`` tells which ones steps are taken on."""
        return iterator

    def step(self, is_compiled: bool) -> Any:
        """The function that does a step of training."""
        return compiled(train_step) if is_compiled else train_step

    def draws(self, iteration: int) -> AbstractContextManager:
        """``with workers.draws(iteration):`` random numbers are those of this worker in this iteration."""
        return nullcontext()

    def begin(self, solver: Solver) -> None:
        """Begin to train: all workers have the same parameters from here on."""

    def total(self, *numbers: float) -> tuple[float, ...]:
        """Sums over all workers."""
        return numbers

    def any(self, flag: bool) -> bool:
        """Whether a flag is set on any worker."""
        return flag

    def agreed(self, *flags: bool) -> tuple[bool, ...]:
        """The same of several, after a step: on several workers those from before that step."""
        return flags

    def check(self, interrupts: Interrupts) -> None:
        """Let Ctrl-C interrupt now; where there are several workers, only where all of them can."""
        interrupts.check()

    def received(self, path: str | os.PathLike[str]) -> AbstractContextManager[Any]:
        """``with workers.received(path) as path:`` the file that the first worker has, or None."""
        return nullcontext(path if os.path.exists(path) else None)
