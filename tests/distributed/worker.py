"""A program for several workers, for ``python -m minpy launch``.

It checks the collectives against NumPy, trains, and writes what came out to ``<folder>/<rank>.npz``.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy import distributed
from minpy.io import LibSVMIter
from minpy.nn import ModelBase, layers
from minpy.nn.callbacks import Callback
from minpy.nn.io import NDArrayIter, PrefetchingIter
from minpy.nn.solver import Solver

ESTABLISHED = 1


class Net(ModelBase):
    """Two layers with batch statistics kept, whose loss is a mean over samples."""

    def __init__(self):
        super().__init__()
        self.add_param("w1", (20, 32)).add_param("b1", (32,)).add_param("w2", (32, 3)).add_param("b2", (3,))
        self.add_aux_param("seen", np.zeros(20))

    def forward(self, X, mode):
        if mode == "train":
            self.aux_params["seen"] = 0.9 * self.aux_params["seen"] + 0.1 * np.mean(X, axis=0)
        h = np.tanh(layers.affine(X, self.params["w1"], self.params["b1"]))
        return layers.affine(h, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def train(dtype: str, kvstore: str | None, num_epochs: int, **settings) -> Solver:
    """Train on 250 samples in batches of 100, which are no multiple of the workers' shares."""
    minpy.set_default_dtype(dtype)
    random = numpy.random.RandomState(0)
    X = random.standard_normal((350, 20))
    y = (X @ random.standard_normal((20, 3))).argmax(1)
    batches, tests = NDArrayIter(X[:250], y[:250], 99, shuffle=True), NDArrayIter(X[250:], y[250:], 99)
    solver = Solver(
        Net(),
        batches,
        tests,
        num_epochs=num_epochs,
        update_rule="adam",
        optim_config={"learning_rate": 0.01},
        clip_norm=0.5,
        seed=3,
        verbose=False,
        kvstore=kvstore,
        **settings,
    )
    solver.init()
    solver.train(resume="checkpoint" in settings)
    return solver


def results(solver: Solver) -> dict[str, numpy.ndarray]:
    """What has to be the same for any number of workers."""
    model = solver.model
    return {
        "losses": numpy.array(solver.loss_history),
        "scores": numpy.array([solver.train_acc_history, solver.val_acc_history]),
        **{name: numpy.asarray(x) for name, x in {**model.params, **model.aux_params}.items()},
    }


