"""The part of the data that each worker looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from minpy.distributed.collectives import group
from minpy.nn.checks import require_iterators
from minpy.nn.io import DataBatch, DataIter, as_batch


class Shard(DataIter):
    """Of each batch of an iterator the samples of this worker.

    The iterator gives the same batches on all workers. These have then taken the same number of steps at any
    time, together each batch as one worker would have had it, whatever their number is.

    Attributes:
        iterator: gives the whole batches.
        share: how much the last one counts beside those of other workers.
    """

    def __init__(self, iterator: Any):
        self.iterator, self.share = iterator, 1.0
        self.batch_size = iterator.batch_size

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "iterator":
            raise AttributeError(name)
        found = getattr(self.iterator, name)  # num_data, getnumiterations, state, restore ...
        return (lambda num_samples: type(self)(found(num_samples))) if name == "getsubiter" else found

    def next(self) -> DataBatch:
        """This worker's part of the next batch. Raises StopIteration at the end of the epoch."""
        batch = as_batch(self.iterator.next())
        size = len(batch.data[0])
        first, last = part(size)
        if first == last:
            raise ValueError(f"a batch of {size} samples is too small for {group().size} workers")
        self.share = (last - first) / size
        valid = min(max(size - batch.pad - first, 0), last - first)
        data, label = ([x[first:last] for x in xs] for xs in (batch.data, batch.label))
        index = None if batch.index is None else batch.index[first:last]
        return DataBatch(data, label, last - first - valid, index)

    def reset(self) -> None:
        """Start an epoch."""
        self.iterator.reset()


class Part(Shard):
    """The batches of an iterator that reads a part of a file for this worker, by ``num_parts`` of MXNet's.

    Where that has fewer batches than another worker's, the last one comes again, and counts for nothing.
    """

    _last: DataBatch | None = None

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration where no worker has one."""
        try:
            self._last = as_batch(self.iterator.next())
            self.share = 1.0
        except StopIteration:
            self.share = 0.0
        (count,) = group().sums([numpy.array([self.share])])
        if not count[0]:
            raise StopIteration
        last = self._last = self._last or self._any()
        return last if self.share else DataBatch(last.data, last.label, len(last.data[0]), last.index)

    def _any(self) -> DataBatch:
        """Any batch, where training goes on behind the last one."""
        state = self.iterator.state()
        self.iterator.reset()
        batch = as_batch(self.iterator.next())
        self.iterator.restore(state)
        return batch

    def state(self) -> dict[str, Any]:
        """Where the iterator stands, and how many parts there are."""
        return {**self.iterator.state(), "num_parts": self.iterator.num_parts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``; with another number of parts as far in the epoch as that was."""
        found = dict(state)
        found["position"] = found["position"] * found.pop("num_parts") // self.iterator.num_parts
        self.iterator.restore(found)


def part(size: int) -> tuple[int, int]:
    """Which of ``size`` samples are those of this worker: from one position up to another."""
    workers = group()
    return size * workers.rank // workers.size, size * (workers.rank + 1) // workers.size


def shard(iterator: Any) -> Shard:
    """An iterator over this worker's part of each batch; see ``Shard``. Of a shard, itself.

    Of an iterator that reads a part of a file for this worker, by ``num_parts``, it gives whole batches.

    Raises:
        TypeError: for what gives no batches.
        ValueError: the iterator wraps a shard, or reads another worker's part.
    """
    if isinstance(iterator, Shard):
        return iterator
    require_iterators(iterator=iterator)
    if any(isinstance(inner, Shard) for inner in _wrapped(iterator)):
        raise ValueError(f"shard() is the outermost: shard({type(iterator).__name__}(...)), not within it")
    parts = getattr(iterator, "num_parts", 0)
    if parts <= 1:
        return Shard(iterator)
    workers = group()
    if (parts, iterator.part_index) != (workers.size, workers.rank):
        raise ValueError(
            f"num_parts={parts} and part_index={iterator.part_index} are for another worker: give "
            f"num_parts=distributed.num_workers(), part_index=distributed.rank(), here {workers.size} and "
            f"{workers.rank}"
        )
    return Part(iterator)


def _wrapped(iterator: Any) -> Iterator[Any]:
    """The iterators within an iterator."""
    while iterator is not None:
        iterator = getattr(iterator, "iterator", None) or getattr(iterator, "data_iter", None)
        yield iterator
