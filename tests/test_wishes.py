"""Programs that users of autograd and JAX ask for: NumPy as one writes it, arrays changed in place.

Each is given a namespace and runs unchanged with NumPy and with MinPy, eager and jitted; the gradients are
compared with differences, for some at order two.
"""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from tests.ops.checks import check_gradient, projected_gradient
from tests.ops.tolerances import assert_same

RNG = numpy.random.default_rng(12)
WISHES = {}


def wish(*args, order2=False):
    """A program and its arguments; the gradient is taken to the first of them."""

    def register(function):
        WISHES[function.__name__] = function, args, order2
        return function

    return register


@wish(RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3), order2=True)
def forward_algorithm(np, emissions, transitions, start):
    """The log-likelihood of a hidden Markov model, by a table that is filled row by row."""
    steps, states = emissions.shape
    table = np.full((steps, states), -np.inf)
    table[0] = start + emissions[0]
    for t in range(1, steps):
        for j in range(states):
            table[t, j] = np.logaddexp.reduce(table[t - 1] + transitions[:, j]) + emissions[t, j]
    return np.logaddexp.reduce(table[-1])


@wish(RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3)))
def viterbi(np, emissions, transitions):
    """The score of the best path and the path itself, from tables of scores and of back pointers."""
    steps, states = emissions.shape
    score = np.zeros((steps, states))
    back = np.zeros((steps, states), dtype=int)
    score[0] = emissions[0]
    for t in range(1, steps):
        candidates = score[t - 1][:, None] + transitions
        back[t] = np.argmax(candidates, axis=0)
        score[t] = np.max(candidates, axis=0) + emissions[t]
    path = np.zeros(steps, dtype=int)
    path[-1] = np.argmax(score[-1])
    for t in range(steps - 2, -1, -1):
        path[t] = back[t + 1, path[t + 1]]
    return score[-1, path[-1]] + 0.1 * np.sum(emissions[np.arange(steps), path])


@wish(RNG.normal(size=(5, 2)), RNG.normal(size=(4, 2)), order2=True)
def soft_dynamic_time_warping(np, x, y):
    """Cuturi and Blondel 2017: the recurrence over a table with a border of infinities."""
    n, m = len(x), len(y)
    table = np.full((n + 1, m + 1), 1e6)
    table[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = np.sum((x[i - 1] - y[j - 1]) ** 2)
            before = np.stack([table[i - 1, j], table[i, j - 1], table[i - 1, j - 1]])
            table[i, j] = cost - np.logaddexp.reduce(-before)
    return table[n, m]


@wish(RNG.uniform(0.5, 2.0, 5), RNG.integers(1, 4, 5))
def knapsack(np, values, weights):
    """The best value within a weight, by one row that is updated from behind."""
    best = np.zeros(8)
    for value, weight in zip(values, weights):
        for room in range(7, int(weight) - 1, -1):
            best[room] = np.maximum(best[room], best[room - int(weight)] + value)
    return best[-1] + np.sum(best) * 0.01


@wish(RNG.normal(size=6), order2=True)
def running_totals(np, x):
    total = np.zeros_like(x)
    total[0] = x[0]
    for i in range(1, len(x)):
        total[i] = total[i - 1] * 0.9 + np.sin(x[i])
    return np.sum(total * total)


@wish(RNG.normal(size=(4, 3)), order2=True)
def add_in_a_loop(np, x):
    y = np.zeros(3)
    z = x.copy()
    for i in range(4):
        y += x[i] ** 2
        z[i] += y
        z[i, 1:] *= x[i, :-1]
    return np.sum(z * y)


@wish(RNG.normal(size=(3, 4)), RNG.normal(size=(2, 4)))
def output_from_slices(np, x, y):
    result = np.zeros((5, 6))
    result[:3, 1:5] = x
    result[3:, ::-1][:, :4] = y * x[0]
    result[1, :] += 1.0
    result[:, 0] = result[:, 1] - result[:, 2]
    return np.sum(np.tanh(result) * np.arange(30.0).reshape(5, 6))


@wish(RNG.normal(size=(6, 6)), order2=True)
def heat_equation(np, start):
    """Steps of finite differences in place, with fixed borders."""
    u = start.copy()
    for _ in range(3):
        laplacian = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        u[1:-1, 1:-1] += 0.1 * laplacian * (1 + u[1:-1, 1:-1] ** 2)
    u[0, :], u[-1, :] = u[1, :], u[-2, :]
    return np.sum(u**3)


@wish(RNG.normal(size=(4, 4)) + 4 * numpy.eye(4), RNG.normal(size=4), order2=True)
def gaussian_elimination(np, matrix, right):
    """With pivoting: rows are swapped, then changed in place."""
    a, b = matrix.copy(), right.copy()
    n = len(b)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        a[[k, pivot]] = a[[pivot, k]]
        b[[k, pivot]] = b[[pivot, k]]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - np.dot(a[i, i + 1 :], x[i + 1 :])) / a[i, i]
    return np.sum(x * x)


