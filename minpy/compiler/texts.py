"""Python's texts that are known at run time only, like the numbers in ``reals.py``.

Python makes them in the function that checks the guards. Where a text decides what is compiled, it becomes
a constant.
"""

from __future__ import annotations

import operator
from typing import Any, Callable

from minpy.compiler.lowering.reads import Text, is_plain
from minpy.compiler.reals import REALS, Deferred, Number, compute, computed
from minpy.runtime.tree import leaves, rebuild

_COMPARISONS = {
    operator.eq: "==",
    operator.ne: "!=",
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
}


def apply_later(function: Callable, *args: Any, **kwargs: Any) -> Text | Number | None:
    """What a function of texts and numbers gives, where some of these are known at run time only.

    None where all are known now, or where there is something else among them.

    Raises:
        PinRequest: the result is neither a text nor a number, or there is none for the values that are there
            now.
    """
    operands = tuple(leaf for _, leaf in leaves([args, kwargs]))
    if not any(isinstance(x, Deferred) for x in operands) or not all(map(_is_part, operands)):
        return None
    if kwargs or len(operands) != len(args) or any(type(x) in (list, tuple, dict) for x in args):
        function = _spread(function, args, kwargs)
    places = ", ".join(["{}"] * len(operands))
    reader, path, value, sources = computed(_call, (function, *operands), f"{{}}({places})", (str, *REALS))
    if type(value) is str:
        return Text(reader, path, value, sources)
    return Number(reader, path, value, sources)


def joined(*parts: str) -> str:
    """The parts one behind the other."""
    return "".join(parts)


def compare_texts(comparison: Callable, x: Any, y: Any) -> Number | None:
    """A comparison of texts that are known at run time only; None where something else is compared."""
    is_one = isinstance(x, Text) or isinstance(y, Text)
    if not is_one or not all(isinstance(v, Text) or type(v) is str for v in (x, y)):
        return None
    return compute(comparison, (x, y), f"({{}} {_COMPARISONS[comparison]} {{}})")


def _is_part(x: Any) -> bool:
    return isinstance(x, Deferred) or is_plain(x) or type(x) is float


def _call(function: Callable, *args: Any) -> Any:
    return function(*args)


def _spread(function: Callable, args: tuple, kwargs: dict[str, Any]) -> Callable:
    """A function of the values in nested arguments."""
    nesting = rebuild(lambda _: None, [args, kwargs])

    def spread(*values: Any) -> Any:
        following = iter(values)
        given, named = rebuild(lambda _: next(following), nesting)
        return function(*given, **named)

    return spread
