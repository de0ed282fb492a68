"""Steps that take what other threads computed, one after the other."""

from __future__ import annotations

import ctypes
import threading

import numpy
import pytest

from minpy.compiler.codegen import loops
from minpy.compiler.codegen.nest import Access, Apply, Load, Nest, Reduce, Store
from minpy.ops import Aval
from minpy.runtime import native
from minpy.runtime.kernels.library import Loaded
from minpy.runtime.kernels.program import Place, Program, Step

F64 = numpy.dtype("float64")
COUNT, TURNS = 5000, 40


def reversed_and_scaled():
    """``TURNS`` times: x becomes x[::-1] / sum(x) + x[0], where one step divides and another adds up."""
    total = Nest(
        (COUNT,),
        0,
        0,
        (Load(Access(0, F64, (1,))), Reduce("add", F64, 0, (0,)), Store(Access(1, F64, (0,)), 1)),
    )
    nodes = Load(Access(0, F64, (-1,), COUNT - 1)), Load(Access(1, F64, (0,)))
    nodes += Apply("true_divide", F64, (0, 1)), Load(Access(0, F64, (0,))), Apply("add", F64, (2, 3))
    divided = Nest((COUNT,), 0, 0, (*nodes, Store(Access(2, F64, (1,)), 4)))
    size = 8 * COUNT
    ways = Place(2, 64), Place(2, 64 + -(-size // 64) * 64)
    steps, source = [], Place(0)
    for turn in range(TURNS):
        target = Place(1) if turn == TURNS - 1 else ways[turn % 2]
        steps.append(Step(loops.write(total), (source, Place(2)), loops.turns(total), loops.turns(total)))
        steps.append(Step(loops.write(divided), (source, Place(2), target), loops.turns(divided), 1))
        source = target
    aval = Aval((COUNT,), F64)
    return Loaded(Program((aval,), (aval,), 3 * 64 + 2 * size, tuple(steps)))


set_threads = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(native.SET_THREADS)


@pytest.fixture(params=[1, 2, 3], autouse=True)
def _threads(request):
    set_threads(request.param)
    yield
    set_threads(native.THREADS)


def expected(x):
    for _ in range(TURNS):
        x = x[::-1] / x.sum() + x[0]
    return x


def test_each_step_waits_for_the_one_before():
    run = reversed_and_scaled()
    x = numpy.random.RandomState(3).uniform(1, 2, COUNT)
    found = run([x])[0]
    numpy.testing.assert_allclose(found, expected(x), rtol=1e-11)
    for _ in range(50):
        assert numpy.array_equal(run([x])[0], found)


def test_calls_from_several_threads_do_not_meet():
    run = reversed_and_scaled()
    given = [numpy.random.RandomState(seed).uniform(1, 2, COUNT) for seed in range(4)]
    alone = [run([x])[0] for x in given]
    same = []

    def work(number):
        same.append(all(numpy.array_equal(run([given[number]])[0], alone[number]) for _ in range(30)))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert same == [True] * 4
