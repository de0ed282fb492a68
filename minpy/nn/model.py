"""``ModelBase``: a model is its parameters, a ``forward`` and a ``loss`` in plain NumPy."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

import numpy

import minpy.numpy as np
from minpy.errors import ModelError
from minpy.nn import storage
from minpy.nn.checks import is_shape
from minpy.ops.creation import default_dtype
from minpy.runtime.array import Array


class ModelBase:
    """Base class of models. Subclasses declare parameters in ``__init__`` and write ``forward`` and ``loss``.

    Attributes:
        params: the parameters by name, in the order of declaration; None until they are initialised.
        aux_params: what ``forward`` keeps beside them, such as running means; no gradient changes it.
        param_configs: what was said of each parameter: ``shape`` and, where given, ``init_rule``,
            ``init_config``, ``update_rule``, ``optim_config``.
        aux_param_configs: ``value``, with which an auxiliary parameter starts.

    Example::

        class Net(ModelBase):
            def __init__(self):
                super().__init__()
                self.add_param('w', (784, 10)).add_param('b', (10,), init_rule='constant')

            def forward(self, X, mode):
                return layers.affine(X, self.params['w'], self.params['b'])

            def loss(self, predict, y):
                return layers.softmax_loss(predict, y)
    """

    _forward_takes_mode = True

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.aux_params: dict[str, Any] = {}
        self.param_configs: dict[str, dict[str, Any]] = {}
        self.aux_param_configs: dict[str, dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "forward" in vars(cls):
            cls._forward_takes_mode = _takes_mode(cls.forward)

    def add_param(self, name: str, shape: tuple[int, ...], **config: Any) -> ModelBase:
        """Declare a parameter.

        Args:
            name: its key in ``params``.
            shape: a tuple of positive integers, or one.
            config: ``init_rule`` and ``init_config``, ``update_rule`` and ``optim_config``, which go before
                those of the solver for this parameter.

        Returns:
            The model, so that declarations can follow each other with a dot.

        Raises:
            ModelError: for a name that is taken, a shape that is none, and another keyword.
        """
        self._require_new(name)
        unknown = config.keys() - _CONFIG_KEYS
        if unknown:
            raise ModelError(
                f"parameter {name!r}: there is no {', '.join(sorted(unknown))}; a parameter has a shape and "
                f"may have {', '.join(_CONFIG_KEYS)}"
            )
        self.param_configs[name] = {"shape": _as_shape(name, shape), **config}
        self.params[name] = None
        return self

    def add_params(self, configs: Mapping[str, Mapping[str, Any]]) -> ModelBase:
        """Declare several: ``{name: {'shape': shape, ...}}``, such as ``Function.get_params`` gives."""
        for name, config in configs.items():
            if not isinstance(config, Mapping) or "shape" not in config:
                raise ModelError(f"parameter {name!r}: its shape is missing; give {{'shape': (...), ...}}")
            self.add_param(name, **config)
        return self

    def add_aux_param(self, name: str, value: Any = None) -> ModelBase:
        """Declare an auxiliary parameter, which ``forward`` reads and assigns.

        Args:
            name: its key in ``aux_params``.
            value: what it starts with; None where ``forward`` knows what to do with None. Numbers and arrays
                of NumPy become MinPy's, floating ones of the default dtype, as parameters are.

        Returns:
            The model.

        Raises:
            ModelError: for a name that is taken.
        """
        self._require_new(name)
        self.aux_param_configs[name] = {"value": value}
        self.aux_params[name] = _as_array(value)
        return self

    def add_aux_params(self, configs: Mapping[str, Mapping[str, Any]]) -> ModelBase:
        """Declare several: ``{name: {'value': value}}``, such as ``Function.get_aux_params`` gives."""
        for name, config in configs.items():
            self.add_aux_param(name, **config)
        return self

    def reset_aux_params(self) -> None:
        """Give the auxiliary parameters the values again that they were declared with."""
        for name, config in self.aux_param_configs.items():
            self.aux_params[name] = _as_array(config["value"])

    def _require_new(self, name: str) -> None:
        if "params" not in vars(self):
            raise ModelError(
                f"call super().__init__() at the beginning of {type(self).__name__}.__init__, before "
                "parameters are declared"
            )
        if not isinstance(name, str) or not name:
            raise ModelError(f"the name of a parameter is a text, not {name!r}")
        if name in self.param_configs or name in self.aux_param_configs:
            raise ModelError(f"the model has a parameter {name!r} already; give this one another name")

    def forward(self, X: Any, mode: str) -> Any:
        """What the model predicts for ``X``; ``mode`` is 'train' or 'test'. Subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, X, mode)")

    def loss(self, predict: Any, y: Any) -> Any:
        """How far ``predict``, a result of ``forward``, is from ``y``: one number. Subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(self, predict, y)")

    def forward_batch(self, batch: Any, mode: str) -> Any:
        """What the model predicts for a batch of an iterator: ``forward`` of its first array.

        Override it for several arrays, or where the labels are needed: ``batch.data`` and ``batch.label`` are
        lists of arrays.
        """
        if self._forward_takes_mode:
            return self.forward(batch.data[0], mode)
        return self.forward(batch.data[0])  # type: ignore[call-arg]

    def loss_batch(self, batch: Any, predict: Any) -> Any:
        """The loss of a batch: ``loss`` with its first label. Override it for several, or for none."""
        if not batch.label:
            raise ModelError(
                "the batches have no labels for loss(predict, y): give the iterator some, or override "
                "loss_batch(batch, predict)"
            )
        return self.loss(predict, batch.label[0])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``params`` and ``aux_params`` to a file in the format safetensors, by their names.

        A crash at any moment leaves the file as it was before.

        Raises:
            ModelError: a parameter is not initialised.
            OSError: the file cannot be written.
        """
        missing = [name for name, value in self.params.items() if value is None]
        if missing:
            raise ModelError(f"there is nothing to save yet: {', '.join(missing)} not initialised")
        storage.save(path, {**self.params, **self.aux_params})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take ``params`` and ``aux_params`` from a file that ``save`` wrote, or another of the format.

        Raises:
            StorageError: the file is damaged, or none of this format.
            ModelError: it does not have the parameters of this model, with their shapes and dtypes.
            OSError: the file cannot be read.

        Nothing is changed then.
        """
        self.take(storage.load(path), os.fspath(path))

    def take(self, values: Mapping[str, Any], source: str) -> None:
        """Take ``params`` and ``aux_params`` from arrays by their names; ``source`` is where they come from.

        Raises:
            ModelError: they are not those of this model. Nothing is changed then.
        """
        current = {**self.params, **self.aux_params}
        problems = [f"it has no {name!r}" for name in current if name not in values]
        problems += [f"the model has no {name!r}" for name in values if name not in current]
        for name, value in current.items():
            if name in values:
                problems += self._misfits(name, value, values[name])
        if problems:
            raise ModelError(f"{source} does not fit this model: {'; '.join(problems)}")
        taken = {name: _like(value, values[name]) for name, value in current.items()}
        self.params.update({name: taken[name] for name in self.params})
        self.aux_params.update({name: taken[name] for name in self.aux_params})

    def _misfits(self, name: str, current: Any, new: Any) -> list[str]:
        """Why an array cannot be a parameter's value. An auxiliary one that is no array may become one."""
        if name in self.aux_params and new is None:
            return []
        if not isinstance(new, (numpy.ndarray, Array)) and (name in self.params or isinstance(new, str)):
            return [f"{name!r} is no array, but {new!r}"]
        if name in self.aux_params and numpy.ndim(current) == 0:
            return []
        shape = self.param_configs[name]["shape"] if name in self.params else current.shape
        if new.shape != shape:
            return [f"{name!r} has shape {new.shape}, in the model {shape}"]
        if new.dtype != (new.dtype if current is None else current.dtype):
            return [f"{name!r} is {new.dtype}, in the model {current.dtype}"]
        return (
            [] if name in self.aux_params or new.dtype.kind == "f" else [f"{name!r} is {new.dtype}, no float"]
        )


#: what may be said of a parameter, beside its shape
_CONFIG_KEYS = ("init_rule", "init_config", "update_rule", "optim_config")


def _takes_mode(forward: Any) -> bool:
    """Whether a ``forward`` has a parameter for the mode: ``forward(self, X)`` is allowed."""
    parameters = list(inspect.signature(forward).parameters.values())
    return len(parameters) > 2 or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _as_shape(name: str, shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    if not is_shape(sizes):
        raise ModelError(f"parameter {name!r}: a shape is a tuple of positive integers, not {shape!r}")
    return tuple(int(n) for n in sizes)


def _as_array(value: Any) -> Any:
    if value is None or isinstance(value, Array):
        return value
    array = numpy.asarray(value)
    return np.array(array.astype(default_dtype()) if array.dtype.kind == "f" else array)


def _like(current: Any, new: Any) -> Any:
    """A new value, of an array a copy where the current one is."""
    if not isinstance(new, (numpy.ndarray, Array)):
        return new
    array = np.array(new)
    return array.as_in_context(current.context) if isinstance(current, Array) else array
