"""Draws explain.svg, what ``explain`` says of the program on its page: ``python docs/images/explain.py``."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

import minpy

HERE = Path(__file__).parent
COMMAND = "$ python -m minpy explain train.py"
STYLES = {
    r"\d[\d,]*": "bold green",
    "flow": "bold yellow",
    r"(\d+,)+(py|flow)": "bold yellow",
    "py": "bold red",
}


def listing() -> str:
    """The lines of source with their marks and reasons, and what stands above them."""
    page = (HERE.parent / "explain.md").read_text("utf-8")
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert program
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        Path(folder, "train.py").write_text(program[1], "utf-8")
        os.chdir(folder)
        try:
            said = str(minpy.explain(runpy.run_path("train.py")["loss"]))
        finally:
            os.chdir(before)
    share, *lines = said.split("\n\nregion 1")[0].splitlines()
    return "\n".join([share.split(";")[0], *lines])  # without the advice, which depends on the times


def coloured(line: str) -> Text:
    """A line of ``explain``: its mark, the source, or a reason."""
    head, bar, source = line.partition(" | ")
    if not bar:
        return Text(line, "bold" if line.startswith("loss") else "dim")
    text = Text(head)
    for pattern, style in STYLES.items():
        found = re.search(rf"(?<= ){pattern}$", head)
        if found and len(head) > 6:
            text.stylize(style, found.start())
    reason = source.lstrip().startswith(("^", "to compile it"))
    return text + Text(bar, "dim") + Text(source, "yellow" if reason else "")


def draw() -> str:
    """The picture, as text in SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=96, file=io.StringIO())
    console.print(COMMAND, style="bold", highlight=False)
    for line in listing().splitlines():
        console.print(coloured(line), soft_wrap=True)
    code = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="minpy.explain", code_format=code, unique_id="explain")


if __name__ == "__main__":
    (HERE / "explain.svg").write_text(draw(), "utf-8")
