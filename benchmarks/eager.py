"""What one op costs in eager mode, beside HIPS autograd, PyTorch and NumPy: ``python -m benchmarks.eager``.

Small arrays, so that the time is that of the libraries and not of the arithmetic. *Forward* is one op;
*method* is one of an array outside of any gradient, where autograd's users have arrays of NumPy alone;
*gradient* is the gradient of the sum of an op; *in a chain* is what each of 20 ops adds to a gradient.
Processor time, one process a peer, the peers in turn, medians; ``--auto`` compares AutoPolicy with plain
NumPy on large arrays.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy

PEERS = ("minpy only_numpy", "minpy auto", "minpy prefer_mxnet", "autograd", "torch")


class Namespace:
    """The functions that are measured, under NumPy's names, for one peer."""

    def __init__(self, peer: str):
        library, _, policy = peer.partition(" ")
        if library == "minpy":
            import minpy

            if policy:
                minpy.set_global_policy(policy)
            self.np, self.array = minpy.numpy, minpy.numpy.array
            self.gradient = minpy.grad
        elif library == "autograd":
            import autograd
            import autograd.numpy

            self.np, self.array = autograd.numpy, numpy.array
            self.gradient = autograd.grad
        elif library == "numpy":
            self.np, self.array = numpy, numpy.array
        else:
            import torch

            self.np, self.array = _torch_names(torch), torch.tensor
            self.gradient = lambda f: _torch_gradient(f)


def _torch_names(torch):
    class Names:
        tanh, exp, sum, mean, where, dot = (
            torch.tanh,
            torch.exp,
            torch.sum,
            torch.mean,
            torch.where,
            torch.matmul,
        )
        max, concatenate, maximum, sqrt = torch.max, torch.cat, torch.maximum, torch.sqrt
        transpose, reshape, zeros = torch.t, torch.reshape, torch.zeros

    return Names


def _torch_gradient(function: Callable) -> Callable:
    def gradient(x):
        x = x.detach().requires_grad_()
        function(x).backward()
        return x.grad

    return gradient


def ops(space: Namespace, size: int = 10) -> dict[str, Callable]:
    """The ops that are measured: name -> function of one array."""
    np = space.np
    other = space.array(numpy.linspace(1, 2, size).astype("float32"))
    matrix = space.array(numpy.ones((size, size), "float32")) if size < 1000 else None
    found = {
        "x + y": lambda x: x + other,
        "x * 2.0": lambda x: x * 2.0,
        "x / y": lambda x: x / other,
        "tanh": np.tanh,
        "exp": np.exp,
        "maximum": lambda x: np.maximum(x, other),
        "where": lambda x: np.where(other > 1.5, x, other),
        "sum": np.sum,
        "mean": np.mean,
        "max": np.max,
        "concatenate": lambda x: np.concatenate([x, other]),
        "x[2:5]": lambda x: x[2:5],
        "x[[1, 2]]": lambda x: x[[1, 2]],
        "reshape": lambda x: np.reshape(x, (2, -1)),
    }
    if matrix is not None:
        found["dot"] = lambda x: np.dot(matrix, x)
    return found


def methods(space: Namespace, peer: str) -> dict[str, Callable]:
    """Reading, writing and the methods of arrays: name -> function of one array."""
    matrix = space.array(numpy.ones((10, 10), "float32"))
    number = space.array(numpy.linspace(0.5, 1, 3).astype("float32"))[1]
    written = space.array(numpy.zeros(10, "float32"))

    def assign(x):
        written[3] = 2.0

    def assign_slice(x):
        written[2:5] = x[4:7]

    def update(x):
        nonlocal written
        written += x

    found = {
        "float(x[0])": lambda x: float(x[0]),
        "x[3]": lambda x: x[3],
        "m[2, 3]": lambda x: matrix[2, 3],
        "m[2]": lambda x: matrix[2],
        "x[3] = 2.0": assign,
        "x[2:5] = y[4:7]": assign_slice,
        "x += y": update,
        "number * number": lambda x: number * number,
        "number < 2.0": lambda x: number < 2.0,
        "for number in x": lambda x: [0 for _ in x],
        "m.T": lambda x: matrix.T,
        "m.T @ x": lambda x: matrix.T @ x,
        "x.reshape(2, -1)": lambda x: x.reshape(2, -1),
        "m.ravel()": lambda x: matrix.ravel(),
        "m.flatten()": lambda x: matrix.flatten(),
        "x.sum()": lambda x: x.sum(),
        "x.mean()": lambda x: x.mean(),
        "x.max()": lambda x: x.max(),
        "x.argmax()": lambda x: x.argmax(),
        "x.tolist()": lambda x: x.tolist(),
        "x.shape": lambda x: x.shape,
        "x.dtype": lambda x: x.dtype,
    }
    if peer != "torch":
        found.update(
            {
                "m.dot(x)": lambda x: matrix.dot(x),
                "x.copy()": lambda x: x.copy(),
                "x.astype(float64)": lambda x: x.astype("float64"),
                "x.any()": lambda x: x.any(),
                "x.std()": lambda x: x.std(),
                "x.size": lambda x: x.size,
            }
        )
    return found


