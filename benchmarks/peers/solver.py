"""MinPy's ``Solver``, as a user has it: a model, an iterator, ``train``."""

from __future__ import annotations

from typing import Any

import numpy

from benchmarks.peers.task import Task
from benchmarks.work import Work


def minpy_solver(work: Work) -> Task | None:
    """A step is a call of ``train`` that ends after one iteration, with all that belongs to one."""
    if work.model is None:
        return None
    from minpy.nn.callbacks import Callback
    from minpy.nn.io import NDArrayIter
    from minpy.nn.solver import Solver

    class Endless(NDArrayIter):
        def next(self) -> Any:
            try:
                return super().next()
            except StopIteration:
                self.reset()
                return super().next()

    class Stop(Callback):
        def on_step(self, solver: Solver) -> None:
            solver.stop()

    x, labels = work.torch_data or work.data
    batches = Endless(numpy.concatenate([x] * 4), numpy.concatenate([labels] * 4), len(x))
    model = work.model()
    solver = Solver(
        model,
        batches,
        optim_config={"learning_rate": work.rate},
        verbose=False,
        callbacks=[Stop()],
    )
    solver.init()
    for name, value in zip(model.params, work.flat_params()):
        model.params[name][:] = value

    def step() -> Any:
        solver.train()
        return solver.loss, list(model.params.values())

    return Task(step, lambda found: [numpy.asarray(a) for a in (found[0], *found[1])])
