"""MXNet's iterators over files, written in C++, with MinPy's arrays in their batches.

MXNet itself is used for one epoch each time. Told to start again, its iterators begin the next epoch with
the samples behind those that filled the last batch, or in the middle of the file if they were not read to the
end, and use the memory of batches again that a program may still hold. Here each epoch has every sample, and
each batch memory of its own.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
from collections.abc import Mapping
from typing import Any

from minpy.nn.io import DataBatch, DataIter
from minpy.runtime.array import Array
from minpy.runtime.engine import mx
from minpy.runtime.native import MXNetError, short_message

_PARAMETER = re.compile(r"^(\w+) : ", re.MULTILINE)
_PLACE = re.compile(r"^\[[\d:]+\] \S+: ")  # in MXNet's source, and when
#: those of them that draw random numbers; each epoch draws others
_SEEDS = ("seed", "seed_aug", "shuffle_chunk_seed")
_FILES = (
    *("image", "label", "data_csv", "label_csv", "data_libsvm", "label_libsvm"),
    *("path_imgrec", "path_imgidx", "path_imglist", "mean_img"),
)
#: which part of a file is read, of how many; 0 where that is not said
_PARTS = ("num_parts", "part_index")
#: so that no epoch is announced
_QUIET = {"silent": True, "verbose": False}


class FileIter(DataIter):
    """What MXNet's iterator of the same name gives, with MinPy's arrays.

    ``state`` and ``restore`` go back to any batch: the file is read up to it again.

    Args:
        data_name, label_name: names of the arrays in a batch.
        settings: those of MXNet's iterator; ``help(minpy.io.CSVIter.mxnet)`` shows them all.

    Attributes:
        batch_size: samples in a batch.
        provide_data, provide_label: names and shapes of the arrays in a batch.
        num_parts, part_index: the settings of that name, by which workers read a part of a file each.

    Raises:
        TypeError: for a setting that there is not.
        FileNotFoundError: a file is missing.
        ValueError: a setting or a file is wrong, or there is not one batch.
    """

    #: MXNet's iterator
    mxnet: Any = None
    _has_index = False  # others of MXNet's say 0 for each sample
    _is_read_to_its_end = False  # it crashes where it is freed while its threads still read
    _iterator: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.mxnet = staticmethod(getattr(mx.io, cls.__name__))

    def __init__(self, *, data_name: str = "data", label_name: str = "softmax_label", **settings: Any):
        known = _PARAMETER.findall(self.mxnet.__doc__)
        self._check_names(settings, known)
        self._seeds = [name for name in _SEEDS if name in known]
        quiet = {name: value for name, value in _QUIET.items() if name in known}
        paths = {name: os.fspath(x) for name, x in settings.items() if isinstance(x, os.PathLike)}
        self._settings = {**quiet, **settings, **paths}
        self._epoch = self._position = 0
        self._is_at_end = False
        self._iterator = self._opened()
        self.batch_size = self._iterator.batch_size
        self.num_parts, self.part_index = (int(self._settings.get(name) or 0) for name in _PARTS)
        self.provide_data = [(data_name, tuple(self._iterator.provide_data[0].shape))]
        self.provide_label = [(label_name, tuple(self._iterator.provide_label[0].shape))]

    def _check_names(self, settings: Mapping[str, Any], known: list[str]) -> None:
        for name in settings:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
                raise TypeError(f"{type(self).__name__} has no setting {name!r}{hint}")

    def _opened(self) -> Any:
        """MXNet's iterator at the beginning of an epoch."""
        settings = dict(self._settings)
        if self._epoch:
            settings.update({name: int(settings.get(name) or 0) + self._epoch for name in self._seeds})
        try:
            return type(self).mxnet(**settings)
        except MXNetError as error:
            raise self._explained(error) from None
        except StopIteration:
            size = self._settings.get("batch_size", "its default")
            raise ValueError(f"{type(self).__name__}: there is no batch of batch_size {size}") from None

    def _explained(self, error: MXNetError) -> Exception:
        for name in _FILES:
            path = self._settings.get(name)
            if isinstance(path, str) and "://" not in path and not os.path.exists(path):
                return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        message = _PLACE.sub("", short_message(error))
        return ValueError(f"{type(self).__name__}: {message}")

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the end of the epoch."""
        if self._is_at_end:
            raise StopIteration
        if self._iterator is None:
            self._iterator = self._opened()
        try:
            batch = self._iterator.next()
        except MXNetError as error:
            raise self._explained(error) from None
        except StopIteration:
            self._is_at_end, self._iterator = True, None
            raise
        self._position += 1
        # ``asnumpy`` copies, also what is sparse
        data = [Array(x.asnumpy()) for x in batch.data]
        label = [Array(x.asnumpy()) for x in batch.label] if self._has_label else []
        return DataBatch(data, label, batch.pad or 0, batch.index if self._has_index else None)

    def _close(self) -> None:
        """Free MXNet's iterator."""
        iterator, self._iterator = self._iterator, None
        if iterator is not None and self._is_read_to_its_end:
            with contextlib.suppress(MXNetError):
                for _ in iterator:
                    pass

    def __del__(self) -> None:
        self._close()

    @property
    def _has_label(self) -> bool:
        return True

    def reset(self) -> None:
        """Start an epoch."""
        if self._position or self._is_at_end:
            self.restore({"epoch": self._epoch + 1, "position": 0})

    def state(self) -> dict[str, Any]:
        """Where the iterator stands: the number of the epoch, and of the batch that comes next."""
        return {"epoch": self._epoch, "position": self._position}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state`` of an iterator with the same settings."""
        self._close()
        self._is_at_end = False
        self._epoch, self._position = int(state["epoch"]), 0
        with contextlib.suppress(StopIteration):  # this part of the file may have fewer
            for _ in range(int(state["position"])):
                self.next()


class MNISTIter(FileIter):
    """Handwritten digits in the two files ``image`` and ``label`` of MNIST, in idx format, not compressed.

    Pixels are from 0 to 255/256, in shape (batch_size, 1, 28, 28), or (batch_size, 784) where ``flat``. They
    are shuffled unless ``shuffle=False``. Samples that do not fill a batch are left out.

    Args:
        input_shape: of one sample, which is checked.

    Raises:
        ValueError: samples have another shape; and see ``FileIter``.
    """

    def __init__(self, *, input_shape: tuple[int, ...] | None = None, **settings: Any):
        super().__init__(**settings)
        shape = self.provide_data[0][1][1:]
        if input_shape is not None and tuple(input_shape) != shape:
            raise ValueError(f"samples have the shape {shape}, not {tuple(input_shape)}; flat= changes it")


class CSVIter(FileIter):
    """Rows of numbers in the file ``data_csv``, each of the shape ``data_shape``; labels in ``label_csv``.

    The last batch is filled with the first rows, which ``pad`` counts. With ``round_batch=False`` it is
    filled with anything.
    """

    _has_index = _is_read_to_its_end = True

    @property
    def _has_label(self) -> bool:
        return "label_csv" in self._settings


class LibSVMIter(FileIter):
    """Samples in the file ``data_libsvm``: on each line a label, and ``place:number`` for what is not 0.

    Places are counted from 0. Batches are arrays as any, so all of the ``data_shape`` is in memory.
    """

    _has_index = _is_read_to_its_end = True


class ImageRecordIter(FileIter):
    """Images in the file ``path_imgrec``, which MXNet's ``im2rec`` or ``recordio`` writes.

    They are decoded and changed by many threads: ``shuffle``, ``rand_crop``, ``rand_mirror``, ``resize``,
    ``mean_r``, ``std_r`` and so on. Pixels are floats from 0 to 255, in the shape (batch_size, channels,
    height, width) of ``data_shape``. The last batch is filled with other images, which ``pad`` counts.
    """


class ImageRecordUInt8Iter(FileIter):
    """As ``ImageRecordIter``, with pixels of uint8."""


class ImageRecordInt8Iter(FileIter):
    """As ``ImageRecordIter``, with pixels of int8, 128 less."""


class ImageDetRecordIter(FileIter):
    """As ``ImageRecordIter``, with boxes around objects in the labels."""
