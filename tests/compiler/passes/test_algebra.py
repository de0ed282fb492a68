"""What algebra makes of an equation, with the same values; and what it leaves alone."""

from __future__ import annotations

import numpy
import pytest

from minpy.compiler.driver import optimize
from minpy.compiler.ir import Eqn, Graph, Literal, Var
from minpy.compiler.passes.algebra import simplify
from minpy.compiler.passes.dce import eliminate_dead_code
from minpy.compiler.passes.fold import fold_constants
from minpy.ops import FUNCTIONS, OPS, Aval
from tests.compiler.passes.graphs import assert_equivalent, differentiated, lines, names, traced

exp, log, power, transpose = (FUNCTIONS[name] for name in ("exp", "log", "power", "transpose"))
dot, mean, square, broadcast_to = (FUNCTIONS[name] for name in ("dot", "mean", "square", "broadcast_to"))
sum_, reshape, negative, matmul = (OPS[name] for name in ("sum", "reshape", "negative", "matmul"))
HALVES = numpy.full((2, 3), 0.5)


def total(x, *axes, keepdims=False):
    return sum_(x, axes=axes, keepdims=keepdims)


def shaped(x, *shape):
    return reshape(x, shape=shape)


def simpler(graph):
    return eliminate_dead_code(simplify(graph))


def spelled(graph):
    return [line.split(" = ")[1] for line in lines(graph)]


#: a function of x and y, both (2, 3), and its equations afterwards
REWRITES = [
    (lambda x, y: x * 1, []),
    (lambda x, y: 1.0 * x / 1, []),
    (lambda x, y: x - 0, []),
    (lambda x, y: power(x, 1), []),
    (lambda x, y: negative(-x), []),
    (lambda x, y: log(exp(x)), []),
    (lambda x, y: power(x, 2), ["square x"]),
    (lambda x, y: power(x, 3), ["square x", "multiply a x"]),
    (lambda x, y: x / numpy.array(2.0), ["true_divide x 2.0"]),
    (lambda x, y: x + -y, ["subtract x y"]),
    (lambda x, y: -y + x, ["subtract x y"]),
    (lambda x, y: x - -y, ["add x y"]),
    (lambda x, y: x + (-x) * y, ["multiply x y", "subtract x a"]),
    (lambda x, y: x - x / -y, ["true_divide x y", "add x a"]),
    (lambda x, y: total(-x, 1), ["sum axes=(1,) keepdims=False x", "negative a"]),
    (lambda x, y: x * HALVES, ["multiply x 0.5"]),
    (lambda x, y: HALVES * 2 * x, []),
    (lambda x, y: HALVES * (2 * x), []),
    (lambda x, y: 0.3 * (x * 4), ["multiply 1.2 x"]),
    (
        lambda x, y: broadcast_to(x[:1], (2, 3)) * y,
        ["index template=(('slice', None, 1, None),) x", "multiply a y"],
    ),
    (lambda x, y: total(broadcast_to(x, (4, 2, 3)), 0), ["multiply x 4.0"]),
    (
        lambda x, y: total(broadcast_to(x[:1], (4, 2, 3)), 0),
        [
            "index template=(('slice', None, 1, None),) x",
            "broadcast_to shape=(1, 2, 3) a",
            "reshape shape=(2, 3) b",
            "multiply c 4.0",
        ],
    ),
    (
        lambda x, y: total(broadcast_to(x[:, :1], (2, 5)), 1),
        [
            "index template=(('slice', None, None, None), ('slice', None, 1, None)) x",
            "reshape shape=(2,) a",
            "multiply b 5.0",
        ],
    ),
    (lambda x, y: total(total(x, 1), 0), ["sum axes=(0, 1) keepdims=False x"]),
    (lambda x, y: mean(total(x, 1)), ["sum axes=(0, 1) keepdims=False x", "true_divide a 2.0"]),
    (
        lambda x, y: mean(total(x * y, 1)),
        ["reshape shape=(6,) x", "reshape shape=(6,) y", "matmul a b", "true_divide c 2.0"],
    ),
    (lambda x, y: total(x * y, 0, 1), ["reshape shape=(6,) x", "reshape shape=(6,) y", "matmul a b"]),
    (lambda x, y: total(x * y * 1.0, 0, 1), ["reshape shape=(6,) x", "reshape shape=(6,) y", "matmul a b"]),
    (
        lambda x, y: mean((x - y) ** 2),
        ["subtract x y", "reshape shape=(6,) a", "matmul b b", "true_divide c 6.0"],
    ),
    (lambda x, y: reshape(reshape(x, shape=(6,)), shape=(3, 2)), ["reshape shape=(3, 2) x"]),
    (lambda x, y: reshape(reshape(x, shape=(6,)), shape=(2, 3)), []),
    (lambda x, y: transpose(transpose(x)), []),
    (
        lambda x, y: transpose(transpose(reshape(x, shape=(1, 2, 3)), (1, 2, 0)), (1, 2, 0)),
        ["reshape shape=(1, 2, 3) x", "transpose axes=(2, 0, 1) a"],
    ),
    (
        lambda x, y: transpose(
            matmul(transpose(shaped(x, 1, 2, 3), (0, 2, 1)), shaped(y, 1, 2, 3)), (0, 2, 1)
        ),
        [
            "reshape shape=(1, 2, 3) x",
            "reshape shape=(1, 2, 3) y",
            "transpose axes=(0, 2, 1) b",
            "matmul c a",
        ],
    ),
    (
        lambda x, y: transpose(
            matmul(transpose(shaped(x, 1, 2, 1, 3), (0, 2, 3, 1)), shaped(y, 1, 1, 2, 3)), (0, 3, 1, 2)
        ),
        [
            "reshape shape=(1, 2, 1, 3) x",
            "reshape shape=(1, 1, 2, 3) y",
            "transpose axes=(0, 1, 3, 2) b",
            "transpose axes=(0, 2, 1, 3) a",
            "matmul c d",
            "transpose axes=(0, 2, 1, 3) e",
        ],
    ),
    (lambda x, y: dot(x.T, y), ["gemm transpose_x=True transpose_y=False x y"]),
    (lambda x, y: dot(x, y.T), ["gemm transpose_x=False transpose_y=True x y"]),
    (
        lambda x, y: OPS["gemm"](x.T, y.T, transpose_x=True, transpose_y=False),
        ["gemm transpose_x=False transpose_y=True x y"],
    ),
]
ARRAYS = [
    numpy.array([[0.5, -1.5, 2.0], [-0.25, 3.0, 0.125]]),
    numpy.array([[1.5, 2.0, -0.5], [4.0, 1.0, 2.5]]),
]


