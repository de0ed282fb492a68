"""A process without a job is the only worker; mistakes are named, by the same functions as in a job."""

from __future__ import annotations

import argparse

import numpy
import pytest

import minpy.numpy as np
from minpy import cpu
from minpy.distributed import all_reduce, barrier, broadcast, collectives, init, num_workers, rank, shard
from minpy.distributed.devices import Devices
from minpy.distributed.launch import _described, _hosts, add_command
from minpy.errors import DTypeError
from minpy.nn.io import NDArrayIter

NESTED = {"a": np.array([1.5, 2.5]), "b": [2, 0.5, True], "c": numpy.array([[1, 2]]), "d": numpy.float32(3)}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(collectives, "_group", None)
    for name in ("DMLC_ROLE", "DMLC_PS_ROOT_URI", "MINPY_RANK"):
        monkeypatch.delenv(name, raising=False)


def same(found, expected):
    assert type(found) is type(expected)
    numpy.testing.assert_array_equal(numpy.asarray(found), numpy.asarray(expected))


@pytest.mark.parametrize("function", [broadcast, lambda x: all_reduce(x, "sum"), all_reduce])
def test_the_sum_and_the_mean_of_one_are_what_it_gives(function):
    found = function(NESTED)
    same(found["a"], NESTED["a"])
    assert found["b"] == [2, 0.5, True] and found["c"].tolist() == [[1, 2]] and found["d"] == 3


def test_there_is_one_worker_and_it_waits_for_nobody():
    assert (rank(), num_workers()) == (0, 1)
    barrier()
    assert broadcast({}) == {}
    assert [collectives.broadcast_bytes(x) for x in (None, b"", b"text")] == [None, b"", b"text"]
    collectives.require_same("the text", "of all")
    collectives.group().reduce([np.ones(3)])
    collectives.group().compress(0.5)
    batches = NDArrayIter(numpy.arange(12.0).reshape(6, 2), numpy.arange(6.0), 4)
    shared = shard(batches)
    assert shard(shared) is shared
    assert [x.data[0].shape for x in shared] == [(4, 2), (4, 2)] and shared.batch_size == 4


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda: all_reduce(1.0, "max"), ValueError, "op is one of .* not 'max'"),
        (lambda: all_reduce([1.0, 2j]), DTypeError, r"arrays\[1\] is an array of complex128"),
        (lambda: all_reduce(numpy.array([2**53 + 2])), ValueError, "integers beyond 2\\*\\*53"),
        (lambda: broadcast(numpy.array([object()])), DTypeError, "not Python objects"),
        (lambda: init("dist_async"), ValueError, "kvstore is one of"),
        (
            lambda: (init(), init("dist_device_sync")),
            ValueError,
            "has joined its job with 'dist_sync' already",
        ),
        (lambda: collectives.group().compress(0), ValueError, "a positive number, not 0"),
        (lambda: shard(3), TypeError, "iterator"),
        (lambda: Devices("dist_sync", [cpu()], None), ValueError, "contexts need kvstore="),
        (lambda: Devices("device", [cpu()], 0.5), ValueError, "compression needs kvstore='dist_sync'"),
        (lambda: Devices("device", [], None), ValueError, "each once, not \\[\\]"),
        (lambda: Devices("local", [cpu(), cpu()], None), ValueError, "each once"),
        (lambda: _hosts(" , # nobody"), SystemExit, "names no machine"),
    ],
)
def test_mistakes_are_named(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_there_has_to_be_a_worker(capsys):
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    assert parser.parse_args(["launch", "-n", "2", "program"]).workers == 2
    with pytest.raises(SystemExit):
        parser.parse_args(["launch", "-n", "0", "program"])
    assert "invalid" in capsys.readouterr().err


def test_how_a_process_ended_is_said_by_the_name_of_the_signal():
    assert [_described(code) for code in (1, 137, 250)] == ["status 1", "status 137 (SIGKILL)", "status 250"]
