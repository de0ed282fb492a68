"""Each kind of guard: for what it holds, for what it does not, and how ``explain`` tells that."""

from __future__ import annotations

import enum

import numpy
import pytest

import minpy
from minpy.compiler.guards import (
    ArrayType,
    Disjoint,
    Guards,
    Others,
    array_type,
    class_attribute,
    condition_of,
)
from minpy.compiler.ir import Loc
from minpy.compiler.paths import local_path

X = local_path("x")
FLOATS = numpy.ones((2, 3), "float32")
READ_ONLY = numpy.ones(2)
READ_ONLY.flags.writeable = False


class Level(enum.IntEnum):
    LOW = 1


class Named:
    name = 1


class Word(str):
    """Compared like a str, and not written like one in a program."""

    def __repr__(self):
        return "no expression"


#: kind, expected, values for which it holds, those for which it does not, what is said of the first of these
GUARDS = [
    ("value", 3, [3], [4, 3.0, True, numpy.int64(3)], "x changed from 3 to 4"),
    ("value", "a", ["a"], ["b", Word("a"), None], "x changed from 'a' to 'b'"),
    ("value", Word("a"), [Word("a")], ["a"], "x changed from no expression to 'a'"),
    ("value", Level.LOW, [Level.LOW], [1], "x changed from <Level.LOW: 1> to 1"),
    ("value", True, [True], [1, False], "x changed from True to 1"),
    ("value", (1, 2), [(1, 2)], [(1, 3), [1, 2]], "x changed from (1, 2) to (1, 3)"),
    ("value", 0.5, [0.5], [0.25, numpy.float64(0.5)], "x changed from 0.5 to 0.25"),
    ("value", 0.0, [0.0], [-0.0, 0, 1.0], "x changed from 0.0 to -0.0"),
    ("value", -0.0, [-0.0], [0.0], "x changed from -0.0 to 0.0"),
    ("value", float("nan"), [float("nan")], [1.0], "x changed from nan to 1.0"),
    ("value", numpy.float32(0), [numpy.float32(0)], [-numpy.float32(0), 0.0], "x changed from 0.0 to -0.0"),
    ("true", None, [1, "a", [0]], [0, "", []], "x changed from true to false"),
    ("false", None, [0, "", []], [1, "a", [0]], "x changed from false to true"),
    ("identity", len, [len], [max], "x changed from len to <built-in function max>"),
    ("type", int, [3, -4], [True, 3.0], "x changed from int to <class 'bool'>"),
    ("length", 2, [[1, 2], "ab"], [[1], "abc"], "len(x) changed from 2 to 1"),
    ("keys", ("a", "b"), [{"a": 1, "b": 2}], [{"b": 1, "a": 2}, {}], "from ('a', 'b') to ('b', 'a')"),
    ("absent", "a", [{"b"}, "cd"], [{"a"}], "x changed from 'a' to {'a'}"),
    ("present", "a", [{"a"}], [{"b"}, {}], "x changed from 'a' to {'b'}"),
    ("writable", None, [numpy.ones(2)], [READ_ONLY], "x changed from writable to read-only"),
    ("ordered", None, [FLOATS], [FLOATS.T], "x changed from in C order to in another order"),
    ("within", (-3, 5), [-3, 0.5, 5, numpy.inf, -numpy.inf], [-3.5, 6], "from a number from -3 to 5 to -3.5"),
    ("has", "name", [Named], [3], "x changed from 'name' to 3"),
    ("lacks", "name", [3], [Named], "x changed from 'name' to <class"),
    (
        "array",
        array_type(FLOATS),
        [FLOATS + 1],
        [FLOATS[:1], FLOATS.astype(int), FLOATS.tolist()],
        "float32[1,3]",
    ),
]


def changed(guards, **values):
    """What ``explain`` says, asked for the line of a local variable."""
    found = guards.first_change(values, lambda name: Loc("here.py", ord(name), "f"))
    assert found is None or found.loc.line in map(ord, values)
    return str(found)


