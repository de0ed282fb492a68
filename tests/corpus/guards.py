"""What is read from outside of the function, and is another one at some later call."""

from __future__ import annotations

import functools
import math
import operator
import types

import numpy

import minpy.numpy as np
from tests.corpus import elsewhere
from tests.corpus.inputs import V, X
from tests.corpus.registry import program

SCALE = 3
RATE = 0.25
TABLE = {"w": numpy.arange(3.0), "depth": 2}


@program((X,))
def globals_and_tables(x):
    y = x * SCALE + TABLE["w"]
    for _ in range(TABLE["depth"]):
        y = y * RATE
    return y


def another_number(call):
    global LEVEL
    LEVEL = (2, 2, 3, 5, True, 2.5, numpy.float64(2), "x")[call]


@program((V,), (V,), between=another_number, no_gradient="the number is another one at each call")
def global_number(x):
    return x * 2 if LEVEL == "x" else x * LEVEL + LEVEL


def another_array(call):
    global WEIGHTS
    WEIGHTS = [numpy.arange(3.0), numpy.arange(3.0) + 1, np.ones(3), numpy.ones((2, 1)), 4.0, None][call]


@program((V,), (V,), between=another_array, no_gradient="the weights are others at each call")
def global_array(x):
    return x if WEIGHTS is None else x * WEIGHTS


def made(step):
    """A function, and what changes the variable that it shares with another one."""
    scale = 1.0

    def change(call):
        nonlocal scale
        scale = scale + 1 if call % 2 else numpy.float32(step * call)

    def scaled(x):
        return x * scale + step

    return scaled, change


scaled, change = made(2)
program((V,), (V,), between=change, no_gradient="the scale is another one at each call")(scaled)


class Settings:
    limit = 2

    def __init__(self):
        self.rate = 0.5
        self.names = ["a", "b"]
        self.nested = {"deep": [1, {"w": numpy.ones(3)}]}

    def scaled(self, x):
        return x * self.rate


SETTINGS = Settings()


def settings_change(call):
    if call == 1:
        SETTINGS.rate = 2
    if call == 2:
        Settings.limit = 5
    if call == 3:
        SETTINGS.names.append("c")
    if call == 4:
        SETTINGS.nested["deep"][1]["w"] = numpy.arange(3.0)
        SETTINGS.nested["more"] = 1
    if call == 5:
        SETTINGS.scaled = lambda x: x - 7


@program((V,), (V,), between=settings_change, no_gradient="the settings are others at each call")
def attributes_of_an_object(x):
    y = SETTINGS.scaled(x) + len(SETTINGS.names) * SETTINGS.limit
    return y * SETTINGS.nested["deep"][1]["w"], len(SETTINGS.nested), SETTINGS.names[-1]


def by_two(x):
    return x * 2


def add_three(x, by=3):
    return x + by


def another_helper(call):
    global helper
    helper = (by_two, by_two, add_three, functools.partial(add_three, by=1), numpy.exp, Settings().scaled)[
        call
    ]


@program((V,), (V,), between=another_helper, no_gradient="the helper is another one at each call")
def helper_is_replaced(x):
    return helper(x) - 1


def defaults_change(call):
    default_arguments.__defaults__ = ((2, "scale"), (3, "scale"), (3, "shift"), (3.5, "shift"), (None, ""))[
        call
    ]


@program((V,), (V, 4), between=lambda call: defaults_change(min(call, 4)), no_gradient="of changing defaults")
def default_arguments(x, by=0, how=""):
    if by is None:
        return x
    return x * by if how == "scale" else x + by


def keyword_defaults_change(call):
    add_three.__defaults__ = (call % 3,)


@program((V,), (V,), between=keyword_defaults_change, no_gradient="of changing defaults")
def defaults_of_a_helper(x):
    return add_three(x) * 2


def code_changes(call):
    changing.__code__ = (by_two if call % 2 else add_one).__code__


def add_one(x):
    return x + 1


def changing(x):
    return x


