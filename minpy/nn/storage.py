"""Files of arrays, in the format safetensors: models, and the checkpoints of a solver.

What is written is a nest of dicts and lists with arrays, numbers, texts and None in it. The arrays are the
tensors of the file, under the keys that lead to them (``optim/w1/velocity``), so that other programs can read
them. The rest is JSON among the file's metadata, with a checksum of everything. Reading runs no code of the
file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialized

from minpy.errors import StorageError
from minpy.ops.aval import Aval
from minpy.runtime.array import Array
from minpy.runtime.native import is_mxnet_array
from minpy.runtime.store import replacement

__all__ = ["load", "save"]

_DTYPES = frozenset(
    map(numpy.dtype, ("bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))))
) | frozenset(map(numpy.dtype, ("float16", "float32", "float64")))
#: stands in the JSON for the array with that name
_ARRAY = "$array"
#: the metadata of a file that MinPy wrote
_METADATA = {"format", "content", "sha256"}


def save(path: str | os.PathLike[str], content: Any) -> None:
    """Write a file. Whoever reads it, also after a crash at any moment, finds it whole or finds the old one.

    Args:
        path: in a folder that there is.
        content: nested dicts (with texts as keys), lists and tuples of arrays (MinPy's, NumPy's or MXNet's,
            of booleans, integers and real numbers), numbers, texts, booleans and None.

    Raises:
        StorageError: for other content. Nothing is written then.
        OSError: the file cannot be written.
    """
    arrays: dict[str, numpy.ndarray] = {}
    skeleton = json.dumps(_without_arrays(content, (), arrays))
    metadata = {"format": "minpy", "content": skeleton, "sha256": _checksum(skeleton, arrays)}
    with replacement(path, durable=True) as temporary:
        Path(temporary).write_bytes(serialized(arrays, metadata))


def load(path: str | os.PathLike[str]) -> Any:
    """What ``save`` wrote, with NumPy's arrays, and lists for tuples.

    Of a file that another program wrote it is a dict of its arrays.

    Raises:
        StorageError: the file is damaged, or none of this format.
        OSError: the file cannot be read.
    """
    with open(path, "rb"):  # errors of the system are the system's
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, KeyError, ValueError, OSError) as error:
        raise StorageError(
            f"{os.fspath(path)} is damaged, or no safetensors file that NumPy can hold: {error}"
        ) from None
    if metadata.get("format") != "minpy" and _METADATA.isdisjoint(metadata.keys() - {"format"}):
        return arrays
    if metadata.keys() != _METADATA or metadata["sha256"] != _checksum(metadata["content"], arrays):
        raise StorageError(
            f"{os.fspath(path)} is damaged: its content has another checksum than when it was written"
        )
    try:
        return _with_arrays(json.loads(metadata["content"]), arrays)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(f"{os.fspath(path)} is none of MinPy's files: {error!r}") from None


def _without_arrays(content: Any, keys: tuple[str, ...], arrays: dict[str, numpy.ndarray]) -> Any:
    """``content`` as JSON, while its arrays are put where they belong."""
    if content is None or type(content) in (bool, int, float, str):
        return content
    if isinstance(content, Mapping):
        for key in content:
            if type(key) is not str or key == _ARRAY:
                raise StorageError(f"{_place(keys)}: a key is a text other than {_ARRAY!r}, not {key!r}")
        return {key: _without_arrays(value, (*keys, key), arrays) for key, value in content.items()}
    if type(content) in (list, tuple):
        return [_without_arrays(value, (*keys, str(i)), arrays) for i, value in enumerate(content)]
    array = _as_array(content, keys)
    name = "/".join(keys)
    while name in arrays or name == "__metadata__":  # which is the format's own
        name += "'"
    arrays[name] = array
    return {_ARRAY: name}


def _with_arrays(content: Any, arrays: dict[str, numpy.ndarray]) -> Any:
    if isinstance(content, dict):
        if _ARRAY in content:
            return arrays[content[_ARRAY]]
        return {key: _with_arrays(value, arrays) for key, value in content.items()}
    return [_with_arrays(value, arrays) for value in content] if isinstance(content, list) else content


def _as_array(content: Any, keys: tuple[str, ...]) -> numpy.ndarray:
    if not isinstance(content, (Array, numpy.ndarray, numpy.generic)) and not is_mxnet_array(content):
        raise StorageError(
            f"{_place(keys)}: a file holds arrays, numbers, texts and None in dicts and lists, "
            f"not a {type(content).__name__}"
        )
    array = numpy.asarray(Array(content) if is_mxnet_array(content) else content)
    if array.dtype.newbyteorder("=") not in _DTYPES:
        raise StorageError(f"{_place(keys)}: the format has no arrays of {array.dtype}")
    return numpy.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _place(keys: tuple[str, ...]) -> str:
    return "/".join(keys) or "the content"


def _checksum(skeleton: str, arrays: Mapping[str, numpy.ndarray]) -> str:
    state = hashlib.sha256(skeleton.encode())
    for name, array in sorted(arrays.items()):
        state.update(f"\n{name} {Aval(array.shape, array.dtype)}\n".encode())
        state.update(array.data)
    return state.hexdigest()
