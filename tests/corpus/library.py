"""Functions of Python's library and of others."""

from __future__ import annotations

import collections
import copy
import functools
import hashlib
import json
import math
import operator
import re

import numpy
from scipy import special

import minpy.numpy as np
from tests.corpus import elsewhere
from tests.corpus.inputs import B, V, X
from tests.corpus.registry import program


@program((X,))
def python_builtins(x):
    n = int(math.sqrt(16)) + len(x) + abs(-3) + max(1, 2) + round(2.6)
    names = [f"{i}:{name}" for i, name in enumerate(sorted(["b", "a"]))]
    return x * n, names, isinstance(x, np.ndarray), float(n), str(n), bool(n), divmod(7, 2)


@program((X,), (np.array(B),), no_gradient="unwrap has none")
def unknown_call(x):
    y = x * 2
    z = np.cosh(y) + np.unwrap(y)  # leftover
    w = numpy.fft.fft(numpy.asarray(z))  # leftover
    return z * 3, w.real  # leftover


@program((X, 2), (X, 3))
def strings(x, n):
    name = "w" + str(n) + "_" * n
    label = "%s-%d" % (name, n)  # noqa: UP031
    text = f"{label} {n}".upper().split(" ")
    return name, text, ",".join(text), name[1:], "w" in name, f"{n:03d}|{name!r}|{1.5:.2f}", x


@program((X,))
def imports(x):
    import math as m
    from functools import reduce as fold

    import numpy.linalg

    from minpy.numpy import tanh

    return tanh(x) * m.floor(2.5), fold(lambda a, b: a + b, [1, 2, 3]), numpy.linalg.__name__


@program((V, 0.5), (V, 0.25))
def math_and_operator(x, t):
    a = math.floor(2.7) + math.comb(5, 2) + math.gcd(12, 18)
    b = operator.add(x, t) * operator.mul(2, a)
    c = operator.neg(operator.matmul(x, x))
    extremes = max(t, 0.3), min(t, 0.1, t * 2)
    return b, c, operator.lt(1, 2), math.pi * x, extremes, abs(-t), pow(x, 2), divmod(7, 3)


@program((V,), (X,))
def special_functions(x):
    return special.erf(x) + special.expit(x * 2), special.gammaln(abs(x) + 1)


@program((X,), (numpy.asarray(X),))
def methods_of_ufuncs(x):
    total = numpy.add.reduce(x, axis=0)
    largest = numpy.maximum.reduce(x, axis=1)
    table = numpy.multiply.outer(x[0], x[1])
    return total, largest, table, numpy.add.accumulate(x, axis=1), np.add(x, 1), np.multiply(x, x)


@program((X,), (numpy.asarray(X),))
def numpy_s_own_functions(x):
    centered = x - numpy.mean(x, axis=0)
    scaled = numpy.clip(centered / (numpy.std(x) + 1), -0.2, 0.2)
    rows = numpy.concatenate([scaled, numpy.ones_like(x)], axis=0)
    return numpy.einsum("ij,kj->ik", rows, x), numpy.where(x > 0, x, 0.1 * x), numpy.linalg.norm(x), rows.T


@program((np.array([[2.0, 1.0], [1.0, 3.0]]),), (np.array([[1.0, 2.0], [2.0, 1.0]]),))
def linear_algebra(a):
    inverse = np.linalg.inv(a)
    return inverse @ a, np.linalg.det(a), np.linalg.solve(a, np.ones(2, dtype="float64"))


@program((V,), (2 * V,))
def operators_as_functions(x):
    second = operator.itemgetter(1)(x)
    shape = operator.attrgetter("shape")(x)
    tables = {operator.add: 1, operator.sub: 2}
    total = functools.reduce(operator.add, [op(x, k) for op, k in tables.items()])
    return total, second, shape, operator.truth(shape), operator.contains([1, 2], 2), operator.index(3)


