"""Recurrent layers, part of ``minpy.nn.layers``: one step of each kind, and all steps of a sequence.

N is the size of a batch, D that of an input, H that of the state, T the number of steps. Compiled, the steps
of a sequence become MXNet's operator for them, or kernels, whichever is faster.
"""

from __future__ import annotations

from typing import Any

import minpy.numpy as np
from minpy.errors import ShapeError
from minpy.nn.functional import sigmoid


def rnn_step(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """One step of a recurrent network, tanh(x @ Wx + prev_h @ Wh + b).

    Args:
        x: (N, D).
        prev_h: (N, H).
        Wx, Wh, b: (D, H), (H, H), (H,).

    Returns:
        The next h, (N, H).

    Raises:
        ShapeError: shapes that do not fit.
    """
    _check("rnn_step", x, prev_h, 1, Wx, Wh, b)
    return np.tanh(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)


def lstm_step(x: Any, prev_h: Any, prev_c: Any, Wx: Any, Wh: Any, b: Any) -> tuple[Any, Any]:
    """One step of an LSTM: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with forget gates.

    Args:
        x: (N, D).
        prev_h, prev_c: (N, H).
        Wx, Wh, b: (D, 4H), (H, 4H), (4H,), for the gates i, f, o and g in this order.

    Returns:
        The next h and c, (N, H).

    Raises:
        ShapeError: shapes that do not fit.
    """
    _check("lstm_step", x, prev_h, 4, Wx, Wh, b)
    H = prev_h.shape[1]
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c


def gru_step(x: Any, prev_h: Any, Wx: Any, Wh: Any, b: Any, Wxh: Any, Whh: Any, bh: Any) -> Any:
    """One step of a GRU.

    Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures" (2015).

    Args:
        x: (N, D).
        prev_h: (N, H).
        Wx, Wh, b: (D, 2H), (H, 2H), (2H,), for the gates r and z in this order.
        Wxh, Whh, bh: (D, H), (H, H), (H,), for the new state.

    Returns:
        The next h, (N, H).

    Raises:
        ShapeError: shapes that do not fit.
    """
    _check("gru_step", x, prev_h, 2, Wx, Wh, b)
    _check("gru_step", x, prev_h, 1, Wxh, Whh, bh)
    H = prev_h.shape[1]
    a = sigmoid(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)
    r = a[:, :H]
    z = a[:, H:]
    new_h = np.tanh(np.dot(x, Wxh) + np.dot(r * prev_h, Whh) + bh)
    return z * prev_h + (1 - z) * new_h


def rnn_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """``rnn_step`` over sequences.

    Args:
        x: (N, T, D).
        h0: (N, H), the state before.

    Returns:
        The h of all steps, (N, T, H).

    Raises:
        ShapeError: shapes that do not fit.
    """
    h, states = h0, []
    for t in _steps("rnn_temporal", x):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def lstm_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """``lstm_step`` over sequences, with zeros as the first c; for the rest see ``rnn_temporal``."""
    h, c, states = h0, np.zeros_like(h0), []
    for t in _steps("lstm_temporal", x):
        h, c = lstm_step(x[:, t], h, c, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def gru_temporal(x: Any, h0: Any, Wx: Any, Wh: Any, b: Any, Wxh: Any, Whh: Any, bh: Any) -> Any:
    """``gru_step`` over sequences; for the rest see ``rnn_temporal``."""
    h, states = h0, []
    for t in _steps("gru_temporal", x):
        h = gru_step(x[:, t], h, Wx, Wh, b, Wxh, Whh, bh)
        states.append(h)
    return np.stack(states, axis=1)


def _steps(who: str, x: Any) -> range:
    if np.ndim(x) != 3 or x.shape[1] < 1:
        raise ShapeError(f"{who}: x is (N, T, D) with at least one step, not {np.shape(x)}")
    return range(x.shape[1])


def _check(who: str, x: Any, h: Any, gates: int, Wx: Any, Wh: Any, b: Any) -> None:
    shapes = [np.shape(a) for a in (x, h, Wx, Wh, b)]
    (N, D), (_, H) = (shape if len(shape) == 2 else (-1, -1) for shape in shapes[:2])
    if shapes != [(N, D), (N, H), (D, gates * H), (H, gates * H), (gates * H,)]:
        size = "H" if gates == 1 else f"{gates}H"
        names = f"(N, D), (N, H), (D, {size}), (H, {size}) and ({size},)"
        raise ShapeError(
            f"{who}: input, state, weights and bias are {names}, not {', '.join(map(str, shapes))}"
        )
