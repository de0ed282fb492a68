"""What a solver does together with the solvers of all other workers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy

from minpy.compiler.jit import jit as compiled
from minpy.distributed import collectives
from minpy.distributed.sharding import shard
from minpy.distributed.step import Bucket, gradient_step, layout, update_step
from minpy.errors import DTypeError
from minpy.nn.model import ModelBase
from minpy.nn.randomness import Randomness
from minpy.nn.step import Optimizer, Settings
from minpy.nn.workers import Alone
from minpy.runtime.array import Array

if TYPE_CHECKING:
    from minpy.nn.interrupts import Interrupts
    from minpy.nn.solver import Solver

_LARGEST_SEED = 2**31


class Workers(Alone):
    """The workers of a job, of which each has a solver of its own in the same state at any time.

    Args:
        kvstore: 'dist_sync' or 'dist_device_sync'.
        threshold: of the compression of gradients; None without.
    """

    def __init__(self, kvstore: str, threshold: float | None = None):
        self.group = collectives.init(kvstore)
        self._threshold = threshold
        self._seed = 0
        self._flags = numpy.zeros(2)
        self._agreed = (False, False)
        self._shard: Any = None
        self.is_first = self.group.rank == 0

    def seed(self, seed: int | None) -> int:
        own = numpy.random.randint(_LARGEST_SEED) if seed is None else seed
        self._seed = int(collectives.broadcast(int(own)))
        return self._seed

    def shard(self, iterator: Any, is_training: bool = False) -> Any:
        found = None if iterator is None else shard(iterator)
        if is_training:
            self._shard = found
        return found

    def step(self, is_compiled: bool) -> Step:
        return Step(self, is_compiled)

    @contextmanager
    def draws(self, iteration: int) -> Iterator[None]:
        words = numpy.random.SeedSequence((self._seed, self.group.rank, iteration)).generate_state(1)
        own = Randomness(int(words[0]))
        own.start()
        with own:
            yield

    def begin(self, solver: Solver) -> None:
        self._flags = numpy.zeros(2)
        model = solver.model
        described = {name: (x.shape, str(x.dtype)) for name, x in model.params.items()}
        collectives.require_same("the model", f"{type(model).__name__} {described}")
        data = {name: getattr(solver.train_dataiter, name, None) for name in ("num_data", "batch_size")}
        collectives.require_same("the training data", str(data))
        for owner in (model.params, solver._states, model.aux_params):
            owner.update(collectives.broadcast({k: v for k, v in owner.items() if v is not None}))
        if self._threshold is not None:
            for name, x in model.params.items():
                if x.dtype != "float32":
                    raise DTypeError(
                        f"compression= is for parameters of float32, and {name!r} is of {x.dtype}: leave it "
                        "out, or call minpy.set_default_dtype('float32') before the model is made"
                    )
            self.group.compress(self._threshold)

    def total(self, *numbers: float) -> tuple[float, ...]:
        (found,) = self.group.sums([numpy.array(numbers, "float64")])
        return tuple(found.tolist())

    def any(self, flag: bool) -> bool:
        return self.total(float(flag))[0] > 0

    def agreed(self, *flags: bool) -> tuple[bool, ...]:
        found = self._agreed
        self._flags = numpy.array(flags, "float64")
        return found

    def check(self, interrupts: Interrupts) -> None:
        pass

    @contextmanager
    def received(self, path: str | os.PathLike[str]) -> Iterator[Any]:
        is_there = self.is_first and os.path.exists(path)
        content = collectives.broadcast_bytes(Path(path).read_bytes() if is_there else None)
        if content is None or self.is_first:
            yield path if content is not None else None
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, Path(path).name)
            copy.write_bytes(content)
            yield copy


class Step:
    """``train_step`` of all workers: the mean loss, and the update by the mean of the gradients.

    Attributes:
        gradients, update: the functions that are run for each batch, which ``minpy.explain`` takes.
        buckets: what workers send each other.
    """

    def __init__(self, workers: Workers, is_compiled: bool):
        self.gradients: Any = compiled(gradient_step) if is_compiled else gradient_step
        self.update: Any = compiled(update_step) if is_compiled else update_step
        self.buckets: tuple[Bucket, ...] = ()
        self._workers = workers

    def __call__(
        self, model: ModelBase, optimizer: Optimizer, params: dict, states: dict[str, Settings], batch: Any
    ) -> tuple[Any, Any, dict[str, Any], dict[str, Settings]]:
        workers, group = self._workers, self._workers.group
        weight = float(workers._shard.share)
        if not self.buckets:
            self.buckets = layout(params, group.threshold is not None)
        flat = self.gradients(model, params, batch, weight, Array(workers._flags), self.buckets)
        if group.threshold is None:
            group.reduce(flat)
        else:
            group.reduce(flat[:-1])
            flat[-1] = Array(group.sums([numpy.asarray(flat[-1])])[0])
        loss, norm, new_params, new_states, numbers = self.update(
            optimizer, params, states, flat, self.buckets
        )
        weight_of_all, stops, interrupts = numpy.asarray(numbers).tolist()
        workers._agreed = (stops > 0, interrupts > 0)
        own = {k: v for k, v in model.aux_params.items() if v is not None and v.dtype.kind == "f"}
        if own:
            sums = collectives.all_reduce({k: v * weight for k, v in own.items()}, "sum")
            model.aux_params.update({k: v / weight_of_all for k, v in sums.items()})
        return loss, norm, new_params, new_states
