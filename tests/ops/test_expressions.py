"""Random programs over the table: eager gives what NumPy gives, the graph what eager gives."""

from __future__ import annotations

from typing import Any, Callable

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import minpy
import minpy.numpy as np
from tests.ops.checks import boxed, compiled
from tests.ops.tolerances import Tolerance, assert_same

#: What a program starts from: shapes that broadcast, reduce and multiply with each other.
SHAPES = ((3, 4), (4,), (3, 1), (), (4, 2), (2, 3, 4), (1, 3))
DTYPES = ("float32", "float64", "int32", "bool")


def _axis(x: Any, k: int) -> int | None:
    return (None, *range(x.ndim))[k % (x.ndim + 1)]


#: name -> (namespace, two values, a number from 0 to 9) -> a value. None of them is so steep that
#: the libraries' last digits grow into a difference.
STEPS: dict[str, Callable] = {
    "add": lambda np, x, y, k: x + y,
    "subtract": lambda np, x, y, k: x - y,
    "multiply": lambda np, x, y, k: x * y,
    "divide": lambda np, x, y, k: x / (2 + np.abs(np.tanh(y))),
    "maximum": lambda np, x, y, k: np.maximum(x, y),
    "minimum": lambda np, x, y, k: np.minimum(x, y),
    "number": lambda np, x, y, k: (x + k, k * x, x - 0.5 * k, True * x)[k % 4],
    "power": lambda np, x, y, k: np.tanh(x) ** (k % 4),
    "tanh": lambda np, x, y, k: np.tanh(x),
    "sine": lambda np, x, y, k: (np.sin, np.cos, np.arctan)[k % 3](x),
    "exponential": lambda np, x, y, k: np.log1p(np.exp(-np.abs(x))),
    "absolute": lambda np, x, y, k: abs(x),
    "negative": lambda np, x, y, k: -x,
    "root": lambda np, x, y, k: np.sqrt(x * x + 0.5),
    "sum": lambda np, x, y, k: np.sum(x, axis=_axis(x, k), keepdims=k > 5),
    "mean": lambda np, x, y, k: np.mean(x, axis=_axis(x, k)),
    "max": lambda np, x, y, k: np.max(x, axis=_axis(x, k)),
    "var": lambda np, x, y, k: np.var(x, axis=_axis(x, k)),
    "any": lambda np, x, y, k: np.any(x, axis=_axis(x, k)),
    "matmul": lambda np, x, y, k: np.matmul(x, y),
    "dot": lambda np, x, y, k: np.dot(x, y),
    "transpose": lambda np, x, y, k: x.T,
    "flatten": lambda np, x, y, k: np.reshape(x, (-1,)),
    "new_axis": lambda np, x, y, k: np.expand_dims(x, k % (x.ndim + 1)),
    "element": lambda np, x, y, k: x[k % 2],
    "slice": lambda np, x, y, k: x[k % 3 :: (1, 2, -1)[k % 3]],
    "last_axis": lambda np, x, y, k: x[..., : 1 + k % 3],
    "rows": lambda np, x, y, k: x[numpy.array([0, -1, 0, k % 2])],
    "join": lambda np, x, y, k: np.concatenate([x, y], axis=-1),
    "pile": lambda np, x, y, k: np.stack([x, y, x], axis=k % 2),
    "choose": lambda np, x, y, k: np.where(x, y, k),
    "clip": lambda np, x, y, k: np.clip(x, -1, 0.1 * k),
    "cast": lambda np, x, y, k: x.astype(("float32", "float64")[k % 2]),
    "logic": lambda np, x, y, k: np.logical_xor(x, y),
}

#: which step, the positions of its two values among those so far, its number
programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 30), st.integers(0, 30), st.integers(0, 9)),
    min_size=2,
    max_size=10,
)
inputs = st.lists(st.tuples(st.sampled_from(SHAPES), st.sampled_from(DTYPES)), min_size=2, max_size=3)


def draw(chosen: list, seed: int) -> list[numpy.ndarray]:
    generator = numpy.random.default_rng(seed)
    return [
        (
            generator.uniform(-2, 2, shape) if dtype.startswith("f") else generator.integers(0, 3, shape)
        ).astype(dtype)
        for shape, dtype in chosen
    ]


def run(program: list, namespace: Any, values: list) -> list:
    """What the program computes, step by step."""
    values, results = list(values), []
    for name, i, j, k in program:
        results.append(STEPS[name](namespace, values[i % len(values)], values[j % len(values)], k))
        values.append(results[-1])
    return results


def fitting(program: list, values: list) -> tuple[list, list]:
    """The steps that NumPy accepts, and their results."""
    start, values, kept = len(values), list(values), []
    for name, i, j, k in program:
        i, j = i % len(values), j % len(values)
        try:
            result = STEPS[name](numpy, values[i], values[j], k)
        except (ValueError, TypeError, IndexError):
            continue
        if numpy.size(result) and numpy.size(result) < 500:
            kept.append((name, i, j, k))
            values.append(numpy.asarray(result))
    return kept, values[start:]


def near(values: list) -> dict:
    """Tolerances for values that come from numbers as large as these."""
    scale = max([1.0, *(float(numpy.abs(x).max()) for x in values if x.dtype.kind == "f")])
    return {
        numpy.dtype("float16"): Tolerance(1e-2, 1e-2 * scale),
        numpy.dtype("float32"): Tolerance(1e-4, 1e-5 * scale),
        numpy.dtype("float64"): Tolerance(1e-5, 1e-6 * scale),  # may be made of float32
    }


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(program=programs, chosen=inputs, seed=st.integers(0, 1000))
def test_random_programs(program, chosen, seed):
    operands = draw(chosen, seed)
    program, expected = fitting(program, operands)
    tolerances = near([*operands, *expected])

    def compute(*values):
        return run(program, np, [boxed(x) for x in values])

    for policy in (minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()):
        with policy:
            for step, got, wanted in zip(program, compute(*operands), expected):
                assert_same(got, wanted, str(step), tolerances.get(wanted.dtype))
    graph = compiled(compute, operands) if program else None
    if graph is None:
        return
    for step, got, wanted in zip(program, graph(*operands), expected):
        assert_same(got, wanted, f"{step}, compiled", tolerances.get(wanted.dtype))
    check_gradients(compute, graph, operands, tolerances)


def check_gradients(compute, graph, operands, tolerances):
    """Of the sum of all float results, on the tape and by the graph."""
    for place, x in enumerate(operands):
        if x.dtype.kind != "f":
            continue

        def total(function, x, place=place):
            results = function(*operands[:place], x, *operands[place + 1 :])
            return sum(np.sum(np.tanh(r)) for r in results if r.dtype.kind == "f")

        if not isinstance(total(compute, x), minpy.Array):
            continue  # no result is of floats
        eager = minpy.grad(lambda x: total(compute, x))(x)
        assert_same(minpy.grad(lambda x: total(graph, x))(x), eager, "the gradient", tolerances[x.dtype])
