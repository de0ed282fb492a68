"""Every misuse in the catalogue is an exception of the right class, whose message names what is wrong."""

from __future__ import annotations

import pytest

import minpy
import minpy.numpy as np
from tests.misuse import arrays, interface, networks

CATALOGUE = [
    pytest.param(module.SETUP, *entry, id=entry[0].replace("\n", "; "))
    for module in (arrays, interface, networks)
    for name, entries in vars(module).items()
    if name.isupper() and isinstance(entries, list)
    for entry in entries
]
IMPORTS = """
import minpy, numpy
import minpy.numpy as np
import minpy.nn.functional as F
from math import inf, nan
from tests.misuse.test_misuse import f
"""


def f(x):  # here, where its source is found
    return np.sum(x * 2)


@pytest.fixture(scope="module")
def names():
    """The names that the programs use, by the module's own preparation."""
    found = {}
    for setup in (arrays.SETUP, interface.SETUP, networks.SETUP):
        exec(IMPORTS + setup, found.setdefault(setup, {"__name__": "misuse"}))
    return found


@pytest.fixture(autouse=True)
def as_before(tmp_path, monkeypatch):
    """An empty folder; and the settings of the process afterwards, should a misuse have gone through."""
    monkeypatch.chdir(tmp_path)
    context, folder = minpy.current_context(), minpy.cache_dir()
    yield
    minpy.set_context(context)
    minpy.cache_dir(folder)
    minpy.debug_nans(False)


@pytest.mark.parametrize(("setup", "program", "error", "words"), CATALOGUE)
def test_misuse(setup, program, error, words, names):
    with pytest.raises(error) as raised:
        exec(compile(program, "<misuse>", "exec"), dict(names[setup]))
    assert raised.type is error
    missing = [word for word in words.split("; ") if word not in str(raised.value)]
    assert not missing, f"{missing} not in: {raised.value}"


def test_the_catalogue_is_large():
    programs = [entry.values[1] for entry in CATALOGUE]
    assert len(programs) == len(set(programs)) >= 300
