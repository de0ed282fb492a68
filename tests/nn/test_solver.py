"""Training, beside loops that are written by hand in NumPy."""

from __future__ import annotations

import math
import re
import signal
import warnings

import mxnet
import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import ModelError, NanError, ShapeError
from minpy.nn import layers
from minpy.nn.callbacks import Callback, EarlyStopping
from minpy.nn.io import NDArrayIter, PrefetchingIter
from minpy.nn.model import ModelBase
from minpy.nn.solver import Solver
from minpy.runtime import objects
from tests.nn.training import CLASSES, FEATURES, Line, Net, StopAfter, assert_compiled_is_eager, data, solver


class Linear(ModelBase):
    """Softmax regression."""

    def __init__(self, **config):
        super().__init__()
        self.add_param("w", (FEATURES, CLASSES), **config).add_param("b", (CLASSES,))

    def forward(self, X, mode):
        return layers.affine(X, self.params["w"], self.params["b"])

    def loss(self, predict, y):
        return layers.softmax_loss(predict, y)


def ordered(batch_size=8):
    x, y = data()
    return NDArrayIter(x, y, batch_size)


def by_hand(w, epochs, rate, momentum=0.0, decay=1.0, clip_norm=None, clip_value=None):
    """Losses, and norms of gradients, of softmax regression on ``ordered`` batches; float64."""
    x, y = (a.astype(kind) for a, kind in zip(data(), ("float64", "int64")))
    x, y = numpy.concatenate((x, x)), numpy.concatenate((y, y))  # so that the last batch is filled up
    params = [numpy.asarray(w, "float64"), numpy.zeros(CLASSES)]
    velocity = [numpy.zeros_like(p) for p in params]
    losses, norms = [], []
    for epoch in range(epochs):
        for first in range(0, len(x) // 2, 8):
            part, label = x[first : first + 8], y[first : first + 8]
            e = numpy.exp(part @ params[0] + params[1])
            probability = e / e.sum(1, keepdims=True)
            losses.append(-numpy.log(probability[range(8), label]).mean())
            d = (probability - numpy.eye(CLASSES)[label]) / 8
            gradients = [part.T @ d, d.sum(0)]
            norms.append(numpy.sqrt(sum((g**2).sum() for g in gradients)))
            if clip_value is not None:
                gradients = [g.clip(-clip_value, clip_value) for g in gradients]
            if clip_norm is not None:
                gradients = [g * min(1, clip_norm / norms[-1]) for g in gradients]
            velocity = [momentum * v - rate * decay**epoch * g for v, g in zip(velocity, gradients)]
            params = [p + v for p, v in zip(params, velocity)]
    return losses, norms


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.2}, {"clip_value": 0.05}])
def test_losses_are_those_of_a_loop_by_hand(options, jit):
    minpy.set_default_dtype("float64")
    run = solver(
        Linear(),
        train=ordered(),
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.5, "momentum": 0.8},
        lr_decay=0.7,
        jit=jit,
        **options,
    )
    expected, norms = by_hand(run.model.params["w"], 3, 0.5, 0.8, 0.7, **options)
    run.train()
    assert len(run.loss_history) == 18
    assert numpy.allclose(run.loss_history, expected, rtol=1e-12)
    assert run.gradient_norm == pytest.approx(norms[-1], rel=1e-10) if "clip_norm" in options else True


def test_a_step_takes_the_short_way_to_its_graph():
    """Also with more dicts that have to be told apart than a handful: one of states for each parameter."""
    run = solver(Net(dropout=0.0), update_rule="adam")
    run.train()
    assert all(len(plan.routes) == objects.is_fast for plan in run.step.root.plans)


def test_a_step_is_one_graph_that_is_compiled_once():
    run = solver(
        update_rule="adam",
        lr_decay=0.5,
        lr_schedule=lambda step: 1 / (1 + step),
        train=PrefetchingIter(NDArrayIter(*data(), 8, shuffle=True)),
    )
    run.train()
    assert run.iteration == 18
    assert "everything is compiled" in str(minpy.explain(run.step))
    assert run.step.cache_info().misses == 2  # the running mean starts as None


