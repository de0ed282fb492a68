"""Functions of all kinds: inner functions, closures, methods, decorators, generators, callable objects."""

from __future__ import annotations

import functools
import itertools

import numpy

import minpy
import minpy.numpy as np
from tests.compiler.programs import X, program, vec

V = np.array(vec(0.5, -1.5, 2.0))


@program((V, 2), (V, 3), left=["def scale(v):", 'print(end="")'])
def inner_function_and_leftover(x, n):
    y = x * 2

    def scale(v):
        return v * n + y

    print(end="")
    z = scale(x) + scale(y)
    return np.tanh(z)


@program((V,), (2 * V,))
def variable_changes_after_the_definition(x):
    k = 2

    def scaled(v):
        return v * k

    print(end="")
    a = scaled(x)
    k = 3
    b = scaled(x)
    print(end="")
    for k in range(4, 6):  # noqa: B007
        b = b + scaled(x)
    return a, b, k


@program(
    (V,),
)
def inner_functions_assign(x):
    count = 0
    last = None

    def note(v):
        nonlocal count, last
        count += 1
        last = v * count
        return last

    a = note(x)
    print(end="")
    b = note(x + a)
    c = [note(v) for v in (a, b)]
    return a, b, c, count, last


@program((V,), (3 * V,))
def functions_come_out(x):
    factor = 2

    def first(v):
        return v * factor

    print(end="")
    functions = [first, lambda v: first(v) + factor]
    factor = np.sum(x)
    return [f(x) for f in functions], x * factor


@program((V, 3), (V, 1))
def functions_that_recur(x, n):
    def power(v, k):
        return v if k == 0 else power(v * x, k - 1)

    print(end="")
    total = power(x, n)
    if np.sum(total) > 0:
        total = total - power(x, 1)
    return total


@program((V,), (-V,))
def data_decides_around_inner_functions(x):
    scale = 1.5

    def shifted(v, by=scale):
        return v * scale + by

    if np.sum(x) > 0:
        scale = 2.5
        y = shifted(x)
    else:
        y = shifted(-x)
        scale = 3.5
    while np.max(y) < 40:
        y = shifted(y) + y * y
        scale = scale + 1
    return y, scale


@program(
    (V,),
)
def late_values_in_lambdas(x):
    made = []
    for k in range(3):
        print(end="")
        made.append(lambda v: v * k)  # noqa: B023
    return [f(x) for f in made]


@program((V, 4), (V, 2))
def generator_that_sees_changes(x, n):
    k = 1

    def values():
        for i in range(n):
            yield x * i * k

    found = []
    print(end="")
    for value in values():
        found.append(value)
        k = k * 2
    return found, k


@program((V,))
def class_in_function(x):
    scale = 3

    class Scaler:
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
    def loss(w):
        return np.sum((w - x) ** 2)

    w = x * 0
    print(end="")
    for _ in range(3):
        w = w - 0.1 * minpy.grad(loss)(w)
    return w, loss(w)


@program((V, lambda v: v * 2), (V, lambda v: v + 1), (V, functools.partial(np.multiply, 3)))
def function_arguments(x, f):
    return f(x) + f(f(x)), list(map(f, [x, x + 1]))


def apply(function, *args, **kwargs):
    return function(*args, **kwargs)


@program((V, 2), (V, 3), left=[])
def functions_made_anew_at_each_call(x, n):
    return apply(lambda v, *, k=n: v * k, x) + apply(lambda: x * n), apply(_power, x, exponent=n)


def _power(x, /, exponent, *rest, scale=1.0):
    return x**exponent * scale


def repeated(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            for _ in range(times - 1):
                result = function(result, **kwargs)
            return result

        return wrapper

    return decorate


@program((V,), left=[])
def decorated_helpers(x):
    @repeated(3)
    def double(v):
        return v * 2

    return double(x) + _thrice(x, by=1)


@repeated(times=3)
def _thrice(x, by):
    return np.tanh(x) + by


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


@program((V,), left=[])
def objects_that_are_called(x):
    for layer in LAYERS:
        x = layer(x)
    return x, len(LAYERS[0]), LAYERS[0].default(x), Scaled.default(x)


@program((V, Layer(2)), (V, Layer(1)), (V, Scaled(4)), left=[])
def special_methods(x, layer):
    total = 0
    for value in layer:
        total = total + value
    picked = 10 if layer else 20
    return x * layer[1] + total, picked, len(layer), layer + x, x + layer.scale, 2 in layer


@program((V, Layer(2)))
def cached_properties(x, layer):
    return x * layer.table[1]


program((V,))(Scaled(2).__call__)
program((V,))(Scaled.default)
program((V,))(functools.partial(_power, exponent=2, scale=0.5))


class Super(Scaled):
    def __call__(self, a):
        b = a * 2
        print(end="")
        c = super().__call__(b)
        return c - [super(Super, self).chained(v) for v in (a, b)][1]


program((V,))(Super(2).__call__)


@functools.cache
def cached_size(n):
    return n * n + 1


@program((V, 2), (V, 3))
def cached_helper(x, n):
    return x * cached_size(n)


@program((X, 3), (X, 6), left=[])
def recursion(x, n):
    return factorial(n) * x + fibonacci(n)


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def halved(x):
    if np.max(x) > 1:
        return halved(x * 0.5)
    return x


@program((V,), (20 * V,))
def recursion_on_data(x):
    return halved(x) * 2


@program((V, (1, 2), {"scale": 3}), (V, (), {}), left=[])
def variable_arguments(x, args, options):
    def collect(first, *rest, scale=1, **more):
        return first * scale + len(rest) + sum(rest) + sum(more.values())

    return collect(x, *args, **options), collect(x, 1, *args, other=2)


def pairs(xs):
    for a, b in zip(xs, itertools.islice(xs, 1, None)):
        yield a * b


@program(([V, 2 * V, 3 * V],), ([V],), left=[])
def generator_functions(xs):
    return sum(pairs(xs)), [p + 1 for p in pairs(xs)], max([len(p) for p in pairs(xs)], default=0)


@program((V,))
def unbound_in_inner_function(x):
    def use():
        return later * 2

    print(end="")
    try:
        y = use()
    except NameError:
        y = x
    later = x + 1
    return y, use()


@program((numpy.arange(3.0),))
def parameter_is_shared(x):
    def doubled():
        return x * 2

    print(end="")
    before = doubled()
    x = x + 1
    x: numpy.ndarray = x * 1
    return before, doubled(), x
