"""``python -m minpy info``: what a report of a fault needs."""

from __future__ import annotations

import json
import os
import platform
import runpy
import subprocess
import sys

import numpy
import pytest

import minpy
from minpy.__main__ import main
from minpy.runtime import info


def test_it_says_versions_devices_and_what_is_in_use(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINPY_SOME_SETTING", "7")
    before = minpy.cache_dir()
    minpy.cache_dir(tmp_path)
    try:
        (tmp_path / "entry.json").write_text("x" * 5000)
        assert main(["info", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert main(["info"]) == 0
        text = capsys.readouterr().out
    finally:
        minpy.cache_dir(before)
    assert found["minpy"] == minpy.__version__
    assert found["python"] == platform.python_version()
    assert found["libraries"]["numpy"] == numpy.__version__
    assert found["mxnet"].startswith("1.9.1, for ") and "MKLDNN" in found["mxnet_features"]
    assert found["gpus"] == minpy.num_gpus()
    assert found["threads"] == int(os.environ["OMP_NUM_THREADS"])
    assert found["cache"] == {"folder": str(tmp_path), "entries": 1, "bytes": 5000}
    assert found["environment"]["MINPY_SOME_SETTING"] == "7"
    for part in minpy.__version__, numpy.__version__, str(tmp_path), "MINPY_SOME_SETTING=7":
        assert part in text


def test_a_report_needs_no_other_part(monkeypatch, capsys):
    for part in "minpy.nn", "minpy.distributed", "minpy.compiler.explain.command":
        monkeypatch.setitem(sys.modules, part, None)  # its import raises an error
    monkeypatch.delitem(sys.modules, "minpy.__main__")
    monkeypatch.setattr(sys, "argv", ["minpy", "info"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("minpy", run_name="__main__")
    assert minpy.__version__ in capsys.readouterr().out


def run(*arguments, **environment):
    command = [sys.executable, "-W", "error", "-m", "minpy", "info", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_it_says_why_something_is_not_in_use_and_the_check_fails_then():
    done = run("--check", MINPY_FUSION="0", MINPY_FAST="0", MINPY_CACHE_DIR="")
    assert done.returncode == 1, done.stderr
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert lines["Kernels"].strip() == "MINPY_FUSION=0 is set"
    assert lines["Accelerator"].strip() == "MINPY_FAST=0 is set"
    assert lines["Cache"].strip() == "none"


@pytest.mark.parametrize("part", ["accelerator", "kernels", "mxnet_gradients"])
def test_the_check_fails_for_each_part_alone(part, monkeypatch, capsys):
    good = {**info.facts(), "accelerator": "in use", "kernels": "in use", "mxnet_gradients": "in use"}
    monkeypatch.setattr(info, "facts", lambda: good)
    assert main(["info", "--check"]) == 0
    monkeypatch.setattr(info, "facts", lambda: {**good, part: "it was not built"})
    assert main(["info", "--check"]) == 1
    assert main(["info"]) == 0
