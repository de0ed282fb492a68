"""Python's numbers."""

from __future__ import annotations

import copy

import numpy

import minpy.numpy as np
from tests.corpus.inputs import A, V, X, vec
from tests.corpus.registry import program


@program((X, 0.1), (X, 0.2), (X, 5.0))
def float_argument(x, rate):
    step = rate * 2 - 1
    return x - rate * x, step, x * step


@program((X, 0.5, 0.25), (X, 0.1, 0.9))
def float_arithmetic(x, a, b):
    c = a * 2 - b / 4
    if a < b:
        return x * c, c
    return x / c, -c


@program(
    (np.array(2.0), vec(1, 2, 3)), (np.array(-1.0, dtype="float32"), vec(4)), no_gradient="float() cuts it"
)
def numbers_from_data(s, x):
    a = float(s)
    b = x.sum().item() * 2
    return a, b, a + b, x * a, float(numpy.float32(0.1)), numpy.float32(s.shape[0] if s.ndim else 7)


@program((numpy.array(3),), (np.array(4.5),))
def int_from_data(s):
    n = int(s)  # leftover
    return [s * i for i in range(n)], round(float(s), 1), str(n)  # leftover


@program((V, 7, 2), (V, -7, 2), (V, 7, -3), (V, 7, 0))
def whole_numbers(x, n, m):
    return x * (n // m), n % m, divmod(n, m), n**2, -n >> 1, n & 3, n | 8, n ^ m, ~n, abs(n)  # leftover


@program(
    (V, 2),
    (V, True),
    (V, 2.0),
    (V, 1 + 0j),
    (V, numpy.float32(2)),
    (V, numpy.int64(2)),
    no_gradient="complex",
)
def kinds_of_numbers(x, n):
    return x * n, n * 2, n + 0.5, type(n).__name__, isinstance(n, (int, float))  # leftover


@program((X, 0), (X, 1), (X, 40), (X, 2**70))
def large_and_small(x, n):
    return x * (n % 7), n * n, float(n) / 3, n > 2**64, str(n), n.bit_length()


@program((V, 0.1), (V, 2.5), (V, -1.5))
def rounding(x, t):
    return x * round(t), round(t, 1), int(t), t // 1, t % 1, float(f"{t:.1f}"), t.is_integer()


@program((V,), (2 * V,))
def numbers_of_shapes(x):
    n = len(x)
    half, odd = divmod(n, 2)
    return x[:half], x / n, odd, n**0.5, sum(range(n)), [n] * 2, x.size == n, x.itemsize * n


@program((V, "3"), (V, "0.5"), (V, "x"))
def numbers_from_text(x, text):
    number = int(text) if text.isdigit() else float(text)  # flow
    return x * number, number


@program((X,), (numpy.asarray(X),))
def constants_of_numpy(x):
    eps = numpy.finfo(x.dtype).eps
    return (
        x * np.pi + numpy.e,
        x + eps,
        numpy.inf > 1,
        np.newaxis is None,
        numpy.float32(3) * x,
        np.nan != np.nan,
    )


@program((V, 5), (V, 1))
def sums_of_python_numbers(x, n):
    total, product = 0, 1.0
    for k in range(1, n + 1):
        total += k
        product *= 1 + 1 / k
    mean = total / n
    return x * mean, total, product, max(total, 3), min([product, 2])


@program((A, 2.5, 1.0), (X, 0.25, -3.0))
def arrays_that_numpy_makes_of_numbers(x, a, b):
    pair = numpy.array([a, b])
    return pair, numpy.array(a), numpy.array([[a], [b]]) * x[:, :1], numpy.array((a, 1), dtype="float32")


@program((A, 2.5), (X, 0.25), (X, 3))
def what_a_number_stays(x, a):
    parts = np.real(a), numpy.real(a), numpy.squeeze(a), numpy.transpose(a), numpy.imag(a)
    return [x * np.real(a), numpy.real(x), *parts]


@program((A, 3, "low"), (X, 3, "low"), (A, 4, "".join(["lo", "w"])))
def which_object_a_number_is(x, n, name):
    large, three, low = float(np.sum(x)) > 1, 3, "low"
    y = x * n
    z = y if n is three else -y
    by_data = large is True, large is not None  # leftover
    by_text = name is low  # leftover
    return y, z, by_data, by_text


@program((2.0,), (3,), (True,), (10**30,), (-(2.0**70),), no_gradient="there is no array")
def no_array_at_all(number):
    return number * 2 + 1


@program((2.0,), (3,), (10**30,), no_gradient="there is no array")
def numpy_on_numbers(number):
    return np.add(number, number), np.zeros_like(number), numpy.conj(number)  # leftover


@program(
    (numpy.float32(2),), (numpy.float64(3),), (numpy.bool_(True),), (2.5,), no_gradient="there is no array"
)
def copies_of_numbers(number):
    shallow, deep = copy.copy(number), copy.deepcopy([number, number])
    return shallow, shallow is number, deep[0] is deep[1], deep[0] is number
