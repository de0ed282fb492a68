"""The compiled versions of a block: found by signature and guards, bounded, the least recently used goes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from minpy.compiler.notes import describe
from minpy.runtime.routes import tick

if TYPE_CHECKING:
    from minpy.compiler.plans import Plan


class CacheInfo(NamedTuple):
    """What ``fn.cache_info()`` of a jitted function tells.

    Attributes:
        hits: calls that found a compiled version.
        misses: calls that had to compile first.
        size: versions that are kept, ``maxsize`` at most.
        evictions: versions that were given up for newer ones.
    """

    hits: int
    misses: int
    size: int
    maxsize: int
    evictions: int


class PlanCache:
    """The plans of a block. A signature selects by hashing, guards tell plans of one signature apart.

    Attributes:
        limit: how many plans are kept.
        evictions: how many were given up.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.evictions = 0
        self._plans: dict[tuple, list[Plan]] = {}

    def find(self, signature: tuple, values: tuple) -> tuple[Plan, tuple] | None:
        """The plan whose guards hold, and the values that its guards read."""
        for plan in self._plans.get(signature, ()):
            found = plan.guard(values)
            if found is not None:
                plan.meter.last_used = tick()
                return plan, found
        return None

    def of_signature(self, signature: tuple) -> Sequence[Plan]:
        """The plans that only guards tell apart."""
        return self._plans.get(signature, ())

    def add(self, plan: Plan) -> bool:
        """Keep a plan. Past the limit another goes; says whether one did."""
        plan.meter.last_used = tick()
        known = list(self)
        self._plans[plan.signature] = [*self.of_signature(plan.signature), plan]
        if len(known) < self.limit:
            return False
        self.remove(min(known, key=lambda old: old.meter.last_used))
        self.evictions += 1
        return True

    def sign(self, change: Callable[[tuple], tuple]) -> None:
        """Change the signatures of all plans."""
        plans, self._plans = list(self), {}
        for plan in plans:
            plan.signature = change(plan.signature)
            self._plans[plan.signature] = [*self.of_signature(plan.signature), plan]

    def remove(self, plan: Plan) -> None:
        """Give up a plan."""
        _close_routes(plan)
        # A new list: another thread may be walking over the old one.
        rest = [other for other in self.of_signature(plan.signature) if other is not plan]
        if rest:
            self._plans[plan.signature] = rest
        else:
            self._plans.pop(plan.signature, None)  # another thread may have forgotten everything

    def close(self) -> None:
        """Let no call take a route to a plan any more: others are going to be made instead."""
        for plan in self:
            _close_routes(plan)

    def __iter__(self) -> Iterator[Plan]:
        return itertools.chain.from_iterable(list(self._plans.values()))

    def __len__(self) -> int:
        return sum(map(len, list(self._plans.values())))


def _close_routes(plan: Plan) -> None:
    for route in list(plan.routes):
        route.close()


def advice(inputs: Sequence[str], plans: Sequence[Plan]) -> str:
    """What differs between plans of a block, and what to do, for the warning about a full cache."""
    plans = sorted(plans, key=lambda plan: plan.meter.last_used)
    arguments = [plan.signature[len(plan.signature) - len(inputs) :] for plan in plans]
    columns = dict(zip(inputs, map(list, zip(*arguments))))
    name = max(columns, key=lambda name: len(set(columns[name])), default="")
    if len(set(columns.get(name, ()))) <= 1:
        return f"{_varying_path(plans)} changes from call to call and is a constant of the compiled code. "
    parts = columns[name]
    shown = ", ".join(map(describe, list(dict.fromkeys(parts))[-3:]))
    return f"{name} changes from call to call (of late {shown}). {_fix(name, parts)}"


def _varying_path(plans: Sequence[Plan]) -> str:
    """The value under a guard that was different most often."""
    seen: dict[str, list[Any]] = {}
    for plan in plans:
        for guard in plan.conditions.guards if plan.conditions is not None else ():
            known = seen.setdefault(str(guard.path), [])
            if guard.expected not in known:
                known.append(guard.expected)
    return max(seen, key=lambda path: len(seen[path]), default="a value from outside")


def _fix(name: str, parts: Sequence[Any]) -> str:
    if all(isinstance(part, tuple) and len(part) == 3 for part in parts):
        return f"Pad {name} to a few shapes, or cut it into batches of one shape. "
    if all(isinstance(part, tuple) and part[0] is int for part in parts):
        return "It decides what is compiled, so there is a version for each value. "
    return "It is a constant of the compiled code. "