@pytest.mark.parametrize("kind, expected, held, broken, words", GUARDS)
def test_for_what_a_guard_holds(kind, expected, held, broken, words):
    guards = Guards(lambda: None)
    guards.add(X, kind, expected)
    assert guards.input(X) == 0
    holds = guards.compile(("y", "x"))
    (guard,) = guards.guards
    condition, paths = condition_of(guard)
    assert paths == [X]
    for value in held:
        assert holds((None, value))[0] is value and changed(guards, x=value) == "None" and condition(value)
    for value in broken:
        assert holds((None, value)) is None and changed(guards, x=value) != "None" and not condition(value)
    assert words in changed(guards, x=broken[0])
    assert guards.compile(("x",), inputs=False)((held[0],)) == ()


def test_of_which_context_an_array_is():
    guards, x = Guards(lambda: None), minpy.Array(FLOATS)
    guards.add(X, "array", array_type(x))
    holds = guards.compile(("x",))
    assert holds((minpy.Array(FLOATS + 1),)) == ()
    assert holds((FLOATS,)) is None and holds((minpy.Array(FLOATS[0]),)) is None
    guards.add(X, "array", ArrayType(minpy.Array, x.aval, minpy.cpu(1)))
    assert guards.compile(("x",))((x,)) is None


def test_conditions_of_several_values():
    y, z = local_path("y"), local_path("z")
    a, b, c = (numpy.ones(3) for _ in range(3))
    same = Guards(lambda: None)
    same.tell_apart([[X, y], [z]])
    assert [guard.kind for guard in same.guards] == ["same", "distinct"]
    holds = same.compile(("x", "y", "z"))
    assert holds((a, a, b)) == ()
    assert holds((a, b, c)) is None and holds((a, a, a)) is None
    assert changed(same, x=a, y=b, z=c).endswith("from the same object as x to another object than x")
    assert changed(same, x=a, y=a, z=a).endswith("an object of its own to the same object as another one")
    alone = Guards(lambda: None)
    alone.tell_apart([[X]])
    assert not alone.guards

    apart = Guards(lambda: None)
    apart.add(X, "apart", Others((y, z)))
    assert apart.compile(("x", "y", "z"))((a, b, b)) == ()
    assert apart.compile(("x", "y", "z"))((a, b, a)) is None
    assert "attributes of its own to the attributes of another object" in changed(apart, x=a, y=b, z=a)

    disjoint, overlapping = Guards(lambda: None), Guards(lambda: None)
    disjoint.add(X, "disjoint", Disjoint((X,), (y, z)))
    overlapping.add(X, "overlapping", Disjoint((X,), (y,)))
    assert disjoint.compile(("x", "y", "z"))((a, b, c)) == () == overlapping.compile(("x", "y"))((a, a[1:]))
    assert disjoint.compile(("x", "y", "z"))((a, b, a[1:])) is None
    assert overlapping.compile(("x", "y"))((a, b)) is None
    assert "memory of its own to memory shared" in changed(disjoint, x=a, y=a, z=b)
    assert "memory shared with another array to memory of its own" in changed(overlapping, x=a, y=b)


def test_what_cannot_be_read_is_gone():
    guards = Guards(lambda: Loc("here.py", ord("x"), "f"))
    guards.add(X.attribute("name"), "value", 1)
    holds = guards.compile(("x",))
    assert holds((Named,)) == () and holds((3,)) is None
    assert changed(guards, x=3) == "x.name is gone"


def test_a_condition_is_looked_at_once():
    guards = Guards(lambda: None)
    for expected in (1, True, 1, True, 1.0, 1.0, (1, 2), tuple([1, 2]), "a", "".join("a")):
        guards.add(X, "value", expected)
    assert [guard.expected.value for guard in guards.guards] == [1, True, 1.0, (1, 2), "a"]


def test_a_lookup_passes_over_classes():
    class Base:
        name, other = 1, 2

    class Heir(Base):
        name = 3

    assert class_attribute(Heir, "name") == 3 and class_attribute(Heir, "name", after=Heir) == 1
    assert class_attribute(Heir, "other") == 2 and class_attribute(Heir, "missing") is None
    guards = Guards(lambda: None)
    path = guards.lookup(Heir, "name", after=Heir)
    assert str(path) == "Heir.name" and guards.lookup(Heir, "name", after=Heir) == path
    assert guards.lookup(Heir, "name") != path and guards.key(guards.lookup(Heir, "name")) != guards.key(path)
    guards.add(path, "value", 1)
    assert guards.compile(())(()) == ()
    Base.name = 4
    assert (
        guards.compile(())(()) is None
        and str(guards.first_change({}, None)) == "Heir.name changed from 1 to 4"
    )
