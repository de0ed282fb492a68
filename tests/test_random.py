"""``minpy.numpy.random`` draws NumPy's numbers, takes and gives MinPy's arrays, and is differentiable."""

from __future__ import annotations

import copy
import pickle

import numpy
import pytest

import minpy
import minpy.numpy as np
from minpy.errors import GradientError
from tests.ops.checks import boxed, check_gradient, projected_gradient
from tests.ops.tolerances import assert_same

LEGACY = {
    "rand": lambda r, x: r.rand(2, 3),
    "randn": lambda r, x: r.randn(4),
    "randint": lambda r, x: r.randint(0, 10, size=(2, 2)),
    "random_integers": lambda r, x: r.randint(1, 7, 5, dtype="int32"),
    "random_sample": lambda r, x: r.random_sample((3,)),
    "random": lambda r, x: r.random((2,)),
    "choice": lambda r, x: r.choice(5, 3, replace=False, p=[0.1, 0.2, 0.3, 0.2, 0.2]),
    "choice of an array": lambda r, x: r.choice(x[0], size=(2, 2)),
    "choice of one": lambda r, x: r.choice(x[0]),
    "permutation": lambda r, x: r.permutation(6),
    "permutation of an array": lambda r, x: r.permutation(x),
    "shuffle": lambda r, x: r.shuffle(x) or x,
    "shuffle a view": lambda r, x: r.shuffle(x[:, 1]) or x,
    "shuffle lists": lambda r, x: [r.shuffle(y) or y for y in (list(range(5)), list(x))],
    "normal": lambda r, x: r.normal(x, 0.5),
    "uniform": lambda r, x: r.uniform(0.0, x + 3.0),
    "beta": lambda r, x: r.beta(2.0, 3.0, 4),
    "binomial": lambda r, x: r.binomial(10, 0.3, (2, 2)),
    "poisson": lambda r, x: r.poisson(abs(x)),
    "gamma": lambda r, x: r.gamma(2.0, abs(x)),
    "exponential": lambda r, x: r.exponential(2.0, 3),
    "dirichlet": lambda r, x: r.dirichlet([1.0, 2.0, 3.0]),
    "multinomial": lambda r, x: r.multinomial(10, [0.2, 0.3, 0.5]),
    "multivariate_normal": lambda r, x: r.multivariate_normal([0.0, 1.0], [[1.0, 0.2], [0.2, 2.0]], 3),
    "standard_normal": lambda r, x: r.standard_normal(3),
    "a number": lambda r, x: [r.normal(), r.rand(), r.randint(9)],
    "bytes": lambda r, x: list(r.bytes(8)),
}
MODERN = {
    "random": lambda r, x: r.random((2, 3)),
    "random in a dtype": lambda r, x: r.random(3, dtype="float32"),
    "random out": lambda r, x: r.random(out=x[0]) is None or x,
    "standard_normal": lambda r, x: r.standard_normal(4),
    "integers": lambda r, x: r.integers(0, 10, (2, 2), endpoint=True),
    "normal": lambda r, x: r.normal(x, 0.5),
    "uniform": lambda r, x: r.uniform(x, 4.0),
    "choice": lambda r, x: r.choice(x, 4, axis=1),
    "permutation": lambda r, x: r.permutation(x, axis=1),
    "permuted": lambda r, x: r.permuted(x, axis=1),
    "permuted out": lambda r, x: r.permuted(x, axis=1, out=x) is None or x,
    "shuffle": lambda r, x: r.shuffle(x, axis=1) or x,
    "shuffle lists": lambda r, x: [r.shuffle(y) or y for y in (list(range(5)), list(x))],
    "multivariate_normal": lambda r, x: r.multivariate_normal([0.0, 1.0], [[1.0, 0.2], [0.2, 2.0]], 3),
    "dirichlet": lambda r, x: r.dirichlet([1.0, 2.0]),
    "a number": lambda r, x: [r.normal(), r.random(), r.integers(9)],
}
DATA = numpy.linspace(-1, 1, 12).reshape(3, 4)


def compare(draw, ours, theirs):
    """The same numbers; floats that are new in the default dtype, elements of arrays in theirs."""
    array, expected_array = np.array(DATA), DATA.copy()
    found, expected = draw(ours, array), draw(theirs, expected_array)
    assert_same(array, expected_array, "the array afterwards")
    if isinstance(expected, numpy.ndarray):
        assert isinstance(found, minpy.Array)
    assert_same(found, expected, "the numbers")


@pytest.fixture
def float64():
    minpy.set_default_dtype("float64")


@pytest.mark.parametrize("name", LEGACY)
def test_legacy_functions(name, float64):
    np.random.seed(3)
    compare(LEGACY[name], np.random, numpy.random.RandomState(3))
    compare(LEGACY[name], np.random.RandomState(5), numpy.random.RandomState(5))


@pytest.mark.parametrize("name", MODERN)
def test_generators(name, float64):
    compare(MODERN[name], np.random.default_rng(7), numpy.random.default_rng(7))


def test_dtypes_of_new_numbers_and_of_elements():
    generator, state = np.random.default_rng(1), np.random.RandomState(1)
    for made in (np.random.rand(3), np.random.normal(np.array(DATA)), generator.random(2), state.randn(2)):
        assert made.dtype == "float32"
    assert generator.random(2, dtype="float64").dtype == "float64"
    assert generator.standard_normal(2, numpy.float64).dtype == "float64"
    for source in (DATA, boxed(DATA)):
        assert np.random.permutation(source).dtype == generator.permuted(source).dtype == "float64"
        assert np.random.choice(source[0], 3).dtype == "float64"
    assert generator.integers(5, size=3).dtype == "int64"


