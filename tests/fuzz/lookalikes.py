"""Programs that are, or only look like, what the compiler knows by heart: convolutions, norms, losses, cells.

All axes have the same size, so an axis that is taken for another one breaks no shape: only numbers tell.
"""

from __future__ import annotations

import ast
import random
import warnings
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy
from minpy.errors import GradientWarning
from tests.fuzz.program import Program, compiled, indented

N = 3  #: the size of every axis, but of images, which are larger
#: How far a result in float32 may be from that in float64, in the norm.
_NEAR = 2e-4

Pick = Callable[..., str]


def _axes(pick: Pick, ndim: int, count: int) -> str:
    """``count`` of the axes, in any order, some counted from the end."""
    found: list[int] = []
    while len(found) < count:
        axis = int(pick(*map(str, range(ndim))))
        if axis not in found:
            found.append(axis)
    found = sorted(found) if pick("sorted", "sorted", "") else found
    numbers = [pick(str(axis), str(axis), str(axis - ndim)) for axis in found]
    return numbers[0] if count == 1 else f"({', '.join(numbers)})"


def _added(pick: Pick, ndim: int) -> str:
    """A vector that broadcasts along one of the axes of something."""
    where = int(pick("1", *map(str, range(ndim))))
    return f"b[{', '.join(['None'] * where + [':'] + ['None'] * (ndim - 1 - where))}]"


def _windows(pick: Pick) -> list[str]:
    """Sums, products or maxima over windows of images."""
    first, second = pick("ij", "ji")
    step = pick("", "", "2 * ")
    rows, columns = (
        f"{step}{name} + {a} : {step}{name} + {a} + {N}" for name, a in zip((first, second), pick("00", "01"))
    )
    array = pick("x", "x", "x[::-1]", "x.transpose(1, 0, 2, 3)", "x.transpose(0, 1, 3, 2)")
    window = f"{array}[:, :, {rows}, {columns}]"
    kernel = pick("w", "w", "w[::-1]", "w.transpose(1, 0, 2, 3)", "w[:, :, ::-1]", "w.transpose(0, 1, 3, 2)")
    five = [
        f"{window}{pick('[:, None]', '[:, None]', '[None]', '[:, :, None]')}",
        f"{kernel}{pick('[None]', '[None]', '', '[:, None]')}",
    ]
    left, right = five if pick("", "turned") else five[::-1]
    pooled = pick("np.max", "np.mean", "np.sum", "np.min")
    value = pick(
        f"np.sum({left} * {right}, axis={pick('(2, 3, 4)', _axes(pick, 5, 3))})",
        f"np.sum({left} * {right}, axis={pick('(2, 3, 4)', '(-1, -2, -3)')})",
        f"np.dot({window}.reshape({N}, -1), {kernel}.reshape({N}, -1).T)",
        f"np.dot({window}.reshape({N}, -1), {kernel}.reshape(-1, {N}))",
        f"{pooled}({window}, axis={pick('(2, 3)', _axes(pick, 4, 2))})",
    )
    bias = pick("", " + b", f" + {_added(pick, 2)}", " + a", " - b", " * b", " + s")
    outer = pick("out[:, :, i, j]", "out[:, :, i, j]", "out[:, :, j, i]", "out[i, j]", "out[:, i, :, j]")
    return [
        f"out = np.zeros(({N}, {N}, {N}, {N}), dtype=x.dtype)",
        f"for i in range({N}):",
        f"    for j in range({N}):",
        f"        {outer} = ({value}){pick('', '', '.T')}{bias}",
        "return out",
    ]


def _norms(pick: Pick) -> list[str]:
    """Something that is centered and divided by what it differs."""
    array = pick("w", "w", "a")
    ndim = 2 if array == "a" else 4
    count = {"a": 1}.get(array, int(pick("3", "3", "1", "2")))
    usual = {1: "-1", 3: "(0, 2, 3)"}.get(count, "(2, 3)") if ndim == 4 else pick("0", "1", "-1")
    first = pick(usual, usual, _axes(pick, ndim, count))
    second = pick(first, first, first, _axes(pick, ndim, count))
    scale, shift = _added(pick, ndim), _added(pick, ndim)
    eps = pick("1e-5", "1e-3", "s * s")
    variance = pick(
        f"np.mean(z * z, axis={second}, keepdims=True)",
        f"np.var({array}, axis={second}, keepdims=True)",
        f"np.sum(z ** 2, axis={second}, keepdims=True) / {N**count}",
        f"np.sum(z ** 2, axis={second}, keepdims=True) / {N}",
        f"np.mean({array} ** 2, axis={second}, keepdims=True)",
    )
    return [
        f"m = np.mean({array}, axis={first}, keepdims=True)",
        f"z = {array} - m",
        f"v = {variance}",
        pick(f"y = z / np.sqrt(v + {eps})", f"y = z * (v + {eps}) ** -0.5", f"y = z / (np.sqrt(v) + {eps})"),
        pick("return y", f"return y * {scale} + {shift}", f"return {scale} * y", f"return y + {shift}"),
    ]


