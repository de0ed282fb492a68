"""What the README says is true: its programs, its table, its picture and its links."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

import minpy
from benchmarks import readme

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_program(tmp_path, capsys):
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line]) <= 15
    (tmp_path / "program.py").write_text(program)
    names = runpy.run_path(str(tmp_path / "program.py"))
    assert capsys.readouterr().out.startswith("loss: everything is compiled")
    assert float(names["value"]) < float(
        minpy.eager(names["loss"])(0 * names["w"], names["x"], names["label"])
    )


def test_two_commands():
    """A newcomer types no more than these two."""
    start = TEXT[TEXT.index("## Quick start") : TEXT.index("## Install")]
    (commands,) = re.findall(r"```console\n(.*?)```", start, re.DOTALL)
    assert commands == "make demo\nmake test\n"
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)


def test_table_is_that_of_the_benchmarks():
    head, table, rest = readme.parts(TEXT)
    assert head and rest
    assert table == readme.summary((ROOT / "docs/benchmarks.md").read_text("utf-8"))


def test_picture_shows_what_explain_says():
    """But for times, which are another machine's."""
    picture = (ROOT / "docs/images/explain.svg").read_text("utf-8")
    found = {}
    for line, text in re.findall(r'clip-path="url\(#explain-line-(\d+)\)">(.*?)</text>', picture):
        found[int(line)] = found.get(int(line), "") + html.unescape(text)
    drawing = runpy.run_path(str(ROOT / "docs/images/explain.py"))
    # Spaces are missing where a style begins.
    expected = ["".join(line.split()) for line in [drawing["COMMAND"], *drawing["listing"]().splitlines()]]
    shown = ["".join(found.get(number, "").split()) for number in range(len(expected))]
    assert shown[0] == expected[0] and shown[3:] == expected[3:]
    numbers = r"\d[\d.]*([mu]?s)?"
    assert [re.sub(numbers, "N", line) for line in shown[1:3]] == [
        re.sub(numbers, "N", line) for line in expected[1:3]
    ]


def test_page_about_explain_shows_it_too():
    page = (ROOT / "docs/explain.md").read_text("utf-8")
    (shown,) = re.findall(r"prints:\n\n```text\n(.*?)```", page, re.DOTALL)
    listing = runpy.run_path(str(ROOT / "docs/images/explain.py"))["listing"]()
    assert shown.splitlines()[2:] == listing.splitlines()[2:]  # above are times


def test_links():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target
