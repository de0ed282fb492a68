"""Models beside plain MXNet: it loads what is exported, and what it writes is imported."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import ModelError, StorageError, SymbolError
from minpy.nn import ModelBase, exchange, functional, layers
from minpy.runtime.engine import _restore_old_names, mx, own_shapes
from minpy.runtime.params import read_params, write_params
from minpy.testing import assert_compiled


class Images(ModelBase):
    """A network of convolutions with all that has a mode, and more than parameters."""

    def __init__(self):
        super().__init__()
        self.add_param("w", (4, 2, 3, 3)).add_param("b", (4,)).add_param("gamma", 4).add_param("beta", 4)
        self.add_param("w1", (36, 5)).add_param("b1", (5,))
        self.add_aux_param("mean", 0.1 * numpy.arange(4)).add_aux_param("var", numpy.full(4, 2.0))
        self.scale, self.shift = 0.5, np.array([[1, 2, 3, 4, 5]], dtype="float32")

    def forward(self, X, mode):
        y = functional.conv2d(X, self.params["w"], self.params["b"])
        y, self.aux_params["mean"], self.aux_params["var"] = functional.batch_norm(
            y,
            self.params["gamma"],
            self.params["beta"],
            self.aux_params["mean"],
            self.aux_params["var"],
            mode,
        )
        y = functional.max_pool2d(layers.relu(y), 2)
        y = layers.dropout(np.reshape(y, (X.shape[0], -1)), 0.5, mode=mode)
        y = layers.affine(y, self.params["w1"], self.params["b1"]) * self.scale + self.shift
        return functional.softmax(y) + numpy.array([[0, 0, 1, 0, 0]], "float32")


class Words(ModelBase):
    """Recurrent networks, whose first states have as many rows as the batch, and numbers from outside."""

    def __init__(self):
        super().__init__()
        self.add_param("Wx", (3, 4)).add_param("Wh", (4, 4)).add_param("h0", (4,))
        self.add_param("W", (4, 8)).add_param("U", (4, 8)).add_param("b", (8,))
        self.add_param("Wxh", (4, 4)).add_param("Whh", (4, 4)).add_param("bh", (4,))

    def forward(self, X):
        h, states = np.zeros((X.shape[0], 4)) + self.params["h0"], []
        for t in range(X.shape[1]):
            h = np.tanh(np.dot(X[:, t, :], self.params["Wx"]) + np.dot(h, self.params["Wh"]))
            states.append(h)
        gates = [self.params[name] for name in ("W", "U", "b", "Wxh", "Whh", "bh")]
        y = layers.gru_temporal(np.stack(states, axis=1), np.ones((X.shape[0], 4)), *gates)
        return layers.attention(y, y, y, TRIANGLE)[:, -1] * SCALE


TRIANGLE, SCALE = numpy.tril(numpy.ones((5, 5))), np.array(0.5)


def started(model):
    for name, config in model.param_configs.items():
        model.params[name] = np.array(numpy.random.standard_normal(config["shape"]).astype("float32"))
    return model


#: runs exported files by plain MXNet, as a module's checkpoint and as a Gluon block
PLAIN = f"""
from __future__ import annotations
import importlib.util, sys, types
import numpy
{inspect.getsource(_restore_old_names)}
_restore_old_names()
"""
PLAIN += """
import mxnet as mx
prefix = sys.argv[1]
symbol, arguments, states = mx.model.load_checkpoint(prefix, 3)
block = mx.gluon.SymbolBlock.imports(prefix + '-symbol.json', ['data'], prefix + '-0003.params')
for name in sys.argv[2:]:
    data = numpy.load(name)
    module = mx.mod.Module(symbol, data_names=['data'], label_names=None)
    module.bind([('data', data.shape)], for_training=False)
    module.set_params(arguments, states)
    module.forward(mx.io.DataBatch([mx.nd.array(data)]), is_train=False)
    found = module.get_outputs()[0].asnumpy(), block(mx.nd.array(data)).asnumpy()
    numpy.save(name, numpy.stack(found))
