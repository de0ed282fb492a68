"""A program as a function that keeps state, jitted and plain: the same results and effects, call by call."""

from __future__ import annotations

import ast
import itertools
import linecache
import types
from collections.abc import Sequence
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy
from tests.corpus.outcome import assert_same, run
from tests.fuzz.program import Program
from tests.fuzz.values import as_numpy_creates

#: What surrounds a program: globals, helpers, and variables of the function that makes it. All of it may be
#: read and changed by the program; ``change`` does so between calls.
AROUND = """
total = 1.5
weights = np.array([0.5, -1.0, 2.0])
log = []
table = {"scale": 0.5, "rows": [1, 2], "w": np.array([[1.0, -2.0], [0.5, 3.0]])}


class Box:
    def __init__(self):
        self.count = 0
        self.data = np.array([0.25, 0.75])

    def times(self, x):
        self.count += 1
        return x * self.count

    @property
    def half(self):
        return self.data / 2


box = Box()


def scaled(x, by=2.0):
    if np.ndim(x) == 0:
        return x * by
    if np.sum(x) > 1:
        return np.tanh(x) * by
    x = x - 1
    return x / (1 + np.abs(x))


def both(x, *more, sign=1):
    for y in more:
        if np.shape(y) != np.shape(x):
            continue
        if np.max(y) > np.max(x):
            return x, sign * y
        x = x + y
    return x, None


def filled(x, n):
    for i in range(n):
        x[i % len(x)] += i
    return x


def shrunk(x, most=1.0):
    steps = 0
    while np.abs(x).max() > most:
        x = x * 0.5
        steps += 1
        if steps > 5:
            break
    else:
        return x, steps
    return x, -steps
"""
GLOBALS, AROUND_IT = ("total", "weights", "log", "table", "box"), ("scale", "calls", "kept")
_FRAME = """def make():
    scale, calls, kept = 0.5, 0, []

    def function({parameters}):
{declared}{body}

    def change(number):
        nonlocal scale, kept
        global total, weights
        scale = scale + number
        kept = kept[-1:]
        total = total * 0.5
        weights = np.array([1.0, -0.5, 1.5])
        table["scale"] = -0.25
        table["rows"].append(number)
        box.data = box.data + 1

    return function, change


function, change = make()
"""
_numbers = itertools.count()


def source_of(program: Program) -> str:
    """The part of a module that holds a program as a function of its inputs; ``AROUND`` is the other."""
    body = "\n".join(program.body) or "pass"
    stored = {
        node.id
        for node in ast.walk(ast.parse(body))
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    lines = []
    for word, names in (("global", GLOBALS), ("nonlocal", AROUND_IT)):
        found = [name for name in names if name in stored]
        lines += [f"{word} {', '.join(found)}"] if found else []
    return _FRAME.format(
        parameters=", ".join(names_of(program)),
        declared=indented("\n".join(lines), 8) + "\n" if lines else "",
        body=indented(body, 8),
    )


def names_of(program: Program) -> list[str]:
    """The names of the inputs."""
    return [statement.partition(" = ")[0] for statement in program.inputs]


def indented(text: str, by: int = 4) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _compiled(source: str, file: str) -> types.CodeType:
    """The code of a source, which can be read as if it were a file."""
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    return compile(source, file, "exec")


_AROUND = _compiled(AROUND, "<around>")


class Module:
    """The module of a program, run anew: its function, and the state that it keeps."""

    def __init__(self, source: str, library: Any, wrap: Callable = lambda function: function):
        self.file = f"<fuzz {next(_numbers)}>"
        self.namespace: dict[str, Any] = {"np": library, "numpy": numpy, "__name__": "fuzz"}
        exec(_AROUND, self.namespace)
        exec(_compiled(source, self.file), self.namespace)
        self.plain: Any = self.namespace["function"]
        self.function = wrap(self.plain)

    def close(self) -> None:
        del linecache.cache[self.file]

    def call(self, number: int, args: Sequence[Any]) -> dict[str, Any]:
        """What a call gives and leaves behind; before some of them the surroundings change."""
        if number in (2, 4):
            self.namespace["change"](number)
        outcome = run(self.function, tuple(args))
        cells = zip(self.plain.__code__.co_freevars, self.plain.__closure__ or ())
        around = {name: cell.cell_contents for name, cell in cells}
        return {**outcome._asdict(), **{name: self.namespace[name] for name in GLOBALS}, **around}


def check_jit(program: Program, library: Any = None) -> None:
    """Call a program plain and jitted: thrice with the same inputs, with others, again with the first.

    Args:
        library: what ``np`` is in the program; one of the two, if none is given.

    Raises:
        AssertionError: at the first difference in results, exceptions, arguments, output or state.
        NameError: where a variable is missing, as when a program is made shorter.
    """
    source = source_of(program)
    library = library or (numpy if len(source) % 3 == 0 else minpy.numpy)
    with as_numpy_creates():
        calls = _calls(program, library)
        plain, jitted = Module(source, library), Module(source, library, minpy.jit)
        try:
            for number, arguments in enumerate(calls):
                expected = plain.call(number, arguments())
                if number == 0 and isinstance(expected["result"], NameError):
                    raise expected["result"]
                found = jitted.call(number, arguments())
                if isinstance(
                    expected["result"], NameError
                ):  # of which kind depends on who holds the variable
                    assert isinstance(found["result"], NameError), f"call {number}: {found['result']!r}"
                    return
                try:
                    assert_same(expected, found, f"call {number}")
                except AssertionError:
                    if any(_is_unstable(source, library, calls[: number + 1], seed) for seed in range(3)):
                        return
                    raise
        finally:
            plain.close()
            jitted.close()


def _calls(program: Program, library: Any) -> list[Callable[[], list]]:
    """What makes the arguments of each call."""
    namespace: dict[str, Any] = {"np": library, "numpy": numpy}
    for statement in program.inputs:
        exec(statement, namespace)
    inputs = [namespace[name] for name in names_of(program)]

    def arguments(change: Callable = lambda x: x) -> Callable[[], list]:
        return lambda: [_changed(x, change) for x in inputs]

    return [*[arguments()] * 3, arguments(_other_values), arguments(_other_shape), arguments()]


def _changed(x: Any, change: Callable) -> Any:
    """A copy of an array with other content."""
    return minpy.Array(change(x.asnumpy())) if isinstance(x, minpy.Array) else numpy.array(change(x))


def _other_values(x: numpy.ndarray) -> numpy.ndarray:
    x = numpy.flip(x)
    return ~x if x.dtype.kind == "b" else x * x.dtype.type(0.75) if x.dtype.kind in "fc" else -x


def _other_shape(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.concatenate([x, x]) if x.ndim else x


def _is_unstable(source: str, library: Any, calls: Sequence[Callable[[], list]], seed: int) -> bool:
    """Whether inputs that are rounded otherwise give something else, too: then the program says nothing."""
    rng = numpy.random.RandomState(seed)

    def rounded(x: numpy.ndarray) -> numpy.ndarray:
        if x.dtype.kind not in "fc":
            return x
        away = rng.uniform(-4, 4, x.shape) * numpy.finfo(x.dtype).eps
        return (x * (1 + away)).astype(x.dtype)

    one, other = Module(source, library), Module(source, library)
    try:
        for number, arguments in enumerate(calls):
            results = one.call(number, arguments())
            others = other.call(number, [_changed(x, rounded) for x in arguments()])
            assert_same(*({**x, "args": None} for x in (results, others)))
    except AssertionError:
        return True
    finally:
        one.close()
        other.close()
    return False