def _losses(pick: Pick) -> list[str]:
    """Softmax and what one does with it."""
    axis = pick("1", "-1", "0")
    other = pick(axis, axis, axis, "0", "1")
    shifted = pick(f"a - np.max(a, axis={axis}, keepdims=True)", "a", "a - np.max(a)", "a - s")
    chosen = pick(
        "p[np.arange(3), k]",
        "p[k, np.arange(3)]",
        "p[k, k]",
        "np.sum(p * np.eye(3)[k], axis=1)",
        "p * c",
        "p.T",
    )
    last = pick(
        f"return {chosen}",
        f"return -np.mean(np.log({chosen}))",
        f"return -np.sum(np.log({chosen})) / {N}",
        f"return -np.sum({pick('c', 'np.eye(3)[k]', 'np.eye(3)[k].T')} * np.log(p)) / {pick('3', '9', '1')}",
        f"return -np.mean({pick('c', 'np.eye(3)[k]')} * np.log(p), axis={pick('0', '1')})",
        "return np.dot(p, c)",
    )
    return [
        f"e = np.exp({shifted})",
        f"t = np.sum(e, axis={other}, keepdims=True)",
        "p = e / t",
        last.replace("np.log(p)", pick("np.log(p)", f"({shifted} - np.log(t))")),
    ]


def _cells(pick: Pick) -> list[str]:
    """Loops over steps, each of which makes a state of the one before."""
    step = pick("x3[t]", "x3[:, t]", "x3[:, :, t]", f"x3[{N - 1} - t]")

    def summed(left: str = "h") -> str:
        a = pick("a", "c", "a.T")
        parts = [f"np.dot({step}, {a})", f"np.dot({left}, {pick('c', 'c', 'a', 'c.T')})"]
        parts += [pick("b", "b", "b[:, None]", "b[None]", "s")]
        parts = parts if pick("", "turned") else [parts[1], parts[0], parts[2]]
        return " + ".join(parts[: int(pick("3", "3", "2"))])

    def sigmoid(of: str) -> str:
        return pick(f"1 / (1 + np.exp(-({of})))", f"1 / (1 + np.exp(-({of})))", f"1 / (1 + np.exp({of}))")

    body = pick(
        f"h = {pick('np.tanh', 'np.maximum(0, ', 'np.tanh')}({summed()}",
        "lstm",
        "gru",
    )
    if body == "lstm":
        lines = [
            f"i, f, o = {sigmoid(summed())}, {sigmoid(summed())}, {sigmoid(summed())}",
            f"g = np.tanh({summed()})",
            f"d = {pick('f * d + i * g', 'i * g + f * d', 'f * d + (1 - f) * g', 'i * d + f * g')}",
            f"h = {pick('o * np.tanh(d)', 'np.tanh(d) * o', 'o * d', 'o * np.tanh(g)')}",
        ]
    elif body == "gru":
        lines = [
            f"r, z = {sigmoid(summed())}, {sigmoid(summed())}",
            f"n = np.tanh({pick(summed('(r * h)'), f'np.dot({step}, a) + r * (np.dot(h, c) + b)')})",
            f"h = {pick('(1 - z) * n + z * h', '(1 - z) * h + z * n', 'h + z * (n - h)', 'n + z * (h - n)')}",
        ]
    else:
        lines = [body + (")" * (body.count("(") - body.count(")")))]
    return [
        f"h, d, found = {pick('np.zeros((3, 3), dtype=x.dtype)', 'a')}, c, []",
        f"for t in range({N}):",
        *[f"    {line}" for line in lines],
        f"    found.append({pick('h', 'h', 'h.T', 'd')})",
        pick("return h", f"return np.stack(found, axis={pick('0', '1', '2')})", "return h + d"),
    ]


def _products(pick: Pick) -> list[str]:
    """Products of matrices and stacks of them, with what stands around."""
    turned = [pick("", "", f".transpose{order}") for order in ("(0, 2, 1)", "(1, 0, 2)", "(2, 1, 0)")]
    left, right = f"x3{pick(*turned)}", f"y3{pick(*turned)}"
    labels = pick("bij", "bji", "ibj") + "," + pick("bjk", "bkj", "jbk") + "->" + pick("bik", "bki", "kbi")
    axes = f"{pick('0', '1', '2')}, {pick('0', '1', '2')}"
    product = pick(
        f"np.matmul({left}, {right})",
        f"np.einsum('{labels}', {left}, {right})",
        f"np.sum({left}[:, :, :, None] * {right}[:, None], axis={pick('1', '2', '3')})",
        f"np.sum({left}[:, :, None] * {right}[:, None], axis={pick('-1', '2', '3')})",
        f"np.tensordot({left}, {right}, axes=({axes}))[{pick('0', ':, 0')}]",
        f"np.dot({left}, {pick('a', 'a.T')}) + {pick('b', 'b[:, None]', 'c', 'b[:, None, None]')}",
    )
    return [
        f"p = {product} * {pick('1', 's', '3 ** -0.5')}",
        f"p = {pick('p', 'np.maximum(p, 0)', 'p * (p > 0)', 'np.where(p > 0, p, s * p)')}",
        f"e = np.exp(p - np.max(p, axis={pick('-1', '-1', '1', '0')}, keepdims=True))",
        f"q = e / np.sum(e, axis={pick('-1', '-1', '1', '0')}, keepdims=True)",
        pick("return p", "return q", f"return np.matmul(q, {left})", f"return np.matmul({right}, q)"),
    ]


