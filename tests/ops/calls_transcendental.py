"""Calls of the functions in ``ops/transcendental.py`` that are no ufuncs."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw

CALLS.update(
    {
        "sinc": [Call(lambda np, x: np.sinc(x), (Draw((3, 4)),), False, True)],
        "real": [
            Call(lambda np, x: np.real(x), (Draw((3, 4)),)),
            Call(lambda np, x: np.real(x * (1 + 2j)), (Draw((3, 4)),), False, True),
        ],
        "imag": [Call(lambda np, x: np.imag(x * (1 + 2j)), (Draw((3, 4)),), False, True)],
        "angle": [
            Call(lambda np, x: np.angle(x + 2j), (Draw((3, 4)),), False, True),
            Call(lambda np, x: np.angle(x * 1j + 1, deg=True), (Draw((3, 4)),), False, True),
        ],
    }
)
