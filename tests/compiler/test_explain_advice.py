"""Every reason for which the compiler leaves something to Python comes with advice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import minpy
import minpy.numpy as np
from minpy.compiler.explain.advice import ADVICE, ANY_REASON, advice, advice_on_change
from minpy.compiler.guards import _CONDITIONS
from minpy.compiler.notes import Change

ROOT = Path(minpy.__file__).parent
FOLDERS = ("compiler", "core", "numpy", "ops")


def text_of(node):
    """A message as it could look: "name" where something is filled in; None where it is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "name" for part in node.values)
    return None


def reasons():
    """(file and line, text) of each reason in the source of MinPy."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            # The errors of explain are for the person who asked, those of kernels for the compiler itself.
            if {"explain", "codegen", "kernels.py"} & set(path.relative_to(ROOT).parts):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                for message in _messages(node):
                    text = text_of(message)
                    if text not in (None, "name", "name: name"):  # these pass on another reason
                        yield f"{path.name}:{node.lineno}", text


def _messages(node):
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("UnsupportedError", "KeptOut"):
        yield from node.args[:1]
    if isinstance(node, ast.Assign) and any(
        getattr(t, "attr", "") == "__minpy_opaque__" for t in node.targets
    ):
        yield node.value


REASONS = list(reasons())


def test_reasons_are_found():
    assert len(REASONS) > 60
    assert any("has to happen on every call" in text for _, text in REASONS)


def test_each_kind_of_reason_has_advice_of_its_own():
    general = [f"{place}: {reason}" for place, reason in REASONS if advice(reason) == ANY_REASON]
    assert len(general) <= 0.1 * len(REASONS), "give these a row in explain/advice.py:\n" + "\n".join(general)


def test_rows_are_sentences_without_a_period():
    for row in ADVICE:
        assert row.advice[0].islower() and row.advice[-1] not in ".!", row


def test_advice_depends_on_the_statement():
    reason = "the test depends on array data"
    texts = {
        advice(reason, line)
        for line in ("if x > 1:", "    while x > 1:", "assert x > 1", "y = 1 if x else 2")
    }
    assert len(texts) == 3 and "np.where" in advice(reason, "if x > 1:")


@pytest.mark.parametrize("kind", _CONDITIONS)
def test_each_kind_of_guard_has_advice(kind):
    assert advice_on_change(Change("x", kind, "1", "2", None))


@pytest.mark.parametrize(
    ("advised", "plain"),
    [
        (lambda x: np.where(np.sum(x) > 1, x - 1, x + 1), lambda x: x - 1 if np.sum(x) > 1 else x + 1),
        (lambda x: np.sum(np.where(x > 1, x, 0)), lambda x: np.sum(x[x > 1])),
        (lambda x: np.dot(x.copy().reshape(3, 2), x), lambda x: np.dot(x.reshape(3, 2), x)),
    ],
)
def test_following_the_advice_compiles_and_gives_the_same(advised, plain):
    x = np.arange(6.0).reshape(2, 3)
    compiled = minpy.jit(advised)
    assert np.allclose(compiled(x), plain(x))
    assert not minpy.explain(compiled).leftovers