@program((V,), (V,), between=code_changes, no_gradient="the code is another one at each call")
def code_of_a_helper(x):
    return changing(x) * 3


LIST = [1.0, 2.0]


def list_changes(call):
    if call == 1:
        LIST.append(3.0)
    if call == 2:
        LIST[0] = 5
    if call == 3:
        LIST.pop()
    if call == 4:
        LIST.clear()


@program((V,), (V,), between=list_changes, no_gradient="the list is another one at each call")
def length_of_a_list(x):
    for value in LIST:
        x = x * value
    return x if len(LIST) > 1 else -x


DICT = {"a": 1.0, "b": 2}


def dict_changes(call):
    if call == 1:
        DICT["c"] = 3
    if call == 2:
        DICT["b"] = 4
    if call == 3:
        DICT["a"] = DICT.pop("a")
    if call == 4:
        del DICT["c"]


@program((V,), (V,), between=dict_changes, no_gradient="the dict is another one at each call")
def entries_of_a_dict(x):
    names = []
    for name, value in DICT.items():
        x = x + value
        names.append(name)
    return x, names, "c" in DICT, DICT.get("c", 0)


def module_changes(call):
    elsewhere.activation = (np.tanh, np.exp, elsewhere.negated, numpy.sqrt)[call % 4]
    elsewhere.OFFSET = call


@program((V,), (V,), between=module_changes, no_gradient="the module is another one at each call")
def attributes_of_a_module(x):
    return elsewhere.activation(abs(x)) + elsewhere.OFFSET, elsewhere.shifted(x)


NAMESPACE = types.SimpleNamespace(on=True, w=numpy.ones(3))


def namespace_changes(call):
    if call == 1:
        NAMESPACE.on = False
    if call == 2:
        NAMESPACE.extra = 2
    if call == 3:
        del NAMESPACE.w
    if call == 4:
        NAMESPACE.w = numpy.ones(3) * 2
        NAMESPACE.on = 1


@program((V,), (V,), between=namespace_changes, no_gradient="it raises")
def attributes_come_and_go(x):
    y = x + 1 if NAMESPACE.on else x - 1
    if hasattr(NAMESPACE, "extra"):
        y = y * NAMESPACE.extra
    return y * NAMESPACE.w  # leftover


def globals_come_and_go(call):
    if call == 2:
        globals()["LATE"] = 3
    if call == 4:
        del globals()["LATE"]


@program((V,), (V,), between=globals_come_and_go, no_gradient="it raises")
def global_that_may_not_be_there(x):
    y = x * 2
    return y + LATE  # leftover  # noqa: F821


def builtin_is_hidden(call):
    if call == 2:
        globals()["len"] = lambda x: 100
    if call == 4:
        del globals()["len"]


@program((V,), (V,), between=builtin_is_hidden, no_gradient="another function at some calls")
def hidden_builtin(x):
    return x * len(x)


class Optimizer:
    def __init__(self):
        self.step = 0
        self.rate = 0.5

    def update(self, w):
        self.step += 1
        rate = self.rate / math.sqrt(self.step)
        return w - rate * w


OPTIMIZER = Optimizer()


def schedule(call):
    OPTIMIZER.rate = 0.5 ** operator.floordiv(call, 2)


program((V,), (V,), between=schedule, no_gradient="each step is another one")(OPTIMIZER.update)


@program(*[(V, k) for k in (1, 2, 3, 5, 8, 13, 2, 40_000)])
def an_int_that_keeps_changing(x, n):
    return x * n + n, n + 1


@program(*[(V, k) for k in (0.1, 0.2, 0.3, 1e300, -0.0, 0.0, float("inf"))], no_gradient="of sizes beyond")
def a_float_that_keeps_changing(x, rate):
    return x * rate, rate * 2


@program(*[(V, name) for name in ("relu", "tanh", "relu", "none")])
def a_name_chooses(x, name):
    table = {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh}
    return table.get(name, by_two)(x)
