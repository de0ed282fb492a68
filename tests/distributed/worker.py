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

import numpy

import minpy
import minpy.numpy as np
from minpy import distributed
from minpy.nn import ModelBase, layers
from minpy.nn.callbacks import Callback
from minpy.nn.io import NDArrayIter
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


class Traffic(Callback):
    """Bytes that this process has sent to the servers until the end of each step, as the kernel counts them.

    TCP_INFO of a socket tells what the other side has acknowledged (tcpi_bytes_acked, tcpi_bytes_received).
    """

    def __init__(self):
        self.steps = []

    def on_step(self, solver):
        sent = received = 0
        for name in os.listdir("/proc/self/fd"):
            link = f"/proc/self/fd/{name}"
            if not (os.path.lexists(link) and os.readlink(link).startswith("socket:")):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family != socket.AF_INET or connection.type != socket.SOCK_STREAM:
                    continue
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                if info[0] == ESTABLISHED and connection.getpeername()[1] != int(
                    os.environ["MINPY_WATCH_PORT"]
                ):
                    acked, got = struct.unpack_from("QQ", info, 120)
                    sent, received = sent + acked, received + got
        self.steps.append((sent, received))


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
    traffic = Traffic()
    settings = {"callbacks": [traffic]}
    if pace:
        settings = {
            "checkpoint": f"{folder}/run.safetensors",
            "checkpoint_every": 2,
            "callbacks": [Pace(float(pace[0]), *map(int, pace[1:]))],
        }
    else:
        check_collectives()
    solver = train(dtype, "dist_sync", int(epochs), **settings)
    numpy.savez(f"{folder}/{distributed.rank()}.npz", **results(solver))
    numpy.save(f"{folder}/{distributed.rank()}.npy", traffic.steps)