def check_collectives() -> None:
    rank, size = distributed.rank(), distributed.num_workers()
    every = [numpy.random.RandomState(i).standard_normal((3, 4)) for i in range(size)]
    given = {"a": np.array(every[rank]), "b": [numpy.arange(5) * (rank + 1), (2.0 * rank, rank > 0)]}
    found = distributed.all_reduce(given, "sum")
    assert isinstance(found["a"], minpy.Array)
    numpy.testing.assert_allclose(numpy.asarray(found["a"]), sum(every), rtol=1e-15)
    assert found["b"][0].tolist() == [i * size * (size + 1) // 2 for i in range(5)]
    assert found["b"][1] == (size * (size - 1.0), size - 1)
    mean = distributed.all_reduce(given)
    numpy.testing.assert_allclose(numpy.asarray(mean["a"]), sum(every) / size, rtol=1e-15)
    other = numpy.zeros(4, complex)
    odd = numpy.array([-0.0, numpy.nan, numpy.inf, 5e-324]).astype(complex)
    told = distributed.broadcast({"x": odd if rank == 0 else other, "n": 2**60 + rank, "b": numpy.int8(rank)})
    assert told["x"].tobytes() == odd.tobytes() and told["n"] == 2**60 and told["b"] == 0
    distributed.barrier()


def check_parts(folder: str) -> None:
    """Workers that read a part of a file each see all of it once, in the same number of steps."""
    rank, size, samples = distributed.rank(), distributed.num_workers(), 11
    path = Path(folder, f"{rank}.libsvm")
    path.write_text("".join(f"{i} 0:{i}\n" for i in range(samples)))
    settings = {"data_libsvm": path, "data_shape": (1,), "batch_size": 1, "num_parts": size}
    batches = distributed.shard(PrefetchingIter(LibSVMIter(part_index=rank, **settings)))
    for _ in range(2):
        batches.reset()
        seen, steps = numpy.zeros(samples), 0
        for batch in batches:
            steps += 1
            assert batch.pad == 1 - batches.share
            seen[int(batch.label[0][0])] += batches.share
            state = batches.state()
        assert distributed.all_reduce(seen, "sum").tolist() == [1.0] * samples
        assert distributed.all_reduce(numpy.eye(size)[rank] * steps, "sum").tolist() == [steps] * size
    with pytest.raises(ValueError, match="are for another worker"):
        distributed.shard(LibSVMIter(part_index=size - 1 - rank, **settings))
    with pytest.raises(ValueError, match="outermost"):
        distributed.shard(PrefetchingIter(batches))
    batches.restore(state)  # where one worker has no batch any more
    assert not list(batches)


def check_draws(solver: Solver) -> None:
    """Workers draw numbers of their own, which are the same ones when a step is done again."""
    rank, size = distributed.rank(), distributed.num_workers()
    drawn = []
    for iteration in (0, 1, 0):
        with solver._workers.draws(iteration):
            drawn.append(numpy.random.rand())
    assert drawn[0] == drawn[2]
    every = distributed.all_reduce(numpy.eye(size)[rank][:, None] * drawn[:2], "sum")
    assert len(set(every.ravel().tolist())) == 2 * size


def check_compression() -> None:
    """Two bits of a number are -t, 0 or t, and what is left is added to the next one, as MXNet documents it.

    https://mxnet.apache.org/api/faq/gradient_compression
    """
    rank, size, threshold, count = distributed.rank(), distributed.num_workers(), 0.5, 1607
    gradients = numpy.random.RandomState(9).standard_normal((6, size, count)).astype("float32")
    workers = distributed.init()
    workers.compress(threshold)
    left, sent = numpy.zeros((size, count), "float32"), [traffic()[0]]
    for step in gradients:
        found = np.array(step[rank])
        workers.reduce([found])
        left += step
        quantized = numpy.where(left >= threshold, threshold, numpy.where(left <= -threshold, -threshold, 0))
        left -= quantized.astype("float32")
        numpy.testing.assert_array_equal(numpy.asarray(found), quantized.sum(0))
        sent.append(traffic()[0])
    # 16 numbers in 4 bytes, and two messages, one of which only asks for the sum
    assert abs(numpy.median(numpy.diff(sent)) - (101 * 4 + 2 * 50)) <= 10, sent
    exact = numpy.array([1e-30, -numpy.pi, 3e30]) * (rank + 1)
    wanted = sum(numpy.array([1e-30, -numpy.pi, 3e30]) * (i + 1) for i in range(size))
    assert distributed.all_reduce(exact, "sum").tolist() == wanted.tolist()
    assert distributed.broadcast(numpy.arange(300) * (rank + 1)).tolist() == list(range(300))


def traffic() -> tuple[int, int]:
    """Bytes that this process has sent to the servers and received, as the kernel counts them.

    TCP_INFO of a socket tells what the other side has acknowledged (tcpi_bytes_acked, tcpi_bytes_received).
    """
    sent = received = 0
    for name in os.listdir("/proc/self/fd"):
        link = f"/proc/self/fd/{name}"
        if not (os.path.lexists(link) and os.readlink(link).startswith("socket:")):
            continue
        with socket.socket(fileno=os.dup(int(name))) as connection:
            if connection.family != socket.AF_INET or connection.type != socket.SOCK_STREAM:
                continue
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            if info[0] == ESTABLISHED and connection.getpeername()[1] != int(os.environ["MINPY_WATCH_PORT"]):
                acked, got = struct.unpack_from("QQ", info, 120)
                sent, received = sent + acked, received + got
    return sent, received


class Traffic(Callback):
    """What was sent and received until the end of each step."""

    def __init__(self):
        self.steps = []

    def on_step(self, solver):
        self.steps.append(traffic())


class Pace(Callback):
    """Steps that take a time, in which nothing is computed; the first run of a job may die of one."""

    def __init__(self, seconds: float, last: int | None = None):
        self.seconds, self.last = seconds, last

    def on_train_begin(self, solver):
        self.is_first_run = not solver.iteration

    def on_step(self, solver):
        time.sleep(self.seconds)
        if solver.iteration == self.last and self.is_first_run and distributed.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, dtype, epochs, *pace = sys.argv[1:]
    steps = Traffic()
    settings = {"callbacks": [steps]}
    if pace:
        settings = {
            "checkpoint": f"{folder}/run.safetensors",
            "checkpoint_every": 2,
            "callbacks": [Pace(float(pace[0]), *map(int, pace[1:]))],
        }
    else:
        check_collectives()
        check_parts(folder)
    solver = train(dtype, "dist_sync", int(epochs), **settings)
    numpy.savez(f"{folder}/{distributed.rank()}.npz", **results(solver))
    numpy.save(f"{folder}/{distributed.rank()}.npy", steps.steps)
    if not pace:
        check_draws(solver)
        check_compression()
