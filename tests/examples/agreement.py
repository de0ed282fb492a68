"""Steps of the programs of ``examples/nn``, compiled beside eager: ``python -m tests.examples.agreement``.

Each step starts twice from the same parameters, states and random numbers, so rounding that training makes
more of from step to step is not compared. Printed is the largest relative difference of losses. In float32 it
is what the rounding of large scores makes of a loss near 0, so the status is 1 only for one beyond 1e-4 in
float64.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy

import minpy
from examples.nn import program
from minpy.nn import solver
from minpy.nn.step import train_step
from tests.examples.test_nn import PROGRAMS

TOLERANCE = 1e-4


class _Enough(Exception):
    pass


def differences(name: str, steps: int) -> list[float]:
    """The relative differences of the losses of a program's first steps."""
    found: list[float] = []
    compiled = solver.compiled

    def both(function: Callable) -> Callable:
        if function is not train_step:
            return function  # such as methods of the model, which the eager step calls too
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
            found.append(abs(float(result[0]) - eager) / abs(eager))
            return result

        return run

    with (
        mock.patch.object(solver, "compiled", both),
        mock.patch.object(program, "explain"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.suppress(_Enough),
    ):
        importlib.import_module(f"examples.nn.{name}").main(["--epochs", str(steps)])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.examples.agreement", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PROGRAM", default=PROGRAMS)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    options = parser.parse_args()
    minpy.set_default_dtype(options.dtype)
    worst = 0.0
    for name in options.names:
        found = differences(name, options.steps)
        print(f"{name}: {len(found)} steps, {max(found):.1e}", flush=True)
        worst = max(worst, *found)
    return int(options.dtype == "float64" and worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
