"""Train two digit classifiers: logistic regression, and a network with one hidden layer.

Run ``python -m examples.digits``. The models are plain NumPy functions. ``@minpy.jit`` compiles their
losses, and ``grad_and_loss`` derives the gradients. At the end it prints what was compiled, and how long a
training step takes: eager, compiled, and in plain NumPy with the gradient written by hand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from typing import Callable, NamedTuple

import numpy  # plain NumPy, for the data and for the gradients written by hand
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

import minpy
import minpy.numpy as np
from examples.utils.data_utils import load_digits_split
from minpy.core import grad_and_loss

PIXELS, HIDDEN, DIGITS = 64, 128, 10
BATCH_SIZE = 128
RATE, MOMENTUM = 0.1, 0.9
TURNS, STEPS = 10, 10  # how often a way is measured, and how many steps at a time


# The models, in NumPy style. x: (images, pixels), y: (images, digits), one-hot.


def logistic_scores(params, x):
    """A score for each image and digit. The highest one is the guess."""
    return np.dot(x, params["w"]) + params["b"]


def network_scores(params, x):
    """The same with a hidden layer."""
    hidden = np.maximum(np.dot(x, params["w1"]) + params["b1"], 0)
    return np.dot(hidden, params["w2"]) + params["b2"]


def cross_entropy(scores, y):
    """The mean of -log(softmax(scores)) at the right digits."""
    shifted = scores - np.max(scores, axis=1, keepdims=True)  # so that exp cannot overflow
    log_total = np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return np.sum(y * (log_total - shifted)) / scores.shape[0]


@minpy.jit
def logistic_loss(params, x, y):
    scores = logistic_scores(params, x)
    return cross_entropy(scores, y)


@minpy.jit
def network_loss(params, x, y):
    scores = network_scores(params, x)
    return cross_entropy(scores, y)


# The same gradients written by hand, in plain NumPy. They return (gradients, loss), as grad_and_loss does.


def logistic_by_hand(params, x, y):
    scores = numpy.dot(x, params["w"]) + params["b"]
    d_scores, loss = cross_entropy_by_hand(scores, y)
    return {"w": numpy.dot(x.T, d_scores), "b": d_scores.sum(axis=0)}, loss


def network_by_hand(params, x, y):
    hidden = numpy.maximum(numpy.dot(x, params["w1"]) + params["b1"], 0)
    scores = numpy.dot(hidden, params["w2"]) + params["b2"]
    d_scores, loss = cross_entropy_by_hand(scores, y)
    d_hidden = numpy.dot(d_scores, params["w2"].T) * (hidden > 0)
    gradients = {
        "w1": numpy.dot(x.T, d_hidden),
        "b1": d_hidden.sum(axis=0),
        "w2": numpy.dot(hidden.T, d_scores),
        "b2": d_scores.sum(axis=0),
    }
    return gradients, loss


def cross_entropy_by_hand(scores, y):
    """The gradient with respect to the scores, and the loss."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = numpy.exp(shifted)
    total = exps.sum(axis=1, keepdims=True)
    loss = numpy.sum(y * (numpy.log(total) - shifted)) / len(scores)
    return (exps / total - y) / len(scores), loss


# Training.


def start_logistic(random: numpy.random.RandomState) -> dict:
    return {"w": weights(random, PIXELS, DIGITS), "b": numpy.zeros(DIGITS, "float32")}


def start_network(random: numpy.random.RandomState) -> dict:
    return {
        "w1": weights(random, PIXELS, HIDDEN),
        "b1": numpy.zeros(HIDDEN, "float32"),
        "w2": weights(random, HIDDEN, DIGITS),
        "b2": numpy.zeros(DIGITS, "float32"),
    }


def weights(random: numpy.random.RandomState, inputs: int, outputs: int) -> numpy.ndarray:
    return (random.randn(inputs, outputs) * numpy.sqrt(2 / inputs)).astype("float32")


class Model(NamedTuple):
    name: str
    start: Callable  # random -> params
    scores: Callable  # params, x -> scores
    loss: Callable  # params, x, y -> loss
    by_hand: Callable  # params, x, y -> gradients, loss
    accuracy: float  # what it has to reach on the test images


LOGISTIC = Model(
    "logistic regression", start_logistic, logistic_scores, logistic_loss, logistic_by_hand, 0.94
)
NETWORK = Model("network", start_network, network_scores, network_loss, network_by_hand, 0.96)


def train(model: Model, data: dict, epochs: int, seed: int) -> dict:
    """The parameters after ``epochs`` rounds through the training images."""
    x, y = data["X_train"], one_hot(data["y_train"])
    random = numpy.random.RandomState(seed)
    params = model.start(random)
    velocity = zeros_like(params)
    gradient = grad_and_loss(model.loss)
    progress = tqdm(range(epochs), desc=model.name, unit="epoch")
    for _ in progress:
        order = random.permutation(len(x))
        total = 0.0
        for first in range(0, len(x), BATCH_SIZE):
            batch = order[first : first + BATCH_SIZE]  # the last one is smaller
            loss = step(gradient, params, velocity, x[batch], y[batch])
            total += float(loss) * len(batch)
        progress.set_postfix(loss=f"{total / len(x):.4f}", refresh=False)
    return params


