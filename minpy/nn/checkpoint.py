"""Checkpoints: everything that a training run needs to go on as if it had never stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

import minpy.numpy as np
from minpy.errors import StorageError
from minpy.nn import storage
from minpy.nn.io import has_state
from minpy.runtime.array import Array

if TYPE_CHECKING:
    from minpy.nn.solver import Solver

_VERSION = 1
_MODEL = ("params", "aux_params")
#: attributes of a solver that are numbers and lists of them
_PROGRESS = ("epoch", "iteration", "best_val_acc", "train_acc_history", "val_acc_history")


def save(solver: Solver, path: str | os.PathLike[str]) -> None:
    """Write the state of a solver; a crash at any moment leaves this file or the one before it."""
    content: dict[str, Any] = {name: getattr(solver, name) for name in _PROGRESS}
    content.update(
        version=_VERSION,
        loss_history=numpy.array(solver.loss_history),
        in_epoch=solver._in_epoch,
        is_stopped=solver._is_stopped,
        states=solver._states,
        model={name: dict(getattr(solver.model, name)) for name in _MODEL},
        best=solver._best,
        iterator=_iterator_state(solver),
        random=solver._randomness.state(),
    )
    storage.save(path, content)


def load(solver: Solver, path: str | os.PathLike[str]) -> None:
    """Put a solver where it was when the checkpoint was written. Nothing is changed where that fails.

    Raises:
        StorageError: the file is damaged, no checkpoint, or one of another model, update rule or data.
        OSError: the file cannot be read.
    """
    content = storage.load(path)
    name = os.fspath(path)
    if not isinstance(content, dict) or content.get("version") != _VERSION or "states" not in content:
        raise StorageError(f"{name} is no checkpoint of a solver; a model is read by model.load")
    if misfit := solver.optimizer.misfit(content["states"]):
        raise StorageError(f"{name} was written with another update rule or model: {misfit}")
    saved, before = content["model"], [dict(getattr(solver.model, part)) for part in _MODEL]
    solver.model.take({**saved["params"], **saved["aux_params"]}, name)  # all or nothing
    try:
        _restore_iterator(solver, content["iterator"], content["in_epoch"])
    except (AttributeError, KeyError, StopIteration, ValueError) as error:
        for part, values in zip(_MODEL, before):
            getattr(solver.model, part).update(values)
        raise StorageError(f"{name} was written with other training data: {error!r}") from None
    for attribute in _PROGRESS:
        setattr(solver, attribute, content[attribute])
    solver._losses = content["loss_history"].tolist()
    solver._num_read = len(solver._losses)
    solver._in_epoch, solver._is_stopped = content["in_epoch"], content["is_stopped"]
    solver._states, solver._best = _as_arrays(content["states"]), _as_arrays(content["best"])
    solver._randomness.restore(content["random"])


def _as_arrays(content: Any) -> Any:
    """NumPy's arrays in nested dicts, as MinPy's."""
    if isinstance(content, dict):
        return {key: _as_arrays(value) for key, value in content.items()}
    return np.array(content) if isinstance(content, (numpy.ndarray, Array)) else content


def _iterator_state(solver: Solver) -> dict[str, Any]:
    """Where the training data stand; of an iterator without a ``state`` the number of batches so far."""
    if has_state(solver.train_dataiter):
        return solver.train_dataiter.state()
    return {"batches": solver._batches}


def _restore_iterator(solver: Solver, state: Mapping[str, Any], in_epoch: bool) -> None:
    if "batches" not in state:
        solver.train_dataiter.restore(state)
        return
    if in_epoch:
        solver.train_dataiter.reset()
        for _ in range(state["batches"]):
            solver.train_dataiter.next()
    solver._batches = state["batches"]
