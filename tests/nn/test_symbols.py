"""A ``-symbol.json`` that is damaged or hostile is an error. MXNet itself ends the process, or worse."""

from __future__ import annotations

import json

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import StorageError
from minpy.nn.symbols import read_symbol
from minpy.runtime.engine import mx

DATA = {"op": "null", "name": "data", "inputs": []}
SPLIT = {"op": "SliceChannel", "name": "s", "attrs": {"num_outputs": "3"}, "inputs": [[0, 0, 0]]}


def node(op="tanh", inputs=((0, 0, 0),), **attrs):
    return {"op": op, "name": "t", "attrs": attrs, "inputs": list(map(list, inputs))}


def read(path, nodes, heads=None):
    heads = heads or [[len(nodes) - 1, 0, 0]]
    path.write_text(json.dumps({"nodes": nodes, "arg_nodes": [0], "heads": heads}))
    return read_symbol(path)


def test_a_symbol_is_as_mxnet_wrote_it(tmp_path):
    data = mx.sym.Variable("data")
    parts = mx.sym.SliceChannel(data, num_outputs=3, name="s")
    looped, _ = mx.sym.contrib.foreach(lambda x, state: (x * state[1], state), data, [parts[1], parts[2]])
    for symbol in (data, parts[2] - parts[0], mx.sym.Group([parts[1], data]), looped):
        symbol.save(str(tmp_path / "s.json"))
        assert read_symbol(tmp_path / "s.json").tojson() == symbol.tojson()


@pytest.mark.parametrize(
    ("nodes", "heads", "text"),
    [
        ([DATA, node(inputs=[(0, 9, 0)])], None, "'data' has no output 9"),
        ([DATA, SPLIT, node(inputs=[(1, 3, 0)])], None, "'s' has no output 3"),
        ([DATA, SPLIT], [[1, 3, 0]], "'s' has no output 3"),
        ([DATA, node(inputs=[(1, 0, 0)])], None, "'t' uses what there is not before it"),
        ([DATA, node(inputs=[(-1, 0, 0)])], None, "'t' uses what there is not before it"),
        ([DATA, node()], [[7, 0, 0]], "of 2 nodes the results are"),
        ([DATA, node(inputs=[("0", 0, 0)])], None, "no numbers of a node"),
        ([DATA, node("_Native", info="0x41414141")], None, "'t' is a _Native, which no file can have"),
        ([DATA, node("_NDArray", info="0x41414141")], None, "_NDArray"),
        ([DATA, node("_minpy_program", program="1094795585")], None, "_minpy_program"),
        ([DATA, {**node(), "subgraphs": [{"nodes": [], "heads": [[9, 0, 0]]}]}], None, "of 0 nodes"),
        ([DATA, node("Activation", act_type="relu'); import os #")], None, "act_type"),
    ],
)
def test_what_mxnet_does_not_check_is_checked(nodes, heads, text, tmp_path):
    minpy.jit(lambda x: np.exp(x) * 2)(np.array(numpy.ones(3)))  # kernels are an operator of MXNet's now
    with pytest.raises(StorageError, match=f"s.json is damaged, or no symbol of MXNet: .*{text}"):
        read(tmp_path / "s.json", nodes, heads)


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"nodes": 3}', '{"nodes": ' + "[" * 100_000, "\xff\xfe"]
)
def test_what_is_no_symbol(text, tmp_path):
    (tmp_path / "s.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StorageError, match="is damaged, or no symbol of MXNet"):
        read_symbol(tmp_path / "s.json")
