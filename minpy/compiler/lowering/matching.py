"""Lowering of ``match``: which case fits a value that is known now."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Callable

import gast

from minpy.compiler.lowering.calls import Calls
from minpy.compiler.lowering.frames import OfRegion
from minpy.errors import UnsupportedError

#: Flags of classes that Python matches with patterns of sequences, and of mappings.
_SEQUENCE, _MAPPING = 1 << 5, 1 << 6
#: Classes that a pattern such as ``int(n)`` gives the value itself of.
_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


class Matching(Calls):
    """The part of the lowering that knows patterns."""

    statements: Callable[..., Generator[Any, None, Any]]
    store: Callable[..., None]

    def _Match_statement(self, node: Any) -> Generator[Any, None, Any]:
        subject = self.evaluate(node.subject)
        if isinstance(subject, OfRegion):
            raise UnsupportedError("a function is matched with patterns")
        for case in node.cases:
            found: dict[str, Any] = {}
            if self._fits(case.pattern, subject, found):
                for name, value in found.items():
                    self.store(name, value)
                if case.guard is None or self.test(case.guard):
                    return (yield from self.statements(case.body))
        return None

    def _fits(self, pattern: Any, value: Any, found: dict[str, Any]) -> bool:
        """Whether a value fits a pattern; adds what the names in the pattern stand for to ``found``."""
        method = getattr(self, f"_fits_{type(pattern).__name__}", None)
        if method is None:
            raise UnsupportedError(f"a {type(pattern).__name__} pattern is not compiled")
        return method(pattern, value, found)

    def _fits_MatchValue(self, pattern: Any, value: Any, found: dict) -> bool:
        return self.truth(self.compare(gast.Eq(), value, self.evaluate(pattern.value)))

    def _fits_MatchSingleton(self, pattern: Any, value: Any, found: dict) -> bool:
        self.pin(value)
        return self.is_same(value, pattern.value)

    def _fits_MatchAs(self, pattern: Any, value: Any, found: dict) -> bool:
        if pattern.pattern is not None and not self._fits(pattern.pattern, value, found):
            return False
        if pattern.name is not None:
            found[pattern.name] = value
        return True

    def _fits_MatchOr(self, pattern: Any, value: Any, found: dict) -> bool:
        return any(self._fits(choice, value, found) for choice in pattern.patterns)

    def _fits_MatchSequence(self, pattern: Any, value: Any, found: dict) -> bool:
        if not self.python_type(value).__flags__ & _SEQUENCE:
            return False
        items, patterns = list(self.iterate(value)), pattern.patterns
        starred = [i for i, part in enumerate(patterns) if isinstance(part, gast.MatchStar)]
        if not starred:
            return len(items) == len(patterns) and self._all_fit(patterns, items, found)
        at, after = starred[0], len(patterns) - starred[0] - 1
        if len(items) < at + after:
            return False
        end = len(items) - after
        if not self._all_fit(patterns[:at], items[:at], found):
            return False
        if patterns[at].name is not None:
            found[patterns[at].name] = items[at:end]
        return self._all_fit(patterns[at + 1 :], items[end:], found)

    def _fits_MatchMapping(self, pattern: Any, value: Any, found: dict) -> bool:
        if not self.python_type(value).__flags__ & _MAPPING:
            return False
        keys = [self.key(self.evaluate(key)) for key in pattern.keys]
        items = self.mapping(value)
        if not all(key in items for key in keys):
            return False
        if not self._all_fit(pattern.patterns, [items[key] for key in keys], found):
            return False
        if pattern.rest is not None:
            found[pattern.rest] = {key: item for key, item in items.items() if key not in keys}
        return True

    def _fits_MatchClass(self, pattern: Any, value: Any, found: dict) -> bool:
        kind = self.plain(self.evaluate(pattern.cls))
        if not issubclass(self.python_type(value), kind):
            return False
        values, names = [], list(pattern.kwd_attrs)
        if pattern.patterns and issubclass(kind, _WHOLE) and not hasattr(kind, "__match_args__"):
            values.append(value)
        elif pattern.patterns:
            names[:0] = kind.__match_args__[: len(pattern.patterns)]
        for name in names:
            if not self.has(value, name):
                return False
            values.append(self.get_attribute(value, name))
        patterns = [*pattern.patterns, *pattern.kwd_patterns]
        if len(values) != len(patterns):
            raise TypeError(f"{kind.__name__}() accepts {len(values)} positional sub-patterns")
        return self._all_fit(patterns, values, found)

    def _all_fit(self, patterns: list, values: list, found: dict) -> bool:
        return all(self._fits(part, item, found) for part, item in zip(patterns, values))
