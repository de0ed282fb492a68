"""Programs that people could write, each with inputs. ``test_programs`` runs them plain and compiled."""

from __future__ import annotations

import functools
import math
import operator

import numpy

import minpy.numpy as np

PROGRAMS: list[tuple] = []
#: program -> the source text of the statements that have to stay with Python, and no others
LEFTOVERS: dict[str, list[str]] = {}
SCALE = 3
RATE = 0.25
TABLE = {"w": numpy.arange(3.0), "depth": 2}


def program(*inputs, left=None):
    """Register a function with argument tuples; each is called several times.

    ``left``: the statements that have to stay with Python, each by its first line.
    """

    def register(function):
        PROGRAMS.append((function, inputs))
        if not hasattr(function, "__name__"):
            function.__name__ = type(function).__name__
        if left is not None:
            LEFTOVERS[function.__name__] = left
        return function

    return register


def vec(*values, dtype="float32"):
    return numpy.array(values, dtype)


A = numpy.arange(6, dtype="float32").reshape(2, 3) / 4 - 0.5
B = numpy.arange(12, dtype="float64").reshape(3, 4) / 5 - 1
X = np.array(A)
Y = np.array(B)


@program((X,), (np.array(B),), (A,))
def straight_line(x):
    y = np.tanh(x) * 2 + 1
    z = y / (np.abs(x) + 1.5)
    return z - np.sum(z)


@program((X, Y), (np.array(B), np.array(B.T.copy())))
def matrix_product(x, y):
    return np.dot(x, y) @ np.ones((y.shape[1], 2))


@program((A, B))
def plain_numpy(x, y):
    h = numpy.maximum(numpy.dot(x, y), 0)
    return numpy.sum(h, axis=0), numpy.mean(h), h.T, h[0], h[0, 0], h.shape


@program((A,))
def numpy_kinds(x):
    return (
        numpy.sum(x),
        x.sum(axis=1),
        x.reshape(3, 2),
        x.astype("float64"),
        x[0, 1] * 2,
        numpy.exp(x[1]),
        x.mean().astype("float64"),
        x > 0,
        numpy.reshape(x.sum(), (1, 1)),
        numpy.sqrt(x.sum() + 9),
    )


@program((A, X), (X, A))
def mixed_kinds(x, y):
    return x + y, numpy.add(x, y), np.add(x, 1), x * 2, y * 2


@program((X, 2), (X, 3), (X, 2))
def static_if(x, n):
    if n == 2:
        return x * n
    elif n > 5:
        return x
    else:
        x = x + n
    return x - 1


@program((X, 3), (X, 0))
def static_loop(x, n):
    total = 0.0
    for i in range(n):
        total = total + np.sum(x) * i
        if i == 1:
            continue
        x = x * 0.5
    else:
        total = total + 1
    return total, x


@program((X,))
def loop_with_break(x):
    for k in range(10):
        x = x + k
        if k == 3:
            break
    else:
        x = x * 0
    while k < 6:
        k += 1
        x = x * 0.9
    return x, k


def helper(x, bias=0.5, *rest, scale=2, **more):
    for r in rest:
        x = x + r
    return x * scale + bias + more.get("extra", 0)


@program((X,))
def calls_helper(x):
    return helper(x), helper(x, 1, 2, 3), helper(x, scale=RATE), helper(x, bias=1, extra=5)


def make_closure(k):
    offset = numpy.full(3, k, dtype="float32")

    def closure(x):
        return x + offset * k

    return closure


program((X,))(make_closure(4))


@program((X,))
def globals_and_tables(x):
    y = x * SCALE + TABLE["w"]
    for _ in range(TABLE["depth"]):
        y = y * RATE
    return y


@program((X,))
def inner_functions(x):
    def square(v):
        return v * v

    double = lambda v: v + v  # noqa: E731
    return square(x) + double(x) + (lambda a, b=2: a * b)(x)


