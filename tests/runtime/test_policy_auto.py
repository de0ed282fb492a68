"""AutoPolicy: the faster library for each op, from times in a file. No test depends on real times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.dispatch.policy import AutoPolicy
from minpy.ops import OPS
from minpy.runtime.auto import machine

SMALL, LARGE = np.ones((4, 4)), np.ones((100, 100))
MATRICES = "matmul(float32:16, float32:16)"


def uses_mxnet(array):
    return array._value._mxnet is not None and array._value._numpy is None


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(AutoPolicy, "spent", 0.0)
    return tmp_path / "speed.json"


def with_times(path, times, budget=0.0):
    path.write_text(json.dumps({machine(): times}))
    return AutoPolicy(path, budget)


def test_faster_library_by_op_dtype_and_size(path):
    times = {
        "tanh(float32:16)": [2.0, 1.0],
        "tanh(float32:16384)": [1.0, 2.0],
        "exp(float32:16)": [1.0, None],
        "multiply(float32:16, float)": [2.0, 1.0],
    }
    with with_times(path, times) as used:
        assert uses_mxnet(np.tanh(SMALL))
        assert uses_mxnet(np.tanh(np.ones(5)))
        assert not uses_mxnet(np.tanh(np.ones(4)))
        assert not uses_mxnet(np.tanh(LARGE))
        assert not uses_mxnet(np.tanh(SMALL.astype("float64")))
        assert not uses_mxnet(np.exp(SMALL))
        assert uses_mxnet(SMALL * 2.0)
        assert not uses_mxnet(SMALL * 2)
        assert not uses_mxnet(2.0 * SMALL)
    assert used.times() == times
    assert AutoPolicy.spent == 0


def test_mxnet_has_to_be_clearly_faster(path):
    with with_times(path, {"tanh(float32:16)": [1.0, 0.95], "exp(float32:16)": [1.0, 0.85]}):
        assert not uses_mxnet(np.tanh(SMALL))
        assert uses_mxnet(np.exp(SMALL))


def test_without_a_budget_numpy_and_for_matrix_products_what_was_faster_below(path):
    with with_times(path, {MATRICES: [2.0, 1.0], "tanh(float32:16)": [2.0, 1.0]}):
        assert uses_mxnet(np.dot(LARGE, LARGE))
        assert not uses_mxnet(np.dot(np.ones((2, 2)), np.ones((2, 2))))
        assert not uses_mxnet(np.tanh(LARGE))
    path = path.with_name("other.json")
    with with_times(path, {MATRICES: [1.0, 2.0], "matmul(float32:1, float32:1)": [2.0, 1.0]}):
        assert not uses_mxnet(np.dot(LARGE, LARGE))
    with AutoPolicy(path.with_name("none.json"), budget=0) as used:
        assert not uses_mxnet(np.dot(LARGE, LARGE))
    assert used.times() == {}


def test_measures_once_and_then_does_what_the_times_say(path):
    with AutoPolicy(path, budget=60) as used:
        for is_first in (True, False):
            result = np.tanh(np.ones(10))
            ((what, (by_numpy, by_mxnet)),) = used.times().items()
            assert what == "tanh(float32:16)"
            assert by_numpy > 0 and by_mxnet > 0
            assert uses_mxnet(result) == (by_mxnet < 0.9 * by_numpy)
            spent, AutoPolicy.spent = AutoPolicy.spent, 0.0
            assert (spent > 0) == is_first
        np.dot(LARGE, LARGE)
        np.sum(LARGE)
        np.exp(SMALL * 1j)
    assert used.times().keys() == {
        "tanh(float32:16)",
        "matmul(float32:16384, float32:16384)",
        "sum(float32:16384)",
        "multiply(float32:16, complex)",
        "exp(complex64:16)",
    }
    assert used.times()["exp(complex64:16)"][1] is None
    assert sum(sum(of.values()) for of in used.op_stat().values()) == 8  # measuring does not count


def test_measuring_changes_nothing_and_is_not_recorded(path):
    x = np.array(numpy.linspace(-1, 1, 12).reshape(3, 4))
    loss = lambda x: np.sum(np.tanh(x) ** 2)  # noqa: E731
    expected = minpy.grad(loss)(x)
    before = x.asnumpy()
    with AutoPolicy(path, budget=60):
        numpy.testing.assert_allclose(minpy.grad(loss)(x).asnumpy(), expected.asnumpy(), rtol=1e-12)
        numpy.testing.assert_array_equal(x.asnumpy(), before)


def test_views_empty_arrays_and_errors(path):
    with AutoPolicy(path, budget=60) as used:
        x = np.ones((2, 3))
        view = x.T[1:]
        x[:] = 5
        assert view.tolist() == [[5, 5], [5, 5]]
        assert np.tanh(np.ones((0, 3))).shape == (0, 3)
        with pytest.raises(ValueError, match="could not be broadcast"):
            np.add(np.ones(2), np.ones(3))
        assert not uses_mxnet(np.floor_divide(x, 2))
    assert used.times() == {}


def test_no_numpy_warning_from_measuring(path):
    with AutoPolicy(path, budget=60), numpy.errstate(divide="ignore"):
        assert np.log(np.zeros(3)).tolist() == 3 * [-numpy.inf]


def test_on_a_gpu_always_mxnet(path):
    gpu = SimpleNamespace(device_type="gpu")
    used = with_times(path, {"tanh(float32:16)": [1.0, 2.0]})
    assert used.decide(OPS["tanh"], (SMALL._value,), {}, gpu)
    assert not used.decide(OPS["floor_divide"], (SMALL._value, 2), {}, gpu)
    assert not used.decide(OPS["tanh"], (SMALL._value,), {}, SMALL.context)


def test_while_one_thread_measures_the_others_use_numpy(path):
    found = []

    def run():
        with AutoPolicy(path, budget=60) as used:
            found.append(uses_mxnet(np.tanh(SMALL)))
            found.append(used.times())

    with AutoPolicy._measuring:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert found == [False, {}]


def test_tables_of_other_machines_and_processes_are_kept(path):
    path.write_text('{"another machine": {"exp(float32:16)": [1.0, 2.0]}}')
    with AutoPolicy(path, budget=60) as used:
        np.tanh(SMALL)
        here = used.times()
    path.write_text(json.dumps({**json.loads(path.read_text()), machine(): {"exp(float32:16)": [1.0, None]}}))
    used.save()
    assert json.loads(path.read_text()) == {
        "another machine": {"exp(float32:16)": [1.0, 2.0]},
        machine(): {"exp(float32:16)": [1.0, None], **here},
    }
    assert AutoPolicy(path).times() == here  # one table for a process


@pytest.mark.parametrize("content", ["", "[]", '{"a": 3}', '{"a": {"b": [1]}}', '{"a": {"b": [null, 1]}}'])
def test_damaged_file_warns_and_is_left_alone(path, content):
    path.write_text(content)
    with pytest.warns(RuntimeWarning, match=r"speed\.json cannot be used"):
        used = AutoPolicy(path, budget=60)
    with used:
        np.tanh(SMALL)
    used.save()
    assert path.read_text() == content
    assert used.times().keys() == {"tanh(float32:16)"}


def test_folder_that_cannot_be_written_warns_once(path):
    path.write_text("")
    used = AutoPolicy(path / "speed.json", budget=60)
    with pytest.warns(RuntimeWarning, match=r"speed\.json cannot be written"):
        used.save()
    used.save()


def test_kept_from_one_process_to_the_next(tmp_path):
    code = """
import minpy, minpy.numpy as np
from minpy.runtime.auto import machine
minpy.set_global_policy("auto")
known = np.policy.times()
np.tanh(np.ones(10))
print(len(known), minpy.AutoPolicy.spent > 0, machine())
"""
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        found.append(done.stdout.split(maxsplit=2))
    assert [line[:2] for line in found] == [["0", "True"], ["1", "False"]]
    content = json.loads((tmp_path / "minpy" / "speed.json").read_text())
    assert list(content) == [found[0][2].strip()]
    (times,) = content.values()
    assert times.keys() == {"tanh(float32:16)"}


def test_machine_names_what_the_times_depend_on():
    assert f"numpy {numpy.__version__}, " in machine()
    assert "mxnet 1.9.1" in machine()
    assert f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}" in machine()
