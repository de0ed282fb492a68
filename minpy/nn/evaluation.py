"""How well a model does on data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy

from minpy.errors import ShapeError
from minpy.nn.io import DataBatch, as_batch
from minpy.nn.model import ModelBase


def score(
    model: ModelBase,
    predict: Callable[[ModelBase, Any], Any],
    batches: Iterable[Any],
    num_samples: int | None,
    task: str,
    between: Callable[[], None],
    in_all: Callable[..., tuple[float, ...]],
) -> float:
    """The accuracy, or the loss in a regression, over the samples of all batches.

    Args:
        predict: gives the prediction for a batch.
        num_samples: the number of samples after which to stop; None for all.
        task: 'classification' or 'regression'.
        between: is called after each batch.
        in_all: sums numbers up over all workers.

    Raises:
        ValueError: where there are no samples.
        ShapeError: in a classification, predictions are not scores of at least two classes.
    """
    total, count = 0.0, 0
    for batch in map(as_batch, batches):
        size = len(batch.data[0]) - batch.pad
        if num_samples is not None:
            size = min(size, num_samples - count)
        if size:
            found = predict(model, batch)
            total += size * (
                _loss(model, batch, found, size) if task == "regression" else _accuracy(batch, found, size)
            )
            count += size
        between()
        if count == num_samples:
            break
    total, whole = in_all(total, count)
    if not whole:
        raise ValueError("the iterator has no samples to look at")
    return total / whole


def _loss(model: ModelBase, batch: DataBatch, predict: Any, size: int) -> float:
    """The loss of the first samples of a batch."""
    if size < len(batch.data[0]):
        batch = DataBatch([x[:size] for x in batch.data], [x[:size] for x in batch.label])
        predict = predict[:size]
    return float(model.loss_batch(batch, predict))


def _accuracy(batch: DataBatch, predict: Any, size: int) -> float:
    """The share of the first samples of a batch whose label, a number or one-hot, has the highest score."""
    scores, labels = numpy.asarray(predict)[:size], numpy.asarray(batch.label[0])[:size]
    if scores.ndim < 2 or scores.shape[-1] < 2:
        raise ShapeError(
            f"an accuracy is of a score for each class, (N, C) with two or more, not {scores.shape}; "
            "give two scores for two classes, or use task_type='regression', which looks at the loss"
        )
    if labels.shape == scores.shape:
        labels = labels.argmax(-1)
    guesses = scores.argmax(-1)
    return float(numpy.mean(guesses == labels.reshape(guesses.shape)))
