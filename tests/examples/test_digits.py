from __future__ import annotations

import numpy
import pytest

from examples import digits
from examples.digits import LOGISTIC, NETWORK, relative_difference
from examples.utils.data_utils import load_digits_split

MODELS = pytest.mark.parametrize("model", [LOGISTIC, NETWORK], ids=lambda model: model.name)
WAYS = ["eager", "eager, OnlyNumPyPolicy", "compiled"]


@pytest.fixture(scope="module")
def data():
    return load_digits_split()


def example(model, data, dtype, count):
    """Parameters with no zeros, and a batch."""
    random = numpy.random.RandomState(1)
    params = {
        name: (value + 0.1 * random.randn(*value.shape)).astype(dtype)
        for name, value in model.start(random).items()
    }
    return (
        params,
        data["X_train"][:count].astype(dtype),
        digits.one_hot(data["y_train"][:count]).astype(dtype),
    )


@MODELS
class TestGradients:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("count", [128, 29, 1])
    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
    def test_equal_those_by_hand(self, model, data, dtype, tolerance, count, way):
        params, x, y = example(model, data, dtype, count)
        expected, expected_loss = model.by_hand(params, x, y)
        gradients, loss = digits.ways(model)[way](params, x, y)
        assert float(loss) == pytest.approx(float(expected_loss), rel=tolerance)
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            assert (gradient.shape, gradient.dtype) == (params[name].shape, dtype)
            assert relative_difference(gradient, expected[name]) <= tolerance

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
    def test_compiled_equal_eager(self, model, data, dtype, tolerance):
        params, x, y = example(model, data, dtype, 128)
        compiled, compiled_loss = digits.ways(model)["compiled"](params, x, y)
        eager, eager_loss = digits.ways(model)["eager"](params, x, y)
        assert float(compiled_loss) == pytest.approx(float(eager_loss), rel=tolerance)
        for name in params:
            assert relative_difference(compiled[name], eager[name]) <= tolerance

    def test_by_hand_equal_finite_differences(self, model, data):
        params, x, y = example(model, data, "float64", 16)
        gradients, _ = model.by_hand(params, x, y)
        random = numpy.random.RandomState(2)
        direction = {name: random.randn(*value.shape) for name, value in params.items()}
        losses = []
        for step in (1e-6, -1e-6):
            moved = {name: value + step * direction[name] for name, value in params.items()}
            losses.append(model.by_hand(moved, x, y)[1])
        slope = sum(numpy.sum(gradients[name] * direction[name]) for name in params)
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(slope, rel=1e-6)

    def test_large_scores_do_not_overflow(self, model, data):
        params, x, y = example(model, data, "float32", 128)
        params = {name: 1000 * value for name, value in params.items()}
        gradients, loss = digits.ways(model)["compiled"](params, x, y)
        assert numpy.isfinite(float(loss))
        assert all(numpy.isfinite(numpy.asarray(gradient)).all() for gradient in gradients.values())

    def test_check_notices_a_wrong_gradient(self, model, data):
        def wrong(params, x, y):
            gradients, loss = model.by_hand(params, x, y)
            return {name: 1.001 * gradient for name, gradient in gradients.items()}, loss

        _, x, y = example(model, data, "float32", 128)
        digits.check(model, x, y, seed=0)
        with pytest.raises(AssertionError, match=f"{model.name}, eager: the gradient of"):
            digits.check(model._replace(by_hand=wrong), x, y, seed=0)


@MODELS
def test_training_reaches_the_accuracy(model, data):
    params = digits.train(model, data, epochs=100, seed=0)
    assert digits.accuracy(model, params, data) >= model.accuracy
    assert all(type(value) is numpy.ndarray and value.dtype == "float32" for value in params.values())


@MODELS
def test_training_compiled_equals_training_by_hand(model, data, monkeypatch):
    compiled = digits.train(model, data, epochs=2, seed=3)
    monkeypatch.setattr(digits, "grad_and_loss", lambda loss: model.by_hand)
    by_hand = digits.train(model, data, epochs=2, seed=3)
    for name in compiled:
        assert relative_difference(compiled[name], by_hand[name]) < 1e-4


def test_accuracy_is_the_share_of_right_guesses():
    images = numpy.eye(64, dtype="float32")[:10]
    params = {"w": numpy.eye(64, 10, dtype="float32"), "b": numpy.zeros(10, "float32")}
    labels = numpy.array([0, 1, 2, 3, 4, 5, 6, 0, 0, 0])
    assert digits.accuracy(LOGISTIC, params, {"X_test": images, "y_test": labels}) == 0.7


class TestProgram:
    def test_too_low_an_accuracy_is_said_and_fails(self, capsys, monkeypatch):
        monkeypatch.setattr(digits, "TURNS", 1)
        with pytest.raises(SystemExit) as exit:
            digits.main(["--epochs", "1"])
        assert "The test accuracy is too low: logistic regression 0." in exit.value.code
        printed = capsys.readouterr().out
        assert printed.count("test accuracy, ") == 2
        assert "network_loss: everything is compiled" in printed
        assert "[128,64]" in printed  # the two batch sizes
        assert "[29,64]" in printed
        for text in ("eager, OnlyNumPyPolicy", "compiled", "NumPy, by hand", "float32", "batch size 128"):
            assert text in printed

    @pytest.mark.parametrize("epochs", ["0", "-1", "two", "1.5"])
    def test_epochs_have_to_be_positive(self, epochs, capsys):
        with pytest.raises(SystemExit) as exit:
            digits.main([f"--epochs={epochs}"])
        assert exit.value.code == 2
        assert f"must be a whole number above 0, but is {epochs!r}" in capsys.readouterr().err
