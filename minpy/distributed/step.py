"""A step of training in three parts: gradients of this worker's samples, their mean over all, the update.

The first and the last are compiled, each to one graph where all of the model compiles. What goes between
them is a few large flat arrays, the buckets, which MXNet's KVStore sums up in place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy

import minpy.numpy as np
from minpy.nn.model import ModelBase
from minpy.nn.step import Optimizer, Settings, gradients_of, updated

#: elements after which a bucket is full; KVStore shares larger arrays out among its servers
FULL = 1_000_000
#: numbers that travel with the gradients: the weighted loss, the weight, and two flags of the worker
NUMBERS = 4


@dataclass(frozen=True)
class Slot:
    """Where the gradient of a parameter stands in a bucket."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Bucket:
    """Gradients of one dtype, one behind the other; with ``has_numbers`` ``NUMBERS`` come behind them."""

    dtype: str
    slots: tuple[Slot, ...] = ()
    has_numbers: bool = False


def layout(params: Mapping[str, Any], is_compressed: bool) -> tuple[Bucket, ...]:
    """Buckets of all gradients, the largest first.

    The numbers stand in the last one of the widest dtype, from float32 on; where gradients are compressed in
    one of their own, the last.
    """
    number = str(numpy.result_type("float32", *[x.dtype for x in params.values()]))
    full: list[Bucket] = []
    begun: dict[str, list[Slot]] = {}
    for name, x in sorted(params.items(), key=lambda item: -item[1].size):
        dtype = str(numpy.dtype(x.dtype))
        slots = begun.setdefault(dtype, [])
        start = slots[-1].stop if slots else 0
        slots.append(Slot(name, tuple(x.shape), start, start + math.prod(x.shape)))
        if slots[-1].stop >= FULL:
            full.append(Bucket(dtype, tuple(begun.pop(dtype))))
    found = full + [Bucket(dtype, tuple(slots)) for dtype, slots in begun.items()]
    home = None if is_compressed else max((i for i, b in enumerate(found) if b.dtype == number), default=None)
    if home is None:
        return (*found, Bucket(number, has_numbers=True))
    found[home] = replace(found[home], has_numbers=True)
    return tuple(found)


def gradient_step(
    model: ModelBase, params: dict[str, Any], batch: Any, weight: Any, flags: Any, buckets: tuple[Bucket, ...]
) -> list[Any]:
    """Flat arrays of the gradients and the loss of a batch, times its weight, as ``buckets`` lay them out.

    Args:
        params: a copy of ``model.params``, which is left as it was.
        weight: a number.
        flags: an array of two numbers, which are handed on.
    """
    gradients, loss = gradients_of(model, params, batch)
    flat = []
    for bucket in buckets:
        own = np.asarray(weight, dtype=bucket.dtype)
        parts = [np.reshape(gradients[slot.name], (-1,)) * own for slot in bucket.slots]
        if bucket.has_numbers:
            parts.append(np.reshape(loss * own, (1,)))
            parts.append(np.reshape(own, (1,)))
            parts.append(np.asarray(flags, dtype=bucket.dtype))
        flat.append(np.concatenate(parts))
    return flat


def update_step(
    optimizer: Optimizer,
    params: dict[str, Any],
    states: dict[str, Settings],
    sums: list[Any],
    buckets: tuple[Bucket, ...],
) -> tuple[Any, Any, dict[str, Any], dict[str, Settings], Any]:
    """What ``train_step`` gives, and the weight and the flags of all workers.

    Args:
        sums: the buckets, summed over all workers.
    """
    numbers: Any = None
    for bucket, total in zip(buckets, sums):
        if bucket.has_numbers:
            numbers = total[-NUMBERS:]
    gradients = {}
    for bucket, total in zip(buckets, sums):
        factor = np.asarray(1 / numbers[1], dtype=bucket.dtype)
        for slot in bucket.slots:
            gradients[slot.name] = np.reshape(total[slot.start : slot.stop], slot.shape) * factor
    loss = numbers[0] / numbers[1]
    norm, new_params, new_states = updated(optimizer, params, gradients, states)
    return loss, norm, new_params, new_states, numbers[1:]
