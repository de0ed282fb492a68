"""Programs with classes of their own, namedtuples, dataclasses, and globals; see ``programs_objects``."""

from __future__ import annotations

import collections
import dataclasses
import types
from typing import NamedTuple

import minpy.numpy as np
from tests.compiler.programs_objects import Model, X, model, program


class Guarded:
    """What of an object Python's own code decides about."""

    __slots__ = ("_level", "log")

    def __init__(self):
        self._level, self.log = 1, []

    @property
    def level(self):
        return self._level

    @level.setter
    def level(self, value):
        self.log.append("set")
        self._level = value * 2

    def __getitem__(self, key):
        return self.log[key]

    def __setitem__(self, key, value):
        self.log.append((key, value))

    def __len__(self):
        return len(self.log)


@program(lambda: (X.copy(), Guarded()))
def properties_and_items_of_a_class(x, g):
    g.level = x
    g["a"] = x * 2
    g.level += 1
    return g.level, g[0], len(g)


class Watched:
    def __setattr__(self, name, value):
        self.__dict__[name] = value
        self.__dict__["sets"] = self.__dict__.get("sets", 0) + 1


@program(lambda: (X.copy(), Watched()), left=["w.a = x * 2", "w.b = 1"])
def a_class_with_its_own_setattr(x, w):
    w.a = x * 2
    y = x + 1
    w.b = 1
    return y


@program(model(), left=["Model.total = x", "del Model.total"])
def attribute_of_a_class(x, m):
    Model.total = x
    y = m.total * 2
    del Model.total
    return y


class Point(NamedTuple):
    x: object
    y: object = 2.0

    @property
    def norm(self):
        return self.x * self.x + self.y * self.y

    def shifted(self, by):
        return self._replace(x=self.x + by)


Pair = collections.namedtuple("Pair", "left right", defaults=[3])


@program(lambda: (X.copy(), Point(X.copy(), X * 2)), lambda: (X.copy(), Point(X.copy())))
def named_tuples(x, p):
    q = Point(x, p.y)
    r = Point(y=x, x=1)
    left, right = Pair(p.norm)
    a, *rest = q
    moved = p.shifted(x)
    return (
        *(q, r, left, right, a, rest, moved, p, q.norm, q.shifted(1).x, q[0] is q.x, len(q), Pair(1, 2)),
        *(q._asdict(), p._asdict(), isinstance(q, tuple), isinstance(q, Point), q._fields, type(q) is Point),
    )


@dataclasses.dataclass
class State:
    w: object
    step: int = 0
    log: list = dataclasses.field(default_factory=list)
    norm: object = dataclasses.field(init=False, default=None)

    def __post_init__(self):
        self.norm = np.sum(self.w * self.w)

    def moved(self, by):
        return State(self.w + by, self.step + 1, self.log)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object
    b: object = 1


@program(lambda: (X.copy(), State(X.copy())))
def data_classes(x, s):
    t = s.moved(x)
    t.log.append(t.norm)
    s.step = t.step
    f = Frozen(t.w)
    other = State(w=x, log=[f])
    other.w *= 2
    return t, f, other, f.a is t.w, t.log is s.log, Frozen(b=2, a=f).a is f, isinstance(t, State)


@program(lambda: (X.copy(),), left=["f.a = x"])
def frozen_data_class(x):
    f = Frozen(x)
    f.a = x
    return f


class Layer:
    size = 3

    def __init__(self, w, name="layer"):
        self.w = w
        self.name = name
        self.cache = None

    @property
    def doubled(self):
        return self.w * 2

    @classmethod
    def make(cls, w):
        return cls(w, "made")

    @staticmethod
    def scale():
        return 0.5

    def __call__(self, x):
        self.cache = x
        return x * self.w + self.doubled * self.scale()


class Deep(Layer):
    __slots__ = ("extra",)

    def __init__(self, w):
        Layer.__init__(self, w)
        self.extra = w + self.size


@program(lambda: (X.copy(),))
def classes_of_ones_own(x):
    layer = Layer(x * 2)
    y = layer(x)
    made = Layer.make(y)
    deep = Deep(y)
    layers = [layer, made, deep]
    for one in layers:
        y = one(y)
    pair = types.SimpleNamespace(a=y, b=layers)
    pair.c = pair.a + 1
    return layers, pair, layer.cache is x, deep.extra, made.name


TOTAL = 0
LOG: list = []


@program(lambda: (X.copy(),))
def global_variables(x):
    global TOTAL, LAST
    TOTAL += 1
    LAST = x * 2
    LOG.append(LAST)
    return LAST + 1


@program(lambda: (X.copy(), {1: 2, 3: 4}), lambda: (X.copy(), {}), left=["d[key + 10] = x"])
def changes_while_iterating(x, d):
    for key in d:
        d[key + 10] = x
    return d


@program(lambda: (X.copy(), [1, 2]))
def grows_while_iterating(x, items):
    for item in items:
        if len(items) < 5:
            items.append(x * item if isinstance(item, int) else item)
    return len(items)


@program(lambda: (X.copy(), ([1], 2)), left=["pair[0] += [x]", "pair[1] = 5"])
def tuples_do_not_change(x, pair):
    y = x * 2
    try:
        pair[0] += [x]
    except TypeError:
        y = y + 1
    pair[1] = 5
    return y
