"""Several devices of one process, such as GPUs, which share each batch of a solver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minpy.compiler.jit import jit as compiled
from minpy.distributed.step import Bucket, gradient_step, layout, update_step
from minpy.nn.io import DataBatch
from minpy.nn.model import ModelBase
from minpy.nn.step import Optimizer, Settings
from minpy.nn.workers import Alone
from minpy.runtime.array import Array
from minpy.runtime.context import Context
from minpy.runtime.kvstore import Store

KINDS = ("device", "local")


class Devices(Alone):
    """The devices of this process; parameters are on the first one, and copies of them on the others.

    Args:
        kvstore: 'device', or 'local', which adds up on the CPU.
        contexts: the devices.
        threshold: has to be None: what stays within a process is not compressed.

    Raises:
        ValueError: for another kind, a compression, no devices, or one that is named twice.
    """

    def __init__(self, kvstore: str, contexts: Iterable[Context] | None, threshold: float | None):
        self.contexts = list(contexts or ())
        if kvstore not in KINDS:
            raise ValueError(f"contexts need kvstore='device' or 'local', not {kvstore!r}")
        if threshold is not None:
            raise ValueError("compression needs kvstore='dist_sync': it is of what workers send each other")
        if not self.contexts or len(set(self.contexts)) < len(self.contexts):
            raise ValueError(f"contexts are the devices that share a batch, each once, not {self.contexts}")
        self.store = Store(kvstore)

    def step(self, is_compiled: bool) -> DeviceStep:
        return DeviceStep(self.store, self.contexts, is_compiled)


class DeviceStep:
    """``train_step`` on several devices: the mean of the gradients of their parts of a batch.

    Attributes:
        gradients, update: the functions that are run for each batch, which ``minpy.explain`` takes.
        buckets: what devices send each other.
    """

    def __init__(self, store: Store, contexts: list[Context], is_compiled: bool):
        self.gradients: Any = compiled(gradient_step) if is_compiled else gradient_step
        self.update: Any = compiled(update_step) if is_compiled else update_step
        self.buckets: tuple[Bucket, ...] = ()
        self._store, self._contexts = store, contexts

    def __call__(
        self, model: ModelBase, optimizer: Optimizer, params: dict, states: dict[str, Settings], batch: Any
    ) -> tuple[Any, Any, dict[str, Any], dict[str, Settings]]:
        self.buckets = self.buckets or layout(params, is_compressed=False)
        size, count = len(batch.data[0]), len(self._contexts)
        aux = dict(model.aux_params)
        flat, weights, seen = [], [], []
        for i, context in enumerate(self._contexts):
            first, last = size * i // count, size * (i + 1) // count
            if first == last:
                raise ValueError(f"a batch of {size} samples is too small for {count} devices")
            data, label = ([_moved(x[first:last], context) for x in xs] for xs in (batch.data, batch.label))
            weights.append((last - first) / size)
            with context:
                model.aux_params.update(_all_moved(aux, context))
                own = _all_moved(params, context)
                flags = _moved(Array([0.0, 0.0]), context)
                part = DataBatch(data, label)
                flat.append(self.gradients(model, own, part, weights[-1], flags, self.buckets))
                seen.append(dict(model.aux_params))
        keys = range(len(self.buckets))
        self._store.add(keys, [[arrays[k].asmxnet() for arrays in flat] for k in keys])
        first_device = self._contexts[0]
        with first_device:
            own = _all_moved(params, first_device)
            loss, norm, new_params, new_states, _ = self.update(optimizer, own, states, flat[0], self.buckets)
            for name, x in seen[0].items():
                if x is not None and x.dtype.kind == "f":
                    x = sum(_moved(other[name], first_device) * w for other, w in zip(seen, weights))
                model.aux_params[name] = x
        return loss, norm, new_params, new_states


def _moved(x: Any, context: Context) -> Any:
    return (x if isinstance(x, Array) else Array(x)).as_in_context(context)


def _all_moved(values: Mapping[str, Any], context: Context) -> dict[str, Any]:
    return {name: x if x is None else _moved(x, context) for name, x in values.items()}
