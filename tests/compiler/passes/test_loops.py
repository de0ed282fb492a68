"""Unrolled recurrent networks become layers; the values and gradients stay."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.driver import compile_graph
from minpy.compiler.graph_op import run_compiled
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.loops import roll_loops
from minpy.ops import FUNCTIONS, OPS
from minpy.runtime.array import Value
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 5, 2
tanh, dot, concatenate, stack = (FUNCTIONS[name] for name in ("tanh", "dot", "concatenate", "stack"))
exp, sum_ = FUNCTIONS["exp"], FUNCTIONS["sum"]


def sigmoid(x):
    return 1 / (1 + exp(-x))


def weights(gates):
    return (INPUTS, gates * HIDDEN), (HIDDEN, gates * HIDDEN), (gates * HIDDEN,)


def rnn(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        h = tanh(dot(x[t], wx) + dot(h, wh) + b)
    return h


def rnn_in_another_order(x, wx, wh, b):
    h = tanh(b + dot(x[0], wx) + dot(x[1, :, :HIDDEN], wh))  # a state that is computed
    for t in range(1, STEPS):
        h = tanh(b + (dot(h, wh) + dot(x[t], wx)))
    return h


def rnn_with_all_states(x, wx, wh, b):
    h, states = numpy.ones((BATCH, HIDDEN), "float32"), []
    for t in range(STEPS):
        h = tanh(dot(x[t], wx) + b + (dot(h, wh) + b))
        states.append(h)
    return stack(states)


def rnn_backwards(x, wx, wh):
    h = numpy.ones((BATCH, HIDDEN), "float32")
    for t in reversed(range(STEPS)):
        h = tanh(dot(x[t] * 2, wx) + dot(h, wh))
    return h


def lstm(x, wx, wh, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a = dot(x[t], wx) + dot(h, wh) + b
        i, f, g, o = (a[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
    return h


def lstm_with_gates_in_another_order(x, wx, wh, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a = b + dot(h, wh) + dot(x[t], wx)
        f, i, o, g = (
            a[:, :HIDDEN],
            a[:, HIDDEN : 2 * HIDDEN],
            a[:, 2 * HIDDEN : 3 * HIDDEN],
            a[:, 3 * HIDDEN :],
        )
        c = tanh(g) * sigmoid(i) + c * sigmoid(f)
        h = tanh(c) * sigmoid(o)
    return h


def lstm_with_weights_for_each_gate(x, wi, wf, u, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        i, f = sigmoid(dot(x[t], wi) + dot(h, u) + b), sigmoid(dot(x[t], wf) + dot(h, u))
        o, g = sigmoid(dot(h, u) + dot(x[t], wi)), tanh(dot(x[t], wf) + dot(h, u) + b)
        c = f * c + i * g
        h = o * tanh(c)
    return h


def lstm_of_input_and_state_side_by_side(x, w, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a = dot(concatenate([x[t], h], axis=1), w) + b
        i, f, g, o = (a[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
    return h


def gru(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a, u = dot(x[t], wx) + b, dot(h, wh)
        r, z = (
            sigmoid(a[:, :HIDDEN] + u[:, :HIDDEN]),
            sigmoid(a[:, HIDDEN : 2 * HIDDEN] + u[:, HIDDEN : 2 * HIDDEN]),
        )
        h = (1 - z) * tanh(a[:, 2 * HIDDEN :] + r * u[:, 2 * HIDDEN :]) + z * h
    return h


def gru_with_two_biases(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a, u = dot(x[t], wx) + b, dot(h, wh) + b
        z, r = (  # in another order
            sigmoid(a[:, :HIDDEN] + u[:, :HIDDEN]),
            sigmoid(u[:, HIDDEN : 2 * HIDDEN] + a[:, HIDDEN : 2 * HIDDEN]),
        )
        h = z * h + tanh(u[:, 2 * HIDDEN :] * r + a[:, 2 * HIDDEN :]) * (1 - z)
    return h


def lstm_that_remembers(x, wx, wh, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a = dot(x[t], wx) + dot(h, wh) + b
        i, f, g, o = (a[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
        c = sigmoid(1.0 + f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
    return h


def gru_mixed(mix):
    """A GRU whose last line is written in another way."""

    def mixed(x, wx, wh, b):
        h = numpy.zeros((BATCH, HIDDEN), "float32")
        for t in range(STEPS):
            a, u = dot(x[t], wx) + b, dot(h, wh)
            r, z = (
                sigmoid(a[:, :HIDDEN] + u[:, :HIDDEN]),
                sigmoid(a[:, HIDDEN : 2 * HIDDEN] + u[:, HIDDEN : 2 * HIDDEN]),
            )
            h = mix(z, tanh(a[:, 2 * HIDDEN :] + r * u[:, 2 * HIDDEN :]), h)
        return h

    return mixed


def two_layers(x, wx, wh, b, ux, uh):
    h = k = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        h = tanh(dot(x[t], wx) + dot(h, wh) + b)
        k = tanh(dot(h, ux) + dot(k, uh))
    return k


X = (STEPS, BATCH, INPUTS)
LAYERS = [
    (rnn, (X, *weights(1)), 1),
    (rnn_in_another_order, (X, *weights(1)), 1),
    (rnn_with_all_states, (X, *weights(1)), 1),
    (rnn_backwards, (X, *weights(1)[:2]), 1),
    (lstm, (X, *weights(4)), 1),
    (lstm_with_gates_in_another_order, (X, *weights(4)), 1),
    (
        lstm_with_weights_for_each_gate,
        (X, (INPUTS, HIDDEN), (INPUTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN,)),
        1,
    ),
    (lstm_of_input_and_state_side_by_side, (X, (INPUTS + HIDDEN, 4 * HIDDEN), (4 * HIDDEN,)), 1),
    (gru, (X, *weights(3)), 1),
    (gru_with_two_biases, (X, *weights(3)), 1),
    (lstm_that_remembers, (X, *weights(4)), 1),
    (gru_mixed(lambda z, n, h: z * n + (1 - z) * h), (X, *weights(3)), 1),
    (gru_mixed(lambda z, n, h: n + z * (h - n)), (X, *weights(3)), 1),
    (gru_mixed(lambda z, n, h: (n - h) * z + h), (X, *weights(3)), 1),
    (two_layers, (X, *weights(1), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN)), 2),
]
IDS = [function.__name__ for function, *_ in LAYERS]


def random(*shapes):
    draw = numpy.random.RandomState(0).uniform
    return [draw(-1, 1, shape).astype("float32") for shape in shapes]


def test_the_example_of_the_module():
    shapes = ((3, BATCH, INPUTS), (INPUTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN,), (BATCH, HIDDEN))

    def three(x, wx, wh, b, h):
        for t in range(3):
            h = tanh(dot(x[t], wx) + dot(h, wh) + b)
        return h

    before = traced(three, *shapes, dtype="float32")
    assert names(before)[:6] == ["index", "matmul", "matmul", "add", "add", "tanh"] and len(before.eqns) == 18
    text = [line.split(" = ")[1] for line in lines(eliminate_dead_code(roll_loops(before)))]
    assert text == [
        "transpose axes=(1, 0) y",
        "reshape shape=(10,) a",
        "transpose axes=(1, 0) z",
        "reshape shape=(4,) c",
        "concatenate axis=0 b d u const float32[2]",
        "recurrence cell=rnn x e v",
        "index template=(2,) f",
    ]


@pytest.mark.parametrize("function, shapes, count", LAYERS, ids=IDS)
def test_a_loop_becomes_a_layer_with_the_same_values(function, shapes, count):
    graph = traced(function, *shapes, dtype="float32")
    found = eliminate_dead_code(roll_loops(graph))
    assert names(found).count("recurrence") == count
    assert "tanh" not in names(found) or function is rnn_in_another_order
    arrays = random(*shapes)
    assert_equivalent(graph, found, arrays)
    by_mxnet = run_compiled(compile_graph(found), [Value(x) for x in arrays])[0].numpy()
    exact = function(*[np.array(x.astype("float64")) for x in arrays]).asnumpy()
    numpy.testing.assert_allclose(by_mxnet, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("function, shapes, count", LAYERS, ids=IDS)
def test_gradients_of_a_layer_are_those_of_the_loop(function, shapes, count, monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-fuse")
    rolled = differentiated(function, *shapes, dtype="float32")
    assert "recurrence_gradient" in names(rolled)
    arrays = random(*shapes)
    monkeypatch.setenv("MINPY_PASSES", "-loops")
    assert_equivalent(differentiated(function, *shapes, dtype="float32"), eliminate_dead_code(rolled), arrays)


@pytest.mark.parametrize("function, shapes, count", LAYERS[:5:4] + LAYERS[7:8])
def test_compiled_gradients_of_a_network_are_those_of_differences(function, shapes, count):
    arrays = [np.array(x) for x in random(*shapes)]

    def loss(*arrays):
        return np.sum(function(*arrays) ** 2)

    found = minpy.jit(minpy.grad(loss, list(range(len(arrays)))))(*arrays)
    exact = [x.asnumpy().astype("float64") for x in arrays]
    draw = numpy.random.RandomState(1).uniform
    for i, gradient in enumerate(found):
        direction = draw(-1, 1, exact[i].shape)
        values = []
        for step in (1e-5, -1e-5):
            moved = [x + step * direction if j == i else x for j, x in enumerate(exact)]
            values.append(float(loss(*map(np.array, moved))))
        slope = (values[0] - values[1]) / 2e-5
        numpy.testing.assert_allclose(numpy.sum(gradient.asnumpy() * direction), slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("hidden, steps, stays", [(64, 5, True), (400, 5, False), (4, 300, False)])
def test_where_kernels_take_the_steps_small_layers_stay(hidden, steps, stays):
    def network(x, wx, wh):
        h = numpy.zeros((2, hidden), "float32")
        for t in range(steps):
            h = tanh(dot(x[t], wx) + dot(h, wh))
        return h

    graph = traced(network, (steps, 2, 3), (3, hidden), (hidden, hidden), dtype="float32")
    assert "recurrence" in names(roll_loops(graph))
    assert ("recurrence" in names(roll_loops(graph, with_kernels=True))) is not stays


def test_the_gradient_of_a_gradient_of_a_layer():
    x, wx, wh, b = map(np.array, random(X, *weights(1)))

    def slope(wx):
        return np.sum(minpy.grad(lambda w: np.sum(rnn(x, w, wh, b)))(wx) ** 2)

    compiled, eager = minpy.jit(minpy.grad(slope))(wx), minpy.grad(slope)(wx)
    numpy.testing.assert_allclose(compiled.asnumpy(), eager.asnumpy(), rtol=1e-4, atol=1e-5)


def fed_back(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        h = tanh(dot(x[t] * sum_(h), wx) + dot(h, wh) + b)
    return h


def with_three_products(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        h = tanh(dot(x[t], wx) + dot(h, wh) + dot(h * 2, wh) + b)
    return h


def with_weights_that_change(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        h = tanh(dot(x[t], wx * (t + 1)) + dot(h, wh) + b)
    return h


def with_a_bias_for_each_row(x, wx, wh, b):
    h, rows = numpy.zeros((BATCH, HIDDEN), "float32"), dot(x[0], wx) * 2
    for t in range(STEPS):
        h = tanh(dot(x[t], wx) + dot(h, wh) + rows)
    return h


def with_a_memory_of_its_own(x, wx, wh, b):
    h = c = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a = dot(x[t], wx) + dot(h, wh) + b
        gate = sigmoid(a[:, :HIDDEN])
        c = gate * (c * 0.5) + gate * tanh(a[:, HIDDEN:])
        h = gate * tanh(c)
    return h


def gru_whose_gate_sees_something_else(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a, u, other = dot(x[t], wx) + b, dot(h, wh), dot(x[t] * 2, wx) + b
        r = sigmoid(other[:, :HIDDEN] + u[:, :HIDDEN])
        z = sigmoid(a[:, HIDDEN : 2 * HIDDEN] + u[:, HIDDEN : 2 * HIDDEN])
        h = (1 - z) * tanh(a[:, 2 * HIDDEN :] + r * u[:, 2 * HIDDEN :]) + z * h
    return h


def gru_whose_gate_sees_another_state(x, wx, wh, b):
    h = numpy.zeros((BATCH, HIDDEN), "float32")
    for t in range(STEPS):
        a, u, other = dot(x[t], wx) + b, dot(h, wh), dot(h * 2, wh)
        r = sigmoid(a[:, :HIDDEN] + u[:, :HIDDEN])
        z = sigmoid(a[:, HIDDEN : 2 * HIDDEN] + other[:, HIDDEN : 2 * HIDDEN])
        h = (1 - z) * tanh(a[:, 2 * HIDDEN :] + r * u[:, 2 * HIDDEN :]) + z * h
    return h


@pytest.mark.parametrize(
    "gates, function",
    [
        (3, gru_whose_gate_sees_something_else),
        (3, gru_whose_gate_sees_another_state),
        (1, fed_back),
        (1, with_three_products),
        (1, with_weights_that_change),
        (1, with_a_bias_for_each_row),
        (2, with_a_memory_of_its_own),
    ],
)
def test_what_only_looks_alike_stays(gates, function):
    graph = traced(function, X, *weights(gates), dtype="float32")
    assert list(roll_loops(graph).eqns) == list(graph.eqns)


def test_only_float32():
    graph = traced(lambda x, wx, wh, b: rnn(x, wx, wh, b), X, *weights(1), dtype="float64")
    assert "recurrence" not in names(roll_loops(graph))


def test_states_that_others_use_are_there():
    def function(x, wx, wh, b):
        h, total = numpy.zeros((BATCH, HIDDEN), "float32"), 0.0
        for t in range(STEPS):
            h = tanh(dot(x[t], wx) + dot(h, wh) + b)
            total = total + sum_(h)
        return total, h

    shapes = X, *weights(1)
    graph = traced(function, *shapes, dtype="float32")
    found = roll_loops(graph)
    assert names(eliminate_dead_code(found)).count("tanh") == 0
    assert_equivalent(graph, found, random(*shapes))


def test_a_layer_does_not_fit_other_shapes():
    for batch in (1, 4):
        with pytest.raises(ValueError, match="do not fit"):
            OPS["recurrence"].infer(*[numpy.zeros(s) for s in ((2, 3, 4), (16,), (batch, 2))], cell="rnn")
    with pytest.raises(ValueError, match=r"^lstm: float64\[5\] and .* do not fit an array float64\[2,3,4\]$"):
        OPS["recurrence"].infer(*[numpy.zeros(s) for s in ((2, 3, 4), (5,), (3, 2), (3, 2))], cell="lstm")


@pytest.mark.parametrize("used", [lambda h, c: sum_(h) + sum_(c), lambda h, c: (h, c), lambda h, c: h * c])
def test_an_lstm_whose_memory_is_used_is_computed_once(used):
    def function(x, wx, wh, b):
        h = c = numpy.zeros((BATCH, HIDDEN), "float32")
        for t in range(STEPS):
            a = dot(x[t], wx) + dot(h, wh) + b
            i, f, g, o = (a[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
        return used(h, c)

    found = eliminate_dead_code(roll_loops(traced(function, X, *weights(4), dtype="float32")))
    assert "recurrence" not in names(found) and names(found).count("tanh") == 2 * STEPS
