"""``minpy.profile``: times of parts add up to the whole, on the lines that they belong to."""

from __future__ import annotations

import gc
import inspect
import json
import time

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.nn import functional
from minpy.runtime import stopwatch


def line_of(function, text):
    lines, first = inspect.getsourcelines(inspect.unwrap(function))
    return first + next(i for i, line in enumerate(lines) if text in line)


def inner(x, w):
    return np.tanh(np.dot(x, w))


@minpy.jit
def network(w, v, x):
    h = functional.relu(functional.conv2d(x, w))
    h = np.reshape(h, (h.shape[0], -1))
    return np.sum(inner(h, v) ** 2)


@minpy.jit
def with_leftover(x):
    y = np.exp(x)
    time.sleep(0.002)
    for _ in range(3):
        time.sleep(0.001)
    return np.sum(y * 2)


def arrays(*shapes):
    return [np.array(numpy.random.randn(*shape).astype("float32")) for shape in shapes]


INPUTS = (8, 3, 3, 3), (8 * 14 * 14, 10), (4, 3, 16, 16)


def assert_adds_up(found):
    """The parts are all of the time, at each level, and none is negative."""
    parts = [found.compiled, found.leftover, found.compiling, found.overhead, found.outside]
    assert sum(parts) == pytest.approx(found.seconds, rel=1e-9)
    for region in found.regions:
        assert sum(part.seconds for part in region.operators) == pytest.approx(region.seconds, rel=1e-9)
        parts.extend(part.seconds for part in region.operators)
    assert min(parts) >= -1e-12


def test_operators_and_kernels_of_a_region():
    w, v, x = arrays(*INPUTS)
    plain = minpy.grad_and_loss(network, [0, 1])(w, v, x)
    with minpy.profile() as found:
        for _ in range(5):
            result = minpy.grad_and_loss(network, [0, 1])(w, v, x)
    assert_adds_up(found)
    numpy.testing.assert_array_equal(result[0][0], plain[0][0])
    assert found.compiling == 0
    (region,) = found.regions
    assert (region.function, region.purpose, region.calls) == ("network", "value and gradient", 5)
    assert region.file == __file__
    assert region.first_line == line_of(network, "conv2d")
    assert region.last_line == line_of(network, "inner")
    by_name = {part.name: part for part in region.operators}
    assert by_name["Convolution"].kind == "operator"
    assert by_name["Convolution"].lines == by_name["_backward_Convolution"].lines
    assert by_name["Convolution"].lines == [f"{__file__}:{line_of(network, 'conv2d')}"]
    tanh = [part for part in region.operators if "tanh" in part.name]
    assert any(f"{__file__}:{line_of(inner, 'tanh')}" in part.lines for part in tanh)
    assert "Convolution" in str(found)


def test_the_larger_product_takes_longer():
    @minpy.jit
    def products(a, b):
        large = np.sum(np.dot(a, a))
        return large + np.sum(np.dot(b, b))

    a, b = arrays((400, 400), (20, 20))
    products(a, b)
    line = line_of(products, "large = ")
    with minpy.profile() as found:
        for _ in range(3):
            products(a, b)
    assert_adds_up(found)
    products = [x for x in found.regions[0].operators if "matmul" in x.name or "dot" in x.name]
    assert products[0].lines == [f"{__file__}:{line}"]


def test_lines_left_to_python(untraced):
    x = np.ones(5)
    with_leftover(x)
    with minpy.profile() as found:
        for _ in range(2):
            with_leftover(x)
    assert_adds_up(found)
    at = {(line.file, line.line): line for line in found.leftovers}
    first = at[__file__, line_of(with_leftover, "sleep(0.002)")]
    second = at[__file__, line_of(with_leftover, "sleep(0.001)")]
    assert (first.calls, first.text) == (2, "time.sleep(0.002)")
    assert first.seconds >= 0.004
    assert (second.calls, second.text) == (6, "time.sleep(0.001)")
    assert second.seconds >= 0.006
    assert {region.calls for region in found.regions} == {2}
    assert found.compiled < found.seconds - 0.01


def test_what_is_outside_and_compiling():
    fresh = minpy.jit(lambda x: np.sum(np.tanh(x)))
    with minpy.profile() as found:
        fresh(np.ones(3))
        time.sleep(0.01)
    assert_adds_up(found)
    assert found.compiling > 0
    assert found.outside >= 0.01


def test_a_gradient_on_the_tape():
    x = np.ones(5)
    minpy.grad(with_leftover)(x)
    with minpy.profile() as found:
        minpy.grad(with_leftover)(x)
    assert_adds_up(found)
    assert "gradient" in {region.purpose for region in found.regions}


def test_the_trace(tmp_path):
    x = np.ones(5)
    with_leftover(x)
    with minpy.profile() as found:
        with_leftover(x)
    found.save_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    calls = [event for event in events if event["name"] == "call of with_leftover"]
    call = max(calls, key=lambda event: event["dur"])
    regions = [event for event in events if event["cat"] == "region"]
    assert len(regions) == 2
    for event in regions:
        assert call["ts"] <= event["ts"] <= event["ts"] + event["dur"] <= call["ts"] + call["dur"] + 1e-3
    kernels = [event for event in events if event["cat"] in ("kernel", "operator")]
    assert kernels and all(event["args"]["lines"] for event in kernels)
    assert json.dumps(found.to_dict())


def test_one_profile_at_a_time_and_none_after_an_error():
    with minpy.profile(), pytest.raises(RuntimeError, match="open already"), minpy.profile():
        pass
    with pytest.raises(KeyError), minpy.profile() as found:
        raise KeyError
    assert stopwatch.current is None
    assert found.outside == pytest.approx(found.seconds)


def test_lines_beside_the_garbage_collector(untraced):
    """Python may run anything of others at any time, such as finalizers, which are not the lines."""
    threshold = gc.get_threshold()
    collected = []
    namespace = {"collected": collected}
    exec(compile("def other(phase, info): collected.append(phase)", "other.py", "exec"), namespace)
    other = namespace["other"]
    x = np.ones(5)
    with_leftover(x)
    gc.callbacks.append(other)
    gc.set_threshold(1)
    try:
        with minpy.profile() as found:
            with_leftover(x)
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(other)
    assert collected
    calls = {line.text: line.calls for line in found.leftovers if line.file == __file__}
    assert (calls["time.sleep(0.002)"], calls["time.sleep(0.001)"]) == (1, 3)
