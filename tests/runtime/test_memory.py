"""Where there is no memory a MemoryError says for what, and the next call works."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager

import pytest

import minpy
import minpy.numpy as np
from minpy.dispatch.policy import OnlyMXNetPolicy, PreferMXNetPolicy
from minpy.nn import functional as F
from minpy.runtime import native


@contextmanager
def _room(size):
    """So many bytes are left that this process can ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("policy", [PreferMXNetPolicy, OnlyMXNetPolicy])
def test_an_operator_of_mxnet_says_which_result_there_is_no_memory_for(policy):
    x, y = np.ones((1 << 13, 1)), np.ones((1, 1 << 13))
    with (
        policy(),
        _room(100 << 20),
        pytest.raises(MemoryError, match=r"^matmul: no memory for float32\[8192,8192\] of 268,435,456 bytes"),
    ):
        np.dot(x, y)
    with policy():
        assert np.dot(x[:2], y[:, :2]).asnumpy().tolist() == [[1, 1], [1, 1]]


def test_a_compiled_graph_says_of_which_operators_it_is():
    loss = minpy.jit(lambda x, w: np.sum(F.conv2d(x, w)))
    x, w = np.ones((1, 1, 2000, 2000)), np.ones((32, 1, 1, 1))
    with _room(100 << 20), pytest.raises(MemoryError, match="a compiled graph of Convolution: no memory for"):
        loss(x, w)
    assert loss(x[:, :, :3, :3], w) == 32 * 9


def test_kernels_say_so():
    wave = minpy.jit(lambda x, y: np.exp(x + y))
    x, y = np.zeros((1 << 13, 1)), np.zeros((1, 1 << 13))
    with _room(100 << 20), pytest.raises(MemoryError, match=r"\(8192, 8192\)"):
        wave(x, y)
    assert wave(x[:2], y[:, :1]).asnumpy().tolist() == [[1], [1]]


def test_what_is_too_large_for_mxnet_is_left_to_numpy():
    """MXNet counts elements in 32 bits."""
    x = np.broadcast_to(np.ones(1), (1 << 31,))
    with PreferMXNetPolicy():
        assert np.sigmoid(x[:2]).shape == (2,)
        with _room(100 << 20), pytest.raises(MemoryError, match="2147483648"):
            np.sigmoid(x)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("src/storage/./cpu_device_storage.h:75: Failed to allocate CPU Memory", MemoryError),
        ("std::bad_alloc", MemoryError),
        ("cudaMalloc retry failed: out of memory", MemoryError),
        ("Check failed: e == CUBLAS_STATUS_SUCCESS (3 vs. 0) : CUBLAS_STATUS_ALLOC_FAILED", MemoryError),
        ("Shape inconsistent", native.MXNetError),
    ],
)
def test_what_mxnet_says_without_memory(text, kind):
    def fails():
        raise native.MXNetError(text)

    with pytest.raises(kind):
        native.checked(fails)
