"""``core.Function`` beside MXNet's own executors, and numeric derivatives."""

from __future__ import annotations

import copy
import pickle

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.core import Function
from minpy.errors import GradientError, SymbolError
from minpy.nn import ModelBase
from minpy.runtime import native
from minpy.runtime.engine import mx
from minpy.runtime.tape import live_tape
from minpy.testing import assert_compiled
from minpy.utils.gradient_checker import check_gradients
from tests.nn.test_functional import check_twice

sym = mx.sym
X, Y, W = map(sym.Variable, "XYW")
IMAGES, ROWS, STEPS = (3, 4, 7, 6), (5, 6), (4, 3, 5)


def image(**options):
    return {"kernel": (3, 3), **options}


#: symbols of one argument X or two of one shape, and its shape
LAYERS = {
    "convolution": (sym.Convolution(X, num_filter=4, **image()), IMAGES),
    "convolution, options": (
        sym.Convolution(
            X, num_filter=6, num_group=2, no_bias=True, **image(stride=(2, 1), pad=(2, 1), dilate=(1, 2))
        ),
        IMAGES,
    ),
    "convolution, 1d": (sym.Convolution(X, num_filter=2, kernel=(3,), stride=(2,)), (3, 4, 9)),
    "convolution, 3d": (sym.Convolution(X, num_filter=2, kernel=(2, 1, 2)), (2, 3, 3, 4, 3)),
    "dense": (sym.FullyConnected(X, num_hidden=3), IMAGES),
    "dense, last axis": (sym.FullyConnected(X, num_hidden=3, flatten=False, no_bias=True), STEPS),
    "pooling": (sym.Pooling(X, kernel=(2, 2)), IMAGES),
    "pooling, options": (
        sym.Pooling(X, pool_type="avg", **image(stride=(2, 2), pad=(1, 1))),
        IMAGES,
    ),
    "pooling, full": (sym.Pooling(X, kernel=(2, 2), stride=(2, 2), pooling_convention="full"), IMAGES),
    "pooling, sum": (sym.Pooling(X, kernel=(2, 2), pool_type="sum"), IMAGES),
    "pooling, no padding in the mean": (
        sym.Pooling(X, pool_type="avg", count_include_pad=False, **image(pad=(1, 1))),
        IMAGES,
    ),
    "pooling, global": (sym.Pooling(X, global_pool=True, kernel=(1, 1), pool_type="max"), IMAGES),
    "pooling, global mean": (sym.Pooling(X, global_pool=True, kernel=(1, 1), pool_type="avg"), IMAGES),
    **{
        kind: (sym.Activation(X, act_type=kind), ROWS)
        for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")
    },
    **{kind: (sym.LeakyReLU(X, act_type=kind), ROWS) for kind in ("leaky", "elu", "gelu", "prelu", "selu")},
    "batch norm": (sym.BatchNorm(X), IMAGES),
    "batch norm, gamma": (sym.BatchNorm(X, fix_gamma=False, momentum=0.7, eps=1e-2), IMAGES),
    "batch norm, rows": (sym.BatchNorm(X, fix_gamma=False), ROWS),
    "batch norm, fixed": (sym.BatchNorm(X, use_global_stats=True, fix_gamma=False), IMAGES),
    "batch norm, last axis": (sym.BatchNorm(X, axis=3, fix_gamma=False), IMAGES),
    "layer norm": (sym.LayerNorm(X), ROWS),
    "instance norm": (sym.InstanceNorm(X), IMAGES),
    "l2 normalization": (sym.L2Normalization(X), ROWS),
    "lrn": (sym.LRN(X, nsize=3), IMAGES),
    "upsampling": (sym.UpSampling(X, scale=2, sample_type="nearest"), IMAGES),
    "reshape": (sym.Reshape(X, shape=(0, -1, 3)), ROWS),
    "reshape, merged": (sym.Reshape(X, shape=(-3, 0)), STEPS),
    "transpose": (sym.transpose(X, axes=(2, 0, 1)), STEPS),
    "swap": (sym.SwapAxis(X, dim1=0, dim2=2), STEPS),
    "slices, squeezed": (
        sym.Group(list(sym.SliceChannel(X, num_outputs=3, axis=1, squeeze_axis=True))),
        STEPS,
    ),
    "slices": (sym.Group(list(sym.SliceChannel(X, num_outputs=3, axis=1))), ROWS),
    "softmax": (sym.softmax(X), ROWS),
    "softmax, warm": (sym.log_softmax(X, axis=0, temperature=2.0), ROWS),
    "reductions": (sym.sum(X, axis=1) * 2 + sym.mean(X, axis=1) - sym.max(X, axis=1), ROWS),
    "scalars": (2 - sym.exp(X * 0.5) / 3 + (1 / (sym.square(X) + 1)) - 4, ROWS),
    "a number": (sym.sum(X) * 2 + 1, ROWS),
    "arithmetic": (sym.broadcast_mul(X, Y) + X * Y - X / (Y * Y + 1), ROWS),
    "roots": (sym.sqrt(sym.abs(X) + 1) * sym.sigmoid(-Y) + sym.cos(sym.sin(X)), ROWS),
    "maximum": (sym.broadcast_maximum(X, Y), ROWS),
    "concat": (sym.Concat(X, Y, X, dim=1), ROWS),
    "many added": (sym.add_n(X, Y, X), ROWS),
    "stop": (X * sym.BlockGrad(X) + sym.identity(Y), ROWS),
    "matrices": (sym.batch_dot(X, Y, transpose_b=True), STEPS),
    "several outputs": (sym.Group([sym.tanh(X), sym.Flatten(X * Y)]), STEPS),
    "recurrent": (
        sym.RNN(X, sym.Variable("weights"), sym.Variable("state"), state_size=2, num_layers=1, mode="gru"),
        STEPS,
    ),
    "shared": (
        sym.FullyConnected(X, weight=W, num_hidden=6, no_bias=True)
        + sym.FullyConnected(Y, weight=W, num_hidden=6, no_bias=True),
        ROWS,
    ),
}
#: symbols that end in a loss, with labels, and ignore the cotangent
LOSSES = {
    "softmax loss": (sym.SoftmaxOutput(X, name="l", normalization="batch"), numpy.array([0, 5, 2, 2, 1])),
    "softmax loss, ignored": (
        sym.SoftmaxOutput(X, name="l", use_ignore=True, ignore_label=2, grad_scale=0.5),
        numpy.array([0, 5, 2, 2, 1]),
    ),
    "linear": (sym.LinearRegressionOutput(X, name="l"), numpy.random.RandomState(1).randn(*ROWS)),
    "logistic": (sym.LogisticRegressionOutput(X, name="l"), numpy.random.RandomState(1).rand(*ROWS)),
    "absolute": (sym.MAERegressionOutput(X, name="l"), numpy.random.RandomState(1).randn(*ROWS)),
    "margin": (sym.SVMOutput(X, name="l"), numpy.array([0, 5, 2, 2, 1])),
    "own": (sym.MakeLoss(sym.square(X - sym.Variable("l_label"))), numpy.random.RandomState(1).randn(*ROWS)),
}