def microseconds(function: Callable, seconds: float = 0.02) -> float:
    """Processor time of one call, the least of several rounds."""
    function()
    count, best = 1, float("inf")
    for _ in range(9):
        started = time.process_time()
        for _ in range(count):
            function()
        spent = time.process_time() - started
        best = min(best, spent / count)
        count = max(1, int(seconds / 9 / max(best, 1e-8)))
    return best * 1e6


def work(peer: str) -> None:
    """The worker of one peer: for each line that it reads, one round of all measurements."""
    if peer == "torch":
        import torch

        torch.set_num_threads(1)
    space = Namespace(peer)
    x = space.array(numpy.linspace(0.1, 1, 10).astype("float32"))
    functions = ops(space)
    forward = {**functions, "zeros": lambda x: space.np.zeros((2, 5))}
    of_arrays = methods(space, peer)
    gradients = {name: space.gradient(lambda x, f=f: space.np.sum(f(x))) for name, f in functions.items()}

    def chain(length: int) -> Callable:
        def run(x):
            for _ in range(length):
                x = space.np.tanh(x)
            return space.np.sum(x)

        return space.gradient(run)

    short, long = chain(1), chain(21)
    answers, sys.stdout = sys.stdout, sys.stderr
    for _ in sys.stdin:
        found = {f"forward {name}": microseconds(lambda f=f: f(x)) for name, f in forward.items()}
        found.update({f"method {name}": microseconds(lambda f=f: f(x)) for name, f in of_arrays.items()})
        found.update({f"gradient {name}": microseconds(lambda g=g: g(x)) for name, g in gradients.items()})
        found["in a chain, tanh"] = (microseconds(lambda: long(x)) - microseconds(lambda: short(x))) / 20
        print(json.dumps(found), file=answers, flush=True)


def compare(rounds: int) -> None:
    """Print the table of all peers."""
    peers = [p for p in PEERS if importlib.util.find_spec(p.split()[0])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.eager", "--worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for peer in peers
    ]
    found: list[list[dict[str, float]]] = [[] for _ in peers]
    for _ in range(rounds):
        for worker, results in zip(workers, found):
            assert worker.stdin and worker.stdout
            worker.stdin.write("round\n")
            worker.stdin.flush()
            results.append(json.loads(worker.stdout.readline()))
    for worker in workers:
        worker.communicate()
    print(f"us of one call, median of {rounds} rounds; one thread")
    print(f"{'':24}" + "".join(f"{peer:>20}" for peer in peers) + f"{'only_numpy/autograd':>22}")
    for name in found[0][0]:
        medians = [statistics.median(r.get(name, float("nan")) for r in results) for results in found]
        ratio = medians[0] / medians[peers.index("autograd")] if "autograd" in peers else float("nan")
        print(f"{name:24}" + "".join(f"{m:20.2f}" for m in medians) + f"{ratio:22.2f}")


def compare_auto(rounds: int) -> None:
    """Print how much longer AutoPolicy takes than plain NumPy, in one process, in turn."""
    ours, plain = Namespace("minpy auto"), Namespace("numpy")
    for size in (10_000, 100_000, 1_000_000):
        data = numpy.linspace(0.1, 1, size).astype("float32")
        x, y = ours.array(data), plain.array(data)
        print(f"{size:,} elements: time under AutoPolicy / time of NumPy")
        for (name, f), g in zip(ops(ours, size).items(), ops(plain, size).values()):
            ratios = []
            for _ in range(rounds):
                mine, numpys = functools.partial(f, x), functools.partial(g, y)
                ratios.append(microseconds(mine) / microseconds(numpys))
            print(f"  {name:16}{statistics.median(ratios):8.2f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eager", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--auto", action="store_true", help="AutoPolicy beside plain NumPy")
    parser.add_argument("--worker", metavar="PEER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
    elif arguments.auto:
        compare_auto(arguments.rounds)
    else:
        compare(arguments.rounds)


if __name__ == "__main__":
    main()
