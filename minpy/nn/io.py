"""Batches of samples: ``NDArrayIter`` over arrays, ``PrefetchingIter`` to make batches ahead of time.

An iterator gives the batches of one epoch; ``reset`` starts the next one. MXNet's iterators, which
``minpy.io`` has, work the same way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy

from minpy.nn.checks import require_counts, require_iterators
from minpy.ops.creation import default_dtype
from minpy.runtime.array import Array
from minpy.runtime.context import current_context
from minpy.runtime.native import is_mxnet_array

LAST_BATCHES = ("pad", "discard", "roll_over")


@dataclass
class DataBatch:
    """Some samples.

    Attributes:
        data, label: lists of arrays, each (batch, ...).
        pad: how many samples at the end only fill the batch up: no result counts them.
        index: the positions of the samples in the data set, where they are known.
    """

    data: list[Any]
    label: list[Any]
    pad: int = 0
    index: Any = None


def as_batch(batch: Any) -> DataBatch:
    """A batch of any iterator, such as one of MXNet's, as MinPy's."""
    if type(batch) is DataBatch:
        return batch
    data, label = (
        [Array(x) if is_mxnet_array(x) else x for x in xs or ()] for xs in (batch.data, batch.label)
    )
    return DataBatch(data, label, batch.pad or 0, batch.index)


class DataIter:
    """Base of iterators over batches. Subclasses write ``next`` and ``reset``.

    A solver resumes exactly where there are also ``state()``, which gives a dict of arrays and numbers, and
    ``restore(state)``.

    Attributes:
        batch_size: samples in a batch.
    """

    batch_size = 0

    def __iter__(self) -> DataIter:
        return self

    def __next__(self) -> DataBatch:
        return self.next()

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the end of the epoch."""
        raise NotImplementedError(f"{type(self).__name__} gives no batches: define next(self)")

    def reset(self) -> None:
        """Start an epoch."""


def has_state(iterator: Any) -> bool:
    """Whether an iterator can tell where it stands, and go back there."""
    if hasattr(iterator, "iterator"):  # a wrapper, such as PrefetchingIter
        return has_state(iterator.iterator)
    return hasattr(iterator, "state") and hasattr(iterator, "restore")


