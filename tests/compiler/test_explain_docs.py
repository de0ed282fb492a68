"""The program and the marks that docs/explain.md shows are what explain gives."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path

import numpy
import pytest

import minpy
from minpy.__main__ import main

PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text("utf-8")


@pytest.fixture
def blocks():
    return re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


def test_marks_of_the_documented_program(blocks, tmp_path, monkeypatch, capsys):
    program = next(text for kind, text in blocks if kind == "python")
    shown = next(text for kind, text in blocks if kind == "text")
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(program)
    assert main(["explain", "train.py:loss"]) == 0
    printed = capsys.readouterr().out
    marked = [line for line in shown.splitlines() if "|" in line]
    assert len(marked) > 10
    assert "\n".join(marked) in printed
    assert shown.splitlines()[2] in printed  # the meaning of the marks


def test_the_gradient_as_a_program_is_the_one_shown(tmp_path):
    shown = textwrap.dedent(re.search(r"^    ```python\n(.*?)^    ```", PAGE, re.M | re.S)[1])
    lines = ["@minpy.jit", "def loss(w, x):", "    h = np.tanh(np.dot(x, w))", "    return np.sum(h**2)"]
    file = tmp_path / "train.py"
    file.write_text("import minpy\nimport minpy.numpy as np\n\n\n\n" + "\n".join(lines))
    loss = runpy.run_path(str(file))["loss"]
    written = minpy.explain(loss, numpy.ones((4, 3)), numpy.ones((5, 4))).gradient_source
    first, rest = shown.split(' ..."""\n')
    assert first in written and rest in written


def test_the_picture_is_small_and_there():
    picture = Path(__file__).parents[2] / "docs" / re.search(r"\((images/[\w.]+)\)", PAGE)[1]
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size < 200_000
