"""MXNet's files of arrays, ``.params``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import numpy

from minpy.errors import StorageError
from minpy.runtime import native
from minpy.runtime.engine import mx, own_shapes
from minpy.runtime.store import replacement


def write_params(path: str | os.PathLike[str], arrays: Mapping[str, numpy.ndarray]) -> None:
    """Write arrays, so that a crash leaves the file that was there. Raises OSError."""
    held = {name: native.from_numpy(numpy.ascontiguousarray(array)) for name, array in arrays.items()}
    with (
        replacement(path, durable=True) as temporary,
        own_shapes(),
    ):  # else only MinPy could read it
        mx.nd.save(temporary, held)


def read_params(path: str | os.PathLike[str]) -> dict[str, numpy.ndarray]:
    """The arrays of a file by their names.

    Raises:
        StorageError: it is damaged, or no such file, or its arrays have no names.
        OSError: it cannot be read.
    """
    with open(path, "rb"):  # errors of the system are the system's
        pass
    try:
        try:
            found = _load(path, False)
        except native.MXNetError:  # perhaps MXNet wrote it with NumPy's shapes
            found = _load(path, True)
    except (native.MXNetError, ValueError) as error:
        raise StorageError(
            f"{os.fspath(path)} is damaged, or no .params file of MXNet: {native.short_message(error)}"
        ) from None
    if not isinstance(found, dict):
        raise StorageError(f"{os.fspath(path)}: its arrays have no names")
    return {name: array.asnumpy() for name, array in found.items()}


def _load(path: str | os.PathLike[str], with_numpys_shapes: bool) -> Any:
    with contextlib.nullcontext() if with_numpys_shapes else own_shapes():
        return mx.nd.load(os.fspath(path))


def variable_attributes(array: numpy.ndarray) -> dict[str, str]:
    """What tells MXNet in a variable of a symbol which arrays it is for."""
    return {"__shape__": str(array.shape), "__dtype__": str(native.TYPE_FLAGS[array.dtype])}
