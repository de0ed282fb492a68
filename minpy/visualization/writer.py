"""The files that ``tensorboard --logdir`` shows."""

from __future__ import annotations

import os
import time
import weakref
from typing import Any

from minpy.visualization import summaryOps
from minpy.visualization.graphs import graph_of
from minpy.visualization.library import Event, EventFileWriter, Summary


class SummaryWriter:
    """Writes a file for TensorBoard. A thread writes it, so a program hardly waits.

    Use it in ``with``, or ``close`` it. What is still to be written when the program ends is written then.

    Args:
        logdir: the folder; made where it is missing. TensorBoard shows each folder as one *run*.
        max_queue: how many summaries may wait to be written.
        flush_secs: seconds until what was added is in the file.

    Example::

        with SummaryWriter('logs/train') as writer:
            for step in range(100):
                loss = train_step()
                writer.add_scalar('loss', loss, step)
    """

    def __init__(self, logdir: str | os.PathLike[str], max_queue: int = 10, flush_secs: float = 120):
        self.logdir = os.fspath(logdir)
        self._events = EventFileWriter(self.logdir, max_queue, flush_secs)
        self._end = weakref.finalize(self, self._events.close)  # also at the end of the program

    def add_summary(self, summary: Summary, global_step: Any = None) -> None:
        """Write a summary, which a function of ``summaryOps`` makes.

        Args:
            global_step: the place on the horizontal axis, an integer.

        Raises:
            TypeError: for anything else.
            ValueError: the writer is closed.
        """
        if not isinstance(summary, Summary):
            raise TypeError(f"summary is what a function of summaryOps makes, not {summary!r}")
        self._add(summary=summary, step=0 if global_step is None else int(global_step))

    def add_scalar(self, tag: str, scalar: Any, global_step: Any = None) -> None:
        """Write one point of the curve ``tag``: ``summaryOps.scalarSummary``."""
        self.add_summary(summaryOps.scalarSummary(tag, scalar), global_step)

    def add_histogram(
        self, tag: str, values: Any, global_step: Any = None, buckets: int | None = None
    ) -> None:
        """Write how the elements of an array are distributed: ``summaryOps.histogramSummary``."""
        self.add_summary(summaryOps.histogramSummary(tag, values, buckets), global_step)

    def add_image(self, tag: str, image: Any, global_step: Any = None, dataformats: str = "CHW") -> None:
        """Write an image: ``summaryOps.imageSummary``."""
        self.add_summary(summaryOps.imageSummary(tag, image, dataformats), global_step)

    def add_text(self, tag: str, text: str, global_step: Any = None) -> None:
        """Write a text in Markdown: ``summaryOps.textSummary``."""
        self.add_summary(summaryOps.textSummary(tag, text), global_step)

    def add_graph(self, *functions: Any) -> None:
        """Write the compiled graphs of jitted functions, for TensorBoard's graph tab.

        It shows one picture a folder, so give it all functions at once.

        Args:
            functions: jitted functions that have been called, gradients of them, or what ``minpy.explain``
                gives, which compiles without a call.

        Raises:
            TypeError: for a function that is not jitted.
            ValueError: nothing of a function is compiled.
        """
        self._add(graph_def=graph_of(*functions).SerializeToString())

    def _add(self, **content: Any) -> None:
        if not self._end.alive:
            raise ValueError(f"the writer to {self.logdir} is closed")
        self._events.add_event(Event(wall_time=time.time(), **content))

    def get_logdir(self) -> str:
        """The folder that it writes to."""
        return self.logdir

    def flush(self) -> None:
        """Wait until all that was added is in the file."""
        if self._end.alive:
            self._events.flush()

    def close(self) -> None:
        """Write what is left, and end. Closing again does nothing."""
        self._end()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


#: The name that MinPy 0.3.3 shows in its examples; there were two kinds, and this is both.
LegacySummaryWriter = SummaryWriter
