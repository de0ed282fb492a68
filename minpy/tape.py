"""The tape of eager mode."""

from __future__ import annotations

from minpy.runtime.tape import Tape, is_recording, recording

__all__ = ["Tape", "is_recording", "recording"]
