"""Random bodies: elementwise ops, views, reductions, products and joins on arrays of small shapes."""

from __future__ import annotations

import math

import numpy
from hypothesis import strategies as st

import minpy.numpy as np
from minpy.compiler.codegen.translation import takes
from minpy.compiler.trace import ARRAY, Trace
from minpy.errors import UnsupportedError
from minpy.ops import Aval
from minpy.ops.indexing import index_add, index_put
from minpy.ops.keys import split_key

SMALL, LARGE = (1, 2, 3, 4, 6), (1, 3, 4, 17, 64, 130)
#: elements of a value at most
_MOST = 1 << 16
_UNARY = ("tanh", "exp", "negative", "square", "absolute")
_BINARY = ("add", "subtract", "multiply", "maximum", "less")
_KINDS = ("unary", "binary", "view", "view", "fold", "join", "product", "row", "gather", "scatter")
_FOLDS = ("sum", "mean", "max", "min", "prod", "any", "all")


@st.composite
def bodies(draw, sizes=SMALL):
    """A graph, and arrays for its inputs, whose axes have these sizes."""
    trace = Trace()
    sizes = st.sampled_from(sizes)
    with trace.interpreting(), trace.in_namespace(ARRAY):
        known = [
            trace.input(
                Aval(tuple(draw(st.lists(sizes, max_size=3))), numpy.dtype(draw(_dtypes))), ARRAY, name
            )
            for name in "xyz"[: draw(st.integers(1, 3))]
        ]
        inputs = list(known)
        known.append(known[0] * 1.0)
        for _ in range(draw(st.integers(1, 9))):
            try:
                found = _step(draw, known, sizes)
                if math.prod(found.shape) <= _MOST:
                    known.append(found)
            except UnsupportedError:  # recorded is what MXNet has
                continue
        results = draw(st.lists(st.sampled_from(known[len(inputs) :]), min_size=1, max_size=3))
    graph = trace.graph([x.atom for x in results])
    graph = graph._replace(eqns=tuple(eqn for eqn in graph.eqns if takes(eqn)))  # without checks of numbers
    rng = numpy.random.default_rng(draw(st.integers(0, 9)))
    return graph, [_numbers(rng, v.aval) for v in graph.inputs]


_dtypes = st.sampled_from(["float64", "float64", "float32", "int64", "bool"])


def _numbers(rng, aval):
    if aval.dtype.kind == "f":
        return rng.uniform(-1.5, 1.5, aval.shape).astype(aval.dtype)
    return rng.integers(0, 2 if aval.dtype.kind == "b" else 4, aval.shape).astype(aval.dtype)


def _step(draw, known, sizes):
    """Another value, made of some that are known."""
    x = draw(st.sampled_from(known))
    kind = draw(
        st.sampled_from(
            ["unary", "binary", "view", "view", "fold", "join", "product", "row", "gather", "scatter"]
        )
    )
    if kind == "unary":
        return getattr(np, draw(st.sampled_from(_UNARY)))(x * 1.0)
    if kind == "binary":
        y = draw(st.sampled_from([v for v in known if _fit(v.shape, x.shape)] + [0.5, 2]))
        return getattr(np, draw(st.sampled_from(_BINARY)))(x * 1, y * 1)
    if kind == "view":
        return _view(draw, x, sizes)
    if kind == "fold" and x.shape:
        axes = draw(st.sets(st.integers(0, len(x.shape) - 1), min_size=1))
        fold = getattr(np, draw(st.sampled_from(_FOLDS)))
        return fold(x, axis=tuple(sorted(axes)), keepdims=draw(st.booleans()))
    if kind == "row" and x.shape:
        return np.tanh(x * 1.0 - x.max(-1, keepdims=True))
    if kind == "join" and x.shape:
        return _joined(draw, x, known)
    if kind in ("gather", "scatter") and x.shape:
        return _indexed(draw, x, kind)
    if kind == "product" and len(x.shape) > 1:
        fits = [
            v
            for v in known
            if len(v.shape) > 1 and v.shape[-2] == x.shape[-1] and _fit(v.shape[:-2], x.shape[:-2])
        ]
        y = draw(st.sampled_from([*fits, np.swapaxes(x, -1, -2)]))
        return (x * 1.0) @ (y * 1.0)
    return x * 1 + 1


def _fit(first, second):
    return all(1 in (m, n) or m == n for m, n in zip(first[::-1], second[::-1]))


def _view(draw, x, sizes):
    kind = draw(st.sampled_from(["transpose", "reshape", "slice", "index", "flip", "broadcast", "expand"]))
    if kind == "transpose":
        return np.transpose(x, draw(st.permutations(range(len(x.shape)))))
    if kind == "reshape":
        return np.reshape(x, draw(_shapes_of(math.prod(x.shape))))
    if kind == "broadcast":
        return np.broadcast_to(x, (draw(sizes), *x.shape))
    if kind == "expand" or not x.shape:
        return np.expand_dims(x, draw(st.integers(0, len(x.shape))))
    key = [slice(None)] * len(x.shape)
    axis = draw(st.integers(0, len(x.shape) - 1))
    if kind == "index":
        key[axis] = draw(st.integers(0, x.shape[axis] - 1))
    else:
        start = draw(st.integers(0, x.shape[axis] - 1))
        step = draw(st.sampled_from([1, 1, 2, 3]))
        key[axis] = slice(start, None, step) if kind == "slice" else slice(None, None, -step)
    return x[tuple(key)]


@st.composite
def _shapes_of(draw, size):
    shape = []
    while size > 1 and draw(st.booleans()):
        shape.append(draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0])))
        size //= shape[-1]
    return (*shape, size)


def _joined(draw, x, known):
    axis = draw(st.integers(0, len(x.shape) - 1))
    kind = draw(st.sampled_from(["concatenate", "stack", "pad", "put"]))
    if kind == "concatenate":
        fits = [v for v in known if len(v.shape) == len(x.shape) and _fit_but(v.shape, x.shape, axis)]
        return np.concatenate([x, draw(st.sampled_from(fits)), np.exp(x * 1.0)], axis)
    if kind == "stack":
        return np.stack([x, draw(st.sampled_from([v for v in known if v.shape == x.shape]))], axis)
    if kind == "pad":
        return np.pad(x, [(1, 2)] * len(x.shape))
    step = draw(st.sampled_from([1, -1, 2]))
    template = (("slice", None, None, None),) * axis + (("slice", None, None, step),)
    part = x[(slice(None),) * axis + (slice(None, None, step),)]
    return index_put(x, np.tanh(part * 1.0) if draw(st.booleans()) else 2, template=template)


def _indexed(draw, x, kind):
    """Elements at indices that the data say, or what is added up at these in zeros."""
    axis = draw(st.integers(0, len(x.shape) - 1))
    size = x.shape[axis]
    known = np.ravel(x)[: draw(st.integers(1, 4))]
    places = (known > 0).astype("int64") * (size - 1) - (known > 0.5).astype("int64") * size
    key = (slice(None),) * axis + (places,)
    found = np.tanh(x * 1.0)[key] if draw(st.booleans()) else x[key]
    if kind == "gather":
        return found
    arrays, template = split_key(key)
    return index_add(found * 1.0, *arrays, template=template, shape=x.shape)


def _fit_but(first, second, axis):
    return all(m == n or i == axis for i, (m, n) in enumerate(zip(first, second)))
