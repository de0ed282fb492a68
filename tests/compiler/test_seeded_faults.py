"""Ten breaks and ten recompilations, each put on one line: explain points at that line, ten times of ten.

The line of the fault ends with ``# fault``.
"""

from __future__ import annotations

import inspect
import json
import types

import numpy
import pytest

import minpy
import minpy.numpy as np

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))


class Log:
    last = None


def fault_line(*functions):
    """(file, line) of the line that is marked in one of the functions."""
    for function in functions:
        lines, first = inspect.getsourcelines(function)
        for number, text in enumerate(lines, first):
            if text.rstrip().endswith("# fault"):
                return inspect.getsourcefile(function), number
    raise AssertionError("no line is marked")


# Breaks ----------------------------------------------------------------------------------------


def prints(x):
    y = np.tanh(x)
    print(y.shape, end="")  # fault
    return y * 2


def unknown_function(x):
    y = x + 1
    z = np.unwrap(y)  # fault
    return z * y


def branch_on_data(x):
    y = x * 3
    if np.sum(y) > 1:  # fault
        y = y - 1
    return y


def loop_on_data(x):
    y = x + 1
    while np.max(y) > 0.5:  # fault
        y = y * 0.25
    return y + 1


def text_of_data(x):
    y = np.exp(x * 0.1)
    text = f"{np.sum(y)}"  # fault
    return y * len(text)


def random_numbers(x):
    y = x * 2
    np.random.seed(0)  # fault
    return y + np.random.uniform(0, 1, (2, 3))


def selection_by_mask(x):
    y = x - 1
    positive = y[y > 0]  # fault
    return np.sum(positive) + np.sum(y)


def changes_a_class(x):
    y = np.abs(x)
    Log.__doc__ = "of absolute values"  # fault
    return y + 1


def no_mxnet_operator(x):
    y = x * 2
    z = np.sort(y, axis=0)  # fault
    return z + y


def helper(x):
    y = x + 1
    return np.unwrap(y) * 2  # fault


def in_a_function_that_is_called(x):
    y = x * 2
    z = helper(y)
    return z + y


BREAKS = [
    prints,
    unknown_function,
    branch_on_data,
    loop_on_data,
    text_of_data,
    random_numbers,
    selection_by_mask,
    changes_a_class,
    no_mxnet_operator,
    in_a_function_that_is_called,
]


@pytest.mark.parametrize("function", BREAKS)
@pytest.mark.parametrize("runs", [True, False], ids=["after a call", "before any call"])
def test_break(function, runs, capsys):
    compiled = minpy.jit(function)
    if runs:
        compiled(X)
    found = minpy.explain(compiled) if runs else minpy.explain(compiled, X)
    file, line = fault_line(function, helper)
    (leftover,) = (item for item in found.leftovers if not item.is_unforeseen)
    assert (leftover.cause.file, leftover.cause.line) == (file, line)
    assert leftover.fix
    (plain,) = (
        item
        for item in json.loads(json.dumps(found.to_dict()))["leftovers"]
        if item["reason"] == leftover.reason
    )
    assert plain["cause"] == {"file": file, "line": line}

    lines = str(found).splitlines()
    marked = next(i for i, text in enumerate(lines) if text.startswith(f"{leftover.line:5} "))
    assert lines[marked].split("|")[0].split()[-1].split(",")[-1] in ("py", "flow")
    below = "\n".join(lines[marked + 1 : marked + 6])
    assert "^" in lines[marked + 1] and leftover.reason in " ".join(below.replace("|", " ").split())
    assert f"to compile it: {leftover.fix}"[:40] in below
    if line != leftover.line:
        assert f"line {line}: return np.unwrap(y) * 2" in below


# Recompilations --------------------------------------------------------------------------------

SCALE = 2
CONFIG = {"power": 2}
PARTS = [1, 2]


def activation(x):
    return np.tanh(x)


class Model:
    def __init__(self):
        self.depth = 1

    def forward(self, x):
        y = x + 1
        return y * self.depth  # fault


def shape(x):
    return np.sum(x * 2)  # fault


def dtype(x):
    return np.exp(x)  # fault


def mode(x, mode):
    y = x + 1
    if mode == "train":  # fault
        y = y * 2
    return y


def number_of_turns(x, n):
    y = x + 1
    for _ in range(n):  # fault
        y = y * 2
    return y


def global_number(x):
    y = x + 1
    return y * SCALE  # fault


def dict_entry(x):
    y = x + 1
    return y ** CONFIG["power"]  # fault


def list_length(x):
    y = x + 1
    for part in PARTS:  # fault
        y = y + part
    return y


def replaced_helper(x):
    y = x + 1
    return activation(y)  # fault


def deciding_float(x, rate):
    y = x + 1
    if rate > 0.5:  # fault
        y = y * rate
    return y


def other_activation(x):
    return np.exp(x)


#: the function, its arguments, and what changes: new arguments, or a global name with a new value
RECOMPILATIONS = {
    "shape": (shape, (X,), (np.ones((4, 3)),)),
    "dtype": (dtype, (X,), (X.astype("float64"),)),
    "mode": (mode, (X, "train"), (X, "test")),
    "number of turns": (number_of_turns, (X, 2), (X, 3)),
    "float that decides": (deciding_float, (X, 0.75), (X, 0.25)),
    "global number": (global_number, (X,), {"SCALE": 3}),
    "dict entry": (dict_entry, (X,), {"CONFIG": {"power": 3}}),
    "list length": (list_length, (X,), {"PARTS": [1, 2, 3]}),
    "replaced helper": (replaced_helper, (X,), {"activation": other_activation}),
}


def check_recompilation(compiled, function):
    found = minpy.explain(compiled)
    file, line = fault_line(function)
    (item,) = found.recompilations
    assert (item.place.file, item.place.line) == (file, line)
    assert " changed from " in item.reason and item.fix
    (plain,) = json.loads(json.dumps(found.to_dict()))["recompilations"]
    assert plain["place"] == {"file": file, "line": line}
    after = str(found).split("compiled again because\n")[1]
    assert after.splitlines()[0].startswith(f"  line {line}: ")
    assert f"to compile less: {item.fix}" in after


@pytest.mark.parametrize("name", RECOMPILATIONS)
def test_recompilation(name, monkeypatch):
    function, args, change = RECOMPILATIONS[name]
    compiled = minpy.jit(function)
    compiled(*args)
    assert not minpy.explain(compiled).recompilations
    if isinstance(change, dict):
        for key, value in change.items():
            monkeypatch.setitem(function.__globals__, key, value)
        change = args
    for _ in range(2):
        compiled(*change)
    check_recompilation(compiled, function)


def test_recompilation_by_an_attribute():
    compiled, model = minpy.jit(Model.forward), Model()
    compiled(model, X)
    model.depth = 2
    compiled(model, X)
    check_recompilation(compiled, Model.forward)


def test_recompilation_by_a_closure_cell():
    k = 2

    def closed(x):
        y = x + 1
        return y * k  # fault

    compiled = minpy.jit(closed)
    compiled(X)
    k = 3
    compiled(X)
    assert isinstance(closed.__closure__[0], types.CellType)
    check_recompilation(compiled, closed)
