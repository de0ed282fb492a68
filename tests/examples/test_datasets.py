"""CIFAR-10 and MNIST are read from files that are written here, by the formats' definitions."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile

import joblib  # comes with scikit-learn
import numpy
import pytest

from examples.utils.data_utils import (
    digits_like_CIFAR10,
    digits_like_MNIST,
    get_CIFAR10_data,
    get_MNIST_data,
    load_digits_split,
)
from examples.utils.formats import PUBLISHED_MD5, DamagedFile, read_cifar_batch, read_idx, read_pickle

BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
FEW = {"num_training": 8, "num_validation": 2, "num_test": 2}


def binary(batch):
    return b"".join(bytes([label]) + row.tobytes() for row, label in zip(*batch))


@pytest.fixture(scope="module")
def cifar():
    """Six batches of two images."""
    random = numpy.random.RandomState(0)
    return {
        name: (random.randint(0, 256, (2, 3072)).astype("u1"), random.randint(0, 10, 2)) for name in BATCHES
    }


def layouts(cifar, folder, layout):
    if layout == "binary":
        files = {f"{name}.bin": binary(batch) for name, batch in cifar.items()}
    else:
        files = {
            name: pickle.dumps({"data": pixels, "labels": labels.tolist()}, 2)
            for name, (pixels, labels) in cifar.items()
        }
    if layout == "archive":
        with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return
    if layout == "unpacked":
        folder = folder / "cifar-10-batches-py"
        folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


class TestCIFAR10:
    @pytest.mark.parametrize("layout", ["pickled", "unpacked", "binary", "archive"])
    def test_layouts(self, cifar, tmp_path, layout):
        layouts(cifar, tmp_path, layout)
        data = get_CIFAR10_data(tmp_path, **FEW, verify=False)
        assert {name: array.shape for name, array in data.items()} == {
            **{"X_train": (8, 3, 32, 32), "X_val": (2, 3, 32, 32), "X_test": (2, 3, 32, 32)},
            **{"y_train": (8,), "y_val": (2,), "y_test": (2,)},
        }
        assert {str(array.dtype) for array in data.values()} == {"float32", "int64"}
        pixels = numpy.concatenate([cifar[name][0] for name in BATCHES]).reshape(-1, 3, 32, 32).astype("f8")
        for part, rows in (("train", slice(8)), ("val", slice(8, 10)), ("test", slice(10, 12))):
            numpy.testing.assert_allclose(
                data[f"X_{part}"], pixels[rows] - pixels[:8].mean(axis=0), atol=1e-4
            )
            labels = numpy.concatenate([cifar[name][1] for name in BATCHES])[rows]
            assert data[f"y_{part}"].tolist() == labels.tolist()

    def test_defaults_are_those_of_the_documented_run(self, cifar, tmp_path):
        # 3828 iterations in 10 epochs of batches of 128: 49000 images.
        layouts(cifar, tmp_path, "pickled")
        with pytest.raises(ValueError, match=r"^50000 training images are wanted, and .* has 10$"):
            get_CIFAR10_data(tmp_path, verify=False)

    def test_other_files_than_the_published_ones(self, cifar, tmp_path):
        layouts(cifar, tmp_path, "archive")
        with pytest.raises(
            DamagedFile, match=f"that of the published file {PUBLISHED_MD5['cifar-10-python.tar.gz']}"
        ):
            get_CIFAR10_data(tmp_path, **FEW)

    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"CIFAR-10 is not in .*Download https://\S+\.tar\.gz"):
            get_CIFAR10_data(tmp_path / "nowhere")

    def test_archive_cut_short(self, cifar, tmp_path):
        layouts(cifar, tmp_path, "archive")
        path = tmp_path / "cifar-10-python.tar.gz"
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(DamagedFile, match="is damaged"):
            get_CIFAR10_data(tmp_path, **FEW, verify=False)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("test_batch.bin", bytes(3074), "has 3074 bytes, which is no multiple of 3073"),
            ("test_batch.bin", b"\x0b" + bytes(3072), "labels from 11 to 11"),
            ("test_batch", pickle.dumps([1]), "no batch of CIFAR-10"),
            (
                "test_batch",
                pickle.dumps({"data": numpy.zeros((1, 9), "u1"), "labels": [0]}),
                r"the shape \(1, 9\)",
            ),
        ],
    )
    def test_no_batch(self, name, content, message):
        with pytest.raises(DamagedFile, match=message):
            read_cifar_batch(content, name)


class TestPickles:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_plain_data_and_arrays(self, protocol):
        arrays = [numpy.arange(6.0).reshape(2, 3), numpy.asfortranarray(numpy.eye(2)), numpy.float32(2.5)]
        read = read_pickle(pickle.dumps({"a": arrays, "b": [1, "text", None, b"\xff"]}, protocol), "data")
        assert read["b"] == [1, "text", None, b"\xff"]
        for found, array in zip(read["a"], arrays):
            assert found.dtype == array.dtype
            assert numpy.array_equal(found, array)

    def test_text_and_pixels_of_python_2(self):
        # {'data': array([200], uint8)} as Python 2.7 and NumPy write it
        content = (
            b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85"
            b"U\x01b\x87Rq\x05(K\x01K\x01\x85cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff"
            b"J\xff\xff\xff\xffK\x00tb\x89U\x01\xc8tbs."
        )
        assert read_pickle(content, "data")["data"].tolist() == [200]

    @pytest.mark.parametrize(
        "reduced", [(print, ("ran",)), (eval, ("print('ran')",)), (numpy.fromfile, ("/etc/hosts",))]
    )
    def test_nothing_is_called(self, reduced, capsys):
        class Harmful:
            def __reduce__(self):
                return reduced

        with pytest.raises(
            DamagedFile, match=r"it asks for \S+, which is neither plain data nor a NumPy array"
        ):
            read_pickle(pickle.dumps([1, Harmful()]), "data")
        assert capsys.readouterr().out == ""

    def test_cut_short(self):
        with pytest.raises(DamagedFile, match=r"^data cannot be read"):
            read_pickle(pickle.dumps(numpy.zeros(1000))[:-100], "data")


MNIST = {
    "train_data": ("train-images-idx3-ubyte", numpy.arange(2 * 784).reshape(2, 28, 28).astype("u1")),
    "train_label": ("train-labels-idx1-ubyte", numpy.array([7, 1], "u1")),
    "test_data": ("t10k-images-idx3-ubyte", numpy.full((1, 28, 28), 9, "u1")),
    "test_label": ("t10k-labels-idx1-ubyte", numpy.array([3], "u1")),
}


def idx(array):
    kind = {"u1": 8, "i4": 12, "f4": 13}[array.dtype.str[1:]]
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


class TestMNIST:
    @pytest.mark.parametrize("layout", ["plain", "gzip", "joblib", "joblib, compressed"])
    def test_layouts(self, tmp_path, layout):
        if layout.startswith("joblib"):
            stored = {part: array.reshape(len(array), -1).squeeze() for part, (_, array) in MNIST.items()}
            stored["test_data"] = stored["test_data"].reshape(1, 784)
            stored["test_label"] = stored["test_label"].reshape(1)
            joblib.dump(stored, tmp_path / "mnist.dat", compress=3 if "compressed" in layout else 0)
        else:
            for name, array in MNIST.values():
                if layout == "plain":
                    (tmp_path / name).write_bytes(idx(array))
                else:
                    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        data = get_MNIST_data(tmp_path, verify=False)
        assert data.keys() == MNIST.keys()
        for part, (_, array) in MNIST.items():
            assert data[part].ravel().tolist() == array.ravel().tolist()
        assert data["train_data"].shape == (2, 784)
        assert data["train_data"].dtype == "uint8"
        assert data["test_label"].dtype == "int64"

    @pytest.mark.parametrize("dtype", ["u1", "i4", "f4"])
    def test_idx_of_other_types(self, dtype):
        array = numpy.array([[1, 2, 3], [4, 5, 6]], dtype)
        read = read_idx(idx(array), "data")
        assert read.dtype == array.dtype
        assert read.tolist() == array.tolist()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"GIF8", "begins with the bytes 47 49 46 38"),
            (idx(numpy.zeros((3, 4), "u1"))[:-1], r"has 23 bytes; an array of the shape \(3, 4\) has 24"),
            (idx(numpy.zeros((3, 4), "u1"))[:6], "ends within its header"),
            (gzip.compress(idx(numpy.arange(200, dtype="u1")))[:-20], "is damaged"),
        ],
    )
    def test_damaged(self, content, message):
        with pytest.raises(DamagedFile, match=message):
            read_idx(content, "data")

    def test_missing(self, tmp_path):
        name, array = MNIST["train_data"]
        (tmp_path / name).write_bytes(idx(array))
        with pytest.raises(FileNotFoundError, match=r"not in \S+: train-labels-idx1-ubyte, t10k-images"):
            get_MNIST_data(tmp_path)

    def test_labels_of_another_part(self, tmp_path):
        for name, array in MNIST.values():
            (tmp_path / name).write_bytes(idx(array[:1] if name.startswith("train-labels") else array))
        with pytest.raises(DamagedFile, match=r"pixels of the shape \(2, 28, 28\) for 1 labels"):
            get_MNIST_data(tmp_path)


class TestDigits:
    def test_like_cifar(self):
        digits, data = load_digits_split(), digits_like_CIFAR10()
        assert data["X_train"].shape == (1437, 3, 32, 32)
        assert data["X_train"].dtype == "float32"
        assert abs(data["X_train"].mean(axis=0)).max() < 1e-3
        difference = data["X_train"][0] - data["X_train"][1]
        small = 255 * (digits["X_train"][0] - digits["X_train"][1]).reshape(8, 8)
        for channel, i, j in numpy.ndindex(3, 4, 4):
            numpy.testing.assert_allclose(difference[channel, i::4, j::4], small, atol=1e-3)
        assert data["y_test"].tolist() == digits["y_test"].tolist()

    def test_like_mnist(self):
        digits, data = load_digits_split(), digits_like_MNIST()
        images = data["test_data"].reshape(-1, 28, 28)
        assert images.dtype == "uint8"
        assert numpy.array_equal(
            images[:, 3:-2:3, 3:-2:3].reshape(360, 64), (255 * digits["X_test"]).astype("u1")
        )
        assert images[:, :2].max() == images[:, :, 26:].max() == 0
        assert data["test_label"].tolist() == digits["y_test"].tolist()
