"""Sums of products: ``einsum``, ``kron``, ``vdot``, ``cross``, ``multi_dot``.

``einsum`` is taken apart into transpositions, one matrix product for each pair of operands and sums,
so that it runs on BLAS, compiles, and has the gradients of those.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from string import ascii_letters
from typing import Any, NamedTuple

import numpy

from minpy.ops.aval import aval_of, normalize_axis, product
from minpy.ops.choosing import number
from minpy.ops.elementwise import astype, copy, multiply, subtract
from minpy.ops.indexing import index
from minpy.ops.linalg import dot, matmul_op
from minpy.ops.op import as_operand, numpy_function, refuse
from minpy.ops.rearrange import diagonal
from minpy.ops.reduction import sum_op
from minpy.ops.shape import broadcast_to_op, moveaxis, ravel, reshape_op, stack, transpose_op
from minpy.ops.transcendental import conjugate

# einsum ----------------------------------------------------------------------------------------


class Term(NamedTuple):
    """An array with a label for each axis."""

    array: Any
    labels: tuple[str, ...]

    def size(self, label: str) -> int:
        return aval_of(self.array).shape[self.labels.index(label)]


def _expanded(text: str, ndim: int | None, missing: list[str]) -> tuple[str, ...]:
    """The labels of one operand; an ellipsis stands for the last of ``missing``, all for the result."""
    before, dots, after = text.partition("...")
    if not all(label.isalpha() for label in before + after):
        raise ValueError(f"invalid subscript {text!r} in einsum")
    if not dots:
        if ndim is not None and len(text) != ndim:
            raise ValueError(f"einsum: operand has {ndim} axes, but its subscripts are {text!r}")
        return tuple(text)
    count = len(missing) if ndim is None else ndim - len(before) - len(after)
    if not 0 <= count <= len(missing):
        raise ValueError(f"einsum: operand has {ndim} axes, but its subscripts are {text!r}")
    return (*before, *missing[len(missing) - count :], *after)


def _parsed(subscripts: str, ndims: Sequence[int]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The labels of each operand and of the result."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    texts = inputs.split(",")
    if len(texts) != len(ndims):
        raise ValueError(f"einsum: {len(ndims)} operands for the subscripts {subscripts!r}")
    spans = [n - len(t.replace("...", "")) for t, n in zip(texts, ndims) if "..." in t]
    missing = [f"...{i}" for i in range(max(spans, default=0))]
    terms = [_expanded(text, ndim, missing) for text, ndim in zip(texts, ndims)]
    if arrow:
        result = _expanded(output, None, missing)
    else:
        counts = "".join(texts).replace(".", "")
        once = sorted(label for label in set(counts) if counts.count(label) == 1)
        result = (*missing, *once)
    if len(set(result)) != len(result) or not set(result) <= {x for term in terms for x in term}:
        raise ValueError(f"einsum: the result of {subscripts!r} has a label twice, or a new one")
    refuse(output="without the broadcast axes" if not set(missing) <= set(result) else None)
    return terms, result


def _without_repeats(term: Term) -> Term:
    """Labels that occur twice replaced by a diagonal."""
    array, labels = term
    for place, label in enumerate(term.labels):
        if label in term.labels[:place]:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            shape = aval_of(array).shape
            if shape[first] != shape[second]:
                refuse(subscripts="that broadcast a diagonal")
            array = diagonal.implementation(array, 0, first, second)
            labels = (*[x for i, x in enumerate(labels) if i not in (first, second)], label)
    return Term(array, labels)


def _without_ones(term: Term, sizes: dict[str, int]) -> Term:
    """Axes of size 1 that are broadcast left out."""
    shape = aval_of(term.array).shape
    kept = [i for i, x in enumerate(term.labels) if shape[i] == sizes[x]]
    if len(kept) == len(shape):
        return term
    return Term(
        reshape_op(term.array, shape=tuple(shape[i] for i in kept)), tuple(term.labels[i] for i in kept)
    )


def _summed(term: Term, kept: set[str]) -> Term:
    axes = tuple(i for i, x in enumerate(term.labels) if x not in kept)
    if not axes:
        return term
    return Term(sum_op(term.array, axes=axes, keepdims=False), tuple(x for x in term.labels if x in kept))


def _ordered(term: Term, labels: Sequence[str]) -> Any:
    order = tuple(term.labels.index(x) for x in labels)
    return term.array if order == tuple(range(len(order))) else transpose_op(term.array, axes=order)


def _contracted(x: Term, y: Term, kept: set[str]) -> Term:
    """The product of two terms, summed over the labels that are not in ``kept``."""
    x = _summed(x, kept | set(y.labels))
    y = _summed(y, kept | set(x.labels))
    both = [label for label in x.labels if label in y.labels]
    batch = [label for label in both if label in kept]
    inner = [label for label in both if label not in kept]
    left = [label for label in x.labels if label not in both]
    right = [label for label in y.labels if label not in both]
    shape = {label: term.size(label) for term in (x, y) for label in term.labels}

    def sizes(*groups: list[str]) -> tuple[int, ...]:
        return tuple(shape[label] for group in groups for label in group)

    if not inner:
        first = reshape_op(_ordered(x, batch + left), shape=(*sizes(batch, left), *[1] * len(right)))
        second = reshape_op(
            _ordered(y, batch + right), shape=(*sizes(batch), *[1] * len(left), *sizes(right))
        )
        return Term(multiply(first, second), (*batch, *left, *right))
    rows, n, columns = (product(sizes(group)) for group in (left, inner, right))
    first = reshape_op(_ordered(x, batch + left + inner), shape=(*sizes(batch), rows, n))
    second = reshape_op(_ordered(y, batch + inner + right), shape=(*sizes(batch), n, columns))
    return Term(
        reshape_op(matmul_op(first, second), shape=sizes(batch, left, right)), (*batch, *left, *right)
    )


def _with_text(operands: tuple) -> tuple:
    """The form ``einsum(x, [0, 1], y, [1, 2], [0, 2])`` in letters."""

    def text(labels: Sequence[Any]) -> str:
        return "".join(
            "..." if x is Ellipsis else ascii_letters.swapcase()[operator.index(x)] for x in labels
        )

    inputs = ",".join(text(labels) for labels in operands[1 : len(operands) // 2 * 2 : 2])
    if len(operands) % 2:
        return f"{inputs}->{text(operands[-1])}", *operands[:-1:2]
    return inputs, *operands[::2]


@numpy_function(numpy.einsum, arrays=0)
def einsum(*operands, out=None, optimize=False, **options):
    """Products of arrays summed over the labels that ``subscripts`` leaves out of the result."""
    refuse(out=out, **options)
    if not isinstance(operands[0], str):
        operands = _with_text(operands)
    subscripts, arrays = operands[0], [as_operand(x) for x in operands[1:]]
    dtypes = [aval_of(x).dtype for x in arrays]
    dtype = numpy.result_type(*dtypes)
    weak = dtype.kind == "b" or (len(set(dtypes)) > 1 and not all(aval_of(x).ndim for x in arrays))
    refuse(dtype="of the operands" if weak else None)
    labels, result = _parsed(subscripts, [aval_of(x).ndim for x in arrays])
    sizes: dict[str, int] = {}
    for x, names in zip(arrays, labels):
        for label, n in zip(names, aval_of(x).shape):
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise ValueError(f"einsum: axis {label!r} has the sizes {sizes[label]} and {n}")
    terms = [_without_ones(_without_repeats(Term(x, names)), sizes) for x, names in zip(arrays, labels)]
    term = _summed(terms[0], set(result).union(*[t.labels for t in terms[1:]]))
    for i, other in enumerate(terms[1:], 1):
        later = set(result).union(*[t.labels for t in terms[i + 1 :]])
        term = _contracted(term, other, later)
    term = _summed(term, set(result))
    found = _ordered(term, [label for label in result if label in term.labels])
    if found is arrays[0]:
        found = index(found, template=(Ellipsis,))  # a view, not the array itself
    shape = tuple(sizes[label] for label in result)
    if aval_of(found).shape != shape:
        part = tuple(sizes[label] if label in term.labels else 1 for label in result)
        found = broadcast_to_op(reshape_op(found, shape=part), shape=shape)
    return number(found if aval_of(found).dtype == dtype else astype(found, dtype=dtype))


# Products --------------------------------------------------------------------------------------


@numpy_function(numpy.kron, arrays=2)
def kron(a, b):
    """Each element of ``a`` times the whole of ``b``, as blocks."""
    m, n = aval_of(a).shape, aval_of(b).shape
    ndim = max(len(m), len(n))
    if not (m and n):
        return multiply(a, b)
    m, n = (1,) * (ndim - len(m)) + m, (1,) * (ndim - len(n)) + n
    outer = multiply(
        reshape_op(a, shape=tuple(k for i in m for k in (i, 1))),
        reshape_op(b, shape=tuple(k for i in n for k in (1, i))),
    )
    return reshape_op(outer, shape=tuple(i * j for i, j in zip(m, n)))


@numpy_function(numpy.vdot, arrays=2)
def vdot(a, b):
    """The sum of products of all elements, those of ``a`` conjugated."""
    a, b = ravel.implementation(a), ravel.implementation(b)
    return dot.implementation(conjugate(a) if aval_of(a).dtype.kind == "c" else a, b)


def _component(x: Any, i: int) -> Any:
    return index(x, template=(Ellipsis, i))


@numpy_function(numpy.cross, arrays=2)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of 3 components, or of 2 in the plane."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a = moveaxis.implementation(a, normalize_axis(axisa, aval_of(a).ndim), -1)
    b = moveaxis.implementation(b, normalize_axis(axisb, aval_of(b).ndim), -1)
    sizes = aval_of(a).shape[-1], aval_of(b).shape[-1]
    if not set(sizes) <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    x, y = ([_component(v, i) for i in range(n)] for v, n in zip((a, b), sizes))
    last = subtract(multiply(x[0], y[1]), multiply(x[1], y[0]))
    if sizes == (2, 2):
        return copy(last)  # an array also without axes
    if sizes == (2, 3):
        parts = multiply(x[1], y[2]), -multiply(x[0], y[2]), last
    elif sizes == (3, 2):
        parts = -multiply(x[2], y[1]), multiply(x[2], y[0]), last
    else:
        parts = (
            subtract(multiply(x[1], y[2]), multiply(x[2], y[1])),
            subtract(multiply(x[2], y[0]), multiply(x[0], y[2])),
            last,
        )
    result = stack.implementation(parts, -1)
    return moveaxis.implementation(result, -1, normalize_axis(axisc, aval_of(result).ndim))


def _chain(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each part of a chain of matrices for the fewest multiplications.

    Dynamic programming over all parts of the chain (Cormen et al., "Introduction to Algorithms").
    """
    count = len(sizes) - 1
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return {part: split for part, (_, split) in best.items()}


@numpy_function(numpy.linalg.multi_dot, name="linalg.multi_dot", arrays=0)
def multi_dot(arrays, *, out=None):
    """The product of a chain of matrices, in the order that needs the fewest multiplications."""
    refuse(out=out)
    arrays = [as_operand(x) for x in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(arrays) == 2:
        return dot.implementation(*arrays)
    shapes = [aval_of(x).shape for x in arrays]
    if any(len(shape) != 2 for shape in shapes[1:-1]) or not {len(shapes[0]), len(shapes[-1])} <= {1, 2}:
        refuse(arrays="that are no matrices")
    rows = shapes[0][0] if len(shapes[0]) == 2 else 1
    splits = _chain([rows, *[shape[0] for shape in shapes[1:]], (*shapes[-1], 1)[1]])

    def chained(i: int, j: int) -> Any:
        k = splits[i, j]
        return arrays[i] if i == j else dot.implementation(chained(i, k), chained(k + 1, j))

    return chained(0, len(arrays) - 1)
