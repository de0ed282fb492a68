"""What HIPS autograd (1.9) differentiates, MinPy does: every function of its tables of gradients.

The names were read from these tables, those of ``scipy.linalg`` and ``scipy.stats`` and its own helpers
apart. That the gradients are right is tested by the calls of each function.
"""

from __future__ import annotations

import importlib

import pytest

from minpy.ops import of_numpy

NAMES = {
    "numpy": """
        abs absolute add amax amin angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh
        array_split atleast_1d atleast_2d atleast_3d broadcast_to clip concatenate conj
        conjugate cos cosh cross cumsum deg2rad degrees diag diagonal diff divide dot dsplit
        einsum exp exp2 expand_dims expm1 fabs fliplr flipud fmax fmin gradient hsplit hypot
        imag inner kron linspace log log10 log1p log2 logaddexp logaddexp2 matmul max maximum
        mean min minimum mod moveaxis msort multiply nan_to_num negative outer pad partition
        power prod rad2deg radians ravel real real_if_close reciprocal remainder repeat
        reshape roll rollaxis rot90 sin sinc sinh sort split sqrt square squeeze std subtract
        sum swapaxes tan tanh tensordot tile trace transpose tril triu true_divide var vsplit
        where
    """,
    "numpy.linalg": "cholesky det eig eigh inv norm pinv slogdet solve svd",
    "numpy.fft": "fft fft2 fftn fftshift ifft ifft2 ifftn ifftshift irfft irfft2 irfftn rfft rfft2 rfftn",
    "scipy.special": """
        beta betainc betaln digamma erf erfc erfcinv erfinv expit gamma gammainc gammaincc
        gammaln i0 i1 iv ive j0 j1 jn jv logit logsumexp multigammaln polygamma psi rgamma y0
        y1 yn
    """,
}


@pytest.mark.parametrize("module", NAMES)
def test_it_has_a_gradient(module):
    source = importlib.import_module(module)
    functions = {name: getattr(source, name, None) for name in NAMES[module].split()}
    found = {name: of_numpy(function) for name, function in functions.items() if function is not None}
    assert len(found) > 9
    assert [name for name, known in found.items() if known is None or not known.is_differentiable] == []
