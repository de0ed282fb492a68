"""What modules and classes hold is written: by name, through instances, in functions that are called."""

from __future__ import annotations

import sys
from collections import namedtuple

import minpy.numpy as np
from tests.corpus import elsewhere
from tests.corpus.inputs import V
from tests.corpus.registry import program

__here = sys.modules[__name__]
COUNT = 0


class Base:
    count = 0
    last = None
    best = float("-inf")
    history: list = []

    def forward(self, x):
        return x * 2

    @classmethod
    def note(cls, x):
        cls.count += 1
        cls.last = x
        return cls.count

    @property
    def turns(self):
        return type(self).count

    @staticmethod
    def reset():
        Base.last, Base.count = None, 0


class Derived(Base):
    scale = 2.0

    def forward(self, x):
        Derived.scale *= 1.5
        return super().forward(x) * self.scale


@program((V,), no_gradient="it counts")
def counts_in_a_class(x):
    Base.count += 1
    Base.last = x * Base.count
    return Base.last + 1, Base.count


@program((V, Base()), (V, Derived()), no_gradient="it counts")
def an_instance_shows_what_its_class_holds(x, obj):
    type(obj).count += 2
    y = x * obj.count
    obj.count = 7
    obj.__class__.count += 1
    return y, obj.count, type(obj).count, obj.turns


@program((V,), no_gradient="it counts")
def a_class_shows_what_its_base_holds(x):
    before = Derived.last
    n = Base.note(x * 3)
    Derived.note(x)
    return Derived.last * n, Base.last, before is None, Derived.count


@program((V, Derived()))
def a_method_writes_its_class(x, obj):
    Derived.scale = 2.0
    return obj.forward(x) + obj.forward(x) + Derived.scale


@program((V,), (3 * V,), no_gradient="it keeps the best")
def the_best_so_far(x):
    value = np.sum(x * x)
    if value > Base.best:  # flow
        Base.best = float(value)
    return Base.best


@program((V,), no_gradient="it counts")
def a_class_is_reset(x):
    Base.note(x)
    y = Base.last * 2
    Base.reset()
    return y, Base.last, Base.count, hasattr(Base, "other"), getattr(Derived, "last", 3)


@program((V,))
def a_new_attribute_of_a_class(x):
    class_of = Base
    class_of.extra = np.exp(x)
    return Derived().extra + Base.extra, hasattr(Derived, "extra")


@program((V,), no_gradient="methods are no arrays")
def a_method_is_replaced(x):
    old = Base.forward
    Base.forward = lambda self, x: x * 3  # leftover
    y = Base().forward(x)
    Base.forward = old  # leftover
    return y, Base().forward(x)


@program((V,), no_gradient="it counts")
def counts_in_a_module(x):
    __here.COUNT += 1
    elsewhere.OFFSET = x * __here.COUNT
    y = elsewhere.shifted(x)
    elsewhere.OFFSET = 0
    return y, COUNT, elsewhere.shifted(x)


@program((V,))
def a_function_of_a_module_is_replaced(x):
    old = elsewhere.activation
    elsewhere.activation = np.exp
    y = elsewhere.activation(x)
    elsewhere.activation = old
    return y + elsewhere.activation(x)


@program((V,), no_gradient="it counts")
def a_new_variable_of_a_module(x):
    __here.FRESH = x * 2
    y = __here.FRESH + FRESH  # noqa: F821
    del __here.FRESH  # leftover
    return y, hasattr(__here, "FRESH")


@program((V,))
def an_object_that_two_names_lead_to(x):
    a = b = Holder(count=1)
    a.count += 1
    Holder.total = x * b.count
    return a.total * 2


class Holder:
    total = 0

    def __init__(self, count):
        self.count = count


@program((V, Holder(1), Holder(5)), lambda: (lambda h: (V, h, h))(Holder(3)), no_gradient="it counts")
def a_counter_under_two_names(x, a, b):
    a.count += 1
    return x * b.count, a.count


class Meta(type):
    def __setattr__(cls, name, value):
        super().__setattr__(name, value * 2)


class WithMeta(metaclass=Meta):
    value = 1


@program((V,), no_gradient="its class doubles what it is given")
def a_metaclass_decides(x):
    WithMeta.value = x  # leftover
    return WithMeta.value + 1


Pair = namedtuple("Pair", "a b")


@program((V,), no_gradient="it raises")
def what_cannot_be_written(x):
    y = x * 2
    try:  # flow
        int.count = y  # leftover
    except TypeError as error:
        y = y + len(type(error).__name__)
    Pair.a = y  # leftover
    return y
