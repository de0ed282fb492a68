"""The collections of functions. Each use loads them anew, with globals of their own."""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

KINDS: tuple[str, ...] = (
    "arrays",
    "branches",
    "classes",
    "closures",
    "containers",
    "errors",
    "exceptions",
    "functions",
    "generators",
    "guards",
    "library",
    "loops",
    "models",
    "numbers",
    "objects",
    "parts",
    "places",
    "shared_state",
    "side_effects",
    "transforms",
    "views",
    "writing",
    *(["matching"] if sys.version_info >= (3, 10) else []),
)


@dataclass
class Program:
    """A function with inputs.

    Attributes:
        inputs: tuples of arguments, which are copied for each call, or functions that make such tuples.
        between: called before each call with the number of the call, to change what the function relies on.
        no_gradient: why its gradient is not compared with differences; empty where it is.
        module: the globals of the collection.
    """

    function: Callable
    inputs: tuple
    between: Callable[[int], None] | None
    no_gradient: str
    module: dict[str, Any]

    def arguments(self, number: int) -> tuple:
        """A fresh tuple of arguments."""
        made = self.inputs[number]
        return made() if callable(made) else copy.deepcopy(made)

    @property
    def name(self) -> str:
        """The name, for the test."""
        found = getattr(self.function, "__name__", type(self.function).__name__)
        return f"{self.module['__name__'].rpartition('.')[2]}.{found.strip('<>')}"


_loading: list[list[Program]] = []


def program(
    *inputs: Any, no_gradient: str = "", between: Callable[[int], None] | None = None
) -> Callable[[Any], Any]:
    """Add a function to the collection; see ``Program``."""

    def register(function: Any) -> Any:
        module = sys._getframe(1).f_globals
        _loading[-1].append(Program(function, inputs, between, no_gradient, module))
        return function

    return register


def load(kind: str) -> list[Program]:
    """A collection, with globals of its own."""
    spec = importlib.util.find_spec(f"tests.corpus.{kind}")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where ``dataclasses`` looks for it
    _loading.append([])
    spec.loader.exec_module(module)
    return _loading.pop()


def programs() -> list[Program]:
    """All programs, with globals of their own."""
    return [program for kind in KINDS for program in load(kind)]


def ids(programs: Sequence[Program]) -> list[str]:
    """Names for the tests, each another one."""
    names = [program.name for program in programs]
    return [name if names.count(name) == 1 else f"{name}-{i}" for i, name in enumerate(names)]
