"""Finding the source of a function: the right one, or none."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import subprocess
import sys
import types

import numpy
import pytest

import minpy
from minpy.compiler.source import read_source
from minpy.errors import UnsupportedError

X = numpy.array([1.0, -2.0, 3.0])
shift = 10

PAIR = [lambda x: x + 1, lambda x: x * 2]
TABLE = {"a": lambda x: x - 1, "b": lambda x, k=3: x * k, "c": lambda x: x * x}
SPREAD = (
    lambda x: x + shift,
    lambda x: x * shift,
    (lambda x: (lambda x: x * 3)(x) + 1),
)


def pick(number, function):
    return function


# fmt: off
CONTINUED = pick(1,
    lambda x: x *
        x)
# fmt: on


def make(k):
    return [lambda x: x * k, lambda x: x + k]


LAMBDAS = [*PAIR, *TABLE.values(), *SPREAD, CONTINUED, *make(5), *make(7)]


@pytest.mark.parametrize("number", range(len(LAMBDAS)))
def test_each_lambda_is_itself(number):
    function = LAMBDAS[number]
    numpy.testing.assert_array_equal(minpy.jit(function)(X), function(X))


@pytest.mark.parametrize("function", [*PAIR, *TABLE.values(), *SPREAD[:2], *make(5)])
def test_lambdas_that_share_lines_compile(function):
    compiled = minpy.jit(function)
    compiled(X)
    assert minpy.explain(compiled).reason == "" and minpy.explain(compiled).leftovers == []


def test_a_lambda_over_several_lines():
    source = read_source(CONTINUED)
    assert [line.strip() for line in source.lines] == ["lambda x: x *", "x)"]


def test_lines_are_those_of_the_file():
    source = read_source(make)
    assert source.file == __file__
    assert source.text(source.body[0].lineno).strip() == "return [lambda x: x * k, lambda x: x + k]"


def test_no_source():
    made = types.FunctionType(compile("lambda x: x", "<nowhere>", "eval").co_consts[0], {})
    with pytest.raises(UnsupportedError, match="source"):
        read_source(made)

    def generator(x):
        yield x

    with pytest.raises(UnsupportedError, match="generator"):
        read_source(generator)


def decorate(*arguments):
    return lambda function: function


def choose(first):
    if first:

        @decorate(
            1,
            2,
        )
        def same(x):
            return x + 1

    else:

        def same(x):
            return x + 2

    return same


class Outer:
    def same(self, x):
        return x + 3

    class Inner:
        def same(self, x):
            return x + 4


class _Hidden:
    __scale = 5

    def __init__(self):
        self.__k = 2

    def __twice(self, __x):
        return __x * self.__k

    def scaled(self, x):
        __add = lambda v, __k=1: v + __k  # noqa: E731
        return __add(self.__twice(x)) * self.__scale


@pytest.mark.parametrize(
    "function, expected",
    [
        (choose(True), X + 1),
        (choose(False), X + 2),
        (Outer().same, X + 3),
        (Outer.Inner().same, X + 4),
        (_Hidden().scaled, (X * 2 + 1) * 5),
    ],
)
def test_functions_of_one_name_and_private_names(function, expected):
    compiled = minpy.jit(lambda x: function(x))
    for _ in range(2):
        numpy.testing.assert_array_equal(compiled(X), expected)
    assert minpy.explain(compiled).leftovers == []


def test_decorators_belong_to_the_lines():
    source = read_source(choose(True))
    assert source.lines[0].strip() == "@decorate("
    assert source.text(source.body[0].lineno).strip() == "return x + 1"


def test_functions_with_asserts_that_pytest_rewrites():
    def checked(x):
        assert x.ndim == 1, "one axis"
        return x * 2

    compiled = minpy.jit(checked)
    numpy.testing.assert_array_equal(compiled(X), X * 2)
    assert minpy.explain(compiled).leftovers == []


TEXT = "import numpy\n\n\ndef f(x):\n    return numpy.tanh(x) * 2\n"


def load(path, text):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f


def test_file_changed_after_the_import(tmp_path):
    function = load(tmp_path / "changed.py", TEXT)
    (tmp_path / "changed.py").write_text(TEXT.replace("* 2", "* 3000"))
    compiled = minpy.jit(function)
    numpy.testing.assert_allclose(compiled(X), numpy.tanh(X) * 2)
    assert "changed.py holds other code now" in minpy.explain(compiled).reason


def test_lines_moved_after_the_import(tmp_path):
    function = load(tmp_path / "moved.py", TEXT)
    (tmp_path / "moved.py").write_text("# one\n# more\n" + TEXT)
    assert read_source(function).first_line == 6
    (tmp_path / "moved.py").write_text("")
    with pytest.raises(UnsupportedError, match="cannot be found"):
        read_source(function)


def test_cells_of_a_notebook(monkeypatch):
    """As IPython and ``doctest`` do it: the text is in ``linecache`` under a name that is no file."""
    namespace: dict = {}
    for name, text in (
        ("<cell 1>", "from __future__ import annotations\nimport minpy.numpy as np\n"),
        ("<cell 2>", "def f(x: Unknown) -> np.ndarray:\n    return np.tanh(x)\nawait_me = 1\n"),
    ):
        monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
        flags = 0 if name == "<cell 1>" else 0x1000000
        exec(compile(text, name, "exec", flags, dont_inherit=True), namespace)
    compiled = minpy.jit(namespace["f"])
    numpy.testing.assert_allclose(compiled(X), numpy.tanh(X))
    assert minpy.explain(compiled).reason == "" and minpy.explain(compiled).leftovers == []


def test_a_cell_that_imports(monkeypatch):
    """IPython compiles each statement alone: the code of a call of ``np.tanh`` is another one then."""
    text = "import minpy.numpy as np\ndef f(x):\n    return np.tanh(x)\ng = lambda x: np.tanh(x)\n"
    monkeypatch.setitem(linecache.cache, "<cell>", (len(text), None, text.splitlines(True), "<cell>"))
    namespace: dict = {}
    for statement in ast.parse(text).body:
        exec(compile(ast.Module([statement], []), "<cell>", "exec"), namespace)
    for name in ("f", "g"):
        compiled = minpy.jit(namespace[name])
        numpy.testing.assert_allclose(compiled(X), numpy.tanh(X))
        assert minpy.explain(compiled).reason == "" and minpy.explain(compiled).leftovers == []


def test_command_line():
    """Before Python 3.13 the text of ``python -c`` is not kept: the function runs all the same."""
    program = (
        "import minpy\n"
        "import minpy.numpy as np\n"
        "@minpy.jit\n"
        "def f(x):\n"
        "    return np.sum(x * 2)\n"
        "print(float(f(np.ones(3))), minpy.explain(f).reason or 'compiled')\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kept = sys.version_info >= (3, 13)
    assert found.stdout.strip() == "6.0 " + ("compiled" if kept else "the source of f cannot be found")
