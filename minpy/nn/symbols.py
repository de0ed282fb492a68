"""MXNet's ``-symbol.json``, looked at before MXNet reads it.

MXNet does not check which outputs of a node are used, or whether nodes go round in a circle, and ends the
process where that is wrong. Some of its operators take addresses of memory from the file, and call what is
there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from minpy.errors import StorageError
from minpy.runtime import native
from minpy.runtime.kernels import OPERATOR

#: Operators that mean something within one process only; the attributes of most are addresses.
_NOT_FOR_FILES = frozenset(("_Native", "_NDArray", "_CachedOp", OPERATOR))


def read_symbol(path: str | os.PathLike[str]) -> Any:
    """The symbol in a file.

    Raises:
        StorageError: it is damaged, no symbol of MXNet, or has an operator that no file can have.
        OSError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        for graph in _graphs(content):
            _check_order(graph)
            if any(output for _, output in _uses(graph)):
                _check_outputs(graph)
        return native.symbol_of(json.dumps(content, ensure_ascii=False))
    except native.MXNetError as error:
        reason = native.short_message(error)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = str(error)
    raise StorageError(f"{os.fspath(path)} is damaged, or no symbol of MXNet: {reason}")


def _graphs(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The graphs inside nodes, such as the body of a loop, and the whole."""
    for node in content["nodes"]:
        for inner in node.get("subgraphs", ()):
            yield from _graphs(inner)
    yield content


def _check_order(graph: Mapping[str, Any]) -> None:
    """Raise ValueError where a node does not stand behind those that it uses."""
    nodes = graph["nodes"]
    for number, node in enumerate(nodes):
        if node["op"] in _NOT_FOR_FILES:
            raise ValueError(f"{node['name']!r} is a {node['op']}, which no file can have")
        if not all(0 <= used < number and output >= 0 for used, output in _entries(node["inputs"])):
            raise ValueError(f"{node['name']!r} uses what there is not before it: {node['inputs']}")
    heads = list(_entries(graph["heads"]))
    if not heads or not all(0 <= used < len(nodes) and output >= 0 for used, output in heads):
        raise ValueError(f"of {len(nodes)} nodes the results are {graph['heads']}")


def _check_outputs(graph: Mapping[str, Any]) -> None:
    """Raise ValueError where a node lacks an output that is used.

    MXNet counts the outputs, in a graph of the same nodes that use the first of each only.
    """
    nodes = [
        {**node, "name": f"n{number}", "inputs": [[used, 0, 0] for used, _ in _entries(node["inputs"])]}
        for number, node in enumerate(graph["nodes"])
    ]
    heads = [[number, 0, 0] for number in range(len(nodes))]
    symbol = native.symbol_of(json.dumps({**graph, "nodes": nodes, "heads": heads}, ensure_ascii=False))
    names = [name.partition("_")[0] for name in symbol.get_internals().list_outputs()]
    for used, output in _uses(graph):
        if output >= names.count(f"n{used}"):
            raise ValueError(f"{graph['nodes'][used]['name']!r} has no output {output}")


def _uses(graph: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """All outputs that are used."""
    for entries in (*(node["inputs"] for node in graph["nodes"]), graph["heads"]):
        yield from _entries(entries)


def _entries(entries: Any) -> Iterator[tuple[int, int]]:
    """The numbers of nodes and of their outputs; MXNet does not look at a third one, a version."""
    for node, output, *_ in entries:
        if type(node) is not int or type(output) is not int:
            raise ValueError(f"{node!r} and {output!r} are no numbers of a node and its output")
        yield node, output
