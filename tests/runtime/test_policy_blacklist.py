"""Blacklists: ops that go to NumPy, given by the user or found out and kept in a file."""

from __future__ import annotations

import json
import os
import warnings
from types import SimpleNamespace

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.dispatch.policy import AutoBlacklistPolicy, BlacklistPolicy
from minpy.errors import PolicyError
from minpy.ops import OPS, Op
from minpy.ops.aval import aval_of
from minpy.runtime import store
from minpy.runtime.blacklist import DEFAULT_RULES

X = np.array(numpy.array([[1.0, 2.0], [3.0, 4.0]]))
#: MXNet fails when it runs this op, and NumPy does not.
refused = Op("refused", numpy=numpy.tanh, infer=aval_of, mx=lambda b, out, x: b.op("no_such_op", out, x))


def uses_mxnet(array):
    return array._value._mxnet is not None and array._value._numpy is None


def runs_of(name, used):
    """How often MXNet and NumPy ran an op."""
    return tuple(used.op_stat()[library].get(name, 0) for library in ("mxnet", "numpy"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "rules.json"


# Given rules ------------------------------------------------------------------------------------


def test_ops_on_the_list_go_to_numpy():
    with BlacklistPolicy(["tanh", "sum"]):
        assert not uses_mxnet(np.tanh(X))
        assert not uses_mxnet(X.sum())
        assert uses_mxnet(np.exp(X))
    assert uses_mxnet(np.tanh(X))


@pytest.mark.parametrize("name", ["divide", "true_divide"])
def test_division_under_both_names(name):
    with BlacklistPolicy([name]):
        assert not uses_mxnet(X / 2)


@pytest.mark.parametrize("name", ["dot", "matmul"])
def test_matrix_products_of_both_passes(name):
    with BlacklistPolicy([name]) as used:
        minpy.grad(lambda x: np.sum(np.dot(x, X)))(X)
    assert runs_of("dot", used) == (0, 2)
    assert runs_of("sum", used) == (1, 0)


def test_conditions():
    wide = X.astype("float32")
    with BlacklistPolicy([{"op": "tanh", "dtypes": "float32"}, {"op": "exp", "ndims": [1]}]):
        assert not uses_mxnet(np.tanh(wide))
        assert uses_mxnet(np.tanh(X))
        assert not uses_mxnet(np.exp(X[0].copy()))
        assert uses_mxnet(np.exp(X))
    with BlacklistPolicy([{"op": "multiply", "dtypes": [None, "float"]}, {"op": "add", "ndims": [2, 0]}]):
        assert not uses_mxnet(X * 2.0)
        assert uses_mxnet(X * 2)
        assert uses_mxnet(2.0 * X)
        assert not uses_mxnet(X + 1)
        assert uses_mxnet(X + X)
    with BlacklistPolicy([{"op": "tanh", "dtypes": [numpy.float64], "ndims": 2, "device": "cpu"}]):
        assert not uses_mxnet(np.tanh(X))
        assert uses_mxnet(np.tanh(X[0].copy()))
    with BlacklistPolicy([{"op": "tanh", "device": "gpu"}]):
        assert uses_mxnet(np.tanh(X))


def test_default_list_is_for_the_cpu():
    used = BlacklistPolicy()
    assert used.rules == list(DEFAULT_RULES)
    for rule in DEFAULT_RULES:
        op = OPS[rule["op"]]
        assert not used.decide(op, (X._value,), {}, SimpleNamespace(device_type="cpu"))
        assert used.decide(op, (X._value,), {}, SimpleNamespace(device_type="gpu"))
    minpy.set_global_policy("blacklist")
    assert not uses_mxnet(np.argmax(X, axis=1))
    assert uses_mxnet(np.tanh(X))


def test_empty_list_and_what_mxnet_lacks():
    with BlacklistPolicy([]) as used:
        assert used.rules == []
        assert uses_mxnet(np.argmax(X, axis=1))
        np.floor_divide(X, 2)
    assert runs_of("floor_divide", used) == (0, 1)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (["tanhh"], "there is no op 'tanhh'"),
        (["stack"], "np.stack is made of several"),
        ("tanh", "rules is a list"),
        ({"op": "tanh"}, "rules is a list"),
        ([3], "a rule is the name of an op or a dict, not 3"),
        ([{}], "needs the name of an 'op'"),
        ([{"op": 3}], "needs the name of an 'op'"),
        ([{"op": "tanh", "dtype": "float32"}], "it has no 'dtype'"),
        ([{"op": "tanh", "dtypes": "float33"}], "'float33' is no dtype"),
        ([{"op": "tanh", "ndims": -1}], "a number of axes is an integer from 0, not -1"),
        ([{"op": "tanh", "ndims": [True]}], "not True"),
        ([{"op": "tanh", "device": "tpu"}], "'cpu' or 'gpu', not 'tpu'"),
    ],
)
def test_rules_that_are_none(rules, problem):
    with pytest.raises(PolicyError, match=problem):
        BlacklistPolicy(rules)


# Generated rules --------------------------------------------------------------------------------