assert not any(name.split('.')[0] == 'minpy' for name in sys.modules)
"""


def assert_plain_mxnet_gives_the_same(model, prefix, *batches):
    files = []
    for number, data in enumerate(batches):
        files.append(str(prefix.parent / f"{number}.npy"))
        numpy.save(files[-1], data)
    program = [sys.executable, "-W", "ignore", "-c", PLAIN, str(prefix), *files]
    done = subprocess.run(program, capture_output=True, text=True, cwd=prefix.parent)
    assert done.returncode == 0, done.stderr
    for name, data in zip(files, batches):
        wanted = model.forward_batch(types.SimpleNamespace(data=[np.array(data)]), "test")
        for found in numpy.load(name):
            numpy.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_plain_mxnet_runs_what_is_exported(tmp_path):
    model, prefix = started(Images()), tmp_path / "images"
    before = dict(model.params), dict(model.aux_params)
    files = exchange.export_mxnet(model, prefix, (3, 2, 8, 8), epoch=3)
    assert files == (f"{prefix}-symbol.json", f"{prefix}-0003.params", None)
    for old, now in zip(before, (model.params, model.aux_params)):
        assert list(old) == list(now) and all(old[name] is now[name] for name in old)
    symbol = json.loads((tmp_path / "images-symbol.json").read_text())
    names = {node["name"] for node in symbol["nodes"] if node["op"] == "null"}
    assert {"data", *model.params, *model.aux_params} <= names
    batches = [numpy.random.standard_normal((size, 2, 8, 8)).astype("float32") for size in (3, 7)]
    assert_plain_mxnet_gives_the_same(model, prefix, *batches)
    back = exchange.import_mxnet(prefix, (3, 2, 8, 8), epoch=3)
    for data in map(np.array, batches):
        numpy.testing.assert_allclose(back.forward(data), model.forward(data, "test"), rtol=1e-5, atol=1e-6)


def test_a_recurrent_network_is_exported_for_any_batch_size(tmp_path):
    model, prefix = started(Words()), tmp_path / "words"
    assert exchange.export_mxnet(model, prefix, (2, 5, 3), epoch=3).batch is None
    batches = [numpy.random.standard_normal((size, 5, 3)).astype("float32") for size in (2, 1, 70)]
    assert_plain_mxnet_gives_the_same(model, prefix, *batches)


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, X: np.dot(X[:-1, 0] - X[1:, 0], self.params["Wx"]),
        lambda self, X: np.dot(X[:, 0], self.params["Wx"]) / X.shape[0],
        lambda self, X: np.dot(X[:, 0], self.params["Wx"]) + np.arange(1.0 * X.shape[0])[:, None],
        lambda self, X: np.dot(np.reshape(X, (4, 15))[:, :3], self.params["Wx"]),
    ],
)
def test_what_depends_on_the_batch_size_is_exported_for_one(forward, tmp_path, capfd):
    model = started(type("Fixed", (Words,), {"forward": forward})())
    assert exchange.export_mxnet(model, tmp_path / "fixed", (4, 5, 3)).batch == 4
    data = np.array(numpy.random.standard_normal((4, 5, 3)).astype("float32"))
    back = exchange.import_mxnet(tmp_path / "fixed", (4, 5, 3))
    numpy.testing.assert_allclose(back.forward(data), model.forward(data), rtol=1e-5, atol=1e-6)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")
def test_a_model_that_takes_whole_batches_is_exported(tmp_path):
    class Sides(ModelBase):
        def __init__(self):
            super().__init__()
            self.add_param("u", (3, 2)).add_param("v", (4, 2))

        def forward_batch(self, batch, mode):
            left, right = (np.dot(x, self.params[name]) for x, name in zip(batch.data, "uv"))
            return left * right + batch.label[0].shape[1]

    model, data = started(Sides()), [numpy.random.random((5, size)).astype("float32") for size in (3, 4)]
    shapes, labels = {"left": (2, 3), "right": (2, 4)}, {"label": (2, 7)}
    files = exchange.export_mxnet(model, tmp_path / "sides", shapes, labels=labels)
    with own_shapes():
        symbol, arguments, _ = mx.model.load_checkpoint(str(tmp_path / "sides"), 0)
        arguments.update(zip(shapes, map(mx.nd.array, data)))
        (found,) = symbol.bind(mx.cpu(), arguments).forward()
    wanted = (data[0] @ model.params["u"]) * (data[1] @ model.params["v"]) + 7
    numpy.testing.assert_allclose(found.asnumpy(), wanted, rtol=1e-5)
    assert files.batch is None
    with pytest.raises(ModelError, match=r"(?s)forward_batch is not one graph.*list index out of range"):
        exchange.export_mxnet(model, tmp_path / "sides", shapes)


class Printing(Images):
    def forward(self, X, mode):
        print("here")
        return super().forward(X, mode)


class Drawing(Images):
    def forward(self, X, mode):
        return X * np.random.uniform(size=X.shape)


class Sorting(Images):
    def forward(self, X, mode):
        return np.fft.fft(X).real


@pytest.mark.parametrize(
    "model, text",
    [
        (Printing, r"(?s)Printing cannot be exported: .*line \d+ of .*test_exchange.py: print has to happen"),
        (Drawing, "Drawing cannot be exported: forward draws random numbers"),
        (Sorting, "Sorting cannot be exported: .*"),
        (lambda: type("Same", (Images,), {"forward": lambda self, X, mode: X})(), "does not give one array"),
        (
            lambda: type("Fixed", (Images,), {"forward": lambda self, X, mode: self.params["b"] * 2})(),
            "its result does not depend on the data",
        ),
        (ModelBase, "cannot be exported"),
    ],
)
def test_models_that_cannot_be_exported(model, text, tmp_path):
    with pytest.raises(ModelError, match=text):
        exchange.export_mxnet(started(model()), tmp_path / "model", (3, 2, 8, 8))
    assert not list(tmp_path.iterdir())


def module(tmp_path):
    """A checkpoint of MXNet's own, of a network that ends in a loss."""
    net = mx.sym.Convolution(mx.sym.Variable("data"), name="conv", kernel=(3, 3), num_filter=4)
    net = mx.sym.Activation(mx.sym.BatchNorm(net, name="bn", fix_gamma=False), act_type="relu")
    net = mx.sym.FullyConnected(net, name="fc", num_hidden=3)
    net = mx.sym.SoftmaxOutput(net, name="softmax", normalization="batch")
    executor = net.simple_bind(mx.cpu(), data=(4, 2, 6, 6), softmax_label=(4,))
    for arrays in (executor.arg_dict, executor.aux_dict):
        for array in arrays.values():
            array[:] = numpy.random.random(array.shape) * 0.5
    args = {name: array for name, array in executor.arg_dict.items() if name not in ("data", "softmax_label")}
    prefix = str(tmp_path / "net")
    with own_shapes():
        mx.model.save_checkpoint(prefix, 0, net, args, executor.aux_dict)
    return prefix, executor