def test_states():
    np.random.seed(11)
    first = np.random.randn(3)
    state = np.random.get_state()
    second = np.random.randn(3)
    np.random.set_state(state)
    assert_same(np.random.randn(3), second.asnumpy(), "after set_state")
    np.random.seed(11)
    assert_same(np.random.randn(3), first.asnumpy(), "after seed")
    generator = np.random.default_rng(4)
    assert np.random.default_rng(generator) is generator
    assert isinstance(generator, numpy.random.Generator) and "PCG64" in repr(generator)
    plain = numpy.random.default_rng(4)
    assert_same(np.random.default_rng(plain).random(3), generator.random(3).asnumpy(), "on its bits")
    state = np.random.RandomState(np.array(4))
    state.randn()  # half of a pair is kept
    for kept in (generator, state, np.random.Generator(numpy.random.MT19937(2))):
        for same in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
            assert type(same) is type(kept)
            assert_same(same.normal(size=5), copy.deepcopy(kept).normal(size=5).asnumpy(), "a copy")
    if hasattr(plain, "spawn"):
        children = np.random.default_rng(9).spawn(2)
        assert_same(
            children[1].integers(99, size=3), numpy.random.default_rng(9).spawn(2)[1].integers(99, size=3), ""
        )


def test_the_same_numbers_in_every_mode():
    def program(x):
        noise = np.random.normal(0.0, 1.0, x.shape)
        y = np.tanh(x * 2 + noise)
        order = np.random.permutation(x.shape[0])
        return np.sum(y[order] * np.random.rand(4))

    def by_generator(x):
        noise = generator.normal(0.0, 1.0, x.shape)
        return np.sum(np.tanh(x + noise))

    x = np.array(DATA)
    for function in (program, by_generator):
        compiled, values = minpy.jit(function), []
        for run in (
            function,
            compiled,
            compiled,
            minpy.grad_and_loss(function),
            minpy.grad_and_loss(compiled),
        ):
            np.random.seed(8)
            generator = np.random.default_rng(8)
            found = run(x)
            values.append(float(found[1] if isinstance(found, tuple) else found))
        numpy.testing.assert_allclose(values, values[0], rtol=1e-6)


SMOOTH = {
    "normal": lambda p: np.random.normal(p[0], p[1], (3, 2)),
    "normal by name": lambda p: np.random.normal(scale=p, size=(4, 2)),
    "uniform": lambda p: np.random.uniform(-p[0], p[1], 5),
    "laplace": lambda p: np.random.laplace(p, 2.0),
    "logistic": lambda p: np.random.logistic(p, p * 2),
    "gumbel": lambda p: np.random.gumbel(p, scale=p),
    "exponential": lambda p: np.random.exponential(p, (3, 2)),
    "rayleigh": lambda p: np.random.rayleigh(p),
    "lognormal": lambda p: np.random.lognormal(p * 0.3, p),
    "power": lambda p: np.random.power(p, (3, 2)),
    "weibull": lambda p: np.random.weibull(a=p),
    "pareto": lambda p: np.random.default_rng(2).pareto(p + 1.0),
    "triangular": lambda p: np.random.triangular(-p[0], p[0], p[1] + 1.0, (4, 3)),
    "triangular modern": lambda p: np.random.default_rng(2).triangular(
        left=p[0], mode=p[1], right=3.0, size=9
    ),
    "gamma": lambda p: np.random.gamma(2.5, p, (3, 2)),
    "gamma modern": lambda p: np.random.default_rng(2).gamma(0.5, scale=p),
    "vonmises": lambda p: np.random.vonmises(p, 4.0, (3, 2)),
    "multivariate_normal": lambda p: np.random.multivariate_normal(p, [[1.0, 0.2], [0.2, 2.0]], 3),
    "permutation": lambda p: np.random.permutation(p),
    "choice": lambda p: np.random.choice(p, 4),
    "a generator": lambda p: np.random.default_rng(2).normal(p[0], p[1], 3),
    "permuted": lambda p: np.random.default_rng(2).permuted(p),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name, float64):
    def loss(p):
        np.random.seed(6)
        return np.sum(SMOOTH[name](p) ** 2 * (1 + np.sum(p)))

    check_gradient(loss, numpy.array([0.7, 1.4]), name)
    check_gradient(
        projected_gradient(loss, numpy.array([0.7, 1.4])), numpy.array([0.7, 1.4]), f"{name}, order 2"
    )


def test_gradients_that_there_are_not():
    for name in ("gamma", "standard_gamma", "chisquare", "standard_t"):
        with pytest.raises(GradientError, match=rf"random\.{name}"):
            minpy.grad(lambda p, name=name: np.sum(getattr(np.random, name)(p, size=3)))(2.0)
    numpy.random.seed(1)
    counts = numpy.random.poisson(5.0, 3).sum()
    numpy.random.seed(1)
    assert minpy.grad(lambda p: np.sum(np.random.poisson(p, 3) * p))(5.0) == counts


@pytest.mark.parametrize("generator", [np.random, np.random.default_rng(3)], ids=["legacy", "modern"])
def test_shuffle_in_a_gradient(generator):
    weights = numpy.arange(12.0).reshape(3, 4)

    def loss(x):
        start = copy.deepcopy(generator) if generator is not np.random else np.random.seed(2) or np.random
        y = x * x
        start.shuffle(y)
        start.shuffle(y[1])
        return np.sum(y * weights)

    check_gradient(loss, DATA, "shuffled")
