"""RNN on MNIST."""

from __future__ import annotations

import joblib
import numpy as np

import minpy
from examples.utils.data_utils import digits_like_MNIST
from minpy.nn import layers
from minpy.nn.io import NDArrayIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver

BATCH, INPUT_DIM, HIDDEN_DIM = 50, 112, 32  # the page reads 7 pixels at a time; these are 4 rows


class RNNNet(ModelBase):
    def __init__(self, batch_size=100, input_size=7, hidden_size=64, num_classes=10):
        super().__init__()
        self.add_param(name="h0", shape=(batch_size, hidden_size)).add_param(
            name="Wx", shape=(input_size, hidden_size)
        ).add_param(
            name="Wh",
            shape=(hidden_size, hidden_size),
            init_rule="constant",
            init_config={"value": np.identity(hidden_size)},
        ).add_param(
            name="b",
            shape=(hidden_size,),
            init_rule="constant",
            init_config={"value": np.zeros(hidden_size)},
        ).add_param(name="Wa", shape=(hidden_size, num_classes)).add_param(name="ba", shape=(num_classes,))

    def forward(self, X, mode):
        seq_len = X.shape[1]
        self.params["h0"][:] = 0
        h = self.params["h0"]
        for t in range(seq_len):
            h = layers.rnn_step(X[:, t, :], h, self.params["Wx"], self.params["Wh"], self.params["b"])
        y = layers.affine(h, self.params["Wa"], self.params["ba"])
        return y

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def test_training_on_mnist(tmp_path, capsys):
    joblib.dump(digits_like_MNIST(), tmp_path / "mnist.dat")
    data = joblib.load(tmp_path / "mnist.dat")
    mean = np.mean(data["train_data"], axis=0)
    std = np.std(data["train_data"] - mean, axis=0)
    data["train_data"] = (data["train_data"][:] - mean) / (std + 1e-5)
    data["test_data"] = (data["test_data"][:] - mean) / (std + 1e-5)
    assert np.all(np.abs(data["train_data"].mean(axis=0)) < 1e-4)

    train_iter = NDArrayIter(
        data["train_data"][:1000].reshape((-1, 784 // INPUT_DIM, INPUT_DIM)),
        data["train_label"][:1000],
        batch_size=BATCH,
        shuffle=True,
    )
    test_iter = NDArrayIter(
        data["test_data"][:200].reshape((-1, 784 // INPUT_DIM, INPUT_DIM)),
        data["test_label"][:200],
        batch_size=BATCH,
        shuffle=False,
    )
    model = RNNNet(batch_size=BATCH, input_size=INPUT_DIM, hidden_size=HIDDEN_DIM)
    solver = Solver(
        model,
        train_iter,
        test_iter,
        num_epochs=8,
        init_rule="xavier",
        update_rule="rmsprop",
        optim_config={"learning_rate": 0.002},
        verbose=True,
        print_every=10,
    )
    solver.init()
    np.testing.assert_array_equal(model.params["Wh"].asnumpy(), np.identity(HIDDEN_DIM))
    solver.train()
    printed = capsys.readouterr().out
    assert "(Iteration 151 / 160) loss: " in printed and "(Epoch 8 / 8) train acc: " in printed
    assert solver.best_val_acc > 0.6  # of ten digits
    assert np.all(model.params["h0"].asnumpy() == 0)
    assert "everything is compiled" in str(minpy.explain(solver.step))
