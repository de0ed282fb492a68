"""The programs of ``examples/nn`` run, learn, and do the same compiled and eager."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy
import pytest

import minpy
from examples.nn import program, rnn
from examples.utils.data_utils import adding_problem_generator, digits_like_CIFAR10, digits_like_MNIST

PROGRAMS = [
    *("cnn", "cnn_builder", "cnn_digits", "cnn_reg", "cnn_sym", "custom_layer", "customop_softmax", "gru"),
    *("lstm", "mlp", "mlp_bn_dropout", "resnet", "rnn", "rnn_on_mnist"),
]
#: for programs that take long, what makes them smaller
SMALLER = {"resnet": {"batch_size": 16}, "rnn_on_mnist": {"patch_size": 98}}


@pytest.fixture
def little_data(monkeypatch, request):
    count = 32 if "resnet" in request.node.name else 128 if "cnn" in request.node.name else 256

    def few(data):
        return {name: values[:count] for name, values in data.items()}

    images, pixels = few(digits_like_CIFAR10()), few(digits_like_MNIST())
    monkeypatch.setattr(program, "digits_like_CIFAR10", lambda: images)
    monkeypatch.setattr(program, "digits_like_MNIST", lambda: pixels)
    monkeypatch.setattr(program, "adding_problem_generator", lambda N: adding_problem_generator(N // 20))


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, little_data, capsys, monkeypatch):
    module = importlib.import_module(f"examples.nn.{name}")
    if name == "resnet":  # of whose rounding training makes too much in float32
        minpy.set_default_dtype("float64")
    for setting, value in SMALLER.get(name, {}).items():
        monkeypatch.setattr(module, setting, value)
    arguments = ["--epochs=2", "--seed=3", *(["--depth=8"] if name == "resnet" else [])]
    compiled = module.main(arguments)
    printed = capsys.readouterr().out
    if name == "customop_softmax":
        assert "my_softmax is a custom operator, its body runs as it is" in printed
    else:
        assert re.search(r"^train_step: everything is compiled", printed, re.MULTILINE)
    assert len(re.findall(r"^\(Epoch \d / 2\)", printed, re.MULTILINE)) == 2
    assert ("No --data_dir with" in printed) == (name not in ("cnn_digits", "rnn", "lstm", "gru"))
    assert min(compiled.loss_history) < compiled.loss_history[0]
    eager = module.main(["--eager", *arguments])
    assert "compiled" not in capsys.readouterr().out
    numpy.testing.assert_allclose(compiled.loss_history, eager.loss_history, 1e-4)


def test_compiled_and_eager_losses_are_compared(little_data):
    from tests.examples import agreement  # which has its programs from here

    for losses in (agreement.free(rnn.main, 3), agreement.from_the_same(rnn.main, 3)):
        assert len(losses) == 3
        numpy.testing.assert_allclose(*zip(*losses), 1e-5)


def test_builder_makes_the_network_that_is_written_out(little_data):
    losses = [
        importlib.import_module(f"examples.nn.{name}").main(["--epochs=2"]).loss_history
        for name in ("cnn", "cnn_builder")
    ]
    numpy.testing.assert_allclose(*losses, 1e-5)


def test_every_program_is_here_and_in_the_documentation():
    folder = Path(program.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__", "program"} == set(PROGRAMS)
    page = (folder.parents[1] / "docs" / "examples.md").read_text("utf-8")
    assert set(re.findall(r"`nn\.(\w+)`", page)) == set(PROGRAMS)


class TestOptions:
    def test_data_that_are_not_there(self, tmp_path):
        from examples.nn import mlp, rnn_on_mnist

        with pytest.raises(SystemExit, match=r"^CIFAR-10 is not in .*\. Download https://"):
            mlp.main([f"--data_dir={tmp_path}"])
        with pytest.raises(SystemExit, match=r"^MNIST is not in"):
            rnn_on_mnist.main([f"--data_dir={tmp_path}"])

    def test_epochs_have_to_be_positive(self, capsys):
        with pytest.raises(SystemExit):
            program.start("", ["--epochs=0"])
        assert "argument --epochs: must be at least 1, but is 0" in capsys.readouterr().err

    @pytest.mark.skipif(minpy.num_gpus() > 0, reason="there is a GPU")
    def test_gpu_that_is_not_there(self):
        with pytest.raises(SystemExit, match=r"gpu\(0\) was asked for"):
            program.start("", ["--gpu=0"])
