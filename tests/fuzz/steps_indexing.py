"""Reading elements: slices, integers, new axes, index arrays, masks, ``take`` and its kin."""

from __future__ import annotations

from typing import Any

import numpy

from tests.fuzz.writer import Writer, expression


def key(w: Writer, x: str) -> str:
    """What may stand between the brackets of the array named ``x``."""
    value = w.value(x)
    if w.chance(12):
        return _mask(w, x)
    if not value.ndim:
        return w.pick(("()", "...", "None", "..., None"))
    parts = []
    advanced = w.chance(30)  # at most some: more of them have to fit each other
    length = w.integer(1, 3)
    for size in value.shape[: w.integer(1, value.ndim)]:
        if w.chance(6):
            parts.append("None")
        if advanced and w.chance(60):
            parts.append(_indices(w, value, size, length))
        else:
            parts.append(_basic(w, size))
    if w.chance(12):
        parts.insert(w.integer(0, len(parts)), "...")
    elif w.chance(6):
        parts.append("None")
    return ", ".join(parts)


def _basic(w: Writer, size: int) -> str:
    if size and w.chance(12):
        return _number(w, size)
    if size and w.chance(35):
        return str(w.integer(-size, size - 1 + (not w.smooth and w.chance(4))))
    if w.chance(30):
        return w.pick((":", "::-1", "1:", ":-1", "::2"))
    start, stop = w.integer(-size - 1, size + 1), w.integer(-size - 1, size + 1)
    return f"{start}:{stop}:{w.pick((1, 1, 2, -1, -2, 3))}"


def _number(w: Writer, size: int) -> str:
    """An index that is NumPy's number, perhaps an argument or a computed one.

    An array without axes is none: NumPy's arrays give a copy for their own and a view for MinPy's.
    """
    known = w.arrays(lambda i: isinstance(i, numpy.integer) and -size <= i < size)
    if known and w.chance(60):
        return w.pick(known)
    filled = w.arrays(lambda x: x.size and x.dtype.kind != "c")
    if filled and w.chance(40):
        return f"np.argmax({w.pick(filled)}) % {size}"
    return f"numpy.int64({w.integer(-size, size - 1)})"


def _indices(w: Writer, indexed: Any, size: int, length: int) -> str:
    if not size:
        return ":"
    numbers = [w.integer(-size, size - 1) for _ in range(length)]
    if w.chance(20):
        # no array in its own key: NumPy reads the indices while it writes, and goes astray in memory
        known = w.arrays(
            lambda i: (
                i.dtype.kind == "i"
                and i.ndim
                and ((-size <= i) & (i < size)).all()
                and not numpy.may_share_memory(i, indexed)
            )
        )
        if known:
            return w.pick(known)
    if w.chance(15):
        return str([w.chance(50) for _ in range(size)])
    form = w.pick(
        ("{}", "numpy.array({})", "np.array({})", "numpy.array({}, 'int32')", "[*map(numpy.int64, {})]")
    )
    return form.format([[n] for n in numbers] if w.chance(15) and "map" not in form else numbers)


def _mask(w: Writer, x: str) -> str:
    value = w.value(x)
    masks = w.arrays(lambda m: m.dtype.kind == "b" and m.ndim and m.shape == value.shape[: m.ndim])
    if masks and w.chance(60):
        return w.pick(masks)
    return f"{x} > {w.integer(-2, 2) / 2}" if w.chance(60) else f"numpy.asarray({x}) != 1"


@expression(12)
def read(w: Writer) -> str:
    x = w.array()
    return f"{x}[{key(w, x)}]"


@expression(2)
def read_twice(w: Writer) -> str:
    x = w.array(lambda x: x.ndim > 1 and len(x))
    return f"{x}[{w.integer(0, len(w.value(x)) - 1)}][{_basic(w, w.value(x).shape[1])}]"


@expression(5)
def taken(w: Writer) -> str:
    x = w.array(lambda x: x.ndim and x.size)
    value = w.value(x)
    axis = w.axis(value.ndim)
    if not -value.ndim <= axis < value.ndim:
        return f"np.take({x}, 0, axis={axis})"
    size = value.shape[axis]
    numbers = [w.integer(-size, size - 1) for _ in range(w.integer(1, 3))]
    along = f"np.argsort({x}, axis={axis}, kind='stable')"
    forms = [
        f"np.take({x}, {numbers}, axis={axis})",
        f"{x}.take({numbers}, {axis})",
        f"np.take({x}, {numbers[0]}, axis={axis})",
        f"np.take({x}, {[n + 2 for n in numbers]}, axis={axis}, mode='{w.pick(('wrap', 'clip'))}')",
        f"np.take_along_axis({x}, {along}, axis={axis})",
        f"np.delete({x}, {numbers[0]}, axis={axis})",
    ]
    if not w.smooth:
        chosen = [w.chance(50) for _ in range(size)]
        forms += [
            f"np.compress({chosen}, {x}, axis={axis})",
            f"np.extract({x} > 0, {x})",
            f"np.choose([0, 1, 0], [{x}.ravel()[0], {x}.ravel()[-1]])",
            f"np.insert({x}, {numbers[0]}, {w.number()}, axis={axis})",
            f"{x}.item({w.integer(0, value.size - 1)})",
            f"{x}.flat[{w.integer(-value.size, value.size - 1)}]",
            f"np.take({x}, {w.integer(0, value.size)})",
        ]
    return w.pick(forms)


@expression(2, smooth=False)
def converted(w: Writer) -> str:
    """Python's numbers and lists."""
    x = w.array(lambda x: x.size == 1) if w.chance(70) else w.array()
    kind = w.value(x).dtype.kind
    forms = [f"{x}.tolist()", f"{x}.item()", f"bool({x})", f"{x}.shape", f"{x}.ndim", f"list({x})"]
    forms += [f"complex({x})"] if kind == "c" else [f"float({x})", f"{x}.item() * 2"]
    forms += [f"len({x})", f"[0.5, 1.5, 2.5][{x}]" if kind in "ib" else f"{x}.size"]
    return w.pick(forms)
