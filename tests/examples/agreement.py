"""Losses of the programs of ``examples/nn``, compiled beside eager: ``python -m tests.examples.agreement``.

Printed is the largest relative difference of 200 steps. Each step starts twice from the same parameters,
states and random numbers, so that rounding of which training makes more is not compared; with ``--free`` two
runs go their own ways. In float32 these may part where a ``relu`` passes on what is 0 but for rounding, so
the status is 1 only for a difference beyond 1e-4 in float64.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy

import minpy
from examples.nn import cnn, program
from minpy.nn import solver, workers
from minpy.nn.step import train_step
from tests.examples.test_nn import PROGRAMS

TOLERANCE = 1e-4


class _Enough(Exception):
    pass


@contextlib.contextmanager
def quiet(module: Any, batch_size: int | None) -> Iterator[None]:
    """Programs print nothing, look at no accuracies, and take batches of another size."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(program, "explain"))
        stack.enter_context(mock.patch.object(solver.Solver, "check_accuracy", return_value=0.0))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        for place in (module, cnn) if batch_size else ():
            if hasattr(place, "batch_size"):
                stack.enter_context(mock.patch.object(place, "batch_size", batch_size))
        yield


def from_the_same(main: Callable, steps: int) -> list[tuple[float, float]]:
    """The losses of a program's first steps, compiled and eager, from the same parameters each time."""
    found: list[tuple[float, float]] = []
    compiled = workers.compiled

    def both(function: Callable) -> Callable:
        jitted = compiled(function)

        def run(model: Any, *args: Any) -> Any:
            if len(found) == steps:
                raise _Enough
            random, params, aux_params = numpy.random.get_state(), dict(model.params), dict(model.aux_params)
            eager = float(train_step(model, *args)[0])
            numpy.random.set_state(random)
            model.params.update(params)
            model.aux_params.update(aux_params)
            result = jitted(model, *args)
            found.append((float(result[0]), eager))
            return result

        return run

    with (
        mock.patch.object(workers, "compiled", both),
        mock.patch.object(solver, "compiled", lambda function: function),  # the model's, for eager steps too
        contextlib.suppress(_Enough),
    ):
        main(["--epochs", str(steps)])
    return found


def free(main: Callable, steps: int) -> list[tuple[float, float]]:
    """The losses of a program's first steps, in a compiled run and in an eager one."""
    return list(zip(*(_losses(main, steps, *options) for options in ((), ("--eager",)))))


def _losses(main: Callable, steps: int, *options: str) -> list[float]:
    run_step, found = solver.Solver._step, []

    def counted(self: solver.Solver, batch: Any) -> None:
        if len(found) == steps:
            raise _Enough
        run_step(self, batch)
        found.append(self.loss)

    with mock.patch.object(solver.Solver, "_step", counted), contextlib.suppress(_Enough):
        main(["--epochs", str(steps), *options])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.examples.agreement", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PROGRAM", default=PROGRAMS)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--free", action="store_true", help="two runs, instead of two of each step")
    parser.add_argument("--batch_size", type=int, metavar="N", help="instead of the programs' own")
    options = parser.parse_args()
    minpy.set_default_dtype(options.dtype)
    worst = 0.0
    for name in options.names:
        module = importlib.import_module(f"examples.nn.{name}")
        with quiet(module, options.batch_size):
            losses = (free if options.free else from_the_same)(module.main, options.steps)
        compiled, eager = numpy.array(losses).T
        differences = abs(compiled - eager) / abs(eager)
        last = f"losses {eager[0]:.3g} to {eager[-1]:.3g}"
        print(f"{name}: {len(eager)} steps, {differences.max():.1e}, {last}", flush=True)
        worst = max(worst, differences.max())
    return int(options.dtype == "float64" and worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
