"""Machine code: what it computes, how long it lives, and what is kept of it on disk."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from pathlib import Path
from queue import Queue

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.runtime import native
from minpy.runtime.kernels import llvm, state
from tests.runtime.kernels.texts import AXPY, SUM, shifted

SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture
def folder(tmp_path):
    before = minpy.cache_dir()
    yield minpy.cache_dir(tmp_path)
    minpy.cache_dir(before)


@pytest.fixture
def no_folder():
    before = minpy.cache_dir()
    minpy.cache_dir(None)
    yield
    minpy.cache_dir(before)


def run(code, *arrays, begin=0, end=None, chunk=0):
    pointers = (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
    SIGNATURE(code.address)(pointers, begin, arrays[0].size if end is None else end, chunk)


def code_of(text):
    return llvm.codes([text])[text]


def test_code_computes_what_the_text_says_without_fused_rounding():
    x, y = numpy.random.RandomState(0).randn(2, 1001)
    out = numpy.zeros(1001)
    run(code_of(AXPY), x, y, out, begin=1, end=1000)
    assert numpy.array_equal(out[1:1000], (3 * x + y)[1:1000])
    assert out[0] == out[1000] == 0


def test_the_number_of_the_chunk_arrives():
    out = numpy.zeros(3)
    run(code_of(SUM), numpy.arange(10.0), out, begin=4, end=8, chunk=2)
    assert out.tolist() == [0, 0, 4 + 5 + 6 + 7]


def test_equal_texts_share_code_and_the_last_user_releases_it(no_folder):
    code = code_of(shifted(0.125))
    assert code_of(shifted(0.125)) is code
    reference, address = weakref.ref(code), code.address
    assert permissions(address) == "r-xp"
    del code
    gc.collect()
    assert reference() is None
    assert permissions(address) != "r-xp"


def test_no_memory_is_writable_and_executable(no_folder):
    before = both()  # other libraries have some
    codes = llvm.codes([shifted(-1.5), shifted(-2.5)])
    assert {permissions(code.address) for code in codes.values()} == {"r-xp"}
    assert both() <= before


def test_several_texts_at_once_are_each_their_own(no_folder):
    texts = [shifted(i / 4) for i in range(20)]
    found = llvm.codes(texts + texts)
    for i, text in enumerate(texts):
        out = numpy.zeros(2)
        run(found[text], numpy.array([1.0, 2.0]), out)
        assert out.tolist() == [1 + i / 4, 2 + i / 4]


def test_object_code_is_read_again_from_disk(folder, monkeypatch):
    code_of(shifted(3.5))
    gc.collect()
    monkeypatch.setattr(llvm, "_compiled_together", None)
    out = numpy.zeros(1)
    run(code_of(shifted(3.5)), numpy.ones(1), out)
    assert out[0] == 4.5


def test_code_of_one_module_is_read_again_for_each_of_its_texts(folder, monkeypatch):
    texts = [shifted(i / 8) for i in range(5, 10)]
    llvm.codes(texts)
    gc.collect()
    compile_anew = llvm._compiled_together
    compiled = []
    monkeypatch.setattr(
        llvm, "_compiled_together", lambda given: compile_anew(compiled.extend(given) or given)
    )
    found = llvm.codes([*texts[::-1], shifted(7.25)])
    assert compiled == [shifted(7.25)]
    for text, by in zip([*texts, shifted(7.25)], [5 / 8, 6 / 8, 7 / 8, 1, 9 / 8, 7.25]):
        out = numpy.zeros(2)
        run(found[text], numpy.array([1.0, 2.0]), out)
        assert out.tolist() == [1 + by, 2 + by]


@pytest.fixture
def emitting(monkeypatch, no_folder):
    """Which threads have begun to make object code, on two cores, where each text is worth it."""
    monkeypatch.setattr(native, "THREADS", 2)
    monkeypatch.setattr(llvm, "_MODULE", 1)
    emit, begun = llvm._Tools.emit, Queue()

    def emitted(self, module):
        begun.put(threading.current_thread().name)
        return emit(self, module)

    monkeypatch.setattr(llvm._Tools, "emit", emitted)
    return begun


def test_texts_are_compiled_while_others_are_written(emitting):
    with llvm.making(ahead=True) as code:
        code.add(shifted(8.25))
        code.begin()
        assert emitting.get(timeout=60) != threading.current_thread().name
        code.add(shifted(8.5))
        code.add(shifted(8.25))
        found = code.finish()
    for by in (8.25, 8.5):
        out = numpy.zeros(2)
        run(found[shifted(by)], numpy.array([1.0, 2.0]), out)
        assert out.tolist() == [1 + by, 2 + by]


def test_functions_are_compiled_while_others_are_written(emitting):
    x = numpy.linspace(0, 1, 100_000)
    share = minpy.jit(lambda x: np.sin(x) / np.sum(np.sin(x)))  # two loop nests, one after the other
    assert numpy.allclose(share(np.array(x)).asnumpy(), numpy.sin(x) / numpy.sin(x).sum())
    assert state() or emitting.get(timeout=60).startswith("minpy-llvm")


def test_no_thread_is_left_of_what_is_given_up(emitting):
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), llvm.making(ahead=True) as code:
        code.add(shifted(8.75))
        code.begin()
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_what_fails_on_another_thread_fails_where_it_is_asked_for(emitting, monkeypatch):
    monkeypatch.setattr(llvm, "_library", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError), llvm.making(ahead=True) as code:
        code.add(shifted(9.25))
        code.begin()
        code.finish()


@pytest.mark.parametrize("which", ["of the text", "of the object code"])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "foreign"])
def test_a_damaged_file_is_compiled_anew(folder, damage, which):
    code_of(shifted(4.5))
    gc.collect()
    path = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_size)[which == "of the object code"]
    text = path.read_text()
    path.write_text(
        {
            "cut": text[: len(text) // 2],
            "changed": text[:-40] + ("A" if text[-40] != "A" else "B") + text[-39:],
            "empty": "",
            "foreign": "no JSON at all",
        }[damage]
    )
    out = numpy.zeros(1)
    run(code_of(shifted(4.5)), numpy.ones(1), out)
    assert out[0] == 5.5
    assert path.read_text() == text


def test_what_is_not_in_the_language_is_refused():
    with pytest.raises(RuntimeError, match="parsing error"):
        code_of("define void @nest( {")
    with pytest.raises(RuntimeError):
        code_of(AXPY.replace("double %a, 3.0", "double %nothing, 3.0"))


def test_people_can_read_the_instructions():
    assert "nest" in llvm.assembly(AXPY) and "ret" in llvm.assembly(AXPY)


def maps():
    return Path("/proc/self/maps").read_text().splitlines()


def both():
    """The ranges that are writable and executable."""
    fields = [line.split() for line in maps()]
    return {(ends, can) for ends, can, *_ in fields if "w" in can and "x" in can}


def permissions(address):
    for line in maps():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            return line.split()[1]
    return None
