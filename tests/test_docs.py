"""The programs in the documentation run, and print what stands below them."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
#: a program, and the output below it, if there is one
_BLOCKS = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [
        "io.md",
        "jit.md",
        "model_builder.md",
        "models.md",
        "nn.md",
        "profiling.md",
        "tensorboard.md",
        "training.md",
    ],
)
def test_programs_of_a_page(page, capsys):
    namespace: dict = {}
    blocks = _BLOCKS.findall((DOCS / page).read_text("utf-8"))
    assert blocks
    for number, (program, output) in enumerate(blocks):
        name = f"<{page} {number}>"
        linecache.cache[name] = (len(program), None, program.splitlines(keepends=True), name)
        exec(compile(program, name, "exec"), namespace)
        printed = capsys.readouterr().out
        if output:
            assert printed == output
