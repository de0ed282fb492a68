"""A program as a function that keeps state, jitted and plain: the same results and effects, call by call."""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
import linecache
from collections.abc import Sequence
from typing import Any, Callable

import numpy

import minpy
import minpy.numpy
from tests.corpus.outcome import assert_same, run
from tests.fuzz.around import AROUND, AROUND_IT, GLOBALS, PARAMETERS
from tests.fuzz.program import Program, compiled, indented
from tests.fuzz.values import as_numpy_creates
from tests.ops.tolerances import VALUE

_FRAME = """def make():
    scale, calls, kept = 0.5, 0, []

    def function({parameters}):
{declared}{body}

    def change(number):
        nonlocal scale, kept
        global total, weights, scaled
        scale = scale + number
        kept = kept[-1:]
        total = total * 0.5
        weights = np.array([1.0, -0.5, 1.5])
        table["scale"] = -0.25
        table["rows"].append(number)
        box.data = box.data + 1
        Box.made += 1
        params.b = -1.5
        scaled, Box.twice = (rescaled, rescaled) if number == 2 else (shrunk, staticmethod(abs))

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
        parameters=", ".join([*program.names, "by=2", "*", "seen=[]"]),
        declared=indented("\n".join(lines), 8) + "\n" if lines else "",
        body=indented(body, 8),
    )


_AROUND = compiled(AROUND, "<around>")


class Module:
    """The module of a program, run anew: its function, and the state that it keeps."""

    def __init__(self, source: str, library: Any, wrap: Callable):
        self.file = f"<fuzz {next(_numbers)}>"
        self.namespace: dict[str, Any] = {"np": library, "numpy": numpy, "__name__": "fuzz"}
        exec(_AROUND, self.namespace)
        exec(compiled(source, self.file), self.namespace)
        self.plain: Any = self.namespace["function"]
        self.function = wrap(self.plain)

    def close(self) -> None:
        del linecache.cache[self.file]

    def call(self, number: int, args: Sequence[Any]) -> dict[str, Any]:
        """What a call gives and leaves behind; before some of them the surroundings change."""
        if number in (2, 4):
            self.namespace["change"](number)
        function = functools.partial(self.function, by=0.5) if number == 1 else self.function
        outcome = run(function, tuple(args))
        cells = zip(self.plain.__code__.co_freevars, self.plain.__closure__ or ())
        return {
            **outcome._asdict(),
            **{name: self.namespace[name] for name in GLOBALS},
            **{name: cell.cell_contents for name, cell in cells},
            "defaults": self.plain.__kwdefaults__,
            "made": self.namespace["Box"].made,
        }


def loss_of(function: Callable) -> Callable:
    """The sum of all floats that a function gives."""

    def loss(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        total = 0.0
        for part in result if isinstance(result, tuple) else (result,):
            if isinstance(part, minpy.numpy.ndarray) and part.dtype.kind == "f":
                total = total + minpy.numpy.sum(part)
        return total

    return loss


def _gradient(function: Callable, wanted: list[int]) -> Callable:
    return minpy.grad(loss_of(function), wanted)


#: How a function is called, plain and jitted. Gradients are taken for those at ``wanted``.
WAYS: dict[str, tuple[Callable, Callable]] = {
    "jit": (lambda f, wanted: f, lambda f, wanted: minpy.jit(f)),
    "static": (lambda f, wanted: f, lambda f, wanted: minpy.jit(f, static_argnames="by")),
    "gradient of jit": (_gradient, lambda f, wanted: _gradient(minpy.jit(f), wanted)),
    "jit of gradient": (_gradient, lambda f, wanted: minpy.jit(_gradient(f, wanted))),
    "one graph": (_gradient, lambda f, wanted: minpy.grad(minpy.jit(loss_of(f)), wanted)),
}


def check_jit(
    program: Program, library: Any = None, way: str = "", policy: minpy.Policy | None = None
) -> None:
    """Call a program plain and jitted, several times, and compare all that there is to see.

    Args:
        library: what ``np`` is in the program; one of the two, if none is given.
        way: one of ``WAYS``; mostly the first, if none is given.
        policy: under which it runs plain. Of exceptions only the type has to be the same then.

    Raises:
        AssertionError: at the first difference in results, exceptions, arguments, output or state.
        NameError: where a variable is missing, as when a program is made shorter.
    """
    source = source_of(program)
    choice = len(str(program.inputs))  # which stays as it is where statements are left out
    library = library or (numpy if choice % 3 == 0 else minpy.numpy)
    with as_numpy_creates():
        calls = [Arguments(program, library, number) for number in range(7)]
        wanted = [i for i, x in enumerate(calls[0]()) if getattr(x, "dtype", numpy.dtype(int)).kind == "f"]
    if library is numpy or not wanted:
        way = "jit"
    elif not way:
        way = [*WAYS, *["jit"] * 4][choice // 3 % 9]
    is_gradient = way not in ("jit", "static")
    before, wrap = (functools.partial(wrap, wanted=wanted) for wrap in WAYS[way])
    has_float32 = "float32" in source or any("float32" in text for _, text in program.sources)
    near = VALUE[numpy.dtype("float32")] if has_float32 else None  # its numbers may become float64
    with as_numpy_creates():
        plain, jitted = Module(source, library, before), Module(source, library, wrap)
        try:
            for number, arguments in enumerate(calls):
                with policy or contextlib.nullcontext():
                    expected = plain.call(number, arguments())
                if number == 0 and isinstance(expected["result"], NameError):
                    raise expected["result"]
                found = jitted.call(number, arguments())
                if isinstance(expected["result"], NameError) and isinstance(found["result"], NameError):
                    expected["result"] = found["result"]  # of which kind depends on who holds the variable
                errors = expected["result"], found["result"]
                if policy and isinstance(errors[0], Exception) and type(errors[0]) is type(errors[1]):
                    expected["result"] = errors[1]  # NumPy's words are not those of MinPy's shape rules
                if is_gradient:  # whether a leaf that was stored shares memory is said nowhere
                    args = expected.pop("args"), found.pop("args")
                    assert_same(*args, f"{way}, call {number}.args", memory=False, near=near)
                    if isinstance(expected["result"], ValueError) and isinstance(found["result"], ValueError):
                        expected["result"] = found["result"]
                try:
                    assert_same(expected, found, f"{way}, call {number}", near=near)
                except AssertionError:
                    make = functools.partial(Module, source, library, before)
                    if any(_is_unstable(make, calls[: number + 1], seed) for seed in range(3)):
                        return
                    raise
        finally:
            plain.close()
            jitted.close()


class Arguments:
    """Of a call: the inputs thrice, others, larger ones, the same array everywhere, the inputs again."""

    def __init__(self, program: Program, library: Any, number: int):
        self._namespace: dict[str, Any] = {"np": library, "numpy": numpy}
        self._sources = program.sources
        self._number = number

    def __call__(self) -> list[Any]:
        version = {3: 1, 4: 2}.get(self._number, 0)
        found: dict[str, Any] = {}
        arrays: list[Any] = []
        for name, source in self._sources:
            if name in PARAMETERS:
                source = str(self._number) if name == "t" else PARAMETERS[name][version]
                found[name] = eval(source, self._namespace)
            else:
                array = eval(source, self._namespace)
                found[name] = _changed(array, (numpy.array, _other_values, _other_shape)[version])
                arrays.append(name)
        if self._number == 5:
            found.update(dict.fromkeys(arrays, found[arrays[0]]) if arrays else {})
        return list(found.values())


def _changed(x: Any, change: Callable) -> Any:
    """An array with other content."""
    return minpy.Array(change(x.asnumpy())) if isinstance(x, minpy.Array) else change(numpy.asarray(x))


def _other_values(x: numpy.ndarray) -> numpy.ndarray:
    x = numpy.flip(x)
    return ~x if x.dtype.kind == "b" else x * x.dtype.type(0.75) if x.dtype.kind in "fc" else -x


def _other_shape(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.concatenate([x, x]) if x.ndim else x


def _is_unstable(make: Callable[[], Module], calls: Sequence[Callable[[], list]], seed: int) -> bool:
    """Whether inputs that are rounded otherwise give something else, too: then the program says nothing."""
    rng = numpy.random.RandomState(seed)

    def rounded(x: numpy.ndarray) -> numpy.ndarray:
        if x.dtype.kind not in "fc":
            return x
        away = rng.uniform(-4, 4, x.shape) * numpy.finfo(x.dtype).eps
        return (x * (1 + away)).astype(x.dtype)

    one, other = make(), make()
    try:
        for number, arguments in enumerate(calls):
            results = one.call(number, arguments())
            args = arguments()
            arrays = {id(x): x for x in args if isinstance(x, (minpy.Array, numpy.ndarray))}
            arrays = {key: _changed(x, rounded) for key, x in arrays.items()}
            others = other.call(number, [arrays.get(id(x), x) for x in args])
            assert_same(*({**x, "args": None} for x in (results, others)))
    except AssertionError:
        return True
    finally:
        one.close()
        other.close()
    return False
