"""Reshaping, moving axes, joining, splitting, repeating; sorting and scans; new arrays."""

from __future__ import annotations

import numpy

from tests.fuzz.steps_elementwise import axes
from tests.fuzz.writer import Writer, expression, statement


def _factors(size: int) -> list[tuple[int, ...]]:
    """Shapes of so many elements."""
    if not size:
        return [(0,), (2, 0), (0, 3)]
    pairs = [(n, size // n) for n in range(1, size + 1) if not size % n]
    return [(size,), *pairs, *[(1, *pair) for pair in pairs[1:-1]], *([()] if size == 1 else [])]


@expression(8)
def reshaped(w: Writer) -> str:
    x = w.array()
    shape = w.pick(_factors(w.value(x).size))
    x = w.laid_out(x)
    if shape and w.chance(30) and w.value(x).size:
        hidden = w.integer(0, len(shape) - 1)
        shape = (*shape[:hidden], -1, *shape[hidden + 1 :])
    order = ", order='F'" if w.chance(8) else ""
    forms = ("{x}.reshape({s}{o})", "np.reshape({x}, {s}{o})", "{x}.ravel({p})", "np.ravel({x}{o})")
    form = w.pick((*forms[:2], *forms, "{x}.flatten({p})"))
    return form.format(x=x, s=shape, o=order, p=order[2:])


@expression(8)
def moved(w: Writer) -> str:
    x = w.array()
    ndim = w.value(x).ndim
    names = ["{}.T", "np.transpose({})", "{}.transpose()", "np.atleast_1d({})", "np.atleast_2d({})"]
    if ndim:
        one, other = w.axis(ndim), w.axis(ndim)
        order = _permutation(w, ndim)
        names += [
            f"np.swapaxes({{}}, {one}, {other})",
            f"{{}}.swapaxes({one}, {other})",
            f"np.moveaxis({{}}, {one}, {other})",
            f"np.transpose({{}}, {order})",
            f"{{}}.transpose({order})",
            f"np.expand_dims({{}}, {one})",
            f"np.expand_dims({{}}, ({one}, {ndim}))",
            f"np.flip({{}}, {axes(w, ndim)})",
            f"np.roll({{}}, {w.integer(-3, 3)}, axis={one})",
            f"np.roll({{}}, {w.integer(-3, 3)})",
            "np.squeeze({})",
            "{}.squeeze()",
            f"np.rollaxis({{}}, {one})",
            "np.flipud({})",
        ]
    if ndim > 1:
        names += [f"np.rot90({{}}, {w.integer(-1, 2)})", "np.fliplr({})", "np.diagonal({})", "{}.diagonal(1)"]
        names += ["np.tril({})", "np.triu({}, 1)", "np.trace({})", "{}.trace()"]
    if ndim in (1, 2):
        names += [f"np.diag({{}}, {w.integer(-1, 1)})", "np.atleast_3d({})"]
    return w.pick(names).format(x)


def _permutation(w: Writer, ndim: int) -> tuple[int, ...]:
    left, chosen = list(range(ndim)), []
    while left:
        chosen.append(left.pop(w.integer(0, len(left) - 1)))
    return tuple(chosen)


@expression(4)
def enlarged(w: Writer) -> str:
    x = w.array(lambda x: x.size <= 12)
    value = w.value(x)
    wider = (w.integer(1, 3), *[3 if size == 1 and w.chance(50) else size for size in value.shape])
    forms = [
        f"np.broadcast_to({x}, {wider})",
        f"np.tile({x}, {w.pick((2, (2, 1), (1, 2), (2, 2)))})",
        f"np.repeat({x}, {w.integer(0, 2)})",
        f"{x}.repeat(2)",
        f"np.resize({x}, {w.pick(((3,), (2, 3)))})",
    ]
    if value.ndim:
        axis = w.axis(value.ndim)
        forms += [f"np.repeat({x}, 2, axis={axis})"]
        mode = w.pick(("'constant'", "'edge'", "'wrap'", "'reflect'", "'constant', constant_values=1.5"))
        forms += [f"np.pad({x}, {w.pick((1, (1, 0), (0, 2)))}, {mode})"] * 2
        counts = [w.integer(0, 2) for _ in range(value.shape[0])]
        forms += [f"np.repeat({x}, {counts}, axis=0)"] if value.shape[0] else []
    return w.pick(forms)


@expression(6)
def joined(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    shape = w.value(x).shape
    axis = w.axis(len(shape))

    def fits(y: numpy.ndarray) -> bool:
        return y.ndim == len(shape) and all(
            i == axis % len(shape) or m == n for i, (m, n) in enumerate(zip(y.shape, shape))
        )

    same = w.arrays(lambda y: y.shape == shape)
    parts = [x, w.pick(w.arrays(fits)), *([w.pick(same)] if w.chance(30) else [])]
    alike = ", ".join([x, *[w.pick(same) for _ in range(w.integer(1, 2))]])
    forms = [f"np.concatenate([{', '.join(parts)}], axis={axis})", f"np.stack(({alike}), axis={axis})"]
    forms += [f"np.{w.pick(('hstack', 'vstack', 'dstack', 'stack'))}([{alike}])"]
    forms += [f"np.append({x}, {w.operand(shape)})", f"np.concatenate([{', '.join(parts)}], {axis})"]
    forms += [f"np.column_stack([{alike}])", f"np.array([{alike}])"]
    if not w.smooth and w.chance(5):
        return f"np.concatenate([{x}, {w.array()}])"
    return w.pick(forms)


@statement(4)
def divided(w: Writer) -> str:
    x = w.array(lambda x: x.ndim and x.shape[0] > 1)
    size = w.value(x).shape[0]
    one, other = f"v{len(w.body)}", f"u{len(w.body)}"
    if size % 2 == 0 and w.chance(50):
        return f"{one}, {other} = {w.pick(('np.split', 'np.array_split'))}({x}, 2)"
    at = w.integer(0, size)
    if size < 4 and w.chance(30):
        return f"{one}, {other} = {x}[0], {x}[1:]"
    return f"{one}, {other} = {w.pick(('np.split', 'np.array_split'))}({x}, [{at}])"


@expression(4)
def rearranged(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    value = w.value(x)
    axis = w.axis(value.ndim)
    sort = f"np.sort({x}, axis={axis})", f"np.partition({x}, 0, axis={axis})[..., :1]"
    if value.shape[axis % value.ndim] == 0:
        sort = sort[:1]
    return w.pick((*sort, f"np.sort({x}, axis=None)", f"np.argsort({x}, axis={axis}, kind='stable')"))


@expression(3, smooth=False)
def found(w: Writer) -> str:
    x, y = w.array(lambda x: x.ndim), w.array(lambda x: x.ndim)
    return w.pick(
        (
            f"np.unique({x})",
            f"np.searchsorted(np.sort({x}.ravel()), {y})",
            f"np.nonzero({x})",
            f"{x}.nonzero()[0]",
            f"np.argwhere({x})",
            f"np.flatnonzero({x})",
            f"np.isin({x}, {y})",
            f"np.array_equal({x}, {y})",
            f"np.allclose({x}, {x})",
            f"np.argpartition({x}, 0, axis=-1)[..., 0]",
            f"{x}.argsort(kind='stable')",
            f"np.histogram({x}.real, bins=3, range=(-3, 3))[0]",
            "np.interp(0.5, [0, 1, 2], [1, 3, 2.5])",
            f"np.bincount(np.abs({x}).astype(int).ravel())",
            f"np.digitize({x}, [-1.0, 0.25, 1.5])",
            f"np.convolve({x}.ravel(), [1, 2.0])",
            f"np.unravel_index({x}.argmax(), {x}.shape)",
        )
    )


@expression(4)
def scanned(w: Writer) -> str:
    x = w.array(lambda x: x.ndim)
    axis = w.axis(w.value(x).ndim)
    axis_or_none = axes(w, w.value(x).ndim, True)
    return w.pick(
        (
            f"np.cumsum({x}, axis={axis_or_none})",
            f"{x}.cumsum({axis_or_none})",
            f"np.cumprod({x}, axis={axis_or_none})",
            f"np.nancumsum({x}, axis={axis_or_none})",
            f"np.diff({x}, axis={axis})",
            f"np.diff({x}, n=2)",
            f"np.ediff1d({x})",
        )
    )


@expression(4)
def created(w: Writer) -> str:
    shape = w.shape()
    dtype = "" if w.smooth or w.chance(50) else f", dtype={w.pick(('int', 'np.float32', 'bool', 'complex'))}"
    x = w.array()
    rows = w.integer(1, 4)
    forms = [
        f"np.zeros({shape}{dtype})",
        f"np.ones({shape}{dtype})",
        f"np.full({shape}, {w.number()}{dtype})",
        f"np.zeros_like({x}{dtype})",
        f"np.ones_like({x})",
        f"np.full_like({x}, {w.number()})",
        f"np.eye({rows}{dtype})",
        f"np.arange({rows}{dtype})",
        f"np.arange({rows}, {w.integer(-1, 6)}, {w.pick((1, 2, 0.5, -1))})",
        f"np.linspace(-1, {w.integer(0, 3)}, {rows})",
        f"np.identity({rows})",
        f"np.array({[w.integer(-2, 2) / 2 for _ in range(rows)]})",
        f"np.array({[w.integer(-2, 2) for _ in range(rows)]})",
        f"np.meshgrid(np.arange({rows}), {x}.ravel()[:3])[1]",
        f"np.tri({rows}, 3)",
        f"np.indices(({rows}, 2))",
        f"np.zeros({x}.shape)",
        f"np.ones(len({x}))" if w.value(x).ndim else f"np.zeros({x}.ndim)",
    ]
    return w.pick(forms)


@expression(2)
def copied(w: Writer) -> str:
    return w.pick(("{}.copy()", "np.copy({})", "np.array({})", "np.ascontiguousarray({})")).format(w.array())
