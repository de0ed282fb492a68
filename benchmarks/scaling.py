"""How training scales over workers: measured with a few processes here, predicted for 2 to 1024 machines.

``python -m benchmarks.scaling`` trains a perceptron by 1, 2 and 4 workers on this machine, takes what a step
costs from the run of one, and predicts the others and clusters from it. ``docs/scaling.md`` has the model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAYERS = (784, 512, 512, 10)
BATCH = 128  # of each worker
STEPS = 60
SIZES = (1_000, 100_000, 1_000_000, 3_000_000)  # elements of float32 whose sums are timed


@dataclass(frozen=True)
class Costs:
    """What was measured with one worker and one server on this machine.

    Attributes:
        compute: seconds of gradients and update, of each step.
        parameter_bytes: what a worker sends in a step, and receives.
        latency: seconds of a sum of few numbers.
        seconds_per_byte: of a sum of many, there and back; half of it is the server's.
    """

    compute: tuple[float, ...]
    parameter_bytes: int
    latency: float
    seconds_per_byte: float


def slowest(times: Sequence[float], count: int) -> float:
    """The mean of the largest of ``count`` times, drawn independently from those that were measured."""
    ordered, n = sorted(times), len(times)
    return sum(x * (((i + 1) / n) ** count - (i / n) ** count) for i, x in enumerate(ordered))


def on_one_machine(costs: Costs, workers: int, cores: int) -> float:
    """Seconds of a step where all processes share the cores of one machine."""
    crowd = max(1.0, workers / cores)
    byte = costs.seconds_per_byte / 2
    own = slowest(costs.compute, workers) + byte * costs.parameter_bytes
    return costs.latency + crowd * own + workers * byte * costs.parameter_bytes


def on_a_cluster(costs: Costs, workers: int, servers: int, link: float) -> float:
    """Seconds of a step where each worker and each server has a machine.

    ``link`` is the bandwidth of a machine in bytes a second, in each direction.
    """
    size = costs.parameter_bytes
    wire = 2 * size / link * max(1.0, workers / servers)  # there, then back; servers are shared by all
    adding = costs.seconds_per_byte / 2 * size * workers / servers
    return slowest(costs.compute, workers) + costs.latency + wire + adding


def measure(workers: int, folder: str) -> dict:
    """What rank 0 of a job of so many workers measured."""
    from minpy.distributed import launch

    target = Path(folder, f"{workers}.json")
    command = [sys.executable, "-m", "benchmarks.scaling", "--worker", str(target)]
    hosts = [launch.Host("localhost", "127.0.0.1")]
    settings = {"OMP_NUM_THREADS": "1"}
    status = launch.run(lambda: launch.Launcher(hosts, workers, 1, command, settings))
    if status:
        sys.exit(status)
    return json.loads(target.read_text())


def work(target: str) -> None:
    """A worker: train, and time the parts of a step."""
    import numpy

    from minpy import Array, distributed
    from minpy.distributed.collectives import group
    from minpy.nn import ModelBase, layers
    from minpy.nn.callbacks import Callback
    from minpy.nn.io import NDArrayIter
    from minpy.nn.solver import Solver

    class Perceptron(ModelBase):
        def __init__(self):
            super().__init__()
            for i, shape in enumerate(zip(LAYERS, LAYERS[1:])):
                self.add_param(f"w{i}", shape).add_param(f"b{i}", shape[1:])

        def forward(self, X, mode):
            for i in range(len(LAYERS) - 1):
                X = layers.affine(layers.relu(X) if i else X, self.params[f"w{i}"], self.params[f"b{i}"])
            return X

        def loss(self, predict, y):
            return layers.softmax_loss(predict, y)

    class Times(Callback):
        def __init__(self):
            self.at, self.cpu = [], []

        def on_step(self, solver):
            self.at.append(time.perf_counter())
            self.cpu.append(time.process_time())

    size = BATCH * distributed.num_workers()
    random = numpy.random.RandomState(0)
    X, y = random.standard_normal((size * STEPS, LAYERS[0])), random.randint(0, LAYERS[-1], size * STEPS)
    times = Times()
    solver = Solver(
        Perceptron(),
        NDArrayIter(X, y, size),
        num_epochs=1,
        seed=0,
        kvstore="dist_sync",
        verbose=False,
        callbacks=[times],
        train_acc_num_samples=1,
    )
    solver.init()
    parameters = sum(p.size for p in solver.model.params.values())
    solver.train()
    sums = []
    for elements in SIZES:
        x = Array(numpy.zeros(elements, "float32"))
        took = []
        for _ in range(15):
            distributed.barrier()
            begun = time.perf_counter()
            group().reduce([x])
            took.append(time.perf_counter() - begun)
        sums.append(min(took))
    if distributed.rank() == 0:
        warm, step_bytes = STEPS // 4, parameters * 4
        found = {
            "steps": numpy.diff(times.at)[warm:].tolist(),
            "cpu": numpy.diff(times.cpu)[warm:].tolist(),
            "bytes": step_bytes,
            "sums": sums,
        }
        Path(target).write_text(json.dumps(found))


def costs_of(found: dict) -> Costs:
    """What a run of one worker tells."""
    small, large = found["sums"][0], found["sums"][-1]
    per_byte = (large - small) / (4 * (SIZES[-1] - SIZES[0]))
    return Costs(tuple(found["cpu"]), found["bytes"], small, per_byte)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.scaling")
    parser.add_argument("--worker", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--gigabits", type=float, default=25.0, help="the link of a machine; default: 25")
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = {n: measure(n, folder) for n in (1, 2, 4)}
    costs, cores = costs_of(found[1]), len(os.sched_getaffinity(0))
    megabytes, compute = costs.parameter_bytes / 1e6, 1e3 * statistics.median(costs.compute)
    speed = 1e-9 / costs.seconds_per_byte
    print(f"parameters: {megabytes:.2f} MB; compute: {compute:.2f} ms; load: {os.getloadavg()[0]:.1f}")
    print(f"a sum: {1e3 * costs.latency:.2f} ms and {speed:.2f} GB/s there and back")
    print(f"\non this machine, {cores} cores: ms a step")
    print(" workers  predicted  the same, where one is as measured  measured (median)")
    of_one = statistics.median(found[1]["steps"]) / on_one_machine(costs, 1, cores)
    for n, times in found.items():
        seconds, measured = on_one_machine(costs, n, cores), statistics.median(times["steps"])
        print(f"{n:8}{1e3 * seconds:11.1f}{1e3 * seconds * of_one:16.1f}{1e3 * measured:32.1f}")
    link = options.gigabits * 1e9 / 8
    alone = statistics.mean(costs.compute)
    print(
        f"\na machine each, {options.gigabits:g} Gbit/s: samples a second, share of workers times one alone"
    )
    print(" workers   1 server         4 servers        a server for 4 workers")
    for n in (2**i for i in range(1, 11)):
        cells = []
        for servers in (1, 4, math.ceil(n / 4)):
            seconds = on_a_cluster(costs, n, servers, link)
            cells.append(f"{n * BATCH / seconds:11,.0f} {alone / seconds:4.0%}")
        print(f"{n:8}", *cells)


if __name__ == "__main__":
    main()
