"""Methods, properties, special methods, callable objects, namedtuples, dataclasses, classes made inside."""

from __future__ import annotations

import dataclasses
import functools
import types

import numpy

import minpy.numpy as np
from tests.corpus.inputs import Model, U, V, X, model
from tests.corpus.registry import program


class Net:
    """A model as in the documentation."""

    scale = 2

    def __init__(self):
        self.params = {"w": np.array(numpy.eye(3, dtype="float32")), "b": np.zeros((1, 1))}
        self.layers = [3, 4]

    @property
    def depth(self):
        return len(self.layers)

    def forward(self, x):
        return np.maximum(np.dot(x, self.params["w"]) + self.params["b"], 0)

    @staticmethod
    def activation(x):
        return np.tanh(x)

    @classmethod
    def scaled(cls, x):
        return x * cls.scale

    def loss(self, x):
        y = self.scaled(self.activation(self.forward(x)))
        return np.sum(y) * self.depth + self.scale


NET = Net()


@program((X,))
def methods(x):
    return NET.loss(x), NET.forward(x)


program((X,))(lambda x: NET.loss(x) * 2)


@program((X, NET), no_gradient="a model has float32 weights")
def object_argument(x, net):
    return net.loss(x) + net.params["w"]


class Slotted:
    __slots__ = ("w",)

    def __init__(self, w):
        self.w = w

    def __call__(self, x, power=2):
        return x**power * self.w


SLOTTED = Slotted(np.full(3, 2.0))


@program((X,))
def callable_object(x):
    return SLOTTED(x) + SLOTTED(x, power=1) * SLOTTED.w


class Private:
    __slots__ = ("__k",)

    def __init__(self, k):
        self.__k = k

    def scaled(self, x):
        return x * self.__k


PRIVATE = Private(3)


@program((X,))
def private_names(x):
    return PRIVATE.scaled(x) + 1


class Base:
    def forward(self, x):
        return x * 2


class Derived(Base):
    def forward(self, x):
        y = super().forward(x)
        print(end="")  # leftover
        return np.tanh(y)


program((X,))(Derived().forward)


class Layer:
    count = 0

    def __init__(self, scale):
        self.scale = scale
        self._bias = 1

    @property
    def bias(self):
        return self._bias * 2

    @functools.cached_property
    def table(self):
        return [self.scale, self.scale * 2]

    @classmethod
    def default(cls, x):
        return x + cls.count

    @staticmethod
    def squash(x, how=np.tanh):
        return how(x)

    def __call__(self, x):
        return self.squash(x * self.scale) + self.bias

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return self.scale + i

    def __iter__(self):
        for i in range(len(self)):
            yield self.scale * i

    def __contains__(self, x):
        return x == self.scale

    def __bool__(self):
        return self.scale > 1

    def __add__(self, other):
        return self.scale + other

    def __radd__(self, other):
        return other - self.scale

    def chained(self, x):
        return self.default(x) * self._bias


class Scaled(Layer):
    count = 5

    def __call__(self, x):
        y = super().__call__(x)
        return super().chained(y) + 1

    @classmethod
    def default(cls, x):
        return super().default(x) * 2

    @property
    def bias(self):
        return super().bias + 1


LAYERS = [Layer(2), Scaled(3), Layer(1)]


@program((V,))
def objects_that_are_called(x):
    for layer in LAYERS:
        x = layer(x)
    return x, len(LAYERS[0]), LAYERS[0].default(x), Scaled.default(x)


@program((V, Layer(2)), (V, Layer(1)), (V, Scaled(4)))
def special_methods(x, layer):
    total = 0
    for value in layer:
        total = total + value
    picked = 10 if layer else 20
    return x * layer[1] + total, picked, len(layer), layer + x, x + layer.scale, 2 in layer


@program((V, Layer(2)))
def cached_properties(x, layer):
    return x * layer.table[1]  # leftover


program((V,))(Scaled(2).__call__)


program((V,))(Scaled.default)


class Super(Scaled):
    def __call__(self, a):
        b = a * 2
        print(end="")  # leftover
        c = super().__call__(b)
        return c - [super(Super, self).chained(v) for v in (a, b)][1]


program((V,))(Super(2).__call__)


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


@program(lambda: (U.copy(), Guarded()))
def properties_and_items_of_a_class(x, g):
    g.level = x
    g["a"] = x * 2
    g.level += 1
    return g.level, g[0], len(g)


class Watched:
    def __setattr__(self, name, value):
        self.__dict__[name] = value
        self.__dict__["sets"] = self.__dict__.get("sets", 0) + 1


@program(lambda: (U.copy(), Watched()))
def a_class_with_its_own_setattr(x, w):
    w.a = x * 2  # leftover
    y = x + 1
    w.b = 1  # leftover
    return y


@program(model())
def attribute_of_a_class(x, m):
    Model.total = x
    y = m.total * 2
    del Model.total  # leftover
    return y


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


@program(lambda: (U.copy(), State(U.copy())), no_gradient="the result is an object")
def data_classes(x, s):
    t = s.moved(x)
    t.log.append(t.norm)
    s.step = t.step
    f = Frozen(t.w)
    other = State(w=x, log=[f])
    other.w *= 2
    return t, f, other, f.a is t.w, t.log is s.log, Frozen(b=2, a=f).a is f, isinstance(t, State)


@program(lambda: (U.copy(),), no_gradient="it raises")
def frozen_data_class(x):
    f = Frozen(x)
    f.a = x  # leftover
    return f


class Dense:
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


class Deep(Dense):
    __slots__ = ("extra",)

    def __init__(self, w):
        Dense.__init__(self, w)
        self.extra = w + self.size


@program(lambda: (U.copy(),))
def classes_of_ones_own(x):
    layer = Dense(x * 2)
    y = layer(x)
    made = Dense.make(y)
    deep = Deep(y)
    layers = [layer, made, deep]
    for one in layers:
        y = one(y)
    pair = types.SimpleNamespace(a=y, b=layers)
    pair.c = pair.a + 1
    return layers, pair, layer.cache is x, deep.extra, made.name
