"""Data for the examples: two generators, the digits that come with scikit-learn, and CIFAR-10 and MNIST."""

from __future__ import annotations

import math
import operator

import numpy

from examples.utils.datasets import get_CIFAR10_data, get_MNIST_data

__all__ = [
    "adding_problem_generator",
    "digits_like_CIFAR10",
    "digits_like_MNIST",
    "gaussian_cluster_generator",
    "get_CIFAR10_data",
    "get_MNIST_data",
    "load_digits_split",
]


def gaussian_cluster_generator(
    num_samples: int = 10000, num_features: int = 500, num_classes: int = 5, seed: int | None = None
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Points around one random center a class, for classification.

    The centers are uniform in [0, 1); a point is its center plus normal noise of deviation 0.1. Each
    class has ``num_samples // num_classes`` points, and the last one also what is left over. The points
    are in the order of their classes.

    Args:
        num_samples: how many points, at least one a class.
        num_features: how many coordinates a point has.
        num_classes: how many classes.
        seed: makes the result repeatable. Without it, the numbers come from NumPy's global generator.

    Returns:
        ``(x, y)``: the points, ``(num_samples, num_features) float64``, and their classes one-hot,
        ``(num_samples, num_classes) float64``.

    Raises:
        ValueError: a size is not a whole number, is below 1, or there are fewer points than classes.
    """
    num_features = _size("num_features", num_features)
    num_classes = _size("num_classes", num_classes)
    num_samples = _size("num_samples", num_samples)
    if num_samples < num_classes:
        raise ValueError(f"num_samples must be at least num_classes, {num_classes}, but is {num_samples}")
    random = _random(seed)

    centers = random.rand(num_classes, num_features)
    deviation = numpy.full((num_classes, num_features), 0.1)
    class_size = num_samples // num_classes
    x = numpy.zeros((num_samples, num_features))
    y = numpy.zeros((num_samples, num_classes))
    for i in range(num_classes):
        start = i * class_size
        stop = num_samples if i == num_classes - 1 else start + class_size
        x[start:stop] = random.normal(centers[i], deviation[i], (stop - start, num_features))
        y[start:stop, i] = 1
    return x, y


def adding_problem_generator(
    N: int, seq_len: int = 6, high: float = 1, seed: int | None = None
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The adding problem: sequences of numbers, two of them marked; the label is the sum of those two.

    A test of memory for recurrent networks, from Q. V. Le, N. Jaitly and G. E. Hinton, "A Simple Way to
    Initialize Recurrent Networks of Rectified Linear Units", arXiv:1504.00941. For example, with the
    numbers in the first column and the marks in the second::

        [[1, 0], [4, 1], [5, 1], [3, 0]]  ->  9

    Args:
        N: how many sequences.
        seq_len: how long each is, at least 2.
        high: the numbers are uniform in [0, high).
        seed: makes the result repeatable. Without it, the numbers come from NumPy's global generator.

    Returns:
        ``(X, Y)``: the sequences, ``(N, seq_len, 2) float64``, with the number at ``[..., 0]`` and its
        mark, 0 or 1, at ``[..., 1]``; and the labels, ``(N, 1) float64``.

    Raises:
        ValueError: ``N`` or ``seq_len`` is not a whole number or is too small, or ``high`` is not positive.
    """
    N = _size("N", N)
    seq_len = _size("seq_len", seq_len, least=2)
    if not 0 < high < math.inf:
        raise ValueError(f"high must be a positive number, but is {high!r}")
    random = _random(seed)

    numbers = random.uniform(low=0, high=high, size=(N, seq_len, 1))
    marks = numpy.zeros((N, seq_len, 1))
    labels = numpy.zeros((N, 1))
    for i in range(N):
        marked = random.choice(seq_len, size=2, replace=False)
        marks[i, marked] = 1
        labels[i, 0] = numpy.sum(numbers[i, marked])
    return numpy.append(numbers, marks, axis=2), labels


def load_digits_split(test_fraction: float = 0.2, seed: int | None = 0) -> dict[str, numpy.ndarray]:
    """The 1797 handwritten digits of scikit-learn, 8 by 8 pixels each, shuffled and split in two.

    Args:
        test_fraction: the part that goes into the test set, rounded up to whole images.
        seed: which shuffle. The same number always gives the same split.

    Returns:
        ``X_train`` and ``X_test``: the pixels, ``(n, 64) float32``, from 0 to 1; ``y_train`` and
        ``y_test``: the digits, ``(n,) int64``, from 0 to 9.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: ``test_fraction`` leaves the training set or the test set empty.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'load_digits_split needs scikit-learn, as the examples do: pip install "minpy[examples]"'
        ) from error

    digits = load_digits()
    pixels = (digits.data / 16).astype(numpy.float32)  # 16 is the darkest value
    labels = digits.target.astype(numpy.int64)
    if not 0 < test_fraction < 1 or math.ceil(test_fraction * len(labels)) == len(labels):
        raise ValueError(
            f"test_fraction must be above 0 and leave an image to train on, but is {test_fraction!r}"
        )

    order = _random(seed).permutation(len(labels))
    test, train = numpy.split(order, [math.ceil(test_fraction * len(labels))])
    return {
        "X_train": pixels[train],
        "y_train": labels[train],
        "X_test": pixels[test],
        "y_test": labels[test],
    }


def digits_like_CIFAR10() -> dict[str, numpy.ndarray]:
    """The digits of scikit-learn in the shape and scale of ``get_CIFAR10_data``, without a validation set.

    Every pixel of the 8 by 8 is a square of 4 by 4, in three equal channels.
    """
    data = load_digits_split()
    parts = {part: _enlarged(data[f"X_{part}"], 4)[:, None].repeat(3, axis=1) for part in ("train", "test")}
    mean = numpy.mean(parts["train"], axis=0)
    for part, images in parts.items():
        data[f"X_{part}"] = images - mean
    return data


def digits_like_MNIST() -> dict[str, numpy.ndarray]:
    """The digits of scikit-learn in the shape and scale of ``get_MNIST_data``, 24 by 24 with an edge of 2."""
    data = load_digits_split()
    result = {}
    for part in ("train", "test"):
        images = numpy.pad(_enlarged(data[f"X_{part}"], 3), ((0, 0), (2, 2), (2, 2)))
        result[f"{part}_data"] = images.reshape(len(images), 784).astype(numpy.uint8)
        result[f"{part}_label"] = data[f"y_{part}"]
    return result


def _enlarged(pixels: numpy.ndarray, times: int) -> numpy.ndarray:
    """Rows of 64 pixels from 0 to 1 as images from 0 to 255 whose sides are ``times`` as long."""
    return 255 * pixels.reshape(-1, 8, 8).repeat(times, axis=1).repeat(times, axis=2)


def _random(seed: int | None):
    """NumPy's global generator, or one of the same kind that starts from ``seed``."""
    return numpy.random if seed is None else numpy.random.RandomState(seed)


def _size(name: str, value: int, least: int = 1) -> int:
    """``value`` as an int, when it is a whole number of at least ``least``."""
    try:
        size = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, but is {value!r}") from None
    if size < least:
        raise ValueError(f"{name} must be at least {least}, but is {size}")
    return size