@pytest.mark.parametrize("function, expected", REWRITES)
def test_rewritten_with_the_same_values(function, expected):
    graph = fold_constants(traced(function, (2, 3), (2, 3)))
    found = simpler(graph)
    assert spelled(found) == expected
    assert_equivalent(graph, found, ARRAYS)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + 0.0,  # of -0.0 it makes 0.0
        lambda x, y: x - -0.0,
        lambda x, y: x * 0,  # nan stays nan
        lambda x, y: exp(log(x)),
        lambda x, y: x - x,
        lambda x, y: x / x,
        lambda x, y: 0.3 * (x * 0.7),  # rounded twice
        lambda x, y: x + numpy.zeros((2, 3)),
        lambda x, y: x * numpy.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.25]]),
        lambda x, y: x * numpy.array([[0.0, 0.0, -0.0]]),
        lambda x, y: total(x * y, 1),
        lambda x, y: 1e308 * (4.0 * x),
    ],
)
def test_what_would_be_another_answer_stays(function):
    graph = traced(function, (2, 3), (2, 3))
    found = simpler(graph)
    assert names(found) == names(graph)
    with numpy.errstate(all="ignore"):
        special = [numpy.array([[-0.0, numpy.nan, numpy.inf], [1e308, -1e-320, 2.0]]), ARRAYS[1]]
        assert_equivalent(graph, found, special)


@pytest.mark.parametrize("function, expected", REWRITES[:15])
def test_special_values_are_the_same_bit_by_bit(function, expected):
    special = [numpy.array([[-0.0, numpy.nan, numpy.inf], [1e300, -numpy.inf, 0.0]])] * 2
    graph = traced(function, (2, 3), (2, 3))
    if "exp" in names(graph):
        return  # there it is more exact
    results = []
    for each in (graph, simpler(graph)):
        known = dict(zip(each.inputs, special))
        with numpy.errstate(all="ignore"):
            for eqn in each.eqns:
                values = [x.value if isinstance(x, Literal) else known[x] for x in eqn.inputs]
                known[eqn.outputs[0]] = eqn.op.numpy(*values, **eqn.params)
        results.append(known[each.outputs[0]])
    numpy.testing.assert_array_equal(*results)
    is_number = ~numpy.isnan(results[0])
    numpy.testing.assert_array_equal(*[numpy.signbit(x)[is_number] for x in results])


def test_a_complex_number_times_one_stays():
    x, y = Var(Aval((2,), numpy.dtype(complex))), Var(Aval((2,), numpy.dtype(complex)))
    graph = Graph((x,), (Eqn(OPS["multiply"], (x, Literal(1)), {}, (y,), None),), (y,))
    assert simplify(graph) == graph  # inf times 0j is nan


def test_dtypes_stay():
    graph = traced(lambda x: x * numpy.ones(3), (3,), dtype="float32")
    found = simpler(graph)
    assert names(found) == ["multiply"] and found.outputs[0].aval.dtype == "float64"


def test_a_sign_that_others_use_stays():
    graph = traced(lambda x, y: (total(-x, 1), -x), (2, 3), (2, 3))
    found = simpler(eliminate_dead_code(graph))
    assert_equivalent(graph, found, ARRAYS)


@pytest.mark.parametrize("name, pairs", [("max", "maximum"), ("min", "minimum")])
def test_the_largest_of_windows_is_made_of_slices(name, pairs):
    def pooled(x):
        return FUNCTIONS[name](reshape(x, shape=(2, 2, 16, 2, 16, 3)), axis=(3, 5))

    graph = traced(pooled, (2, 2, 32, 48))
    found = simpler(graph)
    assert names(found).count(pairs) == 5 and name not in names(found)
    x = numpy.random.RandomState(0).randint(0, 5, (2, 2, 32, 48)).astype(float)
    x[0, 1, 3, 4] = numpy.nan
    assert_equivalent(graph, found, [x])
    few = traced(lambda x: FUNCTIONS[name](reshape(x, shape=(1, 1, 1, 2, 3, 1)), axis=(3, 5)), (1, 1, 2, 3))
    assert simplify(few) == few


def test_the_largest_of_windows_shares_its_gradient():
    def loss(x):
        return sum_(
            reshape(x, shape=(4, 4, 8, 2, 8, 2)).max(axis=(3, 5)) ** 2, axes=(0, 1, 2, 3), keepdims=False
        )

    graph = differentiated(loss, (4, 4, 16, 16))
    assert_equivalent(
        graph, optimize(graph)[0], [numpy.random.RandomState(0).randint(0, 3, (4, 4, 16, 16)) / 2]
    )
