"""TensorBoard itself, on what MinPy writes: its server, and its page in a browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from urllib.request import urlopen

import numpy
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import minpy
import minpy.numpy as np
from minpy.visualization.writer import SummaryWriter

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
VALUES = 0.9 ** numpy.arange(30)
#: With WebGL curves would be pixels; without, they are paths of points.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-3d-apis", "--disable-dev-shm-usage"),
    *("--window-size=1300,900", "--virtual-time-budget=20000", "--dump-dom"),
)


@contextmanager
def served(folder):
    """The address of a TensorBoard that shows a folder."""
    options = ["--logdir", str(folder), "--port", "0", "--load_fast", "false", "--reload_interval", "0"]
    command = [sys.executable, "-m", "tensorboard.main", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stderr.readline, "")
            yield next(found[0] for found in map(re.compile(r"http://localhost:\d+").search, lines) if found)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def curve(tmp_path_factory):
    """The address of a TensorBoard that has the curve of VALUES."""
    folder = tmp_path_factory.mktemp("logs")
    with SummaryWriter(folder / "train") as writer:
        for step, value in enumerate(VALUES):
            writer.add_scalar("loss", np.array(value), step)
    with served(folder) as address:
        yield address


def test_the_server_has_the_curve(curve):
    data = json.load(urlopen(f"{curve}/data/plugin/scalars/scalars?run=train&tag=loss", timeout=60))
    assert [step for _, step, _ in data] == list(range(30))
    numpy.testing.assert_array_equal([value for *_, value in data], VALUES.astype("float32"))


if BROWSER is not None:  # whoever runs the tests need not install one; before a release one is there

    def test_the_page_draws_the_curve(curve, tmp_path):
        command = [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path}", f"{curve}/#timeseries"]
        page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
        path = re.search(r'</line-chart-grid-view>.*?<path d="M([-\d.,LeE]+)"', page, re.DOTALL)[1]
        x, y = numpy.array([point.split(",") for point in path.split("L")], float).T
        numpy.testing.assert_allclose((x - x[0]) / (x[-1] - x[0]), numpy.arange(30) / 29, atol=1e-4)
        drawn, wanted = (y - y[0]) / (y[-1] - y[0]), (VALUES - 1) / (VALUES[-1] - 1)
        numpy.testing.assert_allclose(drawn, wanted, rtol=1e-4, atol=1e-4)


def inner(x, w):
    return np.tanh(np.dot(x, w))


@minpy.jit
def loss(w, x):
    return np.sum(inner(x, w) ** 2)


def test_the_graph_of_a_jitted_function(tmp_path):
    w, x = np.ones((4, 3)), np.ones((2, 4))
    minpy.grad(loss)(w, x)
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(loss)
    reader = EventAccumulator(str(tmp_path))
    reader.Reload()
    nodes = {node.name: node for node in reader.Graph().node}
    assert all(source.split(":")[0] in nodes for node in nodes.values() for source in node.input)
    names = "\n".join(nodes)
    first = loss.__wrapped__.__code__.co_firstlineno
    line, within = first + 2, inner.__code__.co_firstlineno + 1
    assert "loss/region_1/value_and_gradient/inputs/w" in nodes
    assert "loss/region_1/value_and_gradient/outputs/gradient_of_w" in nodes
    assert re.search(rf"/line_{line}/inner_line_{within}/tanh\n", names)
    assert re.search(rf"/gradient/line_{line}/inner_line_{within}/", names)
    node = next(node for name, node in nodes.items() if name.endswith("/tanh"))
    assert [dim.size for dim in node.attr["_output_shapes"].list.shape[0].dim] == [2, 3]
    assert node.attr["source"].s.decode() == f"{__file__}:{within} in inner"


def uses(nodes, name, source):
    """Whether a node is computed from another."""
    return name == source or any(uses(nodes, at.split(":")[0], source) for at in nodes[name].input)


def test_graphs_of_regions_around_a_leftover(tmp_path):
    @minpy.jit
    def noted(x):
        y = np.exp(x) * 2
        print(end="")
        return np.sum(y)

    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(
            minpy.explain(noted, np.ones(3)), minpy.explain(loss, np.ones((4, 3)), np.ones((2, 4)))
        )
    reader = EventAccumulator(str(tmp_path))
    reader.Reload()
    nodes = {node.name: node for node in reader.Graph().node}
    whole = "test_graphs_of_regions_around_a_leftover._locals_.noted/region_"
    assert uses(nodes, f"{whole}1/value/outputs/y", f"{whole}1/value/inputs/x")
    assert uses(nodes, f"{whole}2/value/outputs/result", f"{whole}2/value/inputs/y")
    assert uses(nodes, "loss/region_1/value/outputs/result", "loss/region_1/value/inputs/w")


def test_what_has_no_graph(tmp_path):
    @minpy.jit
    def unused(x):
        return x + 1

    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(ValueError, match=r"there is no graph of .*unused: not called yet"):
            writer.add_graph(unused)
        with pytest.raises(TypeError, match=r"decorated with minpy\.jit"):
            writer.add_graph(inner)
