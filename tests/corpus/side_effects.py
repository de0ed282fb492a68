"""What happens beside the result, in order: printing, appending, counting, drawing."""

from __future__ import annotations

import logging
import random

import numpy

import minpy.numpy as np
from tests.corpus.inputs import U, V, X, model
from tests.corpus.registry import program

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


@program(model())
def counters(x, m):
    m.count += 1
    m.inner.count -= 2
    m.params["n"] = 3
    m.params["n"] += 1
    m.calls += 1
    return x * 2


@program(model())
def counters_that_are_read(x, m):
    m.count += 1
    y = x * m.count
    m.count += 1
    return y + m.count


@program(model(), model(history=[1, "a"]))
def history_grows(x, m):
    loss = np.sum(x * x)
    m.history.append(loss)
    m.history.append(m.history[-1] + 1)
    m.history.extend([x, {"loss": loss}])
    m.history += (2, 3)
    return loss


@program(
    lambda: ({}, "k", U.copy()), lambda: ({"k": U.copy()}, "k", U.copy()), lambda: ({"j": 1}, "k", U.copy())
)
def cache(store, key, x):
    if key not in store:
        store[key] = x * 2
    return store[key] + 1


@program(model())
def what_a_leftover_sees(x, m):
    rows = [x]
    m.rows = rows
    m.count += 1
    print(end="")  # leftover
    rows.append(x * 2)
    m.rows.append(m.count)
    print(end="")  # leftover
    m.w = rows[1]
    return rows, m.rows is rows


TOTAL = 0


LOG: list = []


@program(lambda: (U.copy(),))
def global_variables(x):
    global TOTAL, LAST
    TOTAL += 1
    LAST = x * 2
    LOG.append(LAST)
    return LAST + 1


@program((X,), (2 * X,))
def prints_values(x):
    y = x * 2
    print("sum", float(np.sum(y)))  # leftover
    z = y + 1
    print(f"{z.shape} {float(z[0, 0]):.3f}", end=";")  # leftover
    return z


@program(([1, 2, 3], X), ([], X))
def prints_in_a_loop(steps, x):
    for step in steps:  # flow
        x = x * 0.5 + step
        if step % 2:  # flow
            print("step", step, x[0, 0] > 0)  # leftover
    else:
        print("done")  # leftover
    return x


class Handler(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelname, record.getMessage()))


HANDLER = Handler()
LOGGER = logging.Logger("corpus", logging.INFO)
LOGGER.addHandler(HANDLER)


@program((X,), (3 * X,))
def logging_of_values(x):
    y = np.tanh(x)
    LOGGER.info("largest %.3f", float(np.max(y)))  # leftover
    LOGGER.debug("not seen")  # leftover
    return y * 2, len(HANDLER.lines)


@program((X,), (X,), no_gradient="the noise is another one at each call")
def draws_of_random_numbers(x):
    noise = np.random.randn(2, 3)
    keep = numpy.random.rand(2, 3) < 0.5
    y = x + noise * 0.1
    return np.where(keep, y, 0), np.random.randint(10)  # leftover


@program(
    (X.astype("float64"), 0.5), (X.astype("float64"), 0.9), no_gradient="the mask is another one at each call"
)
def dropout(x, keep):
    mask = (np.random.rand(*x.shape) < keep) / keep
    h = np.tanh(x) * mask
    return np.sum(h * h)


@program((X, random.Random(3)), (X, random.Random(4)), no_gradient="the choice is another one at each call")
def random_numbers_of_python(x, generator):
    if generator.random() < 0.5:  # flow
        x = -x
    order = [0, 1]
    generator.shuffle(order)  # leftover
    return x[order], order


EVENTS: list = []


def note(text):
    EVENTS.append(text)
    return len(EVENTS)


@program((X,), (X,), no_gradient="it counts its calls")
def calls_in_order(x):
    parts = [note("a") * x, note("b") + x]
    y = parts[0] if note("c") > 2 else parts[1]
    return y + (note("d") and note("e")), EVENTS[-1]


@program((X, 1), (X, 0), (X, 2))
def effects_of_a_short_circuit(x, n):
    found = (n > 0 and note("and")) or note("or")
    chosen = note("yes") if n == 1 else note("no")
    return x * (found - chosen), 0 < n < note("between")


def traced(log):
    """A decorator with an effect before and after."""

    def decorate(function):
        def wrapper(*args, **kwargs):
            log.append(("enter", function.__name__, len(args)))
            result = function(*args, **kwargs)
            log.append(("leave", result))
            return result

        return wrapper

    return decorate


TRACE: list = []


@traced(TRACE)
def squared(x):
    return x * x


@program((V,), (2 * V,))
def decorator_with_effects(x):
    y = squared(x) + squared(x + 1)
    return y, len(TRACE)


class Averager:
    def __init__(self):
        self.mean = None
        self.count = 0
        self.history = {}

    def add(self, x):
        self.count += 1
        if self.mean is None:
            self.mean = x
        else:
            self.mean = self.mean + (x - self.mean) / self.count
        self.history[self.count] = self.mean
        return self.mean


AVERAGER = Averager()
program((V,), (2 * V,), no_gradient="each call is another one")(AVERAGER.add)


@program((V, []), (V, [1]), (V, None))
def raising_after_effects(x, log):
    y = x + 1
    log.append(y)  # leftover
    if len(log) > 1:  # flow
        log.append("raise")
        raise ValueError(f"{len(log)} entries")  # leftover
    return y


@program((V, {"n": 1}), (V, {}), no_gradient="the result is no array")
def counting_in_a_dict(x, counts):
    counts["n"] = counts.get("n", 0) + 1
    counts.setdefault("sums", []).append(np.sum(x))
    return counts["n"]


BEST = {"loss": numpy.inf, "w": None}


@program((V,), (0.5 * V,), (2 * V,))
def keeps_the_best(w):
    loss = np.sum(w * w)
    if loss < BEST["loss"]:  # flow
        BEST["loss"], BEST["w"] = loss, w.copy()
    return loss


def events_of(x, sink=[]):  # noqa: B006
    sink.append(x)
    return len(sink)


@program((V,), (V,), no_gradient="the result is a number of calls")
def mutable_default(x):
    return events_of(x * 2), events_of(x)
