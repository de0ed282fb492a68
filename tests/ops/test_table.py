"""Every op of the table against NumPy: eager, inferred, compiled, differentiated.

The tests read the table; an op needs nothing here, only its samples (see ``samples.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import pytest

import minpy
from minpy.compiler.passes import makes_kernels
from minpy.context import cpu
from minpy.ops import OPS, Aval, Op
from minpy.ops.op import ZERO
from tests.ops.calls_special import OFF, SEVERAL
from tests.ops.checks import (
    boxed,
    call,
    check_gradient,
    compiled,
    float_places,
    projected,
    projected_gradient,
)
from tests.ops.samples import DTYPES, FLOAT_DTYPES, SAMPLES, samples_of
from tests.ops.tolerances import GRADIENT, assert_same

#: Ops of symmetric matrices, with several results or complex ones: see the tests of their functions.
#: And one of two arguments that belong together, and inverses that are too coarse for differences.
TESTED_BY_FUNCTIONS = (
    "shares",
    "totals",
    "modf",
    "frexp",
    "roots",
    "linalg.slogdet",
    "linalg.cholesky",
    "linalg.eigh",
    "linalg.eig",
    "linalg.lstsq",
    "linalg.qr",
    "linalg.svd",
    *("special.chndtrinc", "special.ncfdtrinc", "special.nctdtrinc"),
    *(f"special.{name}_all" for name in ("legendre_p", "assoc_legendre_p", "sph_legendre_p", "sph_harm_y")),
)
TABLE = {name: op for name, op in OPS.items() if name not in {*TESTED_BY_FUNCTIONS, *SEVERAL, *OFF}}

every_op = pytest.mark.parametrize("op", TABLE.values(), ids=TABLE.keys())


def calls(op: Op, dtypes: Sequence[str] = DTYPES) -> Iterator[tuple[str, tuple, dict]]:
    """(description, operands, params) for each sample and dtype."""
    for number, sample in enumerate(samples_of(op)):
        for dtype in sample.dtypes:
            if dtype in dtypes:
                args = sample.draw(dtype)
                yield f"{op.name}, sample {number}, {dtype}: {args} {sample.params}", args, sample.params


def reference(op: Op, args: Sequence[Any], params: dict) -> Any:
    """NumPy's own result, or the kind of error that it raises."""
    try:
        with numpy.errstate(all="ignore"):
            return numpy.asarray(op.numpy(*args, **params))
    except (TypeError, ValueError) as error:
        return TypeError if isinstance(error, TypeError) else ValueError


def accepted_calls(
    op: Op, dtypes: Sequence[str] = DTYPES
) -> Iterator[tuple[str, tuple, dict, numpy.ndarray]]:
    """The calls that NumPy accepts, with its result."""
    for what, args, params in calls(op, dtypes):
        expected = reference(op, args, params)
        if isinstance(expected, numpy.ndarray):
            yield what, args, params, expected


def differentiable_places(op: Op, args: Sequence[Any]) -> list[int]:
    """The operands with a gradient rule."""
    return [place for place in float_places(args) if callable(op.rule(place)) or op.rule(place) == ZERO]


def test_no_samples_without_an_op():
    assert set(SAMPLES) <= set(OPS)


@every_op
@pytest.mark.parametrize("policy", [minpy.PreferMXNetPolicy(), minpy.OnlyNumPyPolicy()], ids=repr)
def test_eager_is_numpy(op, policy, steps_are_declared):
    for what, args, params in calls(op):
        expected = reference(op, args, params)
        with policy, numpy.errstate(all="ignore"):
            if isinstance(expected, type):
                with pytest.raises(expected):
                    op(*map(boxed, args), **params)
            else:
                assert_same(op(*map(boxed, args), **params), expected, what)


@every_op
def test_steps_of_graphs_are_numpy(op, graphs_one_by_one):
    for what, args, params, expected in accepted_calls(op, ["float32", "int64"]):
        with numpy.errstate(all="ignore"):
            assert_same(op(*map(boxed, args), **params), expected, what)


@every_op
def test_inferred_is_real(op):
    for what, args, params in calls(op):
        expected = reference(op, args, params)
        if isinstance(expected, type):
            with pytest.raises(expected):
                op.infer(*args, **params)
        else:
            assert op.infer(*args, **params) == Aval(expected.shape, expected.dtype), what


@every_op
def test_compiled_is_numpy(op):
    computed = 0
    for what, args, params, expected in accepted_calls(op):
        graph = compiled(call(op, params), args)
        if graph is not None:
            assert_same(graph(*args), expected, what)
            computed += expected.size
    in_kernels = makes_kernels(cpu()) and (op.scalar is not None or op.parts is not None)
    assert bool(computed) == (op.mx is not None or in_kernels), "the table says otherwise"


@every_op
def test_gradient_is_the_limit_of_differences(op):
    checked = 0
    for what, args, params, expected in accepted_calls(op, ["float64"]):
        if expected.dtype in ("float32", "float16"):
            continue  # a cast, too coarse for differences
        for place in differentiable_places(op, args):
            what = f"{what}, argument {place}"
            function = projected(call(op, params), args, place)
            check_gradient(function, args[place], what)
            if callable(op.rule(place)):
                if checked % 3 == 0:  # not all of them, for time
                    check_gradient(projected_gradient(function, args[place]), args[place], f"{what}, order 2")
                checked += 1
    assert bool(checked) == op.is_differentiable


@every_op
def test_gradient_in_float32_is_that_of_float64(op):
    for what, args, params, expected in [*accepted_calls(op, ["float32"])][:1]:
        if expected.dtype.kind not in "fc":
            continue
        wide = [x.astype("float64") if getattr(x, "dtype", None) == "float32" else x for x in args]
        for place in differentiable_places(op, args):
            if args[place].dtype == "float32":
                function = projected(call(op, params), args, place)
                gradient = minpy.grad(projected(call(op, params), wide, place))(wide[place])
                found = minpy.grad(function)(args[place])
                assert_same(found, numpy.asarray(gradient).astype("float32"), what, GRADIENT[found.dtype])


@every_op
def test_gradient_of_the_graph_is_that_of_the_tape(op):
    for what, args, params, _ in accepted_calls(op, FLOAT_DTYPES):
        places = differentiable_places(op, args)
        graph = compiled(call(op, params), args) if places else None
        if graph is None:
            continue
        for place in places:
            x = args[place]
            eager = minpy.grad(projected(call(op, params), args, place))(x)
            assert eager.dtype == x.dtype
            assert_same(
                minpy.grad(projected(graph, args, place))(x),
                eager,
                f"{what}, argument {place}",
                GRADIENT[x.dtype],
            )
