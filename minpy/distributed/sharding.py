"""The part of the data that each worker looks at."""

from __future__ import annotations

from typing import Any

from minpy.distributed.collectives import group
from minpy.nn.io import DataBatch, DataIter, as_batch


class Shard(DataIter):
    """Of each batch of an iterator the samples of this worker.

    The iterator gives the same batches on all workers. These have then taken the same number of steps at any
    time, together each batch as one worker would have had it, whatever their number is.

    Attributes:
        iterator: gives the whole batches.
        share: which part of the whole batch the last one was.
    """

    def __init__(self, iterator: Any):
        self.iterator, self.share = iterator, 1.0
        self.batch_size = iterator.batch_size

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "iterator":
            raise AttributeError(name)
        found = getattr(self.iterator, name)  # num_data, getnumiterations, state, restore ...
        return (lambda num_samples: Shard(found(num_samples))) if name == "getsubiter" else found

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


def part(size: int) -> tuple[int, int]:
    """Which of ``size`` samples are those of this worker: from one position up to another."""
    workers = group()
    return size * workers.rank // workers.size, size * (workers.rank + 1) // workers.size


def shard(iterator: Any) -> Shard:
    """An iterator over this worker's part of each batch; see ``Shard``. Of a shard, itself."""
    return iterator if isinstance(iterator, Shard) else Shard(iterator)
