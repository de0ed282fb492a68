"""What the programs of this folder share: their options, their data, and the explanation at the end."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy

import minpy
from examples.utils.data_utils import (
    adding_problem_generator,
    digits_like_CIFAR10,
    digits_like_MNIST,
    get_CIFAR10_data,
    get_MNIST_data,
)
from minpy.context import gpu, set_context
from minpy.nn.io import NDArrayIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver


def start(
    description: str | None,
    arguments: list[str] | None = None,
    epochs: int = 10,
    data: str | None = None,
    **numbers: int,
) -> argparse.Namespace:
    """Read the command line, choose the device, and seed the random numbers.

    Args:
        description: the program's docstring; its first paragraph is for ``--help``.
        arguments: instead of those of the command line.
        epochs: how many, unless ``--epochs`` is given.
        data: what ``--data_dir`` is a folder of; None where the program makes its data.
        numbers: further options, and what they are unless given.

    Returns:
        The options, and as ``solver`` those that a ``Solver`` takes.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    for name, default in {"epochs": epochs, "seed": 0, **numbers}.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"default: {default}")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--gpu", type=int, metavar="N", help="compute on GPU number N")
    if data is not None:
        parser.add_argument("--data_dir", metavar="FOLDER", help=f"with {data}; without it, small digits")
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"argument --epochs: must be at least 1, but is {options.epochs}")
    if options.gpu is not None:
        try:
            set_context(gpu(options.gpu))
        except minpy.errors.ContextError as error:
            sys.exit(f"{parser.prog}: {error}")
    numpy.random.seed(options.seed)
    options.solver = {"num_epochs": options.epochs, "jit": not options.eager, "seed": options.seed}
    return options


def cifar10(options: argparse.Namespace) -> dict[str, numpy.ndarray]:
    """CIFAR-10 from ``--data_dir``, or the digits of scikit-learn in its shape, (n, 3, 32, 32)."""
    if options.data_dir is not None:
        return _read(get_CIFAR10_data, options.data_dir)
    _say_digits("CIFAR-10")
    return digits_like_CIFAR10()


def scaled(data: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """The same images over the standard deviation of those for training."""
    deviation = data["X_train"].std()
    return {name: values / deviation if name.startswith("X") else values for name, values in data.items()}


def mnist(options: argparse.Namespace) -> dict[str, numpy.ndarray]:
    """MNIST from ``--data_dir``, or the digits of scikit-learn in its shape, (n, 784)."""
    if options.data_dir is not None:
        return _read(get_MNIST_data, options.data_dir)
    _say_digits("MNIST")
    return digits_like_MNIST()


def adding_problem() -> dict[str, numpy.ndarray]:
    """The sequences and sums of ``adding_problem_generator``, 10,000 of them, and 1000 for testing."""
    (x_train, y_train), (x_test, y_test) = adding_problem_generator(10000), adding_problem_generator(1000)
    return {"X_train": x_train, "y_train": y_train, "X_test": x_test, "y_test": y_test}


def train(
    model: ModelBase,
    data: dict[str, numpy.ndarray],
    batch_size: int,
    options: argparse.Namespace,
    **settings: Any,
) -> Solver:
    """What ``mlp.py`` writes out: iterators over the data, a solver and its run, and what was compiled."""
    solver = Solver(
        model,
        NDArrayIter(data["X_train"], data["y_train"], batch_size=batch_size, shuffle=True),
        NDArrayIter(data["X_test"], data["y_test"], batch_size=batch_size),
        print_every=20,
        **settings,
        **options.solver,
    )
    solver.init()
    solver.train()
    explain(solver, options)
    return solver


def explain(solver: Solver, options: argparse.Namespace) -> None:
    """Print what of a training step was compiled."""
    if not options.eager:
        print(minpy.explain(solver.step))


def _read(reader: Any, folder: str) -> dict[str, numpy.ndarray]:
    try:
        return reader(folder)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


def _say_digits(wanted: str) -> None:
    print(f"No --data_dir with {wanted}: training on the 1797 digits of scikit-learn instead.")
