"""``Function``: a symbol of MXNet as a function of arrays, with gradients."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy

import minpy.numpy as np
from minpy.compiler.jit import jit
from minpy.core import rules  # noqa: F401 - which the translation finds
from minpy.core.translation import program_of
from minpy.errors import SymbolError
from minpy.runtime.native import symbol_of
from minpy.runtime.network import Network

_MODES = ("train", "test")


class Function:
    """A symbol of MXNet as a differentiable function of arrays.

    It is called with the symbol's arguments by name; names that the symbol does not have are ignored, so that
    a model can hand over all its parameters::

        net = mx.sym.Convolution(mx.sym.Variable('X'), name='conv', kernel=(3, 3), num_filter=8)
        conv = Function(net, input_shapes={'X': (32, 3, 28, 28)}, name='conv')
        model.add_params(conv.get_params())       # conv_weight and conv_bias
        out = conv(X=images, **model.params)

    The symbol becomes a program in NumPy's words (``source``). Outside of ``minpy.jit`` a call runs that
    program compiled; inside it is part of the caller's graph.

    Args:
        symbol: an ``mxnet.sym.Symbol``, of one or several outputs.
        input_shapes: the shapes of the arguments that are data, for the shapes of the others. Calls may have
            others, such as a last batch that is smaller.
        name: of the function, for messages and ``explain``.

    Attributes:
        aux_params: the auxiliary states, such as moving means of BatchNorm, by name. Calls in mode 'train'
            assign new ones.

    Raises:
        SymbolError: a node that cannot be translated, or shapes that do not fit or do not suffice.
        TypeError: for shapes that are not given by name.
    """

    def __init__(self, symbol: Any, input_shapes: Mapping[str, tuple[int, ...]], name: str = "mxnet_symbol"):
        if not isinstance(input_shapes, Mapping):
            raise TypeError(f"input_shapes has the shapes of the data by name, not {input_shapes!r}")
        self.symbol = symbol
        self.name = name
        self.input_shapes = {key: _as_shape(key, shape) for key, shape in input_shapes.items()}
        network = Network(symbol)
        self._argument_shapes, self._output_shapes, states = network.shapes(self.input_shapes)
        self._programs = {mode: jit(program_of(network, name, mode == "train")) for mode in _MODES}
        self._arguments = tuple(network.arguments)
        self._states = tuple(network.states)
        self._is_alone = len(network.outputs) == 1
        self.aux_params = {key: _first_state(key, shape) for key, shape in states.items()}

    def __call__(self, mode: str = "train", aux_params: dict[str, Any] | None = None, **arrays: Any) -> Any:
        """Apply the symbol.

        Args:
            mode: 'train' or 'test', which matters to Dropout and BatchNorm.
            aux_params: a dict that has the auxiliary states, and is given new ones, instead of the function's
                own; that of a model, so that they are saved with it.
            arrays: the arguments of the symbol by name, and others, which are ignored.

        Returns:
            The output, or a tuple of several.

        Raises:
            TypeError: an argument is missing.
            ValueError: another mode, or shapes that do not fit.
        """
        if mode not in self._programs:
            raise ValueError(f"{self.name}: the mode is 'train' or 'test', not {mode!r}")
        missing = [name for name in self._arguments if arrays.get(name) is None]
        if missing:
            raise TypeError(f"{self.name}: no array is given for {', '.join(missing)}")
        states = self.aux_params if aux_params is None else aux_params
        inputs = [*[arrays[name] for name in self._arguments], *[states[name] for name in self._states]]
        outputs, changed = self._programs[mode](*inputs)
        if mode == "train":
            for name, value in zip(self._states, changed):
                states[name] = value
        return outputs[0] if self._is_alone else outputs

    def get_params(self) -> dict[str, dict[str, Any]]:
        """The arguments that are no inputs, as ``ModelBase.add_params`` takes them."""
        shapes = self._argument_shapes.items()
        return {name: {"shape": shape} for name, shape in shapes if name not in self.input_shapes}

    def get_aux_params(self) -> dict[str, dict[str, Any]]:
        """The auxiliary states, as ``ModelBase.add_aux_params`` takes them."""
        return {name: {"value": value.copy()} for name, value in self.aux_params.items()}

    def get_output_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs by MXNet's names, for the input shapes."""
        return dict(self._output_shapes)

    def get_one_output_shape(self) -> tuple[int, ...]:
        """The shape of the first output, for the input shapes."""
        return next(iter(self._output_shapes.values()))

    def source(self, mode: str = "train") -> str:
        """The program that the symbol becomes, as text."""
        return "".join(inspect.getsource(self._programs[mode].function))

    def __repr__(self) -> str:
        return f"<Function {self.name} of {', '.join(self._arguments)}>"

    def __reduce__(self) -> tuple:
        return _restored, (self.symbol.tojson(), self.input_shapes, self.name, self.aux_params)


def _restored(json: str, input_shapes: dict, name: str, aux_params: dict[str, Any]) -> Function:
    made = Function(symbol_of(json), input_shapes, name)
    made.aux_params.update(aux_params)
    return made


def _as_shape(name: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, (tuple, list)):
        raise SymbolError(f"the shape of {name!r} is a tuple, not {shape!r}")
    return tuple(map(int, shape))


def _first_state(name: str, shape: tuple[int, ...]) -> Any:
    """What MXNet starts with: variances with ones, all else with zeros."""
    return np.array(numpy.full(shape, 1.0 if name.endswith("var") else 0.0, np.zeros(()).dtype))
