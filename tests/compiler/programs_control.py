"""Control flow: loops, branches, comprehensions, generators, ``try``, ``with``, ``match``, assertions."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import operator

import numpy

import minpy.numpy as np
from tests.compiler.programs import A, X, program, vec

V = np.array(vec(0.5, -1.5, 2.0))


@program((X,), left=[])
def over_containers(x):
    total = 0
    for name, (scale, shift) in {"a": (1, 2), "b": (3, 4)}.items():
        total = total + x * scale + shift + len(name)
    for i, (a, b) in enumerate(zip([1, 2, 3], (4, 5))):
        total = total + a * b * i
    for k in reversed(range(3)):
        total = total - k
    for row in x:
        total = total + row
    for key in {"one": 1, "two": 2}:
        total = total * len(key)
    for c in "abc":
        total = total + ord(c)
    return total


@program((X,), left=[])
def itertools_loops(x):
    parts = []
    for i, j in itertools.product(range(2), repeat=2):
        parts.append(x * i + j)
    for v in itertools.chain([1, 2], (3,), [x]):
        parts.append(x + v)
    for k in itertools.count(3, 2):
        if k > 8:
            break
        parts.append(x - k)
    for a, b in zip(itertools.count(), [x, 2 * x]):
        parts.append(a * b)
    for v in itertools.islice(itertools.cycle([1, 2]), 5):
        parts.append(v)
    for a, b in itertools.combinations([1, 2, 3], 2):
        parts.append(a * b)
    for total in itertools.accumulate([x, x, x]):
        parts.append(total)
    for v in itertools.chain.from_iterable([[1], [2, 3]]):
        parts.append(v)
    parts.extend(itertools.repeat(x, 2))
    parts.extend(itertools.takewhile(lambda n: n < 3, itertools.count()))
    parts.extend(itertools.starmap(lambda p, q: p + q, [(x, 1), (2, 3)]))
    return parts


def countdown(n, x):
    """A generator that others call."""
    while n > 0:
        yield n, x
        n -= 1
        x = x * 0.5
    yield from ((0, x), (-1, x + 1))


@program((X, 3), (X, 0), left=[])
def generators(x, n):
    def squares(limit):
        k = 0
        while True:
            if k >= limit:
                return
            yield k * k
            k += 1

    total = x * 0
    for i, value in countdown(n, x):
        total = total + value * i
    first = next(squares(5), None)
    rest = squares(4)
    next(rest)
    return total, first, list(rest), sum(squares(n)), next(rest, "end")


@program((X,), left=[])
def late_binding(x):
    k = 1
    lazy = (x * k * i for i in range(3))
    eager = [x * k * i for i in range(3)]
    k = 10
    functions = [lambda v: v + j for j in range(3)]  # noqa: B023
    return list(lazy), eager, [f(x) for f in functions]


@program(([X, 2 * X, 3 * X],), ([X],), left=[])
def comprehensions(xs):
    total = sum(np.sum(x) for x in xs)
    shapes = {i: x.shape for i, x in enumerate(xs)}
    sizes = {x.size for x in xs}
    nested = [x * i for i in range(3) if i != 1 for x in xs]
    assert all(x.ndim == 2 for x in xs) and not any(x.size == 0 for x in xs)
    longest = max(["a", "bcd", "ef"], key=len)
    ordered = sorted([3, 1, 2], key=lambda n: -n)
    mapped = list(map(lambda x, n: x * n, xs, itertools.count(1)))
    kept = list(filter(lambda n: n % 2, range(6)))
    folded = functools.reduce(lambda a, b: a + b, xs)
    extremes = min(3, 1, 2), max([], default=4)
    return total, shapes, sizes, nested, longest, ordered, mapped, kept, folded, extremes


@program((X, 1), (X, 5), (X, 20), left=[])
def while_loops(x, n):
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        if steps > 3:
            break
        x = x * 0.5 + n
        steps += 1
    else:
        x = -x
    while True:
        steps += 1
        if steps < 3:
            continue
        break
    return x, n, steps


@program((X,), (3 * X,), (10 * X,), left=["if np.sum(y) > 3:", "if np.max(z) > 5:", "elif np.min(y) > 10:"])
def return_in_the_middle(x):
    y = np.abs(x)
    if np.sum(y) > 3:
        z = y * 2
        if np.max(z) > 5:
            return z, "large"
        y = z - 1
    elif np.min(y) > 10:
        return y
    return y + 1, "end"


@program((V,), (-V,), left=["y = x * 2 if np.sum(x) > 0 else x - 1"])
def ternary_on_data(x):
    z = x + 1
    y = x * 2 if np.sum(x) > 0 else x - 1
    return y * z


@program((V, 1.0), (V, -1.0), (3 * V, 0.5))
def boolean_operators_on_data(x, t):
    s = np.sum(x)
    a = s > 0 and s < 5
    b = s < 0 or t
    c = not s > 1
    return a, b, c, 0 < s < 2, x * 2


@program((X, [1, 2, 3, 4]), (X, [5, 6]), left=[])
def unpacking(x, numbers):
    first, *middle, last = [*numbers, x]
    (a, b), c = (first, last), {**{"k": 1}, "x": x}
    [d, *rest] = x
    e, f, g = row = x[0]
    return first, middle, a, b * 2, c, d, rest, e + f + g, row, (y := 5) + y, f"{first:>3}-{x.ndim!r:}"


@program((X, 2), (X, 3), left=[])
def strings(x, n):
    name = "w" + str(n) + "_" * n
    label = "%s-%d" % (name, n)  # noqa: UP031
    text = f"{label} {n}".upper().split(" ")
    return name, text, ",".join(text), name[1:], "w" in name, f"{n:03d}|{name!r}|{1.5:.2f}", x


@program((V,), (numpy.array([5.0, 5.0, 5.0]),), left=['assert np.sum(x) > 0.5, f"sum {len(x)}"'])
def assertion_on_data(x):
    y = x * 2
    assert np.sum(x) > 0.5, f"sum {len(x)}"
    assert x.ndim == 1
    return y - 1


@program((-V,))
def assertion_fails(x):
    y = x * 2
    assert np.sum(x) > 0.5, "too small"
    return y


@program((X, 0), (X, 1), (X, 2), (X, 3))
def exceptions(x, n):
    log = []
    y = x
    try:
        y = x * 2
        log.append("before")
        if n == 1:
            raise ValueError("mine")
        if n == 2:
            y = y + np.ones((9, 9))
        if n == 3:
            return y, log
        y = y + 1
    except ValueError as error:
        log.append(type(error).__name__)
        y = y - 5
    else:
        log.append("else")
        y = y * 3
    finally:
        log.append("finally")
        y = y + 0.5
    return y, log


@program((X, 0), (X, 1))
def exception_inside_compiled_code(x, n):
    y = z = x
    try:
        y = np.tanh(x)
        z = y[numpy.array([0, n * 7])]
        y = y * 100
    except IndexError:
        z = y * 2
    return y, z


@program((X, None), (X, {"w": 2}), (X, {}))
def exception_of_python(x, table):
    try:
        scale = table["w"]
    except (KeyError, TypeError):
        scale = 7
    return x * scale


@program((X,), (3 * X,))
def nested_exceptions(x):
    def checked(v):
        if np.sum(v) > 1:
            raise ArithmeticError("too large")
        return v * 2

    found = []
    for k in range(3):
        try:
            try:
                y = checked(x * k)
            finally:
                found.append(k)
        except ArithmeticError:
            found.append("caught")
            continue
        found.append(np.sum(y))
    return found


@program((X,))
def raises_unhandled(x):
    y = x * 2
    if y.ndim == 2:
        raise NotImplementedError("two axes")
    return y


@contextlib.contextmanager
def swallowing(log):
    log.append("enter")
    try:
        yield len(log)
    except ValueError:
        log.append("swallowed")
    log.append("exit")


@program((X, 2), (X, 9))
def with_statements(x, n):
    log = []
    y = x
    with swallowing(log) as depth:
        y = np.exp(x) * depth
        z = y + np.ones((n, 3))
        y = z * 2
    with contextlib.suppress(ValueError, KeyError):
        y = y + 1
        y = y + np.ones((n, 3))
        log.append("not suppressed")
    return y, log, n


@program((X,), left=[])
def contexts_without_meaning(x):
    with numpy.errstate(divide="ignore", invalid="ignore"), contextlib.nullcontext(3) as k:
        y = x / np.abs(x)
    with numpy.errstate(all="ignore"):
        return y * k


@program((numpy.array([1.0, 0.0]),), (numpy.array([1.0, 2.0]),))
def errors_made_exceptions(x):
    y = x + 1
    try:
        with numpy.errstate(divide="raise"):
            y = 1 / x
    except FloatingPointError:
        y = x * 0
    return y


@program((X,), left=[])
def imports(x):
    import math as m
    from functools import reduce as fold

    import numpy.linalg

    from minpy.numpy import tanh

    return tanh(x) * m.floor(2.5), fold(lambda a, b: a + b, [1, 2, 3]), numpy.linalg.__name__


@program((X, 1), (X, 2.5), (X, "s"), (X, None), (X, [1, 2]), (X, A), left=[])
def types_and_attributes(x, v):
    if isinstance(v, (int, float)) and not isinstance(v, bool):
        x = x * v
    elif v is None:
        x = x - 1
    elif type(v) is str:
        x = x + len(v)
    elif type(v) == list:  # noqa: E721
        x = x + v[0]
    else:
        x = x + v
    names = hasattr(x, "shape"), hasattr(v, "no_such"), getattr(v, "real_or_not", "default"), callable(v)
    return x, names, type(x).__name__, issubclass(bool, int)


@program((V, 0.5), (V, 0.25), left=[])
def math_and_operator(x, t):
    a = math.floor(2.7) + math.comb(5, 2) + math.gcd(12, 18)
    b = operator.add(x, t) * operator.mul(2, a)
    c = operator.neg(operator.matmul(x, x))
    extremes = max(t, 0.3), min(t, 0.1, t * 2)
    return b, c, operator.lt(1, 2), math.pi * x, extremes, abs(-t), pow(x, 2), divmod(7, 3)


@program((np.array(2.0), vec(1, 2, 3)), (np.array(-1.0, dtype="float32"), vec(4)), left=[])
def numbers_from_data(s, x):
    a = float(s)
    b = x.sum().item() * 2
    return a, b, a + b, x * a, float(numpy.float32(0.1)), numpy.float32(s.shape[0] if s.ndim else 7)


@program((numpy.array(3),), (np.array(4.5),))
def int_from_data(s):
    n = int(s)
    return [s * i for i in range(n)], round(float(s), 1), str(n)


@program((X, 3), (X, 300), left=[])
def loop_over_numbers_only(x, n):
    total = 0
    for i in range(n):
        if i % 3:
            total += i * i
    return x * total


@program((X,))
def deleted_and_annotated(x):
    y: np.ndarray = x * 2
    z: int
    w: list = [y, x]
    del w[0]
    table = {"a": 1, "b": x}
    del table["a"]
    z = len(w)
    return w, table, z


COUNTER = 0


@program((X,), (X,))
def global_statement(x):
    global COUNTER
    y = x * 2
    before = COUNTER
    COUNTER = before + 1
    result = y + (COUNTER - before)
    COUNTER = before
    return result
