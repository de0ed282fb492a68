"""Inner functions: what they share with the function around them, before and after."""

from __future__ import annotations

import numpy

import minpy
import minpy.numpy as np
from tests.corpus.inputs import V, X
from tests.corpus.registry import program


def make_closure(k):
    offset = numpy.full(3, k, dtype="float32")

    def closure(x):
        return x + offset * k

    return closure


program((X,))(make_closure(4))


@program((X,))
def inner_functions(x):
    def square(v):
        return v * v

    double = lambda v: v + v  # noqa: E731
    return square(x) + double(x) + (lambda a, b=2: a * b)(x)


@program((V, 2), (V, 3))
def inner_function_and_leftover(x, n):
    y = x * 2

    def scale(v):  # leftover
        return v * n + y

    print(end="")  # leftover
    z = scale(x) + scale(y)
    return np.tanh(z)


@program((V,), (2 * V,))
def variable_changes_after_the_definition(x):
    k = 2

    def scaled(v):  # leftover
        return v * k

    print(end="")  # leftover
    a = scaled(x)
    k = 3
    b = scaled(x)  # leftover
    print(end="")  # leftover
    for k in range(4, 6):  # flow  # noqa: B007
        b = b + scaled(x)
    return a, b, k


@program(
    (V,),
)
def inner_functions_assign(x):
    count = 0
    last = None

    def note(v):  # leftover
        nonlocal count, last
        count += 1
        last = v * count
        return last

    a = note(x)  # leftover
    print(end="")  # leftover
    b = note(x + a)  # leftover
    c = [note(v) for v in (a, b)]  # leftover
    return a, b, c, count, last


@program((V,), (3 * V,))
def functions_come_out(x):
    factor = 2

    def first(v):  # leftover
        return v * factor

    print(end="")  # leftover
    functions = [first, lambda v: first(v) + factor]  # leftover
    factor = np.sum(x)
    return [f(x) for f in functions], x * factor  # leftover


@program((V, 3), (V, 1))
def functions_that_recur(x, n):
    def power(v, k):  # leftover
        return v if k == 0 else power(v * x, k - 1)

    print(end="")  # leftover
    total = power(x, n)
    if np.sum(total) > 0:  # flow
        total = total - power(x, 1)
    return total


@program((V,), (-V,))
def data_decides_around_inner_functions(x):
    scale = 1.5

    def shifted(v, by=scale):  # leftover
        return v * scale + by

    if np.sum(x) > 0:  # flow
        scale = 2.5
        y = shifted(x)  # leftover
    else:
        y = shifted(-x)
        scale = 3.5
    while np.max(y) < 40:  # flow
        y = shifted(y) + y * y
        scale = scale + 1
    return y, scale


@program(
    (V,),
)
def late_values_in_lambdas(x):
    made = []
    for k in range(3):  # flow
        print(end="")  # leftover
        made.append(lambda v: v * k)  # leftover  # noqa: B023
    return [f(x) for f in made]


@program((V,))
def class_in_function(x):
    scale = 3

    class Scaler:  # leftover
        factor = scale

        def __init__(self, shift):
            self.shift = shift

        def __call__(self, v):
            return v * self.factor * scale + self.shift

    scaler = Scaler(x)
    y = scaler(x) + scaler(x * 2)
    return y


@program((V,), (2 * V,))
def gradient_of_inner_function(x):
    def loss(w):  # leftover
        return np.sum((w - x) ** 2)

    w = x * 0
    print(end="")  # leftover
    for _ in range(3):
        w = w - 0.1 * minpy.grad(loss)(w)
    return w, loss(w)


@program((V,))
def unbound_in_inner_function(x):
    def use():  # leftover
        return later * 2

    print(end="")  # leftover
    try:  # flow
        y = use()  # leftover
    except NameError:
        y = x
    later = x + 1
    return y, use()  # leftover


@program((numpy.arange(3.0),))
def parameter_is_shared(x):
    def doubled():  # leftover
        return x * 2

    print(end="")  # leftover
    before = doubled()
    x = x + 1
    x: numpy.ndarray = x * 1
    return before, doubled(), x  # leftover


def with_a_counter():
    calls, last = 0, None

    def counted(x):
        nonlocal calls, last
        calls += 1
        before, last = last, x * calls
        return last if before is None else last + before

    return counted


program((V,), (2 * V,), no_gradient="it counts its calls")(with_a_counter())


def accumulator(start):
    total = start

    def add(x):
        nonlocal total
        total = total + x
        return total

    return add


ADD = accumulator(0.0)


@program((V,), (2 * V,), no_gradient="it adds up what it is given")
def nonlocal_of_a_helper(x):
    first = ADD(x)
    second = ADD(x * 2)
    return second - first, first


def pair_of_functions():
    level = 1.0

    def read(x):
        return x * level

    def rise(x):
        nonlocal level
        y = read(x)
        level = level + 0.5
        print("risen")  # leftover
        level *= 2
        return y + read(x)

    return rise


program((V,), (V,), no_gradient="the level rises")(pair_of_functions())
