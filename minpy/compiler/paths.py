"""Paths: how to reach what a compiled region reads from outside, and numbers that are computed on the way.

A *path* says how to reach a value: from a local variable, a global, a closure cell or a fixed object,
by attributes and items.
"""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Container, Iterator
from typing import Any, Callable, NamedTuple


class Path(NamedTuple):
    """How to reach a value. ``parent`` is None for a root; roots are 'local' and 'fixed'."""

    parent: Path | None
    step: str  # 'local', 'fixed', 'attribute' or 'item'; 'number' for a root that is computed
    key: Any
    label: str

    def attribute(self, name: str) -> Path:
        """The path of an attribute."""
        return Path(self, "attribute", name, f"{self.label}.{name}")

    def item(self, key: Any) -> Path:
        """The path of an item of a list, tuple or dict."""
        return Path(self, "item", key, f"{self.label}[{key!r}]")

    @property
    def is_drawn(self) -> bool:
        """Whether reading it is more than a look."""
        return self.step == "number" and not self.key.is_repeatable

    @property
    def root(self) -> Path:
        """Where the path begins."""
        path = self
        while path.parent is not None:
            path = path.parent
        return path

    def __str__(self) -> str:
        return self.label

    def resolve(self, local_values: dict[str, Any], fixed: list) -> Any:
        """The value that is there now; raises what reading it raises."""
        if self.step == "number":
            return self.key.resolve(local_values, fixed)
        if self.parent is None:
            return local_values[self.key] if self.step == "local" else fixed[self.key]
        parent = self.parent.resolve(local_values, fixed)
        return getattr(parent, self.key) if self.step == "attribute" else parent[self.key]


def identifier(text: str) -> str:
    """A name of Python like ``text``: ``self_params_w`` for ``self.params['w']``."""
    name = re.sub(r"\W+", "_", text).strip("_")
    if not name.isidentifier():
        return f"x_{name}"
    return f"{name}_" if keyword.iskeyword(name) or name in ("np", "complex") else name


def local_key(name: str) -> tuple:
    """The key of the path of a local variable; see ``Guards.key``."""
    return "local", name


def length_path(path: Path) -> Path:
    """The path that stands for the length of what is at a path."""
    return path.attribute("__len__")._replace(label=f"len({path})")


def local_path(name: str) -> Path:
    """The path of a local variable of the block."""
    return Path(None, "local", name, name)


_serial = itertools.count()


class Computation:
    """A number that is computed from others.

    Args:
        function: computes it.
        template: the call as an expression, with places for the operands.
        operands: paths, and constants.

    Attributes:
        is_repeatable: computed once more it is the same.
    """

    is_repeatable = True

    def __init__(self, function: Callable, template: str, operands: tuple):
        self.function = function
        self.template = template
        self.operands = operands
        self.serial = next(_serial)  # operands have smaller ones

    def path(self) -> Path:
        """The path that leads to the number."""
        label = self.source(str, lambda x: getattr(x, "__name__", repr(x)))
        is_enclosed = label.startswith("(") and label.endswith(")") and label.count("(") == 1
        return Path(None, "number", self, label[1:-1] if is_enclosed else label[:60])

    @property
    def numbers(self) -> list[Path]:
        """The operands that are no constants."""
        return [x for x in self.operands if isinstance(x, Path)]

    def before(self, known: Container[Path]) -> list[Path]:
        """The numbers that have to be computed before, in order."""
        found: set[Path] = set()
        waiting = self.numbers
        while waiting:
            path = waiting.pop()
            if path.step == "number" and path not in known and path not in found:
                found.add(path)
                waiting.extend(path.key.numbers)
        return sorted(found, key=lambda path: path.key.serial)

    def sources(self) -> Iterator[Path]:
        """The operands that are read from somewhere, and those of operands that are computed."""
        for path in self.numbers:
            if path.step == "number":
                yield from path.key.sources()
            else:
                yield path

    def source(self, reach: Callable[[Path], str], constant: Callable[[Any], str]) -> str:
        """The computation as an expression, given how to write a path and a constant."""
        return self.template.format(
            *[reach(x) if isinstance(x, Path) else constant(x) for x in self.operands]
        )

    def resolve(self, local_values: dict[str, Any], fixed: list) -> Any:
        """The number as it is now."""
        operands = (x.resolve(local_values, fixed) if isinstance(x, Path) else x for x in self.operands)
        return self.function(*operands)
