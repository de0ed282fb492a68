"""``try``, ``raise``, ``with``."""

from __future__ import annotations

import contextlib

import numpy

import minpy.numpy as np
from tests.corpus.inputs import X
from tests.corpus.registry import program


@program((X, 0), (X, 1), (X, 2), (X, 3))
def exceptions(x, n):
    log = []
    y = x
    try:  # flow
        y = x * 2
        log.append("before")
        if n == 1:  # flow
            raise ValueError("mine")  # leftover
        if n == 2:  # flow
            y = y + np.ones((9, 9))  # leftover
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
    try:  # flow
        scale = table["w"]  # leftover
    except (KeyError, TypeError):
        scale = 7
    return x * scale


@program((X,), (3 * X,))
def nested_exceptions(x):
    def checked(v):  # leftover
        if np.sum(v) > 1:
            raise ArithmeticError("too large")
        return v * 2

    found = []
    for k in range(3):  # flow
        try:
            try:  # flow
                y = checked(x * k)  # leftover
            finally:
                found.append(k)
        except ArithmeticError:
            found.append("caught")
            continue
        found.append(np.sum(y))
    return found


@program((X,), no_gradient="it raises")
def raises_unhandled(x):
    y = x * 2
    if y.ndim == 2:  # flow
        raise NotImplementedError("two axes")  # leftover
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
    with swallowing(log) as depth:  # flow
        y = np.exp(x) * depth
        z = y + np.ones((n, 3))  # leftover
        y = z * 2
    with contextlib.suppress(ValueError, KeyError):  # flow
        y = y + 1
        y = y + np.ones((n, 3))  # leftover
        log.append("not suppressed")
    return y, log, n


@program((X,))
def contexts_without_meaning(x):
    with numpy.errstate(divide="ignore", invalid="ignore"), contextlib.nullcontext(3) as k:
        y = x / np.abs(x)
    with numpy.errstate(all="ignore"):
        return y * k


@program((numpy.array([1.0, 0.0]),), (numpy.array([1.0, 2.0]),), no_gradient="it divides by zero")
def errors_made_exceptions(x):
    y = x + 1
    try:  # flow
        with numpy.errstate(divide="raise"):  # flow
            y = 1 / x
    except FloatingPointError:
        y = x * 0
    return y


@program((X, 0), (X, 2), (X, 5))
def error_is_caught_and_read(x, n):
    try:  # flow
        y = x.reshape(n, 3)  # leftover
    except ValueError as error:
        return x, "reshape" in str(error), type(error).__mro__[-2].__name__  # leftover
    return y * 2, n


class Stop(Exception):
    def __init__(self, value):
        super().__init__("stop")
        self.value = value


@program((X, 2), (X, 9))
def an_exception_carries_a_value(x, limit):
    try:  # flow
        for k in range(5):  # flow
            x = x * 2
            if k == limit:  # flow
                raise Stop(x)  # leftover
    except Stop as stop:
        return stop.value, "stopped"
    return x, "ended"


@program((X, "ok"), (X, "raise"), (X, "return"))
def finally_always_runs(x, how):
    log = []
    for _ in range(2):  # flow
        try:
            if how == "raise":  # flow
                raise KeyError(how)  # leftover
            if how == "return":
                return x, log
            x = x * 2
        except KeyError:
            log.append("caught")
            continue
        finally:
            log.append("finally")
    return x, log


@program((X, {}), (X, {"rate": 2}))
def reraises(x, options):
    y = x + 1
    try:  # flow
        return y * options["rate"]  # leftover
    except KeyError as error:
        raise ValueError("no rate") from error  # leftover


@program((X,), (-X,))
def error_on_data(x):
    y = np.sum(x)
    if y < 0:  # flow
        raise ValueError(f"negative: {y.ndim}")  # leftover
    return np.sqrt(y) * x


class Timer:
    """A context manager as a class."""

    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("start")
        return self

    def __exit__(self, kind, error, traceback):
        self.log.append(kind and kind.__name__)
        return kind is ZeroDivisionError


@program((X, 2), (X, 0))
def a_context_manager_of_ones_own(x, n):
    log = []
    y = x
    with Timer(log) as timer:  # flow
        y = x * 3
        y = y / (6 // n)  # leftover
        log.append(timer is not None)
    return y, log


@program((X, "1"), (X, "no"), (X, None))
def first_that_works(x, text):
    for kind in (int, float):  # flow
        try:  # flow
            return x * kind(text), kind.__name__  # leftover
        except (ValueError, TypeError):
            pass
    else:
        x = -x
    return x


@program((X, 1), (X, 4))
def assertions_about_arguments(x, n):
    assert n > 0, "positive"
    assert x.ndim == 2 and n < 3, f"n is {n}"  # leftover
    return x * n
