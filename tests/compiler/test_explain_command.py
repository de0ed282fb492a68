"""``python -m minpy explain script.py`` runs a script and reports its jitted functions."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from minpy.__main__ import main

SCRIPT = """
import sys
import minpy
import minpy.numpy as np

@minpy.jit
def loss(x):
    print("in loss")
    return np.sum(x * 2)

class Model:
    @minpy.jit
    def forward(self, x):
        return np.tanh(x)

def plain(x):
    return x

def scaled(k):
    return minpy.jit(lambda x: x * k)

print("arguments", sys.argv[1:])
loss(np.ones(3))
Model().forward(np.ones(3))
for k in (1.0, 2.0):
    scaled(k)(np.ones(3))
assert __name__ == "__main__"
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return str(path)


def test_reports_all_functions(script, capsys):
    assert main(["explain", script, "--json", "7"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("arguments ['--json', '7']\nin loss\n")
    heads = [line for line in printed.splitlines() if "of the run time compiled" in line]
    assert [head.split(":")[0] for head in heads] == ["loss", "Model.forward", "scaled.<locals>.<lambda>"]
    assert "left to Python: print has to happen" in printed


@pytest.mark.parametrize("name", ["forward", "Model.forward"])
def test_reports_one_function(script, name, capsys):
    assert main(["explain", f"{script}:{name}"]) == 0
    printed = capsys.readouterr().out
    assert "return np.tanh(x)" in printed and "loss:" not in printed


def test_json_is_alone_on_stdout(script, capsys):
    assert main(["explain", "--json", script]) == 0
    captured = capsys.readouterr()
    names = [report["name"] for report in json.loads(captured.out)]
    assert names == ["loss", "Model.forward", "scaled.<locals>.<lambda>"]
    assert "in loss" in captured.err


def test_page(script, tmp_path, capsys):
    target = tmp_path / "page.html"
    assert main(["explain", "--html", str(target), script]) == 0
    text = target.read_text("utf-8")
    assert text.count("<h1>") == 3 and "<h1>Model.forward</h1>" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "script.py"]
    capsys.readouterr()
    assert main(["explain", "--html", str(tmp_path / "no" / "page.html"), script]) == 2
    assert "the page cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("missing.py", "there is no file missing.py"),
        ("{script}:nothing", "jits no function 'nothing'; it jits loss, Model.forward"),
        ("{script}:plain", "plain is in {script}, but not jitted; put @minpy.jit above it"),
    ],
)
def test_wrong_commands(script, target, text, capsys):
    assert main(["explain", target.format(script=script)]) == 2
    assert text.format(script=script) in capsys.readouterr().err


def test_script_without_jitted_functions(tmp_path, capsys):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    assert main(["explain", str(path)]) == 2
    assert "jits no function" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("end", "status"),
    [("raise ValueError('no')", 1), ("sys.exit(3)", 3), ("sys.exit('bad')", 1), ("sys.exit()", 0)],
)
def test_what_was_compiled_before_the_script_failed(tmp_path, end, status, capsys):
    path = tmp_path / "failing.py"
    path.write_text(f"{SCRIPT}\n{end}\n")
    assert main(["explain", f"{path}:loss"]) == status
    captured = capsys.readouterr()
    assert "of the run time compiled" in captured.out
    if "ValueError" in end:
        last = SCRIPT.count("\n") + 2
        assert captured.err.startswith(f'Traceback (most recent call last):\n  File "{path}", line {last}')


def test_as_a_command(script):
    command = [sys.executable, "-m", "minpy", "explain", f"{script}:loss"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "in loss" in done.stdout and "region 1" in done.stdout
