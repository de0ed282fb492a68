"""The random numbers of a training run: of the global generators of NumPy and Python."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy


class Randomness:
    """``with randomness:`` the global generators are those of a run.

    With a seed they have a state of their own, so that nothing that is drawn elsewhere changes the run, and
    are put back afterwards. Without one they stay as they are.
    """

    def __init__(self, seed: int | None):
        self.seed = seed
        self._own: dict[str, Any] | None = None  # the state of the run, while others use the generators
        self._outer: dict[str, Any] | None = None  # and theirs, while the run does

    def start(self) -> None:
        """Begin the numbers of the seed."""
        if self.seed is not None:
            outer = _state()
            random.seed(int(self.seed))
            numpy.random.seed(self.seed)
            self._own = _state()
            _set_state(outer)

    def __enter__(self) -> Randomness:
        if self._own is not None:
            self._outer = _state()
            _set_state(self._own)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if self._outer is not None:
            self._own = _state()
            _set_state(self._outer)
            self._outer = None

    @contextmanager
    def undone_if_it_fails(self) -> Iterator[None]:
        """``with randomness.undone_if_it_fails():`` what it drew is drawn again after an error."""
        before = _state()
        try:
            yield
        except BaseException:
            _set_state(before)
            raise

    def state(self) -> dict[str, Any]:
        """The state of the generators, as arrays and numbers."""
        is_away = self._own is not None and self._outer is None
        return self._own if is_away else _state()  # type: ignore[return-value]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``, from the next ``with`` on where there is a seed."""
        if self.seed is None:
            _set_state(state)
        else:
            self._own = dict(state)


def _state() -> dict[str, Any]:
    version, numbers, gauss = random.getstate()
    return {
        "numpy": numpy.random.get_state(legacy=False),
        "python": {"version": version, "numbers": numpy.array(numbers, "uint64"), "gauss": gauss},
    }


def _set_state(state: Mapping[str, Any]) -> None:
    numpy.random.set_state(state["numpy"])
    python = state["python"]
    random.setstate((python["version"], tuple(python["numbers"].tolist()), python["gauss"]))