#: whose gradients MXNet does not survive without MinPy's extension in C++
IN_CPP = ("instance norm", "l2 normalization", "margin")


def arrays_for(symbol, **shapes):
    """Numbers for all arguments of a symbol."""
    names = symbol.list_arguments()
    found, _, _ = symbol.infer_shape(**{name: shape for name, shape in shapes.items() if name in names})
    return {
        name: numpy.random.standard_normal(tuple(shape)).astype("float32")
        for name, shape in zip(names, found)
    }


def by_mxnet(symbol, arrays, states, cotangents, train):
    """Outputs, gradients of all arguments, and states of MXNet's own executor."""
    executor = symbol.simple_bind(mx.cpu(), grad_req="write", **{k: v.shape for k, v in arrays.items()})
    for given, held in ((arrays, executor.arg_dict), (states, executor.aux_dict)):
        for name, value in given.items():
            held[name][:] = value
    outputs = [x.asnumpy() for x in executor.forward(is_train=train)]
    if train:
        executor.backward([mx.nd.NDArray.copy(np.array(g).asmxnet()) for g in cotangents])
    gradients = {name: x.asnumpy() for name, x in executor.grad_dict.items()}
    return outputs, gradients, {name: x.asnumpy() for name, x in executor.aux_dict.items()}


def by_minpy(function, arrays, cotangents, mode, wrap):
    """The same of a Function."""

    def step(arrays):
        kept = []

        def total(arrays):
            outputs = function(mode=mode, **arrays)
            kept.extend(outputs if isinstance(outputs, tuple) else (outputs,))
            return sum([np.sum(y * g) for y, g in zip(kept, cotangents)])

        return minpy.grad(total)(arrays), kept

    gradients, outputs = wrap(step)({name: np.array(x) for name, x in arrays.items()})
    return outputs, gradients, function.aux_params


