"""Compiled graphs on disk: a second run starts warm, and no file ever changes an answer."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.compiler import kept
from minpy.errors import DonatedError, PerformanceWarning
from minpy.runtime import artefacts, kernels

X = np.array(numpy.linspace(-1, 1, 12, dtype="float32").reshape(3, 4))
STEPS = kept.LEAST_EQUATIONS


def long(x):
    for _ in range(STEPS):
        x = np.tanh(x * 1.5) + 0.25
    return np.sum(x)


@pytest.fixture
def folder(tmp_path):
    saved = minpy.cache_dir()
    yield minpy.cache_dir(tmp_path / "cache")
    minpy.cache_dir(saved)


def compiled(function, *args):
    """What a function gives that is jitted anew, and whether its graphs were kept."""
    fresh = minpy.jit(function)
    result = fresh(*args)
    report = minpy.explain(fresh).to_dict()
    return result, [version["was_kept"] for region in report["regions"] for version in region["versions"]]


def entries(folder):
    """The files of graphs; machine code has its own."""
    return sorted(x for x in folder.glob("*.json") if b'"object"' not in x.read_bytes())


def same(a, b):
    return numpy.asarray(a).tobytes() == numpy.asarray(b).tobytes()


def test_the_second_compilation_takes_what_the_first_kept(folder):
    first, was_kept = compiled(long, X)
    assert was_kept == [False] and len(entries(folder)) == 1
    second, was_kept = compiled(long, X)
    assert was_kept == [True] and same(first, second)
    numpy.testing.assert_allclose(numpy.asarray(second), numpy.asarray(long(X)), rtol=1e-5)


def test_explain_tells_the_same_of_a_kept_graph(folder):
    def told():
        function = minpy.jit(long)
        function(X)
        found = minpy.explain(function)
        (version,) = found.to_dict()["regions"][0]["versions"]
        return version, str(found), str(found.ir(1))

    (fresh, fresh_text, fresh_ir), (again, again_text, again_ir) = told(), told()
    assert "with the graph from the cache folder" in again_text
    assert "from the cache folder" not in fresh_text
    assert fresh_ir == again_ir
    for version in (fresh, again):
        for name in ("was_kept", "compile_seconds", "seconds_per_call"):
            version.pop(name)
    assert fresh == again and fresh["rewritten"] == again["rewritten"]


PROGRAM = """
import sys, json, numpy, minpy
import minpy.numpy as np

def loss(params, x):
    h = x
    for w in params:
        h = np.maximum(np.dot(h, w), 0)
    return np.sum(np.log(np.sum(np.exp(h), axis=1)))

@minpy.jit
def step(params, x):
    value, gradients = minpy.value_and_grad(loss)(params, x)
    return value, [w - 0.1 * g for w, g in zip(params, gradients)]

