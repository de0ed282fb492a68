"""``minprof``: functions and pieces of a program with their calls and times."""

from __future__ import annotations

import json
import time

import pytest

from minpy.utils import minprof as module
from minpy.utils.minprof import FuncCallProfiler


def test_functions_and_pieces(capsys, tmp_path):
    minprof = FuncCallProfiler()

    @minprof
    def slow(x, y=1):
        """Its text."""
        time.sleep(0.002)
        return x + y

    assert [slow(i, y=2) for i in range(3)] == [2, 3, 4]
    assert (slow.__name__, slow.__doc__) == ("slow", "Its text.")
    assert minprof(len)("ab") == 2
    for _ in range(2):
        with minprof("reading"):
            time.sleep(0.001)
    with pytest.raises(KeyError), minprof():
        raise KeyError
    found = {place.name.rpartition(".")[2]: told for place, told in minprof.get_stats().items()}
    assert {name: calls for name, (calls, _) in found.items()} == {
        **{"slow": 3, "len": 1, "reading": 2},
        "test_functions_and_pieces": 1,
    }
    assert found["slow"][1] >= 0.006
    assert found["reading"][1] >= 0.002
    minprof.print_stats()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["calls", "ms", "ms/call", "where"]
    assert lines[1].split()[0] == "3" and "slow" in lines[1]
    minprof.dump_stats(tmp_path / "stats.json")
    assert sum(told["calls"] for told in json.loads((tmp_path / "stats.json").read_text())) == 7
    minprof.reset()
    assert not minprof.get_stats()
    with pytest.raises(TypeError, match="a function or a name"):
        minprof(3)


def test_switched_off(monkeypatch):
    monkeypatch.setattr(module, "MINPROF_FLAG", False)
    minprof = FuncCallProfiler()
    assert minprof(len) is len
    with minprof("nothing"):
        pass
    assert not minprof.get_stats()
