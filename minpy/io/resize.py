"""Epochs of a chosen length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minpy.nn.checks import require_counts, require_iterators
from minpy.nn.io import DataBatch, DataIter, has_state


class ResizeIter(DataIter):
    """Epochs of ``size`` batches of another iterator, which begins anew where it comes to its end.

    Args:
        data_iter: the iterator.
        size: batches in an epoch.
        reset_internal: whether an epoch begins at the beginning of the other iterator, or goes on in it.

    Raises:
        TypeError: for what gives no batches.
        ValueError: for a size that is no positive integer.
    """

    def __init__(self, data_iter: Any, size: int, reset_internal: bool = True):
        require_iterators(data_iter=data_iter)
        require_counts(size=size)
        self.data_iter, self.size, self.reset_internal = data_iter, size, reset_internal
        self.batch_size = data_iter.batch_size
        self._position = 0
        if has_state(data_iter):
            self.state, self.restore = self._state, self._restore

    def __getattr__(self, name: str) -> Any:
        if name not in ("provide_data", "provide_label", "num_parts", "part_index"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.data_iter, name)

    def getnumiterations(self) -> int:
        """How many batches an epoch has."""
        return self.size

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the end of the epoch."""
        if self._position == self.size:
            raise StopIteration
        try:
            batch = self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            batch = self.data_iter.next()
        self._position += 1
        return batch

    def reset(self) -> None:
        """Start an epoch."""
        self._position = 0
        if self.reset_internal:
            self.data_iter.reset()

    def _state(self) -> dict[str, Any]:
        return {**self.data_iter.state(), "turn": self._position}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.data_iter.restore({key: value for key, value in state.items() if key != "turn"})
        self._position = int(state["turn"])
