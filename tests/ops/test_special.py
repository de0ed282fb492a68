"""``scipy.special`` on MinPy's arrays: SciPy's own functions, compiled ones, and none without SciPy."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy
import pytest
import scipy.special
from scipy.special import erf, gammaln, jn, logsumexp, softmax, xlogy

import minpy
import minpy.numpy as np
from minpy.ops.op import BY_NUMPY, may_be_of_scipy
from minpy.scipy import special
from tests.ops.checks import check_gradient, projected_gradient
from tests.ops.tolerances import GRADIENT, assert_same

X = numpy.array([[0.5, 1.5, 2.5], [3.0, 0.7, 1.1]])


def test_ufuncs_of_scipy_take_arrays():
    for function in (erf, gammaln, scipy.special.psi, lambda x: jn(2, x), lambda x: xlogy(x, 3.0)):
        found = function(minpy.Array(X))
        assert isinstance(found, minpy.Array)
        assert_same(found, function(X), "value")
        check_gradient(lambda x, f=function: np.sum(f(x)), X, "order 1")
        check_gradient(projected_gradient(lambda x, f=function: np.sum(f(x)), X), X, "order 2")


def loss(x):
    return numpy.sum(erf(x) * softmax(x, axis=1)) + logsumexp(gammaln(x)) - scipy.special.expit(x).mean()


def test_plain_scipy_is_compiled():
    compiled = minpy.jit(loss)
    assert_same(compiled(X), loss(X), "value", GRADIENT[X.dtype])
    assert not minpy.explain(compiled).leftovers


def differentiable_loss(x):
    power = special.logsumexp(gammaln(x))
    return numpy.sum(erf(x) * special.softmax(x, axis=1)) + power - scipy.special.expit(x).mean()


def test_what_is_differentiable_of_scipy_is_compiled():
    compiled = minpy.jit(differentiable_loss)
    assert_same(compiled(X), loss(X), "value", GRADIENT[X.dtype])
    check_gradient(compiled, X, "gradient")
    assert not minpy.explain(compiled).leftovers


def test_the_namespace_has_all_of_scipy_special():
    assert {name for name in dir(scipy.special) if name[0] != "_"} <= set(dir(special))
    assert special.psi is special.digamma
    assert_same(special.zetac(minpy.Array(X)), scipy.special.zetac(X), "a function without a gradient")
    with pytest.raises(AttributeError):
        getattr(special, "nothing_of_this_name")  # noqa: B009
    assert pickle.loads(pickle.dumps(special.logsumexp)) is special.logsumexp


#: where a formula has a hole, or another one holds
EDGES = {
    "exprel at 0": (lambda x: special.exprel(x), 0.0),
    "boxcox at the power 0": (lambda x: special.boxcox(2.0, x), 0.0),
    "inv_boxcox at the power 0": (lambda x: special.inv_boxcox(1.0, x), 0.0),
    "spence at 1": (lambda x: special.spence(x), 1.0),
    "agm of equal numbers": (lambda x: special.agm(2.0, x), 2.0),
    "ellipk at 0": (lambda x: special.ellipk(x), 0.0),
    "ellipkinc at 0": (lambda x: special.ellipkinc(4.0, x), 0.0),
    "ellipj at the parameter 0.3": (lambda x: special.ellipj(5.0, x)[0], 0.3),
    "elliprc, the principal value": (lambda x: special.elliprc(2.0, x), -1.0),
    "ellipeinc at 0": (lambda x: special.ellipeinc(1.0, x), 0.0),
    "elliprd of equal numbers": (lambda x: special.elliprd(x, 2.0, 1.0), 1.0),
    "elliprj of equal numbers": (lambda x: special.elliprj(0.5, x, 2.0, 1.0), 1.0),
    "elliprg at 1": (lambda x: special.elliprg(x, 1.0, 1.0), 1.0),
    "legendre at 1": (lambda x: special.eval_legendre(3, x), 1.0),
    "a degree that is no integer": (lambda x: special.eval_jacobi(2.5, 0.5, 0.5, x), 0.2),
    "beip at 0": (lambda x: special.beip(x), 0.0),
    "hyp2f1 far from 0": (lambda x: special.hyp2f1(0.5, 1.0, 1.5, x), -3.0),
    "tklmbda behind the end": (lambda x: special.tklmbda(x, 1.5), 2.0),
    "jve of a negative number": (lambda x: special.jve(1.0, x), -2.0),
    "ive of a negative number": (lambda x: special.ive(1.0, x), -2.0),
    "kolmogorov at 0": (lambda x: special.kolmogorov(x), 0.05),
    "the spherical harmonic of a negative angle": (lambda x: special.sph_legendre_p(2, 1, x)[0], -0.5),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    if name.startswith("the spherical") and not hasattr(scipy.special, "sph_legendre_p"):
        return
    function, x = EDGES[name]
    check_gradient(function, numpy.array(x), name)
    check_gradient(minpy.grad(function), numpy.array(x), f"{name}, order 2")


#: the same at 0 where SciPy 1.13 has steps (``nctdtr``) or no negative arguments, with both derivatives there
SLOPES = {
    "spherical_jn, sin x / x^2 - cos x / x": (lambda x: special.spherical_jn(1, x), 1 / 3, 0.0),
    "nctdtr, the mean of the normal distribution's at t sqrt(V / 3) - 1/2": (
        lambda x: special.nctdtr(3.0, 0.5, x),
        numpy.exp(-1 / 8) * 2 / numpy.sqrt(3) / numpy.pi,
        0.5 * numpy.exp(-1 / 8) / numpy.sqrt(2 * numpy.pi),
    ),
}


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_at_0(name):
    function, *slopes = SLOPES[name]
    for order, expected in enumerate(slopes, 1):
        function = minpy.grad(function)
        assert_same(function(numpy.array(0.0)), numpy.float64(expected), f"{name}, order {order}")


INVERSES = (
    lambda p, x: special.chndtr(x, 3.0, special.chndtrinc(x, 3.0, p)),
    lambda p, x: special.ncfdtr(3.0, 4.0, special.ncfdtrinc(3.0, 4.0, p, x), x),
    lambda p, x: special.nctdtr(3.0, special.nctdtrinc(3.0, p, x), x),
)


@pytest.mark.parametrize("identity", INVERSES)
def test_gradients_of_inverses_are_those_of_the_identity(identity):
    """SciPy looks for these by bisection, too coarse for differences."""
    p, x = numpy.array([0.2, 0.4]), numpy.array([2.5, 3.5])
    by_p, by_x = minpy.grad(lambda p, x: np.sum(identity(p, x)), [0, 1])(p, x)
    assert_same(by_p, numpy.ones(2), "by the probability", GRADIENT[p.dtype])
    assert_same(by_x, numpy.zeros(2), "by the argument", GRADIENT[x.dtype])


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
import minpy, minpy.numpy as np
from minpy.nn import layers, solver
assert float(minpy.grad(np.tanh)(np.array(0.0))) == 1.0
try:
    import minpy.scipy.special
except ImportError:
    print("no SciPy")
try:
    layers.gelu(np.zeros(3))
except ImportError as error:
    print(error)
"""


def test_minpy_needs_no_scipy():
    ran = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True)
    assert ran.stdout == "no SciPy\nlayers.gelu needs SciPy: pip install scipy\n", ran.stderr


def test_only_functions_of_scipy_bring_its_ops():
    """MXNet imports SciPy, so that every program has it; what looks at functions has to tell them apart."""
    known = [function for function, op in BY_NUMPY.items() if op.__name__.startswith("special.")]
    assert len(known) > 200 and all(map(may_be_of_scipy, known))
    assert not any(map(may_be_of_scipy, (numpy.sum, numpy.linalg.inv, math.sin, loss, print)))