@wish(RNG.normal(size=5), numpy.array([0, 2, 0, 1, 2]))
def histogram_of_weights(np, weights, bins):
    counts = np.zeros(4)
    np.add.at(counts, bins, weights)
    counts[counts < 0] *= 0.5
    counts[3] = np.sum(counts[:3] ** 2)
    return np.sum(np.exp(counts))


@wish(RNG.normal(size=(4, 5)))
def masked_updates(np, x):
    y = x.copy()
    y[y < 0] = 0.1 * y[y < 0]
    y[x > 0.5] += 1.0
    mask = np.abs(y) > 1
    y[mask] = np.sqrt(np.abs(y[mask]))
    np.putmask(y, mask, y * 2)
    return np.sum(y * x)


@wish(RNG.normal(size=4), order2=True)
def polynomial_by_its_roots(np, roots):
    """The coefficients, multiplied up in place: each step reads what it is about to write."""
    coefficients = np.zeros(5)
    coefficients[0] = 1.0
    for k in range(4):
        coefficients[1 : k + 2] = coefficients[1 : k + 2] - roots[k] * coefficients[: k + 1]
    return np.sum(coefficients**2)


@wish(RNG.normal(size=(3, 2)), RNG.normal(size=(2, 2)))
def states_of_a_recurrent_network(np, inputs, weights):
    states = np.empty((4, 2))
    states[0] = 0.5
    for t in range(3):
        np.tanh(states[t] @ weights + inputs[t], out=states[t + 1])
    states.sort(axis=0)
    return np.sum(states[1:] * inputs)


@wish(RNG.normal(size=6))
def insertion_sort(np, x):
    """Control flow that depends on the data, elements that move in place."""
    y = x.copy()
    for i in range(1, len(y)):
        j = i
        while j > 0 and y[j - 1] > y[j]:
            y[j - 1], y[j] = y[j], y[j - 1]
            j -= 1
    return np.sum(y * np.arange(6.0) ** 2)


@wish(RNG.normal(size=(2, 3)), order2=True)
def moments_in_place(np, gradient):
    """A step of Adam on arrays that are kept from step to step."""
    first, second, w = np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3))
    for step in range(1, 3):
        g = gradient * w
        first *= 0.9
        first += 0.1 * g
        second[...] = 0.99 * second + 0.01 * g * g
        w -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 0.1)
    return np.sum(w * w)


@wish(RNG.uniform(1.0, 9.0, (5, 5)))
def floyd_warshall(np, weights):
    """All shortest paths, in one table that is updated in place."""
    distance = weights.copy()
    np.fill_diagonal(distance, 0.0)
    for k in range(len(distance)):
        np.minimum(distance, distance[:, k, None] + distance[None, k, :], out=distance)
    return np.sum(distance * np.arange(1.0, 26.0).reshape(5, 5))


