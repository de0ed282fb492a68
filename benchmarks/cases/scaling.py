"""How the first call and each later one grow with the length of a program, and a step with its batch."""

from __future__ import annotations

import numpy

from benchmarks.cases.mlp import mlp
from benchmarks.work import Symbol, Work


def write(nodes: int):
    def program(np):
        def function(x, y):
            for _ in range(nodes // 2):
                x = np.tanh(x * y)
            return x

        return function

    return program


def torch_function(nodes: int):
    def function(x, y):
        for _ in range(nodes // 2):
            x = (x * y).tanh()
        return x

    return function


def symbol(nodes: int) -> Symbol:
    def function(F, x, y):
        for _ in range(nodes // 2):
            x = F.tanh(x * y)
        return x

    return Symbol(function)


def nodes(count: int) -> Work:
    largest = {"jax jit": 5000, "torch.compile": 1000}
    slow = {peer: "compiles for minutes" for peer, limit in largest.items() if count > limit}
    return Work(
        title=f"{count:,} operations on 10 numbers, value",
        kind="value",
        params=numpy.linspace(1, 2, 10, dtype="float32"),
        data=[numpy.linspace(2, 3, 10, dtype="float32")],
        numpy=write(count),
        torch=torch_function(count),
        symbol=symbol(count),
        leave_out=slow,
    )


WORKS = {
    **{f"scaling nodes {n}": (lambda n=n: nodes(n)) for n in (10, 100, 1000, 5000, 20_000)},
    **{f"scaling batch {n}": (lambda n=n: mlp(n)) for n in (1, 8, 64, 256, 1024)},
}
