"""What surrounds a random program: globals, helpers and classes, variables around it, parameters.

All of it may be read and changed by the program; ``change`` (in ``functions.py``) does so between calls.
"""

from __future__ import annotations

AROUND = """
import collections
import contextlib
import copy
import dataclasses
import functools
import math
import operator

total = 1.5
weights = np.array([0.5, -1.0, 2.0])
log = []
table = {"scale": 0.5, "rows": [1, 2], "w": np.array([[1.0, -2.0], [0.5, 3.0]])}
Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Params:
    w: object
    b: float = 0.5

    def apply(self, x):
        return x * self.w + self.b


class Box:
    made = 0

    def __init__(self):
        self.count = 0
        self.data = np.array([0.25, 0.75])

    def times(self, x):
        self.count += 1
        return x * self.count

    @property
    def half(self):
        return self.data / 2

    @half.setter
    def half(self, x):
        self.data = x * 2

    @classmethod
    def shared(cls, x):
        return x + cls.made

    @staticmethod
    def twice(x):
        return x * 2

    def __call__(self, x, by=1):
        return self.times(x) - by

    def __getitem__(self, key):
        return self.data[key]

    def __setitem__(self, key, value):
        self.data[key] = value

    def __len__(self):
        return len(self.data)

    def __add__(self, other):
        return self.data.sum() + other

    def __enter__(self):
        self.count += 10
        return self

    def __exit__(self, kind, error, traceback):
        self.count -= 5
        return kind is KeyError


class Crate(Box):
    made = 2

    def times(self, x):
        return super().times(x) + 1


box, crate, params = Box(), Crate(), Params(2.0)


def noted(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        log.append(function.__name__)
        return function(*args, **kwargs)

    return call


@contextlib.contextmanager
def entered(name):
    log.append(name)
    try:
        yield len(log)
    finally:
        log.append("left")


def scaled(x, by=2.0):
    if np.ndim(x) == 0:
        return x * by
    if np.sum(x) > 1:
        return np.tanh(x) * by
    x = x - 1
    return x / (1 + np.abs(x))


def rescaled(x, by=1):
    return x * by - 0.5


@noted
def moved(x, *, to=0.5, **more):
    for name, y in more.items():
        x = x + np.sum(y) * (2 if name == "twice" else 1)
    return x + to


def both(x, *more, sign=1):
    for y in more:
        if np.shape(y) != np.shape(x):
            continue
        if np.max(y) > np.max(x):
            return x, sign * y
        x = x + y
    return x, None


def filled(x, n):
    for i in range(n):
        x[i % len(x)] += i
    return x


def halves(x, n):
    for i in range(n):
        yield x * 0.5**i


def shrunk(x, most=1.0):
    steps = 0
    while np.abs(x).max() > most:
        x = x * 0.5
        steps += 1
        if steps > 5:
            break
    else:
        return x, steps
    return x, -steps
"""
GLOBALS = ("total", "weights", "log", "table", "box", "crate", "params")
AROUND_IT = ("scale", "calls", "kept")
#: Parameters that are no arrays: what they are first, and in the calls with other values, and other shapes.
#: ``t`` is another number in each call.
PARAMETERS = {
    "n": ("2", "3", "1"),
    "rate": ("0.5", "-0.25", "1e-3"),
    "mode": ("'train'", "'test'", "None"),
    "rows": ("[np.array([1.0, 2.0]), np.array([-1.0, 0.5])]", "[np.array([0.5, 0.0])]", "[np.ones(2)] * 3"),
    "options": ("{'by': 2, 'w': np.ones(2)}", "{'by': 0.5, 'w': np.zeros(2)}", "{'w': np.ones(3), 'by': 1}"),
    "t": ("0",) * 3,
    "at": ("numpy.int64(1)", "numpy.int64(-1)", "numpy.int64(0)"),
    "places": ("[numpy.int64(0), numpy.int64(0)]", "[numpy.int64(0), numpy.int64(-1)]", "[0]"),
}