@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam"])
def test_compiled_and_eager_runs_agree(rule):
    def make(**options):
        return solver(update_rule=rule, optim_config={"learning_rate": 0.01}, num_epochs=99, **options)

    assert_compiled_is_eager(make, steps=200 if rule == "adam" else 20)


def test_lines_are_printed_as_documented(capsys):
    run = solver(num_epochs=2, print_every=4, verbose=True)
    run.train()
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"\d\.\d{6}", "#", line) for line in lines] == [
        "(Iteration 1 / 12) loss: #",
        "(Iteration 5 / 12) loss: #",
        "(Epoch 1 / 2) train acc: #; val_acc: #",
        "(Iteration 9 / 12) loss: #",
        "(Epoch 2 / 2) train acc: #; val_acc: #",
    ]
    assert lines[0].endswith(f"{run.loss_history[0]:f}") and lines[4].endswith(f"{run.val_acc_history[1]:f}")


def test_a_bar_with_the_lines_of_the_epochs_above_it(capsys):
    run = solver(num_epochs=1, verbose=True, progress=True)
    run.train()
    found = capsys.readouterr()
    assert found.out.startswith("(Epoch 1 / 1) train acc: ") and "Iteration" not in found.out
    assert "6/6" in found.err and f"loss={run.loss_history[0]:f}" in found.err


def test_a_regression_is_judged_by_its_loss(capsys):
    x, _ = data()
    y = x.sum(1, keepdims=True)
    line = Line()
    run = Solver(
        line,
        NDArrayIter(x, y, 8),
        NDArrayIter(x[:19], y[:19], 8),  # the last batch has padding
        task_type="regression",
        num_epochs=2,
        optim_config={"learning_rate": 0.1},
    )
    run.init()
    run.train()
    w, b = (numpy.asarray(line.params[name]) for name in "wb")
    expected = ((x[:19] @ w + b - y[:19]) ** 2).mean()  # layers.l2_loss: over the batch size
    assert run.val_acc_history[-1] == pytest.approx(expected, rel=1e-5) == run.best_val_acc
    assert run.val_acc_history[1] < run.val_acc_history[0]
    assert re.search(r"\(Epoch 2 / 2\) train loss: [\d.]+; val_loss: [\d.]+$", capsys.readouterr().out)


class Table(ModelBase):
    """Predicts the class that the first feature names."""

    def __init__(self):
        super().__init__()
        self.add_param("w", (1,))

    def forward(self, X, mode):
        assert X.shape[0] == 8  # models may rely on the size of a batch
        return layers.functional.one_hot(X[:, 0].astype("int64"), CLASSES) * self.params["w"]

    def loss(self, predict, y):
        return np.sum(predict)


def test_padding_counts_in_no_accuracy():
    y = numpy.arange(21) % CLASSES
    guess = numpy.where(numpy.arange(21) < 16, y, (y + 1) % CLASSES)  # 5 of 21 wrong, all in the last batch
    x = numpy.repeat(guess[:, None], 2, 1).astype("float32")
    run = Solver(Table(), NDArrayIter(x, y, 8), verbose=False)
    run.model.params["w"] = np.ones(1)
    assert run.check_accuracy(NDArrayIter(x, y, 8)) == pytest.approx(16 / 21)
    assert run.check_accuracy(NDArrayIter(x, numpy.eye(CLASSES)[y], 8)) == pytest.approx(16 / 21)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # MXNet's own
        theirs = mxnet.io.NDArrayIter(x, y.astype("float32"), 8)
        assert run.check_accuracy(theirs) == pytest.approx(16 / 21)
        assert run.check_accuracy(theirs, 18) == pytest.approx(16 / 18)
    found = {run.check_accuracy(NDArrayIter(x, y, 8), 3) for _ in range(30)}
    assert found <= {0, 1 / 3, 2 / 3, 1} and len(found) > 1  # random ones


def test_looking_at_the_accuracy_leaves_an_iterator_where_it_was():
    iterator = NDArrayIter(*data(), 8, shuffle=True)
    run = solver(train=iterator, callbacks=[Looking(), StopAfter(6)])
    run.train()
    assert sorted(Looking.seen) == list(range(46))


