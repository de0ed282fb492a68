"""``show_op_stat``: how often each op ran, by library."""

from __future__ import annotations

import threading

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.dispatch import policy


def test_most_frequent_first_and_shown_by_object_and_module(capsys):
    with policy.PreferMXNetPolicy() as used:
        x = np.ones(3)
        for _ in range(2):
            np.tanh(x)
        np.exp(x)
        np.cos(x)
        policy.show_op_stat()
    used.show_op_stat()
    table = (
        "MXNET op called times:\n tanh : 2\n cos : 1\n exp : 1\n"
        "NUMPY op called times:\n ones : 1\n"
        "Total Dispatch Proportion: 80.0% in MXNet, 20.0% in NumPy\n"
    )
    assert capsys.readouterr().out == 2 * table


def test_nothing_counted_and_reset(capsys):
    used = policy.PreferMXNetPolicy()
    empty = (
        "MXNET op called times:\nNUMPY op called times:\n"
        "Total Dispatch Proportion: 0.0% in MXNet, 0.0% in NumPy\n"
    )
    used.show_op_stat()
    with used:
        np.tanh(np.ones(2))
    assert used.op_stat() == {"mxnet": {"tanh": 1}, "numpy": {"ones": 1}}
    used.reset_op_stat()
    assert used.op_stat() == {"mxnet": {}, "numpy": {}}
    used.show_op_stat()
    assert capsys.readouterr().out == 2 * empty


def test_what_ran_compiled(capsys):
    @minpy.jit
    def loss(w, x):
        return np.sum(np.tanh(np.dot(x, w)))

    w, x = np.ones((3, 2)), np.ones((4, 3))
    with policy.PreferMXNetPolicy() as used:
        for _ in range(5):
            loss(w, x)
        np.tanh(x)
    table = (
        "COMPILED op called times:\n dot : 5\n sum : 5\n tanh : 5\n"
        "MXNET op called times:\n tanh : 1\nNUMPY op called times:\n"
        "Total Dispatch Proportion: 93.8% compiled, 6.2% in MXNet, 0.0% in NumPy\n"
    )
    used.show_op_stat()
    assert capsys.readouterr().out == table
    loss.cache_clear()  # what is gone has run all the same
    used.show_op_stat()
    assert capsys.readouterr().out == table
    used.reset_op_stat()
    minpy.grad(loss)(w, x)
    assert used.op_stat()["compiled"]["dot"] == 2
    with policy.OnlyNumPyPolicy() as used:
        loss(w, x)
    assert used.op_stat() == {"mxnet": {}, "numpy": {"dot": 1, "sum": 1, "tanh": 1}}


def counted(function):
    """What is counted while ``function`` runs."""
    with policy.PreferMXNetPolicy() as used:
        function()
    return used.op_stat()


X = np.array([1.0, 2.0, 3.0])
NUMBERS = np.array([4, 6])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: np.zeros(2), "zeros"),
        (lambda: np.empty(2), "empty"),
        (lambda: np.full(2, 1.5), "full"),
        (lambda: np.arange(3), "arange"),
        (lambda: np.linspace(0, 1, 3), "linspace"),
        (lambda: np.eye(2), "eye"),
        (lambda: np.array([1, 2]), "array"),
        (lambda: np.zeros_like(X), "zeros_like"),
        (lambda: np.random.rand(), "rand"),
        (lambda: np.random.randn(2, 3), "randn"),
        (lambda: np.random.shuffle(X), "shuffle"),
        (lambda: np.unwrap(X), "unwrap"),
        (lambda: np.unwrap([1, 2]), "unwrap"),
        (lambda: numpy.unwrap(X), "unwrap"),
        (lambda: np.fft.fft(X), "fft"),
        (lambda: numpy.gcd.reduce(NUMBERS), "gcd.reduce"),
        (lambda: np.floor_divide(X, 2), "floor_divide"),
        (lambda: X[1:], "index"),
        (lambda: X.reshape(3, 1), "reshape"),
    ],
)
def test_numpy_is_counted(call, name):
    assert counted(call) == {"mxnet": {}, "numpy": {name: 1}}


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.shape(X),
        lambda: np.ndim(X),
        lambda: np.result_type(X, 1),
        lambda: np.random.seed(0),
        lambda: np.set_printoptions(),
        lambda: np.asarray(X),
        lambda: repr(X),
        lambda: X.asnumpy(),
    ],
)
def test_what_computes_nothing_is_not_counted(call):
    assert counted(call) == {"mxnet": {}, "numpy": {}}


def test_gradients_are_counted():
    forward = counted(lambda: np.sum(np.sin(X)))
    both = counted(lambda: minpy.grad(lambda x: np.sum(np.sin(x)))(X))
    assert forward == {"mxnet": {"sin": 1, "sum": 1}, "numpy": {}}
    assert both["mxnet"].items() >= {"sin": 1, "sum": 1, "cos": 1, "multiply": 1}.items()


def test_update_in_place_and_arithmetic_with_numpys_arrays():
    def update():
        x = X.copy()
        x -= 1
        x /= 2

    assert counted(update) == {"mxnet": {"copy": 1}, "numpy": {"subtract": 1, "divide": 1}}
    assert counted(lambda: numpy.ones(3) * X) == {"mxnet": {"multiply": 1}, "numpy": {}}


def test_custom_operators_count_for_their_library():
    @minpy.customop("numpy")
    def by_numpy(x):
        return x * 2

    @minpy.customop("mxnet")
    def by_mxnet(x):
        return x * 2

    assert counted(lambda: by_numpy(X)) == {"mxnet": {}, "numpy": {"by_numpy": 1}}
    assert counted(lambda: by_mxnet(X)) == {"mxnet": {"by_mxnet": 1}, "numpy": {}}


def test_failed_calls_are_not_counted_and_compiled_ones_apart():
    def fails():
        with pytest.raises(ValueError):
            np.add(np.ones(2), np.ones(3))

    assert counted(fails) == {"mxnet": {}, "numpy": {"ones": 2}}
    f = minpy.jit(lambda x: np.tanh(x) + np.zeros(3))
    assert counted(lambda: f(X)) == {"compiled": {"add": 1, "tanh": 1}, "mxnet": {}, "numpy": {}}


def test_only_the_policy_in_force_counts():
    outer, inner = policy.PreferMXNetPolicy(), policy.OnlyNumPyPolicy()
    with outer:
        np.tanh(X)
        with inner:
            np.cos(X)
        thread = threading.Thread(target=lambda: np.sin(X))  # under the policy of the process
        thread.start()
        thread.join()
    assert outer.op_stat() == {"mxnet": {"tanh": 1}, "numpy": {}}
    assert inner.op_stat() == {"mxnet": {}, "numpy": {"cos": 1}}


def test_counting_in_threads_while_another_shows():
    used = policy.OnlyNumPyPolicy()
    names = [f"op{i}" for i in range(2000)]

    def count():
        for name in names:
            used.statistics.numpy[name] += 1

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        used.show_op_stat()
    assert used.op_stat()["numpy"].keys() == set(names)
