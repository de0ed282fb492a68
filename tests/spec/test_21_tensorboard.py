"""Visualization with TensorBoard."""

from __future__ import annotations

import numpy
import pytest

import minpy.numpy as np
import minpy.numpy.random as random
import minpy.visualization.summaryOps as summaryOps
from examples.utils.data_utils import gaussian_cluster_generator as make_data
from minpy.core import grad_and_loss
from minpy.visualization.writer import LegacySummaryWriter as SummaryWriter
from tests.visualization.test_writer import read


def test_logistic_regression(tmp_path, capsys):
    summaries_dir = str(tmp_path / "LR_log")  # the folder does not exist yet
    num_samples, num_features, num_classes = 100, 20, 5
    data, label = make_data(num_samples, num_features, num_classes)

    def predict(w, x):
        a = np.exp(np.dot(x, w))
        a_sum = np.sum(a, axis=1, keepdims=True)
        prob = a / a_sum
        return prob

    def train_loss(w, x):
        prob = predict(w, x)
        loss = -np.sum(label * np.log(prob)) / num_samples
        return loss

    grad_function = grad_and_loss(train_loss)
    train_writer = SummaryWriter(summaries_dir + "/train")
    losses = []

    def train(w, x, loops):
        for i in range(loops):
            dw, loss = grad_function(w, x)
            w -= 0.1 * dw
            if i % 10 == 0:
                print(f"Iter {i}, training loss {loss}")
            losses.append(float(loss))
            summary1 = summaryOps.scalarSummary("loss", loss)
            train_writer.add_summary(summary1, i)
        train_writer.close()

    train(random.randn(num_features, num_classes), data, 20)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["Iter 0", "Iter 10"]
    points = read(tmp_path / "LR_log" / "train").Scalars("loss")
    assert [point.step for point in points] == list(range(20))
    numpy.testing.assert_allclose([point.value for point in points], losses, rtol=1e-6)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("one", [1, 1.0, numpy.array([1.0]), np.array([1.0]), np.sum(np.ones(1))])
def test_scalars_of_every_kind(one):
    assert summaryOps.scalarSummary("one", one).value[0].tag == "one"
