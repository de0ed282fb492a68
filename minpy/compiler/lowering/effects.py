"""What a region does to objects from outside, and what they hold for the rest of it.

A write goes into a log, which the code behind the graph repeats on the objects in the same order. Until
then the objects are as they were, so reads in the region look first at what was written. Which names lead
to one object, and which do not, is guarded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Callable

from minpy.compiler.guards import Guards, Others
from minpy.compiler.paths import Path
from minpy.compiler.reals import Deferred
from minpy.errors import UnsupportedError

#: an attribute that was deleted
REMOVED: Any = type("_Removed", (), {})()
#: the content of a container that the region does not look into
_UNKNOWN: Any = type("_Unknown", (), {})()
#: an element that nobody has read yet
_UNREAD: Any = type("_Unread", (), {})()


class Changed:
    """A number, found at ``path``, that was changed without being read."""

    __slots__ = ("path",)

    def __init__(self, path: Path):
        self.path = path


class Effect:
    """One change of an object.

    Attributes:
        kind: one of those below.
        target: the object, as a Ref.
        key: the attribute, the key, or the method.
        args: abstract values that are set or passed.
        step: the statement of the block that does it.
    """

    SET_ATTRIBUTE, SET_ITEM, CALL = "{0}.{1} = {2}", "{0}[{1}] = {2}", "{0}.{1}({2})"
    DELETE_ATTRIBUTE, DELETE_ITEM = "del {0}.{1}", "del {0}[{1}]"
    CHANGE_ATTRIBUTE, CHANGE_ITEM = "{0}.{1} {2}= {3}", "{0}[{1}] {2}= {3}"
    OF_ITEMS, OF_NUMBERS = (SET_ITEM, DELETE_ITEM, CHANGE_ITEM), (CHANGE_ATTRIBUTE, CHANGE_ITEM)

    __slots__ = ("args", "key", "kind", "step", "target")

    def __init__(self, kind: str, target: Any, key: Any, args: list, step: int):
        self.kind = kind
        self.target = target
        self.key = key
        self.args = args
        self.step = step


class Effects:
    """The log, and what it means for reads.

    Args:
        step: gives the number of the statement that is being lowered.
    """

    def __init__(self, guards: Guards, step: Callable[[], int]):
        self.guards = guards
        self.log: list[Effect] = []
        self._step = step
        self._attributes: dict[int, dict[str, Any]] = {}
        self._contents: dict[int, Any] = {}
        self._last: dict[int, dict[Any, Effect]] = {}  # what was set last, by object and slot
        self._seen: dict[int, tuple[Any, dict[Path, None]]] = {}  # objects that were read, with their paths
        self._written: dict[int, None] = {}

    def see(self, ref: Any) -> None:
        """Something of the object is read or written.

        Raises:
            UnsupportedError: where attributes of an object are read or written as those, and in its
                ``__dict__``, too. The log knows them by one of the two.
        """
        own = _variables(ref.value)
        for name in self._written if own is not None else ():
            if name != id(ref.value) and _variables(self._seen[name][0]) is own:
                raise UnsupportedError(f"{ref.path} is read after its attributes were written in another way")
        self._seen.setdefault(id(ref.value), (ref.value, {}))[1][ref.path] = None

    def note(self, kind: str, ref: Any, key: Any, *args: Any) -> None:
        """Put a change into the log."""
        self.see(ref)
        self._written[id(ref.value)] = None
        effect = Effect(kind, ref, key, list(args), self._step())
        if kind in (Effect.SET_ATTRIBUTE, Effect.SET_ITEM) and not isinstance(key, Deferred):
            known = self._last.setdefault(id(ref.value), {}).setdefault((kind, key), effect)
            if known is not effect:  # only the last value of a slot matters, in the place of the first
                known.args, known.step = effect.args, effect.step
                return
        else:
            self._last.pop(id(ref.value), None)
        self.log.append(effect)

    def attributes(self, ref: Any) -> dict[str, Any]:
        """The attributes of an object that were written; those deleted are REMOVED."""
        return self._attributes.setdefault(id(ref.value), {})

    def written_attributes(self, ref: Any) -> dict[str, Any]:
        """The same for reading."""
        return self.written_attributes_of(ref.value)

    def written_attributes_of(self, obj: Any) -> dict[str, Any]:
        """The same for the object itself."""
        return self._attributes.get(id(obj), {})

    def content(self, ref: Any) -> DictContent | ListContent | None:
        """The content of a container that was written; None where it is as it was.

        Raises:
            UnsupportedError: where it is not known.
        """
        content = self._contents.get(id(ref.value))
        if content is _UNKNOWN:
            raise UnsupportedError(f"{ref.path} is read after it was changed")
        return content

    def keep_content(self, ref: Any, content: DictContent | ListContent | None) -> None:
        """The container is written from now on; None where it is not known what it holds then."""
        self._contents[id(ref.value)] = _UNKNOWN if content is None else content

    def forget(self) -> None:
        """Let go of the objects."""
        self._attributes, self._contents, self._last, self._seen = {}, {}, {}, {}

    def finish(self) -> None:
        """At the end of the region: guard which paths lead to the same object and which do not."""
        for kind in {type(self._seen[name][0]) for name in self._written}:
            alike = [list(paths) for obj, paths in self._seen.values() if type(obj) is kind]
            self.guards.tell_apart(alike)
        held = {obj_id: list(_paths_of_variables(*seen)) for obj_id, seen in self._seen.items()}
        for name in self._written:
            written = self._seen[name][0]
            is_dict = type(written) is dict  # dicts are told apart already
            others = [
                path
                for other, (obj, _) in self._seen.items()
                if not (is_dict and type(obj) is dict)
                and _variables(obj) is not _variables(written)  # or it was read before the write, see ``see``
                for path in held[other]
            ]
            if held[name] and others:
                self.guards.add(held[name][0], "apart", Others(tuple(others)))


def _variables(obj: Any) -> dict | None:
    """A dict, or the one that the attributes of an object are in."""
    return obj if type(obj) is dict else obj.__dict__ if type(obj).__dictoffset__ else None


def _paths_of_variables(obj: Any, paths: Iterable[Path]) -> Iterator[Path]:
    """Where the dict of an object's attributes is, or the dict itself."""
    if type(obj) is dict:
        yield from paths
    elif _variables(obj) is not None and not isinstance(obj, type):  # a class gives another view each time
        yield from (path.attribute("__dict__") for path in paths)


