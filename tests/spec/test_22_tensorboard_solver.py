"""Visualizing Solvers with TensorBoard."""

from __future__ import annotations

import time

import numpy

import minpy
import minpy.visualization.summaryOps as summaryOps
from minpy.core import grad_and_loss
from minpy.nn import optim
from minpy.visualization.writer import SummaryWriter
from tests.spec.images import assert_trains, iterators
from tests.spec.test_07_cnn import ConvolutionNet
from tests.visualization.test_writer import read

NORM = "squared L2-norm of the gradient"


def curve(folder, tag):
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def test_solver_writes_curves(tmp_path):
    solver = assert_trains(ConvolutionNet(), visualize=True, summaries_dir=str(tmp_path / "cnn_log"))
    losses = curve(tmp_path / "cnn_log/train", "loss")
    assert [step for step, _ in losses] == list(range(1, 33))
    numpy.testing.assert_allclose([loss for _, loss in losses], solver.loss_history, rtol=1e-6)
    assert all(norm > 0 for _, norm in curve(tmp_path / "cnn_log/train", NORM))
    for part, history in (("train", solver.train_acc_history), ("test", solver.val_acc_history)):
        numpy.testing.assert_allclose(
            curve(tmp_path / "cnn_log" / part, "accuracy"), list(enumerate(history, 1)), rtol=1e-6
        )


class Trainer:
    """The four steps of the page, put together: a solver of one's own."""

    def __init__(self, model, summaries_dir):
        self.model = model
        self.train_dataiter, self.test_dataiter = iterators()
        self.num_epochs, self.loss_history = 1, []
        self.update_rule = optim.sgd_momentum
        self.optim_configs = {p: {"learning_rate": 1e-2, "momentum": 0.9} for p in model.param_configs}
        self.train_writer = SummaryWriter(summaries_dir + "/train")
        self.test_writer = SummaryWriter(summaries_dir + "/test")

    def _step(self, batch, iteration):
        names = list(self.model.params)

        def loss_func(*values):
            self.model.params.update(zip(names, values))
            return self.model.loss_batch(batch, self.model.forward_batch(batch, mode="train"))

        given = [self.model.params[name] for name in names]
        dws, loss = grad_and_loss(loss_func, list(range(len(names))))(*given)
        self.model.params.update(zip(names, given))
        grads = dict(zip(names, dws))
        self.loss_history.append(float(loss))

        Grad_norm = 0
        for p, w in self.model.params.items():
            dw = grads[p]
            norm = dw**2
            while not isinstance(norm, minpy.array.Number):
                norm = sum(norm)
            Grad_norm += norm
            config = self.optim_configs[p]
            next_w, next_config = self.update_rule(w, dw, config)
            self.model.params[p] = next_w
            self.optim_configs[p] = next_config
        self.train_writer.add_summary(summaryOps.scalarSummary(NORM, Grad_norm), iteration)

        by_numpy = sum(numpy.sum(dw.asnumpy().astype("float64") ** 2) for dw in dws)
        numpy.testing.assert_allclose(float(Grad_norm), by_numpy, rtol=1e-3)

    def train(self):
        num_iterations = self.train_dataiter.getnumiterations() * self.num_epochs
        t = 0
        for epoch in range(self.num_epochs):
            start = time.time()
            self.epoch = epoch + 1
            for each_batch in self.train_dataiter:
                self._step(each_batch, t + 1)
                loss_summary = summaryOps.scalarSummary("loss", self.loss_history[-1])
                self.train_writer.add_summary(loss_summary, t + 1)
                t += 1
            self.train_dataiter.reset()
            seconds = summaryOps.scalarSummary("seconds", time.time() - start)
            self.test_writer.add_summary(seconds, self.epoch)
        assert t == num_iterations
        self.train_writer.close()
        self.test_writer.close()


def test_steps_of_the_implementation(tmp_path):
    model = ConvolutionNet()
    for name, config in model.param_configs.items():
        model.params[name] = minpy.numpy.random.normal(0, 0.05, config["shape"])
    trainer = Trainer(model, str(tmp_path))
    trainer.train()
    assert trainer.loss_history[-1] < 0.95 * trainer.loss_history[0]
    numpy.testing.assert_allclose(
        curve(tmp_path / "train", "loss"), list(enumerate(trainer.loss_history, 1)), rtol=1e-6
    )
    assert len(curve(tmp_path / "train", NORM)) == 8 and len(curve(tmp_path / "test", "seconds")) == 1