def assert_close(found, wanted, names=""):
    assert found.shape == wanted.shape and found.dtype == wanted.dtype, names
    numpy.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5, err_msg=names)


@pytest.mark.filterwarnings("ignore::minpy.errors.GradientWarning")  # of labels, and of what is stopped
@pytest.mark.parametrize("name", [*LAYERS, *LOSSES])
def test_beside_executors_of_mxnet(name):
    """Outputs in both modes, gradients and new states, eager and compiled."""
    symbol, shape = LAYERS[name] if name in LAYERS else (LOSSES[name][0], ROWS)
    arrays = arrays_for(symbol, X=shape, Y=shape)
    if name in LOSSES:
        arrays["l_label"] = LOSSES[name][1].astype("float32")
    shapes = {key: x.shape for key, x in arrays.items() if key in ("X", "Y", "l_label")}
    states = {
        key: 1 + numpy.random.rand(*config["value"].shape).astype("float32")
        for key, config in Function(symbol, shapes).get_aux_params().items()
    }
    _, outputs, _ = symbol.infer_shape(**shapes)
    cotangents = [numpy.random.standard_normal(tuple(s)).astype("float32") for s in outputs]
    if name in IN_CPP and not native.gives_no_gradient("_backward_L2Normalization"):
        with pytest.raises(
            GradientError, match=r"extension in C\+\+, which was not built or is switched off"
        ):
            by_minpy(Function(symbol, shapes), arrays, cotangents, "train", lambda f: f)
        return
    for mode in ("train", "test"):
        wanted = by_mxnet(symbol, arrays, states, cotangents, mode == "train")
        for wrap in (lambda f: f, minpy.jit):
            function = Function(symbol, shapes)
            function.aux_params.update({key: np.array(value) for key, value in states.items()})
            found = by_minpy(function, arrays, cotangents, mode, wrap)
            for one, other in zip(found[0], wanted[0]):
                assert_close(one, other, f"{mode}, outputs")
            for key in wanted[2]:
                assert_close(found[2][key], wanted[2][key], f"{mode}, {key}")
            if mode == "train":
                for key in wanted[1]:
                    if key != "l_label" or name == "own":
                        assert_close(found[1][key], wanted[1][key], f"gradient of {key}")


def network():
    net = sym.Convolution(X, name="conv", kernel=(2, 2), num_filter=3)
    net = sym.Activation(sym.BatchNorm(net, name="bn", fix_gamma=False), act_type="tanh")
    net = sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="avg")
    return sym.FullyConnected(net, name="fc", num_hidden=2)


def test_derivatives_of_what_is_translated_have_any_order():
    function = Function(network(), {"X": (3, 2, 5, 5)}, "net")
    parameters = arrays_for(network(), X=(3, 2, 5, 5))
    names = list(parameters)
    doubles = [x.astype("float64") for x in parameters.values()]
    check_twice(lambda *arrays: function(**dict(zip(names, arrays))), *doubles)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel": (3, 2), "stride": (2, 1), "pad": (1, 0), "adj": (1, 0), "no_bias": False},
        {"kernel": (2, 2), "dilate": (2, 1), "num_group": 2},
    ],
)
def test_deconvolution(options):
    """Forward as MXNet's, whose backward fails in oneDNN; the gradient beside numeric ones."""
    symbol = sym.Deconvolution(X, num_filter=4, **options)
    arrays = arrays_for(symbol, X=(2, 4, 3, 3))
    function = Function(symbol, {"X": (2, 4, 3, 3)})
    (wanted,), _, _ = by_mxnet(symbol, arrays, {}, (), False)
    assert_close(function(**arrays), wanted)
    assert wanted.shape == function.get_one_output_shape()
    names = list(arrays)
    check_gradients(lambda *a: function(**dict(zip(names, a))), *arrays.values())


def test_a_function_that_is_applied_several_times():
    """Each application has its own values for the gradient, also under a loop, and other batch sizes work."""
    function = Function(
        sym.FullyConnected(sym.LeakyReLU(X, act_type="elu"), name="fc", num_hidden=4), {"X": (5, 4)}
    )

    def chain(x, w, b):
        total = 0.0
        for _ in range(3):
            x = function(X=x, fc_weight=w, fc_bias=b)
            total = total + np.sum(x**2)
        return total + np.sum(function(X=x[:2], fc_weight=w, fc_bias=b))

    x, w, b = (numpy.random.standard_normal(shape) for shape in ((6, 4), (4, 4), (4,)))
    check_gradients(chain, x, w, b)
    check_gradients(minpy.jit(chain), x, w, b)


