"""Products, decompositions, Fourier transforms."""

from __future__ import annotations

import numpy

from tests.fuzz.writer import MANY, Unfit, Writer, expression


@expression(8)
def product(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    value = w.value(x)
    names = w.arrays(lambda y: y.ndim and _fits(numpy.matmul, value, y))
    if not names or w.chance(20):
        return f"np.dot({x}, {x}.T)" if value.ndim < 3 else f"{x} @ {x}.swapaxes(-1, -2)"
    y = w.pick(names)
    return w.pick(
        ("{} @ {}", "np.matmul({}, {})", "np.dot({}, {})", "{}.dot({})", "numpy.dot({}, {})")
    ).format(x, y)


def _fits(product: object, x: numpy.ndarray, y: numpy.ndarray) -> bool:
    try:
        return product(numpy.empty(x.shape, bool), numpy.empty(y.shape, bool)).size <= MANY  # type: ignore[operator]
    except (ValueError, TypeError):
        return False


@expression(4)
def contraction(w: Writer) -> str:
    x = w.array(lambda x: x.ndim and x.size <= 12)
    y = w.array(lambda y: y.ndim == w.value(x).ndim and y.shape == w.value(x).shape)
    letters = "ijk"[: w.value(x).ndim]
    forms = [
        f"np.einsum('{letters},{letters}->{letters}', {x}, {y})",
        f"np.einsum('{letters},{letters}->{letters[0]}', {x}, {y})",
        f"np.einsum('{letters},{letters}', {x}, {y})",
        f"np.einsum('...i,...i->...', {x}, {y})",
        f"np.einsum('{letters}->{letters[::-1]}', {x})",
        f"np.tensordot({x}, {y}, axes={len(letters)})",
        f"np.tensordot({x}, {y}, axes=([0], [0]))",
        f"np.vdot({x}, {y})",
        f"np.inner({x}, {y})",
        f"np.outer({x}.ravel()[:4], {y}.ravel()[:5])",
        f"np.kron({x}.ravel()[:3], {y}.ravel()[:4])",
    ]
    if w.value(x).shape[-1] == 3:
        forms += [f"np.cross({x}, {y})"] * 3
    return w.pick(forms)


@expression(5)
def decomposition(w: Writer) -> str:
    """Of a matrix that is symmetric and far from singular."""
    x = w.array(lambda x: x.ndim == 2 and x.size and len(x) <= 4 and numpy.abs(x).max() < 20)
    regular = f"(np.dot({x}, {x}.T) / 4 + 2 * np.eye({len(w.value(x))}))"
    if w.value(x).dtype.kind == "c":
        regular = regular.replace(".T", ".conj().T")
    elif w.value(x).dtype.kind == "f":  # or a product of float32 is rounded before determinants multiply that
        regular = regular.replace(f"({x}, ", f"({x}.astype('float64'), ")
    if w.smooth:
        values = numpy.linalg.svd(w.value(x).astype(complex) + 0.1, compute_uv=False)
        if numpy.min(numpy.abs(numpy.diff([*values, 0.0]))) < 0.1:
            raise Unfit  # where singular values meet they have no derivative, nor do the smallest at 0
    return w.pick(
        (
            f"np.linalg.inv({regular})",
            f"np.linalg.det({regular})",
            f"np.linalg.slogdet({regular})[1]",
            f"np.linalg.solve({regular}, {x})",
            f"np.linalg.solve({regular}, {x}[:, 0])",
            f"np.linalg.cholesky({regular})",
            f"np.linalg.eigvalsh({regular})",
            f"np.linalg.eigh({regular})[0]",
            f"np.linalg.svd({x} + 0.1, compute_uv=False)",
            f"np.abs(np.linalg.qr({regular})[1])",
            f"np.linalg.pinv({regular})",
            f"np.linalg.matrix_power({regular} / 3, {w.pick((0, 1, 2, 3, -1))})",
            f"np.linalg.multi_dot([{regular}, {regular}, {x}])",
            f"np.linalg.norm({x}, {w.pick((repr('fro'), 1, 'np.inf', 2))})",
        )
    )


@expression(2)
def transform(w: Writer) -> str:
    x = w.array(lambda x: x.ndim and x.size)
    names = ("fft", "ifft", "fftn", "fftshift", "irfft", "ifftshift", "rfft")
    return f"np.fft.{w.pick(names if w.value(x).dtype.kind != 'c' else names[:-1])}({x})"
