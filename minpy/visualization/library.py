"""TensorBoard's own library: its records, and the writer of its files. Only this file imports it."""

from __future__ import annotations

from minpy.errors import MissingExtraError

try:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.tensorflow_stub.dtypes import as_dtype
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
except ImportError as error:
    raise MissingExtraError("Writing for TensorBoard", "tensorboard", "tensorboard") from error

__all__ = [
    "AttrValue",
    "Event",
    "EventFileWriter",
    "GraphDef",
    "NodeDef",
    "Summary",
    "TensorShapeProto",
    "as_dtype",
    "histogram_pb",
    "text_pb",
]
