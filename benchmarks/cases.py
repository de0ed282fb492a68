"""The work that is measured: each case is the same mathematics for every peer.

A case gives ``make(peer) -> step``; ``step()`` does the work once and returns numbers to compare. Imports
stand inside, since each peer runs in a process of its own that loads nothing of the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy


def _minpy(function: Callable, arrays: list[numpy.ndarray], compiled: bool) -> Callable:
    import minpy

    made = [minpy.numpy.array(a) for a in arrays]
    gradient = minpy.value_and_grad(minpy.jit(function) if compiled else function)

    def step() -> list[numpy.ndarray]:
        value, grad = gradient(*made)
        return [numpy.asarray(value), numpy.asarray(grad)]

    return step


def _autograd(function: Callable, arrays: list[numpy.ndarray]) -> Callable:
    from autograd import value_and_grad

    gradient = value_and_grad(function)
    return lambda: list(map(numpy.asarray, gradient(*arrays)))


def _jax(function: Callable, arrays: list[numpy.ndarray]) -> Callable:
    import jax

    gradient = jax.jit(jax.value_and_grad(function))
    made = [jax.numpy.asarray(a) for a in arrays]
    return lambda: [numpy.asarray(r) for r in jax.block_until_ready(gradient(*made))]


def _torch(function: Callable, arrays: list[numpy.ndarray]) -> Callable:
    import torch

    first, *rest = [torch.from_numpy(a) for a in arrays]
    first.requires_grad_(True)

    def step() -> list[numpy.ndarray]:
        first.grad = None
        value = function(first, *rest)
        value.backward()
        return [value.detach().numpy(), first.grad.numpy()]

    return step


def _namespace(peer: str):
    if peer.startswith("minpy"):
        import minpy.numpy as np
    elif peer == "autograd":
        import autograd.numpy as np
    else:
        import jax.numpy as np
    return np


def _make(peer: str, write: Callable, write_torch: Callable, by_hand: Callable, arrays: list) -> Callable:
    """``write(np)`` gives the function for the NumPy-like peers."""
    if peer == "numpy by hand":
        return lambda: by_hand(*arrays)
    if peer == "torch":
        return _torch(write_torch, arrays)
    function = write(_namespace(peer))
    if peer == "autograd":
        return _autograd(function, arrays)
    if peer == "jax":
        return _jax(function, arrays)
    return _minpy(function, arrays, compiled=peer == "minpy compiled")


def overhead(peer: str) -> Callable:
    """Four operations on ten numbers, value and gradient: the cost of a call."""
    x = numpy.linspace(-1, 1, 10, dtype="float32")
    y = numpy.linspace(2, 3, 10, dtype="float32")

    def write(np):
        def function(x, y):
            return np.sum(np.tanh(x * y + 1) - x)

        return function

    def write_torch(x, y):
        return (x * y + 1).tanh().sub(x).sum()

    def by_hand(x, y):
        t = numpy.tanh(x * y + 1)
        return [numpy.sum(t - x), (1 - t * t) * y - 1]

    return _make(peer, write, write_torch, by_hand, [x, y])


def logistic(peer: str) -> Callable:
    """Softmax regression, 10,000 x 500 x 5: loss and gradient."""
    rng = numpy.random.RandomState(0)
    x = rng.rand(10_000, 500).astype("float32")
    y = numpy.eye(5, dtype="float32")[rng.randint(0, 5, 10_000)]
    w = (rng.randn(500, 5) * 0.1).astype("float32")

    def write(np):
        def function(w, x, y):
            a = np.exp(np.dot(x, w))
            prob = a / np.sum(a, axis=1, keepdims=True)
            return -np.sum(y * np.log(prob)) / 10_000

        return function

    def write_torch(w, x, y):
        a = (x @ w).exp()
        return -(y * (a / a.sum(1, keepdim=True)).log()).sum() / 10_000

    def by_hand(w, x, y):
        a = numpy.exp(x @ w)
        prob = a / a.sum(1, keepdims=True)
        return [-(y * numpy.log(prob)).sum() / 10_000, x.T @ (prob - y) / 10_000]

    return _make(peer, write, write_torch, by_hand, [w, x, y])


CASES = {"overhead": overhead, "logistic": logistic}
PEERS = ("minpy compiled", "minpy eager", "numpy by hand", "autograd", "jax", "torch")
