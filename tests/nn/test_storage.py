"""Files of arrays: what is written is read again, and nothing else is ever taken for it."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import load_file, save_file

import minpy.numpy as np
from minpy.errors import ModelError, StorageError
from minpy.nn import ModelBase, storage
from minpy.runtime import store

W = numpy.arange(6, dtype="float32").reshape(2, 3)
CONTENT = {
    "w": W,
    "optim": {"w": {"rate": 0.1, "v": numpy.array(-2.5)}},
    "epoch": 3,
    "log": [1.5, "one", None],
}


def assert_equal(found, wanted):
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert_equal(found[key], value)
    elif isinstance(wanted, (list, tuple)):
        assert type(found) is list and len(found) == len(wanted)
        for one, other in zip(found, wanted):
            assert_equal(one, other)
    elif isinstance(wanted, numpy.ndarray):
        assert type(found) is numpy.ndarray and found.dtype == wanted.dtype.newbyteorder("=")
        assert found.shape == wanted.shape and found.tobytes() == wanted.astype(found.dtype).tobytes()
    else:
        assert type(found) is type(wanted) and repr(found) == repr(wanted)  # nan is not equal to itself


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_what_is_written_is_read(path):
    every = [numpy.array([0, 1, 1]).astype(dtype) for dtype in sorted(storage._DTYPES, key=str)]
    content = {
        **CONTENT,
        "every": every,
        "empty": {"group": {}, "list": [], "array": numpy.zeros((0, 3))},
        "layouts": [W.T, W[::-1], W.astype(">f4"), numpy.array(True), numpy.float32(2)],
        "numbers": [True, -(10**30), 0.1, float("nan"), float("inf"), -0.0],
        "__metadata__": W,
        "a/b": W,
        "a": {"b": -W},
        "": "é\n",
    }
    storage.save(path, {**content, "more": (np.array(W), np.array(W).asmxnet(), np.array(3))})
    wanted = {**content, "more": [W, W, numpy.array(3)]}
    wanted["layouts"] = [numpy.array(x) for x in content["layouts"]]
    assert_equal(storage.load(path), wanted)


def test_other_programs_read_the_arrays_and_their_files_are_read(path):
    storage.save(path, CONTENT)
    assert_equal(load_file(path), {"optim/w/v": numpy.array(-2.5), "w": W})
    save_file({"w": W}, path, {"format": "pt"})
    assert_equal(storage.load(path), {"w": W})


@pytest.mark.parametrize(
    "content, text",
    [
        ({"a": {"b": object()}}, "a/b: a file holds arrays, .* not a object"),
        ({"a": [print]}, "a/0: .* not a builtin_function"),
        ({"a": {3: W}}, "a: a key is a text .*, not 3"),
        ({"$array": W}, r"the content: a key is a text other than '\$array'"),
        ({"a": W.astype(complex)}, "a: the format has no arrays of complex128"),
        ({"a": numpy.array(["x"])}, "a: the format has no arrays of <U1"),
        ({"a": numpy.array([None])}, "a: the format has no arrays of object"),
    ],
)
def test_content_that_no_file_can_hold_changes_nothing(path, content, text):
    storage.save(path, CONTENT)
    with pytest.raises(StorageError, match=text):
        storage.save(path, content)
    assert_equal(storage.load(path), CONTENT)


def test_every_damage_is_found(path):
    """Of a file that is cut off at each byte, longer, or has one byte changed, in each of two ways."""
    storage.save(path, CONTENT)
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))] + [whole + b"\0", whole * 2]
    for i in range(len(whole)):
        damaged += [whole[:i] + bytes([whole[i] ^ mask]) + whole[i + 1 :] for mask in (1, 0x80)]
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            found = storage.load(path)
        except StorageError as error:
            refused += 1
            assert str(path) in str(error)
        else:  # such as another kind of white space in the header
            assert_equal(found, CONTENT)
    assert refused > 0.99 * len(damaged)


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype="F32", shape=(1,), ends=(0, 4)):
    return {"dtype": dtype, "shape": shape, "data_offsets": ends}


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'exit'\ntR.",  # pickled
        struct.pack("<Q", 1 << 62) + b"{}",
        raw(b"[" * 100_000),
        raw({"w": tensor(shape=(1 << 40, 1 << 40))}, b"0000"),
        raw({"w": tensor(ends=(0, 1 << 60))}, b"0000"),
        raw({"w": tensor(ends=(4, 0))}, b"0000"),
        raw({"w": tensor(), "v": tensor()}, b"0000"),  # one memory for two
        raw({"w": tensor(shape=(-1,))}, b"0000"),
        raw({"w": tensor("BF16", (2,))}, b"0000"),
        raw({"w": tensor("object")}, b"0000"),
        raw({"__metadata__": {"format": "minpy"}, "w": tensor()}, b"0000"),
        raw({"__metadata__": {"format": "minpy", "content": "[" * 100_000, "sha256": ""}}),
    ],
)
def test_files_that_are_made_up(path, data):
    path.write_bytes(data)
    with pytest.raises(StorageError, match=re.escape(str(path))):
        storage.load(path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"$array": "x"}', '{"$array": {}}', "nonsense"])
def test_content_that_is_made_up_with_a_right_checksum(path, content):
    save_file({}, path, {"format": "minpy", "content": content, "sha256": storage._checksum(content, {})})
    with pytest.raises(StorageError, match="none of MinPy's files"):
        storage.load(path)


@pytest.mark.parametrize("step", ["serialized", "chmod", "fsync", "replace"])
def test_an_interruption_at_any_step_leaves_the_old_file(path, step, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    storage.save(path, CONTENT)
    monkeypatch.setattr(storage if step == "serialized" else store.os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.save(path, {"w": -W})
    assert_equal(storage.load(path), CONTENT)
    assert os.listdir(path.parent) == [path.name]


def test_kill_at_random_moments():
    program = [sys.executable, "-m", "tests.nn.killed", "20"]
    done = subprocess.run(program, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 killed")


def test_where_no_file_can_be(path):
    with pytest.raises(FileNotFoundError):
        storage.save(path / "no" / "folder", CONTENT)
    with pytest.raises(FileNotFoundError):
        storage.load(path)
    with pytest.raises(IsADirectoryError):
        storage.load(path.parent)


def test_a_link_stays_a_link_and_a_mode_a_mode(path):
    path.write_bytes(b"")
    path.chmod(0o600)
    link = path.with_name("best")
    link.symlink_to(path.name)
    storage.save(link, CONTENT)
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o600
    assert_equal(storage.load(path), CONTENT)


# Models -------------------------------------------------------------------------------------------


def model(**values):
    made = ModelBase().add_param("w", (2, 3)).add_param("b", (3,)).add_aux_param("mean").add_aux_param("n", 0)
    made.add_aux_param("var", numpy.ones(3))
    made.params.update(w=np.array(W), b=np.zeros(3))
    for name, value in values.items():
        (made.params if name in made.params else made.aux_params)[name] = value
    return made


@pytest.mark.parametrize("mean", [None, 0.5, np.array([1.0, 2.0])])
def test_a_model_is_saved_and_loaded(path, mean):
    model(b=np.array([1, 2, 3], dtype="float32"), mean=mean, n=np.array(0.5)).save(path)
    for other in (model(), model(w=None, b=None)):
        kept = other.params["b"]
        other.load(path)
        numpy.testing.assert_array_equal(other.params["w"], W)
        assert type(other.params["b"]) is type(np.ones(3)) and other.params["b"].dtype == numpy.float32
        assert list(other.params["b"]) == [1, 2, 3] and (kept is None or not kept.any())
        assert other.aux_params["n"] == 0.5 and list(other.aux_params["var"]) == [1, 1, 1]
        assert numpy.array_equal(other.aux_params["mean"], mean)
        other.params["w"][0, 0] = 7  # it has memory that can be written


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda c: c.pop("b"), "it has no 'b'"),
        (lambda c: c.update(v=W), "the model has no 'v'"),
        (lambda c: c.update(w=W.T, b=W), r"'w' has shape \(3, 2\), in the model \(2, 3\); 'b' has shape"),
        (lambda c: c.update(b=numpy.zeros(3)), "'b' is float64, in the model float32"),
        (lambda c: c.update(b=None), "'b' is no array, but None"),
        (lambda c: c.update(var=numpy.ones(4, "float32")), r"'var' has shape \(4,\), in the model \(3,\)"),
        (lambda c: c.update(mean="text"), "'mean' is no array, but 'text'"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(path, change, text):
    content = {"w": -W, "b": numpy.ones(3, "float32"), "mean": None, "n": 5, "var": numpy.ones(3, "float32")}
    change(content)
    storage.save(path, content)
    made = model()
    before = dict(made.params), dict(made.aux_params)
    with pytest.raises(ModelError, match=text) as caught:
        made.load(path)
    assert str(path) in str(caught.value)
    assert all(made.params[name] is value for name, value in before[0].items())
    assert all(made.aux_params[name] is value for name, value in before[1].items())


def test_a_parameter_of_a_file_has_to_be_a_float(path):
    storage.save(path, {"w": W.astype("int64")})
    with pytest.raises(ModelError, match="'w' is int64, no float"):
        ModelBase().add_param("w", (2, 3)).load(path)


def test_a_model_that_is_not_initialised_has_nothing_to_save(path):
    with pytest.raises(ModelError, match="w, b not initialised"):
        model(w=None, b=None).save(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [1 << 40], "data_offsets": [0, 1 << 42]},
        {"shape": [1 << 32, 1 << 32], "data_offsets": [0, 0]},
        {"shape": [0] * 1000, "data_offsets": [0, 0]},  # NumPy's have at most 32 axes
    ],
)
def test_sizes_that_there_cannot_be(tensor, tmp_path):
    head = json.dumps({"a": {"dtype": "F32", **tensor}}).encode()
    (tmp_path / "bomb").write_bytes(len(head).to_bytes(8, "little") + head)
    with pytest.raises(StorageError, match="bomb is damaged"):
        storage.load(tmp_path / "bomb")
