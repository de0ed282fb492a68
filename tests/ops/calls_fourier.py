"""Calls of the functions of ``fft``, whose complex results are made real in two ways."""

from __future__ import annotations

from tests.ops.calls import CALLS, Call, Draw


def _parts(np, z):
    return [np.real(z) * 1.0, np.imag(z)]


def _calls(name: str, *options: dict, source=lambda x: x * (1 + 0.5j), compiles: bool = False) -> list[Call]:
    def call(np, x, **given):
        return _parts(np, getattr(np.fft, name)(source(x), **given))

    return [
        Call(lambda np, x, given=given: call(np, x, **given), (Draw(shape),), compiles, True)
        for given in ({}, *options)
        for shape in ((3, 4), (2, 5))
    ]


def _resized(name: str, **more) -> list[Call]:
    return _calls(name, {"n": 3}, {"n": 7}, {"axis": 0, "norm": "ortho"}, **more)


CALLS.update(
    {
        "fft.fft": _resized("fft"),
        "fft.ifft": _resized("ifft"),
        "fft.rfft": _resized("rfft", source=lambda x: x),
        "fft.irfft": [
            Call(lambda np, x, n=n: np.fft.irfft(x * (1 + 0.5j), n), (Draw((3, 4)),), False, True)
            for n in (None, 1, 2, 5, 6, 7, 8)
        ],
        **{
            f"fft.{name}": _calls(name, {"s": (2, 6)}, {"axes": (1, 0), "norm": "ortho"})
            for name in ("fft2", "ifft2", "fftn", "ifftn")
        },
        **{
            f"fft.{name}": _calls(
                name, {"s": (2, 6)}, {"axes": (1, 0), "norm": "ortho"}, {"s": (3, 3)}, source=lambda x: x
            )
            for name in ("rfft2", "rfftn")
        },
        **{
            f"fft.{name}": [
                Call(
                    lambda np, x, name=name, given=given: getattr(np.fft, name)(x * (1 + 0.5j), **given),
                    (Draw((3, 4)),),
                    False,
                    True,
                )
                for given in ({}, {"s": (2, 5)}, {"axes": (1, 0)}, {"s": (4, 4), "norm": "forward"})
            ]
            for name in ("irfft2", "irfftn")
        },
        "fft.hfft": [
            Call(
                lambda np, x, n=n: np.fft.hfft(x * (1 + 0.5j), n, norm="ortho"), (Draw((3, 4)),), False, True
            )
            for n in (None, 1, 5, 7, 8)
        ],
        "fft.ihfft": _resized("ihfft", source=lambda x: x),
        **{
            f"fft.{name}": [
                Call(lambda np, x, name=name, a=a: getattr(np.fft, name)(x, a), (Draw((3, 4)),))
                for a in (None, 1, (0, 1))
            ]
            for name in ("fftshift", "ifftshift")
        },
    }
)