@program((V, 0.3), (V, 2.5))
def numbers_of_math(x, t):
    angle = math.atan2(math.sin(t), math.cos(t))
    size = math.hypot(t, 1.0) + math.exp(-t) + math.sqrt(t) + math.log1p(t)
    whole = math.floor(t) + math.ceil(t) + math.trunc(t)
    return x * angle + size, whole, math.isclose(t, 0.3), math.inf > t, math.fsum([t, t])


@program((V, "relu"), (V, "none"))
def tables_of_functions(x, name):
    functions = {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh, "none": None}
    chosen = functions.get(name) or functions["tanh"]
    steps = [chosen, functools.partial(np.multiply, 2), np.exp]
    for step in steps:
        x = step(x)
    return x


@program((V, "2026-01-02"), (V, "1999-12-31"), no_gradient="of dates")
def dates_and_texts(x, day):
    year, month, _ = map(int, day.split("-"))
    digest = hashlib.sha256(day.encode()).hexdigest()  # leftover
    label = f"{year:05d}/{month}".replace("/", "-").center(12, "*")
    return x * month, label, digest[:8], re.sub(r"\d", "#", day)  # leftover


@program((V,), (X,))
def sorted_and_searched(x):
    order = np.argsort(x, axis=-1)  # leftover
    return np.sort(x, axis=-1), order, np.cumsum(x), np.diff(x), np.flip(x, 0), np.roll(x, 1)  # leftover


@program((V, json.dumps({"scale": 2, "names": ["a", "b"]})), (V, json.dumps({"scale": 0.5, "names": []})))
def settings_in_json(x, text):
    settings = json.loads(text)  # leftover
    return x * settings["scale"] + len(settings["names"])


@program((V,), (-V,))
def helpers_of_another_module(x):
    return elsewhere.negated(x) + elsewhere.Affine(2.0, 1.0).b, elsewhere.activation(x)


@program((V,), (V,))
def functions_of_collections(x):
    counts = collections.Counter("hello")  # leftover
    names = collections.defaultdict(list)  # leftover
    for name, count in sorted(counts.items()):
        names[count].append(name)
    queue = collections.deque([x], maxlen=2)  # leftover
    queue.append(x + 1)
    queue.append(x + 2)
    return list(queue), dict(names), counts["l"]  # leftover


@functools.lru_cache
def table(size):
    return numpy.arange(float(size))


@program((V,), (-V,))
def results_that_are_kept(x):
    return x * table(3)  # leftover


@program((V,), (numpy.float32(2),), (2.5,), ([1, 2],), (np.ones(2),), no_gradient="of numbers and lists too")
def real_parts(x):
    y = np.real_if_close(x)
    return numpy.real_if_close(x), y, y is x, numpy.real_if_close(x, tol=2), np.imag(True)


@program(lambda: ({"w": X.copy(), "rows": [X[0], 2.5], "size": (3, "a")}, V.copy()))
def copies_of_nested_arrays(params, x):
    other, shallow = copy.deepcopy(params), copy.copy(params)
    other["w"][0] = x
    shallow["w"] = other["w"] * 2
    return params, other, shallow, copy.copy(x), copy.deepcopy([x, x])


@program((V,), (numpy.asarray(V),), no_gradient="of tests")
def what_tests_of_floats_give(x):
    total = float(np.sum(x))
    is_small, is_one = total < 2, total == 1
    return is_small, [is_one], {"big": total > 100, "same": total != total}, type(is_one)


@program((X,), (numpy.asarray(X),))
def callers_of_methods(x):
    total = operator.methodcaller("sum", axis=0)
    return total(x), operator.methodcaller("clip", 0, 1)(x), x.item(1), x.item(1, 2)


@program(([3, 1, 2], V), ([1, 2], -V))
def lists_that_are_searched(numbers, x):
    place, count = numbers.index(2), numbers.count(1)
    numbers.remove(1)
    numbers.sort()
    return x * place, count, numbers
