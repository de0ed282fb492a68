"""``Solver``: trains a model. Every step is one compiled graph, unless ``jit=False`` says otherwise."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from minpy.compiler.jit import jit as compiled
from minpy.errors import ModelError
from minpy.nn import checkpoint, evaluation, init
from minpy.nn.arguments import TASKS, init_rules, refuse_unknown, require_solvable, require_writable
from minpy.nn.callbacks import Callback, Lines, ProgressBar
from minpy.nn.checks import given, require_counts, require_iterators, require_positive, require_settings
from minpy.nn.guard import raise_not_finite, require_finite
from minpy.nn.interrupts import Interrupts
from minpy.nn.io import DataBatch, as_batch, has_state
from minpy.nn.model import ModelBase
from minpy.nn.randomness import Randomness
from minpy.nn.schedules import Schedule
from minpy.nn.step import METHODS, Optimizer, predict_batch, replaced
from minpy.nn.workers import Alone
from minpy.runtime.context import Context


class Solver:
    """Trains a model on batches, and looks at its accuracy after each epoch.

    Args:
        model: with ``forward`` and ``loss`` in plain NumPy.
        train_dataiter: gives the batches of an epoch, such as ``NDArrayIter`` or one of MXNet's iterators.
        test_dataiter: the same of data that are only looked at; None where there are none.
        init_rule, init_config: how parameters start that do not say so themselves; see ``minpy.nn.init``.
        update_rule, optim_config: how they are updated; see ``minpy.nn.optim``. A rule may be a function.
        lr_decay: the learning rate is multiplied by this after each epoch.
        lr_schedule: a function of the number of the step, from 0, by whose value it is multiplied too; see
            ``minpy.nn.schedules``.
        num_epochs: how often ``train`` goes through the training data.
        train_acc_num_samples: of so many samples, drawn at random, is the training accuracy; None for all.
        print_every: the loss is printed every so many iterations.
        verbose: whether anything is printed.
        progress: True for a bar instead of lines, False for lines; unless given, a bar on a terminal.
        task_type: 'classification', by the share of labels that have the highest score, or 'regression', by
            the mean of the model's loss, of which less is better.
        visualize, summaries_dir: write curves for TensorBoard to this folder.
        jit: whether steps are compiled.
        seed: the run has random numbers of its own, so that it can be repeated exactly; unless given it draws
            from the global generators of NumPy and Python.
        clip_norm: the largest norm of all gradients together.
        clip_value: the largest element of a gradient.
        nan_guard: whether a loss that is nan or infinite, or a parameter at the end of an epoch, is an error,
            which says where it comes from.
        keep_best: whether the model gets the parameters of its best epoch at the end of ``train``.
        callbacks: objects like ``Callback``, called in this order.
        checkpoint: a file from which ``train(resume=True)`` goes on; written after each epoch.
        checkpoint_every: written after so many iterations, too.
        contexts: devices that share each batch, by kvstore='device', which adds up gradients on GPUs, or by
            'local'.
        kvstore: 'dist_sync' where other workers of a job train the model on their parts of each batch; see
            ``minpy.distributed``.
        compression: None, or a threshold: gradients are sent as 2 bits a number, -threshold, 0 or threshold,
            and what is left is added to the next ones.

    Attributes:
        loss_history: the loss of each iteration.
        train_acc_history, val_acc_history: accuracies, or losses in a regression, of each epoch.
        best_val_acc, best_params: those of the best epoch; None and {} before the first one ends.
        epoch, iteration: how many are done.
        step: the function that is run for each batch: ``minpy.explain(solver.step)`` shows what compiled.
        methods: those of the model, compiled by themselves, by name: what of them compiles is used where not
            all of a step does.

    Raises:
        TypeError, ValueError: for an argument, a rule, a setting or a value that there is not.
        FileNotFoundError: there is no folder for the checkpoint.

    Warns:
        UserWarning: with ``checkpoint``, where the training data may come in another order when resumed.
    """

    def __init__(
        self,
        model: ModelBase,
        train_dataiter: Any,
        test_dataiter: Any = None,
        *,
        init_rule: str | Callable = "xavier",
        init_config: Mapping[str, Any] | None = None,
        update_rule: str | Callable = "sgd",
        optim_config: Mapping[str, Any] | None = None,
        lr_decay: float = 1.0,
        lr_schedule: Schedule | None = None,
        num_epochs: int = 10,
        train_acc_num_samples: int | None = 1000,
        print_every: int = 10,
        verbose: bool = True,
        progress: bool | None = None,
        task_type: str = "classification",
        visualize: bool = False,
        summaries_dir: str | os.PathLike[str] | None = None,
        jit: bool = True,
        seed: int | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        nan_guard: bool = True,
        keep_best: bool = True,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        contexts: Sequence[Context] | None = None,
        kvstore: str | None = None,
        compression: float | None = None,
        **unknown: Any,
    ):
        refuse_unknown(unknown, Solver.__init__)
        if task_type not in TASKS:
            raise ValueError(f"task_type is one of {TASKS}, not {task_type!r}")
        require_solvable(model, train_dataiter, test_dataiter, seed, callbacks)
        require_counts(num_epochs=num_epochs, print_every=print_every)
        require_counts(
            **given(train_acc_num_samples=train_acc_num_samples, checkpoint_every=checkpoint_every)
        )
        require_positive(lr_decay=lr_decay, **given(clip_norm=clip_norm, clip_value=clip_value))
        require_settings(**given(init_config=init_config, optim_config=optim_config))
        require_writable(checkpoint, checkpoint_every, train_dataiter)
        if lr_schedule is not None and not callable(lr_schedule):
            raise TypeError(f"lr_schedule is a function of the number of the step, not {lr_schedule!r}")
        if visualize and summaries_dir is None:
            raise ValueError("visualize=True needs summaries_dir, the folder to write to")
        self._workers = Alone()
        if contexts is not None or kvstore in ("device", "local"):
            from minpy.distributed.devices import Devices

            self._workers = Devices(kvstore or "device", contexts, compression)
        elif kvstore is not None:
            from minpy.distributed.training import Workers  # which joins the job

            self._workers = Workers(kvstore, compression)
        elif compression is not None:
            raise ValueError("compression needs kvstore='dist_sync': it is of what workers send each other")
        self.model = model
        self.train_dataiter = self._workers.shard(train_dataiter, is_training=True)
        self.test_dataiter = self._workers.shard(test_dataiter)
        self.num_epochs, self.print_every, self.task_type = num_epochs, print_every, task_type
        self.train_acc_num_samples = train_acc_num_samples
        self.lr_decay, self.nan_guard, self.keep_best = lr_decay, nan_guard, keep_best
        self.checkpoint, self.checkpoint_every = checkpoint, checkpoint_every
        self._init_rules = init_rules(model, init_rule, init_config or {})
        self.optimizer = Optimizer(
            model, update_rule, optim_config or {}, lr_schedule, clip_norm, clip_value, visualize
        )
        self.step: Any = self._workers.step(jit)
        self._predict: Any = compiled(predict_batch) if jit else predict_batch
        self.methods = {name: compiled(getattr(model, name)) for name in METHODS} if jit else {}
        self.callbacks: list[Callback] = []
        if verbose and self._workers.is_first:
            shown = ProgressBar.is_possible() if progress is None else progress
            self.callbacks.append(ProgressBar() if shown else Lines())
        if visualize and self._workers.is_first:
            assert summaries_dir is not None
            from minpy.nn.summaries import Summaries  # which needs the extra ``tensorboard``

            self.callbacks.append(Summaries(summaries_dir))
        self.callbacks += callbacks
        self._randomness, self._interrupts = Randomness(self._workers.seed(seed)), Interrupts()
        self._forget()

    def _forget(self) -> None:
        """Nothing is done yet."""
        self.epoch = self.iteration = 0
        self.last_epoch = self.num_epochs
        self.gradient_norm: float | None = None
        self.best_val_acc: float | None = None
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self._losses: list[Any] = []
        self._num_read = 0  # of these that are numbers by now
        self._states: dict[str, dict[str, Any]] = {}
        self._best: dict[str, dict[str, Any]] = {}
        self._in_epoch, self._batches = False, 0
        self._is_stopped = False

    def init(self) -> None:
        """Give all parameters their first values, and forget what was trained before."""
        self._randomness.start()
        with self._randomness:
            for name, (rule, config) in self._init_rules.items():
                shape = self.model.param_configs[name]["shape"]
                self.model.params[name] = init.initialize(rule, shape, config, name)
        self.model.reset_aux_params()
        self._forget()
        self._states = self.optimizer.start(self.model.params)

    def train(self, resume: bool = False) -> None:
        """Train for ``num_epochs`` epochs, or go on where training was interrupted.

        Afterwards the model has the parameters of the best epoch, with ``keep_best``. Ctrl-C waits for the
        end of a step, and leaves the model as that step made it; ``train`` then goes on from there. Once all
        epochs are done, it adds ``num_epochs`` more.

        Args:
            resume: first read the file ``checkpoint``, if it is there, and do what is left of ``num_epochs``.

        Raises:
            ModelError: parameters have no values yet.
            NanError: with ``nan_guard``, the loss is nan or infinite, or a parameter behind an epoch.
            KeyboardInterrupt: Ctrl-C.
        """
        if resume:
            if self.checkpoint is None:
                raise ValueError("train(resume=True) needs Solver(checkpoint=...), the file to go on from")
            with self._workers.received(self.checkpoint) as path:
                if path is not None:
                    self.load_checkpoint(path)
        else:
            self._is_stopped = False
            if self.epoch >= self.last_epoch:
                self.last_epoch += self.num_epochs
        self._require_values()
        if not self._states:
            self._states = self.optimizer.start(self.model.params)
        begun: list[Callback] = []
        with self._randomness, replaced(self.model, self.methods), Interrupts() as self._interrupts:
            try:
                for callback in self.callbacks:
                    callback.on_train_begin(self)
                    begun.append(callback)
                self._workers.begin(self)
                while self.epoch < self.last_epoch and not self._workers.any(self._is_stopped):
                    self._run_epoch()
            finally:
                for callback in begun:
                    callback.on_train_end(self)
        if self.keep_best and self._best:
            for name, values in self._best.items():
                getattr(self.model, name).update(_copies(values))

    def stop(self) -> None:
        """End ``train`` after this step or epoch; for callbacks."""
        self._is_stopped = True

    def _require_values(self) -> None:
        missing = [name for name, value in self.model.params.items() if value is None]
        if missing:
            raise ModelError(
                f"the parameters {', '.join(missing)} have no values yet: call solver.init() first"
            )

    def _run_epoch(self) -> None:
        if not self._in_epoch:
            self.train_dataiter.reset()
            self._in_epoch, self._batches = True, 0
        for batch in self.train_dataiter:
            self._step(as_batch(batch))
            self._call("on_step")
            if self.checkpoint_every and self.iteration % self.checkpoint_every == 0:
                self.save_checkpoint()
            is_stopped, is_interrupted = self._workers.agreed(self._is_stopped, self._interrupts.is_waiting)
            if is_interrupted:
                raise KeyboardInterrupt
            if is_stopped:
                self._is_stopped = True
                return
        if self.nan_guard:
            require_finite(self.model, self.iteration)
        with self._randomness.undone_if_it_fails():
            train_score = self.check_accuracy(self.train_dataiter, self.train_acc_num_samples)
            if self.test_dataiter is not None:
                self.val_acc_history.append(self.check_accuracy(self.test_dataiter))
        self.train_acc_history.append(train_score)
        self.epoch += 1
        self._in_epoch = False
        if self.test_dataiter is not None:
            self._keep_if_best(self.val_acc_history[-1])
        self._call("on_epoch")
        if self.checkpoint is not None:
            self.save_checkpoint()
        if self._workers.any(self._interrupts.is_waiting):
            raise KeyboardInterrupt

    def _step(self, batch: DataBatch) -> None:
        """Run ``step`` for a batch and take over what it gives. Where it fails, nothing has changed."""
        self.optimizer.set_rate(self.lr_decay**self.epoch, self.iteration)
        model = self.model
        params, aux_params = dict(model.params), dict(model.aux_params)
        try:
            with self._workers.draws(self.iteration):
                loss, norm, new, states = self.step(model, self.optimizer, params, self._states, batch)
            if numpy.size(loss) != 1:
                raise ValueError(f"the loss of the model is an array {list(loss.shape)}, not one number")
            norm = None if norm is None else float(norm)
            is_bad = self.nan_guard and not math.isfinite(float(loss) + (norm or 0.0))
        except BaseException:
            self._put_back(params, aux_params)
            raise
        if is_bad:
            self._put_back(params, aux_params)
            raise_not_finite(model, batch, self.iteration + 1, float(loss), norm)
        model.params.update(new)
        self._states, self.gradient_norm = states, norm
        self._losses.append(loss)
        self.iteration += 1
        self._batches += 1

    def _put_back(self, params: dict[str, Any], aux_params: dict[str, Any]) -> None:
        self.model.params.update(params)
        self.model.aux_params.update(aux_params)

    def _call(self, method: str) -> None:
        for callback in self.callbacks:
            getattr(callback, method)(self)

    # Results ------------------------------------------------------------------------------------

    @property
    def loss_history(self) -> list[float]:
        """The loss of each iteration."""
        while self._num_read < len(self._losses):  # only now, so that a GPU does not wait
            self._losses[self._num_read] = float(self._losses[self._num_read])
            self._num_read += 1
        return self._losses

    @property
    def loss(self) -> float:
        """The loss of the last iteration."""
        return float(self._losses[-1])

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best epoch, as copies; {} before there is one."""
        return self._best.get("params", {})

    @property
    def num_iterations(self) -> int | None:
        """How many iterations there are with all that are still to come; None where the data do not tell."""
        per_epoch = _num_batches(self.train_dataiter)
        return None if per_epoch is None else per_epoch * self.last_epoch

    def is_better(self, score: float, than: float, by: float = 0.0) -> bool:
        """Whether an accuracy, or the loss in a regression, is better than another; nan is the worst."""
        if math.isnan(than):
            return not math.isnan(score)
        return score < than - by if self.task_type == "regression" else score > than + by

    def _keep_if_best(self, score: float) -> None:
        if self.best_val_acc is None or self.is_better(score, self.best_val_acc):
            self.best_val_acc = score
            if self.keep_best:
                model = self.model
                self._best = {"params": _copies(model.params), "aux_params": _copies(model.aux_params)}

    def check_accuracy(self, dataiter: Any, num_samples: int | None = None) -> float:
        """The share of samples that the model classifies right; in a regression its mean loss.

        Samples that only fill the last batch up are not counted. An iterator of MinPy's stands afterwards
        where it stood before.

        Args:
            dataiter: gives the batches, such as ``NDArrayIter``.
            num_samples: look at so many samples, drawn at random, where there are more.
        """
        require_iterators(dataiter=dataiter)
        require_counts(**given(num_samples=num_samples))
        self._require_values()
        if num_samples is not None and getattr(dataiter, "num_data", 0) > num_samples:
            if hasattr(dataiter, "getsubiter"):
                return self._score(dataiter.getsubiter(num_samples), None)
        elif has_state(dataiter):
            state = dataiter.state()
            try:
                dataiter.reset()
                return self._score(dataiter, None)
            finally:
                dataiter.restore(state)
        dataiter.reset()
        return self._score(dataiter, num_samples)

    def _score(self, dataiter: Any, num_samples: int | None) -> float:
        workers, interrupts = self._workers, self._interrupts
        return evaluation.score(
            self.model,
            self._predict,
            dataiter,
            num_samples,
            self.task_type,
            lambda: workers.check(interrupts),
            workers.total,
        )

    # Checkpoints --------------------------------------------------------------------------------

    def save_checkpoint(self, path: str | os.PathLike[str] | None = None) -> None:
        """Write all that training needs to go on exactly: to ``path``, or to ``checkpoint``.

        That is parameters, what the update rule keeps, the position and order of the training data, the
        generators of random numbers of NumPy and Python, histories and the best parameters. A crash at any
        moment leaves the new file or the old one.

        Raises:
            StorageError: something of it, such as an auxiliary parameter, is none of what a file holds.
            OSError: the file cannot be written.
        """
        path = self.checkpoint if path is None else path
        if path is None:
            raise ValueError("save_checkpoint needs a path, or Solver(checkpoint=...)")
        if self._workers.is_first:
            checkpoint.save(self, path)

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint: the next losses are those that the run which wrote it had next.

        Raises:
            StorageError, ModelError: the file is damaged, or of another model or update rule. Nothing has
                changed then.
            OSError: the file cannot be read.
        """
        checkpoint.load(self, path)


def _copies(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if hasattr(value, "copy") else value for name, value in values.items()}


def _num_batches(dataiter: Any) -> int | None:
    """How many batches an epoch has, as far as the iterator knows."""
    if hasattr(dataiter, "getnumiterations"):
        return dataiter.getnumiterations()
    size = getattr(dataiter, "num_data", None)
    return None if size is None else -(-size // dataiter.batch_size)
