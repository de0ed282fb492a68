"""Numbers and texts that change from call to call: when they are inputs, and when they stay with Python.

A number that decides what is compiled is a constant of the compiled code. An int or a text is such a
constant at first, and so is a float where nobody changes it (``seems_constant``), since passes may look for
its value. When it has another value it is tried as an input at run time. Where that cannot be, and where
another float decides, there is one version of the code for each value; after some numbers Python decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from minpy.compiler.paths import Path, length_path

if TYPE_CHECKING:
    from minpy.compiler.plans import Plan

MAX_VERSIONS = 8  # for values of one number
FREE = (int, str)  # constants that are tried as inputs when they change


def seems_constant(path: Path) -> bool:
    """Whether a float is a default value, has a name in capitals, or is an epsilon."""
    step: Path | None = path
    while step is not None:
        if step.key in ("__defaults__", "__kwdefaults__"):
            return True
        step = step.parent
    return isinstance(path.key, str) and (path.key.isupper() or path.key.lower() in ("eps", "epsilon"))


class Numbers(NamedTuple):
    """How a lowering treats numbers, each given by the key of its path (see ``Guards.key``).

    Attributes:
        inputs: ints and texts that are inputs at run time, unless their values decide something.
        unsettled: numbers that may not decide anything.
    """

    inputs: frozenset[tuple] = frozenset()
    unsettled: frozenset[tuple] = frozenset()


NUMBERS = Numbers()


class Varying:
    """What is known of the numbers that a block reads.

    Args:
        inputs: those that are inputs from the beginning.
        static: those that are constants whatever happens.
    """

    def __init__(self, inputs: Iterable[tuple], static: Iterable[tuple] = ()):
        self._inputs = set(inputs)
        self._static = frozenset(static)
        self._constants: set[tuple] = set()  # ints and texts whose values decide something
        self._seen: dict[tuple, set] = {}  # values of numbers that changed, and that there were versions for

    @property
    def numbers(self) -> Numbers:
        """How to treat them now."""
        unsettled = {key for key, values in self._seen.items() if len(values) >= MAX_VERSIONS}
        inputs = self._inputs - (self._constants - unsettled)
        return Numbers(frozenset(inputs), frozenset(unsettled))

    def look(self, plans: Iterable[Plan], values: dict[str, Any]) -> None:
        """Compare the numbers that are there now with those that there are versions for."""
        for plan in plans:
            guards = plan.conditions.guards if plan.conditions is not None else ()
            for guard in guards:
                expected, path = guard.expected.value, guard.path
                if guard.kind == "length":
                    path = length_path(path)
                elif guard.kind not in ("value", "exact") or type(expected) not in (float, *FREE):
                    continue
                if _differs(path, values, plan.conditions.fixed, expected):
                    key = plan.conditions.key(path)
                    # There may be many lengths, as there may be many shapes, unless they decide something.
                    if type(expected) is not str and (guard.kind != "length" or key in self._constants):
                        self._seen.setdefault(key, set()).add(expected)
                    is_free = type(expected) in FREE or seems_constant(path)
                    if is_free and key not in self._static:
                        self._inputs.add(key)

    def settle(self, pinned: Iterable[tuple]) -> None:
        """Some numbers have decided something."""
        self._constants.update(self._inputs.intersection(pinned))


def _differs(path: Any, values: dict[str, Any], fixed: list, expected: Any) -> bool:
    try:
        now = path.resolve(values, fixed)
        now = now() if path.key == "__len__" else now
    except Exception:  # it is gone
        return False
    return type(now) is type(expected) and now != expected
