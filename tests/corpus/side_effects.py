"""What happens beside the result, in order: printing, appending, counting, drawing."""

from __future__ import annotations

import minpy.numpy as np
from tests.corpus.inputs import U, X, model
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
