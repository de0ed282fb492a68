"""One symbol of MXNet's for batches of any size, made of two that are for one size each.

What differs between the two has to follow from the size: a size in a new shape, the end of a slice, and the
length of arrays of equal rows, such as the zeros with which a recurrent network starts.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from minpy.errors import SymbolError
from minpy.runtime import native
from minpy.runtime.network import Network
from minpy.runtime.params import variable_attributes


class OneBatch(NamedTuple):
    """A symbol, as JSON that was read, for batches of one size.

    Attributes:
        arrays: what its variables hold, but for those of the batch.
        shapes: those of the batch, by name.
    """

    symbol: dict[str, Any]
    arrays: dict[str, numpy.ndarray]
    shapes: Mapping[str, tuple[int, ...]]


#: what stands in an attribute for the size that MXNet finds by itself
_INFERRED = {("_np_reshape", "newshape"): -1, ("slice", "end"): None}


def for_any_batch(one: OneBatch, other: OneBatch) -> tuple[dict[str, Any], dict[str, numpy.ndarray]] | None:
    """A symbol and its arrays, for these two sizes and all others; None where more differs."""
    nodes, twins = one.symbol["nodes"], other.symbol["nodes"]
    if len(nodes) != len(twins) or one.arrays.keys() != other.arrays.keys():
        return None
    merged = [node for node in map(_merged, nodes, twins) if node is not None]
    if len(merged) < len(nodes):
        return None
    batch = next(number for number, node in enumerate(nodes) if node["name"] in one.shapes)
    arrays = {}
    for name, array in one.arrays.items():
        axis = _batch_axis(array, other.arrays[name])
        if axis is None:
            return None
        arrays[name] = array if axis < 0 else array.take([0], axis)
        if axis >= 0:
            number = next(number for number, node in enumerate(nodes) if node["name"] == name)
            row, rows = {**nodes[number], "attrs": variable_attributes(arrays[name])}, f"{name}_rows"
            inputs = [[len(merged), 0, 0], [batch, 0, 0]]
            merged.append(row)
            merged[number] = _node("broadcast_like", rows, inputs, lhs_axes=f"({axis},)", rhs_axes="(0,)")
    arguments = [number for number, node in enumerate(merged) if node["op"] == "null"]
    content = {**one.symbol, "nodes": merged, "arg_nodes": arguments}
    symbol = json.loads(native.symbol_of(json.dumps(content)).tojson())  # each node behind its inputs again
    try:
        is_same = all(_shapes(symbol, x) == _shapes(x.symbol, x) for x in (one, other))
    except SymbolError:
        return None
    return (symbol, arrays) if is_same else None


def _node(op: str, name: str, inputs: list[list[int]], **attrs: str) -> dict[str, Any]:
    return {"op": op, "name": name, "attrs": attrs, "inputs": inputs}


def _merged(node: dict, twin: dict) -> dict | None:
    """A node for any size, from those for two."""
    if node["op"] == "null" and node["name"] == twin["name"]:
        return node
    attrs, others = node.get("attrs", {}), twin.get("attrs", {})
    for key in attrs.keys() & others.keys():
        if attrs[key] != others[key] and (node["op"], key) in _INFERRED:
            free = _with_inferred(attrs[key], others[key], _INFERRED[node["op"], key])
            attrs, others = {**attrs, key: free}, {**others, key: free}
    return {**node, "attrs": attrs} if {**node, "attrs": attrs} == {**twin, "attrs": others} else None


def _with_inferred(one: str, other: str, inferred: int | None) -> str:
    """A tuple whose one size that differs is left to be inferred; the same where more differs."""
    sizes, others = ast.literal_eval(one), ast.literal_eval(other)
    differ = [i for i, (n, m) in enumerate(zip(sizes, others)) if n != m]
    if len(sizes) != len(others) or len(differ) != 1:
        return one
    return str((*sizes[: differ[0]], inferred, *sizes[differ[0] + 1 :]))


def _batch_axis(one: numpy.ndarray, other: numpy.ndarray) -> int | None:
    """Along which axis an array repeats a row for each sample, -1 if along none; None where more differs."""
    differ = [i for i, (n, m) in enumerate(zip(one.shape, other.shape)) if n != m]
    if one.ndim != other.ndim or len(differ) > 1:
        return None
    rows = one.take([0], differ[0]) if differ else one
    are_equal = all(numpy.array_equal(array, numpy.broadcast_to(rows, array.shape)) for array in (one, other))
    return (*differ, -1)[0] if are_equal else None


def _shapes(symbol: dict[str, Any], batch: OneBatch) -> dict[str, tuple[int, ...]]:
    """The shapes of what the operators of a symbol for one size give, where a symbol gets such a batch."""
    shapes = Network(native.symbol_of(json.dumps(symbol)).get_internals()).shapes(batch.shapes)[1]
    operators = Network(native.symbol_of(json.dumps(batch.symbol)).get_internals()).output_names
    return {name: shapes.get(name, ()) for name in operators if name not in batch.arrays}
