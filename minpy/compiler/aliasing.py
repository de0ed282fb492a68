"""Arrays from outside that a region writes, and the conditions under which it may.

In the graph the new content of an array is a variable like any other; only the code behind the graph puts it
into the memory of the user's array. That is what Python does if no other array of the region shows the
memory. So the arrays that are written share no memory with others, which is a guard; one array under two
names is one tracer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minpy.compiler.guards import Disjoint, Guards
from minpy.compiler.paths import Path
from minpy.compiler.tracer import ARRAY, NDARRAY, Tracer
from minpy.errors import UnsupportedError
from minpy.runtime.memory import is_ordered, is_writable, overlap


class Origin(NamedTuple):
    """Where an input comes from: its path, the object that was there, its place among the inputs."""

    path: Path
    value: Any
    position: int


class AliasRequest(Exception):
    """Two paths lead to one array, which is written: lower again with ``path`` standing for ``same``."""

    def __init__(self, path: Path, same: Path):
        super().__init__(f"{path} is {same}")
        self.path = path
        self.same = same


class Aliasing:
    """The watcher of a trace; see ``trace.Watcher``.

    Attributes:
        written: the inputs that the region writes, by position, in the order of the first writes.
    """

    def __init__(self, guards: Guards):
        self.guards = guards
        self.written: dict[int, Tracer] = {}
        self._arrays: list[Tracer] = []

    def add(self, tracer: Tracer) -> None:
        """Know of a new input."""
        if tracer.kind in (ARRAY, NDARRAY):
            tracer.ordered = is_ordered(tracer.origin.value)
            self._arrays.append(tracer)
            for written in self.written.values():
                self._keep_apart(written, tracer)

    def before_write(self, array: Tracer) -> None:
        """Check that an array may be written.

        Raises:
            UnsupportedError: it is read-only, or another array shows its memory.
            AliasRequest: another path leads to the same array.
        """
        if array.origin is None or array.origin.position in self.written:
            return
        path, value, position = array.origin
        if not is_writable(value):
            raise UnsupportedError(f"{path} is written, which is read-only")
        self.guards.add(path, "writable")
        for other in self._arrays:
            if other is not array:
                self._keep_apart(array, other)
        self.written[position] = array

    def _keep_apart(self, written: Tracer, other: Tracer) -> None:
        path, value, _ = written.origin
        if other.origin.value is value and "number" in (path.root.step, other.origin.path.root.step):
            raise UnsupportedError(f"{path} is written, and {other.origin.path} is the same array now")
        if other.origin.value is value:
            raise AliasRequest(other.origin.path, path)
        if overlap(value, other.origin.value):
            self.guards.add(path, "overlapping", Disjoint((path,), (other.origin.path,)))
            raise UnsupportedError(f"{path} is written, and {other.origin.path} shares memory with it")

    def rely_on_order(self) -> None:
        """Guard that arrays which lie in C order now do so always: whether a reshape copies depends on it."""
        for array in self._arrays:
            if array.ordered:
                self.guards.add(array.origin.path, "ordered")

    def finish(self) -> None:
        """At the end of the region: guard what was checked for the arrays that are there now."""
        if self.written:
            written = tuple(array.origin.path for array in self.written.values())
            others = (array.origin for array in self._arrays if array.origin.position not in self.written)
            self.guards.add(written[0], "disjoint", Disjoint(written, tuple(o.path for o in others)))
