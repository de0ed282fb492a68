"""Batches from arrays and files: MinPy's own iterators, and MXNet's with MinPy's arrays in the batches."""

from __future__ import annotations

from minpy.io.files import (
    CSVIter,
    ImageDetRecordIter,
    ImageRecordInt8Iter,
    ImageRecordIter,
    ImageRecordUInt8Iter,
    LibSVMIter,
    MNISTIter,
)
from minpy.io.resize import ResizeIter
from minpy.nn.io import DataBatch, DataIter, NDArrayIter, PrefetchingIter

__all__ = [
    "CSVIter",
    "DataBatch",
    "DataIter",
    "ImageDetRecordIter",
    "ImageRecordInt8Iter",
    "ImageRecordIter",
    "ImageRecordUInt8Iter",
    "LibSVMIter",
    "MNISTIter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
]
