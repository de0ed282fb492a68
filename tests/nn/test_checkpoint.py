"""A run that goes on from a checkpoint has the numbers of one that was never interrupted."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import mxnet
import numpy
import pytest

import minpy
from minpy.errors import ModelError, StorageError
from minpy.nn import storage
from minpy.nn.callbacks import Callback, EarlyStopping
from minpy.nn.io import NDArrayIter, PrefetchingIter
from tests.nn.training import Small, StopAfter, data, solver


class Power(Exception):
    pass


class FailAt(Callback):
    def __init__(self, iteration):
        self.iteration = iteration

    def on_step(self, solver):
        if solver.iteration == self.iteration:
            raise Power


def wide():
    """A solver for a model of the same names with other shapes."""
    model = Small()
    model.param_configs["w1"]["shape"] = (5, 4)
    return solver(model)


def shuffled(handle="pad"):
    return NDArrayIter(*data(), 8, shuffle=True, last_batch_handle=handle)


def results(run):
    values = {**run.model.params, **run.model.aux_params, "best": run.best_params["w1"]}
    arrays = {name: numpy.array(value).tolist() for name, value in values.items()}
    histories = (run.loss_history, run.train_acc_history, run.val_acc_history, run.best_val_acc)
    return (*histories, run.iteration, run.epoch, arrays)


@pytest.mark.parametrize(
    ("seed", "train"), [(3, shuffled), (None, lambda: PrefetchingIter(shuffled("roll_over")))]
)
def test_a_run_goes_on_exactly(tmp_path, seed, train):
    """From checkpoints within and between epochs, with every kind of state."""
    options = {
        "update_rule": "adam",
        "lr_decay": 0.8,
        "seed": seed,
        "lr_schedule": lambda step: 1 / (1 + step),
    }
    start = numpy.random.get_state(), random.getstate()

    def again(*callbacks, **more):
        numpy.random.set_state(start[0])
        random.setstate(start[1])
        run = solver(Small(), train=train(), callbacks=callbacks, **options, **more)
        run.step, run._predict = expected.step, expected._predict  # which is compiled already
        return run

    expected = solver(Small(), train=train(), **options)
    expected = again()
    expected.train()
    for stop in (2, 5, 6, 7, 13, 15):
        path = tmp_path / f"{stop}.safetensors"
        with pytest.raises(Power):
            again(FailAt(stop), checkpoint=path, checkpoint_every=5).train()
        assert path.exists() == (stop > 5)
        run = again(checkpoint=path, checkpoint_every=5)
        if path.exists():
            numpy.random.rand(9), random.random()  # whatever is drawn before
        run.train(resume=True)
        assert results(run) == results(expected)


def test_nothing_is_left_to_do_when_all_was_done(tmp_path):
    path = tmp_path / "run.safetensors"
    run = solver(Small(), checkpoint=path)
    run.train()
    again = solver(Small(), checkpoint=path)
    again.train(resume=True)
    assert results(again) == results(run)
    longer = solver(Small(), checkpoint=path, num_epochs=4)
    longer.train(resume=True)
    expected = solver(Small(), num_epochs=4)
    expected.train()
    assert results(longer) == results(expected)


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    def make():
        return solver(
            Small(),
            optim_config={"learning_rate": 0.0},
            callbacks=[EarlyStopping(2)],
            num_epochs=9,
            checkpoint=tmp_path / "run.safetensors",
        )

    run = make()
    run.train()
    again = make()
    again.train(resume=True)
    assert run.epoch == again.epoch == len(again.val_acc_history) < 9


@pytest.mark.filterwarnings("ignore:Please import `csr_matrix`:DeprecationWarning")
def test_an_iterator_without_a_state_is_put_where_it_was(tmp_path):
    def make(**options):
        x, y = data()
        return solver(Small(), train=mxnet.io.NDArrayIter(x, y.astype("float32"), 8), **options)

    expected = make()
    expected.train()
    path = tmp_path / "run.safetensors"
    with pytest.raises(Power):
        make(callbacks=[FailAt(11)], checkpoint=path, checkpoint_every=10).train()
    run = make(checkpoint=path)
    run.train(resume=True)
    assert run.loss_history == expected.loss_history
    with pytest.warns(UserWarning, match="cannot tell in which order it gives its samples"):
        solver(Small(), train=mxnet.io.NDArrayIter(*data(), 8, shuffle=True), checkpoint=path)


def test_a_checkpoint_of_something_else_changes_nothing(tmp_path):
    run = solver(Small(), callbacks=[StopAfter(4)])
    run.train()
    before, state = (run.loss_history[:], run.iteration), numpy.array(run.model.params["w1"]).tolist()

    def refused(name, error, told):
        with pytest.raises(error, match=told):
            run.load_checkpoint(tmp_path / name)
        assert (run.loss_history, run.iteration) == before
        assert numpy.array(run.model.params["w1"]).tolist() == state

    wide().save_checkpoint(tmp_path / "wide")
    refused("wide", ModelError, "w1")
    other = solver(Small(), update_rule="adam", callbacks=[StopAfter(1)])
    other.train()
    other.save_checkpoint(tmp_path / "adam")
    refused(
        "adam", StorageError, r"another update rule or model: of 'w1' it keeps \['m', 't', 'v'\], not \[\]"
    )
    fewer = solver(Small(), train=NDArrayIter(*(x[:8] for x in data()), 4, shuffle=True))
    fewer.train()
    fewer.save_checkpoint(tmp_path / "fewer")
    refused("fewer", StorageError, "other training data: .*an iterator over 8 samples, not")
    run.model.save(tmp_path / "model")
    refused("model", StorageError, "is no checkpoint of a solver; a model is read by model.load")
    storage.save(tmp_path / "text", {"version": 1})
    refused("text", StorageError, "is no checkpoint of a solver")
    content = (tmp_path / "wide").read_bytes()
    (tmp_path / "half").write_bytes(content[: len(content) // 2])
    refused("half", StorageError, "damaged")
    with pytest.raises(FileNotFoundError):
        run.load_checkpoint(tmp_path / "missing")
    with pytest.raises(ValueError, match="resume=True"):
        run.train(resume=True)
    with pytest.raises(ValueError, match="needs a path"):
        run.save_checkpoint()


def test_what_was_compiled_fits_after_a_checkpoint(tmp_path):
    """Arrays of a checkpoint have the kinds and dtypes of those before it."""
    run = solver(Small(), update_rule="adam", checkpoint=tmp_path / "run")
    run.train()
    misses = run.step.cache_info().misses
    run.load_checkpoint(tmp_path / "run")
    run.train()
    assert run.step.cache_info().misses == misses
    assert "everything is compiled" in str(minpy.explain(run.step))


def test_killed_at_random_moments_it_resumes_with_the_numbers_of_an_uninterrupted_run(tmp_path):
    """In a process of its own, since it forks."""
    environment = {**os.environ, "MINPY_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.nn.crashes", "--count", "10"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("killed 10 times")