class Looking(Callback):
    seen: list = []

    def on_train_begin(self, solver):
        self.seen.clear()

    def on_step(self, solver):
        state = solver.train_dataiter.state()
        first = 8 * (state["cursor"] - 1)
        self.seen += state["order"][first : first + 8].tolist()
        solver.check_accuracy(solver.train_dataiter)


@pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")
def test_iterators_of_mxnet_are_as_good():
    x, y = data()
    ours = solver(Linear(), train=ordered())
    theirs = solver(Linear(), train=mxnet.io.NDArrayIter(x, y.astype("float32"), 8))
    ours.train()
    theirs.train()
    assert theirs.num_iterations == 18
    assert numpy.allclose(ours.loss_history, theirs.loss_history, rtol=1e-6)


def test_parameters_have_rules_and_settings_of_their_own():
    model = Linear(
        init_rule="constant",
        init_config={"value": 0.5},
        update_rule="sgd",
        optim_config={"learning_rate": 0.0},
    )
    run = solver(model, init_rule="gaussian", init_config={"stdvar": 2.0}, update_rule="adam", num_epochs=1)
    assert numpy.all(numpy.asarray(model.params["w"]) == 0.5) and numpy.std(model.params["b"]) > 0.1
    before = numpy.asarray(model.params["b"]).copy()
    run.train()
    assert numpy.all(numpy.asarray(model.params["w"]) == 0.5)
    # the first step of adam is the learning rate, 1e-3, whatever the gradient; 6 steps move by 6e-3 at most
    moved = numpy.abs(numpy.asarray(model.params["b"]) - before)
    assert numpy.all((moved > 1e-4) & (moved < 6.5e-3))


@pytest.mark.parametrize("jit", [True, False])
def test_an_update_rule_may_be_a_function(jit):
    def rule(w, dw, config):
        count = config.get("count", 0) + 1
        total = config["total"] + dw if "total" in config else dw
        return w - config["learning_rate"] * total, {**config, "count": count, "total": total}

    run = solver(
        Linear(),
        train=ordered(),
        update_rule=rule,
        optim_config={"learning_rate": 0.3},
        lr_decay=0.5,
        jit=jit,
    )
    w = numpy.asarray(run.model.params["w"])
    run.train()
    assert run._states["w"]["count"] == 18
    # v = v - g in by_hand with momentum 1, where each step has its own learning rate
    assert run.loss_history[:6] == pytest.approx(by_hand(w, 1, 0.3, momentum=1.0)[0], rel=1e-4)
    assert run.optimizer.learning_rate == 0.3 * 0.25


def test_the_best_parameters_are_copies_and_the_models_at_the_end():
    class Spoil(Callback):
        def on_epoch(self, solver):
            if solver.epoch == 1:
                self.params = {k: numpy.array(v) for k, v in solver.model.params.items()}
                self.aux = {k: numpy.array(v) for k, v in solver.model.aux_params.items()}
                for value in (*solver.model.params.values(), *solver.model.aux_params.values()):
                    value[:] = numpy.nan
                solver.nan_guard = False

    spoil = Spoil()
    run = solver(callbacks=[spoil])
    run.train()
    assert run.best_val_acc == run.val_acc_history[0] >= max(run.val_acc_history)
    for kept, now in ((spoil.params, run.model.params), (spoil.aux, run.model.aux_params)):
        assert all(numpy.array_equal(kept[name], now[name]) for name in kept)
    run.model.params["w1"][:] = 0
    assert numpy.array_equal(run.best_params["w1"], spoil.params["w1"])


def test_a_score_that_is_no_number_is_never_the_best(monkeypatch):
    run = solver(Linear(), num_epochs=3, keep_best=True)
    scores = iter([numpy.nan, numpy.nan, 0.5, 0.5, numpy.nan, numpy.nan])
    monkeypatch.setattr(run, "check_accuracy", lambda *args: next(scores))
    run.train()
    assert run.best_val_acc == 0.5


def test_training_stops_early():
    run = solver(Linear(), num_epochs=50, optim_config={"learning_rate": 0.0}, callbacks=[EarlyStopping(3)])
    run.train()
    assert run.epoch == 4 and len(set(run.val_acc_history)) == 1
    run.train()  # asked for again, it goes on
    assert run.epoch == 5