class _Content:
    """A container from outside that the region writes.

    From the first write at a key that is known at run time only, writes are kept in order, and a read goes
    through them: what it depends on is which keys are the same.

    Args:
        read: key or position -> the abstract value that stood there at the beginning.
        length: how long it was at the beginning; guards it.
        is_same: whether two keys are the same; guards it.
    """

    def __init__(
        self,
        read: Callable[[Any], Any],
        length: Callable[[], Any],
        is_same: Callable[[Any, Any], bool],
    ):
        self._read = read
        self._length = length
        self._is_same = is_same
        self._open: Deferred | None = None
        self._later: list[tuple[Any, Any]] = []

    def set_later(self, key: Any, value: Any) -> bool:
        """Keep a write at a key, if it or one before is known at run time only; says whether it does."""
        if self._open is None:
            if not isinstance(key, Deferred):
                return False
            self._open = key
        self._later.append((key, value))
        return True

    def find(self, key: Any) -> Any:
        """What was set at a key since the first such write; REMOVED where nothing was."""
        written = (value for other, value in reversed(self._later) if self._is_same(other, key))
        return next(written, REMOVED)

    def _know_all(self) -> None:
        """All of the container is needed, so it has to be known what was set where."""
        if self._open is not None:
            self._open.pin()


class DictContent(_Content):
    """A dict from outside that the region writes.

    Args:
        has: whether a key was there at the beginning; guards it.
        keys: all keys that were there at the beginning; guards them.
    """

    def __init__(
        self,
        read: Callable[[Any], Any],
        length: Callable[[], Any],
        is_same: Callable[[Any, Any], bool],
        has: Callable[[Any], bool],
        keys: Callable[[], list],
    ):
        super().__init__(read, length, is_same)
        self._has = has
        self._keys = keys
        self._items: dict | None = None  # all of it, once that is known
        self._set: dict = {}  # what was set before that; REMOVED for what was deleted

    @property
    def items(self) -> dict:
        """All keys; values may be unread."""
        self._know_all()
        if self._items is None:
            items = dict.fromkeys(self._keys(), _UNREAD)
            for key, value in self._set.items():
                items[key] = value
                if value is REMOVED:
                    del items[key]
            self._items = items
        return self._items

    def __contains__(self, key: Any) -> bool:
        return self.find(key) is not REMOVED or self._held(key)

    def _held(self, key: Any) -> bool:
        """Whether a key is there, if nothing was set later."""
        known = self._set if self._items is None else self._items
        if isinstance(key, Deferred):
            key = next((other for other in known if self._is_same(other, key)), key)
        if self._items is not None:
            return key in self._items
        return self._set[key] is not REMOVED if key in self._set else self._has(key)

    def __getitem__(self, key: Any) -> Any:
        later = self.find(key)
        if later is not REMOVED:
            return later
        if not self._held(key):
            raise KeyError(key)
        held = self._set if self._items is None else self._items
        if held.get(key, _UNREAD) is _UNREAD:
            held[key] = self._read(key)
        return held[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.set_later(key, value):
            return
        if self._items is None and self._set.get(key) is REMOVED:
            self.items  # noqa: B018  # the key goes to the end, so the others have to be known
        (self._set if self._items is None else self._items)[key] = value

    def __delitem__(self, key: Any) -> None:
        self._know_all()
        if self._items is None:
            self._set[key] = REMOVED
        else:
            del self._items[key]

    def length(self) -> Any:
        """The number of keys, perhaps known at run time only."""
        if self._items is not None:
            length, changes = len(self._items), []
        else:
            length = self._length()
            changes = [(value is not REMOVED) - self._has(key) for key, value in self._set.items()]
        for position, (key, _) in enumerate(self._later):
            is_again = any(self._is_same(other, key) for other, _ in self._later[:position])
            changes.append(not is_again and not self._held(key))
        return length + sum(changes)

    def clear(self) -> None:
        """As of a dict."""
        self._items, self._open, self._later = {}, None, []


class ListContent(_Content):
    """A list from outside that the region writes."""

    def __init__(
        self, read: Callable[[int], Any], length: Callable[[], Any], is_same: Callable[[Any, Any], bool]
    ):
        super().__init__(read, length, is_same)
        self._known: list | None = None  # all of it, once that is known
        self._added: list = []  # what was appended before that
        self._taken = 0  # elements that were taken from the end before that

    @property
    def items(self) -> list:
        """All elements; those that nobody has read yet are places."""
        self._know_all()
        if self._known is None:
            self._known = [*map(_Place, range(self._length() - self._taken)), *self._added]
        return self._known

    def length(self) -> Any:
        """The number of elements, perhaps known at run time only."""
        if self._known is not None:
            return len(self._known)
        return self._length() + (len(self._added) - self._taken)

    def is_added(self, index: int) -> bool:
        """Whether a position, counted from the end, is that of an element that was appended."""
        return self._known is None and self._open is None and -len(self._added) <= index < 0

    def __contains__(self, index: Any) -> bool:
        """Whether a position is one whose element the region set, appended or moved."""
        if self._known is not None:
            is_one = -len(self._known) <= index < len(self._known)
            return is_one and not isinstance(self._known[index], _Place)
        return self._open is not None or (index < 0 and bool(self._added or self._taken))

    def __getitem__(self, index: int) -> Any:
        self._know_all()
        if self.is_added(index):
            return self._added[index]
        if self._known is None and index < 0:
            return self._read(index + len(self._added) - self._taken)
        value = self.items[index]
        if isinstance(value, _Place):
            value = self.items[index] = self._read(value.position)
        return value

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.set_later(index, value):
            (self._added if self.is_added(index) else self.items)[index] = value

    def __delitem__(self, index: int) -> None:
        """Delete an element that was read before."""
        self._know_all()
        if self.is_added(index):
            del self._added[index]
        elif self._known is None and index == -1:
            self._taken += 1
        else:
            del self.items[index]

    def append(self, value: Any) -> None:
        """As of a list."""
        (self._added if self._known is None else self._known).append(value)


class _Place:
    """Where an element stood at the beginning."""

    __slots__ = ("position",)

    def __init__(self, position: int):
        self.position = position
