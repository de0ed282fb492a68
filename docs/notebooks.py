"""Pages as notebooks: programs become cells, and the texts below them the outputs of these cells.

``python docs/notebooks.py`` writes them beside their pages, for Jupyter. The documentation has them for
download: MkDocs calls ``on_files`` (see ``hooks`` in mkdocs.yml).
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

DOCS = Path(__file__).resolve().parent
#: a program, and the output below it, if there is one
PROGRAM = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
#: the pages that are notebooks too
PAGES = [
    "tutorials/logistic_regression",
    "tutorials/numpy_under_minpy",
    "tutorials/autograd",
    "tutorials/transparent_fallback",
    "tutorials/solver_guide",
    "tutorials/rnn_mnist",
    "tutorials/pitfalls",
    "tutorials/tensorboard_solver",
    "tensorboard",
]


def notebook(text: str) -> nbformat.NotebookNode:
    """The notebook of a page, given its text in Markdown."""
    v4, cells, end = nbformat.v4, [], 0

    def between(stop: int | None) -> None:
        if words := text[end:stop].strip():
            cells.append(v4.new_markdown_cell(words))

    for match in PROGRAM.finditer(text):
        between(match.start())
        end = match.end()
        program, output = match.groups()
        outputs = [v4.new_output("stream", text=output)] if output else []
        cells.append(v4.new_code_cell(program.rstrip(), outputs=outputs))
    between(None)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # not a random one: the same page gives the same file
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": python})


def on_files(files, config):
    """MkDocs: the notebooks are files of the site, beside their pages."""
    from mkdocs.structure.files import File

    for page in PAGES:
        content = nbformat.writes(notebook((DOCS / f"{page}.md").read_text("utf-8")))
        files.append(File.generated(config, f"{page}.ipynb", content=content))
    return files


if __name__ == "__main__":
    for page in PAGES:
        target = DOCS / f"{page}.ipynb"
        nbformat.write(notebook((DOCS / f"{page}.md").read_text("utf-8")), target)
        print(target)