def test_callbacks_are_called_in_order_and_told_the_end():
    class Log(Callback):
        def __init__(self):
            self.log = []

        def on_train_begin(self, solver):
            self.log.append("begin")

        def on_step(self, solver):
            self.log.append((solver.iteration, solver.loss == solver.loss_history[-1]))

        def on_epoch(self, solver):
            self.log.append(len(solver.val_acc_history))

        def on_train_end(self, solver):
            self.log.append("end")

    class Fail(Callback):
        def on_epoch(self, solver):
            raise OSError("no more")

    log = Log()
    run = solver(callbacks=[log, Fail()])
    with pytest.raises(OSError, match="no more"):
        run.train()
    assert log.log == ["begin", *[(i, True) for i in range(1, 7)], 1, "end"]


class Failing(Net):
    """Fails in its fourth forward pass in training."""

    calls = 0

    def forward(self, X, mode):
        result = super().forward(X, mode)
        if mode == "train":
            self.calls += 1
            if self.calls == 4:
                raise OSError("power is out")
        return result


@pytest.mark.parametrize("jit", [True, False])
def test_a_step_that_fails_changes_nothing(jit):
    run, other = solver(Failing(), jit=jit), solver(jit=jit, callbacks=[StopAfter(3)])
    held = run.model.params["w1"]
    first = numpy.array(held)
    with pytest.raises(OSError, match="power is out"):
        run.train()
    other.train()
    assert run.iteration == 3 and run.loss_history == pytest.approx(other.loss_history, rel=1e-5)
    for name in ("params", "aux_params"):
        for key, value in getattr(other.model, name).items():
            assert numpy.allclose(getattr(run.model, name)[key], value, rtol=1e-5)
    assert numpy.array_equal(held, first)  # who holds an array keeps its values
    run.train()
    assert run.epoch == 3


@pytest.mark.parametrize("done", [6, 7])
def test_ctrl_c_waits_for_the_end_of_the_step_and_training_goes_on(done):
    class Interrupting(NDArrayIter):
        def next(self):
            if len(run.loss_history) == done and not interrupted:
                interrupted.append(True)
                signal.raise_signal(signal.SIGINT)  # behind the last step of an epoch, and within a step
            return super().next()

    interrupted = []

    expected = solver()
    expected.train()
    run = solver(train=Interrupting(*data(), 8, shuffle=True))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert run.iteration == len(run.loss_history) == {6: 6, 7: 8}[done] and run.epoch == done - 6
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    assert run.model.forward(data()[0], "test").shape == (46, CLASSES)
    run.train()
    assert run.loss_history == expected.loss_history and run.val_acc_history == expected.val_acc_history


def test_a_seed_repeats_a_run_and_another_call_of_train_prolongs_it():
    numpy.random.seed(5)
    expected = numpy.random.rand(2)
    numpy.random.seed(5)
    first, second, other = solver(), solver(), solver(seed=8)
    for run in (first, second, other):
        run.train()
    assert numpy.array_equal(numpy.random.rand(2), expected)  # nothing was drawn from it
    assert first.loss_history == second.loss_history != other.loss_history
    first.train()
    assert first.epoch == 6 and len(first.loss_history) == 36
    first.init()
    assert first.loss_history == [] and first.model.aux_params["mean"] is None
    first.train()
    assert first.loss_history == second.loss_history


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("data", r"iteration 2: the loss is nan. data\[0\] of the batch: 1 of 40 elements are nan"),
        ("parameter", r"iteration 3: the loss is nan. The parameter 'w': 1 of 15 .* since the update before"),
        (
            "line",
            r"iteration 1: .* log makes nan.*of -\d.*test_solver.py:\d+ in forward\n *return np.log",
        ),
    ],
)
def test_a_loss_that_is_not_finite_is_explained(case, told):
    class Log(Linear):
        def forward(self, X, mode):
            scores = super().forward(X, mode)
            return np.log(scores - np.max(scores, axis=1, keepdims=True) - 1)

    class Spoil(Callback):
        def on_step(self, solver):
            if solver.iteration == 2:
                solver.model.params["w"][1, 1] = numpy.nan

    x, y = data()
    x[9, 2] = numpy.nan if case == "data" else 0
    run = solver(
        Log() if case == "line" else Linear(),
        train=NDArrayIter(x, y, 8),
        callbacks=[Spoil()] if case == "parameter" else [],
    )
    with pytest.raises(NanError, match=re.compile(told, re.DOTALL)):
        run.train()
    assert all(map(numpy.isfinite, run.loss_history)) and run.iteration == len(run.loss_history)


