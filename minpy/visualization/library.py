"""TensorBoard's own library: its records, and the writer of its files. Only this file imports it."""

from __future__ import annotations

from minpy.errors import MissingExtraError

try:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
except ImportError as error:
    raise MissingExtraError("Writing for TensorBoard", "tensorboard", "tensorboard") from error

__all__ = ["Event", "EventFileWriter", "Summary", "histogram_pb", "text_pb"]
