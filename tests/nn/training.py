"""Runs of a solver, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

import minpy
import minpy.numpy as np
from minpy.nn import functional, layers
from minpy.nn.callbacks import Callback
from minpy.nn.io import NDArrayIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

SAMPLES, FEATURES, CLASSES = 46, 5, 3


class Net(ModelBase):
    """Two layers, batch normalization and dropout."""

    def __init__(self, hidden: int = 8, dropout: float = 0.2):
        super().__init__()
        self.dropout = dropout
        self.add_param("w1", (FEATURES, hidden)).add_param("b1", (hidden,))
        self.add_param("gamma", (hidden,), init_rule="constant", init_config={"value": 1.0})
        self.add_param("beta", (hidden,), init_rule="constant")
        self.add_param("w2", (hidden, CLASSES)).add_param("b2", (CLASSES,))
        self.add_aux_param("mean").add_aux_param("var")

    def forward(self, X, mode):
        h = layers.affine(X, self.params["w1"], self.params["b1"])
        h, self.aux_params["mean"], self.aux_params["var"] = layers.batchnorm(
            h,
            self.params["gamma"],
            self.params["beta"],
            mode,
            running_mean=self.aux_params["mean"],
            running_var=self.aux_params["var"],
        )
        h = layers.dropout(layers.relu(h), self.dropout, mode)
        return layers.affine(h, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


class Small(ModelBase):
    """One layer, dropout and an auxiliary parameter, which are compiled at once."""

    def __init__(self):
        super().__init__()
        self.add_param("w1", (FEATURES, CLASSES)).add_param("b1", (CLASSES,)).add_aux_param("mean", 0.0)

    def forward(self, X, mode):
        if mode == "train":
            self.aux_params["mean"] = 0.9 * self.aux_params["mean"] + 0.1 * np.mean(X, axis=0)
        x = layers.dropout(X - self.aux_params["mean"], 0.2, mode)
        return layers.affine(x, self.params["w1"], self.params["b1"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, functional.one_hot(y, CLASSES))


class Line(ModelBase):
    """Linear regression."""

    def __init__(self):
        super().__init__()
        self.add_param("w", (FEATURES, 1)).add_param("b", (1,))

    def forward(self, X, mode):
        return layers.affine(X, self.params["w"], self.params["b"])

    def loss(self, predict, y):
        return layers.l2_loss(predict, y)


def data(samples: int = SAMPLES) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Samples and their classes, which a network can learn."""
    random = numpy.random.RandomState(1)
    x = random.standard_normal((samples, FEATURES)).astype("float32")
    return x, (x @ random.standard_normal((FEATURES, CLASSES))).argmax(1)


def solver(model: ModelBase | None = None, **options: Any) -> Solver:
    """A solver for a model on ``data``, silent, with initial values."""
    x, y = data()
    train = options.pop("train", None) or NDArrayIter(x, y, 8, shuffle=True)
    options = {"num_epochs": 3, "seed": 7, "verbose": False, **options}
    made = Solver(model or Net(), train, NDArrayIter(x[:20], y[:20], 8), **options)
    made.init()
    return made


class StopAfter(Callback):
    """Ends training after so many iterations."""

    def __init__(self, iterations: int):
        self.iterations = iterations

    def on_step(self, solver: Solver) -> None:
        if solver.iteration == self.iterations:
            solver.stop()


def assert_compiled_is_eager(make: Callable[..., Solver], steps: int = 200, tolerance: float = 1e-4) -> None:
    """The losses of a compiled and an eager run agree step by step, and the step is one graph.

    Args:
        make: ``make(jit=..., callbacks=...)`` gives a solver with initial values and enough epochs; both that
            it gives are to have the same seed.
        tolerance: the largest relative difference.
    """
    runs = [make(jit=jit, callbacks=[StopAfter(steps)]) for jit in (True, False)]
    for run in runs:
        run.train()
    compiled, eager = (numpy.array(run.loss_history) for run in runs)
    assert len(compiled) == len(eager) == steps
    difference = numpy.max(numpy.abs(compiled - eager) / numpy.abs(eager))
    assert difference <= tolerance, f"the losses differ by {difference:.1e}"
    report = minpy.explain(runs[0].step)
    assert "everything is compiled" in str(report), report
