"""Nested tuples, lists and dicts of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable


def leaves(x: Any, steps: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """The leaves with the way to each: a tuple of keys and positions."""
    if isinstance(x, (tuple, list)):
        for position, item in enumerate(x):
            yield from leaves(item, (*steps, position))
    elif isinstance(x, dict):
        for key, item in x.items():
            yield from leaves(item, (*steps, key))
    else:
        yield steps, x


def rebuild(function: Callable[[Any], Any], x: Any) -> Any:
    """The same nesting with ``function`` of each leaf, called in the order of ``leaves``."""
    if not isinstance(x, (tuple, list, dict)):
        return function(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):  # a namedtuple
        return type(x)(*[rebuild(function, item) for item in x])
    if isinstance(x, (tuple, list)):
        return type(x)([rebuild(function, item) for item in x])
    return {key: rebuild(function, item) for key, item in x.items()}
