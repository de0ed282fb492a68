"""Nested tuples, lists, dicts and dataclasses of arrays."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any, Callable

from minpy.ops.op import Box


class Field(str):
    """The name of a field of a dataclass, as a step on the way to a leaf."""

    __slots__ = ()


def leaves(x: Any, steps: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """The leaves with the way to each: a tuple of keys, positions and fields."""
    if isinstance(x, (tuple, list)):
        for position, item in enumerate(x):
            yield from leaves(item, (*steps, position))
    elif isinstance(x, dict):
        for key, item in x.items():
            yield from leaves(item, (*steps, key))
    elif is_record(x):
        for name in _names(x):
            yield from leaves(getattr(x, name), (*steps, Field(name)))
    else:
        yield steps, x


def rebuild(function: Callable[[Any], Any], x: Any) -> Any:
    """The same nesting with ``function`` of each leaf, called in the order of ``leaves``."""
    if not isinstance(x, (tuple, list, dict)):
        return _record(function, x) if is_record(x) else function(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):  # a namedtuple
        return type(x)(*[rebuild(function, item) for item in x])
    if isinstance(x, (tuple, list)):
        return type(x)([rebuild(function, item) for item in x])
    items = {key: rebuild(function, item) for key, item in x.items()}
    if type(x) is dict:
        return items
    made = copy.copy(x)  # an OrderedDict, a defaultdict
    made.update(items)
    return made


def is_record(x: Any) -> bool:
    """Whether ``x`` is an instance of a dataclass."""
    return not isinstance(x, Box) and dataclasses.is_dataclass(type(x))  # of an array it is clear at once


def _record(function: Callable[[Any], Any], x: Any) -> Any:
    made = copy.copy(x)
    for name in _names(x):
        object.__setattr__(made, name, rebuild(function, getattr(x, name)))  # also if it is frozen
    return made


def _names(x: Any) -> list[str]:
    """The fields with arrays and floats; integers, texts, flags and functions are settings, and stay."""
    names = [field.name for field in dataclasses.fields(x)]
    settings = (int, str, bytes, type(None))
    return [n for n in names if not isinstance(v := getattr(x, n), settings) and not callable(v)]
