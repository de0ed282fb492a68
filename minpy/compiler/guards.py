"""What a compiled region relies on, and how it gets what it reads from outside.

A guard is a condition on the value at a path (``paths.py``) that held at compile time. The guards of a
region become one Python function that returns the region's implicit inputs, or None when a condition no
longer holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple

import numpy

from minpy.compiler.generated import code_of
from minpy.compiler.ir import Loc
from minpy.compiler.notes import Change
from minpy.compiler.paths import Path, length_path
from minpy.ops import Aval
from minpy.runtime.array import Array
from minpy.runtime.memory import are_disjoint, is_ordered, is_writable


class Guard(NamedTuple):
    """``kind`` of the value at ``path`` has to be ``expected``."""

    path: Path
    kind: str  # one of _CONDITIONS
    expected: Any = None


class Disjoint(NamedTuple):
    """What is said to share no memory: arrays that are written, with each other and with others."""

    written: tuple[Path, ...]
    others: tuple[Path, ...]


_FLOATS = (float, numpy.floating)


class Others(NamedTuple):
    """Other values, which are not the same object: as the first, or also as one another (``distinct``)."""

    paths: tuple[Path, ...]


_CONDITIONS = {
    "value": "type({v}) is type({c}) and {v} == {c}",
    "true": "{v}",
    "false": "not {v}",
    "exact": "type({v}) is type({c}) and repr({v}) == repr({c})",
    "identity": "{v} is {c}",
    "type": "type({v}) is {c}",
    "length": "len({v}) == {c}",
    "keys": "tuple({v}) == {c}",
    "array": "",  # expects ArrayType
    "absent": "{c} not in {v}",
    "present": "{c} in {v}",
    "writable": "is_writable({v})",
    "ordered": "is_ordered({v})",
    # About several values, given by their paths:
    "same": "{v} is {c}",
    "distinct": "all_distinct({v}, {c})",  # expects Others, as the next one
    "apart": "is_apart({v}, {c})",
    "disjoint": "are_disjoint({c})",  # expects Disjoint
    "overlapping": "not are_disjoint({c})",
    "within": "({c}[0] <= {v} <= {c}[1] or {v} - {v} != 0)",
    "has": "hasattr({v}, {c})",
    "lacks": "not hasattr({v}, {c})",
}


class ArrayType(NamedTuple):
    """What has to stay the same of an array that a region reads."""

    type: type
    aval: Aval
    context: Any = None


def array_type(x: Any) -> ArrayType:
    """The array type of an Array, a NumPy array or a NumPy scalar."""
    if isinstance(x, Array):
        return ArrayType(type(x), x.aval, x.context)
    return ArrayType(type(x), Aval(x.shape, x.dtype))


def class_attribute(kind: type, name: str, after: type | None = None) -> Any:
    """What a class or its bases define under a name, unbound; with ``after``, only bases behind that one."""
    bases = kind.__mro__
    for base in bases if after is None else bases[bases.index(after) + 1 :]:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


class _Lookup:
    """``class_attribute`` as a container, so that a path can lead through it."""

    def __init__(self, kind: type, after: type | None):
        self.kind = kind
        self.after = after

    def __getitem__(self, name: str) -> Any:
        return class_attribute(self.kind, name, self.after)


def all_distinct(*objects: Any) -> bool:
    """Whether no two of the objects are the same one."""
    return len(set(map(id, objects))) == len(objects)


def is_apart(obj: Any, *others: Any) -> bool:
    """Whether the object is none of the others."""
    return all(other is not obj for other in others)


_FUNCTIONS = {f.__name__: f for f in (all_distinct, is_apart, is_writable, is_ordered, are_disjoint)}


class Guards:
    """Collects guards and implicit inputs while a block is lowered.

    Args:
        place: gives the line that is being lowered, which is kept for ``explain``.
    """

    def __init__(self, place: Callable[[], Loc | None]) -> None:
        self.fixed: list[Any] = []
        self._numbers: dict[int, int] = {}  # id of a fixed object -> its place in ``fixed``
        self._lookups: dict[tuple, _Lookup] = {}
        self.guards: dict[Guard, Loc | None] = {}
        self._place = place
        self.inputs: list[Path] = []

    def fixed_path(self, obj: Any, label: str) -> Path:
        """The path of an object that is always the same one: a globals dict, a cell, a class."""
        number = self._numbers.setdefault(id(obj), len(self.fixed))
        if number == len(self.fixed):
            self.fixed.append(obj)
        return Path(None, "fixed", number, label)

    def key(self, path: Path) -> tuple:
        """What tells a path from others, whichever guards it belongs to."""
        if path.parent is not None:
            return (*self.key(path.parent), path.step, path.key)
        return path.step, id(self.fixed[path.key]) if path.step == "fixed" else path.key

    def lookup(self, kind: type, name: str, after: type | None = None) -> Path:
        """The path of what a class defines under a name; see ``class_attribute``."""
        found = self._lookups.setdefault((kind, after), _Lookup(kind, after))
        return self.fixed_path(found, kind.__name__).item(name)._replace(label=f"{kind.__name__}.{name}")

    def add(self, path: Path, kind: str, expected: Any = None) -> None:
        """Rely on a condition."""
        if kind == "value" and isinstance(expected, _FLOATS) and (expected == 0 or expected != expected):
            kind = "exact"  # 0.0 == -0.0, and nan is not equal to itself
        self.guards.setdefault(Guard(path, kind, _Expected(expected)), self._place())

    def tell_apart(self, objects: Sequence[Sequence[Path]]) -> None:
        """Rely on some objects being different ones, each given by all paths that lead to it."""
        for first, *others in objects:
            for other in others:
                self.add(other, "same", first)
        firsts = [paths[0] for paths in objects]
        if len(firsts) > 1:
            self.add(firsts[0], "distinct", Others(tuple(firsts[1:])))

    def input(self, path: Path) -> int:
        """Rely on the value at ``path`` as an input; gives its position."""
        self.inputs.append(path)
        return len(self.inputs) - 1

    def reads(self) -> list[Path]:
        """The inputs and what draws need, in the order to read them: nothing fails behind a draw."""
        drawn = [path for path in self.inputs if path.is_drawn]
        operands = [operand for path in drawn for operand in path.key.numbers]
        return [*(path for path in self.inputs if not path.is_drawn), *operands, *drawn]

    def compile(self, names: tuple[str, ...], inputs: bool = True) -> Callable[[tuple], tuple | None]:
        """The guard function: values of the block's variables -> implicit inputs, or None.

        Args:
            inputs: False for none, where no graph takes them.
        """
        namespace: dict[str, Any] = {**_FUNCTIONS, "math": math}
        lines: list[str] = []
        variables: dict[Path, str] = {}

        def reach(path: Path) -> str:
            name = variables.get(path)
            if name is not None:
                return name
            if path.step == "number":
                for part in path.key.before(variables):
                    reach(part)
                source = path.key.source(reach, lambda value: _constant(value, namespace))
            elif path.step == "local":
                source = f"values[{names.index(path.key)}]"
            elif path.parent is None:
                source = f"f{path.key}"
                namespace[source] = self.fixed[path.key]
            elif path.step == "attribute":
                source = f"{reach(path.parent)}.{path.key}"
            else:
                source = f"{reach(path.parent)}[{_constant(path.key, namespace)}]"
            name = variables[path] = f"v{len(variables)}"
            lines.append(f"{name} = {source}")
            return name

        for guard in self.guards:
            condition = _condition(guard, reach, lambda value: _constant(value, namespace))
            lines.append(f"if not ({condition}): return None")
        for path in self.reads() if inputs else ():
            reach(path)
        results = "".join(reach(path) + ", " for path in self.inputs if inputs)
        body = "\n        ".join([*lines, f"return ({results})"])
        text = f"def guard(values):\n    try:\n        {body}\n    except Exception:\n        return None\n"
        exec(code_of(text, "<minpy guards>"), namespace)
        return namespace["guard"]

    def first_change(self, local_values: dict[str, Any], place_of: Callable[[str], Loc]) -> Change | None:
        """What changed, for ``explain``; None when all guards hold.

        Args:
            place_of: gives the line that first reads a local variable.
        """
        for guard, loc in self.guards.items():
            kind, expected = guard.kind, guard.expected.value
            name = str(length_path(guard.path) if kind == "length" else guard.path)
            if loc is None and guard.path.root.step == "local":
                loc = place_of(guard.path.root.key)
            before = _show(kind, expected)
            values: dict[str, Any] = {}

            def name_of(value: Any, values: dict[str, Any] = values) -> str:
                values[f"v{len(values)}"] = value
                return f"v{len(values) - 1}"

            try:
                now = guard.path.resolve(local_values, self.fixed)
                text = _condition(guard, lambda p: name_of(p.resolve(local_values, self.fixed)), name_of)
            except Exception:
                return Change(name, kind, before, "", loc)
            if not eval(text, dict(_FUNCTIONS), values):  # the text is one of ours
                return Change(name, kind, before, _show_now(kind, now, expected), loc)
        return None


def condition_of(guard: Guard) -> tuple[Callable[..., bool], list[Path]]:
    """A guard as a function, and the paths of the values that it takes."""
    namespace: dict[str, Any] = dict(_FUNCTIONS)
    paths: list[Path] = []

    def reach(path: Path) -> str:
        if path not in paths:
            paths.append(path)
        return f"v{paths.index(path)}"

    text = _condition(guard, reach, lambda value: _constant(value, namespace))
    parameters = ", ".join(f"v{number}" for number in range(len(paths)))
    return eval(f"lambda {parameters}: {text}", namespace), paths  # the text is one of ours


def _condition(guard: Guard, reach: Callable[[Path], str], constant: Callable[[Any], str]) -> str:
    """A condition as text. ``reach`` gives a name to the value at a path, ``constant`` to a constant."""
    expected = guard.expected.value
    if isinstance(expected, ArrayType):
        kind, aval, context = expected
        of_numpy = {"dtype": aval.dtype, "shape": aval.shape}
        parts = of_numpy if context is None else {"aval": aval, "context": context}
        v = reach(guard.path)
        tests = [f"{v}.{name} == {constant(part)}" for name, part in parts.items()]
        return " and ".join([f"type({v}) is {constant(kind)}", *tests])
    if isinstance(expected, Path):
        c = reach(expected)
    elif isinstance(expected, Disjoint):
        c = ", ".join("(" + "".join(f"{reach(path)}, " for path in paths) + ")" for paths in expected)
    elif isinstance(expected, Others):
        c = ", ".join(map(reach, expected.paths))
    else:
        c = constant(expected)
    return _CONDITIONS[guard.kind].format(v=reach(guard.path), c=c)


class _Expected:
    """An expected value that can be part of a key whatever it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Expected):
            return False
        return self.value is other.value or (
            type(self.value) is type(other.value)
            and isinstance(self.value, (int, str, tuple, bool, type(None)))
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash(type(self.value))


def _constant(value: Any, namespace: dict[str, Any]) -> str:
    if type(value) in (int, str, bool, type(None)):
        return repr(value)
    name = f"c{len(namespace)}"
    namespace[name] = value
    return name


#: kind of guard -> what held, and what holds now
_IN_WORDS = {
    "true": ("true", "false"),
    "false": ("false", "true"),
    "writable": ("writable", "read-only"),
    "ordered": ("in C order", "in another order"),
    "same": ("the same object as {}", "another object than {}"),
    "distinct": ("an object of its own", "the same object as another one"),
    "apart": ("attributes of its own", "the attributes of another object"),
    "disjoint": ("memory of its own", "memory shared with another array"),
    "overlapping": ("memory shared with another array", "memory of its own"),
}


def _show(kind: str, value: Any) -> str:
    if kind == "array":
        return f"{value.type.__name__} {value.aval}"
    if kind == "within":
        return f"a number from {value[0]} to {value[1]}"
    if kind in _IN_WORDS:
        return _IN_WORDS[kind][0].format(value)
    return getattr(value, "__qualname__", None) or _short(repr(value))


def _show_now(kind: str, now: Any, expected: Any) -> str:
    if kind in _IN_WORDS:
        return _IN_WORDS[kind][1].format(expected)
    if kind == "array" and isinstance(now, (Array, numpy.ndarray, numpy.generic)):
        return _show("array", array_type(now))
    if kind == "length":
        return str(len(now))
    if kind == "keys":
        return _short(repr(tuple(now)))
    return _short(repr(type(now) if kind == "type" else now))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
