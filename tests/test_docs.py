"""The programs in the documentation run, and print what stands below them; so do the notebooks made of it."""

from __future__ import annotations

import copy
import linecache
import runpy
import textwrap
from pathlib import Path

import nbclient
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTEBOOKS = runpy.run_path(str(DOCS / "notebooks.py"))
PAGES = [
    page
    for page in sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    if page[:-3] not in NOTEBOOKS["PAGES"]
    if "```python" in (DOCS / page).read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES)
def test_programs_of_a_page(page, capsys):
    namespace: dict = {}
    for number, (program, output) in enumerate(
        NOTEBOOKS["PROGRAM"].findall((DOCS / page).read_text("utf-8"))
    ):
        name, program = f"<{page} {number}>", textwrap.dedent(program)  # one in a list is indented
        linecache.cache[name] = (len(program), None, program.splitlines(keepends=True), name)
        exec(compile(program, name, "exec"), namespace)
        printed = capsys.readouterr().out
        if output:
            assert printed == output


@pytest.mark.parametrize("page", NOTEBOOKS["PAGES"])
def test_notebook_of_a_page(page):
    expected = NOTEBOOKS["notebook"]((DOCS / f"{page}.md").read_text("utf-8"))
    client = nbclient.NotebookClient(copy.deepcopy(expected), resources={"metadata": {"path": str(ROOT)}})
    for cell, ran in zip(expected.cells, client.execute().cells):
        if cell.cell_type == "code":
            assert {output.name for output in ran.outputs} <= {"stdout"}, ran.outputs
            if cell.outputs:
                assert "".join(output.text for output in ran.outputs) == cell.outputs[0].text