class NDArrayIter(DataIter):
    """Batches of arrays of NumPy, MXNet or MinPy.

    Batches of data in its own order are read-only views of it; of shuffled data each is gathered once. Each
    epoch has an order of its own, drawn by NumPy's global generator.

    Args:
        data: an array (samples, ...), a list of arrays, or a dict of them by name.
        label: the same; None where there is none.
        batch_size: samples in a batch.
        shuffle: whether each epoch goes through the samples in another order.
        last_batch_handle: what becomes of samples that do not fill a batch: 'pad' fills it with the first
            ones and counts these in ``batch.pad``, 'discard' leaves them out, 'roll_over' begins the next
            epoch with them.
        data_name, label_name: the names of arrays that have none.
        dtype: of data and labels that are floats; MinPy's default dtype unless given. Integers stay.

    Attributes:
        num_data: samples.

    Raises:
        ValueError: for arrays of different lengths, no samples, and unknown settings.
        TypeError: for data that is none of these.
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        batch_size: int = 1,
        shuffle: bool = False,
        last_batch_handle: str = "pad",
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: Any = None,
    ):
        if last_batch_handle not in LAST_BATCHES:
            raise ValueError(f"last_batch_handle is one of {LAST_BATCHES}, not {last_batch_handle!r}")
        require_counts(batch_size=batch_size)
        dtype = numpy.dtype(default_dtype() if dtype is None else dtype)
        self.data = _sources(data, data_name, dtype)
        self.label = [] if label is None else _sources(label, label_name, dtype)
        if not self.data:
            raise ValueError("data has no arrays")
        lengths = {name: len(array) for name, array in (*self.data, *self.label)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"all arrays have as many samples; these have {lengths}")
        self.num_data = len(self.data[0][1])
        if not self.num_data:
            raise ValueError("there are no samples")
        if last_batch_handle != "pad" and self.num_data < batch_size:
            raise ValueError(f"{self.num_data} samples do not fill a batch of {batch_size}")
        self.batch_size = int(batch_size)
        self.shuffle, self.last_batch_handle = bool(shuffle), last_batch_handle
        self._order: numpy.ndarray | None = None  # the samples of this epoch; None: all, as they are
        self._is_drawn = not shuffle
        self._cursor = 0  # the batch that comes next

    @property
    def provide_data(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the arrays in ``batch.data``."""
        return [(name, (self.batch_size, *array.shape[1:])) for name, array in self.data]

    @property
    def provide_label(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the arrays in ``batch.label``."""
        return [(name, (self.batch_size, *array.shape[1:])) for name, array in self.label]

    def getnumiterations(self) -> int:
        """How many batches this epoch has."""
        count = self.num_data if self._order is None else len(self._order)
        return -(-count // self.batch_size) if self.last_batch_handle == "pad" else count // self.batch_size

    def reset(self) -> None:
        """Start an epoch."""
        carried = self._carried()
        self._order = numpy.random.permutation(self.num_data) if self.shuffle else None
        if carried is not None:
            order = numpy.arange(self.num_data) if self._order is None else self._order
            self._order = numpy.concatenate((carried, order))
        self._is_drawn, self._cursor = True, 0

    def hard_reset(self) -> None:
        """Start an epoch without samples that the last one left."""
        self._cursor = 0
        self.reset()

    def _carried(self) -> numpy.ndarray | None:
        """What the epoch that ends leaves to the next one."""
        if self.last_batch_handle != "roll_over" or self._cursor < self.getnumiterations():
            return None
        order = numpy.arange(self.num_data) if self._order is None else self._order
        left = order[self._cursor * self.batch_size :]
        return left if len(left) else None

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the end of the epoch."""
        if not self._is_drawn:
            self.reset()
        if self._cursor >= self.getnumiterations():
            raise StopIteration
        first = self._cursor * self.batch_size
        self._cursor += 1
        last, size = first + self.batch_size, self.num_data
        pad = max(0, last - (size if self._order is None else len(self._order)))
        if self._order is None and not pad:
            taken: Any = slice(first, last)
            index = numpy.arange(first, last)
        else:
            places = numpy.arange(first, last)
            taken = index = places % size if self._order is None else self._order[places % len(self._order)]
        data, label = ([_taken(array, taken) for _, array in source] for source in (self.data, self.label))
        return DataBatch(data, label, pad, index)

    def getsubiter(self, num_samples: int) -> NDArrayIter:
        """An iterator over ``num_samples`` of the samples, drawn at random, in batches of the same size."""
        require_counts(num_samples=num_samples)
        chosen = numpy.random.permutation(self.num_data)[:num_samples]
        data, label = (
            {name: array[chosen] for name, array in source} or None for source in (self.data, self.label)
        )
        return NDArrayIter(data, label, self.batch_size, dtype=self._dtype())

    def _dtype(self) -> Any:
        """The dtype of the floats here."""
        return next((a.dtype for _, a in (*self.data, *self.label) if a.dtype.kind == "f"), None)

    def state(self) -> dict[str, Any]:
        """Where the iterator stands: the order of the samples, and the batch that comes next."""
        order = numpy.arange(0) if self._order is None else self._order
        return {"order": order, "is_drawn": self._is_drawn, "cursor": self._cursor}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state`` of an iterator over the same data.

        Raises:
            ValueError: where it is of other data.
        """
        order = numpy.asarray(state["order"])
        if len(order) and (len(order) < self.num_data or order.max() >= self.num_data):
            raise ValueError(
                f"this is the state of an iterator over {len(order)} samples, not {self.num_data}"
            )
        self._order = order if len(order) else None
        self._is_drawn, self._cursor = bool(state["is_drawn"]), int(state["cursor"])


class PrefetchingIter(DataIter):
    """The batches of another iterator, which a thread makes while the ones before are used.

    What the iterator raises is raised by ``next``. Its ``reset`` is called in the thread that uses the
    batches, so random numbers that are drawn there stay in order.

    Args:
        iterator: with ``next`` and ``reset``, such as an ``NDArrayIter`` or one of MXNet's.
        depth: how many batches are made ahead.
    """

    def __init__(self, iterator: Any, depth: int = 2):
        require_iterators(iterator=iterator)
        require_counts(depth=depth)
        self.iterator, self.depth = iterator, depth
        self.batch_size = iterator.batch_size
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: deque[Future] = deque()
        self._is_started = False
        self._state: dict[str, Any] | None = (
            None  # of the iterator, behind the batch that was handed out last
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "iterator":
            raise AttributeError(name)
        return getattr(self.iterator, name)  # num_data, provide_data, getsubiter ...

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the end of the epoch."""
        if not self._is_started:
            self.reset()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "minpy-prefetch")
        while len(self._ahead) <= self.depth:
            self._ahead.append(self._pool.submit(_made, self.iterator, current_context()))
        try:
            found = self._ahead.popleft().result()
        except BaseException:
            self.close()
            raise
        if found is None:
            self.close()
            raise StopIteration
        batch, self._state = found
        return batch

    def reset(self) -> None:
        """Start an epoch."""
        self.close()
        self.iterator.reset()
        self._is_started, self._state = True, None

    def close(self) -> None:
        """End the thread. Batches that were made ahead are made again when they are asked for."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            if self._state is not None:
                self.iterator.restore(self._state)
        self._pool = None
        self._ahead.clear()

    def state(self) -> dict[str, Any]:
        """The state of the iterator, as if nothing had been made ahead."""
        if self._state is None:
            return {**self.iterator.state(), "is_started": self._is_started}
        return {**self._state, "is_started": True}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``."""
        self.close()
        self.iterator.restore({key: value for key, value in state.items() if key != "is_started"})
        self._is_started, self._state = bool(state.get("is_started", True)), None


