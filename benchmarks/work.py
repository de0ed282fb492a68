"""What a case describes: one piece of work, with a program for each library that can do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

import numpy

Params = Union[numpy.ndarray, "list[numpy.ndarray]"]


@dataclass
class Symbol:
    """A program for MXNet: ``function(F, params, *data)``, where F is ``mx.sym`` or Gluon's F.

    ``data`` replaces that of the work, for labels in MXNet's form and the moving statistics of batch
    normalization. ``pack`` and ``unpack`` go from the parameters of the work to MXNet's and back.
    """

    function: Callable
    data: Sequence[numpy.ndarray] | None = None
    pack: Callable[[list], list] = list
    unpack: Callable[[list], list] = list


@dataclass
class Work:
    """One thing to measure. All programs compute the same; ``params`` come first, then ``data``.

    Attributes:
        kind: ``value`` is the function alone; ``gradient`` value and gradient with respect to ``params``;
            ``step`` also the update ``p - rate * gradient`` of each parameter.
        params: one array, or a list of arrays, which the functions get as their first argument.
        numpy: ``numpy(np)`` gives the function for everything that has NumPy's names.
        minpy, jax, autograd: the same where NumPy's names do not suffice; ``jax_scan``, where an expert would
            keep the loop.
        torch: ``torch(params, *torch_data)``, after ``import torch``.
        model: gives a model of ``minpy.nn`` whose parameters are ``params`` in order, for MinPy's ``Solver``.
        by_hand: plain NumPy; gives a list of the value and, unless ``kind`` is ``value``, each gradient.
        leave_out: peer -> why it does not run this work although it could.
        tolerance: the largest difference of an array from that of the first peer, relative, in the norm.
            Gradients that are read off the parameters before and after a step have lost digits.
    """

    title: str
    kind: str
    params: Params
    data: Sequence[numpy.ndarray] = ()
    numpy: Callable | None = None
    minpy: Callable | None = None
    autograd: Callable | None = None
    jax: Callable | None = None
    jax_scan: Callable | None = None
    torch: Callable | None = None
    torch_data: Sequence[numpy.ndarray] | None = None
    symbol: Symbol | None = None
    model: Callable | None = None
    by_hand: Callable | None = None
    leave_out: dict[str, str] = field(default_factory=dict)
    tolerance: float = 5e-3
    rate: float = 0.05

    def is_single(self) -> bool:
        """Whether the parameters are one array, not a list of them."""
        return not isinstance(self.params, list)

    def flat_params(self) -> list[numpy.ndarray]:
        """A copy of the parameters, as a list."""
        return [a.copy() for a in ([self.params] if self.is_single() else self.params)]

    def program(self, library: str) -> Callable | None:
        """The function for a library that has NumPy's names."""
        return getattr(self, library) or self.numpy

    def grouped(self, flat: list) -> Any:
        """The parameters of a library in the form of ``params``."""
        return flat[0] if self.is_single() else flat


def as_list(result: Any) -> list:
    """One result or several, as a list."""
    return list(result) if isinstance(result, (list, tuple)) else [result]


def transposed(*positions: int) -> dict[str, Callable[[list], list]]:
    """``pack`` and ``unpack`` for matrices that MXNet keeps as (outputs, inputs)."""

    def swap(arrays: list) -> list:
        return [numpy.ascontiguousarray(a.T) if i in positions else a for i, a in enumerate(arrays)]

    return {"pack": swap, "unpack": swap}


def one_hot(labels: numpy.ndarray, classes: int) -> numpy.ndarray:
    """Rows of zeros with a one at each label, float32."""
    return numpy.eye(classes, dtype="float32")[labels]


def normal(seed: int, *shape: int, scale: float = 1.0, dtype: str = "float32") -> numpy.ndarray:
    """Normal random numbers."""
    return (numpy.random.RandomState(seed).randn(*shape) * scale).astype(dtype)
