"""Functions of a module: instructions that stand there often are written, and compiled, once, and called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple

import numpy

from minpy.compiler.codegen.builder import Builder, Value, type_of


class Called(NamedTuple):
    """A function that was written.

    Attributes:
        results: dtype and lanes of each.
    """

    name: str
    results: tuple[tuple[numpy.dtype, int], ...]
    text: str

    @property
    def kind(self) -> str:
        """The type of what it gives."""
        kinds = [type_of(*result) for result in self.results]
        return kinds[0] if len(kinds) == 1 else "{ " + ", ".join(kinds) + " }"


def module(k: Builder, lines: Sequence[str]) -> str:
    """The text of a module whose function ``nest`` is these lines."""
    parts = [
        "define void @nest(ptr %arguments, i64 %begin, i64 %end, i64 %chunk) #0 {",
        *("entry:", *lines, "  ret void", "}", ""),
        *[function.text for function in k.functions.values()],
        *sorted(k.intrinsics.values()),
        'attributes #0 = { nounwind "no-trapping-math"="true" }',
    ]
    return "\n".join(parts) + "\n"


def called(
    k: Builder, name: str, write: Callable[..., Sequence[Value]], operands: Sequence[Value]
) -> list[Value]:
    """What ``write(builder, *operands)`` gives, by a function of that name.

    For operands of other dtypes, lanes or constants it is another one. Constants stand in its text.
    """
    key = name, *[(x.dtype, x.lanes, x.text if x.number is not None else "") for x in operands]
    if key not in k.functions:
        k.functions[key] = _written(k, f"{name}_{len(k.functions)}", write, operands)
    function = k.functions[key]
    given = [x for x in operands if x.number is None]
    text = f"call {function.kind} @{function.name}({_listed(given)})"
    found = k.emit(text)
    if len(function.results) == 1:
        return [Value(found, *function.results[0])]
    parts = [k.emit(f"extractvalue {function.kind} {found}, {i}") for i in range(len(function.results))]
    return [Value(part, *result) for part, result in zip(parts, function.results)]


def _written(
    k: Builder, name: str, write: Callable[..., Sequence[Value]], operands: Sequence[Value]
) -> Called:
    inside = type(k)()
    inside.functions, inside.intrinsics = k.functions, k.intrinsics
    within = [x if x.number is not None else x._replace(text=f"%x{i}") for i, x in enumerate(operands)]
    results = write(inside, *within)
    function = Called(name, tuple((x.dtype, x.lanes) for x in results), "")
    given = [x for x in within if x.number is None]
    last = results[0].text
    if len(results) > 1:
        last = "poison"
        for i, x in enumerate(results):
            last = inside.emit(f"insertvalue {function.kind} {last}, {_listed([x])}, {i}")
    head = f"define internal {function.kind} @{name}({_listed(given)}) #0 {{"
    lines = [head, "entry:", *inside.lines, f"  ret {function.kind} {last}", "}", ""]
    return function._replace(text="\n".join(lines))


def _listed(values: Sequence[Value]) -> str:
    return ", ".join(f"{type_of(x.dtype, x.lanes)} {x.text}" for x in values)
