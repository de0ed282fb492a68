"""What the compiler notes down for ``explain``: what stays with Python, and what was compiled again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from minpy.compiler.ir import Loc
from minpy.ops import Aval


@dataclass
class Leftover:
    """A statement that stays with Python.

    Attributes:
        reason: completes "left to Python because ...".
        cause: the line that the reason is about, which may stand in an inlined function.
        is_control_flow: Python decides where to go on; what is inside may be compiled.
        columns: of the expression that stays, in the text of ``line``; None where all of the statement does.
        is_unforeseen: nothing is wrong with it, but what it uses is not known before the program runs.
    """

    line: int
    last_line: int
    reason: str
    cause: Loc
    columns: tuple[int, int] | None = None
    is_control_flow: bool = False
    is_unforeseen: bool = False


class Change(NamedTuple):
    """Something that a compiled region relied on and that is different now.

    Attributes:
        name: how the program gets at it.
        kind: of the guard (see ``guards.Guard``), or 'argument' where it is part of the signature.
        loc: the line that reads it.
    """

    name: str
    kind: str
    before: str
    after: str
    loc: Loc | None

    def __str__(self) -> str:
        return (
            f"{self.name} is gone"
            if not self.after
            else f"{self.name} changed from {self.before} to {self.after}"
        )


class Recompilation(NamedTuple):
    """A region was compiled again.

    Attributes:
        loc: the line that reads what changed.
        changes: what did.
    """

    loc: Loc
    changes: Sequence[Change]

    def __str__(self) -> str:
        what = "; ".join(map(str, self.changes)) or "a value that is read changes by itself"
        return f"line {self.loc.line}: {what}"


def describe(part: Any) -> str:
    """One entry of a signature (see ``plans.signature_of``), for people."""
    if isinstance(part, tuple):
        if isinstance(part[0], type) and len(part) == 3:
            _, second, third = part
            return f"{second} on {third}" if isinstance(second, Aval) else f"{Aval(second, third)} (numpy)"
        if part[0] is float:
            return "float beyond float32" if part[1] else "float"
        return repr(part[1])
    return getattr(part, "__name__", repr(part))