def step(gradient: Callable, params: dict, velocity: dict, x: numpy.ndarray, y: numpy.ndarray):
    """Change the parameters once, by gradient descent with momentum, and return the loss."""
    gradients, loss = gradient(params, x, y)
    for name in params:
        velocity[name] = MOMENTUM * velocity[name] - RATE * numpy.asarray(gradients[name])
        params[name] += velocity[name]
    return loss


def accuracy(model: Model, params: dict, data: dict) -> float:
    """The share of the test images whose digit is guessed right."""
    guesses = np.argmax(model.scores(params, data["X_test"]), axis=1)
    return float(np.mean(guesses == data["y_test"]))


def one_hot(labels: numpy.ndarray) -> numpy.ndarray:
    return numpy.eye(DIGITS, dtype="float32")[labels]


def zeros_like(params: dict) -> dict:
    return {name: numpy.zeros_like(value) for name, value in params.items()}


# Measuring.


def ways(model: Model) -> dict[str, Callable]:
    """Four ways to compute the same gradients."""
    eager = grad_and_loss(model.loss.__wrapped__)  # the function without @minpy.jit
    return {
        "eager": eager,
        "eager, OnlyNumPyPolicy": minpy.wrap_policy(minpy.OnlyNumPyPolicy())(eager),
        "compiled": grad_and_loss(model.loss),
        "NumPy, by hand": model.by_hand,
    }


def check(model: Model, x: numpy.ndarray, y: numpy.ndarray, seed: int) -> None:
    """Stop where a way differs from the gradients written by hand."""
    params = model.start(numpy.random.RandomState(seed))
    expected, _ = model.by_hand(params, x, y)
    for way, gradient in ways(model).items():
        gradients, _ = gradient(params, x, y)
        for name in params:
            difference = relative_difference(gradients[name], expected[name])
            assert difference <= 1e-5, f"{model.name}, {way}: the gradient of {name} differs by {difference}"


def relative_difference(a, b) -> float:
    """The largest difference, relative to the largest element."""
    a, b = numpy.asarray(a), numpy.asarray(b)
    return float(numpy.max(numpy.abs(a - b)) / numpy.max(numpy.abs(b)))


def seconds_per_step(model: Model, x: numpy.ndarray, y: numpy.ndarray, seed: int) -> dict[str, float]:
    """The median time of a training step, for each way.

    The ways take turns, so that whatever else the machine does slows all of them. A turn is many steps,
    because the threads of the one before need a moment to go to sleep.
    """
    start = model.start(numpy.random.RandomState(seed))
    params = {way: {name: value.copy() for name, value in start.items()} for way in ways(model)}
    velocity = {way: zeros_like(start) for way in ways(model)}
    times: dict[str, list[float]] = {way: [] for way in ways(model)}
    for _ in range(TURNS):
        for way, gradient in ways(model).items():
            for _ in range(STEPS):
                before = time.perf_counter()
                step(gradient, params[way], velocity[way], x, y)
                times[way].append(time.perf_counter() - before)
    return {way: statistics.median(values) for way, values in times.items()}


def time_table(models: list[Model], x: numpy.ndarray, y: numpy.ndarray, seed: int) -> Table:
    table = Table(
        title="Time per training step: loss, gradients and update",
        caption=f"medians; {x.dtype}, batch size {len(x)}, {os.environ['OMP_NUM_THREADS']} threads",
    )
    for header in ("model", "gradients"):
        table.add_column(header)
    for header in ("ms", "relative to compiled"):
        table.add_column(header, justify="right")
    for model in models:
        check(model, x, y, seed)
        seconds = seconds_per_step(model, x, y, seed)
        for way, median in seconds.items():
            relative = median / seconds["compiled"]
            table.add_row(model.name, way, f"{median * 1e3:.3f}", f"{relative:.2f}")
        table.add_section()
    return table


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, but is {text!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.digits", description="Train digit classifiers.")
    parser.add_argument("--epochs", type=positive, default=100, help="rounds through the images (100)")
    parser.add_argument("--seed", type=int, default=0, help="of the start and the batches (0)")
    options = parser.parse_args(arguments)

    models = [LOGISTIC, NETWORK]
    data = load_digits_split()
    reached = {}
    for model in models:
        params = train(model, data, options.epochs, options.seed)
        reached[model] = accuracy(model, params, data)
    for model in models:
        print(f"test accuracy, {model.name}: {reached[model]:.4f}")

    print(minpy.explain(network_loss))

    x, y = data["X_train"][:BATCH_SIZE], one_hot(data["y_train"][:BATCH_SIZE])
    Console().print(time_table(models, x, y, options.seed))

    low = [f"{m.name} {reached[m]:.4f}, needed {m.accuracy}" for m in models if reached[m] < m.accuracy]
    if low:
        sys.exit(f"The test accuracy is too low: {'; '.join(low)}. Try more epochs.")


if __name__ == "__main__":
    main()