def test_dropout_draws_by_numpy():
    symbol = sym.Dropout(X, p=0.25) + sym.Dropout(Y, p=0.5, axes=(0,))
    function = Function(symbol, {"X": (40, 50), "Y": (40, 50)})
    ones = numpy.ones((40, 50), "float32")
    found = []
    for call in (function, function, minpy.jit(lambda **a: function(**a))):
        numpy.random.seed(3)
        found.append(call(X=ones, Y=0 * ones))
    for other in found[1:]:
        numpy.testing.assert_array_equal(found[0], other)
    numpy.random.seed(3)
    kept = numpy.random.uniform(size=(40, 50)) >= 0.25
    numpy.testing.assert_allclose(found[0], kept / 0.75, rtol=1e-6)
    rows = function(X=0 * ones, Y=ones)
    assert set(numpy.unique(rows)) == {0, 2} and (rows == rows[:1]).all()
    numpy.testing.assert_array_equal(function(mode="test", X=ones, Y=ones), 2 * ones)


def test_what_a_function_tells():
    shapes = {"X": (3, 2, 5, 5)}
    function = Function(network(), shapes, name="net")
    assert function.get_params() == {
        "conv_weight": {"shape": (3, 2, 2, 2)},
        "conv_bias": {"shape": (3,)},
        "bn_gamma": {"shape": (3,)},
        "bn_beta": {"shape": (3,)},
        "fc_weight": {"shape": (2, 12)},
        "fc_bias": {"shape": (2,)},
    }
    assert function.get_output_shapes() == {"fc_output": (3, 2)} and function.get_one_output_shape() == (3, 2)
    states = {name: config["value"].asnumpy().tolist() for name, config in function.get_aux_params().items()}
    assert states == {"bn_moving_mean": [0, 0, 0], "bn_moving_var": [1, 1, 1]}
    assert "conv = conv2d(X, conv_weight, conv_bias" in function.source()
    both = Function(sym.Group([network(), sym.Flatten(X)]), shapes)
    assert list(both.get_output_shapes().values()) == [(3, 2), (3, 50)]


class Model(ModelBase):
    def __init__(self):
        super().__init__()
        self.conv = Function(network(), {"X": (3, 2, 5, 5)}, name="net")
        self.add_params(self.conv.get_params()).add_aux_params(self.conv.get_aux_params())
        self.add_param("w", (2, 2))

    def forward(self, X, mode):
        out = self.conv(X=X, mode=mode, aux_params=self.aux_params, **self.params)
        return np.dot(out, self.params["w"])

    def loss(self, predict, y):
        return np.mean((predict - y) ** 2)


def test_a_model_with_a_function_is_one_graph_and_keeps_its_states():
    def step(model, x, y):
        def loss(params):
            model.params = params
            return model.loss(model.forward(x, "train"), y)

        return minpy.grad(loss)(model.params)

    models = [Model(), Model()]
    x, y = (numpy.random.standard_normal(s).astype("float32") for s in ((3, 2, 5, 5), (3, 2)))
    for model in models:
        numpy.random.seed(0)
        for name, config in model.param_configs.items():
            model.params[name] = np.array(numpy.random.standard_normal(config["shape"]).astype("float32"))
    eager, compiled = step(models[0], x, y), assert_compiled(step, (models[1], x, y))
    for name in models[0].params:
        assert_close(compiled[name], eager[name], name)
    for model in models:
        mean, var = (model.aux_params[f"bn_moving_{what}"].asnumpy() for what in ("mean", "var"))
        assert mean.any() and (var != 1).all()
        assert not model.conv.aux_params["bn_moving_mean"].any()  # it was told to use those of the model
    assert_close(models[0].aux_params["bn_moving_var"], models[1].aux_params["bn_moving_var"])


def test_an_eager_call_is_one_record():
    function = Function(network(), {"X": (3, 2, 5, 5)})
    arrays = {name: np.array(x) for name, x in arrays_for(network(), X=(3, 2, 5, 5)).items()}
    lengths = []

    def total(arrays):
        tape = live_tape([arrays["X"]._current()])
        start = len(tape.records)
        y = function(**arrays)
        lengths.append(len(tape.records) - start)
        return np.sum(y)

    minpy.grad(total)(arrays)
    assert lengths == [1]


