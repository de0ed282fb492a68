"""The logistic regression tutorial: find out which of five clusters a point belongs to.

Run ``python examples/basics/logistic.py`` from the checkout. With ``--eager`` the same program runs without
``@minpy.jit``, and with ``--gpu 0`` on a GPU.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable

if not __package__:  # run as a script: the packages are two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import minpy
import minpy.numpy as np
import minpy.numpy.random as random
from examples.utils.data_utils import gaussian_cluster_generator as make_data
from minpy.context import gpu, set_context
from minpy.core import grad_and_loss


# Predict the class using multinomial logistic regression (softmax regression).
def predict(w, x):
    a = np.exp(np.dot(x, w))
    a_sum = np.sum(a, axis=1, keepdims=True)
    prob = a / a_sum
    return prob


@minpy.jit
def train_loss(w, x, label):
    prob = predict(w, x)
    loss = -np.sum(label * np.log(prob)) / x.shape[0]
    return loss


# Using gradient descent to fit the correct classes.
def train(w, x, label, loops: int, loss_function: Callable = train_loss) -> list[float]:
    grad_function = grad_and_loss(loss_function)
    losses = []
    for i in range(loops):
        dw, loss = grad_function(w, x, label)
        losses.append(float(loss))
        if i % 10 == 0:
            print(f"Iter {i}, training loss {loss}")
        # gradient descent with a fixed learning rate
        w -= 0.1 * dw
    return losses


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a logistic regression on synthetic data.")
    parser.add_argument("--gpu", type=int, metavar="N", help="compute on GPU number N")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--loops", type=int, default=100, metavar="N", help="training steps (default: 100)")
    options = parser.parse_args(arguments)

    if options.gpu is not None:
        try:
            set_context(gpu(options.gpu))
        except minpy.errors.ContextError as error:
            sys.exit(f"{parser.prog}: {error}")

    random.seed(0)  # the same numbers in every run

    # Initialize training data.
    data, label = make_data(num_samples=10000, num_features=500, num_classes=5)
    data, label = np.array(data), np.array(label)  # on the GPU, if one is used

    # Initialize training weight and train.
    weight = random.randn(500, 5)
    if options.eager:
        train(weight, data, label, options.loops, train_loss.__wrapped__)
    else:
        train(weight, data, label, options.loops)
        print(minpy.explain(train_loss))


if __name__ == "__main__":
    main()