def test_a_checkpoint_of_mxnet_is_a_model(tmp_path):
    prefix, executor = module(tmp_path)
    model = exchange.import_mxnet(prefix, (4, 2, 6, 6), loss=layers.softmax_cross_entropy)
    assert list(model.params) == ["conv_weight", "conv_bias", "bn_gamma", "bn_beta", "fc_weight", "fc_bias"]
    data = executor.arg_dict["data"].asnumpy()
    (wanted,) = executor.forward(is_train=False)
    numpy.testing.assert_allclose(model.forward(np.array(data), "test"), wanted.asnumpy(), rtol=1e-5)
    numpy.testing.assert_allclose(model.forward(np.array(data[:1])), wanted.asnumpy()[:1], rtol=1e-5)

    labels = numpy.array([0, 2, 1, 1])
    batch = type("Batch", (), {"data": [np.array(data)], "label": [np.array(labels)]})()

    def step(model, batch):
        def loss(params):
            model.params = params
            return model.loss_batch(batch, model.forward_batch(batch, "train"))

        return minpy.grad(loss)(model.params)

    gradients = assert_compiled(step, (model, batch))
    executor.arg_dict["softmax_label"][:] = labels
    executor.forward(is_train=True)
    executor.backward()
    for name, gradient in gradients.items():
        numpy.testing.assert_allclose(gradient, executor.grad_dict[name].asnumpy(), rtol=1e-3, atol=1e-5)
    other = exchange.import_mxnet(prefix, (4, 2, 6, 6))
    with pytest.raises(ModelError, match="imported without a loss"):
        other.loss(1, 2)
    model.params["fc_bias"] = model.params["fc_bias"] + 1
    model.save(tmp_path / "net.safetensors")
    other.load(tmp_path / "net.safetensors")
    numpy.testing.assert_array_equal(other.params["fc_bias"], model.params["fc_bias"])
    assert (other.aux_params["bn_moving_mean"] == model.aux_params["bn_moving_mean"]).all()


def test_files_that_do_not_fit(tmp_path):
    prefix, _ = module(tmp_path)
    symbol, params = tmp_path / "net-symbol.json", tmp_path / "net-0000.params"
    for shape in (0, (), (4, 0), "net"):
        with pytest.raises(ValueError, match="the shape of data is a tuple of positive integers, the batch"):
            exchange.import_mxnet(prefix, shape)
        with pytest.raises(ValueError, match="the shape of data is a tuple of positive integers, the batch"):
            exchange.export_mxnet(ModelBase(), prefix, shape)
    with pytest.raises(SymbolError, match="the symbol has no argument 'X'"):
        exchange.import_mxnet(prefix, (4, 2, 6, 6), data_name="X")
    with pytest.raises(FileNotFoundError):
        exchange.import_mxnet(prefix, (4, 2, 6, 6), epoch=1)
    with pytest.raises(ModelError, match=r"net-0000\.params does not fit this model: 'fc_weight' has shape"):
        exchange.import_mxnet(prefix, (4, 2, 7, 6))
    whole = params.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"x" + whole[1:]):
        params.write_bytes(damaged)
        with pytest.raises(StorageError, match=r"net-0000\.params is damaged"):
            exchange.import_mxnet(prefix, (4, 2, 6, 6))
    params.write_bytes(whole)
    symbol.write_text("{}")
    with pytest.raises(StorageError, match=r"net-symbol\.json is damaged"):
        exchange.import_mxnet(prefix, (4, 2, 6, 6))


def test_files_leave_numpys_shapes_to_all_threads(tmp_path):
    write_params(tmp_path / "w.params", {"w": numpy.ones(3, "float32")})
    numpy.testing.assert_array_equal(read_params(tmp_path / "w.params")["w"], [1, 1, 1])
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(mx.util.is_np_shape).result()
