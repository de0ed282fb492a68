"""Convolution and mean pooling that are written as loops over places, or over the places of a kernel.

    out[:, :, i, j] = sum(x[:, None, :, i : i + 3, j : j + 3] * w, axis=(2, 3, 4))    in two loops

    a = index template=(:, None, :, 0:3, 0:3) x
    b = multiply a w
    c = sum axes=(2, 3, 4) keepdims=False b                  ->  e = convolution stride=(1, 1) ... x w
    d = index_put template=(:, :, 0, 0) zeros c
    ...
    e = index_put template=(:, :, 2, 2) ... ...

    out = out + einsum("nchw,fc->nfhw", x[:, :, i : i + 3, j : j + 3], w[:, :, i, j])     in two loops

    a = index template=(:, :, 0:3, 0:3) x
    b = index template=(:, :, 0, 0) w
    c = transpose axes=(0, 2, 3, 1) a ... matmul ...         ->  e = convolution stride=(1, 1) ... x w
    ...
    e = add d c

The first with any stride, also for one image or one filter at a time, and with a bias that is added to each
place; with the mean of a window instead of the sum of products it is pooling. So it is with windows that are
axes of their own. Maxima stay, since MXNet's pooling passes over nan. Loops over places run thirty times as
fast, their gradient eighty times; loops over a kernel six and three times.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from minpy.compiler.ir import Atom, Eqn, Literal, Var
from minpy.compiler.passes.patterns import Makers, Rules, applied, is_number, made
from minpy.ops.aval import product
from minpy.ops.keys import WHOLE


class _Part(NamedTuple):
    """A part of an array: where it is one element along an axis, and the axes that are left.

    ``axes`` has for each axis of the part the axis of the array, the first element and their number; None for
    a new axis.
    """

    array: Atom
    fixed: tuple[tuple[int, int], ...]
    axes: tuple[tuple[int, int, int] | None, ...]


def _part(atom: Atom, makers: Makers) -> _Part | None:
    """The part of an array that an atom is, by slices one after the other."""
    eqn = made(atom, "index", makers)
    if eqn is None:
        return _Part(atom, (), tuple((axis, 0, size) for axis, size in enumerate(atom.aval.shape)))
    inner = _part(eqn.inputs[0], makers) if len(eqn.inputs) == 1 else None
    if inner is None or Ellipsis in eqn.params["template"]:
        return None
    axes: list = []
    fixed = list(inner.fixed)
    rest = iter(inner.axes)
    for key in eqn.params["template"]:
        if key is None:
            axes.append(None)
            continue
        along = next(rest)
        if along is None:
            return None
        axis, first, size = along
        if isinstance(key, int):
            fixed.append((axis, first + key % size))
            continue
        start, stop, step = slice(*key[1:]).indices(size)
        if step != 1:
            return None
        axes.append((axis, first + start, max(stop - start, 0)))
    return _Part(inner.array, tuple(fixed), (*axes, *rest))


# Loops over places ------------------------------------------------------------------------------


class _Term(NamedTuple):
    """What stands at one place of the result; ``w`` is None for the mean of a window."""

    x: _Part
    w: _Part | None
    bias: _Part | None = None


def _loop_over_places(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """The last of writes to all places of an array (batch, filters, height, width)."""
    shape = eqn.outputs[0].aval.shape
    if not _is_last(eqn, shape):
        return None
    terms: dict[tuple, _Term] = {}
    varying = [axis for axis, key in enumerate(eqn.params["template"]) if key != WHOLE]
    while eqn is not None and _varies(eqn, varying):
        place = tuple(eqn.params["template"])
        term = _term(eqn, makers)
        if term is None or place in terms:
            return None
        terms[place] = term
        last, eqn = eqn, makers.get(eqn.inputs[0]) if isinstance(eqn.inputs[0], Var) else None  # type: ignore
    return _layer(terms, last) if len(terms) == product(shape[axis] for axis in varying) else None


def _is_last(eqn: Eqn, shape: tuple[int, ...]) -> bool:
    template = eqn.params["template"]
    if len(eqn.inputs) != 2 or len(template) != 4 or len(shape) != 4:
        return False
    same = eqn.inputs[1].aval.dtype == eqn.outputs[0].aval.dtype
    ends = [key == size - 1 for key, size in zip(template, shape) if isinstance(key, int)]
    return same and all(ends) and template[2] != WHOLE != template[3] and _are_whole(template)


def _are_whole(template: tuple) -> bool:
    return all(isinstance(key, int) or key == WHOLE for key in template)


def _varies(eqn: Eqn, axes: list[int]) -> bool:
    """Whether an equation writes to one element along these axes, and to all along the others."""
    template = eqn.params.get("template", ())
    is_put = eqn.op.name == "index_put" and len(eqn.inputs) == 2 and len(template) == 4
    return (
        is_put
        and _are_whole(template)
        and [i for i, key in enumerate(template) if isinstance(key, int)] == axes
    )


def _term(put: Eqn, makers: Makers) -> _Term | None:
    """What is written, if that is a sum of products or a mean, perhaps with a bias."""
    value, template = put.inputs[1], put.params["template"]
    total = made(value, "add", makers)
    for core, added in (total.inputs, total.inputs[::-1]) if total else [(value, None)]:
        found = _product_of_window(core, makers) or _mean_of_window(core, makers)
        if found is None or core.aval != value.aval:
            continue
        bias = None if added is None else _part(added, makers)
        if added is not None and not (bias and found.w and bias.array.aval.ndim == 1 and _is_whole(bias, 0)):
            return None
        if bias is not None and None in bias.axes[-1:]:  # along the batch, not the filters
            return None
        places = [_place(found.x, 0), _place(found.w, 0) if found.w else _place(found.x, 1)]
        if bias is not None and _place(bias, 0) != places[1]:
            return None
        return found._replace(bias=bias) if places == list(template[:2]) else None
    return None


def _place(part: _Part, axis: int) -> Any:
    """Which element along an axis of the array a part is, or that it is all of them."""
    return dict(part.fixed).get(axis, WHOLE)


def _product_of_window(atom: Atom, makers: Makers) -> _Term | None:
    """sum(x[...] * w[...]) over channels and places"""
    total = made(atom, "sum", makers)
    times = total and made(total.inputs[0], "multiply", makers)
    if not total or not times or total.params["keepdims"]:
        return None
    for first, second in (times.inputs, times.inputs[::-1]):
        x, w = _part(first, makers), _part(second, makers)
        if x is None or w is None or x.array.aval.ndim != 4 or w.array.aval.ndim != 4:
            continue
        ndim = times.outputs[0].aval.ndim
        pairs = [*zip(_along(x, ndim), _along(w, ndim))]
        summed = [pair for d, pair in enumerate(pairs) if d in total.params["axes"]]
        kept = [pair for d, pair in enumerate(pairs) if d not in total.params["axes"]]
        outer = [pair for pair, part in (((0, None), x), ((None, 0), w)) if _place(part, 0) == WHOLE]
        is_all = _is_whole(x, 0, 1) and _is_whole(w, 0, 1, 2, 3)
        if summed == [(1, 1), (2, 2), (3, 3)] and kept == outer and is_all:
            return _Term(x, w)
    return None


def _along(part: _Part, ndim: int) -> list[int | None]:
    """The axis of the array for each axis that a part is broadcast to."""
    return [None] * (ndim - len(part.axes)) + [axis and axis[0] for axis in part.axes]


def _is_whole(part: _Part, *axes: int) -> bool:
    """Whether a part has all elements along these axes, or one of them."""
    return all(along is None or along[0] not in axes or _is_all(part, along) for along in part.axes)


def _is_all(part: _Part, along: tuple[int, int, int]) -> bool:
    axis, first, size = along
    return first == 0 and size == part.array.aval.shape[axis]


def _mean_of_window(atom: Atom, makers: Makers) -> _Term | None:
    """mean(x[...]) over places"""
    mean = made(atom, "mean", makers)
    x = _part(mean.inputs[0], makers) if mean and not mean.params["keepdims"] else None
    if mean is None or x is None or x.array.aval.ndim != 4 or None in x.axes or not _is_whole(x, 0, 1):
        return None
    averaged = [axis[0] for d, axis in enumerate(x.axes) if axis and d in mean.params["axes"]]
    return _Term(x, None) if averaged == [2, 3] else None


def _layer(terms: dict[tuple, _Term], eqn: Eqn) -> list[Eqn] | None:
    """The layer that gives these terms at their places."""
    first = terms[min(terms, key=lambda place: [key if isinstance(key, int) else 0 for key in place])]
    arrays = [_arrays(term) for term in terms.values()]
    if any(one is not other for some in arrays for one, other in zip(some, _arrays(first))):
        return None
    starts, sizes, strides = [], [], []
    for axis in (2, 3):
        begin = {place[axis]: _window(term.x, axis) or (0, 0) for place, term in terms.items()}
        (start, size), step = begin[0], begin[1][0] - begin[0][0] if 1 in begin else 1
        if step < 1 or any(_window(t.x, axis) != (start + p[axis] * step, size) for p, t in terms.items()):
            return None
        starts.append(start)
        sizes.append(size)
        strides.append(step)
    count = [max(place[axis] for place in terms) + 1 for axis in (2, 3)]
    stops = [s + (n - 1) * step + k for s, n, step, k in zip(starts, count, strides, sizes)]
    eqns, x = _cut(first.x.array, starts, stops, eqn)
    if first.w is None:
        params: dict[str, Any] = {"size": tuple(sizes), "stride": tuple(strides), "padding": (0, 0)}
        return [*eqns, applied("mean_pooling", x, like=eqn, **params)]
    operands = [x, first.w.array, *([first.bias.array] if first.bias else [])]
    return [*eqns, applied("convolution", *operands, like=eqn, **_options(tuple(strides)))]


def _options(stride: tuple[int, ...]) -> dict[str, Any]:
    return {"stride": stride, "padding": (0, 0), "dilation": (1, 1), "groups": 1}


def _arrays(term: _Term) -> tuple:
    return tuple(part and part.array for part in term)


def _window(x: _Part, axis: int) -> tuple[int, int] | None:
    """Where a part begins along an axis, and its size."""
    return next((along[1:] for along in x.axes if along and along[0] == axis), None)


def _cut(x: Atom, starts: list[int], stops: list[int], eqn: Eqn) -> tuple[list[Eqn], Atom]:
    """The places of images that are used."""
    if starts == [0, 0] and tuple(stops) == x.aval.shape[2:]:
        return [], x
    template = (WHOLE, WHOLE, *[("slice", start, stop, None) for start, stop in zip(starts, stops)])
    cut = applied("index", x, like=eqn, template=template)
    return [cut], cut.outputs[0]


# Loops over the places of a kernel --------------------------------------------------------------


def _loop_over_kernel(eqn: Eqn, makers: Makers) -> list[Eqn] | None:
    """The sum of one product of matrices for each place of a kernel."""
    terms = _products_of_places(eqn, makers)
    if not terms:
        return None
    first, weights, moves = terms[0]
    size = weights.array.aval.shape[2:]
    if len({w.fixed for _, w, _ in terms}) != size[0] * size[1]:
        return None
    starts, stops = [], []
    for axis, k in zip((2, 3), size):
        windows = [_window(x, axis) or (0, 0) for x, _, _ in terms]
        start, count = min(windows)
        if any(found != (start + _place(w, axis), count) for found, (_, w, _) in zip(windows, terms)):
            return None
        starts.append(start)
        stops.append(start + count + k - 1)
    eqns, x = _cut(first.array, starts, stops, eqn)
    layer = applied("convolution", x, weights.array, like=eqn, **_options((1, 1)))
    turned = [] if moves else [applied("transpose", *layer.outputs, like=eqn, axes=(0, 2, 3, 1))]
    return [*eqns, layer, *turned]


def _products_of_places(eqn: Eqn, makers: Makers) -> list[tuple[_Part, _Part, bool]]:
    """The terms of a sum; none where one is of another kind, or of other arrays."""
    waiting = [x for x in eqn.inputs if not is_number(x, 0)]
    if waiting and _product_of_place(waiting[-1], makers) is None:
        waiting.reverse()
    terms: list[tuple[_Part, _Part, bool]] = []
    while waiting:
        atom = waiting.pop()
        term, inner = _product_of_place(atom, makers), made(atom, "add", makers)
        if term is not None:
            terms.append(term)
            (x, w, moves), (first, weights, also) = term, terms[0]
            if x.array is not first.array or w.array is not weights.array or moves != also:
                return []
            if len(terms) > product(w.array.aval.shape[2:]):
                return []
        elif inner is not None and terms:
            waiting.extend(inner.inputs)
        elif not _is_zero(atom):
            return []
    return terms


def _is_zero(atom: Atom) -> bool:
    return isinstance(atom, Literal) and not numpy.any(atom.value)


def _product_of_place(atom: Atom, makers: Makers) -> tuple[_Part, _Part, bool] | None:
    """x[:, :, i:..., j:...] times w[:, :, i, j], and whether the filters were moved behind the batch"""
    moved = made(atom, "transpose", makers)
    moves = moved is not None and moved.params["axes"] == (0, 3, 1, 2)
    rows = made(moved.inputs[0] if moved and moves else atom, "reshape", makers)
    matrix = rows and made(rows.inputs[0], "matmul", makers)
    left = matrix and made(matrix.inputs[0], "reshape", makers)
    channels = left and made(left.inputs[0], "transpose", makers)
    if not rows or not matrix or not channels or channels.params["axes"] != (0, 2, 3, 1):
        return None
    x, w = _part(channels.inputs[0], makers), _weights_of_place(matrix.inputs[1], makers)
    if x is None or w is None or [a and a[0] for a in x.axes] != [0, 1, 2, 3] or not _is_whole(x, 0, 1):
        return None
    n, _, height, width = channels.inputs[0].aval.shape
    filters = w.array.aval.shape[0]
    fits = rows.outputs[0].aval.shape == (n, height, width, filters)
    return (x, w, moves) if fits and w.array.aval.shape[1] == x.array.aval.shape[1] else None


def _weights_of_place(atom: Atom, makers: Makers) -> _Part | None:
    """w, if an atom is w[:, :, i, j] transposed."""
    turned = False
    while True:
        turn, same = made(atom, "transpose", makers), made(atom, "reshape", makers)
        if turn is not None and turn.params["axes"] in ((1, 0), (0, 1)):
            turned ^= turn.params["axes"] == (1, 0)
            atom = turn.inputs[0]
        elif same is not None and same.inputs[0].aval.shape == atom.aval.shape:
            atom = same.inputs[0]
        else:
            break
    w = _part(atom, makers)
    if w is None or not turned or [a and a[0] for a in w.axes] != [0, 1]:
        return None
    return w if {axis for axis, _ in w.fixed} == {2, 3} and _is_whole(w, 0, 1) else None


# Windows side by side ---------------------------------------------------------------------------


def blocks(atom: Atom, axes: tuple[int, ...], makers: Makers) -> tuple[Atom, tuple[int, int]] | None:
    """Images and the size of windows, if an atom is images with the windows as axes of their own."""
    eqn = made(atom, "reshape", makers)
    if eqn is None or axes != (3, 5) or atom.aval.ndim != 6 or eqn.inputs[0].aval.ndim != 4:
        return None
    x, (n, c, rows, height, columns, width) = eqn.inputs[0], atom.aval.shape
    return (x, (height, width)) if x.aval.shape == (n, c, rows * height, columns * width) else None


def _mean_of_blocks(eqn: Eqn, makers: Makers) -> Eqn | None:
    """mean(x.reshape(n, c, h // 2, 2, w // 2, 2), axis=(3, 5))"""
    found = blocks(eqn.inputs[0], eqn.params["axes"], makers)
    if found is None:
        return None
    x, size = found
    return applied("mean_pooling", x, like=eqn, size=size, stride=size, padding=(0, 0))


RULES: Rules = {
    "index_put": (_loop_over_places,),
    "add": (_loop_over_kernel,),
    "mean": (_mean_of_blocks,),
}
