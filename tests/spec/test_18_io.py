"""MinPy IO."""

from __future__ import annotations

import argparse

import mxnet
import numpy
import pytest

import minpy
import minpy.io
import minpy.numpy as np
from minpy.io import MNISTIter
from minpy.nn.io import NDArrayIter
from tests.io.test_files import write_idx


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SciPy, in mxnet.nd.array
@pytest.mark.parametrize("source", [np.array, numpy.array, mxnet.nd.array], ids=["minpy", "numpy", "mxnet"])
def test_ndarray_iter(source):
    images, labels = numpy.arange(40.0).reshape(10, 4), numpy.arange(10.0)
    data = {"X_train": source(images), "y_train": source(labels)}
    train_dataiter = NDArrayIter(data=data["X_train"], label=data["y_train"], batch_size=5, shuffle=True)
    for _ in range(2):  # epochs
        seen = []
        for each_batch in train_dataiter:
            assert isinstance(each_batch.data[0], minpy.Array) and each_batch.data[0].shape == (5, 4)
            numpy.testing.assert_array_equal(
                each_batch.data[0].asnumpy(), images[each_batch.label[0].asnumpy().astype(int)]
            )
            seen += each_batch.label[0].tolist()
        train_dataiter.reset()
        assert sorted(seen) == labels.tolist() != seen


def test_names_of_mxnets_iterators():
    for name in ("MNISTIter", "ImageRecordIter", "CSVIter", "PrefetchingIter", "ResizeIter"):
        assert callable(getattr(minpy.io, name))


def test_mnist_iter(tmp_path):
    pixels = numpy.random.randint(0, 256, (8, 6, 6), dtype="uint8")
    labels = numpy.arange(8, dtype="uint8")
    data_dir = str(tmp_path) + "/"
    write_idx(tmp_path / "train-images-idx3-ubyte", pixels)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels)
    args, data_shape, flat = argparse.Namespace(batch_size=2), (36,), True
    kv = mxnet.kv.create("local")
    train = MNISTIter(
        image=data_dir + "train-images-idx3-ubyte",
        label=data_dir + "train-labels-idx1-ubyte",
        input_shape=data_shape,
        batch_size=args.batch_size,
        shuffle=True,
        flat=flat,
        num_parts=kv.num_workers,
        part_index=kv.rank,
    )
    seen = {}
    for batch in train:
        assert isinstance(batch.data[0], minpy.Array) and batch.data[0].shape == (2, 36)
        seen.update(zip(batch.label[0].tolist(), batch.data[0].asnumpy()))
    assert sorted(seen) == labels.tolist()
    for label, row in seen.items():
        numpy.testing.assert_allclose(row * 256, pixels[int(label)].ravel(), atol=1e-3)
