"""Calls of the functions in ``ops/transcendental.py`` that are no ufuncs."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw

CALLS.update(
    {
        **{
            name: [Call(lambda np, x, name=name: getattr(np, name)(x), (Draw((3, 4)),), False, True)]
            for name in ("modf", "frexp")
        },
        "divmod": [
            Call(function, (Draw((3, 4), -5.0, 5.0), Draw((4,), 0.6, 3.0)), False, True, kernels=True)
            for function in (lambda np, x, y: np.divmod(x, y), lambda np, x, y: list(divmod(x, 2.0)))
        ],
        "real_if_close": [
            Call(lambda np, x: np.real_if_close(x), (Draw((3, 4)),)),
            Call(lambda np, x: np.real_if_close(x * (1 + 1e-15j)), (Draw((3, 4)),), False, True),
            Call(lambda np, x: np.real_if_close(x * (1 + 1e-9j), tol=1e-3), (Draw((3, 4)),), False, True),
            Call(lambda np, x: np.real_if_close(x * (1 + 2j)), (Draw((3, 4)),), False, True),
        ],
        "sinc": [Call(lambda np, x: np.sinc(x), (Draw((3, 4)),), False, True, kernels=True)],
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
