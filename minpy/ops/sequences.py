"""Recurrent layers in NumPy: the reference for the ops, called by programs that ``explain`` prints.

Each function is printed as it stands here, with those that it calls, so none uses anything else of MinPy's.
The first argument ``f`` has the functions: NumPy, or the table for a gradient of the gradient.
"""

from __future__ import annotations


def sigmoid(f, x):
    """1 / (1 + exp(-x))"""
    return 1 / (1 + f.exp(-x))


def weights(x, p, h, cell):
    """wx, wh, bx, bh, which stand one behind the other in p."""
    inputs, hidden = x.shape[2], h.shape[1]
    rows = {"rnn": 1, "lstm": 4, "gru": 3}[cell] * hidden
    wx, rest = p[: rows * inputs].reshape((rows, inputs)), p[rows * inputs :]
    wh, biases = rest[: rows * hidden].reshape((rows, hidden)), rest[rows * hidden :]
    return wx, wh, biases[:rows], biases[rows:]


def parts(a, count):
    """Columns that belong to gates."""
    size = a.shape[1] // count
    return [a[:, i * size : (i + 1) * size] for i in range(count)]


def step(f, cell, a, u, h, c):
    """The next h and c, and what the gradient of the step needs."""
    if cell == "rnn":
        after = f.tanh(a + u)
        return after, c, (after,)
    if cell == "gru":
        (ar, az, an), (ur, uz, un) = parts(a, 3), parts(u, 3)
        r, z = sigmoid(f, ar + ur), sigmoid(f, az + uz)
        n = f.tanh(an + r * un)
        return (1 - z) * n + z * h, c, (r, z, n, un, h)
    ai, af, ag, ao = parts(a + u, 4)
    i, forget, g, o = sigmoid(f, ai), sigmoid(f, af), f.tanh(ag), sigmoid(f, ao)
    after = forget * c + i * g
    squashed = f.tanh(after)
    return o * squashed, after, (i, forget, g, o, c, squashed)


def step_back(f, cell, dh, dc, kept):
    """Cotangents of a, u, c before the step, and of h before it as far as they do not come through u."""
    if cell == "rnn":
        (after,) = kept
        da = dh * (1 - after * after)
        return da, da, dc, 0.0 * dh
    if cell == "gru":
        r, z, n, un, h = kept
        dn = dh * (1 - z) * (1 - n * n)
        dr, dz = dn * un * (r * (1 - r)), dh * (h - n) * (z * (1 - z))
        return f.concatenate([dr, dz, dn], 1), f.concatenate([dr, dz, dn * r], 1), dc, dh * z
    i, forget, g, o, c, squashed = kept
    dc = dc + dh * o * (1 - squashed * squashed)
    found = [dc * g * (i * (1 - i)), dc * c * (forget * (1 - forget)), dc * i * (1 - g * g)]
    da = f.concatenate([*found, dh * squashed * (o * (1 - o))], 1)
    return da, da, dc * forget, 0.0 * dh


def recurrence(f, x, p, h, c=None, *, cell):
    """The h of all steps."""
    wx, wh, bx, bh = weights(x, p, h, cell)
    found = []
    for t in range(x.shape[0]):
        h, c, _ = step(f, cell, x[t] @ wx.T + bx, h @ wh.T + bh, h, c)
        found.append(h)
    return f.stack(found)


def recurrence_gradient(f, g, x, p, h, c=None, *, cell, of):
    """The cotangent of operand number ``of`` for the cotangents g of the h of all steps."""
    wx, wh, bx, bh = weights(x, p, h, cell)
    steps = []
    for t in range(x.shape[0]):
        before = h
        h, c, kept = step(f, cell, x[t] @ wx.T + bx, h @ wh.T + bh, h, c)
        steps.append((x[t], before, kept))
    dx = [x[:0]] * 0
    dwx, dwh, dbx, dbh = 0.0 * wx, 0.0 * wh, 0.0 * bx, 0.0 * bh
    dh = dc = 0.0 * h
    for t, (row, before, kept) in reversed(list(enumerate(steps))):
        da, du, dc, direct = step_back(f, cell, g[t] + dh, dc, kept)
        dh = du @ wh + direct
        dx.insert(0, da @ wx)
        dwx, dwh = dwx + da.T @ row, dwh + du.T @ before
        dbx, dbh = dbx + da.sum(0), dbh + du.sum(0)
    if of == 1:
        return f.concatenate([dwx.reshape(-1), dwh.reshape(-1), dbx, dbh])
    return f.stack(dx) if of == 0 else dh if of == 2 else dc
