"""``match``, which Python has since 3.10."""

from __future__ import annotations

import dataclasses

import minpy.numpy as np
from tests.corpus.inputs import V, X
from tests.corpus.registry import program


@program((V, "relu"), (V, "tanh"), (V, "leaky"), (V, 7))
def a_name(x, how):
    match how:
        case "relu":
            y = np.maximum(x, 0)
        case "tanh" | "sigmoid":
            y = np.tanh(x)
        case str():
            y = np.where(x > 0, x, 0.1 * x)
        case _:
            return x, "unknown"
    return y, how


@program((V, ("scale", 2)), (V, ("shift", 1, 2)), (V, ()), (V, [3]), (V, ("clip", {"low": 0})))
def sequences(x, command):
    match command:
        case ("scale", factor):
            x = x * factor
        case ("shift", *offsets) if len(offsets) > 1:
            x = x + sum(offsets)
        case [int(n)]:
            x = x**n
        case (_, {"low": low, **rest}):
            x = np.maximum(x, low) + len(rest)
        case []:
            x = -x
    return x


@dataclasses.dataclass
class Dense:
    w: object
    bias: float = 0.0


@dataclasses.dataclass
class Activation:
    name: str


@program((V, [Dense(2.0), Activation("tanh"), Dense(0.5, 1.0)]), (V, [Activation("none")]))
def classes(x, layers):
    for layer in layers:
        match layer:
            case Dense(w=w, bias=0.0):
                x = x * w
            case Dense(w, bias):
                x = x * w + bias
            case Activation(name="tanh"):
                x = np.tanh(x)
            case Activation():
                pass
    return x


@program((V,), (X,), (np.ones((2, 2, 2)),))
def shapes(x):
    match x.shape:
        case (n,):
            return x * n
        case (n, m) if n < m:
            return x @ x.T
        case (_, *rest):
            return x, rest


@program((V, {"kind": "sgd", "rate": 0.1}), (V, {"kind": "momentum", "rate": 0.1, "decay": 0.9}), (V, {}))
def mappings(x, options):
    match options:
        case {"kind": "sgd", "rate": rate}:
            return x - rate * x
        case {"kind": kind, "rate": rate, "decay": decay}:
            return x - rate * x * decay, kind
    return None


@program((V,), (-V,))
def data_decides(x):
    y = x * 2
    match bool(np.sum(y) > 0):  # flow
        case True:
            y = np.exp(-y)
        case False:
            y = y - 1
    return y * y


@program((V, 1), (V, 2), (V, 3), (V, 2.0), (V, None))
def numbers(x, n):
    match n:
        case 1 | 2 as k:
            x = x * k
        case None:
            x = x + 1
        case float() | int():
            x = x - n
    return x


@program((V,), (-V,))
def a_bool_made_of_data(x):
    match float(np.sum(x)) > 1:  # flow
        case True:
            y = x * 2
        case False:
            y = -x
        case _:
            y = x * 0
    return y


@program((V, (1, 2, 3, 4)), (V, {"a": 1}), (V, 3), (V, (5, 6, 7)))
def parts_of_sequences(x, command):
    match command:
        case (1, *_, last):
            return x * last
        case {"a": n}:
            return x * n
        case (first, *_) if first > 5:
            return x
        case (_, second, *_):
            return x * second
    return x + 1


@program((V, Dense(2.0)), (V, 3))
def attributes_that_are_not_there(x, layer):
    match layer:
        case Dense(nothing=n):
            return x * n
        case Dense(w=w):
            return x * w
    return x


@program((V, Dense(2.0)), no_gradient="it raises")
def too_many_patterns(x, layer):
    match layer:  # flow
        case Dense(a, b, c):
            return x * a * b * c
    return x


@program((V,))
def a_function_matched(x):
    def inner():  # leftover
        return x * 2

    match inner:  # flow
        case None:
            return x
    return inner()
