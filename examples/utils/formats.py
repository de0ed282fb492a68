"""The files that CIFAR-10 and MNIST come in, as NumPy arrays. Reading one never runs code that it brings."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy

#: MD5 of published files. cs.toronto.edu/~kriz/cifar.html lists the first two and its archive the batches.
PUBLISHED_MD5 = {
    "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    "cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
_CIFAR_SAMPLE = (3, 32, 32)
_IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class DamagedFile(ValueError):
    """A file is not what its name says."""


def read_checked(path: Path, verify: bool = True) -> bytes:
    """The content of a file; with ``verify`` it has the published MD5, where there is one for its name."""
    content = path.read_bytes()
    published = PUBLISHED_MD5.get(path.name)
    if verify and published is not None:
        found = hashlib.md5(content).hexdigest()
        if found != published:
            raise DamagedFile(
                f"{path} is damaged, or another file of this name: its MD5 is {found}, that of the published "
                f"file {published}. Download it again, or pass verify=False if it is meant to differ."
            )
    return content


def read_idx(content: bytes, name: str) -> numpy.ndarray:
    """The array in an IDX file, plain or compressed by gzip.

    The format of MNIST, http://yann.lecun.com/exdb/mnist: two zeros, the type, the number of axes, their
    lengths, the elements.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DamagedFile(f"{name} is damaged: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_DTYPES:
        raise DamagedFile(f"{name} is no IDX file: it begins with the bytes {content[:4].hex(' ')}")
    dtype, start = numpy.dtype(_IDX_DTYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise DamagedFile(f"{name} ends within its header")
    shape = numpy.frombuffer(content[4:start], ">u4").tolist()
    size = start + math.prod(shape) * dtype.itemsize
    if len(content) != size:
        raise DamagedFile(f"{name} has {len(content)} bytes; an array of the shape {tuple(shape)} has {size}")
    return numpy.frombuffer(content[start:], dtype).reshape(shape).astype(dtype.newbyteorder("="))


def read_cifar_batch(content: bytes, name: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """A batch of CIFAR-10, pickled (``data_batch_1``) or in the binary format (``data_batch_1.bin``).

    Returns:
        The images, ``(n, 3, 32, 32) uint8``, and their labels, ``(n,) int64``.
    """
    length = math.prod(_CIFAR_SAMPLE)
    if name.endswith(".bin"):
        rows, rest = divmod(len(content), 1 + length)
        if not rows or rest:
            raise DamagedFile(f"{name} has {len(content)} bytes, which is no multiple of {1 + length}")
        table = numpy.frombuffer(content, numpy.uint8).reshape(rows, 1 + length)
        pixels, labels = table[:, 1:], table[:, 0]
    else:
        batch = read_pickle(content, name)
        if not isinstance(batch, dict) or not {"data", "labels"} <= batch.keys():
            raise DamagedFile(f"{name} is no batch of CIFAR-10: it has no 'data' and 'labels'")
        pixels, labels = numpy.asarray(batch["data"]), numpy.asarray(batch["labels"])
        if (
            pixels.dtype != numpy.uint8
            or pixels.shape != (len(labels), length)
            or labels.dtype.kind not in "iu"
        ):
            raise DamagedFile(
                f"{name} is no batch of CIFAR-10: its data are {pixels.dtype} of the shape {pixels.shape}, "
                f"with {len(labels)} labels"
            )
    if labels.min(initial=0) < 0 or labels.max(initial=0) > 9:
        raise DamagedFile(f"{name} has labels from {labels.min()} to {labels.max()}, not from 0 to 9")
    return pixels.reshape(-1, *_CIFAR_SAMPLE), labels.astype(numpy.int64)


def read_pickle(content: bytes, name: str) -> Any:
    """What a pickle holds, if that is plain data and NumPy arrays; nothing else of it is looked up or called.

    A pickle can name any function for Python to call. So names are resolved here only if they are on a short
    list, and joblib's way to store an array beside the pickle (``joblib.dump``, also compressed by zlib or
    gzip) is read without joblib. A text of Python 2 becomes a ``str``.

    Raises:
        DamagedFile: something else is in it, or it is cut short.
    """
    try:
        if content[:1] == b"x" or content[:2] == b"\x1f\x8b":
            content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content)
        return _PlainUnpickler(io.BytesIO(content), encoding="latin1").load()
    except DamagedFile as error:
        raise DamagedFile(f"{name}: {error}") from None
    except Exception as error:  # a damaged pickle fails in any way
        raise DamagedFile(f"{name} cannot be read: {type(error).__name__}: {error}") from error


class _ArrayBehind:
    """Stands for joblib's note that the elements of an array follow in the file."""

    def read(self, file: io.BytesIO) -> numpy.ndarray:
        state = vars(self)
        dtype, shape, order = numpy.dtype(state["dtype"]), tuple(state["shape"]), state["order"]
        if dtype.hasobject or order not in ("C", "F"):
            raise DamagedFile(f"an array of {dtype} in the order {order!r}")
        if state.get("numpy_array_alignment_bytes") is not None:
            file.seek(file.read(1)[0], io.SEEK_CUR)
        content = file.read(math.prod(shape) * dtype.itemsize)
        return numpy.frombuffer(content, dtype).reshape(shape, order=order).copy()


class _PlainUnpickler(pickle._Unpickler):  # type: ignore[name-defined]  # Python's own: its steps can be replaced
    def __init__(self, file: io.BytesIO, encoding: str):
        super().__init__(file, encoding=encoding)
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get(f"{module.replace('numpy._core', 'numpy.core')}.{name}")  # NumPy 2 says _core
        if found is None:
            raise DamagedFile(f"it asks for {module}.{name}, which is neither plain data nor a NumPy array")
        return found

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _ArrayBehind):
            self.stack[-1] = self.stack[-1].read(self.file)

    dispatch = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}  # type: ignore[attr-defined]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes into pickles of old protocols."""
    if encoding != "latin1":
        raise DamagedFile(f"a text in the encoding {encoding!r}")
    return text.encode(encoding)


_ALLOWED = {
    "_codecs.encode": _encode,
    "joblib.numpy_pickle.NumpyArrayWrapper": _ArrayBehind,
    "numpy.dtype": numpy.dtype,
    "numpy.ndarray": numpy.ndarray,
    "numpy.core.multiarray._reconstruct": numpy.core.multiarray._reconstruct,
    "numpy.core.multiarray.scalar": numpy.core.multiarray.scalar,
    "numpy.core.numeric._frombuffer": numpy.core.numeric._frombuffer,
}