_FAMILIES = (_windows, _norms, _losses, _cells, _products)
_INPUTS = (
    "x = numpy.random.RandomState(1).uniform(-1, 1, (3, 3, 8, 8))",
    "w = numpy.random.RandomState(2).uniform(-1, 1, (3, 3, 3, 3))",
    "x3 = numpy.random.RandomState(3).uniform(-1, 1, (3, 3, 3))",
    "y3 = numpy.random.RandomState(4).uniform(-1, 1, (3, 3, 3))",
    "a = numpy.random.RandomState(5).uniform(-1, 1, (3, 3))",
    "c = numpy.random.RandomState(6).uniform(0.1, 1, (3, 3))",
    "b = numpy.random.RandomState(7).uniform(0.2, 1, (3,))",
    "k = numpy.array([0, 2, 1])",
    "s = 0.5",
)


def lookalike(rng: random.Random) -> Program:
    """A program of one of the families, most of which is as the compiler knows it."""
    usual = rng.choice((0.5, 0.8, 0.9))

    def pick(*choices: str) -> str:
        return choices[0] if rng.random() < usual else rng.choice(choices)

    return Program(_INPUTS, tuple(rng.choice(_FAMILIES)(pick)))


def check_lookalike(program: Program) -> None:
    """Values and gradients, jitted in float32 and float64, beside NumPy's and those of the tape in float64.

    Raises:
        AssertionError: where they differ, or where only one of the two fails.
    """
    namespace: dict[str, Any] = {"numpy": numpy}
    exec("\n".join(program.inputs), namespace)
    inputs = {name: namespace[name] for name in program.names}
    source = f"def function({', '.join(inputs)}):\n{indented(chr(10).join(program.body))}\n"
    try:
        expected = _function(source, numpy)(**inputs)
    except (ValueError, IndexError, TypeError) as error:
        expected = error
    if expected is None:
        raise NameError("a program that has lost its result")
    plain, jitted = _function(source, minpy.numpy), minpy.jit(_function(source, minpy.numpy))
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    wanted = [name for name, x in inputs.items() if name in used and name not in ("k", "s")]
    for dtype in ("float32", "float64"):
        given = {name: x.astype(dtype) if name in wanted else x for name, x in inputs.items()}
        given = {n: minpy.numpy.array(x) if isinstance(x, numpy.ndarray) else x for n, x in given.items()}
        if isinstance(expected, Exception):
            try:
                jitted(**given)
            except type(expected):
                return
            raise AssertionError(f"NumPy raises {expected!r}, the jitted function nothing")
        _assert_near(jitted(**given), expected, dtype, "the value")
        weights = numpy.random.RandomState(1).uniform(0.5, 1.5, numpy.shape(expected))
        slopes = _slopes(jitted, given, wanted, weights.astype(dtype))
        if dtype == "float32":
            exact = {
                n: minpy.numpy.array(x) if isinstance(x, numpy.ndarray) else x for n, x in inputs.items()
            }
            with minpy.OnlyNumPyPolicy():
                references = _slopes(plain, exact, wanted, weights)
        for name, found, reference in zip(wanted, slopes, references):
            _assert_near(found, reference.asnumpy(), dtype, f"the gradient of {name}")


def _function(source: str, library: Any) -> Callable:
    namespace = {"np": library}
    exec(compiled(source, "<lookalike>"), namespace)
    return namespace["function"]


def _slopes(function: Callable, given: dict[str, Any], wanted: list[str], weights: numpy.ndarray) -> tuple:
    names = list(given)

    def loss(*args: Any) -> Any:
        return minpy.numpy.sum(function(**dict(zip(names, args))) * weights)

    with warnings.catch_warnings():  # of a gradient that is zero
        warnings.simplefilter("ignore", GradientWarning)
        return minpy.grad(loss, [names.index(name) for name in wanted])(*given.values())


def _assert_near(found: Any, expected: numpy.ndarray, dtype: str, what: str) -> None:
    found = numpy.asarray(found.asnumpy() if isinstance(found, minpy.Array) else found)
    assert found.shape == numpy.shape(expected), f"{what}, {dtype}: {found.shape}, {numpy.shape(expected)}"
    away = numpy.linalg.norm(found - expected)
    near = (_NEAR if dtype == "float32" else 1e-9) * (numpy.linalg.norm(expected) + 1e-3)
    assert away <= near, f"{what}, {dtype}: {away:.3g} away of {numpy.linalg.norm(expected):.3g}"