@wish(numpy.array([1.0, 0.8, 1.3]), numpy.array([0, 2, 1, 1, 3]), numpy.array([2, 1, 3, 3]))
def edit_distance(np, costs, source, target):
    """Levenshtein's table, with costs of deleting, inserting and replacing."""
    n, m = len(source), len(target)
    table = np.zeros((n + 1, m + 1))
    table[1:, 0] = costs[0] * np.arange(1, n + 1)
    table[0, 1:] = costs[1] * np.arange(1, m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            replaced = table[i - 1, j - 1] + (costs[2] if source[i - 1] != target[j - 1] else 0.0)
            table[i, j] = min(table[i - 1, j] + costs[0], table[i, j - 1] + costs[1], replaced)
    return table[n, m] ** 2


@wish(
    RNG.normal(size=(4, 2)),
    0.3 * RNG.normal(size=(3, 3)) + numpy.eye(3),
    RNG.normal(size=(2, 3)),
    order2=True,
)
def kalman_filter(np, observed, step, seen):
    """The log-likelihood of a linear model; mean and covariance are updated in place."""
    mean, covariance = np.zeros(3), np.eye(3)
    noise, loss = np.diag(np.array([0.5, 0.7])), 0.0
    for y in observed:
        mean[:] = step @ mean
        covariance[...] = step @ covariance @ step.T + 0.1 * np.eye(3)
        surprise = y - seen @ mean
        spread = seen @ covariance @ seen.T + noise
        gain = np.linalg.solve(spread, seen @ covariance).T
        mean += gain @ surprise
        covariance -= gain @ seen @ covariance
        loss += surprise @ np.linalg.solve(spread, surprise) + np.linalg.slogdet(spread)[1]
    return loss + np.sum(mean**2)


@wish(RNG.normal(size=(4, 4)) + 5 * numpy.eye(4), order2=True)
def lu_in_loops(np, matrix):
    """Doolittle's factors, in two arrays that begin as zeros, and the determinant."""
    n = matrix.shape[0]
    lower, upper = np.eye(n), np.zeros((n, n))
    for i in range(n):
        for k in range(i, n):
            upper[i, k] = matrix[i, k] - np.dot(lower[i, :i], upper[:i, k])
        for k in range(i + 1, n):
            lower[k, i] = (matrix[k, i] - np.dot(lower[k, :i], upper[:i, i])) / upper[i, i]
    return np.sum(np.log(np.diagonal(upper))) + np.sum(lower**2)


@wish(RNG.normal(size=(3, 2, 2)), RNG.normal(size=(4, 3)), RNG.normal(size=3))
def lstm_into_zeros(np, inputs, weights, bias):
    """States of all steps in arrays that are filled; the gates are slices of one product."""
    steps, batch, size = inputs.shape
    hidden, cell = np.zeros((steps + 1, batch, size)), np.zeros((steps + 1, batch, size))
    for t in range(steps):
        joined = np.concatenate([inputs[t], hidden[t]], axis=1)
        gates = 1 / (1 + np.exp(-(joined @ weights + bias)))
        cell[t + 1] = cell[t] * gates[:, :1] + np.tanh(inputs[t]) * gates[:, 1:2]
        hidden[t + 1] = gates[:, 2:] * np.tanh(cell[t + 1])
    return np.sum(hidden[1:] * inputs) + np.sum(cell[-1] ** 2)


@wish(RNG.normal(size=8))
def sorting_network(np, x):
    """Batcher's odd-even merge sort: pairs are compared and exchanged in place."""
    y, n, p = x.copy(), len(x), 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        low, high = np.minimum(y[i], y[i + k]), np.maximum(y[i], y[i + k])
                        y[i], y[i + k] = low, high
            k //= 2
        p *= 2
    return np.sum(y * np.arange(8.0) ** 2)


@wish(RNG.normal(size=(3, 8)), RNG.normal(size=4), order2=True)
def convolution_by_sums(np, signals, kernel):
    """Each output is gathered by +=, over windows that are views."""
    out = np.zeros((3, 5))
    for i in range(4):
        out += kernel[i] * signals[:, i : i + 5]
    out[out < 0] = 0.0
    out[:, ::2] *= 2.0
    return np.sum(np.sqrt(out + 1.0))


@wish(RNG.normal(size=(3, 2)), order2=True)
def planets(np, positions):
    """Leapfrog steps of bodies that attract each other, in place."""
    x, v = positions.copy(), np.zeros_like(positions)
    for _ in range(2):
        force = np.zeros((3, 2))
        for i in range(3):
            for j in range(3):
                if i != j:
                    apart = x[j] - x[i]
                    force[i] += apart / (np.sum(apart**2) + 0.5) ** 1.5
        v += 0.1 * force
        x += 0.1 * v
    return np.sum(x**2) + np.sum(v**2)


every_wish = pytest.mark.parametrize("name", WISHES)


@pytest.fixture(autouse=True)
def float64():
    minpy.set_default_dtype("float64")


@every_wish
def test_value_and_gradient(name):
    program, args, order2 = WISHES[name]
    first, rest = args[0], args[1:]

    def eager(x):
        return program(np, x, *map(np.array, rest))

    expected = program(numpy, *(x.copy() for x in args))
    array = np.array(first)
    assert_same(eager(array), numpy.float64(expected), "the value")
    assert_same(array, first, "the argument afterwards")
    check_gradient(eager, first, "the gradient")
    if order2:
        check_gradient(projected_gradient(eager, first), first, "the gradient of the gradient")


@every_wish
def test_jitted(name):
    program, args, _ = WISHES[name]

    def loss(*args):
        return program(np, *args)

    arrays = [np.array(x) for x in args]
    compiled = minpy.jit(loss)
    expected = program(numpy, *(x.copy() for x in args))
    assert_same(compiled(*arrays), numpy.float64(expected), "the value")
    for order in range(2):  # the first call compiles
        found, value = minpy.grad_and_loss(compiled)(*arrays)
        assert_same(value, numpy.float64(expected), f"the value beside the gradient, call {order}")
        assert_same(found, minpy.grad(loss)(*arrays).asnumpy(), f"the gradient, call {order}")
