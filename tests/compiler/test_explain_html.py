"""The page of an explanation: complete, well formed, and of nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.explain.highlight import highlighted
from minpy.core import grad_and_loss

X = np.array(numpy.arange(6, dtype="float32").reshape(2, 3))
_ALONE = frozenset(("meta", "path", "rect", "circle", "br"))


class Checker(HTMLParser):
    """Checks that elements are closed in order; collects the text and the tags."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend(attributes)
        if tag not in _ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def helper(x):
    return np.tanh(x) * (x < 2)


@minpy.jit
def explained(x, label="<b>&amp;"):
    """A docstring, over
    two lines."""
    y = helper(x)  # a comment with <tags>
    print(end="")
    if np.sum(y) > 1e9:
        y = y - 1
    return np.sum(y)


@pytest.fixture
def found():
    for _ in range(3):
        explained(X)
    grad_and_loss(explained)(X)
    return minpy.explain(explained)


def test_page_shows_everything_and_loads_nothing(found, tmp_path):
    found.save_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    page = Checker(text)
    for line in found.lines:
        assert line.text in page.text
    for leftover in found.leftovers:
        assert leftover.reason in page.text and leftover.fix in page.text
    assert found.verdict in page.text and "helper" in page.text
    assert page.tags.count("svg") == sum(len(region.versions) for region in found.regions)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in page.attributes}
    assert "url(" not in text and "@import" not in text and "http" not in text
    for color in re.findall(r"var\((--[\w-]+)\)", text):
        assert text.count(f"{color}:") >= 2, f"{color} is not defined for light and dark"


def test_saved_whole_or_not_at_all(found, tmp_path):
    path = tmp_path / "page.html"
    found.save_html(str(path))
    link = tmp_path / "link.html"
    link.symlink_to(path)
    first = path.read_text("utf-8")
    minpy.explain(minpy.jit(lambda x: x)).save_html(link)
    assert link.is_symlink() and path.read_text("utf-8") != first
    with pytest.raises(OSError, match="missing"):
        found.save_html(tmp_path / "missing" / "page.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.html", "page.html"]


def test_in_a_notebook_it_is_a_part_of_a_page(found):
    text = found._repr_html_()
    Checker(text)
    assert text.startswith('<div class="minpy">') and text.endswith("</div>")


def test_without_source_and_not_called():
    for function in (minpy.jit(numpy.tanh), minpy.jit(lambda x: x + 1)):
        Checker(minpy.explain(function)._repr_html_())


@pytest.mark.parametrize(
    "source",
    [
        "x = \"a\" + '<b>'  # no & yes",
        '"""one\ntwo"""\nreturn 1.5',
        "f = map(lambda x: x,",
        "if x:\n    y = f'{x}'",
    ],
)
def test_highlighting_changes_no_text(source):
    lines = ["    " + line for line in source.split("\n")]
    pieces = highlighted(lines)
    for line, piece in zip(lines, pieces):
        assert Checker(piece).text == line
    assert highlighted(["return 12"]) == [
        '<span class="keyword">return</span> <span class="number-literal">12</span>'
    ]
