"""Writing in place, through views and aliases, into ``out=``."""

from __future__ import annotations

import numpy

from tests.fuzz.steps_indexing import key
from tests.fuzz.writer import Writer, expression, statement

_CHANGES = ("+=", "-=", "*=", "+=", "*=", "/=", "//=", "%=", "&=", "|=", "^=", "<<=")
_SMOOTH_CHANGES = ("+=", "-=", "*=")
_FLAT = ("{}.reshape(-1)", "{}.ravel()")


def _target(w: Writer) -> str:
    """An array to write to."""
    if w.smooth:
        return w.array(lambda x: isinstance(x, numpy.ndarray) and x.dtype == "float64" and x.flags.writeable)
    return w.array(lambda x: isinstance(x, numpy.ndarray) or w.chance(15))


def _shape_at(w: Writer, x: str, k: str) -> tuple[int, ...]:
    try:
        return numpy.shape(w.value(f"{x}[{k}]"))
    except IndexError:
        return ()


def _value(w: Writer, shape: tuple[int, ...]) -> str:
    value = w.operand(shape, within=True)
    # NumPy refuses a complex number as one element of reals, in words that depend on who wraps it
    if (w.smooth or not shape) and numpy.asarray(w.value(value)).dtype.kind == "c":
        return f"np.real({value})"
    return value


@statement(12)
def assign(w: Writer) -> str:
    x = _target(w)
    k = key(w, x)
    return f"{x}[{k}] = {_value(w, _shape_at(w, x, k))}"


@statement(8)
def change_at_key(w: Writer) -> str:
    x = _target(w)
    k = key(w, x)
    change = w.pick(_SMOOTH_CHANGES if w.smooth else _CHANGES)
    return f"{x}[{k}] {change} {_value(w, _shape_at(w, x, k))}"


@statement(8)
def change(w: Writer) -> str:
    x = _target(w)
    if w.chance(10):
        return f"{x} **= 2"  # what is left of an array by a power that raises is chance
    change = w.pick(_SMOOTH_CHANGES if w.smooth else _CHANGES)
    return f"{x} {change} {_value(w, w.value(x).shape)}"


@statement(4)
def assign_from_itself(w: Writer) -> str:
    """Parts of one array that overlap."""
    x = w.array(lambda x: x.ndim and x.shape[0] > 1 and isinstance(x, numpy.ndarray) and x.flags.writeable)
    if w.smooth and w.value(x).dtype != "float64":
        return f"{x} = {x} * 1.0"
    change = w.pick(("=", "=", "+=", "*="))
    return w.pick(
        (
            f"{x}[1:] {change} {x}[:-1]",
            f"{x}[:-1] {change} {x}[1:]",
            f"{x}[::-1] {change} {x}",
            f"{x}[0] {change} {x}[1]",
            f"{x}[...] = {x}[::-1] * 0.5",
            f"{x}[0], {x}[1] = {x}[1], {x}[0]",
            f"{x}[[0, 1]] = {x}[[1, 0]]",
        )
    )


@expression(6)
def view(w: Writer) -> str:
    x = w.array()
    forms = ["{}", "{}[...]", "{}.T", *_FLAT, "np.asarray({})"]
    if w.value(x).ndim:
        forms += ["{}[1:]", "{}[::-1]", "{}[::2]", "{}[None]", "{}[..., -1:]", "{}[:2]"]
    if w.value(x).ndim > 1:
        forms += ["{}[:, 0]", "{}[0]", "{}.T[1:]", "{}.swapaxes(0, 1)", "{}[:, ::-1].T", "np.diagonal({})"]
    form = w.pick(forms)
    return form.format(w.laid_out(x) if form in _FLAT else x)


@statement(3)
def write_through_a_view(w: Writer) -> str:
    x = w.array(lambda x: isinstance(x, numpy.ndarray) and x.ndim and x.size and x.flags.writeable)
    if w.smooth and w.value(x).dtype != "float64":
        return f"{x} = {x} * 1.0"
    view = w.pick(("{}[0:1]", "{}.T", "{}[::-1]", *_FLAT, "{}[..., :1]", "{}[None]"))
    x = w.laid_out(x) if view in _FLAT else x
    number = w.pick(("0.5", "2", "-1"))
    return w.pick(("{}[...] = {}", "{}[0] = {}", "{}[0] *= {}", "{}[-1] += {}")).format(
        view.format(x), number
    )


_OUT = ("add", "multiply", "subtract", "maximum", "true_divide", "arctan2")


@statement(4, smooth=False)
def into_out(w: Writer) -> str:
    x = w.array(lambda x: isinstance(x, numpy.ndarray))
    y = w.operand(w.value(x).shape)
    return w.pick(
        (
            f"np.{w.pick(_OUT)}({x}, {y}, out={w.array()})",
            f"np.{w.pick(_OUT)}({x}, {y}, {x})",
            f"v{len(w.body)} = np.{w.pick(('exp', 'sin', 'negative', 'abs'))}({x}, out={x})",
            f"np.tanh({y}, out={x})",
            f"np.sum({x}, axis=0, out={w.array()})",
            f"np.cumsum({x}, axis=0, out={x})" if w.value(x).ndim else f"np.add({x}, 1, out={x})",
            f"np.clip({x}, -1, 1, out={x})",
            f"np.add({x}, {y}, out={x}, where={x} > 0)",
        )
    )


@statement(4, smooth=False)
def with_a_ufunc(w: Writer) -> str:
    x = w.array(lambda x: isinstance(x, numpy.ndarray) and x.ndim)
    size = w.value(x).shape[0]
    if not size:
        return f"np.add.at({x}, [], 1)"
    numbers = [w.integer(-size, size - 1) for _ in range(w.integer(1, 3))]
    value = w.operand((len(numbers), *w.value(x).shape[1:]), within=True)
    name = w.pick(("add", "add", "subtract", "multiply", "maximum"))
    return w.pick((f"np.{name}.at({x}, {numbers}, {value})", f"np.negative.at({x}, {numbers})"))


@statement(6, smooth=False)
def with_a_function(w: Writer) -> str:
    x = w.array(lambda x: isinstance(x, numpy.ndarray) and x.ndim and x.size)
    size, shape = w.value(x).size, w.value(x).shape
    number = w.pick(("0.5", "2", "-1"))
    numbers = [w.integer(-size, size - 1) for _ in range(w.integer(1, 3))]
    names = [name for name in w.arrays() if w.value(name) is w.value(x)]
    alone = x if len(names) == 1 else f"{x}[...]"
    return w.pick(
        (
            f"{x}.fill({number})",
            f"{x}.sort()",
            f"{x}.sort(axis=0)",
            f"{x}.put({numbers}, {number})",
            f"np.put({x}, {numbers}, [1, 2, 3])",
            f"np.copyto({x}, {w.operand(shape, within=True)})",
            f"np.copyto({x}, {number}, where={x} > 0)",
            f"np.putmask({x}, {x} > 0, {number})",
            f"np.place({x}, {x} < 0, [1, 2])",
            f"np.fill_diagonal({x}, {number})",
            f"np.put_along_axis({x}, np.argmax({x}, axis=0)[None], {number}, axis=0)",
            f"{x}.itemset(0, {number})",
            f"{x}.flat[{numbers[0]}] = {number}",
            f"{x}.flat = {number}",
            f"{x}.real = {number}",
            f"{alone}.shape = (-1,)",  # another name may be an array of NumPy's, which is another object
            f"np.nan_to_num({x}, copy=False)",
        )
    )
