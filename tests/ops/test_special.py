"""``scipy.special`` on MinPy's arrays: SciPy's own functions, compiled ones, and none without SciPy."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy
import pytest
import scipy.special
from scipy.special import erf, gammaln, jn, logsumexp, softmax, xlogy

import minpy
import minpy.numpy as np
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
    check_gradient(compiled, X, "gradient")


def test_the_namespace_has_all_of_scipy_special():
    assert {name for name in dir(scipy.special) if name[0] != "_"} <= set(dir(special))
    assert special.psi is special.digamma
    assert_same(special.airy(minpy.Array(X))[0], scipy.special.airy(X)[0], "a function without a gradient")
    with pytest.raises(AttributeError):
        getattr(special, "nothing_of_this_name")  # noqa: B009
    assert pickle.loads(pickle.dumps(special.logsumexp)) is special.logsumexp


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
import minpy, minpy.numpy as np
assert float(minpy.grad(np.tanh)(np.array(0.0))) == 1.0
try:
    import minpy.scipy.special
except ImportError:
    print("no SciPy")
"""


def test_minpy_needs_no_scipy():
    ran = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True)
    assert ran.stdout == "no SciPy\n", ran.stderr
