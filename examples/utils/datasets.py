"""CIFAR-10 and MNIST, read from their files and prepared for training."""

from __future__ import annotations

import io
import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy

from examples.utils.formats import DamagedFile, read_checked, read_cifar_batch, read_idx, read_pickle

_CIFAR_ARCHIVES = ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")
_CIFAR_BATCHES = [
    [*(f"data_batch_{i}{end}" for i in range(1, 6)), f"test_batch{end}"]
    for end in ("", ".bin")  # pickled, and in the binary format
]
_MNIST_FILES = {
    "train_data": "train-images-idx3-ubyte",
    "train_label": "train-labels-idx1-ubyte",
    "test_data": "t10k-images-idx3-ubyte",
    "test_label": "t10k-labels-idx1-ubyte",
}


def get_CIFAR10_data(
    data_dir: str | os.PathLike,
    num_training: int = 49000,
    num_validation: int = 1000,
    num_test: int = 1000,
    verify: bool = True,
) -> dict[str, numpy.ndarray]:
    """CIFAR-10 from its files: colour images of 32 by 32 pixels in ten classes.

    Args:
        data_dir: a folder with ``cifar-10-python.tar.gz`` or ``cifar-10-binary.tar.gz``, or with what one of
            them contains. An archive is read where it lies, without unpacking it.
        num_training, num_validation: how many of the 50,000 training images are in the training set, from the
            first on, and in the validation set, from there on.
        num_test: how many of the 10,000 test images.
        verify: compare the files with the published checksums.

    Returns:
        ``X_train``, ``X_val``, ``X_test``: images, ``(n, 3, 32, 32) float32``, from 0 to 255, less the mean
        image of the training set. ``y_train``, ``y_val``, ``y_test``: the classes, ``(n,) int64``.

    Raises:
        FileNotFoundError: the files are not there; the message says where to get them.
        DamagedFile: a file is not the published one, or not of the format.
        ValueError: more images are wanted than there are.
    """
    batches = _cifar_batches(Path(data_dir), verify)
    images, labels = (numpy.concatenate(arrays) for arrays in zip(*batches[:-1]))
    test_images, test_labels = batches[-1]
    _check_counts(data_dir, "training", num_training + num_validation, len(images))
    _check_counts(data_dir, "test", num_test, len(test_images))
    split = {
        "train": (images[:num_training], labels[:num_training]),
        "val": (images[num_training:][:num_validation], labels[num_training:][:num_validation]),
        "test": (test_images[:num_test], test_labels[:num_test]),
    }
    mean = numpy.mean(split["train"][0], axis=0, dtype=numpy.float64).astype(numpy.float32)
    data = {}
    for part, (pixels, classes) in split.items():
        data[f"X_{part}"] = pixels.astype(numpy.float32) - mean
        data[f"y_{part}"] = classes
    return data


def _cifar_batches(folder: Path, verify: bool) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """The five training batches and the test batch, from a folder or from an archive in one."""
    for place in (folder, *(folder / name for name in ("cifar-10-batches-py", "cifar-10-batches-bin"))):
        for names in _CIFAR_BATCHES:
            if all((place / name).is_file() for name in names):
                return [read_cifar_batch(read_checked(place / name, verify), name) for name in names]
    for archive in (folder / name for name in _CIFAR_ARCHIVES):
        if archive.is_file():
            content = read_checked(archive, verify)
            try:
                with tarfile.open(fileobj=io.BytesIO(content)) as opened:
                    members = {Path(member.name).name: member for member in opened if member.isfile()}
                    for names in _CIFAR_BATCHES:
                        if members.keys() >= set(names):
                            return [read_cifar_batch(opened.extractfile(members[n]).read(), n) for n in names]
            except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
                raise DamagedFile(f"{archive} is damaged: {error}") from error
            raise DamagedFile(f"{archive} lacks some of the files {', '.join(_CIFAR_BATCHES[0])}")
    raise FileNotFoundError(
        f"CIFAR-10 is not in {folder.absolute()}. Download "
        f"https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz (163 MB) into that folder; it need not be "
        f"unpacked."
    )


def get_MNIST_data(data_dir: str | os.PathLike, verify: bool = True) -> dict[str, numpy.ndarray]:
    """MNIST from its files: handwritten digits of 28 by 28 gray pixels.

    Args:
        data_dir: a folder with the four IDX files, such as ``train-images-idx3-ubyte.gz``, compressed or not,
            or with ``mnist.dat``, the same arrays in a dict stored by ``joblib.dump``.
        verify: compare the files with the published checksums.

    Returns:
        ``train_data``, ``test_data``: the pixels, ``(n, 784) uint8``. ``train_label``, ``test_label``: the
        digits, ``(n,) int64``.

    Raises:
        FileNotFoundError: the files are not there; the message says where to get them.
        DamagedFile: a file is not the published one, or not of the format.
    """
    folder = Path(data_dir)
    found = {
        part: _first(folder / (name + end) for end in ("", ".gz")) for part, name in _MNIST_FILES.items()
    }
    stored = folder / "mnist.dat"
    if all(found.values()):
        data = {part: read_idx(read_checked(path, verify), path.name) for part, path in found.items()}
    elif stored.is_file():
        content = read_pickle(read_checked(stored, verify), stored.name)
        if not isinstance(content, dict) or not content.keys() >= found.keys():
            raise DamagedFile(f"{stored} is no dict with {', '.join(found)}")
        data = {part: numpy.asarray(content[part]) for part in found}
    else:
        missing = [name for part, name in _MNIST_FILES.items() if not found[part]]
        raise FileNotFoundError(
            f"MNIST is not in {folder.absolute()}: {', '.join(missing)} is missing. Download the files, with "
            f".gz at the end, from https://ossci-datasets.s3.amazonaws.com/mnist/ into that folder; they "
            f"need not be unpacked."
        )
    for part in ("train", "test"):
        pixels, labels = data[f"{part}_data"], data[f"{part}_label"].ravel()
        pixels = pixels.reshape(len(pixels), -1)
        if pixels.shape != (len(labels), 784) or set(numpy.unique(labels)) - set(range(10)):
            raise DamagedFile(
                f"the {part} part of MNIST in {folder} has pixels of the shape {data[f'{part}_data'].shape} "
                f"for {len(labels)} labels from {labels.min()} to {labels.max()}"
            )
        data[f"{part}_data"], data[f"{part}_label"] = pixels, labels.astype(numpy.int64)
    return data


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _check_counts(data_dir: str | os.PathLike, what: str, wanted: int, available: int) -> None:
    if not 0 < wanted <= available:
        raise ValueError(f"{wanted} {what} images are wanted, and {data_dir} has {available}")
