"""The short form of what ``python -m tests.soak`` does for hours."""

from __future__ import annotations

from tests.soak import processes


def test_processes_on_one_cache_folder_that_is_damaged_meanwhile():
    compared, wrong = processes.trial("damaged", 2, 3)
    assert (compared, wrong) == (9, [])