def _taken(array: numpy.ndarray, which: Any) -> Array:
    """Some samples; read-only where they are a view, so that nothing writes into the data set."""
    samples = array[which]
    if samples.base is not None:
        samples.flags.writeable = False
    return Array(samples)


def _made(iterator: Any, context: Any) -> tuple[Any, Any] | None:
    """A batch and the state behind it; None at the end."""
    with context:
        try:
            batch = iterator.next()
        except StopIteration:
            return None
    return batch, iterator.state() if has_state(iterator) else None


def _sources(source: Any, name: str, dtype: numpy.dtype) -> list[tuple[str, numpy.ndarray]]:
    """Arrays with their names, as NumPy's contiguous arrays."""
    if isinstance(source, Mapping):
        named = list(source.items())
    elif isinstance(source, (list, tuple)) and any(_is_array(x) for x in source):
        single = len(source) == 1
        named = [(name if single else f"_{i}_{name}", x) for i, x in enumerate(source)]
    else:
        named = [(name, source)]
    return [(key, _as_numpy(key, x, dtype)) for key, x in named]


def _is_array(x: Any) -> bool:
    return hasattr(x, "asnumpy") or isinstance(x, numpy.ndarray)


def _as_numpy(name: str, x: Any, dtype: numpy.dtype) -> numpy.ndarray:
    if not _is_array(x):
        raise TypeError(
            f"{name!r} is a {type(x).__name__}, not an array of NumPy, MXNet or MinPy; data is an array, a "
            "list of arrays, or a dict of them by name"
        )
    array = x.asnumpy() if hasattr(x, "asnumpy") else x
    if array.dtype.kind not in "fiub" or not array.ndim:
        raise TypeError(f"{name!r} is an array {list(array.shape)} of {array.dtype}, not one of samples")
    return numpy.ascontiguousarray(array, dtype if array.dtype.kind == "f" else array.dtype)
