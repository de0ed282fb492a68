"""Classes whose objects the functions use."""

from __future__ import annotations

import abc
import collections
import dataclasses
import functools
import types

import minpy.numpy as np


class Plain:
    pass


class Vector:
    kinds = "vector"

    def __init__(self, data):
        self.data = data

    def __add__(self, other):
        return Vector(self.data + other.data)

    def __neg__(self):
        return Vector(-self.data)

    def __eq__(self, other):
        return NotImplemented

    __hash__ = None

    @property
    def size(self):
        return 3

    @functools.cached_property
    def total(self):
        return np.sum(self.data)

    @staticmethod
    def twice(x):
        return x * 2


class Scaled(Vector):
    def __init__(self, data):
        super().__init__(data * 2)
        self.kind = super().kinds

    def __add__(self, other):
        return Scaled(self.data * other.data)

    def twice_of(self, x):
        return super().twice(x)

    def missing(self):
        return super().nothing


class Own(Vector):
    """Changed by a test."""


class Meta(type):
    def name(cls):
        return super().__name__


class WithMeta(metaclass=Meta):
    pass


class Same:
    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


class Slots:
    __slots__ = ("a", "b")


class Longer(list):
    """A list of one's own."""


class Odd(collections.UserDict):
    def __bool__(self):
        return False


class Missing(dict):
    def __missing__(self, key):
        return 7


class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self):
        """Nothing."""


class Loud:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return len(name)


class Iterated:
    def __iter__(self):
        return HELD


class Described:
    fixed = types.MappingProxyType({})

    @property
    def read_only(self):
        return 1


HELD = [1.0, 2.0]
Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Record:
    x: object
    y: float = 2.0
    z: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Initial:
    x: object
    scale: dataclasses.InitVar[float] = 2.0

    def __post_init__(self, scale):
        self.x = self.x * scale


@dataclasses.dataclass
class Unset:
    x: object
    later: float = dataclasses.field(init=False)
