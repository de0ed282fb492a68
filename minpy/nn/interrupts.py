"""Ctrl-C between two steps, never within one."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupts:
    """``with Interrupts() as interrupts:`` lets the first Ctrl-C wait for ``interrupts.check()``.

    A second one interrupts at once. Only in the main thread, and where Ctrl-C raises KeyboardInterrupt
    anyway.

    Attributes:
        is_waiting: whether there was one.
    """

    def __init__(self) -> None:
        self.is_waiting = False
        self._is_ours = False

    def __enter__(self) -> Interrupts:
        self._is_ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._is_ours:
            signal.signal(signal.SIGINT, self._caught)
        return self

    def _caught(self, number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.is_waiting = True

    def check(self) -> None:
        """Raise KeyboardInterrupt where one is waiting."""
        if self.is_waiting:
            self.is_waiting = False
            raise KeyboardInterrupt

    def __exit__(self, *exc_info: Any) -> None:
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
