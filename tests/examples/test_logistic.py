from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import minpy
import minpy.numpy as np
from examples.basics import logistic
from examples.utils.data_utils import gaussian_cluster_generator

SCRIPT = Path(logistic.__file__)
LOSSES = {"compiled": logistic.train_loss, "eager": logistic.train_loss.__wrapped__}
BOTH = pytest.mark.parametrize("loss_function", LOSSES.values(), ids=LOSSES)

# The tutorial's MinPy version as the documentation prints it, with fewer loops.
DOCUMENTED = """
import minpy
import minpy.numpy as np
import minpy.numpy.random as random
from minpy.core import grad_and_loss
from examples.utils.data_utils import gaussian_cluster_generator as make_data
from minpy.context import set_context, gpu

def predict(w, x):
    a = np.exp(np.dot(x, w))
    a_sum = np.sum(a, axis=1, keepdims=True)
    prob = a / a_sum
    return prob

DECORATOR
def train_loss(w, x):
    prob = predict(w, x)
    loss = -np.sum(label * np.log(prob)) / num_samples
    return loss

grad_function = grad_and_loss(train_loss)

def train(w, x, loops):
    for i in range(loops):
        dw, loss = grad_function(w, x)
        if i % 10 == 0:
            print('Iter {}, training loss {}'.format(i, loss))
        w -= 0.1 * dw

num_samples = 10000
num_features = 500
num_classes = 5
data, label = make_data(num_samples, num_features, num_classes)

weight = random.randn(num_features, num_classes)
train(weight, data, 21)
"""


def plain_loss_and_gradient(w, x, label):
    a = numpy.exp(numpy.dot(x, w))
    prob = a / numpy.sum(a, axis=1, keepdims=True)
    loss = -numpy.sum(label * numpy.log(prob)) / len(x)
    return loss, numpy.dot(x.T, prob - label) / len(x)


def plain_train(w, x, label, loops):
    """The tutorial's NumPy version; changes ``w``."""
    losses = []
    for _ in range(loops):
        loss, dw = plain_loss_and_gradient(w, x, label)
        losses.append(loss)
        w -= 0.1 * dw
    return losses


def printed_losses(text):
    found = re.findall(r"^Iter (\d+), training loss (\S+)$", text, re.MULTILINE)
    return {int(i): float(loss) for i, loss in found}


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def problem():
    """The tutorial's data and a start."""
    x, label = gaussian_cluster_generator(seed=0)
    return numpy.random.RandomState(1).randn(500, 5), x, label


@BOTH
class TestTraining:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_equals_plain_numpy(self, problem, loss_function, dtype):
        w, x, label = problem
        theirs = w.astype(dtype)
        ours = np.array(theirs)
        expected = plain_train(theirs, x, label, loops=25)
        losses = logistic.train(ours, np.array(x), np.array(label), 25, loss_function)
        assert losses == pytest.approx(expected, rel=1e-4)
        assert numpy.asarray(ours) == pytest.approx(theirs, rel=1e-4, abs=1e-4)
        assert ours.dtype == dtype

    def test_plain_numpy_arrays_are_taken_and_updated(self, problem, loss_function):
        w, x, label = problem
        x, label = x[::100], label[::100]
        theirs, ours = w.copy(), w.copy()
        expected = plain_train(theirs, x, label, loops=5)
        losses = logistic.train(ours, x, label, 5, loss_function)
        assert losses == pytest.approx(expected, rel=1e-10)
        assert ours == pytest.approx(theirs, rel=1e-10)

    def test_loss_falls_and_is_printed_every_10_steps(self, problem, loss_function, capsys):
        w, x, label = problem
        losses = logistic.train(np.array(w), np.array(x[::10]), np.array(label[::10]), 40, loss_function)
        assert printed_losses(capsys.readouterr().out) == {i: losses[i] for i in (0, 10, 20, 30)}
        assert losses[0] > 4 * losses[10] > 4 * losses[20] > 4 * losses[30]

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
    def test_gradient_equals_that_by_hand(self, problem, loss_function, dtype, tolerance):
        w, x, label = (array.astype(dtype) for array in problem)
        x, label = x[::10].copy(), label[::10].copy()
        expected_loss, expected = plain_loss_and_gradient(w, x, label)
        gradient, loss = minpy.grad_and_loss(loss_function)(w, x, label)
        assert float(loss) == pytest.approx(float(expected_loss), rel=tolerance)
        assert gradient.dtype == dtype
        assert numpy.abs(numpy.asarray(gradient) - expected).max() <= tolerance * numpy.abs(expected).max()


@pytest.mark.parametrize("decorator", ["", "@minpy.jit"], ids=["eager", "compiled"])
def test_program_of_the_documentation(decorator, tmp_path, capsys):
    program = tmp_path / "program.py"
    program.write_text(DOCUMENTED.replace("DECORATOR", decorator))
    numpy.random.seed(0)
    runpy.run_path(str(program))
    numpy.random.seed(0)
    x, label = gaussian_cluster_generator()
    expected = plain_train(numpy.random.randn(500, 5).astype("float32"), x, label, loops=21)
    printed = printed_losses(capsys.readouterr().out)
    assert printed == pytest.approx({i: expected[i] for i in (0, 10, 20)}, rel=1e-4)


class TestProgram:
    def test_compiled_and_explained(self, capsys):
        logistic.main(["--loops", "11"])
        printed = capsys.readouterr().out
        assert printed_losses(printed).keys() == {0, 10}
        assert "everything is compiled" in printed

    def test_eager_prints_the_same_losses_and_no_explanation(self, capsys):
        logistic.main(["--loops", "11"])
        compiled = printed_losses(capsys.readouterr().out)
        logistic.main(["--loops", "11", "--eager"])
        eager = capsys.readouterr().out
        assert printed_losses(eager) == pytest.approx(compiled)
        assert len(eager.splitlines()) == 2

    def test_runs_as_a_script_from_anywhere(self, tmp_path):
        done = run(str(SCRIPT), "--loops", "1", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert printed_losses(done.stdout).keys() == {0}

    @pytest.mark.skipif(minpy.num_gpus() > 0, reason="there is a GPU")
    def test_gpu_that_is_not_there_gives_one_line(self):
        done = run("-m", "examples.basics.logistic", "--gpu", "0", cwd=SCRIPT.parents[2])
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(
            r"logistic\.py: gpu\(0\) was asked for, but MXNet sees 0 GPU\(s\).*\n", done.stderr
        )

    def test_gpu_number_that_cannot_be(self):
        with pytest.raises(SystemExit, match=r"a device number is an integer from 0, not -1"):
            logistic.main(["--gpu=-1"])