def test_copies_and_pickles_have_states_of_their_own():
    function = Function(network(), {"X": (3, 2, 5, 5)}, name="net")
    arrays = arrays_for(network(), X=(3, 2, 5, 5))
    function(**arrays)
    for copied in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        other = copied(function)
        for mode in ("test", "train"):
            assert_close(other(mode=mode, **arrays), function(mode=mode, **arrays))
        assert_close(other.aux_params["bn_moving_mean"], function.aux_params["bn_moving_mean"])
        other.aux_params["bn_moving_mean"][:] = 7
        assert not (function.aux_params["bn_moving_mean"] == 7).any()


def test_dtypes():
    function = Function(sym.LayerNorm(X), {"X": ROWS})
    x, gamma, beta = numpy.random.rand(*ROWS), numpy.ones(6), numpy.zeros(6)
    names = {"X": x, "layernorm_gamma": gamma, "layernorm_beta": beta}
    names = dict(zip(function.get_params(), (gamma, beta)), X=x)
    double = function(**names)
    assert double.dtype == numpy.float64
    wanted = (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + 1e-5)
    numpy.testing.assert_allclose(double, wanted, rtol=1e-9)
    whole = {key: value.astype("int64") for key, value in names.items()}
    assert function(**whole).dtype == minpy.default_dtype()


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Function("net", {"X": ROWS}), "made of an mxnet.sym.Symbol, not of a str"),
        (lambda: Function(X + 1, {"Z": ROWS}), "the symbol has no argument 'Z'; it has X"),
        (
            lambda: Function(sym.FullyConnected(X, num_hidden=2), {}),
            "does not tell the shapes of all arguments",
        ),
        (lambda: Function(sym.batch_dot(X, Y), {"X": STEPS, "Y": ROWS}), "shapes that do not fit: "),
        (lambda: Function(X + 1, {"X": 3}), "the shape of 'X' is a tuple, not 3"),
        (lambda: Function(sym.Variable("a") + sym.Variable("a"), {"a": ROWS}), "two variables .* called 'a'"),
        (
            lambda: Function(X + sym.random.normal(0, 1, shape=ROWS, name="n"), {"X": ROWS}),
            "n: .* random numbers of MXNet",
        ),
        (
            lambda: Function(sym.BatchNorm(X, output_mean_var=True, name="bn"), {"X": ROWS}),
            "bn: a BatchNorm with output_mean_var",
        ),
        (
            lambda: Function(
                sym.contrib.foreach(lambda x, s: (x + s, s), X, Y)[0], {"X": STEPS, "Y": STEPS[1:]}
            ),
            "a loop or a branch of MXNet",
        ),
    ],
)
def test_symbols_that_are_refused(make, text):
    with pytest.raises(SymbolError, match=text):
        make()


@pytest.mark.parametrize("wrap", [lambda f: f, minpy.jit])
def test_calls_that_are_refused(wrap):
    function = Function(sym.batch_dot(X, Y), {"X": (2, 3, 3), "Y": (2, 3, 3)}, "net")
    image = np.zeros((2, 3, 3))
    with pytest.raises(TypeError, match="net: no array is given for Y"):
        wrap(lambda x: function(X=x, Z=x))(image)
    with pytest.raises(TypeError, match="net: no array is given for Y"):
        wrap(lambda x: function(X=x, Y=None))(image)
    with pytest.raises(ValueError, match="net: the mode is 'train' or 'test', not 'predict'"):
        wrap(lambda x: function(mode="predict", X=x, Y=x))(image)
    with pytest.raises(ValueError, match=r"MXNet's batch_dot refuses float32\[3\], "):
        wrap(lambda x: function(X=x, Y=x))(np.zeros(3))


def test_operators_of_mxnet_have_no_second_derivative():
    function = Function(sym.LRN(X, nsize=3), {"X": IMAGES})
    gradient = minpy.grad(lambda x: np.sum(function(X=x) ** 2))
    with pytest.raises(GradientError, match=r"the gradient of mxnet\.LRN: no gradient is defined"):
        minpy.grad(lambda x: np.sum(gradient(x) ** 2))(np.ones(IMAGES))


def test_names_that_are_the_same_to_python_are_two():
    """It takes a letter of full width for the usual one, and ``np`` so written for the module."""
    names = ("a", "\uff41", "\uff4e\uff50")
    difference = mx.sym.elemwise_sub(*map(mx.sym.Variable, names[:2]))
    function = Function(mx.sym.tanh(difference, name=names[2]), {name: (2,) for name in names[:2]})
    found = function(**{names[0]: np.array([3.0, 1.0]), names[1]: np.array([1.0, 1.0])})
    assert_close(found, numpy.tanh(numpy.array([2.0, 0.0], "float32")))
