"""``minpy.nn.model_builder`` beside formulas in NumPy and a model written by hand."""

from __future__ import annotations

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import Function
from minpy.errors import ModelError
from minpy.nn import layers
from minpy.nn import model_builder as builder
from minpy.nn.model import ModelBase
from minpy.testing import assert_compiled


def draw(*shape):
    return numpy.random.standard_normal(shape)


def started(model):
    """With random parameters, in float64."""
    for name, config in model.param_configs.items():
        model.params[name] = np.array(draw(*config["shape"]))
    for name, value in model.aux_params.items():
        model.aux_params[name] = np.array(numpy.asarray(value, "float64"))
    return model


def step(model):
    """A function that gives the gradients by the parameters, and the loss, as a solver needs them."""

    def loss(params, aux_params, X, y):
        model.params, model.aux_params = dict(params), dict(aux_params)
        return model.loss(model.forward(X, "train"), y)

    return minpy.grad_and_loss(loss)


def assert_same_arrays(left, right, tolerance=1e-9):
    assert left.keys() == right.keys()
    for name in left:
        numpy.testing.assert_allclose(left[name], right[name], tolerance, tolerance, err_msg=name)


class TwoLayerNet(ModelBase):
    """As the documentation writes it."""

    def __init__(self):
        super().__init__()
        self.add_param("w1", (3 * 4 * 4, 8)).add_param("b1", (8,)).add_param("w2", (8, 10)).add_param(
            "b2", (10,)
        )

    def forward(self, X, mode):
        X = np.reshape(X, (5, 3 * 4 * 4))
        y1 = layers.affine(X, self.params["w1"], self.params["b1"])
        y2 = layers.relu(y1)
        return layers.affine(y2, self.params["w2"], self.params["b2"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def test_documented_perceptron_equals_the_one_by_hand():
    by_hand = started(TwoLayerNet())
    MLP = builder.Sequential(builder.Affine(8), builder.ReLU(), builder.Affine(10))
    model = builder.Model(MLP, "softmax", (3 * 4 * 4,))
    assert list(model.params) == ["affine0_weight", "affine0_bias", "affine1_weight", "affine1_bias"]
    model.params.update(zip(model.params, by_hand.params.values()))
    X, y = np.array(draw(5, 3, 4, 4)), np.array(numpy.random.randint(0, 10, 5))
    theirs, loss = step(by_hand)(by_hand.params, {}, X, y)
    ours, same = step(model)(model.params, {}, X, y)
    assert float(same) == pytest.approx(float(loss), rel=1e-12)
    assert_same_arrays(ours, dict(zip(ours, theirs.values())))


class TestDocumentedConvolution:
    @pytest.fixture
    def net(self):
        return builder.Sequential(
            builder.Convolution((7, 7), 4),
            builder.ReLU(),
            builder.Pooling("max", (2, 2), (2, 2)),
            builder.Flatten(),
            builder.Affine(6),
            builder.Affine(10),
        )

    def test_flat_input_shape_is_a_square_image(self, net):
        model = builder.Model(net, "softmax", (3 * 12 * 12,))
        assert model.input_shape == (3, 12, 12)
        assert {name: config["shape"] for name, config in model.param_configs.items()} == {
            **{"convolution0_weight": (4, 3, 7, 7), "convolution0_bias": (4,)},
            **{"affine0_weight": (4 * 3 * 3, 6), "affine0_bias": (6,)},
            **{"affine1_weight": (6, 10), "affine1_bias": (10,)},
        }

    def test_batches_come_in_either_shape(self, net):
        model = started(builder.Model(net, "softmax", (1, 12, 12)))
        X = np.array(draw(2, 144))
        images = model.forward(np.reshape(X, (2, 1, 12, 12)), "test")
        assert images.shape == (2, 10)
        numpy.testing.assert_array_equal(model.forward(X, "test"), images)

    def test_gray_images(self, net):
        assert builder.Model(net, "softmax", 144).input_shape == (1, 12, 12)

    @pytest.mark.parametrize("size", [3 * 12 * 12 + 1, 2 * 12 * 12])
    def test_no_square(self, net, size):
        with pytest.raises(ModelError, match=rf"gets \({size},\); put Reshape\("):
            builder.Model(net, "softmax", (size,))


def windows(x, size, stride):
    """(channels, places, places, size * size) of the first example."""
    places = range(0, x.shape[2] - size + 1, stride)
    rows = [[x[0, :, i : i + size, j : j + size].reshape(-1, size * size) for j in places] for i in places]
    return numpy.array(rows).transpose(2, 0, 1, 3)


PLAIN = [
    (builder.Identity, (3,), lambda x: x),
    (builder.ReLU, (2, 3), lambda x: numpy.where(x > 0, x, 0)),
    (builder.Sigmoid, (3,), lambda x: 1 / (1 + numpy.exp(-x))),
    (builder.Tanh, (3,), numpy.tanh),
    (builder.Flatten, (2, 3, 4), lambda x: x.reshape(1, 24)),
    (lambda: builder.Reshape((3, 8)), (2, 3, 4), lambda x: x.reshape(1, 3, 8)),
    (lambda: builder.Reshape((3, -1, 2)), (2, 3, 4), lambda x: x.reshape(1, 3, 4, 2)),
    (lambda: builder.Dropout(0.5), (3,), lambda x: x),
    (lambda: builder.Pooling("max", 3, 2), (2, 7, 7), lambda x: windows(x, 3, 2).max(-1)[None]),
    (lambda: builder.Pooling("avg", (2, 2)), (2, 4, 4), lambda x: windows(x, 2, 1).mean(-1)[None]),
    (lambda: builder.Pooling("sum", 2, 2), (2, 4, 4), lambda x: windows(x, 2, 2).sum(-1)[None]),
    (lambda: builder.Pooling("avg"), (2, 3, 4), lambda x: x.mean((2, 3), keepdims=True)),
    (lambda: builder.Tanh() + builder.Sigmoid(), (3,), lambda x: numpy.tanh(x) + 1 / (1 + numpy.exp(-x))),
    (lambda: builder.Identity() - builder.Tanh(), (3,), lambda x: x - numpy.tanh(x)),
    (lambda: builder.Tanh() * builder.Identity(), (3,), lambda x: numpy.tanh(x) * x),
    (lambda: builder.Add(*[builder.Identity()] * 3), (3,), lambda x: x + x + x),
    (
        lambda: builder.Sub(builder.Identity(), builder.Tanh(), builder.Tanh()),
        (3,),
        lambda x: x - 2 * numpy.tanh(x),
    ),
    (
        lambda: builder.Concatenate(builder.Pooling("avg", 2), builder.Sequential(builder.Pooling("max", 2))),
        (2, 4, 4),
        lambda x: numpy.concatenate([windows(x, 2, 1).mean(-1), windows(x, 2, 1).max(-1)])[None],
    ),
    (builder.Sequential, (3,), lambda x: x),
]


@pytest.mark.parametrize(("make", "shape", "expected"), PLAIN)
def test_modules_without_parameters(make, shape, expected):
    module, x = make(), draw(1, *shape)
    output = module.forward(np.array(x), {"mode": "test"})
    assert module.output_shape(shape) == output.shape[1:]
    assert module.parameter_shape(shape) == {}
    numpy.testing.assert_allclose(output, expected(x), 1e-12, 1e-12)


def test_dropout_is_that_of_layers():
    x = np.array(draw(4, 5))
    numpy.random.seed(3)
    expected = layers.dropout(x, 0.4, "train")
    numpy.random.seed(3)
    output = builder.Dropout(0.4).forward(x, {"mode": "train"})
    numpy.testing.assert_array_equal(output, expected)
    assert (numpy.asarray(output) == 0).any()


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def rnn_states(x, Wx, Wh, b):
    h, states = 0, []
    for t in range(x.shape[1]):
        h = numpy.tanh(x[:, t] @ Wx + (h @ Wh if t else 0) + b)
        states.append(h)
    return numpy.stack(states, 1)


def lstm_states(x, Wx, Wh, b):
    h, c, states = numpy.zeros((len(x), len(Wh))), 0, []
    for t in range(x.shape[1]):
        i, f, o, g = numpy.split(x[:, t] @ Wx + h @ Wh + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * numpy.tanh(g)
        h = sigmoid(o) * numpy.tanh(c)
        states.append(h)
    return numpy.stack(states, 1)


def gru_states(x, Wx, Wh, b, Wxh, Whh, bh):
    h, states = numpy.zeros((len(x), len(Wh))), []
    for t in range(x.shape[1]):
        r, z = numpy.split(sigmoid(x[:, t] @ Wx + h @ Wh + b), 2, axis=1)
        h = z * h + (1 - z) * numpy.tanh(x[:, t] @ Wxh + (r * h) @ Whh + bh)
        states.append(h)
    return numpy.stack(states, 1)


@pytest.mark.parametrize(
    ("module", "states"), [(builder.RNN, rnn_states), (builder.LSTM, lstm_states), (builder.GRU, gru_states)]
)
def test_recurrent_modules(module, states):
    x = draw(3, 4, 2)
    for sequences, shape in ((False, (5,)), (True, (4, 5))):
        model = started(builder.Model(module(5, sequences=sequences), "l2", (4, 2)))
        expected = states(x, *map(numpy.asarray, model.params.values()))
        assert model.output_shape == shape
        output = model.forward(np.array(x), "train")
        numpy.testing.assert_allclose(output, expected if sequences else expected[:, -1], 1e-12)


def test_batch_norm_keeps_running_moments():
    model = started(builder.Model(builder.BatchNorm(1e-3, 0.8), "l2", (2, 3, 3)))
    gamma, beta = (numpy.asarray(value).reshape(1, 2, 1, 1) for value in model.params.values())
    x = draw(4, 2, 3, 3) * 3 + 1
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    output = model.forward(np.array(x), "train")
    scaled = (x - mean.reshape(1, 2, 1, 1)) / numpy.sqrt(var.reshape(1, 2, 1, 1) + 1e-3)
    numpy.testing.assert_allclose(output, scaled * gamma + beta, 1e-9)
    kept = {"batchnorm0_running_mean": 0.2 * mean, "batchnorm0_running_var": 0.8 + 0.2 * var}
    assert_same_arrays(model.aux_params, kept)
    output = model.forward(np.array(x), "test")
    mean, var = (value.reshape(1, 2, 1, 1) for value in kept.values())
    numpy.testing.assert_allclose(output, (x - mean) / numpy.sqrt(var + 1e-3) * gamma + beta, 1e-9)
    assert_same_arrays(model.aux_params, kept)


class Scale(builder.Module):
    """A module as the documentation has users write them."""

    def __init__(self, name):
        self.scale = name

    def forward(self, input, params):
        return input * params[self.scale]

    def output_shape(self, input_shape):
        return input_shape

    def parameter_shape(self, input_shape):
        return {self.scale: input_shape}

    def parameter_settings(self):
        return {self.scale: {"init_rule": "constant", "init_config": {"value": 2.0}, "update_rule": "sgd"}}


class Bottleneck(builder.Module):
    """One that holds others, and counts its calls in an auxiliary parameter."""

    def __init__(self, size):
        self.body = [builder.Affine(size), builder.Affine(size, bias=False)]

    def forward(self, input, params):
        params["calls"] = params["calls"] + 1
        return input + self.body[1].forward(np.tanh(self.body[0].forward(input, params)), params)

    def output_shape(self, input_shape):
        return input_shape

    def parameter_shape(self, input_shape):
        shapes = self.body[0].parameter_shape(input_shape)
        return {**shapes, **self.body[1].parameter_shape(self.body[0].output_shape(input_shape))}

    def aux_parameters(self, input_shape):
        return {"calls": numpy.zeros(())}


class TestModulesOfOnesOwn:
    def test_parameters_and_settings(self):
        model = builder.Model(builder.Sequential(builder.Affine(3), Scale("s")), "l2", (2,))
        assert model.param_configs["s"] == {
            "shape": (3,),
            **{"init_rule": "constant", "init_config": {"value": 2.0}, "update_rule": "sgd"},
        }
        started(model)
        x, (w, b, s) = draw(4, 2), map(numpy.asarray, model.params.values())
        numpy.testing.assert_allclose(model.forward(np.array(x), "train"), (x @ w + b) * s, 1e-12)

    def test_modules_inside_are_named(self):
        model = started(builder.Model(builder.Sequential(builder.Affine(4), Bottleneck(4)), "l2", (4,)))
        names = ["affine0_weight", "affine0_bias", "affine1_weight", "affine1_bias", "affine2_weight"]
        assert list(model.params) == names
        model.forward(np.array(draw(2, 4)), "train")
        model.forward(np.array(draw(2, 4)), "train")
        assert float(model.aux_params["calls"]) == 2

    def test_one_name_for_two_modules_is_refused(self):
        with pytest.raises(ModelError, match="both have a parameter 's'; give them different names"):
            builder.Model(builder.Sequential(Scale("s"), builder.Tanh() + Scale("s")), "l2", (2,))

    def test_one_module_in_two_places_shares_its_parameters(self):
        shared = builder.Affine(3, bias=False)
        model = started(builder.Model(builder.Sequential(shared, builder.Tanh(), shared), "l2", (3,)))
        assert list(model.params) == ["affine0_weight"]
        x, w = draw(2, 3), numpy.asarray(model.params["affine0_weight"])
        numpy.testing.assert_allclose(model.forward(np.array(x), "test"), numpy.tanh(x @ w) @ w, 1e-12)
        assert [line.split()[-1] for line in model.summary().splitlines() if "Affine" in line] == [
            "9",
            "shared",
        ]

    def test_shared_module_of_two_shapes_is_refused(self):
        shared = builder.Affine(3)
        with pytest.raises(ModelError, match=r"'affine0_weight' is \(2, 3\) and \(3, 3\)"):
            builder.Model(builder.Sequential(shared, shared), "l2", (2,))


class SymbolConvolution(builder.Module):
    """A convolution by a symbol of MXNet."""

    def __init__(self):
        import mxnet as mx

        symbol = mx.sym.Convolution(mx.sym.Variable("X"), name="inner", kernel=(2, 2), num_filter=3)
        self.function = Function(symbol, input_shapes={"X": (1, 2, 4, 4)})

    def forward(self, input, params):
        return self.function(X=input, **params)

    def output_shape(self, input_shape):
        return self.function.get_one_output_shape()[1:]

    def parameter_shape(self, input_shape):
        return {name: config["shape"] for name, config in self.function.get_params().items()}


def test_module_with_a_symbol_is_part_of_the_graph():
    net = builder.Sequential(SymbolConvolution(), builder.Tanh(), builder.Affine(5))
    model = builder.Model(net, "softmax", (2, 4, 4))
    reference = builder.Model(
        builder.Sequential(builder.Convolution(2, 3), builder.Tanh(), builder.Affine(5)), "softmax", (2, 4, 4)
    )
    started(reference)
    model.params.update(zip(model.params, reference.params.values()))
    X, y = np.array(draw(3, 2, 4, 4)), np.array([0, 4, 2])
    gradients, loss = assert_compiled(step(model), (model.params, {}, X, y))
    expected, same = step(reference)(reference.params, {}, X, y)
    assert float(loss) == pytest.approx(float(same), rel=1e-12)
    assert list(model.params) == ["inner_weight", "inner_bias", "affine0_weight", "affine0_bias"]
    assert_same_arrays(dict(zip(expected, gradients.values())), expected)


def test_names_follow_from_the_network_alone():
    def make():
        return builder.Sequential(builder.Affine(2), builder.Affine(2, name="affine1"), builder.Affine(2))

    for _ in range(2):
        model = builder.Model(make(), "l2", (2,))
        assert [name for name in model.params if "weight" in name] == [
            *("affine0_weight", "affine1_weight", "affine2_weight")
        ]


def test_settings_of_layers():
    he = {"init_rule": "he"}
    conv = builder.Convolution(3, 2, name="first", settings={"weight": he, "bias": {"update_rule": "sgd"}})
    model = builder.Model(builder.Sequential(conv, builder.BatchNorm()), "l2", (1, 5, 5))
    configs = {name: {k: v for k, v in c.items() if k != "shape"} for name, c in model.param_configs.items()}
    assert configs == {
        "first_weight": he,
        "first_bias": {"update_rule": "sgd"},
        "batchnorm0_gamma": {"init_rule": "constant", "init_config": {"value": 1.0}},
        "batchnorm0_beta": {"init_rule": "constant"},
    }


def test_sequential_is_edited():
    net = builder.Sequential(builder.Affine(2), builder.Affine(3))
    net.append(builder.ReLU())
    net.insert(1, builder.Tanh())
    net.remove(2)
    assert [type(module).__name__ for module in net] == ["Affine", "Tanh", "ReLU"]
    assert (len(net), net[1].output_shape((7,)), net.output_shape((7,))) == (3, (7,), (2,))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("l2", lambda p, y: ((p - y) ** 2).sum() / 4),
        ("l1", lambda p, y: abs(p - y).sum() / 4),
        (lambda predict, y: np.max(predict - y), lambda p, y: (p - y).max()),
    ],
)
def test_losses(loss, expected):
    predict, y = draw(4, 3), draw(4, 3)
    model = builder.Model(builder.Identity(), loss, (3,))
    assert float(model.loss(np.array(predict), np.array(y))) == pytest.approx(expected(predict, y))


def everything(storage):
    branches = builder.Convolution(3, 4) + builder.Convolution(3, 4) * builder.Convolution(3, 4)
    return builder.Sequential(
        builder.Convolution((3, 3), 4, pad=1),
        builder.BatchNorm(),
        builder.ReLU(),
        builder.Pooling("max", (2, 2), (2, 2)),
        branches - builder.Convolution(3, 4, bias=False),
        builder.Export("middle", storage),
        builder.Concatenate(builder.Identity(), builder.Tanh()),
        builder.Dropout(0.3),
        builder.Reshape((8, -1)),
        builder.GRU(3, sequences=True),
        builder.LSTM(3, sequences=True),
        builder.RNN(3),
        builder.Sigmoid(),
        builder.Flatten(),
        builder.Affine(10),
    )


def test_everything_is_one_graph_and_equals_eager_mode():
    storage: dict = {}
    model = started(builder.Model(everything(storage), "softmax", (3 * 8 * 8,)))
    params, aux = dict(model.params), dict(model.aux_params)
    X, y = np.array(draw(4, 3, 8, 8)), np.array(numpy.random.randint(0, 10, 4))
    numpy.random.seed(1)
    gradients, loss = step(model)(params, aux, X, y)
    kept, middle = model.aux_params, numpy.asarray(storage["middle"])
    storage["middle"] = None
    numpy.random.seed(1)
    ours, same = assert_compiled(step(model), (params, aux, X, y))
    assert float(same) == pytest.approx(float(loss), rel=1e-9)
    assert_same_arrays(ours, gradients, 1e-8)
    assert_same_arrays(model.aux_params, kept)
    assert not numpy.allclose(kept["batchnorm0_running_var"], 1)
    assert middle.shape == (4, 4, 2, 2)
    numpy.testing.assert_allclose(storage["middle"], middle, 1e-9)


def test_summary():
    net = builder.Sequential(
        builder.Convolution(3, 2),
        builder.Pooling("max", 2, 2) + builder.Pooling("avg", 2, 2),
        builder.Affine(1000, name="scores"),
        Scale("s"),
    )
    model = builder.Model(net, "softmax", (36,))
    assert str(model) == model.summary()
    assert model.summary() == (
        "Module                      Output shape  Parameters                       Count\n"
        "--------------------------------------------------------------------------------\n"
        "input                       (1, 6, 6)\n"
        "Sequential                  (1000,)\n"
        "  Convolution convolution0  (2, 4, 4)     weight (2, 1, 3, 3), bias (2,)      20\n"
        "  Add                       (2, 2, 2)\n"
        "    Pooling                 (2, 2, 2)\n"
        "    Pooling                 (2, 2, 2)\n"
        "  Affine scores             (1000,)       weight (8, 1000), bias (1000,)   9,000\n"
        "  Scale                     (1000,)       s (1000,)                        1,000\n"
        "--------------------------------------------------------------------------------\n"
        "total                                                                     10,020"
    )


def exported_twice():
    storage: dict = {}
    return builder.Sequential(builder.Export("x", storage), builder.Export("x", storage))


ERRORS = [
    (lambda: builder.Sequential(builder.ReLU), r"given the class ReLU; write ReLU\(\.\.\.\)"),
    (lambda: builder.Sequential(np.tanh), "write a class with Module as its base"),
    (lambda: builder.Add(), "Add needs at least one module"),
    (lambda: builder.Affine(0), "Affine takes a whole number from 1 on, not 0"),
    (lambda: builder.Convolution((3, 3), 2.5), r"Convolution takes a whole number from 1 on, not 2\.5"),
    (lambda: builder.Convolution((3, 3, 3), 2), r"one whole number from 1 on or two, not \(3, 3, 3\)"),
    (lambda: builder.Pooling("median", 2), "the mode is 'max', 'avg' or 'sum', not 'median'"),
    (lambda: builder.Dropout(1), "at least 0 and less than 1, not 1"),
    (lambda: builder.Affine(3, settings={"w": {}}), "has no parameter 'w'; it has 'weight', 'bias'"),
    (exported_twice, "the storage has 'x' already"),
    (lambda: builder.Model(np.tanh, "l2", (3,)), "Model takes a module"),
    (
        lambda: builder.Model(builder.Tanh(), "hinge", (3,)),
        "'l2', 'l1', 'svm', not 'hinge'",
    ),
    (lambda: builder.Model(builder.Tanh(), "l2", (3, None)), r"positive integers, not \(3, None\)"),
    (lambda: builder.Model(Scale("mode"), "l2", (3,)), "cannot be called 'mode'"),
    (lambda: builder.Model(builder.Reshape((2, 2)), "l2", (6,)), r"gets \(6,\), which has 6 elements"),
    (lambda: builder.Model(builder.Reshape((4, -1)), "l2", (6,)), "which has 6 elements"),
    (lambda: builder.Model(builder.Affine(2) + builder.Affine(3), "l2", (6,)), r"outputs: \(2,\), \(3,\)"),
    (
        lambda: builder.Model(builder.Convolution(5, 2), "l2", (1, 4, 4)),
        r"\(5, 5\) does not fit into an image",
    ),
    (lambda: builder.Model(builder.LSTM(4), "l2", (3,)), r"takes sequences \(steps, features\), not \(3,\)"),
    (lambda: builder.Model(builder.BatchNorm(), "l2", (3, 4)), "takes vectors or images"),
    (
        lambda: builder.Model(builder.Concatenate(builder.Pooling("avg"), builder.Tanh()), "l2", (2, 3, 3)),
        "differ in more than the first axis",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), ERRORS)
def test_errors(wrong, message):
    with pytest.raises(ModelError, match=message):
        wrong()


def test_incomplete_module_says_what_is_missing():
    class Half(builder.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Half has no output_shape\(self, input_shape\)"):
        builder.Model(Half(), "l2", (3,))
    with pytest.raises(NotImplementedError, match=r"Half has no forward\(self, input, params\)"):
        Half().forward(None, {})
    with pytest.raises(TypeError, match="unsupported operand"):
        Half() + 1
