"""Models for plain MXNet, and from it: ``-symbol.json``, a graph, and ``.params``, its arrays.

What is exported is the prediction in mode 'test', as the compiler sees it, made of MXNet's own operators.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

import numpy

import minpy.numpy as np
from minpy.compiler.emit import emit
from minpy.compiler.whole import Whole, whole_graph
from minpy.core.function import Function
from minpy.errors import ModelError, NotCompiledError, SymbolError, UnsupportedError
from minpy.nn.any_batch import OneBatch, for_any_batch
from minpy.nn.checks import require_shapes
from minpy.nn.io import DataBatch
from minpy.nn.model import ModelBase
from minpy.nn.symbols import read_symbol
from minpy.runtime import native
from minpy.runtime.network import Network
from minpy.runtime.params import read_params, variable_attributes, write_params
from minpy.runtime.store import write_whole


class Exported(NamedTuple):
    """The files that were written, and the batch size that the symbol is for; None where it is for any."""

    symbol: str
    params: str
    batch: int | None


def export_mxnet(
    model: ModelBase,
    prefix: str | os.PathLike[str],
    shape: tuple[int, ...] | Mapping[str, tuple[int, ...]],
    epoch: int = 0,
    data_name: str = "data",
    labels: Mapping[str, tuple[int, ...]] | None = None,
) -> Exported:
    """Write a model for plain MXNet, which loads it by ``mx.model.load_checkpoint(prefix, epoch)`` or
    ``mx.gluon.SymbolBlock.imports`` and gives the same numbers.

    Args:
        model: with initialised parameters. Its ``forward``, or where it has none its ``forward_batch``,
            compiles as a whole. Nothing of it is changed.
        prefix: of the files, ``prefix-symbol.json`` and ``prefix-0000.params``.
        shape: of the data, with the batch size first. Where the graph allows it, others work too. For batches
            of several arrays a dict of names and shapes, in the order of ``batch.data``.
        epoch: the number in the second file's name.
        data_name: what the data is called; parameters have the names of the model's.
        labels: names and shapes of ``batch.label``, for a ``forward_batch`` that looks at them.

    Raises:
        ModelError: ``forward`` is not one graph of MXNet's operators; the text names the line, and why.
        OSError: a file cannot be written.
        TypeError, ValueError: for what is no model, and no shape.
    """
    if not isinstance(model, ModelBase):
        raise TypeError(f"model is an object of a class with the base ModelBase, not {model!r}")
    shapes = dict(shape) if isinstance(shape, Mapping) else {data_name: shape}
    require_shapes(**{**shapes, **(labels or {})})
    size = next(iter(shapes.values()))[0]
    one = _emitted(model, shapes, labels or {}, size)
    for_any = _for_any_batch(model, shapes, labels or {}, one, size)
    symbol, arrays = for_any or (one.symbol, one.arrays)
    files = Exported(
        f"{os.fspath(prefix)}-symbol.json",
        f"{os.fspath(prefix)}-{epoch:04d}.params",
        size if for_any is None else None,
    )
    write_params(files.params, {f"arg:{name}": array for name, array in arrays.items()})
    write_whole(files.symbol, json.dumps(symbol, indent=2) + "\n")
    return files


def _emitted(
    model: ModelBase, shapes: Mapping[str, tuple[int, ...]], labels: Mapping[str, tuple[int, ...]], size: int
) -> OneBatch:
    """The symbol of a prediction for batches of so many samples of these shapes, and its other arrays."""
    given = {name: np.zeros((size, *shape[1:])) for name, shape in {**shapes, **labels}.items()}
    data, label = ([given[name] for name in names] for names in (shapes, labels))
    try:
        whole = whole_graph(*_prediction(model, data, label))
        emitted = emit(whole.graph)
    except (NotCompiledError, UnsupportedError) as error:
        raise ModelError(f"{type(model).__name__} cannot be exported: {error}") from None
    names = _names(model, whole, given)
    content = json.loads(native.symbol_of(emitted.symbol_json)[0].tojson())
    arrays = {
        name: numpy.atleast_1d(value) for name, (_, value) in zip(names, whole.inputs) if name not in given
    }
    known = dict(zip(emitted.inputs, names))
    for name, array in emitted.constants.items():
        known[name] = _free(f"constant_{len(known)}", known.values())
        arrays[known[name]] = numpy.atleast_1d(array)  # files have no arrays without an axis
    kept = set()
    for node in content["nodes"]:
        if node["op"] == "null":
            name = node["name"] = known[node["name"]]
            kept.add(name)
            if name in arrays:
                node["attrs"] = variable_attributes(arrays[name])
    if kept.isdisjoint(shapes):
        raise ModelError(f"{type(model).__name__} cannot be exported: its result does not depend on the data")
    return OneBatch(
        content,
        {name: array for name, array in arrays.items() if name in kept},
        {name: value.shape for name, value in given.items() if name in kept},
    )


def _for_any_batch(
    model: ModelBase,
    shapes: Mapping[str, tuple[int, ...]],
    labels: Mapping[str, tuple[int, ...]],
    one: OneBatch,
    size: int,
) -> tuple[dict[str, Any], dict[str, numpy.ndarray]] | None:
    """A symbol for batches of any size, and its arrays, if there is one; ``one`` is for so many samples."""
    for larger in (size + 1, size + 2):  # from some size on another operator may be the faster one
        try:
            other = _emitted(model, shapes, labels, larger)
        except ModelError:
            return None
        if (found := for_any_batch(one, other)) is not None:
            return found
        one = other
    return None


def _prediction(model: ModelBase, data: list[Any], labels: list[Any]) -> tuple[Any, ...]:
    """What predicts for a batch, and its arguments: ``forward`` where the model has one, for the errors."""
    if type(model).forward is ModelBase.forward or labels or len(data) > 1:
        return model.forward_batch, DataBatch(data, labels), "test"
    return (model.forward, data[0], "test") if model._forward_takes_mode else (model.forward, data[0])


def _names(model: ModelBase, whole: Whole, given: Mapping[str, Any]) -> list[str]:
    """What inputs of a graph are called: parameters as in the model, other arrays by where they are read."""
    batch = {id(value): name for name, value in given.items()}
    own = {
        id(value): name for name, value in {**model.params, **model.aux_params}.items() if value is not None
    }
    names: list[str] = []
    for path, value in whole.inputs:
        name = batch.get(id(value))
        if name is None:
            name = own.get(id(value)) or path.strip("._").replace(".", "_")
            name = _free(name, [*names, *given])
        names.append(name)
    return names


def _free(name: str, taken: Any) -> str:
    while name in taken:
        name += "_"
    return name


class SymbolModel(ModelBase):
    """A model whose ``forward`` is a symbol of MXNet's; what ``import_mxnet`` gives.

    Args:
        function: the symbol.
        data_name: its argument that is the data.
        labels: its other arguments that are no parameters.
        loss: of a prediction and a label; without it the model only predicts.
    """

    def __init__(self, function: Function, data_name: str, labels: tuple[str, ...], loss: Callable | None):
        super().__init__()
        self.function = function
        self.data_name = data_name
        self.labels = labels
        self._loss = loss
        self.add_params(function.get_params()).add_aux_params(function.get_aux_params())

    def forward(self, X: Any, mode: str = "test") -> Any:
        """What the symbol gives; its labels are zeros, on which only gradients depend."""
        shapes = self.function.input_shapes
        labels = {name: np.zeros((X.shape[0], *shapes[name][1:])) for name in self.labels}
        return self._apply(X, labels, mode)

    def forward_batch(self, batch: Any, mode: str) -> Any:
        return self._apply(batch.data[0], dict(zip(self.labels, batch.label)), mode)

    def _apply(self, X: Any, labels: dict[str, Any], mode: str) -> Any:
        arrays = {self.data_name: X, **labels, **self.params}
        return self.function(mode=mode, aux_params=self.aux_params, **arrays)

    def loss(self, predict: Any, y: Any) -> Any:
        if self._loss is None:
            raise ModelError("the model was imported without a loss; import_mxnet(..., loss=) takes one")
        return self._loss(predict, y)


def import_mxnet(
    prefix: str | os.PathLike[str],
    shape: tuple[int, ...],
    epoch: int = 0,
    data_name: str = "data",
    loss: Callable | None = None,
) -> SymbolModel:
    """A model from ``prefix-symbol.json`` and ``prefix-0000.params``, which MXNet's modules and Gluon write.

    It can be trained on, and saved like any other.

    Args:
        prefix, epoch: of the files.
        shape: of the data, with the batch size first; calls may have another one.
        data_name: what the symbol calls the data. Arguments that are neither that nor in the file are labels.
        loss: of a prediction and a label, such as ``layers.softmax_cross_entropy``; for training.

    Raises:
        StorageError: a file is damaged, or of another kind.
        SymbolError: the symbol has a node that cannot be translated, or does not take the data.
        ModelError: the parameters are not those of the symbol.
        ValueError: ``shape`` is no shape.
        OSError: a file cannot be read.
    """
    require_shapes(**{data_name: shape})
    path = f"{os.fspath(prefix)}-symbol.json"
    symbol = read_symbol(path)
    params = f"{os.fspath(prefix)}-{epoch:04d}.params"
    found = {name.split(":", 1)[-1]: array for name, array in read_params(params).items()}
    network = Network(symbol)
    labels = tuple(name for name in network.arguments if name not in found and name != data_name)
    shapes, _, _ = network.shapes({data_name: tuple(shape)})
    missing = [name for name in labels if not shapes[name]]
    if missing:
        raise SymbolError(f"{path}: {missing[0]} is not in {params}, and has no shape of its own")
    inputs = {data_name: tuple(shape), **{name: shapes[name] for name in labels}}
    name = os.path.basename(os.fspath(prefix))
    model = SymbolModel(Function(symbol, inputs, name), data_name, labels, loss)
    model.take({key: found[key] for key in found if key in {**model.params, **model.aux_params}}, params)
    return model
