"""Every misuse in the catalogue is an exception of the right class, whose message names what is wrong."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import minpy
import minpy.numpy as np
from minpy.nn import functional as F
from minpy.nn import layers
from tests.misuse import arrays, interface, networks, tools

MODULES = (arrays, interface, networks, tools)

CATALOGUE = [
    pytest.param(module.SETUP, *entry, id=entry[0].replace("\n", "; "))
    for module in MODULES
    for name, entries in vars(module).items()
    if name.isupper() and isinstance(entries, list)
    for entry in entries
]
PAGES = Path(__file__).parents[2] / "docs/api"
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
    for module in MODULES:
        exec(IMPORTS + module.SETUP, found.setdefault(module.SETUP, {"__name__": "misuse"}))
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


#: What no program makes itself, and a module of nothing else.
OF_MINPYS_OWN = frozenset(("JitFunction", "Place", "minpy.profiling.report"))


def test_the_catalogue_has_everything_that_is_public():
    """The API reference names the public modules; functions of NumPy's names are looked at below."""
    used = set(re.findall(r"\w+", " ".join(entry.values[1] for entry in CATALOGUE)))
    pages = "".join(path.read_text("utf-8") for path in PAGES.glob("*.md"))
    missing = []
    for place in re.findall(r"^::: (\S+)", pages, re.MULTILINE):
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError:  # a class or function, which a module has under a name of its own
            continue
        if place in OF_MINPYS_OWN:
            continue
        names = getattr(module, "__all__", None) or [
            name for name, x in vars(module).items() if getattr(x, "__module__", None) == place
        ]
        for name in names:
            x = getattr(module, name)
            is_error = isinstance(x, type) and issubclass(x, (Exception, Warning))
            if callable(x) and name[0] != "_" and not is_error and name not in used | OF_MINPYS_OWN:
                missing.append(f"{place}.{name}")
    assert missing == []


#: Functions under a second name, and the one that NumPy knows them by.
NUMPYS = {
    **{"amax": "max", "amin": "min", "bitwise_not": "invert", "degrees": "rad2deg", "fix": "trunc"},
    **{"mod": "remainder", "radians": "deg2rad", "ranf": "random_sample", "round_": "around"},
    **{"row_stack": "vstack", "show_config": "show", "true_divide": "divide"},
}
#: NumPy looks at other things first, or not before they are used.
TAKE_ANY = frozenset(("deprecate", "einsum", "nested_iters", "printoptions", "set_numeric_ops", "test"))


def test_every_function_of_numpys_names_refuses_a_keyword_that_there_is_not():
    """The message has its name, or the one by which NumPy calls it."""
    wrong = []
    for module in (np, np.linalg, np.fft, np.random, F, layers):
        public = module.__all__ if "__all__" in vars(module) else dir(module)
        for name in public:
            if name[0] == "_" or name in TAKE_ANY:
                continue
            function = getattr(module, name)
            if callable(function) and not isinstance(function, type):
                names = (name, NUMPYS.get(name, name))
                try:
                    function(no_such_keyword=1)
                    wrong.append(name)
                except TypeError as error:
                    if not any(known in str(error) for known in names):
                        wrong.append(f"{name}: {error}")
                except ValueError as error:
                    wrong.append(f"{name}: {error!r}")
    assert wrong == []