def test_a_gradient_that_is_not_finite_is_noticed_behind_the_last_step():
    class Root(Linear):
        def loss(self, predict, y):
            return super().loss(predict, y) + np.sum(np.sqrt(0 * self.params["w"]))

    run = solver(Root(), train=NDArrayIter(*data(), 46), num_epochs=1)
    with pytest.raises(NanError, match=r"^iteration 1: The parameter 'w': 15 of 15 elements are nan"):
        run.train()


def test_an_accuracy_needs_scores_of_classes():
    class Single(Linear):
        def forward(self, X, mode):
            return super().forward(X, mode)[:, :1]

    with pytest.raises(ShapeError, match=r"a score for each class, .* not \(8, 1\); give two scores"):
        solver(Single()).check_accuracy(NDArrayIter(*data(), 8))


def test_the_guard_can_be_switched_off():
    x, y = data()
    x[9, 2] = numpy.nan
    run = solver(Linear(), train=NDArrayIter(x, y, 8), nan_guard=False, num_epochs=1)
    run.train()
    assert numpy.isnan(run.loss_history).tolist() == [False, *[True] * 5]


def test_a_model_that_does_not_compile_trains_all_the_same():
    class Partly(Linear):
        def forward(self, X, mode):
            scores = layers.affine(X, self.params["w"], self.params["b"])
            if np.max(scores) > 1e6:
                scores = scores * 0
            return np.tanh(scores)

    class Tanh(Linear):
        def forward(self, X, mode):
            return np.tanh(super().forward(X, mode))

    run, expected = solver(Partly()), solver(Tanh())
    run.train()
    expected.train()
    assert run.loss_history == pytest.approx(expected.loss_history, rel=1e-5)
    assert "the test depends on array data" in str(minpy.explain(run.step))
    assert len(minpy.explain(run.methods["forward"]).regions) == 2  # before the test and after it
    assert "everything is compiled" in str(minpy.explain(run.methods["loss_batch"]))
    assert "forward" not in vars(run.model)