random = numpy.random.RandomState(0)
params = [np.array(random.randn(8, 8).astype("float32")) for _ in range(4)]
value, params = step(params, np.array(random.randn(5, 8).astype("float32")))
version, = minpy.explain(step).to_dict()["regions"][0]["versions"]
print(json.dumps([version["was_kept"], float(value), [w.asnumpy().tolist() for w in params]]))
"""


def test_another_process_starts_warm_and_two_at_once_do_no_harm(tmp_path):
    """The graph has backward operators of MXNet's, which each process has to tell MXNet about."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {**os.environ, "MINPY_CACHE_DIR": str(tmp_path / "cache")}

    def start():
        command = [sys.executable, "-c", f"import runpy; runpy.run_path({str(script)!r})"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    answers = [json.loads(process.communicate()[0]) for process in [start(), start()]]
    assert len(entries(tmp_path / "cache")) == 1
    assert not list((tmp_path / "cache").glob("*.tmp"))
    answers.append(json.loads(start().communicate()[0]))
    assert answers[2][0] is True
    assert answers[0][1:] == answers[1][1:] == answers[2][1:]


# What is no good is a miss ----------------------------------------------------------------------------


def signed(path, text):
    """A file with a right checksum."""
    return f"{hashlib.sha256(f'{path.stem}{chr(10)}{text}'.encode()).hexdigest()}\n{text}"


def of_another(path):
    other = path.with_name("0" * 64 + ".json")
    text = path.read_text().split("\n", 1)[1]
    return signed(other, text)


DAMAGE = {
    "empty": lambda path: "",
    "cut off": lambda path: path.read_text()[:-100],
    "one letter": lambda path: path.read_text().replace("null", "nulk", 1),
    "not text": lambda path: b"\xff\x00\x80" * 100,
    "foreign": lambda path: "[1, 2, 3]\n",
    "the entry of another graph": of_another,
    "of another form": lambda path: signed(path, '{"outputs": 3}'),
    "a list": lambda path: signed(path, "[]"),
    "null": lambda path: signed(path, "null"),
    "no symbol's fields": lambda path: signed(path, '{"outputs": [], "symbol": ""}'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_compiled_and_written_again(damage, folder):
    first, _ = compiled(long, X)
    (path,) = entries(folder)
    good, bad = path.read_bytes(), damage(path)
    path.write_bytes(bad if isinstance(bad, bytes) else bad.encode())
    assert path.read_bytes() != good
    second, was_kept = compiled(long, X)
    assert was_kept == [False] and same(first, second)
    assert path.read_bytes() == good
    assert compiled(long, X)[1] == [True]


def changed_version(monkeypatch):
    monkeypatch.setattr(artefacts, "__version__", "99")


def changed_mxnet(monkeypatch):
    monkeypatch.setattr(artefacts.mx, "__version__", "99")


def changed_numpy(monkeypatch):
    monkeypatch.setattr(numpy, "__version__", "99")


def changed_file(monkeypatch):
    monkeypatch.setattr(artefacts, "_fingerprint", lambda: "other files")


def changed_passes(monkeypatch):
    monkeypatch.setenv("MINPY_PASSES", "-cse")


def changed_setting(monkeypatch):
    monkeypatch.setenv("MXNET_USE_MKLDNN_RNN", "0")


@pytest.mark.parametrize(
    "change",
    [changed_version, changed_mxnet, changed_numpy, changed_file, changed_passes, changed_setting],
)
def test_other_versions_and_settings_find_nothing(change, folder, monkeypatch):
    compiled(long, X)
    with monkeypatch.context() as patch:
        change(patch)
        artefacts._versions.cache_clear()
        assert compiled(long, X)[1] == [False]
    artefacts._versions.cache_clear()
    assert compiled(long, X)[1] == [True]
    assert len(entries(folder)) == 2


def test_passes_run_where_somebody_watches_them(folder, monkeypatch, capsys):
    compiled(long, X)
    monkeypatch.setenv("MINPY_DUMP", "dce")
    assert compiled(long, X)[1] == [False]
    assert "# after dce" in capsys.readouterr().err


# What the key covers --------------------------------------------------------------------------------


def padded(function):
    """The function with so many operations before it that its graph is kept."""

    def program(x):
        for _ in range(STEPS):
            x = np.tanh(x)
        return function(x)

    return program


PAIRS = {
    "numbers": (lambda x: x * 2.0, lambda x: x * 2.000001),
    "signs of zero": (lambda x: x * 0.0, lambda x: x * -0.0),
    "arrays": (lambda x: x * numpy.arange(4.0), lambda x: x * numpy.arange(1.0, 5.0)),
    "axes": (lambda x: np.sum(x, axis=0), lambda x: np.sum(x, axis=1)),
    "places": (lambda x: x[0], lambda x: x[1]),
    "order": (lambda x: x[0] / x[1], lambda x: x[1] / x[0]),
    "ops": (np.exp, np.sin),
    "outputs": (lambda x: (x + 1, x * 2), lambda x: (x * 2, x + 1)),
    "dtypes": (lambda x: x.astype("float64"), lambda x: x.astype("float16").astype("float64")),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_graphs_that_differ_have_entries_of_their_own(pair, folder):
    x = X + 1.5  # so that no sum is of numbers that cancel
    plain = [numpy.asarray(padded(function)(x)) for function in pair]
    assert not same(*plain)
    for _ in range(2):
        for function, expected in zip(pair, plain):
            result, was_kept = compiled(padded(function), x)
            assert numpy.asarray(result).dtype == expected.dtype
            assert (numpy.signbit(result) == numpy.signbit(expected)).all()
            numpy.testing.assert_allclose(numpy.asarray(result), expected, rtol=1e-6)
    assert was_kept == [True] and len(entries(folder)) == 2


def test_other_shapes_and_dtypes_find_nothing(folder):
    for x in (X, X[:2], X.astype("float64"), X.T):
        assert compiled(long, x)[1] == [False]
    assert compiled(long, X[:2])[1] == [True]


def test_names_and_lines_do_not_matter(folder):
    def renamed(y):
        for _ in range(STEPS):
            y = np.tanh(y * 1.5)
            y = y + 0.25

        return np.sum(y)

    first, _ = compiled(long, X)
    second, was_kept = compiled(renamed, X)
    assert was_kept == [True] and same(first, second)


def test_constant_results_and_inputs_that_are_passed_on(folder):
    def function(x):
        return x, np.zeros(3), long(x), numpy.arange(2)

    (first, _), (second, was_kept) = compiled(function, X), compiled(function, X)
    assert was_kept == [True] and all(map(same, first, second))
    second[1][0] = 5  # results are the caller's own
    assert compiled(function, X)[0][1].asnumpy().tolist() == [0, 0, 0]


def test_the_gradient_on_a_tape_is_kept_too(folder):
    def gradient():
        function = minpy.jit(lambda x: (long(x), print(end=""))[0])  # in parts, so by the tape
        result = minpy.grad(function)(X)
        report = minpy.explain(function).to_dict()
        return result, [v["was_kept"] for region in report["regions"] for v in region["versions"]]

    (first, cold), (second, warm) = gradient(), gradient()
    assert not any(cold) and len(warm) == len(cold) and sum(warm) == len(entries(folder)) >= 2
    assert same(first, second)
    numpy.testing.assert_allclose(numpy.asarray(second), numpy.asarray(minpy.grad(long)(X)), rtol=1e-4)


def test_memory_that_is_given_up_is_reused_by_a_kept_graph(folder):
    def step(x):
        y = x
        for _ in range(STEPS):
            y = np.tanh(y) * 1.5
        return x - y

    for number in range(2):
        function = minpy.jit(step, donate_argnames="x")
        x = np.array(numpy.full((400, 400), 0.5, "float32"))
        result = function(x)
        (version,) = minpy.explain(function).to_dict()["regions"][0]["versions"]
        assert version["was_kept"] == bool(number)
        assert result.shape == (400, 400)
        with pytest.raises(DonatedError):
            x + 1
    compiled(step, result)
    assert len(entries(folder)) == 2  # nothing is given up here


def test_short_graphs_and_large_constants_are_not_kept(folder):
    compiled(lambda x: np.tanh(x) * 2, X)
    compiled(padded(lambda x: np.sum(x) + numpy.arange(2.0**18)), X)
    assert entries(folder) == []


@pytest.mark.parametrize(
    "array", [numpy.zeros((600, 500)), numpy.arange(6.0), numpy.full((), 3), [0.0, -0.0]]
)
def test_arrays_are_packed_bit_by_bit(array):
    array = numpy.asarray(array)
    text = json.dumps(artefacts.packed_array(array))
    found = artefacts.unpacked_array(json.loads(text))
    assert found.shape == array.shape and found.dtype == array.dtype and same(found, array)
    assert found.flags.writeable and len(text) < 200


def test_what_is_not_known_by_its_text_is_not_kept(folder):
    graph = minpy.jit(long)
    graph(X)
    lowered = next(iter(graph.root.plans)).compiled.lowered
    assert kept.key_of(lowered, (), ()) is not None
    first = lowered.eqns[0]
    for odd in (object(), [object()], {"a": object()}, numpy.float64(1), len):
        eqns = (first._replace(params={"odd": odd}), *lowered.eqns[1:])
        assert kept.key_of(lowered._replace(eqns=eqns), (), ()) is None


# The folder -----------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setattr(artefacts, "_current", artefacts.Artefacts(file / "cache"))
    with pytest.warns(PerformanceWarning, match="MINPY_CACHE_DIR") as warned:
        for _ in range(2):
            assert compiled(long, X)[1] == [False]
    assert len(warned) == 1 and warned[0].filename == __file__
    with pytest.raises(OSError):
        minpy.cache_dir(file / "cache")


def test_a_folder_for_reading_is_read(folder, monkeypatch):
    first, _ = compiled(long, X)

    def refused(*args, **kwargs):
        raise PermissionError

    for name in ("write_whole", "os.utime"):
        monkeypatch.setattr(f"minpy.runtime.artefacts.{name}", refused)
    second, was_kept = compiled(long, X)
    assert was_kept == [True] and same(first, second)
    with pytest.warns(PerformanceWarning, match="cannot be kept"):
        assert compiled(long, X[:2])[1] == [False]


def test_on_a_full_disk_a_program_runs_with_one_warning_and_leaves_nothing(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("""
import resource, numpy, minpy, minpy.numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))  # as if there were no room for more
def long(x):
    for _ in range(20):
        x = np.tanh(x * 1.5) + 0.25
    return np.sum(x)
print(numpy.allclose(minpy.jit(long)(np.ones(3)), long(np.ones(3))))
minpy.jit(lambda x: long(x) * 2)(np.ones(3))
""")
    environment = {**os.environ, "MINPY_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({str(program)!r})"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert done.stderr.count("Warning") == 1 and "File too large" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []


def open_to_the_group(folder, monkeypatch):
    folder.chmod(0o770)


def open_to_all(folder, monkeypatch):
    folder.chmod(0o707)


def of_another_user(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)


@pytest.mark.parametrize("expose", [open_to_the_group, open_to_all, of_another_user])
def test_a_folder_in_which_others_can_write_is_not_used(expose, folder, monkeypatch):
    compiled(long, X)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {path: path.read_bytes() for path in folder.iterdir()}
    expose(folder, monkeypatch)
    minpy.cache_dir(folder)
    with pytest.warns(PerformanceWarning, match="machine code.*chmod 700") as warned:
        for x in (X, X[:2]):
            assert compiled(long, x)[1] == [False]
    assert len(warned) == 1
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_damaged_machine_code_is_never_run(folder):
    def alone(x):  # no other test has its machine code
        return long(x) * 1.2345678

    def machine_code():
        return {path: content for path in folder.iterdir() if b'"object"' in (content := path.read_bytes())}

    first, _ = compiled(alone, X)
    good = machine_code()
    assert bool(good) != bool(kernels.state())
    for path, content in good.items():
        at = content.index(b'"object"') + 2000
        letter = b"A" if content[at : at + 1] != b"A" else b"B"
        path.write_bytes(content[:at] + letter + content[at + 1 :])
    del _
    gc.collect()  # code that somebody uses is not read again
    second, _ = compiled(alone, X)
    assert same(first, second) and machine_code() == good


@pytest.mark.parametrize(("limit", "most"), [("MOST_BYTES", 3 * 1200), ("MOST_ENTRIES", 3)])
def test_the_entry_that_was_not_read_for_the_longest_time_goes(limit, most, tmp_path, monkeypatch):
    store = artefacts.Artefacts(tmp_path)
    monkeypatch.setattr(artefacts, "_LOOKS_EVERY", 1)
    monkeypatch.setattr(artefacts, limit, most)
    abandoned = tmp_path / "left.json.tmp"
    abandoned.write_text("")
    os.utime(abandoned, (1, 1))
    for number, name in enumerate("abc"):
        store.write(name, "x" * 1000)
        os.utime(tmp_path / f"{name}.json", (1000 + number,) * 2)
    assert store.read("a") == "x" * 1000
    store.write("d", "x" * 1000)
    assert [path.stem for path in entries(tmp_path)] == ["a", "c", "d"]
    assert not abandoned.exists()


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_may_have_written_is_none(mode, tmp_path):
    store = artefacts.Artefacts(tmp_path)
    store.write("a", 1)
    assert store.read("a") == 1
    store._path("a").chmod(mode)
    assert store.read("a") is None
    store.write("a", 2)
    assert store.read("a") == 2


def test_an_entry_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(artefacts, "MOST_OF_ONE", 100)
    store = artefacts.Artefacts(tmp_path)
    store.write("a", "x" * 200)
    store.write("b", "x")
    assert store.read("a") is None and store.read("b") == "x"


def test_which_folder(tmp_path, folder, monkeypatch):
    assert folder == tmp_path / "cache" and folder.is_dir()
    assert minpy.cache_dir() == folder
    assert minpy.cache_dir(None) is None and minpy.cache_dir() is None
    compiled(long, X)
    assert entries(folder) == []
    monkeypatch.chdir(tmp_path)
    assert minpy.cache_dir("other") == tmp_path / "other"


def test_the_folder_at_the_start(tmp_path, monkeypatch):
    def start(**variables):
        for name in ("MINPY_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found = artefacts._from_environment()
        return found and found.path

    assert start(MINPY_CACHE_DIR=str(tmp_path)) == tmp_path
    assert start(MINPY_CACHE_DIR="") is None
    assert start(XDG_CACHE_HOME=str(tmp_path)) == tmp_path / "minpy" / "compiled"
    assert start() == Path.home() / ".cache" / "minpy" / "compiled"
    assert start(MINPY_CACHE_DIR="~/mine") == Path.home() / "mine"
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where there is no home
    assert start() is None


def constant_in_the_end(x):
    y = x
    for _ in range(STEPS):
        y = np.tanh(y)
    return np.ones(3) * 2


def large_constant(x):
    return long(x) + np.sum(numpy.arange(200_000.0) * x[0, 0])


@pytest.mark.parametrize("function", [constant_in_the_end, large_constant, lambda x: (x, 3)])
def test_what_needs_no_graph_or_a_large_constant_gives_the_same(folder, function):
    first, _ = compiled(function, X)
    second, _ = compiled(function, X)
    for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (first, second)]):
        assert same(a, b)
    plain = function(X)
    for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (first, plain)]):
        numpy.testing.assert_allclose(numpy.asarray(a), numpy.asarray(b), rtol=1e-5)