def test_what_mxnet_refuses_goes_to_numpy_now_and_next_time(path):
    generating = AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=path)
    asked = []
    counting = Op("refused", numpy=numpy.tanh, infer=lambda x: asked.append(x) or aval_of(x), mx=refused.mx)
    with generating:
        for _ in range(3):
            numpy.testing.assert_array_equal(counting(X).asnumpy(), numpy.tanh(X.asnumpy()))
        assert len(asked) == 1
        counting(X[0].copy())
        assert len(asked) == 2
    assert runs_of("refused", generating) == (0, 4)
    reason = "MXNet refused it: "
    kept = json.loads(path.read_text())["rules"]
    assert [(rule["op"], rule["dtypes"], rule["ndims"], rule["device"]) for rule in kept] == [
        ("refused", ["float64"], [2], "cpu"),
        ("refused", ["float64"], [1], "cpu"),
    ]
    assert all(rule["reason"].startswith(reason) for rule in kept)
    assert generating.rules == [*DEFAULT_RULES, *kept]
    later = AutoBlacklistPolicy(path=path)
    assert later.rules == generating.rules
    assert later.path == str(path)
    assert not later.decide(refused, (X._value,), {}, X.context)


def test_dtype_that_mxnet_lacks(path):
    with AutoBlacklistPolicy(gen_rule=True, path=path) as used:
        np.exp(X * 1j)
    reason = "MXNet has no complex128"
    expected = {"op": "exp", "dtypes": ["complex128"], "ndims": [2], "device": "cpu", "reason": reason}
    assert used.rules[-1] == expected


def test_no_rule_without_gen_rule_for_empty_arrays_and_where_numpy_fails_too(path):
    with AutoBlacklistPolicy(path=path) as used:
        refused(X)
        assert used.rules == list(DEFAULT_RULES)
    both_fail = Op("fails", numpy=lambda x: numpy.zeros(2)[[5]], infer=aval_of, mx=refused.mx)
    with AutoBlacklistPolicy(gen_rule=True, path=path) as used:
        np.tanh(np.ones((0, 3)))
        refused(np.ones(0))
        with pytest.raises(IndexError):
            both_fail(X)
        with pytest.raises(ValueError):
            np.add(np.ones(2), np.ones(3))
    assert used.rules == list(DEFAULT_RULES)
    assert not path.exists()


def test_append_or_replace(path):
    path.parent.mkdir()
    path.write_text('{"rules": ["tanh", {"op": "op of another version"}]}')
    assert [rule["op"] for rule in AutoBlacklistPolicy(path=path).rules[-2:]] == [
        "tanh",
        "op of another version",
    ]
    with AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=path):
        assert not uses_mxnet(np.tanh(X))
        refused(X)
    kept = json.loads(path.read_text())["rules"]
    assert [rule["op"] for rule in kept] == ["tanh", "op of another version", "refused"]
    with AutoBlacklistPolicy(gen_rule=True, path=path):
        assert uses_mxnet(np.tanh(X))
        assert len(json.loads(path.read_text())["rules"]) == 3  # until there is a new rule
        refused(X)
    assert [rule["op"] for rule in json.loads(path.read_text())["rules"]] == ["refused"]


def test_two_that_append_keep_the_rules_of_each_other(path):
    one, other = (AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=path) for _ in range(2))
    with one:
        refused(X)
    with other:
        refused(X)
        refused(X[0].copy())
    with one:
        refused(X[0].copy().reshape(1, 1, 2).copy())
    assert [rule["ndims"] for rule in json.loads(path.read_text())["rules"]] == [[2], [1], [3]]


# The file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"rules": [',
        "[]",
        '{"rules": 3}',
        '{"rules": [3]}',
        '{"rules": [{"op": "sum", "x": 1}]}',
        "\udcff",
    ],
)
@pytest.mark.parametrize("options", [{}, {"gen_rule": True}, {"gen_rule": True, "append_rule": True}])
def test_damaged_file_is_named_and_left_alone(path, content, options):
    path.parent.mkdir()
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(PolicyError) as error:
        AutoBlacklistPolicy(path=path, **options)
    assert str(path) in str(error.value)
    assert "Mend the file, or move it away." in str(error.value)
    assert path.read_text(errors="surrogateescape") == content


def test_file_that_is_damaged_later_is_left_alone(path):
    with AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=path):
        refused(X)
        path.write_text("half a fi")
        with pytest.warns(RuntimeWarning, match=r"rules\.json cannot be used"):
            refused(X[0].copy())
    assert path.read_text() == "half a fi"


def test_folder_that_cannot_be_written_gives_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "rules.json"
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(2):
            with AutoBlacklistPolicy(gen_rule=True, path=path) as used:
                refused(X)
                refused(X[0].copy())
            assert len(used.rules) == len(DEFAULT_RULES) + 2
    assert len(found) == 1
    assert f"{path} cannot be written: " in str(found[0].message)


def test_writing_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    with AutoBlacklistPolicy(gen_rule=True, append_rule=True, path=path):
        refused(X)
        before = path.read_text()

        def no_replace(source, target):
            raise OSError("disk full")

        monkeypatch.setattr(os, "replace", no_replace)
        with pytest.warns(RuntimeWarning, match="disk full"):
            refused(X[0].copy())
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]


def test_link_to_the_file_stays_a_link(path):
    path.parent.mkdir()
    real = path.with_name("real.json")
    path.symlink_to(real)
    with AutoBlacklistPolicy(gen_rule=True, path=path):
        refused(X)
    assert path.is_symlink()
    assert len(json.loads(real.read_text())["rules"]) == 1


def test_default_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert AutoBlacklistPolicy().path == str(tmp_path / "minpy" / "blacklist.json")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert store.cache_folder() == tmp_path / "home" / ".cache" / "minpy"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.cache_folder() == tmp_path / "home" / ".cache" / "minpy"


def test_file_is_made_to_be_read(path):
    with AutoBlacklistPolicy(gen_rule=True, path=path):
        np.exp(X * 1j)
    lines = path.read_text().splitlines()
    assert lines[:2] == ["{", '  "rules": [']
    assert lines[-2:] == ["  ]", "}"]
    assert all(line.startswith('    {"op": ') for line in lines[2:-2])
