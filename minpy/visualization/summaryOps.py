"""Summaries: what ``SummaryWriter.add_summary`` writes to a file."""

from __future__ import annotations

import io
from typing import Any

import numpy

from minpy.visualization.library import Summary, histogram_pb, text_pb

#: The order of the dimensions of images: number, channel, height, width.
IMAGE_FORMATS = ("HW", "HWC", "CHW", "NHW", "NHWC", "NCHW")


def scalarSummary(tag: str, scalar: Any) -> Summary:
    """One point of the curve ``tag``.

    Args:
        scalar: a number, or an array of one element, of MinPy or NumPy. TensorBoard keeps float32.

    Raises:
        TypeError: for what is not made of numbers, or a tag that is no text.
        ValueError: for an array that has not one element.
    """
    _check_texts(tag=tag)
    array = _numbers(tag, scalar)
    if array.size != 1:
        raise ValueError(f"{tag!r} is one number at each step, not an array of shape {array.shape}")
    return Summary(value=[Summary.Value(tag=tag, simple_value=float(array.item()))])


def histogramSummary(tag: str, values: Any, buckets: int | None = None) -> Summary:
    """How the elements of an array are distributed, without those that are nan or infinite.

    Args:
        values: an array of numbers, of any shape.
        buckets: how many intervals of equal length; None for TensorBoard's own choice.

    Raises:
        TypeError: for what is not made of numbers, or a tag that is no text.
    """
    _check_texts(tag=tag)
    array = _numbers(tag, values).astype("float64").ravel()
    return histogram_pb(tag, array[numpy.isfinite(array)], buckets)


def imageSummary(tag: str, image: Any, dataformats: str = "CHW") -> Summary:
    """An image, or a batch of them under the tags ``tag/0``, ``tag/1`` and so on.

    Args:
        image: floats from 0 to 1 (what is beyond is cut off), or integers from 0 to 255. One channel is grey,
            3 are red, green and blue, and a fourth is opacity.
        dataformats: the order of its dimensions: 'HW', 'HWC', 'CHW', and the same with 'N' before it.

    Raises:
        TypeError: for what is not made of numbers, or a tag that is no text.
        ValueError: for another shape, integers beyond 255, or an unknown format.
    """
    _check_texts(tag=tag)
    array = _numbers(tag, image)
    if dataformats not in IMAGE_FORMATS:
        raise ValueError(f"dataformats is one of {', '.join(IMAGE_FORMATS)}, not {dataformats!r}")
    if array.ndim != len(dataformats):
        raise ValueError(
            f"{tag!r} of shape {array.shape} does not have the dimensions {dataformats}; say what they are: "
            "dataformats="
        )
    if "N" in dataformats:
        tags = [f"{tag}/{number}" for number in range(len(array))]
        return Summary(value=[_image(*pair, dataformats[1:]) for pair in zip(tags, array)])
    return Summary(value=[_image(tag, array, dataformats)])


def textSummary(tag: str, text: str) -> Summary:
    """A text, which TensorBoard shows as Markdown. Raises TypeError for what is none."""
    _check_texts(tag=tag, text=text)
    return text_pb(tag, text)


def _check_texts(**texts: Any) -> None:
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} is a text, not {text!r}")


def _numbers(tag: str, values: Any) -> numpy.ndarray:
    array = numpy.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{tag!r} is made of real numbers, not of {array.dtype}")
    return array


def _image(tag: str, array: numpy.ndarray, dataformats: str) -> Summary.Value:
    from PIL import Image  # TensorBoard's library brings it; curves do without

    if dataformats == "CHW":
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    height, width, channels = array.shape
    if channels not in (1, 3, 4) or not array.size:
        raise ValueError(
            f"{tag!r} has {height} x {width} pixels of {channels} channels as {dataformats}; an image has "
            "1, 3 or 4 channels. Where the dimensions are in another order, say so: dataformats="
        )
    pixels = _bytes_of(tag, array)
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(file, "png")
    png = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=file.getvalue())
    return Summary.Value(tag=tag, image=png)


def _bytes_of(tag: str, array: numpy.ndarray) -> numpy.ndarray:
    """Its brightness from 0 to 255."""
    if array.dtype.kind == "f":
        return numpy.rint(255 * numpy.clip(numpy.nan_to_num(array), 0, 1)).astype("uint8")
    if array.min() < 0 or array.max() > 255:
        raise ValueError(
            f"{tag!r} has integers from {array.min()} to {array.max()}; those of an image are from 0 to 255"
        )
    return array.astype("uint8")