def test_curves_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = solver(
        Linear(), train=ordered(), num_epochs=2, visualize=True, summaries_dir=tmp_path, lr_decay=0.5
    )
    norms = by_hand(run.model.params["w"], 2, 0.01, decay=0.5)[1]
    run.train()
    curves = {}
    for folder in ("train", "test"):
        events = EventAccumulator(str(tmp_path / folder)).Reload()
        for tag in events.Tags()["scalars"]:
            curves[folder, tag] = [(e.step, e.value) for e in events.Scalars(tag)]
    steps = range(1, 13)
    expected = {
        ("train", "loss"): zip(steps, run.loss_history),
        ("train", "squared L2-norm of the gradient"): zip(steps, numpy.square(norms)),
        ("train", "learning rate"): zip(steps, [0.01] * 6 + [0.005] * 6),
        ("train", "accuracy"): zip((1, 2), run.train_acc_history),
        ("test", "accuracy"): zip((1, 2), run.val_acc_history),
    }
    assert curves.keys() == expected.keys()
    for key, points in expected.items():
        assert numpy.allclose(curves[key], list(points), rtol=1e-4), key


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"num_epoch": 3}, TypeError, "no argument 'num_epoch'; did you mean 'num_epochs'?"),
        ({"colour": 3}, TypeError, "no argument 'colour'; it has init_rule, "),
        ({"update_rule": "sdg"}, ValueError, "parameter 'w': there is no update rule 'sdg'; there are sgd, "),
        (
            {"optim_config": {"lr": 1}},
            ValueError,
            "parameter 'w': the rule 'sgd' has no setting 'lr'; it has ",
        ),
        ({"init_rule": "gauss"}, ValueError, "parameter 'w': there is no initialization rule 'gauss'"),
        ({"init_config": {"std": 1}}, ValueError, "parameter 'w': the rule 'xavier' has no setting 'std'"),
        ({"print_every": 0}, ValueError, "print_every is a positive integer, not 0"),
        ({"num_epochs": 1.5}, ValueError, "num_epochs is a positive integer, not 1.5"),
        ({"task_type": "x"}, ValueError, "task_type is one of"),
        ({"visualize": True}, ValueError, "visualize=True needs summaries_dir"),
        ({"clip_norm": 0}, ValueError, "clip_norm is a positive number, not 0"),
        ({"clip_value": "1"}, ValueError, "clip_value is a positive number, not '1'"),
        (
            {"test_dataiter": data()[0]},
            TypeError,
            "test_dataiter gives batches by next() and reset()",
        ),
        ({"init_rule": None}, ValueError, "parameter 'w': there is no initialization rule None"),
        ({"update_rule": 3}, ValueError, "parameter 'w': there is no update rule 3; there are sgd, "),
        ({"optim_config": 0.1}, TypeError, "optim_config is a dict of settings, not 0.1"),
        ({"init_config": {"gain": "2"}}, TypeError, "parameter 'w': 'gain' of the rule 'xavier' is a number"),
        ({"lr_schedule": 0.1}, TypeError, "lr_schedule is a function of the number of the step, not 0.1"),
        ({"callbacks": EarlyStopping()}, TypeError, "callbacks is a list of objects with the base Callback"),
        ({"seed": -1}, ValueError, "seed is an integer from 0 to 2**32 - 1, not -1"),
        ({"checkpoint_every": 5}, ValueError, "checkpoint_every needs checkpoint, the file to write to"),
        (
            {"checkpoint": "/there/is/no/x"},
            FileNotFoundError,
            "checkpoint is to be written to /there/is/no",
        ),
    ],
)
def test_what_there_is_not_is_refused_at_the_door(options, error, told):
    with pytest.raises(error) as caught:
        Solver(Linear(), ordered(), **options)
    assert told in str(caught.value)


def test_training_needs_values_and_a_loss_that_is_one_number():
    with pytest.raises(ModelError, match=r"the parameters w, b have no values yet: call solver.init\(\)"):
        Solver(Linear(), ordered()).train()

    with pytest.raises(ModelError, match="no values yet"):
        Solver(Linear(), ordered()).check_accuracy(ordered())

    class Many(Linear):
        def loss(self, predict, y):
            return predict[:, 0]

    with pytest.raises(ValueError, match=r"the loss of the model is an array \[8\], not one number"):
        solver(Many()).train()


@pytest.mark.parametrize("value", [None, "0.1", math.nan, numpy.ones(2)])
def test_a_schedule_gives_finite_numbers(value):
    told = rf"^the value of lr_schedule for step 2 is a finite number, not {re.escape(repr(value))}$"
    training = solver(Linear(), lr_schedule=lambda step: value if step == 2 else numpy.float32(1))
    with pytest.raises(ValueError, match=told):
        training.train()
    assert training.iteration == 2


@pytest.mark.parametrize("jit", [True, False])
def test_mistakes_of_beginners_are_explained(jit):
    class Returnless(Linear):
        def forward(self, X, mode):
            super().forward(X, mode)

    class Lossless(Linear):
        def loss(self, predict, y):
            layers.softmax_loss(predict, y)

    class Motherless(ModelBase):
        def __init__(self):
            self.add_param("w", (3,))

    for kind, name in ((Returnless, "forward"), (Lossless, "loss")):
        with pytest.raises(ModelError, match=f"{name} of {kind.__name__} gives nothing"):
            solver(kind(), jit=jit).train()
    with pytest.raises(ModelError, match=r"super\(\).__init__\(\) at the beginning of Motherless.__init__"):
        Motherless()
    with pytest.raises(ModelError, match="the batches have no labels"):
        solver(train=NDArrayIter(data()[0], batch_size=8), jit=jit).train()
    with pytest.raises(ValueError, match="EarlyStopping looks at test data"):
        run = Solver(Linear(), ordered(), callbacks=[EarlyStopping()], jit=jit, verbose=False)
        run.init()
        run.train()