@program((X, [1, 2], {"a": X, "b": [X, 3]}))
def containers(x, numbers, tree):
    first, *rest = numbers
    pairs = [(x * n, n) for n in numbers]
    sums = {name: np.sum(value) if name == "a" else value[1] for name, value in tree.items()}
    return first, rest, pairs, sums, (x, tree["b"][0] * 2), len(tree), sum(numbers), list(zip(numbers, "ab"))


@program((X, "train"), (X, "test"), (X, None))
def modes(x, mode):
    y = x if mode is None else x * 2
    if mode == "train" and x.ndim == 2:
        y = y + 1
    return y if mode in ("train", "test") else -y


@program((X, 0.1), (X, 0.2), (X, 5.0))
def float_argument(x, rate):
    step = rate * 2 - 1
    return x - rate * x, step, x * step


@program((X, 0.3), (X, -0.3))
def float_decides(x, p):
    if p > 0:
        return x / p
    return x * int(p * 10)


@program((X,), (np.array([3.0]),))
def data_decides(x):
    y = x * 2
    if np.sum(y) > 1:
        z = np.exp(y)
    else:
        z = y - 1
    return z * z


@program((np.array([1.0, 5.0]),), (np.array([0.5, 0.1]),))
def data_loop(x):
    count = 0
    while np.max(x) > 0.3:
        x = x * 0.5
        count += 1
    return x, count


@program((X,))
def comparisons(x):
    m = x > 0
    return m, np.where(m, x, -x), (x >= 0) & (x < 0.5), ~m, x == x, x != 0, np.any(m), np.all(m, axis=0)


@program((X,))
def indexing(x):
    return x[0], x[:, 1], x[..., -1], x[0:1], x[::-1, ::2], x[None, :, 1:], x[1, 2], x[:, [2, 0]], x[-1]


@program((Y, numpy.array([2, 0, 1]), numpy.array([3, 0, 1])), (Y, numpy.array([-1]), numpy.array([0])))
def fancy_indexing(y, i, j):
    return y[i], y[:, j], y[i, j], np.take(y, i, axis=0)


@program((numpy.array([3, 1, 2]), numpy.array([0.5, 1.5, 2.5])))
def integers(n, x):
    return n + 1, n / 2, n * x, n - n.sum(), -n, n > 1, np.sum(n), np.mean(n), n.astype("float32"), n @ n


@program((X,))
def reductions(x):
    return (
        np.sum(x, axis=0),
        np.mean(x, axis=-1, keepdims=True),
        np.max(x),
        x.min(axis=(0, 1)),
        np.prod(x + 2, axis=1),
        np.argmax(x, axis=1),
        x.argmin(),
        np.var(x, axis=0),
        np.std(x, ddof=1),
    )


@program((X,))
def shapes(x):
    n, m = x.shape
    return (
        x.reshape(m, n),
        x.reshape((-1,)),
        np.transpose(x),
        np.expand_dims(x, 0).squeeze(),
        np.concatenate([x, x * 2], axis=1),
        np.stack((x, x)),
        np.vstack([x, x]),
        np.split(x, 3, axis=1),
        np.broadcast_to(x, (4, n, m)),
        x.swapaxes(0, 1),
        x.flatten(),
    )


@program((X,))
def in_place_on_own(x):
    y = x * 2
    y += 1
    y *= x
    loss = 0.0
    for row in y:
        loss += np.sum(row)
    return y, loss


@program((numpy.ones((2, 2)),))
def in_place_on_argument(x):
    x += 1
    return x * 2


@program((X,))
def writes_elements(x):
    y = np.zeros(x.shape)
    y[0] = x[1] * 2
    y[:, 1] += 5
    return y + x


@program((X,))
def returns_argument(x):
    y = x
    return y, x.T, x[0], x.reshape(-1)


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


@program((X, NET))
def object_argument(x, net):
    return net.loss(x) + net.params["w"]


power_of = functools.partial(operator.pow, 2)


@program((X,))
def python_builtins(x):
    n = int(math.sqrt(16)) + len(x) + abs(-3) + max(1, 2) + round(2.6)
    names = [f"{i}:{name}" for i, name in enumerate(sorted(["b", "a"]))]
    return x * n, names, isinstance(x, np.ndarray), float(n), str(n), bool(n), divmod(7, 2)


