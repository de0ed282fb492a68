"""What MinPy writes for TensorBoard, read back by TensorBoard's own reader."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

import minpy.numpy as np
from minpy.visualization import summaryOps
from minpy.visualization.writer import LegacySummaryWriter, SummaryWriter


def read(folder):
    reader = EventAccumulator(str(folder), {"scalars": 0, "images": 0, "tensors": 0})
    reader.Reload()
    return reader


def tensors(folder, tag):
    return {event.step: make_ndarray(event.tensor_proto) for event in read(folder).Tensors(tag)}


@pytest.mark.parametrize("writer_class", [SummaryWriter, LegacySummaryWriter])
def test_scalars_as_the_documentation_writes_them(tmp_path, writer_class):
    losses = [2, 1.5, numpy.float32(0.75), np.array([0.5]), np.sum(np.ones(3)), numpy.array([[0.25]]), True]
    train_writer = writer_class(str(tmp_path / "LR_log") + "/train")
    for i, loss in enumerate(losses):
        summary1 = summaryOps.scalarSummary("loss", loss)
        train_writer.add_summary(summary1, i)
    train_writer.close()
    scalars = read(tmp_path / "LR_log" / "train").Scalars("loss")
    assert [(s.step, s.value) for s in scalars] == list(enumerate([2, 1.5, 0.75, 0.5, 3, 0.25, 1]))


def test_a_scalar_is_one_number():
    with pytest.raises(ValueError, match=r"'loss' is one number at each step, not an array of shape \(2,\)"):
        summaryOps.scalarSummary("loss", np.ones(2))


def test_histograms(tmp_path):
    values = numpy.random.randn(50, 40)
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("w", np.array(values), 3, buckets=8)
        writer.add_histogram("w", [1.0, float("nan"), 2.0, float("inf")], 4, buckets=2)
        writer.add_histogram("w", np.zeros((0, 3)), 5)
    found = tensors(tmp_path, "w")
    counts, edges = numpy.histogram(values, 8)
    numpy.testing.assert_array_equal(found[3][:, 2], counts)
    numpy.testing.assert_allclose(found[3][:, 0], edges[:-1], rtol=1e-12)
    numpy.testing.assert_array_equal(found[4], [[1, 1.5, 1], [1.5, 2, 1]])
    assert found[5][:, 2].sum() == 0


def pixels(folder, tag):
    (event,) = read(folder).Images(tag)
    return numpy.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


def test_images(tmp_path):
    colours = numpy.arange(3 * 4 * 5, dtype="uint8").reshape(3, 4, 5)
    grey = numpy.array([[0.0, 0.5], [1.0, 2.0], [-1.0, float("nan")]])
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("chw", np.array(colours), 1)
        writer.add_image("hwc", colours.transpose(1, 2, 0), 1, dataformats="HWC")
        writer.add_image("batch", colours[:, None].astype("int64"), 1, dataformats="NCHW")
        writer.add_image("grey", np.array(grey), 1, dataformats="HW")
    for tag in ("chw", "hwc"):
        numpy.testing.assert_array_equal(pixels(tmp_path, tag), colours.transpose(1, 2, 0))
    for number in range(3):
        numpy.testing.assert_array_equal(pixels(tmp_path, f"batch/{number}"), colours[number])
    numpy.testing.assert_array_equal(pixels(tmp_path, "grey"), [[0, 128], [255, 255], [0, 0]])


@pytest.mark.parametrize(
    ("image", "dataformats", "error"),
    [
        (numpy.zeros((4, 5)), "CHW", "does not have the dimensions CHW"),
        (numpy.zeros((32, 31, 3)), "CHW", "31 x 3 pixels of 32 channels as CHW; an image has 1, 3 or 4"),
        (numpy.zeros((4, 5, 2)), "HWC", "an image has 1, 3 or 4 channels"),
        (numpy.full((4, 5), 256), "HW", "integers from 256 to 256; those of an image are from 0 to 255"),
        (numpy.zeros((4, 5)), "WH", "dataformats is one of HW, HWC"),
    ],
)
def test_what_is_no_image(image, dataformats, error):
    with pytest.raises(ValueError, match=error):
        summaryOps.imageSummary("picture", image, dataformats)


def test_texts(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("notes", "a **bold** word", 7)
    assert tensors(tmp_path, "notes")[7].item() == b"a **bold** word"


def test_flush_and_close(tmp_path):
    writer = SummaryWriter(tmp_path)
    assert writer.get_logdir() == str(tmp_path)
    writer.add_scalar("loss", 1.0, 0)
    writer.flush()
    assert len(read(tmp_path).Scalars("loss")) == 1
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="is closed"):
        writer.add_scalar("loss", 1.0, 1)


def test_what_is_not_closed_is_written_when_the_program_ends(tmp_path):
    program = (
        "from minpy.visualization.writer import SummaryWriter\n"
        f"writer = SummaryWriter({str(tmp_path)!r})\n"
        "for i in range(30):\n    writer.add_scalar('loss', i, i)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert [s.value for s in read(tmp_path).Scalars("loss")] == list(range(30))


def test_without_the_library_the_extra_is_named():
    program = (
        "import sys\n"
        "sys.modules['tensorboard'] = None\n"
        "import minpy.errors\n"
        "try:\n    from minpy.visualization.writer import SummaryWriter\n"
        "except minpy.errors.MissingExtraError as error:\n    print(isinstance(error, ImportError), error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.startswith("True Writing for TensorBoard needs the package tensorboard")
    assert "pip install 'minpy[tensorboard]'" in run.stdout
