"""MXNet symbols as data: nodes, names, and the shapes that MXNet infers."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from minpy.errors import SymbolError
from minpy.runtime import native


class Node(NamedTuple):
    """An operator of a symbol, or with ``op`` 'null' one of its variables.

    ``inputs`` are (number of a node, number of its output); ``attrs`` are MXNet's texts.
    """

    op: str
    name: str
    inputs: tuple[tuple[int, int], ...]
    attrs: Mapping[str, str]

    def attr(self, name: str, default: Any) -> Any:
        """An attribute as a Python value: a number, a truth value, a tuple; a text where ``default`` is one.

        Raises:
            SymbolError: for another text, since what is no text ends up in source code.
        """
        text = self.attrs.get(name)
        if text is None or text == "None":
            return default
        try:
            found = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
        except (ValueError, SyntaxError):
            found = float(text) if text in ("inf", "-inf", "nan") else text
        if isinstance(found, str) and not isinstance(default, str):
            raise SymbolError(f"{self.name}: {name}={text!r} is no number, and no tuple of numbers")
        return tuple(found) if isinstance(found, list) else found


class Network:
    """A symbol.

    Attributes:
        nodes: each after those that it takes.
        outputs: as the inputs of a node; ``output_names`` are MXNet's names for them.
        arguments, states: the names of the variables; states are those that operators write.
    """

    def __init__(self, symbol: Any):
        if not native.is_symbol(symbol):
            raise SymbolError(f"a function is made of an mxnet.sym.Symbol, not of a {type(symbol).__name__}")
        self.symbol = symbol
        self.json: str = symbol.tojson()
        content = json.loads(self.json)
        for node in content["nodes"]:
            if "subgraphs" in node:
                raise SymbolError(
                    f"{node['name']}: a loop or a branch of MXNet ({node['op']}) is not translated"
                )
        self.nodes = [
            Node(
                node["op"],
                node["name"],
                tuple((entry[0], entry[1]) for entry in node["inputs"]),
                {key: text for key, text in node.get("attrs", {}).items() if not key.startswith("__")},
            )
            for node in content["nodes"]
        ]
        self.outputs = [(entry[0], entry[1]) for entry in content["heads"]]
        self.output_names: list[str] = symbol.list_outputs()
        self.arguments: list[str] = symbol.list_arguments()
        self.states: list[str] = symbol.list_auxiliary_states()
        names = [*self.arguments, *self.states]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SymbolError(f"two variables of the symbol are called {twice!r}; use one, or another name")

    def shapes(self, given: Mapping[str, tuple[int, ...]]) -> tuple[dict, dict, dict]:
        """The shapes of arguments, outputs and states by their names, where some arguments have these.

        Raises:
            SymbolError: they do not fit, or do not tell the others.
        """
        unknown = [name for name in given if name not in self.arguments]
        if unknown:
            raise SymbolError(
                f"the symbol has no argument {unknown[0]!r}; it has {', '.join(self.arguments)}"
            )
        try:
            found = self.symbol.infer_shape_partial(**given)  # infer_shape prints what it cannot tell
        except native.MXNetError as error:
            raise SymbolError(f"shapes that do not fit: {native.short_message(error)}") from None
        if any(shape is None or -1 in shape for shapes in found for shape in shapes or ()):
            raise SymbolError(f"{dict(given)} does not tell the shapes of all arguments of the symbol")
        names = self.arguments, self.output_names, self.states
        arguments, outputs, states = (dict(zip(n, map(tuple, shapes))) for n, shapes in zip(names, found))
        return arguments, outputs, states
