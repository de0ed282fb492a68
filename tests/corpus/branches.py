"""Branches: ``if``, ternaries, boolean operators, ``match``, ``assert``, on static values and on data."""

from __future__ import annotations

import numpy

import minpy.numpy as np
from tests.corpus.inputs import A, V, X
from tests.corpus.registry import program


@program((X, 2), (X, 3), (X, 2))
def static_if(x, n):
    if n == 2:
        return x * n
    elif n > 5:
        return x
    else:
        x = x + n
    return x - 1


@program((X, "train"), (X, "test"), (X, None))
def modes(x, mode):
    y = x if mode is None else x * 2
    if mode == "train" and x.ndim == 2:
        y = y + 1
    return y if mode in ("train", "test") else -y


@program((X, 0.3), (X, -0.3))
def float_decides(x, p):
    if p > 0:
        return x / p
    return x * int(p * 10)


@program((X,), (np.array([3.0]),))
def data_decides(x):
    y = x * 2
    if np.sum(y) > 1:  # flow
        z = np.exp(y)
    else:
        z = y - 1
    return z * z


@program((X,))
def conditional_expressions(x):
    y = x * 2 if x.shape[0] == 2 and x.shape[1] != 2 else x
    z = x.shape[0] or 5
    return y, z, 1 < x.ndim < 3, (k := 4) + k


@program((X,))
def early_return(x):
    for i in range(3):  # flow
        x = x * 2
        if np.sum(x) > 2:  # flow
            return x, i
    return x, -1


@program((X,), no_gradient="it raises")
def assertion(x):
    assert x.ndim == 2, "two axes"
    assert np.sum(x) > 100, "too small"  # leftover
    return x


@program((X,), (3 * X,), (10 * X,))
def return_in_the_middle(x):
    y = np.abs(x)
    if np.sum(y) > 3:  # flow
        z = y * 2
        if np.max(z) > 5:  # flow
            return z, "large"
        y = z - 1
    elif np.min(y) > 10:  # flow
        return y
    return y + 1, "end"


@program((V,), (-V,))
def ternary_on_data(x):
    z = x + 1
    y = x * 2 if np.sum(x) > 0 else x - 1  # flow
    return y * z


@program((V, 1.0), (V, -1.0), (3 * V, 0.5))
def boolean_operators_on_data(x, t):
    s = np.sum(x)
    a = s > 0 and s < 5  # leftover
    b = s < 0 or t  # leftover
    c = not s > 1  # leftover
    return a, b, c, 0 < s < 2, x * 2  # leftover


@program((V,), (numpy.array([5.0, 5.0, 5.0]),))
def assertion_on_data(x):
    y = x * 2
    assert np.sum(x) > 0.5, f"sum {len(x)}"  # leftover
    assert x.ndim == 1
    return y - 1


@program((-V,), no_gradient="it raises")
def assertion_fails(x):
    y = x * 2
    assert np.sum(x) > 0.5, "too small"  # leftover
    return y


@program((X, 1), (X, 2.5), (X, "s"), (X, None), (X, [1, 2]), (X, A))
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


@program((X, 1), (X, 5), (X, 12), (X, None))
def chained_comparisons(x, n):
    if n is None or not 0 < n < 10:
        return -x
    return x * 2 if 1 <= n <= 3 != 2 else x / n


@program((V,), (X,), (np.ones((2, 0)),))
def shapes_decide(x):
    if x.ndim == 1:
        x = x[None]
    if x.shape[1] % 2:
        x = np.concatenate([x, x[:, :1]], axis=1)
    if not x.size:
        return x, "empty"
    return x.reshape(x.shape[0], 2, -1), len(x)


@program((V, True), (V, False), (V, 1), (V, []), (V, [0]), (V, ""), (V, V[:1]))
def truth_of_values(x, flag):
    if flag:  # flow
        return x + 1
    return not flag, x


@program((V,), (-V,), (0 * V,))
def several_branches_on_data(x):
    total = np.sum(x)
    if total > 0.5:  # flow
        scale, name = total, "large"
    elif total < -0.5:  # flow
        scale, name = -total, "small"
    else:
        scale, name = 1.0, "none"
    return x * scale, name


@program((V,), (-V,))
def nested_branches_on_data(x):
    y = x * 2
    if np.sum(y) > 0:  # flow
        if np.max(y) > 3:  # flow
            y = np.exp(-y)
        else:
            y = y + 1
        z = y * y
    else:
        z = y - 1
    return z + np.where(x > 0, x, 0)


@program((V, 2), (-V, 2), (V, 0))
def short_circuit_on_data(x, n):
    if n and np.sum(x) > 0:  # flow
        x = x / n
    if n == 0 or np.min(x) < -10:  # flow
        x = x + 1
    return x


@program((V, "a"), (V, "b"), (V, "c"))
def membership(x, name):
    if name in {"a": 1}:
        x = x * 2
    elif name not in ("a", "b"):
        x = x - 1
    kinds = {"a", "b"}
    return x, name in kinds, 2 in range(3), name in "abc"


@program((V, None), (V, V), (V, [V]), (V, (V, V)))
def identity_and_types(x, other):
    if other is x:
        return "same"
    if other is not None and isinstance(other, (list, tuple)):
        x = x + other[-1]
    return x if other is None else x * (1 if type(other) is tuple else 2)


@program((V,), (V * 9,))
def returns_from_a_loop_with_else(x):
    for k in range(3):  # flow
        if np.max(x) > 4:
            break
        x = x * 1.5 + k
    else:
        k = -1
    return x, k


@program((V, 0.25), (V, 0.75))
def branch_on_a_float(x, rate):
    return (x * rate if rate < 0.5 else x / rate), max(rate, 0.5), -1 if rate > 0.5 else 1
