"""MXNet's iterators on small files that are written here."""

from __future__ import annotations

import functools
import io
import struct
import tempfile
from pathlib import Path

import numpy
import pytest
from PIL import Image

import minpy
import minpy.io
import minpy.numpy as np
from minpy.nn import layers
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver
from minpy.runtime.engine import mx

DIGITS = numpy.random.RandomState(0).randint(0, 256, (10, 28, 28)).astype("uint8")
ROWS = numpy.round(8 * numpy.random.RandomState(1).randn(10, 3)).astype("float32") / 8  # exact in few digits
NUMBERS = numpy.arange(10)


def write_idx(path, array):
    """The format of MNIST: magic number, sizes, bytes."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.astype("uint8").tobytes())
    return path


def in_own_folder(make):
    """``make`` writing into a new folder: threads of an earlier iterator may still read its files."""

    @functools.wraps(make)
    def written(folder, *args, **settings):
        return make(Path(tempfile.mkdtemp(dir=folder)), *args, **settings)

    return written


@in_own_folder
def mnist(folder, **settings):
    image, label = write_idx(folder / "images", DIGITS), write_idx(folder / "labels", NUMBERS)
    return minpy.io.MNISTIter(image=image, label=label, **{"shuffle": False, **settings})


@in_own_folder
def csv(folder, **settings):
    numpy.savetxt(folder / "data.csv", ROWS, delimiter=",")
    numpy.savetxt(folder / "label.csv", NUMBERS)
    files = {"data_csv": folder / "data.csv", "label_csv": folder / "label.csv"}
    return minpy.io.CSVIter(data_shape=(3,), **files, **settings)


@in_own_folder
def libsvm(folder, **settings):
    lines = [
        f"{label} " + " ".join(f"{i}:{x!r}" for i, x in enumerate(row.tolist()) if i != 1)
        for label, row in zip(NUMBERS, ROWS)
    ]
    (folder / "data.libsvm").write_text("\n".join(lines) + "\n")
    return minpy.io.LibSVMIter(data_libsvm=folder / "data.libsvm", data_shape=(3,), **settings)


def jpegs():
    """Images of one colour each, as files, and as Pillow decodes them: (channel, height, width)."""
    for number in NUMBERS:
        file = io.BytesIO()
        Image.new("RGB", (8, 8), (20 * int(number), 100, 200)).save(file, "jpeg", quality=95)
        yield file.getvalue(), numpy.asarray(Image.open(file)).transpose(2, 0, 1)


@in_own_folder
def images(folder, kind=minpy.io.ImageRecordIter, **settings):
    record = mx.recordio.MXIndexedRecordIO(str(folder / "x.idx"), str(folder / "x.rec"), "w")
    for number, (content, _) in enumerate(jpegs()):
        header = mx.recordio.IRHeader(0, float(number), number, 0)
        record.write_idx(number, mx.recordio.pack(header, content))
    record.close()
    files = {"path_imgrec": folder / "x.rec", "path_imgidx": folder / "x.idx"}
    return kind(data_shape=(3, 8, 8), **files, **settings)


EXPECTED = {
    mnist: DIGITS[:, None] / numpy.float32(256),
    csv: ROWS,
    libsvm: ROWS * numpy.float32([1, 0, 1]),
    images: numpy.stack([image for _, image in jpegs()]).astype("float32"),
}
MAKERS = list(EXPECTED)


def labels_of(iterator):
    """Those of an epoch, without what only fills the last batch."""
    return [b.label[0].asnumpy()[: len(b.label[0]) - b.pad].astype(int).tolist() for b in iterator]


@pytest.mark.parametrize("make", MAKERS)
def test_batches(make, tmp_path):
    iterator = make(tmp_path, batch_size=5)
    assert iterator.batch_size == 5
    assert iterator.provide_data == [("data", (5, *EXPECTED[make].shape[1:]))]
    assert iterator.provide_label == [("softmax_label", (5,))]
    batches = list(iterator)  # held all at once
    for batch in batches:
        (data,), (label,) = batch.data, batch.label
        assert type(batch) is minpy.io.DataBatch
        assert type(data) is type(label) is minpy.Array
        assert data.dtype == label.dtype == "float32"
        assert batch.pad == 0
        index = label.asnumpy().astype(int)
        numpy.testing.assert_array_equal(data.asnumpy(), EXPECTED[make][index])
        if batch.index is not None:
            numpy.testing.assert_array_equal(batch.index, index)
    assert [int(x) for b in batches for x in b.label[0]] == list(range(10))
    with pytest.raises(StopIteration):
        iterator.next()


@pytest.mark.parametrize("make", MAKERS)
def test_each_epoch_has_every_sample(make, tmp_path):
    iterator = make(tmp_path, batch_size=4)
    last = [] if make is mnist else [[8, 9]]
    epoch = [[0, 1, 2, 3], [4, 5, 6, 7], *last]
    for _ in range(3):
        assert labels_of(iterator) == epoch
        iterator.reset()
    iterator.next()
    for _ in range(2):
        iterator.reset()  # in the middle, and again at the beginning
    assert labels_of(iterator) == epoch


@pytest.mark.parametrize("make", [mnist, images])
def test_shuffled_anew_each_epoch_and_resumed(make, tmp_path):
    iterator = make(tmp_path, batch_size=5, shuffle=True, seed=3)
    orders = []
    for _ in range(4):
        orders.append([label for batch in labels_of(iterator) for label in batch])
        iterator.reset()
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(set(map(tuple, orders))) > 1
    first = iterator.next()
    state = iterator.state()
    rest = labels_of(iterator)
    other = make(tmp_path, batch_size=5, shuffle=True, seed=3)
    other.restore(state)
    assert labels_of(other) == rest
    assert first.label[0].shape == (5,)


def test_settings_of_each_kind(tmp_path):
    assert mnist(tmp_path, batch_size=5, flat=True, input_shape=(784,)).next().data[0].shape == (5, 784)
    with pytest.raises(ValueError, match=r"the shape \(1, 28, 28\), not \(784,\)"):
        mnist(tmp_path, batch_size=5, input_shape=(784,))
    numpy.savetxt(tmp_path / "only.csv", ROWS, delimiter=",")
    batch = minpy.io.CSVIter(data_csv=tmp_path / "only.csv", data_shape=(3,), batch_size=2).next()
    assert batch.label == []
    whole = images(tmp_path, minpy.io.ImageRecordUInt8Iter, batch_size=10).next().data[0]
    assert whole.dtype == "uint8"
    numpy.testing.assert_array_equal(whole.asnumpy(), EXPECTED[images])
    scaled = images(tmp_path, batch_size=10, mean_r=20, mean_g=20, mean_b=20, scale=0.5).next().data[0]
    numpy.testing.assert_allclose(scaled.asnumpy(), (EXPECTED[images] - 20) * 0.5)


def test_errors(tmp_path):
    with pytest.raises(TypeError, match="CSVIter has no setting 'batchsize'; did you mean 'batch_size'"):
        csv(tmp_path, batchsize=2)
    with pytest.raises(FileNotFoundError, match="nothing"):
        minpy.io.CSVIter(data_csv=tmp_path / "nothing", data_shape=(3,), batch_size=2)
    with pytest.raises(FileNotFoundError, match="nothing"):
        minpy.io.MNISTIter(image=tmp_path / "nothing", label=tmp_path / "nothing", batch_size=2)
    with pytest.raises(ValueError, match="MNISTIter: there is no batch of batch_size 11"):
        mnist(tmp_path, batch_size=11)
    with pytest.raises(ValueError, match=r"ImageRecordIter: .*batch_size"):
        images(tmp_path, batch_size="many")


def test_other_iterators(tmp_path):
    resized = minpy.io.ResizeIter(csv(tmp_path, batch_size=5), 3)
    assert resized.provide_data == [("data", (5, 3))]
    for _ in range(2):
        assert labels_of(resized) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [0, 1, 2, 3, 4]]
        resized.reset()
    going_on = minpy.io.ResizeIter(csv(tmp_path, batch_size=5), 3, reset_internal=False)
    going_on.next()
    state = going_on.state()
    assert labels_of(going_on) == [[5, 6, 7, 8, 9], [0, 1, 2, 3, 4]]
    going_on.restore(state)
    assert labels_of(going_on) == [[5, 6, 7, 8, 9], [0, 1, 2, 3, 4]]
    going_on.reset()
    assert labels_of(going_on)[0] == [5, 6, 7, 8, 9]
    ahead = minpy.io.PrefetchingIter(csv(tmp_path, batch_size=5))
    assert labels_of(ahead) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    arrays = minpy.io.NDArrayIter(np.array(ROWS), NUMBERS, batch_size=5)
    assert labels_of(arrays) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


class Linear(ModelBase):
    def __init__(self, size):
        super().__init__()
        self.add_param("w", (size, 10))

    def forward(self, X, mode):
        return np.dot(np.reshape(X, (X.shape[0], -1)), self.params["w"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


@pytest.mark.parametrize("make", MAKERS)
def test_a_solver_learns_from_files(make, tmp_path):
    train, test = make(tmp_path, batch_size=5), make(tmp_path, batch_size=5)
    model = Linear(EXPECTED[make][0].size)
    solver = Solver(
        *(model, train, test),
        **{"num_epochs": 3, "update_rule": "sgd", "optim_config": {"learning_rate": 1e-3}, "verbose": False},
    )
    solver.init()
    solver.train()
    assert len(solver.loss_history) == 6
    w = model.params["w"].asnumpy()
    predicted = EXPECTED[make].reshape(10, -1) @ w
    assert solver.val_acc_history[-1] == numpy.mean(predicted.argmax(1) == NUMBERS)