@program((X,))
def conditional_expressions(x):
    y = x * 2 if x.shape[0] == 2 and x.shape[1] != 2 else x
    z = x.shape[0] or 5
    return y, z, 1 < x.ndim < 3, (k := 4) + k


@program((X,), (np.array(B),))
def unknown_call(x):
    y = x * 2
    z = np.cosh(y) + np.unwrap(y)
    w = numpy.fft.fft(numpy.asarray(z))
    return z * 3, w.real


@program((X, True), (X, False))
def unbound_variable(x, flag):
    if flag:
        y = x + 1
    return y * 2


@program((X, np.ones((5, 7))))
def shapes_do_not_fit(x, y):
    a = x + 1
    return a + y


@program((X, 7), (X, 1))
def index_out_of_bounds(x, i):
    return x[i] * 2


@program((X,))
def wrong_call(x):
    return helper()


@program((X, "text"), (X, None), (X, [1, 2]))
def wrong_operand(x, y):
    return np.exp(x) * y


@program((np.zeros((0, 3)),))
def empty_arrays(x):
    return np.sum(x, axis=0), x * 2, np.concatenate([x, np.ones((2, 3))]), np.dot(x, np.ones((3, 2)))


@program((np.array(2.0),), (numpy.float64(2.5),), (3,), (2.5,))
def zero_dimensional(x):
    return x * x + 1, np.sum(x), np.exp(x)


@program((X,))
def default_dtypes(x):
    return np.zeros(3) + x, np.arange(3) * x, np.ones((2, 3), "float64") * x, np.linspace(0, 1, 3) + x


@program((X,))
def same_list_twice(x):
    a = [x * 2]
    b = a
    b.append(x)
    return len(a), a[0], b[1]


@program((X,))
def nested_jit_like(x):
    def step(v, n):
        return v if n == 0 else step(v * 0.5, n - 1)

    return step(x, 4)


@program((X,))
def try_and_with(x):
    y = x * 2
    try:
        z = y + np.ones((9, 9))
    except ValueError:
        z = y - 1
    with np.policy:
        w = z * 2
    return w + y


@program((X,))
def early_return(x):
    for i in range(3):
        x = x * 2
        if np.sum(x) > 2:
            return x, i
    return x, -1


@program((X,))
def deleted_name(x):
    y = x * 2
    z = y + 1
    del y
    return z


@program((X,))
def assertion(x):
    assert x.ndim == 2, "two axes"
    assert np.sum(x) > 100, "too small"
    return x


@program((vec(1, 2, 3), vec(4, 5, 6)))
def rows(x, y):
    return [a * b for a, b in zip(x, y)], numpy.stack([x, y]), numpy.array([x[0] * 2, y[1]])


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


@program((X, 0.5, 0.25), (X, 0.1, 0.9))
def float_arithmetic(x, a, b):
    c = a * 2 - b / 4
    if a < b:
        return x * c, c
    return x / c, -c


@program((numpy.array([1 + 2j, 3.0]),), (numpy.arange(4, dtype="int16"),), (numpy.arange(3, dtype=">f4"),))
def unusual_dtypes(x):
    return x * 2 + 1, np.exp(x), np.sum(x), numpy.sqrt(x)


@program(
    (numpy.arange(4, dtype="float16"),), (numpy.arange(4, dtype="uint8"),), (numpy.arange(4, dtype="int8"),)
)
def small_dtypes(x):
    return x * 2 + 1, np.exp(x), np.sum(x), x + x, x > 1, np.mean(x), x.astype("float32") / 3


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


@program((X,))
def walrus_in_comprehension(x):
    parts = [last := x * k for k in range(3)]
    return parts, last


@program((X,))
def looks_at_locals(x):
    y = x * 2
    return sorted(locals()), y


class Base:
    def forward(self, x):
        return x * 2


class Derived(Base):
    def forward(self, x):
        y = super().forward(x)
        print(end="")
        return np.tanh(y)


program((X,))(Derived().forward)


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 1

    return wrapper


@program((X,))
@decorated
def under_a_decorator(x):
    return np.exp(x)
