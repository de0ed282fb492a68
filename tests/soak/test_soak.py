"""The short form of what ``python -m tests.soak`` does for hours."""

from __future__ import annotations

import pytest

from minpy.runtime import kernels
from tests.soak import endurance, processes, threads, watch


def test_processes_on_one_cache_folder_that_is_damaged_meanwhile():
    compared, wrong = processes.trial("damaged", 2, 3)
    assert (compared, wrong) == (9, [])


def test_threads_see_nothing_of_each_other():
    told, wrong = threads.run(1)
    assert not wrong, told


@pytest.mark.parametrize(
    ("run", "count"), [(endurance.calls, 20_000), (endurance.gradients, 300), (endurance.signatures, 180)]
)
def test_nothing_grows(run, count, monkeypatch):
    monkeypatch.setattr("minpy.compiler.program._NOTED", 20)  # so that the notes are full soon
    told, wrong = run(count, 30) if run is endurance.signatures else run(count)
    assert not wrong, told


def test_what_grows_is_seen():
    kept = []
    for each, name in (
        (lambda n: kept.append(bytearray(100_000)), "memory"),
        (lambda n: kept.append([]), "blocks"),
    ):
        _, wrong = watch.watched(each, 6000)
        assert any(name in problem for problem in wrong)


def test_what_was_linked_leaves_nothing():
    """LLVM's linker keeps something of each library as long as it is there itself."""
    if kernels.state():
        return
    from minpy.runtime.kernels import llvm
    from tests.runtime.kernels.texts import AXPY

    (made,) = llvm._compiled([AXPY])
    told, wrong = watch.watched(lambda number: made.linked(), 600)
    assert not wrong, told
